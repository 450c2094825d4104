"""The demonstration's files: a form, its blank page, scans and the truth."""

import csv
import json

import cv2
import numpy as np
import pytest

from pipelines.demo import clear_demo_folder, draw_filled_forms
from pipelines.outputs import OutputError


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


def clear(folder, n_pages):
    table, pictures = folder / "results.csv", folder / "pictures"
    clear_demo_folder(folder, n_pages=n_pages, table=table, pictures=pictures)


@pytest.mark.parametrize(
    "name",
    ["scans/page_02.jpg", "results.csv", "results.csv.part", "pictures/page_09.png"],
)
def test_only_a_folder_of_the_demonstration_may_be_written_anew(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    with pytest.raises(OutputError, match=f"{path.name} is there.*another folder"):
        clear(tmp_path, n_pages=2)
    draw_filled_forms(tmp_path, n_pages=0)
    clear(tmp_path, n_pages=2)
    assert path.exists()


def test_pages_that_will_not_be_drawn_may_lie_anywhere(tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "page_02.jpg").touch()
    clear(tmp_path, n_pages=1)


def test_pages_of_an_earlier_demonstration_are_taken_away(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    forms = draw_filled_forms(tmp_path, n_pages=2)
    old = [*forms.scans, pictures / f"{forms.scans[0].stem}-p1.png"]
    mine = [tmp_path / "scans" / "page_13.jpg", pictures / "page_13-p1.png"]
    for path in (old[-1], *mine):
        path.touch()
    forms.form.rename(tmp_path / "kept.json")
    with pytest.raises(OutputError):
        clear(tmp_path, n_pages=2)
    assert all(path.exists() for path in old + mine)
    (tmp_path / "kept.json").rename(forms.form)
    clear(tmp_path, n_pages=2)
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in mine)


def test_no_pages_is_an_empty_stack(tmp_path):
    forms = draw_filled_forms(tmp_path / "deep" / "er", n_pages=0)
    assert forms.scans == ()
    assert forms.blank.is_file()
