"""The fields of a form: what they are called, where they lie, what they may hold."""

import math
import re
from collections.abc import Iterator
from datetime import date as calendar_date
from typing import Annotated, Any, Final, Literal, Self

import pydantic
from pydantic import PositiveInt, SerializerFunctionWrapHandler

from lenet_sklearn.strings.boxes import GAP
from pipelines.forms.check_digits import CheckDigit, Weights, has_check_digit
from pipelines.forms.dates import EARLIEST, LATEST, is_date, is_date_pattern
from pipelines.forms.options import (
    TICKED,
    Box,
    FrozenModel,
    Option,
    doubt_options,
    doubt_ticked,
    expand_options,
    place_options,
)

# Longer combs are not printed; this keeps a typing error from filling memory.
MOST_BOXES: Final = 100


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


FieldKind = Literal["comb", "line", "box", "code", "mark", "choice"]

# Kinds of fields that are ticked; nothing is written into them.
_TICKED_KINDS = ("mark", "choice")

# What is said of digits, and of nothing else.
_OF_DIGITS = (
    *("digits", "length", "mask", "minimum", "maximum", "choices", "check_digit"),
    *("date", "earliest", "latest"),
)

# Keys that older releases do not know.
_NEWER: Final = ("pattern", "options", "several", "filled")

# The columns of results.csv that are no fields.
_RESERVED_NAMES = frozenset({"document", "page", "status", "error"})

# Letters and digits at both ends keep a name from being taken for a formula by
# a spreadsheet; no dot, so that `<name>.status` cannot be another field's name;
# no comma, quote or line break, so that a column head needs no quoting.
_NAME = re.compile(r"\w(?:[\w -]*\w)?")


def as_field_name(text: str) -> str:
    """Make the name of a field of a label that may hold anything.

    Parameters
    ----------
    text : str
        What somebody called a field elsewhere.

    Returns
    -------
    name : str
        The same, with ``_`` for what may not stand in a name; empty if nothing is
        left.

    Examples
    --------
    >>> as_field_name("student number"), as_field_name("Points (no. 1)")
    ('student number', 'Points_no_1')
    >>> as_field_name("page")  # already a column of the results
    'page_'
    """
    name = text.strip()
    if not _NAME.fullmatch(name):
        name = re.sub(r"\W*[^\w -]\W*", "_", name).strip("_ -")
    return f"{name}_" if name in _RESERVED_NAMES else name


class Field(FrozenModel):
    """A place on a form that digits are written into, or that is ticked.

    Parameters
    ----------
    name : str
        Letters, digits, ``_``, and inside the name also ``-`` and spaces: it
        heads a column of the results.

    kind : {"comb", "line", "box", "code", "mark", "choice"}, default="comb"
        One box a digit, a free string, a single free box, or a QR code or bar code; a
        box or circle that is ticked or not, whose value is then ``1``; or several of
        which one is ticked, whose value is that of the option.

    digits : int, default=None
        Number of boxes. A comb must have it.

    box : tuple of 4 ints, default=None
        Place ``(top, left, height, width)`` on the blank page, in its pixels.
        Cutting the box of a comb into `digits` equal widths must put every cut
        on a printed wall or between two boxes. None has the field looked for
        on every page. Of a mark the box or circle itself, and of a choice the row or
        the column of them, unless its options have places of their own.

    length : int or tuple of 2 ints, default=None
        The number of digits a value must have, or the least and the most.

    mask : str, default=None
        What a value looks like: ``#`` stands for any digit and a digit for
        itself, so that ``20##`` is a year of this century.

    minimum, maximum : int, default=None
        The range of the value as a number, ends included.

    choices : tuple of str, default=None
        The only values there are. Leading zeros count. In the file of a form also
        ``{"file": "students.csv", "column": "id"}``, a column of a CSV file, by its
        path from the form's file.

    check_digit : str or Weights, default=None
        How the last digit of a value confirms the others; see
        ``has_check_digit``.

    date : str, default=None
        How a date is written, such as ``DDMMYYYY``, ``YYMMDD`` or ``MMYYYY``.

    earliest, latest : date, default=None
        The range of the date, ends included; None for the beginning of 1900 and the
        end of 2099.

    pattern : str, default=None
        What a code must say: ``#`` stands for any digit, ``*``, which may be there
        once, for any text, and all else for itself.

    options : tuple of Option, default=None
        What may be ticked of a choice, in its order. Values alone will do where they
        stand in a row or a column at equal distances.

    several : bool, default=False
        Whether more than one of a choice may be ticked; the value has ``+`` between
        those that are.

    filled : {"ticked", "corrected"}, default=None
        What it means if somebody has filled a box or circle of a mark or choice: that
        it is ticked, as bubbles are, or that a tick is taken back. With None, such a
        field is not accepted.

    gaps : bool, default=False
        Whether empty boxes are ordinary, as in a puzzle or a table. Then a value has a
        character for each box of the comb, ``_`` for an empty one, unless all are
        empty. Such a field has no rules.

    grid : str, default=None
        Name of the grid of which the comb is a row. The rows of a grid follow each
        other from top to bottom, and are looked for together.

    Notes
    -----
    A mistake raises :class:`pydantic.ValidationError`, a ValueError;
    :meth:`Form.from_file` says the same in one line. Lengths, masks, dates and choices
    that no value can keep together are a mistake too.

    Examples
    --------
    >>> from pipelines.forms.form import Field
    >>> total = Field(name="total", digits=3, maximum=400)
    >>> total.check("399")
    ''
    >>> total.check("401")
    '401 is more than 400'
    """

    name: str
    kind: FieldKind = "comb"
    digits: Annotated[int, pydantic.Field(ge=1, le=MOST_BOXES)] | None = None
    box: Box | None = None
    length: PositiveInt | tuple[PositiveInt, PositiveInt] | None = None
    mask: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] | None = None
    check_digit: CheckDigit | None = None
    date: str | None = None
    earliest: calendar_date | None = None
    latest: calendar_date | None = None
    pattern: str | None = None
    options: tuple[Option, ...] | None = None
    several: bool = False
    filled: Literal["ticked", "corrected"] | None = None
    gaps: bool = False
    grid: str | None = None

    @pydantic.model_validator(mode="before")
    @classmethod
    def _expand(cls, content: Any) -> Any:
        return expand_options(content)

    @pydantic.model_serializer(mode="wrap")
    def _leave_out(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what older releases do not know, where nothing is said of it."""
        content: dict[str, Any] = write(self)
        unsaid = [key for key in _NEWER if not getattr(self, key)]
        return {key: said for key, said in content.items() if key not in unsaid}

    @pydantic.field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(
                "must be letters, digits, '_', and between them '-' or spaces,"
                " because it heads a column of the results"
            )
        if name in _RESERVED_NAMES:
            raise ValueError("is already the name of a column of the results")
        return name

    @pydantic.field_validator("mask")
    @classmethod
    def _check_mask(cls, mask: str | None) -> str | None:
        if mask is not None and not re.fullmatch(r"[#0-9]+", mask):
            raise ValueError(
                "must be made of '#' for any digit and of digits that stand for"
                " themselves, such as '20##'"
            )
        return mask

    @pydantic.field_validator("choices")
    @classmethod
    def _check_choices(cls, choices: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if choices is not None and not (choices and all(map(is_number, choices))):
            raise ValueError("must be a list of strings of digits, such as '07'")
        return choices

    @pydantic.field_validator("date")
    @classmethod
    def _check_date(cls, date: str | None) -> str | None:
        if date is not None and not is_date_pattern(date):
            raise ValueError(
                "must be DD, MM and YYYY or YY in the order in which they are written,"
                " such as 'DDMMYYYY' or 'MMYY'"
            )
        return date

    @pydantic.field_validator("pattern")
    @classmethod
    def _check_pattern(cls, pattern: str | None) -> str | None:
        if pattern is not None and not (pattern and pattern.count("*") <= 1):
            raise ValueError(
                "must be what the code says, with '#' for any digit and at most one '*'"
                " for any text, such as 'SHEET-*-1'"
            )
        return pattern

    @pydantic.model_validator(mode="after")
    def _check_kind(self) -> Self:
        if self.kind != "code" and self.pattern is not None:
            raise ValueError("pattern: is for fields of the kind 'code'")
        others = (self.digits, self.earliest, self.latest)
        if self.kind == "code" and (
            self.has_rules or any(each is not None for each in others)
        ):
            raise ValueError(
                "kind: a code has no rules for digits. What it says has a 'pattern'"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.kind == "comb" and self.digits is None:
            raise ValueError("digits: a comb needs the number of its boxes")
        if reason := next(self._doubts_of_kind(), ""):
            raise ValueError(reason)
        if self.box and self.digits and self.box[3] < self.digits:
            raise ValueError(
                f"box: {self.box[3]} pixels are too narrow for {self.digits} boxes."
                " It is [top, left, height, width]"
            )
        if isinstance(self.length, tuple) and self.length[0] > self.length[1]:
            raise ValueError("length: the least comes first, then the most")
        least = -math.inf if self.minimum is None else self.minimum
        if self.maximum is not None and self.maximum < least:
            raise ValueError("maximum: is less than the minimum")
        if self.date is None and (self.earliest or self.latest):
            raise ValueError("date: earliest and latest are the range of a date")
        if self.date_range[0] > self.date_range[1]:
            raise ValueError("latest: is before the earliest")
        if self.gaps and (self.kind != "comb" or self.has_rules):
            raise ValueError("gaps: only a comb without rules may have empty boxes")
        if self.grid is not None and (self.kind != "comb" or self.box is not None):
            raise ValueError("grid: only combs are looked for, and those with no box")
        if reason := next(self._contradictions(), ""):
            raise ValueError(reason)
        return self

    def _doubts_of_kind(self) -> Iterator[str]:
        """Name what does not go with the kind of the field."""
        if not self.is_ticked:
            if self.filled is not None:
                yield f"filled: is for a mark or a choice, and this is a {self.kind}"
        else:
            said = (key for key in _OF_DIGITS if getattr(self, key) is not None)
            for key in said:
                yield f"{key}: is for digits, and this is a {self.kind}"
        if self.kind == "mark" and self.box is None:
            yield "box: a mark needs its place"
        if self.kind == "choice":
            yield from doubt_options(self.options or (), self.box)
        elif self.options is not None or self.several:
            key = "several" if self.options is None else "options"
            yield f"{key}: is for a choice, and this is a {self.kind}"

    @property
    def is_ticked(self) -> bool:
        """Whether it is a mark or a choice: nothing is written into it."""
        return self.kind in _TICKED_KINDS

    @property
    def places(self) -> list[tuple[str, tuple[float, float, float, float]]]:
        """The value and the place of each box that may be ticked; none of digits."""
        if not self.is_ticked or self.box is None:
            return []
        if self.options is None:
            return [(TICKED, self.box)]
        return place_options(self.options, self.box)

    @property
    def lengths(self) -> range | None:
        """Numbers of digits that a value which is not empty may have; None for any."""
        least, most = _length_range(self.length)
        most = min(most, self.digits or math.inf)
        listed = [len(self.date)] if self.date else list(map(len, self.choices or ()))
        if listed:
            least, most = max(least, min(listed)), min(most, max(listed))
        return None if most == math.inf else range(max(least, 1), int(most) + 1)

    @property
    def date_range(self) -> tuple[calendar_date, calendar_date]:
        """The earliest and the latest date that there may be."""
        return self.earliest or EARLIEST, self.latest or LATEST

    @property
    def has_rules(self) -> bool:
        """Whether anything is said of its values but how many boxes there are."""
        rules = (self.length, self.mask, self.minimum, self.maximum, self.choices)
        return any(each is not None for each in (*rules, self.check_digit, self.date))

    def check(self, value: str) -> str:
        """Describe what is wrong with a value, if anything.

        Parameters
        ----------
        value : str
            Digits, and ``_`` for an empty box between two of them; or what is ticked.

        Returns
        -------
        reason : str
            Empty if the value keeps all constraints. An empty value does.
        """
        if not value:
            return ""
        if self.kind == "code":
            known = self.pattern is None or self.key_of(value) is not None
            return "" if known else f"does not look like {self.pattern}"
        if self.is_ticked:
            values = [one.value for one in self.options or (Option(value=TICKED),)]
            return doubt_ticked(value, values, self.several)
        if self.gaps:
            whole = len(value) == self.digits and set(value) <= {*"0123456789", GAP}
            return "" if whole else "has not a digit, or '_', for each box"
        if GAP in value:
            return "a box between two digits is empty"
        if not is_number(value):
            return "is not a string of digits"
        return next(self._complaints(value), ("", ""))[1]

    def key_of(self, text: str) -> str | None:
        """Return what a code says where its pattern leaves it open.

        Parameters
        ----------
        text : str
            All that it says.

        Returns
        -------
        key : str or None
            What stands for ``#`` and ``*``, or all of it where there is no pattern;
            None for a text that does not fit the pattern.

        Examples
        --------
        >>> sheet = Field(name="sheet", kind="code", pattern="SHEET-*-1")
        >>> sheet.key_of("SHEET-0012-1"), sheet.key_of("SHEET-0012-2")
        ('0012', None)
        """
        if self.kind != "code" or self.pattern is None:
            return text
        wanted = {"#": "([0-9])", "*": "(.+)"}
        parts = (wanted.get(letter) or re.escape(letter) for letter in self.pattern)
        found = re.fullmatch("".join(parts), text)
        return None if found is None else "".join(found.groups())

    def broken_rule(self, value: str) -> str:
        """Name the rule that a value breaks, if any.

        Parameters
        ----------
        value : str
            Digits, not with an empty box between two of them.

        Returns
        -------
        key : str
            What the rule is called in the file of a form; empty if all are kept.

        Examples
        --------
        >>> Field(name="id", digits=4, check_digit="luhn").broken_rule("1234")
        'check_digit'
        """
        return next(self._complaints(value), ("", ""))[0] if value else ""

    def _contradictions(self) -> Iterator[str]:
        """Name lengths, masks, dates and choices that no value can keep together."""
        others = self.model_copy(update={"choices": None})
        lengths = others.lengths
        if lengths is not None and not lengths:
            least, _ = _length_range(self.length)
            if self.date is None:
                yield f"length: {least} digits do not fit into {self.digits} boxes"
            yield f"date: {self.date} is of another length than the field"
        elif lengths is not None:
            if self.mask is not None and len(self.mask) not in lengths:
                allowed = " to ".join(map(str, sorted({lengths[0], lengths[-1]})))
                yield f"mask: has {len(self.mask)} digits instead of {allowed}"
            if len(str(max(self.minimum or 0, 0))) > lengths[-1]:
                yield f"minimum: {self.minimum} has more digits than {lengths[-1]}"
        if self.maximum is not None and self.maximum < 0:
            yield f"maximum: no value is as small as {self.maximum}"
        for choice in self.choices or ():
            if reason := others.check(choice):
                yield f"choices: {choice!r} can never be read: {reason}"

    def _complaints(self, value: str) -> Iterator[tuple[str, str]]:
        """Give the key and the reason of every rule that a value breaks."""
        least, most = _length_range(self.length)
        if self.digits is not None and len(value) > self.digits:
            yield "digits", f"has {len(value)} digits in {self.digits} boxes"
        if not least <= len(value) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most:g}"
            yield "length", f"has {len(value)} digits instead of {wanted}"
        if self.mask is not None and not fits_mask(value, self.mask):
            yield "mask", f"does not look like {self.mask}"
        if self.minimum is not None and int(value) < self.minimum:
            yield "minimum", f"{value} is less than {self.minimum}"
        if self.maximum is not None and int(value) > self.maximum:
            yield "maximum", f"{value} is more than {self.maximum}"
        if self.date is not None and not is_date(value, self.date, *self.date_range):
            years = " to ".join(map(str, self.date_range))
            yield "date", f"{value} is no date {self.date} from {years}"
        if self.choices is not None and value not in self.choices:
            yield "choices", f"{value} is not one of the {len(self.choices)} choices"
        scheme = self.check_digit
        if scheme is not None and not has_check_digit(value, scheme):
            name = "weighted" if isinstance(scheme, Weights) else scheme
            yield "check_digit", f"its last digit is not the {name} check digit"


def _length_range(length: int | tuple[int, int] | None) -> tuple[int, float]:
    """Return the least and the most digits that a value may have."""
    if length is None:
        return 0, math.inf
    return (length, length) if isinstance(length, int) else length
