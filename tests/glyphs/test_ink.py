"""Ink is separated from specks, and what cancels a box from what is written."""

import cv2
import numpy as np
import pytest

from pipelines.drawing import draw_digit, draw_writer
from pipelines.glyphs.ink import ink_level, is_cancelled

BOX = (64, 56)


def canvas():
    return np.zeros(BOX, dtype=np.uint8)


def stroke(ink, *points):
    cv2.polylines(ink, [np.array(points, dtype=np.int32)], False, 1, 3)
    return ink


def test_a_cross_cancels():
    assert is_cancelled(
        stroke(stroke(canvas(), (4, 3), (52, 60)), (50, 5), (5, 58)), BOX
    )


def test_a_stroke_from_corner_to_corner_cancels():
    assert is_cancelled(stroke(canvas(), (4, 60), (52, 4)), BOX)


def test_a_dash_cancels():
    assert is_cancelled(stroke(canvas(), (12, 31), (44, 33)), BOX)


def test_a_scribble_cancels():
    zigzag = [(6 + 46 * (n % 2), 6 + 3 * n) for n in range(17)]
    assert is_cancelled(stroke(canvas(), *zigzag), BOX)


def test_an_empty_box_is_not_cancelled():
    assert not is_cancelled(canvas(), BOX)


def test_a_slanted_one_is_a_digit():
    assert not is_cancelled(stroke(canvas(), (20, 56), (36, 8)), BOX)


@pytest.mark.parametrize("label", range(10))
def test_digits_of_many_writers_are_not_cancelled(label):
    cancelled = 0
    for seed in range(30):
        writer = draw_writer(seed)
        digit = draw_digit(str(label), writer, random_state=seed)
        ink = (digit < 160).astype(np.uint8)
        cancelled += is_cancelled(ink, digit.shape)
    assert cancelled == 0


def test_pencil_is_ink_among_black_specks():
    pixels = np.full(10_000, 255, dtype=np.uint8)
    pixels[:500], pixels[500:550] = 170, 0
    assert ink_level(pixels) == 170
