"""Find grids of boxes on a page, also where the paper is bent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.fields.frames import MIN_SIDE, Component, Points, runs, slope_of
from pipelines.images import Floats, Mask
from pipelines.outcomes import ArraysCompare

# Lines are followed in strips of about this many pixels of the search copy, 15 mm: more
# than a digit is wide, and so little that a bent line is straight in it.
_STRIP = 60
_FEWEST_STRIPS = 3

# A line is dark over this much of a strip, and is seen in this many of the strips:
# writing covers it, and faint print breaks.
_DARK = 0.75
_SEEN = 0.7

# How far a line may move from one strip to the next, as a share of the strip: the
# corners are put right before, so that this is the bend alone.
_LARGEST_BEND = 0.1

# Lines nearer to each other than this are the two sides of a thick one.
_THICKEST = MIN_SIDE / 2

# Boxes of one grid are equal up to this much where a photograph bends them.
_UNEQUAL = 0.22

# Boxes of a grid are not smaller than this on the search copy, 4 mm.
_LEAST_SIDE = 16

# Share of all the lines between two nodes that must be dark.
_LEAST_SCORE = 0.85

# Paper kept around a grid that is straightened, in pixels of the search copy.
_PAD = 8


@dataclass(frozen=True, eq=False)
class Lattice(ArraysCompare):
    """Rows and columns of boxes that share their walls.

    Attributes
    ----------
    nodes : ndarray of shape (n_rows + 1, n_columns + 1, 2), dtype float64
        Where the lines meet, as ``(x, y)``, from the upper left on.

    score : float
        Share of the lines that is dark, in [0, 1].
    """

    nodes: Points
    score: float


def find_lattices(
    components: Sequence[Component], *, max_angle: float
) -> Iterator[Lattice]:
    """Find grids of two rows and more whose lines hold together.

    The four corners of a grid are laid onto a rectangle, which undoes perspective; its
    lines are followed from strip to strip there, so that they may bend as paper does.

    Parameters
    ----------
    components : sequence of Component
        Dark lines of the search copy of a page that hold together, as
        :func:`large_components` returns them.

    max_angle : float
        Largest tilt, in degrees, on either side of zero.

    Yields
    ------
    lattice : Lattice
        In pixels of the search copy.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.frames import large_components
    >>> from pipelines.fields.lattices import find_lattices
    >>> from pipelines.images import find_components
    >>> lines = np.zeros((300, 300), np.uint8)
    >>> lines[50:251:40, 50:252] = lines[50:252, 50:251:50] = 1
    >>> components = large_components(find_components(lines))
    >>> [grid] = find_lattices(components, max_angle=15.0)
    >>> grid.nodes.shape, grid.nodes[-1, -1].round().tolist()
    ((6, 5, 2), [250.0, 250.0])
    """
    for component in components:
        if min(component.width, component.height) < 2 * _LEAST_SIDE:
            continue
        points = component.points
        corners = _corners(points, slope_of(points, max_angle))
        own = (component.labels == component.label).view(np.uint8)
        straight, matrix = _straightened(own, corners)
        rows = list(_at_one_pitch(_follow(straight)))
        columns = list(_at_one_pitch(_follow(straight.T))) if rows else []
        for down in rows:
            for across in columns:
                nodes = _meet(straight.shape, down, across)
                score = _darkness(straight, nodes)
                if score >= _LEAST_SCORE:
                    back = np.linalg.inv(matrix)
                    on_page = cv2.perspectiveTransform(nodes, back)
                    yield Lattice(on_page.astype(np.float64), score)


def _corners(points: Points, slope: float) -> Points:
    """Find the corners of what is about a rectangle, clockwise from the upper left."""
    along = points[:, 0] + slope * points[:, 1]
    down = points[:, 1] - slope * points[:, 0]
    ends = [(along + down).argmin(), (along - down).argmax()]
    ends += [(along + down).argmax(), (along - down).argmin()]
    return points[ends]


def _straightened(lines: Mask, corners: Points) -> tuple[Mask, Points]:
    """Lay a quad onto a rectangle of its size, with some margin."""
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    width, height = (sides[0] + sides[2]) / 2, (sides[1] + sides[3]) / 2
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]]) + _PAD
    matrix = cv2.getPerspectiveTransform(
        corners.astype(np.float32), frame.astype(np.float32)
    )
    size = (round(width) + 2 * _PAD + 1, round(height) + 2 * _PAD + 1)
    straight = cv2.warpPerspective(255 * lines, matrix, size)
    return (straight > 127).view(np.uint8), matrix


@dataclass(frozen=True)
class _Track:
    """A line across an image, by its rows at some columns."""

    columns: Floats
    rows: Floats

    def row(self, column: Floats) -> Floats:
        """Return where the line is; beyond its ends it runs on straight."""
        ends = [(0, 1, np.minimum), (-1, -2, np.maximum)]
        rows: Floats = np.interp(column, self.columns, self.rows)
        for end, inner, outermost in ends:
            steep = self.rows[end] - self.rows[inner]
            steep /= self.columns[end] - self.columns[inner]
            beyond = outermost(column - self.columns[end], 0)
            rows = rows + steep * beyond
        return rows


def _follow(lines: Mask) -> list[_Track]:
    """Follow the lines that run across an image, from the top to the bottom one."""
    width = lines.shape[1] - 2 * _PAD
    n_strips = max(_FEWEST_STRIPS, round(width / _STRIP))
    if width < n_strips:
        return []
    edges = np.linspace(_PAD, lines.shape[1] - _PAD, n_strips + 1).astype(int)
    # A line that leans by a pixel or two within a strip is still one.
    dark = cv2.dilate(lines, np.ones((3, 1), np.uint8))
    found: list[list[tuple[int, float]]] = []
    reach = max(3.0, _LARGEST_BEND * width / n_strips)
    for n in range(n_strips):
        share = dark[:, edges[n] : edges[n + 1]].mean(axis=1)
        for start, stop in runs(share >= _DARK):
            row = (start + stop - 1) / 2
            near = [track for track in found if n - 2 <= track[-1][0] < n]
            last = min(near, key=lambda track: abs(track[-1][1] - row), default=None)
            if last is not None and abs(last[-1][1] - row) <= reach:
                last.append((n, row))
            else:
                found.append([(n, row)])
    middles = (edges[:-1] + edges[1:]) / 2
    tracks = [
        _Track(middles[[n for n, _ in track]], np.array([row for _, row in track]))
        for track in found
        if len(track) >= max(2, _SEEN * n_strips)
    ]
    return _without_doubles(sorted(tracks, key=lambda track: track.rows.mean()))


def _without_doubles(tracks: Sequence[_Track]) -> list[_Track]:
    """Leave out lines that are nearer to the one above than a box is high."""
    kept: list[_Track] = []
    for track in tracks:
        if not kept or track.rows.mean() - kept[-1].rows.mean() > _THICKEST:
            kept.append(track)
    return kept


def _at_one_pitch(tracks: Sequence[_Track]) -> Iterator[list[_Track]]:
    """Part lines where their distance changes, as below the head of a table."""
    if len(tracks) < 2:
        return
    steps = np.diff([track.rows.mean() for track in tracks])
    start = 0
    for n in range(1, len(steps) + 1):
        typical = float(np.median(steps[start:n]))
        if n == len(steps) or abs(steps[n] - typical) > _UNEQUAL * typical:
            if n - start >= 2 and typical >= _LEAST_SIDE:
                yield list(tracks[start : n + 1])
            start = n


def _meet(
    shape: tuple[int, ...], down: Sequence[_Track], across: Sequence[_Track]
) -> Points:
    """Find where two sets of lines meet; both are nearly straight."""
    x = np.tile([track.rows.mean() for track in across], (len(down), 1))
    for _ in range(3):
        y = np.array([track.row(row) for track, row in zip(down, x, strict=True)])
        x = np.array([track.row(row) for track, row in zip(across, y.T, strict=True)]).T
    nodes = np.stack([x, y], axis=2)
    return np.clip(nodes, 0, np.array(shape[::-1]) - 1.0)


def _darkness(lines: Mask, nodes: Points) -> float:
    """Return the share of the way from node to node that is dark."""
    near = cv2.dilate(lines, np.ones((3, 3), np.uint8))
    shares = np.linspace(0.1, 0.9, 17)[:, None, None, None]
    level = nodes[:, :-1] + shares * (nodes[:, 1:] - nodes[:, :-1])
    upright = nodes[:-1] + shares * (nodes[1:] - nodes[:-1])
    return min(float(_sample(near, points).mean()) for points in (level, upright))


def _sample(lines: Mask, points: Points) -> NDArray[np.uint8]:
    x, y = np.moveaxis(np.rint(points).astype(int), -1, 0)
    return np.asarray(lines[y, x])
