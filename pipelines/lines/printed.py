"""Tell printed lines of a field from long straight strokes of its writing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.fields.rules import Rule, cover_rules, erase_rules
from pipelines.fields.straight import find_straight, is_ruled, is_thicker
from pipelines.images import Mask, find_components

# Sides of a frame are at least so long, as a share of the field's.
LEAST_SIDE: Final = 0.4

# Lines meet, and end at a side of the field, within so many pixels and half their
# thickness: scans blur corners.
_NEAR = 3.0

# Walls stand at right angles to the lines that they meet.
_SQUARE = 0.03

# A line across is printed if it is longer than so many digits are high, or spans the
# field or its writing and is longer than this; bars of digits are half as long.
_LONG = 2.2
_SPANNING = 0.9
_LONG_SPANNING = 1.5

# What strikes writing out runs through its middle.
_MIDDLE = 0.25

# A wall of a frame or of a neighbour's box is taller than the writing by this share;
# one that ends freely in the field by less, if it has a corner of its own.
_TALLER = 0.3
_BEYOND = 0.1

# A wall that is thicker than its rows by more than this has a stroke beside it.
_ALIKE = 1.0

# Components lower than this share of the field are no writing to compare with.
_LEAST_WRITING = 0.12


@dataclass(frozen=True)
class PrintedLines:
    """What of the straight lines of a field is the print of a frame or of walls.

    Attributes
    ----------
    rules : list of Rule
        The printed ones. A ruling line that no wall meets is not among them: readers
        know these, and writing stands in them.

    doubtful : list of Rule
        Upright lines that look like a printed wall, and may be a one or hide one.
    """

    rules: list[Rule]
    doubtful: list[Rule]


@dataclass(frozen=True)
class _Extent:
    """Where the writing is; of no height where there is nothing but lines."""

    top: float
    bottom: float
    left: float
    right: float

    @property
    def height(self) -> float:
        return self.bottom - self.top


@dataclass(frozen=True)
class _Writing:
    """Where the writing is: what a line leaves of it, and what does not touch the line.

    A stem with a bowl is a nine, and no wall that a small loop touches.
    """

    rest: _Extent
    alone: _Extent

    @property
    def height(self) -> float:
        return max(self.rest.height, self.alone.height)

    @property
    def top(self) -> float:
        return min(self.rest.top, self.alone.top)

    @property
    def bottom(self) -> float:
        return max(self.rest.bottom, self.alone.bottom)


def find_printed_lines(dark: Mask, min_length: float = LEAST_SIDE) -> PrintedLines:
    """Find the frames and walls of a field among its straight lines.

    A line across the field is printed if it is far longer than digits are high, and
    does not strike them out. An upright line is a one unless its surroundings make a
    wall of it: it ends where printed lines end, at both ends or, taller than the
    writing, at one; or it runs the whole height of a field that is higher than its
    writing.

    Parameters
    ----------
    dark : ndarray of shape (height, width), dtype uint8
        1 on ink and print, 0 on paper.

    min_length : float, default=0.4
        Shorter lines are none, as a share of the side of the field that they run along.

    Returns
    -------
    lines : PrintedLines
        Whether an upright line is writing may be in doubt.

    Examples
    --------
    >>> import cv2
    >>> import numpy as np
    >>> from pipelines.lines.printed import find_printed_lines
    >>> dark = np.zeros((80, 200), np.uint8)
    >>> dark = cv2.rectangle(dark, (10, 10), (190, 70), 1, 2)
    >>> dark[20:62, 30:34] = 1  # a one
    >>> [rule.vertical for rule in find_printed_lines(dark).rules]
    [False, False, True, True]
    """
    height, width = dark.shape
    across = find_straight(dark, min_length * width, vertical=False)
    upright = find_straight(dark, min_length * height, vertical=True)
    rows = _find_rows(dark, across, upright)
    walls = [line for line in upright if len(_corners(line, rows, upright)) > 1]
    walls += [line for line in upright if _is_of_table(line, rows, dark.shape)]
    ink = erase_rules(dark, [*rows, *(_without_one(wall, rows) for wall in walls)])
    doubtful = []
    for line in upright:
        if any(line is wall for wall in walls):
            continue
        case = _Upright(line, rows, upright, _writing_beside(ink, line), dark)
        if case.is_wall():
            walls.append(line)
        elif case.may_be_wall(across):
            doubtful.append(line)
    rules = [_without_one(wall, rows) for wall in walls]
    doubtful += [w for w, rule in zip(walls, rules, strict=True) if w is not rule]
    framing = [row for row in rows if any(_met(wall, [row]) for wall in rules)]
    return PrintedLines([*framing, *rules], doubtful)


def _find_rows(
    dark: Mask, across: Sequence[Rule], upright: Sequence[Rule]
) -> list[Rule]:
    """Find the printed ones of the lines across a field."""
    through = [line for line in upright if _runs_through(line, dark.shape)]
    between = [line for line in upright if len(_met(line, across)) > 1]
    ink = erase_rules(dark, between)
    return [
        line
        for line in across
        if _has_two_walls(line, upright)
        or _is_of_grid(line, through, dark.shape)
        or _is_long(line, _writing_beside(ink, line), dark.shape)
    ]


def _writing_beside(ink: Mask, line: Rule) -> _Writing:
    """Find the writing, but for a line of which it may be a part."""
    labels, stats, _ = find_components(ink)
    own = np.unique(labels[cover_rules(ink.shape, [line]) > 0])
    alone = np.delete(stats, np.append(own, 0), axis=0)
    rest = find_components(erase_rules(ink, [line])).stats[1:]
    return _Writing(_find_extent(rest, len(ink)), _find_extent(alone, len(ink)))


def _without_one(wall: Rule, rows: Sequence[Rule]) -> Rule:
    """Narrow a wall that is thicker than its rows: a one touches it on the inside."""
    for row in rows:
        side = _corner(row, wall)
        if side and wall.thickness > row.thickness + _ALIKE:
            shift = side * (wall.thickness - row.thickness) / 2
            thickness = row.thickness
            return replace(wall, offset=wall.offset + shift, thickness=thickness)
    return wall


def _find_extent(stats: NDArray[np.int32], n_rows: int) -> _Extent:
    """Find the middle rows of the tall components, and the columns of all of them."""
    lefts, tops, widths, heights = stats.T[:4]
    tall = heights >= max(0.5 * heights.max(initial=0), _LEAST_WRITING * n_rows)
    if not tall.any():
        return _Extent(0.0, 0.0, 0.0, 0.0)
    return _Extent(
        float(np.median(tops[tall])),
        float(np.median((tops + heights)[tall])),
        float(lefts[tall].min()),
        float((lefts + widths)[tall].max()),
    )


def _is_long(line: Rule, writing: _Writing, shape: tuple[int, ...]) -> bool:
    """Return whether a line across is too long for a bar, and strikes nothing out."""
    length = line.stop - line.start
    row = line.centre((line.start + line.stop) / 2)
    rest = writing.rest
    margin = _MIDDLE * rest.height
    if rest.top + margin < row < rest.bottom - margin:
        return False
    if not writing.alone.height:
        return length >= _LONG * (rest.height or shape[0])
    left, right = writing.rest.left + _NEAR, writing.rest.right - _NEAR
    spans = length >= _SPANNING * shape[1] or (
        line.start <= left and line.stop >= right
    )
    return length >= (_LONG_SPANNING if spans else _LONG) * writing.height


def _runs_through(line: Rule, shape: tuple[int, ...]) -> bool:
    """Return whether a line runs from the upper to the lower side of the field."""
    return line.stop - line.start >= _SPANNING * shape[0]


def _met(line: Rule, rows: Sequence[Rule]) -> list[Rule]:
    """List the lines across that an upright line ends at or crosses."""
    met = []
    for row in rows:
        level = row.centre(line.centre(line.start))
        near = _NEAR + row.thickness / 2
        if (
            line.start - near <= level <= line.stop + near
            and row.start - near <= line.centre(level) <= row.stop + near
        ):
            met.append(row)
    return met


def _is_of_grid(line: Rule, through: Sequence[Rule], shape: tuple[int, ...]) -> bool:
    """Return whether two lines cross a third, all of them from side to side."""
    spans = line.stop - line.start >= _SPANNING * shape[1]
    return spans and sum(bool(_met(wall, [line])) for wall in through) > 1


def _has_two_walls(line: Rule, upright: Sequence[Rule]) -> bool:
    """Return whether upright lines begin or end at both ends of a line across."""
    corners = [_corner(line, wall) for wall in upright]
    return -1 in corners and 1 in corners


def _corner(row: Rule, wall: Rule) -> int:
    """Return at which end of a row a wall ends: -1, 1, or 0 if at none."""
    column = wall.centre(row.centre(wall.centre(wall.start)))
    level = row.centre(column)
    near = _NEAR + (row.thickness + wall.thickness) / 2
    if min(abs(level - wall.start), abs(level - wall.stop)) > near:
        return 0
    if abs(row.slope + wall.slope) > _SQUARE:
        return 0
    if abs(column - row.start) <= near:
        return -1
    return 1 if abs(column - row.stop) <= near else 0


def _corners(line: Rule, rows: Sequence[Rule], others: Sequence[Rule]) -> list[Rule]:
    """List the rows at whose end a line stands, where no other stands further out."""
    corners = []
    for row in rows:
        side = _corner(row, line)
        rivals = [other for other in others if _corner(row, other) == side]
        own = line.centre(line.start)
        if side and all(side * (own - o.centre(o.start)) >= 0 for o in rivals):
            corners.append(row)
    return corners


def _is_of_table(line: Rule, rows: Sequence[Rule], shape: tuple[int, ...]) -> bool:
    """Return whether an upright line crosses two rows, from side to side."""
    crossed = [
        row
        for row in rows
        if line.start + 2 * _NEAR
        < row.centre(line.centre(line.start))
        < line.stop - 2 * _NEAR
    ]
    return _runs_through(line, shape) and len(crossed) > 1


@dataclass(frozen=True)
class _Upright:
    """An upright line, and what there is round it."""

    line: Rule
    rows: Sequence[Rule]
    others: Sequence[Rule]
    writing: _Writing
    dark: Mask

    def is_wall(self) -> bool:
        """Return whether it is printed, as it is taller than the writing beside it."""
        if not self.writing.alone.height:
            return False
        length = self.line.stop - self.line.start
        is_taller = length >= (1 + _TALLER) * self.writing.height
        if is_taller and self._is_cut():
            return is_ruled(self.dark, self.line)
        if len(_met(self.line, self.rows)) > 1:
            return is_taller and self._is_alike() and is_ruled(self.dark, self.line)
        corners = self._corners()
        return bool(corners) and self._leaves_writing(corners[0])

    def _is_cut(self) -> bool:
        """Return whether both the upper and the lower side of the field cut it."""
        return self.line.start <= 1 and self.line.stop >= self.dark.shape[0] - 1

    def may_be_wall(self, across: Sequence[Rule]) -> bool:
        """Return whether it stands where a wall would, and looks like one."""
        # The side of the field ends a line where no corner is.
        width = self.dark.shape[1]
        ended = [row for row in across if row.start > _NEAR or row.stop < width - _NEAR]
        case = replace(self, rows=ended)
        if case._is_alike() and case._corners():
            return True
        return self._is_alike() and len(_met(self.line, self.rows)) > 1

    def _corners(self) -> list[Rule]:
        return _corners(self.line, self.rows, self.others)

    def _is_alike(self) -> bool:
        """Return whether it is as thick as the rows, and at right angles to them."""
        return any(
            not is_thicker(self.line, row)
            and not is_thicker(row, self.line)
            and abs(self.line.slope + row.slope) <= _SQUARE
            for row in self.rows
        )

    def _leaves_writing(self, row: Rule) -> bool:
        """Return whether it goes beyond the writing where it ends freely."""
        line, writing = self.line, self.writing
        level = row.centre(line.centre(line.start))
        if abs(level - line.stop) < abs(level - line.start):  # it stands on the row
            return bool(line.start < writing.top - _BEYOND * writing.height)
        return bool(line.stop > writing.bottom + _BEYOND * writing.height)
