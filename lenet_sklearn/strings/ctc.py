"""Connectionist temporal classification: paths, strings and their probabilities.

A path gives every position a symbol or the blank; its string is what is left when
runs of the same symbol are merged and blanks dropped. The blank is the last column.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.strings.strips import Strip

Symbols = tuple[int, ...]

# Impossible, and still a number: the differences of two are no NaN.
_NEVER = -1e30


def positions_needed(symbols: Sequence[int]) -> int:
    """Count the positions a string takes at least.

    Parameters
    ----------
    symbols : sequence of int
        The string.

    Returns
    -------
    n_positions : int
        One for each symbol, and one for the blank between two equal ones.

    Examples
    --------
    >>> from lenet_sklearn.strings.ctc import positions_needed
    >>> positions_needed([1, 0, 0])
    4
    """
    repeats = sum(a == b for a, b in pairwise(symbols))
    return len(symbols) + repeats


def score_strings(
    log_posteriors: Sequence[NDArray[np.float32]], strings: Sequence[Symbols]
) -> NDArray[np.float64]:
    """Sum the probabilities of all paths that say a string.

    Parameters
    ----------
    log_posteriors : sequence of n ndarrays of shape (n_positions, n_symbols + 1)
        Logarithms of the posteriors along each field; the same array may stand
        there for several strings.

    strings : sequence of n tuples of int
        One for each.

    Returns
    -------
    log_probabilities : ndarray of shape (n,), dtype float64
        Minus infinity where a field is too narrow for its string.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.strings.ctc import score_strings
    >>> field = np.log(np.full((2, 2), 0.5))  # paths 00, 0-, -0 of four say 0
    >>> float(np.exp(score_strings([field], [(0,)])[0]))
    0.75
    """
    if not strings:
        return np.zeros(0)
    lengths = np.array([len(field) for field in log_posteriors])
    emissions, can_skip, n_states = _lay_out_states(log_posteriors, strings)
    # Paths start with the blank or with the first symbol.
    alive = emissions[0] * (np.arange(emissions.shape[2]) < 2)
    scores = np.zeros(len(strings))
    for position, emission in enumerate(emissions):
        if position:
            before = np.pad(alive, ((0, 0), (2, 0)))
            reached = alive + before[:, 1:-1] + before[:, :-2] * can_skip
            here = (position < lengths)[:, None]
            alive = np.where(here, reached * emission, alive)
        # Kept near 1: products over a long field would leave the range of floats.
        totals = alive.sum(axis=1, keepdims=True)
        alive = np.divide(alive, totals, out=alive, where=totals > 0)
        with np.errstate(divide="ignore"):
            scores += np.log(totals[:, 0])
    rows = np.arange(len(strings))
    ends = alive[rows, n_states - 1]
    ends += np.where(n_states > 1, alive[rows, np.maximum(n_states - 2, 0)], 0.0)
    with np.errstate(divide="ignore"):
        found: NDArray[np.float64] = scores + np.log(ends)
    return found


def align(log_posteriors: NDArray[np.float32], symbols: Symbols) -> list[float]:
    """Find where on the most probable path of a string its symbols stand.

    Parameters
    ----------
    log_posteriors : ndarray of shape (n_positions, n_symbols + 1)
        Logarithms of the posteriors along a field.

    symbols : tuple of int
        The string.

    Returns
    -------
    positions : list of float
        One for each symbol, rising: the mean of the positions that are given to
        it, each weighted by the symbol's posterior there.

    Raises
    ------
    ValueError
        If the field has too few positions for the string.

    Notes
    -----
    Takes memory and time for the number of positions times that of symbols.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.strings.ctc import align
    >>> align(np.log(np.eye(3)[[2, 0, 2, 2, 1]] + 1e-6), (0, 1))
    [1.0, 4.0]
    """
    if len(log_posteriors) < positions_needed(symbols):
        raise ValueError(
            f"A string of {len(symbols)} symbols has no room in"
            f" {len(log_posteriors)} positions. Widen the strip, or take a shorter"
            " string."
        )
    states = _best_states(log_posteriors, symbols)
    positions = []
    for place, symbol in enumerate(symbols):
        (run,) = np.nonzero(states == 2 * place + 1)
        scores = log_posteriors[run, symbol]
        weights = np.exp(scores - scores.max())
        positions.append(float(np.average(run, weights=weights)))
    return positions


def _best_states(
    log_posteriors: NDArray[np.float32], symbols: Symbols
) -> NDArray[np.int64]:
    """Viterbi over the string with a blank (even states) around each symbol."""
    labels = np.full(2 * len(symbols) + 1, log_posteriors.shape[1] - 1)
    labels[1::2] = symbols
    # The blank between two symbols may be left out, if they differ.
    skips = np.zeros(len(labels), dtype=bool)
    skips[3::2] = labels[3::2] != labels[1:-2:2]
    scores = np.full(len(labels) + 2, _NEVER)
    scores[2] = 0.0
    back = np.zeros((len(log_posteriors), len(labels)), dtype=np.int8)
    for t, row in enumerate(log_posteriors):
        skipped = np.where(skips, scores[:-2], _NEVER)
        choices = np.stack([scores[2:], scores[1:-1], skipped])
        back[t] = choices.argmax(axis=0)
        scores[2:] = choices.max(axis=0) + row[labels]
    # A path ends in the last symbol or in the blank behind it.
    state = len(labels) - 1
    if symbols and scores[-2] > scores[-1]:
        state -= 1
    return _trace_back(back, state)


def _trace_back(back: NDArray[np.int8], state: int) -> NDArray[np.int64]:
    states = np.empty(len(back), dtype=np.int64)
    for t in range(len(back) - 1, -1, -1):
        states[t] = state
        state -= int(back[t, state])
    return states


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
    >>> from lenet_sklearn.strings.ctc import place_characters
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


def _lay_out_states(
    log_posteriors: Sequence[NDArray[np.float32]], strings: Sequence[Symbols]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Probabilities of the states of all paths: blank, symbol, blank, symbol, blank.

    Returns their probabilities of shape (n_positions, n, n_states), which of them can
    be reached past the blank before them, and how many there are of each string.
    """
    n_states = np.array([2 * len(string) + 1 for string in strings])
    n_positions = max(len(field) for field in log_posteriors)
    emissions = np.zeros((n_positions, len(strings), int(n_states.max())))
    can_skip = np.zeros(emissions.shape[1:], dtype=bool)
    for row, (field, string) in enumerate(zip(log_posteriors, strings, strict=True)):
        columns = np.full(n_states[row], field.shape[1] - 1)
        columns[1::2] = string
        taken = np.exp(field[:, columns].astype(np.float64))
        emissions[: len(field), row, : len(columns)] = taken
        can_skip[row, 3 : len(columns) : 2] = columns[3::2] != columns[1:-2:2]
    return emissions, can_skip, n_states
