"""Find what is to be ticked on blank pages."""

from collections import Counter

import cv2
import numpy as np
import pytest

from pipelines.drawing import draw_blank_form
from pipelines.drawing.marks import draw_marked_page
from pipelines.fields.boxes import find_boxes
from pipelines.fields.ticks import find_marks


def _paper():
    return np.full((1100, 800), 255, dtype=np.uint8)


def test_boxes_beside_text_are_marks():
    page, _ = draw_blank_form()
    marks = find_marks(page, find_boxes(page))
    assert [mark.kind for mark in marks] == ["mark"] * 4
    lefts = sorted(mark.box[1] for mark in marks)
    assert lefts == [488, 630, 1181, 1323]


def test_rows_of_circles_are_choices():
    page = _paper()
    for row, left in [(300, 100), (300, 140), (300, 180), (400, 100), (400, 140)]:
        cv2.circle(page, (left, row), 8, 20, 1, cv2.LINE_AA)
    marks = find_marks(page)
    assert sorted((mark.kind, mark.cells) for mark in marks) == [
        ("choice", 2),
        ("choice", 3),
    ]
    assert all(mark.is_round for mark in marks)


@pytest.mark.parametrize(
    "shape", ["circle", pytest.param("oval", marks=pytest.mark.slow)]
)
def test_all_bubbles_of_a_page_are_found(shape):
    page = draw_marked_page(shape=shape, random_state=51)
    cells = sum(mark.cells for mark in find_marks(page.blank))
    assert cells >= 0.9 * len(page.boxes)


def test_a_single_circle_a_filled_square_and_a_table_are_none():
    page = _paper()
    cv2.circle(page, (100, 100), 9, 20, 1)
    cv2.rectangle(page, (200, 200), (215, 215), 20, -1)
    for left in (300, 316, 332):
        cv2.rectangle(page, (left, 300), (left + 16, 316), 20, 1)
    assert find_marks(page) == []


def test_what_is_known_to_be_a_comb_is_no_mark():
    page = _paper()
    for left in (100, 124, 148):
        cv2.rectangle(page, (left, 300), (left + 17, 317), 20, 1)
    combs = find_boxes(page)
    assert Counter(comb.kind for comb in combs) == {"comb": 1}
    assert find_marks(page, combs) == []
