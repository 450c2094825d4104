"""Find the places of a blank form that are made to be written into."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from pipelines.fields.cells import PAGE_MM, Cell, are_alike, find_cells, read_lines
from pipelines.fields.frames import Points, find_ticked
from pipelines.images import Image, check_image
from pipelines.outcomes import ArraysCompare

# Rows nearer to each other than this are one line of the page.
_ROW_MM = 3.0

# A box for one digit, height to width. Flat ones are for tallies, and small:
# larger flat cells side by side are columns of a table, each for a number.
_MIN_ASPECT, _MAX_ASPECT = 0.4, 4.0
_FLAT = 0.7
_MAX_FLAT_WIDTH_MM = 9.0
_MAX_COMB_WIDTH_MM = 20.0
_MAX_COMB_HEIGHT_MM = 28.0

# A box that stands alone: larger than a tick box, smaller than a paragraph.
_MIN_BOX_MM = 4.0
_MAX_BOX_HEIGHT_MM = 28.0
_MAX_BOX_WIDTH_MM = 180.0
# Writing runs across; taller cells are left over at the edge of a table.
_MAX_BOX_ASPECT = 2.0


@dataclass(frozen=True, eq=False)
class WritingBox(ArraysCompare):
    """A comb, a single box, or what is to be ticked, of a blank page.

    Attributes
    ----------
    kind : {"comb", "box", "mark", "choice"}
        Several equal boxes in a row, or one, for digits; one box or circle to tick, or
        several circles in a row.

    cells : int
        Number of boxes or circles.

    quad : ndarray of shape (4, 2), dtype float64
        Corners ``(x, y)`` in pixels on the outer walls, clockwise from the
        upper left one. Cutting it into `cells` equal parts puts every cut on
        a wall or between two boxes.

    angle : float
        Tilt in degrees, positive when the row rises to the right.

    is_round : bool
        Whether it is circles.
    """

    kind: Literal["comb", "box", "mark", "choice"]
    cells: int
    quad: Points
    angle: float
    is_round: bool = False

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Upright bounding box (top, left, height, width) in whole pixels."""
        left, top = np.floor(self.quad.min(axis=0)).astype(int).tolist()
        right, bottom = np.ceil(self.quad.max(axis=0)).astype(int).tolist()
        left, top = max(left, 0), max(top, 0)
        return top, left, bottom - top, right - left


def find_boxes(page: Image) -> list[WritingBox]:
    """Find the combs and the boxes of a blank page, in reading order.

    A box is a closed rectangle of paper without print in it. Equal ones in a
    row at a constant pitch are one comb, whether they share walls or stand
    apart. Of boxes in boxes the innermost count, but a light guide figure in a
    box is no box. A baseline with ticks at a constant pitch is a comb too.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page, dark ink on light paper, not filled in: 150 to 400 dpi on A4
        or Letter, by which sizes are judged.

    Returns
    -------
    boxes : list of WritingBox
        In rows from top to bottom, and from left to right in a row.

    Raises
    ------
    TypeError, ValueError
        If `page` is not an image.

    Notes
    -----
    Not found are boxes whose walls have gaps of more than 0.8 mm, boxes drawn
    only by their four corners, filled areas without a wall, combs tilted by
    more than 20 degrees, and lines to write on.

    Examples
    --------
    >>> import cv2
    >>> import numpy as np
    >>> page = np.full((1100, 800), 255, dtype=np.uint8)
    >>> for left in (100, 140, 180):
    ...     page = cv2.rectangle(page, (left, 300), (left + 40, 350), 120, 2)
    >>> [(found.kind, found.cells, found.box) for found in find_boxes(page)]
    [('comb', 3, (300, 100, 50, 120))]
    """
    check_image(page, caller="find_boxes")
    lines = read_lines(page)
    cells = find_cells(lines)
    writing = [cell for cell in _writing_cells(cells) if not cell.printed]
    found = [_writing_box(row, lines.mm) for row in _rows(writing, lines.mm)]
    for row in find_ticked(lines, cells):
        found = _with_ticked(found, _writing_box(row, lines.mm))
    return in_reading_order(found, max(page.shape))


def _writing_cells(cells: Sequence[Cell]) -> list[Cell]:
    """Leave out the frames that hold other cells, and the guides in cells."""
    kept: list[Cell] = []
    for cell in sorted(cells, key=lambda cell: cell.area):
        inner = [other for other in kept if cell.holds(other)]
        if _is_guide(cell, inner):
            kept = [other for other in kept if other not in inner]
            inner = []
        if not inner:
            kept.append(cell)
    return kept


def _is_guide(cell: Cell, inner: Sequence[Cell]) -> bool:
    """Return whether the cells in a cell are a guide, an 8 or a 0, in its middle."""
    digit_like = 0.8 < cell.height / cell.width < 2.5
    if not digit_like or not 1 <= len(inner) <= 2:
        return False
    central = all(abs(cell.offset(i)[0]) < 0.15 * cell.width for i in inner)
    return central and sum(i.area for i in inner) < 0.45 * cell.area


def _rows(cells: Sequence[Cell], mm: float) -> Iterator[list[Cell]]:
    """Part cells into rows of equal ones at a constant pitch, and single ones."""
    rest = sorted(cells, key=lambda cell: cell.x)
    while rest:
        chain = [rest.pop(0)]
        while _may_be_digit_box(chain[-1], mm):
            following = [c for c in rest if _follows(chain[-1], c)]
            if not following:
                break
            chain.append(min(following, key=lambda c: chain[-1].offset(c)[0]))
            rest.remove(chain[-1])
        for row in _at_one_pitch(chain):
            if len(row) > 1 or _may_be_box(row[0], mm):
                yield row


def _may_be_digit_box(cell: Cell, mm: float) -> bool:
    """Return whether a cell has the shape and size of a box for one digit."""
    aspect = cell.height / cell.width
    widest = _MAX_FLAT_WIDTH_MM if aspect < _FLAT else _MAX_COMB_WIDTH_MM
    return (
        _MIN_ASPECT < aspect < _MAX_ASPECT
        and cell.width < widest * mm
        and cell.height < _MAX_COMB_HEIGHT_MM * mm
    )


def _may_be_box(cell: Cell, mm: float) -> bool:
    """Return whether a cell has the size of a box that stands alone."""
    return (
        min(cell.width, cell.height) >= _MIN_BOX_MM * mm
        and cell.height <= _MAX_BOX_HEIGHT_MM * mm
        and cell.width <= _MAX_BOX_WIDTH_MM * mm
        and cell.height <= _MAX_BOX_ASPECT * cell.width
    )


def _follows(cell: Cell, other: Cell) -> bool:
    """Return whether a cell is the right neighbour of another in a row."""
    along, across = cell.offset(other)
    return (
        are_alike(cell, other)
        and abs(across) < 0.12 * cell.height
        # Up to here boxes stand apart in one field; wider gaps part fields.
        and 0.9 * cell.width < along < 1.7 * cell.width
    )


def _at_one_pitch(chain: Sequence[Cell]) -> list[list[Cell]]:
    """Part a row where its boxes stand further apart, as day from month."""
    steps = [a.offset(b)[0] for a, b in pairwise(chain)]
    rows = [[chain[0]]]
    for step, cell in zip(steps, chain[1:], strict=True):
        if step > 1.12 * min(steps):
            rows.append([])
        rows[-1].append(cell)
    return rows


def _writing_box(row: Sequence[Cell], mm: float) -> WritingBox:
    """Put a rectangle on the outer walls of a row of cells."""
    first, last, n_cells = row[0], row[-1], len(row)
    width = float(np.median([cell.width for cell in row]))
    height = float(np.median([cell.height for cell in row]))
    length = math.hypot(last.x - first.x, last.y - first.y)
    # Half a shared wall; a wall of its own is not thicker than this.
    half_wall = 0.15 * mm
    angle = float(np.median([cell.angle for cell in row]))
    if n_cells > 1:
        half_wall = min((length / (n_cells - 1) - width) / 2, 0.4 * mm)
        angle = math.degrees(math.atan2(last.y - first.y, last.x - first.x))
    x, y = np.mean([(cell.x, cell.y) for cell in row], axis=0)
    outer = (length + width + 2 * half_wall, height + 2 * half_wall)
    kind: Literal["comb", "box"] = "comb" if n_cells > 1 else "box"
    return WritingBox(kind, n_cells, _corners(x, y, outer, angle), -angle)


def _corners(x: float, y: float, size: tuple[float, float], angle: float) -> Points:
    """Return the corners of a turned rectangle, clockwise from the upper left."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    along = np.array([cos, sin]) * size[0] / 2
    down = np.array([-sin, cos]) * size[1] / 2
    left, right = np.array([x, y]) - along, np.array([x, y]) + along
    return np.array([left - down, right - down, right + down, left + down])


def _with_ticked(found: list[WritingBox], comb: WritingBox) -> list[WritingBox]:
    """Add a comb with ticks; it replaces the single box that is its frame."""
    over = [other for other in found if _overlap(comb, other)]
    if any(other.kind == "comb" for other in over) or len(over) > 1:
        return found
    return [other for other in found if not any(other is o for o in over)] + [comb]


def _overlap(a: WritingBox, b: WritingBox) -> bool:
    """Return whether two boxes share more than their walls."""
    low = np.maximum(a.quad.min(axis=0), b.quad.min(axis=0))
    high = np.minimum(a.quad.max(axis=0), b.quad.max(axis=0))
    sides = np.minimum(np.ptp(a.quad, axis=0), np.ptp(b.quad, axis=0))
    return bool((high - low > 0.2 * sides).all())


def in_reading_order(boxes: Sequence[WritingBox], page_side: int) -> list[WritingBox]:
    """Sort into lines by their middles, and from left to right in each line.

    Parameters
    ----------
    boxes : sequence of WritingBox
        In any order.

    page_side : int
        Longer side of their page in pixels.

    Returns
    -------
    boxes : list of WritingBox
    """
    mm = page_side / PAGE_MM
    lines: list[list[WritingBox]] = []
    for box in sorted(boxes, key=lambda box: float(box.quad[:, 1].mean())):
        middle = box.quad[:, 1].mean()
        if lines and middle - lines[-1][0].quad[:, 1].mean() < _ROW_MM * mm:
            lines[-1].append(box)
        else:
            lines.append([box])
    return [
        box
        for line in lines
        for box in sorted(line, key=lambda box: float(box.quad[:, 0].min()))
    ]
