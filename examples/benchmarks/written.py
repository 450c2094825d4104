"""Boxes and pages written on by drawn hands, in ways that are hard to read."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator

from lenet_sklearn import load_dataset
from pipelines import FormReader, make_form_reader
from pipelines.drawing import draw_blank_form, draw_writer, make_form
from pipelines.drawing.filling import draw_entries, entry_value, fill_form
from pipelines.drawing.inking import ink_strokes
from pipelines.drawing.scanning import draw_scanner, scan_page
from pipelines.drawing.writers import Pen, Writer, trace_digit
from pipelines.images import Image
from pipelines.outcomes import FieldReading

_DPI = 200.0


@dataclass(frozen=True)
class Answer:
    """What was read in a field, and what it says; None where that is no number."""

    reading: FieldReading
    text: str | None
    group: str = ""


Page = tuple[Image, dict[str, str]]


def pencil(writer: Writer, rng: Generator) -> Writer:
    """Give a writer a pencil whose lines are an eighth darker than the paper."""
    return replace(writer, pen=Pen(rng.uniform(0.4, 0.6), 0.12, 0.4, 0.15, 0.0))


def light_blue(writer: Writer, rng: Generator) -> Writer:
    """Give a writer a light blue ball pen, which is a light grey in a grey scan."""
    return replace(writer, pen=Pen(rng.uniform(0.35, 0.5), 0.28, 0.3, 0.1, 0.01))


def draw_pages(
    seed: int,
    n_pages: int,
    change: Callable[[Writer, Generator], Writer] | None = None,
) -> Iterator[Page]:
    """Draw filled-in forms as `lenet demo` does, each with what it says."""
    rng = np.random.default_rng(seed)
    blank, fields = draw_blank_form(dpi=_DPI)
    for _ in range(n_pages):
        entries = draw_entries(fields, random_state=rng)
        writer = draw_writer(rng)
        if change is not None:
            writer = change(writer, rng)
        filled = fill_form(blank, fields, entries, writer, dpi=_DPI, random_state=rng)
        page = scan_page(filled, draw_scanner(rng), random_state=rng)
        yield page, {name: entry_value(entry) for name, entry in entries.items()}


@cache
def demo_reader(**params: Any) -> FormReader:
    """Make the reader of the drawn form."""
    blank, fields = draw_blank_form(dpi=_DPI)
    folder = Path(tempfile.mkdtemp())
    cv2.imwrite(str(folder / "blank.png"), blank)
    form = make_form(fields, blank=folder / "blank.png")
    return make_form_reader(form, **params)


def read_pages_of(pages: Iterator[Page], reader: FormReader) -> Iterator[Answer]:
    """Read pages, field by field."""
    for number, (page, truth) in enumerate(pages):
        for name, reading in reader.read(page).fields.items():
            yield Answer(reading, truth[name], f"page {number}")


def as_fax(page: Image) -> Image:
    """Send a page of 200 dpi as a standard fax: 204 by 98 dpi, black or white."""
    size = round(page.shape[1] * 204 / 200), round(page.shape[0] * 98 / 200)
    coarse = cv2.resize(page, size, interpolation=cv2.INTER_AREA)
    flat = cv2.divide(coarse, cv2.GaussianBlur(coarse, (0, 0), 25), scale=235)
    black = np.where(flat < 160, 0, 255).astype(np.uint8)
    # As a reader of scans gives it: of equal resolution both ways.
    size = round(page.shape[1] * 204 / 200), round(page.shape[0] * 204 / 200)
    return np.asarray(cv2.resize(black, size, interpolation=cv2.INTER_LINEAR))


def digits_of_test_writers(folder: Path) -> tuple[Any, Any]:
    """Load digits of writers that no network was trained on."""
    return load_dataset("mnist", data_dir=folder, split="test")


def draw_number(
    glyphs: Sequence[Sequence[Image]],
    rng: Generator,
    *,
    size: tuple[float, float] = (0.55, 0.8),
) -> Image:
    """Paste grey digits into printed boxes, and scan them.

    `glyphs` are those of each box, none to several; `size` is the range of their
    height, as a share of the boxes'.
    """
    height, width = int(rng.integers(44, 72)), int(rng.integers(40, 60))
    margin = height // 3
    shape = height + 2 * margin, len(glyphs) * width + 2 * margin
    page = np.full(shape, 255.0)
    _print_boxes(page, (height, width, margin), len(glyphs), rng)
    darkness, share = rng.uniform(0.5, 0.9), rng.uniform(*size)
    for n, inside in enumerate(glyphs):
        room = width * 0.95 / max(len(inside), 1)
        left = margin + n * width + (width - room * len(inside)) / 2
        for k, glyph in enumerate(inside):
            middle = left + room * (k + 0.5), margin + height * rng.normal(0.52, 0.03)
            _paste(page, glyph, middle, (share * height, room), darkness)
    return _scan(page, rng)


def _print_boxes(
    page: Any, sides: tuple[int, int, int], n_boxes: int, rng: Generator
) -> None:
    height, width, margin = sides
    line, grey = int(rng.integers(1, 4)), rng.uniform(20, 150)
    for x in margin + width * np.arange(n_boxes + 1):
        page[margin : margin + height, x : x + line] = grey
    for y in (margin, margin + height):
        page[y : y + line, margin : margin + n_boxes * width + line] = grey


def _scan(page: Any, rng: Generator) -> Image:
    soft = cv2.GaussianBlur(page.astype(float), (0, 0), rng.uniform(0.4, 0.9))
    soft = soft * rng.uniform(0.88, 0.99) + rng.normal(0, rng.uniform(1, 4), soft.shape)
    return np.clip(soft, 0, 255).astype(np.uint8)


def _paste(
    page: Any,
    glyph: Image,
    middle: tuple[float, float],
    room: tuple[float, float],
    darkness: float,
) -> None:
    left, top, width, height = cv2.boundingRect(glyph)
    ink = glyph[top : top + height, left : left + width]
    scale = min(room[0] / height, room[1] / width)
    size = max(2, round(width * scale)), max(2, round(height * scale))
    ink = cv2.resize(ink, size, interpolation=cv2.INTER_CUBIC).astype(float) / 255
    x, y = round(middle[0] - size[0] / 2), round(middle[1] - size[1] / 2)
    part = page[y : y + size[1], x : x + size[0]]
    part *= 1 - darkness * ink[: part.shape[0], : part.shape[1]]


_SHAPES: dict[str, list[list[tuple[float, float]]]] = {
    "A": [[(0, 1), (0.5, 0), (1, 1)], [(0.2, 0.6), (0.8, 0.6)]],
    "E": [[(1, 0), (0, 0), (0, 1), (1, 1)], [(0, 0.5), (0.8, 0.5)]],
    "F": [[(1, 0), (0, 0), (0, 1)], [(0, 0.5), (0.8, 0.5)]],
    "H": [[(0, 0), (0, 1)], [(1, 0), (1, 1)], [(0, 0.5), (1, 0.5)]],
    "K": [[(0, 0), (0, 1)], [(1, 0), (0, 0.5), (1, 1)]],
    "M": [[(0, 1), (0.1, 0), (0.5, 0.6), (0.9, 0), (1, 1)]],
    "N": [[(0, 1), (0, 0), (1, 1), (1, 0)]],
    "P": [[(0, 1), (0, 0), (0.8, 0.05), (0.8, 0.5), (0, 0.55)]],
    "R": [[(0, 1), (0, 0), (0.8, 0.05), (0.8, 0.5), (0, 0.55), (0.9, 1)]],
    "W": [[(0, 0), (0.25, 1), (0.5, 0.3), (0.75, 1), (1, 0)]],
    "zigzag": [[(0, 0.2), (0.2, 0.9), (0.4, 0.1), (0.6, 0.9), (0.8, 0.1), (1, 0.8)]],
    "cross": [[(0, 0), (1, 1)], [(1, 0), (0, 1)]],
    "tick": [[(0, 0.6), (0.3, 1), (1, 0)]],
    "plus": [[(0.5, 0), (0.5, 1)], [(0, 0.5), (1, 0.5)]],
    "dash": [[(0, 0.5), (1, 0.5)]],
    "equals": [[(0, 0.35), (1, 0.35)], [(0, 0.65), (1, 0.65)]],
}
_OTHERS = ("blot", "scratched", "overwritten", "half", "hair")
NO_DIGITS = (*_SHAPES, *_OTHERS)


def draw_no_digit(kind: str, rng: Generator) -> Image:
    """Draw a comb of three whose middle box holds no digit: `kind` says what."""
    height, width = int(rng.integers(50, 70)), int(rng.integers(44, 58))
    margin = height // 3
    page = np.full((height + 2 * margin, 3 * width + 2 * margin), 255, np.uint8)
    _print_boxes(page, (height, width, margin), 3, rng)
    writer = draw_writer(rng)
    middle = np.array([margin + 1.5 * width, margin + 0.51 * height, 0])
    placed = [s + middle for s in _strokes(kind, writer, height, width, rng)]
    pen = Pen(0.1, 0.6, 0.0, 0.0, 0.0) if kind == "hair" else writer.pen
    ink = np.full_like(page, 255)
    ink_strokes(ink, placed, pen, random_state=rng)
    if kind == "blot":
        spot = np.rint(middle[:2]).astype(int).tolist()
        axes = np.rint(rng.uniform(0.1, 0.3, 2) * height).astype(int).tolist()
        cv2.ellipse(ink, spot, axes, rng.uniform(0, 90), 0, 360, 50, -1)
    if kind == "half":
        cut = round(middle[0])
        ink[:, slice(cut, None) if rng.random() < 0.5 else slice(None, cut)] = 255
    return _scan(np.minimum(page, ink), rng)


def _strokes(
    kind: str, writer: Writer, height: int, width: int, rng: Generator
) -> list[Any]:
    """Trace what stands in a box, in pixels about its middle."""
    tall = height * rng.uniform(0.45, 0.8)
    wide = min(tall * rng.uniform(0.6, 1.0), 0.85 * width)
    if kind in ("dash", "equals"):
        wide = width * rng.uniform(0.3, 0.8)
    if kind in _SHAPES:
        paths = [(np.array(p) - 0.5) * [wide, tall] for p in _SHAPES[kind]]
        return [_pressed(p + rng.normal(0, 0.03 * tall, p.shape)) for p in paths]
    if kind == "blot":
        return []
    if kind == "hair":
        turn = rng.uniform(0, 6.28) + np.linspace(0, rng.normal(0, 1.2), 20)
        path = np.cumsum(np.column_stack([np.cos(turn), np.sin(turn)]), axis=0)
        path *= rng.uniform(0.4, 0.9) * height / 20
        return [_pressed(path - path.mean(axis=0))]
    # Of halves of other digits some are digits.
    label = str(rng.choice(list("2358"))) if kind == "half" else str(rng.integers(10))
    strokes = _digit(label, writer, tall, rng)
    if kind == "overwritten":
        other = str((int(label) + int(rng.integers(1, 10))) % 10)
        strokes += _digit(other, writer, tall, rng)
    if kind == "scratched":
        for _ in range(int(rng.integers(2, 5))):
            across = np.array([-0.42, 0.42]) * width * rng.uniform(0.8, 1)
            ends = np.column_stack([across, rng.uniform(-0.5, 0.5, 2) * tall])
            strokes.append(_pressed(ends))
    return strokes


def _digit(label: str, writer: Writer, tall: float, rng: Generator) -> list[Any]:
    return [s * [tall, tall, 1] for s in trace_digit(label, writer, random_state=rng)]


def _pressed(path: Any) -> Any:
    return np.column_stack([path, np.ones(len(path))])
