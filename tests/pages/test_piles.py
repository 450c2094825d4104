"""Pages laid onto one another, and the vote on what all of them have printed."""

import cv2
import numpy as np
import pytest

from pipelines.pages.piles import align_pages, rank_of
from pipelines.pages.shared import find_shared_print
from pipelines.pages.upright import deskew, estimate_skew


def _print_text(seed):
    page = np.full((1100, 850), 255, np.uint8)
    rng = np.random.default_rng(seed)
    for row in range(60, 1050, 45):
        text = "".join(rng.choice(list("abcdefghij klmno"), 30))
        cv2.putText(page, text, (60, row), 0, 1, 30, 2)
    return page


def test_pages_are_laid_onto_one_another_as_most_of_them_lie():
    page = _print_text(0)
    pile = [np.rot90(page, 2).copy(), deskew(page, 2.0), deskew(page, -1.0)]
    aligned = align_pages(pile)
    assert (aligned.members, aligned.left_out) == ((0, 1, 2), {})
    inner = 255 - aligned.darkness[:, 60:-60, 60:-60]
    assert abs(estimate_skew(inner[1])) <= 0.2
    expected = page[60:-60, 60:-60]
    for laid in inner:
        found = cv2.matchTemplate(laid, expected[20:-20, 20:-20], cv2.TM_CCOEFF_NORMED)
        assert found.max() > 0.9


def test_pages_of_a_second_layout_are_left_out():
    page, other = _print_text(0), _print_text(0)
    other[500:700] = 255
    cv2.rectangle(other, (100, 520), (700, 680), 0, 2)
    pile = [page, other, deskew(page, 1.0), deskew(page, -1.0)]
    aligned = align_pages(pile)
    assert aligned.members == (0, 2, 3)
    assert "printed is missing" in aligned.left_out[1]


def test_pages_without_print_fit_nothing():
    aligned = align_pages([np.full((1100, 850), shade, np.uint8) for shade in (250, 9)])
    assert aligned.members == ()
    assert set(aligned.left_out) == {0, 1}


def test_ranks_are_those_of_sorted_pages():
    darkness = np.random.default_rng(0).integers(0, 255, (5, 7, 9)).astype(np.uint8)
    for rank in range(5):
        np.testing.assert_array_equal(
            rank_of(darkness, rank), np.sort(darkness, axis=0)[rank]
        )


@pytest.mark.parametrize("n_pages", [3, 10])
def test_one_figure_is_print_if_it_is_alike_and_writing_if_it_is_not(n_pages):
    rng = np.random.default_rng(0)
    darkness = np.zeros((n_pages, 1000, 700), np.uint8)
    for dark in darkness:
        # Printed figures lie within half a pixel of each other, written ones do not.
        for left, reach in ((100, 8), (400, 48)):
            x, y = (
                16 * np.array([left, 300]) + rng.integers(-reach, reach, 2)
            ).tolist()
            radius = 16 * 12 + int(rng.integers(-reach, reach))
            cv2.circle(dark, (x, y), radius, 200, 4, cv2.LINE_AA, 4)
    shared = find_shared_print(darkness)
    assert (shared.blank[280:320, 80:120] < 128).sum() > 150
    assert (shared.blank[:, 300:] == 255).all()


def test_print_that_one_page_in_seven_lacks_is_print():
    darkness = np.zeros((7, 400, 300), np.uint8)
    darkness[:, 100:104, 50:250] = 180
    darkness[3] = 0
    assert (find_shared_print(darkness).blank[101:103, 60:240] == 75).all()
    assert (find_shared_print(darkness[:6]).blank == 255).all()
