"""Fields with known values are read from a folder and a table."""

import os
import sys

import cv2
import numpy as np
import pytest

from pipelines.outcomes import FieldReading
from pipelines.readers import FieldReader
from pipelines.training.evaluation import FieldEvaluation, evaluate_fields
from pipelines.training.labelled import (
    LabelledField,
    doubt_values,
    read_labelled_fields,
)


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.full((60, 200), 250, np.uint8))
    (tmp_path / "truth.csv").write_text("file,value\na.png,007\nb.png,\n")
    return tmp_path


def test_values_keep_their_zeros_and_may_be_empty(folder):
    fields = read_labelled_fields(folder, folder / "truth.csv")
    assert [(field.name, field.value) for field in fields] == [
        ("a.png", "007"),
        ("b.png", ""),
    ]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_spreadsheet_may_part_its_columns_otherwise(folder, mark):
    (folder / "truth.csv").write_text(f"value{mark}file\n12{mark}a.png\n")
    [field] = read_labelled_fields(folder, folder / "truth.csv")
    assert (field.name, field.value) == ("a.png", "12")


def test_a_file_may_be_named_as_the_table_of_a_reading_names_it(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    named = f"{folder.name}/a.png"
    (folder / "truth.csv").write_text(f"file,value\n{named},12\n")
    [field] = read_labelled_fields(folder.name, folder / "truth.csv")
    assert (field.name, field.value) == (named, "12")


def test_one_file_under_two_names_is_told(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    named = f"{folder.name}/a.png"
    (folder / "truth.csv").write_text(f"file,value\na.png,1\n{named},2\n")
    with pytest.raises(ValueError, match=rf"names a\.png twice, once as {named}"):
        read_labelled_fields(folder.name, folder / "truth.csv")


def test_a_file_outside_the_folder_is_none_of_its_fields(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "other").mkdir()
    (folder / "truth.csv").write_text("file,value\na.png,12\n")
    with pytest.raises(ValueError, match=r"other.a\.png: no such file"):
        read_labelled_fields("other", "truth.csv")


@pytest.mark.parametrize("header", ["File, VALUE", " file ,Value "])
def test_names_of_columns_may_have_spaces_and_capitals(folder, header):
    (folder / "truth.csv").write_text(f"{header}\na.png,12\n")
    [field] = read_labelled_fields(folder, folder / "truth.csv")
    assert field.value == "12"


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_table_in_another_encoding_is_to_be_saved_as_utf_8(folder, encoding):
    table = "file,value,name\na.png,12,M\u00fcller\n"
    (folder / "truth.csv").write_text(table, encoding=encoding)
    with pytest.raises(ValueError, match="Save it as UTF-8"):
        read_labelled_fields(folder, folder / "truth.csv")


def test_empty_values_are_doubted_but_no_others(folder):
    truth = folder / "truth.csv"
    truth.write_text("file,value\na.png,\nb.png, \nc.png,3\n")
    [doubt] = doubt_values(folder, truth)
    assert "2 of 3 values are empty: taken for fields with nothing" in doubt
    truth.write_text("file,value\nc.png,3\n")
    assert doubt_values(folder, truth) == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("name,value\na.png,1\n", "no column 'file'"),
        ("file,value\n", "no rows"),
        ("file,value\na.png,1.5\n", "digits only"),
        ("file,value\nc.png,1\n", "c.png"),
        ("file,value\na.png\n", "without file or value"),
        ("file,value\na.png,1\na.png,2\n", "names a.png twice"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_by_name(folder, table, message):
    (folder / "truth.csv").write_text(table)
    with pytest.raises(ValueError, match=message):
        read_labelled_fields(folder, folder / "truth.csv")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a\0.png,1", r"truth\.csv, line 3: no file can be called 'a\\x00\.png'"),
        ("a" * 5000 + ",1", r"truth\.csv, line 3: no file can be called 'aaa"),
        ("a" * 300 + "/b.png,1", r"truth\.csv, line 3: no file can be called"),
        ("b.png," + "9" * 5000, r"truth\.csv, line 3: b\.png has a value of 5000"),
        ("b.png," + "x" * 200_000, r"truth\.csv cannot be read: field larger"),
        ("b.png,1\0", r"truth\.csv, line 3: b\.png has the value"),
    ],
)
def test_a_row_that_cannot_be_is_named_by_its_line(folder, row, message):
    (folder / "truth.csv").write_text(f"file,value\na.png,1\n{row}\n")
    for read in (read_labelled_fields, doubt_values):
        with pytest.raises(ValueError, match=message) as caught:
            read(folder, folder / "truth.csv")
        assert len(str(caught.value)) < len(str(folder)) + 200


@pytest.mark.skipif(sys.platform == "win32", reason="pipes in folders are of POSIX")
def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe")
    with pytest.raises(ValueError, match=r"pipe cannot be read: it is a pipe, not a r"):
        read_labelled_fields(folder, folder / "pipe")
    (folder / "truth.csv").write_text("file,value\npipe,1\n")
    with pytest.raises(ValueError, match="it is a pipe, not a regular file"):
        read_labelled_fields(folder, folder / "truth.csv")


def test_a_missing_table_or_folder_is_refused(folder):
    with pytest.raises(ValueError, match="cannot be read"):
        read_labelled_fields(folder, folder / "none.csv")
    with pytest.raises(ValueError, match="no folder"):
        read_labelled_fields(folder / "none", folder / "truth.csv")


def test_the_report_tells_what_was_misread(folder):
    evaluation = evaluate_fields(FieldReader(), folder, folder / "truth.csv")
    assert str(evaluation).startswith("1 of 2 fields read correctly (50.0 %)")
    assert "a.png: 007 read as nothing" in str(evaluation)


def test_the_surest_mistakes_come_first():
    field = LabelledField("a.png", np.zeros((9, 9), np.uint8), "12")
    readings = [FieldReading("17", "rejected", c) for c in (0.2, 0.8, 0.5)]
    misread = FieldEvaluation([field] * 3, readings).misread()
    assert [reading.confidence for _, reading in misread] == [0.8, 0.5, 0.2]


def test_misread_fields_are_drawn_and_listed(folder):
    plots = folder / "plots"
    evaluate_fields(FieldReader(), folder, folder / "truth.csv", plots=plots)
    assert (plots / "misread_fields.png").stat().st_size > 1000
    head, row = (plots / "misread_fields.csv").read_text().splitlines()
    assert head == "file,value,read,status,confidence"
    assert row.startswith("a.png,007,,")


def test_a_list_that_is_read_as_the_truth_is_not_written_over(folder):
    truth = (folder / "truth.csv").rename(folder / "misread_fields.csv")
    before = truth.read_bytes()
    with pytest.raises(ValueError, match="would be written over"):
        evaluate_fields(FieldReader(), folder, truth, plots=folder)
    assert truth.read_bytes() == before
