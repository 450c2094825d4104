"""Rejection: how few errors are left when the least certain digits are set aside."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length, column_or_1d


class ErrorRejectCurve(NamedTuple):
    """Rates at each threshold, from nothing rejected to all but the surest.

    Attributes
    ----------
    reject_rates : ndarray of shape (n_thresholds,)
        Rejected / all samples, rising.

    error_rates : ndarray of shape (n_thresholds,)
        Wrong among accepted / accepted samples.

    thresholds : ndarray of shape (n_thresholds,)
        Samples with this confidence or a higher one are accepted.
    """

    reject_rates: NDArray[np.float64]
    error_rates: NDArray[np.float64]
    thresholds: NDArray[np.float64]


def error_reject_curve(
    y_true: ArrayLike, y_pred: ArrayLike, confidence: ArrayLike
) -> ErrorRejectCurve:
    """Compute the error rate among accepted samples for every reject rate.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.

    y_pred : array-like of shape (n_samples,)
        Predictions.

    confidence : array-like of shape (n_samples,)
        Higher for surer predictions; samples of equal confidence are rejected
        together.

    Returns
    -------
    curve : ErrorRejectCurve
        Reject rates, error rates and thresholds; one point for each confidence
        that occurs.

    Raises
    ------
    ValueError
        If there are no samples, the lengths differ, or a confidence is no number.

    References
    ----------
    .. [1] C. K. Chow, "On optimum recognition error and reject tradeoff", IEEE
       Trans. Information Theory 16(1), pp. 41-46, 1970.

    Examples
    --------
    >>> from lenet_sklearn.rejection import error_reject_curve
    >>> curve = error_reject_curve([1, 2, 3, 4], [1, 2, 3, 9], [0.9, 0.9, 0.7, 0.6])
    >>> curve.reject_rates.tolist(), curve.error_rates.tolist()
    ([0.0, 0.25, 0.5], [0.25, 0.0, 0.0])
    """
    sureness: NDArray[np.float64] = column_or_1d(confidence).astype(np.float64)
    wrong = column_or_1d(y_true) != column_or_1d(y_pred)
    check_consistent_length(wrong, sureness)
    if len(sureness) == 0 or not np.isfinite(sureness).all():
        raise ValueError(
            "error_reject_curve expects at least one sample and finite confidences."
            f" Got {len(sureness)} samples, {np.isnan(sureness).sum()} of them NaN."
        )
    order = np.argsort(-sureness, kind="stable")
    sureness = sureness[order]
    n_errors = np.cumsum(wrong[order])
    # The last of each run of equals: who accepts one accepts them all.
    last = np.flatnonzero(np.append(np.diff(sureness) != 0, True))[::-1]
    n_accepted = last + 1
    return ErrorRejectCurve(
        1 - n_accepted / len(sureness), n_errors[last] / n_accepted, sureness[last]
    )


def reject_rate_for(curve: ErrorRejectCurve, error_rate: float) -> float:
    """Find the lowest reject rate at which few enough errors are left.

    Parameters
    ----------
    curve : ErrorRejectCurve
        As of :func:`error_reject_curve`.

    error_rate : float
        Highest share of errors among the accepted, in [0, 1].

    Returns
    -------
    reject_rate : float
        NaN where no threshold is enough.

    Examples
    --------
    >>> from lenet_sklearn.rejection import error_reject_curve, reject_rate_for
    >>> curve = error_reject_curve([1, 2, 3, 4], [1, 2, 3, 9], [0.9, 0.9, 0.7, 0.6])
    >>> reject_rate_for(curve, 0.1)
    0.25
    """
    enough: NDArray[Any] = np.flatnonzero(curve.error_rates <= error_rate)
    return float(curve.reject_rates[enough[0]]) if len(enough) else float("nan")
