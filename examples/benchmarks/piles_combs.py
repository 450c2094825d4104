"""Measures of piles: combs of every make, and a sudoku in a newspaper.

The combs are drawn: handwriting of made-up writers in boxes that are printed in one of
several makes, anywhere on a page of print, scanned as an office's scanner does.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from tables import Measures, Row

from pipelines import Form, FormReader, make_form_reader, open_scan
from pipelines.drawing import (
    CombField,
    draw_scanner,
    draw_writer,
    entry_value,
    fill_comb,
    scan_page,
)
from pipelines.images import Image

_MM = 200 / 25.4  # pixels of a page at 200 dpi
_SHAPE = (2339, 1654)
_INK = 30
_N_PAGES = 10
_SEED = 7_000_000  # of pages that nobody looked at when the makes were chosen

_SUDOKU = (
    "491375268 576829314 832164975 659742183 723681459"
    " 184593726 915236847 368417592 247958631"
)


def _line(page: Image, start: tuple[float, float], stop: tuple[float, float]) -> None:
    ends = [tuple(round(v) for v in end) for end in (start, stop)]
    cv2.line(page, *ends, _INK, 2)


def _pieces(
    page: Image,
    start: tuple[float, float],
    stop: tuple[float, float],
    on: float,
    off: float,
) -> None:
    """Draw a line in pieces of some millimetres; a piece of no length is a dot."""
    a, b = np.array(start), np.array(stop)
    length = float(np.linalg.norm(b - a))
    for at in np.arange(0, length + 1, (on + off) * _MM):
        one = a + (b - a) * at / length
        if on:
            other = a + (b - a) * min(at + on * _MM, length) / length
            _line(page, tuple(one), tuple(other))
        else:
            centre = tuple(int(v) for v in np.rint(16 * one))
            cv2.circle(page, centre, round(16 * 1.7), _INK, -1, cv2.LINE_AA, 4)


def _sides(place: "Place") -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Give the lines of boxes that share their walls."""
    top, left, height, width, n = place
    bottom, right = top + height, left + n * width
    yield (left, top), (right, top)
    yield (left, bottom), (right, bottom)
    yield from _walls(place)


def _walls(place: "Place") -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    top, left, height, width, n = place
    for k in range(n + 1):
        yield (left + k * width, top), (left + k * width, top + height)


def _closed(page: Image, place: "Place", _: Generator) -> None:
    for side in _sides(place):
        _line(page, *side)


def _open(page: Image, place: "Place", _: Generator) -> None:
    for side in _walls(place):
        _line(page, *side)


def _dashed(page: Image, place: "Place", rng: Generator) -> None:
    on, off = rng.uniform(1.0, 1.8), rng.uniform(0.6, 1.2)
    for side in _sides(place):
        _pieces(page, *side, on, off)


def _dotted(page: Image, place: "Place", rng: Generator) -> None:
    off = rng.uniform(0.7, 1.1)
    for side in _sides(place):
        _pieces(page, *side, 0, off)


def _cornered(page: Image, place: "Place", rng: Generator) -> None:
    top, left, height, width, n = place
    arm = rng.uniform(0.17, 0.28) * width
    for k in range(n + 1):
        x = left + k * width
        ends = max(x - arm, left), min(x + arm, left + n * width)
        for y, way in ((top, 1), (top + height, -1)):
            _line(page, (x, y), (x, y + way * arm))
            _line(page, (ends[0], y), (ends[1], y))


def _tinted(page: Image, place: "Place", rng: Generator) -> None:
    top, left, height, width, n = place
    grey, gap = int(rng.integers(208, 236)), rng.uniform(0.5, 1.5) * _MM
    for k in range(n):
        x = left + k * width
        corner = round(x + gap / 2), round(top)
        cv2.rectangle(
            page, corner, (round(x + width - gap / 2), round(top + height)), grey, -1
        )


def _separate(page: Image, place: "Place", rng: Generator) -> None:
    top, left, height, width, n = place
    gap = rng.uniform(0.8, 2.0) * _MM
    for k in range(n):
        x = left + k * width
        _closed(page, (top, x + gap / 2, height, width - gap, 1), rng)


Place = tuple[float, float, float, float, int]
"""Top, left, height, width of a box, and their number."""

MAKES: dict[str, Callable[[Image, Place, Generator], None]] = {
    "closed": _closed,
    "open": _open,
    "dashed": _dashed,
    "dotted": _dotted,
    "corners": _cornered,
    "tinted": _tinted,
    "separate": _separate,
}


def draw_comb_page(make: str, seed: int) -> tuple[Image, Image, Place, str]:
    """Draw a page of print with a comb of one make, filled in by hand and scanned.

    Returns the scan, the blank page before it was filled in, the place of the comb on
    it, and what was written.
    """
    rng = np.random.default_rng([seed, len(make)])
    blank = np.full(_SHAPE, 255, np.uint8)
    n = int(rng.integers(4, 11))
    height = rng.uniform(7.0, 11.0) * _MM
    width = min(height * rng.uniform(0.7, 1.0), 1300 / n)
    top = rng.uniform(300, 1900)
    left = rng.uniform(120, _SHAPE[1] - 120 - n * width)
    place = top, left, height, width, n
    for y in range(150, 2250, 62):
        if top - 60 < y < top + height + 80:
            continue
        words = " ".join(
            "".join(rng.choice(list("aeinrstlodhcupm"), int(rng.integers(2, 10))))
            for _ in range(int(rng.integers(5, 10)))
        )
        cv2.putText(blank, words, (130, y), cv2.FONT_HERSHEY_COMPLEX, 0.9, 40, 2)
    MAKES[make](blank, place, rng)
    entry = "".join(rng.choice(list("0123456789"), n))
    if rng.random() < 0.2:
        entry = entry[: n - 2] + "  "
    page = blank.copy()
    box = round(top), round(left), round(height), round(n * width)
    fill_comb(page, CombField("id", n, box), entry, draw_writer(rng), random_state=rng)
    return scan_page(page, draw_scanner(rng), random_state=rng), blank, place, entry


def comb_readers(
    blank: Image, place: Place, folder: Path
) -> Iterator[tuple[str, FormReader]]:
    """Make a reader that looks for the comb, and one of a form with its place."""
    top, left, height, width, n = place
    yield "--comb", make_form_reader(Form.from_combs({"id": n}))
    file = folder / "blank.png"
    cv2.imwrite(str(file), blank)
    box = [round(top), round(left), round(height), round(n * width)]
    field = {"name": "id", "digits": n, "box": box}
    yield "form", make_form_reader(Form(blank=file, fields=[field]))


def measure_combs(_: Path) -> Iterator[Row]:
    """Locate and read drawn combs of every make, with their place and without."""
    for make in MAKES:
        located = {"--comb": 0, "form": 0}
        right, accepted, wrong = dict(located), dict(located), dict(located)
        for n in range(_N_PAGES):
            page, blank, place, entry = draw_comb_page(make, _SEED + n)
            with tempfile.TemporaryDirectory() as folder:
                for way, reader in comb_readers(blank, place, Path(folder)):
                    field = reader.read(page).fields["id"]
                    is_right = field.value == entry_value(entry)
                    is_accepted = field.status == "accepted"
                    located[way] += field.status != "unlocated"
                    right[way] += is_right
                    accepted[way] += is_accepted
                    wrong[way] += is_accepted and not is_right
        for way in located:
            yield Row(
                f"combs, {make}, {way}",
                f"{located[way]} of {_N_PAGES} located, {right[way]} read right,"
                f" {accepted[way]} accepted, {wrong[way]} of them wrong",
                "95 % located, as many read as closed ones, none wrong",
            )


def measure_sudoku(data: Path) -> Iterator[Row]:
    """Read a sudoku that was photographed in a newspaper."""
    file = data.parent / "cases" / "08-sudoku" / "2003.jpg"
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    with open_scan(file) as scan:
        page = scan.read(0)
    form = Form.from_combs({}, {"sudoku": (9, 9)})
    fields = list(make_form_reader(form).read(page).fields.values())
    truth = _SUDOKU.split()
    located = sum(field.status != "unlocated" for field in fields)
    right = sum(f.value == text for f, text in zip(fields, truth, strict=True))
    wrong = sum(
        f.status == "accepted" and f.value != text
        for f, text in zip(fields, truth, strict=True)
    )
    yield Row(
        "sudoku in a newspaper",
        f"{located} of 9 rows found, {right} read right, {wrong} wrong and accepted",
        "9 rows, 7 read right, none wrong",
    )


MEASURES: Measures = {"combs": measure_combs, "sudoku": measure_sudoku}
