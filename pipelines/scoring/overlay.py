"""Draw what was read onto its page."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import shorten, wrap

import cv2
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont

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

# Letters as high as 12-point print on an A4 page are read without zooming in.
_TEXT_OF_PAGE = 1 / 70
# So many of them fit across an upright A4 page.
_LINE_LENGTH = 90
# Beside a field letters are lower than it, so that rows of fields leave room for
# rows of text, within what looks right on the page.
_TEXT_OF_FIELD = 0.7
_FIELD_TEXT_OF_PAGE = (1 / 120, 1 / 75)
_SMALLEST_TEXT = 9  # pixels; below that no digit can be told from another
# What is said of one field beside it; the table has all of it.
_REASON_LENGTH = 40


def draw_overlay(page: Image, reading: PageReading) -> NDArray[np.uint8]:
    """Draw what was read onto a page.

    Each field is framed in the colour of its status: green for accepted,
    orange for rejected, red for invalid, grey for blank. Thin lines show where the
    digits of free writing were found. Beside it stand its
    name, value and confidence, which is never rounded up, and why it wants a
    look if that is not for its confidence. Fields that were not found, and the
    reason why a page failed, are listed at the top.

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
    taken = [_bounds(field.quad) for field in placed.values()]
    notes: list[_Note] = []
    for text, status in _headlines(reading):
        notes.append(_place_note(canvas, text, status, None, taken))
        taken.append(notes[-1].place)
    for name, field in placed.items():
        label = _label(name, field)
        notes.append(_place_note(canvas, label, field.status, field.quad, taken))
        taken.append(notes[-1].place)
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
    return f"{name}: {field.value} ({confidence})" + (f", {reason}" if reason else "")


def _frame(canvas: ImageDraw.ImageDraw, field: FieldReading) -> None:
    """Draw the outline of a field as wide as a pen's stroke, of its digits thinly."""
    widths = [1] * len(field.digit_quads) + [max(1, max(canvas.im.size) // 600)]
    for quad, width in zip([*field.digit_quads, field.quad], widths, strict=True):
        corners = [(float(x), float(y)) for x, y in np.asarray(quad)]
        canvas.line([*corners, corners[0]], COLOURS[field.status], width, joint="curve")


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
    text: str,
    status: str,
    quad: NDArray[np.float64] | None,
    taken: Sequence[Box],
) -> _Note:
    """Find a place for a text: above its field or at the top, or the nearest free."""
    size = canvas.im.size
    font = ImageFont.load_default(max(_text_size(size, quad), _SMALLEST_TEXT))
    right, bottom = canvas.textbbox((0, 0), text, font, anchor="la")[2:]
    pad = round(bottom) // 4
    width, height = round(right) + 2 * pad, round(bottom) + 2 * pad
    field = (0, 0, 0, 0) if quad is None else _bounds(quad)
    left = max(0, min(field[0], size[0] - width))
    top = max(0, min(field[1] - height - height // 4, size[1] - height))
    note = _Note(text, status, font, (left, top, left + width, top + height))
    free = _free_places(note.place, size, taken) if _covered(note.place, taken) else []
    if not free:  # where the page has no place, it stays
        return note
    nearest = min(free, key=lambda box: _distance(box, field))
    end = _nearest_point(field, _centre(nearest))
    line = [] if quad is None else [_nearest_point(nearest, end), end]
    return replace(note, place=nearest, line=line)


def _write(canvas: ImageDraw.ImageDraw, note: _Note) -> None:
    """Write a text in white on the colour of its status."""
    left, top, _, bottom = note.place
    canvas.rectangle(note.place, COLOURS[note.status])
    pad = (bottom - top) // 6  # a quarter of the letters' height on either side
    canvas.text((left + pad, top + pad), note.text, "white", note.font, anchor="la")


def _free_places(box: Box, size: tuple[int, int], taken: Sequence[Box]) -> list[Box]:
    """List where on a page a box covers none of others, in cells of half its height."""
    width, height = box[2] - box[0], box[3] - box[1]
    cell = max(1, height // 2)
    used = np.zeros((size[1] // cell, size[0] // cell), np.uint8)
    for left, top, right, bottom in taken:
        rows = slice(max(0, top // cell), max(0, -(-bottom // cell)))
        used[rows, max(0, left // cell) : max(0, -(-right // cell))] = 1
    n_down, n_across = -(-height // cell), -(-width // cell)
    if n_down > used.shape[0] or n_across > used.shape[1]:
        return []
    # With the anchor in a corner: what is used in the cells to the right and below.
    hit = cv2.dilate(used, np.ones((n_down, n_across), np.uint8), anchor=(0, 0))
    ys, xs = np.nonzero(1 - hit[: len(hit) - n_down + 1, : hit.shape[1] - n_across + 1])
    return [
        (x, y, x + width, y + height)
        for x, y in zip((cell * xs).tolist(), (cell * ys).tolist(), strict=True)
    ]


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


def _text_size(size: tuple[int, int], quad: NDArray[np.float64] | None) -> float:
    """Return how high letters are drawn, in pixels."""
    if quad is None:
        return max(size) * _TEXT_OF_PAGE
    least, most = (max(size) * share for share in _FIELD_TEXT_OF_PAGE)
    height = float(np.linalg.norm(quad[3] - quad[0]))
    return min(max(_TEXT_OF_FIELD * height, least), most)


def _bounds(quad: NDArray[np.float64] | None) -> Box:
    """Return the upright box round a quad: left, top, right, bottom."""
    corners = np.asarray(quad)
    left, top = np.floor(corners.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(corners.max(axis=0)).astype(int).tolist()
    return left, top, right, bottom


def _covered(box: Box, others: Iterable[Box]) -> bool:
    """Return whether a box covers a part of others."""
    left, top, right, bottom = box
    return any(
        min(right, other[2]) > max(left, other[0])
        and min(bottom, other[3]) > max(top, other[1])
        for other in others
    )
