"""Find the rectangles of paper that the printed lines of a form enclose."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image

Mask = NDArray[np.uint8]

# Lengths are in millimetres of a page whose longer side is that of A4; Letter
# is 6 % shorter, which no limit below is sharp enough to notice.
_PAGE_MM = 297.0

# The faintest line, in levels below the paper. Boxes that are meant to vanish
# in the scan are printed at about 20; the texture of clean paper stays below 10.
_FAINT = 10.0
_MAX_THRESHOLD = 80.0

# Paper grain is nearly Gaussian: 5 deviations leave a speck or two on a page.
_N_SIGMA = 5.0

# Half of the values of a Gaussian lie within this many deviations.
_MEDIAN_OF_GAUSSIAN = 0.6745

# Print inside a cell, in mm^2: a full stop of small print is larger than dust.
_PRINT_MM2 = 0.25

# Share of its upright rectangle that a cell fills: a box with corners rounded
# by a fifth of its side fills 0.97, the hole of a D 0.88, an ellipse 0.79.
_RECTANGULAR = 0.92

# Sides of a cell. Boxes for digits are rarely under 4 mm; this leaves room for a
# form of A5 that was enlarged.
_MIN_WIDTH_MM = 2.5
_MIN_HEIGHT_MM = 3.0

# A dashed wall is not thicker than this, and a digit is not that thin.
_MAX_WALL_MM = 0.7

# Gaps that are closed to find walls that are dashed or do not quite meet.
_GAP_MM = 0.8

# Degrees. Boxes that are tilted more are not meant to be.
_MAX_TILT = 20.0


@dataclass(frozen=True)
class Cell:
    """A closed rectangle of paper, by its middle, its inner sides and its tilt."""

    x: float
    y: float
    width: float
    height: float
    angle: float  # clockwise, as the rows of an image run
    printed: bool = False

    @property
    def area(self) -> float:
        """Inner area in square pixels."""
        return self.width * self.height

    def offset(self, other: "Cell") -> tuple[float, float]:
        """Return where another cell lies, along and across the row of this one."""
        cos, sin = (
            math.cos(math.radians(self.angle)),
            math.sin(math.radians(self.angle)),
        )
        dx, dy = other.x - self.x, other.y - self.y
        return dx * cos + dy * sin, dy * cos - dx * sin

    def holds(self, other: "Cell") -> bool:
        """Tell whether another, smaller cell lies in this one."""
        along, across = self.offset(other)
        return (
            other.area < self.area
            and abs(along) < self.width / 2
            and abs(across) < self.height / 2
        )


@dataclass(frozen=True)
class PageLines:
    """What is printed on a page.

    Attributes
    ----------
    ink : ndarray of shape (height, width), dtype uint8
        1 where the page is darker than its paper, however faintly.

    dark : ndarray of shape (height, width), dtype uint8
        1 where it is darker than half of its paper: print, and no light guide.

    mm : float
        Pixels in a millimetre, if the page is A4.
    """

    ink: Mask
    dark: Mask
    mm: float


def read_lines(page: Image) -> PageLines:
    """Part a page into paper, light guides and print.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page, dark ink on light paper.

    Returns
    -------
    lines : PageLines
    """
    depth = _depth(page)
    ink = (depth > _threshold(depth)).astype(np.uint8)
    # The paper is depth + page.
    dark = (depth > page).astype(np.uint8)
    return PageLines(ink, dark, max(page.shape) / _PAGE_MM)


def find_cells(lines: PageLines) -> list[Cell]:
    """Find the rectangles of paper that lines enclose, nested ones included.

    Walls may be light, dashed, or end up to 0.8 mm short of each other.

    Parameters
    ----------
    lines : PageLines
        What is printed on the page.

    Returns
    -------
    cells : list of Cell
        In no order.
    """
    plain = _closed_cells(lines.ink, lines.mm)
    bridged = _closed_cells(_bridged(lines.ink, lines.mm), lines.mm)
    return [
        replace(cell, printed=_is_printed(lines, cell))
        for cell in _joined(plain, bridged, lines.mm)
    ]


def are_alike(a: Cell, b: Cell) -> bool:
    """Tell whether two cells have the same size and tilt.

    Parameters
    ----------
    a, b : Cell
        Two cells.

    Returns
    -------
    answer : bool
    """
    return (
        abs(a.width - b.width) < 0.15 * min(a.width, b.width)
        and abs(a.height - b.height) < 0.1 * min(a.height, b.height)
        and abs(a.angle - b.angle) < 3
    )


def _depth(page: Image) -> Image:
    """Return how much darker than the paper round it each pixel is."""
    scale = min(1.0, 500 / max(page.shape))
    small = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    # 31 pixels of 500 are 18 mm: wider than print and lines, which vanish.
    paper = cv2.medianBlur(small, 31)
    # Where print is dense or the page is shaded, paper is still not black.
    paper = np.maximum(paper, np.uint8(np.median(paper) // 2))
    height, width = page.shape
    return cv2.subtract(cv2.resize(paper, (width, height)), page).astype(np.uint8)


def _threshold(depth: Image) -> float:
    """Return the depth below which a pixel may be the grain of the paper."""
    grain = depth[depth > 0]
    # Half of the grain is on the dark side; a clean page has none of it.
    if grain.size < 0.2 * depth.size:
        return _FAINT
    sigma = float(np.median(grain)) / _MEDIAN_OF_GAUSSIAN
    return min(max(_FAINT, _N_SIGMA * sigma), _MAX_THRESHOLD)


def _bridged(lines: Mask, mm: float) -> Mask:
    """Bridge the gaps of dashed lines, along rows and along columns."""
    length = 2 * round(_GAP_MM * mm / 2) + 1
    across = cv2.morphologyEx(
        lines, cv2.MORPH_CLOSE, np.ones((1, length), dtype=np.uint8)
    )
    down = cv2.morphologyEx(
        lines, cv2.MORPH_CLOSE, np.ones((length, 1), dtype=np.uint8)
    )
    return across | down


def _closed_cells(lines: Mask, mm: float) -> list[Cell]:
    """Find the rectangles of paper that lines enclose."""
    contours, hierarchy = cv2.findContours(
        lines, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
    )
    if hierarchy is None:
        return []
    holes = [c for c, h in zip(contours, hierarchy[0], strict=True) if h[3] >= 0]
    found = []
    for hole in holes:
        _, _, width, height = cv2.boundingRect(hole)
        if width < _MIN_WIDTH_MM * mm or height < _MIN_HEIGHT_MM * mm:
            continue
        cell = _as_cell(hole)
        if (
            cell.width >= _MIN_WIDTH_MM * mm
            and cell.height >= _MIN_HEIGHT_MM * mm
            and abs(cell.angle) <= _MAX_TILT
            and cv2.contourArea(hole) >= _RECTANGULAR * cell.area
        ):
            found.append(cell)
    return found


def _as_cell(contour: NDArray[np.int32]) -> Cell:
    """Fit a rectangle, its width along the rows."""
    (x, y), (width, height), angle = cv2.minAreaRect(contour)
    # OpenCV's releases differ in which side they call the width.
    quarters = round(angle / 90)
    if quarters % 2:
        width, height = height, width
    return Cell(x, y, width, height, angle - 90 * quarters)


def _joined(plain: Sequence[Cell], bridged: Sequence[Cell], mm: float) -> list[Cell]:
    """Add the cells that appear when gaps are bridged to those that are closed."""
    new = [c for c in bridged if not any(_same(c, known) for known in plain)]
    in_frame: dict[Cell | None, list[Cell]] = {}
    for cell in new:
        in_frame.setdefault(_innermost(cell, plain), []).append(cell)
    kept = in_frame.pop(None, [])
    for frame, pieces in in_frame.items():
        if frame is not None and _is_divided(frame, pieces, mm):
            kept += pieces
    return [*plain, *kept]


def _is_divided(frame: Cell, pieces: Sequence[Cell], mm: float) -> bool:
    """Tell whether dashed walls part a cell; bridged guides and print do not."""
    first, n_pieces = pieces[0], len(pieces)
    walls = frame.width - sum(piece.width for piece in pieces)
    return (
        n_pieces > 1
        and all(are_alike(first, piece) for piece in pieces)
        and first.height > 0.85 * frame.height
        and walls < (n_pieces - 1) * _MAX_WALL_MM * mm
    )


def _same(a: Cell, b: Cell) -> bool:
    """Tell whether two cells are one, found twice."""
    reach = 0.15 * min(a.width, a.height)
    return math.hypot(a.x - b.x, a.y - b.y) < reach and 0.7 < a.area / b.area < 1.4


def _innermost(cell: Cell, others: Sequence[Cell]) -> Cell | None:
    """Return the smallest of the cells that hold this one."""
    holders = [other for other in others if other.holds(cell)]
    return min(holders, key=lambda other: other.area, default=None)


def _is_printed(lines: PageLines, cell: Cell) -> bool:
    """Tell whether dark print stands in a cell, away from its walls."""
    inset = 0.06 * min(cell.width, cell.height) + 0.4 * lines.mm
    size = (max(cell.width - 2 * inset, 1), max(cell.height - 2 * inset, 1))
    corners = cv2.boxPoints(((cell.x, cell.y), size, cell.angle))
    left, top, width, height = cv2.boundingRect(corners)
    left, top = max(left, 0), max(top, 0)
    dark = lines.dark[top : top + height, left : left + width]
    inside = np.zeros_like(dark)
    cv2.fillConvexPoly(inside, np.rint(corners - (left, top)).astype(np.int32), 1)
    return cv2.countNonZero(dark & inside) > _PRINT_MM2 * lines.mm**2
