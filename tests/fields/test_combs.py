"""Combs are found wherever they lie, and nothing else is taken for one."""

import cv2
import numpy as np
import pytest

from pipelines import Comb, cut_comb, find_combs
from pipelines.drawing import draw_comb

PAGE = (1100, 850)


def place(field, top=400, left=120, shape=PAGE):
    page = np.full(shape, 255, dtype=np.uint8)
    page[top : top + field.shape[0], left : left + field.shape[1]] = field
    return page


def turn(page, angle):
    height, width = page.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    return cv2.warpAffine(page, matrix, (width, height), borderValue=255)


@pytest.fixture
def page():
    return place(draw_comb("781528989", random_state=3))


@pytest.mark.parametrize("angle", [-10, -3.5, 0, 1, 10])
def test_a_tilted_comb_is_found(page, angle):
    [comb] = find_combs(turn(page, angle), 9)
    slope = comb.quad[1] - comb.quad[0]
    assert np.degrees(np.arctan2(-slope[1], slope[0])) == pytest.approx(angle, abs=0.3)


@pytest.mark.parametrize("grey", [100, 120, 140])
def test_thin_walls_beside_a_broad_pen_are_found(grey):
    field = np.full((104, 446), 240, dtype=np.uint8)
    cv2.rectangle(field, (20, 20), (425, 81), grey)
    for n in range(9):
        left = 20 + 45 * n
        cv2.line(field, (left, 20), (left, 81), grey)
        pen = 7 if n in (2, 3) else 3
        sides = (17 - pen // 2, 20 - pen // 2)
        cv2.ellipse(field, (left + 22, 51), sides, 0, 0, 360, 40, pen)
    [comb] = find_combs(cv2.GaussianBlur(field, (0, 0), 0.6), 9)
    assert np.allclose(comb.quad, [[20, 20], [425, 20], [425, 81], [20, 81]], atol=2)


def test_corners_are_those_of_the_printed_frame():
    page = np.full(PAGE, 255, dtype=np.uint8)
    page[300:302, 200:502] = page[360:362, 200:502] = 0
    for x in range(200, 501, 60):
        page[300:362, x : x + 2] = 0
    [comb] = find_combs(page)
    assert comb.digits == 5
    corners = [[200, 300], [501, 300], [501, 361], [200, 361]]
    np.testing.assert_allclose(comb.quad, corners, atol=2)


@pytest.mark.parametrize("scale", [0.75, 1.5, 2.0])
def test_resolution_does_not_matter(page, scale):
    scaled = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    assert [comb.digits for comb in find_combs(scaled)] == [9]


@pytest.mark.parametrize("digits", [3, 8, 10, 18])
def test_a_comb_of_another_number_of_boxes_is_not_found(page, digits):
    assert find_combs(page, digits) == []


def test_light_grey_lines_are_found():
    field = draw_comb("4711", line_width=0, random_state=0)
    for x in range(5):
        cv2.line(field, (16 + 56 * x, 16), (16 + 56 * x, 80), 190, 2)
    for y in (16, 80):
        cv2.line(field, (16, y), (240, y), 190, 2)
    assert [comb.digits for comb in find_combs(place(field), 4)] == [4]


def test_broken_lines_are_found(page):
    broken = page.copy()
    broken[:, ::40] = broken[::30] = 255
    assert [comb.digits for comb in find_combs(broken, 9)] == [9]


def test_combs_come_in_reading_order():
    page = place(draw_comb("12345", random_state=0), top=700, left=60)
    right = draw_comb("123", random_state=1)
    page[100 : 100 + right.shape[0], 560 : 560 + right.shape[1]] = right
    left = draw_comb("1234", random_state=2)
    page[110 : 110 + left.shape[0], 40 : 40 + left.shape[1]] = left
    assert [comb.digits for comb in find_combs(page)] == [4, 3, 5]


def test_text_and_pictures_are_no_combs():
    page = np.full(PAGE, 255, dtype=np.uint8)
    for y in range(60, 800, 50):
        cv2.putText(page, "Lorem ipsum dolor sit amet BOB 1111", (20, y), 0, 1.2, 0, 2)
    noise = np.random.default_rng(0).random((40, 40)) < 0.5
    page[850:1090, 20:260] = np.kron(noise, np.ones((6, 6))) * 255
    assert find_combs(page) == []


def test_a_blank_page_has_no_combs():
    assert find_combs(np.full(PAGE, 230, dtype=np.uint8)) == []


def test_a_page_of_one_pixel_has_no_combs():
    assert find_combs(np.zeros((1, 1), dtype=np.uint8), 9) == []


def test_cut_comb_puts_the_frame_where_it_says(page):
    [comb] = find_combs(turn(page, 5), 9)
    field, frame = cut_comb(turn(page, 5), comb)
    assert frame.digits == 9
    for row in (frame.top, frame.bottom):
        near = field[round(row) - 3 : round(row) + 4]
        assert near.min(axis=0).mean() < 90


def test_a_comb_at_the_edge_is_cut_out_with_its_margin():
    page = np.full((60, 200), 255, dtype=np.uint8)
    quad = np.array([[0, 0], [199, 0], [199, 59], [0, 59]], dtype=np.float64)
    field, frame = cut_comb(page, Comb(quad, 3, 1.0))
    assert field.shape[0] > 60
    assert frame.top > 0


def test_a_part_of_a_longer_comb_is_no_comb():
    page = np.full(PAGE, 255, dtype=np.uint8)
    page[300:303, 100:702] = page[360:363, 100:702] = 0
    for x in range(100, 701, 50):
        page[300:363, x : x + 3] = 0
    page[300:363, 200:550:50] = page[300:363, 201:551:50] = 255
    assert find_combs(page, 3) == []
