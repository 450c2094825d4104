"""Check digits: every scheme reads digits from the right, with one state at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias

import pydantic

Scheme: TypeAlias = Literal["luhn", "mod11", "mod11,10", "mod97-10", "verhoeff", "damm"]

# Verhoeff's permutation, a product of cycles that he found to catch most of the
# errors that people make with two digits; position i uses its i-th power.
_VERHOEFF_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)

# Damm's quasigroup [5]: row by what came before, column by the digit.
_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)

# Rows of each column by what they hold: what must have come before a digit.
_DAMM_BEFORE: Final = [
    [[row[digit] for row in _DAMM].index(str(after)) for digit in range(10)]
    for after in range(10)
]


class Weights(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A check digit that makes a weighted sum of the digits a multiple.

    Parameters
    ----------
    weights : tuple of int
        Of the digits before the check digit, from the right to the left; they begin
        anew where there are more digits. The check digit itself counts once.

    modulus : {10, 11}
        What the sum must be a multiple of. With 11, values whose check digit would be
        X have none.

    Examples
    --------
    >>> from pipelines.forms.check_digits import Weights, has_check_digit
    >>> has_check_digit("4006381333931", Weights(weights=(3, 1), modulus=10))  # EAN-13
    True
    """

    weights: Annotated[tuple[int, ...], pydantic.Field(min_length=1)]
    modulus: Literal[10, 11]


CheckDigit: TypeAlias = Scheme | Weights


@dataclass(frozen=True)
class CheckAutomaton:
    """A scheme that reads the digits of a value from the right.

    Attributes
    ----------
    start : int
        State before the last digit.

    step : callable
        ``step(state, digit, place)`` is the state after a digit, the last one of the
        value being at place 0.

    accepted : int
        State after the first digit of a value that is confirmed.
    """

    start: int
    step: Callable[[int, int, int], int]
    accepted: int


def check_automaton(scheme: CheckDigit) -> CheckAutomaton:
    """Return the automaton of a scheme.

    Parameters
    ----------
    scheme : str or Weights
        As for :func:`has_check_digit`.

    Returns
    -------
    automaton : CheckAutomaton
        With less than a hundred states.

    Examples
    --------
    >>> from pipelines.forms.check_digits import check_automaton
    >>> automaton = check_automaton("luhn")
    >>> automaton.step(automaton.step(automaton.start, 8, 0), 1, 1)
    0
    """
    if isinstance(scheme, Weights):
        return CheckAutomaton(0, _weighted(scheme), 0)
    return _SCHEMES[scheme]


def has_check_digit(value: str, scheme: CheckDigit) -> bool:
    """Return whether the last digit of a value confirms the others.

    Parameters
    ----------
    value : str
        Digits, the check digit last.

    scheme : str or Weights
        ``"luhn"`` [1]_; ``"mod11"``, weights 1, 2, 3... from the right modulo 11, as in
        an ISBN of ten digits [2]_, without the check digit X; ``"mod11,10"`` and
        ``"mod97-10"``, which has two check digits, of ISO 7064 [3]_; ``"verhoeff"``
        [4]_; ``"damm"`` [5]_; or weights of your own.

    Returns
    -------
    answer : bool

    References
    ----------
    .. [1] ISO/IEC 7812-1:2017, annex B.
    .. [2] ISO 2108:1992 (ISBN of ten digits); ISO 3297 (ISSN).
    .. [3] ISO/IEC 7064:2003, clauses 7 and 8.
    .. [4] J. Verhoeff, "Error Detecting Decimal Codes", Mathematical Centre
       Tracts 29, Amsterdam, 1969.
    .. [5] H. M. Damm, "Total anti-symmetrische Quasigruppen", dissertation,
       Philipps-Universitaet Marburg, 2004, page 111.

    Examples
    --------
    >>> from pipelines.forms.check_digits import has_check_digit
    >>> has_check_digit("79927398713", "luhn")
    True
    >>> has_check_digit("0306406152", "mod11")
    True
    >>> has_check_digit("2363", "verhoeff"), has_check_digit("2336", "verhoeff")
    (True, False)
    """
    automaton = check_automaton(scheme)
    state = automaton.start
    for place, digit in enumerate(reversed(value)):
        state = automaton.step(state, int(digit), place)
    return state == automaton.accepted


def _weighted(rule: Weights) -> Callable[[int, int, int], int]:
    def step(state: int, digit: int, place: int) -> int:
        weight = rule.weights[(place - 1) % len(rule.weights)] if place else 1
        return (state + weight * digit) % rule.modulus

    return step


def _luhn(state: int, digit: int, place: int) -> int:
    return (state + (sum(divmod(2 * digit, 10)) if place % 2 else digit)) % 10


def _mod11(state: int, digit: int, place: int) -> int:
    return (state + (place + 1) * digit) % 11


def _mod97(state: int, digit: int, place: int) -> int:
    return (state + pow(10, place, 97) * digit) % 97


def _mod11_10(after: int, digit: int, place: int) -> int:
    """Return the product that must have come before a digit, from 1 to 10."""
    # The product after is twice the sum modulo 11; 6 is the inverse of 2.
    total = 6 * after % 11 if place else 1
    return (total - digit) % 10 or 10


def _verhoeff(state: int, digit: int, place: int) -> int:
    # The permutation has order 8.
    for _ in range(place % 8):
        digit = _VERHOEFF_PERMUTATION[digit]
    # The product in the group of the pentagon: 0 to 4 turn it, 5 to 9 mirror it.
    turn = state - digit if state >= 5 else state + digit
    return turn % 5 + 5 * ((state >= 5) != (digit >= 5))


def _damm(after: int, digit: int, _place: int) -> int:
    """Return what must have come before a digit."""
    return _DAMM_BEFORE[after][digit]


_SCHEMES: dict[Scheme, CheckAutomaton] = {
    "luhn": CheckAutomaton(0, _luhn, 0),
    "mod11": CheckAutomaton(0, _mod11, 0),
    "mod11,10": CheckAutomaton(0, _mod11_10, 10),
    "mod97-10": CheckAutomaton(0, _mod97, 1),
    "verhoeff": CheckAutomaton(0, _verhoeff, 0),
    "damm": CheckAutomaton(0, _damm, 0),
}
