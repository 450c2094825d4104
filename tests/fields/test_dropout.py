"""Form dropout: print goes, ink stays."""

import cv2
import numpy as np
import pytest

from pipelines.fields.dropout import MIN_PRINT_FOUND, cut_field, drop_print
from pipelines.pages.placement import Registration
from pipelines.pages.prepared import prepare_blank
from pipelines.pages.register import register

FIELD = (600, 300, 60, 270)  # top, left, height, width of the drawn comb


@pytest.fixture(scope="module", params=[0, 200], ids=["black comb", "grey comb"])
def blank(request):
    page = np.full((1400, 1000), 255, dtype=np.uint8)
    random = np.random.default_rng(0)
    for y in [*range(100, 560, 60), *range(760, 1350, 60)]:
        title = "".join(random.choice(list("ABCDEFGHKLMNPRST135"), 40))
        cv2.putText(page, title, (80, y), 0, 1.0, 0, 2, cv2.LINE_AA)
    top, left, height, width = FIELD
    for x in range(left, left + width, 54):
        cv2.rectangle(page, (x, top), (x + 54, top + height), request.param, 3)
    return prepare_blank(page)


def _written(page):
    """Draw a digit into each box, sticking out of some; also give its ink."""
    ink = np.full_like(page, 255)
    top, left, height, _ = FIELD
    for box, digit in enumerate("73950"):
        start = (left + 12 + 54 * box, top + height - 8 + 5 * (box % 3))
        cv2.putText(ink, digit, start, 0, 1.6, 50, 4, cv2.LINE_AA)
    return np.minimum(page, ink), ink


def _region(image, cut, margin):
    top, left = FIELD[:2]
    return image[
        top - margin : top - margin + cut.image.shape[0],
        left - margin : left - margin + cut.image.shape[1],
    ]


def test_an_empty_field_comes_out_white(blank):
    cut = cut_field(blank.image, register(blank.image, blank), blank, FIELD)
    assert cut.image.min() == 255
    assert cut.print_found > 0.9


def test_what_is_printed_is_seen_in_the_cut_too(blank):
    cut = cut_field(blank.image, register(blank.image, blank), blank, FIELD)
    assert cut.seen.shape == cut.image.shape
    assert np.abs(cut.seen - _region(blank.image, cut, 12).astype(int)).mean() < 2


def test_the_ink_alone_is_left(blank):
    page, ink = _written(blank.image)
    cut = cut_field(page, register(page, blank), blank, FIELD, margin=0.2)
    truth = _region(ink, cut, margin=12) < 128
    left = cut.image < 128
    assert (left & truth).sum() > 0.9 * truth.sum()
    assert (left & truth).sum() > 0.9 * left.sum()


def test_a_stroke_across_a_line_has_no_gap(blank):
    page = blank.image.copy()
    cv2.line(page, (320, 590), (334, 675), 40, 5, cv2.LINE_AA)
    cut = cut_field(page, register(page, blank), blank, FIELD, margin=0.3)
    count, _, stats, _ = cv2.connectedComponentsWithStats(
        (cut.image < 160).astype(np.uint8)
    )
    assert count == 2
    assert stats[1, cv2.CC_STAT_HEIGHT] > 75


def test_the_field_is_found_in_a_page_turned_and_enlarged(blank):
    page, _ = _written(blank.image)
    matrix = cv2.getRotationMatrix2D((500, 700), 185, 1.4)
    matrix[:, 2] += 600
    seen = cv2.warpAffine(page, matrix, (2400, 2600), borderValue=255)
    cut = cut_field(seen, register(seen, blank), blank, FIELD)
    assert cut.box[2:] == pytest.approx((60 * 1.4, 270 * 1.4), rel=0.01)
    corner = matrix @ (FIELD[1] - 0.5, FIELD[0] - 0.5, 1)
    assert cut.quad[0] == pytest.approx(corner, abs=1.5)


def test_a_field_that_is_elsewhere_on_this_page_is_noticed(blank):
    page = blank.image.copy()
    top, left, height, width = FIELD
    page[top - 5 : top + height + 5, left - 5 : left + width + 5] = 255
    cut = cut_field(page, register(page, blank), blank, FIELD)
    assert cut.print_found < MIN_PRINT_FOUND


@pytest.mark.parametrize("n_boxes", [-2, -1, 1, 2])
def test_a_comb_is_not_taken_for_the_boxes_beside_it(blank, n_boxes):
    page, _ = _written(blank.image)
    aside = np.array([[1.0, 0, 54 * n_boxes], [0, 1, 0], [0, 0, 1]])
    cut = cut_field(page, Registration(aside, 1.0), blank, FIELD)
    assert cut.print_found == 0


def test_a_comb_is_found_whatever_is_written_over_it(blank):
    page = blank.image.copy()
    top, left, height, _ = FIELD
    for x in range(left, left + 270, 54):
        cv2.line(page, (x, top), (x + 54, top + height), 50, 4)
        cv2.line(page, (x + 54, top), (x, top + height), 50, 4)
    cut = cut_field(page, Registration(np.eye(3), 1.0), blank, FIELD)
    assert cut.print_found >= MIN_PRINT_FOUND


def test_ink_on_a_pale_picture_comes_out_dark(blank):
    page, ink = _written(blank.image)
    pale = np.rint(210 - 0.2 * (210 - page.astype(float))).clip(0, 255)
    cut = cut_field(
        pale.astype(np.uint8), Registration(np.eye(3), 1.0), blank, FIELD, margin=0.2
    )
    inside = _region(ink, cut, 12) < 100
    assert np.median(255 - cut.image[inside]) > 60


def test_a_bad_registration_is_not_used(blank):
    with pytest.raises(ValueError, match="good registration"):
        cut_field(blank.image, Registration(np.eye(3), 0.3), blank, FIELD)


def test_nothing_is_taken_away_where_nothing_is_printed():
    paper = np.full((60, 90), 255, dtype=np.uint8)
    field = cv2.line(paper.copy(), (20, 10), (60, 50), 60, 4)
    assert (drop_print(field, paper) == field).mean() > 0.99


def _lettered(darkness):
    """A row of three boxes with letters in them, this dark, and their digits' ink."""
    printed = np.full((90, 230), 255, dtype=np.uint8)
    for x, letter in zip((10, 80, 150), "DMY", strict=True):
        grey = round(255 * (1 - darkness))
        cv2.putText(printed, letter, (x + 20, 58), 0, 1.2, grey, 3, cv2.LINE_AA)
        cv2.rectangle(printed, (x, 8), (x + 70, 80), 0, 2)
    ink = np.full_like(printed, 255)
    for x, digit in zip((10, 80, 150), "740", strict=True):
        cv2.putText(ink, digit, (x + 16, 68), 0, 1.8, 90, 4, cv2.LINE_AA)
    return printed, ink


@pytest.mark.parametrize("strength", [1.0, 0.25, 0.0])
@pytest.mark.parametrize("darkness", [0.05, 0.2, 0.4, 0.6])
def test_print_in_boxes_goes_as_dark_as_it_is_on_the_scan(darkness, strength):
    blank, ink = _lettered(darkness)
    scanned, _ = _lettered(strength * darkness)
    field = np.rint(scanned / 255.0 * ink).astype(np.uint8)
    left, truth = drop_print(field, blank) < 200, ink < 128
    near = cv2.dilate(truth.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert (left & truth).sum() > 0.8 * truth.sum()
    assert (left & ~near).sum() < 0.03 * truth.sum()
    assert drop_print(scanned, blank).min() == 255, "nothing is written"


def test_images_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match=r"Got shapes \(9, 9\) and \(9, 8\)"):
        drop_print(np.zeros((9, 9), np.uint8), np.zeros((9, 8), np.uint8))


def test_guides_and_frames_of_a_photographed_form_are_gone(scans):
    folder = scans / "cdigital"
    blank = prepare_blank(cv2.imread(str(folder / "blank/c.hasil_pwp_3.png"), 0))
    photo = cv2.imread(str(folder / "pwp_sample_01.jpg"), 0)
    cut = cut_field(photo, register(photo, blank), blank, (443, 1418, 84, 227))
    count, _, stats, _ = cv2.connectedComponentsWithStats(
        (cut.image < 250).astype(np.uint8)
    )
    assert cut.print_found > MIN_PRINT_FOUND
    assert count == 1 + len("123")
    assert stats[1:, cv2.CC_STAT_HEIGHT].min() > 40
