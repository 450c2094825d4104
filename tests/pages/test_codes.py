"""Codes on pages are read, whichever way the page lies, or not at all."""

import cv2
import numpy as np
import pytest

from pipelines.drawing import draw_blank_form, draw_scanner, scan_page
from pipelines.drawing.piles import print_code
from pipelines.pages.codes import find_codes

# Of EAN-13: the bars of each digit on the left, and which digits are drawn mirrored.
_LEFT = (
    *("0001101", "0011001", "0010011", "0111101", "0100011"),
    *("0110001", "0101111", "0111011", "0110111", "0001011"),
)
_MIRRORED = "LLGLGG"  # where the first digit is 1


def bars_of(number):
    """Draw the bars of an EAN-13 number that begins with 1."""
    right = ["".join("10"[int(bar)] for bar in digit) for digit in _LEFT]
    left = [
        _LEFT[int(digit)] if side == "L" else right[int(digit)][::-1]
        for side, digit in zip(_MIRRORED, number[1:7], strict=True)
    ]
    ends = [right[int(digit)] for digit in number[7:]]
    bars = "".join(["101", *left, "01010", *ends, "101"])
    row = np.array([255 * (bar == "0") for bar in bars], np.uint8)
    return np.kron(row[None], np.ones((90, 3), np.uint8))


@pytest.fixture(scope="module")
def page():
    """A form with a QR code in one corner."""
    page = draw_blank_form()[0].copy()
    print_code(page, "SHEET-0012-1", (90, 1300, 190, 190))
    return page


@pytest.mark.parametrize(
    "turns", [0, 1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 3))]
)
def test_a_qr_code_is_read_whichever_way_the_page_lies(page, turns):
    scanned = scan_page(page, draw_scanner(turns), random_state=turns)
    [code] = find_codes(np.ascontiguousarray(np.rot90(scanned, turns)))
    assert code.text == "SHEET-0012-1"
    if not turns:
        assert np.abs(code.quad.mean(axis=0) - (1385, 175)).max() < 60


def test_a_qr_code_is_read_in_black_and_white(page):
    scanned = scan_page(page, draw_scanner(1), random_state=1)
    flags = cv2.THRESH_BINARY | cv2.THRESH_OTSU
    _, scanned = cv2.threshold(scanned, 0, 255, flags)
    assert [code.text for code in find_codes(scanned.astype(np.uint8))] == [
        "SHEET-0012-1"
    ]


def test_a_bar_code_is_read():
    page = draw_blank_form()[0].copy()
    bars = bars_of("1234567890128")
    page[60:150, 1000 : 1000 + bars.shape[1]] = bars
    scanned = scan_page(page, draw_scanner(2), random_state=2)
    assert [code.text for code in find_codes(scanned)] == ["1234567890128"]


def test_a_page_without_codes_has_none():
    assert find_codes(scan_page(draw_blank_form()[0], draw_scanner(0))) == ()
    assert find_codes(np.full((40, 30), 255, np.uint8)) == ()


def test_large_pages_are_reduced_and_places_are_those_of_the_page(page):
    large = cv2.resize(page, None, fx=2.0, fy=2.0, interpolation=cv2.INTER_CUBIC)
    [code] = find_codes(np.asarray(large, np.uint8))
    [small] = find_codes(page)
    assert np.abs(code.quad - 2 * small.quad).max() < 8
