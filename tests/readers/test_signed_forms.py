"""Forms with signs, from the page to the value."""

import cv2
import numpy as np
import pytest

from lenet_sklearn import load_dataset
from pipelines import DrawnLines, Field, Form, FormReader
from pipelines.drawing import draw_blank_form, draw_string, draw_writer

BOX = (365, 1150, 90, 330)


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    """The file of a blank page, and the page with `-12.5` written on it."""
    path = tmp_path_factory.mktemp("sheet") / "blank.png"
    top, left, height, width = BOX
    blank, _ = draw_blank_form()
    cv2.rectangle(blank, (left, top), (left + width, top + height), 0, 2)
    cv2.imwrite(str(path), blank)
    page = blank.copy()
    x = left + 70
    cv2.line(page, (x - 40, top + 46), (x - 18, top + 45), 40, 4, cv2.LINE_AA)
    for n, digit in enumerate("125"):
        glyph = draw_string(digit, draw_writer(3), height=50, random_state=n)
        part = page[top + 18 : top + 18 + len(glyph), x : x + glyph.shape[1]]
        np.minimum(part, glyph, out=part)
        x += glyph.shape[1] + (2 if n != 1 else 16)
        if n == 1:
            cv2.circle(page, (x - 10, top + 68), 3, 40, -1, cv2.LINE_AA)
    return path, page


def read(sheet, **keys):
    path, page = sheet
    field = Field(name="change", kind="line", box=BOX, **keys)
    reader = FormReader(Form(blank=path, fields=[field]), locate_digits=True)
    return reader.read(page).fields["change"]


def test_a_negative_decimal_is_read_on_a_page(sheet):
    found = read(sheet, characters="0123456789.-")
    assert found.value == "-12.5"
    assert found.digit_quads == ()


def test_a_field_without_signs_is_read_as_digits_that_are_found_on_the_page(sheet):
    found = read(sheet)
    assert found.value.isdigit()
    assert len(found.digit_quads) == len(found.value)


def test_an_amount_on_a_page_has_its_places(sheet):
    found = read(sheet, characters="0123456789.-", decimals=1)
    assert (found.value, found.raw) == ("-12.5", "-12.5")
    other = read(sheet, characters="0123456789.-", decimals=2)
    assert other.status in ("invalid", "rejected")


def test_nothing_is_learned_from_fields_with_signs(sheet):
    path, page = sheet
    fields = [
        Field(name="change", kind="line", box=BOX, characters="0123456789.-"),
        Field(name="digits", kind="line", box=BOX),
    ]
    reader = FormReader(Form(blank=path, fields=fields))
    assert list(reader.cut(page)) == ["digits"]


@pytest.mark.slow  # draws hundreds of shapes
def test_drawn_lines_with_signs_are_of_the_glyphs_that_are_given():
    digits, labels = load_dataset("digits")
    keep = labels < 3
    lines = DrawnLines(digits[keep], labels[keep], n_lines=200, signs=True)
    assert set("".join(lines.texts)) & set("0123456789") == set("012")
