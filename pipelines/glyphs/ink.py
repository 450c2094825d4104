"""Separate ink from paper, lift it off, and distinguish marks that cancel a box."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Floats, Image, Mask, find_components

# On flattened paper (255), grain and JPEG ringing stay above this level.
_PAPER = 225

# Ink that is darker than residues of light print and of shadows are.
_DARK_INK = 210

# With fewer dark pixels than this share, there is nothing but paper.
_LEAST_INK = 0.001


def ink_level(pixels: NDArray[np.uint8]) -> float | None:
    """Estimate the grey level of the ink among pixels of a flattened field.

    Parameters
    ----------
    pixels : ndarray of any shape, dtype uint8
        Paper of 255 and ink; no printed lines.

    Returns
    -------
    level : float or None
        None where there is only paper.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.glyphs.ink import ink_level
    >>> pixels = np.full(1000, 250, dtype=np.uint8)
    >>> ink_level(pixels) is None
    True
    >>> pixels[:60] = 40
    >>> ink_level(pixels)
    40.0
    """
    dark = pixels[pixels < _PAPER]
    if dark.size < _LEAST_INK * pixels.size or dark.size == 0:
        return None
    # The darker quarter: guides printed in light grey may outnumber the ink,
    # and black specks must not stand for a pencil.
    level = float(np.percentile(dark, 25))
    return level if level < _DARK_INK else None


# Ink that is this many deviations of the paper's grain darker than the paper is no
# grain, nor is what is darker by so many grey levels.
_GRAINS = 5.0
_LEAST_CONTRAST = 9

# Rows between two pixels whose difference shows the grain: more than the blur reaches.
_LAG = 4

# Deviation of a blur, as a share of the height of a box: strokes are wider.
_BLUR = 0.018


# What is this share as dark as the ink is ink, too, where it joins some that is half
# as dark.
_WEAK = 0.35


def smooth(field: Image, height: float) -> Image:
    """Blur a field by less than the width of a stroke.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Flattened field, dark ink on paper of 255.

    height : float
        That of its boxes, in pixels.

    Returns
    -------
    smoothed : ndarray of the same shape, dtype uint8
        With less of the grain of the paper.
    """
    return np.asarray(cv2.GaussianBlur(field, (0, 0), max(_BLUR * height, 0.4)))


def without_specks(field: Image, area: float) -> Image:
    """Replace dark specks by what is round them.

    They are blacker than any pencil, and would be taken for the ink of a faint field.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Flattened field, dark ink on paper of 255.

    area : float
        In pixels; what is smaller is a speck.

    Returns
    -------
    cleaned : ndarray of the same shape, dtype uint8

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.glyphs.ink import without_specks
    >>> field = np.full((20, 20), 240, np.uint8)
    >>> field[4:6, 4:6] = 30
    >>> bool(without_specks(field, 9).min() > 235), int(without_specks(field, 4).min())
    (True, 30)
    """
    labels, stats, _ = find_components((field < _PAPER).view(np.uint8))
    is_speck = stats[:, cv2.CC_STAT_AREA] < area
    is_speck[0] = False
    if not is_speck.any():
        return field
    specks = cv2.dilate(is_speck[labels].view(np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray(cv2.inpaint(field, specks, 2, cv2.INPAINT_TELEA))


def faint_level(inside: Image) -> float | None:
    """Estimate the grey level of ink that is hardly darker than the paper.

    Parameters
    ----------
    inside : ndarray of shape (height, width), dtype uint8
        Paper and ink of a flattened field that was smoothed; no printed lines.

    Returns
    -------
    level : float or None
        None where nothing stands out from the grain of the paper.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.glyphs.ink import faint_level
    >>> paper = np.random.default_rng(0).normal(250, 1, (40, 40))
    >>> inside = paper.clip(0, 255).astype(np.uint8)
    >>> faint_level(inside) is None
    True
    >>> inside[10:30, 8:10] = 230
    >>> faint_level(inside)
    230.0
    """
    if len(inside) <= _LAG or not inside.size:
        return None
    # Differences over a short way: few of them have ink at one end only.
    steps = inside[_LAG:].astype(np.int16) - inside[:-_LAG]
    grain = float(np.median(np.abs(steps)))  # for noise, 0.95 of its deviation
    paper = float(np.percentile(inside, 75))
    limit = paper - max(_GRAINS * grain, _LEAST_CONTRAST)
    dark = inside[inside < limit]
    if dark.size < _LEAST_INK * inside.size or dark.size == 0:
        return None
    return float(np.percentile(dark, 25))


def ink_mask(field: Image, level: float) -> Mask:
    """Mark what is as dark as ink, and what joins it and is nearly so.

    Strokes are lighter where the pen hardly touched the paper, or is thinner than a
    pixel.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Flattened field, dark ink on paper of 255.

    level : float
        Grey level of the ink, from :func:`ink_level`.

    Returns
    -------
    mask : ndarray of shape (height, width), dtype uint8
        1 where there is ink, 0 elsewhere.
    """
    strong = field < (255 + level) / 2
    weak = (field < 255 - _WEAK * (255 - level)).view(np.uint8)
    labels, stats, _ = find_components(weak)
    has_strong = np.zeros(len(stats), np.uint8)
    has_strong[labels[strong]] = 1
    return np.asarray(has_strong[labels])


def lift_ink(field: Image, mask: Mask, level: float) -> Image:
    """Lift the ink under a mask off its field.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Flattened field, dark ink on paper of 255.

    mask : ndarray of shape (height, width), dtype uint8
        1 on the ink wanted, 0 elsewhere.

    level : float
        Grey level of the ink, from :func:`ink_level`.

    Returns
    -------
    image : ndarray, dtype uint8
        The ink with its grey edges on white paper, cropped, stretched so that
        it is black.
    """
    left, top, width, height = cv2.boundingRect(mask)
    rows = slice(max(top - 1, 0), top + height + 1)
    columns = slice(max(left - 1, 0), left + width + 1)
    near = cv2.dilate(mask[rows, columns], np.ones((3, 3), np.uint8))
    paper = 255.0 - field[rows, columns]
    ink = np.clip(paper * (255 / (255 - level)), 0, 255)
    return np.where(near > 0, 255 - ink, 255).astype(np.uint8)


# The ink of a stroke lies within this share of its mark's diagonal of a line:
# half the width of a felt pen and the bend of a hasty hand.
_WANDER = 0.09

# Sides of a cross, as a share of those of its box.
_LARGE = 0.4

# Pixels of a mark that lines are fitted to: enough to see every gap.
_MOST_POINTS = 400


def is_cancelled(ink: Mask, box: tuple[int, int]) -> bool:
    """Return whether the ink in a box crosses it out.

    Marks that are told from digits: a cross, a stroke from corner to corner, a
    dash, and a scribble that fills the box.

    Parameters
    ----------
    ink : ndarray of shape (height, width), dtype uint8
        1 where there is writing, 0 elsewhere.

    box : tuple of int
        Height and width of the printed box, in pixels.

    Returns
    -------
    cancelled : bool
        False for a box without ink.

    Examples
    --------
    >>> import cv2
    >>> import numpy as np
    >>> from pipelines.glyphs.ink import is_cancelled
    >>> ink = np.zeros((60, 50), dtype=np.uint8)
    >>> _ = cv2.line(ink, (4, 5), (46, 56), 1, 3)
    >>> _ = cv2.line(ink, (45, 4), (5, 57), 1, 3)
    >>> is_cancelled(ink, (60, 50))
    True
    """
    mark = _mark(ink)
    return mark is not None and (
        _is_dash(mark, box)
        or _is_scribble(mark, box)
        or (_leaves_middles(mark) and _is_cross(mark, box))
        or _is_slash(mark, box)
    )


def _mark(ink: Mask) -> Mask | None:
    """Cut out what is written; None where nothing is."""
    left, top, width, height = cv2.boundingRect(ink)
    return ink[top : top + height, left : left + width] if width else None


def _is_dash(mark: Mask, box: tuple[int, int]) -> bool:
    """Wide and flat, where digits are upright."""
    height, width = mark.shape
    return width >= 0.3 * box[1] and height <= 0.3 * width and height < 0.3 * box[0]


def _is_scribble(mark: Mask, box: tuple[int, int]) -> bool:
    """More ink than paper over most of the box, where digits have loops."""
    height, width = mark.shape
    large = height >= 0.5 * box[0] and width >= 0.5 * box[1]
    return large and float(mark.mean()) >= 0.75


def _is_cross(mark: Mask, box: tuple[int, int]) -> bool:
    """Two straight strokes, one falling and one rising, that cross in the middle."""
    height, width = mark.shape
    if height < _LARGE * box[0] or width < _LARGE * box[1]:
        return False
    ys, xs = np.nonzero(mark)
    points = np.column_stack([xs, ys]).astype(np.float64)
    points = points[:: len(points) // _MOST_POINTS + 1]
    falling, rising = _two_lines(points, width, height)
    from_falling, from_rising = falling.distances(points), rising.distances(points)
    own, off = from_falling < from_rising, np.minimum(from_falling, from_rising)
    if np.mean(off <= _WANDER * np.hypot(height, width)) < 0.95:
        return False
    shortest = 0.5 * np.hypot(height, width)
    return (
        _is_diagonal(falling, 1)
        and _is_diagonal(rising, -1)
        and _crosses(falling, rising, points[own], shortest)
        and _crosses(rising, falling, points[~own], shortest)
    )


def _leaves_middles(mark: Mask) -> bool:
    """Return whether the middles of the upper and lower edge are free.

    They are in a cross whose strokes lean alike; most digits have ink in one.
    """
    height, width = mark.shape
    columns = slice(round(0.45 * width), round(0.55 * width) + 1)
    edge = max(1, round(0.1 * height))
    return not (mark[:edge, columns].any() or mark[-edge:, columns].any())


@dataclass(frozen=True)
class _Line:
    """A line through `centre` along a unit vector."""

    centre: Floats
    direction: Floats

    def distances(self, points: Floats) -> Floats:
        x, y = (points - self.centre).T
        return np.asarray(np.abs(x * self.direction[1] - y * self.direction[0]))

    def places(self, points: Floats) -> Floats:
        return np.asarray((points - self.centre) @ self.direction)


def _two_lines(points: Floats, width: int, height: int) -> tuple[_Line, _Line]:
    """Fit two lines, each to the points that are nearer to it than to the other."""
    centre = np.array([width, height]) / 2
    size = np.hypot(width, height)
    lines = [_Line(centre, np.array([width, sign * height]) / size) for sign in (1, -1)]
    for _ in range(4):
        first = lines[0].distances(points) < lines[1].distances(points)
        if first.sum() < 3 or (~first).sum() < 3:
            break
        lines = [_fitted(points[first]), _fitted(points[~first])]
    return lines[0], lines[1]


def _fitted(points: Floats) -> _Line:
    """Fit a line by the principal axis of some points."""
    centre = points.mean(axis=0)
    x, y = (points - centre).T
    angle = np.arctan2(2 * (x @ y), x @ x - y @ y) / 2
    return _Line(centre, np.array([np.cos(angle), np.sin(angle)]))


def _is_diagonal(line: _Line, sign: int) -> bool:
    """Return whether a line falls (1) or rises (-1) at 20 to 75 degrees."""
    angle = np.degrees(np.arctan2(sign * line.direction[1], line.direction[0]))
    return bool(20 <= angle <= 75)


def _crosses(line: _Line, other: _Line, own: Floats, shortest: float) -> bool:
    """Return whether a stroke is long and whole, and crossed in its middle."""
    if len(own) < 3:
        return False
    places = np.sort(line.places(own))
    length = places[-1] - places[0]
    if length < shortest or np.diff(places).max() > 0.2 * length:
        return False
    # Where the other line meets this one, along this one.
    normal = np.array([-other.direction[1], other.direction[0]])
    meeting = (other.centre - line.centre) @ normal / (line.direction @ normal)
    return bool(0.2 <= (meeting - places[0]) / length <= 0.8)


def _is_slash(mark: Mask, box: tuple[int, int]) -> bool:
    """All ink on one diagonal of the box; a slanted one is narrower."""
    height, width = mark.shape
    if height < 0.85 * box[0] or width < 0.75 * box[1]:
        return False
    ys, xs = np.nonzero(mark)
    y, x = (ys + 0.5) / height, (xs + 0.5) / width
    # From the diagonals, in shares of the size.
    distances = (y - x) / np.sqrt(2), (y + x - 1) / np.sqrt(2)
    return any(np.mean(np.abs(d) <= _WANDER) >= 0.97 for d in distances)
