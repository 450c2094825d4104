"""Find comb fields, rows of equal boxes for one digit each, on a filled-in page."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipelines.fields.frames import Mask, cut_quad, find_frames, mark_lines
from pipelines.fields.walls import MARGIN, MIN_ASPECT, Comb, fit_walls
from pipelines.images import Image, check_image, shrink

# A page is searched on a copy of about 100 dpi: lines of a frame still hold
# together there, and a whole page costs a few milliseconds.
_SEARCH_SIZE = 1100

# A frame line is darker than the mean of its surroundings by this much. A line
# of one pixel at 400 dpi is a quarter as dark at 100 dpi, 64 of 255.
_LINE_CONTRAST = 16


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
    lines = mark_lines(small, _LINE_CONTRAST)
    combs = _combs_in(page, lines, scale, digits, max_angle)
    if not combs:
        # Faint and broken lines hold together if they are widened.
        faint = cv2.dilate(mark_lines(small, _LINE_CONTRAST // 2), np.ones((3, 3)))
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
    field, pad, _ = cut_quad(page, comb.quad, MARGIN)
    height, width = field.shape
    return field, Frame(pad, pad, width - pad, height - pad, comb.digits)


def _combs_in(
    page: Image, lines: Mask, scale: float, digits: int | None, max_angle: float
) -> list[Comb]:
    frames = find_frames(lines, digits or 2, MIN_ASPECT, max_angle)
    combs = [fit_walls(page, frame / scale, digits) for frame in frames]
    return [comb for comb in combs if comb is not None]


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
