"""Strips of writing: checked, brought to one height, put into batches, scored."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from lenet_sklearn.inference import Run, resizing_matrix
from lenet_sklearn.inputs import FULL_SIDE

Strip = NDArray[np.uint8]

# Strips are as high as the input of LeNet-5.
HEIGHT = FULL_SIDE

# Size of a strip that stands for all in an export: its width is left open.
EXAMPLE_SIZE = (HEIGHT, 100)

# Both poolings of LeNet-5 halve the width: slid over a strip, it has an output for
# so many pixels.
FULL_STEP = 4


@dataclass(frozen=True)
class Layout:
    """Sizes of a string network.

    Parameters
    ----------
    maps : tuple of four ints
        Maps of C1, C3 and C5, and units of F6.

    step : {2, 4}
        Pixels from one output to the next: 4 where S4 halves the width, as it
        does in LeNet-5. 2 where it moves on by one; C5 then sees every second of
        its columns, and each output what LeNet-5 would see there.

    neighbours : int
        Positions of C5 that a unit of F6 sees.

    negatives : bool, default=False
        Whether C3 sees the negatives of C1's maps beside them. Squashing leaves of
        each map but one side, and of few kernels none is another's negative.
    """

    maps: tuple[int, int, int, int]
    step: int
    neighbours: int
    negatives: bool = False

    @property
    def side(self) -> int:
        """Background added on each side of a strip: half of what one output sees."""
        return (FULL_SIDE + self.step * (self.neighbours - 1)) // 2

    def n_positions(self, width: int) -> int:
        """Count the outputs for a strip.

        Parameters
        ----------
        width : int
            Of the strip, in pixels.

        Returns
        -------
        n_positions : int
            One for each step from its first column to behind its last.
        """
        return width // self.step + 1


LAYOUTS = {
    "lenet5": Layout((6, 16, 120, 84), step=4, neighbours=1),
    "lenet5_dense": Layout((6, 16, 120, 84), step=2, neighbours=3, negatives=True),
    "wide": Layout((24, 64, 96, 96), step=2, neighbours=3),
}

# What a batch of feature maps may take: so many columns of strips stay in the
# cache of a core, and more are not faster.
_COLUMNS = 4096


def prepare_strip(strip: Strip, index: int, caller: str, least_width: int = 1) -> Strip:
    """Check a strip and bring it to the height the network reads.

    Parameters
    ----------
    strip : ndarray of shape (height, width), dtype uint8
        Ink bright on a background of 0.

    index : int
        Its number in the data set, for messages.

    caller : str
        Who asks, for messages.

    least_width : int, default=1
        Narrower ones are widened to this, in pixels after the change of height.

    Returns
    -------
    prepared : ndarray of shape (32, width), dtype uint8
        The strip itself where nothing was to be done.

    Raises
    ------
    TypeError
        If it is no array of uint8.

    ValueError
        If it is not two-dimensional, or empty.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.strings.strips import prepare_strip
    >>> prepare_strip(np.zeros((64, 90), np.uint8), 0, "Reader").shape
    (32, 45)
    """
    if not isinstance(strip, np.ndarray) or strip.dtype != np.uint8:
        got = getattr(strip, "dtype", type(strip).__name__)
        raise TypeError(
            f"Sample {index}: {caller} expects strips as numpy arrays of dtype uint8,"
            f" ink bright on 0. Got {got}."
            " Scale floats in [0, 1] with (255 * strip).astype(np.uint8)."
        )
    if strip.ndim != 2 or strip.size == 0:
        raise ValueError(
            f"Sample {index}: {caller} expects non-empty grey strips of shape"
            f" (height, width). Got shape {strip.shape}."
            " Pass one channel, as from strip.mean(axis=2).astype(np.uint8)."
        )
    height, width = strip.shape
    wanted = max(round(width * HEIGHT / height), least_width, 1)
    if (height, width) == (HEIGHT, wanted):
        return strip
    rows, columns = resizing_matrix(height, HEIGHT), resizing_matrix(width, wanted)
    resized = rows @ (strip.astype(np.float32) @ columns.T)
    return np.rint(resized).astype(np.uint8)


def cut_batches(widths: Sequence[int]) -> Iterator[list[int]]:
    """Put strips of about the same width together.

    Parameters
    ----------
    widths : sequence of n ints
        Of the strips, in pixels.

    Yields
    ------
    places : list of int
        Of the strips of one batch, the narrowest first.

    Examples
    --------
    >>> from lenet_sklearn.strings.strips import cut_batches
    >>> list(cut_batches([90, 6000, 80]))
    [[2, 0], [1]]
    """
    batch: list[int] = []
    for place in np.argsort(widths, kind="stable").tolist():
        if batch and (len(batch) + 1) * widths[place] > _COLUMNS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def stack_strips(strips: Sequence[Strip]) -> NDArray[np.uint8]:
    """Put strips into one array, filled up with background on the right.

    Parameters
    ----------
    strips : sequence of n ndarrays of shape (32, width), dtype uint8
        At least one.

    Returns
    -------
    stack : ndarray of shape (n, 1, 32, widest), dtype uint8
    """
    widest = max(strip.shape[1] for strip in strips)
    stack = np.zeros((len(strips), 1, HEIGHT, widest), dtype=np.uint8)
    for row, strip in zip(stack, strips, strict=True):
        row[0, :, : strip.shape[1]] = strip
    return stack


LogPosteriors = NDArray[np.float32]


def compute_log_posteriors(
    run: Run,
    layout: Layout,
    strips: Sequence[Strip],
    *,
    width: float = 1.0,
    temperature: float = 1.0,
) -> list[LogPosteriors]:
    """Run a network over strips.

    Parameters
    ----------
    run : callable
        Computes the logits of a batch.

    layout : Layout
        Of the network.

    strips : sequence of n ndarrays of shape (32, width), dtype uint8
        Ink 255 on 0.

    width : float, default=1.0
        What the strips' widths are multiplied by.

    temperature : float, default=1.0
        What the logits are divided by.

    Returns
    -------
    log_posteriors : list of n ndarrays of shape (n_positions, n_symbols + 1)
        Of each strip as if it had been alone, dtype float32.

    Notes
    -----
    Strips of about the same width share a batch. Memory and time grow with the
    sum of the widths.
    """
    found: list[LogPosteriors] = [np.empty((0, 0), dtype=np.float32)] * len(strips)
    for places in cut_batches([strip.shape[1] for strip in strips]):
        batch = [strips[place] for place in places]
        stack = stack_strips(batch).astype(np.float32) / np.float32(255)
        logits = run(_stretch(stack, width)).transpose(0, 2, 1)
        rows = log_softmax(logits / np.float32(temperature), axis=2)
        for place, row, strip in zip(places, rows, batch, strict=True):
            own = max(1, round(strip.shape[1] * width))
            found[place] = row[: layout.n_positions(own)]
    return found


def _stretch(stack: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    if width == 1:
        return stack
    # Background to the right of the widest strip too, as the others have it, and a
    # column at least is left.
    n_from = stack.shape[-1] + max(2, math.ceil(1 / width))
    matrix = resizing_matrix(n_from, math.floor(n_from * width), width)
    return stack @ matrix[:, : stack.shape[-1]].T
