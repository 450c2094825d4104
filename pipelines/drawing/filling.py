"""Forms filled in by hand, and what was meant by it."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.random import Generator

from pipelines.drawing.inking import ink_strokes
from pipelines.drawing.printing import SHEET, CombField, Place, print_comb
from pipelines.drawing.shapes import Points
from pipelines.drawing.writers import (
    MM_PER_INCH,
    RandomState,
    Writer,
    draw_writer,
    smooth_curve,
    trace_digit,
)
from pipelines.images import Image


def entry_value(entry: str) -> str:
    """Return the string that was meant by what stands in the boxes.

    Parameters
    ----------
    entry : str
        One character for each box: a digit, a space for an empty box, or ``X``
        for one that is crossed out.

    Returns
    -------
    value : str
        Without empty and crossed-out boxes before the first and after the last
        digit; ``_`` stands for one between digits.

    Examples
    --------
    >>> entry_value("X045 "), entry_value("1 2"), entry_value("XX")
    ('045', '1_2', '')
    """
    return entry.strip(" X").replace(" ", "_").replace("X", "_")


def fill_comb(
    page: Image,
    field: CombField,
    entry: str,
    writer: Writer,
    *,
    dpi: float = 200.0,
    random_state: RandomState = None,
) -> None:
    """Write into the boxes of a comb, in place.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page; it is written into.

    field : CombField
        Where the boxes are.

    entry : str
        One character for each box, as :func:`entry_value` explains.

    writer : Writer
        Whose hand it is.

    dpi : float, default=200.0
        Resolution of the page, which turns the pen's width into pixels.

    random_state : int, Generator or None, default=None
        Seed, or source of randomness.

    Raises
    ------
    ValueError
        If `entry` has not one character for each box, or one that is neither
        a digit nor a space nor ``X``.
    """
    if len(entry) != field.digits or set(entry) - set("0123456789X "):
        raise ValueError(
            f"Field {field.name!r} expects one digit, space or X for each of its"
            f" {field.digits} boxes. Got {entry!r}."
        )
    rng = np.random.default_rng(random_state)
    top, left, height, width = field.box
    box_width = width / field.digits
    # Digits sit a little low in their boxes, and the line they stand on wanders.
    base = top + height * rng.normal(0.51, 0.02)
    for i, mark in enumerate(entry):
        if mark == " ":
            continue
        middle = np.array([left + (i + 0.5) * box_width, base])
        if mark == "X":
            strokes = _cross(height, box_width, rng)
        else:
            strokes = _digit(mark, writer, (height, box_width), rng)
        placed = [s + np.r_[middle, 0] for s in strokes]
        ink_strokes(page, placed, writer.pen, dpi=dpi, random_state=rng)


def draw_entries(
    fields: Sequence[CombField], *, random_state: RandomState = None
) -> dict[str, str]:
    """Make up what one candidate's form says.

    Parameters
    ----------
    fields : sequence of CombField
        Fields of the form. Dates and points are given plausible values where
        they are named as :func:`draw_blank_form` names them.

    random_state : int, Generator or None, default=None
        Seed, or source of randomness.

    Returns
    -------
    entries : dict of str to str
        For each field one character a box, as :func:`entry_value` explains.

    Examples
    --------
    >>> draw_entries([CombField("room", 4, (0, 0, 40, 160))], random_state=1)
    {'room': '8785'}
    """
    rng = np.random.default_rng(random_state)
    # One candidate in three crosses out what is not needed; the others leave it.
    filler = "X" if rng.random() < 1 / 3 else " "
    numbers = _draw_numbers(fields, rng)
    return {
        field.name: _laid_out(numbers[field.name], field.digits, filler, rng)
        for field in fields
    }


def fill_form(
    page: Image,
    fields: Sequence[CombField],
    entries: Mapping[str, str],
    writer: Writer,
    *,
    dpi: float = 200.0,
    random_state: RandomState = None,
) -> Image:
    """Fill in a form in the hand of one writer.

    Besides the fields, a square or two are ticked and the sheet is signed.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        The blank form, as :func:`draw_blank_form` returns it.

    fields : sequence of CombField
        Its fields.

    entries : mapping of str to str
        What is written into each of them, as :func:`entry_value` explains.
        Fields it does not name are left blank.

    writer : Writer
        Whose hand it is.

    dpi : float, default=200.0
        Resolution of `page`.

    random_state : int, Generator or None, default=None
        Seed, or source of randomness.

    Returns
    -------
    filled : ndarray of shape (height, width), dtype uint8
        A new page.
    """
    rng = np.random.default_rng(random_state)
    filled = page.copy()
    for field in fields:
        entry = entries.get(field.name, " " * field.digits)
        fill_comb(filled, field, entry, writer, dpi=dpi, random_state=rng)
    scale = np.array([dpi / MM_PER_INCH, dpi / MM_PER_INCH, 1])
    examiner = draw_writer(rng)
    marks = [(writer, tick) for tick in _ticks(rng)]
    signers = zip((writer, examiner), SHEET["signatures"], strict=True)
    marks += [(who, _signature(who, place, rng)) for who, place in signers]
    for who, strokes in marks:
        placed = [stroke * scale for stroke in strokes]
        ink_strokes(filled, placed, who.pen, dpi=dpi, random_state=rng)
    return filled


def draw_comb(
    entry: str,
    *,
    box_size: tuple[int, int] = (64, 56),
    line_width: int = 2,
    writer: Writer | None = None,
    dpi: float = 200.0,
    random_state: RandomState = None,
) -> Image:
    """Draw a comb field with digits written into it, and nothing round it.

    Parameters
    ----------
    entry : str
        One character for each box, as :func:`entry_value` explains.

    box_size : tuple of int, default=(64, 56)
        Height and width of one box in pixels.

    line_width : int, default=2
        Width of the printed lines in pixels; 0 prints none.

    writer : Writer or None, default=None
        Whose hand it is; None draws one.

    dpi : float, default=200.0
        Resolution, which turns the pen's width into pixels.

    random_state : int, Generator or None, default=None
        Seed, or source of randomness.

    Returns
    -------
    image : ndarray, dtype uint8
        White paper with a margin of a quarter of the height of a box.

    Examples
    --------
    >>> image = draw_comb(" 451", random_state=0)
    >>> image.shape
    (96, 256)
    >>> entry_value(" 451")
    '451'
    """
    rng = np.random.default_rng(random_state)
    hand = draw_writer(rng) if writer is None else writer
    height, width = box_size
    margin = height // 4
    box: Place = (margin, margin, height, width * len(entry))
    shape = (height + 2 * margin, width * len(entry) + 2 * margin)
    image = np.full(shape, 255, dtype=np.uint8)
    if line_width:
        print_comb(image, box, len(entry), line_width=line_width)
    field = CombField("field", len(entry), box)
    fill_comb(image, field, entry, hand, dpi=dpi, random_state=rng)
    return image


def _draw_numbers(fields: Sequence[CombField], rng: Generator) -> dict[str, str]:
    """Make up the number in each field; points add up, a date is one."""
    # Every tenth question was not answered.
    points = [
        "" if rng.random() < 0.1 else str(rng.integers(0, maximum + 1))
        for maximum in SHEET["maximum_points"]
    ]
    day, month, year = rng.integers((1, 1, 2015), (29, 13, 2030))
    numbers = {
        "exam_date": f"{day:02d}{month:02d}{year}",
        "total": str(sum(int(number or 0) for number in points)),
        **{f"points_{i}": number for i, number in enumerate(points, start=1)},
    }
    for field in fields:
        digits = "".join(map(str, rng.integers(0, 10, size=field.digits)))
        # Of short numbers, such as a room's, one in six does not fill its field.
        if field.digits <= 4 and rng.random() < 1 / 6:
            digits = digits[: int(rng.integers(0, field.digits))]
        numbers.setdefault(field.name, digits)
    return numbers


def _laid_out(number: str, digits: int, filler: str, rng: Generator) -> str:
    """Set a number into its boxes: to the right, sometimes to the left."""
    if filler == " " and rng.random() < 0.3:
        return number.ljust(digits)
    return number.rjust(digits, filler)


def _digit(
    label: str, writer: Writer, box: tuple[int, float], rng: Generator
) -> list[Points]:
    """Trace a digit at the writer's size, in pixels about the middle of its box."""
    box_height, box_width = box
    strokes = trace_digit(label, writer, random_state=rng)
    extent = max(np.ptp(np.vstack(strokes)[:, 0]), 0.1)
    # Writers squeeze a wide digit into a narrow box, but not wholly: some still
    # cross the lines.
    height = writer.size * box_height * rng.normal(1, 0.05)
    height = min(height, 1.05 * box_width / extent)
    shift = rng.normal(0, writer.wander, 2) * height
    return [s * [height, height, 1] + np.r_[shift, 0] for s in strokes]


def _cross(height: float, width: float, rng: Generator) -> list[Points]:
    """Two bowed diagonals through a box, in pixels about its middle."""
    strokes = []
    for direction in (-1, 1):
        corner = np.array([direction * width, height]) * rng.uniform(0.36, 0.46, 2)
        ends = np.array([-corner, rng.normal(0, 0.03, 2) * height, corner])
        strokes.append(_pressed(ends + rng.normal(0, 0.04, ends.shape) * height))
    return strokes


def _pressed(points: Points) -> Points:
    """Lay a curve of even pressure through points of any scale."""
    scale = np.hypot(*np.ptp(points, axis=0)) or 1.0
    curve = smooth_curve(points / scale) * scale
    return np.column_stack([curve, np.ones(len(curve))])


def _ticks(rng: Generator) -> list[list[Points]]:
    """Tick one square of each pair, with a hook or a cross; in millimetres."""
    marks = []
    boxes = SHEET["tick_boxes"]
    for pair in (boxes[:2], boxes[2:]):
        left, top = pair[rng.integers(2)]
        middle = np.array([left + 2, top + 2, 0]) + np.r_[rng.normal(0, 0.3, 2), 0]
        if rng.random() < 0.5:
            strokes = _cross(5.0, 5.0, rng)
        else:
            hook = np.array([[-1.8, -0.3], [-0.4, 1.8], [3.2, -3.0]])
            strokes = [_pressed(hook + rng.normal(0, 0.3, hook.shape))]
        marks.append([stroke + middle for stroke in strokes])
    return marks


def _signature(
    writer: Writer, place: tuple[float, float], rng: Generator
) -> list[Points]:
    """Sign: quick strokes that lose height, then a flourish; in millimetres."""
    habit = np.random.default_rng(writer.habits)
    n_turns = 2 * int(habit.integers(5, 11))
    is_up = np.arange(n_turns) % 2 == 1
    heights = habit.uniform(1.5, 8.0, n_turns) * np.linspace(1, 0.4, n_turns)
    heights[1] = habit.uniform(8.0, 13.0)  # the initial
    x = np.cumsum(habit.uniform(0.3, 2.6, n_turns)) + np.where(is_up, 1.2, -0.6)
    y = -np.where(is_up, heights, habit.uniform(-1.2, 1.2, n_turns))
    flourish = [x[-1] + habit.uniform(8, 22), habit.uniform(-4, 1.5)]
    points = np.vstack([np.c_[x, y], flourish])
    points += rng.normal(0, 0.2, points.shape) + np.add(place, (4.0, -1.5))
    return [_pressed(points)]
