"""How well each number of a list fits each page, and how well none of them does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from lenet_sklearn.strings.boxes import GAP, BoxPosteriors
from lenet_sklearn.strings.decoding import Hypothesis
from pipelines.outcomes import FieldReading
from pipelines.scoring.assignment import Claims

Array = NDArray[np.float64]

_DIGITS: Final = "0123456789"
_EMPTY: Final = 10  # the column of what holds no digit
_N_MARKS: Final = 11

# How often what is seen in a box has nothing to do with the digit that was meant: a
# slip of the writer's, a wrong cut, a network that is too sure. Without it one box
# would outweigh all others. Drawn digits, MNIST's for testing and Semeion's are no more
# probable with it than without: their likelihood is lower by a thousandth a digit, and
# by a hundredth with ten times as much.
_SLIP: Final = 1e-3

# Of the numbers that are not on the list, how many have the digits of those that are;
# how many are near one of them, as those of one year are; and how many are neither.
# Near means that each digit is another one with this probability. With it, one digit
# that surely differs leaves doubt in a sparse list too, and two leave little.
_ALIKE: Final = 0.6
_NEAR: Final = 0.3
_STRANGE: Final = 0.1
_DIFFERENT: Final = 0.3

# Where less than this is left to numbers that are not on the list, all of them are.
_LEAST_LEFT: Final = 1e-9

# What is expected of a batch before it is seen, as if so many pages were: one in twenty
# is not on the list.
_PAGES_EXPECTED: Final = 20
_UNLISTED_EXPECTED: Final = 1
_N_ROUNDS: Final = 100

# Rows of each page that rivals are looked for.
_MOST_CLAIMS: Final = 50

# Numbers in the largest table that is held at once, of 32 MB.
_MOST_NUMBERS: Final = 4_000_000


@dataclass(frozen=True)
class Evidence:
    """What a field may hold: one way of reading it, or several.

    Attributes
    ----------
    likely : tuple of ndarrays of shape (n_places, 11), dtype float64
        For each way of reading, the probability of each digit at each place, and in
        the last column of none. Rows add up to 1 and nothing is impossible.

    weights : tuple of float
        The probabilities of these ways.
    """

    likely: tuple[Array, ...]
    weights: tuple[float, ...]


def find_evidence(field: FieldReading) -> Evidence | None:
    """Gather what a field says of the number in it.

    Parameters
    ----------
    field : FieldReading
        What was read.

    Returns
    -------
    evidence : Evidence or None
        Of a comb, its boxes. Of free writing, its most probable strings, in each of
        which any digit may be wrong, the more so the less they say together. None
        where nothing is written, or was found.

    Notes
    -----
    At each place there is a chance of 1 in 1,000 that any mark, or none, was meant,
    whatever is seen there. What a box lacks to 1, as one with a blot does, speaks for
    no digit more than for another.

    Examples
    --------
    >>> from lenet_sklearn.strings import Hypothesis
    >>> from pipelines import FieldReading
    >>> from pipelines.scoring.claims import find_evidence
    >>> guesses = (Hypothesis("42", 0.9), Hypothesis("47", 0.1))
    >>> field = FieldReading("42", "accepted", 0.9, candidates=guesses)
    >>> evidence = find_evidence(field)
    >>> evidence.weights, float(evidence.likely[0][0, 4].round(3))
    ((0.9, 0.1), 0.999)
    """
    if not field.value:
        return None
    if field.boxes is not None:
        return Evidence((_soften(_likely_digits(field.boxes), _SLIP),), (1.0,))
    known = [each for each in field.candidates if each.text and each.probability > 0]
    total = sum(each.probability for each in known)
    if not known:
        return None
    # Whatever else the field may say is probably like one of these.
    rest = max(0.0, 1 - total)
    return Evidence(
        tuple(_likely_string(each, rest) for each in known),
        tuple(each.probability / total for each in known),
    )


def weigh_claims(pages: Sequence[Evidence], numbers: Sequence[str]) -> Claims:
    """Weigh for each page which number of a list it bears, or none of them.

    Parameters
    ----------
    pages : sequence of n_pages Evidence
        As of :func:`find_evidence`.

    numbers : sequence of n_rows str
        Digits; each once.

    Returns
    -------
    claims : Claims
        Of the 50 numbers that fit each page best.

    Notes
    -----
    Each listed number is as probable as another before anything is seen. Of those that
    are not listed, six in ten have the digits of the listed ones, at each place as
    often as these, counted with one more of each; three in ten are one of them with
    some digits changed; one in ten is any string. So a digit that surely differs says
    "not on the list" where the list is dense, and is doubted where it is sparse, and
    one that is merely doubtful is settled by the list. Nothing that is listed counts as
    unlisted.

    How many pages bear no listed number is learned from the pages themselves, and
    expected to be one in twenty where they are few.

    Time grows with pages times rows; the memory that is held at once is limited.

    Examples
    --------
    >>> from lenet_sklearn.strings import Hypothesis
    >>> from pipelines import FieldReading
    >>> from pipelines.scoring.claims import find_evidence, weigh_claims
    >>> guess = (Hypothesis("1998", 1.0),)
    >>> field = FieldReading("1998", "accepted", 1.0, candidates=guess)
    >>> claims = weigh_claims([find_evidence(field)], ["0451", "1998"])
    >>> claims.rows.tolist(), claims.alone().round(3).tolist()
    ([[1, 0]], [[1.0, 0.0]])
    """
    model = _Numbers(numbers)
    n_claims = min(_MOST_CLAIMS, len(numbers))
    rows = np.empty((len(pages), n_claims), np.int64)
    odds = np.empty((len(pages), n_claims))
    others = np.empty(len(pages))
    step = max(1, _MOST_NUMBERS // (len(numbers) * _most_ways(pages)))
    for start in range(0, len(pages), step):
        chunk = slice(start, start + step)
        listed, none = model.fit(pages[chunk])
        all_odds = np.exp(listed - none[:, None]) / len(numbers)
        best = np.argpartition(-all_odds, n_claims - 1, axis=1)[:, :n_claims]
        found = np.take_along_axis(all_odds, best, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        rows[chunk] = np.take_along_axis(best, order, axis=1)
        odds[chunk] = np.take_along_axis(found, order, axis=1)
        np.put_along_axis(all_odds, best, 0.0, axis=1)
        others[chunk] = all_odds.sum(axis=1)
    prior = _learn_prior(odds.sum(axis=1) + others)
    return Claims(rows, prior * odds, prior * others, len(numbers))


def _learn_prior(odds: Array) -> float:
    """Learn the odds that a page is on the list from those that its looks alone give.

    The share that makes the pages most probable, by expectation and maximisation.
    """
    share = _UNLISTED_EXPECTED / _PAGES_EXPECTED
    for _ in range(_N_ROUNDS):
        unlisted = share / (share + (1 - share) * odds)
        n_unlisted = _UNLISTED_EXPECTED + unlisted.sum()
        share = n_unlisted / (_PAGES_EXPECTED + len(odds))
    return float((1 - share) / share)


class _Numbers:
    """The numbers of a list, and what others like them would be."""

    def __init__(self, numbers: Sequence[str]) -> None:
        lengths = np.array([len(number) for number in numbers])
        self.n_rows = len(numbers)
        self._groups = [
            _Length(np.flatnonzero(lengths == length), numbers)
            for length in np.unique(lengths)
        ]
        # How probable each listed number would be among those that are not listed.
        self._alike, self._near = np.empty(self.n_rows), np.empty(self.n_rows)
        for group in self._groups:
            self._alike[group.rows], self._near[group.rows] = group.shares()

    def fit(self, pages: Sequence[Evidence]) -> tuple[Array, Array]:
        """Return the log-likelihoods of listed numbers, and of all others, by page."""
        ways = [likely for page in pages for likely in page.likely]
        weights = np.log([weight for page in pages for weight in page.weights])
        first = np.cumsum([0, *(len(page.likely) for page in pages)])[:-1]
        listed = np.full((len(ways), self.n_rows), -np.inf)
        n_places = np.array([len(likely) for likely in ways])
        others = np.full((3, len(ways)), -np.inf)
        others[2] = -n_places * np.log(_N_MARKS)
        for n in np.unique(n_places):
            at = np.flatnonzero(n_places == n)
            likely = np.stack([ways[i] for i in at])
            for group in self._groups:
                listed[np.ix_(at, group.rows)] = group.fit_listed(likely)
                others[:2, at] = np.logaddexp(others[:2, at], group.fit_others(likely))
        listed = np.logaddexp.reduceat(listed + weights[:, None], first, axis=0)
        others = np.logaddexp.reduceat(others + weights, first, axis=1)
        return listed, self._fit_none(listed, others)

    def _fit_none(self, listed: Array, others: Array) -> Array:
        """Weigh all numbers but those that are listed."""
        top = np.maximum(listed.max(axis=1), others.max(axis=0))
        listed = np.exp(listed - top[:, None])
        alike, near, strange = np.exp(others - top)
        none = _STRANGE * strange
        for share, all_such, own in (
            (_ALIKE, alike, self._alike),
            (_NEAR, near, self._near),
        ):
            left = max(1 - own.sum(), _LEAST_LEFT)
            none += share * np.maximum(0, all_such - listed @ own) / left
        return np.asarray(top + np.log(np.maximum(none, np.finfo(np.float64).tiny)))


class _Length:
    """The numbers of one length."""

    def __init__(self, rows: NDArray[np.int64], numbers: Sequence[str]) -> None:
        digits = np.array([[int(digit) for digit in numbers[row]] for row in rows])
        self.rows = rows
        self._n_rows = len(numbers)
        self._is_digit = (digits[:, :, None] == np.arange(_EMPTY)).astype(np.float64)
        counts = self._is_digit.sum(axis=0) + 1
        self._frequencies = counts / counts.sum(axis=1, keepdims=True)

    def shares(self) -> tuple[Array, Array]:
        """Return how probable each number is among those alike, and those near any."""
        alike, near = np.empty((2, len(self.rows)))
        step = max(1, _MOST_NUMBERS // len(self.rows))
        for start in range(0, len(self.rows), step):
            chunk = slice(start, start + step)
            alike[chunk] = np.exp(self._fit_alike(self._is_digit[chunk]))
            near[chunk] = np.exp(self._fit_near(self._is_digit[chunk]))
        return alike, near

    def fit_listed(self, likely: Array) -> Array:
        """Return log-likelihoods of shape (n_ways, n_rows), wherever numbers begin."""
        total = np.full((len(likely), len(self.rows)), -np.inf)
        for inside, outside in self._windows(likely):
            total = np.logaddexp(total, self._fit_digits(inside) + outside[:, None])
        return total

    def fit_others(self, likely: Array) -> tuple[Array, Array]:
        """Return log-likelihoods of shape (n_ways,) of numbers alike, and near."""
        alike, near = np.full((2, len(likely)), -np.inf)
        for inside, outside in self._windows(likely):
            alike = np.logaddexp(alike, self._fit_alike(inside) + outside)
            near = np.logaddexp(near, self._fit_near(inside) + outside)
        return alike, near

    def _fit_alike(self, likely: Array) -> Array:
        """Weigh digits by how often they are at their places, all rows together."""
        logs = np.log((likely * self._frequencies).sum(axis=2)).sum(axis=1)
        return np.asarray(logs + np.log(len(self.rows) / self._n_rows))

    def _fit_near(self, likely: Array) -> Array:
        """Weigh the numbers with some digits changed, all rows together."""
        any_digit = (likely * self._frequencies).sum(axis=2, keepdims=True)
        mixed = (1 - _DIFFERENT) * likely + _DIFFERENT * any_digit
        logs = logsumexp(self._fit_digits(mixed), axis=1)
        return np.asarray(logs - np.log(self._n_rows))

    def _fit_digits(self, likely: Array) -> Array:
        """Return log-likelihoods of all numbers at places that they fill."""
        is_digit = self._is_digit.reshape(len(self.rows), -1)
        return np.asarray(np.log(likely).reshape(len(likely), -1) @ is_digit.T)

    def _windows(self, likely: Array) -> list[tuple[Array, Array]]:
        """List where numbers may begin: what is there, and how empty the rest is."""
        length = self._is_digit.shape[1]
        empty = np.log(likely[:, :, _EMPTY])
        windows = []
        for start in range(likely.shape[1] - length + 1):
            place = slice(start, start + length)
            outside = empty.sum(axis=1) - empty[:, place].sum(axis=1)
            windows.append((likely[:, place, :_EMPTY], outside))
        return windows


def _most_ways(pages: Sequence[Evidence]) -> int:
    return max((len(page.likely) for page in pages), default=1)


def _likely_digits(boxes: BoxPosteriors) -> Array:
    """Return the probabilities of the ten digits and of none; others are left out."""
    likely = np.zeros((len(boxes.likely), _N_MARKS))
    for column, character in enumerate((*boxes.characters, GAP)):
        mark = _EMPTY if character == GAP else _DIGITS.find(character)
        if mark >= 0:
            likely[:, mark] = boxes.likely[:, column]
    return likely


def _likely_string(guess: Hypothesis, rest: float) -> Array:
    """Return the probabilities of digits where a string is read, or one like it."""
    likely = np.zeros((len(guess.text), _N_MARKS))
    for place, mark in enumerate(guess.text):
        column = _DIGITS.find(mark)
        if column >= 0:
            likely[place, column] = 1.0
    return _soften(likely, _SLIP + (1 - _SLIP) * rest / len(guess.text))


def _soften(likely: Array, share: float) -> Array:
    """Give every mark a part of a share, and of what the others lack to 1."""
    lacking = np.maximum(0, 1 - likely.sum(axis=1, keepdims=True))
    softened = (1 - share) * (likely + lacking / _N_MARKS) + share / _N_MARKS
    return np.asarray(softened / softened.sum(axis=1, keepdims=True))
