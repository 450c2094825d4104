"""Find comb fields, rows of equal boxes for one digit each, on a filled-in page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image, check_image

Mask = NDArray[np.uint8]
Points = NDArray[np.float64]
Matrix = NDArray[np.float64]

# A page is searched on a copy of about 100 dpi: lines of a frame still hold
# together there, and a whole page costs a few milliseconds.
_SEARCH_SIZE = 1100

# A frame line is darker than the mean of its surroundings by this much. A line
# of one pixel at 400 dpi is a quarter as dark at 100 dpi, 64 of 255.
_LINE_CONTRAST = 16

# Boxes smaller than this on the search copy, 3 mm, are too small to write in.
_MIN_SIDE = 12

# Width of a box by its height. Combs in use lie between 0.5 and 1.3.
_MIN_ASPECT, _MAX_ASPECT = 0.35, 2.0

# A wall is dark over this much of its height; digits are lower than their box.
_WALL_COVERAGE = 0.75

# The lines above and below a comb are dark over this much of its width.
_LINE_COVERAGE = 0.6

# Boxes are mostly paper, even with a felt pen in every one; pictures are not.
_MOST_INK = 0.45

# Page kept around a comb that is cut out, as a share of its height.
_MARGIN = 0.3

# The numbers of boxes tried where the number is not known.
_MAX_DIGITS = 40


@dataclass(frozen=True)
class Comb:
    """A row of boxes found on a page.

    Attributes
    ----------
    quad : ndarray of shape (4, 2), dtype float64
        Corners ``(x, y)`` of the frame in page pixels: upper left, upper
        right, lower right, lower left.

    digits : int
        Number of boxes.

    score : float
        Share of the expected walls that are there, in [0, 1].
    """

    quad: Points
    digits: int
    score: float


@dataclass(frozen=True)
class _Line:
    """A horizontal line ``y = offset + slope * x`` from `left` to `right`."""

    offset: float
    slope: float
    left: float
    right: float

    def row(self, x: float) -> float:
        return self.offset + self.slope * x


@dataclass(frozen=True)
class Frame:
    """Where the boxes of a field are in its image.

    Attributes
    ----------
    left, top, right, bottom : float
        The outer edge of the boxes, in pixels.

    digits : int
        Number of boxes; 0 for a free string.

    ruled : bool
        Whether the printed lines are still in the image.
    """

    left: float
    top: float
    right: float
    bottom: float
    digits: int
    ruled: bool = True


def find_combs(
    page: Image, digits: int | None = None, *, max_angle: float = 15.0
) -> list[Comb]:
    """Find every comb field of a page, wherever it lies.

    Frames are connected components of dark lines. The tilt of each is found
    from its projection profiles, its rows from the horizontal lines, and its
    walls from the vertical ones, which must stand at equal distances.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page, dark ink on light paper, 150 to 400 dpi.

    digits : int, default=None
        Number of boxes of the combs wanted. By default any number from 2.

    max_angle : float, default=15.0
        Largest tilt searched for, in degrees, on either side of zero. A comb
        tilted by more is not found.

    Returns
    -------
    combs : list of Comb
        In reading order, from top to bottom and from left to right.

    Raises
    ------
    TypeError
        If `page` is not a uint8 array.

    ValueError
        If `page` is not two-dimensional, or is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.combs import find_combs
    >>> page = np.full((400, 600), 255, dtype=np.uint8)
    >>> page[100:102, 100:402] = page[160:162, 100:402] = 0
    >>> for x in range(100, 401, 50):
    ...     page[100:162, x : x + 2] = 0
    >>> [comb.digits for comb in find_combs(page)]
    [6]
    """
    check_image(page, caller="find_combs")
    scale = min(1.0, _SEARCH_SIZE / max(page.shape))
    small = _reduce(page, scale)
    lines = _dark_lines(small, _LINE_CONTRAST)
    combs = _combs_in(page, lines, scale, digits, max_angle)
    if not combs:
        # Faint and broken lines hold together if they are widened.
        faint = cv2.dilate(_dark_lines(small, _LINE_CONTRAST // 2), np.ones((3, 3)))
        combs = _combs_in(page, faint, scale, digits, max_angle)
    return _in_reading_order(_without_overlaps(combs))


def cut_comb(page: Image, comb: Comb) -> tuple[Image, Frame]:
    """Cut a comb out of its page, straight, with some page around it.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page.

    comb : Comb
        Where the comb lies, as :func:`find_combs` tells.

    Returns
    -------
    field : ndarray of shape (height, width), dtype uint8
        The comb at the resolution of the page, with a margin of 30 % of its
        height, so that strokes that leave their box are whole. What lies off
        the page repeats its edge.

    frame : Frame
        Where its boxes are in the field.
    """
    field, pad, _ = _cut(page, comb.quad, _MARGIN)
    height, width = field.shape
    return field, Frame(pad, pad, width - pad, height - pad, comb.digits)


def _cut(page: Image, quad: Points, margin: float) -> tuple[Image, float, Matrix]:
    """Warp a quad straight; return it, the padding, and page -> field."""
    width = np.linalg.norm(quad[1] - quad[0] + quad[2] - quad[3]) / 2
    height = np.linalg.norm(quad[3] - quad[0] + quad[2] - quad[1]) / 2
    pad = margin * height
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]]) + pad
    matrix = cv2.getPerspectiveTransform(
        quad.astype(np.float32), frame.astype(np.float32)
    )
    size = (round(width + 2 * pad), round(height + 2 * pad))
    field = cv2.warpPerspective(
        page, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return field, float(pad), matrix


def _reduce(page: Image, scale: float) -> Image:
    if scale == 1:
        return page
    return cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _dark_lines(page: Image, contrast: int) -> Mask:
    """Mark what is darker than its surroundings, under any light."""
    size = 2 * (max(page.shape) // 70) + 1  # as wide as a box
    depth = cv2.subtract(cv2.blur(page, (size, size)), page)
    return (depth > contrast).view(np.uint8)


def _combs_in(
    page: Image, lines: Mask, scale: float, digits: int | None, max_angle: float
) -> list[Comb]:
    return [
        comb
        for points in _frame_like(lines, digits or 2)
        for comb in _combs_in_region(page, points, scale, digits, max_angle)
    ]


def _frame_like(lines: Mask, digits: int) -> Iterator[Points]:
    """Yield the points ``(x, y)`` of components as large as a comb can be."""
    # Twice as fast as the default algorithm on pages of text.
    count, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(
        lines, 8, cv2.CV_32S, cv2.CCL_BBDT
    )
    wide = stats[:, cv2.CC_STAT_WIDTH] >= digits * _MIN_SIDE
    high = stats[:, cv2.CC_STAT_HEIGHT] >= _MIN_SIDE
    for label in range(1, count):
        if wide[label] and high[label]:
            left, top, width, height, _ = stats[label]
            own = labels[top : top + height, left : left + width] == label
            ys, xs = np.nonzero(own)
            yield np.column_stack([xs + left, ys + top]).astype(np.float64)


def _combs_in_region(
    page: Image,
    points: Points,
    scale: float,
    digits: int | None,
    max_angle: float,
) -> Iterator[Comb]:
    """Yield the combs between neighbouring horizontal lines of a component."""
    lines = _horizontal_lines(points, _slope(points, max_angle))
    for upper, lower in pairwise(lines):
        left, right = max(upper.left, lower.left), min(upper.right, lower.right)
        slope = (upper.slope + lower.slope) / 2
        height = lower.row(left / 2 + right / 2) - upper.row(left / 2 + right / 2)
        if height < _MIN_SIDE or right - left < (digits or 2) * _MIN_ASPECT * height:
            continue
        comb = _fit_walls(
            page, _frame(upper, left, right, height, slope) / scale, digits
        )
        if comb is not None:
            yield comb


def _slope(points: Points, max_angle: float) -> float:
    """Find the slope of the lines: at the right one, row sums vary most."""
    sample = points[:: len(points) // 3000 + 1]

    def energy(angle: float) -> float:
        rows = _rows(sample, np.tan(np.radians(angle)))
        return float((np.bincount(rows - rows.min()).astype(np.float64) ** 2).sum())

    coarse = max(np.arange(-max_angle, max_angle + 1), key=energy)
    fine = max(np.arange(coarse - 1, coarse + 1.01, 0.1), key=energy)
    return float(np.tan(np.radians(fine)))


def _rows(points: Points, slope: float) -> NDArray[np.int64]:
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
        for start, stop in _runs(strong)
    ]


def _fit_line(points: Points) -> _Line:
    x, y = points.T
    slope = float(np.cov(x, y)[0, 1] / max(np.var(x), 1e-9)) if len(x) > 1 else 0.0
    return _Line(
        float(y.mean() - slope * x.mean()), slope, float(x.min()), float(x.max())
    )


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
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


def _fit_walls(page: Image, frame: Points, digits: int | None) -> Comb | None:
    """Find walls at equal distances in a frame; None if there are none."""
    strip, pad, matrix = _cut(page, frame, _MARGIN)
    height = strip.shape[0] - 2 * pad
    dark = _strip_lines(strip, pad)
    upper, lower = round(pad), round(pad + height)
    across = dark[:, round(pad) : -round(pad)]
    if min(_darkness(across, upper), _darkness(across, lower)) < _LINE_COVERAGE:
        return None
    # Walls reach from line to line; digits keep away from both.
    inset = max(2, round(0.03 * height))
    coverage = dark[upper + inset : lower - inset].mean(axis=0)
    if coverage.mean() > _MOST_INK:
        return None
    width = strip.shape[1] - 2 * pad
    best: tuple[float, int, float, float] | None = None
    for count in _box_counts(width / height, digits):
        for left, right in _ends(coverage, pad, width / count):
            score = _grid_score(coverage, left, right, count)
            if best is None or score > best[0]:
                best = (score, count, left, right)
    if best is None or best[0] <= 0:
        return None
    score, count, left, right = best
    corners = np.array(
        [[left, pad], [right, pad], [right, pad + height], [left, pad + height]]
    )
    quad = cv2.perspectiveTransform(corners[None], np.linalg.inv(matrix))[0]
    return Comb(quad, count, score)


def _box_counts(aspect: float, digits: int | None) -> Sequence[int]:
    if digits is not None:
        fits = _MIN_ASPECT <= aspect / digits <= _MAX_ASPECT
        return [digits] if fits else []
    fewest = max(2, int(np.ceil(aspect / _MAX_ASPECT)))
    most = min(_MAX_DIGITS, int(aspect / _MIN_ASPECT))
    return range(fewest, most + 1)


def _strip_lines(strip: Image, pad: float) -> Mask:
    """Mark what is as dark as the frame's lines, widened by a pixel."""
    size = 2 * (strip.shape[0] // 4) + 1
    depth = cv2.subtract(cv2.blur(strip, (size, size)), strip)
    upper, lower = round(pad), round(strip.shape[0] - pad)
    rules = np.maximum(
        depth[max(upper - 2, 0) : upper + 3].max(axis=0),
        depth[lower - 3 : lower + 2].max(axis=0),
    )
    dark = (depth > max(8.0, 0.4 * float(np.median(rules)))).view(np.uint8)
    return cv2.dilate(dark, np.ones((3, 3), np.uint8))


def _darkness(dark: Mask, row: int) -> float:
    """Share of the columns that are dark near a row of the frame."""
    return float(dark[max(row - 2, 0) : row + 3].any(axis=0).mean())


def _ends(coverage: Points, pad: float, pitch: float) -> list[tuple[float, float]]:
    """Pairs of columns where the first and the last wall may stand."""
    reach = min(pad, 0.45 * pitch)

    def walls(centre: float) -> list[float]:
        start = max(int(centre - reach), 0)
        near = coverage[start : int(centre + reach) + 1] >= _WALL_COVERAGE
        return [start + (a + b - 1) / 2 for a, b in _runs(near)]

    lefts, rights = walls(pad), walls(len(coverage) - 1 - pad)
    return [(left, right) for left in lefts for right in rights]


def _grid_score(coverage: Points, left: float, right: float, count: int) -> float:
    """Share of the expected walls that are there; 0 for what is no comb."""
    pitch = (right - left) / count
    reach = max(2.0, 0.07 * pitch)
    walls = [
        coverage[max(int(x - reach), 0) : int(x + reach) + 2].max()
        for x in np.linspace(left, right, count + 1)
    ]
    middles = [
        coverage[int(x - 0.2 * pitch) : int(x + 0.2 * pitch) + 1].max()
        for x in np.linspace(left, right, count + 1)[:-1] + pitch / 2
    ]
    present = np.mean(np.array(walls) >= _WALL_COVERAGE)
    # A one may stand as high as a wall, but not in every box.
    crowded = np.mean(np.array(middles) >= 0.95)
    score = float(np.mean(walls) - 0.1 * crowded)
    return score if present >= 0.85 and crowded <= 0.5 and score >= 0.85 else 0.0


def _without_overlaps(combs: Sequence[Comb]) -> list[Comb]:
    """Keep the better of two combs that lie on each other."""
    kept: list[Comb] = []
    for comb in sorted(combs, key=lambda comb: -comb.score):
        centre = tuple(comb.quad.mean(axis=0))
        if all(
            cv2.pointPolygonTest(other.quad.astype(np.float32), centre, False) < 0
            for other in kept
        ):
            kept.append(comb)
    return kept


def _in_reading_order(combs: Sequence[Comb]) -> list[Comb]:
    """Sort by rows; combs whose heights overlap by half stand in one row."""
    rows: list[list[Comb]] = []
    for comb in sorted(combs, key=lambda comb: comb.quad[:, 1].mean()):
        height = np.linalg.norm(comb.quad[3] - comb.quad[0])
        last = rows[-1][-1].quad[:, 1].mean() if rows else -np.inf
        if comb.quad[:, 1].mean() - last < height / 2:
            rows[-1].append(comb)
        else:
            rows.append([comb])
    return [c for row in rows for c in sorted(row, key=lambda c: c.quad[0, 0])]
