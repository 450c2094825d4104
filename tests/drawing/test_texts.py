"""Marks and texts are as varied as they say."""

import numpy as np
import pytest

from pipelines.drawing.shapes import MARKS
from pipelines.drawing.texts import draw_mark, draw_marks, draw_scribble, draw_texts


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_has_strokes_near_the_line(mark):
    points = np.concatenate(draw_mark(mark, rng()))
    assert points.shape[1] == 2
    assert np.abs(points).max() < 2


def test_comma_hangs_below_the_point_of_a_dash():
    low = np.mean([draw_mark(",", rng(i))[0][-1, 1] for i in range(20)])
    high = np.mean([draw_mark("-", rng(i))[0][-1, 1] for i in range(20)])
    assert high < -0.2 < 0 < low


def test_marks_stand_where_there_is_a_place():
    for seed in range(200):
        marks = draw_marks(5, rng(seed))
        assert set(marks) <= set(range(6))
        assert all(marks.values())


def test_some_strings_have_marks_and_some_have_none():
    marked = [bool(draw_marks(5, rng(seed))) for seed in range(200)]
    assert 0.3 < np.mean(marked) < 0.9  # 0.63 to 0.76 from five other beginnings


def test_scribble_runs_to_the_right():
    [path] = draw_scribble(rng())
    assert path[-1, 0] > path[0, 0]


def test_digits_of_texts_are_about_as_frequent_but_for_zeros():
    texts = "".join(draw_texts(3000, "0123456789", rng()))
    shares = np.array([texts.count(digit) for digit in "123456789"]) / len(texts)
    # Seeds 0 to 19 give 0.083 to 0.095.
    assert shares.min() > 0.07
    assert shares.max() < 0.11


def test_some_texts_are_empty_and_some_are_long():
    lengths = [len(text) for text in draw_texts(3000, "0123456789", rng())]
    # One in fifty is meant to be empty; seeds 0 to 19 give 16 to 27 per thousand.
    assert 0.01 < np.mean(np.array(lengths) == 0) < 0.03
    assert max(lengths) >= 12
