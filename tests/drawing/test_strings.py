"""Digits and marks are placed as a hand says, and inked with its pen."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipelines.drawing.framing import Frame, draw_frame
from pipelines.drawing.ink_line import draw_bends, ink_line
from pipelines.drawing.skeletons import SIDE
from pipelines.drawing.strings import Line, place_line
from pipelines.drawing.writers import Hand, draw_hand

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
    frame = Frame(shape, 40.0, tuple(20 - 40 * low))
    rng = np.random.default_rng(0)
    return ink_line(line, hand, frame, draw_bends(2, rng), rng)


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


def test_field_of_no_writing_is_a_field_all_the_same():
    frame = draw_frame(Line(), np.random.default_rng(0))
    assert min(frame.shape) >= 8


def test_hands_differ_and_follow_the_seed():
    first, second = (draw_hand(np.random.default_rng(0)) for _ in range(2))
    assert first == second
    assert draw_hand(np.random.default_rng(1)) != first
