"""Boxes as people draw them: what they are called, where they lie, what is said."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from pipelines.forms.files import FormError

Sides = tuple[float, float, float, float]

# Upright enough, in degrees: no hand turns a box by less.
_LEAST_ROTATION: Final = 0.5

# Corners that were clicked one by one are off by this share of the shorter side.
_CORNER_TOLERANCE: Final = 0.1

# What a label or a text says of a field, such as digits=9.
_PAIR: Final = re.compile(r"[\s,;(]*(\w+)\s*=\s*")

# Label Studio puts eight letters before the name of a file that is uploaded.
_UPLOADED: Final = re.compile(r"^[0-9a-f]{8}-")


@dataclass(frozen=True)
class DrawnBox:
    """A box that somebody drew.

    Attributes
    ----------
    label : str
        What it is called, without the pairs that stood in it.

    sides : tuple of 4 floats
        Place ``(top, left, height, width)`` in pixels of the image.

    said : dict of str to str
        The pairs that stood in the label or in a text, such as ``digits=9``.

    attributes : dict of str to object
        Attributes that the tool has, not all of which need be of a field.
    """

    label: str
    sides: Sides
    said: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DrawnImage:
    """An image, and the boxes that somebody drew on it.

    Attributes
    ----------
    name : str
        Name of its file, without folders; empty if it is not known.

    shape : tuple of 2 floats, or None
        Height and width in pixels, if they are known.

    boxes : tuple of DrawnBox
        As they were drawn, one after the other.
    """

    name: str
    shape: tuple[float, float] | None
    boxes: tuple[DrawnBox, ...]


def base_name(path: str) -> str:
    """Return the name of a file of any system, or behind a URL.

    Parameters
    ----------
    path : str
        With or without folders.

    Returns
    -------
    name : str
        Without them, and without what Label Studio puts before it.
    """
    name = PurePosixPath(path.partition("?")[0].replace("\\", "/")).name
    return _UPLOADED.sub("", name)


def read_pairs(text: str) -> tuple[str, dict[str, str]]:
    """Part a label into the name and what else is said.

    Parameters
    ----------
    text : str
        Such as ``total digits=3; maximum=400``.

    Returns
    -------
    name : str
        What stands before the first pair.

    pairs : dict of str to str
        What stands between a pair and the next is its value.

    Examples
    --------
    >>> read_pairs("exam room, digits=3; choices=101,204")
    ('exam room', {'digits': '3', 'choices': '101,204'})
    """
    name, *rest = _PAIR.split(text)
    values = (value.strip(" \t\r\n,;)") for value in rest[1::2])
    return name.strip(), dict(zip(rest[::2], values, strict=True))


def around(points: Sequence[tuple[float, float]]) -> Sides:
    """Return the box around points.

    Parameters
    ----------
    points : sequence of (x, y)
        At least one.

    Returns
    -------
    sides : tuple of 4 floats
        ``(top, left, height, width)``.
    """
    (left, right), (top, bottom) = (
        (min(axis), max(axis)) for axis in zip(*points, strict=True)
    )
    return top, left, bottom - top, right - left


def of_corners(points: Sequence[tuple[float, float]], what: str) -> Sides:
    """Return the box that four corners are of, in any order.

    Parameters
    ----------
    points : sequence of (x, y)
        Four; the first may follow once more.

    what : str
        What they are of, for the error.

    Returns
    -------
    sides : tuple of 4 floats
        ``(top, left, height, width)``.

    Raises
    ------
    FormError
        If they are not four, or not of an upright rectangle.

    Examples
    --------
    >>> of_corners([(10, 20), (70, 21), (70, 50), (10, 50)], "box 'a'")
    (20, 10, 30, 60)
    """
    if len(points) == 5 and points[0] == points[-1]:  # closed
        points = points[:-1]
    if len(points) != 4:
        raise FormError(
            f"{what} is a polygon of {len(points)} points; draw a rectangle"
        )
    top, left, height, width = around(points)
    tolerance = _CORNER_TOLERANCE * min(height, width)
    corners = [(x, y) for x in (left, left + width) for y in (top, top + height)]
    for x, y in corners:
        if min(max(abs(x - a), abs(y - b)) for a, b in points) > tolerance:
            raise FormError(f"{what} is turned, or no rectangle; draw an upright one")
    return top, left, height, width


def check_upright(rotation: Any, what: str) -> None:
    """Refuse a box that is turned.

    Parameters
    ----------
    rotation : object
        In degrees; what is no number is none.

    what : str
        What is turned, for the error.

    Raises
    ------
    FormError
        If it is turned.
    """
    if rotation is None or not is_float(rotation):
        return
    # Degrees, in either direction.
    turned = (float(rotation) + 180) % 360 - 180
    if abs(turned) > _LEAST_ROTATION:
        raise FormError(
            f"{what} is turned by {turned:g} degrees; draw an upright one. A page that"
            " is skewed is to be straightened before boxes are drawn on it"
        )


def name_box(number: int, label: str) -> str:
    """Name a box as well as its label allows.

    Parameters
    ----------
    number : int
        Which it is of its file, from 1.

    label : str
        May be empty.

    Returns
    -------
    what : str
        For errors.
    """
    return f"box {label.strip()!r}" if label.strip() else f"box no. {number}"


def is_float(value: Any) -> bool:
    """Return whether a value is a finite number, or the text of one.

    Parameters
    ----------
    value : object

    Returns
    -------
    answer : bool
    """
    try:
        return abs(float(value)) < float("inf")
    except (TypeError, ValueError):
        return False
