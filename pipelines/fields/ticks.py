"""Find combs that are a baseline with ticks on it, or a frame with ticks in it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.fields.cells import Cell, PageLines
from pipelines.images import find_components

# Lengths in millimetres. A baseline is at least two boxes long and is a line.
_MIN_BASELINE_MM = 8.0
_MAX_THICKNESS_MM = 1.2

# Ticks are looked for in this band above the baseline: any shorter ones would
# be serifs, and a rough line has teeth of its own below it.
_BAND_MM = (0.4, 1.2)

# The pitches of printed combs lie between 3.5 mm (typewritten) and 12 mm.
_MIN_PITCH_MM = 2.8
_MAX_PITCH_MM = 15.0

# Writing above a short tick is taller than the pitch, as digits are.
_WRITING_HEIGHT = 1.3

# Print above the ticks, in mm^2: as inside a box, and more in a longer row.
_PRINT_MM2 = 0.25


def find_ticked(lines: PageLines, cells: Sequence[Cell]) -> Iterator[list[Cell]]:
    """Find rows of boxes of which only the floor and short walls are drawn.

    Parameters
    ----------
    lines : PageLines
        What is printed on the page.

    cells : sequence of Cell
        The closed cells of the page. A baseline that is the floor of one of
        them gives boxes as high as that.

    Yields
    ------
    row : list of Cell
        The boxes of one comb, from left to right, upright.
    """
    for left, right, floor in _baselines(lines):
        ticks = _ticks(lines, left, right, floor)
        walls = _at_constant_pitch(ticks, left, right, lines.mm)
        if walls is None:
            continue
        height = _height(lines, walls, floor, cells)
        row = [
            Cell((a + b) / 2, floor - height / 2, b - a - 1, height, 0.0)
            for a, b in pairwise(walls)
        ]
        if height <= floor and not _has_print(lines, row):
            yield row


def _baselines(lines: PageLines) -> Iterator[tuple[int, int, int]]:
    """Yield the long level lines of a page: left, right and upper edge."""
    length = round(_MIN_BASELINE_MM * lines.mm)
    runs = cv2.morphologyEx(
        lines.ink, cv2.MORPH_OPEN, np.ones((1, length), dtype=np.uint8)
    )
    stats = find_components(runs).stats
    for left, top, width, height, _ in stats[1:].tolist():
        if height <= _MAX_THICKNESS_MM * lines.mm:
            yield left, left + width, top


def _ticks(lines: PageLines, left: int, right: int, floor: int) -> list[float]:
    """Find the middles of the ticks that stand on a baseline."""
    near, far = (max(round(edge * lines.mm), 1) for edge in _BAND_MM)
    margin = round(0.5 * lines.mm)
    left = max(left - margin, 0)
    band = lines.ink[max(floor - far, 0) : max(floor - near, 0), left : right + margin]
    if band.shape[0] == 0:
        return []
    edges = np.flatnonzero(np.diff(np.pad(band.mean(axis=0) > 0.8, 1).astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    if (stops - starts > _MAX_THICKNESS_MM * lines.mm).any():
        return []
    return (left + (starts + stops - 1) / 2).tolist()


def _at_constant_pitch(
    ticks: Sequence[float], left: int, right: int, mm: float
) -> NDArray[np.float64] | None:
    """Return the walls if ticks part a baseline into equal boxes, else None."""
    if len(ticks) < 2:
        return None
    steps = np.diff(ticks)
    pitch = float(np.median(steps))
    if not _MIN_PITCH_MM * mm < pitch < _MAX_PITCH_MM * mm:
        return None
    walls = list(ticks)
    # The outer boxes may end where the baseline does.
    if abs(walls[0] - left - pitch) < 0.15 * pitch:
        walls.insert(0, float(left))
    if abs(right - 1 - walls[-1] - pitch) < 0.15 * pitch:
        walls.append(float(right - 1))
    to_ends = max(abs(walls[0] - left), abs(right - 1 - walls[-1]))
    if len(walls) < 3 or to_ends > 0.2 * pitch:
        return None
    steps = np.diff(walls)
    return np.array(walls) if np.ptp(steps) < 0.2 * pitch else None


def _height(
    lines: PageLines, walls: NDArray[np.float64], floor: int, cells: Sequence[Cell]
) -> float:
    """Return how high the boxes are: as their frame, their ticks or a digit."""
    middle = (walls[0] + walls[-1]) / 2
    length = walls[-1] - walls[0]
    for cell in cells:
        on_floor = abs(cell.y + cell.height / 2 - floor) < lines.mm
        as_long = abs(cell.width - length) < 2 * lines.mm
        if on_floor and as_long and abs(cell.x - middle) < lines.mm:
            return cell.height
    columns = lines.ink[:floor, np.rint(walls[1:-1]).astype(int)]
    # From the floor up to the first paper; some levels of slack for a rough edge.
    paper = [np.flatnonzero(column[::-1][2:] == 0) for column in columns.T]
    tick = float(np.median([rows[0] if rows.size else floor for rows in paper]))
    pitch = length / (len(walls) - 1)
    return max(tick, _WRITING_HEIGHT * pitch)


def _has_print(lines: PageLines, row: Sequence[Cell]) -> bool:
    """Return whether something is printed where the digits are to stand."""
    limit = _PRINT_MM2 * lines.mm**2
    for cell in row:
        inset = 0.15 * cell.width
        left, right = (
            round(cell.x - cell.width / 2 + inset),
            round(cell.x + cell.width / 2 - inset),
        )
        top = round(cell.y - cell.height / 2 + 0.1 * cell.height)
        bottom = round(cell.y + cell.height / 2 - 0.1 * cell.height)
        if cv2.countNonZero(lines.dark[top:bottom, left:right]) > limit:
            return True
    return False
