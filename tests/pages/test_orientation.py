"""Print tells which way up a page lies."""

import cv2
import numpy as np
import pytest

from pipelines.pages.upright import upright_log_odds


def text_page(text, size=1.0):
    page = np.full((1100, 850), 255, dtype=np.uint8)
    for y in range(60, 1060, 45):
        cv2.putText(page, text, (40, y), cv2.FONT_HERSHEY_COMPLEX, size, 0, 2)
    return page


@pytest.mark.parametrize("angle", [-5, 0, 5])
def test_text_tells_up_from_down(angle):
    page = text_page("the old bird had a fine lunch")
    matrix = cv2.getRotationMatrix2D((425, 550), angle, 1)
    page = cv2.warpAffine(page, matrix, page.shape[::-1], borderValue=255)
    assert upright_log_odds(page) > 3
    assert upright_log_odds(np.ascontiguousarray(page[::-1, ::-1])) < -3


def test_figures_tell_nothing():
    assert abs(upright_log_odds(text_page("1903 8806 1986 0061"))) < 1


def test_a_blank_page_tells_nothing():
    assert upright_log_odds(np.full((500, 400), 240, dtype=np.uint8)) == 0
