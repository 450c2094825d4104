"""Measures of piles: drawn pages of boxes and circles, ticked and scanned.

Pens, papers and scanners are others than those that the network that ships has learned
from: finer and broader pens and paler pencils, tinted and ruled paper, scans of other
resolutions, blurred, noisy and compressed, in grey or black and white; photographs.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from tables import Measures, Row

from pipelines import Field, FieldReading, Form, FormReader
from pipelines.drawing import (
    Pen,
    Photograph,
    draw_scanner,
    photograph_page,
    scan_page,
)
from pipelines.drawing.marks import MARKS, MarkedPage, draw_marked_page
from pipelines.images import Image

_SEED = 11_000_000
# Boxes that are read, and how their pages became pictures.
_N_MARKS = {"scanned": 500, "scanned in black and white": 250, "photographed": 250}
_MARKS_OF_A_PAGE = 25
_DPI = (170, 240)
_SHAPES = ("box", "circle", "oval")
# A state is doubtful below it.
_THRESHOLD = 0.9

# Fine liner, ball pen, marker, hard pencil: width in mm, darkness, give, grain, skips.
_PENS = (
    Pen(0.25, 0.8, 0.1, 0.05, 0.0),
    Pen(0.35, 0.62, 0.5, 0.15, 0.03),
    Pen(1.0, 0.9, 0.2, 0.05, 0.0),
    Pen(0.5, 0.42, 0.4, 0.3, 0.0),
)


def measure_marks(_: Path) -> Iterator[Row]:
    """Read drawn ticks, crosses, corrections and empty boxes of other pens."""
    number = 0
    for how, n_marks in _N_MARKS.items():
        counts: Counter[str] = Counter()
        first = number
        while counts["all"] < n_marks:
            counts += _read_page(number, how)
            number += 1
        what = f"{counts['all']} drawn boxes to tick, {number - first} pages, {how}"
        yield from _describe(counts, what)


def _describe(counts: Counter[str], what: str) -> Iterator[Row]:
    """Say what became of some boxes."""
    n, doubtful = counts["all"], counts["doubtful"]
    settled = n - doubtful
    right = f"{counts['right']} of {settled} ({counts['right'] / settled:.2%})"
    yield Row(f"{what}: right", right, "at least 99 %")
    yield Row(f"{what}: doubtful", f"{doubtful / n:.1%}", "at most 3 %")
    lost = f"{counts['lost']} of {counts['ticks']}"
    yield Row(f"{what}: ticks called blank", lost, "none")
    shown = f"{counts['unsaid accepted']} of {counts['filled']}"
    yield Row(f"{what}: filled, accepted where that is not said", shown, "0")


def _read_page(number: int, how: str) -> Counter[str]:
    """Draw and scan one page, read it, and count what became of its marks."""
    rng = np.random.default_rng(_SEED + number)
    shape = _SHAPES[number % len(_SHAPES)]
    dpi = float(rng.choice(_DPI))
    pen = _PENS[number % len(_PENS)]
    page = draw_marked_page(dpi=dpi, shape=shape, pen=pen, random_state=rng)
    scanned = _capture(page.filled, how, rng)
    chosen = _choose(page.marks, rng)
    filled = "corrected" if shape == "box" else "ticked"
    known = _read(page, scanned, chosen, {"filled": filled})
    unsaid = _read(page, scanned, chosen, {})
    counts: Counter[str] = Counter()
    for at, reading, other in zip(chosen, known, unsaid, strict=True):
        counts += _judge(MARKS[page.marks[at]], filled, reading, other)
    return counts


def _capture(page: Image, how: str, rng: Generator) -> Image:
    """Make a picture of a page, on paper of its own."""
    paper = _on_paper(page, rng)
    if how == "photographed":
        photograph = Photograph(blur=float(rng.uniform(0.4, 1.3)))
        return photograph_page(paper, photograph, random_state=rng)
    scanner = replace(
        draw_scanner(rng),
        blur=float(rng.uniform(0.4, 1.2)),
        noise=float(rng.uniform(1, 6)),
        quality=int(rng.integers(55, 95)),
    )
    scanned = scan_page(paper, scanner, random_state=rng)
    if how == "scanned":
        return scanned
    # From the light of the paper: scanners that know no grey find it so.
    level = rng.uniform(0.65, 0.8) * float(np.median(scanned))
    return np.where(scanned < level, 0, 255).astype(np.uint8)


def _choose(marks: list[str], rng: Generator) -> list[int]:
    """Choose boxes of a page, of each kind of mark as many as of the others."""
    order = rng.permutation(len(marks)).tolist()
    seen: Counter[str] = Counter()
    ranked = []
    for at in order:
        ranked.append((seen[marks[at]], at))
        seen[marks[at]] += 1
    return [at for _, at in sorted(ranked)[:_MARKS_OF_A_PAGE]]


def _judge(
    state: str, filled: str, reading: FieldReading, unsaid: FieldReading
) -> Counter[str]:
    """Count what became of one mark."""
    meaning = filled if state == "filled" else state
    is_ticked, is_settled = meaning == "ticked", reading.confidence >= _THRESHOLD
    is_filled = state == "filled"
    return Counter(
        {
            "all": 1,
            "doubtful": int(not is_settled),
            "right": int(is_settled and (reading.value == "1") == is_ticked),
            "ticks": int(is_ticked),
            "lost": int(is_ticked and reading.status == "blank"),
            "filled": int(is_filled),
            "unsaid accepted": int(is_filled and unsaid.is_settled),
        }
    )


def _on_paper(page: Image, rng: Generator) -> Image:
    """Print the page on tinted paper, or on paper with pale lines."""
    tint = np.full(page.shape, rng.uniform(0.85, 1.0), np.float32)
    if rng.random() < 0.5:
        tint[:: int(rng.integers(30, 50))] *= 0.93
    # Fibres: what is smooth on a screen is not so on paper.
    fibres = rng.standard_normal(page.shape, dtype=np.float32)
    tint += 0.012 * cv2.GaussianBlur(fibres, (0, 0), 1.5)
    return np.clip(page * tint, 0, 255).astype(np.uint8)


def _read(
    page: MarkedPage,
    scanned: np.ndarray,
    chosen: list[int],
    said: dict[str, str],
) -> list[FieldReading]:
    with tempfile.TemporaryDirectory() as folder:
        blank = Path(folder, "blank.png")
        cv2.imwrite(str(blank), page.blank)
        fields = [
            Field(name=f"m{at}", kind="mark", box=page.boxes[at], **said)
            for at in chosen
        ]
        form = Form(blank=blank, fields=fields)
        return list(FormReader(form).read(scanned).fields.values())


MEASURES: Measures = {"marks": measure_marks}
