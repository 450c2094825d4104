"""Strings in rows of boxes."""

from itertools import product

import numpy as np
import pytest

from lenet_sklearn.strings.boxes import GAP, BoxPosteriors, read_boxes, score_filling

DIGITS = tuple("0123456789")
SEVEN, EMPTY = np.eye(11)[7], np.eye(11)[10]
LIKELY_ONE = np.array([0.05, 0.8, 0.15, 0, 0, 0, 0, 0, 0, 0, 0])


def row_of(*boxes):
    return BoxPosteriors(np.array(boxes).reshape(-1, 11), DIGITS)


@pytest.mark.parametrize(
    ("boxes", "value"),
    [
        ([], ""),
        ([EMPTY, EMPTY], ""),
        ([EMPTY, SEVEN, SEVEN], "77"),
        ([SEVEN, EMPTY, EMPTY], "7"),
        ([SEVEN, EMPTY, SEVEN], "7_7"),
    ],
)
def test_boxes_without_a_digit_are_dropped_at_the_ends(boxes, value):
    [best] = read_boxes(row_of(*boxes))
    assert (best.text, best.probability) == (value, 1.0)


def test_the_probability_of_a_row_of_boxes_is_the_product_of_the_posteriors():
    [best] = read_boxes(row_of(LIKELY_ONE, SEVEN, LIKELY_ONE))
    assert (best.text, best.probability) == ("171", pytest.approx(0.64))


def test_a_box_that_holds_nothing_that_is_read_has_no_string():
    assert read_boxes(row_of(SEVEN, np.zeros(11))) == []


def test_the_n_best_strings_are_those_of_all_fillings():
    likely = np.random.default_rng(3).dirichlet(np.ones(3), size=5) * 0.9
    boxes = BoxPosteriors(likely, ("0", "1"))
    texts = {}
    for filling in product(range(3), repeat=5):
        text = "".join("01_"[n] for n in filling).strip(GAP)
        share = likely[np.arange(5), filling].prod()
        texts[text] = texts.get(text, 0.0) + share
    for text, share in texts.items():
        assert score_filling(boxes, text) == pytest.approx(share)
    # Of so many fillings, all are looked at.
    found = read_boxes(boxes, n_best=len(texts))
    best = sorted(texts, key=lambda text: -texts[text])[:3]
    assert [one.text for one in found[:3]] == best
    assert score_filling(boxes, "2") == 0.0
