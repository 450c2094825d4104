"""The fields of a form: what they are called, where they lie, what they may hold."""

import math
import re
from collections.abc import Iterator
from datetime import date as calendar_date
from typing import Annotated, Any, Final, Literal, Self

import pydantic
from pydantic import PositiveInt, SerializerFunctionWrapHandler

from lenet_sklearn.strings.boxes import GAP
from pipelines.forms.check_digits import CheckDigit
from pipelines.forms.checking import (
    find_complaints,
    find_contradictions,
    length_range,
)
from pipelines.forms.dates import EARLIEST, LATEST, is_date_pattern
from pipelines.forms.notation import (
    DIGITS,
    SIGNS,
    is_number,
    point_digits,
    write_amount,
    write_date,
    write_time,
)
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


FieldKind = Literal["comb", "line", "box", "code", "mark", "choice"]

# Kinds of fields that are ticked; nothing is written into them.
_TICKED_KINDS = ("mark", "choice")

# What is said of digits, and of nothing else.
_OF_DIGITS = (
    *("digits", "length", "mask", "minimum", "maximum", "choices", "check_digit"),
    *("date", "earliest", "latest", "characters", "decimals", "time"),
)

# Keys that older releases do not know.
_NEWER: Final = (
    *("characters", "decimals", "sign", "time"),
    *("pattern", "options", "several", "filled"),
)

# The columns of results.csv that are no fields.
_RESERVED_NAMES = frozenset({"document", "page", "status", "error"})

# Letters and digits at both ends keep a name from being taken for a formula by
# a spreadsheet; no dot, so that `<name>.status` cannot be another field's name;
# no comma, quote or line break, so that a column head needs no quoting.
_NAME = re.compile(r"\w(?:[\w -]*\w)?")

_OF_MASK: Final = (
    "must be made of '#' for any digit and of digits that stand for themselves, such as"
    " '20##'"
)
_OF_CHOICES: Final = "must be a list of strings of digits, such as '07'"


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

    characters : str, default=None
        What free writing may consist of: the ten digits, and signs among
        ``. , - / : = * x +``. None for digits alone; whatever else is written is then
        passed over.

    decimals : int, default=None
        Digits behind the point of an amount. Free writing that may have signs comes
        out as such an amount, without fillers and separators of thousands; in a comb
        the point stands, printed or not, before so many last boxes.

    sign : bool, default=False
        Whether the first box of a comb may hold a minus.

    time : str, default=None
        ``HH:MM`` where free writing that may have signs is a time of day.

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
    characters: str | None = None
    decimals: Annotated[int, pydantic.Field(ge=0, le=6)] | None = None
    sign: bool = False
    time: Literal["HH:MM"] | None = None
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
        said = ((key, getattr(self, key)) for key in _NEWER)
        unsaid = [key for key, value in said if value is None or value is False]
        return {key: value for key, value in content.items() if key not in unsaid}

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
        if mask is not None and not (mask and set(mask) <= {*DIGITS, *SIGNS, "#"}):
            raise ValueError(_OF_MASK)
        return mask

    @pydantic.field_validator("characters")
    @classmethod
    def _check_characters(cls, characters: str | None) -> str | None:
        if characters is None:
            return None
        signs = set(characters) - set(DIGITS)
        if not set(DIGITS) <= set(characters) or not signs or signs - set(SIGNS):
            raise ValueError(
                "must be the ten digits and one or more of the signs"
                f" {' '.join(SIGNS)}, such as '0123456789.-'"
            )
        return characters

    @pydantic.field_validator("choices")
    @classmethod
    def _check_choices(cls, choices: tuple[str, ...] | None) -> tuple[str, ...] | None:
        known = {*DIGITS, *SIGNS}
        if choices is not None and not (
            choices and all(choice and set(choice) <= known for choice in choices)
        ):
            raise ValueError(_OF_CHOICES)
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
        others = (self.digits, self.earliest, self.latest, self.characters)
        if self.kind == "code" and (
            self.has_rules or any(each is not None for each in others)
        ):
            raise ValueError(
                "kind: a code has no rules for digits. What it says has a 'pattern'"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _check_notation(self) -> Self:
        if self.characters is None:
            needs = {"decimals": "a point", "time": "a colon"}
            for key, sign in needs.items():
                if getattr(self, key) is not None and self.kind != "comb":
                    raise ValueError(f"{key}: needs 'characters' with {sign}")
        elif self.kind == "comb":
            raise ValueError(
                "characters: is for free writing; of boxes say 'decimals' or 'sign'"
            )
        elif self.check_digit is not None:
            raise ValueError("check_digit: is for fields of digits alone")
        keys = ("decimals", "time", "date")
        said = [key for key in keys if getattr(self, key) is not None]
        if self.characters is not None and len(said) > 1:
            raise ValueError(f"{said[1]}: the field has {said[0]} already")
        return self

    @pydantic.model_validator(mode="after")
    def _check_boxes(self) -> Self:
        if self.kind != "comb":
            if self.sign:
                raise ValueError("sign: is of a comb; free writing has 'characters'")
            return self
        if self.time is not None:
            raise ValueError("time: is of free writing with 'characters'")
        others = (self.gaps, self.date, self.choices, self.check_digit)
        if self.has_own_form and any((*others, self.mask, self.length)):
            raise ValueError(
                "decimals, sign: of a number in boxes only a minimum and a maximum can"
                " be said besides"
            )
        before = (self.digits or 0) - (self.decimals or 0) - self.sign
        if self.has_own_form and self.digits is not None and before < 1:
            raise ValueError("decimals: the comb has no box before the point")
        return self

    @pydantic.model_validator(mode="after")
    def _check_signs(self) -> Self:
        for key, said in (("mask", self.mask), ("choices", self.choices)):
            if self.characters is None and set("".join(said or ())) & set(SIGNS):
                what = _OF_MASK if key == "mask" else _OF_CHOICES
                raise ValueError(f"{key}: {what}; signs need 'characters'")
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
        if reason := next(find_contradictions(self), ""):
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
        """Numbers of digits that a value which is not empty may have; None for any.

        None as well where it may have signs, which count as none.
        """
        if self.characters is not None:
            return None
        least, most = length_range(self.length)
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
        rules: tuple[object, ...] = (
            *(self.length, self.mask, self.minimum, self.maximum, self.choices),
            *(self.check_digit, self.date, self.characters, self.decimals),
        )
        return self.sign or any(each is not None for each in rules)

    @property
    def has_own_form(self) -> bool:
        """Whether a value comes out in another form than it is written in."""
        return self.sign or (self.characters, self.decimals) != (None, None)

    def in_digits(self) -> Self:
        """Return the field as its boxes have it, without a point or a minus.

        Returns
        -------
        field : Field
            The same where neither stands among its digits. Of a range with a minus
            digits alone say nothing.
        """
        if self.kind != "comb" or not self.has_own_form:
            return self
        places = self.decimals or 0
        range_ = {
            key: None if bound is None or self.sign else bound * 10**places
            for key, bound in (("minimum", self.minimum), ("maximum", self.maximum))
        }
        return self.model_copy(update={"decimals": None, "sign": False, **range_})

    def written_value(self, raw: str) -> str:
        """Return the one form of what is written, if it is of the field's kind.

        Parameters
        ----------
        raw : str
            What is written: digits and signs, or the digits of a comb.

        Returns
        -------
        value : str
            An amount, a date or a time in its one form where the field is one; else
            what is written.

        Examples
        --------
        >>> total = Field(
        ...     name="total", kind="line", characters="0123456789.,/-", decimals=2
        ... )
        >>> total.written_value("1,234.50"), total.written_value("110,000/-")
        ('1234.50', '110000.00')
        >>> Field(name="mean", digits=4, decimals=2).written_value("6586")
        '65.86'
        """
        value = self._write(raw)
        return raw if value is None else value

    def _write(self, raw: str) -> str | None:
        """Write a value in its one form; None for what has none."""
        if self.kind == "comb":
            places = self.decimals
            return raw if places is None else point_digits(raw, places)
        if self.characters is None or not raw:
            return raw
        if self.decimals is not None:
            negative = self.minimum is None or self.minimum < 0
            return write_amount(raw, self.decimals, negative=negative)
        if self.date is not None:
            return write_date(raw, self.date)
        return raw if self.time is None else write_time(raw)

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
        if not (is_number(value) or self.has_own_form):
            return "is not a string of digits"
        return next(find_complaints(self, value), ("", ""))[1]

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
        return next(find_complaints(self, value), ("", ""))[0] if value else ""
