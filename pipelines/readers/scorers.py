"""Scorers with the field's names, for ``scoring=``, at all three levels.

Each is called as scikit-learn calls a scorer, ``scorer(estimator, X, y)``, and higher
is better: what is the better the lower it is bears ``neg_`` in its name. The estimator
reads pages, fields or single glyphs.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.metrics import (
    digit_error_rate,
    error_reject_curve,
    expected_calibration_error,
    reject_rate_for,
    reliability_curve,
)
from pipelines.outcomes import FieldReading, hangs_on_confidence
from pipelines.readers.base import clean_images, split_reader

Scorer = Callable[[Any, Any, Any], float]


class Outcomes(NamedTuple):
    """What was read of some fields, or glyphs, and what they say.

    Attributes
    ----------
    truths : ndarray of shape (n,), dtype object
        Strings, those of a page side by side.

    values : ndarray of shape (n,), dtype object
        What was read in them.

    confidences : ndarray of shape (n,), dtype float64
        Stated probabilities that the values are right.

    decided : ndarray of shape (n,), dtype bool
        Whether the confidence decides if the value is accepted: not where nothing
        seems to be written, the field was not found, or a rule is broken.
    """

    truths: NDArray[np.object_]
    values: NDArray[np.object_]
    confidences: NDArray[np.float64]
    decided: NDArray[np.bool_]

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each whole value is right."""
        right: NDArray[np.bool_] = self.values == self.truths
        return right


def judge(estimator: Any, X: Any, y: Any) -> Outcomes:
    """Read samples whose truth is known, once for all scorers.

    Parameters
    ----------
    estimator : FormReader, reader of fields, classifier, or Pipeline
        What reads; or what has a method `judge` of its own.

    X : sequence of n_samples
        Pages, images of fields, or glyphs.

    y : array-like of shape (n_samples,) or (n_samples, n_fields)
        What they say.

    Returns
    -------
    outcomes : Outcomes
        Of n_samples * n_fields values.

    Raises
    ------
    TypeError
        If the estimator states no confidence.

    ValueError
        If there is nothing to judge, or samples and truth do not fit.
    """
    if hasattr(estimator, "judge"):
        outcomes: Outcomes = estimator.judge(X, y)
        return outcomes
    truths = _as_strings(np.ravel(_ordered(estimator, y)))
    if hasattr(estimator, "predict_proba"):
        posteriors = estimator.predict_proba(X)
        best = posteriors.argmax(axis=1)
        values = _as_strings(estimator.classes_[best])
        likely = posteriors[np.arange(len(best)), best]
        return _checked(truths, values, likely, np.ones(len(best), dtype=bool))
    readings = _read(estimator, X)
    return _checked(
        truths,
        _as_strings([one.value for one in readings]),
        np.array([one.confidence for one in readings], dtype=np.float64),
        np.array([hangs_on_confidence(one) for one in readings], dtype=bool),
    )


def exact_strings(estimator: Any, X: Any, y: Any) -> float:
    """Return the share of fields whose whole string is right.

    Parameters
    ----------
    estimator, X, y
        As for :func:`judge`.

    Returns
    -------
    score : float
        In [0, 1].
    """
    return _exact_strings(judge(estimator, X, y))


def neg_digit_error(estimator: Any, X: Any, y: Any) -> float:
    """Return minus the digits to correct / digits written.

    Parameters
    ----------
    estimator, X, y
        As for :func:`judge`.

    Returns
    -------
    score : float
        0 at the best; see :func:`lenet_sklearn.metrics.digit_error_rate`.
    """
    return _neg_digit_error(judge(estimator, X, y))


def read_rate(estimator: Any, X: Any, y: Any, *, max_error: float = 0.01) -> float:
    """Return what share of the fields can be accepted at a given error.

    Parameters
    ----------
    estimator, X, y
        As for :func:`judge`.

    max_error : float, default=0.01
        Share of the accepted that may be wrong. For another, pass
        ``functools.partial(read_rate, max_error=0.05)`` as `scoring`.

    Returns
    -------
    score : float
        Accepted / all, without fields that are empty and read so, in [0, 1]; 0 where no
        threshold is enough.

    Notes
    -----
    The threshold is the best for these very samples: it ranks readers, and promises
    nothing of other samples. :class:`lenet_sklearn.AcceptanceRule` does.
    """
    return _read_rate(judge(estimator, X, y), max_error)


def neg_calibration_error(estimator: Any, X: Any, y: Any) -> float:
    """Return minus the distance of confidences from the shares that are right.

    Parameters
    ----------
    estimator, X, y
        As for :func:`judge`.

    Returns
    -------
    score : float
        0 at the best; of values that their confidence decides about, NaN without any.
        See :func:`lenet_sklearn.metrics.expected_calibration_error`.
    """
    return _neg_calibration_error(judge(estimator, X, y))


def score_all(
    estimator: Any, X: Any, y: Any, *, max_error: float = 0.01
) -> dict[str, float]:
    """Return the scores of all scorers; each sample is read once.

    Parameters
    ----------
    estimator, X, y
        As for :func:`judge`.

    max_error : float, default=0.01
        As for :func:`read_rate`.

    Returns
    -------
    scores : dict of str to float
        By the names of the scorers. As `scoring` of a search it needs
        ``refit="exact_strings"``, or another of them.

    Examples
    --------
    >>> from pipelines import FieldReader
    >>> from pipelines.drawing import draw_comb
    >>> from pipelines.readers.scorers import score_all
    >>> fields = [draw_comb(text, random_state=3) for text in ["042", "1998"]]
    >>> scores = score_all(FieldReader(), fields, ["042", "1997"])
    >>> scores["exact_strings"], round(scores["neg_digit_error"], 3)
    (0.5, -0.143)
    """
    return summarize(judge(estimator, X, y), max_error=max_error)


SCORERS: Final[Mapping[str, Scorer]] = MappingProxyType(
    {
        "exact_strings": exact_strings,
        "neg_calibration_error": neg_calibration_error,
        "neg_digit_error": neg_digit_error,
        "read_rate": read_rate,
    }
)


def summarize(outcomes: Outcomes, *, max_error: float = 0.01) -> dict[str, float]:
    """Compute all scores of what was read.

    Parameters
    ----------
    outcomes : Outcomes
        As of :func:`judge`.

    max_error : float, default=0.01
        As for :func:`read_rate`.

    Returns
    -------
    scores : dict of str to float
        By the names of the scorers.
    """
    return {
        "exact_strings": _exact_strings(outcomes),
        "neg_calibration_error": _neg_calibration_error(outcomes),
        "neg_digit_error": _neg_digit_error(outcomes),
        "read_rate": _read_rate(outcomes, max_error),
    }


def _exact_strings(outcomes: Outcomes) -> float:
    return float(np.mean(outcomes.right))


def _neg_digit_error(outcomes: Outcomes) -> float:
    return -digit_error_rate(outcomes.truths, outcomes.values)


def _read_rate(outcomes: Outcomes, max_error: float) -> float:
    truths, values, confidences, decided = outcomes
    written = (truths != "") | (values != "")
    if not decided.any():
        return 0.0
    curve = error_reject_curve(truths[decided], values[decided], confidences[decided])
    rejected = reject_rate_for(curve, max_error)
    share = decided.sum() / written.sum()
    return 0.0 if np.isnan(rejected) else float((1 - rejected) * share)


def _neg_calibration_error(outcomes: Outcomes) -> float:
    truths, values, confidences, decided = outcomes
    if not decided.any():
        return float("nan")
    curve = reliability_curve(truths[decided], values[decided], confidences[decided])
    return -expected_calibration_error(curve)


def _ordered(estimator: Any, y: Any) -> NDArray[Any]:
    """Take the columns of a DataFrame in the order of the fields of a form."""
    form = getattr(estimator, "form", None)
    if form is not None and hasattr(y, "columns"):
        y = y[[field.name for field in form.fields]]
    return np.asarray(y)


def _as_strings(values: Any) -> NDArray[np.object_]:
    return np.array([str(value) for value in values], dtype=object)


def _read(estimator: Any, X: Sequence[Any]) -> list[FieldReading]:
    """Read fields, or pages, of which all fields are listed."""
    if hasattr(estimator, "form"):
        return [r for page in X for r in estimator.read(page).fields.values()]
    steps, reader = split_reader(estimator)
    if not hasattr(reader, "read"):
        raise TypeError(
            f"Scorers of readings expect a reader or a classifier with predict_proba."
            f" Got {type(reader).__name__}, which states no confidence."
        )
    readings = reader.read(clean_images(steps, X))
    return [_settled(one) for one in readings]


def _settled(reading: Any) -> FieldReading:
    """Make a reading of the candidates that a reader of free writing returns."""
    if isinstance(reading, FieldReading):
        return reading
    [best, *_] = reading
    return FieldReading(
        best.text, "accepted" if best.text else "blank", best.probability
    )


def _checked(truths: Any, values: Any, confidences: Any, decided: Any) -> Outcomes:
    if not len(values) or len(values) != len(truths):
        raise ValueError(
            "Scorers of readings expect at least one sample and a string for each."
            f" Got {len(values)} values that were read and {len(truths)} strings."
        )
    return Outcomes(truths, values, confidences, decided)
