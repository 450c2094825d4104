"""Measures of piles: free fields, with what is cut out round them.

The fields are drawn: handwriting of made-up writers in frames, half frames and cells of
tables, with captions, ruling lines, underlines, walls of neighbouring boxes, and tails
of letters that hang in from above; each with that print and without, scanned alike.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont
from tables import Row

from pipelines import make_field_reader
from pipelines.drawing import draw_scanner, draw_string, draw_writer, scan_page
from pipelines.images import Image

_SEED = 90_417  # of fields that nobody looked at when the rules were made
_N_FIELDS = 200
_EDGE = 14
_CAPTIONS = ("Total", "Amount due", "Betrag in Euro", "No.", "(figures only)", "Sum")


@dataclass(frozen=True)
class DressedField:
    """A free field as it is cut out of its form, and the same without print.

    Attributes
    ----------
    bare, dressed : ndarray of shape (height, width), dtype uint8
        The writing alone, and with what is round it.

    text : str
        What is written.

    kind : str
        What is round it, a key of `KINDS`.
    """

    bare: Image
    dressed: Image
    text: str
    kind: str


@dataclass(frozen=True)
class _Place:
    """Where a box is on a canvas, and how its lines are printed."""

    top: int
    left: int
    bottom: int
    right: int
    height: float  # of a digit
    thick: int
    grey: int


def draw_dressed(kind: str, rng: Generator, *, text: str | None = None) -> DressedField:
    """Draw a free field with something round it.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.

    rng : numpy.random.Generator
        Source of chance.

    text : str, default=None
        What is written; by default two to seven digits.

    Returns
    -------
    field : DressedField
        Both images have one size, and were scanned alike.
    """
    if text is None:
        n_digits = int(rng.integers(2, 8))
        text = "".join(map(str, rng.integers(0, 10, n_digits)))
    writing, height = _write(text, rng)
    close = kind.startswith("close")
    bare, place = _lay_out(writing, height, rng, close=close)
    dressed = bare.copy()
    KINDS[kind](dressed, place, rng)
    scanner = replace(draw_scanner(rng), shift=(0.0, 0.0), shadow=0.0)
    seed = int(rng.integers(2**31))
    inner = np.s_[_EDGE:-_EDGE, _EDGE:-_EDGE]  # the page goes on round what is cut out
    scanned = [scan_page(page, scanner, random_state=seed) for page in (bare, dressed)]
    return DressedField(*(page[inner] for page in scanned), text, kind)


def _write(text: str, rng: Generator) -> tuple[Image, float]:
    """Write a string, cut closely round its ink."""
    height = rng.uniform(36, 60)
    writer = draw_writer(rng)
    if rng.random() < 0.4:
        writer = replace(writer, slant=0.0)
    string = draw_string(text, writer, height=height, random_state=rng)
    left, top, width, tall = cv2.boundingRect((string < 200).view(np.uint8))
    return string[top : top + tall, left : left + width], height


def _lay_out(
    writing: Image, height: float, rng: Generator, *, close: bool
) -> tuple[Image, _Place]:
    """Lay paper round writing, and decide where a box would be."""
    tall, wide = writing.shape
    least, most = (-0.04, 0.12) if close else (0.12, 0.6)
    above, below = (round(height * x) for x in rng.uniform(least, most, 2))
    most = 0.12 if close else 1.5
    before, after = (round(height * x) for x in rng.uniform(least, most, 2))
    outside = [_EDGE + round(height * x) for x in rng.uniform(0.12, 0.4, 4)]
    outside[0] += round(0.6 * height)
    outside[2] += round(0.6 * height)
    thick = int(rng.integers(1, 5))
    top, left = outside[0], outside[1]
    bottom, right = top + above + tall + below, left + before + wide + after
    canvas = np.full((bottom + outside[2], right + outside[3]), 255, np.uint8)
    canvas[top + above :, left + before :][:tall, :wide] = writing
    grey = int(rng.integers(0, 120))
    return canvas, _Place(top, left, bottom, right, height, thick, grey)


def _line(
    page: Image, rows: tuple[int, int], columns: tuple[int, int], grey: int
) -> None:
    part = page[max(rows[0], 0) : rows[1], max(columns[0], 0) : columns[1]]
    np.minimum(part, np.uint8(grey), out=part)


def _sides(page: Image, place: _Place, sides: str) -> None:
    """Print the sides of a box: of t, l, b and r."""
    near, far = place.thick // 2, place.thick - place.thick // 2
    columns = (place.left - near, place.right + far)
    rows = (place.top - near, place.bottom + far)
    for side, y in (("t", place.top), ("b", place.bottom)):
        if side in sides:
            _line(page, (y - near, y + far), columns, place.grey)
    for side, x in (("l", place.left), ("r", place.right)):
        if side in sides:
            _line(page, rows, (x - near, x + far), place.grey)


def _frame(page: Image, place: _Place, _: Generator) -> None:
    _sides(page, place, "tlbr")


def _half_frame(page: Image, place: _Place, rng: Generator) -> None:
    choices = ["lb", "br", "lbr", "tlb", "tbr", "tlr", "tl", "tr"]
    _sides(page, place, str(rng.choice(choices)))


def _caption(page: Image, place: _Place, rng: Generator) -> None:
    size = place.height * rng.uniform(0.25, 0.45)
    above = rng.random() < 0.5
    gap = place.height * rng.uniform(0.05, 0.2)
    y = place.top - gap if above else place.bottom + gap
    x = rng.uniform(place.left, (place.left + place.right) / 2)
    sheet = PillowImage.fromarray(page)
    text = _CAPTIONS[int(rng.integers(len(_CAPTIONS)))]
    ImageDraw.Draw(sheet).text(
        (x, y), text, place.grey, ImageFont.load_default(size), "ls" if above else "lt"
    )
    page[:] = np.asarray(sheet)


def _frame_and_caption(page: Image, place: _Place, rng: Generator) -> None:
    _frame(page, place, rng)
    _caption(page, place, rng)


def _half_frame_and_caption(page: Image, place: _Place, rng: Generator) -> None:
    _half_frame(page, place, rng)
    _caption(page, place, rng)


def _ruling(page: Image, place: _Place, rng: Generator) -> None:
    near, far = place.thick // 2, place.thick - place.thick // 2
    y = place.bottom - round(place.height * rng.uniform(0, 0.3))
    _line(page, (y - near, y + far), (0, page.shape[1]), place.grey)


def _underline(page: Image, place: _Place, _: Generator) -> None:
    _sides(page, place, "b")


def _descender(page: Image, place: _Place, rng: Generator) -> None:
    """Let the tails of letters hang in from the line above."""
    for _ in range(int(rng.integers(1, 4))):
        x = rng.uniform(place.left, place.right)
        low = place.top + place.height * rng.uniform(-0.4, 0.05)
        lean = rng.uniform(0, 0.3) * place.height
        points = [(x, 0), (x - lean, low), (x - lean - 0.2 * place.height, low - 6)]
        path = np.rint(np.array(points)).astype(np.int32)
        cv2.polylines(page, [path], False, 40, 3, cv2.LINE_AA)


def _wall(page: Image, place: _Place, rng: Generator) -> None:
    """Print the wall of a neighbouring box."""
    near, far = place.thick // 2, place.thick - place.thick // 2
    x = place.left if rng.random() < 0.5 else place.right
    _line(page, (0, len(page)), (x - near, x + far), place.grey)


def _table_cell(page: Image, place: _Place, _: Generator) -> None:
    """Print the lines of a table, which go on past the crop."""
    near, far = place.thick // 2, place.thick - place.thick // 2
    for y in (place.top, place.bottom):
        _line(page, (y - near, y + far), (0, page.shape[1]), place.grey)
    for x in (place.left, place.right):
        _line(page, (0, len(page)), (x - near, x + far), place.grey)


def _row_of_boxes(page: Image, place: _Place, rng: Generator) -> None:
    """Print a box with another on its right, of which the crop has a part."""
    _frame(page, place, rng)
    near, far = place.thick // 2, place.thick - place.thick // 2
    for y in (place.top, place.bottom):
        _line(page, (y - near, y + far), (place.left, page.shape[1]), place.grey)


KINDS: dict[str, Callable[[Image, _Place, Generator], None]] = {
    "frame": _frame,
    "half frame": _half_frame,
    "caption": _caption,
    "frame and caption": _frame_and_caption,
    "half frame and caption": _half_frame_and_caption,
    "ruling line": _ruling,
    "underline": _underline,
    "tails from above": _descender,
    "neighbour's wall": _wall,
    "cell of a table": _table_cell,
    "row of boxes": _row_of_boxes,
    "close frame": _frame,
    "close half frame": _half_frame,
    "close cell of a table": _table_cell,
}

# Kinds of which the print keeps clear of the writing; in the others it touches it.
_TOUCHING = tuple(kind for kind in KINDS if kind.startswith("close"))
_CLEAR = tuple(kind for kind in KINDS if kind not in _TOUCHING)


def measure_free_fields(_data: Path) -> Iterator[Row]:
    """Read free fields with print in what is cut out, and the same without."""
    reader = make_field_reader()
    per_kind = -(-_N_FIELDS // len(_CLEAR))
    for name, kinds, bar in (
        ("clear of the writing", _CLEAR, "98 % as many read right, none wrong"),
        ("touching it", _TOUCHING, "none wrong and accepted"),
    ):
        fields = [
            draw_dressed(kind, np.random.default_rng([_SEED, number, n]))
            for number, kind in enumerate(kinds)
            for n in range(per_kind)
        ][:_N_FIELDS]
        bare = _count(reader, [field.bare for field in fields], fields)
        dressed = _count(reader, [field.dressed for field in fields], fields)
        yield Row(
            f"{len(fields)} free fields with print {name}",
            f"{dressed}; without print {bare}",
            bar,
        )


def _count(reader: Any, images: list[Image], fields: list[DressedField]) -> str:
    """Read images of fields, and say how many are read right and accepted."""
    read = reader[-1].read(reader[:-1].transform(images))
    pairs = list(zip(read, fields, strict=True))
    right = sum(reading.value == field.text for reading, field in pairs)
    taken = [pair for pair in pairs if pair[0].is_settled]
    wrong = sum(reading.value != field.text for reading, field in taken)
    return f"{right} read right, {len(taken)} accepted, {wrong} of them wrong"


MEASURES: dict[str, Callable[[Path], Iterator[Row]]] = {"free": measure_free_fields}
