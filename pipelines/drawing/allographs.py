"""The shapes digits are written in, as the points a pen passes through."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

# Each digit in the manners it is taught and worn down to. Points are ``x,y`` on a
# grid 100 high and about 60 wide, y downwards, in the order the pen passes them;
# ``!`` marks a point where it turns sharply, ``/`` where it is lifted.
_SHAPES: Final[dict[str, tuple[str, ...]]] = {
    "0": (
        "32,2 12,14 2,50 14,88 32,98 52,84 60,50 50,14 31,3 24,5",
        "44,9 22,4 4,34 6,76 28,98 54,78 58,36 44,10 28,6",
        "26,3 10,20 4,52 10,84 26,97 42,84 47,52 42,18 26,3",
        "20,12 42,3 58,30 56,72 34,97 10,84 3,50 12,18 26,6 38,5",
    ),
    "1": (
        "30,0 29,50 28,100",
        "10,29 31,1! 30,50 29,100",
        "16,21 32,0! 31,50 30,100",
        "10,29 32,1! 31,50 31,98 / 8,99 32,98 54,97",
        "38,0 30,50 23,100",
    ),
    "2": (
        "6,22 18,5 38,3 51,20 42,48 22,76 4,96! 30,95 58,96",
        "8,24 24,3 46,8 50,30 36,62 15,90 6,93 6,82 18,82 38,95 60,90",
        "6,26 14,8 34,2 50,16 46,42 28,70 5,95! 22,89 40,95 60,90",
        "10,14 30,2 50,14 44,44 4,97! 56,95",
    ),
    "3": (
        "8,14 26,2 48,12 44,34 22,45! 48,55 54,78 34,98 6,88",
        "8,16 28,2 49,14 42,36 24,46 19,43 26,43 50,60 50,84 28,99 4,86",
        "8,6 30,6 52,4! 25,40! 48,50 55,74 36,98 6,90",
        "6,10 28,2 46,14 40,36 26,45 44,54 52,74 36,96 4,92",
    ),
    "4": (
        "16,4 11,32 6,58! 32,57 60,54 / 45,14 42,58 40,100",
        "12,2 9,34 16,54 34,56 50,49 / 50,3 47,50 45,100",
        "42,2 22,36 2,67! 32,67 62,65 / 43,3 42,50 41,100",
        "42,100 43,50 44,2! 22,36 4,65! 34,65 62,63",
    ),
    "5": (
        "14,5 12,24 10,45! 34,38 54,55 50,84 28,98 4,90 / 14,6 34,5 58,3",
        "54,4 34,5 15,6! 10,44! 34,38 54,56 50,84 26,98 4,88",
        "55,4 34,4 17,6 13,24 13,43 34,40 54,58 50,84 28,98 4,90",
        "18,4 13,46! 30,41 50,54 50,82 30,98 6,94 / 18,5 40,6 60,2",
    ),
    "6": (
        "46,3 22,24 6,60 12,90 32,99 52,84 50,62 32,53 13,64 8,76",
        "34,0 14,40 4,76 20,98 44,92 50,70 34,57 13,66 7,78",
        "52,10 38,2 17,24 5,62 16,94 38,97 52,78 42,58 22,60 8,76",
    ),
    "7": (
        "4,7 30,6 56,4! 38,46 24,100",
        "4,7 30,6 56,4! 38,46 26,100 / 16,52 36,50 54,47",
        "6,20 8,6! 32,8 58,4! 40,44 29,100",
        "2,9 28,5 62,7! 42,38 33,66 28,100",
        "6,18 8,6! 32,8 58,4! 40,44 29,100 / 16,54 36,51 54,50",
    ),
    "8": (
        "50,15 30,2 10,16 16,37 40,54 51,78 31,98 9,84 15,60 40,42 51,22 44,8",
        "30,46 11,32 14,9 32,2 49,12 47,34 30,47 / 30,47 8,63 9,88 29,99 52,86 31,47",
        "54,7 32,3 12,16 18,37 42,57 50,80 30,98 9,84 15,62 38,36 55,8",
        "28,48 46,34 46,10 28,2 12,14 16,34 38,54 51,76 34,98 9,86 12,62 30,46",
    ),
    "9": (
        "48,15 28,3 8,18 10,43 30,50 47,34 50,9! 49,50 45,100",
        "50,15 30,2 8,18 10,42 32,50 50,32 52,12! 54,42 46,80 24,98 8,92",
        "48,10 26,4 7,24 18,47 40,40 51,9! 48,52 38,99",
        "46,24 44,6 22,4 8,24 16,47 38,42 48,20! 47,60 46,100",
    ),
}

DIGITS: Final = "0123456789"


def parse_strokes(shape: str) -> list[list[Points]]:
    """Turn the notation of `_SHAPES` into strokes of smooth pieces, height 1.

    Parameters
    ----------
    shape : str
        Points ``x,y`` in hundredths of the height; ``!`` after a corner, ``/``
        between strokes.

    Returns
    -------
    strokes : list of lists of ndarrays of shape (n_points, 2)
        Each stroke as pieces that join in corners.
    """
    return [_parse_stroke(stroke) for stroke in shape.split("/")]


def _parse_stroke(stroke: str) -> list[Points]:
    pieces: list[list[tuple[float, float]]] = [[]]
    for word in stroke.split():
        x, y = (float(number) / 100 for number in word.rstrip("!").split(","))
        pieces[-1].append((x, y))
        if word.endswith("!"):
            pieces.append([(x, y)])
    return [np.array(piece) for piece in pieces]


ALLOGRAPHS: Final[dict[str, tuple[list[list[Points]], ...]]] = {
    digit: tuple(parse_strokes(shape) for shape in shapes)
    for digit, shapes in _SHAPES.items()
}
"""For each digit its allographs: strokes, each a list of smooth pieces that join
at corners, each piece an array of control points ``(x, y)``, digit height 1."""
