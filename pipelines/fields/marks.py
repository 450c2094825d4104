"""Boxes and circles to tick, cut out of a page as a network sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.fields.dropout import Box, cut_field
from pipelines.fields.frames import Points
from pipelines.images import Image
from pipelines.outcomes import ArraysCompare
from pipelines.pages.alignment import Matrix, project, warp_image
from pipelines.pages.cleaning import flatten_background
from pipelines.pages.placement import Registration
from pipelines.pages.prepared import PreparedBlank

MARK_SHAPE: Final = (28, 28)
"""Rows and columns of the picture of a mark."""

# What is seen around a box, as a share of the box: ticks run out of it, and what runs
# in from a neighbour's shows where it comes from.
_AROUND: Final = 0.5
# What is cut out around it: print there helps to find a box that is scribbled over.
_SURROUNDINGS: Final = 2.5

# Print is so much more blurred than on the blank, in pixels of the cut, and so much
# darker, at the most; what is left of its edges is pale.
_PRINT_BLUR: Final = 1.0
_PRINT_DARKER: Final = 1.1

# Place of a box on a page: top, left, height, width.
Place: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class MarksCut(ArraysCompare):
    """The boxes of a mark or a choice, cut out of a page.

    Attributes
    ----------
    pictures : ndarray of shape (n_boxes, 28, 28), dtype uint8
        Of each box and what is around it, ink 255 on 0; the box is the middle half.
        Ink is what is darker than the print at this place. It is not taken away as from
        digits: that loses a pencil that is as pale as the print, and a tick with it.

    quads : tuple of n_boxes ndarrays of shape (4, 2), dtype float64
        Their corners ``(x, y)`` on the page, clockwise from the upper left one.

    quad : ndarray of shape (4, 2), dtype float64
        Corners on the page of what holds all of them.

    print_found : float
        Share of the print about them that was found, as of a :class:`FieldCut`.
    """

    pictures: NDArray[np.uint8]
    quads: tuple[Points, ...]
    quad: Points
    print_found: float


def cut_marks(
    page: Image,
    registration: Registration,
    blank: PreparedBlank,
    boxes: Sequence[Place],
) -> MarksCut:
    """Cut the boxes of a mark or a choice out of a page.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Scan or photograph, dark ink on light paper.

    registration : Registration
        Where the blank's points are on the page.

    blank : PreparedBlank
        The blank page.

    boxes : sequence of tuples of (top, left, height, width)
        On the blank page, in its pixels.

    Returns
    -------
    cut : MarksCut
        All boxes are aligned together: what fills one of them hides its print, and the
        print of the others is still there.

    Raises
    ------
    ValueError
        If the registration is not good enough to be used.
    """
    whole = bound_boxes(boxes)
    height = max(box[2] for box in boxes)
    cut = cut_field(
        page, registration, blank, whole, margin=_SURROUNDINGS * height / whole[2]
    )
    inner = _corners(cut.box)
    to_page = _map_between(inner, cut.quad)
    to_blank = _map_between(inner, _corners(whole))
    printed = warp_image(blank.image, to_blank, cut.seen.shape)
    darker = _darker_than_print(cut.seen, printed)
    to_cut = np.asarray(np.linalg.inv(to_blank), dtype=np.float64)
    corners = [project(to_cut, _corners(box)) for box in boxes]
    pictures = [_picture(darker, quad) for quad in corners]
    quads = tuple(project(to_page, quad) for quad in corners)
    return MarksCut(np.array(pictures), quads, cut.quad, cut.print_found)


def bound_boxes(boxes: Sequence[Place]) -> Place:
    """Return the least box that holds some boxes.

    Parameters
    ----------
    boxes : sequence of tuples of (top, left, height, width)
        At least one.

    Returns
    -------
    box : tuple of (top, left, height, width)

    Examples
    --------
    >>> from pipelines.fields.marks import bound_boxes
    >>> bound_boxes([(10, 5, 4, 4), (12, 20, 4, 6)])
    (10, 5, 6, 21)
    """
    top, left = (min(box[side] for box in boxes) for side in (0, 1))
    bottom, right = (max(box[i] + box[i + 2] for box in boxes) for i in (0, 1))
    return top, left, bottom - top, right - left


def _darker_than_print(written: Image, printed: Image) -> Image:
    """How much darker a page is than its blank."""
    crisp = _darkness(printed)
    blurred = cv2.GaussianBlur(crisp, (0, 0), _PRINT_BLUR)
    expected = cv2.convertScaleAbs(cv2.max(crisp, blurred), alpha=_PRINT_DARKER)
    return np.asarray(cv2.subtract(_darkness(written), expected), dtype=np.uint8)


def _darkness(image: Image) -> Image:
    return np.asarray(255 - flatten_background(image), dtype=np.uint8)


def _picture(ink: Image, quad: Points) -> NDArray[np.uint8]:
    """Scale a box and what is around it to a square, whatever its shape is."""
    (left, top), (right, bottom) = (quad[[0, 2]] + 0.5).tolist()
    beside, above = _AROUND * (right - left), _AROUND * (bottom - top)
    x, x_end = round(left - beside), round(right + beside)
    y, y_end = round(top - above), round(bottom + above)
    window = np.zeros((max(y_end - y, 1), max(x_end - x, 1)), np.uint8)
    # At the edge of a page there is less to be seen.
    seen = ink[max(y, 0) : max(y_end, 0), max(x, 0) : max(x_end, 0)]
    window[max(-y, 0) :, max(-x, 0) :][: seen.shape[0], : seen.shape[1]] = seen
    small = cv2.resize(window, MARK_SHAPE[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def _map_between(corners: Points, others: Points) -> Matrix:
    """Return the map that takes four corners to others."""
    ends = corners.astype(np.float32), others.astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(*ends), dtype=np.float64)


def _corners(box: Place | Box) -> Points:
    """List the corners of a box in the middles of pixels, as images are mapped."""
    top, left, height, width = box
    right, bottom = left + width, top + height
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return np.array(corners, dtype=np.float64) - 0.5
