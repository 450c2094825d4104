"""What the reader's own chain cuts from drawn boxes to tick, to train a network on."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pipelines.drawing.marks import MARKS, MarkedPage, draw_marked_page
from pipelines.drawing.scanning import (
    Photograph,
    draw_scanner,
    photograph_page,
    scan_page,
)
from pipelines.fields.marks import MARK_SHAPE, cut_marks
from pipelines.images import Image
from pipelines.pages.prepared import prepare_blank
from pipelines.pages.register import register

MARK_IMAGES: Final = "marks"
"""The data set of drawn boxes that are ticked or not."""

# What offices scan at, and how often.
_DPI: Final = (150, 200, 200, 300)

# Shares of pages that are not flat, that are photographed, and that are scanned in
# black and white; what is lighter than such a share of the paper is white then.
_BENT: Final = 0.3
_PHOTOGRAPHED: Final = 0.15
_BILEVEL: Final = 0.2
_BILEVEL_LEVELS: Final = (0.62, 0.82)

# How far such paper lies aside, in heights of the page.
_REACHES: Final = (0.001, 0.006)

# Boxes of one field.
_AT_ONCE: Final = (1, 2, 4, 8)


def draw_mark_samples(
    seeds: Iterable[int],
) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """Draw pages of boxes to tick, scan them, and cut them as a reader does.

    Some lie bent, some are photographed, and some are scanned in black and white.

    Parameters
    ----------
    seeds : iterable of int
        One for each page.

    Returns
    -------
    X : ndarray of shape (n, 28, 28), dtype uint8
        Boxes and what is around them, ink 255 on 0, as :func:`cut_marks` shows them.

    y : ndarray of shape (n,), dtype str
        What they are: "empty", "ticked", "filled" or "corrected".

    Examples
    --------
    >>> from pipelines.training.marks import draw_mark_samples
    >>> X, y = draw_mark_samples([0])
    >>> X.shape[1:], set(y.tolist()) <= {"corrected", "empty", "filled", "ticked"}
    ((28, 28), True)
    """
    pictures: list[NDArray[np.uint8]] = []
    labels: list[str] = []
    for seed in seeds:
        rng = np.random.default_rng([seed, 11])
        page = draw_marked_page(dpi=float(rng.choice(_DPI)), random_state=rng)
        scanned = _capture(page.filled, rng)
        for kind, picture in _cut(page, scanned, rng):
            pictures.append(picture)
            labels.append(MARKS[kind])
    return np.array(pictures, dtype=np.uint8).reshape(-1, *MARK_SHAPE), np.array(labels)


def _capture(page: Image, rng: Generator) -> Image:
    """Scan a page, or photograph it."""
    if rng.random() < _BENT:
        page = _bend(page, rng)
    kind = rng.random()
    if kind < _PHOTOGRAPHED:
        photograph = Photograph(
            tilt=float(rng.uniform(0.0, 0.04)),
            angle=float(rng.normal(0, 1.5)),
            blur=float(rng.uniform(0.5, 1.2)),
        )
        return photograph_page(page, photograph, random_state=rng)
    # Other scanners than those of offices, too: blurred, coarse and compressed.
    scanner = replace(
        draw_scanner(rng),
        blur=float(rng.uniform(0.4, 1.1)),
        noise=float(rng.uniform(1, 5)),
        quality=int(rng.integers(60, 95)),
    )
    if kind > 1 - _BILEVEL:
        scanner = replace(scanner, gradient=0.0, quality=0)
    scanned = scan_page(page, scanner, random_state=rng)
    if kind > 1 - _BILEVEL:
        level = rng.uniform(*_BILEVEL_LEVELS) * scanner.paper
        scanned = np.where(scanned < level, 0, 255).astype(np.uint8)
    return scanned


def _bend(page: Image, rng: Generator) -> Image:
    """Shift a page by two slow waves, as paper that is not flat."""
    height, width = page.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    reach = rng.uniform(*_REACHES, 2) * height
    lengths = rng.uniform(0.6, 1.5, 2) * height / (2 * np.pi)
    starts = rng.uniform(0, 2 * np.pi, 2)
    across = x + (reach[0] * np.sin(y / lengths[0] + starts[0])).astype(np.float32)
    down = y + (reach[1] * np.sin(x / lengths[1] + starts[1])).astype(np.float32)
    bent = cv2.remap(page, across, down, cv2.INTER_LINEAR, borderValue=255)
    return np.asarray(bent, dtype=np.uint8)


def _cut(
    page: MarkedPage, scanned: Image, rng: Generator
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Cut the boxes of a page out, one or some at once as a form has them."""
    blank = prepare_blank(page.blank)
    registration = register(scanned, blank)
    start = 0 if registration.is_good else len(page.boxes)
    while start < len(page.boxes):
        stop = start + int(rng.choice(_AT_ONCE))
        cut = cut_marks(scanned, registration, blank, page.boxes[start:stop])
        yield from zip(page.marks[start:stop], cut.pictures, strict=True)
        start = stop
