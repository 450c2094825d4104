"""Measures of piles: forms that are drafted from filled-in pages alone.

The drawn pages are of other seeds than the method was made with. What is read with the
form of filled-in pages is compared with what is read with the true blank: the same
fields of the same pages, and of ten more of the same form.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from tables import Measures, Row, folder_of

from pipelines import Field, Form, make_form_reader
from pipelines.drawing import (
    draw_blank_form,
    draw_entries,
    draw_scanner,
    draw_writer,
    entry_value,
    fill_form,
    make_form,
    scan_page,
)
from pipelines.forms.filled import draft_filled
from pipelines.images import Image
from pipelines.pages.alignment import project
from pipelines.pages.prepared import prepare_blank
from pipelines.pages.register import register

_DPI = 200.0
_MM = _DPI / 25.4
_SEEDS = (4021, 4022)
_N_FILLED = 10
_N_READ = 10

# Nearer to its true place than this, in millimetres.
_NEAR = 2.0

Entries = dict[str, str]


def measure_filled_pages(data: Path) -> Iterator[Row]:
    """Compare forms of filled-in pages with the form of the true blank."""
    yield from _compare("ten pages", _N_FILLED, _draw_any)
    yield from _compare("ten pages, all dates 20....26", _N_FILLED, _draw_alike)
    yield from _compare("three pages", 3, _draw_any)
    yield from _compare("three pages, all dates 20....26", 3, _draw_alike)
    yield from _draft_exams(folder_of(data, "submitty_ids"))


MEASURES: Measures = {"filled": measure_filled_pages}


def _compare(
    what: str, n_filled: int, draw: Callable[[np.random.Generator], Entries]
) -> Iterator[Row]:
    """Draft forms of some filled-in pages, and read others with them."""
    n_fields, n_there, farthest = 0, 0, 0.0
    counts = {"true": np.zeros(3, int), "filled": np.zeros(3, int)}
    for seed in _SEEDS:
        rng = np.random.default_rng(seed)
        page, fields = draw_blank_form(dpi=_DPI)
        drawn = [_draw_page(draw(rng), rng) for _ in range(n_filled + _N_READ)]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            cv2.imwrite(str(folder / "blank.png"), page)
            true = make_form(fields, blank=folder / "blank.png")
            form, distances = _draft(drawn[:n_filled], true, page, folder)
            n_fields += len(distances)
            n_there += sum(distance <= _NEAR for distance in distances)
            farthest = max(farthest, *distances)
            # Those that the form was drafted from are read too: what was taken for
            # print would be lost on them first.
            counts["true"] += _count(true, drawn)
            counts["filled"] += _count(form, drawn)
    where = f"{n_there} of {n_fields}; the farthest {farthest:.2f} mm off"
    yield Row(f"{what}: fields within {_NEAR:g} mm", where, "all")
    for index, row in enumerate(("right and accepted", "wrong and accepted")):
        shares = [f"{each[index]} of {each[2]}" for each in counts.values()]
        bar = ("two points below at most", "no more")[index]
        yield Row(f"{what}: {row}, true blank / shared", " / ".join(shares), bar)


def _draft(
    drawn: list[tuple[Image, Entries]], true: Form, blank: Image, folder: Path
) -> tuple[Form, list[float]]:
    """Draft a form, with the names of the true one; how far off each field is."""
    paths = []
    for index, (page, _) in enumerate(drawn):
        paths.append(folder / f"filled{index:02}.png")
        cv2.imwrite(str(paths[-1]), page)
    draft, _ = draft_filled(paths)
    cv2.imwrite(str(folder / "shared.png"), draft.page)
    # Where the true blank is on the shared one: no page lies as the blank was drawn.
    onto = register(draft.page, prepare_blank(blank)).matrix
    found, distances = [], []
    for field in true.fields:
        corners = project(onto, _corners(field))
        near = {
            float(np.abs(_corners(other) - corners).max()) / _MM: other
            for other in draft.fields
            if other.digits == field.digits and other.box
        }
        distances.append(min(near, default=np.inf))
        if distances[-1] <= _NEAR:
            found.append(near[distances[-1]].model_copy(update={"name": field.name}))
    return Form(blank=folder / "shared.png", fields=tuple(found)), distances


def _corners(field: Field) -> np.ndarray:
    top, left, height, width = field.box or (0, 0, 0, 0)
    return np.array([(left, top), (left + width, top + height)], dtype=np.float64)


def _count(form: Form, drawn: list[tuple[Image, Entries]]) -> np.ndarray:
    """Count fields that are right and accepted, wrong and accepted, and all.

    A field that is called blank is accepted as empty.
    """
    reader = make_form_reader(form)
    counts = np.zeros(3, int)
    for page, entries in drawn:
        readings = reader.read(page).fields
        for name, entry in entries.items():
            counts[2] += 1
            if name in readings and readings[name].is_settled:
                counts[int(readings[name].value != entry_value(entry))] += 1
    return counts


def _draw_any(rng: np.random.Generator) -> Entries:
    return draw_entries(draw_blank_form(dpi=_DPI)[1], random_state=rng)


def _draw_alike(rng: np.random.Generator) -> Entries:
    """Make up entries of which some digits are the same on all pages."""
    entries = _draw_any(rng)
    date, number = entries["exam_date"], entries["student_number"]
    alike = {"exam_date": f"20{date[2:6]}26", "student_number": f"201{number[3:8]}1"}
    return entries | alike | {"points_1": "11", "total": "111"}


def _draw_page(entries: Entries, rng: np.random.Generator) -> tuple[Image, Entries]:
    page, fields = draw_blank_form(dpi=_DPI)
    filled = fill_form(
        page, fields, entries, draw_writer(rng), dpi=_DPI, random_state=rng
    )
    return scan_page(filled, draw_scanner(rng), random_state=rng), entries


def _draft_exams(folder: Path) -> Iterator[Row]:
    """Draft a form from real exam pages of several layouts, one file a page."""
    paths = sorted(folder.glob("page_*.png"))
    draft, notes = draft_filled(paths)
    n_left_out = sum("is left out" in note for note in notes)
    measured = f"{len(draft.fields)} field of {draft.fields[0].digits} boxes"
    n_pages = len(paths) - n_left_out
    what = f"exams of five layouts: {n_pages} pages fit, {n_left_out} are left out"
    yield Row(what, measured, "1 field of 9 boxes")
