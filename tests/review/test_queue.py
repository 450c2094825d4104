"""Which fields are reviewed, in which order."""

from dataclasses import replace

import numpy as np
import pytest

from lenet_sklearn.strings.boxes import BoxPosteriors
from pipelines import Field, FieldReading, Form, PageReading, PageResult, Sum
from pipelines.outcomes import Reason, ReasonKind, settle
from pipelines.review.queue import make_queue, make_queue_of
from pipelines.review.remarks import Remark

DIGITS = tuple("0123456789")
QUAD = np.array([[0, 0], [90, 0], [90, 30], [0, 30]], np.float64)


def a_page(document="a.png", **fields):
    return PageResult(document, 1, PageReading(fields))


def names(queue):
    return [item.name for item in queue.items]


def in_boxes(*rows):
    """Make posteriors of boxes, each of its probable contents: a space for nothing."""
    likely = np.zeros((len(rows), 11))
    for box, row in enumerate(rows):
        for mark, probability in row.items():
            likely[box, 10 if mark == " " else int(mark)] = probability
    return BoxPosteriors(likely, DIGITS)


def test_what_is_neither_accepted_nor_blank_is_reviewed():
    lost = FieldReading("", "unlocated", 0.0)
    broken = replace(settle("9", 0.99, 0.9), status="invalid")
    page = a_page(
        a=settle("1", 0.99, 0.9),
        b=settle("2", 0.5, 0.9),
        c=settle("", 0.99, 0.9),
        d=settle("", 0.95, 0.9),
        e=lost,
        f=broken,
    )
    queue = make_queue([page], None, n_sampled=0, seed="")
    assert names(queue) == ["e", "b", "d", "f"]
    assert queue.n_accepted == 1


def test_what_a_rule_decided_is_reviewed():
    decided = replace(settle("1", 0.99, 0.9), decided_by="sums")
    queue = make_queue([a_page(a=decided)], None, n_sampled=9, seed="")
    [item] = queue.items
    assert not item.is_sampled
    assert not item.is_whole


def test_accepted_fields_are_chosen_by_chance():
    pages = [a_page(f"{n}.png", a=settle("1", 0.99, 0.9)) for n in range(500)]
    chosen = [make_queue(pages, None, n_sampled=100, seed=seed) for seed in "aab"]
    found = [{q.pages[i.page].document for i in q.items} for q in chosen]
    assert [len(each) for each in found] == [100] * 3
    assert found[0] == found[1] != found[2]
    # As many of the first half as of the second, with a chance of 1 to 10^7.
    first = sum(int(name.removesuffix(".png")) < 250 for name in found[0] | found[2])
    assert 0.2 < first / len(found[0] | found[2]) < 0.8


def test_chosen_fields_stand_anywhere():
    rejected = [a_page(f"r{n}.png", a=settle("1", n / 100, 0.9)) for n in range(50)]
    accepted = [a_page(f"a{n}.png", a=settle("1", 0.99, 0.9)) for n in range(50)]
    queue = make_queue(rejected + accepted, None, n_sampled=50, seed="")
    half = queue.items[:50]
    assert 10 < sum(item.is_sampled for item in half) < 40


def test_fields_of_a_sum_stand_together():
    fields = [Field(name=n, digits=2) for n in ("a", "b", "x", "total")]
    form = Form(fields=fields, sums=[Sum(total="total", parts=["a", "b"])])
    sure, unsure = settle("1", 0.6, 0.9), settle("1", 0.2, 0.9)
    pages = [
        a_page("1.png", a=sure, b=unsure, x=settle("1", 0.4, 0.9), total=sure),
        a_page("2.png", a=sure, b=sure, x=settle("1", 0.3, 0.9), total=sure),
    ]
    queue = make_queue(pages, form, n_sampled=0, seed="")
    assert names(queue) == ["b", "a", "total", "x", "x", "a", "b", "total"]


def test_pages_that_failed_are_kept_and_empty_ones_passed_over():
    failed = PageResult("f.png", 1, PageReading(error="is damaged"))
    reason = Reason(ReasonKind.EMPTY_PAGE, "nothing is on the page")
    empty = a_page("e.png", a=FieldReading("", "unlocated", 0.0, reason=reason))
    queue = make_queue([failed, empty], None, n_sampled=5, seed="")
    assert (queue.items, queue.failed) == ([], [failed])


def test_digits_stand_in_the_boxes_where_they_were_read():
    boxes = in_boxes({" ": 0.9}, {"4": 0.8, "9": 0.2}, {"2": 0.7}, {" ": 0.6})
    reading = replace(settle("42", 0.5, 0.9), boxes=boxes, quad=QUAD)
    [item] = make_queue([a_page(a=reading)], None, n_sampled=0, seed="").items
    assert [glyph.text for glyph in item.glyphs] == ["", "4", "2", ""]
    assert [glyph.probability for glyph in item.glyphs] == [0.9, 0.8, 0.7, 0.6]
    assert item.is_whole


@pytest.mark.parametrize(
    "change",
    [
        {"value": "4_2", "reason": Reason(ReasonKind.EMPTY_BOX, "no digit")},
        {"value": ""},
        {"veto": Reason(ReasonKind.SEVERAL, "two combs")},
        {"decided_by": "check_digit"},
        {"status": "invalid", "reason": Reason(ReasonKind.RULE, "is too large")},
    ],
)
def test_what_digits_alone_do_not_tell_is_seen_as_a_whole(change):
    boxes = in_boxes({"4": 0.8}, {" ": 0.7}, {"2": 0.6})
    reading = replace(settle("42", 0.5, 0.9), boxes=boxes, quad=QUAD)
    page = a_page(a=replace(reading, **change))
    [item] = make_queue([page], None, n_sampled=0, seed="").items
    assert not item.is_whole


def test_what_a_list_says_otherwise_is_reviewed():
    page = a_page(a=settle("12", 0.99, 0.9), b=settle("7", 0.99, 0.9))
    remarks = {("a.png", 1, "a"): Remark("the list has 17", ("17",), "17")}
    same = {("a.png", 1, "a"): Remark("the list has 12", ("12",), "12")}
    queue = make_queue([page], None, n_sampled=0, seed="", remarks=remarks)
    assert names(queue) == ["a"]
    assert make_queue([page], None, n_sampled=0, seed="", remarks=same).items == []


def test_only_what_people_differ_over():
    page = a_page(a=settle("12", 0.99, 0.9), b=settle("7", 0.5, 0.9))
    remark = Remark("anna: 12; ben: 72", ("12", "72"))
    queue = make_queue_of([page], None, {("a.png", 1, "a"): remark})
    assert names(queue) == ["a"]
    with pytest.raises(ValueError, match=r"b\.png page 1 has no field a"):
        make_queue_of([page], None, {("b.png", 1, "a"): remark})
