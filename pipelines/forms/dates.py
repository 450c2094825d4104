"""Calendar dates, as digits in the order that a form asks for."""

import re
from calendar import monthrange
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Where a form does not say which dates there are.
EARLIEST: Final = date(1900, 1, 1)
LATEST: Final = date(2099, 12, 31)

_PARTS = re.compile(r"YYYY|YY|MM|DD")


def is_date_pattern(pattern: str) -> bool:
    """Return whether a pattern says how dates are written.

    Parameters
    ----------
    pattern : str
        ``DD``, ``MM``, ``YYYY`` and ``YY`` in any order; a month and a day or a year at
        least.

    Returns
    -------
    answer : bool

    Examples
    --------
    >>> from pipelines.forms.dates import is_date_pattern
    >>> [is_date_pattern(pattern) for pattern in ("DDMMYYYY", "MMYY", "DDYY", "D.M.Y")]
    [True, True, False, False]
    """
    parts = _PARTS.findall(pattern)
    letters = [part[0] for part in parts]
    once = len(set(letters)) == len(letters) > 1
    return "".join(parts) == pattern and once and "M" in letters


def split_date_pattern(pattern: str) -> list[str]:
    """Part a pattern of dates.

    Parameters
    ----------
    pattern : str
        As :func:`is_date_pattern` says.

    Returns
    -------
    parts : list of str
        In the order in which they are written.

    Examples
    --------
    >>> from pipelines.forms.dates import split_date_pattern
    >>> split_date_pattern("DDMMYYYY")
    ['DD', 'MM', 'YYYY']
    """
    return _PARTS.findall(pattern)


def is_date(value: str, pattern: str, earliest: date, latest: date) -> bool:
    """Return whether digits are a date that there is.

    Parameters
    ----------
    value : str
        Digits.

    pattern : str
        How they are to be read, as :func:`is_date_pattern` says.

    earliest, latest : date
        The range of dates, ends included. Years of two digits, and none, are of
        whatever century or year in it.

    Returns
    -------
    answer : bool

    Examples
    --------
    >>> from datetime import date
    >>> from pipelines.forms.dates import is_date
    >>> years = date(1990, 1, 1), date(2030, 12, 31)
    >>> is_date("29022024", "DDMMYYYY", *years), is_date("290223", "DDMMYY", *years)
    (True, False)
    """
    if len(value) != len(pattern):
        return False
    parts = {m[0][0]: value[m.start() : m.end()] for m in _PARTS.finditer(pattern)}
    month, day = int(parts["M"]), int(parts.get("D", 0))
    if not 1 <= month <= 12 or ("D" in parts and not 1 <= day <= 31):
        return False
    year = parts.get("Y", "")
    return any(
        _reaches(each, month, day, earliest, latest)
        for each in range(earliest.year, latest.year + 1)
        if f"{each:04}".endswith(year)
    )


def list_dates(pattern: str, earliest: date, latest: date) -> NDArray[np.uint8]:
    """List all dates of a range, as their digits.

    Parameters
    ----------
    pattern : str
        How they are written.

    earliest, latest : date
        The range of dates, ends included.

    Returns
    -------
    digits : ndarray of shape (n_dates, n_digits), dtype uint8
        Each once.

    Examples
    --------
    >>> from datetime import date
    >>> from pipelines.forms.dates import list_dates
    >>> list_dates("DDMM", date(2024, 2, 28), date(2024, 3, 1)).tolist()
    [[0, 1, 0, 3], [2, 8, 0, 2], [2, 9, 0, 2]]
    """
    days = np.arange(np.datetime64(earliest), np.datetime64(latest) + 1)
    months = days.astype("datetime64[M]")
    numbers = {
        "Y": days.astype("datetime64[Y]").astype(int) + 1970,
        "M": months.astype(int) % 12 + 1,
        "D": (days - months.astype(days.dtype)).astype(int) + 1,
    }
    columns = [
        numbers[part[0]] // 10**place % 10
        for part in _PARTS.findall(pattern)
        for place in reversed(range(len(part)))
    ]
    return np.unique(np.column_stack(columns).astype(np.uint8), axis=0)


def _reaches(year: int, month: int, day: int, earliest: date, latest: date) -> bool:
    """Return whether a day of a year, or a month without a day, is in a range."""
    last = monthrange(year, month)[1]
    if day > last:
        return False
    begin, end = date(year, month, day or 1), date(year, month, day or last)
    return begin <= latest and end >= earliest
