"""Rows of boxes are found by whatever of them is printed, and only whole ones."""

import cv2
import numpy as np
import pytest

from pipelines import find_combs
from pipelines.drawing import Scanner, scan_page
from pipelines.fields.posts import find_rows

LEFT, TOP, WIDTH, HEIGHT = 300, 500, 56, 68
SHAPE = (2339, 1654)


def line(page, start, stop, on=1, off=0):
    """Draw a line in pieces: `on` pixels of it, then `off` pixels of paper."""
    ends = np.array([start, stop], dtype=float)
    length = np.linalg.norm(ends[1] - ends[0])
    for at in np.arange(0, length, on + off):
        piece = ends[0] + (ends[1] - ends[0]) * np.array([[at], [at + on]]) / length
        cv2.line(page, *np.rint(piece).astype(int).tolist(), 30, 2)


def draw(make, n=7):
    page = np.full(SHAPE, 255, np.uint8)
    right, bottom = LEFT + n * WIDTH, TOP + HEIGHT
    on, off = {"dashed": (10, 7), "dotted": (1, 6)}.get(make, (1, 0))
    for k in range(n + 1):
        x = LEFT + k * WIDTH
        if make == "corners":
            for y, way in ((TOP, 1), (bottom, -1)):
                line(page, (x, y), (x, y + 14 * way))
                line(page, (max(x - 14, LEFT), y), (min(x + 14, right), y))
        elif make in ("tinted", "separate"):
            a, b = (x + 5, TOP), (x + WIDTH - 5, bottom)
            if k < n:
                grey, width = (222, -1) if make == "tinted" else (30, 2)
                cv2.rectangle(page, a, b, grey, width)
        else:
            line(page, (x, TOP), (x, bottom), on, off)
    if make in ("dashed", "dotted"):
        for y in (TOP, bottom):
            line(page, (LEFT, y), (right, y), on, off)
    return page


MAKES = ["open", "dashed", "dotted", "corners", "tinted", "separate"]


@pytest.mark.parametrize("angle", [-2.0, 0.0, 1.5])
@pytest.mark.parametrize("make", MAKES)
def test_a_comb_of_any_make_is_found(make, angle):
    scanner = Scanner(angle=angle, blur=0.7, paper=245, noise=2)
    page = scan_page(draw(make), scanner, random_state=0)
    [comb] = find_combs(page, 7)
    height, width = SHAPE
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    right, bottom = LEFT + 7 * WIDTH, TOP + HEIGHT
    flat = np.array([[LEFT, TOP], [right, TOP], [right, bottom], [LEFT, bottom]])
    expected = flat @ turn[:, :2].T + turn[:, 2]
    np.testing.assert_allclose(comb.quad, expected, atol=5)


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("digits", [3, 6, 8])
def test_a_comb_of_another_number_of_boxes_is_not_found(make, digits):
    assert find_combs(draw(make), digits) == []


def posts_at(*columns, top=50.0, bottom=80.0):
    return np.array([[x, top, bottom] for x in columns])


def test_a_wall_that_is_written_over_may_be_missing():
    [row] = find_rows(posts_at(10, 30, 70, 90, 110, 130))
    assert (row.boxes, row.posts) == (6, 6)


def test_every_other_wall_makes_no_row():
    [row] = find_rows(posts_at(*range(10, 200, 20)))
    assert row.boxes == 9


def test_four_strokes_are_no_row():
    assert list(find_rows(posts_at(10, 30, 50, 70))) == []


def test_a_row_that_may_go_on_is_not_cut_short():
    assert list(find_rows(posts_at(10, 50, 90, 130, 170, 214))) == []


def test_boxes_that_stand_apart_are_one_row():
    lefts = np.arange(10, 130, 24)
    [row] = find_rows(posts_at(*np.sort(np.concatenate([lefts, lefts + 18]))))
    assert (row.boxes, row.gap) == (5, pytest.approx(0.25))
    assert row.quad[:2, 0].tolist() == pytest.approx([7, 127])
