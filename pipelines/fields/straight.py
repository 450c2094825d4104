"""Find straight lines in a field, tilted as scans are."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.fields.frames import runs
from pipelines.fields.rules import Rule
from pipelines.images import Floats, Mask

# Scans lie askew by 4 degrees at most; what leans more is a stroke.
_STEEPEST = 0.07

# Of two slopes tried, one drops by so many pixels more than the other over the field.
_STEP = 0.7

# Of so many slopes and rows next to each other one line is looked at.
_APART = (5, 3)

# Dust and salt break a printed line for so many pixels.
_GAP = 3

# A printed line is thinner than this share of its length, and than so many pixels at
# the size at which fields are searched.
_THICKEST_SHARE = 0.2
_THICKEST = 12

# Of a printed line nearly every pixel is dark; a bar of writing has bends.
_UNBROKEN = 0.94

# Its thickness differs by no more pixels, or by this share, over so much of its length:
# strokes touch the rest.
_RAGGED = 1.5
_RAGGED_SHARE = 0.3
_LEAST_EVEN = 0.4

# Of a ruled line so much is even to a pixel, and its middle straight to this deviation:
# a pixel is half of it.
_RULED_SHARE = 0.88
_RULED_OFF = 0.3

# Lines of one print differ in thickness by no more pixels, or by this share.
_ALIKE = 1.0
_ALIKE_SHARE = 0.35

# A line may be a pixel off, up or down.
_COLUMN = np.ones((3, 1), np.uint8)


def find_straight(dark: Mask, least: float, *, vertical: bool) -> list[Rule]:
    """Find all straight thin lines of some length, along one axis of a field.

    Pixels vote for the lines of all slopes that they lie on; the lines with the most
    votes are looked at first, and what lies on them votes no more.

    Parameters
    ----------
    dark : ndarray of shape (height, width), dtype uint8
        1 where the image is dark, 0 where it is paper.

    least : float
        Least length in pixels.

    vertical : bool
        Whether the lines run down the image rather than across it.

    Returns
    -------
    lines : list of Rule
        The longest first. Long straight strokes of writing are among them: what is a
        line by its look alone is not printed yet.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.straight import find_straight
    >>> dark = np.zeros((40, 100), np.uint8)
    >>> dark[30:32, 10:90] = 1
    >>> dark[5:25, 50:53] = 1  # too short
    >>> [line] = find_straight(dark, 50, vertical=False)
    >>> line.start, line.stop, line.thickness
    (10, 90, 2.0)
    """
    across = np.ascontiguousarray(dark.T if vertical else dark)
    rest = across.copy()
    wide = _widen(rest)
    columns = np.arange(across.shape[1])
    found: list[Rule] = []
    for rows in _voted(across, least):
        # Outside the field nothing is dark.
        levels = np.clip(np.rint(rows).astype(np.int64) + 1, 0, len(across) + 1)
        for start, stop in _dark_runs(wide[levels, columns], least):
            line = _fit(across, rows, start, stop, vertical)
            _wipe(rest, line)
            wide = _widen(rest)
            if _is_printable(across, line):
                found.append(line)
    return sorted(found, key=lambda line: line.start - line.stop)


def _widen(dark: Mask) -> Mask:
    """Widen lines by a pixel up and down, and add a row above and one below."""
    padded = cv2.copyMakeBorder(cv2.dilate(dark, _COLUMN), 1, 1, 0, 0, 0, value=0)
    return np.asarray(padded, dtype=np.uint8)


def _voted(across: Mask, least: float) -> list[NDArray[np.float64]]:
    """List the rows, in every column, of lines with enough dark pixels, most first."""
    ys, xs = np.nonzero(across)
    height, width = across.shape
    middle = (width - 1) / 2
    n_steps = int(np.ceil(_STEEPEST * width / _STEP))
    slopes = np.linspace(-_STEEPEST, _STEEPEST, 2 * n_steps + 1)
    reach = int(np.ceil(_STEEPEST * middle)) + 1
    rows = np.rint(ys - slopes[:, None] * (xs - middle)).astype(np.int64) + reach
    n_rows = height + 2 * reach
    own = n_rows * np.arange(len(slopes))[:, None]
    votes = np.bincount((rows + own).ravel(), minlength=n_rows * len(slopes))
    table = votes.reshape(len(slopes), n_rows).astype(np.float32)
    # Next to a line lie others that have nearly as many votes.
    is_peak = table == cv2.dilate(table, np.ones(_APART, np.uint8))
    steps, first = np.nonzero(is_peak & (table >= _UNBROKEN * least))
    order = np.argsort(-table[steps, first], kind="stable")
    columns = np.arange(width) - middle
    return list((first[order] - reach)[:, None] + slopes[steps[order], None] * columns)


def _dark_runs(hit: Mask, least: float) -> list[tuple[int, int]]:
    """Return where a line is dark for long enough, short gaps aside."""
    if np.count_nonzero(hit) < _UNBROKEN * least:
        return []
    ends = runs(hit > 0)
    joined = ends[:1]
    for start, stop in ends[1:]:
        if start - joined[-1][1] <= _GAP:
            joined[-1] = joined[-1][0], stop
        else:
            joined.append((start, stop))
    return [(start, stop) for start, stop in joined if stop - start >= least]


def _fit(
    across: Mask, centre: NDArray[np.float64], start: int, stop: int, vertical: bool
) -> Rule:
    """Fit a line to the middles of what is dark about a part of a line."""
    columns = np.arange(start, stop)
    slope = (centre[-1] - centre[0]) / max(len(centre) - 1, 1)
    offset = float(centre[0])
    thickness = 0.0
    for _ in range(2):
        upper, lower = _sides(across, offset + slope * columns, columns)
        dark = upper + lower > 0
        thick = upper + lower - 1
        # A part of a printed line may have writing all along it.
        thickness = float(np.quantile(thick[dark], 0.25)) if dark.any() else 0.0
        clean = dark & (np.abs(thick - thickness) <= _even(thickness))
        if np.count_nonzero(clean) < 2:
            break
        rows = np.rint(offset + slope * columns) + (lower - upper) / 2
        slope, offset = np.polyfit(columns[clean], rows[clean], 1)
    return Rule(vertical, float(offset), float(slope), thickness, start, stop)


def is_ruled(dark: Mask, line: Rule) -> bool:
    """Return whether a line is as straight and even as a ruler makes it.

    Parameters
    ----------
    dark : ndarray of shape (height, width), dtype uint8
        1 where the image is dark, 0 where it is paper.

    line : Rule
        From :func:`find_straight`. Strokes of a hand are, too, by half a pixel.

    Returns
    -------
    is_ruled : bool
        False of most strokes of a pen.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.straight import find_straight, is_ruled
    >>> dark = np.zeros((100, 40), np.uint8)
    >>> dark[:, 10:13] = 1
    >>> is_ruled(dark, find_straight(dark, 80, vertical=True)[0])
    True
    """
    across = dark.T if line.vertical else dark
    # Other lines meet it at its ends.
    trim = round(line.thickness) + 2
    columns = np.arange(line.start + trim, max(line.stop - trim, line.start + trim + 1))
    centre = line.centre(columns)
    upper, lower = _sides(np.ascontiguousarray(across), centre, columns)
    even = np.abs(upper + lower - 1 - line.thickness) <= 1
    middles = np.rint(centre) + (lower - upper) / 2 - centre
    return bool(np.mean(even) >= _RULED_SHARE and np.std(middles[even]) <= _RULED_OFF)


def is_thicker(line: Rule, other: Rule) -> bool:
    """Return whether a line is thicker than another by more than one print varies.

    Parameters
    ----------
    line, other : Rule
        Two lines of a field.

    Returns
    -------
    is_thicker : bool
        False if they may be of one print.

    Examples
    --------
    >>> from pipelines.fields.rules import Rule
    >>> from pipelines.fields.straight import is_thicker
    >>> thin, medium, thick = (Rule(True, 9, 0, t, 0, 50) for t in (2, 3, 4))
    >>> is_thicker(medium, thin), is_thicker(thick, thin)
    (False, True)
    """
    most = other.thickness + max(_ALIKE, _ALIKE_SHARE * other.thickness)
    return line.thickness > most


def _even(thickness: float) -> float:
    """Return by how much the thickness of a printed line varies, in pixels."""
    return max(_RAGGED, _RAGGED_SHARE * thickness)


def _sides(
    across: Mask, centre: Floats, columns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count what is dark in one piece up from a line and down from it, itself too."""
    rows = np.rint(centre).astype(np.int64)
    # The line may be a pixel off.
    beside = [_dark_in(across, rows + step, columns) for step in (-1, 0, 1)]
    shift = np.where(beside[1], 0, beside[2].astype(np.int64) - beside[0])
    steps = np.arange(-_THICKEST, _THICKEST + 1)[:, None]
    near = _dark_in(across, rows + shift + steps, columns)
    upper, lower = near[_THICKEST::-1], near[_THICKEST:]
    counts = [
        np.logical_and.accumulate(half, axis=0).sum(axis=0) for half in (upper, lower)
    ]
    return counts[0] - shift, counts[1] + shift


def _dark_in(
    across: Mask, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return where pixels are dark; outside the field none is."""
    inside = (rows >= 0) & (rows < len(across))
    levels = np.clip(rows, 0, len(across) - 1)
    return np.asarray((across[levels, columns] > 0) & inside)


def _wipe(rest: Mask, line: Rule) -> None:
    """Take the pixels of a line out of the vote, with its ragged edge."""
    reach = int(np.ceil(line.thickness / 2)) + 1
    columns = np.arange(line.start, line.stop)
    rows = np.rint(line.centre(columns)).astype(int)
    rows = np.clip(rows + np.arange(-reach, reach + 1)[:, None], 0, len(rest) - 1)
    rest[rows, columns] = 0


def _is_printable(across: Mask, line: Rule) -> bool:
    """Return whether a line is thin, without gaps and of even thickness."""
    most = min(_THICKEST, max(2.0, _THICKEST_SHARE * (line.stop - line.start)))
    if not 0 < line.thickness <= most:
        return False
    columns = np.arange(line.start, line.stop)
    upper, lower = _sides(across, line.centre(columns), columns)
    is_even = np.abs(upper + lower - 1 - line.thickness) <= _even(line.thickness)
    return bool(
        np.mean(upper + lower > 0) >= _UNBROKEN and np.mean(is_even) >= _LEAST_EVEN
    )
