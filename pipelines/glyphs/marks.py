"""Tell marks that cancel a box from digits."""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]

# Strokes of a cross wander off its diagonals by this share of its size.
_WANDER = 0.13


def is_cancelled(ink: Mask, box: tuple[int, int]) -> bool:
    """Tell whether the ink in a box crosses it out.

    Marks that are told from digits: a cross, a stroke from corner to corner,
    a dash, and a scribble that fills the box.

    Parameters
    ----------
    ink : ndarray of shape (height, width), dtype uint8
        1 where there is writing, 0 elsewhere.

    box : tuple of int
        Height and width of the printed box, in pixels.

    Returns
    -------
    cancelled : bool
        False for a box without ink.

    Examples
    --------
    >>> import cv2
    >>> import numpy as np
    >>> from pipelines.glyphs.marks import is_cancelled
    >>> ink = np.zeros((60, 50), dtype=np.uint8)
    >>> _ = cv2.line(ink, (4, 5), (46, 56), 1, 3)
    >>> _ = cv2.line(ink, (45, 4), (5, 57), 1, 3)
    >>> is_cancelled(ink, (60, 50))
    True
    """
    left, top, width, height = cv2.boundingRect(ink)
    if width == 0:
        return False
    mark = ink[top : top + height, left : left + width]
    return (
        _is_dash(mark, box)
        or _is_scribble(mark, box)
        or _is_cross(mark, box)
        or _is_slash(mark, box)
    )


def _is_dash(mark: Mask, box: tuple[int, int]) -> bool:
    """Wide and flat, where digits are upright."""
    height, width = mark.shape
    return width >= 0.3 * box[1] and height <= 0.3 * width and height < 0.3 * box[0]


def _is_scribble(mark: Mask, box: tuple[int, int]) -> bool:
    """More ink than paper over most of the box, where digits have loops."""
    height, width = mark.shape
    large = height >= 0.5 * box[0] and width >= 0.5 * box[1]
    return large and float(mark.mean()) >= 0.6


def _is_cross(mark: Mask, box: tuple[int, int]) -> bool:
    """All ink on the two diagonals, along the whole of both."""
    height, width = mark.shape
    if height < 0.4 * box[0] or width < 0.4 * box[1]:
        return False
    falling, rising = _distances(mark)
    on_falling, on_rising = np.abs(falling) <= _WANDER, np.abs(rising) <= _WANDER
    if np.mean(on_falling | on_rising) < 0.9:
        return False
    return _runs_through(mark, on_falling) and _runs_through(mark, on_rising)


def _is_slash(mark: Mask, box: tuple[int, int]) -> bool:
    """All ink on one diagonal of the box; a slanted one is narrower."""
    height, width = mark.shape
    if height < 0.75 * box[0] or width < 0.65 * box[1]:
        return False
    return any(np.mean(np.abs(d) <= _WANDER) >= 0.97 for d in _distances(mark))


def _distances(mark: Mask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance of every ink pixel from both diagonals, in shares of the size."""
    ys, xs = np.nonzero(mark)
    y = (ys + 0.5) / mark.shape[0]
    x = (xs + 0.5) / mark.shape[1]
    return (y - x) / np.sqrt(2), (y + x - 1) / np.sqrt(2)


def _runs_through(mark: Mask, on_diagonal: NDArray[np.bool_]) -> bool:
    """Tell whether the ink on a diagonal reaches nearly all of its tenths."""
    ys = np.nonzero(mark)[0][on_diagonal]
    return len(np.unique(10 * ys // mark.shape[0])) >= 9
