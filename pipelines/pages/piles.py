"""Pages of one form brought into one frame, though nobody has its blank page."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image, check_images, shrink
from pipelines.outcomes import ArraysCompare
from pipelines.pages.alignment import Matrix, match_patches, printed_patches, warp_image
from pipelines.pages.cleaning import flatten_background
from pipelines.pages.placement import Registration
from pipelines.pages.prepared import prepare_blank
from pipelines.pages.register import register
from pipelines.pages.upright import estimate_skew

FEWEST_PAGES: Final = 3
"""Of two pages nobody can tell which of them a difference is written on."""

# What is printed where is compared on copies of about 90 dpi, in squares of 5 mm.
_SIDE: Final = 1000
_SQUARE: Final = 16
# Darkness of what is print, and of what may be its faint copy a pixel further.
_PRINT, _FAINT = 48, 30
# Dark pixels without which there is nothing in a square.
_LEAST_INK: Final = 12
# A square is found on a page if this share of its dark pixels is dark there. One whose
# dark pixels are found by so few pages is written, and not printed.
_FOUND: Final = 0.3
_LEAST_PAGES: Final = 0.3
# Writing covers print and never takes it away: a page that lacks more of the printed
# squares is of another layout, however much of the layout is the same.
_MOST_MISSED: Final = 0.03

# Patches of print for the last alignment, in parts of the page's longer side: 3 mm on
# either side of their middle, one every 6 mm, shifted by 1 mm at most. Paper that a
# roller has pulled is stretched evenly over 3 cm.
_PATCH: Final = 1 / 100
_SPACING: Final = 1 / 50
_SEARCH: Final = 1 / 300
_EVEN: Final = 1 / 10
# Darkness at which all ink is alike, whoever wrote or printed it.
_SATURATION: Final = 96

# Said of a page onto which none can be registered, not even itself.
_EMPTY: Final = "there is too little print on it"


@dataclass(frozen=True, eq=False)
class AlignedPages(ArraysCompare):
    """Pages of one form, in one frame.

    Attributes
    ----------
    darkness : ndarray of shape (n_members, height, width), dtype uint8
        How much darker than its paper each page is: 0 is paper.

    members : tuple of int
        Which pages they are.

    left_out : dict of int to str
        Which pages do not fit, and why.
    """

    darkness: NDArray[np.uint8]
    members: tuple[int, ...]
    left_out: dict[int, str]


class _Gathered(NamedTuple):
    """Where the print of a page is on those that have it, and why others have not."""

    found: dict[int, Registration]
    reasons: dict[int, str]


def align_pages(pages: Sequence[Image]) -> AlignedPages:
    """Bring the largest group of pages that have one print into one frame.

    One page after the other is tried as the one onto which the others are registered,
    until fewer are left than fit together already.

    Parameters
    ----------
    pages : sequence of ndarrays of shape (height, width), dtype uint8
        Grey pages, dark ink on light paper, filled in. Most of them lie the right way
        up; they may be skewed.

    Returns
    -------
    aligned : AlignedPages
        Upright and straight. Fewer than `FEWEST_PAGES` members tell no more than that
        the pages do not fit together.

    Raises
    ------
    TypeError, ValueError
        If a page is not an image.

    Notes
    -----
    Where a page has other lines of text in the same places, it may be taken for one of
    the same layout; what differs is in no blank then.

    A page costs about a second, once for each group. All that are aligned are held at
    once.
    """
    pages = check_images(pages, caller="align_pages")
    same = dict.fromkeys(_find_copies(pages), "it is a copy of another page")
    own = {index: page for index, page in enumerate(pages) if index not in same}
    best, first = _Gathered({}, dict.fromkeys(own, _EMPTY)), 0
    rest = list(own)
    while len(rest) > len(best.found):
        gathered = _gather(rest[0], own)
        if len(gathered.found) > len(best.found):
            best, first = gathered, rest[0]
        rest = [index for index in rest[1:] if index not in gathered.found]
    left_out = same | best.reasons
    if not best.found:
        return AlignedPages(np.zeros((0, 1, 1), np.uint8), (), left_out)
    darkness = _straighten(pages, best.found, pages[first].shape)
    return AlignedPages(darkness, tuple(best.found), left_out)


def _find_copies(pages: Sequence[Image]) -> Iterator[int]:
    """Find pages that are there already: what is written on both would be print."""
    seen = set()
    for index, page in enumerate(pages):
        digest = page.shape, hashlib.sha256(page.tobytes()).digest()
        if digest in seen:
            yield index
        seen.add(digest)


def _gather(first: int, pages: Mapping[int, Image]) -> _Gathered:
    """Register pages onto one of them; tell those that have all its print."""
    try:
        blank = prepare_blank(pages[first])
    except ValueError:
        return _Gathered({}, dict.fromkeys(pages, _EMPTY))
    found = {index: register(page, blank) for index, page in pages.items()}
    reasons = {
        index: f"{each.quality:.0%} of what is on the first of the others was found"
        for index, each in found.items()
        if not each.is_good
    }
    good = {index: each for index, each in found.items() if each.is_good}
    shape = blank.image.shape
    print_of = {i: _mark_ink(pages[i], each, shape) for i, each in good.items()}
    for index, missed in _missed_print(first, print_of).items():
        if missed > _MOST_MISSED:
            reasons[index] = f"{missed:.0%} of what the others have printed is missing"
            del good[index]
    return _Gathered(good, reasons)


def _mark_ink(page: Image, found: Registration, shape: tuple[int, ...]) -> Image:
    """Return the darkness of a page in the frame of another, reduced."""
    seen = _darkness(warp_image(page, found.matrix, shape))
    return shrink(seen, min(1.0, _SIDE / max(shape)))


def _missed_print(first: int, darkness: dict[int, Image]) -> dict[int, float]:
    """Return the share of the printed squares of a page that others do not have."""
    ink = darkness[first] > _PRINT
    total = _sum_squares(ink)
    filled = total >= _LEAST_INK
    kernel = np.ones((3, 3), np.uint8)
    shares = {
        index: _sum_squares(ink & (cv2.dilate(dark, kernel) > _FAINT))[filled]
        / total[filled]
        for index, dark in darkness.items()
    }
    n_found = np.sum([share >= _FOUND for share in shares.values()], axis=0)
    printed = n_found >= max(2, _LEAST_PAGES * len(shares))
    if not printed.any():
        return dict.fromkeys(shares, 0.0)
    return {i: float((share[printed] < _FOUND).mean()) for i, share in shares.items()}


def _sum_squares(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Count what is marked in each square; squares cut by an edge are left out."""
    rows, columns = (side // _SQUARE for side in mask.shape)
    whole = mask[: rows * _SQUARE, : columns * _SQUARE]
    return np.asarray(
        whole.reshape(rows, _SQUARE, columns, _SQUARE).sum(axis=(1, 3)), dtype=np.intp
    )


def _straighten(
    pages: Sequence[Image], found: Mapping[int, Registration], frame: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Bring pages into the frame of one of them, upright, and onto what they share."""
    to_first, shape = _turn(frame, list(found.values()))
    # Of what all share, not of one page: on that, the scanner's lid is darkest.
    skew = estimate_skew(255 - middle_of(_warp_all(pages, found, to_first, shape)))
    seen = _warp_all(pages, found, to_first @ _rotation(shape, -skew), shape)
    shared = cv2.min(middle_of(seen), _SATURATION)
    half, spacing = (round(part * max(shape)) for part in (_PATCH, _SPACING))
    centres = printed_patches(255 - shared, half=half, spacing=spacing)
    for index, dark in enumerate(seen):
        seen[index] = _lay_onto(dark, shared, centres)
    return seen


def _warp_all(
    pages: Sequence[Image],
    found: Mapping[int, Registration],
    to_first: Matrix,
    shape: tuple[int, int],
) -> NDArray[np.uint8]:
    """Return the darkness of pages in a frame that lies over one of them."""
    return np.stack(
        [
            _darkness(warp_image(pages[index], each.matrix @ to_first, shape))
            for index, each in found.items()
        ]
    )


def middle_of(darkness: NDArray[np.uint8]) -> Image:
    """Return the median of pages, pixel by pixel.

    Parameters
    ----------
    darkness : ndarray of shape (n_pages, height, width), dtype uint8
        In one frame.

    Returns
    -------
    median : ndarray of shape (height, width), dtype uint8
        Of an even number the lighter of both in the middle.
    """
    return rank_of(darkness, (len(darkness) - 1) // 2)


def rank_of(darkness: NDArray[np.uint8], rank: int) -> Image:
    """Return the darkness that so many of the pages fall short of, at each pixel.

    Parameters
    ----------
    darkness : ndarray of shape (n_pages, height, width), dtype uint8
        In one frame.

    rank : int
        How many pages may be lighter.

    Returns
    -------
    ranked : ndarray of shape (height, width), dtype uint8
    """
    # Row by row, so that no second copy of all pages is made.
    height = darkness.shape[1]
    return np.stack(
        [np.partition(darkness[:, y], rank, axis=0)[rank] for y in range(height)]
    )


def _turn(
    shape: tuple[int, ...], found: Sequence[Registration]
) -> tuple[Matrix, tuple[int, int]]:
    """Turn the frame of a page by right angles, as most pages lie."""
    height, width = shape
    middle = np.array([width, height]) / 2
    turns = Counter[int]()
    for each in found:
        start, end = each.project(middle + np.array([(0, 0), (1, 0)]))
        along, down = end - start
        turns[round(np.degrees(np.arctan2(down, along)) / 90) % 4] += 1
    [(turn, _)] = turns.most_common(1)
    turned = (width, height) if turn % 2 else (height, width)
    # First about its own middle, then that onto the middle of the page.
    onto = np.eye(3)
    onto[:2, 2] = (width - turned[1]) / 2, (height - turned[0]) / 2
    return onto @ _rotation(turned, -90 * turn), turned


def _rotation(shape: tuple[int, int], angle: float) -> Matrix:
    """Rotate about the middle of a frame, clockwise for a positive angle in degrees."""
    x, y = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    rotation = cv2.getRotationMatrix2D((x, y), -angle, 1.0)
    return np.vstack([rotation, [0, 0, 1]])


def _darkness(image: Image) -> Image:
    """How much darker than its paper an image is: 0 is paper."""
    return np.asarray(255 - flatten_background(image), dtype=np.uint8)


def _lay_onto(dark: Image, shared: Image, centres: NDArray[np.intp]) -> Image:
    """Shift a page by fractions of a pixel, as its print lies beside the shared."""
    longer = max(dark.shape)
    shifts, found = match_patches(
        255 - shared,
        255 - cv2.min(dark, _SATURATION),
        centres,
        half=round(_PATCH * longer),
        search=round(_SEARCH * longer),
    )
    if not found.any():
        return dark
    across, down = cv2.split(_spread_shifts(centres[found], shifts[found], dark.shape))
    rows, columns = np.indices(dark.shape, dtype=np.float32)
    laid = cv2.remap(dark, columns + across, rows + down, cv2.INTER_LINEAR)
    return np.asarray(laid, dtype=np.uint8)


def _spread_shifts(
    centres: NDArray[np.intp], shifts: Matrix, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Shift each spot as the patches around it, the nearest most: under a bell."""
    cell = round(_SPACING * max(shape))
    rows, columns = (-(-side // cell) for side in shape)
    sums = np.zeros((rows, columns, 3), np.float32)
    for (x, y), shift in zip(centres // cell, shifts, strict=True):
        sums[y, x] += (*shift, 1)
    width = _EVEN / _SPACING / 2
    sums = cv2.GaussianBlur(sums, (0, 0), width, borderType=cv2.BORDER_CONSTANT)
    # Where there is no print for many centimetres, nothing is shifted.
    moved = sums[..., :2] / np.maximum(sums[..., 2:], 1e-6)
    fine = cv2.resize(moved, (columns * cell, rows * cell))
    return np.asarray(fine[: shape[0], : shape[1]], dtype=np.float32)
