"""Drawn handwriting: every digit in every manner, and nobody's twice the same."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipelines.drawing import draw_digit, draw_string, draw_writer, trace_digit
from pipelines.drawing.allographs import ALLOGRAPHS
from pipelines.drawing.tracing import smooth_curve


@pytest.fixture
def writer():
    return draw_writer(0)


def slant(strokes):
    """Lean in degrees of the straight line through a stem."""
    x, y, _ = np.vstack(strokes).T
    return np.degrees(np.arctan(-np.polyfit(y, x, 1)[0]))


def test_every_digit_has_several_shapes():
    assert set(ALLOGRAPHS) == set("0123456789")
    assert all(len(shapes) >= 3 for shapes in ALLOGRAPHS.values())


def test_the_same_seed_draws_the_same_digit(writer):
    first = draw_digit("8", writer, random_state=5)
    assert_array_equal(first, draw_digit("8", writer, random_state=5))


def test_a_writer_never_draws_the_same_digit_twice(writer):
    first, second = (draw_digit("8", writer, random_state=seed) for seed in (5, 6))
    assert first.shape != second.shape or (first != second).any()


def test_drawing_leaves_the_global_generator_alone(writer, numpy_state):
    before = numpy_state()
    draw_digit("3", writer)
    assert numpy_state() == before


@pytest.mark.parametrize("label", "0123456789")
def test_a_digit_is_as_high_as_it_was_asked_to_be(label, writer):
    strokes = trace_digit(label, writer, random_state=0)
    height = np.ptp(np.vstack(strokes)[:, 1])
    assert 0.85 < height < 1.15
    image = draw_digit(label, writer, height=80, random_state=0)
    rows = np.flatnonzero((image < 160).any(axis=1))
    assert rows[-1] - rows[0] == pytest.approx(80 * height, abs=10)


def test_a_digit_fits_its_image_and_touches_no_edge(writer):
    image = draw_digit("2", writer, random_state=0)
    edges = np.r_[image[0], image[-1], image[:, 0], image[:, -1]]
    assert edges.min() == 255
    assert image.min() < 128


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


def test_a_wider_pen_leaves_more_ink(writer):
    fine, broad = (
        replace(writer, pen=replace(writer.pen, width=width)) for width in (0.3, 0.6)
    )
    thin = np.sum(255 - draw_digit("5", fine, random_state=0).astype(int))
    thick = np.sum(255 - draw_digit("5", broad, random_state=0).astype(int))
    assert thick / thin == pytest.approx(2.0, rel=0.2)


def test_a_string_is_wider_than_its_digits_are_high(writer):
    image = draw_string("20519", writer, height=40, random_state=0)
    assert image.shape[1] > 2 * image.shape[0]
    n_inked_columns = (image < 200).any(axis=0).sum()
    assert n_inked_columns > 0.5 * image.shape[1]


def test_an_empty_string_is_blank_paper(writer):
    assert draw_string("", writer).min() == 255


def test_a_smooth_curve_passes_through_its_control_points():
    points = np.array([[0.0, 0.0], [0.3, 0.5], [0.1, 0.9], [0.5, 1.0]])
    curve = smooth_curve(points)
    nearest = np.linalg.norm(curve[:, None] - points, axis=2).min(axis=0)
    assert nearest.max() < 1e-9


def test_what_is_no_digit_is_refused(writer):
    with pytest.raises(ValueError, match=r"expects one of the digits 0 to 9\. Got 'x'"):
        draw_digit("x", writer)
