"""Measure what piles of pages hold that no office would scan so, as a table.

    python examples/benchmarks/piles_pages.py
    python examples/benchmarks/piles_pages.py --only photographs --seeds 1 2 3

All pages are drawn here: the demo's form and a tally sheet, filled in, then printed,
bent, covered and photographed in many ways.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported

import cv2
import numpy as np
from numpy.random import Generator
from tables import Row, as_table, parse_table_args, table_parser, take_measures

from pipelines import Form, make_form_reader
from pipelines.drawing import (
    CombField,
    Photograph,
    draw_blank_form,
    draw_entries,
    draw_scanner,
    draw_writer,
    entry_value,
    fill_comb,
    make_form,
    photograph_page,
    print_comb,
    scan_page,
)
from pipelines.images import Image

_PACKAGES = ("lenet-sklearn", "numpy", "opencv-python-headless", "onnxruntime")

Place = tuple[int, int, int, int]
"""``(top, left, height, width)`` in pixels."""

_DPI = 200.0
_MM = _DPI / 25.4

# An edition moves its block by this much, in millimetres.
_MOVED = 15.0
# What is read this far from where it lies, as a share of its height, is another place.
_ELSEWHERE = 0.35


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
    """Draw the forms that are photographed."""
    page, fields = draw_blank_form(dpi=_DPI)
    table = Layout(page, fields, (900, 60, 860, page.shape[1] - 120), (1, 0))
    return {"exam": table, "tally": draw_tally()}


def draw_tally() -> Layout:
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


def draw_words(rng: Generator, n_words: int) -> str:
    """Make up words."""
    letters = list("abcdefghiklmnoprstuvw")
    return " ".join(
        "".join(rng.choice(letters, rng.integers(3, 9))) for _ in range(n_words)
    )


def write_words(page: Image, place: tuple[int, int], size: float, words: str) -> None:
    """Set a line of type, in place."""
    cv2.putText(page, words, place, 0, size, 25, 2, cv2.LINE_AA)


Distortion = Callable[[Image, Layout, Generator], tuple[Image, "Map"]]
"""Changes a page; also gives where points of the page before are afterwards."""

Map = Callable[[np.ndarray], np.ndarray]


def leave(page: Image, _layout: Layout, _rng: Generator) -> tuple[Image, Map]:
    """Change nothing."""
    return page, lambda points: points


def move_block(page: Image, layout: Layout, rng: Generator) -> tuple[Image, Map]:
    """Print a block where another edition has it."""
    top, left, height, width = layout.block
    sign = rng.choice([-1, 1]) if layout.moves == (0, 1) else 1
    down, right = (sign * round(_MOVED * _MM) * way for way in layout.moves)
    moved = page.copy()
    block = page[top : top + height, left : left + width].copy()
    moved[top : top + height, left : left + width] = 255
    place = moved[top + down : top + down + height, left + right :][:, :width]
    np.minimum(place, block[:, : place.shape[1]], out=place)

    def follow(points: np.ndarray) -> np.ndarray:
        x, y = points.T
        inside = (x >= left) & (x < left + width) & (y >= top) & (y < top + height)
        return points + inside[:, None] * np.array([right, down])

    return moved, follow


def bend_page(
    page: Image, _layout: Layout, rng: Generator, *, most: float
) -> tuple[Image, Map]:
    """Bend the paper: its lines swing up or down by a share of its height."""
    height, width = page.shape
    turns = rng.choice(
        [0.5, 0.5, 1.0]
    )  # an arch, or a wave, from its trough to its crest
    depth = most * height * rng.choice([-1, 1]) * (0.5 if turns == 1.0 else 1.0)
    phase = rng.uniform(0, np.pi) if turns == 1.0 else 0.0

    def swing(x: np.ndarray) -> np.ndarray:
        return depth * np.sin(2 * np.pi * turns * x / width + phase)

    margin = int(np.ceil(abs(depth)))
    size = (width, height + 2 * margin)
    x, y = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in size))
    source = (y - margin - swing(x)).astype(np.float32)
    bent = cv2.remap(page, x, source, cv2.INTER_LINEAR, borderValue=255)

    def follow(points: np.ndarray) -> np.ndarray:
        return points + np.column_stack(
            [np.zeros(len(points)), swing(points[:, 0]) + margin]
        )

    return bent, follow


def take_photograph(page: Image, rng: Generator) -> tuple[Image, Map]:
    """Photograph a page, and find where its points are on the picture."""
    photograph = Photograph(
        angle=float(rng.uniform(-6, 6)), blur=float(rng.uniform(0.5, 1.1))
    )
    seed = int(rng.integers(2**31))
    picture = photograph_page(page, photograph, random_state=seed)
    # The same seed places the page alike; the corners of a dark page tell where.
    margin = round(photograph.margin * page.shape[1])
    again = np.random.default_rng(seed)
    height, width = page.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    middle = np.array([width + 2 * margin, height + 2 * margin]) / 2
    turn = np.radians(photograph.angle)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    seen = (corners - [width / 2, height / 2]) @ rotation.T + middle
    seen += again.uniform(-1, 1, (4, 2)) * photograph.tilt * width
    matrix = cv2.getPerspectiveTransform(corners.astype("f4"), seen.astype("f4"))

    def follow(points: np.ndarray) -> np.ndarray:
        return cv2.perspectiveTransform(points[None].astype(float), matrix)[0]

    return picture, follow


def fade(picture: Image, contrast: float, rng: Generator) -> Image:
    """Bring a picture's contrast down, and its sensor's noise up to what it was."""
    faded = 210 - contrast * (210 - picture.astype(np.float32))
    faded += rng.normal(0, 2, picture.shape)
    return np.clip(faded, 0, 255).astype(np.uint8)


def cover_corner(page: Image, rng: Generator) -> tuple[Image, np.ndarray]:
    """Lay something over a corner of a page; also say what is hidden."""
    height, width = page.shape
    corner = np.array([rng.choice([0, width]), rng.choice([0, height])])
    inwards = np.where(corner > 0, -1, 1)
    across, down = rng.uniform(0.25, 0.45), rng.uniform(0.2, 0.35)
    ends = [
        corner,
        corner + inwards * [across * width, 0],
        corner + inwards * [0, down * height],
    ]
    hidden = np.zeros(page.shape, np.uint8)
    cv2.fillPoly(hidden, [np.array(ends, np.int32)], 1)
    covered = page.copy()
    covered[hidden > 0] = int(rng.integers(60, 250))
    return covered, hidden


@dataclass(frozen=True)
class Picture:
    """A photograph of a filled-in page, and what is to be found on it.

    Attributes
    ----------
    image : ndarray of shape (height, width), dtype uint8
        The photograph.

    truth : dict of str to str
        What was written, by name of the field.

    places : dict of str to ndarray of shape (4, 2)
        Corners of the fields on the photograph.

    visible : set of str
        Fields of which nothing is hidden.
    """

    image: Image
    truth: dict[str, str]
    places: dict[str, np.ndarray]
    visible: set[str]


def fill_layout(layout: Layout, rng: Generator) -> tuple[Image, dict[str, str]]:
    """Fill a form in by one hand, and say what was written."""
    entries = draw_entries(layout.fields, random_state=rng)
    writer = draw_writer(rng)
    page = layout.page.copy()
    for field in layout.fields:
        fill_comb(page, field, entries[field.name], writer, random_state=rng)
    return page, {name: entry_value(entry) for name, entry in entries.items()}


def draw_picture(
    layout: Layout, distort: Distortion, seed: int, *, contrast: float, cover: bool
) -> Picture:
    """Draw a photograph of a page that was filled in."""
    rng = np.random.default_rng(seed)
    filled, truth = fill_layout(layout, rng)
    moved, follow = distort(filled, layout, rng)
    hidden = np.zeros(moved.shape, np.uint8)
    if cover:
        moved, hidden = cover_corner(moved, rng)
    image, seen = take_photograph(moved, rng)
    if contrast < 1:
        image = fade(image, contrast, rng)
    places, visible = {}, set()
    for field in layout.fields:
        top, left, height, width = field.box
        right, bottom = left + width, top + height
        quad = np.array(
            [(left, top), (right, top), (right, bottom), (left, bottom)], float
        )
        on_page = follow(quad)
        x, y = np.clip(on_page.astype(int), 0, None).T
        if not hidden[y.min() : y.max() + 1, x.min() : x.max() + 1].any():
            visible.add(field.name)
        places[field.name] = seen(on_page)
    return Picture(image, truth, places, visible)


WAYS: dict[str, tuple[Distortion, float, bool]] = {
    "flat": (leave, 1.0, False),
    "bent by 1.5 %": (partial(bend_page, most=0.015), 1.0, False),
    "bent by 3 %": (partial(bend_page, most=0.03), 1.0, False),
    "contrast 50 %": (leave, 0.5, False),
    "contrast 25 %": (leave, 0.25, False),
    "a corner covered": (leave, 1.0, True),
    "another edition": (move_block, 1.0, False),
    "bent by 3 %, contrast 25 %": (partial(bend_page, most=0.03), 0.25, False),
}


def judge_picture(picture: Picture, fields: dict) -> Counter:
    """Count what became of the fields of a photograph."""
    counts: Counter = Counter()
    for name, reading in fields.items():
        right = reading.value == picture.truth[name]
        located = reading.status != "unlocated"
        if name in picture.visible:
            counts["visible"] += 1
            counts["located"] += located
            counts["right"] += right and located
        if located:
            corners = picture.places[name]
            height = np.linalg.norm(corners[3] - corners[0])
            away = np.linalg.norm(reading.quad - corners, axis=1).max()
            counts["elsewhere"] += away > _ELSEWHERE * height
            counts["wrong"] += reading.status == "accepted" and not right
            written = bool(picture.truth[name].strip("_"))
            counts["lost"] += reading.status == "blank" and written
    return counts


def make_reader(layout: Layout, folder: str):
    """Make a reader of a layout; its blank page lies in the folder."""
    blank = Path(folder, "blank.png")
    cv2.imwrite(str(blank), layout.page)
    form: Form = make_form(layout.fields, blank=blank)
    return make_form_reader(form)


def measure_photographs(seeds: Sequence[int]) -> Iterator[Row]:
    """Read photographs of pages that are bent, pale, covered or of another edition."""
    for kind, layout in draw_layouts().items():
        with tempfile.TemporaryDirectory() as folder:
            reader = make_reader(layout, folder)
            for way, (distort, contrast, cover) in WAYS.items():
                counts: Counter = Counter()
                for seed in seeds:
                    picture = draw_picture(
                        layout, distort, seed, contrast=contrast, cover=cover
                    )
                    counts += judge_picture(picture, reader.read(picture.image).fields)
                visible, located = counts["visible"], counts["located"]
                measured = (
                    f"{located} of {visible} visible fields located, {counts['right']}"
                    f" right; at a wrong place {counts['elsewhere']}, accepted and"
                    f" wrong {counts['wrong']}, written and blank {counts['lost']}"
                )
                bar = "at least 97 % located, none at a wrong place"
                yield Row(f"{kind}, {way}, {len(seeds)} photographs", measured, bar)


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
    return Layout(page, tuple(fields), (0, 0, 0, 0), (0, 0))


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


def count_dates(reader: Any, scan: Image, truth: dict[str, str]) -> Counter:
    """Count what became of the dates of a page."""
    counts: Counter = Counter()
    for name, reading in reader.read(scan).fields.items():
        right = reading.value == truth[name]
        counts["fields"] += 1
        counts["right"] += right
        counts["wrong"] += reading.status == "accepted" and not right
        counts["lost"] += reading.status == "blank" and bool(truth[name])
    return counts


def measure_print(seeds: Sequence[int]) -> Iterator[Row]:
    """Read dates in boxes with something printed in them, and in boxes without."""
    layout = draw_dates()
    plain = Counter()
    with tempfile.TemporaryDirectory() as folder:
        reader = make_reader(layout, folder)
        for seed in seeds:
            plain += count_dates(reader, *scan_dates(layout, layout.page, seed))
    yield Row("nothing in the boxes", describe_dates(plain), "")
    for kind, darkness in product(_PRINTS, _DARKNESSES):
        blank = print_inside(layout, kind, darkness)
        with tempfile.TemporaryDirectory() as folder:
            reader = make_reader(replace(layout, page=blank), folder)
            for strength in _STRENGTHS:
                counts: Counter = Counter()
                printed = print_inside(layout, kind, strength * darkness)
                for seed in seeds:
                    counts += count_dates(reader, *scan_dates(layout, printed, seed))
                what = f"{kind}, {darkness:.0%} dark, on the scan {strength:.0%} of it"
                bar = "one point less at most, none wrong"
                yield Row(what, describe_dates(counts), bar)


def describe_dates(counts: Counter) -> str:
    """Say what became of some dates."""
    return (
        f"{counts['right']} of {counts['fields']} right, accepted and wrong"
        f" {counts['wrong']}, written and blank {counts['lost']}"
    )


MEASURES: dict[str, Callable[[Sequence[int]], Iterator[Row]]] = {
    "photographs": measure_photographs,
    "print": measure_print,
}


def main() -> None:
    cv2.setNumThreads(1)
    parser = table_parser(__doc__, {name: lambda _: iter(()) for name in MEASURES})
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=range(500, 504),
        help="one page of each kind is drawn for each",
    )
    args = parse_table_args(parser)
    measures = {
        name: partial(lambda take, _: take(args.seeds), take)
        for name, take in MEASURES.items()
    }
    print(as_table(take_measures(measures, args.only, args.data), _PACKAGES), end="")


if __name__ == "__main__":
    main()
