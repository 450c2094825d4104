"""Pages of a pile become rows: joined, missing, doubled, and none lost."""

import pytest

from pipelines import Field, FieldReading, Form, PageReading, PageResult
from pipelines.forms.pile import Pile, PiledForm
from pipelines.outcomes import Assignment
from pipelines.scoring.sheets import LEDGER_COLUMNS, Ledger, Sheets

FRONT = Form(fields=[Field(name="id", digits=3), Field(name="room", digits=2)])
BACK = Form(fields=[Field(name="id", digits=3), Field(name="total", digits=2)])
OTHER_BACK = Form(fields=[Field(name="total", digits=2)])

BY_FIELD = PiledForm(name="claim", pages=[FRONT, BACK], join="id")
BY_ORDER = PiledForm(name="exam", pages=[FRONT, OTHER_BACK])
SINGLE = PiledForm(name="order", pages=[FRONT])
PILE = Pile(forms=[BY_FIELD, BY_ORDER, SINGLE])


def page(n, form="", form_page=1, *, how="print", status="accepted", **values):
    """Make the result of the n-th page, a file of its own."""
    fields = {name: FieldReading(text, status, 0.99) for name, text in values.items()}
    assigned = Assignment(form, form_page if form else 0, how, 0.9)
    return PageResult(f"{n}.png", 1, PageReading(fields, assigned=assigned))


def keep_ledger(*pages, pile=PILE):
    sheets = Sheets(pile)
    for each in pages:
        sheets.add(each)
    return sheets.join()


def rows(ledger, name):
    header = ledger.header(name)
    return [dict(zip(header, row, strict=True)) for row in ledger.rows(name)]


def lines(ledger):
    return [dict(zip(LEDGER_COLUMNS, row, strict=True)) for row in ledger.lines()]


def test_pages_are_joined_by_the_field_that_repeats():
    ledger = keep_ledger(
        page(1, "claim", 2, id="123", total="45"),
        page(2, "claim", 1, id="777", room="11"),
        page(3, "claim", 1, id="123", room="12"),
        page(4, "claim", 2, id="777", total="46"),
    )
    first, second = rows(ledger, "claim")
    assert (first["document"], first["document.2"]) == ("3.png", "1.png")
    assert (first["id"], first["room"], first["total"]) == ("123", "12", "45")
    assert (second["room"], second["total"]) == ("11", "46")
    assert {first["status"], second["status"]} == {"ok"}
    assert [line["row"] for line in lines(ledger)] == ["1", "2", "1", "2"]


def test_a_page_that_is_missing_is_said():
    ledger = keep_ledger(page(1, "claim", 2, id="123", total="45"))
    [row] = rows(ledger, "claim")
    assert row["status"] == "review"
    assert row["error"] == "missing: page 1 of claim"
    assert (row["document"], row["room.status"]) == ("1.png", "")
    assert lines(ledger)[0]["problem"] == "missing: page 1 of claim"
    assert "1 missing" in str(ledger)


def test_what_is_there_twice_is_joined_with_nothing():
    ledger = keep_ledger(
        page(1, "claim", 1, id="123", room="12"),
        page(2, "claim", 2, id="123", total="45"),
        page(3, "claim", 1, id="123", room="13"),
    )
    listed = rows(ledger, "claim")
    assert [row["document"] for row in listed] == ["1.png", "2.png", "3.png"]
    assert {row["status"] for row in listed} == {"review"}
    assert listed[0]["error"] == (
        "doubled: id 123 is also on 2.png page 1, 3.png page 1"
    )


def test_what_is_not_certain_joins_nothing():
    ledger = keep_ledger(
        page(1, "claim", 1, id="123", status="rejected"),
        page(2, "claim", 2, id="123"),
    )
    first, second = rows(ledger, "claim")
    assert first["error"] == "cannot be joined: id is not certain"
    assert second["error"] == "missing: page 1 of claim"


def test_a_form_of_one_page_says_what_is_there_twice():
    pile = Pile(forms=[PiledForm(name="order", pages=[FRONT], join="id")])
    ledger = keep_ledger(
        page(1, "order", id="123"),
        page(2, "order", id="123"),
        page(3, "order", id=""),
        pile=pile,
    )
    assert [row["status"] for row in rows(ledger, "order")] == [
        "review",
        "review",
        "ok",
    ]
    assert pile.is_mixed


def test_pages_follow_each_other_past_empty_backs_only():
    ledger = keep_ledger(
        page(1, "exam", 1, id="111"),
        page(2, how="empty"),
        page(3, "exam", 2, total="10"),
        page(4, "exam", 1, id="222"),
        page(5, how="none"),
        page(6, "exam", 2, total="20"),
        page(7, "exam", 1, id="333"),
    )
    listed = rows(ledger, "exam")
    assert [(row["id"], row["total"]) for row in listed] == [
        ("111", "10"),
        ("222", ""),
        ("", "20"),
        ("333", ""),
    ]
    assert [row["status"] for row in listed] == ["ok", "review", "review", "review"]


def test_pages_of_two_documents_are_not_one_sheet():
    first, second = (
        PageResult(f"{n}.pdf", 3, page(n, "exam", n, id="1").reading, n_pages=3)
        for n in (1, 2)
    )
    assert len(rows(keep_ledger(first, second), "exam")) == 2


def test_every_page_is_in_the_ledger():
    failed = PageResult("5.png", 1, PageReading(error="5.png: is empty"))
    ledger = keep_ledger(
        page(1, "order", id="1"),
        page(2, how="empty"),
        page(3, how="none"),
        page(4, "claim", 1, id="123"),
        failed,
        page(6, "claim", 2, id="123"),
    )
    assert str(ledger).splitlines()[0] == (
        "6 pages in = 2 rows + 1 joined to them + 1 empty + 1 of no form + 1 failed"
    )
    assert [line["how"] for line in lines(ledger)] == [
        *("print", "empty", "none", "print", "failed", "print")
    ]
    assert lines(ledger)[4]["problem"] == "5.png: is empty"


def test_a_ledger_that_lacks_a_page_is_refused():
    good = keep_ledger(page(1, "order", id="1"))
    with pytest.raises(RuntimeError, match="1 pages came in"):
        Ledger(PILE, good.pages, dict.fromkeys(good.sheets, ())).check()
