"""Digits as on forms: drawn along guides, with upstrokes and bars."""

import numpy as np
import pytest

from lenet_sklearn import load_dataset
from lenet_sklearn.variants import add_strokes, draw_guided


def one():
    image = np.zeros((1, 28, 28), dtype=np.uint8)
    image[0, 4:24, 13:15] = 255
    return image


def spans(images):
    ink = images > 60
    heights, widths = ink.any(axis=2).sum(axis=1), ink.any(axis=1).sum(axis=1)
    return np.maximum(heights, widths)


@pytest.mark.parametrize("label", range(10))
def test_guided_figures_fill_the_box_of_mnist(label):
    images = draw_guided(np.full(20, label), np.random.default_rng(label))
    assert images.shape == (20, 28, 28)
    assert ((spans(images) >= 18) & (spans(images) <= 20)).all()


def test_a_guided_eight_is_drawn_in_lines():
    images = draw_guided(np.full(50, 8), np.random.default_rng(0))
    assert 0.05 < (images > 127).mean() < 0.4


def test_an_upstroke_widens_a_one():
    ones = np.repeat(one(), 20, axis=0)
    flagged = add_strokes(ones, np.full(20, 1), np.random.default_rng(0))
    widths = (flagged > 127).any(axis=1).sum(axis=1)
    assert (widths > 2).all()


def test_a_bar_crosses_the_stem_of_a_seven():
    seven = np.zeros((1, 28, 28), dtype=np.uint8)
    seven[0, 4:6, 8:20] = seven[0, 4:24, 18:20] = 255
    barred = add_strokes(seven, np.array([7]), np.random.default_rng(0))
    rows = (barred[0, 10:20] > 127).sum(axis=1)
    assert rows.max() >= rows.min() + 3


def test_the_same_generator_draws_the_same_figures():
    labels = np.arange(10)
    first, second = (draw_guided(labels, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_forms_is_mnist_and_its_variants(scans):
    X, y = load_dataset("forms", data_dir=scans / "mnist", split="test")
    plain, labels = load_dataset("mnist", data_dir=scans / "mnist", split="test")
    assert len(X) == len(y) == 11_750
    np.testing.assert_array_equal(X[:10_000], plain)
    np.testing.assert_array_equal(y[:10_000], labels)
    assert set(y[11_000:]) == {1, 7}
