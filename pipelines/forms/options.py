"""Boxes to tick: the options of a choice, and what is written for those ticked."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias

import pydantic
from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt

from pipelines.fields.marks import bound_boxes

Box: TypeAlias = Annotated[
    tuple[NonNegativeInt, NonNegativeInt, PositiveInt, PositiveInt],
    "[top, left, height, width]",
]

TICKED: Final = "1"
"""The value of a mark that is ticked."""

JOINT: Final = "+"
"""What stands between the values of options that are ticked together."""

# No underscore, which stands for a missing digit; no point, which a spreadsheet writes
# into numbers; and nothing that it takes for a formula, or that would part values.
_VALUE: Final = re.compile(r"[^\W_]([^\W_]|[ -](?=[^\W_]))*")


class FrozenModel(BaseModel):
    """A model that cannot be changed and has no keys but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Option(FrozenModel):
    """One box or circle of a choice.

    Parameters
    ----------
    value : str
        What the table says if it is ticked: letters and digits, and between them also
        ``-`` and spaces; or digits alone.

    box : tuple of 4 ints, default=None
        Place ``(top, left, height, width)`` of the box or circle on the blank page, in
        its pixels. None where the options stand in a row, or in a column, of which the
        field has the place.

    Examples
    --------
    >>> from pipelines import Option
    >>> Option(value="yes", box=(690, 710, 32, 32)).value
    'yes'
    """

    value: str
    box: Box | None = None

    @pydantic.field_validator("value")
    @classmethod
    def _check_value(cls, value: str) -> str:
        if not _is_value(value):
            raise ValueError(
                f"the value {value!r} must be letters and digits, and between them '-'"
                " or a space"
            )
        return value


def expand_options(content: Any) -> Any:
    """Write the options of a field at length: values alone are options too.

    Parameters
    ----------
    content : object
        What a field is to be made of.

    Returns
    -------
    content : object
        With the place of all options where each has its own; what is no field is left
        as it is.

    Examples
    --------
    >>> from pipelines.forms.options import expand_options
    >>> expand_options({"options": ["yes", "no"]})
    {'options': [{'value': 'yes'}, {'value': 'no'}]}
    """
    options = content.get("options") if isinstance(content, Mapping) else None
    if not isinstance(options, list | tuple):
        return content
    listed = [{"value": one} if isinstance(one, str) else one for one in options]
    boxes = [_box_of(one) for one in listed]
    expanded = {**content, "options": listed}
    if boxes and all(map(_is_box, boxes)) and content.get("box") is None:
        expanded["box"] = bound_boxes(boxes)
    return expanded


def _box_of(option: Any) -> Any:
    if isinstance(option, Mapping):
        return option.get("box")
    return getattr(option, "box", None)


def _is_box(box: Any) -> bool:
    return (
        isinstance(box, list | tuple)
        and len(box) == 4
        and all(isinstance(side, int) for side in box)
    )


def doubt_options(options: Sequence[Option], box: Box | None) -> Iterator[str]:
    """List what is wrong with the options of a choice.

    Parameters
    ----------
    options : sequence of Option
        In their order.

    box : tuple of 4 ints or None
        Place of the field.

    Yields
    ------
    reason : str
        The key and the reason.
    """
    values = [option.value for option in options]
    n_placed = sum(option.box is not None for option in options)
    if len(options) < 2:
        yield "options: a choice needs at least two; a single box is of kind 'mark'"
    elif twice := next((v for v in values if values.count(v) > 1), None):
        yield f"options: there are two of the value {twice!r}"
    elif n_placed not in (0, len(options)):
        yield "options: either all of them have a box, or none has one"
    elif box is None:
        yield "box: a choice needs its place, or that of each option"
    elif n_placed and tuple(box) != bound_boxes([o.box for o in options if o.box]):
        yield "box: the options have places of their own; take this one away"
    elif not n_placed and max(box[2:]) < len(options) * min(box[2:]):
        yield f"box: is too short for {len(options)} options in a row or a column"


def place_options(
    options: Sequence[Option], box: tuple[int, int, int, int]
) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Return the value and the place of each option.

    Parameters
    ----------
    options : sequence of Option
        With places of their own, or in a row or a column.

    box : tuple of 4 ints
        Place of all of them, from the outer side of the first to that of the last. In a
        row they are as wide as they are high.

    Returns
    -------
    places : list of tuples of (value, box)
        Each box is ``(top, left, height, width)``.

    Examples
    --------
    >>> from pipelines import Option
    >>> from pipelines.forms.options import place_options
    >>> options = [Option(value="yes"), Option(value="no")]
    >>> place_options(options, (10, 20, 30, 100))
    [('yes', (10.0, 20.0, 30, 30)), ('no', (10.0, 90.0, 30, 30))]
    """
    top, left, height, width = box
    side = min(height, width)
    step = (max(height, width) - side) / max(len(options) - 1, 1)
    down, along = (step, 0.0) if height > width else (0.0, step)
    return [
        (one.value, one.box or (top + n * down, left + n * along, side, side))
        for n, one in enumerate(options)
    ]


def is_ticked_value(value: str) -> bool:
    """Return whether a value may be that of a choice, whichever that is.

    Parameters
    ----------
    value : str
        Any string.

    Returns
    -------
    answer : bool

    Examples
    --------
    >>> from pipelines.forms.options import is_ticked_value
    >>> is_ticked_value("yes+no"), is_ticked_value("yes+"), is_ticked_value("0_7")
    (True, False, False)
    """
    return all(map(_is_value, value.split(JOINT)))


def _is_value(text: str) -> bool:
    if not any(map(str.isalpha, text)):
        # Digits with a space, or of another script, are a number that was damaged.
        return text.isascii() and text.isdecimal()
    return _VALUE.fullmatch(text) is not None


def doubt_ticked(value: str, values: Sequence[str], several: bool) -> str:
    """Describe what is wrong with the value of a mark or a choice, if anything.

    Parameters
    ----------
    value : str
        Values of options with ``+`` between them; empty if nothing is ticked.

    values : sequence of str
        Those of all options.

    several : bool
        Whether more than one may be ticked.

    Returns
    -------
    reason : str
        Empty if nothing is wrong.

    Examples
    --------
    >>> from pipelines.forms.options import doubt_ticked
    >>> doubt_ticked("yes+no", ["yes", "no"], several=False)
    '2 are ticked, and one may be: yes+no'
    """
    ticked = value.split(JOINT) if value else []
    unknown = [one for one in ticked if one not in values]
    if unknown:
        return f"{unknown[0]!r} is none of its options, which are {', '.join(values)}"
    if len(set(ticked)) < len(ticked):
        return f"an option is named twice: {value}"
    if len(ticked) > 1 and not several:
        return f"{len(ticked)} are ticked, and one may be: {value}"
    return ""
