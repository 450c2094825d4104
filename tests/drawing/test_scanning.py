"""Scanning a page: each thing a scanner does can be had alone."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipelines import estimate_skew
from pipelines.drawing import (
    Photograph,
    Scanner,
    draw_scanner,
    photograph_page,
    scan_page,
)


@pytest.fixture
def ruled_page():
    page = np.full((400, 600), 255, dtype=np.uint8)
    page[80:320:40, 80:520] = 0
    return page


def test_a_perfect_scan_changes_nothing(ruled_page):
    assert_array_equal(scan_page(ruled_page, Scanner()), ruled_page)


def test_the_page_that_is_scanned_is_kept(ruled_page):
    before = ruled_page.copy()
    scan_page(ruled_page, draw_scanner(0), random_state=0)
    assert_array_equal(ruled_page, before)


@pytest.mark.parametrize("angle", [-2.5, 1.0])
def test_a_tilted_scan_is_skewed_by_its_angle(ruled_page, angle):
    scanned = scan_page(ruled_page, Scanner(angle=angle))
    assert estimate_skew(scanned) == pytest.approx(angle, abs=0.2)


def test_a_shift_moves_the_page_and_shows_the_lid(ruled_page):
    scanned = scan_page(ruled_page, Scanner(shift=(7.0, 3.0), lid=200))
    assert_array_equal(scanned[3:, 7:], ruled_page[:-3, :-7])
    assert (scanned[:3] == 200).all()


def test_blur_keeps_the_ink_but_spreads_it(ruled_page):
    scanned = scan_page(ruled_page, Scanner(blur=1.5))
    assert scanned.mean() == pytest.approx(ruled_page.mean(), abs=0.5)
    assert scanned.min() > 100


def test_noise_has_the_deviation_asked_for():
    grey = np.full((300, 300), 200, dtype=np.uint8)
    scanned = scan_page(grey, Scanner(noise=4.0), random_state=0)
    assert scanned.std() == pytest.approx(200 / 255 * 4, rel=0.05)


def test_a_gradient_runs_across_the_paper():
    white = np.full((300, 300), 255, dtype=np.uint8)
    scanned = scan_page(white, Scanner(paper=230, gradient=20), random_state=0)
    # 20 along an axis, and 20 times the square root of 2 along a diagonal.
    assert 19 <= np.ptp(scanned) <= 29
    assert scanned.mean() == pytest.approx(230, abs=1)


def test_dust_is_as_dense_as_asked_for():
    white = np.full((1000, 1000), 255, dtype=np.uint8)
    scanned = scan_page(white, Scanner(dust=2.0), random_state=0)
    assert 20 < (scanned < 230).sum() < 1000
    assert scan_page(white, Scanner()).min() == 255


def test_the_shadow_darkens_one_edge_only():
    white = np.full((100, 800), 255, dtype=np.uint8)
    row = scan_page(white, Scanner(shadow=100), random_state=0)[50]
    assert sorted([int(row[0]), int(row[-1])]) == pytest.approx([155, 255], abs=2)
    assert (row[100:-100] == 255).all()


def test_compression_leaves_the_page_nearly_as_it_was(ruled_page):
    scanned = scan_page(ruled_page, Scanner(quality=60))
    difference = np.abs(scanned.astype(int) - ruled_page)
    assert 0 < difference.mean() < 3


def test_a_photograph_shows_the_page_and_the_desk(ruled_page):
    view = Photograph(shade=0.0, noise=0.0, desk=90)
    photographed = photograph_page(ruled_page, view, random_state=0)
    assert photographed.shape == (400 + 96, 600 + 96)
    assert photographed[200:250, 300:400].max() > 230
    assert photographed[0, 0] < 180


def test_shade_dims_one_corner_of_a_photograph():
    white = np.full((400, 400), 255, dtype=np.uint8)
    view = Photograph(tilt=0, angle=0, margin=0, shade=0.4, noise=0)
    corners = photograph_page(white, view, random_state=0)[5:-5:389, 5:-5:389]
    assert corners.min() / corners.max() == pytest.approx(0.6, abs=0.02)


def test_the_same_seed_gives_the_same_scan(ruled_page):
    first, second = (
        scan_page(ruled_page, draw_scanner(4), random_state=9) for _ in range(2)
    )
    assert_array_equal(first, second)
