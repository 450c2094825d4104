"""What may stand in a field: lengths, masks and check digits of digit strings."""

from collections.abc import Callable
from typing import Final, Literal

CheckDigit = Literal["luhn", "mod11", "verhoeff"]

# Longer combs are not printed; this keeps a typing error from filling memory.
MOST_BOXES: Final = 100

# Verhoeff's permutation, a product of cycles that he found to catch most of the
# errors that people make with two digits; position i uses its i-th power.
_VERHOEFF_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def is_number(value: str) -> bool:
    """Return whether a value is digits 0 to 9 and nothing else, at least one.

    Parameters
    ----------
    value : str
        Any string.

    Returns
    -------
    answer : bool

    Examples
    --------
    >>> is_number("007"), is_number("0_7"), is_number("")
    (True, False, False)
    """
    return value.isascii() and value.isdecimal()


def fits_mask(value: str, mask: str) -> bool:
    """Return whether a value looks like a mask.

    Parameters
    ----------
    value : str
        Digits.

    mask : str
        ``#`` for any digit; a digit stands for itself.

    Returns
    -------
    answer : bool

    Examples
    --------
    >>> fits_mask("2024", "20##"), fits_mask("1999", "20##"), fits_mask("202", "20##")
    (True, False, False)
    """
    return len(value) == len(mask) and all(
        wanted in ("#", digit) for digit, wanted in zip(value, mask, strict=True)
    )


def has_check_digit(value: str, scheme: CheckDigit) -> bool:
    """Return whether the last digit of a value confirms the others.

    Parameters
    ----------
    value : str
        Digits, the check digit last.

    scheme : {"luhn", "mod11", "verhoeff"}
        Luhn's [1]_; weights 1, 2, 3... from the right modulo 11 [2]_, without
        the check digit X; Verhoeff's [3]_.

    Returns
    -------
    answer : bool

    References
    ----------
    .. [1] ISO/IEC 7812-1:2017, annex B.
    .. [2] ISO 2108:1992 (ISBN of ten digits); ISO 3297 (ISSN).
    .. [3] J. Verhoeff, "Error Detecting Decimal Codes", Mathematical Centre
       Tracts 29, Amsterdam, 1969.

    Examples
    --------
    >>> has_check_digit("79927398713", "luhn")
    True
    >>> has_check_digit("0306406152", "mod11")
    True
    >>> has_check_digit("2363", "verhoeff"), has_check_digit("2336", "verhoeff")
    (True, False)
    """
    digits = [int(digit) for digit in reversed(value)]
    return _SCHEMES[scheme](digits)


def _luhn(digits: list[int]) -> bool:
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _mod11(digits: list[int]) -> bool:
    return sum(weight * digit for weight, digit in enumerate(digits, 1)) % 11 == 0


def _verhoeff(digits: list[int]) -> bool:
    check = 0
    for place, digit in enumerate(digits):
        # The permutation has order 8.
        for _ in range(place % 8):
            digit = _VERHOEFF_PERMUTATION[digit]
        check = _dihedral_product(check, digit)
    return check == 0


def _dihedral_product(first: int, second: int) -> int:
    """Multiply in the group of the pentagon: 0 to 4 turn it, 5 to 9 mirror it."""
    turn = first - second if first >= 5 else first + second
    return turn % 5 + 5 * ((first >= 5) != (second >= 5))


_SCHEMES: dict[CheckDigit, Callable[[list[int]], bool]] = {
    "luhn": _luhn,
    "mod11": _mod11,
    "verhoeff": _verhoeff,
}
