"""What is written with signs: amounts, decimals, dates, times, and what fills up."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.random import Generator

from pipelines.drawing.texts import draw_texts
from pipelines.forms.notation import SIGNS

# What fills up the room before an amount, and behind one.
_FILLERS_BEFORE: Final = ("*", "**", "***", "=", "==", "-", "x", "xx", "/")
_FILLERS_AFTER: Final = (
    *("/-", "/-", "/-", "/=", ".-", ".-", ",-", "-", "--", "---", "-", "=", "==", "="),
    *("*", "**", "***", "x", "xx", "xxx", "/", "//", "-/", ".=", "x/x", "-x-", ":"),
)

# Marks that no field names: they are passed over wherever they stand.
_CLUTTER: Final = "##$$'_"


def draw_signed_texts(n_texts: int, digits: Sequence[str], rng: Generator) -> list[str]:
    """Draw strings of digits with the signs that are written among them.

    Parameters
    ----------
    n_texts : int
        How many.

    digits : sequence of str
        The labels to draw from, one character each.

    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    texts : list of str
        Of digits and :data:`pipelines.forms.notation.SIGNS`: a third of them decimals
        and amounts, a third whole numbers with or without signs and fillers, the rest
        dates, times, and signs where they happen to stand. A fiftieth of them empty.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.signs import draw_signed_texts
    >>> texts = draw_signed_texts(500, "0123456789", np.random.default_rng(0))
    >>> any("." in text for text in texts), any(text.endswith("/-") for text in texts)
    (True, True)
    """
    numbers = draw_texts(n_texts, digits, rng)
    kinds = rng.choice(len(_KINDS), n_texts, p=[share for share, _ in _KINDS])
    return [
        _KINDS[kind][1](number, digits, rng) if number else number
        for kind, number in zip(kinds, numbers, strict=True)
    ]


def part_signs(text: str) -> tuple[str, dict[int, str]]:
    """Part a string into its digits and its signs.

    Parameters
    ----------
    text : str
        Digits, and :data:`pipelines.forms.notation.SIGNS`.

    Returns
    -------
    digits : str
        Without signs.

    signs : dict of int to str
        What stands before the digit of this index; the number of digits stands for
        after the last.

    Examples
    --------
    >>> from pipelines.drawing.signs import part_signs
    >>> part_signs("-12.50/-")
    ('1250', {0: '-', 2: '.', 4: '/-'})
    """
    digits, signs = "", dict[int, str]()
    for character in text:
        if character in SIGNS:
            signs[len(digits)] = signs.get(len(digits), "") + character
        else:
            digits += character
    return digits, signs


def add_clutter(signs: dict[int, str], n_digits: int, rng: Generator) -> dict[int, str]:
    """Add marks that are not read to the signs of a string, now and then.

    Parameters
    ----------
    signs : dict of int to str
        As of :func:`part_signs`.

    n_digits : int
        Of the string.

    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    marks : dict of int to str
        The signs, in a tenth of the strings with a mark before or after all of them,
        or between two digits.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.signs import add_clutter
    >>> rng = np.random.default_rng(0)
    >>> sum(add_clutter({}, 2, rng) != {} for _ in range(1000)) < 200
    True
    """
    marks = dict(signs)
    if rng.random() < 0.1:
        mark = _CLUTTER[int(rng.integers(len(_CLUTTER)))]
        anywhere = int(rng.integers(n_digits + 1))
        place = int(rng.choice(np.array([0, n_digits, anywhere])))
        own = marks.get(place, "")
        marks[place] = mark + own if place == 0 else own + mark
    return marks


def _draw_plain(number: str, _: Sequence[str], __: Generator) -> str:
    return number


def _draw_decimal(number: str, digits: Sequence[str], rng: Generator) -> str:
    """Put a point, or a comma, into a number."""
    number = _lengthened(number, 2, digits, rng)[:9]
    n_places = min(int(rng.choice([1, 2, 3, 4, 5], p=_PLACES)), len(number))
    whole = number[: len(number) - n_places]
    if not whole and rng.random() < 0.7 and "0" in digits:
        whole = "0"
    return _signed(whole + _point(rng) + number[-n_places:], rng, 0.15)


def _draw_amount(number: str, digits: Sequence[str], rng: Generator) -> str:
    """Write an amount with two places, grouped or not, with or without fillers."""
    number = _lengthened(number, 3, digits, rng)[:9]
    whole, cents = number[:-2], number[-2:]
    point = _point(rng)
    if rng.random() < 0.35:
        whole = _grouped(whole, "," if point == "." else ".")
    return _filled(_signed(whole + point + cents, rng, 0.06), rng, 0.3)


def _draw_whole(number: str, _: Sequence[str], rng: Generator) -> str:
    """Write a whole number, grouped by commas or points, with or without fillers."""
    number = number[:9]
    if rng.random() < 0.6:
        number = _grouped(number, "," if rng.random() < 0.75 else ".")
    return _filled(number, rng, 0.75)


def _draw_signed(number: str, _: Sequence[str], rng: Generator) -> str:
    return _signed(number[:6], rng, 1.0)


def _draw_date(number: str, digits: Sequence[str], rng: Generator) -> str:
    """Write digits as a date: day, month and year, whether there is such a day."""
    number = _lengthened(number, 8, digits, rng)
    mark = _pick("..//--,", rng)
    day, month = number[: rng.integers(1, 3)], number[2 : rng.integers(3, 5)]
    year = number[4 : 6 if rng.random() < 0.4 else 8]
    kind = rng.random()
    if kind < 0.15:
        return mark.join([year, month, day])
    if kind < 0.25:
        return mark.join([day, month]) + (mark if rng.random() < 0.5 else "")
    return mark.join([day, month, year])


def _draw_time(number: str, digits: Sequence[str], rng: Generator) -> str:
    """Write digits as a time of day, with or without seconds."""
    number = _lengthened(number, 6, digits, rng)
    mark = _pick("::::::.-", rng)
    parts = [number[: rng.integers(1, 3)], number[2:4]]
    if rng.random() < 0.12:
        parts.append(number[4:6])
    return mark.join(parts)


def _draw_strewn(number: str, _: Sequence[str], rng: Generator) -> str:
    """Let any sign stand anywhere, so that none is known by its neighbours alone."""
    text = number[:8]
    for _place in range(int(rng.integers(1, 4))):
        place = int(rng.integers(len(text) + 1))
        near = text[max(0, place - 1) : place + 1]
        if not set(near) & set(SIGNS):
            text = text[:place] + _pick(SIGNS, rng) + text[place:]
    return text


def _draw_fraction(number: str, digits: Sequence[str], rng: Generator) -> str:
    """Write parts of a hundred behind an amount, as on American cheques."""
    if not {"0", "1"} <= set(digits):
        return number
    cents = "xx" if rng.random() < 0.4 else number[-2:]
    return f"{number[:4]}{'-' if rng.random() < 0.3 else ''}{cents}/100"


def _draw_fillers(_: str, __: Sequence[str], rng: Generator) -> str:
    """Strike out a field without an amount."""
    return _pick("-=*x/", rng) * int(rng.integers(1, 5))


# Shares of the ways to write, and how.
_KINDS: Final[list[tuple[float, Callable[[str, Sequence[str], Generator], str]]]] = [
    (0.17, _draw_plain),
    (0.15, _draw_decimal),
    (0.18, _draw_amount),
    (0.17, _draw_whole),
    (0.08, _draw_signed),
    (0.10, _draw_date),
    (0.06, _draw_time),
    (0.05, _draw_strewn),
    (0.02, _draw_fraction),
    (0.02, _draw_fillers),
]

# Shares of numbers with 1, 2, ... places behind the point.
_PLACES: Final = (0.3, 0.3, 0.15, 0.2, 0.05)


def _point(rng: Generator) -> str:
    return "." if rng.random() < 0.7 else ","


def _grouped(number: str, mark: str) -> str:
    """Set a mark before every third digit from the right."""
    first = len(number) % 3
    groups = [number[i : i + 3] for i in range(first, len(number), 3)]
    return mark.join([number[:first], *groups] if first else groups)


def _signed(number: str, rng: Generator, share: float) -> str:
    if rng.random() >= share:
        return number
    return ("-" if rng.random() < 0.8 else "+") + number


def _filled(number: str, rng: Generator, share: float) -> str:
    """Fill up the room round a share of the numbers, mostly behind them."""
    if rng.random() >= share:
        return number
    before = after = ""
    if rng.random() < 0.3:
        before = _FILLERS_BEFORE[int(rng.integers(len(_FILLERS_BEFORE)))]
    if not before or rng.random() < 0.6:
        after = _FILLERS_AFTER[int(rng.integers(len(_FILLERS_AFTER)))]
    return before + number + after


def _lengthened(number: str, least: int, digits: Sequence[str], rng: Generator) -> str:
    more = rng.integers(len(digits), size=max(0, least - len(number)))
    return number + "".join(digits[i] for i in more)


def _pick(signs: str, rng: Generator) -> str:
    return signs[int(rng.integers(len(signs)))]
