"""Whole boxes as networks take them."""

import numpy as np
import pytest

from pipelines.glyphs.windows import look_into

BOX = (20.0, 10.0, 60.0, 60.0)


def field_of(grey, *, rows=slice(20, 50), columns=slice(38, 42)):
    field = np.full((70, 80), 255, np.uint8)
    field[rows, columns] = grey
    return field


@pytest.mark.parametrize("grey", [0, 120, 220])
def test_faint_strokes_are_shown_as_dark_ones(grey):
    window = look_into(field_of(grey), BOX)
    assert window.shape == (28, 28)
    assert window.dtype == np.uint8
    assert window.max() == 255


def test_grain_is_not_enlarged_to_marks():
    field = np.random.default_rng(0).normal(253, 1, (70, 80)).clip(0, 255)
    assert look_into(field.astype(np.uint8), BOX).max() < 100


def test_what_is_written_keeps_its_size_and_place():
    rows, _ = np.nonzero(look_into(field_of(0), BOX) > 127)
    # 50 rows of the box are 22 of the window; the stroke takes 30 of them.
    assert np.ptp(rows) + 1 == pytest.approx(30 * 22 / 50, abs=1)
    low = look_into(field_of(0, rows=slice(45, 58)), BOX)
    assert np.nonzero(low > 127)[0].mean() > rows.mean() + 3


def test_boxes_at_the_edge_of_a_field_are_shown_whole():
    field = np.full((30, 30), 255, np.uint8)
    field[:, 14:16] = 0
    window = look_into(field, (0.0, 0.0, 30.0, 30.0))
    assert window.shape == (28, 28)
    assert not window[:2].any()
    assert window[14].max() == 255
