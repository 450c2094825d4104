"""The comparison of two tables: what it prints, and its exit status."""

import runpy
import sys
from pathlib import Path

import pytest

SCRIPT = (
    Path(__file__)
    .resolve()
    .parents[1]
    .joinpath("examples", "benchmarks", "compare_tables.py")
)
PAGES = """\
document,page,status,error,id,id.status,id.confidence
scans/a.pdf,1,ok,,042,accepted,0.9998
scans/a.pdf,2,review,id: no comb of 3 boxes,,unlocated,0.0000
"""
FIELDS = """\
file,value,status,confidence
a.png,042,accepted,0.9998
b.png,,failed,
"""


@pytest.fixture
def compare(tmp_path, monkeypatch, capsys):
    """Compare the texts of two tables; return the exit status and what is printed."""

    def run(before, after, *words):
        files = [tmp_path / "before.csv", tmp_path / "after.csv"]
        for file, text in zip(files, (before, after), strict=True):
            file.write_text(text, encoding="utf-8")
        monkeypatch.setattr(sys, "argv", [SCRIPT.name, *map(str, files), *words])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        printed = capsys.readouterr()
        return ended.value.code, printed.out + printed.err

    return run


@pytest.mark.parametrize("table", [PAGES, FIELDS], ids=["pages", "fields"])
def test_a_table_is_the_same_as_itself(compare, table):
    assert compare(table, table) == (0, "2 and 2 rows; differences: 0\n")


@pytest.mark.parametrize("table", [PAGES, FIELDS], ids=["pages", "fields"])
def test_the_order_of_the_rows_does_not_matter(compare, table):
    head, first, second = table.splitlines()
    assert compare(table, "\n".join([head, second, first]))[0] == 0


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("042,", "043,", "scans/a.pdf, page 1: id: '042' became '043'"),
        (
            "accepted",
            "rejected",
            "scans/a.pdf, page 1: id.status: 'accepted' became 'rejected'",
        ),
        (
            "no comb of 3 boxes",
            "no comb",
            "scans/a.pdf, page 2: error: 'id: no comb of 3 boxes' became 'id: no comb'",
        ),
        (
            "0.9998",
            "0.9996",
            "scans/a.pdf, page 1: id.confidence: '0.9998' became '0.9996'",
        ),
    ],
    ids=["value", "status", "reason", "confidence"],
)
def test_a_cell_that_differs_is_printed(compare, old, new, line):
    status, printed = compare(PAGES, PAGES.replace(old, new))
    assert status == 1
    assert printed.splitlines() == [line, "2 and 2 rows; differences: 1"]


def test_leading_zeros_of_a_value_count(compare):
    assert compare(FIELDS, FIELDS.replace("042", "42"))[0] == 1


@pytest.mark.parametrize(
    ("confidence", "words", "status"),
    [
        ("0.9997", [], 0),
        ("0.9999", [], 0),
        ("0.9997", ["--tolerance", "0"], 1),
        ("0.9", ["--tolerance", "0.1"], 0),
        ("", ["--tolerance", "1"], 1),
    ],
)
def test_confidences_may_differ_by_the_tolerance(compare, confidence, words, status):
    assert compare(FIELDS, FIELDS.replace("0.9998", confidence), *words)[0] == status


def test_rows_and_columns_of_one_table_only_are_printed(compare):
    fewer = PAGES[: PAGES.index("scans/a.pdf,2")].replace(",id", ",number")
    status, printed = compare(PAGES, fewer)
    assert status == 1
    assert "scans/a.pdf, page 2: only in the first table" in printed
    assert "column id: only in the first table" in printed
    assert "column number.confidence: only in the second table" in printed


@pytest.mark.parametrize(
    ("table", "words", "message"),
    [
        ("digits,labels\n1,2\n", [], "Got the columns digits, labels"),
        ("", [], "Got the columns (none)"),
        (f"{FIELDS}a.png,042,accepted,0.9998\n", [], "there are two rows for a.png"),
        (f"{FIELDS}c.png,042\n", [], "row 3 does not have a cell for each column"),
        (FIELDS, ["--tolerance", "-1"], "expected a number from 0 on. Got '-1'"),
        (FIELDS, ["--tolerance", "much"], "expected a number from 0 on. Got 'much'"),
        (FIELDS, ["third.csv"], "unrecognized arguments: third.csv"),
    ],
)
def test_misuse_is_explained(compare, table, words, message):
    status, printed = compare(FIELDS, table, *words)
    assert status == 2
    assert message in printed


def test_a_table_that_is_not_there_is_named(compare, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [SCRIPT.name, "nowhere.csv", "nowhere.csv"])
    with pytest.raises(SystemExit, match="2"):
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert "nowhere.csv" in capsys.readouterr().err
