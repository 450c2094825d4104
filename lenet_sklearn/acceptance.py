"""Accept values with a stated risk: a threshold that labelled fields have certified."""

import json
import os
from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from scipy.stats import beta, binom, poisson
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from lenet_sklearn.models.files import (
    ModelFileError,
    model_path,
    read_header,
    read_model,
    write_model,
)
from lenet_sklearn.outputs import check_readable, write_whole
from lenet_sklearn.parameters import SHARE, Interval

# Raised with every change that an older reader would misunderstand.
_VERSION: Final = 1

# What a model file calls its rule.
_ENTRY: Final = "rule"

# Evenly spaced in log odds, so that they are fine where confidences are high; of four
# decimals, as tables have them, rounded down: a confidence there is above one of these
# if and only if it is above it in full. The last accepts everything.
_LOG_ODDS = np.arange(9.25, -2.5, -0.25)
THRESHOLDS: Final = np.append(np.unique(expit(_LOG_ODDS).round(4))[::-1], 0.0)

# A batch looks otherwise than the fit if such a difference is seen by chance in one of
# a thousand batches, and the distributions are a tenth apart at least: of very many
# fields even the least difference is certain, and nothing to be told.
# Of a dozen fields nothing is told.
_SIGNIFICANCE: Final = 0.001
_LEAST_DISTANCE: Final = 0.1
_FEWEST: Final = 20

# Where testing begins is chosen as if there were so many times the errors that the
# confidences admit, and one more: networks are surer than they should be.
_PESSIMISM: Final = 2.0

# How far a bound may be above what it is.
_ACCURACY: Final = 1e-9

_COUNTS: Final = ("thresholds", "accepted", "wrong", "units", "errors", "expected")


def fields_needed(max_error: float, confidence: float = 0.95) -> int:
    """Count the fields that must be accepted, all of them right, to certify a risk.

    Parameters
    ----------
    max_error : float
        Highest share of errors among the accepted, in (0, 1).

    confidence : float, default=0.95
        Probability with which the statement is to be true, in (0, 1).

    Returns
    -------
    n_fields : int
        With an error among them, more are needed.

    Examples
    --------
    >>> from lenet_sklearn.acceptance import fields_needed
    >>> fields_needed(0.01), fields_needed(0.005), fields_needed(0.001)
    (299, 598, 2995)
    """
    return int(np.ceil(np.log(1 - confidence) / np.log(1 - max_error) - 1e-9))


class AcceptanceRule(BaseEstimator):
    """Accept values so that at most a stated share of the accepted is wrong.

    From labelled fields that trained nothing, a threshold is chosen by fixed-sequence
    testing [1]_ [2]_: thresholds are tested one after the other, strictest first, for
    whether the share of errors among what they accept is at most `max_error`, and the
    last one before the first that fails is taken. Each test is of the whole level,
    and still the probability that the threshold taken has a greater risk is at most
    one minus `confidence`.

    The thresholds are the same for all data, and where testing begins is decided by
    the confidences alone, never by what is right: at the threshold whose test would
    most surely be passed if there were twice as many errors as the confidences admit,
    and one more. What is too strict to accept enough fields is so passed over.

    Parameters
    ----------
    max_error : float, default=0.01
        Highest share of errors among the accepted, in (0, 1).

    confidence : float, default=0.95
        Probability over labelled samples that the promise is kept, in (0, 1).

    fitted_on : str, default="the labelled fields"
        What the fields of the fit are, for the sentence that states the promise.

    Attributes
    ----------
    threshold_ : float
        Confidence from which values are accepted; infinite where no threshold could be
        certified, and nothing is accepted.

    bound_ : float
        Upper confidence bound on the share of errors at this threshold, as if it had
        been the only one tested; NaN where nothing is accepted.

    accepted_share_ : float
        Share of the fields of the fit that are accepted.

    n_missing_ : int
        Units that are missing for any threshold to be certified, if all the fields
        were right; 0 where there are enough.

    n_fields_ : int
        Fields of the fit.

    n_units_ : int
        What is independent and therefore counted: the groups, or without groups the
        fields.

    counts_ : dict of str to ndarray of shape (n_thresholds,)
        At each of the ``thresholds``: fields ``accepted`` and ``wrong``; ``units`` with
        an accepted field; the sum of their shares of ``errors``, and what the
        confidences made one ``expected`` of it.

    See Also
    --------
    lenet_sklearn.plotting.ErrorRejectDisplay : The same trade, without a statement.

    Notes
    -----
    Fields of one page or writer are not independent. With groups, each group that has
    an accepted field counts once, and its error is the share of its accepted fields
    that are wrong, from 0 to 1. The promise is then about the mean of these shares: a
    field drawn from a group drawn at random. The bounds are

    - exact binomial ones, those of Clopper and Pearson [3]_, where no group has
      several accepted fields;
    - else Hoeffding's [4]_: a sum of independent shares varies no more than a binomial
      number of the same mean, which bounds every convex function of it, and so the
      probability that the sum is that small. Nothing is assumed about the fields of a
      group. Without errors, both are the same.

    The promise is for fields like those of the fit, and of their rate of errors: the
    share in one batch scatters about it. The tests are exact where their beginning is
    fixed; that confidences choose it makes them stricter wherever surer values are more
    often right. Several values of `max_error` are several promises, each of which is
    kept with this confidence.

    References
    ----------
    .. [1] P. Bauer, "Multiple testing in clinical trials", Statistics in Medicine
       10(6), pp. 871-890, 1991.
    .. [2] A. N. Angelopoulos, S. Bates, E. J. Candes, M. I. Jordan, L. Lei, "Learn then
       test: calibrating predictive algorithms to achieve risk control", Annals of
       Applied Statistics 19(2), 2025, section 2.
    .. [3] C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits
       illustrated in the case of the binomial", Biometrika 26(4), pp. 404-413, 1934.
    .. [4] W. Hoeffding, "Probability inequalities for sums of bounded random
       variables", J. American Statistical Association 58, pp. 13-30, 1963, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn import AcceptanceRule
    >>> confidences = np.repeat([0.99, 0.6], [400, 100])
    >>> right = confidences > 0.9
    >>> rule = AcceptanceRule(max_error=0.01).fit(confidences, right)
    >>> round(rule.accepted_share_, 2), round(rule.bound_, 4), rule.n_missing_
    (0.8, 0.0075, 0)
    >>> rule.predict([0.999, 0.5]).tolist()
    [True, False]
    >>> print(rule.with_max_error(0.001))
    500 labelled fields are too few: they can show 0.6 % at best, and for 0.1 %
    2495 more are needed
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "max_error": [SHARE],
        "confidence": [Interval(Real, 0, 1, closed="neither")],
        "fitted_on": [str],
    }

    def __init__(
        self,
        *,
        max_error: float = 0.01,
        confidence: float = 0.95,
        fitted_on: str = "the labelled fields",
    ) -> None:
        self.max_error = max_error
        self.confidence = confidence
        self.fitted_on = fitted_on

    def fit(
        self, confidences: ArrayLike, right: ArrayLike, groups: ArrayLike | None = None
    ) -> Self:
        """Choose the threshold.

        Parameters
        ----------
        confidences : array-like of shape (n_fields,)
            Of the values read, in [0, 1]. Those that are never accepted, such as
            blank fields, are left out by the caller.

        right : array-like of shape (n_fields,)
            Whether each value is right.

        groups : array-like of shape (n_fields,), default=None
            The page or writer of each field; None where the fields are independent.

        Returns
        -------
        rule : AcceptanceRule
            This one.

        Raises
        ------
        ValueError
            If there is no field, or a confidence is not in [0, 1].
        """
        self._validate_params()
        sureness = _check_confidences(confidences)
        wrong = ~column_or_1d(right).astype(bool)
        check_consistent_length(sureness, wrong)
        if not len(sureness):
            raise ValueError("AcceptanceRule expects at least one labelled field.")
        units = np.arange(len(sureness))
        if groups is not None:
            names = column_or_1d(groups)
            check_consistent_length(sureness, names)
            units = np.unique(names, return_inverse=True)[1]
        self._decide(_count(sureness, wrong, units))
        return self

    def predict(self, confidences: ArrayLike) -> NDArray[np.bool_]:
        """Tell which values are accepted.

        Parameters
        ----------
        confidences : array-like of shape (n_fields,)
            In [0, 1].

        Returns
        -------
        accepted : ndarray of shape (n_fields,), dtype bool
        """
        check_is_fitted(self)
        accepted: NDArray[np.bool_] = _check_confidences(confidences) >= self.threshold_
        return accepted

    @property
    def accepts_nothing(self) -> bool:
        """Whether no threshold could be certified."""
        check_is_fitted(self)
        return bool(np.isinf(self.threshold_))

    def with_max_error(self, max_error: float) -> "AcceptanceRule":
        """Choose another threshold from the same counts.

        Parameters
        ----------
        max_error : float
            Highest share of errors among the accepted, in (0, 1).

        Returns
        -------
        rule : AcceptanceRule
            As if fitted with `max_error` to the same fields.
        """
        check_is_fitted(self)
        params = {**self.get_params(), "max_error": max_error}
        return AcceptanceRule(**params)._restore(self.counts_)

    def looks_alike(
        self, confidences: ArrayLike, groups: ArrayLike | None = None
    ) -> bool:
        """Tell whether confidences may be of fields like those of the fit.

        Parameters
        ----------
        confidences : array-like of shape (n_fields,)
            Of a batch, without what is never accepted, as for :meth:`fit`.

        groups : array-like of shape (n_fields,), default=None
            The page or writer of each.

        Returns
        -------
        alike : bool
            False if the distributions are further apart than one batch of a thousand
            would be by chance, by the test of Kolmogorov and Smirnov with as many
            samples as there are groups, and further than a tenth. True for fewer than
            20 fields.
        """
        check_is_fitted(self)
        sureness = _check_confidences(confidences)
        if len(sureness) < _FEWEST:
            return True
        n_here = len(sureness if groups is None else np.unique(column_or_1d(groups)))
        here = (sureness >= THRESHOLDS[:, None]).mean(axis=1)
        there = self.counts_["accepted"] / self.n_fields_
        distance = np.abs(here - there).max()
        n_samples = n_here * self.n_units_ / (n_here + self.n_units_)
        chance = 2 * np.exp(-2 * n_samples * distance**2)
        return bool(chance >= _SIGNIFICANCE or distance < _LEAST_DISTANCE)

    def promise(self) -> str:
        """State what may be relied on, in one sentence.

        Returns
        -------
        text : str
            Without a full stop.

        Examples
        --------
        >>> import numpy as np
        >>> from lenet_sklearn import AcceptanceRule
        >>> rule = AcceptanceRule(max_error=0.02, fitted_on="drawn pages")
        >>> rule.fit(np.full(200, 0.9), np.full(200, True)).promise().split(", if ")[0]
        'of the accepted values at most 1 in 50 is wrong, with 95 % confidence'
        """
        if self.accepts_nothing:
            return f"no confidence is enough for {100 * self.max_error:g} % errors"
        share = f"1 in {1 / self.max_error:g} is"
        if not np.isclose(1 / self.max_error, round(1 / self.max_error)):
            share = f"{100 * self.max_error:g} % are"
        return (
            f"of the accepted values at most {share} wrong, with"
            f" {100 * self.confidence:g} % confidence, if these are like"
            f" {self.fitted_on}"
        )

    def __str__(self) -> str:
        if not self.__sklearn_is_fitted__():
            return repr(self)
        is_grouped = self.n_units_ < self.n_fields_
        unit = "groups" if is_grouped else "labelled fields"
        wanted = f"{100 * self.max_error:g} %"
        if self.n_missing_:
            best = 1 - (1 - self.confidence) ** (1 / max(self.n_units_, 1))
            return (
                f"{self.n_units_} {unit} are too few: they can show"
                f" {_round_up(best)} at best, and for {wanted}\n"
                f"{self.n_missing_} more are needed"
            )
        if self.accepts_nothing:
            return f"no threshold keeps to {wanted}: too many of the surest are wrong"
        at = np.flatnonzero(self.counts_["thresholds"] == self.threshold_)[0]
        n_accepted, n_wrong = (int(self.counts_[n][at]) for n in ("accepted", "wrong"))
        counted = f", counted by {self.n_units_} groups" if is_grouped else ""
        return (
            f"accept from confidence {self.threshold_:g}: {n_accepted} of"
            f" {self.n_fields_} fields ({100 * self.accepted_share_:.1f} %),"
            f" {n_wrong} of them wrong{counted}\nbound: {_round_up(self.bound_)} of"
            f" the accepted, with {100 * self.confidence:g} % confidence"
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "threshold_")

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as JSON holds it.

        Returns
        -------
        content : dict
            With the counts, from which :meth:`from_dict` computes the threshold anew.
        """
        check_is_fitted(self)
        return {
            "version": _VERSION,
            **self.get_params(),
            "threshold": None if self.accepts_nothing else self.threshold_,
            "bound": None if self.accepts_nothing else self.bound_,
            "accepted_share": self.accepted_share_,
            "counts": {name: self.counts_[name].round(9).tolist() for name in _COUNTS},
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Undo :meth:`to_dict`.

        Parameters
        ----------
        content : mapping
            What a file holds.

        Returns
        -------
        rule : AcceptanceRule
            Fitted.

        Raises
        ------
        ValueError
            If it describes no rule, or one of a newer version.
        """
        try:
            version = int(content["version"])
            params = {name: content[name] for name in cls().get_params()}
            counts = {
                name: np.asarray(content["counts"][name], dtype=np.float64)
                for name in _COUNTS
            }
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"This is no acceptance rule ({type(error).__name__}: {error})."
                " Fit one with lenet calibrate."
            ) from error
        if version != _VERSION or not np.array_equal(counts["thresholds"], THRESHOLDS):
            raise ValueError(
                f"The acceptance rule is of version {version}, or has other thresholds;"
                f" this lenet_sklearn reads version {_VERSION}. Fit it anew with"
                " lenet calibrate."
            )
        _check_counts(counts)
        return cls(**params)._restore(counts)

    def to_file(self, path: str | os.PathLike[str]) -> None:
        """Write the rule to a JSON file, wholly or not at all.

        Parameters
        ----------
        path : str or path
            File to write. An existing file is replaced.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        write_whole(path, (json.dumps(self.to_dict(), indent=1) + "\n").encode())

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Read a rule that :meth:`to_file` wrote.

        Parameters
        ----------
        path : str or path
            File to read.

        Returns
        -------
        rule : AcceptanceRule
            Fitted.

        Raises
        ------
        ValueError
            If the file cannot be read, or holds no rule.
        """
        try:
            check_readable(path)
            with open(path, encoding="utf-8") as file:
                return cls.from_dict(json.load(file))
        except OSError as error:
            reason = error.strerror or error
            raise ValueError(f"{path} cannot be read: {reason}") from error
        except (RecursionError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error

    def _restore(self, counts: dict[str, NDArray[np.float64]]) -> Self:
        self._validate_params()
        self._decide(counts)
        return self

    def _decide(self, counts: dict[str, NDArray[np.float64]]) -> None:
        """Test the thresholds one after the other, and keep the last that passes."""
        self.counts_ = counts
        self.n_fields_ = int(counts["accepted"][-1])
        self.n_units_ = int(counts["units"][-1])
        needed = fields_needed(self.max_error, self.confidence)
        self.n_missing_ = max(0, needed - self.n_units_)
        self.threshold_, self.bound_, self.accepted_share_ = np.inf, np.nan, 0.0
        at = None if self.n_missing_ else self._find_last(counts)
        if at is None:
            return
        self.threshold_ = float(counts["thresholds"][at])
        self.accepted_share_ = float(counts["accepted"][at] / self.n_fields_)
        self.bound_ = _bound(counts, at, self.confidence)

    def _find_last(self, counts: dict[str, NDArray[np.float64]]) -> int | None:
        """Find the last threshold in turn whose test is passed, if the first is."""
        level = 1 - self.confidence
        last = None
        for at in range(self._find_first(counts), len(THRESHOLDS)):
            if _chance(counts, at, self.max_error) > level:
                break
            last = at
        if last is None:
            return None
        # Of those that accept the same, the strictest: no field of the fit speaks for
        # what is less sure than all of these.
        return int(np.argmax(counts["accepted"] == counts["accepted"][last]))

    def _find_first(self, counts: dict[str, NDArray[np.float64]]) -> int:
        """Choose where testing begins, by the confidences alone."""
        level, units = 1 - self.confidence, counts["units"]
        # The most errors among them that a test is passed with; -1 where with none.
        allowed = binom.ppf(level, units, self.max_error)
        allowed -= binom.cdf(allowed, units, self.max_error) > level
        feared = _PESSIMISM * counts["expected"] + 1
        hope = np.where(allowed < 0, -1.0, poisson.cdf(allowed, feared))
        return int(np.argmax(hope))


def attach_rule(path: str | os.PathLike[str], rule: AcceptanceRule) -> None:
    """Put a rule into the file of the model whose confidences it was fitted to.

    Parameters
    ----------
    path : str or path
        A model file, which is replaced wholly or not at all.

    rule : AcceptanceRule
        Fitted.

    Raises
    ------
    ModelFileError
        If the file holds no model.

    OSError
        If it cannot be written.
    """
    header, tensors = read_model(path)
    write_model(path, {**header, _ENTRY: rule.to_dict()}, tensors)


def read_rule(source: str | os.PathLike[str]) -> AcceptanceRule | None:
    """Read the rule of a model file.

    Parameters
    ----------
    source : str or path
        A file, or the name of a model that ships with the package.

    Returns
    -------
    rule : AcceptanceRule or None
        None where the file has none.

    Raises
    ------
    ModelFileError
        If the file cannot be read, or its rule is of another version.
    """
    content = read_header(model_path(source)).get(_ENTRY)
    try:
        return None if content is None else AcceptanceRule.from_dict(content)
    except ValueError as error:
        raise ModelFileError(f"{source}: {error}") from error


def _check_confidences(confidences: ArrayLike) -> NDArray[np.float64]:
    sureness: NDArray[np.float64] = column_or_1d(confidences).astype(np.float64)
    if not ((sureness >= 0) & (sureness <= 1)).all():
        raise ValueError(
            "AcceptanceRule expects confidences from 0 to 1. Got some that are not."
        )
    return sureness


def _check_counts(counts: Mapping[str, NDArray[np.float64]]) -> None:
    """Refuse counts that no fit can have."""
    rising = [counts[name] for name in _COUNTS[1:]]
    known = all(c.shape == THRESHOLDS.shape and np.isfinite(c).all() for c in rising)
    accepted, wrong, units, errors, _ = rising
    if not (
        known
        and (np.diff(accepted) >= 0).all()
        and (wrong >= 0).all()
        and (wrong <= accepted).all()
        and (errors >= 0).all()
        and (errors <= units + 1e-6).all()
        and (units <= accepted).all()
        and units[-1] >= 1
    ):
        raise ValueError(
            "The counts of the acceptance rule contradict each other. Fit it anew with"
            " lenet calibrate."
        )


def _count(
    sureness: NDArray[np.float64], wrong: NDArray[np.bool_], units: NDArray[np.intp]
) -> dict[str, NDArray[np.float64]]:
    """Count what each threshold accepts, and sum the shares of errors of the units."""
    counts = {name: np.zeros(len(THRESHOLDS)) for name in _COUNTS}
    counts["thresholds"] = THRESHOLDS.copy()
    for at, threshold in enumerate(THRESHOLDS):
        accepted = sureness >= threshold
        of_unit = np.bincount(units, accepted)
        shares = 1 / np.maximum(of_unit, 1)[units[accepted]]
        counts["accepted"][at] = accepted.sum()
        counts["wrong"][at] = wrong[accepted].sum()
        counts["units"][at] = (of_unit > 0).sum()
        counts["errors"][at] = shares[wrong[accepted]].sum()
        counts["expected"][at] = ((1 - sureness[accepted]) * shares).sum()
    return counts


def _chance(
    counts: Mapping[str, NDArray[np.float64]], at: int, error_rate: float
) -> float:
    """Bound the probability of so few errors at a threshold, with this error rate."""
    n_units, errors = int(counts["units"][at]), float(counts["errors"][at])
    if counts["accepted"][at] == n_units:
        return float(binom.cdf(round(errors), n_units, error_rate))
    # P(S <= s) <= E max(t - S, 0) / (t - s) <= E max(t - B, 0) / (t - s) for every
    # t > s, B being binomial; between two whole numbers the quotient has no minimum.
    areas = np.cumsum(binom.cdf(np.arange(n_units), n_units, error_rate))
    over = np.arange(1, n_units + 1) - errors
    quotients = areas[over > 0] / over[over > 0]
    return float(min(1.0, quotients.min(initial=1.0)))


def _bound(
    counts: Mapping[str, NDArray[np.float64]], at: int, confidence: float
) -> float:
    """Return the highest error rate under which so few errors are not too few."""
    n_units, errors = int(counts["units"][at]), float(counts["errors"][at])
    if counts["accepted"][at] == n_units:
        n_errors = round(errors)
        return float(beta.ppf(confidence, n_errors + 1, n_units - n_errors))
    low, high = errors / n_units, 1.0
    while high - low > _ACCURACY:
        middle = (low + high) / 2
        is_bound = _chance(counts, at, middle) <= 1 - confidence
        low, high = (low, middle) if is_bound else (middle, high)
    return high


def _round_up(share: float) -> str:
    """Write a bound in per cent, never too low."""
    return f"{np.ceil(1000 * share - 1e-9) / 10:.1f} %"
