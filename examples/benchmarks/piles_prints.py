"""Measures of piles: what is printed inside the boxes of a form."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from piles_layouts import Layout, draw_dates, make_reader
from tables import Measures, Row

from pipelines import FormReader
from pipelines.drawing import draw_scanner, draw_writer, fill_comb, scan_page
from pipelines.images import Image

_SEEDS = range(7200, 7204)

Place = tuple[int, int, int, int]
"""``(top, left, height, width)`` in pixels."""


def print_guides(page: Image, box: Place, _index: int) -> None:
    """Print a figure-eight into a box, for the writer to follow."""
    top, left, height, width = box
    middle, radius = left + width // 2, height // 5
    for y in (top + height // 2 - radius, top + height // 2 + radius):
        cv2.circle(page, (middle, y), radius, 0, 2, cv2.LINE_AA)


def print_letters(page: Image, box: Place, index: int) -> None:
    """Print the letter of a date into a box."""
    top, left, height, width = box
    place = (left + width // 2 - 13, top + height // 2 + 13)
    cv2.putText(page, "DDMMYYYY"[index], place, 0, 1.2, 0, 3, cv2.LINE_AA)


def print_figures(page: Image, box: Place, index: int) -> None:
    """Print a small figure into the corner of a box."""
    top, left, *_ = box
    cv2.putText(page, str(index + 1), (left + 5, top + 24), 0, 0.7, 0, 2, cv2.LINE_AA)


def print_watermark(page: Image, box: Place, index: int) -> None:
    """Print a part of a large word behind the boxes."""
    top, left, height, _ = box
    if index % 2 == 0:
        letter = "SPECIMEN"[index]
        place = (left + 10, top + height - 2)
        cv2.putText(page, letter, place, 0, 2.9, 0, 14, cv2.LINE_AA)


def print_tint(page: Image, box: Place, _index: int) -> None:
    """Tint a box."""
    top, left, height, width = box
    page[top : top + height, left : left + width] = 0


_PRINTS: dict[str, Callable[[Image, Place, int], None]] = {
    "guides": print_guides,
    "letters": print_letters,
    "figures": print_figures,
    "watermark": print_watermark,
    "tint": print_tint,
}
_DARKNESSES = (0.05, 0.2, 0.4, 0.6)
# How much of the darkness of the blank page's print a scan shows.
_STRENGTHS = (1.0, 0.25)


def print_inside(layout: Layout, kind: str, darkness: float) -> Image:
    """Print something into all boxes of a form: this dark, as a share of black."""
    inside = np.full_like(layout.page, 255)
    for field in layout.fields:
        top, left, height, width = field.box
        side = width // field.digits
        for index in range(field.digits):
            _PRINTS[kind](inside, (top, left + index * side, height, side), index)
    pale = np.rint(255 - darkness * (255.0 - inside)).astype(np.uint8)
    return np.minimum(layout.page, pale)


def scan_dates(
    layout: Layout, printed: Image, seed: int
) -> tuple[Image, dict[str, str]]:
    """Fill a sheet of dates in on what is printed, and scan it."""
    rng = np.random.default_rng(seed)
    entries = {
        field.name: "".join(rng.choice(list("0123456789"), 8))
        for field in layout.fields
    }
    entries[layout.fields[-1].name] = " " * 8  # what is printed there is no entry
    page, writer = printed.copy(), draw_writer(rng)
    for field in layout.fields:
        fill_comb(page, field, entries[field.name], writer, random_state=rng)
    scan = scan_page(page, draw_scanner(rng), random_state=rng)
    return scan, {name: entry.strip() for name, entry in entries.items()}


def count_dates(reader: FormReader, scan: Image, truth: dict[str, str]) -> Counter:
    """Count what became of the dates of a page."""
    counts: Counter = Counter()
    for name, reading in reader.read(scan).fields.items():
        right = reading.value == truth[name]
        counts["fields"] += 1
        counts["right"] += right
        counts["wrong"] += reading.status == "accepted" and not right
        counts["lost"] += reading.status == "blank" and bool(truth[name])
    return counts


def measure_prints(_: Path) -> Iterator[Row]:
    """Read dates in boxes with something printed in them, and in boxes without."""
    layout = draw_dates()
    plain = _read_dates(layout, layout.page)
    n = plain["fields"]
    yield Row("nothing printed in the boxes", _describe([plain]), "")
    shades = ", ".join(f"{darkness:.0%}" for darkness in _DARKNESSES)
    for kind, strength in product(_PRINTS, _STRENGTHS):
        counts = []
        for darkness in _DARKNESSES:
            blank = replace(layout, page=print_inside(layout, kind, darkness))
            printed = print_inside(layout, kind, strength * darkness)
            counts.append(_read_dates(blank, printed))
        what = f"{kind} in the boxes, {shades} dark, on the scan {strength:.0%} of it"
        yield Row(what, _describe(counts), f"{n // 100 + 1} less at most, none wrong")


def _read_dates(layout: Layout, printed: Image) -> Counter:
    """Read what is written on some printed pages with a form, and count."""
    counts: Counter = Counter()
    with tempfile.TemporaryDirectory() as folder:
        reader = make_reader(layout, folder)
        for seed in _SEEDS:
            counts += count_dates(reader, *scan_dates(layout, printed, seed))
    return counts


def _describe(counts: Sequence[Counter]) -> str:
    """Say what became of the dates of some kinds of pages."""
    right = ", ".join(str(count["right"]) for count in counts)
    total = sum(counts, Counter())
    return (
        f"{right} of {counts[0]['fields']} right, accepted and wrong {total['wrong']},"
        f" written and blank {total['lost']}"
    )


MEASURES: Measures = {"prints": measure_prints}
