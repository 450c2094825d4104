"""``--long``: a row for each field, and what it refuses."""

import csv

import cv2
import pytest

from pipelines.cli import main
from pipelines.drawing import draw_comb


@pytest.fixture
def folder(draw_scans):
    folder = draw_scans({"a": "1998"})
    (folder / "scans" / "b.png").write_bytes(b"no image")
    return folder


def score(*words):
    return main(["score", "scans", "--comb", "id=4", "-o", "results.csv", *words])


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_field_has_a_row_and_each_failed_page(folder, capsys):
    assert score("--long", "fields.csv") == 1
    field, failed = rows(folder / "fields.csv")
    [page, _] = rows(folder / "results.csv")
    assert (field["document"], field["page"], field["field"]) == (
        "scans/a.png",
        "1",
        "id",
    )
    assert (field["value"], field["status"]) == (page["id"], page["id.status"])
    assert field["best_1"] == field["value"] == "1998"
    assert float(field["p_1"]) >= float(field["p_2"])
    assert 40 < float(field["x1"]) < float(field["x2"]) < 400
    assert (failed["field"], failed["status"]) == ("", "failed")
    assert "b.png" in failed["reason"]
    assert "Fields: fields.csv\n" in capsys.readouterr().out


def test_single_fields_have_rows_too(folder):
    cv2.imwrite("field.png", draw_comb("1998", random_state=5))
    words = ["read", "field.png", "-o", "values.csv", "--long", "fields.csv"]
    assert main(words) == 0
    [field] = rows(folder / "fields.csv")
    assert (field["document"], field["best_1"]) == ("field.png", "1998")


def test_it_replaces_nothing(folder, capsys):
    assert score("--long", "results.csv", "--force") == 2
    assert "is another file of this command" in capsys.readouterr().err
    (folder / "fields.csv").write_text("mine")
    assert score("--long", "fields.csv") == 2
    assert score("--long", "nowhere/fields.csv") == 2
    assert score("--long", "fields.xlsx") == 2
    assert (folder / "fields.csv").read_text() == "mine"
    assert not (folder / "results.csv").exists()
