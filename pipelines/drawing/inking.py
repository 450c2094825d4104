"""Ink on paper: traced strokes as grey pixels."""

from typing import Final

import cv2
import numpy as np

from pipelines.drawing.allographs import Points
from pipelines.drawing.tracing import (
    Pen,
    RandomState,
    Writer,
    smooth_noise,
    trace_digit,
)
from pipelines.images import Image

_MM_PER_INCH: Final = 25.4
# Strokes are drawn at four times the size and averaged: 16 levels of grey at edges.
_OVERSAMPLING: Final = 4
_PAPER: Final = 255


def ink_strokes(
    page: Image,
    strokes: list[Points],
    pen: Pen,
    *,
    dpi: float = 200.0,
    random_state: RandomState = None,
) -> None:
    """Draw strokes onto a page, in place.

    Ink takes light away from what is already there, so that a printed line
    remains visible under it.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page, dark ink on light paper; it is written into.

    strokes : list of ndarrays of shape (n_points, 3), dtype float64
        ``x`` and ``y`` in pixels of the page, and pressure. What lies outside
        the page is cut off.

    pen : Pen
        What they are drawn with.

    dpi : float, default=200.0
        Resolution of the page, which turns the pen's width into pixels.

    random_state : int, Generator or None, default=None
        Seed, or source of randomness, for grain and skips.
    """
    if not strokes:
        return
    rng = np.random.default_rng(random_state)
    width = pen.width * dpi / _MM_PER_INCH
    points = np.vstack(strokes)[:, :2]
    margin = 2 * width + 2
    left, top = np.maximum(np.floor(points.min(axis=0) - margin).astype(int), 0)
    right, bottom = np.ceil(points.max(axis=0) + margin).astype(int)
    part = page[top : max(bottom, 0), left : max(right, 0)]
    if not part.size:
        return
    ink = _cover(part.shape, strokes, (left, top), (width, pen), rng)
    ink *= 1 - pen.grain * np.abs(_tooth(part.shape, rng))
    part[:] = np.rint(part * (1 - pen.darkness * np.clip(ink, 0, 1))).astype(np.uint8)


def draw_digit(
    label: str,
    writer: Writer,
    *,
    height: float = 48.0,
    dpi: float = 200.0,
    random_state: RandomState = None,
) -> Image:
    """Draw one digit as `writer` would write it.

    Parameters
    ----------
    label : str
        One of ``"0"`` to ``"9"``.

    writer : Writer
        Whose hand it is.

    height : float, default=48.0
        Height of the digit in pixels.

    dpi : float, default=200.0
        Resolution, which turns the pen's width into pixels.

    random_state : int, Generator or None, default=None
        Seed, or source of randomness.

    Returns
    -------
    image : ndarray, dtype uint8
        White paper that fits round the digit with a margin of a tenth of `height`.

    Examples
    --------
    >>> from pipelines.drawing import draw_digit, draw_writer
    >>> image = draw_digit("4", draw_writer(0), height=40, random_state=0)
    >>> image.ndim, bool(image.min() < 128), int(image[0, 0])
    (2, True, 255)
    """
    return draw_string(label, writer, height=height, dpi=dpi, random_state=random_state)


def draw_string(
    text: str,
    writer: Writer,
    *,
    height: float = 48.0,
    dpi: float = 200.0,
    random_state: RandomState = None,
) -> Image:
    """Draw digits one after the other on a free line.

    Parameters
    ----------
    text : str
        Digits.

    writer : Writer
        Whose hand it is.

    height : float, default=48.0
        Height of the digits in pixels.

    dpi : float, default=200.0
        Resolution, which turns the pen's width into pixels.

    random_state : int, Generator or None, default=None
        Seed, or source of randomness.

    Returns
    -------
    image : ndarray, dtype uint8
        White paper that fits round the digits with a margin of a tenth of
        `height`. Neighbours may touch, as they do in haste.
    """
    rng = np.random.default_rng(random_state)
    placed: list[Points] = []
    right = 0.0
    for label in text:
        strokes = trace_digit(label, writer, random_state=rng)
        left = min(stroke[:, 0].min() for stroke in strokes)
        drop = rng.normal(0, writer.wander / 2)
        shift = np.array([right - left, drop, 0])
        placed += [stroke + shift for stroke in strokes]
        right = max(stroke[:, 0].max() for stroke in placed) + rng.normal(0.18, 0.06)
    page, placed = _fitted(placed, height, writer.pen.width * dpi / _MM_PER_INCH)
    ink_strokes(page, placed, writer.pen, dpi=dpi, random_state=rng)
    return page


def _fitted(
    strokes: list[Points], height: float, width: float
) -> tuple[Image, list[Points]]:
    """Scale strokes to pixels and lay paper round them."""
    margin = 0.1 * height + width
    points = np.vstack(strokes)[:, :2] if strokes else np.zeros((1, 2))
    low, high = points.min(axis=0) * height, points.max(axis=0) * height
    n_columns, n_rows = np.ceil(high - low + 2 * margin).astype(int)
    scale, shift = np.array([height, height, 1]), np.r_[margin - low, 0]
    page = np.full((n_rows, n_columns), _PAPER, dtype=np.uint8)
    return page, [stroke * scale + shift for stroke in strokes]


def _cover(
    shape: tuple[int, ...],
    strokes: list[Points],
    corner: tuple[int, int],
    line: tuple[float, Pen],
    rng: np.random.Generator,
) -> Points:
    """Share of each pixel of a part of the page that strokes cover, in [0, 1]."""
    width, pen = line
    canvas = np.zeros([side * _OVERSAMPLING for side in shape], dtype=np.uint8)
    for stroke in strokes:
        flow = _flow(len(stroke), pen.skips, rng)
        widths = width * (1 + pen.give * (stroke[:, 2] - 1)) * _OVERSAMPLING
        _draw_path(canvas, (stroke[:, :2] - corner) * _OVERSAMPLING, widths, flow)
    cover = cv2.resize(canvas, shape[::-1], interpolation=cv2.INTER_AREA)
    return cover.astype(np.float64) / 255


def _draw_path(canvas: Image, path: Points, widths: Points, flow: Points) -> None:
    """Draw a path as short thick segments; coordinates carry 4 fractional bits."""
    fixed = np.rint(path * 16).astype(int)
    thick = np.maximum(np.rint(widths).astype(int), 1)
    greys = np.rint(255 * flow).astype(int)
    for i in range(len(path) - 1):
        start, stop = fixed[i], fixed[i + 1]
        ink = int(greys[i])
        cv2.line(canvas, start, stop, ink, int(thick[i]), cv2.LINE_8, 4)


def _flow(n: int, skips: float, rng: np.random.Generator) -> Points:
    """Ink given along a path, in [0, 1]; it fails on a share `skips` of it."""
    flow = 1 - 0.06 * np.abs(smooth_noise(n, 8, rng))
    if skips:
        dry = smooth_noise(n, 3, rng)
        flow[dry > np.quantile(dry, 1 - skips * rng.uniform(0, 2))] *= 0.45
    return np.clip(flow, 0, 1)


def _tooth(shape: tuple[int, ...], rng: np.random.Generator) -> Points:
    """Roughness of paper, about unit variance."""
    noise = rng.standard_normal(shape)
    # The blur leaves 0.4 of its deviation.
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.7) * 2.5)
