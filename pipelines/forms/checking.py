"""What is wrong with a value of a field, and with its rules together."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipelines.forms.check_digits import Weights, has_check_digit
from pipelines.forms.dates import is_date
from pipelines.forms.notation import (
    DIGITS,
    as_decimal,
    is_amount,
    is_number,
    write_time,
)

if TYPE_CHECKING:  # it imports this module
    from pipelines.forms.field import Field

Complaints = Iterator[tuple[str, str]]
"""Keys of rules that are broken, as a form's file has them, and reasons for people."""


def fits_mask(value: str, mask: str) -> bool:
    """Return whether a value looks like a mask.

    Parameters
    ----------
    value : str
        Digits, and signs.

    mask : str
        ``#`` for any digit; any other character stands for itself.

    Returns
    -------
    answer : bool

    Examples
    --------
    >>> fits_mask("2024", "20##"), fits_mask("1999", "20##"), fits_mask("202", "20##")
    (True, False, False)
    """
    return len(value) == len(mask) and all(
        character in DIGITS if wanted == "#" else character == wanted
        for character, wanted in zip(value, mask, strict=True)
    )


def length_range(length: int | tuple[int, int] | None) -> tuple[int, float]:
    """Return the least and the most digits that a value may have.

    Parameters
    ----------
    length : int, tuple of 2 ints, or None
        As a field has it.

    Returns
    -------
    least, most : int and float
        The most is infinite where nothing is said.

    Examples
    --------
    >>> from pipelines.forms.checking import length_range
    >>> length_range(4), length_range(None)
    ((4, 4), (0, inf))
    """
    if length is None:
        return 0, math.inf
    return (length, length) if isinstance(length, int) else length


def find_complaints(field: "Field", value: str) -> Complaints:
    """Give the key and the reason of every rule that a value breaks.

    Parameters
    ----------
    field : Field
        With the rules.

    value : str
        In the form in which the field writes values, without empty boxes.

    Yields
    ------
    key, reason : tuple of str
    """
    least, most = length_range(field.length)
    n_digits = sum(map(value.count, DIGITS))
    yield from _of_notation(field, value)
    if field.digits is not None and n_digits > field.digits:
        yield "digits", f"has {n_digits} digits in {field.digits} boxes"
    if not least <= n_digits <= most:
        wanted = f"{least}" if least == most else f"{least} to {most:g}"
        yield "length", f"has {n_digits} digits instead of {wanted}"
    if field.mask is not None and not fits_mask(value, field.mask):
        yield "mask", f"does not look like {field.mask}"
    yield from _of_range(field, value)
    if field.date is not None and not (
        is_number(value) and is_date(value, field.date, *field.date_range)
    ):
        years = " to ".join(map(str, field.date_range))
        yield "date", f"{value} is no date {field.date} from {years}"
    if field.choices is not None and value not in field.choices:
        yield "choices", f"{value} is not one of the {len(field.choices)} choices"
    scheme = field.check_digit
    if scheme is not None and not has_check_digit(value, scheme):
        name = "weighted" if isinstance(scheme, Weights) else scheme
        yield "check_digit", f"its last digit is not the {name} check digit"


def find_contradictions(field: "Field") -> Iterator[str]:
    """Name lengths, masks, dates and choices that no value can keep together.

    Parameters
    ----------
    field : Field
        With the rules.

    Yields
    ------
    reason : str
    """
    others = field.in_digits().model_copy(update={"choices": None})
    lengths = others.lengths
    if lengths is not None and not lengths:
        least, _ = length_range(field.length)
        if field.date is None:
            yield f"length: {least} digits do not fit into {field.digits} boxes"
        yield f"date: {field.date} is of another length than the field"
    elif lengths is not None:
        if field.mask is not None and len(field.mask) not in lengths:
            allowed = " to ".join(map(str, sorted({lengths[0], lengths[-1]})))
            yield f"mask: has {len(field.mask)} digits instead of {allowed}"
        if len(str(max(others.minimum or 0, 0))) > lengths[-1]:
            yield f"minimum: {field.minimum} has more digits than {lengths[-1]}"
    is_signed = field.sign or "-" in (field.characters or "")
    if field.maximum is not None and field.maximum < 0 and not is_signed:
        yield f"maximum: no value is as small as {field.maximum}"
    others = field.model_copy(update={"choices": None})
    for choice in field.choices or ():
        if reason := others.check(choice):
            yield f"choices: {choice!r} can never be read: {reason}"


def _of_notation(field: "Field", value: str) -> Complaints:
    """Find what is not written as the field writes its values."""
    if field.decimals is not None:
        is_signed = field.sign or "-" in (field.characters or "")
        minus = value.startswith("-") and not is_signed
        if minus or not is_amount(value, field.decimals):
            yield "decimals", f"{value} is no amount with {field.decimals} decimals"
    elif field.sign:
        if not is_number(value.removeprefix("-")):
            yield "sign", f"{value} is no whole number"
    elif field.time is not None:
        if write_time(value) != value:
            yield "time", f"{value} is no time of day"
    elif field.characters is not None and field.date is None:
        if unknown := sorted(set(value) - set(field.characters)):
            yield "characters", f"{value} has {' '.join(unknown)}"
        elif not set(value) & set(DIGITS):
            yield "characters", f"{value} has no digit"


def _of_range(field: "Field", value: str) -> Complaints:
    """Find out whether a value is too small or too great."""
    if field.minimum is None and field.maximum is None:
        return
    number = as_decimal(value)
    if number is None:
        key = "minimum" if field.maximum is None else "maximum"
        yield key, f"{value} is no number"
        return
    if field.minimum is not None and number < field.minimum:
        yield "minimum", f"{value} is less than {field.minimum}"
    if field.maximum is not None and number > field.maximum:
        yield "maximum", f"{value} is more than {field.maximum}"
