"""What is printed where the fields of a form lie, and what is doubtful about that."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Final

from pipelines.fields.boxes import WritingBox, find_boxes
from pipelines.forms.form import Field, Form

Box = tuple[int, int, int, int]

# The ends of a comb may be off by this share of one of its boxes: a comb is cut into
# equal parts.
_END_TOLERANCE: Final = 0.35

# Rows that both cover, of the rows that either does. How high a box reaches matters
# less.
_LEAST_OVERLAP: Final = 0.6

# A box that somebody drew by hand is around what is printed, or along its walls.
_LEAST_COVERED: Final = 0.7

# Fields side by side share a wall, and boxes are drawn generously; what two boxes share
# beyond this part of the smaller one is read twice.
_MOST_SHARED: Final = 0.15


def doubt_places(form: Form) -> list[str]:
    """List what is doubtful about the places of the fields of a form.

    That is boxes that overlap, and combs that do not lie on such a comb of the blank
    page. Combs are found as :func:`draft_form` finds them. It does not find all that
    can be read: what is said here is a warning.

    Parameters
    ----------
    form : Form
        With or without a blank page.

    Returns
    -------
    doubts : list of str
        A line for each comb, then one for each two boxes that overlap: its name, the
        key and the reason.

    Raises
    ------
    FormError
        If the blank page cannot be read.

    Examples
    --------
    >>> from pipelines import Form
    >>> from pipelines.forms.placing import doubt_places
    >>> doubt_places(Form.from_combs({"student_id": 9}))
    []
    """
    # Looking for combs takes a second.
    has_placed_combs = any(f.kind == "comb" and f.box for f in form.fields)
    printed = find_boxes(form.load_blank()) if has_placed_combs else []
    return doubt_fields(form.fields, printed)


def doubt_fields(fields: Sequence[Field], printed: Sequence[WritingBox]) -> list[str]:
    """List what is doubtful about the places of fields.

    Parameters
    ----------
    fields : sequence of Field
        Those without a box are passed over.

    printed : sequence of WritingBox
        What is found on the blank page.

    Returns
    -------
    doubts : list of str
        As of :func:`doubt_places`.
    """
    combs = [(f, f.box) for f in fields if f.kind == "comb" and f.box]
    doubts = [_doubt_comb(field, box, printed) for field, box in combs]
    return [*filter(None, doubts), *_doubt_overlaps(fields)]


def find_printed(box: Box, printed: Iterable[WritingBox]) -> list[WritingBox]:
    """Find the combs and boxes that somebody meant who drew a box by hand.

    Parameters
    ----------
    box : tuple of 4 ints
        ``(top, left, height, width)`` as it was drawn.

    printed : iterable of WritingBox
        What is found on the blank page.

    Returns
    -------
    meant : list of WritingBox
        Those that lie in the box for the most part, in their order.
    """
    return [
        place
        for place in printed
        if _shared(box, place.box) >= _LEAST_COVERED * place.box[2] * place.box[3]
    ]


def _doubt_overlaps(fields: Iterable[Field]) -> list[str]:
    """Describe each two boxes that overlap."""
    doubts = []
    placed = [(field.name, field.box) for field in fields if field.box]
    for (name, box), (other_name, other) in combinations(placed, 2):
        smaller = min(box[2] * box[3], other[2] * other[3])
        share = _shared(box, other) / smaller
        if share > _MOST_SHARED:
            doubts.append(
                f"field {other_name!r}: box: {share:.0%} of it or of field {name!r}"
                " are in both, and what is written there is read twice"
            )
    return doubts


def _doubt_comb(field: Field, box: Box, printed: Sequence[WritingBox]) -> str:
    """Describe what is wrong with the box of a comb; nothing if it lies on one."""
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
    """Return whether a box of the form is where boxes are printed."""
    (top, left, height, width), (y, x, h, w) = box, place.box
    shared = min(top + height, y + h) - max(top, y)
    covered = max(top + height, y + h) - min(top, y)
    off = max(abs(left - x), abs(left + width - x - w)) / (w / place.cells)
    return shared >= _LEAST_OVERLAP * covered and off <= _END_TOLERANCE


def _distance(a: Box, b: Box) -> float:
    """Return the distance of the middles of two boxes, along rows and columns."""
    return sum(abs(a[i] + a[i + 2] / 2 - b[i] - b[i + 2] / 2) for i in (0, 1))


def _shared(a: Box, b: Box) -> int:
    """Return the area that two boxes share."""
    sides = (min(a[i] + a[i + 2], b[i] + b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    rows, columns = (max(side, 0) for side in sides)
    return rows * columns
