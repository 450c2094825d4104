"""Boxes become strings, posteriors the confidence of the whole."""

import numpy as np
import pytest

from pipelines.decoding import decode_boxes

SEVEN = np.eye(10)[7]
LIKELY_ONE = np.array([0.05, 0.8, 0.15, 0, 0, 0, 0, 0, 0, 0])
DIGITS = "0123456789"


@pytest.mark.parametrize(
    ("boxes", "value"),
    [
        ([], ""),
        ([None, None], ""),
        ([None, SEVEN, SEVEN], "77"),
        ([SEVEN, None, None], "7"),
        ([SEVEN, None, SEVEN], "7_7"),
    ],
)
def test_boxes_without_a_digit(boxes, value):
    assert decode_boxes(boxes, DIGITS)[0] == value


def test_confidence_is_the_product_of_the_posteriors():
    value, confidence = decode_boxes([LIKELY_ONE, SEVEN, LIKELY_ONE], DIGITS)
    assert (value, confidence) == ("171", pytest.approx(0.64))
