"""The shapes that digits and marks are written in, as the strokes of a pen."""

import json
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = NDArray[np.float64]

Stroke: TypeAlias = list[Points]
"""Smooth pieces that join at corners, each an array of control points ``(x, y)``."""

# Three tables. "taught": each digit in the manners it is taught and worn down to.
# "hasty": what hasty hands make of digits on cheques and tallies: ones with a long
# upstroke, fives whose back and belly are one tick, open zeros with a tail, nines like
# a P or a g, fours like an h, eights like a B and eights that do not close. "marks":
# what stands among digits and is not read; y counts from the baseline. None looks like
# a digit: bars and brackets to pass over would teach a network to pass over ones.
_TABLES: Final = Path(__file__).with_suffix(".json")


def parse_strokes(shape: str) -> list[Stroke]:
    """Read the notation of the tables of shapes.

    Parameters
    ----------
    shape : str
        Points ``x,y`` in hundredths of a digit's height, y downwards, in the order
        the pen passes them; ``!`` after a corner, ``/`` between strokes.

    Returns
    -------
    strokes : list of lists of ndarrays of shape (n_points, 2)
        Each stroke as pieces that join in corners, in heights of a digit.

    Examples
    --------
    >>> from pipelines.drawing.shapes import parse_strokes
    >>> [[tick_down, tick_up]] = parse_strokes("0,50 20,100! 60,0")
    >>> tick_up.tolist()
    [[0.2, 1.0], [0.6, 0.0]]
    """
    return [_parse_stroke(stroke) for stroke in shape.split("/")]


def _parse_stroke(stroke: str) -> Stroke:
    pieces: list[list[tuple[float, float]]] = [[]]
    for word in stroke.split():
        x, y = (float(number) / 100 for number in word.rstrip("!").split(","))
        pieces[-1].append((x, y))
        if word.endswith("!"):
            pieces.append([(x, y)])
    return [np.array(piece) for piece in pieces]


_SHAPES: Final[dict[str, dict[str, list[list[Stroke]]]]] = {
    table: {sign: list(map(parse_strokes, shapes)) for sign, shapes in signs.items()}
    for table, signs in json.loads(_TABLES.read_text(encoding="utf-8")).items()
}

ALLOGRAPHS: Final = _SHAPES["taught"]
"""For each digit the strokes of each shape that is taught; digits are 1 high."""

COPYBOOK: Final = {
    digit: ALLOGRAPHS[digit] + shapes for digit, shapes in _SHAPES["hasty"].items()
}
"""The shapes that are taught, and those that hasty hands make of them."""

MARKS: Final = _SHAPES["marks"]
"""For each mark the strokes of each shape, about the baseline."""
