"""What one or several trained networks read in fields."""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_softmax
from sklearn.base import BaseEstimator
from sklearn.utils import Tags

from lenet_sklearn.strings.ctc import Symbols, align, place_characters, score_strings
from lenet_sklearn.strings.decoding import (
    Constraint,
    Hypothesis,
    Scored,
    make_constraint,
    search_beam,
)
from lenet_sklearn.strings.strips import LogPosteriors, Strip, prepare_strip

# Posteriors along one field of each member of an ensemble: of several networks, or of
# one network at several widths of the field.
Members = Sequence[LogPosteriors]

# Each member brings forward so many strings, or as many as are wanted.
_CANDIDATES = 4

# Temperatures tried, 7 % apart.
_TEMPERATURES = np.geomspace(0.5, 8.0, 41)

# One field that was sure and wrong does not decide on the temperature.
_LEAST_DOUBT = 1e-3

# Strips that are drawn from a lazy sequence and held, or scored, at a time.
_CHUNK = 512


def search_ensemble(
    members: Members,
    *,
    n_best: int = 1,
    constraint: Constraint | None = None,
    beam_width: int,
) -> list[Scored]:
    """Find the strings that are most probable in the mean of several members.

    Parameters
    ----------
    members : sequence of ndarrays of shape (n_positions, n_symbols + 1)
        Logarithms of posteriors along one field. Their positions may differ.

    n_best : int, default=1
        Strings wanted.

    constraint : Constraint, default=None
        What they must keep to.

    beam_width : int
        Of the search for each member.

    Returns
    -------
    strings : list of at most n_best tuples of (symbols, log_probability)
        The best first. Candidates are the best strings of each member; each is
        scored by all of them.
    """
    search = partial(search_beam, constraint=constraint, beam_width=beam_width)
    if len(members) == 1:
        return search(members[0], n_best=n_best)
    n_each = max(n_best, _CANDIDATES)
    found = [symbols for one in members for symbols, _ in search(one, n_best=n_each)]
    if not found:
        return []
    strings = list(dict.fromkeys(found))
    scores = _mean_scores([members] * len(strings), strings)
    ranked = sorted(zip(strings, scores.tolist(), strict=True), key=lambda s: -s[1])
    return ranked[:n_best]


def fit_ensemble_temperature(
    fields: Sequence[Members], strings: Sequence[Symbols], right: Sequence[bool]
) -> float:
    """Find the temperature under which probabilities match what is right.

    Parameters
    ----------
    fields : sequence of n Members
        Logarithms of posteriors, at the temperature there is now.

    strings : sequence of n tuples of int
        The string read in each field.

    right : sequence of n bool
        Whether it was the right one.

    Returns
    -------
    factor : float
        What the temperature is multiplied by; between 0.5 and 8.
    """
    losses = []
    for factor in _TEMPERATURES:
        chunks = [slice(i, i + _CHUNK) for i in range(0, len(fields), _CHUNK)]
        scores = [
            _mean_scores(_temper(fields[chunk], factor), strings[chunk])
            for chunk in chunks
        ]
        sure = np.exp(np.concatenate(scores)).clip(_LEAST_DOUBT, 1 - _LEAST_DOUBT)
        losses.append(-np.mean(np.log(np.where(right, sure, 1 - sure))))
    return float(_TEMPERATURES[np.argmin(losses)])


def _temper(fields: Sequence[Members], factor: float) -> list[Members]:
    """Divide logits, of which the logarithms of posteriors are as good, by a factor."""
    return [
        [log_softmax(member / np.float32(factor), axis=1) for member in members]
        for members in fields
    ]


def _mean_scores(
    fields: Sequence[Members], strings: Sequence[Symbols]
) -> NDArray[np.float64]:
    """Logarithm of the mean probability of one string for each field."""
    n_members = len(fields[0])
    along = [member for members in fields for member in members]
    scores = score_strings(along, [s for s in strings for _ in range(n_members)])
    means = np.logaddexp.reduce(scores.reshape(-1, n_members), axis=1)
    return means - np.log(n_members)


class BaseStringReader(BaseEstimator):
    """Base of estimators that read strips.

    Expects `characters_`, what was learned to be read, and `beam_width`.
    """

    characters_: str
    beam_width: int

    def predict(self, X: Sequence[Strip]) -> NDArray[np.object_]:
        """Read the most probable string of every strip.

        Parameters
        ----------
        X : sequence of n ndarrays of shape (height, width), dtype uint8
            Ink bright on 0.

        Returns
        -------
        texts : ndarray of shape (n,), dtype object
            Strings; "" for a strip without characters.
        """
        texts = np.empty(len(X), dtype=object)
        texts[:] = [best.text for [best] in self.read(X)]
        return texts

    def read(
        self,
        X: Sequence[Strip],
        *,
        n_best: int = 1,
        lengths: int | Collection[int] | None = None,
        mask: str | None = None,
    ) -> list[list[Hypothesis]]:
        """Read the most probable strings of every strip.

        Parameters
        ----------
        X : sequence of n ndarrays of shape (height, width), dtype uint8
            Ink bright on 0.

        n_best : int, default=1
            Strings for each strip.

        lengths : int or collection of int, default=None
            Numbers of characters a string may have: ``5``, ``range(3, 9)``,
            ``{4, 6}``.

        mask : str, default=None
            ``#`` for any character; another stands for itself: "20##" for a year.

        Returns
        -------
        readings : list of n lists of at most n_best Hypothesis
            The best first. Probabilities do not look at `lengths` and `mask`: a
            field that does not keep to them has improbable strings only, or none
            where it is too narrow for any.

        Raises
        ------
        ValueError
            If lengths or mask are of another form.
        """
        scored = self._score_strips(X)
        rule = make_constraint(self.characters_, lengths, mask)
        return [self._hypotheses(members, rule, n_best) for _, members in scored]

    def posteriors(self, X: Sequence[Strip]) -> list[LogPosteriors]:
        """Compute the posteriors along every strip, at the middle one of the widths.

        Of a committee it is one member that they are from.

        Parameters
        ----------
        X : sequence of n ndarrays of shape (height, width), dtype uint8
            Ink bright on 0.

        Returns
        -------
        log_posteriors : list of n ndarrays of shape (n_positions, n_symbols + 1)
            Their logarithms; columns are the characters and, the last, the blank.
        """
        return [members[len(members) // 2] for _, members in self._score_strips(X)]

    def locate(
        self, X: Sequence[Strip], texts: Sequence[str] | None = None
    ) -> list[list[tuple[int, int]]]:
        """Find where on every strip the characters of a string stand.

        Parameters
        ----------
        X : sequence of n ndarrays of shape (height, width), dtype uint8
            Ink bright on 0.

        texts : sequence of n str, default=None
            What they say; None for what is read.

        Returns
        -------
        spans : list of n lists of tuples of (left, right)
            For each character its first column and the one behind its last.

        Raises
        ------
        ValueError, TypeError
            If strips and texts do not fit, or a strip is too narrow for its text.
        """
        scored = self._score_strips(X)
        texts = list(self.predict(X)) if texts is None else texts
        strings = self._encode(self._check_texts(texts, len(X)), self.characters_)
        return [
            self._locate(i, X[i].shape[1], strip, members, strings[i])
            for i, (strip, members) in enumerate(scored)
        ]

    def score(
        self,
        X: Sequence[Strip],
        y: Sequence[str],
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Return the share of strips whose whole string is right.

        Parameters
        ----------
        X : sequence of n ndarrays of shape (height, width), dtype uint8
            Ink bright on 0.

        y : sequence of n str
            What they say.

        sample_weight : array-like of shape (n,), default=None
            How much each counts.

        Returns
        -------
        score : float
            Exact-string accuracy.

        Raises
        ------
        ValueError, TypeError
            If there is no strip, or strips and strings do not fit.
        """
        texts = self._check_pairs(X, y)
        right = self.predict(X) == np.array(texts, dtype=object)
        weights = None if sample_weight is None else np.asarray(sample_weight, float)
        return float(np.average(right, weights=weights))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags

    @abstractmethod
    def _members_along(self, strips: Sequence[Strip]) -> list[Members]:
        """Compute the posteriors of each member along each prepared strip."""

    @property
    @abstractmethod
    def _steps(self) -> list[float]:
        """Columns of a prepared strip between two positions, for each member."""

    @abstractmethod
    def _check_ready(self) -> None:
        """Refuse to read before fitting, or by parameters without sense."""

    def _score_strips(self, X: Sequence[Strip]) -> Iterator[tuple[Strip, Members]]:
        """Give every strip, prepared, with the posteriors of each member along it."""
        self._check_ready()  # now, and not with the first strip
        return self._score_chunks(X)

    def _score_chunks(self, X: Sequence[Strip]) -> Iterator[tuple[Strip, Members]]:
        caller = type(self).__name__
        for start in range(0, len(X), _CHUNK):
            chunk = range(start, min(start + _CHUNK, len(X)))
            strips = [prepare_strip(X[i], i, caller) for i in chunk]
            yield from zip(strips, self._members_along(strips), strict=True)

    def _fit_temperature(self, X: Sequence[Strip], y: Sequence[str]) -> float:
        """Find what the temperature is to be multiplied by."""
        scored = self._score_strips(X)
        truths = self._encode(self._check_pairs(X, y), self.characters_)
        fields = [members for _, members in scored]
        best = [
            search_ensemble(members, beam_width=self.beam_width)[0][0]
            for members in fields
        ]
        right = [a == b for a, b in zip(best, truths, strict=True)]
        return fit_ensemble_temperature(fields, best, right)

    def _hypotheses(
        self, members: Members, constraint: Constraint, n_best: int
    ) -> list[Hypothesis]:
        found = search_ensemble(
            members, n_best=n_best, constraint=constraint, beam_width=self.beam_width
        )
        return [
            # Rounding of sums over paths may pass 1.
            Hypothesis(
                "".join(self.characters_[symbol] for symbol in symbols),
                min(1.0, float(np.exp(score))),
            )
            for symbols, score in found
        ]

    def _locate(
        self, index: int, width: int, strip: Strip, members: Members, symbols: Symbols
    ) -> list[tuple[int, int]]:
        """Place characters on a strip that was so wide before it was prepared."""
        # What any member has read has room in the longest one.
        member, step = max(
            zip(members, self._steps, strict=True), key=lambda v: len(v[0])
        )
        try:
            centres = [step * position for position in align(member, symbols)]
        except ValueError as error:
            raise ValueError(f"Sample {index}: {error}") from None
        scale = width / strip.shape[1]
        return [
            (round(scale * left), round(scale * right))
            for left, right in place_characters(strip, centres)
        ]

    def _check_pairs(self, X: Sequence[Strip], y: Sequence[str]) -> list[str]:
        """Check that there is a strip at least, and one string for each."""
        if not len(X):
            raise ValueError(
                f"{type(self).__name__} expects at least one strip. Got none. Pass"
                " strips whose strings are known; '' where there is nothing to read."
            )
        return self._check_texts(y, len(X))

    def _check_texts(self, texts: Sequence[str], n_strips: int) -> list[str]:
        """Check that there is one string for each strip."""
        caller, found = type(self).__name__, np.asarray(texts, dtype=object)
        if found.shape != (n_strips,):
            raise ValueError(
                f"{caller} expects one string for each strip, of shape ({n_strips},)."
                f" Got shape {found.shape}. Pass a list of strings, '' where there is"
                " nothing to read, or a single column as y.ravel()."
            )
        for index, text in enumerate(found):
            if not isinstance(text, str):
                raise TypeError(
                    f"Sample {index}: {caller} expects texts of type str."
                    f" Got {text!r}. Write numbers as strings, with their zeros."
                )
        return list(found)

    def _encode(self, texts: Sequence[str], characters: str) -> list[Symbols]:
        """Turn texts into places in an alphabet."""
        for index, text in enumerate(texts):
            unknown = sorted(set(text) - set(characters))
            if unknown:
                raise ValueError(
                    f"Sample {index}: {type(self).__name__} expects texts of the"
                    f" characters {characters!r}. Got {text!r}. Leave out"
                    f" {''.join(unknown)!r}, or add it to characters=."
                )
        return [tuple(map(characters.index, text)) for text in texts]
