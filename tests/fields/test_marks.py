"""Boxes to tick, as a network sees them."""

import cv2
import numpy as np
import pytest

from pipelines.drawing import draw_blank_form
from pipelines.fields.marks import MARK_SHAPE, cut_marks
from pipelines.pages.register import prepare_blank, register

BOXES = [(1701, 488, 33, 33), (1701, 630, 33, 33)]


@pytest.fixture(scope="module")
def blank():
    return prepare_blank(draw_blank_form()[0])


def _cut(page, blank):
    return cut_marks(page, register(page, blank), blank, BOXES)


def test_an_empty_box_is_seen_empty_in_the_middle_of_its_picture(blank):
    cut = _cut(blank.image.copy(), blank)
    assert cut.pictures.shape == (2, *MARK_SHAPE)
    assert not cut.pictures.any()
    np.testing.assert_allclose(cut.quads[1][0], (629.5, 1700.5), atol=1)


def test_a_tick_is_seen_where_it_is(blank):
    page = blank.image.copy()
    cv2.line(page, (640, 1725), (655, 1707), 40, 3)
    empty, ticked = _cut(page, blank).pictures
    assert not empty.any()
    assert ticked[9:19, 9:19].max() > 150
    assert not ticked[:5].any()


def test_a_pencil_as_pale_as_the_print_is_not_lost_with_it():
    page = draw_blank_form()[0]
    pale = np.where(page < 250, 170, page).astype(np.uint8)
    blank = prepare_blank(pale)
    ticked = pale.copy()
    cv2.line(ticked, (640, 1725), (655, 1707), 165, 3)
    _, picture = _cut(ticked, blank).pictures
    assert picture[9:19, 9:19].max() > 50


def test_a_box_at_the_edge_of_the_page_is_cut_too(blank):
    registration = register(blank.image, blank)
    cut = cut_marks(blank.image, registration, blank, [(2, 2, 30, 30)])
    assert cut.pictures.shape == (1, *MARK_SHAPE)
