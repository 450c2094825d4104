"""Which blank page a page is of: the right one, or none, never a guess."""

import cv2
import numpy as np
import pytest

from pipelines import prepare_blank
from pipelines.drawing import draw_scanner, scan_page
from pipelines.drawing.piles import draw_layout
from pipelines.pages.fitting import BlankPages
from pipelines.pages.placement import MIN_QUALITY
from pipelines.pages.prepared import prepare_page
from pipelines.pages.register import register

COMBS = {"number": 6, "pieces": 4}
SHEETS = {
    "order": draw_layout("Order", 1, COMBS, dpi=100).page,
    "order of the next year": draw_layout(
        "Order", 1, {**COMBS, "tax": 2}, dpi=100
    ).page,
    "claim": draw_layout("Claim", 2, COMBS, dpi=100).page,
}
NAMES = list(SHEETS)


@pytest.fixture(scope="module")
def blanks():
    return BlankPages([prepare_blank(sheet) for sheet in SHEETS.values()])


def scanned(sheet, *, turns=0):
    page = scan_page(sheet, draw_scanner(3), random_state=3)
    return prepare_page(np.ascontiguousarray(np.rot90(page, turns)))


@pytest.mark.parametrize(
    ("name", "turns"),
    [
        pytest.param(
            name,
            turns,
            marks=[pytest.mark.slow] if turns and (name, turns) != ("order", 3) else [],
        )
        for name in NAMES
        for turns in range(4)
    ],
)
def test_a_page_goes_to_its_own_blank_whichever_way_it_lies(blanks, name, turns):
    fit = blanks.fit(scanned(SHEETS[name], turns=turns))
    assert NAMES[fit.number] == name
    assert fit.registration.is_good
    assert fit.score == fit.registration.quality


def test_a_page_in_black_and_white_goes_to_its_own_blank(blanks):
    page = scan_page(SHEETS["claim"], draw_scanner(5), random_state=5)
    _, page = cv2.threshold(page, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    assert blanks.fit(prepare_page(page.astype(np.uint8))).number == 2


def test_a_page_of_another_form_goes_to_none(blanks):
    fit = blanks.fit(scanned(draw_layout("Tally", 3, COMBS, dpi=100).page))
    assert fit.number is None
    assert fit.registration is None
    assert fit.score < MIN_QUALITY
    assert fit.rivals == ()


def test_two_blanks_of_the_same_print_are_not_told_apart():
    blank = prepare_blank(SHEETS["claim"])
    fit = BlankPages([blank, blank]).fit(scanned(SHEETS["claim"]))
    assert fit.number is None
    assert sorted(fit.rivals) == [0, 1]


@pytest.mark.slow  # two are told apart above, and not told apart below
def test_a_third_edition_decides_between_two_that_are_alike():
    order, later = (prepare_blank(SHEETS[name]) for name in NAMES[:2])
    three = BlankPages([order, order, later])
    assert three.fit(scanned(SHEETS[NAMES[1]])).number == 2
    assert sorted(three.fit(scanned(SHEETS[NAMES[0]])).rivals) == [0, 1]


def test_what_two_editions_share_does_not_tell_which_it_is(blanks):
    for name in NAMES[:2]:
        upper = scan_page(SHEETS[name], draw_scanner(3), random_state=3)[:560]
        fit = blanks.fit(prepare_page(np.ascontiguousarray(upper)))
        assert fit.number is None
        assert sorted(fit.rivals) == [0, 1]


def test_half_a_page_goes_to_its_own_blank(blanks):
    page = scan_page(SHEETS["claim"], draw_scanner(3), random_state=3)
    for half in (page[:560], page[560:]):
        assert blanks.fit(prepare_page(np.ascontiguousarray(half))).number == 2


@pytest.mark.slow  # test_register.py bends pages, too
def test_a_page_that_bends_goes_to_its_own_blank_as_if_it_were_the_only_one(blanks):
    page = scan_page(SHEETS["claim"], draw_scanner(3), random_state=3)
    y, x = np.indices(page.shape, dtype=np.float32)
    arch = 30 * np.sin(np.pi * x / page.shape[1])
    bent = cv2.remap(page, x, (y + arch).astype(np.float32), cv2.INTER_LINEAR)
    fit = blanks.fit(prepare_page(bent))
    assert fit.number == 2
    assert fit.registration == register(bent, blanks.blanks[2])


def test_only_the_blanks_that_come_into_question_are_tried(blanks):
    page = scanned(SHEETS["order"])
    assert blanks.fit(page, among=[2]).number is None
    assert blanks.fit(page, among=[1]).number == 1  # nearly all of its print is there
    assert blanks.fit(page, among=[]).number is None


def test_an_empty_page_goes_to_none(blanks):
    assert blanks.fit(prepare_page(np.full((1169, 827), 255, np.uint8))).number is None
