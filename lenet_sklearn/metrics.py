"""Measures of posteriors: how well they are calibrated, what rejection buys."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length, column_or_1d

# Temperatures tried, 1 % apart. A network trained with distortions needs 0.5 to 2;
# the limits hold where every sample is right, and the best temperature would be 0.
_TEMPERATURES = np.geomspace(0.25, 8.0, 349)


def fit_temperature(logits: NDArray[np.float64], columns: NDArray[np.int64]) -> float:
    """Find the temperature under which the labels are most likely.

    Softmax of a network's logits is as sure as its training made it. Dividing
    the logits by one number leaves every prediction as it is and makes the
    posteriors of held-out samples match the share that is right [1]_.

    Parameters
    ----------
    logits : ndarray of shape (n, n_classes) or (n_members, n, n_classes), dtype float
        Logits of samples the network was not trained on, or those of each member
        of a committee, whose posteriors are averaged.

    columns : ndarray of shape (n,), dtype int
        The right column of each.

    Returns
    -------
    temperature : float
        Between 0.25 and 8; above 1 for a network that is too sure.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern
       neural networks", Proc. ICML 2017, section 4.2.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn import fit_temperature
    >>> logits = np.log([[0.9, 0.1]] * 10)  # nine in ten right, as stated
    >>> round(fit_temperature(logits, np.array([0] * 9 + [1])), 2)
    1.0
    """
    members = logits[None] if logits.ndim == 2 else logits
    surprises = [_surprise(members / t, columns) for t in _TEMPERATURES]
    return float(_TEMPERATURES[np.argmin(surprises)])


def _surprise(logits: NDArray[np.float64], columns: NDArray[np.int64]) -> float:
    """Mean of -log(p), with the members' mean of the right column's posterior p."""
    right = logits[:, np.arange(len(columns)), columns]
    log_posteriors = right - np.logaddexp.reduce(logits, axis=-1)
    log_means = np.logaddexp.reduce(log_posteriors) - np.log(len(logits))
    return float(-np.mean(log_means))


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
    >>> from lenet_sklearn.metrics import error_reject_curve
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
    >>> from lenet_sklearn.metrics import error_reject_curve, reject_rate_for
    >>> curve = error_reject_curve([1, 2, 3, 4], [1, 2, 3, 9], [0.9, 0.9, 0.7, 0.6])
    >>> reject_rate_for(curve, 0.1)
    0.25
    """
    enough: NDArray[Any] = np.flatnonzero(curve.error_rates <= error_rate)
    return float(curve.reject_rates[enough[0]]) if len(enough) else float("nan")


def rubbish_posteriors(
    logits: NDArray[np.float64], rubbish: float
) -> NDArray[np.float64]:
    """Compute the posterior probability that an image is no character at all.

    Parameters
    ----------
    logits : ndarray of shape (n, n_classes), dtype float
        Minus the distances, or any logits.

    rubbish : float
        The constant j of :class:`lenet_sklearn.lecun1998.MAPLoss`.

    Returns
    -------
    posteriors : ndarray of shape (n,), dtype float64
        exp(-j) over the sum of that and of the exponentials of the logits.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.metrics import rubbish_posteriors
    >>> rubbish_posteriors(np.array([[-1.0, -40.0]]), rubbish=1.0)
    array([0.5])
    """
    characters = np.logaddexp.reduce(logits, axis=1)
    posteriors: NDArray[np.float64] = 1 / (1 + np.exp(characters + rubbish))
    return posteriors
