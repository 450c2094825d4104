"""Results are set beside what was written: every rate has its denominator."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from lenet_sklearn.metrics import error_interval
from pipelines import Tally, compare_results
from pipelines.outcomes import FieldReading, PageReading, Reason, ReasonKind, settle
from pipelines.scoring.table import PageResult, result_header, result_row

NAMES = ["id", "total"]
HEADER = "document,page,status,error,id,id.status,id.confidence\n"
TRUTH = """document,id,total
a.png,042,17
b.png,1,
c.png,77,9
d.png,5,6
e.png,,3
"""


def page(name, *fields, error=""):
    reading = PageReading(
        dict(zip(NAMES, fields, strict=True)) if fields else {}, error
    )
    return PageResult(f"scans/{name}", 1, reading)


RESULTS = [
    page("a.png", settle("042", 0.99, 0.9), settle("11", 0.95, 0.9)),
    page("b.png", settle("7", 0.6, 0.9), settle("", 0.99, 0.9)),
    page("c.png", settle("7_7", 0.99, 0.9), settle("", 0.98, 0.9)),
    page("d.png", error="scans/d.png: is empty"),
    page("f.png", settle("1", 0.99, 0.9), settle("2", 0.99, 0.9)),
]


@pytest.fixture
def tables(tmp_path):
    results, truth = tmp_path / "results.csv", tmp_path / "truth.csv"
    rows = [result_header(NAMES), *(result_row(each, NAMES) for each in RESULTS)]
    results.write_text("".join(",".join(row) + "\n" for row in rows))
    truth.write_text(TRUTH)
    return results, truth


@pytest.fixture
def compared(tables):
    return compare_results(*tables)


def test_rates_have_their_denominators(compared):
    total = compared.total
    assert (total.n_fields, total.n_accepted, total.n_wrong) == (8, 2, 1)
    assert (total.n_rejected, total.n_blank) == (4, 2)
    assert (total.read_rate, total.error_rate, total.reject_rate) == (0.25, 0.5, 0.5)
    assert total.error_interval == error_interval(1, 2)
    assert (total.n_written, total.n_false_blanks) == (7, 1)


def test_each_field_of_the_form_is_counted(compared):
    by_name = compared.by_name
    assert list(by_name) == NAMES
    assert [tally.n_wrong for tally in by_name.values()] == [0, 1]
    assert [tally.n_false_blanks for tally in by_name.values()] == [0, 1]


def test_digits_are_confused_in_values_of_the_right_length(compared):
    assert dict(compared.confusions) == {("1", "7"): 1, ("7", "1"): 1}
    assert compared.n_other_length == 1


def test_pages_that_only_one_table_has_are_counted(compared):
    assert (compared.n_untold, compared.n_unread) == (1, 1)


def test_the_report_says_all_of_it(compared):
    assert str(compared) == (
        "8 fields compared\n"
        "accepted    2 (read rate 25.0 % of all 8)\n"
        "wrong       1 (error rate 50.0 % of the 2 accepted; 95 % interval 1.3 to"
        " 98.7 %)\n"
        "to look at  4 (reject rate 50.0 % of all 8)\n"
        "blank       2 (false: 1 of 7 that are written)\n"
        "not compared: 1 pages that the truth lacks\n"
        "not read: 1 rows of the truth\n"
        "\n"
        "field  all  accepted  wrong  to look at  false blanks\n"
        "id     4    1         0      3           0\n"
        "total  4    1         1      1           1\n"
        "\n"
        "confusions, accepted or not\n"
        "  7 read as 1: 1\n"
        "  1 read as 7: 1\n"
        "  more or fewer digits than written: 1"
    )


def test_json_has_the_same_numbers(compared):
    content = json.loads(json.dumps(compared.to_dict()))
    assert content["error_rate"] == content["by_field"]["total"]["error_rate"] / 2
    assert content["confusions"][0] == {"written": "7", "read": "1", "count": 1}


def test_a_rule_is_fitted_to_what_a_threshold_decides(compared):
    confidences, right, groups = compared.labelled()
    assert_allclose(confidences, [0.99, 0.95, 0.6])
    assert right.tolist() == [True, False, False]
    assert groups == ["scans/a.png:1", "scans/a.png:1", "scans/b.png:1"]


def test_what_is_rejected_for_another_reason_is_not_for_a_threshold(tmp_path):
    doubt = Reason(ReasonKind.SEVERAL, "there are two")
    sure = FieldReading("17", "rejected", 0.97, reason=doubt)
    unsure = settle("3", 0.5, 0.9)
    damaged = FieldReading("3", "rejected", 0.97, reason=doubt)
    pages = [page("a.png", sure, unsure), page("b.png", damaged, damaged)]
    rows = [result_header(NAMES), *(result_row(each, NAMES) for each in pages)]
    assert [row[3] for row in rows[1:]] == ["id: there are two", "there are two"]
    (tmp_path / "r.csv").write_text("".join(",".join(row) + "\n" for row in rows))
    (tmp_path / "t.csv").write_text(TRUTH)
    fields = compare_results(tmp_path / "r.csv", tmp_path / "t.csv").fields
    assert [one.hangs_on_confidence for one in fields] == [False, True, False, False]


def test_pages_belong_together_or_what_a_column_says(tables):
    results, truth = tables
    header, *rows = TRUTH.splitlines()
    rows = [f"{row},{'x' if n < 2 else 'y'}" for n, row in enumerate(rows)]
    truth.write_text("\n".join([f"{header},writer", *rows]))
    compared = compare_results(results, truth, groups="writer")
    assert list(compared.by_name) == NAMES
    assert compared.labelled()[2] == ["x", "x", "x"]


def test_values_of_single_fields_are_compared(tmp_path):
    (tmp_path / "v.csv").write_text(
        "file,value,status,confidence\nin/a.png,07,accepted,0.9\n./=b.png,,failed,\n"
    )
    (tmp_path / "t.csv").write_text("value;file\n07;in/a.png\n1;=b.png\n")
    compared = compare_results(tmp_path / "v.csv", tmp_path / "t.csv")
    assert [one.status for one in compared.fields] == ["accepted", "failed"]
    assert compared.total.read_rate == 0.5
    assert "field  all" not in str(compared)


def test_pages_of_a_document_are_told_apart_by_their_number(tmp_path):
    rows = [HEADER.rstrip()]
    rows += [f"a.pdf,{n},ok,,{n},accepted,0.9" for n in (1, 2)]
    rows += ["a.pdf,3,empty,the page is empty,,,"]
    (tmp_path / "r.csv").write_text("\n".join(rows))
    (tmp_path / "t.csv").write_text(
        "document,page,id\na.pdf,2,2\na.pdf,1,9\na.pdf,3,\n"
    )
    compared = compare_results(tmp_path / "r.csv", tmp_path / "t.csv")
    assert [one.is_right for one in compared.fields] == [False, True, True]
    assert compared.fields[2].status == "blank"
    (tmp_path / "t.csv").write_text("document,id\na.pdf,2\n")
    with pytest.raises(ValueError, match=r"several pages. Number them in a column"):
        compare_results(tmp_path / "r.csv", tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("truth", "reason"),
    [
        ("name,id\na.png,1\n", "has no column 'document' or 'file'"),
        ("document,ID\na.png,1\n", "has no column of a field of .* 'id' or 'total'"),
        ("document,id\nz.png,1\n", "names no page of"),
        ("document,id\na.png,1\n./a.png,1\n", r"line 3 names a\.png again"),
        ("document,id\n,1\n", "line 2 names no file"),
        ("document,page,id\na.png,one,1\n", "'one' is no number of a page"),
        ("document,id\na.png\n", "line 2 has no cell for id"),
        ("", "has no column 'document'"),
    ],
)
def test_a_truth_that_cannot_be_used_says_what_to_do(tables, truth, reason):
    tables[1].write_text(truth)
    with pytest.raises(ValueError, match=reason):
        compare_results(*tables)


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ("a,b\n", "is no table of results"),
        ("document,id\na.png,1\n", "is no table of results"),
        (
            f"{HEADER}a.png,1,ok,,042,accepted,high\n",
            "no confidence that is a number in the column id.confidence",
        ),
        (
            f"{HEADER}x/a.png,1,ok,,0,accepted,1\ny/a.png,1,ok,,0,accepted,1\n",
            r"line 3: y/a\.png is a second file of that name",
        ),
    ],
)
def test_results_that_cannot_be_compared_say_why(tables, results, reason):
    tables[0].write_text(results)
    with pytest.raises(ValueError, match=reason):
        compare_results(*tables)


def test_no_group_is_without_a_name(tables):
    with pytest.raises(ValueError, match="no column 'writer'"):
        compare_results(*tables, groups="writer")
    tables[1].write_text("document,id,writer\na.png,042,\n")
    with pytest.raises(ValueError, match="line 2: writer is empty"):
        compare_results(*tables, groups="writer")


def test_files_may_have_any_name(tmp_path):
    (tmp_path / "v.csv").write_bytes(
        b"file,value,status,confidence\nin/\xff.png,1,accepted,0.9\n"
        b"in/b.png,1,accepted,0.9\n"
    )
    (tmp_path / "t.csv").write_text("file,value\nb.png,1\n")
    assert compare_results(tmp_path / "v.csv", tmp_path / "t.csv").n_untold == 1


def test_a_tally_of_nothing_has_rates():
    total = Tally.of([])
    assert (total.read_rate, total.error_rate, total.reject_rate) == (0, 0, 0)
    assert not np.isnan(total.error_interval).any()
