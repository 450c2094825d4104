"""A minus in a box is told from digits, from nothing, and from other marks."""

import cv2
import numpy as np
import pytest

from pipelines import BoxCutter, Field, FieldReader, Form, Frame
from pipelines.drawing import draw_digit, draw_writer
from pipelines.forms.deciding import decide
from pipelines.glyphs.minus import is_minus

FRAME = Frame(10, 10, 190, 70, 4, ruled=False)


def draw(*lines, digits=""):
    """Draw lines into the first box of four, and digits into the last ones."""
    field = np.full((80, 200), 255, np.uint8)
    for start, stop in lines:
        cv2.line(field, start, stop, 60, 3, cv2.LINE_AA)
    for n, digit in enumerate(reversed(digits)):
        glyph = draw_digit(digit, draw_writer(3), height=36, random_state=n)
        part = field[18 : 18 + len(glyph), 153 - 45 * n :][:, : glyph.shape[1]]
        np.minimum(part, glyph, out=part)
    return field


def first(*lines):
    return is_minus(BoxCutter().cut(draw(*lines), FRAME)[0])


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        ((20, 40), (44, 40)),
        ((26, 42), (38, 40)),
        ((14, 37), (52, 44)),
        ((22, 48), (42, 45)),
    ],
)
def test_a_flat_stroke_in_the_middle_is_a_minus(start, stop):
    assert first((start, stop))


@pytest.mark.parametrize(
    "lines",
    [
        (),
        [((32, 20), (31, 60))],  # one
        [((20, 60), (44, 20))],  # a slash
        [((20, 40), (44, 40)), ((32, 28), (32, 52))],  # plus
        [((20, 34), (44, 34)), ((20, 46), (44, 46))],  # equals
        [((18, 13), (46, 13))],  # what was left of the upper line
        [((20, 67), (44, 67))],
        [((20, 22), (44, 22)), ((44, 22), (28, 60))],  # seven
    ],
)
def test_what_is_something_else_is_none(lines):
    assert not first(*lines)


def read(field, **keys):
    form = Form(fields=[Field(name="change", digits=4, **keys)])
    [reading] = FieldReader().read([field], [FRAME], form.fields)
    return decide(form, {"change": reading}, 0.9)["change"]


MINUS = ((20, 42), (42, 41))
PLUS = (MINUS, ((31, 30), (31, 54)))


def test_a_negative_number_is_read_where_a_form_says_so():
    field = draw(MINUS, digits="258")
    signed = read(field, sign=True)
    assert (signed.value, signed.status, signed.raw) == ("-258", "accepted", "-258")
    assert read(field, sign=True, decimals=1).value == "-25.8"
    assert read(draw(digits="258"), sign=True).value == "258"
    assert read(draw(digits="4258"), sign=True).value == "4258"


def test_a_mark_that_may_be_a_sign_is_looked_at():
    doubted = read(draw(*PLUS, digits="258"), sign=True)
    assert doubted.status == "rejected"
    assert str(doubted.veto) == "the first box may hold a sign"


def test_other_combs_are_read_as_ever():
    assert read(draw(MINUS, digits="258")).value == "258"


def test_a_lone_dash_is_a_field_that_is_crossed_out():
    assert read(draw(MINUS), sign=True).value == ""
