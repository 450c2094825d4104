"""Lay a field round writing: how tightly it was cut, and what print it holds."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from pipelines.drawing.paper import Plane
from pipelines.drawing.strings import Line

# What stands for the extent of a line without any stroke: three digits.
_NOTHING: Final = np.array([[0.0, -1.0], [1.5, 0.0]])

# A field is at least this wide and high, in heights of a digit.
_LEAST_EXTENT: Final = np.array([0.5, 0.6])


@dataclass(frozen=True)
class Frame:
    """A field, and where the origin of a line of writing lies in it.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the field.

    scale : float
        Pixels for each height of a digit.

    origin : tuple of float
        Column and row of the beginning of the baseline.
    """

    shape: tuple[int, int]
    scale: float
    origin: tuple[float, float]


def draw_frame(line: Line, rng: np.random.Generator) -> Frame:
    """Lay a field round a line of writing.

    Parameters
    ----------
    line : Line
        The writing.

    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    frame : Frame
        24 to 59 pixels high. Most fields have some paper on every side; some cut
        into the writing, a few are more than twice as high as it.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.framing import draw_frame
    >>> from pipelines.drawing.strings import Line
    >>> frame = draw_frame(Line(), np.random.default_rng(0))
    >>> 24 <= frame.shape[0] < 60
    True
    """
    low, high = line.extent() if line.skeletons or line.paths else _NOTHING
    high = np.maximum(high, np.add(low, _LEAST_EXTENT))
    above, below = rng.triangular(-0.1, 0.15, 0.6, 2)
    if rng.random() < 0.06:
        above, below = rng.uniform(0, 1.2, 2)
    before, after = rng.triangular(-0.06, 0.1, 0.6, 2)
    low = np.subtract(low, [before, above])
    width, height = np.add(high, [after, below]) - low
    # Fields come at 100 to 200 dpi, and a few coarser than a strip.
    coarse = rng.random() < 0.06
    n_rows = int(rng.integers(24, 34) if coarse else rng.integers(34, 60))
    scale = n_rows / height
    return Frame(
        shape=(n_rows, max(8, round(scale * width))),
        scale=scale,
        origin=(-scale * low[0], -scale * low[1]),
    )


def print_rules(paper: Plane, frame: Frame, rng: np.random.Generator) -> None:
    """Print a ruling line, or what the cut has left of a box, in place.

    Parameters
    ----------
    paper : ndarray of shape (height, width), dtype float32
        Grey values, as of :func:`pipelines.drawing.paper.draw_paper`.

    frame : Frame
        Where the writing will be.

    rng : numpy.random.Generator
        Source of chance. Half of the papers stay as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.framing import Frame, print_rules
    >>> paper = np.full((40, 120), 200, np.float32)
    >>> frame = Frame((40, 120), scale=25.0, origin=(5.0, 30.0))
    >>> for seed in range(9):
    ...     print_rules(paper, frame, np.random.default_rng(seed))
    >>> bool(paper.min() < 150)
    True
    """
    height, width = paper.shape
    if rng.random() < 0.3:  # under the writing
        _print_row(paper, frame.origin[1] + rng.uniform(0, 0.35) * frame.scale, rng)
    if rng.random() < 0.1:  # the upper side of a box
        _print_row(paper, rng.uniform(0, 0.15) * height, rng)
    for _ in range(2):  # its left or right side; seldom, for they look like ones
        if rng.random() < 0.02:
            inwards = rng.uniform(0, 0.5) * height
            column = rng.choice([inwards, width - inwards])
            lean = rng.normal(0, 0.03) * height
            _print_line(paper, (column, -5), (column + lean, height + 5), rng)


def _print_row(paper: Plane, row: float, rng: np.random.Generator) -> None:
    """Print a line across the field, tilted by about a degree."""
    width = paper.shape[1]
    _print_line(paper, (-5, row), (width + 5, row + rng.normal(0, 0.02) * width), rng)


def _print_line(
    paper: Plane,
    start: tuple[float, float],
    stop: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    mask = np.zeros(paper.shape, np.uint8)
    first, last = np.rint(16 * np.array([start, stop])).astype(int).tolist()
    thickness = 1 + int(rng.random() < 0.3)
    cv2.line(mask, first, last, 255, thickness, cv2.LINE_AA, 4)
    darkness = rng.uniform(0.3, 0.9)
    paper *= 1 - mask.astype(np.float32) * np.float32(darkness / 255)
