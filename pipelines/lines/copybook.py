"""Digits in shapes that collections of digits lack, as skeletons."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.demo.allographs import ALLOGRAPHS, Points, parse_strokes
from pipelines.demo.handwriting import smooth_curve
from pipelines.lines.thinning import SIDE

# What hasty hands make of digits on cheques and tallies, in the notation of
# pipelines.demo.allographs: ones with a long upstroke, fives whose back and belly are
# one tick, open zeros with a tail, nines like a P or a g, eights that do not close.
_HASTY: Final[dict[str, tuple[str, ...]]] = {
    "0": (
        "40,12 18,4 4,40 6,80 28,98 52,80 56,40 40,8 62,2",
        "22,8 4,40 8,84 30,98 54,78 56,36 44,8 34,0 48,4 70,2",
        "26,8 8,30 4,64 18,96 44,92 58,56 52,20 40,4",
        "30,10 10,20 4,60 20,96 48,84 56,40 40,12 24,16 30,26",
        "36,4 12,18 2,56 14,92 36,96 54,64 50,22 30,2 20,10 / 8,86 54,12",
        "0,58 34,50 48,22 32,3 10,24 4,64 22,98 46,90 58,70",
        "48,8 22,4 4,40 10,86 34,98 56,70 50,22 34,8 38,24 70,10",
    ),
    "1": (
        "0,56 34,1! 32,50 30,100",
        "0,80 36,0! 34,50 30,100",
        "4,40 30,2! 28,50 26,98 / 6,98 48,97",
        "12,52 44,0! 30,50 14,100",
        "26,14 34,0 32,50 24,98 34,100",
        "0,50 16,34 40,0! 34,50 22,104",
        "6,32 14,42 38,0! 32,50 26,100",
    ),
    "2": (
        "4,16 30,2 52,16 40,50 4,94! 56,94",
        "2,10 50,8! 4,95! 58,92",
        "4,30 14,8 38,4 46,26 30,60 8,90 4,78 20,80 44,96 70,84",
        "8,12 40,2 52,20 36,54 6,88 2,98 12,90 36,90 62,97",
    ),
    "3": (
        "4,6 50,4! 24,40! 46,46 52,72 30,98 2,92",
        "6,4 50,3! 24,36! 50,52 46,90 20,110 -4,104",
        "10,10 40,2 46,22 24,42 16,44 28,46 54,62 44,92 10,98",
        "6,12 40,4 38,34 18,46! 40,54 40,88 4,94",
    ),
    "4": (
        "20,0 14,30 4,58! 40,56 66,48 / 52,24 46,60 40,110",
        "4,10 8,44 30,52 52,40! 56,6! 50,50 44,100",
        "30,0 4,64! 64,58 / 40,36 38,100",
        "14,4 8,40 4,50! 60,46 / 40,10 30,100",
        "10,0 6,46 40,50 60,20! 52,60 46,104",
    ),
    "5": (
        "4,44 14,94! 40,10! 70,4",
        "2,50 16,98! 44,6 76,2",
        "6,30 10,60 22,96! 40,40 52,4! 86,8",
        "12,6 10,44! 40,36 54,62 30,96 2,88 / 14,8 60,0",
        "20,2 12,40! 38,50 34,90 4,96 / 22,4 66,-2",
        "10,8 4,50! 30,40 44,66 20,98 0,86 / 24,6 52,2",
    ),
    "6": (
        "44,0 16,36 4,76 18,98 40,92 48,72 34,62 8,80",
        "34,0 10,50 8,92 34,98 50,76 34,58 12,78",
        "60,-4 26,24 4,70 16,98 40,90 40,66 18,68 6,84",
    ),
    "7": (
        "2,12 30,6 58,2! 34,60 24,104 / 8,54 56,46",
        "4,24 6,6! 30,12 60,0! 30,60 20,108 / 12,56 52,50",
        "6,8 56,6! 36,44 34,100 / 16,48 60,46",
        "0,10 20,4 36,12 60,2! 34,50 10,108",
    ),
    "8": (
        "56,6 30,2 12,18 24,40 46,60 42,90 16,98 6,78 26,52 50,30 62,2",
        "44,6 18,4 14,26 40,52 50,80 26,100 6,84 24,54 48,26 42,4",
        "26,46 10,24 28,2 46,18 28,46 6,76 28,100 50,78 28,48",
    ),
    "9": (
        "46,10 16,4 6,28 26,46 48,24 44,6! 42,50 30,110",
        "40,4 10,10 8,40 36,40 50,8! 44,60 20,108 -2,96",
        "30,0 26,50 20,108 / 26,6 50,2 60,20 50,44 28,46",
        "44,14 22,4 8,26 22,44 46,28 46,12! 46,100",
        "46,16 24,2 6,22 24,40 46,20! 54,60 30,112 6,108",
    ),
}

# Control points move by this deviation, in heights of a digit, with every drawing.
_LOOSENESS: Final = 0.022

# The digit's height in the image, and the empty border the drawing keeps.
_HEIGHT: Final = 40
_BORDER: Final = 2


def draw_copybook(labels: list[str], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw the skeletons of digits as copybooks and hasty hands have them.

    Parameters
    ----------
    labels : list of str
        Digits to draw.

    rng : numpy.random.Generator
        Source of the shapes.

    Returns
    -------
    skeletons : ndarray of shape (n, 392), dtype uint8
        As :func:`pipelines.lines.thinning.thin_glyphs` returns them.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.lines.copybook import draw_copybook
    >>> draw_copybook(["5", "7"], np.random.default_rng(0)).shape
    (2, 392)
    """
    skeletons = np.zeros((len(labels), SIDE, SIDE), np.uint8)
    for skeleton, label in zip(skeletons, labels, strict=True):
        shapes = _SHAPES[label]
        _trace(skeleton, shapes[int(rng.integers(len(shapes)))], rng)
    return np.packbits(skeletons.reshape(len(labels), -1), axis=1)


def _trace(
    skeleton: NDArray[np.uint8], shape: list[list[Points]], rng: np.random.Generator
) -> None:
    """Draw the strokes of a shape, moved a little, in place."""
    paths = [_bend(stroke, rng) for stroke in shape]
    points = np.concatenate(paths)
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    scale = (SIDE - 2 * _BORDER - 1) / max(extent.max(), (SIDE - 5) / _HEIGHT)
    shift = (SIDE - 1 - scale * extent) / 2
    for path in paths:
        fixed = np.rint(((path - low) * scale + shift) * 16).astype(np.int32)
        cv2.polylines(skeleton, [fixed], False, 1, 1, cv2.LINE_8, 4)


def _bend(stroke: list[Points], rng: np.random.Generator) -> Points:
    """Lay a smooth path through control points that have moved."""
    pieces = []
    corner = None
    for points in stroke:
        moved = points + rng.normal(0, _LOOSENESS, points.shape)
        if corner is not None:
            moved[0] = corner
        corner = moved[-1]
        pieces.append(smooth_curve(moved))
    return np.concatenate(pieces)


COPYBOOK_DIGITS: Final = frozenset(ALLOGRAPHS)
"""What can be drawn."""

_SHAPES: Final = {
    label: [*shapes, *(parse_strokes(shape) for shape in _HASTY[label])]
    for label, shapes in ALLOGRAPHS.items()
}
