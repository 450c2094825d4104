"""Minus signs in boxes: one flat stroke in the middle of the box, and nothing else."""

from typing import Final

import numpy as np

from pipelines.glyphs.cut import Piece

# Least and greatest length of a minus, in widths of its box; it goes up or down by this
# share of its length at most, and is thinner than this share.
_LENGTHS: Final = (0.15, 1.0)
_STEEPEST: Final = 0.4
_THICKEST: Final = 0.45

# It is a single stroke, nowhere thicker than so many times its thickness.
_KNOT: Final = 1.8

# It bends by this share of its length, or half a pixel.
_BENT: Final = 0.07

# Rows of the window, of 28, between which its middle lies: what is nearer to the upper
# or the lower side may be what was left of a printed line.
_ROWS: Final = (8.0, 20.0)


def is_minus(piece: Piece) -> bool:
    """Return whether all that a box holds is a minus sign.

    Parameters
    ----------
    piece : Piece
        Of a comb, with its window.

    Returns
    -------
    answer : bool
        False for an empty box, and for whatever else is in it.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines import BoxCutter, Frame
    >>> from pipelines.glyphs.minus import is_minus
    >>> field = np.full((40, 100), 255, np.uint8)
    >>> field[19:22, 20:40] = 60
    >>> field[10:32, 68:72] = 60
    >>> pieces = BoxCutter().cut(field, Frame(10, 5, 90, 35, 2, ruled=False))
    >>> [is_minus(piece) for piece in pieces]
    [True, False]
    """
    if piece.kind == "empty" or piece.window is None:
        return False
    ink = piece.image < (255 + float(piece.image.min())) / 2
    columns = np.flatnonzero(ink.any(axis=0))
    length = int(np.ptp(columns)) + 1
    least, most = (share * (piece.right - piece.left) for share in _LENGTHS)
    if not least <= length <= most or len(columns) < length:
        return False
    rows = np.arange(len(ink))[:, None]
    thickness = ink.sum(axis=0)[columns]
    first, last = ink.argmax(axis=0), len(ink) - ink[::-1].argmax(axis=0)
    reach = (last - first)[columns]
    middles = (rows * ink).sum(axis=0)[columns] / thickness
    slope, start = np.polyfit(columns, middles, 1)
    bend = float(np.std(middles - slope * columns - start))
    heights = piece.window.sum(axis=1, dtype=np.float64)
    middle = float(heights @ np.arange(len(heights)) / max(heights.sum(), 1.0))
    return bool(
        abs(slope) <= _STEEPEST
        and reach.max() <= max(_KNOT * np.median(thickness), 3)
        and reach.max() <= _THICKEST * length
        and bend <= max(0.5, _BENT * length)
        and _ROWS[0] <= middle <= _ROWS[1]
    )
