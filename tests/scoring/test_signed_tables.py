"""Tables say what a value is, and what is written, where these are not the same."""

import csv
import json

import numpy as np
import pytest

from lenet_sklearn.strings import Hypothesis
from pipelines import Field, FieldReading, Form, PageReading, PageResult, write_table
from pipelines.runs.again import decide_anew
from pipelines.runs.records import from_record, to_record
from pipelines.scoring.table import result_header, result_row, value_cell, value_row

TOTAL = Field(name="total", kind="line", characters="0123456789.,/-", decimals=2)
FORM = Form(fields=[Field(name="id", digits=3), TOTAL])
READ = FieldReading(
    "-1234.50",
    "accepted",
    0.97,
    candidates=(Hypothesis("-1234.50", 0.97, "-1,234.50"), Hypothesis("7", 0.01)),
)
PAGE = PageResult(
    "a.png",
    1,
    PageReading({"id": FieldReading("042", "accepted", 0.99), "total": READ}),
)


def test_what_is_written_stands_beside_a_value_in_its_own_form(tmp_path):
    path = tmp_path / "results.csv"
    write_table(path, [PAGE], FORM)
    with path.open(newline="", encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    assert (row["total"], row["total.raw"]) == ("-1234.50", "'-1,234.50")
    assert "id.raw" not in row
    failed = PageResult("b.png", 1, PageReading(error="b.png: is empty"))
    header = result_header(["id", "total"], {"total"})
    assert len(result_row(failed, ["id", "total"], {"total"})) == len(header)


@pytest.mark.parametrize("name", ["results.long.csv", "results.jsonl"])
def test_the_other_tables_have_it_of_every_field(tmp_path, name):
    path = tmp_path / name
    write_table(path, [PAGE], FORM)
    if name.endswith("l"):
        fields = json.loads(path.read_text("utf-8"))["fields"]
        raws = [field["raw"] for field in fields.values()]
        assert raws == ["042", "-1,234.50"]
        return
    with path.open(newline="", encoding="utf-8") as file:
        assert [row["raw"] for row in csv.DictReader(file)] == ["042", "'-1,234.50"]


def test_a_table_of_fields_has_it_where_it_is_asked_for():
    one = PageResult("a.png", 1, PageReading({"value": READ}))
    assert value_row(one, raw=True) == [
        "a.png",
        "-1234.50",
        "accepted",
        "0.9700",
        "'-1,234.50",
    ]
    assert len(value_row(one)) == 4


@pytest.mark.parametrize(
    ("value", "cell"),
    [("-3", "-3"), ("-0.5", "-0.5"), ("-", "'-"), ("-1+2", "'-1+2"), ("+3", "'+3")],
)
def test_no_spreadsheet_computes_what_is_no_number(value, cell):
    assert value_cell(value) == cell


def test_a_run_keeps_what_is_written():
    kept = from_record(json.loads(json.dumps(to_record(PAGE))))
    assert kept == PAGE
    assert kept.reading.fields["total"].raw == "-1,234.50"
    signed = FieldReading("12", "accepted", 0.9, sign="-")
    other = PageResult("a.png", 1, PageReading({"id": signed}))
    assert from_record(to_record(other)) == other


def test_deciding_anew_leaves_a_point_where_it_is():
    likely = np.zeros((4, 11))
    likely[range(4), [6, 5, 8, 6]] = 1.0
    from lenet_sklearn.strings.boxes import BoxPosteriors
    from pipelines.forms.deciding import decide

    form = Form(fields=[Field(name="mean", digits=4, decimals=2)])
    read = FieldReading(
        "6586",
        "accepted",
        1.0,
        candidates=(Hypothesis("6586", 1.0),),
        boxes=BoxPosteriors(likely, tuple("0123456789")),
    )
    decided = decide(form, {"mean": read}, 0.9)
    page = PageReading(decided, before_rules={"mean": read})
    [again] = decide_anew([PageResult("a.png", 1, page)], form, 0.9)
    assert again.reading.fields["mean"] == decided["mean"]
    assert decided["mean"].value == "65.86"
