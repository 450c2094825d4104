"""Find comb fields, rows of equal boxes for one digit each, and fit their walls."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.fields.frames import (
    Component,
    Points,
    cut_bent,
    cut_quad,
    darker_than_around,
    find_frames,
    large_components,
    runs,
)
from pipelines.fields.lattices import Lattice, find_lattices
from pipelines.fields.posts import corner_posts, find_rows, tint_posts, wall_posts
from pipelines.images import Image, Mask, check_image, find_components, shrink
from pipelines.outcomes import ArraysCompare

# Width of a box by its height. Combs in use lie between 0.5 and 1.3.
MIN_ASPECT, _MAX_ASPECT = 0.35, 2.0

# A wall is dark over this much of its height; digits are lower than their box.
_WALL_COVERAGE = 0.75

# The lines above and below a comb are dark over this much of its width.
_LINE_COVERAGE = 0.6

# Ones as high as their boxes may stand in most of them; in all of them they are
# the walls of a comb of twice as many boxes.
_MOST_CROWDED = 0.85

# Boxes are mostly paper, even with a felt pen in every one; pictures are not. Digits of
# a broad pen in each of nine boxes come to 0.47 with the pixel that all is widened by,
# nearly all print on the scanned pages that are measured with to 0.52 and more.
_MOST_INK = 0.49

# How far paper is looked for beside what may be a wall, as a share of its height: a
# broad pen is narrower.
_REACH = 0.1

# Page kept around a comb that is cut out, as a share of its height.
MARGIN = 0.3

# Walls this far from where they would divide a straight row equally are followed one by
# one, as a share of the height: cutters look for them a little farther.
_BENT = 0.08

# Rows of a grid stand apart by less than this share of their height.
_ROW_GAP = 0.5

# Two lengths that differ by more than this share are different.
_MUCH = 0.25

# The numbers of boxes tried where the number is not known.
_MAX_DIGITS = 40


Make = Literal["closed", "walls", "corners", "tint"]


@dataclass(frozen=True, eq=False)
class Comb(ArraysCompare):
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

    make : {"closed", "walls", "corners", "tint"}, default="closed"
        How much of the boxes is printed: all lines; walls that may be dashed or
        dotted, with lines above and below or without; corners only; or areas.

    gap : float, default=0.0
        How far the boxes stand apart, as a share of an equal part of the quad; its
        cuts are in the middle between two.

    walls : ndarray of shape (2, digits + 1, 2), dtype float64, or None
        Upper and lower ends ``(x, y)`` of all walls, in page pixels, where they were
        followed one by one, as on paper that is bent; None where they divide the quad
        equally.
    """

    quad: Points
    digits: int
    score: float
    make: Make = "closed"
    gap: float = 0.0
    walls: Points | None = None

    @property
    def height(self) -> float:
        """Height of its left side, in pixels."""
        return float(np.linalg.norm(self.quad[3] - self.quad[0]))

    @property
    def width(self) -> float:
        """Width of its upper side, in pixels."""
        return float(np.linalg.norm(self.quad[1] - self.quad[0]))

    def overlaps(self, other: "Comb") -> bool:
        """Return whether the middle of this comb lies in another."""
        centre = tuple(self.quad.mean(axis=0).tolist())
        quad = other.quad.astype(np.float32)
        return bool(cv2.pointPolygonTest(quad, centre, False) >= 0)


def fit_walls(page: Image, frame: Points, digits: int | None) -> Comb | None:
    """Find walls at equal distances between the lines of a frame.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page.

    frame : ndarray of shape (4, 2), dtype float64
        Corners ``(x, y)`` of the frame, to a few pixels.

    digits : int or None
        Number of boxes wanted; None for any number from 2.

    Returns
    -------
    comb : Comb or None
        The comb with its corners moved to the outer walls; None if there are no
        such walls, or if the frame is a part of a longer one.
    """
    strip, pad, matrix = cut_quad(page, frame, MARGIN)
    height = strip.shape[0] - 2 * pad
    dark = _strip_lines(strip, pad)
    upper, lower = round(pad), round(pad + height)
    lines = [np.any(dark[row - 2 : row + 3], axis=0) for row in (upper, lower)]
    if min(line[upper:-upper].mean() for line in lines) < _LINE_COVERAGE:
        return None
    # Walls reach from line to line; digits keep away from both.
    inset = max(2, round(0.03 * height))
    coverage = dark[upper + inset : lower - inset].mean(axis=0)
    if coverage.mean() > _MOST_INK:
        return None
    fit = _best_grid(coverage, pad, (strip.shape[1] - 2 * pad) / height, digits)
    if fit is None or _goes_on(lines, fit):
        return None
    top, bottom = pad, pad + height
    corners = np.array(
        [[fit.left, top], [fit.right, top], [fit.right, bottom], [fit.left, bottom]]
    )
    quad = cv2.perspectiveTransform(corners[None], np.linalg.inv(matrix))[0]
    return Comb(quad, fit.count, fit.score)


@dataclass(frozen=True)
class _Grid:
    """Walls at equal distances from column `left` to column `right`."""

    count: int
    left: float
    right: float
    score: float


def _best_grid(
    coverage: Points, pad: float, aspect: float, digits: int | None
) -> _Grid | None:
    """Try all numbers of boxes and all outer walls."""
    width = len(coverage) - 2 * pad
    grids = [
        _Grid(count, left, right, _grid_score(coverage, left, right, count))
        for count in _box_counts(aspect, digits)
        for left, right in _ends(coverage, pad, width / count)
    ]
    combs = [grid for grid in grids if grid.score > 0]
    return max(combs, key=lambda grid: grid.score, default=None)


def _goes_on(lines: Sequence[NDArray[Any]], grid: _Grid) -> bool:
    """Return whether both lines run on beyond the outer wall of either side."""
    beyond = 4  # the wall itself, and corners that stick out
    before, after = int(grid.left) - beyond, int(grid.right) + beyond + 1
    outside = [[line[:before], line[after:]] for line in lines]
    return any(
        all(part.size > beyond and part.mean() > 0.9 for part in side)
        for side in zip(*outside, strict=True)
    )


def _box_counts(aspect: float, digits: int | None) -> Sequence[int]:
    if digits is not None:
        fits = MIN_ASPECT <= aspect / digits <= _MAX_ASPECT
        return [digits] if fits else []
    fewest = max(2, int(np.ceil(aspect / _MAX_ASPECT)))
    most = min(_MAX_DIGITS, int(aspect / MIN_ASPECT))
    return range(fewest, most + 1)


def _strip_lines(strip: Image, pad: float) -> Mask:
    """Mark what is half as dark as the frame's lines, widened by a pixel.

    Paper is the lightest nearby, and not the mean: beside a broad pen a mean is as dark
    as a thin wall.
    """
    size = 2 * max(2, round(_REACH * (strip.shape[0] - 2 * pad))) + 1
    paper = cv2.dilate(cv2.blur(strip, (3, 3)), np.ones((size, size), np.uint8))
    depth = cv2.subtract(paper, strip)
    upper, lower = round(pad), round(strip.shape[0] - pad)
    rules = np.maximum(
        depth[max(upper - 2, 0) : upper + 3].max(axis=0),
        depth[lower - 3 : lower + 2].max(axis=0),
    )
    dark = (depth > max(8.0, 0.5 * float(np.median(rules)))).view(np.uint8)
    return cv2.dilate(dark, np.ones((3, 3), np.uint8))


def _ends(coverage: Points, pad: float, pitch: float) -> list[tuple[float, float]]:
    """Pairs of columns where the first and the last wall may stand."""
    reach = min(pad, 0.45 * pitch)

    def walls(centre: float) -> list[float]:
        start = max(int(centre - reach), 0)
        near = coverage[start : int(centre + reach) + 1] >= _WALL_COVERAGE
        return [start + (a + b - 1) / 2 for a, b in runs(near)]

    lefts, rights = walls(pad), walls(len(coverage) - 1 - pad)
    return [(left, right) for left in lefts for right in rights]


def _grid_score(coverage: Points, left: float, right: float, count: int) -> float:
    """Share of the expected walls that are there; 0 for what is no comb."""
    pitch = (right - left) / count
    reach = max(2.0, 0.07 * pitch)
    edges = np.linspace(left, right, count + 1)
    walls = [coverage[max(int(x - reach), 0) : int(x + reach) + 2].max() for x in edges]
    centres, near = edges[:-1] + pitch / 2, 0.2 * pitch
    middles = [coverage[int(x - near) : int(x + near) + 1].max() for x in centres]
    present = np.mean(np.array(walls) >= _WALL_COVERAGE)
    # A one may stand as high as a wall, but not in every box.
    crowded = np.mean(np.array(middles) >= 0.95)
    score = float(np.mean(walls) - 0.1 * crowded)
    is_comb = present >= 0.85 and crowded <= _MOST_CROWDED and score >= 0.85
    return score if is_comb else 0.0


# A page is searched on a copy of about 100 dpi: lines of a frame still hold
# together there, and a whole page costs a few milliseconds.
_SEARCH_SIZE = 1100

# A frame line is darker than the mean of its surroundings by this much. A line
# of one pixel at 400 dpi is a quarter as dark at 100 dpi, 64 of 255.
_LINE_CONTRAST = 16


@dataclass(frozen=True, eq=False)
class Frame(ArraysCompare):
    """Where the boxes of a field are in its image.

    Attributes
    ----------
    left, top, right, bottom : float
        The outer edge of the boxes, in pixels.

    digits : int
        Number of boxes; 0 for a free string.

    ruled : bool
        Whether the printed lines are still in the image.

    broken : bool
        Whether they may be dashed or dotted, or only their corners are printed.

    gap : float
        How far the boxes stand apart, as a share of an equal part of the width.

    hidden : ndarray of shape (height, width), dtype uint8, or None
        1 where a line was taken away and ink may have gone with it.
    """

    left: float
    top: float
    right: float
    bottom: float
    digits: int
    ruled: bool = True
    hidden: Mask | None = None
    broken: bool = False
    gap: float = 0.0


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
    small = shrink(page, scale)
    depth = darker_than_around(small)
    lines = (depth > _LINE_CONTRAST).view(np.uint8)
    held = find_components(lines)
    components = large_components(held)
    combs = _combs_in(page, components, scale, digits, max_angle)
    several = [each for each in components if not _is_filled(each, combs, scale)]
    lattices = find_lattices(several, max_angle=max_angle)
    grids = [_rows_of(lattice, scale) for lattice in lattices]
    for rows in grids:
        combs = _with_rows(combs, rows, digits)
    combs = _with_posts(combs, wall_posts(depth), "walls", scale, digits)
    if not combs:
        # Faint and broken lines hold together if they are widened.
        marked = (depth > _LINE_CONTRAST // 2).view(np.uint8)
        faint = find_components(cv2.dilate(marked, np.ones((3, 3))))
        combs = _combs_in(page, large_components(faint), scale, digits, max_angle)
    if not combs or digits is None:  # a page has hardly two makes of one length
        corners = corner_posts(lines, held.stats)
        combs = _with_posts(combs, corners, "corners", scale, digits)
        combs = _with_posts(combs, tint_posts(small), "tint", scale, digits)
    for rows in grids:  # of which a part may have been found
        combs = _with_rows(combs, rows, digits)
    return _in_reading_order(combs)


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
    if comb.walls is None:
        field, pad, _ = cut_quad(page, comb.quad, MARGIN)
    else:
        field, pad = cut_bent(page, comb.walls, MARGIN)
    height, width = field.shape
    frame = Frame(pad, pad, width - pad, height - pad, comb.digits, gap=comb.gap)
    if comb.make == "tint":
        # What is lighter than the tint is the paper between the boxes.
        inner = field[round(pad) : round(height - pad), round(pad) : round(width - pad)]
        field = np.minimum(field, np.uint8(np.median(inner)))
        return field, replace(frame, ruled=False)
    return field, replace(frame, broken=comb.make != "closed")


def stack_combs(combs: Sequence[Comb]) -> list[list[Comb]]:
    """Put combs together that stand right below each other, as the rows of a grid do.

    Parameters
    ----------
    combs : sequence of Comb
        Of one number of boxes, from top to bottom.

    Returns
    -------
    stacks : list of lists of Comb
        Each comb is in one of them, alone where it is none's row.
    """
    stacks: list[list[Comb]] = []
    for comb in combs:
        above = (stack for stack in stacks if _stands_below(comb, stack[-1]))
        stack = next(above, None)
        if stack is None:
            stacks.append([comb])
        else:
            stack.append(comb)
    return stacks


def _stands_below(comb: Comb, other: Comb) -> bool:
    """Return whether a comb is the next row of a grid, with a little room between."""
    gaps = np.linalg.norm(comb.quad[:2] - other.quad[[3, 2]], axis=1)
    alike = abs(comb.height - other.height) < _MUCH * other.height
    return alike and float(gaps.max()) < _ROW_GAP * other.height


def _combs_in(
    page: Image,
    components: Sequence[Component],
    scale: float,
    digits: int | None,
    max_angle: float,
) -> list[Comb]:
    frames = find_frames(components, digits or 2, MIN_ASPECT, max_angle)
    combs = [fit_walls(page, frame / scale, digits) for frame in frames]
    return _without_overlaps([comb for comb in combs if comb is not None])


def _is_filled(component: Component, combs: Sequence[Comb], scale: float) -> bool:
    """Return whether one comb is as high as what holds together: it is no grid."""
    height = component.height / scale
    half = component.width / 2, component.height / 2
    middle = np.add((component.left, component.top), half) / scale
    return any(
        np.ptp(comb.quad[:, 1]) > height / (1 + _MUCH)
        and np.abs(comb.quad.mean(axis=0) - middle).max() < height
        for comb in combs
    )


def _with_posts(
    combs: Sequence[Comb], posts: Points, make: Make, scale: float, digits: int | None
) -> list[Comb]:
    """Add rows of boxes that are not closed, or stand apart."""
    kept = list(combs)
    for row in find_rows(posts, paired=make == "tint"):
        # The middle of a pixel of the copy is between pixels of the page.
        quad = (row.quad + 0.5) / scale - 0.5
        comb = Comb(quad, row.boxes, row.score, make=make, gap=row.gap)
        known = any(comb.overlaps(other) or other.overlaps(comb) for other in kept)
        if digits in (None, comb.digits) and not known:
            kept.append(comb)
    return kept


def _rows_of(lattice: Lattice, scale: float) -> list[Comb]:
    """Take the rows of a grid for combs, in pixels of the page."""
    nodes = lattice.nodes / scale
    rows = [np.stack(pair) for pair in pairwise(nodes)]
    return [
        Comb(
            np.array([walls[0, 0], walls[0, -1], walls[1, -1], walls[1, 0]]),
            walls.shape[1] - 1,
            lattice.score,
            walls=walls,
        )
        for walls in rows
    ]


def _with_rows(
    combs: Sequence[Comb], rows: Sequence[Comb], digits: int | None
) -> list[Comb]:
    """Take the rows of a grid where not all of them were found as combs of their own.

    Those that were are placed more exactly, unless the paper is bent. A comb of fewer
    boxes in such a row is a part of it, if it is as high; else the grid is a table that
    has combs in it.
    """
    aspect = rows[0].width / rows[0].digits / rows[0].height
    inner = [comb for comb in combs if any(comb.overlaps(row) for row in rows)]
    if not MIN_ASPECT <= aspect <= _MAX_ASPECT or not all(
        any(_is_part(comb, row) for row in rows) for comb in inner
    ):
        return list(combs)
    whole = [
        comb
        for comb in combs
        if not any(comb.digits < row.digits and _is_part(comb, row) for row in rows)
    ]
    if digits not in (None, rows[0].digits):
        return whole
    known = all(any(comb.overlaps(row) for comb in whole) for row in rows)
    if known and not any(map(_is_bent, rows)):
        return whole
    others = [c for c in whole if not any(c.overlaps(row) for row in rows)]
    return [*others, *rows]


def _is_part(comb: Comb, row: Comb) -> bool:
    """Return whether a comb lies in a row, is as high, and not more than as wide."""
    as_high = abs(comb.height - row.height) < _MUCH * row.height
    return as_high and comb.width < (1 + _MUCH) * row.width and comb.overlaps(row)


def _is_bent(row: Comb) -> bool:
    """Return whether boxes of one width, in a straight row, would miss their walls."""
    if row.walls is None:
        return False
    shares = np.linspace(0, 1, row.digits + 1)[:, None]
    straight = np.array([end[0] + shares * (end[-1] - end[0]) for end in row.walls])
    off = np.linalg.norm(row.walls - straight, axis=2)
    return bool(off.max() > _BENT * row.height)


def _without_overlaps(combs: Sequence[Comb]) -> list[Comb]:
    """Keep the better of two combs that lie on each other."""
    kept: list[Comb] = []
    for comb in sorted(combs, key=lambda comb: -comb.score):
        if not any(comb.overlaps(other) for other in kept):
            kept.append(comb)
    return kept


def _in_reading_order(combs: Sequence[Comb]) -> list[Comb]:
    """Sort by rows; combs whose heights overlap by half stand in one row."""
    rows: list[list[Comb]] = []
    for comb in sorted(combs, key=lambda comb: comb.quad[:, 1].mean()):
        last = rows[-1][-1].quad[:, 1].mean() if rows else -np.inf
        if comb.quad[:, 1].mean() - last < comb.height / 2:
            rows[-1].append(comb)
        else:
            rows.append([comb])
    return [c for row in rows for c in sorted(row, key=lambda c: c.quad[0, 0])]
