"""Straight lines of a field."""

import cv2
import numpy as np
import pytest

from pipelines.fields.straight import find_straight, is_ruled


@pytest.mark.parametrize("slope", [-0.06, -0.02, 0.0, 0.01, 0.05])
@pytest.mark.parametrize("thickness", [1, 3, 5])
def test_a_line_is_found_at_its_slope(slope, thickness):
    dark = np.zeros((120, 400), np.uint8)
    for x in range(20, 381):
        upper = round(60 + (x - 20) * slope - (thickness - 1) / 2)
        dark[upper : upper + thickness, x] = 1
    [line] = find_straight(dark, 200, vertical=False)
    assert line.slope == pytest.approx(slope, abs=0.003)
    assert line.centre(20) == pytest.approx(60, abs=1)
    assert line.thickness == pytest.approx(thickness, abs=1)
    assert (line.start, line.stop) == pytest.approx((20, 381), abs=thickness)


def test_lines_that_run_down_are_found_from_left_to_right():
    dark = np.zeros((100, 200), np.uint8)
    for x in (30, 120):
        dark[10:90, x : x + 3] = 1
    lines = find_straight(dark, 40, vertical=True)
    assert sorted(round(line.centre(50)) for line in lines) == [31, 121]


def test_strokes_across_a_line_do_not_hide_it():
    dark = np.zeros((100, 300), np.uint8)
    dark[50:52, 20:280] = 1
    for x in range(40, 270, 30):
        cv2.line(dark, (x, 20), (x + 12, 80), 1, 4)
    [line] = find_straight(dark, 150, vertical=False)
    assert line.centre(150) == pytest.approx(50.5, abs=1)


def test_gaps_and_blots_are_no_lines():
    dark = np.zeros((100, 300), np.uint8)
    dark[30:32, 20:280] = 1
    dark[:, 100:112] = dark[:, 180:192] = 0
    dark[60:90, 20:280] = 1
    assert find_straight(dark, 150, vertical=False) == []


def test_nothing_is_found_on_paper():
    assert find_straight(np.zeros((40, 60), np.uint8), 20, vertical=True) == []


def test_a_stroke_that_bends_is_not_ruled():
    dark = np.zeros((100, 60), np.uint8)
    points = [(30 + round(2 * np.sin(y / 9)), y) for y in range(10, 91)]
    cv2.polylines(dark, [np.array(points, np.int32)], False, 1, 4)
    lines = find_straight(dark, 60, vertical=True)
    assert not any(is_ruled(dark, line) for line in lines)
