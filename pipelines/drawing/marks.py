"""Ticks and crosses in boxes and circles: drawn, taken back, and beside the point."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.random import Generator

from pipelines.drawing.inking import ink_strokes
from pipelines.drawing.printing import Place
from pipelines.drawing.shapes import Points
from pipelines.drawing.writers import (
    MM_PER_INCH,
    Pen,
    RandomState,
    draw_writer,
    smooth_curve,
    smooth_noise,
    trace_digit,
)
from pipelines.images import Image

Strokes: TypeAlias = list[Points]

# What stands in a box, and what that is.
MARKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "nothing": "empty",
        "near": "empty",
        "speck": "empty",
        "hook": "ticked",
        "cross": "ticked",
        "slash": "ticked",
        "dot": "ticked",
        "loop": "ticked",
        "filling": "filled",
        "scribbled": "corrected",
        "struck": "corrected",
        "erased": "corrected",
    }
)

# Baselines of lines of text, in millimetres.
_TEXT_ABOVE: Final = (14, 19, 24)
_TEXT_BELOW: Final = (272, 277, 282)

_A4: Final = (297.0, 210.0)
_SHAPES: Final = ("box", "circle", "oval")

# Shares of the light that the rest of a line takes that was rubbed out, and those that
# a pencil takes that hardly touches the paper, as every fifth does.
_RESTS: Final = (0.05, 0.13)
_PALE: Final = (0.33, 0.55)

# Of so many boxes one page says no less than of more.
_MOST_BOXES: Final = 120

# Width of pens that dots and rings are drawn with, in sides of the box.
_FINE: Final = 0.16

# What is nearer to the middle of a box is inside, in its sides; and so many points of a
# tick are, which are a hundredth of a side apart.
_INNER: Final = 0.36
_LEAST_INSIDE: Final = 20

# A mark is drawn anew so often.
_MOST_TRIALS: Final = 10

# Diameters of dirt, in millimetres.
_DIRT: Final = (0.1, 0.28)

# Widths of markers, in millimetres.
_BROAD: Final = (0.8, 1.3)

# Most boxes of a form are left empty.
_CHANCES: Final = MappingProxyType({"nothing": 0.35, "near": 0.15, "speck": 0.05})

_WORDS: Final = ("yes", "no", "often", "never", "A", "B", "C", "left", "both", "n/a")


@dataclass(frozen=True, eq=False)
class MarkedPage:
    """A page with boxes to tick.

    Attributes
    ----------
    blank : ndarray of shape (height, width), dtype uint8
        As it was printed.

    filled : ndarray of shape (height, width), dtype uint8
        The same, ticked by one person; not scanned.

    boxes : list of tuples of int
        ``(top, left, height, width)`` of each box or circle, in rows from the left.

    marks : list of str
        What stands in each: a key of `MARKS`.

    shape : {"box", "circle", "oval"}
        What they are.

    per_row : int
        Boxes in each row.
    """

    blank: Image
    filled: Image
    boxes: list[Place]
    marks: list[str]
    shape: str
    per_row: int


def trace_mark(kind: str, random_state: RandomState = None) -> Strokes:
    """Follow a pen through what somebody leaves in a box.

    Parameters
    ----------
    kind : str
        A key of `MARKS`; "erased" gives the mark that is rubbed out.

    random_state : int, Generator or None, default=None
        Seed, or source of randomness.

    Returns
    -------
    strokes : list of ndarrays of shape (n_points, 3), dtype float64
        ``x`` and ``y`` in sides of the box about its middle, and pressure.

    Examples
    --------
    >>> from pipelines.drawing.marks import trace_mark
    >>> len(trace_mark("nothing")), len(trace_mark("cross", 0))
    (0, 2)
    """
    rng = np.random.default_rng(random_state)
    if kind not in _TRACES:
        return []
    strokes = _TRACES[kind](rng)
    while MARKS[kind] == "ticked" and not _enters_box(strokes):
        strokes = _TRACES[kind](rng)
    return strokes


def fill_mark(
    page: Image,
    box: Place,
    kind: str,
    pen: Pen,
    *,
    dpi: float = 200.0,
    random_state: RandomState = None,
) -> None:
    """Leave something in a box, in place.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page; it is written into.

    box : tuple of int
        ``(top, left, height, width)`` of the box in pixels.

    kind : str
        A key of `MARKS`.

    pen : Pen
        What it is left with.

    dpi : float, default=200.0
        Resolution of the page, which turns the pen's width into pixels.

    random_state : int, Generator or None, default=None
        Seed, or source of randomness.
    """
    rng = np.random.default_rng(random_state)
    strokes = _onto(box, trace_mark(kind, rng))
    _ink(page, strokes, kind, pen, dpi=dpi, rng=rng)


def draw_marked_page(
    *,
    dpi: float = 200.0,
    shape: str | None = None,
    pen: Pen | None = None,
    random_state: RandomState = None,
) -> MarkedPage:
    """Print a page of boxes, or of circles, and have somebody tick it.

    Every page has its own print, distances and pen. Strokes run into the boxes of
    neighbours, and digits and lines are written between them.

    Parameters
    ----------
    dpi : float, default=200.0
        Resolution. The page is A4.

    shape : {"box", "circle", "oval"}, default=None
        What is ticked; None draws one.

    pen : Pen, default=None
        What it is ticked with; None draws one.

    random_state : int, Generator or None, default=None
        Seed, or source of randomness.

    Returns
    -------
    page : MarkedPage

    Notes
    -----
    A page takes a third of a second.

    Examples
    --------
    >>> from pipelines.drawing.marks import draw_marked_page
    >>> page = draw_marked_page(dpi=100, shape="circle", random_state=0)
    >>> len(page.boxes) == len(page.marks)
    True
    """
    rng = np.random.default_rng(random_state)
    shape = str(rng.choice(_SHAPES)) if shape is None else shape
    blank, boxes, per_row = _print_boxes(shape, dpi, rng)
    if pen is None:
        pen = _draw_pen(rng)
    kinds = list(MARKS)
    # Nobody draws a ring in a small box with a felt tip.
    if pen.width > _FINE * min(boxes[0][2:]) * MM_PER_INCH / dpi:
        kinds = [kind for kind in kinds if kind not in ("dot", "loop")]
    chances = np.array([_CHANCES.get(kind, 0.05) for kind in kinds])
    marks = rng.choice(kinds, len(boxes), p=chances / chances.sum()).tolist()
    filled = blank.copy()
    for at, (box, kind) in enumerate(zip(boxes, marks, strict=True)):
        # What is near a box is near others too, and in none.
        others = boxes if kind == "near" else boxes[:at] + boxes[at + 1 :]
        strokes = _trace_apart(kind, box, others, rng)
        marks[at] = kind if strokes else "nothing"
        _ink(filled, strokes, kind, pen, dpi=dpi, rng=rng)
    return MarkedPage(blank, filled, boxes, marks, shape, per_row)


def _draw_pen(rng: Generator) -> Pen:
    """Draw what a form is ticked with: pale pencils and markers too."""
    pen = draw_writer(rng).pen
    kind = rng.random()
    if kind < 0.2:
        return replace(pen, darkness=rng.uniform(*_PALE))
    return replace(pen, width=rng.uniform(*_BROAD)) if kind < 0.35 else pen


def _enters_box(strokes: Strokes) -> bool:
    """Return whether a tick is in its box, and not just on its line or below it."""
    points = np.abs(np.vstack(strokes)[:, :2]).max(axis=1)
    return bool(np.sum(points < _INNER) > _LEAST_INSIDE)


def _onto(box: Place, strokes: Strokes) -> Strokes:
    """Turn sides of a box about its middle into pixels of its page."""
    top, left, height, width = box
    middle = np.array([left + width / 2, top + height / 2, 0.0])
    return [stroke * [width, height, 1.0] + middle for stroke in strokes]


def _ink(
    page: Image, strokes: Strokes, kind: str, pen: Pen, *, dpi: float, rng: Generator
) -> None:
    """Draw what somebody leaves, with what it is left with."""
    if kind == "speck":
        pen = replace(pen, width=rng.uniform(*_DIRT), give=0.0)
    if kind == "erased":
        pen = replace(pen, darkness=rng.uniform(*_RESTS), grain=0.3)
    ink_strokes(page, strokes, pen, dpi=dpi, random_state=rng)


def _trace_apart(
    kind: str, box: Place, others: Sequence[Place], rng: Generator
) -> Strokes:
    """Trace what is left in a box and runs into no other so far as to be meant there.

    Where there is no room for it, as for a correction between boxes that are close to
    each other, nothing is left.
    """
    for _ in range(_MOST_TRIALS):
        strokes = _onto(box, trace_mark(kind, rng))
        if not (strokes and _enters(strokes, others)):
            return strokes
    return []


def _enters(strokes: Strokes, boxes: Sequence[Place]) -> bool:
    """Return whether strokes get into a box so far that they might be meant for it."""
    points = np.vstack([stroke[::8] for stroke in strokes])[:, None, 1::-1]
    sides = np.array(boxes, dtype=np.float64)
    off = np.abs(points - sides[:, :2] - sides[:, 2:] / 2) / sides[:, 2:]
    return bool((off.max(axis=2) < _INNER).any())


def _print_boxes(
    shape: str, dpi: float, rng: Generator
) -> tuple[Image, list[Place], int]:
    """Print rows of boxes with a word beside or in each."""
    mm = dpi / MM_PER_INCH
    page = np.full([round(side * mm) for side in _A4], 255, np.uint8)
    for y, x in ((10, 10), (10, 194), (281, 10), (281, 194)):
        corner = np.s_[round(y * mm) : round(y * mm) + round(6 * mm)]
        page[corner, round(x * mm) : round((x + 6) * mm)] = 25
    # What is asked, above and below: pages are told by more than by boxes.
    for y in (*_TEXT_ABOVE, *_TEXT_BELOW):
        line = " ".join(rng.choice(_WORDS, 12).tolist())
        _write(page, (20 * mm, y * mm), line, 3 * mm)
    height = rng.uniform(3.0, 6.0)
    width = height * (rng.uniform(1.3, 1.7) if shape == "oval" else 1.0)
    step_x = width * rng.uniform(1.4, 3.5) + 1.0
    step_y = height * rng.uniform(1.6, 3.0) + 1.0
    thickness, grey = rng.uniform(0.15, 0.5), int(rng.choice([25, 60, 110, 160]))
    worded = "in" if shape != "box" and rng.random() < 0.4 else "beside"
    boxes: list[Place] = []
    columns = np.arange(25, 180 - width, step_x)
    tops = np.arange(30, 265 - height, step_y)[: max(1, _MOST_BOXES // len(columns))]
    for row, y in enumerate(tops.tolist()):
        _write(page, (18 * mm, (y + 0.8 * height) * mm), f"{row + 1}", 2.5 * mm)
        for x in columns.tolist():
            sides = (y * mm, x * mm, height * mm, width * mm)
            top, left, high, wide = (round(side) for side in sides)
            box: Place = (top, left, high, wide)
            _print_box(page, box, shape, (max(round(thickness * mm), 1), grey))
            word = str(rng.choice(_WORDS))
            if worded == "in":
                at = ((x + 0.3 * width) * mm, (y + 0.75 * height) * mm)
                _write(page, at, word[0].upper(), 0.55 * height * mm, grey)
            elif step_x > 2.2 * width:
                at = ((x + 1.2 * width) * mm, (y + 0.8 * height) * mm)
                _write(page, at, word[:2], 2.5 * mm)
            boxes.append(box)
    return page, boxes, len(columns)


def _print_box(page: Image, box: Place, shape: str, line: tuple[int, int]) -> None:
    top, left, height, width = box
    thickness, grey = line
    if shape == "box":
        end = (left + width, top + height)
        cv2.rectangle(page, (left, top), end, grey, thickness)
        return
    # Centres and half axes in sixteenths of a pixel.
    middle = (round(16 * (left + width / 2)), round(16 * (top + height / 2)))
    axes = (round(8 * width), round(8 * height))
    arc = cv2.ellipse2Poly((0, 0), axes, 0, 0, 360, 3) + np.array(middle)
    cv2.polylines(page, [arc.astype(np.int32)], True, grey, thickness, cv2.LINE_AA, 4)


def _write(
    page: Image, place: tuple[float, float], text: str, size: float, grey: int = 25
) -> None:
    at = (round(place[0]), round(place[1]))
    thickness = max(1, round(size / 14))
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(page, text, at, font, size / 22, grey, thickness, cv2.LINE_AA)


def _stroke(points: Sequence[Sequence[float]] | Points, rng: Generator) -> Points:
    """Lay a shaky curve through points."""
    curve = smooth_curve(np.asarray(points, dtype=np.float64))
    n = len(curve)
    shake = np.transpose([smooth_noise(n, 12, rng) for _ in "xy"])
    pressure = np.clip(1 + 0.12 * smooth_noise(n, 20, rng), 0.5, 1.4)
    return np.column_stack([curve + rng.uniform(0.002, 0.012) * shake, pressure])


def _moved(points: Sequence[Sequence[float]], by: float, rng: Generator) -> Points:
    """Move every point by chance."""
    return np.asarray(points) + rng.normal(0, by, (len(points), 2))


def _placed(strokes: Strokes, rng: Generator) -> Strokes:
    """Set a mark as large as it comes, near the middle of its box."""
    size = float(np.exp(rng.normal(0, 0.22)))
    shift = np.r_[rng.normal(0, 0.1, 2), 0]
    return [stroke * [size, size, 1] + shift for stroke in strokes]


def _hook(rng: Generator) -> Strokes:
    """Draw a tick, some far out of the box, some twice."""
    reach = rng.uniform(0.4, 1.1)
    points = [(-0.38, -0.02), (-0.08, 0.38), (0.5 * reach + 0.1, -0.75 * reach)]
    n_times = 2 if rng.random() < 0.12 else 1
    moved = _moved(points, 0.07, rng)
    strokes = [_stroke(_moved(list(moved), 0.03, rng), rng) for _ in range(n_times)]
    return _placed(strokes, rng)


def _cross(rng: Generator) -> Strokes:
    """Cross a box, some in one go."""
    reach = rng.uniform(0.3, 0.6)
    ends = [[(-reach, -reach), (reach, reach)], [(-reach, reach), (reach, -reach)]]
    lines = [_moved(pair, 0.07, rng) for pair in ends]
    if rng.random() < 0.15:
        return _placed([_stroke(np.vstack(lines), rng)], rng)
    return _placed([_stroke(line, rng) for line in lines], rng)


def _slash(rng: Generator) -> Strokes:
    """Draw one line through a box, whichever way."""
    angle, reach = rng.uniform(0, np.pi), rng.uniform(0.28, 0.8)
    x, y = reach * np.cos(angle), reach * np.sin(angle)
    return _placed([_stroke(_moved([(-x, -y), (x, y)], 0.04, rng), rng)], rng)


def _dot(rng: Generator) -> Strokes:
    """Press a dot, or turn a small one."""
    radius = rng.uniform(0.07, 0.16)
    turns = np.linspace(0, rng.uniform(3, 6) * np.pi, 24)
    radii = np.linspace(radius, 0.2 * radius, 24)
    spiral = np.column_stack([radii * np.cos(turns), radii * np.sin(turns)])
    return [_stroke(spiral, rng) + np.r_[rng.normal(0, 0.12, 2), 0]]


def _loop(rng: Generator) -> Strokes:
    """Draw a ring in the box, as some do."""
    turns = np.linspace(0, rng.uniform(1.9, 2.4) * np.pi, 14)
    radius = rng.uniform(0.18, 0.34)
    ring = radius * np.column_stack([np.cos(turns), np.sin(turns)])
    return _placed([_stroke(_moved(list(ring), 0.02, rng), rng)], rng)


def _zigzag(reach: tuple[float, float], step: float, rng: Generator) -> Points:
    """Go to and fro over an area of some half width and height, and turn it."""
    x = np.arange(-reach[0], reach[0] + step / 2, step / 2)
    y = reach[1] * np.where(np.arange(len(x)) % 2, 1.0, -1.0)
    # Less far at both ends, as over a circle.
    y *= np.sqrt(np.clip(1.15 - (x / reach[0]) ** 2, 0.1, 1))
    angle = rng.uniform(-0.9, 0.9)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = np.column_stack([x, y]) + rng.normal(0, 0.035, (len(x), 2))
    return _stroke(moved @ turn.T, rng)


def _filling(rng: Generator) -> Strokes:
    """Fill a box, or a circle, as well as a hand does."""
    reach = rng.uniform(0.34, 0.52, 2)
    strokes = [_zigzag((reach[0], reach[1]), rng.uniform(0.07, 0.16), rng)]
    if rng.random() < 0.6:
        strokes.append(_zigzag((reach[1], reach[0]), rng.uniform(0.08, 0.16), rng))
    return [stroke + np.r_[rng.normal(0, 0.03, 2), 0] for stroke in strokes]


def _ticked(rng: Generator) -> Strokes:
    """Draw what is taken back."""
    trace = (_hook, _cross, _slash, _filling)[rng.choice(4, p=[0.35, 0.4, 0.1, 0.15])]
    return trace(rng)


def _scribbled(rng: Generator) -> Strokes:
    """Tick a box, and scribble over that until it is gone, and beyond the box."""
    reach = rng.uniform(0.68, 1.0, 2)
    strokes = [*_ticked(rng)]
    for _ in range(int(rng.integers(1, 4))):
        strokes.append(_zigzag((reach[0], reach[1]), rng.uniform(0.12, 0.24), rng))
    return [stroke + np.r_[rng.normal(0, 0.04, 2), 0] for stroke in strokes]


def _struck(rng: Generator) -> Strokes:
    """Tick a box, and strike it through, beyond the box on both sides."""
    strokes = [*_ticked(rng)]
    tilt = rng.normal(0, 0.12)
    n_lines = int(rng.integers(2, 5))
    for height in np.linspace(-0.3, 0.3, n_lines) * rng.uniform(0.5, 1.1):
        left, right = rng.uniform(0.7, 1.1, 2)
        ends = [(-left, height + tilt * left), (right, height - tilt * right)]
        strokes.append(_stroke(_moved(ends, 0.04, rng), rng))
    return strokes


def _speck(rng: Generator) -> Strokes:
    """Leave some dirt, or a point where a pen rested, too small to be meant."""
    n_specks = int(rng.integers(1, 4))
    places = rng.uniform(-0.6, 0.6, (n_specks, 2))
    return [_stroke([(x, y), (x + 0.01, y)], rng) for x, y in places.tolist()]


def _near(rng: Generator) -> Strokes:
    """Write beside a box: a digit, a line past it, the end of one."""
    side = rng.choice([-1, 1])
    away = rng.uniform(0.95, 1.4)
    if rng.random() < 0.4:
        digit = trace_digit(str(rng.integers(10)), draw_writer(rng), random_state=rng)
        place = np.r_[side * (away + 0.3), rng.normal(0, 0.3), 0]
        return [stroke * [1.2, 1.2, 1] + place for stroke in digit]
    tilt = rng.normal(0, 0.08)
    offset = side * rng.uniform(0.62, 1.1)
    ends = np.array([(-2.5, offset - tilt), (rng.uniform(-0.3, 2.5), offset + tilt)])
    if rng.random() < 0.4:
        ends = ends[:, ::-1]
    return [_stroke(ends, rng)]


_TRACES: Final[Mapping[str, Callable[[Generator], Strokes]]] = MappingProxyType(
    {
        "near": _near,
        "speck": _speck,
        "hook": _hook,
        "cross": _cross,
        "slash": _slash,
        "dot": _dot,
        "loop": _loop,
        "filling": _filling,
        "scribbled": _scribbled,
        "struck": _struck,
        "erased": _ticked,
    }
)
