"""What is written into fields: figures of every length, and marks among them."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.random import Generator

from pipelines.drawing.shapes import MARKS, Points

# Share of the strings of 1, 2, ... digits: amounts, counts, codes, and now and then
# an account number. A fiftieth of the fields holds none.
_EMPTY = 0.02
_LENGTHS = np.array(
    [5, 9, 14, 18, 19, 14, 8, 5, 3, 2, 1, 0.5, 0.5, 0.5, 0.25, 0.25], dtype=np.float64
)
_LONGEST = len(_LENGTHS)

# Between groups of digits, after the last one, and before the first.
_BETWEEN: Final = ".,.,.,.,.,.,.,.,''--/  "
_AFTER: Final = ".,.-=-=-=#*~_:x"
_BEFORE: Final = "$-=#*~=_x:"


def draw_texts(n_texts: int, digits: Sequence[str], rng: Generator) -> list[str]:
    """Draw strings of digits.

    Parameters
    ----------
    n_texts : int
        How many.

    digits : sequence of str
        The labels to draw from, one character each.

    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    texts : list of str
        Of 1 to 16 digits; a fiftieth of them empty. Every digit is about as
        frequent; repetitions and trailing zeros are more frequent than chance
        has them, as in amounts.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.texts import draw_texts
    >>> texts = draw_texts(200, "0123456789", np.random.default_rng(0))
    >>> len(texts), max(map(len, texts)) > 8
    (200, True)
    """
    lengths = 1 + rng.choice(_LONGEST, n_texts, p=_LENGTHS / _LENGTHS.sum())
    lengths[rng.random(n_texts) < _EMPTY] = 0
    choices = rng.integers(len(digits), size=(n_texts, _LONGEST))
    # A tenth of the digits repeat the one before.
    again = rng.random(choices.shape) < 0.1
    for column in range(1, _LONGEST):
        rows = again[:, column]
        choices[rows, column] = choices[rows, column - 1]
    texts = ["".join([digits[i] for i in row]) for row in choices]
    texts = [text[:n] for text, n in zip(texts, lengths, strict=True)]
    round_ones = rng.random(n_texts) < 0.3
    tails = rng.integers(1, 4, n_texts)
    return [
        text[:-tail] + "0" * min(tail, len(text)) if zeros and "0" in digits else text
        for text, tail, zeros in zip(texts, tails, round_ones, strict=True)
    ]


def draw_marks(n_digits: int, rng: Generator) -> dict[int, str]:
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


def draw_mark(mark: str, rng: Generator) -> list[Points]:
    """Draw the strokes of a mark.

    Parameters
    ----------
    mark : str
        One of ``. , ' - = : / # * ~ _ x + $``.

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
    shapes = MARKS[mark]
    strokes = [piece for [piece] in shapes[int(rng.integers(len(shapes)))]]
    size = rng.uniform(0.7, 1.3)
    low = strokes[0][:, 1].mean()
    jitter = 0.02 + 0.06 * rng.random()
    extent = float(np.ptp(np.concatenate(strokes), axis=0).max()) + 0.1
    return [
        # A mark grows about its own height above the baseline.
        (points - [0, low]) * size
        + [0, low]
        + jitter * rng.standard_normal(points.shape) * min(1.0, extent)
        for points in strokes
    ]


def draw_scribble(rng: Generator) -> list[Points]:
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


def _pick(marks: str, rng: Generator) -> str:
    return marks[int(rng.integers(len(marks)))]
