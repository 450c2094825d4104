"""What a search has found of each candidate, and how that is shown."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from pipelines.readers.scorers import Outcomes, summarize
from pipelines.recipes import N_LABELLED
from pipelines.training.remembering import describe

# What a reader that reads as it comes is called.
_AS_IT_COMES: Final = "as it comes"

# Of the name of a candidate, its end is shown: its beginning is that of others too.
_LONGEST_ROW: Final = 60

# More curves in a picture cannot be told apart.
_MOST_CURVES: Final = 6

_DPI: Final = 150


@dataclass(frozen=True)
class Candidate:
    """What cross-validation says of one setting of the parameters.

    Attributes
    ----------
    params : dict of str to object
        Of the reader; with ``n_labelled``, the number of samples it learned from, where
        these are not all.

    outcomes : sequence of n_folds Outcomes
        What was read of each fold, by a reader that learned from the others.

    seconds : sequence of n_folds float
        How long each fit took, reading the fold included.

    scoring : str
        Name of the scorer that ranks.

    max_error : float, default=0.01
        Of the read rate.
    """

    params: Mapping[str, Any]
    outcomes: Sequence[Outcomes]
    seconds: Sequence[float]
    scoring: str
    max_error: float = 0.01

    @property
    def name(self) -> str:
        """The parameters, on one line."""
        if self.params == {N_LABELLED: 0}:
            return _AS_IT_COMES
        return show_params(self.params) or "as it is adapted usually"

    @property
    def scores(self) -> list[float]:
        """The score of each fold, higher for better."""
        return self.all_scores(self.scoring)

    @property
    def mean(self) -> float:
        """Mean of the scores."""
        return float(np.mean(self.scores))

    @property
    def deviation(self) -> float:
        """Standard deviation of the scores over the folds."""
        return float(np.std(self.scores))

    def all_scores(self, name: str) -> list[float]:
        """Return the score of each fold by any scorer.

        Parameters
        ----------
        name : str
            Of the scorer.

        Returns
        -------
        scores : list of n_folds float
        """
        return [summarize(o, max_error=self.max_error)[name] for o in self.outcomes]


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Attributes
    ----------
    candidates : list of Candidate
        In the order of the search. Where a halving ends before one has learned from all
        samples, its best is there again, with all.

    best : Candidate
        The best of those that learned from the most samples.

    before : Candidate or None
        What is read as it comes, without learning; None for what must be fitted.

    cv_results : dict of str to ndarray
        As scikit-learn's searches have it. ``mean_fit_time`` and ``std_fit_time`` are
        those of the fits when they were done, reading included.

    splits : list of tuples of (ndarray, ndarray)
        Samples that were learned from, and that were held out, of each fold.
    """

    candidates: list[Candidate]
    best: Candidate
    before: Candidate | None
    cv_results: dict[str, Any]
    splits: list[tuple[NDArray[np.intp], NDArray[np.intp]]]

    @property
    def n_settings(self) -> int:
        """How many the best was chosen among, whatever they learned from."""
        return len({_identify(_without_size(c.params)) for c in self.candidates})

    @property
    def is_gain(self) -> bool:
        """Whether the best reads better than what is read as it comes."""
        return self.before is None or rank([self.before, self.best])[0] is self.best


def rank(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Order candidates, the best first.

    Parameters
    ----------
    candidates : iterable of Candidate
        What a search has tried.

    Returns
    -------
    ranked : list of Candidate
        Those whose score is no number, as no confidence decided about what they read,
        come last; those with equal scores stay in order.
    """
    return sorted(
        candidates,
        key=lambda one: np.inf if np.isnan(one.mean) else -one.mean,
    )


def show_params(params: Mapping[str, Any]) -> str:
    """Write parameters on one line, as a table has them.

    Parameters
    ----------
    params : mapping of str to object
        Of a reader.

    Returns
    -------
    text : str
        Empty for none.

    Examples
    --------
    >>> from pipelines.training.candidates import show_params
    >>> show_params({"read__lr": 0.001, "flatten": "passthrough"})
    'read__lr=0.001 flatten=passthrough'
    """
    return " ".join(f"{name}={show_value(value)}" for name, value in params.items())


def show_value(value: Any) -> str:
    """Write the value of a parameter, on one line.

    Parameters
    ----------
    value : object
        A number, a string, a mapping, or a part of a reader.

    Returns
    -------
    text : str
    """
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value)
    except TypeError:
        return " ".join(repr(value).split())


def draw_found(found: Found, path: Path) -> None:
    """Draw the scores of the candidates of a search, those of each fold as dots.

    Parameters
    ----------
    found : Found
        The search. Where its candidates differ in the number of samples that they
        learned from, and else in few ways, curves over that number are drawn.

    path : Path
        The picture to write.

    Notes
    -----
    A curve that still rises at its end says that more samples would help.
    """
    import matplotlib.pyplot as plt

    curves = learning_curves(found)
    figure = _draw_curves(curves, found) if curves else _draw_rows(found)
    figure.savefig(path, dpi=_DPI)
    plt.close(figure)


def learning_curves(found: Found) -> dict[str, list[Candidate]]:
    """List candidates by all but the number of samples that they learned from.

    Parameters
    ----------
    found : Found
        The search.

    Returns
    -------
    curves : dict of str to list of Candidate
        By what else their parameters are, from few samples to many; what reads as it
        comes is the first of each. None if there is one that no other differs from by
        the number of samples alone.
    """
    curves: dict[str, list[Candidate]] = {}
    apart = _varying(found.candidates) - {N_LABELLED}
    for candidate in found.candidates:
        others = _pick(candidate.params, apart)
        if N_LABELLED not in candidate.params:
            return {}
        curves.setdefault(show_params(others), []).append(candidate)
    if len(curves) > _MOST_CURVES or min(map(len, curves.values())) < 2:
        return {}
    first = [found.before] if found.before else []
    return {
        name: [*first, *sorted(own, key=lambda one: one.params[N_LABELLED])]
        for name, own in curves.items()
    }


def _draw_rows(found: Found) -> Any:
    import matplotlib.pyplot as plt

    from lenet_sklearn.plotting.figures import BLUE, GREY

    rows = rank(found.candidates)[::-1]
    if found.before is not None:
        rows = [found.before, *rows]
    size = (7.2, 0.8 + 0.35 * len(rows))
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    for row, one in enumerate(rows):
        ax.plot(one.scores, [row] * len(one.scores), "o", color=GREY, markersize=3)
        ax.errorbar(one.mean, row, xerr=one.deviation, fmt="s", color=BLUE, capsize=3)
    apart = _varying(found.candidates)
    names = [
        one.name if one is found.before else show_params(_pick(one.params, apart))
        for one in rows
    ]
    ax.set_yticks(range(len(rows)), [_shorten(name) for name in names], fontsize=7)
    ax.set_title(_shared(found.candidates), fontsize=7)
    ax.set_xlabel(f"{found.best.scoring}: mean and deviation over the folds")
    return figure


def _draw_curves(curves: Mapping[str, Sequence[Candidate]], found: Found) -> Any:
    import matplotlib.pyplot as plt

    from lenet_sklearn.plotting.figures import GREY

    figure, ax = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
    ax.set_title(_shared(found.candidates), fontsize=7)
    for name, own in curves.items():
        sizes = [one.params[N_LABELLED] for one in own]
        ax.errorbar(
            sizes,
            [one.mean for one in own],
            yerr=[one.deviation for one in own],
            marker="s",
            capsize=3,
            label=_shorten(name),
        )
        for size, one in zip(sizes, own, strict=True):
            ax.plot([size] * len(one.scores), one.scores, "o", color=GREY, markersize=3)
    ax.set_xlabel("samples that were learned from")
    ax.set_ylabel(f"{found.best.scoring}: mean and deviation over the folds")
    if len(curves) > 1:
        ax.legend(fontsize=7)
    return figure


def _varying(candidates: Iterable[Candidate]) -> set[str]:
    """Name the parameters that tell candidates apart."""
    every = [candidate.params for candidate in candidates]
    names = {name for params in every for name in params}
    shown = {n: {show_params(_pick(p, {n})) for p in every} for n in names}
    return {name for name, values in shown.items() if len(values) > 1}


def _shared(candidates: Sequence[Candidate]) -> str:
    """Write what all candidates have in common."""
    params = candidates[0].params
    return show_params(_pick(params, params.keys() - _varying(candidates)))


def _pick(params: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name in names}


def _without_size(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != N_LABELLED}


def _identify(params: Mapping[str, Any]) -> str:
    """Tell parameters apart, models among them by their weights."""
    told = [
        (name, describe(value) if isinstance(value, BaseEstimator) else value)
        for name, value in sorted(params.items())
    ]
    return str(joblib.hash(told))


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_ROW else f"...{name[3 - _LONGEST_ROW :]}"
