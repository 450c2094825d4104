"""Corrections of one person and of several, applied to results."""

from dataclasses import replace

import pytest

from pipelines import (
    Correction,
    Field,
    FieldReading,
    Form,
    PageReading,
    PageResult,
    Reason,
    ReasonKind,
    Sum,
    apply_corrections,
)
from pipelines.outcomes import settle
from pipelines.review.corrections import document_key

FORM = Form(
    fields=[
        Field(name="one", digits=3),
        Field(name="two", digits=3, maximum=500),
        Field(name="total", digits=3),
    ],
    sums=[Sum(total="total", parts=("one", "two"))],
)


def a_page(document="a.png", **fields):
    read = {
        "one": settle("042", 0.5, 0.9),
        "two": settle("100", 0.99, 0.9),
        "total": settle("142", 0.99, 0.9),
        **fields,
    }
    return PageResult(document, 1, PageReading(read))


def say(value, who="anna", *, field="one", read="042", **more):
    verdict = "confirmed" if value == read else "corrected"
    if value is None:
        value, verdict = "", "unreadable"
    day = more.pop("day", 1)
    when = f"2026-11-{day:02d}T04:05:06Z"
    said = Correction(
        "run", "a.png", 1, field, read, value, verdict, who=who, when=when
    )
    return replace(said, **{"file": f"{who or 'nobody'}.csv", "line": 2, **more})


def apply(*corrections, pages=None):
    results, review = apply_corrections(
        [a_page()] if pages is None else pages, corrections, FORM, batch="run"
    )
    return results[0].reading, review


def test_a_field_has_the_value_of_the_person_and_the_rest_is_as_it_was():
    before = a_page()
    reading, review = apply(say("047"))
    one = reading.fields["one"]
    assert (one.value, one.status, one.confidence) == ("047", "accepted", 1.0)
    assert (one.reason, one.decided_by) == (None, "review")
    assert reading.fields["two"] == before.reading.fields["two"]
    assert (before.reading.status, reading.status) == ("review", "ok")
    [change] = review.changes
    assert (change.verdict, change.before.value) == ("corrected", "042")


def test_what_is_confirmed_is_accepted_as_it_was_read():
    reading, review = apply(say("042"))
    assert (reading.fields["one"].value, reading.status) == ("042", "ok")
    assert review.changes[0].verdict == "confirmed"


def test_a_field_in_which_nothing_is_written_is_blank():
    reading, _ = apply(say(""))
    assert (reading.fields["one"].value, reading.fields["one"].status) == ("", "blank")


def test_what_nobody_can_read_stays_as_it_was():
    reading, review = apply(say(None))
    assert reading == a_page().reading
    assert review.changes[0].row()[6:9] == ["042", "rejected", "unreadable"]


def test_what_was_accepted_and_nobody_can_read_is_rejected():
    reading, _ = apply(say(None, field="two", read="100"))
    two = reading.fields["two"]
    assert (two.value, two.status) == ("100", "rejected")
    assert str(two.reason) == "a person cannot read it"


def test_a_field_that_was_not_found_may_be_corrected():
    reason = Reason(ReasonKind.NOT_FOUND, "no comb")
    lost = FieldReading("", "unlocated", 0.0, reason=reason, veto=reason)
    reading, _ = apply(say("7", read=""), pages=[a_page(one=lost)])
    assert (reading.fields["one"].status, reading.fields["one"].veto) == (
        "accepted",
        None,
    )


def test_people_who_agree_are_both_named():
    reading, review = apply(say("047"), say("047", "ben"))
    assert reading.fields["one"].value == "047"
    assert review.changes[0].row()[9] == "anna; ben"
    assert review.differing == []


@pytest.mark.parametrize("other", ["042", "", None])
def test_of_people_who_differ_none_is_believed(other):
    reading, review = apply(say("047"), say(other, "ben"))
    one = reading.fields["one"]
    assert (one.value, one.status) == ("042", "rejected")
    shown = {"": "blank", None: "unreadable"}.get(other, other)
    assert str(one.reason) == f"two people differ: 047, {shown}"
    assert one.reason.kind is ReasonKind.DIFFERING
    assert [row.who for row in review.differing] == ["anna", "ben"]


def test_what_was_accepted_is_not_when_people_differ():
    said = [say(text, who, field="two", read="100") for text, who in [("100", "anna")]]
    said.append(say("160", "ben", field="two", read="100"))
    reading, _ = apply(*said)
    two = reading.fields["two"]
    assert (two.value, two.status) == ("100", "rejected")
    assert reading.status == "review"


def test_whoever_settles_a_difference_decides():
    said = [say("042"), say("047", "ben"), say("049", "eva", settles=True)]
    reading, review = apply(*said)
    assert reading.fields["one"].value == "049"
    assert review.changes[0].row()[9] == "eva"
    reading, review = apply(*said, say("048", "max", settles=True))
    assert reading.fields["one"].status == "rejected"
    assert [row.who for row in review.differing] == ["eva", "max"]


def test_what_cannot_be_settled_is_not_accepted():
    said = [say(text, who, field="two", read="100") for text, who in [("100", "anna")]]
    said.append(say("160", "ben", field="two", read="100"))
    said.append(say(None, "eva", field="two", read="100", settles=True))
    reading, review = apply(*said)
    assert (reading.fields["two"].status, review.differing) == ("rejected", [])
    assert review.changes[0].verdict == "unreadable"


def test_of_two_rows_of_a_person_the_later_counts():
    for said in ([say("1", day=2), say("2")], [say("2"), say("1", day=2)]):
        reading, review = apply(*said)
        assert reading.fields["one"].value == "1"
        assert len(review.changes[0].rows) == 1


def test_files_without_a_name_count_as_a_person_each():
    said = [say("1", "", file="x/a.csv"), say("2", "", file="x/b.csv")]
    reading, review = apply(*said)
    assert reading.fields["one"].status == "rejected"
    assert review.changes[0].row()[9] == "x/a.csv; x/b.csv"
    [row] = apply(say("042", "", file="caf\udce9.csv"))[1].changes
    assert row.row()[9] == r"caf\udce9.csv"
    # All browsers save them by the same name.
    reading, _ = apply(say("1", "", file="x/a.csv"), say("2", "", file="y/a.csv"))
    assert reading.fields["one"].status == "rejected"
    reading, _ = apply(*[replace(one, file="x/a.csv") for one in said])
    assert reading.fields["one"].value == "2"


def test_a_value_that_breaks_a_rule_is_taken_and_noted():
    _, review = apply(say("600", field="two", read="100"), say("042"))
    notes = {change.field: change.note for change in review.changes}
    sums = "total is 142, and its parts add up to 642"
    assert notes == {"one": sums, "two": f"600 is more than 500; {sums}"}
    assert "break a rule of the form, as they are written: 2" in str(review)


def test_a_sum_with_a_value_that_nobody_stands_for_is_not_noted():
    said = say("101", field="two", read="100")
    _, review = apply(said)
    assert review.changes[0].note == ""


def test_the_report_counts_what_is_left_and_what_the_sample_shows():
    pages = [a_page(), a_page("b.png")]
    said = [say("100", field="two", read="100", sampled=True)]
    said.append(say("143", field="total", read="142", sampled=True))
    _, review = apply(*said, pages=pages)
    sample = "2, of which 1 wrong (95 % interval 1.3 to 98.7 %)"
    assert str(review).splitlines() == [
        "reviewed: 2 fields: 1 confirmed, 1 corrected",
        "left to review: 2",
        f"accepted and drawn at random: {sample}",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": "other"}, "anna.csv, line 2: is of the run 'other', .* of 'run'"),
        ({"document": "b.png"}, "line 2: the run has no page 1 of 'b.png'"),
        ({"page": 2}, "the run has no page 2 of 'a.png'"),
        ({"field": "three"}, "the run has no field 'three' on page 1 of 'a.png'"),
        ({"read": "42"}, "'42' was read in field 'one' .* in the run it is '042'"),
    ],
)
def test_what_is_of_other_results_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        apply(replace(say("047"), **change))


def test_a_field_of_a_page_that_failed_is_refused():
    failed = PageResult("a.png", 1, PageReading(error="a.png: is empty"))
    with pytest.raises(ValueError, match=r"which failed: a\.png: is empty"):
        apply(say("047"), pages=[failed])


def test_two_scans_of_one_name_cannot_be_told_apart():
    names = ["caf\udce9.png", "caf\\xe9.png"]
    assert {document_key(name) for name in names} == {names[1]}
    with pytest.raises(ValueError, match="two scans are called"):
        apply(say("047", document=names[1]), pages=[a_page(name) for name in names])


@pytest.mark.parametrize("name", ["=1+2.png", "caf\udce9.png", "\u202eb,'\".png"])
def test_names_of_all_kinds_are_found(name):
    said = say("047", document=document_key(name))
    reading, review = apply(said, pages=[a_page(name)])
    assert reading.status == "ok"
    assert review.changes[0].row()[0] == document_key(name)


def test_empty_boxes_are_said_only_where_they_are_ordinary():
    puzzle = Form(fields=[Field(name="one", digits=3, gaps=True)])
    said = say("0_2")
    assert apply_to(said, puzzle).fields["one"].value == "0_2"
    with pytest.raises(ValueError, match="Values are digits only"):
        apply(said)


@pytest.mark.parametrize("value", ["4-7", "47.0"])
def test_signs_are_said_only_where_a_field_may_have_some(value):
    signed = Field(name="one", kind="line", characters="0123456789.-")
    assert apply_to(say(value), Form(fields=[signed])).fields["one"].value == value
    with pytest.raises(ValueError, match=f"value is '{value}'. Values are digits only"):
        apply(say(value))
    of_digits = Form(fields=[Field(name="one", digits=3)])
    with pytest.raises(ValueError, match=f"value is '{value}'. Values are digits only"):
        apply_to(say(value), of_digits)


def apply_to(one, form):
    [result], _ = apply_corrections([a_page()], [one], form)
    return result.reading
