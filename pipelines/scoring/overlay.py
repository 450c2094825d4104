"""Draw what was read onto its page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten, wrap
from typing import Any

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont

from pipelines.forms.options import JOINT
from pipelines.images import Image, check_image
from pipelines.outcomes import FieldReading, PageReading, show_confidence
from pipelines.scoring.table import review_reason

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]

# Dark enough for text on white paper; told apart by lightness too, for those
# who do not see red and green apart.
COLOURS: dict[str, Colour] = {
    "accepted": (0, 135, 60),
    "rejected": (215, 110, 0),
    "invalid": (200, 0, 30),
    "blank": (115, 115, 115),
    "unlocated": (140, 0, 160),
    "failed": (200, 0, 30),
}

# Rows of boxes that are no field's: what nobody has asked for.
_OTHER_COLOUR: Colour = (0, 70, 190)

# Letters as high as 12-point print on an A4 page are read without zooming in.
_TEXT_OF_PAGE = 1 / 70
# So many of them fit across an upright A4 page.
_LINE_LENGTH = 90
# Beside fields letters are lower than most of them, so that rows of fields leave room
# for rows of text, within what looks right on the page.
_TEXT_OF_FIELD = 0.7
_FIELD_TEXT_OF_PAGE = (1 / 120, 1 / 75)
_SMALLEST_TEXT = 9  # pixels; below that no digit can be told from another
# What is said of one field beside it; the table has all of it.
_REASON_LENGTH = 40

# Darker is print or writing, which a text should not cover. A text over a line of
# print (a tenth of its area is ink) had better stand three of its heights away.
_INK = 150
_COST_OF_INK = 30.0
# Of two places alike, that which is less far aside of its field, in text heights.
_COST_OF_ASIDE = 0.05


def draw_overlay(page: Image, reading: PageReading) -> NDArray[np.uint8]:
    """Draw what was read onto a page.

    Each field is framed in the colour of its status: green for accepted,
    orange for rejected, red for invalid, grey for blank. Thin lines show where the
    digits of free writing were found, where rows of boxes are that are no field's, and
    of a choice all but the boxes that are ticked. Beside a field stand its name, value
    and confidence, which is never rounded up, and why it wants a look if that is not
    for its confidence, or which rule of the form decided it.
    Fields that were not found, and the reason why a page failed, are listed at the top.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        The page, as it was read.

    reading : PageReading
        What was read on it.

    Returns
    -------
    picture : ndarray of shape (height, width, 3), dtype uint8
        The page in colour (red, green, blue), of the same size.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.outcomes import FieldReading, PageReading
    >>> from pipelines.scoring.overlay import draw_overlay
    >>> page = np.full((300, 400), 255, dtype=np.uint8)
    >>> quad = np.array([[50, 100], [350, 100], [350, 140], [50, 140.0]])
    >>> reading = PageReading({"id": FieldReading("042", "accepted", 0.99, quad)})
    >>> draw_overlay(page, reading)[100, 60].tolist()
    [0, 135, 60]
    """
    check_image(page, caller="draw_overlay")
    picture = PIL.Image.fromarray(page).convert("RGB")
    canvas = ImageDraw.Draw(picture)
    placed = {n: f for n, f in reading.fields.items() if f.quad is not None}
    quads = [field.quad for field in placed.values() if field.quad is not None]
    size = _text_size(page.shape, quads)
    room = _Room(page, size, [_bounds(quad) for quad in quads])
    notes = [
        _place_note(canvas, room, (text, status), max(page.shape) * _TEXT_OF_PAGE)
        for text, status in _headlines(reading)
    ]
    for name, field in placed.items():
        words = _label(name, field), field.status
        notes.append(_place_note(canvas, room, words, size, field.quad))
    for quad in reading.others:
        _outline(canvas, quad, _OTHER_COLOUR, 1)
    for field in placed.values():
        _frame(canvas, field)
    for note in notes:
        canvas.line(note.line, COLOURS[note.status], 2)
    for note in notes:  # over the lines
        _write(canvas, note)
    return np.asarray(picture)


def write_overlay(page: Image, reading: PageReading, path: Path) -> None:
    """Write the picture of :func:`draw_overlay` as a PNG file.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        The page, as it was read.

    reading : PageReading
        What was read on it.

    path : Path
        The file to write. Folders that are missing are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = PIL.Image.fromarray(draw_overlay(page, reading))
    # Level 1 takes a third of the time of the usual 6, for files a tenth larger.
    picture.save(path, format="PNG", compress_level=1)


def _headlines(reading: PageReading) -> list[tuple[str, str]]:
    """List text and status of what is true of the page and of no place on it."""
    if reading.status == "empty":
        return [("the page is empty", "blank")]
    lines = [(reading.error, "failed")]
    by_status: dict[str, list[str]] = {}
    for name, field in reading.fields.items():
        if field.quad is None:
            text = name if field.status == "unlocated" else _label(name, field)
            by_status.setdefault(field.status, []).append(text)
    for status, texts in by_status.items():
        head = "not found: " if status == "unlocated" else ""
        lines.append((head + ", ".join(texts), status))
    return [(row, status) for text, status in lines for row in wrap(text, _LINE_LENGTH)]


def _label(name: str, field: FieldReading) -> str:
    if field.status == "blank":
        return f"{name}: blank"
    confidence = show_confidence(field.confidence, 2)
    reason = shorten(review_reason(field), _REASON_LENGTH, placeholder="...")
    if not reason and field.decided_by:
        reason = f"by {field.decided_by}"
    return f"{name}: {field.value} ({confidence})" + (f", {reason}" if reason else "")


def _frame(canvas: ImageDraw.ImageDraw, field: FieldReading) -> None:
    """Draw the outline of a field as wide as a pen's stroke, of its digits thinly.

    Of a mark or a choice the boxes that are ticked are drawn so, and the others thinly.
    """
    wide = max(1, max(canvas.im.size) // 600)
    outlines = [(quad, 1) for quad in field.digit_quads]
    ticked = field.value.split(JOINT)
    for mark in field.marks:
        outlines.append((mark.quad, wide if mark.value in ticked else 1))
    if len(field.marks) != 1:
        outlines.append((np.asarray(field.quad), 1 if field.marks else wide))
    for quad, width in outlines:
        _outline(canvas, quad, COLOURS[field.status], width)


def _outline(
    canvas: ImageDraw.ImageDraw, quad: Any, colour: Colour, width: int
) -> None:
    corners = [(float(x), float(y)) for x, y in np.asarray(quad)]
    canvas.line([*corners, corners[0]], colour, width, joint="curve")


@dataclass(frozen=True)
class _Note:
    """A text, where it stands, and a line from there to a field that is not beside."""

    text: str
    status: str
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    place: Box
    line: Sequence[tuple[float, float]] = ()


def _place_note(
    canvas: ImageDraw.ImageDraw,
    room: "_Room",
    words: tuple[str, str],
    size: float,
    quad: NDArray[np.float64] | None = None,
) -> _Note:
    """Find the best place for a text, by its field or at the top of the page."""
    text, status = words
    font = ImageFont.load_default(max(size, _SMALLEST_TEXT))
    right, bottom = canvas.textbbox((0, 0), text, font, anchor="la")[2:]
    pad = round(bottom) // 4
    width, height = round(right) + 2 * pad, round(bottom) + 2 * pad
    field = (0, 0, 0, 0) if quad is None else _bounds(quad)
    place = room.take(width, height, field)
    if quad is None or _distance(place, field) <= height:
        return _Note(text, status, font, place)
    end = _nearest_point(field, _centre(place))
    return _Note(text, status, font, place, [_nearest_point(place, end), end])


class _Room:
    """What of a page is taken by fields and texts, and where its ink is."""

    def __init__(self, page: Image, text_size: float, taken: Sequence[Box]) -> None:
        # Places are tried in steps of about a fifth of the height of a text.
        self._cell = max(1, round(0.3 * text_size))
        n_down, n_across = (max(1, side // self._cell) for side in page.shape)
        used = page[: n_down * self._cell, : n_across * self._cell]
        dark = (used < _INK).astype(np.float32)
        self._ink = cv2.resize(dark, (n_across, n_down), interpolation=cv2.INTER_AREA)
        self._taken = np.zeros((n_down, n_across), np.uint8)
        for box in taken:
            self._mark(box)

    def take(self, width: int, height: int, field: Box) -> Box:
        """Take the place for a text that covers least and is nearest to its field.

        Where the page has no place that is free, it is above the field.
        """
        costs = self._costs(width, height, field)
        left, top = field[0], max(0, field[1] - height)
        if np.isfinite(costs).any():
            row, column = np.unravel_index(np.argmin(costs), costs.shape)
            left, top = int(column) * self._cell, int(row) * self._cell
        box = left, top, left + width, top + height
        self._mark(box)
        return box

    def _costs(self, width: int, height: int, field: Box) -> NDArray[np.float64]:
        """Weigh all places for a text, by the cell of their upper left corner."""
        cells = -(-height // self._cell), -(-width // self._cell)
        window = np.ones(cells, np.uint8)
        # Of the cells to the right and below: whether one is taken, how much is ink.
        taken = cv2.dilate(self._taken, window, anchor=(0, 0))
        ink = cv2.blur(
            self._ink, cells[::-1], anchor=(0, 0), borderType=cv2.BORDER_CONSTANT
        )
        rows, columns = (
            max(0, n - wanted + 1)
            for n, wanted in zip(self._taken.shape, cells, strict=True)
        )
        tops = self._cell * np.arange(rows)[:, None]
        lefts = self._cell * np.arange(columns)[None]
        across = np.maximum(0, np.maximum(field[0] - lefts - width, lefts - field[2]))
        down = np.maximum(0, np.maximum(field[1] - tops - height, tops - field[3]))
        aside = np.hypot(lefts - field[0], tops + height - field[1])
        distances = np.hypot(across, down) + _COST_OF_ASIDE * aside
        costs = distances / height + _COST_OF_INK * ink[:rows, :columns]
        return np.where(taken[:rows, :columns] > 0, np.inf, costs)

    def _mark(self, box: Box) -> None:
        """Take a place, in whole cells."""
        left, top, right, bottom = (side / self._cell for side in box)
        rows = slice(max(0, math.floor(top)), max(0, math.ceil(bottom)))
        columns = slice(max(0, math.floor(left)), max(0, math.ceil(right)))
        self._taken[rows, columns] = 1


def _write(canvas: ImageDraw.ImageDraw, note: _Note) -> None:
    """Write a text in white on the colour of its status."""
    left, top, _, bottom = note.place
    canvas.rectangle(note.place, COLOURS[note.status])
    pad = (bottom - top) // 6  # a quarter of the letters' height on either side
    canvas.text((left + pad, top + pad), note.text, "white", note.font, anchor="la")


def _distance(box: Box, other: Box) -> float:
    """Distance of two boxes, 0 where they meet."""
    across = max(0, other[0] - box[2], box[0] - other[2])
    return math.hypot(across, max(0, other[1] - box[3], box[1] - other[3]))


def _centre(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _nearest_point(box: Box, point: tuple[float, float]) -> tuple[float, float]:
    """Return the point of a box that is nearest to another point."""
    x, y = point
    return min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])


def _text_size(shape: tuple[int, ...], quads: Sequence[NDArray[np.float64]]) -> float:
    """Return how high letters beside fields are drawn, in pixels: all of one size."""
    least, most = (max(shape) * share for share in _FIELD_TEXT_OF_PAGE)
    heights = [float(np.linalg.norm(quad[3] - quad[0])) for quad in quads]
    wanted = _TEXT_OF_FIELD * float(np.median(heights)) if heights else least
    return min(max(wanted, least), most)


def _bounds(quad: NDArray[np.float64] | None) -> Box:
    """Return the upright box round a quad: left, top, right, bottom."""
    corners = np.asarray(quad)
    left, top = np.floor(corners.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(corners.max(axis=0)).astype(int).tolist()
    return left, top, right, bottom
