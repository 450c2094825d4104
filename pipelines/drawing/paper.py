"""The paper that training fields are drawn on: how it is cut, patterned and ruled."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pipelines.drawing.strings import Line
from pipelines.images import Plane

# A tile is larger than most fields; parts of it are cut out and stretched.
_TILE: Final = (128, 512)

# What stands for the extent of a line without any stroke: three digits.
_NOTHING: Final = np.array([[0.0, -1.0], [1.5, 0.0]])

# A field is at least this wide and high, in heights of a digit.
_LEAST_EXTENT: Final = np.array([0.5, 0.6])


@dataclass(frozen=True)
class Crop:
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


def draw_tiles(n_tiles: int, rng: Generator) -> NDArray[np.uint8]:
    """Draw patterns as they are printed on security paper.

    Parameters
    ----------
    n_tiles : int
        How many.

    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    tiles : ndarray of shape (n_tiles, 128, 512), dtype uint8
        255 where a pattern takes away the most light.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.paper import draw_tiles
    >>> draw_tiles(2, np.random.default_rng(0)).shape
    (2, 128, 512)
    """
    tiles = np.empty((n_tiles, *_TILE), np.uint8)
    y, x = np.mgrid[: _TILE[0], : _TILE[1]].astype(np.float32)
    for tile in tiles:
        pattern = _PATTERNS[int(rng.integers(len(_PATTERNS)))]
        tile[:] = np.clip(255 * pattern(x, y, rng), 0, 255)
    return tiles


def draw_paper(
    shape: tuple[int, int], tiles: NDArray[np.uint8], rng: Generator
) -> Plane:
    """Lay out paper: its tone, an uneven light, a pattern.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.

    tiles : ndarray of shape (n_tiles, height, width), dtype uint8
        Patterns, as :func:`draw_tiles` draws them.

    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    paper : ndarray of `shape`, dtype float32
        Grey values.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.paper import draw_paper, draw_tiles
    >>> rng = np.random.default_rng(0)
    >>> paper = draw_paper((40, 120), draw_tiles(1, rng), rng)
    >>> paper.shape, bool(60 < paper.mean() < 255)
    ((40, 120), True)
    """
    tone = rng.uniform(120, 252)
    if rng.random() < 0.25:
        paper = np.full(shape, tone, np.float32)
    else:
        tile = _cut(tiles[int(rng.integers(len(tiles)))], shape, rng)
        contrast = 0.28 * rng.beta(1.5, 2.5)
        paper = np.multiply(tile, -tone * contrast / 255, dtype=np.float32)
        paper += np.float32(tone)
    if rng.random() < 0.5:
        paper *= _light(shape, rng)
    if rng.random() < 0.06:
        _lay_edge(paper, rng)
    return paper


def draw_crop(line: Line, rng: Generator) -> Crop:
    """Lay a field round a line of writing.

    Parameters
    ----------
    line : Line
        The writing.

    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    crop : Crop
        24 to 59 pixels high. Most fields have some paper on every side; some cut
        into the writing, a few are more than twice as high as it.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.paper import draw_crop
    >>> from pipelines.drawing.strings import Line
    >>> crop = draw_crop(Line(), np.random.default_rng(0))
    >>> 24 <= crop.shape[0] < 60
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
    return Crop(
        shape=(n_rows, max(8, round(scale * width))),
        scale=scale,
        origin=(-scale * low[0], -scale * low[1]),
    )


def print_rules(paper: Plane, crop: Crop, rng: Generator) -> None:
    """Print a ruling line, or what the cut has left of a box, in place.

    Parameters
    ----------
    paper : ndarray of shape (height, width), dtype float32
        Grey values, as of :func:`pipelines.drawing.paper.draw_paper`.

    crop : Crop
        Where the writing will be.

    rng : numpy.random.Generator
        Source of chance. Half of the papers stay as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.paper import Crop, print_rules
    >>> paper = np.full((40, 120), 200, np.float32)
    >>> crop = Crop((40, 120), scale=25.0, origin=(5.0, 30.0))
    >>> for seed in range(9):
    ...     print_rules(paper, crop, np.random.default_rng(seed))
    >>> bool(paper.min() < 150)
    True
    """
    height, width = paper.shape
    if rng.random() < 0.3:  # under the writing
        _print_row(paper, crop.origin[1] + rng.uniform(0, 0.35) * crop.scale, rng)
    if rng.random() < 0.1:  # the upper side of a box
        _print_row(paper, rng.uniform(0, 0.15) * height, rng)
    for _ in range(2):  # its left or right side; seldom, for they look like ones
        if rng.random() < 0.02:
            inwards = rng.uniform(0, 0.5) * height
            column = rng.choice([inwards, width - inwards])
            lean = rng.normal(0, 0.03) * height
            _print_line(paper, [(column, -5), (column + lean, height + 5)], rng)


def _print_row(paper: Plane, row: float, rng: Generator) -> None:
    """Print a line across the field, tilted by about a degree."""
    width = paper.shape[1]
    end = (width + 5, row + rng.normal(0, 0.02) * width)
    _print_line(paper, [(-5, row), end], rng)


def _print_line(paper: Plane, ends: list[tuple[float, float]], rng: Generator) -> None:
    mask = np.zeros(paper.shape, np.uint8)
    first, last = np.rint(16 * np.array(ends)).astype(int).tolist()
    thickness = 1 + int(rng.random() < 0.3)
    cv2.line(mask, first, last, 255, thickness, cv2.LINE_AA, 4)
    darkness = rng.uniform(0.3, 0.9)
    paper *= 1 - mask.astype(np.float32) * np.float32(darkness / 255)


def _cut(
    tile: NDArray[np.uint8], shape: tuple[int, int], rng: Generator
) -> NDArray[np.uint8]:
    """Cut a part of a tile and stretch it to `shape`."""
    zoom = rng.uniform(0.7, 1.6)
    height, width = np.clip(zoom * np.array(shape), 8, _TILE).astype(int)
    top = int(rng.integers(_TILE[0] - height + 1))
    left = int(rng.integers(_TILE[1] - width + 1))
    part = tile[top : top + height, left : left + width]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    return np.asarray(cv2.resize(part, shape[::-1], interpolation=cv2.INTER_LINEAR))


def _light(shape: tuple[int, int], rng: Generator) -> Plane:
    """A light that changes smoothly by up to a third."""
    corners = rng.uniform(0.75, 1.05, (2, 3)).astype(np.float32)
    return np.asarray(cv2.resize(corners, shape[::-1], interpolation=cv2.INTER_LINEAR))


def _lay_edge(paper: Plane, rng: Generator) -> None:
    """Let a part beyond a straight edge have another tone, in place."""
    height, width = paper.shape
    corner = np.array([rng.choice([0, width]), rng.choice([0, height])])
    ends = corner + rng.uniform(-0.6, 0.6, (2, 2)) * [width, height]
    triangle = np.rint([corner, *ends]).astype(np.int32)
    mask = np.zeros(paper.shape, np.uint8)
    cv2.fillPoly(mask, [triangle], 1)
    paper[mask > 0] *= rng.uniform(0.7, 1.3)


def _thin_lines(phase: Plane, sharpness: float) -> Plane:
    """Lines where a phase is a multiple of a turn; thinner for a larger sharpness."""
    wave = np.cos(phase)
    return np.asarray(np.clip((wave - sharpness) / (1 - sharpness), 0, 1))


def _draw_waves(x: Plane, y: Plane, rng: Generator) -> Plane:
    """Draw lines across the paper that swing together."""
    swing = rng.uniform(0, 6) * np.sin(x * rng.uniform(0.02, 0.12) + rng.uniform(0, 6))
    swing += rng.uniform(0, 4) * np.sin(x * rng.uniform(0.1, 0.3) + y * 0.02)
    tilt = rng.normal(0, 0.1)
    pitch = rng.uniform(3.5, 12)
    phase = 2 * np.pi * (y + swing + tilt * x) / pitch
    return _thin_lines(phase, rng.uniform(-0.9, 0.8))


def _draw_hatching(x: Plane, y: Plane, rng: Generator) -> Plane:
    """Draw one or two families of parallel lines."""
    sharpness = rng.uniform(-0.5, 0.9)
    lines = []
    for _ in range(int(rng.integers(1, 3))):
        angle = rng.uniform(0, np.pi)
        pitch = rng.uniform(4, 16)
        phase = 2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / pitch
        lines.append(_thin_lines(phase, sharpness))
    return np.maximum.reduce(lines)


def _draw_guilloche(x: Plane, y: Plane, rng: Generator) -> Plane:
    """Draw two families of curves that cross."""
    sharpness = rng.uniform(0, 0.9)
    families = []
    for _ in range(2):
        cx, cy = rng.uniform(-200, 700), rng.uniform(-300, 400)
        radius = np.hypot(x - cx, (y - cy) * rng.uniform(0.6, 2))
        radius += rng.uniform(2, 20) * np.sin(np.arctan2(y - cy, x - cx) * 9)
        families.append(_thin_lines(2 * np.pi * radius / rng.uniform(4, 16), sharpness))
    return np.maximum(*families)


def _draw_weave(x: Plane, y: Plane, rng: Generator) -> Plane:
    """Draw dots or lozenges in rows."""
    across, down = 2 * np.pi / rng.uniform(3, 9, 2)
    shift = rng.uniform(0, 1)
    dots = np.cos(x * across + shift * y * down) * np.cos(y * down)
    low = rng.uniform(-0.5, 0.7)
    return np.asarray(np.clip((dots - low) / (1 - low), 0, 1))


def _draw_fibres(x: Plane, y: Plane, rng: Generator) -> Plane:
    """Draw the mottle of cheap paper."""
    noise = rng.standard_normal(np.broadcast_shapes(x.shape, y.shape), np.float32)
    coarse, fine = rng.uniform(2, 8), rng.uniform(0.5, 1.2)
    cloud = cv2.GaussianBlur(noise, (0, 0), coarse) * coarse
    grain = cv2.GaussianBlur(noise, (0, 0), fine) * fine
    return np.asarray(0.5 + 0.3 * cloud + 0.3 * grain)


_PATTERNS: Final[list[Callable[[Plane, Plane, Generator], Plane]]] = [
    _draw_waves,
    _draw_waves,
    _draw_hatching,
    _draw_guilloche,
    _draw_weave,
    _draw_fibres,
]
