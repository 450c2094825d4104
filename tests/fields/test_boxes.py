"""Boxes of blank pages: what is drawn must be found, and nothing else."""

from collections import Counter

import cv2
import numpy as np
import pytest

from pipelines.fields.boxes import find_boxes
from pipelines.scans.read import open_scan


class Sheet:
    """An A4 page that is drawn on in millimetres."""

    def __init__(self, dpi=200, wall=0.25):
        self.scale = dpi / 25.4
        self.page = np.full((self.px(297), self.px(210)), 255, dtype=np.uint8)
        self.wall = max(1, self.px(wall))

    def px(self, mm):
        return round(mm * self.scale)

    def line(self, x0, y0, x1, y1, tone=0):
        ends = (self.px(x0), self.px(y0)), (self.px(x1), self.px(y1))
        cv2.line(self.page, *ends, tone, self.wall)

    def box(self, x, y, width, height, tone=0):
        corners = (self.px(x), self.px(y)), (self.px(x + width), self.px(y + height))
        cv2.rectangle(self.page, *corners, tone, self.wall)

    def comb(self, n_boxes, y=50, *, width=6, pitch=6, tone=0):
        for i in range(n_boxes):
            self.box(20 + pitch * i, y, width, 8, tone)

    def text(self, words, x, y, size=1.0):
        at = (self.px(x), self.px(y))
        pen = round(2 * size)  # as in print, where large letters are not thin lines
        cv2.putText(self.page, words, at, cv2.FONT_HERSHEY_SIMPLEX, size, 0, pen)

    def scanned(self, angle=0.0, noise=5.0):
        height, width = self.page.shape
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
        page = cv2.warpAffine(self.page, turn, (width, height), borderValue=255)
        grain = np.random.default_rng(0).normal(-20, noise, page.shape)
        shade = np.linspace(0, 25, width)
        dim = cv2.GaussianBlur(page, (0, 0), 0.6) + grain - shade
        return np.clip(dim, 0, 255).astype(np.uint8)


def kinds(page):
    return Counter((found.kind, found.cells) for found in find_boxes(page))


def assert_cuts_fall_on(page_x, found):
    left, width = found.box[1], found.box[3]
    cuts = left + width * np.arange(1, found.cells) / found.cells
    np.testing.assert_allclose(cuts, page_x, atol=2)


@pytest.mark.parametrize("dpi", [150, 200, 300, 400])
@pytest.mark.parametrize("tone", [0, 120, 200])
def test_a_comb_is_found_at_every_resolution_and_tone(dpi, tone):
    sheet = Sheet(dpi)
    sheet.comb(9, tone=tone)
    [found] = find_boxes(sheet.page)
    assert (found.kind, found.cells) == ("comb", 9)
    assert_cuts_fall_on([sheet.px(20 + 6 * i) for i in range(1, 9)], found)


def test_walls_of_one_pixel_at_150_dpi_are_enough():
    sheet = Sheet(150, wall=0)
    sheet.comb(7)
    assert kinds(sheet.page) == {("comb", 7): 1}


def test_boxes_that_stand_apart_are_one_comb_cut_in_the_gaps():
    sheet = Sheet()
    sheet.comb(5, width=6.5, pitch=8)
    [found] = find_boxes(sheet.page)
    assert found.cells == 5
    left, width = found.box[1], found.box[3]
    for i, cut in enumerate(left + width * np.arange(1, 5) / 5):
        assert sheet.px(26.5 + 8 * i) <= cut <= sheet.px(28 + 8 * i)


def test_wider_gaps_part_day_month_and_year():
    sheet = Sheet()
    for start, n_boxes in ((20, 2), (35, 2), (50, 4)):
        for i in range(n_boxes):
            sheet.box(start + 6 * i, 50, 6, 8)
    assert [found.cells for found in find_boxes(sheet.page)] == [2, 2, 4]


@pytest.mark.parametrize("angle", [-6.0, -2.0, 3.0, 8.0])
def test_a_tilted_comb_on_a_grainy_scan_is_found_with_its_tilt(angle):
    sheet = Sheet()
    sheet.comb(9)
    [found] = find_boxes(sheet.scanned(angle))
    assert (found.kind, found.cells) == ("comb", 9)
    assert found.angle == pytest.approx(angle, abs=0.3)


def test_dashed_walls_part_a_frame():
    sheet = Sheet()
    sheet.box(20, 50, 48, 8)
    for i in range(1, 8):
        for y in np.arange(50, 58, 1.2):
            sheet.line(20 + 6 * i, y, 20 + 6 * i, y + 0.6)
    assert kinds(sheet.page) == {("comb", 8): 1}


@pytest.mark.parametrize("framed", [False, True])
def test_ticks_on_a_baseline_are_a_comb(framed):
    sheet = Sheet()
    sheet.line(20, 58, 68, 58)
    for i in range(9):
        sheet.line(20 + 6 * i, 58, 20 + 6 * i, 55.5)
    if framed:
        sheet.box(20, 50, 48, 8)
    [found] = find_boxes(sheet.page)
    assert (found.kind, found.cells) == ("comb", 8)
    assert_cuts_fall_on([sheet.px(20 + 6 * i) for i in range(1, 8)], found)


def test_white_boxes_on_a_tint_are_a_comb():
    sheet = Sheet()
    sheet.page[sheet.px(45) : sheet.px(62), sheet.px(15) : sheet.px(90)] = 225
    for i in range(6):
        left = sheet.px(20 + 8 * i)
        sheet.page[sheet.px(49) : sheet.px(58), left : left + sheet.px(6.5)] = 255
    assert kinds(sheet.page) == {("comb", 6): 1}


def test_rows_of_a_grid_are_combs_in_reading_order():
    sheet = Sheet()
    for row in range(5):
        sheet.comb(2, y=50 + 8 * row)
    found = find_boxes(sheet.page)
    assert [comb.cells for comb in found] == [2] * 5
    assert [comb.box[0] for comb in found] == sorted(comb.box[0] for comb in found)


def test_of_nested_frames_the_innermost_count():
    sheet = Sheet()
    sheet.box(10, 30, 180, 60)
    sheet.text("ACCOUNT", 15, 40)
    sheet.comb(8)
    sheet.box(20, 70, 40, 12)
    sheet.box(21, 71, 38, 10)
    assert kinds(sheet.page) == {("comb", 8): 1, ("box", 1): 1}


def test_a_light_figure_in_a_box_is_no_box():
    sheet = Sheet()
    sheet.comb(3, width=7, pitch=8)
    for i in range(3):
        for y in (51.5, 54):
            sheet.box(22 + 8 * i, y, 3, 2.5, tone=210)
    assert kinds(sheet.page) == {("comb", 3): 1}


def test_cells_with_print_in_them_are_no_fields():
    sheet = Sheet()
    for i, words in enumerate(["Q1", "", "10"]):
        sheet.box(20 + 25 * i, 50, 25, 9)
        sheet.text(words, 28 + 25 * i, 57)
    [found] = find_boxes(sheet.page)
    assert found.kind == "box"
    assert found.box[1] == pytest.approx(sheet.px(45), abs=3)


def test_letters_and_matrix_codes_are_no_boxes():
    sheet = Sheet()
    for row in range(6):
        sheet.text("BOOK 8080 DOB QD", 20, 40 + 15 * row, size=1 + row / 2)
    modules = np.random.default_rng(0).integers(2, size=(25, 25), dtype=np.uint8) * 255
    side = sheet.px(40)
    code = cv2.resize(modules, (side, side), interpolation=cv2.INTER_NEAREST)
    sheet.page[sheet.px(200) :, sheet.px(20) :][:side, :side] = code
    assert find_boxes(sheet.page) == []


def test_a_blank_sheet_has_no_boxes():
    assert find_boxes(np.full((300, 200), 255, dtype=np.uint8)) == []


@pytest.mark.parametrize(
    ("name", "n_totals"),
    [
        ("c.hasil_data", 34),
        ("c.hasil_dpr_j_v2", 3),
        pytest.param("c.hasil_dpr_s08_v2", 10, marks=pytest.mark.slow),
        pytest.param("c.hasil_dpr_s10_v2", 12, marks=pytest.mark.slow),
        ("c.hasil_pwp_3", 6),
    ],
)
def test_every_total_of_the_tally_forms_is_a_comb_of_three(scans, name, n_totals):
    with open_scan(scans / "cdigital" / "blank" / f"{name}.png") as scan:
        assert kinds(scan.read(0))["comb", 3] == n_totals


@pytest.mark.parametrize("dpi", [150, 200, pytest.param(300, marks=pytest.mark.slow)])
def test_every_layout_of_the_exam_has_one_comb_of_nine(scans, dpi):
    with open_scan(scans / "submitty_ids" / "blank.pdf", dpi=dpi) as scan:
        for index in range(len(scan)):
            assert kinds(scan.read(index)) == {("comb", 9): 1}


@pytest.mark.parametrize("dpi", [200, 400])
def test_the_cover_page_has_two_combs_and_four_grades(scans, dpi):
    path = scans / "markus" / "test-auto-parse-scan-blank.pdf"
    with open_scan(path, dpi=dpi) as scan:
        found = kinds(scan.read(0))
    assert found == {("comb", 24): 1, ("comb", 10): 1, ("box", 1): 4}
