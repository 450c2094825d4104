"""Quads on pages, and what may be the frame of a row of boxes: two long lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image, find_components

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
    matrix = cv2.getPerspectiveTransform(
        quad.astype(np.float32), frame.astype(np.float32)
    )
    size = (round(width + 2 * pad), round(height + 2 * pad))
    field = cv2.warpPerspective(
        page, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return field, float(pad), matrix


Mask = NDArray[np.uint8]

# Boxes smaller than this on the search copy, 3 mm, are too small to write in.
_MIN_SIDE = 12


@dataclass(frozen=True)
class _Line:
    """A horizontal line ``y = offset + slope * x`` from `left` to `right`."""

    offset: float
    slope: float
    left: float
    right: float

    def row(self, x: float) -> float:
        return self.offset + self.slope * x


def mark_lines(page: Image, contrast: int) -> Mask:
    """Mark what is darker than its surroundings, under any light.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page at about 100 dpi.

    contrast : int
        Least difference from the mean around, in grey levels.

    Returns
    -------
    lines : ndarray of shape (height, width), dtype uint8
        1 on lines and letters, 0 elsewhere.
    """
    size = 2 * (max(page.shape) // 70) + 1  # as wide as a box
    depth = cv2.subtract(cv2.blur(page, (size, size)), page)
    return (depth > contrast).view(np.uint8)


def find_frames(
    lines: Mask, least_boxes: int, min_aspect: float, max_angle: float
) -> Iterator[Points]:
    """Find frames whose lines hold together.

    Frames are connected components. The tilt of each is found from its
    projection profiles, and each pair of neighbouring horizontal lines in it is
    one candidate.

    Parameters
    ----------
    lines : ndarray of shape (height, width), dtype uint8
        1 on dark lines, as :func:`mark_lines` returns it.

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
    for points in _large_components(lines, least_boxes):
        rules = _horizontal_lines(points, _slope(points, max_angle))
        for upper, lower in pairwise(rules):
            left, right = max(upper.left, lower.left), min(upper.right, lower.right)
            slope = (upper.slope + lower.slope) / 2
            middle = (left + right) / 2
            height = lower.row(middle) - upper.row(middle)
            if (
                height >= _MIN_SIDE
                and right - left >= least_boxes * min_aspect * height
            ):
                yield _frame(upper, left, right, height, slope)


def _large_components(lines: Mask, least_boxes: int) -> Iterator[Points]:
    """Yield the points ``(x, y)`` of components as large as a comb can be."""
    labels, stats, _ = find_components(lines)
    wide = stats[:, cv2.CC_STAT_WIDTH] >= least_boxes * _MIN_SIDE
    high = stats[:, cv2.CC_STAT_HEIGHT] >= _MIN_SIDE
    for label in range(1, len(stats)):
        if wide[label] and high[label]:
            left, top, width, height, _ = stats[label]
            own = labels[top : top + height, left : left + width] == label
            ys, xs = np.nonzero(own)
            yield np.column_stack([xs + left, ys + top]).astype(np.float64)


def _slope(points: Points, max_angle: float) -> float:
    """Find the slope of the lines: at the right one, row sums vary most."""
    sample = points[:: len(points) // 3000 + 1]
    coarse = _sharpest(sample, np.arange(-max_angle, max_angle + 1))
    fine = _sharpest(sample, np.arange(coarse - 1, coarse + 1.01, 0.1))
    return float(np.tan(np.radians(fine)))


def _sharpest(points: Points, angles: NDArray[np.float64]) -> float:
    """Choose the angle along which the sums of rows vary most."""
    rows = _rows(points, np.tan(np.radians(angles))[:, None])
    rows -= rows.min()
    n_rows = rows.max() + 1
    own = n_rows * np.arange(len(angles))[:, None]  # rows of each angle, in one count
    sums = np.bincount((rows + own).ravel(), minlength=n_rows * len(angles))
    energies = (sums.reshape(len(angles), n_rows).astype(np.float64) ** 2).sum(axis=1)
    return float(angles[energies.argmax()])


def _rows(points: Points, slope: float | NDArray[np.float64]) -> NDArray[np.int64]:
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
