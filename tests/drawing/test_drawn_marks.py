"""Drawn ticks, and what is drawn beside them."""

import numpy as np
import pytest

from pipelines.drawing import draw_pen
from pipelines.drawing.marks import MARKS, draw_marked_page, fill_mark, trace_mark


@pytest.mark.parametrize("kind", MARKS)
def test_a_mark_is_the_same_for_the_same_seed(kind):
    one, other = trace_mark(kind, 5), trace_mark(kind, 5)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert bool(one) == (kind != "nothing")


def test_corrections_reach_beyond_their_box_and_fillings_do_not():
    for seed in range(20):
        corrected = np.vstack(trace_mark("struck", seed))
        assert np.abs(corrected[:, 0]).max() > 0.65
        assert np.abs(np.vstack(trace_mark("filling", seed))[:, :2]).max() < 0.85


def test_an_erased_mark_is_paler_than_a_drawn_one():
    pages = []
    for kind in ("cross", "erased"):
        page = np.full((80, 80), 255, np.uint8)
        fill_mark(page, (25, 25, 30, 30), kind, draw_pen(1), random_state=3)
        pages.append(int(page.min()))
    assert pages[0] < 150 < 200 < pages[1] < 255


def test_what_is_written_beside_boxes_stays_out_of_them():
    page = draw_marked_page(dpi=100, shape="box", random_state=2)
    changed = page.filled < page.blank
    empty = [b for b, m in zip(page.boxes, page.marks, strict=True) if m == "near"]
    for top, left, height, width in empty:
        inset = round(0.3 * height)
        inner = np.s_[
            top + inset : top + height - inset, left + inset : left + width - inset
        ]
        assert changed[inner].mean() < 0.3
