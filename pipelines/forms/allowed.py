"""How probable the strings that a field allows are in a row of boxes."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.strings.boxes import GAP
from lenet_sklearn.strings.decoding import Hypothesis
from pipelines.forms.check_digits import CheckAutomaton, check_automaton
from pipelines.forms.dates import list_dates
from pipelines.forms.field import MOST_BOXES, Field

Floats: TypeAlias = NDArray[np.float64]

_MARKS: Final = f"0123456789{GAP}"

# One entry in a hundred breaks the rule of its field: writers make slips too.
BREAKING: Final = 0.01

# A rule is held for no rarer than this, however few strings keep it. An entry that
# breaks it is most often a slip of the writer's in one digit of three or more, to one
# of nine others, and so as near to what is allowed as one string of some thirty is.
LEAST_SHARE: Final = 1 / 30

# What is so much less probable than the most probable filling is not listed, such as
# what differs from clear digits in two of them.
_LEAST_RATIO: Final = 1e-6

# Number of digits read, state of the check digit, and how they compare with the least
# and the greatest value: all that decides how a string may go on.
_State: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class Beliefs:
    """What a field may say, under the rules that were looked at so far.

    Attributes
    ----------
    shares : dict of str to float
        Probabilities by string. What they lack to 1 belongs to all other strings.

    own : Hypothesis
        The best one under the rules of its field alone.

    rule : str
        Which of these the most probable string breaks that breaks any.
    """

    shares: Mapping[str, float]
    own: Hypothesis
    rule: str = ""

    @property
    def best(self) -> str:
        """The most probable string."""
        return max(self.shares, key=self.shares.__getitem__)


def list_fillings(rows: Floats, most: int) -> dict[str, float]:
    """List the most probable strings in a row of boxes.

    Parameters
    ----------
    rows : ndarray of shape (n_boxes, 11)
        Probability of each digit in each box, and of none.

    most : int
        How many fillings of the boxes are listed; of them some may read the same.

    Returns
    -------
    texts : dict of str to float
        Probabilities by string, the most probable first; ``_`` is a box without a digit
        between two. One that is too improbable to be listed in some of its places is
        less probable here than it is.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.forms.allowed import list_fillings
    >>> rows = np.zeros((2, 11))
    >>> rows[0, [1, 10]] = rows[1, [7, 10]] = 0.5
    >>> list_fillings(rows, 9)
    {'17': 0.25, '1': 0.25, '7': 0.25, '': 0.25}
    """
    chances, marks = np.ones(1), np.empty((1, 0), np.uint8)
    for row in rows:
        joint = np.outer(chances, row).ravel()
        best = np.argsort(-joint, kind="stable")[:most]
        best = best[joint[best] > _LEAST_RATIO * joint.max()]
        before, mark = np.divmod(best, len(_MARKS))
        marks = np.column_stack([marks[before], mark.astype(np.uint8)])
        chances = joint[best]
    texts: dict[str, float] = defaultdict(float)
    for filling, chance in zip(marks.tolist(), chances.tolist(), strict=True):
        texts["".join(map(_MARKS.__getitem__, filling)).strip(GAP)] += chance
    return dict(sorted(texts.items(), key=lambda item: -item[1]))


def sum_allowed(rows: Floats, field: Field) -> float:
    """Sum the probabilities of all strings that a field allows, but the empty one.

    Parameters
    ----------
    rows : ndarray of shape (n_boxes, 11)
        Probability of each digit in each box, and of none.

    field : Field
        With rules.

    Returns
    -------
    probability : float
        That the boxes hold one of them, without empty boxes between its digits.

    Notes
    -----
    Choices and dates are all looked at, in time that grows with their number. All other
    rules together are a finite automaton, of some hundred states.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.forms.allowed import sum_allowed
    >>> from pipelines.forms.field import Field
    >>> rows = np.full((4, 11), 0.1)
    >>> rows[:, 10] = 0  # any four digits
    >>> round(sum_allowed(rows, Field(name="id", digits=4, check_digit="luhn")), 6)
    0.1
    """
    if field.choices is None and field.date is None:
        return _sum_paths(rows, _automaton(field))
    return float(sum(_score(rows, own).sum() for own in _listed(field)))


def list_allowed(rows: Floats, field: Field, most: int) -> dict[str, float]:
    """List the most probable of the choices or the dates that a field allows.

    Parameters
    ----------
    rows : ndarray of shape (n_boxes, 11)
        Probability of each digit in each box, and of none.

    field : Field
        With choices or a date; others have no list.

    most : int
        How many are wanted of each length.

    Returns
    -------
    texts : dict of str to float
        Probabilities by string.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.forms.allowed import list_allowed
    >>> from pipelines.forms.field import Field
    >>> rows = np.full((2, 11), 1 / 11)
    >>> room = Field(name="room", digits=2, choices=("12", "7"))
    >>> {k: round(v, 4) for k, v in list_allowed(rows, room, 2).items()}
    {'12': 0.0083, '7': 0.0165}
    """
    texts = {}
    for own in _listed(field) if field.choices or field.date else ():
        scores = _score(rows, own)
        for n in np.argsort(-scores, kind="stable")[:most]:
            if scores[n] > 0:
                texts["".join(map(str, own[n].tolist()))] = float(scores[n])
    return texts


def is_possible(field: Field) -> bool:
    """Return whether any string keeps all rules of a field.

    Parameters
    ----------
    field : Field
        With rules.

    Returns
    -------
    answer : bool
        True for a field of any length, too, of which not all strings can be tried,
        and where they may have signs.

    Examples
    --------
    >>> from pipelines.forms.allowed import is_possible
    >>> from pipelines.forms.field import Field
    >>> is_possible(Field(name="id", digits=2, mask="12", check_digit="luhn"))
    False
    """
    field = field.in_digits()
    lengths = field.lengths
    if lengths is None or lengths[-1] > MOST_BOXES or field.choices is not None:
        return True
    return sum_allowed(np.full((lengths[-1], len(_MARKS)), 0.1), field) > 0


@lru_cache(maxsize=256)
def allowed_share(field: Field, n_digits: int) -> float:
    """Return the share of all strings of digits that a field allows.

    Parameters
    ----------
    field : Field
        With rules.

    n_digits : int
        Of the strings, or the nearest number that the field allows.

    Returns
    -------
    share : float
        In [0, 1]; rules that are kept by any digits leave it at 1, and so do those of
        values with signs, of dates apart.

    Examples
    --------
    >>> from pipelines.forms.allowed import allowed_share
    >>> from pipelines.forms.field import Field
    >>> round(allowed_share(Field(name="id", digits=4, maximum=399), 3), 6)
    0.4
    """
    lengths = field.lengths
    if field.characters is not None and field.date is None:
        return 1.0
    if field.mask is not None:
        n_digits = len(field.mask)
    elif lengths is not None:
        n_digits = min(max(n_digits, lengths[0]), lengths[-1])
    # A share is that of any length that is so great.
    rows = np.full((min(n_digits, MOST_BOXES), len(_MARKS)), 0.1)
    rows[:, -1] = 0
    return sum_allowed(rows, field)


@dataclass(frozen=True)
class _Automaton:
    """Reads a string from the right, and says whether a field allows it."""

    field: Field
    check: CheckAutomaton | None

    @property
    def start(self) -> _State:
        return 0, self.check.start if self.check else 0, 0, 0

    def step(self, state: _State, digit: int) -> _State | None:
        place, checked, low, high = state
        mask, lengths = self.field.mask, self.field.lengths
        if lengths is not None and place + 1 > lengths[-1]:
            return None
        if mask is not None:
            fits = place < len(mask) and mask[-1 - place] in ("#", str(digit))
            if not fits:
                return None
        if self.check is not None:
            checked = self.check.step(checked, digit, place)
        low = _compare(low, digit, self.field.minimum, place)
        high = _compare(high, digit, self.field.maximum, place)
        return place + 1, checked, low, high

    def ends(self, state: _State) -> bool:
        n_digits, checked, low, high = state
        field = self.field
        if field.lengths is not None and n_digits not in field.lengths:
            return False
        if field.mask is not None and n_digits != len(field.mask):
            return False
        if self.check is not None and checked != self.check.accepted:
            return False
        # A bound of more digits is greater than any string that is read so far.
        is_least = low >= 0 and n_digits >= len(str(max(field.minimum or 0, 0)))
        is_most = high <= 0 or n_digits < len(str(field.maximum))
        return (field.minimum is None or field.minimum <= 0 or is_least) and is_most


def _compare(sign: int, digit: int, bound: int | None, place: int) -> int:
    """Compare what was read with the last digits of a bound: -1 if it is less."""
    if bound is None or bound < 0:
        return 0
    other = bound // 10**place % 10
    return sign if digit == other else (1 if digit > other else -1)


@lru_cache(maxsize=256)
def _automaton(field: Field) -> _Automaton:
    return _Automaton(
        field, check_automaton(field.check_digit) if field.check_digit else None
    )


def _sum_paths(rows: Floats, automaton: _Automaton) -> float:
    """Sum over the fillings of boxes from the right to the left, state by state."""
    empty, ended = 1.0, 0.0
    states: dict[_State, float] = {}
    for *digits, none in rows[::-1].tolist():
        grown: dict[_State, float] = defaultdict(float)
        for state, chance in [(automaton.start, empty), *states.items()]:
            for digit, share in enumerate(digits):
                after = automaton.step(state, digit)
                if after is not None:
                    grown[after] += chance * share
        ended = none * (ended + _sum_ends(states, automaton))
        empty *= none
        states = grown
    return ended + _sum_ends(states, automaton)


def _sum_ends(states: dict[_State, float], automaton: _Automaton) -> float:
    return sum(chance for state, chance in states.items() if automaton.ends(state))


@lru_cache(maxsize=32)
def _listed(field: Field) -> list[NDArray[np.uint8]]:
    """List the choices or dates that keep all rules, as digits; a matrix a length."""
    if field.date is None:
        by_length = defaultdict(list)
        for choice in dict.fromkeys(field.choices or ()):
            by_length[len(choice)].append(choice)
        joined = {n: "".join(own).encode() for n, own in by_length.items()}
        return [
            np.frombuffer(digits, np.uint8).reshape(-1, n) - ord("0")
            for n, digits in joined.items()
        ]
    dates = list_dates(field.date, *field.date_range)
    others = field.model_copy(update={"date": None})
    if others.has_rules:
        texts = ("".join(map(str, row)) for row in dates.tolist())
        dates = dates[[others.check(text) == "" for text in texts]]
    return [dates]


def _score(rows: Floats, digits: NDArray[np.uint8]) -> Floats:
    """Compute how probable strings of one length are, wherever they begin."""
    n_digits, none = digits.shape[1], rows[:, -1]
    scores = np.zeros(len(digits))
    for start in range(len(rows) - n_digits + 1):
        stop = start + n_digits
        written = np.full(len(digits), none[:start].prod() * none[stop:].prod())
        for place, row in enumerate(rows[start:stop]):
            written *= row[digits[:, place]]
        scores += written
    return scores
