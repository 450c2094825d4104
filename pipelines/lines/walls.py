"""Tell the walls of a comb from ones and stems that stand in a frame like some."""

from pipelines.fields.combs import Frame
from pipelines.fields.rules import Rule
from pipelines.fields.straight import find_straight, is_ruled, is_thicker
from pipelines.images import Mask

# What is dark between the rows of a comb, and how far from its place a wall may stand,
# in pixels and as shares of their distance and of that of the walls.
_LEAST_WALL = 0.75
_NEAR = 3.0
_OFF = 0.05

# Writing does not stand so often at equal distances; walls of dots are no lines.
_MANY = 6

# Walls are so far from upright in a comb that lies straight.
_TILT = 0.03

# Walls of a comb may be faint, or hidden by writing: not most of them.
_MOST_WALLS = 0.5


def has_walls(dark: Mask, frame: Frame, *, is_whole: bool) -> bool:
    """Return whether a comb has walls of print.

    Parameters
    ----------
    dark : ndarray of shape (height, width), dtype uint8
        1 on ink and print, 0 on paper; the comb lies straight in it.

    frame : Frame
        Where its boxes are.

    is_whole : bool
        Whether it is dark all along every wall. Writing may then hide that they are
        straight lines.

    Returns
    -------
    has_walls : bool
        False where most are as broad as a pen beside the rows, and where most are no
        straight lines from the one row to the other.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.combs import Frame
    >>> from pipelines.lines.walls import has_walls
    >>> dark = np.zeros((60, 120), np.uint8)
    >>> dark[[10, 11, 48, 49], 10:110] = 1
    >>> has_walls(dark, Frame(10, 10, 110, 50, 2), is_whole=False)
    False
    >>> dark[10:50, 59:61] = 1
    >>> has_walls(dark, Frame(10, 10, 110, 50, 2), is_whole=False)
    True
    """
    width = frame.right - frame.left
    rows = find_straight(dark, _LEAST_WALL * width, vertical=False)
    walls = _inner_walls(dark, frame)
    n_inner = frame.digits - 1
    # A pen is broader than the lines of a form.
    n_broad = sum(
        bool(rows) and all(is_thicker(wall, row) for row in rows) for wall in walls
    )
    if n_broad > _MOST_WALLS * n_inner:
        return False
    if len(walls) >= _MOST_WALLS * n_inner:
        return True
    # One or two that look like walls may be ones.
    return n_inner >= _MANY or (is_whole and n_inner > 2)


def has_ruled_walls(dark: Mask, frame: Frame) -> bool:
    """Return whether all inner walls of an empty comb are ruled, from row to row.

    Parameters
    ----------
    dark : ndarray of shape (height, width), dtype uint8
        1 on ink and print, 0 on paper; the comb lies straight in it.

    frame : Frame
        Where its boxes are.

    Returns
    -------
    has_ruled_walls : bool
        False where the walls may be all that is written.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.combs import Frame
    >>> from pipelines.lines.walls import has_ruled_walls
    >>> dark = np.zeros((60, 120), np.uint8)
    >>> dark[10:50, 59:61] = 1
    >>> has_ruled_walls(dark, Frame(10, 10, 110, 50, 2))
    True
    """
    walls = [
        wall
        for wall in _inner_walls(dark, frame)
        if abs(wall.start - frame.top) <= _NEAR + wall.thickness
        and abs(wall.stop - frame.bottom) <= _NEAR + wall.thickness
        and is_ruled(dark, wall)
    ]
    return len(walls) == frame.digits - 1


def _inner_walls(dark: Mask, frame: Frame) -> list[Rule]:
    """Find straight lines from row to row where walls of a comb are due."""
    height = frame.bottom - frame.top
    lines = [
        line
        for line in find_straight(dark, _LEAST_WALL * height, vertical=True)
        if abs(line.slope) <= _TILT
        and line.start <= frame.top + _NEAR
        and line.stop >= frame.bottom - _NEAR
    ]
    pitch = (frame.right - frame.left) / frame.digits
    middle = (frame.top + frame.bottom) / 2
    walls = []
    for n in range(1, frame.digits):
        column = frame.left + n * pitch
        near = _NEAR + _OFF * pitch
        own = [line for line in lines if abs(line.centre(middle) - column) <= near]
        walls += own[:1]
    return walls
