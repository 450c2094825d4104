"""Measures of piles: photographs of pages, bent, pale, covered, of another edition."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from piles_layouts import MM, Layout, draw_layouts, fill_layout, make_reader
from tables import Measures, Row

from pipelines.drawing import Photograph, photograph_page
from pipelines.images import Image

_SEEDS = range(7100, 7102)

# An edition moves its block by this much, in millimetres.
_MOVED = 15.0
# What is read this far from where it lies, as a share of its height, is another place.
_ELSEWHERE = 0.35


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
    down, right = (sign * round(_MOVED * MM) * way for way in layout.moves)
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
    # An arch, or a wave; the depth is from its trough to its crest.
    turns = rng.choice([0.5, 0.5, 1.0])
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


@dataclass(frozen=True)
class Change:
    """What happens to a page before it is read.

    Attributes
    ----------
    distort : callable
        Bends the page, or moves something on it.

    contrast : float
        Of the picture, as a share of what it was.

    covers : bool
        Whether something lies over a corner.
    """

    distort: Distortion
    contrast: float = 1.0
    covers: bool = False


def draw_picture(layout: Layout, change: Change, seed: int) -> Picture:
    """Draw a photograph of a page that was filled in."""
    rng = np.random.default_rng(seed)
    filled, truth = fill_layout(layout, rng)
    moved, follow = change.distort(filled, layout, rng)
    hidden = np.zeros(moved.shape, np.uint8)
    if change.covers:
        moved, hidden = cover_corner(moved, rng)
    image, seen = take_photograph(moved, rng)
    if change.contrast < 1:
        image = fade(image, change.contrast, rng)
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


_BENT = partial(bend_page, most=0.03)

WAYS: dict[str, Change] = {
    "flat": Change(leave),
    "bent by 1.5 %": Change(partial(bend_page, most=0.015)),
    "bent by 3 %": Change(_BENT),
    "contrast 50 %": Change(leave, contrast=0.5),
    "contrast 25 %": Change(leave, contrast=0.25),
    "a corner covered": Change(leave, covers=True),
    "another edition": Change(move_block),
    "bent by 3 %, contrast 25 %": Change(_BENT, contrast=0.25),
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


def measure_photographs(_: Path) -> Iterator[Row]:
    """Read photographs of pages that are bent, pale, covered or of another edition."""
    counts: dict[str, Counter] = {way: Counter() for way in WAYS}
    layouts = draw_layouts()
    for layout in layouts.values():
        with tempfile.TemporaryDirectory() as folder:
            reader = make_reader(layout, folder)
            for (way, change), seed in product(WAYS.items(), _SEEDS):
                picture = draw_picture(layout, change, seed)
                counts[way] += judge_picture(picture, reader.read(picture.image).fields)
    n_photographs = len(layouts) * len(_SEEDS)
    for way, count in counts.items():
        measured = (
            f"{count['located']} of {count['visible']} visible fields located,"
            f" {count['right']} right; at a wrong place {count['elsewhere']}, accepted"
            f" and wrong {count['wrong']}, written and blank {count['lost']}"
        )
        bar = "at least 97 % located, none at a wrong place"
        yield Row(f"{n_photographs} photographs, {way}", measured, bar)


MEASURES: Measures = {"photographs": measure_photographs}
