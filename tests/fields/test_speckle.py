"""Noise of single pixels goes, thin strokes stay."""

import numpy as np

from pipelines import despeckle


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
