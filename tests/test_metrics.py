"""Rejection: rates have the denominators they say."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from lenet_sklearn.metrics import (
    error_reject_curve,
    reject_rate_for,
    rubbish_posteriors,
)


def test_errors_are_counted_among_the_accepted_and_rejects_among_all():
    curve = error_reject_curve([1, 1, 1, 1], [1, 2, 1, 2], [0.9, 0.8, 0.7, 0.6])
    assert_allclose(curve.reject_rates, [0, 0.25, 0.5, 0.75])
    assert_allclose(curve.error_rates, [1 / 2, 1 / 3, 1 / 2, 0])
    assert_allclose(curve.thresholds, [0.6, 0.7, 0.8, 0.9])


def test_equal_confidences_are_rejected_together():
    curve = error_reject_curve([1, 1, 1], [1, 2, 1], [0.5, 0.5, 0.5])
    assert_allclose(curve.reject_rates, [0])
    assert_allclose(curve.error_rates, [1 / 3])


def test_the_order_of_the_samples_does_not_matter():
    rng = np.random.default_rng(0)
    y, guess = rng.integers(0, 3, (2, 200))
    confidence = rng.integers(0, 20, 200)
    order = rng.permutation(200)
    shuffled = error_reject_curve(y[order], guess[order], confidence[order])
    for got, expected in zip(
        shuffled, error_reject_curve(y, guess, confidence), strict=True
    ):
        assert_allclose(got, expected)


def test_a_rate_that_cannot_be_reached_is_no_number():
    curve = error_reject_curve([1, 1], [2, 1], [0.9, 0.1])
    assert np.isnan(reject_rate_for(curve, 0.1))
    assert reject_rate_for(curve, 0.5) == 0


@pytest.mark.parametrize("confidence", [[], [np.nan]])
def test_nothing_to_count_is_refused(confidence):
    labels = [1] * len(confidence)
    with pytest.raises(ValueError, match="at least one sample and finite"):
        error_reject_curve(labels, labels, confidence)


def test_what_is_far_from_all_classes_is_rubbish():
    logits = -np.array([[1.0, 50.0], [90.0, 80.0], [10.0, 60.0]])
    assert_allclose(rubbish_posteriors(logits, rubbish=10.0), [0, 1, 0.5], atol=2e-4)
