"""What is right of what was read, and how far its confidences can be trusted."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from lenet_sklearn import AcceptanceRule
from lenet_sklearn.metrics import (
    error_reject_curve,
    expected_calibration_error,
    reliability_curve,
)


class Reading(NamedTuple):
    """What was read in some fields, and how surely."""

    texts: NDArray[np.object_]
    confidences: NDArray[np.float64]


class Judged(NamedTuple):
    """Whether what was read is right, and how surely it was read."""

    right: NDArray[np.bool_]
    confidences: NDArray[np.float64]


def judge(read: Reading, labels: Sequence[str | None] | NDArray[np.object_]) -> Judged:
    """Compare with labels; fields without one are left out."""
    known = np.array([label is not None for label in labels])
    right = read.texts[known] == np.array(labels, dtype=object)[known]
    return Judged(right.astype(bool), read.confidences[known])


def accepted_at(judged: Judged, max_error: float) -> float:
    """Find the largest share that could be accepted with so few errors among it."""
    return float(np.mean(judged.confidences >= threshold_at(judged, max_error)))


def threshold_at(judged: Judged, max_error: float) -> float:
    """Find the lowest confidence from which so few errors are among the accepted."""
    curve = error_reject_curve(
        np.ones(len(judged.right)), judged.right, judged.confidences
    )
    few = np.flatnonzero(curve.error_rates <= max_error)
    return float(curve.thresholds[few[0]]) if len(few) else float("inf")


def calibration_error(judged: Judged) -> float:
    """Compute how far confidences are from the shares that are right."""
    everything = np.ones(len(judged.right))
    curve = reliability_curve(everything, judged.right, judged.confidences)
    return expected_calibration_error(curve)


class Halves(NamedTuple):
    """What came of rules that were fitted on one half and checked on the other."""

    exceeded: float  # share of the halves with more errors than stated
    significantly: float  # ... than chance explains, by a binomial test at 5 %
    accepted: float  # share accepted, on average


def check_halves(
    judged: Judged, groups: Sequence[str], *, max_error: float, n_halves: int
) -> Halves:
    """Fit the rule of acceptance on random halves of the groups, check the others."""
    names, units = np.unique(groups, return_inverse=True)
    rng = np.random.default_rng(0)
    over, surely, shares = [], [], []
    for _ in range(n_halves):
        is_fitted = (rng.permutation(len(names)) < len(names) // 2)[units]
        rule = AcceptanceRule(max_error=max_error).fit(
            judged.confidences[is_fitted], judged.right[is_fitted], units[is_fitted]
        )
        accepted = rule.predict(judged.confidences[~is_fitted])
        n_wrong = np.count_nonzero(~judged.right[~is_fitted][accepted])
        n_accepted = np.count_nonzero(accepted)
        over.append(n_wrong > max_error * n_accepted)
        chance = binom.sf(n_wrong - 1, n_accepted, max_error)
        surely.append(n_wrong > 0 and chance <= 0.05)
        shares.append(np.mean(accepted))
    return Halves(*(float(np.mean(each)) for each in (over, surely, shares)))
