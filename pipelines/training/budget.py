"""What a search costs: rungs of candidates that are halved, and what they take."""

import math
from collections.abc import Sequence
from typing import Final

from joblib import effective_n_jobs

# Each rung of a halving search learns from three times as many as the one before.
FACTOR: Final = 3

# A fit takes this share of what a fit and reading take, at least: reading was timed
# once, and with another network.
_LEAST_FIT: Final = 0.1

# Fewer labelled samples than this tell candidates apart by chance.
_FEWEST: Final = 10


def plan_rungs(n_candidates: int, n_samples: int) -> list[int]:
    """Say from how many samples the candidates of each rung learn.

    Parameters
    ----------
    n_candidates : int
        On the first rung; a third of them is left on the next, until one is.

    n_samples : int
        On the last rung, at most.

    Returns
    -------
    rungs : list of int
        Rising, each three times the one before; not below 10 samples, so that fewer
        samples have fewer rungs.

    Examples
    --------
    >>> from pipelines.training.budget import plan_rungs
    >>> plan_rungs(9, 133), plan_rungs(9, 40), plan_rungs(1, 40)
    ([14, 42, 126], [13, 39], [40])
    """
    n_rungs = 1 + math.ceil(math.log(n_candidates, FACTOR) - 1e-9)
    while n_rungs > 1 and n_samples // FACTOR ** (n_rungs - 1) < _FEWEST:
        n_rungs -= 1
    first = n_samples // FACTOR ** (n_rungs - 1)
    return [first * FACTOR**n for n in range(n_rungs)]


def estimate_seconds(
    costs: Sequence[float],
    rungs: Sequence[int],
    *,
    measured_on: int,
    reading: float = 0.0,
    fixed: float = 0.0,
    n_folds: int,
    jobs: int,
) -> float:
    """Estimate how long a search takes, the last fit included, from the dearest fits.

    Parameters
    ----------
    costs : sequence of n_candidates float
        Seconds that a fit of each and reading a fold took.

    rungs : sequence of int
        Samples that are learned from, as of :func:`plan_rungs`; one rung for all
        candidates on all samples.

    measured_on : int
        Samples that were learned from when it was timed.

    reading : float, default=0.0
        Seconds of these that reading a fold took, which is as long however many samples
        were learned from.

    fixed : float, default=0.0
        Share of what a fit took then that is as long for more samples.

    n_folds : int
        Folds.

    jobs : int
        Processes side by side, as for joblib: -1 is one for each core.

    Returns
    -------
    seconds : float

    Examples
    --------
    >>> from pipelines.training.budget import estimate_seconds
    >>> estimate_seconds([1.0, 2.0], [10, 30], measured_on=10, n_folds=3, jobs=1)
    36.0
    >>> how = {"measured_on": 10, "n_folds": 3, "jobs": 1}
    >>> estimate_seconds([1.0, 2.0], [30], reading=0.5, **how)
    27.75
    >>> estimate_seconds([1.0] * 9, [30], measured_on=10, n_folds=3, jobs=64)
    7.5
    """
    dearest = sorted((fit_seconds(cost, reading) for cost in costs), reverse=True)

    def growth(n_labelled: float) -> float:
        return fixed + (1 - fixed) * n_labelled / measured_on

    total, n_jobs = 0.0, effective_n_jobs(jobs)
    for rung, n_labelled in enumerate(rungs):
        left = dearest[: math.ceil(len(dearest) / FACTOR**rung)]
        fits = sum(left) * growth(n_labelled)
        shared = n_folds * (fits + len(left) * reading) / n_jobs
        # However many processes there are, one fit is done by one of them.
        total += max(shared, left[0] * growth(n_labelled) + reading)
    n_all = rungs[-1] * n_folds / (n_folds - 1)
    last = dearest[0] * growth(n_all)
    return float(total + last)


def fit_seconds(cost: float, reading: float) -> float:
    """Return the time of a fit alone.

    Parameters
    ----------
    cost : float
        Seconds that a fit and reading a fold took.

    reading : float
        Seconds that reading a fold took another time.

    Returns
    -------
    seconds : float
    """
    return max(cost - reading, _LEAST_FIT * cost)


def fixed_share(few: float, many: float, growth: float) -> float:
    """Tell how much of the time of a fit does not grow with the samples.

    Parameters
    ----------
    few, many : float
        Seconds of fits on few and on many samples.

    growth : float
        How many times as many these are, above 1.

    Returns
    -------
    fixed : float
        Share of `few`, in [0, 1].

    Examples
    --------
    >>> from pipelines.training.budget import fixed_share
    >>> fixed_share(2.0, 6.0, 3.0), fixed_share(2.0, 4.0, 3.0)
    (0.0, 0.5)
    """
    return min(max((growth - many / few) / (growth - 1), 0.0), 1.0)
