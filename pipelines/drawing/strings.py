"""Strings of digits: where each digit and mark stands along a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator

from pipelines.drawing.inking import ink_strokes
from pipelines.drawing.shapes import Points
from pipelines.drawing.skeletons import ends_of
from pipelines.drawing.texts import draw_mark
from pipelines.drawing.writers import Hand, RandomState, Writer, trace_digit
from pipelines.images import Image

# Two digits overlap by at most this share of the narrower one, and narrow ones by
# nothing: a 1 must stay where it stands.
_DEEPEST: Final = 0.2
_NARROW: Final = 0.3

# A wide digit counts as this much lower than it is wide, or a lying 2 would be huge.
_WIDTH_SHARE: Final = 0.8

# Figures that hasty hands make taller or lower than the others, and the deviation of
# all sizes in a hand of looseness 1. Amounts on cheques have 0.1 in the mean.
_SIZES: Final = {"1": 1.03, "4": 1.06, "5": 0.97, "7": 1.05, "9": 1.06}
_SIZE_LOOSENESS: Final = 0.13

# Ends farther apart than this are not joined, in heights of a digit.
_LONGEST_JOIN: Final = 0.9


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
    page, placed = _fitted(placed, height, writer.pen.n_pixels(dpi))
    ink_strokes(page, placed, writer.pen, dpi=dpi, random_state=rng)
    return page


@dataclass
class Line:
    """Writing before it is inked; lengths are in heights of a digit, y downwards.

    Attributes
    ----------
    skeletons : list of ndarrays of shape (56, 56), dtype uint8
        Lines of each digit.

    matrices : list of ndarrays of shape (2, 3), dtype float64
        From pixels of each skeleton to the line.

    paths : list of ndarrays of shape (n_points, 2), dtype float64
        Strokes of marks and joins.
    """

    skeletons: list[Image] = field(default_factory=list)
    matrices: list[Points] = field(default_factory=list)
    paths: list[Points] = field(default_factory=list)

    def extent(self) -> Points:
        """Corners of the writing: ``[[left, top], [right, bottom]]``.

        Returns
        -------
        extent : ndarray of shape (2, 2), dtype float64
            Top and bottom are those of the digits where there are any.
        """
        digits = list(map(_apply, self.matrices, map(_corners, self.skeletons)))
        everything = np.concatenate([*digits, *self.paths])
        tall = np.concatenate(digits) if digits else everything
        low = [everything[:, 0].min(), tall[:, 1].min()]
        high = [everything[:, 0].max(), tall[:, 1].max()]
        return np.array([low, high])


def place_line(
    skeletons: Sequence[Image],
    text: str,
    marks: Mapping[int, str],
    hand: Hand,
    rng: Generator,
) -> Line:
    """Place the digits of a string and the marks among them.

    Parameters
    ----------
    skeletons : sequence of ndarrays of shape (56, 56), dtype uint8
        One for each digit.

    text : str
        What they are.

    marks : mapping of int to str
        Marks to write before the digit of this index, as
        :func:`pipelines.drawing.texts.draw_marks` chooses them.

    hand : Hand
        Who writes.

    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    line : Line
        The baseline begins at the origin.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.writers import draw_hand
    >>> from pipelines.drawing.strings import place_line
    >>> bar = np.zeros((56, 56), dtype=np.uint8)
    >>> bar[8:48, 28] = 1
    >>> rng = np.random.default_rng(0)
    >>> line = place_line([bar, bar], "11", {1: ","}, draw_hand(rng), rng)
    >>> len(line.matrices), line.extent().shape
    (2, (2, 2))
    """
    line = Line()
    x = 0.0
    before = 1.0
    for i in range(len(text) + 1):
        x = _place_marks(line, marks.get(i, ""), x, hand, rng)
        if i == len(text):
            break
        matrix, width = _digit_matrix(skeletons[i], text[i], hand, rng)
        gap = hand.gap + 0.06 * hand.looseness * rng.standard_normal()
        if i:
            # What keeps both legible.
            narrower = min(before, width)
            closest = hand.pen + 0.03 if narrower < _NARROW else -_DEEPEST * narrower
            x += max(gap, closest)
        matrix[:, 2] += [x, -hand.drift * x]
        line.skeletons.append(skeletons[i])
        line.matrices.append(matrix)
        x, before = x + width, width
        if i and rng.random() < hand.joins:
            _join(line, rng)
    return line


def _fitted(
    strokes: list[Points], height: float, width: float
) -> tuple[Image, list[Points]]:
    """Scale strokes to pixels and lay paper round them."""
    margin = 0.1 * height + width
    points = np.vstack(strokes)[:, :2] if strokes else np.zeros((1, 2))
    low, high = points.min(axis=0) * height, points.max(axis=0) * height
    n_columns, n_rows = np.ceil(high - low + 2 * margin).astype(int)
    scale, shift = np.array([height, height, 1]), np.r_[margin - low, 0]
    page = np.full((n_rows, n_columns), 255, dtype=np.uint8)
    return page, [stroke * scale + shift for stroke in strokes]


def _digit_matrix(
    skeleton: Image, digit: str, hand: Hand, rng: Generator
) -> tuple[Points, float]:
    """Map of a digit that stands on the baseline at 0, and its width."""
    left, top, width, height = cv2.boundingRect(skeleton)
    loose = hand.looseness * rng.standard_normal(4)
    size = _SIZES.get(digit, 1.0) * max(0.5, 1 + _SIZE_LOOSENESS * loose[0])
    # What is too tall for the line hangs below it as often as it rises above.
    drop = 0.05 * loose[3] + max(0.0, size - 1) * rng.uniform(0, 1)
    aspect = hand.aspect * (1 + 0.05 * loose[1])
    if digit == "0":
        drop -= (1 - hand.small_zeros) * rng.uniform(0, 0.5)
        size, aspect = size * hand.small_zeros, aspect * hand.wide_zeros
    tall = size / max(height, _WIDTH_SHARE * width, 1)
    wide = tall * aspect
    lean = np.tan(np.radians(hand.slant + 2.5 * loose[2]))
    bottom = top + height
    lift = lean * tall
    across = [wide, -lift, lift * bottom - wide * left]
    down = [0.0, tall, drop - tall * bottom]
    return np.array([across, down]), wide * width


def _place_marks(line: Line, marks: str, x: float, hand: Hand, rng: Generator) -> float:
    """Write marks from `x` on; return where the last one ends."""
    lean = np.tan(np.radians(hand.slant))
    shear = np.array([[1, -lean], [0, 1]])
    for mark in marks:
        strokes = draw_mark(mark, rng)
        points = np.concatenate(strokes)
        left, right = points[:, 0].min(), points[:, 0].max()
        gap = rng.uniform(0.05, 0.2) + hand.pen + max(0.0, 0.5 * hand.gap)
        x += gap
        start = np.array([x - left, -hand.drift * x])
        line.paths += [stroke @ shear.T + start for stroke in strokes]
        x += right - left
    return x + (hand.pen + rng.uniform(0.0, 0.15) if marks else 0.0)


def _join(line: Line, rng: Generator) -> None:
    """Draw the pen's way from the end of the last digit but one to the last."""
    start = _apply(line.matrices[-2], _exits(line.skeletons[-2])[-1:])[0]
    stop = _apply(line.matrices[-1], _exits(line.skeletons[-1])[:1])[0]
    if np.hypot(*(stop - start)) > _LONGEST_JOIN:
        return
    sag = (start + stop) / 2 + [0, rng.uniform(-0.1, 0.25)]
    t = np.linspace(0, 1, 5)[:, None]
    line.paths.append((1 - t) ** 2 * start + 2 * t * (1 - t) * sag + t**2 * stop)


def _exits(skeleton: Image) -> Points:
    """Ends of a digit's lines from left to right; a closed one's is its top."""
    ends = ends_of(skeleton)
    return ends if len(ends) else np.argwhere(skeleton)[:1, ::-1].astype(np.float64)


def _corners(skeleton: Image) -> Points:
    left, top, width, height = cv2.boundingRect(skeleton)
    right, bottom = left + width, top + height
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def _apply(matrix: Points, points: Points) -> Points:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])
