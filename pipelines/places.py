"""Compare the boxes of a form with what is printed on its blank page."""

from collections.abc import Sequence
from typing import Final

from pipelines.fields.boxes import WritingBox, find_boxes
from pipelines.formfields import Field
from pipelines.forms import Form

Box = tuple[int, int, int, int]

# The ends of a comb may be off by this share of one of its boxes: a comb is cut into
# equal parts.
_END_TOLERANCE: Final = 0.35

# Rows that both cover, of the rows that either does. How high a box reaches matters
# less.
_LEAST_OVERLAP: Final = 0.6


def doubt_places(form: Form) -> list[str]:
    """Say which combs of a form do not lie on such a comb of its blank page.

    Combs are found as :func:`pipelines.drafting.draft_form` finds them. It does not
    find all that can be read: what is said here is a warning.

    Parameters
    ----------
    form : Form
        With or without a blank page.

    Returns
    -------
    doubts : list of str
        A line for each comb: its name, the key and the reason.

    Raises
    ------
    FormError
        If the blank page cannot be read.

    Examples
    --------
    >>> from pipelines import Form
    >>> from pipelines.places import doubt_places
    >>> doubt_places(Form.from_combs({"student_id": 9}))
    []
    """
    placed = [(f, f.box) for f in form.fields if f.kind == "comb" and f.box]
    if not placed:
        return []
    printed = find_boxes(form.load_blank())
    doubts = [_doubt(field, box, printed) for field, box in placed]
    return [doubt for doubt in doubts if doubt]


def _doubt(field: Field, box: Box, printed: Sequence[WritingBox]) -> str:
    """Say what speaks against the box of a comb; nothing if it lies on one."""
    there = [place for place in printed if _lies_on(box, place)]
    if any(place.cells == field.digits for place in there):
        return ""
    if there:
        cells = there[0].cells
        boxes = f"{cells} boxes" if cells > 1 else "a single box"
        return f"field {field.name!r}: digits: is {field.digits}; {boxes} printed there"
    doubt = (
        f"field {field.name!r}: box: no comb of {field.digits} boxes was found there on"
        " the blank page"
    )
    alike = [place.box for place in printed if place.cells == field.digits]
    if not alike:
        return doubt
    nearest = min(alike, key=lambda other: _distance(box, other))
    return f"{doubt}; the nearest is at {list(nearest)}"


def _lies_on(box: Box, place: WritingBox) -> bool:
    """Say whether a box of the form is where boxes are printed."""
    (top, left, height, width), (y, x, h, w) = box, place.box
    shared = min(top + height, y + h) - max(top, y)
    covered = max(top + height, y + h) - min(top, y)
    off = max(abs(left - x), abs(left + width - x - w)) / (w / place.cells)
    return shared >= _LEAST_OVERLAP * covered and off <= _END_TOLERANCE


def _distance(a: Box, b: Box) -> float:
    """Return the distance of the middles of two boxes, along rows and columns."""
    return sum(abs(a[i] + a[i + 2] / 2 - b[i] - b[i + 2] / 2) for i in (0, 1))
