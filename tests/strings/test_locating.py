"""Where characters stand: cuts between them, and their ink."""

import numpy as np
import pytest

from lenet_sklearn.strings.ctc import place_characters


def strip_with(columns, width=60):
    strip = np.zeros((32, width), np.uint8)
    strip[6:26, columns] = 255
    return strip


def test_spans_are_the_ink_of_each_character():
    strip = strip_with([5, 6, 20, 21, 22, 50])
    assert place_characters(strip, [8, 19, 48]) == [(5, 7), (20, 23), (50, 51)]


def test_touching_characters_are_cut_where_there_is_least_ink():
    strip = strip_with(range(10, 40))
    strip[:20, 27] = 0
    (_, cut), (start, _) = place_characters(strip, [16, 34])
    assert cut in (27, 28)
    assert start == 27


def test_ink_far_from_the_last_character_does_not_belong_to_it():
    assert place_characters(strip_with([10, 55]), [10]) == [(10, 11)]


@pytest.mark.parametrize("centres", [[], [0.0], [3.0, 3.5, 4.0], [59.9, 60.2]])
def test_spans_lie_within_the_strip_whatever_the_centres(centres):
    spans = place_characters(strip_with([]), centres)
    assert len(spans) == len(centres)
    assert all(0 <= left <= right <= 60 for left, right in spans)
