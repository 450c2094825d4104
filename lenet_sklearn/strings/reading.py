"""What one or several trained networks read in fields."""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

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
    members: Members, *, n_best: int, constraint: Constraint, beam_width: int
) -> list[Scored]:
    """Find the strings that are most probable in the mean of several members.

    Parameters
    ----------
    members : sequence of ndarrays of shape (n_positions, n_symbols + 1)
        Logarithms of posteriors along one field. Their positions may differ.

    n_best : int
        Strings wanted.

    constraint : Constraint
        What they must keep to.

    beam_width : int
        Of the search for each member.

    Returns
    -------
    strings : list of at most n_best tuples of (symbols, log_probability)
        The best first. Candidates are the best strings of each member; each is
        scored by all of them.
    """
    if len(members) == 1:
        return search_beam(
            members[0], n_best=n_best, constraint=constraint, beam_width=beam_width
        )
    candidates: dict[Symbols, None] = {}
    for member in members:
        scored = search_beam(
            member,
            n_best=max(n_best, _CANDIDATES),
            constraint=constraint,
            beam_width=beam_width,
        )
        candidates |= dict.fromkeys(symbols for symbols, _ in scored)
    strings = list(candidates)
    scores = _mean_scores(members, strings)
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
        scores = [_score_each(fields[c], strings[c], factor) for c in chunks]
        sure = np.exp(np.concatenate(scores)).clip(_LEAST_DOUBT, 1 - _LEAST_DOUBT)
        losses.append(-np.mean(np.log(np.where(right, sure, 1 - sure))))
    return float(_TEMPERATURES[np.argmin(losses)])


def _score_each(
    fields: Sequence[Members], strings: Sequence[Symbols], factor: float
) -> NDArray[np.float64]:
    """Logarithm of the mean probability of one string for each field."""
    along = [_flatten(member, factor) for members in fields for member in members]
    n_members = len(along) // len(fields)
    scores = score_strings(along, [s for s in strings for _ in range(n_members)])
    by_member = scores.reshape(len(fields), n_members)
    mean: NDArray[np.float64] = np.logaddexp.reduce(by_member, axis=1)
    return mean - np.log(n_members)


def _flatten(member: LogPosteriors, factor: float) -> LogPosteriors:
    """Divide logits, of which the logarithms of posteriors are as good, by a factor."""
    scaled = member / np.float32(factor)
    total: LogPosteriors = np.logaddexp.reduce(scaled, axis=1, keepdims=True)
    return scaled - total


def _mean_scores(members: Members, strings: Sequence[Symbols]) -> NDArray[np.float64]:
    """Logarithm of the mean probability of each string."""
    repeated = [member for member in members for _ in strings]
    scores = score_strings(repeated, [*strings] * len(members))
    by_member = scores.reshape(len(members), len(strings))
    mean: NDArray[np.float64] = np.logaddexp.reduce(by_member, axis=0) - np.log(
        len(members)
    )
    return mean


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
        caller = type(self).__name__
        scored = self._score_strips(X)
        texts = list(self.predict(X)) if texts is None else texts
        texts = check_texts(texts, len(X), caller=caller)
        strings = encode_texts(texts, self.characters_, caller)
        return [
            self._locate(i, X[i].shape[1], strip, members, strings[i])
            for i, (strip, members) in enumerate(scored)
        ]

    def score(self, X: Sequence[Strip], y: Sequence[str]) -> float:
        """Return the share of strips whose whole string is right.

        Parameters
        ----------
        X : sequence of n ndarrays of shape (height, width), dtype uint8
            Ink bright on 0.

        y : sequence of n str
            What they say.

        Returns
        -------
        score : float
            Exact-string accuracy.

        Raises
        ------
        ValueError, TypeError
            If there is no strip, or strips and strings do not fit.
        """
        texts = check_pairs(X, y, caller=type(self).__name__)
        return float(np.mean(self.predict(X) == np.array(texts, dtype=object)))

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
        caller = type(self).__name__
        scored = self._score_strips(X)
        texts = check_pairs(X, y, caller=caller)
        truths = encode_texts(texts, self.characters_, caller)
        fields = [members for _, members in scored]
        width = self.beam_width
        strings = [
            search_ensemble(
                members, n_best=1, constraint=Constraint(), beam_width=width
            )
            for members in fields
        ]
        best = [symbols for [(symbols, _)] in strings]
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
            Hypothesis(self._spell(symbols), min(1.0, float(np.exp(score))))
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

    def _spell(self, symbols: Symbols) -> str:
        return "".join(self.characters_[symbol] for symbol in symbols)


def check_pairs(X: Sequence[Strip], y: Sequence[str], *, caller: str) -> list[str]:
    """Check that there is a strip at least, and one string for each.

    Parameters
    ----------
    X : sequence of n strips
        May be lazy.

    y : sequence of n str
        What they say.

    caller : str
        Who asks, for the message.

    Returns
    -------
    texts : list of n str

    Raises
    ------
    ValueError, TypeError
        If there is none, or as for :func:`check_texts`.
    """
    if not len(X):
        raise ValueError(
            f"{caller} expects at least one strip. Got none. Pass strips whose strings"
            " are known; '' where there is nothing to read."
        )
    return check_texts(y, len(X), caller=caller)


def check_texts(texts: Sequence[str], n_strips: int, *, caller: str) -> list[str]:
    """Check that there is one string for each strip.

    Parameters
    ----------
    texts : sequence of n_strips str
        May be empty strings.

    n_strips : int
        How many strips there are.

    caller : str
        Who asks, for the message.

    Returns
    -------
    texts : list of n_strips str

    Raises
    ------
    ValueError
        If there are more or fewer, or they have another number of dimensions.

    TypeError
        If one is no str.

    Examples
    --------
    >>> from lenet_sklearn.strings.reading import check_texts
    >>> check_texts(["10", ""], 2, caller="Reader")
    ['10', '']
    """
    found = np.asarray(texts, dtype=object)
    if found.shape != (n_strips,):
        raise ValueError(
            f"{caller} expects one string for each strip, of shape ({n_strips},). Got"
            f" shape {found.shape}. Pass a list of strings, '' where there is nothing"
            " to read, or a single column as y.ravel()."
        )
    for index, text in enumerate(found):
        if not isinstance(text, str):
            raise TypeError(
                f"Sample {index}: {caller} expects texts of type str."
                f" Got {text!r}. Write numbers as strings, with their zeros."
            )
    return list(found)


def encode_texts(texts: Sequence[str], characters: str, caller: str) -> list[Symbols]:
    """Turn texts into places in an alphabet.

    Parameters
    ----------
    texts : sequence of n str
        May be empty strings.

    characters : str
        The alphabet.

    caller : str
        Who asks, for the message.

    Returns
    -------
    strings : list of n tuples of int

    Raises
    ------
    ValueError
        If one has other characters.

    Examples
    --------
    >>> from lenet_sklearn.strings.reading import encode_texts
    >>> encode_texts(["10", ""], "0123456789", "Reader")
    [(1, 0), ()]
    """
    strings = []
    for index, text in enumerate(texts):
        unknown = sorted(set(text) - set(characters))
        if unknown:
            raise ValueError(
                f"Sample {index}: {caller} expects texts of the characters"
                f" {characters!r}. Got {text!r}. Leave out {''.join(unknown)!r}, or"
                " add it to characters=."
            )
        strings.append(tuple(characters.index(c) for c in text))
    return strings
