"""Printed rules go, the strokes that cross them stay whole."""

import cv2
import numpy as np
import pytest

from pipelines.fields.rules import erase_rules, trace_rule


@pytest.fixture
def ruled():
    dark = np.zeros((60, 200), dtype=np.uint8)
    dark[29:32] = 1
    return dark


def trace(dark):
    return trace_rule(dark, 28, reach=8, span=(0, dark.shape[1]), vertical=False)


def test_a_slanted_rule_is_traced():
    dark = np.zeros((60, 200), dtype=np.uint8)
    cv2.line(dark, (0, 25), (199, 33), 1, 3)
    rule = trace(dark)
    assert rule.centre(0) == pytest.approx(25, abs=0.7)
    assert rule.centre(199) == pytest.approx(33, abs=0.7)


def test_a_vertical_rule_is_traced(ruled):
    rule = trace_rule(ruled.T.copy(), 28, reach=8, span=(0, 200), vertical=True)
    assert rule.vertical
    assert rule.centre(100) == pytest.approx(30, abs=0.1)


def test_writing_is_no_rule():
    dark = np.zeros((60, 200), dtype=np.uint8)
    cv2.ellipse(dark, (100, 30), (25, 20), 0, 0, 360, 1, 3)
    assert trace(dark) is None


def test_nothing_is_left_of_a_rule_without_writing(ruled):
    assert not erase_rules(ruled, [trace(ruled)]).any()


@pytest.mark.parametrize("lean", [-15, 0, 15])
def test_a_stroke_that_crosses_a_rule_stays_in_one_piece(ruled, lean):
    stroke = np.zeros_like(ruled)
    cv2.line(stroke, (100 - lean, 5), (100 + lean, 55), 1, 4)
    ink = erase_rules(ruled | stroke, [trace(ruled)])
    assert cv2.connectedComponents(ink)[0] == 2
    assert (ink & stroke).sum() > 0.9 * stroke.sum()
    assert ink.sum() < 1.15 * stroke.sum()


def test_a_stroke_that_rests_on_a_rule_keeps_no_part_of_it(ruled):
    resting = ruled.copy()
    resting[5:29, 100:104] = 1
    ink = erase_rules(resting, [trace(ruled)])
    assert np.flatnonzero(ink.any(axis=0)).tolist() == [100, 101, 102, 103]


def test_without_rules_nothing_changes(ruled):
    np.testing.assert_array_equal(erase_rules(ruled, []), ruled)
