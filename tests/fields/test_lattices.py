"""Grids are found as a whole, also in perspective and where the paper is bent."""

import cv2
import numpy as np
import pytest

from pipelines import cut_comb, find_combs


def draw_grid(n_rows, n_columns, side=60, top=100, left=80, shape=(900, 900)):
    page = np.full(shape, 235, np.uint8)
    for n in range(n_rows + 1):
        y = top + n * side
        cv2.line(page, (left, y), (left + n_columns * side, y), 60, 2)
    for n in range(n_columns + 1):
        x = left + n * side
        cv2.line(page, (x, top), (x, top + n_rows * side), 60, 2)
    return page


def seen_from_aside(page):
    side = page.shape[0]
    flat = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    seen = np.array([[60, 40], [side - 90, 10], [side, side], [0, side - 40]])
    matrix = cv2.getPerspectiveTransform(flat, seen.astype(np.float32))
    return cv2.warpPerspective(page, matrix, page.shape[::-1], borderValue=235), matrix


def bent(page, depth=10):
    """Lift the paper on the left and let it sink on the right, as a newspaper lies."""
    y, x = np.mgrid[: page.shape[0], : page.shape[1]].astype(np.float32)
    lift = depth * np.sin(2 * np.pi * x / page.shape[1])
    return cv2.remap(page, x, y + lift, cv2.INTER_LINEAR, borderValue=235), lift[0]


def test_a_grid_in_perspective_has_all_its_rows_in_order():
    page, matrix = seen_from_aside(draw_grid(9, 9))
    combs = find_combs(page, 9)
    assert len(combs) == 9
    for n, comb in enumerate(combs):
        flat = np.array([[80, 100], [620, 100], [620, 160], [80, 160]])
        flat[:, 1] += 60 * n
        expected = cv2.perspectiveTransform(flat[None].astype(np.float64), matrix)[0]
        np.testing.assert_allclose(comb.quad, expected, atol=3)


def test_walls_of_a_bent_grid_are_where_they_are_printed():
    page, lift = bent(draw_grid(6, 8))
    combs = find_combs(page, 8)
    assert len(combs) == 6
    for n, comb in enumerate(combs):
        assert comb.walls is not None
        x, y = np.moveaxis(comb.walls, -1, 0)
        printed = 100 + 60 * (n + np.array([[0], [1]]))
        np.testing.assert_allclose(y, printed - lift[np.rint(x).astype(int)], atol=2.5)


def test_a_row_of_bent_paper_is_cut_out_straight():
    page, _ = bent(draw_grid(6, 8))
    field, frame = cut_comb(page, find_combs(page, 8)[2])
    for row in (frame.top, frame.bottom):
        inner = np.s_[round(row) - 2 : round(row) + 3, round(frame.left) :]
        dark = field[inner][:, : round(frame.right - frame.left)].min(axis=0) < 150
        assert dark.mean() > 0.95


@pytest.mark.parametrize("columns", [3, 8, 10])
def test_a_grid_of_other_columns_is_not_found(columns):
    page, _ = bent(draw_grid(6, 9))
    assert find_combs(page, columns) == []


def test_the_head_of_a_table_is_no_row_of_its_grid():
    page, _ = bent(draw_grid(5, 4, top=200))
    cv2.rectangle(page, (80, 160), (320, 198), 60, 2)
    assert len(find_combs(page, 4)) == 5
