"""Digits as they are written on forms and outside of MNIST's country.

MNIST was written in the United States, free of any guide. Elsewhere ones have an
upstroke and sevens a bar, and forms for machine reading print guides that figures
are traced along. Each kind is added to MNIST here: strokes to its own ones and
sevens, and figures drawn along the sides of a rectangle.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Images = NDArray[np.uint8]
Points = NDArray[np.float64]

_SIZE = 28
_BOX = 20  # longer side of the ink, as in MNIST
_ZOOM = 8  # drawn this much larger, for smooth edges

# Corners and middles of the guide, (x, y) in a unit square, named by keys of a
# pocket calculator's display: upper, middle and lower, left and right.
_GUIDE = {
    "ul": (0, 0), "ur": (1, 0), "ml": (0, 0.5), "mr": (1, 0.5), "ll": (0, 1),
    "lr": (1, 1), "u": (0.5, 0), "l": (0.5, 1),
}  # fmt: skip

# Ways to trace each figure; a figure may take several strokes.
_TRACES: dict[int, Sequence[str]] = {
    0: ["ul ll lr ur ul", "ur ul ll lr ur"],
    1: ["ur mr lr", "u l", "ul ll"],
    2: ["ul ur mr ml ll lr"],
    3: ["ul ur mr ml|mr lr ll", "ul ur mr lr ll|ml mr"],
    4: ["ul ml mr|ur mr lr", "ul ml mr|u l", "ur ml mr|ur lr"],
    5: ["ur ul ml mr lr ll", "ul ml mr lr ll|ul ur"],
    6: ["ur ul ml ll lr mr ml", "ul ml ll lr mr ml", "ur ul ll lr mr ml"],
    7: ["ul ur mr lr", "ml ul ur lr", "ul ur ll"],
    8: ["mr ur ul ml mr lr ll ml", "ul ll lr ur ul|ml mr", "ul ur lr ll ul|ml mr"],
    9: ["mr ml ul ur mr lr ll", "ur ul ml mr|ur mr lr", "mr ml ul ur lr"],
}  # fmt: skip


def draw_guided(labels: NDArray[np.int64], rng: np.random.Generator) -> Images:
    """Draw figures as they are traced along a printed figure of eight.

    Parameters
    ----------
    labels : ndarray of shape (n,), dtype int64
        The figures, 0 to 9.

    rng : numpy.random.Generator
        Source of the shapes.

    Returns
    -------
    images : ndarray of shape (n, 28, 28), dtype uint8
        Ink 255 on 0, in a box of 20 pixels, centred by mass.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.variants import draw_guided
    >>> draw_guided(np.array([2, 6]), np.random.default_rng(0)).shape
    (2, 28, 28)
    """
    return np.stack([_draw_guided(int(label), rng) for label in labels])


def add_strokes(
    images: Images, labels: NDArray[np.int64], rng: np.random.Generator
) -> Images:
    """Add an upstroke, and here and there a foot, to ones; a bar to sevens.

    Parameters
    ----------
    images : ndarray of shape (n, 28, 28), dtype uint8
        Ones and sevens of MNIST.

    labels : ndarray of shape (n,), dtype int64
        1 or 7 for each.

    rng : numpy.random.Generator
        Source of the strokes.

    Returns
    -------
    images : ndarray of shape (n, 28, 28), dtype uint8
        The same digits with the strokes, scaled and centred anew.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.variants import add_strokes
    >>> one = np.zeros((1, 28, 28), dtype=np.uint8)
    >>> one[0, 4:24, 13:15] = 255
    >>> flagged = add_strokes(one, np.array([1]), np.random.default_rng(0))
    >>> int((flagged[0] > 127).any(axis=0).sum()) > 4
    True
    """
    add = {1: _add_upstroke, 7: _add_bar}
    pairs = zip(images, labels.tolist(), strict=True)
    return np.stack([add[label](image, rng) for image, label in pairs])


def _draw_guided(label: int, rng: np.random.Generator) -> Images:
    traces = _TRACES[label]
    strokes = traces[int(rng.integers(len(traces)))].split("|")
    width = rng.uniform(0.4, 0.8)
    slant = rng.normal(0, 0.06)
    pen = rng.uniform(1.0, 3.2) * _ZOOM
    canvas = Image.new("L", (_SIZE * _ZOOM, _SIZE * _ZOOM))
    jitter = {key: rng.normal(0, 0.05, 2) for key in _GUIDE}
    for stroke in strokes:
        corners = np.array([_GUIDE[key] + jitter[key] for key in stroke.split()])
        corners += rng.normal(0, 0.025, corners.shape)  # the same corner, met twice
        path = _rounded(corners, rng.uniform(0, 0.3))
        x = 0.5 + (path[:, 0] - 0.5) * width - slant * (path[:, 1] - 0.5)
        _draw(canvas, np.column_stack([x, path[:, 1]]) * 0.6 + 0.2, pen)
    return _normalised(canvas)


def _rounded(corners: Points, radius: float) -> Points:
    """Cut the corners of a path, by a share of its sides, into arcs."""
    if len(corners) < 3:
        return corners
    path = [corners[0]]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        start = corner + radius * (before - corner)
        stop = corner + radius * (after - corner)
        t = np.linspace(0, 1, 6)[:, None]
        path += list((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * stop)
    return np.array([*path, corners[-1]])


def _draw(canvas: Image.Image, path: Points, pen: float) -> None:
    """Draw a path in the unit square with a round pen."""
    draw = ImageDraw.Draw(canvas)
    points = [(float(x), float(y)) for x, y in path * canvas.width]
    for start, stop in pairwise(points):
        draw.line([start, stop], fill=255, width=round(pen))
    for x, y in points:
        draw.ellipse([x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2], fill=255)


def _add_upstroke(image: Images, rng: np.random.Generator) -> Images:
    """Let a one begin with a stroke from the lower left up to its top, or near it."""
    top, bottom, pen = _stroke_ends(image)
    height = np.hypot(*(bottom - top))
    angle = np.radians(rng.uniform(25, 65))
    length = rng.uniform(0.25, 0.75) * height
    # A quick pen turns before the top, or goes over its own stroke there.
    joint = top + rng.uniform(0, 0.25) * (bottom - top)
    start = joint + length * np.array([-np.cos(angle), np.sin(angle)])
    bend = (joint + start) / 2 + rng.normal(0, 0.04, 2) * height
    paths = [np.array([start, bend, joint])]
    if rng.random() < 0.3:
        reach = rng.uniform(0.15, 0.3) * height * np.array([1, rng.normal(0, 0.1)])
        paths.append(np.array([bottom - reach, bottom + reach]))
    return _with_paths(image, paths, pen)


def _add_bar(image: Images, rng: np.random.Generator) -> Images:
    """Let a bar cross the stem of a seven."""
    top, bottom, pen = _stroke_ends(image)
    height = bottom[1] - top[1]
    row = top[1] + rng.uniform(0.4, 0.65) * height
    columns = np.flatnonzero(image[round(row)] > 127)
    middle = columns.mean() if columns.size else _SIZE / 2
    reach = rng.uniform(0.15, 0.35) * height * np.array([1, rng.normal(-0.1, 0.15)])
    centre = np.array([middle + 0.5, row + 0.5])
    return _with_paths(image, [np.array([centre - reach, centre + reach])], pen)


def _stroke_ends(image: Images) -> tuple[Points, Points, float]:
    """Highest and lowest point of the ink, (x, y), and the width of its pen."""
    ys, xs = np.nonzero(image > 127)
    if not len(ys):
        return np.array([14.0, 4.0]), np.array([14.0, 24.0]), 2.0
    top = np.array([xs[ys == ys.min()].mean() + 0.5, ys.min() + 1.0])
    bottom = np.array([xs[ys == ys.max()].mean() + 0.5, ys.max() + 0.0])
    rows = np.unique(ys, return_counts=True)[1]
    return top, bottom, float(np.clip(np.median(rows), 1.2, 4.0))


def _with_paths(image: Images, paths: Sequence[Points], pen: float) -> Images:
    # Twice the size around the digit, so that no stroke leaves the canvas.
    side = _SIZE * _ZOOM
    canvas = Image.new("L", (2 * side, 2 * side))
    digit = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    canvas.paste(digit, (side // 2, side // 2))
    for path in paths:
        _draw(canvas, (path + _SIZE / 2) / (2 * _SIZE), pen * _ZOOM)
    return _normalised(canvas)


def _normalised(canvas: Image.Image) -> Images:
    """Scale the ink to the box of MNIST and centre it by its mass."""
    ink = canvas.crop(canvas.point(lambda value: 255 * (value > 127)).getbbox())
    scale = _BOX / max(ink.size)
    size = [max(1, round(scale * side)) for side in ink.size]
    digit = np.asarray(ink.resize((size[0], size[1]), Image.Resampling.BOX))
    rows, columns = np.indices(digit.shape)
    mass = digit.sum() or 1
    top = round((_SIZE - 1) / 2 - float((rows * digit).sum() / mass))
    left = round((_SIZE - 1) / 2 - float((columns * digit).sum() / mass))
    top = min(max(top, 0), _SIZE - digit.shape[0])
    left = min(max(left, 0), _SIZE - digit.shape[1])
    glyph = np.zeros((_SIZE, _SIZE), np.uint8)
    glyph[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return glyph
