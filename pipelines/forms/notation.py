"""How values are written with signs, and the one form that each comes out in."""

import re
from decimal import Decimal
from typing import Final

from pipelines.forms.dates import split_date_pattern

DIGITS: Final = "0123456789"

SIGNS: Final = ".,-/:=*x+"
"""Signs that may stand among digits, in the order of a network's classes."""

_TIME: Final = re.compile(r"(\d\d?)[:.,-](\d\d)|(\d\d)(\d\d)", re.ASCII)

# What fills up the room before and behind an amount is not part of it.
_AMOUNT: Final = re.compile(
    r"(?P<before>[-+=*x/:]*)(?P<body>[\d.,]*\d)(?P<after>[.,]?[-=*x/:]*)", re.ASCII
)

# "50 xx/100" and "50 00/100", as American cheques have it.
_HUNDREDTHS: Final = re.compile(
    r"[-=*x/]*?(\d+)[-.]?(?:(\d\d)|xx)/100[-=*x/]*", re.ASCII
)

# What says behind an amount that it has no cents, and is whole.
_IS_WHOLE: Final = re.compile(r"[.,]|/[-=]|-")

_NUMBER: Final = re.compile(r"[-+]?\d*[.,]?\d+", re.ASCII)


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


def as_decimal(value: str) -> Decimal | None:
    """Return the number that a value is.

    Parameters
    ----------
    value : str
        Digits, with at most one point or comma between or before them, and a sign.

    Returns
    -------
    number : Decimal or None
        None for anything else.

    Examples
    --------
    >>> from pipelines.forms.notation import as_decimal
    >>> as_decimal("-3.50"), as_decimal("007"), as_decimal("1:30")
    (Decimal('-3.50'), Decimal('7'), None)
    """
    if not _NUMBER.fullmatch(value):
        return None
    return Decimal(value.replace(",", "."))


def write_time(raw: str) -> str | None:
    """Write a time of day in its one form.

    Parameters
    ----------
    raw : str
        As somebody wrote it: ``9:30``, ``9.30`` or ``0930``.

    Returns
    -------
    time : str or None
        Such as ``09:30``; None for what is no time from 00:00 to 23:59.

    Examples
    --------
    >>> from pipelines.forms.notation import write_time
    >>> [write_time(raw) for raw in ("9.30", "0930", "930", "24:00")]
    ['09:30', '09:30', None, None]
    """
    found = _TIME.fullmatch(raw)
    if found is None:
        return None
    hour, minute = (int(part) for part in found.groups() if part is not None)
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None


def write_date(raw: str, pattern: str) -> str | None:
    """Write a date as its pattern has it, without separators.

    Parameters
    ----------
    raw : str
        As somebody wrote it: its parts in the order of the pattern, with or without
        separators; with them, a day or a month may have one digit.

    pattern : str
        Such as ``DDMMYYYY``.

    Returns
    -------
    date : str or None
        Its digits; None for what has other parts. Whether there is such a day is not
        looked at.

    Examples
    --------
    >>> from pipelines.forms.notation import write_date
    >>> [write_date(raw, "DDMMYYYY") for raw in ("2/1/2024", "02012024", "2/1/24")]
    ['02012024', '02012024', None]
    """
    parts = re.split(r"[-./,:]", raw.strip("-./,"))
    if not all(part.isdecimal() and part.isascii() for part in parts):
        return None
    wanted = split_date_pattern(pattern)
    if len(parts) == 1:
        return parts[0] if len(parts[0]) == len(pattern) else None
    if len(parts) != len(wanted):
        return None
    padded = [
        part.zfill(2) if form in ("DD", "MM") else part
        for part, form in zip(parts, wanted, strict=True)
    ]
    fits = all(len(p) == len(form) for p, form in zip(padded, wanted, strict=True))
    return "".join(padded) if fits else None


def write_amount(raw: str, places: int, *, negative: bool = True) -> str | None:
    """Write an amount with so many places behind the point, and without fillers.

    Parameters
    ----------
    raw : str
        As somebody wrote it: ``1,234.50``, ``110,000/-``, ``=65,86=``, ``50xx/100``.

    places : int
        Digits behind the point. An amount without any must be grouped, or end in
        what says that it is whole: a point may have been lost.

    negative : bool, default=True
        Whether a dash before the amount is a minus, and not a filler.

    Returns
    -------
    amount : str or None
        Such as ``1234.50``, without leading zeros; ``""`` for fillers alone. None for
        what is no such amount, or could be two.

    Examples
    --------
    >>> from pipelines.forms.notation import write_amount
    >>> [write_amount(raw, 2) for raw in ("1,234.50", "110,000/-", "-65,86", "6586")]
    ['1234.50', '110000.00', '-65.86', None]
    >>> write_amount("50xx/100", 2), write_amount("***", 2), write_amount("1.234", 0)
    ('50.00', '', '1234')
    """
    if not set(raw) & set(DIGITS):
        return ""
    hundredths = _HUNDREDTHS.fullmatch(raw) if places == 2 else None
    if hundredths is not None:
        return f"{hundredths[1].lstrip('0') or '0'}.{hundredths[2] or '00'}"
    found = _AMOUNT.fullmatch(raw)
    if found is None:
        return None
    minus = _minus(found["before"], found["after"]) if negative else ""
    parts = _part_amount(found["body"], found["after"], places)
    if minus is None or parts is None:
        return None
    whole, fraction = parts
    return minus + (whole.lstrip("0") or "0") + (f".{fraction}" if places else "")


def is_amount(value: str, places: int) -> bool:
    """Return whether a value is an amount in its one form.

    Parameters
    ----------
    value : str
        Any string.

    places : int
        Digits behind the point.

    Returns
    -------
    answer : bool

    Examples
    --------
    >>> from pipelines.forms.notation import is_amount
    >>> is_amount("-65.86", 2), is_amount("65,86", 2), is_amount("065.86", 2)
    (True, False, False)
    """
    behind = rf"\.[0-9]{{{places}}}" if places else ""
    return re.fullmatch(rf"-?(0|[1-9][0-9]*){behind}", value) is not None


def point_digits(digits: str, places: int) -> str | None:
    """Set the point among the digits of a comb.

    Parameters
    ----------
    digits : str
        As they stand in its boxes.

    places : int
        How many of them stand behind the point.

    Returns
    -------
    amount : str or None
        In its one form; None for what is not all digits.

    Examples
    --------
    >>> from pipelines.forms.notation import point_digits
    >>> [point_digits(digits, 2) for digits in ("6586", "007", "6_86")]
    ['65.86', '0.07', None]
    """
    if not is_number(digits):
        return None
    padded = digits.zfill(places + 1)
    whole = padded[: len(padded) - places].lstrip("0") or "0"
    return f"{whole}.{padded[len(padded) - places :]}" if places else whole


def _minus(before: str, after: str) -> str | None:
    """Return the sign before an amount; None if a dash may be that or a filler."""
    if "+" in before and before != "+":
        return None
    if "-" not in before:
        return ""
    if set(before) != {"-"} or (before == "-" and after == "-"):
        return None
    return "-" if before == "-" else ""


def _part_amount(body: str, after: str, places: int) -> tuple[str, str] | None:
    """Part an amount into what stands before its point and behind it."""
    groups, marks = re.split(r"[.,]", body), re.findall(r"[.,]", body)
    fraction = ""
    if places and marks and len(groups[-1]) == places:
        fraction = groups.pop()
        if marks.pop() in marks:
            return None
    elif places and not (marks or _IS_WHOLE.match(after)):
        return None
    is_grouped = len(groups) > 1
    if is_grouped and not (
        1 <= len(groups[0]) <= 3
        and all(len(group) == 3 for group in groups[1:])
        and len(set(marks)) == 1
    ):
        return None
    if not groups[0] and not fraction:
        return None
    # The slash of 3/- is written as the last figure of 31- is.
    if not fraction and groups[-1].endswith("1") and after.startswith(("-", "=")):
        return None
    return "".join(groups), fraction or "0" * places
