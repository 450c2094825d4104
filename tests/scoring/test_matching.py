"""Pages of a batch and rows of a list: which belong together, and what is left."""

import pickle

import numpy as np
import pytest

from lenet_sklearn.outputs import OutputError
from lenet_sklearn.strings import Hypothesis
from lenet_sklearn.strings.boxes import BoxPosteriors, read_boxes
from pipelines import (
    FieldReading,
    Match,
    PageReading,
    PageResult,
    Reason,
    ReasonKind,
    Roster,
    match_pages,
    write_matches,
)

ROSTER = Roster(["928603850", "258743194", "744722028", "672414014"])


def page(name, text, *doubts, reason=None):
    """Read a number in boxes, surely but for (place, digit, probability)."""
    likely = np.zeros((len(text), 11))
    likely[np.arange(len(text)), list(map(int, text))] = 1.0
    for place, digit, probability in doubts:
        likely[place] *= 1 - probability
        likely[place, int(digit)] += probability
    boxes = BoxPosteriors(likely, tuple("0123456789"))
    guesses = tuple(read_boxes(boxes, n_best=5))
    best = guesses[0]
    field = FieldReading(
        best.text,
        "rejected",
        best.probability,
        reason=reason,
        candidates=guesses,
        boxes=boxes,
    )
    return PageResult(name, 1, PageReading({"id": field}))


def match(*pages, **options):
    return match_pages(pages, ROSTER, "id", **options)


def test_pages_get_their_rows_and_the_other_rows_are_absent():
    matching = match(page("a.png", "258743194"), page("b.png", "928603850"))
    first, second = matching.matches
    assert (first.status, first.number) == ("matched", "258743194")
    assert (second.document, second.page, second.number) == ("b.png", 1, "928603850")
    assert min(first.confidence, second.confidence) > 0.999
    assert (first.reason, first.suggestions) == ("", ())
    assert matching.absent == ("744722028", "672414014")
    assert matching.conflicts == {}


def test_a_doubtful_digit_is_settled_by_the_list():
    [found] = match(page("a.png", "258743184", (7, "9", 0.1))).matches
    assert (found.status, found.number) == ("matched", "258743194")


def test_two_digits_that_surely_differ_are_not_on_the_list():
    [found] = match(page("a.png", "258743388")).matches
    assert (found.status, found.number) == ("unlisted", "")
    assert found.confidence > 0.9
    assert found.suggestions[0].text == "258743194"  # the nearest
    assert len(found.suggestions) == 3


def test_one_digit_that_surely_differs_is_to_be_looked_at():
    [found] = match(page("a.png", "258743184")).matches
    assert (found.status, found.number) == ("rejected", "")
    assert found.reason == "confidence below 0.9"
    assert found.suggestions[0].text == "258743194"
    assert found.confidence == pytest.approx(
        max(found.suggestions[0].probability, 1 - found.suggestions[0].probability)
    )
    [found] = match(page("a.png", "258743184"), threshold=0.5).matches
    assert found.status in ("matched", "unlisted")


def test_two_pages_with_one_number_are_both_to_be_looked_at():
    matching = match(
        page("a.png", "258743194"),
        page("b.png", "258743191", (8, "4", 0.4)),
        page("c.png", "928603850"),
    )
    first, second, third = matching.matches
    assert [first.status, second.status] == ["conflict", "conflict"]
    assert (first.number, first.reason) == ("", "also claimed by b.png page 1")
    assert third.status == "matched"
    assert matching.conflicts == {"258743194": (first, second)}
    assert "258743194" not in matching.absent
    assert first.suggestions[0].text == second.suggestions[0].text == "258743194"
    assert first.confidence + second.confidence == pytest.approx(1, abs=1e-3)


def test_of_two_pages_with_one_number_a_hopeless_one_claims_nothing():
    first, second = match(
        page("a.png", "258743194"), page("b.png", "258743184")
    ).matches
    assert (first.status, first.number) == ("matched", "258743194")
    assert second.status in ("rejected", "unlisted")


def test_a_page_leaves_its_row_to_one_that_has_no_other():
    roster = Roster(["1110", "1117", "2222", "3333"])
    pages = [
        page("a.png", "1110", (3, "7", 0.4)),
        page("b.png", "1110"),
        page("c.png", "2222"),
    ]
    alone = match_pages(pages[:1], roster, "id").matches[0]
    assert (alone.status, alone.suggestions[0].text) == ("rejected", "1110")
    beside = match_pages(pages, roster, "id").matches
    assert [found.number for found in beside] == ["1117", "1110", "2222"]


def test_a_row_that_another_page_has_makes_no_page_unlisted():
    roster = Roster(["1110", "2222", "3333"])
    pages = [page("a.png", "1110"), page("b.png", "1114", (3, "0", 0.01))]
    first, second = match_pages(pages, roster, "id", threshold=0.98).matches
    assert (first.status, first.number) == ("matched", "1110")
    assert second.status == "rejected"
    assert second.reason == "1110 fits best, but is given to a.png page 1"


def test_what_may_be_another_field_is_not_matched_unseen():
    reason = Reason(ReasonKind.SEVERAL, "the page has 2 combs of 9 boxes")
    [found] = match(page("a.png", "258743194", reason=reason)).matches
    assert (found.status, found.reason) == ("rejected", reason.text)
    assert found.suggestions[0].text == "258743194"
    assert found.confidence > 0.9


def test_a_listed_number_settles_which_way_up_a_page_lies():
    reason = Reason(ReasonKind.ORIENTATION, "the page may lie on its head")
    first, second = match(
        page("a.png", "258743194", reason=reason),
        page("b.png", "906116808", reason=reason),
    ).matches
    assert (first.status, first.number) == ("matched", "258743194")
    assert (second.status, second.reason) == ("rejected", reason.text)


def test_a_value_that_breaks_a_rule_may_still_be_matched():
    reason = Reason(ReasonKind.RULE, "its check digit is wrong")
    [found] = match(page("a.png", "258743184", (7, "9", 0.3), reason=reason)).matches
    assert (found.status, found.number) == ("matched", "258743194")


def test_a_page_without_a_number_says_why():
    missing = FieldReading(
        "", "unlocated", 0.0, reason=Reason(ReasonKind.NOT_FOUND, "no comb of 9 boxes")
    )
    matching = match(
        PageResult("a.png", 1, PageReading({"id": missing})),
        PageResult("b.png", 2, PageReading(error="b.png: page 2: is damaged")),
        PageResult("c.png", 1, PageReading({"id": FieldReading("", "blank", 0.99)})),
    )
    assert [(m.status, m.page, m.reason) for m in matching.matches] == [
        ("unread", 1, "no comb of 9 boxes"),
        ("unread", 2, "b.png: page 2: is damaged"),
        ("unread", 1, "nothing is written"),
    ]
    assert matching.absent == ROSTER.numbers


def test_no_pages_leave_all_rows_absent():
    assert match().absent == ROSTER.numbers
    assert str(match()) == "0 pages\n4 of 4 on the list without a page"


def test_numbers_written_freely_are_matched_by_their_strings():
    guesses = (Hypothesis("1993", 0.55), Hypothesis("1998", 0.4))
    field = FieldReading("1993", "rejected", 0.55, candidates=guesses)
    pages = [PageResult("a.png", 1, PageReading({"id": field}))]
    [found] = match_pages(pages, Roster(["0451", "1998"]), "id").matches
    assert (found.status, found.number) == ("matched", "1998")


def test_a_threshold_of_0_settles_every_page_and_one_of_1_none():
    pages = [page("a.png", "258743184"), page("b.png", "928603850")]
    found = [found.status for found in match(*pages, threshold=0).matches]
    assert set(found) <= {"matched", "unlisted"}
    assert [m.status for m in match(*pages, threshold=1).matches] == ["rejected"] * 2


def test_a_field_that_was_not_read_is_misuse():
    with pytest.raises(ValueError, match=r"a\.png: page 1 was read without .*'total'"):
        match_pages([page("a.png", "258743194")], ROSTER, "total")
    with pytest.raises(ValueError, match="threshold"):
        match(threshold=2)


def test_the_summary_names_the_first_conflicts():
    numbers = [f"{n}" * 9 for n in range(1, 8)]
    pages = [page(f"{n}{copy}", n) for n in numbers for copy in "ab"]
    lines = str(match_pages(pages, Roster(numbers), "id")).splitlines()
    assert lines[0] == "14 pages: 14 conflict"
    assert lines[1] == "0 of 7 on the list without a page"
    assert lines[2] == "conflict: 111111111: 111111111a page 1, 111111111b page 1"
    assert lines[-1] == "and 2 more conflicts"


def test_the_table_has_the_pages_and_then_the_rows_without_one(tmp_path):
    table = tmp_path / "matches.csv"
    matching = match(page("=a.png", "258743194"), page("b.png", "928603857"))
    write_matches(table, matching)
    header, first, second, *absent = table.read_text().splitlines()
    assert header == "document,page,status,error,number,confidence,suggestions"
    assert first.startswith("./=a.png,1,matched,,258743194,0.99")
    assert second.startswith("b.png,1,rejected,confidence below 0.9,,0.")
    assert "928603850 (0." in second
    assert absent == [
        ",,absent,perhaps b.png page 1,928603850,,",
        ",,absent,,744722028,,",
        ",,absent,,672414014,,",
    ]
    with pytest.raises(OutputError, match="exists"):
        write_matches(table, matching)
    write_matches(table, matching, overwrite=True)


def test_what_boxes_hold_goes_through_processes_and_is_small():
    result = page("a.png", "258743194", (3, "1", 0.2))
    sent = pickle.dumps(result)
    assert pickle.loads(sent) == result
    assert len(sent) < 3000


def test_a_match_names_its_page():
    assert Match("a.pdf", 3, "unread", "", 0.0).name == "a.pdf page 3"
