"""Drafts: fields of a blank page, named, and three files to edit them by."""

import json

import cv2
import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_array_equal

from lenet_sklearn.outputs import OutputError
from pipelines.forms.drafting import draft_form, draw_draft, write_draft
from pipelines.forms.form import Form, FormError
from pipelines.pages.upright import deskew
from pipelines.scans.read import open_scan


@pytest.fixture
def blank():
    """The upper half of an A4 page of 150 dpi: text, a comb of six, and a box."""
    page = np.full((1000, 1240), 255, dtype=np.uint8)
    for row in range(11):
        at = (150, 600 + 35 * row)
        words = "Some lines of text that show which way the page runs."
        cv2.putText(page, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.9, 0, 2)
    for left in range(200, 416, 36):
        cv2.rectangle(page, (left, 300), (left + 36, 348), 0, 2)
    cv2.rectangle(page, (700, 310), (900, 350), 0, 2)
    return page


@pytest.fixture
def blank_file(blank, tmp_path):
    path = tmp_path / "scan.png"
    PIL.Image.fromarray(blank).save(path)
    return path


def test_fields_are_named_in_reading_order(blank):
    comb, box = draft_form(blank).fields
    assert (comb.name, comb.kind, comb.digits) == ("field_01", "comb", 6)
    assert comb.box == pytest.approx((300, 200, 48, 216), abs=2)
    assert (box.name, box.kind, box.digits) == ("field_02", "box", None)
    assert box.box == pytest.approx((310, 700, 40, 200), abs=3)


def test_a_straight_page_stays_as_it_is(blank):
    assert_array_equal(draft_form(blank).page, blank)


@pytest.mark.parametrize("angle", [-4.0, 2.5])
def test_a_skewed_page_is_straightened(blank, angle):
    draft = draft_form(deskew(blank, angle))
    comb, _ = draft.fields
    assert comb.box == pytest.approx((300, 200, 48, 216), abs=5)


def test_a_comb_that_is_tilted_on_a_straight_page_is_looked_for(blank):
    tilted = deskew(blank[280:370, 100:500], 5.0)
    blank[250:450, 100:500] = 255
    blank[280:370, 100:500] = tilted
    comb, _ = sorted(draft_form(blank).fields, key=lambda field: field.kind)[::-1]
    assert (comb.kind, comb.digits, comb.box) == ("comb", 6, None)


def test_a_page_without_fields_is_refused():
    with pytest.raises(FormError, match="no field found on this page"):
        draft_form(np.full((1754, 1240), 255, dtype=np.uint8))


def test_the_picture_shows_every_field_in_colour(blank):
    draft = draft_form(blank)
    picture = draw_draft(draft)
    assert picture.shape == (*blank.shape, 3)
    for place in draft.places:
        x, y = np.rint(place.quad[0]).astype(int)
        red, _, blue = picture[y, x + 5].astype(int)
        assert abs(red - blue) > 100


def test_a_draft_can_be_read_as_a_form(blank, blank_file, tmp_path):
    output = tmp_path / "form.json"
    summary = write_draft(blank_file, output)
    assert "1 comb field and 1 single box" in summary
    form = Form.from_file(output)
    assert [field.name for field in form.fields] == ["field_01", "field_02"]
    assert_array_equal(form.load_blank(), blank)
    assert json.loads(output.read_text())["blank"] == "form.blank.png"
    with PIL.Image.open(tmp_path / "form.png") as picture:
        assert picture.size == blank.shape[::-1]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("scan.json", FormError),
        ("scan.png", FormError),
        ("none/form.json", OutputError),
    ],
)
def test_a_draft_is_not_written_over_the_blank_or_nowhere(blank_file, name, error):
    before = blank_file.read_bytes()
    with pytest.raises(error):
        write_draft(blank_file, blank_file.parent / name)
    assert blank_file.read_bytes() == before
    assert list(blank_file.parent.iterdir()) == [blank_file]


def test_a_form_that_somebody_has_edited_is_not_drafted_anew_unasked(
    blank_file, tmp_path
):
    output = tmp_path / "form.json"
    output.write_text("edited")
    with pytest.raises(FormError, match=r"exists.*--force"):
        write_draft(blank_file, output)
    assert output.read_text() == "edited"
    write_draft(blank_file, output, overwrite=True)
    assert Form.from_file(output).fields


@pytest.mark.parametrize(
    "name", ["form.png", pytest.param("form.blank.png", marks=pytest.mark.slow)]
)
def test_a_picture_that_is_there_is_not_replaced_unasked(blank_file, tmp_path, name):
    (tmp_path / name).write_bytes(b"a filled scan")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(FormError, match=rf"{name}: exists.*--force"):
        write_draft(blank_file, tmp_path / "form.json")
    assert (tmp_path / name).read_bytes() == b"a filled scan"
    assert sorted(tmp_path.iterdir()) == before
    write_draft(blank_file, tmp_path / "form.json", overwrite=True)
    write_draft(blank_file, tmp_path / "form.json", overwrite=True)


def test_a_blank_of_several_pages_is_the_form_of_its_first(blank, tmp_path):
    page = PIL.Image.fromarray(blank)
    path = tmp_path / "scan.tif"
    page.save(path, save_all=True, append_images=[page, page])
    summary = write_draft(path, tmp_path / "form.json")
    assert "has 3 pages; this is the form of the first" in summary


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (5, 15000)])
def test_what_is_no_page_has_no_fields(shape):
    with pytest.raises(FormError, match="no field found"):
        draft_form(np.full(shape, 240, np.uint8))


def test_a_blank_without_fields_writes_nothing(tmp_path):
    path = tmp_path / "scan.png"
    PIL.Image.new("L", (1240, 1754), 255).save(path)
    with pytest.raises(FormError, match=r"scan\.png: no field found"):
        write_draft(path, tmp_path / "form.json")
    assert list(tmp_path.iterdir()) == [path]


def test_a_clean_render_of_a_tally_form_stays_as_it_is(scans):
    with open_scan(scans / "cdigital" / "blank" / "c.hasil_pwp_3.png") as scan:
        page = scan.read(0)
    draft = draft_form(page)
    assert_array_equal(draft.page, page)
    assert sum(field.digits == 3 for field in draft.fields) == 6
    assert all(field.box is not None for field in draft.fields)
