"""The page to edit a form in: what it begins with, and where its paths lead."""

import base64
import io
import json
import re

import cv2
import numpy as np
import PIL.Image
import pytest

from lenet_sklearn.outputs import OutputError
from pipelines.forms.editing import write_editor
from pipelines.forms.files import FormError
from pipelines.forms.form import Form
from pipelines.pages.upright import deskew
from pipelines.scans.read import open_scan


@pytest.fixture
def blank(tmp_path):
    """Half an A4 page of 150 dpi, with text and a comb of six, in its own folder."""
    page = np.full((1000, 1240), 255, np.uint8)
    for row in range(11):
        words = "Some lines of text that show which way the page runs."
        cv2.putText(page, words, (150, 600 + 35 * row), 0, 0.9, 0, 2)
    for left in range(200, 416, 36):
        cv2.rectangle(page, (left, 300), (left + 36, 348), 0, 2)
    path = tmp_path / "scans" / "blank.png"
    path.parent.mkdir()
    PIL.Image.fromarray(page).save(path)
    return path


def read_page(path):
    """Return what the script of a page is given, and the form in it."""
    html = path.read_text("utf-8")
    [text] = re.findall(r'id="data">(.*?)</script>', html)
    data = json.loads(text)
    return data, json.loads(data["form"])


def test_it_begins_with_what_is_printed(blank, tmp_path):
    summary, notes = write_editor(blank, tmp_path / "form.html")
    data, form = read_page(tmp_path / "form.html")
    assert "begins with 1 field." in summary
    assert str(tmp_path / "form.json") in summary
    assert notes == ()
    assert form["blank"] == "scans/blank.png"
    [field] = form["fields"]
    assert (field["name"], field["kind"], field["digits"]) == ("field_01", "comb", 6)
    assert data["printed"] == [{"kind": "comb", "digits": 6, "box": field["box"]}]
    assert (data["name"], data["height"], data["width"]) == ("form.json", 1000, 1240)


def test_what_it_begins_with_is_a_form(blank, tmp_path):
    write_editor(blank, tmp_path / "form.html")
    _, form = read_page(tmp_path / "form.html")
    (tmp_path / "form.json").write_text(json.dumps(form))
    assert Form.from_file(tmp_path / "form.json").fields[0].digits == 6


def test_it_shows_the_page_in_full(blank, tmp_path):
    write_editor(blank, tmp_path / "form.html")
    data, _ = read_page(tmp_path / "form.html")
    kind, content = data["picture"].split(",")
    assert kind == "data:image/webp;base64"
    with PIL.Image.open(io.BytesIO(base64.b64decode(content))) as shown:
        grey = np.asarray(shown.convert("L")).astype(int)
    assert abs(grey - np.asarray(PIL.Image.open(blank))).mean() < 3


def test_a_skewed_blank_is_straightened_beside_the_page(blank, tmp_path):
    with open_scan(blank) as scan:
        page = scan.read(0)
    PIL.Image.fromarray(deskew(page, 2.0)).save(blank)
    write_editor(blank, tmp_path / "form.html")
    assert read_page(tmp_path / "form.html")[1]["blank"] == "form.blank.png"
    with open_scan(tmp_path / "form.blank.png") as scan:
        assert abs(scan.read(0).astype(int) - page).mean() < 20
    (tmp_path / "form.html").unlink()
    with pytest.raises(OutputError, match=r"form\.blank\.png exists"):
        write_editor(blank, tmp_path / "form.html")


def test_a_page_without_fields_begins_with_none(tmp_path):
    PIL.Image.fromarray(np.full((600, 400), 255, np.uint8)).save(tmp_path / "b.png")
    summary, _ = write_editor(tmp_path / "b.png", tmp_path / "form.html")
    assert "begins with no fields" in summary
    assert read_page(tmp_path / "form.html")[1]["fields"] == []


def test_a_form_is_opened_as_it_is_mistakes_and_all(blank):
    fields = [{"name": "", "digits": "nine", "new": [1.5]}, {"name": "a", "kind": "x"}]
    content = {"blank": "blank.png", "fields": fields, "most": 10**30, "more": None}
    source = blank.parent / "exam.json"
    source.write_text(json.dumps(content))
    write_editor(source, blank.parent / "edit.html")
    data, form = read_page(blank.parent / "edit.html")
    assert form == content
    assert data["name"] == "exam.json"


def test_paths_of_a_form_lead_from_the_page(blank, tmp_path):
    choices = {"file": "../ids.csv", "column": "id"}
    content = {"blank": "blank.png", "fields": [{"name": "a", "choices": choices}]}
    (blank.parent / "exam.json").write_text(json.dumps(content))
    write_editor(blank.parent / "exam.json", tmp_path / "edit.html")
    _, form = read_page(tmp_path / "edit.html")
    assert form["blank"] == "scans/blank.png"
    assert form["fields"][0]["choices"] == {"file": "ids.csv", "column": "id"}


def test_the_page_of_a_form_may_be_another(blank, tmp_path):
    (tmp_path / "exam.json").write_text('{"fields": []}')
    with pytest.raises(FormError, match="name it with --blank"):
        write_editor(tmp_path / "exam.json", tmp_path / "edit.html")
    write_editor(tmp_path / "exam.json", tmp_path / "edit.html", blank=blank)
    assert read_page(tmp_path / "edit.html")[1]["blank"] == "scans/blank.png"


def test_a_drawing_is_edited_too(blank, tmp_path):
    points = [[196, 296], [420, 352]]
    shape = {"label": "id", "shape_type": "rectangle", "points": points}
    size = {"imageHeight": 1000, "imageWidth": 1240}
    drawing = {"imagePath": "blank.png", **size, "shapes": [shape]}
    (tmp_path / "drawing.json").write_text(json.dumps(drawing))
    write_editor(tmp_path / "drawing.json", tmp_path / "form.html", blank=blank)
    data, form = read_page(tmp_path / "form.html")
    [field] = form["fields"]
    assert (field["name"], field["digits"]) == ("id", 6)
    assert data["name"] == "form.json"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"fields": 3}', "must be a list of objects"),
        ('{"fields": [3]}', "must be a list of objects"),
        ('{"fields": [', "is not JSON"),
        ('{"blank": "blank.png", "fields": [], "x": NaN}', "that JSON does not have"),
        ('{"blank": "none.png", "fields": []}', "none.png"),
    ],
)
def test_what_is_no_form_is_refused(blank, tmp_path, text, told):
    source = blank.parent / "exam.json"
    source.write_text(text)
    with pytest.raises((ValueError, OSError), match=told):
        write_editor(source, tmp_path / "edit.html")
    assert not (tmp_path / "edit.html").exists()


def test_what_is_read_is_not_written_over(blank):
    with pytest.raises(FormError, match="is read, and would be written over"):
        write_editor(blank, blank, overwrite=True)
    with open_scan(blank) as scan:
        assert scan.read(0).shape == (1000, 1240)
