"""Posteriors along many strips, wide and narrow ones in turn."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.inference import resizing_matrix
from lenet_sklearn.strings.strips import Layout, Strip, cut_batches, stack_strips

LogPosteriors = NDArray[np.float32]

# From strips of shape (n, 1, 32, width), float32, ink 1 on 0, to logits of shape
# (n, n_symbols + 1, n_positions).
Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


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
        rows = _log_softmax(logits / np.float32(temperature))
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


def _log_softmax(scores: NDArray[np.float32]) -> LogPosteriors:
    moved = scores - scores.max(axis=2, keepdims=True)
    found: LogPosteriors = moved - np.log(np.exp(moved).sum(axis=2, keepdims=True))
    return found
