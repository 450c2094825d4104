"""Ink on paper: it darkens what is there, and stays on the page."""

import numpy as np
import pytest

from pipelines.drawing import Pen, ink_strokes


@pytest.fixture
def pen():
    return Pen(width=1.0, darkness=0.5, give=0.0, grain=0.0, skips=0.0)


def level(y, start=10.0, stop=90.0):
    """Trace a horizontal stroke of even pressure."""
    x = np.linspace(start, stop, 50)
    return np.column_stack([x, np.full(50, y), np.ones(50)])


def test_a_line_is_as_wide_as_its_pen(pen):
    page = np.full((60, 100), 255, dtype=np.uint8)
    ink_strokes(page, [level(30.0)], pen, dpi=254, random_state=0)  # 10 pixels to 1 mm
    coverage = (255 - page[:, 50].astype(int)) / (255 - page.min())
    assert coverage.sum() == pytest.approx(10, abs=1)
    assert coverage @ np.arange(60) / coverage.sum() == pytest.approx(29.5, abs=0.5)


def test_a_printed_line_stays_visible_under_ink(pen):
    page = np.full((60, 100), 255, dtype=np.uint8)
    page[:, 49:52] = 100
    ink_strokes(page, [level(30.0)], pen, random_state=0)
    assert page[30, 50] < page[30, 40] < 150
    assert page[10, 50] == 100


def test_ink_is_as_dark_as_its_pen_says(pen):
    page = np.full((60, 100), 200, dtype=np.uint8)
    ink_strokes(page, [level(30.0)], pen, random_state=0)
    assert page[30, 20:80].mean() == pytest.approx(100, abs=10)


@pytest.mark.parametrize("y", [-1.0, -200.0, 62.0, 900.0])
def test_strokes_over_the_edge_are_cut_off(pen, y):
    page = np.full((60, 100), 255, dtype=np.uint8)
    ink_strokes(page, [level(y, -50.0, 150.0)], pen, random_state=0)
    is_near = -5 < y < 65
    assert (page.min() < 255) == is_near
