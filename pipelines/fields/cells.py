"""Find the rectangles of paper that the printed lines of a form enclose."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image, Mask, shrink

# Lengths are in millimetres of a page whose longer side is that of A4; Letter
# is 6 % shorter, which no limit below is sharp enough to notice.
PAGE_MM = 297.0

# The faintest line, in levels below the paper. Boxes that are meant to vanish
# in the scan are printed at about 20, and lose half of that where they are thin.
_FAINT = 7.0
_MAX_THRESHOLD = 80.0

# Paper grain is nearly Gaussian: 5 deviations leave a speck or two on a page.
_N_SIGMA = 5.0

# Paper is the lightest within this reach, on a copy of this many pixels: more
# than the height of a tinted stripe with white boxes in it, and still so little
# that a lamp's shading does not show.
_PAPER_MM = 22.0
_PAPER_SIZE = 200

# Where grain shows it is smoothed, by less than the thickness of a line.
_VISIBLE_GRAIN = 2.0
_SMOOTHING_MM = 0.1
_LAG_MM = 0.5

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

# Boxes for one digit are smaller than this.
_ONE_DIGIT_MM = 20.0

# A piece of a cell that is this share of its height reaches from wall to wall.
_FULL_HEIGHT = 0.85

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
        turn = math.radians(self.angle)
        cos, sin = math.cos(turn), math.sin(turn)
        dx, dy = other.x - self.x, other.y - self.y
        return dx * cos + dy * sin, dy * cos - dx * sin

    def holds(self, other: "Cell") -> bool:
        """Return whether another, smaller cell lies in this one."""
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
    mm = max(page.shape) / PAGE_MM
    if _grain(page) > _VISIBLE_GRAIN:
        page = cv2.GaussianBlur(page, (0, 0), _SMOOTHING_MM * mm).astype(np.uint8)
    depth = _depth(page)
    threshold = min(max(_FAINT, _N_SIGMA * _grain(page)), _MAX_THRESHOLD)
    ink = (depth > threshold).astype(np.uint8)
    # The paper is depth + page.
    dark = (depth > page).astype(np.uint8)
    return PageLines(ink, dark, mm)


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
    """Return whether two cells have the same size and tilt.

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
    small = shrink(page, _PAPER_SIZE / max(page.shape))
    reach = 2 * round(_PAPER_MM * _PAPER_SIZE / PAGE_MM / 2) + 1
    paper = cv2.dilate(small, np.ones((reach, reach), dtype=np.uint8))
    paper = cv2.blur(paper, (reach, reach))
    # The lightest paper is lighter than most of it, by its grain and its shading.
    paper = cv2.subtract(paper, float(np.median(cv2.subtract(paper, small))))
    height, width = page.shape
    return cv2.subtract(cv2.resize(paper, (width, height)), page).astype(np.uint8)


def _grain(page: Image) -> float:
    """Return the standard deviation of the paper's grain, in levels."""
    # At this distance the blur of a scanner no longer makes neighbours alike.
    lag = max(2, round(_LAG_MM * max(page.shape) / PAGE_MM))
    if page.shape[1] <= lag:
        return 0.0
    lagged = cv2.absdiff(page[:, lag:], page[:, :-lag])
    return float(np.median(lagged)) / _MEDIAN_OF_GAUSSIAN / math.sqrt(2)


def _bridged(lines: Mask, mm: float) -> Mask:
    """Bridge the gaps of dashed lines, along rows and along columns."""
    length = 2 * round(_GAP_MM * mm / 2) + 1
    across, down = (
        cv2.morphologyEx(lines, cv2.MORPH_CLOSE, np.ones(shape, np.uint8))
        for shape in ((1, length), (length, 1))
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
    least = _MIN_WIDTH_MM * mm, _MIN_HEIGHT_MM * mm
    found = []
    for hole in holes:
        _, _, width, height = cv2.boundingRect(hole)
        if width < least[0] or height < least[1]:
            continue
        cell = _as_cell(hole)
        if (
            cell.width >= least[0]
            and cell.height >= least[1]
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
    in_frame: dict[Cell, list[Cell]] = {}
    kept = []
    for cell in new:
        holders = [other for other in plain if other.holds(cell)]
        frame = min(holders, key=lambda other: other.area, default=None)
        if frame is None:
            kept.append(cell)
        else:
            in_frame.setdefault(frame, []).append(cell)
    for frame, pieces in in_frame.items():
        within = [c for c in pieces if c.height < _FULL_HEIGHT * frame.height]
        across = [c for c in pieces if c.height >= _FULL_HEIGHT * frame.height]
        # In a box for one digit, it is the guide that bridging has closed.
        if max(frame.width, frame.height) > _ONE_DIGIT_MM * mm:
            kept += within
        if _is_divided(frame, across, mm):
            kept += across
    return [*plain, *kept]


def _is_divided(frame: Cell, pieces: Sequence[Cell], mm: float) -> bool:
    """Return whether dashed walls part a cell; bridged guides and print do not."""
    n_pieces = len(pieces)
    walls = frame.width - sum(piece.width for piece in pieces)
    return (
        n_pieces > 1
        and all(are_alike(pieces[0], piece) for piece in pieces)
        and walls < (n_pieces - 1) * _MAX_WALL_MM * mm
    )


def _same(a: Cell, b: Cell) -> bool:
    """Return whether two cells are one, found twice."""
    reach = 0.15 * min(a.width, a.height)
    return math.hypot(a.x - b.x, a.y - b.y) < reach and 0.7 < a.area / b.area < 1.4


def _is_printed(lines: PageLines, cell: Cell) -> bool:
    """Return whether dark print stands in a cell, away from its walls."""
    inset = 0.06 * min(cell.width, cell.height) + 0.4 * lines.mm
    size = (max(cell.width - 2 * inset, 1), max(cell.height - 2 * inset, 1))
    corners = cv2.boxPoints(((cell.x, cell.y), size, cell.angle))
    left, top, width, height = cv2.boundingRect(corners)
    left, top = max(left, 0), max(top, 0)
    dark = lines.dark[top : top + height, left : left + width]
    inside = np.zeros_like(dark)
    cv2.fillConvexPoly(inside, np.rint(corners - (left, top)).astype(np.int32), 1)
    return cv2.countNonZero(dark & inside) > _PRINT_MM2 * lines.mm**2
