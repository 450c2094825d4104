"""Where on a strip its characters stand."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.strings.strips import Strip

# Ink fainter than this share of the brightest is background.
_FAINT = 0.25

# No character is wider than this share of the height of its strip; the first and
# the last one, which have a neighbour on one side only, end there at the latest.
_WIDEST = 0.75


def place_characters(strip: Strip, centres: Sequence[float]) -> list[tuple[int, int]]:
    """Cut a strip between characters whose places are roughly known.

    Parameters
    ----------
    strip : ndarray of shape (height, width), dtype uint8
        Ink bright on 0.

    centres : sequence of n floats
        A column within each character, rising.

    Returns
    -------
    spans : list of n tuples of (left, right)
        First column of each character and the one behind its last. Cuts lie where
        there is least ink in the middle between two centres; the columns without
        ink on both sides of a character are not counted to it.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.strings.locating import place_characters
    >>> strip = np.zeros((32, 60), np.uint8)
    >>> strip[4:28, [10, 11, 12, 40, 41]] = 255
    >>> place_characters(strip, [8.0, 43.0])
    [(10, 13), (40, 42)]
    """
    height, width = strip.shape
    profile = strip.sum(axis=0, dtype=np.int64)
    reach = _WIDEST * height
    cuts = [_least_ink(profile, left, right) for left, right in pairwise(centres)]
    starts = [max(0, round(c - reach)) for c in centres[:1]] + cuts
    ends = cuts + [min(width, round(c + reach)) for c in centres[-1:]]
    inked = strip.max(axis=0) > _FAINT * strip.max()
    return [_trim(inked, *span) for span in zip(starts, ends, strict=True)]


def _least_ink(profile: NDArray[np.int64], left: float, right: float) -> int:
    """Column with least ink in the middle half between two others."""
    quarter = (right - left) / 4
    first = round(left + quarter)
    window = profile[first : max(first + 1, round(right - quarter) + 1)]
    if not len(window):
        return min(first, len(profile))
    # Of equal ones that in the middle.
    (best,) = np.nonzero(window == window.min())
    return first + int(best[len(best) // 2])


def _trim(inked: NDArray[np.bool_], start: int, end: int) -> tuple[int, int]:
    """Leave out what has no ink on both sides; all of it if there is none."""
    (columns,) = np.nonzero(inked[start:end])
    if not len(columns):
        return start, max(end, start)
    return start + int(columns[0]), start + int(columns[-1]) + 1
