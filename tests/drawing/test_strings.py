"""Digits and marks are placed as a hand says, and inked with its pen."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipelines.drawing import draw_digit, draw_string, draw_writer, trace_digit
from pipelines.drawing.lines import draw_bends, ink_line
from pipelines.drawing.paper import Crop
from pipelines.drawing.skeletons import SIDE
from pipelines.drawing.strings import place_line
from pipelines.drawing.writers import Hand

NEAT = Hand(
    slant=0.0, aspect=1.0, pen=0.1, gap=0.3, looseness=0.0, drift=0.0, bend=0.0,
    joins=0.0, small_zeros=1.0, wide_zeros=1.0, habit=1.0, drawn=0.0,
)  # fmt: skip


def draw_ring():
    skeleton = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(skeleton, (28, 28), (14, 20), 0, 0, 360, 1)
    return skeleton


def place(text, hand=NEAT, marks=()):
    rng = np.random.default_rng(0)
    return place_line([draw_ring()] * len(text), text, dict(marks), hand, rng)


def ink(line, hand=NEAT):
    low, high = line.extent()
    shape = tuple(np.ceil(40 * (high - low)[::-1]).astype(int) + 40)
    crop = Crop(shape, 40.0, tuple(20 - 40 * low))
    rng = np.random.default_rng(0)
    return ink_line(line, hand, crop, draw_bends(2, rng), rng)


def count_pieces(ink):
    return cv2.connectedComponents((ink > 0.5).astype(np.uint8))[0] - 1


def test_neat_digits_stand_apart():
    assert count_pieces(ink(place("6894"))) == 4


def test_overlapping_digits_are_one_piece():
    assert count_pieces(ink(place("6894", replace(NEAT, gap=-0.2)))) == 1


def test_joined_digits_are_one_piece():
    hand = replace(NEAT, joins=1.0, gap=0.15)
    assert count_pieces(ink(place("6822", hand), hand)) == 1


def test_marks_stand_between_their_digits():
    marked = place("6894", marks={1: "=", 4: "-"})
    assert count_pieces(ink(marked)) == 4 + 2 + 1
    inner = np.concatenate(marked.paths[:2])[:, 0]
    first, second = (matrix[0, 2] for matrix in marked.matrices[:2])
    assert first < inner.min() < inner.max() < second + 1


def test_wider_pen_covers_more():
    thin, thick = (replace(NEAT, pen=pen) for pen in (0.06, 0.12))
    ratio = ink(place("0"), thick).sum() / ink(place("0"), thin).sum()
    assert ratio == pytest.approx(2, abs=0.35)


def test_slant_leans_to_the_right():
    [upright], [slanted] = (
        place("8", replace(NEAT, slant=slant)).matrices for slant in (0.0, 30.0)
    )
    top, bottom = np.array([28, 8, 1]), np.array([28, 48, 1])
    lean = slanted @ top - slanted @ bottom
    assert -lean[0] / lean[1] == pytest.approx(np.tan(np.radians(30)))
    assert (upright @ top - upright @ bottom)[0] == pytest.approx(0)


def test_digits_are_one_high_and_stand_on_the_baseline():
    low, high = place("8").extent()
    assert low[1] == pytest.approx(-1)
    assert high[1] == pytest.approx(0)


def test_small_zeros_are_small_and_the_others_are_not():
    hand = replace(NEAT, small_zeros=0.5)
    zero, eight = place("08", hand).matrices
    assert zero[1, 1] == pytest.approx(eight[1, 1] / 2)


@pytest.fixture
def writer():
    return draw_writer(0)


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


def test_what_is_no_digit_is_refused(writer):
    with pytest.raises(ValueError, match=r"expects one of the digits 0 to 9\. Got 'x'"):
        draw_digit("x", writer)
