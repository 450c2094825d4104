"""Strokes as fields of distances, which pens of any width turn into ink.

Each pixel of a field holds its distance in pixels to the middle of the nearest
stroke. Strokes are joined by taking the smaller distance, and a pen of width w
inks what lies within w / 2.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.drawing.skeletons import SIDE
from pipelines.images import Image

Plane = NDArray[np.float32]
Points = NDArray[np.float64]

FAR: Final = 99.0

# A blur of a field of distances rounds off the skeleton's stairs, and lifts the
# middle of a stroke by this much.
_SMOOTHING: Final = 1.0
_LIFT: Final = 0.65

# An edge of a grey glyph falls from white to black within about two of its pixels.
_EDGE: Final = 2.0 / 255


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
    >>> from pipelines.drawing.strokes import distance_to
    >>> skeleton = np.zeros((56, 56), dtype=np.uint8)
    >>> skeleton[:, 20] = 1
    >>> distance_to(skeleton)[28, [20, 24]].round().tolist()
    [0.0, 3.0]
    """
    distances = cv2.distanceTransform(1 - skeleton, cv2.DIST_L2, 3)
    smooth = cv2.GaussianBlur(distances, (0, 0), _SMOOTHING)
    return np.asarray(smooth - np.float32(_LIFT))


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
    >>> from pipelines.drawing.strokes import FAR, lay
    >>> canvas = np.full((20, 90), FAR, np.float32)
    >>> middle = np.zeros((56, 56), np.float32)
    >>> lay(canvas, middle, np.array([[0.25, 0.0, 40.0], [0.0, 0.25, 3.0]]))
    >>> canvas[10, [20, 47, 70]].tolist()
    [99.0, 0.0, 99.0]
    """
    corners = matrix[:, :2] @ [[0, SIDE, 0, SIDE], [0, 0, SIDE, SIDE]] + matrix[:, 2:]
    low = np.maximum(np.floor(corners.min(axis=1)).astype(int), 0)
    high = np.ceil(corners.max(axis=1)).astype(int) + 1
    part = canvas[low[1] : max(high[1], 0), low[0] : max(high[0], 0)]
    if not part.size:
        return
    moved = matrix.copy()
    moved[:, 2] -= low
    (a, b), (c, d) = matrix[:, :2].tolist()
    scale = abs(a * d - b * c) ** 0.5
    size = (part.shape[1], part.shape[0])
    laid = cv2.warpAffine(
        distances * np.float32(scale),
        moved,
        size,
        flags=cv2.INTER_LINEAR,
        borderValue=FAR,
    )
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
    >>> from pipelines.drawing.strokes import FAR, lay_path
    >>> canvas = np.full((20, 30), FAR, np.float32)
    >>> lay_path(canvas, np.array([[5.0, 10.0], [25.0, 10.0]]), reach=4)
    >>> canvas[[10, 12, 18], 15].tolist()
    [0.0, 2.0, 99.0]
    """
    low = np.maximum(np.floor(path.min(axis=0) - reach).astype(int), 0)
    high = np.ceil(path.max(axis=0) + reach).astype(int) + 1
    part = canvas[low[1] : max(high[1], 0), low[0] : max(high[0], 0)]
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


def ends_of(skeleton: Image) -> Points:
    """Find the ends of a skeleton's lines.

    Parameters
    ----------
    skeleton : ndarray of shape (56, 56), dtype uint8
        One on the lines, zero elsewhere.

    Returns
    -------
    ends : ndarray of shape (n_ends, 2), dtype float64
        ``x, y`` of pixels with one neighbour, from left to right.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.strokes import ends_of
    >>> skeleton = np.zeros((56, 56), dtype=np.uint8)
    >>> skeleton[30, 10:40] = 1
    >>> ends_of(skeleton).tolist()
    [[10.0, 30.0], [39.0, 30.0]]
    """
    neighbours = cv2.boxFilter(skeleton, -1, (3, 3), normalize=False)
    y, x = np.nonzero((neighbours == 2) & (skeleton > 0))
    order = np.argsort(x, kind="stable")
    return np.column_stack([x[order], y[order]]).astype(np.float64)
