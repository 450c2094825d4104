"""Printed forms of many kinds, of which piles are drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from pipelines import Form, FormReader, make_form_reader
from pipelines.drawing import (
    CombField,
    draw_blank_form,
    draw_entries,
    draw_writer,
    entry_value,
    fill_comb,
    make_form,
    print_comb,
)
from pipelines.drawing.piles import FORMS, draw_layout
from pipelines.images import Image

DPI = 200.0
MM = DPI / 25.4


@dataclass(frozen=True)
class Layout:
    """A form, and the block of it that another edition has elsewhere.

    Attributes
    ----------
    page : ndarray of shape (height, width), dtype uint8
        The blank page.

    fields : tuple of CombField
        Its fields.

    block : tuple of (top, left, height, width)
        A part of the page with empty paper round it, in pixels.

    moves : tuple of (down, right)
        Which way the block may move, in units of the distance it moves.
    """

    page: Image
    fields: tuple[CombField, ...]
    block: tuple[int, int, int, int]
    moves: tuple[int, int]


def draw_layouts() -> dict[str, Layout]:
    """Draw ten forms: a cover sheet, two lists, and the pages of an office's forms."""
    page, fields = draw_blank_form(dpi=DPI)
    sheet = Layout(page, fields, (900, 60, 860, page.shape[1] - 120), (1, 0))
    layouts = {"sheet": sheet, "counts": draw_counts(), "dates": draw_dates()}
    for name, form in FORMS.items():
        for number, (heading, seed, combs) in enumerate(form["pages"], start=1):
            layouts[f"{name}-{number}"] = draw_office_form(heading, seed, combs)
    return layouts


def draw_office_form(heading: str, seed: int, combs: Mapping[str, int]) -> Layout:
    """Draw a page of a form whose combs another edition has elsewhere."""
    drawn = draw_layout(heading, seed, combs, dpi=DPI)
    first, last = drawn.fields[0].box, drawn.fields[-1].box
    top, bottom = first[0] - round(5 * MM), last[0] + last[2] + round(2 * MM)
    block = (top, round(20 * MM), bottom - top, round(130 * MM))
    return Layout(drawn.page, drawn.fields, block, (0, 1))


def draw_counts() -> Layout:
    """Draw a sheet of counts: rows that are alike, but for their names."""
    page = np.full((2339, 1654), 255, dtype=np.uint8)
    rng = np.random.default_rng(42)
    write_words(page, (150, 190), 1.8, "RETURN OF STORES")
    for row in range(4):
        write_words(page, (150, 270 + 45 * row), 0.8, draw_words(rng, 8))
    fields = []
    for row in range(9):
        y = 560 + 110 * row
        write_words(page, (150, y + 50), 0.9, f"{row + 1}. {draw_words(rng, 2)}")
        fields.append(CombField(f"count_{row + 1}", 4, (y, 800, 75, 240)))
    for row in range(4):
        write_words(page, (150, 1760 + 45 * row), 0.7, draw_words(rng, 9))
    for column, name in enumerate(("stock", "sold")):
        x = 150 + 700 * column
        write_words(page, (x, 2080), 0.9, f"{name} {draw_words(rng, 1)}")
        fields.append(CombField(name, 6, (2110, x, 80, 420)))
    for field in fields:
        print_comb(page, field.box, field.digits, line_width=2)
    return Layout(page, tuple(fields), (520, 140, 1020, 1060), (0, 1))


def draw_dates() -> Layout:
    """Draw a sheet of dates."""
    page = np.full((2339, 1654), 255, dtype=np.uint8)
    rng = np.random.default_rng(43)
    write_words(page, (150, 190), 1.8, "LIST OF DATES")
    fields = []
    for row in range(9):
        y = 330 + 210 * row
        write_words(page, (150, y + 55), 0.9, f"{row + 1}. {draw_words(rng, 2)}")
        fields.append(CombField(f"date_{row + 1}", 8, (y, 800, 85, 8 * 64)))
    for field in fields:
        print_comb(page, field.box, field.digits, line_width=2)
    return Layout(page, tuple(fields), (700, 140, 860, 1280), (0, 1))


def draw_words(rng: Generator, n_words: int) -> str:
    """Make up words."""
    letters = list("abcdefghiklmnoprstuvw")
    return " ".join(
        "".join(rng.choice(letters, rng.integers(3, 9))) for _ in range(n_words)
    )


def write_words(page: Image, place: tuple[int, int], size: float, words: str) -> None:
    """Set a line of type, in place."""
    cv2.putText(page, words, place, 0, size, 25, 2, cv2.LINE_AA)


def fill_layout(layout: Layout, rng: Generator) -> tuple[Image, dict[str, str]]:
    """Fill a form in by one hand, and say what was written."""
    entries = draw_entries(layout.fields, random_state=rng)
    writer = draw_writer(rng)
    page = layout.page.copy()
    for field in layout.fields:
        fill_comb(page, field, entries[field.name], writer, random_state=rng)
    return page, {name: entry_value(entry) for name, entry in entries.items()}


def make_reader(layout: Layout, folder: str) -> FormReader:
    """Make a reader of a layout; its blank page lies in the folder."""
    blank = Path(folder, "blank.png")
    cv2.imwrite(str(blank), layout.page)
    form: Form = make_form(layout.fields, blank=blank)
    return make_form_reader(form)
