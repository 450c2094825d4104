"""Files of corrections: what is read from them, and what is refused."""

import csv

import pytest

from pipelines import Correction, read_corrections
from pipelines.review.corrections import COLUMNS, document_key

WHEN = "2026-11-28T04:05:06Z"


def a_row(**cells):
    row = {
        **dict.fromkeys(COLUMNS, ""),
        "batch": "4f",
        "document": "in/a.png",
        "page": "1",
        "field": "id",
        "read": "042",
        "value": "047",
        "verdict": "corrected",
        "who": "anna",
        "when": WHEN,
        **cells,
    }
    return [row[name] for name in COLUMNS]


def write(path, *rows, encoding="utf-8", **dialect):
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, **dialect).writerows([COLUMNS, *rows])
    return path


def test_a_file_says_what_is_written_in_each_field(tmp_path):
    [one] = read_corrections(write(tmp_path / "anna.csv", a_row(sampled="yes")))
    assert one == Correction(
        *("4f", "in/a.png", 1, "id", "042", "047", "corrected", True, False),
        *("anna", WHEN),
    )
    assert one.place == f"{tmp_path / 'anna.csv'}, line 2"


@pytest.mark.parametrize(
    ("encoding", "delimiter", "terminator"),
    [("utf-8-sig", ",", "\r\n"), ("utf-8", ";", "\r\n"), ("utf-8-sig", "\t", "\n")],
)
def test_a_spreadsheet_may_have_saved_it(tmp_path, encoding, delimiter, terminator):
    path = write(
        *(tmp_path / "anna.csv", a_row(), [""] * len(COLUMNS)),
        encoding=encoding,
        delimiter=delimiter,
        lineterminator=terminator,
    )
    [one] = read_corrections(path)
    assert (one.read, one.value, one.batch) == ("042", "047", "4f")


@pytest.mark.parametrize(
    "name",
    [
        "scans/a,b.png",
        'say "hi".png',
        "./=1+2.png",
        "\u202egnp.exe.png",
        " a.png ",
        "a\nb.png",
        "a;b.png",
        "caf\\xe9.png",
    ],
)
def test_names_of_files_come_back_as_they_are(tmp_path, name):
    [one] = read_corrections(write(tmp_path / "anna.csv", a_row(document=name)))
    assert one.document == name
    again = write(tmp_path / "again.csv", one.row())
    assert read_corrections(again) == [one]


def test_a_name_that_is_not_utf_8_has_a_key_that_is():
    key = document_key("caf\udce9.png")
    assert key == "caf\\xe9.png"
    assert document_key("@" + "caf\udce9.png") == "./@caf\\xe9.png"
    assert key.encode("utf-8")


def test_what_cannot_be_read_has_no_value(tmp_path):
    row = a_row(verdict="unreadable", value="0?7")
    [one] = read_corrections(write(tmp_path / "anna.csv", row))
    assert (one.verdict, one.value) == ("unreadable", "")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"value": "4?7"}, "value is '4?7'. Values are digits"),
        ({"value": "47?.0"}, "value is '47?.0'"),
        ({"value": "-"}, "value is '-'. Values are digits"),
        ({"value": "\u0664\u0667"}, "Values are digits"),
        ({"value": "4" * 5000}, "Values are digits only, at most 200"),
        ({"verdict": "right"}, "verdict is 'right'"),
        ({"verdict": "confirmed"}, "confirmed says that '042' was read right"),
        ({"page": "one"}, "'one' is no number of a page"),
        ({"sampled": "x"}, "sampled is 'x'"),
        ({"settles": "no"}, "settles is 'no'"),
        ({"when": "28.11.2026 04:05"}, "when is '28.11.2026 04:05'"),
        ({"when": "2026-11-28T04:05:06"}, "Write it in UTC"),
        ({"when": "2026-11-28T04:05:06+02:00"}, "Write it in UTC"),
    ],
)
def test_what_cannot_be_is_refused_with_file_and_line(tmp_path, cells, message):
    path = write(tmp_path / "anna.csv", a_row(), a_row(**cells))
    with pytest.raises(ValueError, match="line 3") as refused:
        read_corrections(path)
    assert str(refused.value).startswith(f"{path}, line 3")
    assert message in str(refused.value)


@pytest.mark.parametrize("change", [lambda row: row[:-1], lambda row: [*row, "more"]])
def test_a_row_has_a_cell_for_each_column(tmp_path, change):
    path = write(tmp_path / "anna.csv", change(a_row()))
    with pytest.raises(ValueError, match="line 2 has more or fewer cells"):
        read_corrections(path)


def test_another_table_is_no_file_of_corrections(tmp_path):
    (tmp_path / "results.csv").write_text("document,page,status,error\na.png,1,ok,\n")
    with pytest.raises(ValueError, match=r"no file of corrections.* 'batch'.* review"):
        read_corrections(tmp_path / "results.csv")
