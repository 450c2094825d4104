"""Cut writing into pieces smaller than digits."""

from bisect import bisect
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from pipelines.lines.ink import Writing

Ints = NDArray[np.int64]
Labels = NDArray[np.int32]

# What a step aside costs, in pixels of ink: a path follows the side of a stroke
# rather than cut it, and runs straight where there is nothing to gain.
_SIDE_STEP = 0.2

# Components smaller than this share of the squared height are dirt.
_SPECK = 0.004


@dataclass(frozen=True)
class Cutting:
    """How finely writing is cut, and what may be joined again to a digit.

    Lengths are shares of the height of the writing.

    Attributes
    ----------
    narrowest : float, default=0.12
        Least distance of two cuts: what is nearer leaves a sliver between them.

    most_ink : float, default=0.6
        Most ink that a cut goes through: with more, it runs along a stroke.

    most_pieces : int, default=5
        Most pieces of a digit.

    widest : float, default=1.6
        Greatest width of a digit of several pieces.

    Raises
    ------
    ValueError
        If one is not above 0.
    """

    narrowest: float = 0.12
    most_ink: float = 0.6
    most_pieces: int = 5
    widest: float = 1.6

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < np.inf:
                raise ValueError(
                    f"Cutting expects {name} to be a number above 0. Got {value!r}."
                )


USUAL: Final = Cutting()


@dataclass(frozen=True)
class Pieces:
    """Ink of a field in pieces, from left to right.

    Attributes
    ----------
    labels : ndarray of shape (height, width), dtype int32
        Number of the piece each pixel belongs to, from 1; 0 is paper.

    boxes : ndarray of shape (n_pieces, 4), dtype int64
        Top, left, height and width of each.

    components : ndarray of shape (n_pieces,), dtype int64
        Number of the connected component each was cut from.
    """

    labels: Labels
    boxes: Ints
    components: Ints

    def __len__(self) -> int:
        return len(self.boxes)


def cut_writing(writing: Writing, cutting: Cutting = USUAL) -> Pieces:
    """Cut the ink of a field so finely that every digit is whole pieces.

    Connected components are parted along the cheapest paths from the top to the
    bottom of the field: a path falls straight, slides along strokes it hits and
    cuts through where that is shorter [1]_.

    Parameters
    ----------
    writing : Writing
        From :func:`find_writing`.

    cutting : Cutting, default=USUAL
        How finely.

    Returns
    -------
    pieces : Pieces
        From left to right by their middle. A digit is one to five of them.

    References
    ----------
    .. [1] G. Congedo, G. Dimauro, S. Impedovo, G. Pirlo, "Segmentation of numeric
       strings", Proc. ICDAR 1995, pp. 1038-1041 (hit and deflect, drop fall).

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.lines.cuts import cut_writing
    >>> from pipelines.lines.ink import find_writing
    >>> field = np.full((60, 120), 255, dtype=np.uint8)
    >>> field[10:50, 20:25] = field[10:50, 70:75] = 0  # two upright strokes
    >>> field[40:43, 20:75] = 0  # that a thin one joins
    >>> len(cut_writing(find_writing(field))) >= 2
    True
    """
    paths = cheapest_paths(writing, cutting)
    _, components = cv2.connectedComponents(writing.mask)
    return _number(_parted(components, paths), components, writing.height)


def cheapest_paths(writing: Writing, cutting: Cutting = USUAL) -> Ints:
    """Find the paths along which writing may be cut.

    Parameters
    ----------
    writing : Writing
        From :func:`find_writing`.

    cutting : Cutting, default=USUAL
        How near to each other, and through how much ink.

    Returns
    -------
    paths : ndarray of shape (n_paths, height), dtype int64
        Column of each path in every row, from left to right.
    """
    ink = writing.mask * np.float32(0.5) + writing.ink * np.float32(0.5 / 255)
    middle = int(np.clip((writing.top + writing.bottom) / 2, 0, len(ink) - 1))
    above, upwards = _fall(ink[middle::-1])
    below, downwards = _fall(ink[middle:])
    costs = above + below - ink[middle]
    starts = _minima(costs, cutting.narrowest * writing.height)
    starts = starts[costs[starts] < cutting.most_ink * writing.height]
    up = _follow(upwards, starts)[::-1]
    down = _follow(downwards, starts)
    return np.concatenate([up[:-1], down]).T


def _fall(ink: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Cheapest way from each column of the first row to the last, and its steps."""
    costs = ink[-1].copy()
    steps = np.zeros(ink.shape, np.int8)
    edge = np.float32(np.inf)
    for row in range(len(ink) - 2, -1, -1):
        ways = np.stack([costs, costs, costs])
        ways[1, 1:], ways[1, 0] = costs[:-1] + _SIDE_STEP, edge
        ways[2, :-1], ways[2, -1] = costs[1:] + _SIDE_STEP, edge
        best = ways.argmin(axis=0)
        steps[row] = np.array([0, -1, 1], np.int8)[best]
        costs = ink[row] + ways.min(axis=0)
    return costs, steps


def _follow(steps: NDArray[np.int8], starts: Ints) -> Ints:
    """Columns in every row of the ways that begin in `starts`."""
    rows = [starts]
    for row in steps[:-1]:
        rows.append(rows[-1] + row[rows[-1]])
    return np.array(rows)


def _minima(costs: NDArray[np.float32], distance: float) -> Ints:
    """Middles of the valleys of a profile, the deepest ones first to be kept."""
    changes = np.flatnonzero(np.diff(costs, prepend=np.nan, append=np.nan) != 0)
    levels = costs[changes[:-1]]
    padded = np.concatenate([[np.inf], levels, [np.inf]])
    valleys = np.flatnonzero((levels < padded[:-2]) & (levels < padded[2:]))
    middles = (changes[valleys] + changes[valleys + 1] - 1) // 2
    kept: list[int] = []  # from left to right
    for n in np.argsort(levels[valleys], kind="stable"):
        middle = int(middles[n])
        place = bisect(kept, middle)
        beside = kept[max(place - 1, 0) : place + 1]
        if all(abs(middle - other) >= distance for other in beside):
            kept.insert(place, middle)
    return np.array(kept, dtype=np.int64)


def _parted(components: Labels, paths: Ints) -> Labels:
    """Label what is connected and on the same sides of all paths."""
    ys, xs = np.nonzero(components)
    height, width = components.shape
    passed = np.zeros((height, width + 1), np.int64)
    np.add.at(passed, (np.arange(height), paths + 1), 1)
    between = passed.cumsum(axis=1)[ys, xs]  # paths to the left of each pixel
    both = components[ys, xs].astype(np.int64) * (len(paths) + 1) + between
    labels = np.zeros(components.shape, np.int32)
    labels[ys, xs] = np.unique(both, return_inverse=True)[1] + 1
    return labels


def _number(labels: Labels, components: Labels, height: float) -> Pieces:
    """Number pieces from left to right by their middle, without specks."""
    n = int(labels.max())
    ys, xs = np.nonzero(labels)
    owner = labels[ys, xs] - 1
    areas = np.bincount(owner, minlength=n)
    boxes = np.zeros((n, 4), np.int64)
    for box, (rows, columns) in zip(boxes, find_objects(labels), strict=True):
        box[:2] = rows.start, columns.start
        box[2:] = rows.stop - rows.start, columns.stop - columns.start
    middles = np.bincount(owner, weights=xs, minlength=n) / np.maximum(areas, 1)
    kept = np.flatnonzero(areas >= _SPECK * height**2)
    order = kept[np.argsort(middles[kept], kind="stable")]
    numbers = np.zeros(n + 1, np.int32)
    numbers[order + 1] = np.arange(1, len(order) + 1)
    sources = np.zeros(n, np.int64)
    sources[owner] = components[ys, xs]
    return Pieces(numbers[labels], boxes[order], sources[order])
