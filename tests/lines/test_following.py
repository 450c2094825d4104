"""Writing that leaves its box on a form."""

import numpy as np
import pytest

from pipelines.fields.combs import Frame
from pipelines.lines.following import follow_writing

BOX = Frame(60, 40, 300, 90, 0)


def a_field(*strokes):
    """Draw strokes: rows and columns that are dark."""
    field = np.full((130, 360), 255, np.uint8)
    for rows, columns in strokes:
        field[slice(*rows), slice(*columns)] = 40
    return field


@pytest.mark.parametrize(
    "stroke",
    [((15, 85), (100, 105)), ((60, 118), (100, 105)), ((60, 65), (230, 350))],
)
def test_a_stroke_that_begins_in_the_box_is_kept_whole(stroke):
    field = a_field(stroke)
    assert (follow_writing(field, BOX).image < 128).sum() == (field < 128).sum()


def test_what_only_reaches_into_the_box_is_a_neighbours():
    assert follow_writing(a_field(((0, 50), (100, 105))), BOX).image.min() == 255


def test_the_box_is_cut_with_a_small_margin():
    followed = follow_writing(a_field(((50, 80), (100, 105))), BOX)
    assert followed.image.shape == (66, 256)
    assert (followed.left, followed.certainty) == (52, 1.0)


def test_a_digit_that_stands_beside_the_box_is_in_doubt():
    digits = ((50, 85), (288, 293)), ((50, 85), (315, 320))
    assert follow_writing(a_field(*digits), BOX).certainty < 1.0


def test_writing_that_was_mended_much_is_in_doubt():
    hidden = np.zeros((130, 360), np.uint8)
    hidden[50:60] = 1
    frame = Frame(60, 40, 300, 90, 0, hidden=hidden)
    assert follow_writing(a_field(((45, 85), (100, 105))), frame).certainty < 1.0


def test_an_empty_box_is_cut_out_as_it_is():
    assert follow_writing(a_field(), BOX).image.min() == 255
