"""Ink: traced strokes as grey pixels, and skeletons as fields of distances.

A page filled in by hand is inked stroke by stroke, each with its own pressure, grain
and skips. Training fields are drawn by the hundred thousand, and of skeletons: there
each pixel holds its distance to the middle of the nearest stroke, strokes are joined
by taking the smaller distance, and a pen of width w inks what lies within w / 2.
"""

from itertools import pairwise
from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pipelines.drawing.shapes import Points
from pipelines.drawing.skeletons import SIDE
from pipelines.drawing.writers import Pen, RandomState, smooth_noise
from pipelines.images import Image, Plane

_T = TypeVar("_T", bound=np.generic)

# Strokes are drawn at four times the size and averaged: 16 levels of grey at edges.
_OVERSAMPLING: Final = 4

FAR: Final = 99.0
"""Distance to strokes that are out of reach, in pixels."""

# A blur of a field of distances rounds off the skeleton's stairs, and lifts the
# middle of a stroke by this much.
_SMOOTHING: Final = 1.0
_LIFT: Final = 0.65

# Deviation of the bends' displacements in pixels of a skeleton, and the distance over
# which they change: a seventh of a digit's height.
_BEND: Final = 1.1
_BEND_SCALE: Final = 8.0

_GRID: Final[NDArray[np.float32]] = np.dstack(
    np.meshgrid(*[np.arange(SIDE, dtype=np.float32)] * 2)
)


def ink_strokes(
    page: Image,
    strokes: list[Points],
    pen: Pen,
    *,
    dpi: float = 200.0,
    random_state: RandomState = None,
) -> None:
    """Draw strokes onto a page, in place.

    Ink takes light away from what is already there, so that a printed line
    remains visible under it.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page, dark ink on light paper; it is written into.

    strokes : list of ndarrays of shape (n_points, 3), dtype float64
        ``x`` and ``y`` in pixels of the page, and pressure. What lies outside
        the page is cut off.

    pen : Pen
        What they are drawn with.

    dpi : float, default=200.0
        Resolution of the page, which turns the pen's width into pixels.

    random_state : int, Generator or None, default=None
        Seed, or source of randomness, for grain and skips.
    """
    if not strokes:
        return
    rng = np.random.default_rng(random_state)
    width = pen.n_pixels(dpi)
    part, corner = _part_near(page, np.vstack(strokes)[:, :2], 2 * width + 2)
    if not part.size:
        return
    ink = _cover(part.shape, strokes, corner, (width, pen), rng)
    # Roughness of paper, of about unit variance: the blur leaves 0.4 of its deviation.
    tooth = 2.5 * cv2.GaussianBlur(rng.standard_normal(part.shape), (0, 0), 0.7)
    ink *= 1 - pen.grain * np.abs(tooth)
    part[:] = np.rint(part * (1 - pen.darkness * np.clip(ink, 0, 1))).astype(np.uint8)


def distance_to(skeleton: Image) -> Plane:
    """Distance of each pixel to a skeleton.

    Parameters
    ----------
    skeleton : ndarray of shape (56, 56), dtype uint8
        Not zero on the lines.

    Returns
    -------
    distances : ndarray of shape (56, 56), dtype float32
        In pixels, smoothed.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.inking import distance_to
    >>> skeleton = np.zeros((56, 56), dtype=np.uint8)
    >>> skeleton[:, 20] = 1
    >>> distance_to(skeleton)[28, [20, 24]].round().tolist()
    [0.0, 3.0]
    """
    distances = cv2.distanceTransform(1 - skeleton, cv2.DIST_L2, 3)
    smooth = cv2.GaussianBlur(distances, (0, 0), _SMOOTHING)
    return np.asarray(smooth - np.float32(_LIFT))


def draw_bends(n_bends: int, rng: Generator) -> Plane:
    """Draw smooth displacements of a digit's pixels.

    Parameters
    ----------
    n_bends : int
        How many.

    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    bends : ndarray of shape (n_bends, 56, 56, 2), dtype float32
        Displacements in x and y, in pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.inking import draw_bends
    >>> draw_bends(3, np.random.default_rng(0)).shape
    (3, 56, 56, 2)
    """
    bends = rng.standard_normal((n_bends, SIDE, SIDE, 2), dtype=np.float32)
    # A Gaussian window of deviation s leaves 1 / (2 s sqrt(pi)) of the deviation.
    gain = _BEND * 2 * _BEND_SCALE * np.sqrt(np.pi)
    for bend in bends:
        bend[:] = gain * cv2.GaussianBlur(bend, (0, 0), _BEND_SCALE)
    return bends


def bend_skeleton(skeleton: Image, bend: Plane) -> Plane:
    """Bend a skeleton, and measure how far each pixel is from it.

    Parameters
    ----------
    skeleton : ndarray of shape (56, 56), dtype uint8
        Not zero on the lines.

    bend : ndarray of shape (56, 56, 2), dtype float32
        Displacements in x and y, in pixels; of :func:`draw_bends`, or less.

    Returns
    -------
    distances : ndarray of shape (56, 56), dtype float32
        In pixels, smoothed.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.inking import bend_skeleton, distance_to
    >>> skeleton = np.eye(56, dtype=np.uint8)
    >>> straight = np.zeros((56, 56, 2), np.float32)
    >>> bool(np.array_equal(bend_skeleton(skeleton, straight), distance_to(skeleton)))
    True
    """
    linear, edge = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    distances, place = distance_to(skeleton), _GRID + bend
    return np.asarray(cv2.remap(distances, place, None, linear, borderMode=edge))


def lay(canvas: Plane, distances: Plane, matrix: Points) -> None:
    """Lay a field of distances into a larger one, in place.

    Parameters
    ----------
    canvas : ndarray of shape (height, width), dtype float32
        Distances so far.

    distances : ndarray of shape (56, 56), dtype float32
        Those of a digit, in its own pixels.

    matrix : ndarray of shape (2, 3), dtype float64
        Affine map from pixels of the digit to pixels of the canvas.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.inking import FAR, lay
    >>> canvas = np.full((20, 90), FAR, np.float32)
    >>> middle = np.zeros((56, 56), np.float32)
    >>> lay(canvas, middle, np.array([[0.25, 0.0, 40.0], [0.0, 0.25, 3.0]]))
    >>> canvas[10, [20, 47, 70]].tolist()
    [99.0, 0.0, 99.0]
    """
    corners = matrix[:, :2] @ [[0, SIDE, 0, SIDE], [0, 0, SIDE, SIDE]] + matrix[:, 2:]
    part, low = _part_near(canvas, corners.T, 0, spare=1)
    if not part.size:
        return
    moved = matrix.copy()
    moved[:, 2] -= low
    (a, b), (c, d) = matrix[:, :2].tolist()
    scale = abs(a * d - b * c) ** 0.5
    scaled, size = distances * np.float32(scale), part.shape[::-1]
    laid = cv2.warpAffine(scaled, moved, size, borderValue=FAR)
    np.minimum(part, laid, out=part)


def lay_path(canvas: Plane, path: Points, reach: float) -> None:
    """Lay the distances to a path of straight pieces into a field, in place.

    Parameters
    ----------
    canvas : ndarray of shape (height, width), dtype float32
        Distances so far.

    path : ndarray of shape (n_points, 2), dtype float64
        ``x, y`` in pixels of the canvas; a single point is a dot.

    reach : float
        How far from the path distances matter, in pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.inking import FAR, lay_path
    >>> canvas = np.full((20, 30), FAR, np.float32)
    >>> lay_path(canvas, np.array([[5.0, 10.0], [25.0, 10.0]]), reach=4)
    >>> canvas[[10, 12, 18], 15].tolist()
    [0.0, 2.0, 99.0]
    """
    part, low = _part_near(canvas, path, reach, spare=1)
    if not part.size:
        return
    y = np.arange(part.shape[0], dtype=np.float32)[:, None]
    x = np.arange(part.shape[1], dtype=np.float32)[None, :]
    path = (path - low).astype(np.float32)
    starts, stops = (path[:-1], path[1:]) if len(path) > 1 else (path, path)
    for (ax, ay), (bx, by) in zip(starts.tolist(), stops.tolist(), strict=True):
        dx, dy = bx - ax, by - ay
        length = dx**2 + dy**2 + 1e-6
        along = (x - ax) * (dx / length) + (y - ay) * (dy / length)
        np.clip(along, 0, 1, out=along)
        across, down = x - ax - along * dx, y - ay - along * dy
        np.minimum(part, cv2.sqrt(across * across + down * down), out=part)


def _part_near(
    canvas: NDArray[_T], points: Points, reach: float, spare: int = 0
) -> tuple[NDArray[_T], NDArray[np.intp]]:
    """Give a view of what lies within reach of points, and its corner ``x, y``."""
    low = np.maximum(np.floor(points.min(axis=0) - reach).astype(int), 0)
    high = np.maximum(np.ceil(points.max(axis=0) + reach).astype(int) + spare, 0)
    return canvas[low[1] : high[1], low[0] : high[0]], low


def _cover(
    shape: tuple[int, ...],
    strokes: list[Points],
    corner: NDArray[np.intp],
    line: tuple[float, Pen],
    rng: Generator,
) -> Points:
    """Share of each pixel of a part of the page that strokes cover, in [0, 1]."""
    width, pen = line
    canvas = np.zeros([side * _OVERSAMPLING for side in shape], dtype=np.uint8)
    for stroke in strokes:
        flow = _flow(len(stroke), pen.skips, rng)
        widths = width * (1 + pen.give * (stroke[:, 2] - 1)) * _OVERSAMPLING
        _draw_path(canvas, (stroke[:, :2] - corner) * _OVERSAMPLING, widths, flow)
    cover = cv2.resize(canvas, shape[::-1], interpolation=cv2.INTER_AREA)
    return cover.astype(np.float64) / 255


def _draw_path(canvas: Image, path: Points, widths: Points, flow: Points) -> None:
    """Draw a path as short thick segments; coordinates carry 4 fractional bits."""
    fixed = np.rint(path * 16).astype(int)
    thick = np.maximum(np.rint(widths).astype(int), 1)
    greys = np.rint(255 * flow).astype(int)
    for i, (start, stop) in enumerate(pairwise(fixed)):
        cv2.line(canvas, start, stop, int(greys[i]), int(thick[i]), cv2.LINE_8, 4)


def _flow(n: int, skips: float, rng: Generator) -> Points:
    """Ink given along a path, in [0, 1]; it fails on a share `skips` of it."""
    flow = 1 - 0.06 * np.abs(smooth_noise(n, 8, rng))
    if skips:
        dry = smooth_noise(n, 3, rng)
        flow[dry > np.quantile(dry, 1 - skips * rng.uniform(0, 2))] *= 0.45
    return np.clip(flow, 0, 1)
