"""Ink a line of writing."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.drawing.framing import Frame
from pipelines.drawing.skeletons import SIDE
from pipelines.drawing.strings import Line
from pipelines.drawing.strokes import FAR, Plane, distance_to, lay, lay_path
from pipelines.drawing.writers import Hand

# Distances matter this far from the middle of a stroke, in widths of the pen.
_REACH: Final = 1.0

# Deviation of the bends' displacements in pixels of a skeleton, and the distance over
# which they change: a seventh of a digit's height.
_BEND: Final = 1.1
_BEND_SCALE: Final = 8.0


def draw_bends(n_bends: int, rng: np.random.Generator) -> Plane:
    """Draw smooth displacements of a digit's pixels.

    Parameters
    ----------
    n_bends : int
        How many.

    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    bends : ndarray of shape (n_bends, 56, 56, 2), dtype float32
        Displacements in x and y, in pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.ink_line import draw_bends
    >>> draw_bends(3, np.random.default_rng(0)).shape
    (3, 56, 56, 2)
    """
    bends = rng.standard_normal((n_bends, SIDE, SIDE, 2), dtype=np.float32)
    # A Gaussian window of deviation s leaves 1 / (2 s sqrt(pi)) of the deviation.
    gain = _BEND * 2 * _BEND_SCALE * np.sqrt(np.pi)
    for bend in bends:
        bend[:] = gain * cv2.GaussianBlur(bend, (0, 0), _BEND_SCALE)
    return bends


def ink_line(
    line: Line,
    hand: Hand,
    frame: Frame,
    bends: Plane,
    rng: np.random.Generator,
) -> Plane:
    """Ink what of a line lies in a field.

    Parameters
    ----------
    line : Line
        The writing.

    hand : Hand
        Whose pen it is.

    frame : Frame
        The field round it.

    bends : ndarray of shape (n_bends, 56, 56, 2), dtype float32
        Displacements to bend digits by.

    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ink : ndarray of shape (height, width), dtype float32
        Share of each pixel that ink covers, in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.framing import Frame
    >>> from pipelines.drawing.writers import draw_hand
    >>> from pipelines.drawing.ink_line import draw_bends, ink_line
    >>> from pipelines.drawing.strings import Line
    >>> rng = np.random.default_rng(0)
    >>> dash = Line(paths=[np.array([[0.2, -0.5], [0.8, -0.5]])])
    >>> frame = Frame((40, 40), scale=40.0, origin=(0.0, 40.0))
    >>> ink = ink_line(dash, draw_hand(rng), frame, draw_bends(1, rng), rng)
    >>> float(ink[20, 20]), float(ink[35, 20])
    (1.0, 0.0)
    """
    scale, origin = frame.scale, np.array(frame.origin)
    canvas = np.full(frame.shape, FAR, np.float32)
    for skeleton, matrix in zip(line.skeletons, line.matrices, strict=True):
        bend = bends[int(rng.integers(len(bends)))] * np.float32(hand.bend)
        bent = cv2.remap(
            distance_to(skeleton),
            _GRID + bend,
            None,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        placed = matrix * scale
        placed[:, 2] += origin
        lay(canvas, bent, placed)
    width = hand.pen * scale
    for path in line.paths:
        lay_path(canvas, path * scale + origin, _REACH * width + 1)
    half = width / 2 * (1 + 0.2 * _slow_noise(frame.shape, rng))
    return np.asarray(np.clip(half + np.float32(0.5) - canvas, 0, 1))


def _slow_noise(shape: tuple[int, int], rng: np.random.Generator) -> Plane:
    """Noise in [-1, 1] that changes over about half of the height."""
    knots = rng.uniform(-1, 1, (3, 2 + 2 * shape[1] // shape[0]))
    size = (shape[1], shape[0])
    return np.asarray(cv2.resize(knots.astype(np.float32), size))


_GRID: Final[NDArray[np.float32]] = np.dstack(
    np.meshgrid(*[np.arange(SIDE, dtype=np.float32)] * 2)
)
