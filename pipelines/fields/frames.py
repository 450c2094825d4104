"""Find what may be the frame of a row of boxes: long lines, and ticks between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.fields.cells import Cell, PageLines
from pipelines.images import Components, Floats, Image, find_components

Points = NDArray[np.float64]
Matrix = NDArray[np.float64]


def cut_quad(page: Image, quad: Points, margin: float) -> tuple[Image, float, Matrix]:
    """Cut a quad out of its page, straight, with some page around it.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page.

    quad : ndarray of shape (4, 2), dtype float64
        Corners ``(x, y)`` in page pixels.

    margin : float
        Page kept on every side, as a share of the height of the quad.

    Returns
    -------
    cut : ndarray of shape (height, width), dtype uint8
        At the resolution of the page. What lies off the page repeats its edge.

    pad : float
        The margin in pixels.

    matrix : ndarray of shape (3, 3), dtype float64
        Maps ``(x, y)`` on the page to ``(x, y)`` in the cut.
    """
    width = np.linalg.norm(quad[1] - quad[0] + quad[2] - quad[3]) / 2
    height = np.linalg.norm(quad[3] - quad[0] + quad[2] - quad[1]) / 2
    pad = margin * height
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]]) + pad
    corners = quad.astype(np.float32), frame.astype(np.float32)
    matrix = cv2.getPerspectiveTransform(*corners)
    size = (round(width + 2 * pad), round(height + 2 * pad))
    border = cv2.BORDER_REPLICATE
    field = cv2.warpPerspective(page, matrix, size, borderMode=border)
    return field, float(pad), matrix


def cut_bent(page: Image, walls: Points, margin: float) -> tuple[Image, float]:
    """Cut a row of boxes out of bent paper, each of them straight and of one size.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page.

    walls : ndarray of shape (2, n_boxes + 1, 2), dtype float64
        Upper and lower ends ``(x, y)`` of the walls, in page pixels.

    margin : float
        Page kept on every side, as a share of the height of a box.

    Returns
    -------
    cut : ndarray of shape (height, width), dtype uint8
        At the resolution of the page. What lies off the page repeats its edge.

    pad : float
        The margin in pixels.
    """
    n_boxes = walls.shape[1] - 1
    box = np.linalg.norm(np.diff(walls, axis=1), axis=2).mean()
    height = np.linalg.norm(walls[1] - walls[0], axis=1).mean()
    pad = margin * height
    # The outer boxes go on as they are beyond their walls.
    before, after = (
        2 * walls[:, :1] - walls[:, 1:2],
        2 * walls[:, -1:] - walls[:, -2:-1],
    )
    ends = np.concatenate([before, walls, after], axis=1)
    columns = (np.arange(round(n_boxes * box + 2 * pad)) - pad) / box
    rows = (np.arange(round(height + 2 * pad)) - pad)[:, None] / height
    places = np.arange(-1, n_boxes + 2)
    upper, lower = (
        [np.interp(columns, places, end[:, axis]) for axis in (0, 1)] for end in ends
    )
    x, y = (
        (top + rows * (bottom - top)).astype(np.float32)
        for top, bottom in zip(upper, lower, strict=True)
    )
    cut = cv2.remap(page, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, dtype=np.uint8), float(pad)


# Boxes smaller than this on the search copy, 3 mm, are too small to write in.
MIN_SIDE = 12


@dataclass(frozen=True)
class _Line:
    """A horizontal line ``y = offset + slope * x`` from `left` to `right`."""

    offset: float
    slope: float
    left: float
    right: float

    def row(self, x: float) -> float:
        return self.offset + self.slope * x


def darker_than_around(page: Image) -> Image:
    """Return how much darker than the mean around each pixel is, under any light.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page at about 100 dpi.

    Returns
    -------
    depth : ndarray of shape (height, width), dtype uint8
        0 where it is not darker.
    """
    size = 2 * (max(page.shape) // 70) + 1  # as wide as a box
    return np.asarray(cv2.subtract(cv2.blur(page, (size, size)), page), np.uint8)


@dataclass(frozen=True, eq=False)
class Component:
    """Dark lines that hold together.

    Attributes
    ----------
    labels : ndarray of shape (height, width), dtype int32
        Of the whole image, the number of its component for each pixel.

    label : int
        The number of this one.

    left, top, width, height : int
        The box round it.
    """

    labels: NDArray[np.int32]
    label: int
    left: int
    top: int
    width: int
    height: int

    @cached_property
    def points(self) -> Points:
        """All its pixels ``(x, y)``."""
        rows = slice(self.top, self.top + self.height)
        columns = slice(self.left, self.left + self.width)
        ys, xs = np.nonzero(self.labels[rows, columns] == self.label)
        return np.column_stack([xs + self.left, ys + self.top]).astype(np.float64)


def large_components(found: Components) -> list[Component]:
    """Find components as large as a comb of two boxes can be.

    Parameters
    ----------
    found : Components
        Of dark lines.

    Returns
    -------
    components : list of Component
    """
    labels, stats, _ = found
    wide = stats[:, cv2.CC_STAT_WIDTH] >= 2 * MIN_SIDE
    high = stats[:, cv2.CC_STAT_HEIGHT] >= MIN_SIDE
    large = np.flatnonzero(wide & high)
    # The first is the paper.
    return [Component(labels, int(n), *stats[n, :4].tolist()) for n in large if n > 0]


def find_frames(
    components: Sequence[Component],
    least_boxes: int,
    min_aspect: float,
    max_angle: float,
) -> Iterator[Points]:
    """Find frames whose lines hold together.

    Frames are connected components. The tilt of each is found from its
    projection profiles, and each pair of neighbouring horizontal lines in it is
    one candidate.

    Parameters
    ----------
    components : sequence of Component
        What holds together, as :func:`large_components` returns it.

    least_boxes : int
        Smallest number of boxes side by side.

    min_aspect : float
        Smallest width of a box by its height.

    max_angle : float
        Largest tilt, in degrees, on either side of zero.

    Yields
    ------
    quad : ndarray of shape (4, 2), dtype float64
        Corners ``(x, y)``, clockwise from the upper left one.
    """
    for component in components:
        if component.width < least_boxes * MIN_SIDE:
            continue
        points = component.points
        rules = _horizontal_lines(points, slope_of(points, max_angle))
        for upper, lower in pairwise(rules):
            left, right = max(upper.left, lower.left), min(upper.right, lower.right)
            slope = (upper.slope + lower.slope) / 2
            middle = (left + right) / 2
            height = lower.row(middle) - upper.row(middle)
            least = least_boxes * min_aspect * height
            if height >= MIN_SIDE and right - left >= least:
                yield _frame(upper, left, right, height, slope)


def slope_of(points: Points, max_angle: float) -> float:
    """Find the slope of the lines of a component: along it, row sums vary most.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2), dtype float64
        All ``(x, y)`` of it.

    max_angle : float
        Largest tilt, in degrees, on either side of zero.

    Returns
    -------
    slope : float
        Rows by columns, positive where the lines fall to the right.
    """
    sample = points[:: len(points) // 3000 + 1]
    coarse = _sharpest(sample, np.arange(-max_angle, max_angle + 1))
    fine = _sharpest(sample, np.arange(coarse - 1, coarse + 1.01, 0.1))
    return float(np.tan(np.radians(fine)))


def _sharpest(points: Points, angles: Floats) -> float:
    """Choose the angle along which the sums of rows vary most."""
    rows = _rows(points, np.tan(np.radians(angles))[:, None])
    rows -= rows.min()
    n_rows = rows.max() + 1
    own = n_rows * np.arange(len(angles))[:, None]  # rows of each angle, in one count
    sums = np.bincount((rows + own).ravel(), minlength=n_rows * len(angles))
    energies = (sums.reshape(len(angles), n_rows).astype(np.float64) ** 2).sum(axis=1)
    return float(angles[energies.argmax()])


def _rows(points: Points, slope: float | Floats) -> NDArray[np.int64]:
    return np.rint(points[:, 1] - slope * points[:, 0]).astype(np.int64)


def _horizontal_lines(points: Points, slope: float) -> list[_Line]:
    """Find the lines of about one slope, from top to bottom."""
    rows = _rows(points, slope)
    rows -= rows.min()
    counts = np.bincount(rows)
    # A row of writing comes to a third of a line, with a broad pen to a half.
    width = np.ptp(points[:, 0]) + 1
    strong = counts >= max(0.45 * width, 0.55 * counts.max())
    return [
        _fit_line(points[(rows >= start) & (rows < stop)])
        for start, stop in runs(strong)
    ]


def _fit_line(points: Points) -> _Line:
    x, y = points.T
    slope = float(np.cov(x, y)[0, 1] / max(np.var(x), 1e-9)) if len(x) > 1 else 0.0
    return _Line(
        float(y.mean() - slope * x.mean()), slope, float(x.min()), float(x.max())
    )


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and stop of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.view(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _frame(
    upper: _Line, left: float, right: float, height: float, slope: float
) -> Points:
    """Corners of the rectangle that hangs `height` below a line, at right angles."""
    middle = (left + right) / 2
    start = np.array([left, upper.row(middle) + slope * (left - middle)])
    along = np.array([1.0, slope]) * (right - left)
    down = np.array([-slope, 1.0]) * height / (1 + slope**2)
    return np.stack([start, start + along, start + along + down, start + down])


# Lengths in millimetres. A baseline is at least two boxes long and is a line.
_MIN_BASELINE_MM = 8.0
_MAX_THICKNESS_MM = 1.2

# Ticks are looked for in this band above the baseline: any shorter ones would
# be serifs, and a rough line has teeth of its own below it.
_BAND_MM = (0.4, 1.2)

# The pitches of printed combs lie between 3.5 mm (typewritten) and 12 mm.
_MIN_PITCH_MM = 2.8
_MAX_PITCH_MM = 15.0

# Writing above a short tick is taller than the pitch, as digits are.
_WRITING_HEIGHT = 1.3

# Print above the ticks, in mm^2: as inside a box, and more in a longer row.
_PRINT_MM2 = 0.25


def find_ticked(lines: PageLines, cells: Sequence[Cell]) -> Iterator[list[Cell]]:
    """Find rows of boxes of which only the floor and short walls are drawn.

    Parameters
    ----------
    lines : PageLines
        What is printed on the page.

    cells : sequence of Cell
        The closed cells of the page. A baseline that is the floor of one of
        them gives boxes as high as that.

    Yields
    ------
    row : list of Cell
        The boxes of one comb, from left to right, upright.
    """
    for left, right, floor in _baselines(lines):
        ticks = _ticks(lines, left, right, floor)
        walls = _at_constant_pitch(ticks, left, right, lines.mm)
        if walls is None:
            continue
        height = _height(lines, walls, floor, cells)
        row = [
            Cell((a + b) / 2, floor - height / 2, b - a - 1, height, 0.0)
            for a, b in pairwise(walls)
        ]
        if height <= floor and not _has_print(lines, row):
            yield row


def _baselines(lines: PageLines) -> Iterator[tuple[int, int, int]]:
    """Yield the long level lines of a page: left, right and upper edge."""
    length = round(_MIN_BASELINE_MM * lines.mm)
    kernel = np.ones((1, length), np.uint8)
    level = cv2.morphologyEx(lines.ink, cv2.MORPH_OPEN, kernel)
    stats = find_components(level).stats
    for left, top, width, height, _ in stats[1:].tolist():
        if height <= _MAX_THICKNESS_MM * lines.mm:
            yield left, left + width, top


def _ticks(lines: PageLines, left: int, right: int, floor: int) -> list[float]:
    """Find the middles of the ticks that stand on a baseline."""
    near, far = (max(round(edge * lines.mm), 1) for edge in _BAND_MM)
    margin = round(0.5 * lines.mm)
    left = max(left - margin, 0)
    band = lines.ink[max(floor - far, 0) : max(floor - near, 0), left : right + margin]
    if band.shape[0] == 0:
        return []
    ticks = runs(band.mean(axis=0) > 0.8)
    if any(stop - start > _MAX_THICKNESS_MM * lines.mm for start, stop in ticks):
        return []
    return [left + (start + stop - 1) / 2 for start, stop in ticks]


def _at_constant_pitch(
    ticks: Sequence[float], left: int, right: int, mm: float
) -> Floats | None:
    """Return the walls if ticks part a baseline into equal boxes, else None."""
    if len(ticks) < 2:
        return None
    steps = np.diff(ticks)
    pitch = float(np.median(steps))
    if not _MIN_PITCH_MM * mm < pitch < _MAX_PITCH_MM * mm:
        return None
    walls = list(ticks)
    # The outer boxes may end where the baseline does.
    if abs(walls[0] - left - pitch) < 0.15 * pitch:
        walls.insert(0, float(left))
    if abs(right - 1 - walls[-1] - pitch) < 0.15 * pitch:
        walls.append(float(right - 1))
    to_ends = max(abs(walls[0] - left), abs(right - 1 - walls[-1]))
    if len(walls) < 3 or to_ends > 0.2 * pitch:
        return None
    steps = np.diff(walls)
    return np.array(walls) if np.ptp(steps) < 0.2 * pitch else None


def _height(
    lines: PageLines, walls: Floats, floor: int, cells: Sequence[Cell]
) -> float:
    """Return how high the boxes are: as their frame, their ticks or a digit."""
    middle = (walls[0] + walls[-1]) / 2
    length = walls[-1] - walls[0]
    for cell in cells:
        on_floor = abs(cell.y + cell.height / 2 - floor) < lines.mm
        as_long = abs(cell.width - length) < 2 * lines.mm
        if on_floor and as_long and abs(cell.x - middle) < lines.mm:
            return cell.height
    columns = lines.ink[:floor, np.rint(walls[1:-1]).astype(int)]
    # From the floor up to the first paper; some levels of slack for a rough edge.
    paper = [np.flatnonzero(column[::-1][2:] == 0) for column in columns.T]
    tick = float(np.median([rows[0] if rows.size else floor for rows in paper]))
    pitch = length / (len(walls) - 1)
    return max(tick, _WRITING_HEIGHT * pitch)


def _has_print(lines: PageLines, row: Sequence[Cell]) -> bool:
    """Return whether something is printed where the digits are to stand."""
    limit = _PRINT_MM2 * lines.mm**2
    for cell in row:
        inset = 0.15 * cell.width
        left = round(cell.x - cell.width / 2 + inset)
        right = round(cell.x + cell.width / 2 - inset)
        top = round(cell.y - cell.height / 2 + 0.1 * cell.height)
        bottom = round(cell.y + cell.height / 2 - 0.1 * cell.height)
        if cv2.countNonZero(lines.dark[top:bottom, left:right]) > limit:
            return True
    return False
