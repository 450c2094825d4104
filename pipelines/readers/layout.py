"""How a field is laid out: the boxes of a comb, or a part to read freely."""

import numpy as np

from pipelines.fields.combs import Frame, cut_comb, find_combs
from pipelines.fields.walls import Comb
from pipelines.glyphs.cut import Piece, cut_boxes
from pipelines.images import Image

# Whoever cuts a comb out cuts close to it. What is narrower than this share of the
# field, and was not asked for, is two zeros that touch.
_LEAST_SPAN = 0.5

# Writing leaves its place on a form by this share of the place's height.
_MARGIN = 0.15


def lay_out(
    field: Image, frame: Frame | None, digits: int | None
) -> list[Piece] | Image:
    """Cut a field at the walls of its comb; without one, give what is to be read.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Image of a field.

    frame : Frame or None
        Where its boxes are; None to look for a comb.

    digits : int or None
        Boxes of the comb to look for; None for any number.

    Returns
    -------
    layout : list of Piece, or ndarray of shape (height, width), dtype uint8
        The pieces of a comb from left to right, or the part of the field that
        holds free writing.
    """
    if frame is None:
        combs = find_combs(field, digits)
        if digits is None:
            combs = [comb for comb in combs if _spans(comb, field)]
        if not combs:
            return field
        field, frame = cut_comb(field, max(combs, key=lambda comb: comb.score))
    if frame.digits:
        return cut_boxes(field, frame)
    return field[writing_part(frame)]


def writing_part(frame: Frame) -> tuple[slice, slice]:
    """Say which part of a field with a frame holds its free writing.

    Parameters
    ----------
    frame : Frame
        Of a field without boxes.

    Returns
    -------
    rows, columns : slice
        The frame and a margin, as far as the field goes.
    """
    margin = _MARGIN * (frame.bottom - frame.top)
    top, left = (max(0, round(side - margin)) for side in (frame.top, frame.left))
    return np.s_[top : round(frame.bottom + margin), left : round(frame.right + margin)]


def _spans(comb: Comb, field: Image) -> bool:
    return float(np.ptp(comb.quad[:, 0])) >= _LEAST_SPAN * field.shape[1]
