"""Skew correction: what is rotated must come back straight."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipelines import Deskewer, deskew, estimate_skew
from pipelines.drawing import draw_blank_form
from pipelines.pages import upright


@pytest.fixture
def ruled_page():
    page = np.full((400, 600), 255, dtype=np.uint8)
    page[80:320:40, 80:520] = 0
    return page


@pytest.mark.parametrize("angle", [-12.0, -3.3, 0.0, 0.7, 8.5])
def test_estimate_skew_finds_the_angle_of_rotation(ruled_page, angle):
    assert estimate_skew(deskew(ruled_page, -angle)) == pytest.approx(angle, abs=0.2)


@pytest.mark.parametrize("angle", [-13.2, -2.1, 0.0, 1.37, 9.6])
def test_no_angle_that_is_passed_over_would_have_been_better(monkeypatch, angle):
    page, _ = draw_blank_form(dpi=60)
    skewed = deskew(page, -angle)
    found = estimate_skew(skewed)
    monkeypatch.setattr(upright, "_N_COARSE", 1000)
    assert found == estimate_skew(skewed)


def test_the_paper_need_not_be_white_nor_the_ink_black(ruled_page):
    grey = 120 + ruled_page // 3
    assert estimate_skew(deskew(grey, 4.0)) == pytest.approx(-4.0, abs=0.2)


def test_a_page_larger_than_the_reduced_copy_is_judged_as_well(ruled_page):
    large = np.kron(ruled_page, np.ones((4, 4), dtype=np.uint8))
    assert estimate_skew(deskew(large, -2.0)) == pytest.approx(2.0, abs=0.2)


def test_a_finer_step_resolves_a_smaller_angle(ruled_page):
    skewed = deskew(ruled_page, -0.25)
    fine = estimate_skew(skewed, max_angle=1, angle_step=0.05)
    assert fine == pytest.approx(0.25, abs=0.1)
    assert estimate_skew(skewed, max_angle=1, angle_step=1) == 0


def test_a_turn_and_its_undoing_keep_size_and_print(ruled_page):
    [straight] = Deskewer().transform([deskew(ruled_page, -6.0)])
    assert straight.shape == ruled_page.shape
    middle = np.s_[60:340, 150:450]
    assert np.abs(straight[middle].astype(int) - ruled_page[middle]).mean() < 12


def test_corners_that_come_into_view_repeat_the_edge():
    grey = np.full((60, 90), 200, dtype=np.uint8)
    assert_array_equal(deskew(grey, 10.0), grey)


def test_transform_keeps_a_blank_page_unchanged():
    blank = np.full((60, 90), 200, dtype=np.uint8)
    assert_array_equal(Deskewer().transform([blank])[0], blank)


def test_colour_page_is_refused_with_a_remedy():
    page = np.zeros((4, 5, 3), dtype=np.uint8)
    with pytest.raises(
        ValueError, match=r"Sample 0: .*Got shape \(4, 5, 3\).*cvtColor"
    ):
        Deskewer().transform([page])


@pytest.mark.parametrize(("name", "value"), [("max_angle", 90), ("angle_step", 0)])
def test_fit_refuses_what_is_out_of_range(ruled_page, name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of Deskewer must be"):
        Deskewer(**{name: value}).fit([ruled_page])
