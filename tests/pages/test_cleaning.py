"""Cleaning: whatever the light, paper is white and ink stays; lone specks go."""

import numpy as np
import pytest

from pipelines.drawing import draw_blank_form, draw_scanner, scan_page
from pipelines.pages.cleaning import (
    BackgroundFlattener,
    despeckle,
    flatten_background,
    is_empty_page,
    is_light_on_dark,
)


def _under_light(reflectance, light):
    return np.clip(reflectance * light, 0, 255).astype(np.uint8)


@pytest.fixture(params=[(70, 600), (140, 1200), (2200, 1700)], ids=str)
def written(request):
    height, width = request.param
    reflectance = np.ones((height, width))
    for left in range(width // 10, width - width // 10, width // 10):
        reflectance[height // 5 : -height // 5, left : left + 5] = 0.3
    return reflectance


def test_a_gradient_of_light_is_taken_away(written):
    light = np.linspace(100, 240, written.shape[1])
    flat = flatten_background(_under_light(written, light))
    assert np.percentile(flat[written == 1], 1) > 240


def test_ink_keeps_its_contrast(written):
    light = np.linspace(100, 240, written.shape[1])
    flat = flatten_background(_under_light(written, light))
    assert np.median(flat[written < 1]) == pytest.approx(0.3 * 255, abs=8)


def test_salt_and_pepper_do_not_darken_the_paper(written):
    random = np.random.default_rng(0)
    image = _under_light(written, 180)
    speck = random.random(image.shape)
    image[speck < 0.01], image[speck > 0.99] = 0, 255
    flat = flatten_background(image)
    assert np.median(flat[written == 1]) > 240


def test_a_broad_black_area_stays_black():
    page = np.full((1000, 800), 220, dtype=np.uint8)
    page[:, 500:] = 10
    assert flatten_background(page)[500, 650] < 60


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (3, 2)])
def test_images_of_a_few_pixels_are_flattened_too(shape):
    assert flatten_background(np.full(shape, 90, np.uint8)).min() == 255


def test_a_black_image_stays_black():
    assert flatten_background(np.zeros((50, 50), np.uint8)).max() == 0


def test_transform_is_the_function_on_every_image(written):
    image = _under_light(written, 200)
    image.flags.writeable = False
    [flat] = BackgroundFlattener(kernel_size=31).fit_transform([image])
    assert (flat == flatten_background(image, kernel_size=31)).all()


def test_fit_refuses_an_empty_kernel():
    with pytest.raises(ValueError, match="'kernel_size' parameter of Background"):
        BackgroundFlattener(kernel_size=0).fit([])


def test_a_colour_image_is_refused_with_a_remedy():
    with pytest.raises(ValueError, match=r"Sample 0: .*cvtColor"):
        BackgroundFlattener().transform([np.zeros((4, 5, 3), dtype=np.uint8)])


def test_lone_pixels_go():
    image = np.full((20, 20), 200, dtype=np.uint8)
    image[5, 5], image[10, 10] = 0, 255
    assert (despeckle(image) == 200).all()


def test_a_hairline_stays():
    image = np.full((20, 20), 255, dtype=np.uint8)
    np.fill_diagonal(image, 0)
    np.testing.assert_array_equal(despeckle(image), image)


def test_the_grain_of_paper_stays():
    image = np.random.default_rng(0).normal(200, 3, (50, 50)).astype(np.uint8)
    np.testing.assert_array_equal(despeckle(image), image)


@pytest.mark.parametrize("seed", [1, 2, 4, 5, 8, 11])
def test_a_scan_of_an_empty_sheet_is_empty_until_one_stroke_is_on_it(seed):
    sheet = np.full((2339, 1654), 255, np.uint8)
    scanned = scan_page(sheet, draw_scanner(seed), random_state=seed)
    assert is_empty_page(scanned)
    sheet[1000:1030, 800:804] = 160  # four millimetres of grey pencil
    scanned = scan_page(sheet, draw_scanner(seed), random_state=seed)
    assert not is_empty_page(scanned)


def test_nothing_but_an_empty_sheet_is_empty():
    assert not is_empty_page(np.zeros((1170, 827), np.uint8)), "a black page"
    assert not is_empty_page(np.full((30, 40), 255, np.uint8)), "no page"
    page, _ = draw_blank_form(dpi=100)
    assert not is_empty_page(page)
    assert not is_empty_page(255 - page)


def test_a_page_is_light_on_dark_if_it_was_inverted():
    page, _ = draw_blank_form(dpi=100)
    assert not is_light_on_dark(page)
    assert is_light_on_dark(255 - page)
    assert not is_light_on_dark(np.zeros((100, 100), np.uint8))
