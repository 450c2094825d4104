"""Glyphs are thinned to lines of one pixel that run where the strokes ran."""

import cv2
import numpy as np
import pytest

from pipelines.drawing.shapes import COPYBOOK
from pipelines.drawing.skeletons import (
    SIDE,
    draw_copybook,
    thin_glyphs,
    unpack_skeleton,
)


def draw_glyph(text, thickness):
    glyph = np.zeros((28, 28), np.uint8)
    cv2.putText(glyph, text, (5, 23), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, thickness)
    return glyph


def thin(glyph):
    return unpack_skeleton(thin_glyphs(glyph[None])[0])


def test_skeleton_of_a_bar_is_its_middle():
    glyph = np.zeros((28, 28), np.uint8)
    glyph[4:24, 12:16] = 255
    rows, columns = np.nonzero(thin(glyph))
    assert np.ptp(columns) <= 1
    assert abs(columns.mean() - 2 * 13.75) < 1.0
    assert np.ptp(rows) > 30


@pytest.mark.parametrize(("text", "n_holes"), [("1", 0), ("6", 1), ("8", 2)])
@pytest.mark.parametrize("thickness", [1, 2])
def test_skeleton_is_one_piece_with_the_holes_of_the_digit(text, n_holes, thickness):
    skeleton = thin(draw_glyph(text, thickness))
    assert cv2.connectedComponents(skeleton, connectivity=8)[0] == 2
    paper = cv2.connectedComponents(1 - skeleton, connectivity=4)[0] - 1
    assert paper == 1 + n_holes


def test_skeletons_are_one_pixel_wide():
    skeleton = thin(draw_glyph("8", 2))
    inside = cv2.erode(skeleton, np.ones((2, 2), np.uint8))
    assert inside.sum() <= 2  # at a crossing


def test_glyphs_of_a_batch_do_not_meet():
    glyphs = np.stack([draw_glyph(text, 2) for text in "0123456789" * 10])
    together = thin_glyphs(glyphs)
    for i in (0, 7, 63, 64, 99):
        np.testing.assert_array_equal(together[i], thin_glyphs(glyphs[i : i + 1])[0])


@pytest.mark.parametrize("side", [8, 28, 40])
def test_glyphs_of_any_size_give_skeletons_of_one_size(side):
    glyphs = np.zeros((3, side, side), np.uint8)
    assert thin_glyphs(glyphs).shape == (3, SIDE * SIDE // 8)


def test_no_glyphs_give_no_skeletons():
    assert thin_glyphs(np.zeros((0, 28, 28), np.uint8)).shape == (0, 392)


def test_copybook_draws_each_digit_in_several_shapes():
    for digit in COPYBOOK:
        skeletons = draw_copybook([digit] * 12, np.random.default_rng(0))
        assert len(np.unique(skeletons, axis=0)) == 12
        assert all(unpack_skeleton(row).sum() > 30 for row in skeletons)
