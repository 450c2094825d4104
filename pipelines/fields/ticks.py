"""Find the boxes and circles of a blank form that are made to be ticked."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.fields.boxes import WritingBox
from pipelines.fields.cells import PageLines, read_lines
from pipelines.images import Image, Mask, check_image

# Heights of what is ticked, in millimetres: larger boxes are for a digit, and smaller
# circles are letters.
_BOX_MM, _ROUND_MM = (2.4, 5.5), (2.8, 8.0)
_LEAST_WIDE, _MOST_WIDE = 0.8, 1.9

# Paper that walls enclose, of the upright rectangle round them: of a letter O a third.
_LEAST_HOLLOW = 0.42

# Nothing is printed nearer: letters stand closer to each other, and tables touch.
_LEAST_APART_MM = 0.4

# Share of its upright rectangle that an outline encloses: with round corners a box has
# 0.95, an ellipse 0.785, less where they are of few pixels, and a D is in between.
_BOX, _ELLIPSE = 0.91, (0.72, 0.825)
_SQUARE = 0.15

# Circles of one size are at least so many on a page: a letter O is alone, or smaller.
_FEWEST = 2
_ALIKE = 0.12

# Circles in one row are options of one question while their distances are alike, and
# no larger than this number of their widths.
_PITCH, _MOST_PITCH = 0.1, 4.0


@dataclass(frozen=True)
class _Ring:
    """A closed outline, by its outer sides in pixels."""

    left: int
    top: int
    width: int
    height: int
    is_round: bool

    @property
    def middle(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2


def find_marks(page: Image, others: Sequence[WritingBox] = ()) -> list[WritingBox]:
    """Find the boxes and circles of a blank page that are to be ticked.

    That is small squares that stand alone, and circles and ovals of which the page has
    several of one size. Circles in a row, at equal distances, are one choice.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page, dark ink on light paper, not filled in: 150 to 400 dpi on A4 or
        Letter, by which sizes are judged.

    others : sequence of WritingBox, default=()
        What is known to be something else, such as the boxes of a comb.

    Returns
    -------
    marks : list of WritingBox
        Of kind ``mark`` or ``choice``, in no order.

    Raises
    ------
    TypeError, ValueError
        If `page` is not an image.

    Notes
    -----
    Not found are boxes whose walls have gaps or touch print, and boxes of a row that
    are as near to each other as those of a comb.

    Examples
    --------
    >>> import cv2
    >>> import numpy as np
    >>> from pipelines.fields.ticks import find_marks
    >>> page = np.full((1100, 800), 255, dtype=np.uint8)
    >>> page = cv2.rectangle(page, (100, 300), (114, 314), 20, 1)
    >>> [(mark.kind, mark.cells, mark.box) for mark in find_marks(page)]
    [('mark', 1, (300, 100, 15, 15))]
    """
    check_image(page, caller="find_marks")
    lines = read_lines(page)
    rings: list[_Ring] = []
    # Dark lines by their dark middle, which a blur does not widen; then pale ones.
    for ink in (lines.dark, lines.ink):
        for ring in _find_rings(ink, lines):
            if not (_is_known(ring, rings) or _lies_in(ring, others)):
                rings.append(ring)
    round_ones = [ring for ring in rings if ring.is_round]
    kept = [ring for ring in round_ones if _count_alike(ring, round_ones) >= _FEWEST]
    marks = [_as_mark([ring]) for ring in rings if not ring.is_round]
    return [*marks, *map(_as_mark, _rows(kept))]


def _is_known(ring: _Ring, rings: Sequence[_Ring]) -> bool:
    """Return whether an outline is one that was found before."""
    x, y = ring.middle
    others = (one.middle for one in rings)
    return any(math.hypot(x - a, y - b) < ring.height / 2 for a, b in others)


def _find_rings(ink: Mask, lines: PageLines) -> Iterator[_Ring]:
    """Find closed outlines of the size and shape of what is ticked, standing alone."""
    contours, hierarchy = cv2.findContours(ink, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if hierarchy is None:
        return
    hollow = np.zeros(len(contours))
    for contour, (*_, parent) in zip(contours, hierarchy[0], strict=True):
        if parent >= 0:
            hollow[parent] += cv2.contourArea(contour)
    for contour, inside in zip(contours, hollow.tolist(), strict=True):
        left, top, width, height = cv2.boundingRect(contour)
        is_wide = _LEAST_WIDE <= width / height <= _MOST_WIDE
        if not is_wide or inside < _LEAST_HOLLOW * width * height:
            continue
        is_round = _is_round(contour, width, height)
        least, most = _ROUND_MM if is_round else _BOX_MM
        if is_round is None or not least * lines.mm <= height <= most * lines.mm:
            continue
        ring = _Ring(left, top, width, height, is_round)
        if not _stands_alone(ink, contour, ring, lines.mm):
            continue
        if is_round or _is_empty(lines, ring):
            yield ring


def _is_round(outline: NDArray[np.int32], width: int, height: int) -> bool | None:
    """Return whether an outline is round, or square; None where it is neither."""
    share = cv2.contourArea(outline) / ((width - 1) * (height - 1))
    if share >= _BOX and abs(width - height) <= _SQUARE * max(width, height):
        return False
    return True if _ELLIPSE[0] <= share <= _ELLIPSE[1] else None


def _stands_alone(
    ink: Mask, contour: NDArray[np.int32], ring: _Ring, mm: float
) -> bool:
    """Return whether there is paper all about an outline; letters stand closer."""
    reach = max(2, round(_LEAST_APART_MM * mm))
    top, left = max(ring.top - reach, 0), max(ring.left - reach, 0)
    part = ink[
        top : ring.top + ring.height + reach, left : ring.left + ring.width + reach
    ]
    own = np.zeros_like(part)
    cv2.drawContours(own, [contour - np.array([left, top])], -1, 1, -1)
    return not bool(np.any(part & (1 - own)))


def _is_empty(lines: PageLines, ring: _Ring) -> bool:
    """Return whether nothing is printed in a box; circles may have a letter in them."""
    inset = math.ceil(0.2 * ring.height)
    inner = lines.dark[
        ring.top + inset : ring.top + ring.height - inset,
        ring.left + inset : ring.left + ring.width - inset,
    ]
    return not inner.any()


def _lies_in(ring: _Ring, others: Sequence[WritingBox]) -> bool:
    x, y = ring.middle
    return any(
        left <= x <= left + width and top <= y <= top + height
        for top, left, height, width in (other.box for other in others)
    )


def _count_alike(ring: _Ring, others: Sequence[_Ring]) -> int:
    return sum(
        abs(ring.width - other.width) <= _ALIKE * ring.width
        and abs(ring.height - other.height) <= _ALIKE * ring.height
        for other in others
    )


def _rows(rings: Sequence[_Ring]) -> Iterator[list[_Ring]]:
    """Part circles into rows at a constant pitch."""
    rest = sorted(rings, key=lambda ring: ring.left)
    while rest:
        row = [rest.pop(0)]
        while following := [one for one in rest if _goes_on(row, one)]:
            row.append(following[0])
            rest.remove(following[0])
        yield row


def _goes_on(row: Sequence[_Ring], other: _Ring) -> bool:
    last = row[-1]
    x, y = last.middle
    along, down = other.middle[0] - x, other.middle[1] - y
    pitch = along if len(row) == 1 else x - row[-2].middle[0]
    return (
        abs(down) <= 0.2 * last.height
        and 0 < along <= _MOST_PITCH * last.width
        and abs(along - pitch) <= _PITCH * pitch
        and _count_alike(last, [other]) == 1
    )


def _as_mark(row: Sequence[_Ring]) -> WritingBox:
    first, last = row[0], row[-1]
    left, right = first.left, last.left + last.width
    top = min(ring.top for ring in row)
    bottom = max(ring.top + ring.height for ring in row)
    quad = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)
    kind: Literal["choice", "mark"] = "choice" if len(row) > 1 else "mark"
    return WritingBox(kind, len(row), quad, 0.0, is_round=first.is_round)
