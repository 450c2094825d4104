"""Follow the writing of a field on a form out of its box, and leave its neighbours'."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.fields.combs import Frame
from pipelines.images import Image, find_components

# Margin of a box within which the middle of what is written in it lies, as a share of
# the height of the box.
_MARGIN = 0.15

# What may be right or not is it as often as not.
_DOUBTFUL = 0.5

# Ink is darker than this; paper without print is lighter than that.
_INK = 200
_PAPER = 250

# Strokes that run along a line go with it, and what is mended of them may be another
# digit. So much of the writing may be mended.
_MOST_MENDED = 0.1

# What is nearly as high as the writing, and no further from it than it is high, may be
# its next digit.
_AS_HIGH = 0.6


@dataclass(frozen=True)
class Followed:
    """The writing of one field.

    Attributes
    ----------
    image : ndarray of shape (height, width), dtype uint8
        A part of the image that was cut out, with nothing else in it.

    left : int
        Its first column there.

    certainty : float
        Probability that what lies beside the writing is none of it, and that what was
        mended of it is right.
    """

    image: Image
    left: int
    certainty: float


def follow_writing(field: Image, frame: Frame) -> Followed:
    """Cut out what is written in a box, as far as it goes.

    A stroke is written in a box if its middle lies there. All of it is kept, and of
    others nothing.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Grey field, dark ink on white paper, without what is printed, with a margin.

    frame : Frame
        Where the box is in it.

    Returns
    -------
    followed : Followed
        The box at least, with a small margin.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.combs import Frame
    >>> from pipelines.lines.following import follow_writing
    >>> field = np.full((100, 300), 255, np.uint8)
    >>> field[10:75, 100:104] = 0  # begins above the box
    >>> field[0:35, 200:204] = 0  # ends in it
    >>> followed = follow_writing(field, Frame(40, 30, 260, 80, 0))
    >>> followed.image.shape, followed.left
    ((80, 236), 32)
    >>> int((followed.image < 128).sum())
    260
    """
    margin = _MARGIN * (frame.bottom - frame.top)
    left, top = (max(0, round(side - margin)) for side in (frame.left, frame.top))
    right, bottom = round(frame.right + margin), round(frame.bottom + margin)
    ink = (field < _INK).view(np.uint8)
    labels, stats, middles = find_components(ink)
    x, y = middles.T
    own = (left <= x) & (x < right) & (top <= y) & (y < bottom)
    own[0] = False
    boxes = stats[:, :4].astype(int)
    boxes[:, 2:] += boxes[:, :2]
    lefts, tops, rights, bottoms = boxes[own].T
    top, left = min([top, *(tops - 2).clip(0)]), min([left, *(lefts - 2).clip(0)])
    bottom, right = max([bottom, *(bottoms + 2)]), max([right, *(rights + 2)])
    kept = cv2.dilate(own[labels].view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    image = np.where(kept | (field > _PAPER), field, np.uint8(255))
    is_doubtful = _may_go_on(boxes, own) or _is_mended(own[labels], frame)
    certainty = _DOUBTFUL if is_doubtful else 1.0
    return Followed(image[top:bottom, left:right], int(left), certainty)


def _is_mended(own: NDArray[np.bool_], frame: Frame) -> bool:
    """Return whether much of the writing lies where print was taken away."""
    if frame.hidden is None or not own.any():
        return False
    return bool(np.mean(frame.hidden[own] > 0) > _MOST_MENDED)


def _may_go_on(boxes: NDArray[np.int64], own: NDArray[np.bool_]) -> bool:
    """Return whether something as high as the writing stands right beside it."""
    if not own.any():
        return False
    own_heights = boxes[own, 3] - boxes[own, 1]
    tall = boxes[own][own_heights >= _AS_HIGH * own_heights.max()]
    left, top = tall[:, 0].min(), np.median(tall[:, 1])
    right, bottom = tall[:, 2].max(), np.median(tall[:, 3])
    height = bottom - top
    lefts, tops, rights, bottoms = boxes.T
    shared = np.minimum(bottoms, bottom) - np.maximum(tops, top)
    gaps = np.maximum(lefts - right, left - rights)
    near = ~own & (shared >= _AS_HIGH * height) & (gaps < height)
    near &= bottoms - tops < 2 * height
    near[0] = False
    return bool(near.any())
