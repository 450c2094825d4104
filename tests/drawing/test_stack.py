"""The demonstration's files: a form, its blank page, scans and the truth."""

import csv
import json

import cv2
import numpy as np
import pytest

from pipelines import Form
from pipelines.drawing import draw_fields, draw_filled_forms
from pipelines.drawing.stack import holds_drawn_form


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    return draw_filled_forms(tmp_path_factory.mktemp("demo"), n_pages=3)


def test_every_page_is_written_and_has_its_truth(forms):
    assert [path.name for path in forms.scans] == list(forms.truth)
    assert {path.suffix for path in forms.scans} == {".jpg", ".png"}
    for path in forms.scans:
        assert cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).shape == (2339, 1654)


def test_the_form_names_its_blank_page_and_fields(forms):
    description = json.loads(forms.form.read_text(encoding="utf-8"))
    assert description["version"] == 1
    assert (forms.form.parent / description["blank"]).is_file()
    names = [field["name"] for field in description["fields"]]
    assert names == list(next(iter(forms.truth.values())))


def test_each_field_of_the_form_has_a_line_of_its_own(forms):
    text = forms.form.read_text(encoding="utf-8")
    n_fields = len(json.loads(text)["fields"])
    assert sum('"name"' in line for line in text.splitlines()) == n_fields
    assert all("box" in line for line in text.splitlines() if '"name"' in line)


def test_the_truth_on_disk_is_the_truth_returned(forms):
    with forms.truth_file.open(newline="", encoding="utf-8") as file:
        rows = {row.pop("document"): row for row in csv.DictReader(file)}
    assert rows == forms.truth


def test_values_fit_their_fields(forms):
    fields = json.loads(forms.form.read_text(encoding="utf-8"))["fields"]
    digits = {field["name"]: field["digits"] for field in fields}
    for values in forms.truth.values():
        for name, value in values.items():
            assert value.isdecimal() or value == ""
            assert len(value) <= digits[name]
    assert len(values["student_number"]) == 9


def test_the_same_seed_writes_the_same_files(forms, tmp_path):
    again = draw_filled_forms(tmp_path, n_pages=1)
    first, second = forms.scans[0], again.scans[0]
    assert first.read_bytes() == second.read_bytes()


def test_another_seed_writes_other_pages(forms, tmp_path):
    other = draw_filled_forms(tmp_path, n_pages=1, random_state=1)
    pages = [cv2.imread(str(made.scans[0])) for made in (forms, other)]
    assert np.abs(pages[0].astype(int) - pages[1]).mean() > 1


def test_no_pages_is_an_empty_stack(tmp_path):
    forms = draw_filled_forms(tmp_path / "deep" / "er", n_pages=0)
    assert forms.scans == ()
    assert forms.blank.is_file()


def test_the_rules_hold_for_what_is_written(forms):
    rules = Form.from_file(forms.form.with_name("rules.json"))
    for values in forms.truth.values():
        assert rules.check_sums(values) == []
        assert all(field.check(values[field.name]) == "" for field in rules.fields)


@pytest.mark.parametrize("name", ["form.json", "rules.json"])
def test_a_form_that_was_changed_is_known(tmp_path, name):
    draw_filled_forms(tmp_path, n_pages=0)
    assert holds_drawn_form(tmp_path)
    (tmp_path / name).write_text("{}")
    assert not holds_drawn_form(tmp_path)


def test_fields_are_drawn_with_what_they_say(tmp_path):
    for n_fields in (30, 12):
        drawn = draw_fields(tmp_path, n_fields=n_fields)
    assert sorted((tmp_path / "fields").iterdir()) == sorted(drawn.images)
    assert len(drawn.images) == 12
    with drawn.truth_file.open(newline="", encoding="utf-8") as file:
        rows = {row["file"]: row["value"] for row in csv.DictReader(file)}
    assert rows == drawn.truth
    assert [path.name for path in drawn.images] == list(rows)
    assert all(value.isdecimal() or value == "" for value in rows.values())
    assert "" in rows.values()
    assert all(cv2.imread(str(path)) is not None for path in drawn.images)
