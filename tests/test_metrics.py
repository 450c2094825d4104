"""Rejection and calibration: rates have the denominators they say."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binom

from lenet_sklearn.metrics import (
    digit_error_rate,
    error_interval,
    error_reject_curve,
    expected_calibration_error,
    reject_rate_for,
    reliability_curve,
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


def test_an_error_interval_is_where_what_was_counted_is_improbable():
    low, high = error_interval(3, 200)
    assert_allclose([binom.sf(2, 200, low), binom.cdf(3, 200, high)], 0.025)
    assert error_interval(0, 50)[0] == 0
    assert error_interval(50, 50)[1] == 1
    assert error_interval(0, 0) == (0, 1)


def test_reliability_is_of_samples_of_like_confidence():
    confidence = np.repeat([0.6, 0.9, 0.99], 100)
    guess = np.tile(np.arange(100), 3) < np.repeat([60, 80, 100], 100)
    curve = reliability_curve(np.full(300, True), guess, confidence)
    assert_allclose(curve.confidences, [0.6, 0.9, 0.99])
    assert_allclose(curve.accuracies, [0.6, 0.8, 1.0])
    assert curve.counts.tolist() == [100] * 3
    assert_allclose(expected_calibration_error(curve), (0 + 0.1 + 0.01) / 3)


def test_bins_have_about_the_same_number_of_samples():
    confidence = np.random.default_rng(0).random(1500) ** 0.1
    labels = np.ones(1500)
    curve = reliability_curve(labels, labels, confidence, n_bins=5)
    assert curve.counts.tolist() == [300] * 5


@pytest.mark.parametrize("confidence", [[], [1.5], [np.nan]])
def test_what_is_no_probability_has_no_reliability(confidence):
    labels = [1] * len(confidence)
    with pytest.raises(ValueError, match="confidences from 0 to 1"):
        reliability_curve(labels, labels, confidence)


@pytest.mark.parametrize(
    ("written", "read", "expected"),
    [
        (["0451"], ["0451"], 0),
        (["0451"], ["451"], 1 / 4),
        (["12", "34"], ["21", "34"], 2 / 4),
        ([""], ["17"], 2),
        (["17", ""], ["", ""], 1),
    ],
)
def test_digits_to_correct_are_counted_among_those_written(written, read, expected):
    assert digit_error_rate(written, read) == expected
