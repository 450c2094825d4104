"""Marks that stand among digits and are not read: points, commas, dashes, fillers."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

# Strokes of each mark as ``x,y`` in hundredths of a digit's height, x to the right,
# y downwards from the baseline; ``/`` where the pen is lifted. None looks like a
# digit: bars and brackets to pass over would teach a network to pass over ones.
_MARKS: Final = {
    ".": ("0,-2", "0,-5 3,-2", "0,-4 4,-6 4,-1 0,-2"),
    ",": ("4,-8 -2,14", "4,-4 2,8 -6,20", "2,-14 0,10", "6,-4 -10,30", "2,-6 -4,16"),
    "'": ("3,-100 0,-76", "6,-96 0,-70"),
    "-": ("0,-45 30,-47", "0,-40 55,-46", "0,-52 18,-52", "0,-42 14,-52 32,-40 48,-50"),
    "=": ("0,-55 28,-57 / 0,-35 28,-37", "0,-48 50,-54 / 4,-28 50,-34",
          "0,-70 20,-72 / 2,-55 20,-57", "0,-50 30,-54 10,-30 40,-34"),
    ":": ("0,-60 / 0,-15", "0,-50 3,-48 / 0,-20 3,-18"),
    "/": ("0,22 60,-104", "-10,30 36,-116", "0,26 44,-118"),
    "#": ("12,0 24,-90 / 34,0 46,-90 / 0,-30 54,-34 / 2,-58 56,-62",
          "10,-10 16,-80 / 30,-10 36,-80 / 0,-32 46,-32 / 0,-58 46,-58"),
    "*": ("0,-30 36,-70 / 0,-70 36,-30 / -4,-50 40,-50",
          "8,-20 22,-80 / -6,-50 36,-50 / 2,-74 26,-28 / 26,-74 4,-26"),
    "~": ("0,-42 12,-52 28,-40 42,-50", "0,-10 14,-20 30,-8 50,-18"),
    "_": ("0,2 40,0", "0,-6 30,-8", "0,8 70,4"),
    "x": ("0,-6 30,-46 / 0,-46 30,-6", "0,0 40,-60 / 2,-58 38,-4"),
    "$": ("34,-72 22,-82 6,-74 8,-56 28,-42 30,-22 14,-10 0,-20 / 22,-98 16,6",),
}  # fmt: skip

# Between groups of digits, after the last one, and before the first.
_BETWEEN: Final = ".,.,.,.,.,.,.,.,''--/  "
_AFTER: Final = ".,.-=-=-=#*~_:x"
_BEFORE: Final = "$-=#*~=_x:"


def draw_mark(mark: str, rng: np.random.Generator) -> list[Points]:
    """Draw the strokes of a mark.

    Parameters
    ----------
    mark : str
        One of ``. , ' - = : / # * ~ _ x $``.

    rng : numpy.random.Generator
        Source of its shape.

    Returns
    -------
    strokes : list of ndarrays of shape (n_points, 2), dtype float64
        ``x`` to the right from about 0 and ``y`` downwards from the baseline, in
        heights of a digit.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.texts import draw_mark
    >>> [upper, lower] = draw_mark("=", np.random.default_rng(1))
    >>> bool(upper[:, 1].mean() < lower[:, 1].mean() < 0)
    True
    """
    shapes = _STROKES[mark]
    strokes = shapes[int(rng.integers(len(shapes)))]
    size = rng.uniform(0.7, 1.3)
    low = strokes[0][:, 1].mean()
    jitter = 0.02 + 0.06 * rng.random()
    return [
        # A mark grows about its own height above the baseline.
        (points - [0, low]) * size
        + [0, low]
        + jitter * rng.standard_normal(points.shape) * min(1.0, _extent(strokes))
        for points in strokes
    ]


def draw_marks(n_digits: int, rng: np.random.Generator) -> dict[int, str]:
    """Choose marks to stand among the digits of a string.

    Parameters
    ----------
    n_digits : int
        Number of digits.

    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    marks : dict of int to str
        The marks to draw before the digit of this index; `n_digits` stands for
        after the last. Half of the strings have some.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.texts import draw_marks
    >>> draw_marks(0, np.random.default_rng(0)).keys() <= {0}
    True
    """
    marks: dict[int, str] = {}
    kind = rng.random()
    if n_digits > 3 and kind < 0.35:
        # Thousands; the mark is the same throughout a string.
        mark = _pick(_BETWEEN, rng)
        marks = dict.fromkeys(range(n_digits - 3, 0, -3), mark)
    elif n_digits > 1 and kind < 0.5:
        marks[int(rng.integers(1, n_digits))] = _pick(_BETWEEN, rng)
    if rng.random() < 0.35:
        n_marks = 1 + int(rng.geometric(0.6) if rng.random() < 0.3 else 0)
        last = _pick(_AFTER, rng)
        first = _pick(".,", rng) if rng.random() < 0.25 else ""
        marks[n_digits] = first + last * min(n_marks, 4)
    if rng.random() < 0.12:
        before = _pick(_BEFORE, rng)
        marks[0] = before * (1 + int(rng.random() < 0.3))
    return {place: mark for place, mark in marks.items() if mark.strip()}


def draw_scribble(rng: np.random.Generator) -> list[Points]:
    """Draw writing that holds no digit: a signature, letters, a crossing out.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of its shape.

    Returns
    -------
    strokes : list of ndarrays of shape (n_points, 2), dtype float64
        In heights of a digit, from the origin to the right.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.texts import draw_scribble
    >>> [path] = draw_scribble(np.random.default_rng(0))
    >>> bool(path[-1, 0] > path[0, 0])
    True
    """
    n_loops = int(rng.integers(2, 8))
    t = np.linspace(0, 2 * np.pi * n_loops, 10 * n_loops)
    swing = rng.uniform(0.1, 0.5, 2)
    swell = 1 + 0.6 * np.sin(t / rng.uniform(1.5, 4) + rng.uniform(0, 6))
    x = rng.uniform(0.03, 0.1) * t + swing[0] * swell * np.sin(t)
    y = -0.5 + swing[1] * swell * np.cos(t * rng.uniform(0.9, 1.1))
    return [np.column_stack([x, y])]


def _pick(marks: str, rng: np.random.Generator) -> str:
    return marks[int(rng.integers(len(marks)))]


def _extent(strokes: list[Points]) -> float:
    points = np.concatenate(strokes)
    return float(np.ptp(points, axis=0).max()) + 0.1


def _parse(shape: str) -> list[Points]:
    return [
        np.array([point.split(",") for point in stroke.split()], np.float64) / 100
        for stroke in shape.split("/")
    ]


_STROKES: Final = {
    mark: [_parse(shape) for shape in shapes] for mark, shapes in _MARKS.items()
}
