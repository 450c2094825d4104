"""Posteriors that mean what they say."""

import numpy as np
from numpy.typing import NDArray

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
