"""Summaries of what was read, and comparisons with what was written."""

import pytest

from pipelines.outcomes import FieldReading, PageReading
from pipelines.scoring.table import PageResult, Summary, truth_table


def test_the_summary_counts_pages_and_fields_by_status():
    summary = Summary()
    fields = {
        "a": FieldReading("1", "accepted", 1.0),
        "b": FieldReading("", "unlocated", 0.0),
    }
    for page in range(2):
        summary.add(PageResult("x.pdf", page + 1, PageReading(fields)))
    assert str(summary).splitlines() == [
        "2 pages: 2 review",
        "4 fields: 2 accepted, 2 unlocated",
    ]


def test_the_summary_of_single_fields_counts_no_pages():
    summary = Summary("field")
    field = FieldReading("7", "accepted", 1.0)
    summary.add(PageResult("a.png", 1, PageReading({"value": field})))
    summary.add(PageResult("b.png", 1, PageReading(error="b.png: is empty")))
    assert str(summary).splitlines() == [
        "2 fields: 1 accepted, 1 failed",
        "failed: b.png: is empty",
    ]


@pytest.mark.parametrize(("other", "said"), [("unlocated", True), ("blank", False)])
def test_the_summary_says_when_no_field_was_found(other, said):
    summary = Summary()
    for status in ("unlocated", other):
        page = PageReading({"id": FieldReading("", status, 0.0)})
        summary.add(PageResult("a.png", 1, page))
    assert ("no field was found on any page" in str(summary)) == said


def test_the_summary_names_a_few_of_many_failures():
    summary = Summary()
    for page in range(9):
        summary.add(PageResult("x.pdf", page + 1, PageReading(error="KeyError")))
    lines = str(summary).splitlines()
    assert lines[2] == "failed: x.pdf: page 1: KeyError"
    assert lines[-1] == "and 4 more failed"


def test_the_table_of_truth_shows_it_below_what_is_wrong():
    fields = {
        "a": FieldReading("12", "accepted", 0.9),
        "b": FieldReading("", "blank", 1.0),
        "c": FieldReading("8", "accepted", 0.9),
    }
    truth = {"p.png": {"a": "17", "b": "", "c": "8"}}
    table = truth_table([PageResult("in/p.png", 1, PageReading(fields))], truth)
    _, read, written, share = table.splitlines()
    assert read.split() == ["p.png", "12", "-", "8"]
    assert written.split() == ["written", "17"]
    assert share == "2 of 3 fields read correctly (66.7 %); of 2 accepted, 1 are wrong"


def test_a_field_of_a_page_that_failed_is_not_right():
    result = PageResult("p.png", 1, PageReading(error="is empty"))
    assert "0 of 1 fields" in truth_table([result], {"p.png": {"a": ""}})
