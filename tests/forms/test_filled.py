"""Forms of filled-in pages: what they share is print, and what differs is writing."""

import cv2
import numpy as np
import PIL.Image
import pytest

from pipelines.drawing import draw_blank_form, draw_writer, fill_form
from pipelines.forms.editing import write_editor
from pipelines.forms.files import FormError
from pipelines.forms.filled import draft_filled, write_filled
from pipelines.forms.form import Form
from pipelines.pages.upright import deskew
from pipelines.scans.find import ScanError

_DPI = 110.0


def _fill(n_pages, dates=("20113126",)):
    """Fill in the drawn form, with a date that begins and ends on all pages alike."""
    page, fields = draw_blank_form(dpi=_DPI)
    rng = np.random.default_rng(5)
    for index in range(n_pages):
        entries = {"exam_date": dates[index % len(dates)], "room": f"{index:04}"}
        writer = draw_writer(rng)
        filled = fill_form(page, fields, entries, writer, dpi=_DPI, random_state=rng)
        yield deskew(filled, rng.uniform(-1, 1))


@pytest.fixture(scope="module")
def pile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pile")
    for index, page in enumerate(_fill(4)):
        PIL.Image.fromarray(page).save(folder / f"page_{index}.png")
    return folder


@pytest.fixture(scope="module")
def drafted(pile):
    return draft_filled(sorted(pile.iterdir()))


def _box_of(draft, digits):
    [box] = [field.box for field in draft.fields if field.digits == digits]
    return box


def test_the_fields_of_filled_pages_are_those_of_the_blank(drafted):
    draft, _ = drafted
    _, fields = draw_blank_form(dpi=_DPI)
    assert [f.digits for f in draft.fields if f.kind == "comb"] == [
        field.digits for field in fields
    ]
    number = _box_of(draft, 9)
    # The frame is that of a page, which was turned about its middle.
    for field, drawn in (
        (_box_of(draft, 8), fields[2]),
        (_box_of(draft, 6), fields[1]),
    ):
        apart = np.subtract(field, number) - np.subtract(drawn.box, fields[0].box)
        assert np.abs(apart).max() <= 2 * _DPI / 25.4


def test_what_everybody_writes_into_one_box_is_no_print(drafted):
    draft, notes = drafted
    top, left, height, width = _box_of(draft, 8)
    boxes = np.array_split(draft.page[top : top + height, left : left + width], 8, 1)
    for box in boxes:
        assert (box[6:-6, 6:-6] == 255).all()
    assert any("is taken for writing" in note for note in notes)


def test_fields_that_nobody_has_filled_in_are_named(drafted):
    draft, notes = drafted
    [note] = [note for note in notes if note.startswith("no page has anything")]
    names = note.removeprefix("no page has anything written in ").split(", ")
    filled = {field.name for field in draft.fields} - set(names)
    boxes = {_box_of(draft, digits) for digits in (4, 8)}
    assert {field.box for field in draft.fields if field.name in filled} == boxes


def test_a_foreign_page_is_left_out_and_named(pile, tmp_path):
    page = np.full((700, 909), 255, np.uint8)
    for row in range(15):
        text = f"Dear Sir, this is line {row} of a letter."
        cv2.putText(page, text, (110, 73 + 37 * row), 0, 0.88, 0, 2)
    PIL.Image.fromarray(page).save(tmp_path / "letter.png")
    paths = [tmp_path / "letter.png", *sorted(pile.iterdir())[:3]]
    _, notes = draft_filled(paths)
    assert "letter.png is left out: " in notes[0]
    assert any("what 3 of 4 pages share" in note for note in notes)


def test_two_pages_are_too_few(pile, tmp_path):
    with pytest.raises(FormError, match=r"^3 filled-in pages.*of 2, 2 fit.*--edit"):
        write_filled(sorted(pile.iterdir())[:2], tmp_path / "form.json")
    assert not list(tmp_path.iterdir())


def test_copies_of_a_page_tell_nothing(pile, tmp_path):
    first = sorted(pile.iterdir())[0]
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(first.read_bytes())
    with pytest.raises(
        FormError, match=r"of 3, 1 fit together.*b\.png is left out: it"
    ):
        write_filled([tmp_path], tmp_path / "form.json")


def test_a_form_of_filled_pages_is_written_with_its_blank(pile, tmp_path):
    summary, notes = write_filled([pile], tmp_path / "form.json")
    assert summary.startswith(f"{tmp_path / 'form.json'}: 11 comb fields")
    assert any("4 of 4 pages share" in note for note in notes)
    form = Form.from_file(tmp_path / "form.json")
    assert form.blank == tmp_path / "form.blank.png"
    with pytest.raises(FormError, match="exists"):
        write_filled([pile], tmp_path / "form.json")


@pytest.mark.slow  # the pages are drafted from above
def test_a_form_of_filled_pages_is_edited_on_what_they_share(pile, tmp_path):
    summary, _ = write_editor([pile], tmp_path / "form.html")
    assert "begins with" in summary
    assert "form.blank.png" in (tmp_path / "form.html").read_text(encoding="utf-8")
    assert (tmp_path / "form.blank.png").exists()
    with pytest.raises(FormError, match="is the blank page"):
        write_editor([pile], tmp_path / "b.html", blank=tmp_path / "form.blank.png")


def test_a_page_that_cannot_be_read_is_named(pile, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"none")
    _, notes = draft_filled([*sorted(pile.iterdir())[:3], tmp_path / "bad.png"])
    assert notes[0].startswith("left out: ")
    with pytest.raises(ScanError):
        write_filled([tmp_path / "nowhere"], tmp_path / "form.json")
