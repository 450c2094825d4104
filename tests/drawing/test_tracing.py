"""Drawn handwriting: every digit in every manner, and nobody's twice the same."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipelines.drawing import draw_writer, trace_digit
from pipelines.drawing.writers import smooth_curve, smooth_stroke


@pytest.fixture
def writer():
    return draw_writer(0)


def slant(strokes):
    """Lean in degrees of the straight line through a stem."""
    x, y, _ = np.vstack(strokes).T
    return np.degrees(np.arctan(-np.polyfit(y, x, 1)[0]))


def test_a_writer_who_leans_right_draws_stems_that_lean_right(writer):
    stems = {
        lean: np.median(
            [
                slant(trace_digit("1", replace(writer, slant=lean), random_state=seed))
                for seed in range(20)
            ]
        )
        for lean in (-10.0, 20.0)
    }
    assert stems[20.0] - stems[-10.0] == pytest.approx(30, abs=8)


def test_a_smooth_curve_passes_through_its_control_points():
    points = np.array([[0.0, 0.0], [0.3, 0.5], [0.1, 0.9], [0.5, 1.0]])
    curve = smooth_curve(points)
    nearest = np.linalg.norm(curve[:, None] - points, axis=2).min(axis=0)
    assert nearest.max() < 1e-9


def test_pieces_of_a_stroke_meet_in_their_corner():
    down, up = np.array([[0.0, 0.0], [0.2, 1.0]]), np.array([[0.3, 0.9], [0.5, 0.0]])
    path = smooth_stroke([down, up])
    steps = np.hypot(*np.diff(path, axis=0).T)
    assert steps.max() < 0.03
    assert_array_equal(path[[0, -1]], [[0.0, 0.0], [0.5, 0.0]])
