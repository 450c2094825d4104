"""Measures of posteriors: how well they are calibrated, what rejection buys."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv
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


def digit_error_rate(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Compute how many digits a person must correct, for each that is written.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,), dtype str
        What is written.

    y_pred : array-like of shape (n_samples,), dtype str
        What was read.

    Returns
    -------
    error_rate : float
        Digits wrong, missing and too many (the edit distance [1]_) / digits written;
        above 1 where more is read than is written. Where nothing is written, the
        number of digits read.

    Raises
    ------
    ValueError
        If the lengths differ.

    References
    ----------
    .. [1] V. I. Levenshtein, "Binary codes capable of correcting deletions,
       insertions, and reversals", Soviet Physics Doklady 10(8), pp. 707-710, 1966.

    Examples
    --------
    >>> from lenet_sklearn.metrics import digit_error_rate
    >>> digit_error_rate(["0451", "17"], ["0457", "177"])  # one wrong, one too many
    0.3333333333333333
    """
    truths, guesses = column_or_1d(y_true), column_or_1d(y_pred)
    check_consistent_length(truths, guesses)
    pairs = list(zip(map(str, truths), map(str, guesses), strict=True))
    n_digits = sum(len(truth) for truth, _ in pairs)
    return sum(_edit_distance(*pair) for pair in pairs) / max(n_digits, 1)


def _edit_distance(one: str, other: str) -> int:
    """Count the characters to replace, take out and put in between two strings."""
    row = list(range(len(other) + 1))
    for n, left in enumerate(one, 1):
        diagonal, row[0] = row[0], n
        for m, right in enumerate(other, 1):
            cheapest = min(diagonal + (left != right), row[m] + 1, row[m - 1] + 1)
            diagonal, row[m] = row[m], cheapest
    return row[-1]


def error_interval(
    n_errors: int, n_samples: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Bound an error rate from what was counted, on both sides.

    Parameters
    ----------
    n_errors : int
        Errors that were counted.

    n_samples : int
        Independent samples among which they were counted.

    confidence : float, default=0.95
        Probability with which the interval holds the rate, at least.

    Returns
    -------
    interval : tuple of (lowest, highest)
        That of Clopper and Pearson [1]_; (0, 1) without samples.

    References
    ----------
    .. [1] C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits
       illustrated in the case of the binomial", Biometrika 26(4), pp. 404-413, 1934.

    Examples
    --------
    >>> from lenet_sklearn.metrics import error_interval
    >>> [round(limit, 4) for limit in error_interval(1, 100)]
    [0.0003, 0.0545]
    """
    tail, n_right = (1 - confidence) / 2, n_samples - n_errors
    low = betaincinv(n_errors, n_right + 1, tail) if n_errors else 0.0
    high = betaincinv(n_errors + 1, n_right, 1 - tail) if n_right else 1.0
    return float(low), float(high)


class ReliabilityCurve(NamedTuple):
    """What samples of like confidence state, and what share of them is right.

    Attributes
    ----------
    confidences : ndarray of shape (n_bins,)
        Mean confidence of the samples of each bin, rising.

    accuracies : ndarray of shape (n_bins,)
        Share of them that is right.

    counts : ndarray of shape (n_bins,)
        Number of samples.
    """

    confidences: NDArray[np.float64]
    accuracies: NDArray[np.float64]
    counts: NDArray[np.int64]


def reliability_curve(
    y_true: ArrayLike, y_pred: ArrayLike, confidence: ArrayLike, *, n_bins: int = 15
) -> ReliabilityCurve:
    """Set what confidences state beside what comes true.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.

    y_pred : array-like of shape (n_samples,)
        Predictions.

    confidence : array-like of shape (n_samples,)
        Stated probabilities that the predictions are right, in [0, 1].

    n_bins : int, default=15
        Bins of the same number of samples, as far as equal confidences, which stay
        together, allow: most confidences are close to 1, and bins of the same width
        would be empty or hold nearly all.

    Returns
    -------
    curve : ReliabilityCurve
        Of `n_bins` bins or fewer.

    Raises
    ------
    ValueError
        If there is no sample, or a confidence is not in [0, 1].

    Examples
    --------
    >>> from lenet_sklearn.metrics import reliability_curve
    >>> curve = reliability_curve([1, 2, 3, 4], [1, 9, 3, 4], [0.5, 0.5, 1, 1])
    >>> curve.confidences.tolist(), curve.accuracies.tolist(), curve.counts.tolist()
    ([0.5, 1.0], [0.5, 1.0], [2, 2])
    """
    sureness: NDArray[np.float64] = column_or_1d(confidence).astype(np.float64)
    right = column_or_1d(y_true) == column_or_1d(y_pred)
    check_consistent_length(right, sureness)
    if len(sureness) == 0 or not ((sureness >= 0) & (sureness <= 1)).all():
        raise ValueError(
            "reliability_curve expects at least one sample and confidences from 0 to 1."
            f" Got {len(sureness)} samples."
        )
    edges = np.unique(np.quantile(sureness, np.arange(1, n_bins) / n_bins))
    bins = np.searchsorted(edges, sureness, side="right")
    counts = np.bincount(bins)
    full = counts > 0
    means = [np.bincount(bins, w)[full] / counts[full] for w in (sureness, right)]
    return ReliabilityCurve(means[0], means[1], counts[full])


def expected_calibration_error(curve: ReliabilityCurve) -> float:
    """Compute how far confidences are from the shares that are right, on average.

    Parameters
    ----------
    curve : ReliabilityCurve
        As of :func:`reliability_curve`.

    Returns
    -------
    error : float
        Mean over the samples of the distance between the two in their bin [1]_.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern
       neural networks", Proc. ICML 2017, equation 3.

    Examples
    --------
    >>> from lenet_sklearn.metrics import expected_calibration_error, reliability_curve
    >>> curve = reliability_curve([1, 2, 3, 4], [1, 9, 3, 4], [0.9, 0.9, 1, 1])
    >>> round(expected_calibration_error(curve), 3)
    0.2
    """
    distances = np.abs(curve.confidences - curve.accuracies)
    return float(np.average(distances, weights=curve.counts))


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
