"""Fields cut out of registered pages, without what the blank page has printed."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image, check_image, find_components
from pipelines.outcomes import ArraysCompare
from pipelines.pages import alignment
from pipelines.pages.alignment import Matrix, project, warp_image
from pipelines.pages.cleaning import flatten_background
from pipelines.pages.placement import Placement, Registration
from pipelines.pages.prepared import PreparedBlank

Box = tuple[float, float, float, float]

# Least `print_found` of a field that is on the page: fields of the right page,
# written on and photographed, reach 0.75 and more, short ones of little print
# 0.36; where another page of the series has other print, it is 0.11 at most.
MIN_PRINT_FOUND = 0.25

# Paper that is not flat shifts a field from where a homography puts it: by up
# to half a percent of the page's longer side on a sheet with a fold in it.
_SEARCH_SHARE = 0.005
# Boxes look much like the boxes beside them. A comb that is taken for its neighbours
# has no print at one of its ends: there, within a tenth of its height, 0.61 at most of
# what is printed was seen as dark, and 0.66 at least of what lay where it was looked
# for, whatever was written over it (fields of ten forms, photographed flat and bent).
_WALL = 0.1
_LEAST_OF_WALL = 0.65
# So many pixels of print make up a wall.
_FEWEST_OF_WALL = 20
# Darkness of print and ink in a picture of usual contrast, and the most that a pale one
# is strengthened: its noise becomes stronger, too.
_USUAL = 110.0
_LARGEST_GAIN = 4.0
# Darkness at which pictures saturate when they are aligned, so that a light
# guide weighs as much as a black line or a stroke of the pen.
_SATURATION = 48
# Half side of the patches of print that are aligned, in pixels of the blank.
_PATCH = 9
# Fewest patches for an affine fit (three points fix one); fewer give a shift.
_FEWEST_PATCHES = 8
# An affine fit that stretches more than this does not describe paper.
_LARGEST_STRETCH = 0.03

# Darkness (255 minus grey) below which the blank counts as paper, and from which print
# hides ink, unless the ink of this page is clearly darker than the print of this page.
_PAPER = 12
_BLACK = 110
# Print is measured by shades of the blank: what is printed beside each other in two of
# them may come out differently on a scan. The darkest hides ink.
_SHADES = (_PAPER, 45, 80, _BLACK, 155, 200)
# Ink is told from print by what of the print is free of it, if so much is.
_LEAST_FREE = 0.1
# Pixels of strokes that tell how dark the ink of a field is.
_FEWEST_INKED = 30
# Print spreads on paper and blurs in the camera. Rings round the print are
# taken for it, up to this many pixels, while most of them are grey ...
_WIDEST_SPREAD = 4
_RING_DARKNESS = 20
# ... that is, while this share of their pixels is darker.
_RING_SHARE = 0.5
# Ink over light print stays whole if it is darker than the print by this much.
_INK_CONTRAST = 28
# A speck on light print that is darker than it by no more than this is a rest of it.
_REST = 50
# A speck of the scanner's, spread by the straightening, in pixels.
_LARGEST_SPECK = 9
# What is lighter than this after all is grain of the paper, not ink.
_GRAIN = 14


@dataclass(frozen=True, eq=False)
class FieldCut(ArraysCompare):
    """A field's handwriting, cut out straight.

    Attributes
    ----------
    image : ndarray of shape (height, width), dtype uint8
        Dark ink on paper of 255; nothing printed.

    seen : ndarray of shape (height, width), dtype uint8
        The same with what is printed, as it is on the page.

    box : tuple of (top, left, height, width)
        The field within `image`, in pixels; around it is the margin.

    quad : ndarray of shape (4, 2), dtype float64
        Corners ``(x, y)`` of the field on the page in pixels, clockwise from
        the upper left one as the writing runs.

    print_found : float
        Share in [0, 1] of the patches of print about the field that were found
        where they belong, 0 if the print at one of its ends is missing or it lies
        beyond the picture; 1 for a field with nothing printed near it. Below
        `MIN_PRINT_FOUND` the field is not on this page, or is covered.

    hidden : ndarray of shape (height, width), dtype uint8
        1 where `image` was so dark with print that ink cannot be told from it,
        0 elsewhere.
    """

    image: Image
    seen: Image
    box: Box
    quad: Matrix
    print_found: float
    hidden: Image


@dataclass(frozen=True)
class _Frame:
    """A region of the blank, and the pixels it is cut into."""

    shape: tuple[int, ...]
    to_blank: Matrix  # (x, y) in the cut to (x, y) on the blank
    scale: float  # pixels of the cut in one of the blank


def cut_field(
    page: Image,
    registration: Registration,
    blank: PreparedBlank,
    box: Box,
    *,
    margin: float = 0.2,
) -> FieldCut:
    """Cut a field out of a page, straight, and take away what is printed.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        The page as scanned or photographed.

    registration : Registration
        Where the blank's points are on the page.

    blank : PreparedBlank
        The blank page, from :func:`pipelines.prepare_blank`.

    box : tuple of (top, left, height, width)
        The field on the blank page, in pixels.

    margin : float, default=0.2
        Width of the margin left around the field, as a share of its height.

    Returns
    -------
    cut : FieldCut
        At the page's own resolution there, at least the blank's and at most
        twice the blank's.

    Raises
    ------
    ValueError
        If the registration is not good enough to be used.

    Notes
    -----
    The blank is aligned with the page once more about the field, to a fraction
    of a pixel, because paper is not flat.
    """
    check_image(page, caller="cut_field")
    if not registration.is_good:
        raise ValueError(
            f"cut_field expects a good registration. {registration.reason}"
        )
    cuts = [_cut_at(page, near, blank, box, margin) for near in registration.near(box)]
    return max(cuts, key=lambda cut: cut.print_found)


def _cut_at(
    page: Image, near: Placement, blank: PreparedBlank, box: Box, margin: float
) -> FieldCut:
    """Cut a field out of a page on which it lies about there."""
    top, left, height, width = box
    edge = margin * height
    # The print round the field helps to align it; it is cut off at the end.
    search = math.ceil(_SEARCH_SHARE * max(blank.image.shape))
    frame = _frame(near, box, edge + max(0.3 * height, 2 * search))
    printed = _darkness(warp_image(blank.image, frame.to_blank, frame.shape))
    to_blank, share = _align(page, near, frame, printed, search)
    seen = near.warp(page, to_blank, frame.shape)
    written = _strengthen(_darkness(seen))
    ink, hidden = _remove_print(written, printed)
    to_cut = np.asarray(np.linalg.inv(frame.to_blank), dtype=np.float64)
    right, bottom = left + width, top + height
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    quad = project(to_cut, corners - 0.5)
    (x, y), (x_end, y_end) = (quad[[0, 2]] + 0.5).tolist()
    kept = round(edge * frame.scale)
    rows = slice(max(0, round(y) - kept), round(y_end) + kept)
    columns = slice(max(0, round(x) - kept), round(x_end) + kept)
    inner = _rounded(y - rows.start, x - columns.start, y_end - y, x_end - x)
    image, seen, hidden = (
        np.ascontiguousarray(whole[rows, columns])
        for whole in (255 - ink, seen, hidden)
    )
    on_page = near.project(project(to_blank, quad))
    if not (_is_inside(on_page, page.shape) and _has_walls(written, printed, quad)):
        share = 0.0
    return FieldCut(image, seen, inner, on_page, share, hidden)


def _strengthen(written: Image) -> Image:
    """Bring what is seen of a field in a pale picture to the contrast of others."""
    darkest = max(float(np.percentile(written, 99)), 1.0)
    gain = float(np.clip(_USUAL / darkest, 1.0, _LARGEST_GAIN))
    return cv2.convertScaleAbs(written, alpha=gain) if gain > 1 else written


def drop_print(field: Image, blank: Image) -> Image:
    """Take away from a field's image what is printed on its blank.

    Light print is taken away where the page is no darker than print is on this
    page; ink over it stays. Where print is so dark that ink over it cannot be
    seen, strokes are bridged from one side of a line to the other.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Grey image of a field, dark ink on light paper.

    blank : ndarray of shape (height, width), dtype uint8
        The same field empty, aligned to within a pixel.

    Returns
    -------
    dropped : ndarray of shape (height, width), dtype uint8
        The field's ink on white paper.

    Raises
    ------
    ValueError
        If the two images differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.fields.dropout import drop_print
    >>> blank = np.full((60, 90), 255, dtype=np.uint8)
    >>> blank[30:33] = 0  # a printed line
    >>> field = blank.copy()
    >>> field[10:50, 44:48] = 60  # a stroke across it
    >>> dropped = drop_print(field, blank)
    >>> int(dropped[31, 10]), bool(dropped[12:48, 45].max() < 80)
    (255, True)
    """
    check_image(field, caller="drop_print")
    check_image(blank, caller="drop_print")
    if field.shape != blank.shape:
        raise ValueError(
            "drop_print expects a field and its blank of the same shape."
            f" Got shapes {field.shape} and {blank.shape}."
        )
    ink, _ = _remove_print(_darkness(field), _darkness(blank))
    return np.asarray(255 - ink, dtype=np.uint8)


def _is_inside(quad: Matrix, shape: tuple[int, ...]) -> bool:
    """Whether a field lies in the picture, but for what is lost by rounding."""
    x, y = quad.T
    slack = 0.1 * float(np.linalg.norm(quad[3] - quad[0]))
    return bool(
        min(x.min(), y.min()) > -slack
        and x.max() < shape[1] + slack
        and y.max() < shape[0] + slack
    )


def _rounded(top: float, left: float, height: float, width: float) -> Box:
    """The box to a hundredth of a pixel."""
    return round(top, 2), round(left, 2), round(height, 2), round(width, 2)


def _frame(near: Placement, box: Box, edge: float) -> _Frame:
    """The box and its surroundings, at the page's resolution."""
    top, left, height, width = box
    middle = np.array([left + width / 2, top + height / 2])
    across = near.project(middle + np.array([(0, 0), (1, 0), (0, 1)]))
    (a, b), (c, d) = across[1:] - across[0]
    scale = float(np.clip(math.sqrt(abs(a * d - b * c)), 1.0, 2.0))
    shape = tuple(math.ceil(scale * (side + 2 * edge)) for side in (height, width))
    # Pixel centres again: pixel 0 of the cut covers 1 / scale of the blank's.
    x, y = (start - edge - 0.5 + 0.5 / scale for start in (left, top))
    to_blank = np.array([[1 / scale, 0, x], [0, 1 / scale, y], [0, 0, 1.0]])
    return _Frame(shape, to_blank, scale)


def _darkness(image: Image) -> Image:
    """How much darker than its paper an image is: 0 is paper."""
    return np.asarray(255 - flatten_background(image), dtype=np.uint8)


def _align(
    page: Image, near: Placement, frame: _Frame, printed: Image, search: int
) -> tuple[Matrix, float]:
    """Mend the frame's place on the blank so that the print falls on itself."""
    pattern = cv2.min(printed, _SATURATION)
    half, to_blank = round(_PATCH * frame.scale), frame.to_blank
    centres = alignment.printed_patches(pattern, half=half, spacing=2 * half)
    if not len(centres):
        return to_blank, 1.0
    reach = math.ceil(search * frame.scale)
    seen = _saturated(near.warp(page, to_blank, printed.shape))
    core = pattern[reach:-reach, reach:-reach]
    surface = cv2.matchTemplate(seen, core, cv2.TM_CCOEFF_NORMED)
    shift = np.array(cv2.minMaxLoc(surface)[3], dtype=np.float64) - reach
    to_blank = to_blank @ np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]])
    seen = _saturated(near.warp(page, to_blank, printed.shape))
    nearby = math.ceil(3 * frame.scale)
    shifts, found = alignment.match_patches(
        255 - pattern, 255 - seen, centres, half=half, search=nearby
    )
    to_blank = to_blank @ _affine(centres[found], shifts[found])
    return to_blank, float(found.mean())


def _has_walls(written: Image, printed: Image, quad: Matrix) -> bool:
    """Whether what is printed at either end of a field is there."""
    pattern = cv2.min(printed, _SATURATION) >= _SATURATION // 2
    if not pattern.any():
        return True
    level = float(np.percentile(np.minimum(written[pattern], _SATURATION), 75))
    dark = (written >= max(_PAPER, level / 2)).astype(np.uint8)
    # Print may lie a little aside of where it is on the blank.
    dark = cv2.dilate(dark, np.ones((5, 5), np.uint8))
    (left, top), (right, bottom) = quad[0], quad[2]
    slack = _WALL * (bottom - top)
    rows = slice(max(0, round(top - slack)), round(bottom + slack))
    for end in (left, right):
        columns = slice(max(0, round(end - slack)), round(end + slack))
        wall = dark[rows, columns][pattern[rows, columns]]
        if len(wall) >= _FEWEST_OF_WALL and wall.mean() < _LEAST_OF_WALL:
            return False
    return True


def _saturated(seen: Image) -> Image:
    """Darkness of what the frame sees, all print and ink alike."""
    return np.asarray(cv2.min(_darkness(seen), _SATURATION), dtype=np.uint8)


def _affine(centres: NDArray[np.intp], shifts: Matrix) -> Matrix:
    """Affine map that moves the centres by the shifts, if it is near to none."""
    fitted = np.eye(3)
    if not len(centres):
        return fitted
    fitted[:2, 2] = np.median(shifts, axis=0)
    if len(centres) < _FEWEST_PATCHES:
        return fitted
    source = centres.astype(np.float64)
    affine, _ = cv2.estimateAffine2D(
        source, source + shifts, method=cv2.RANSAC, ransacReprojThreshold=0.7
    )
    if affine is None or np.abs(affine[:, :2] - np.eye(2)).max() > _LARGEST_STRETCH:
        return fitted
    fitted[:2] = affine
    return fitted


@dataclass(frozen=True)
class _Print:
    """Print of one darkness on the blank, and how dark it is on this scan."""

    mask: Image
    lightest: float  # what is darker than this may be ink

    @property
    def faint(self) -> float:
        """Darkness up to which a speck may be a rest of this print."""
        return self.lightest + _REST


def _remove_print(written: Image, printed: Image) -> tuple[Image, Image]:
    """Darkness of the ink alone, and where print hid it, from page and blank."""
    black, shades = _sort_print(written, printed)
    ink = written.copy()
    for shade in shades:
        place = _erase(ink, written, shade)
        if shade.lightest >= _BLACK:
            # Ink is darker than such print on it, but not beside it.
            ink = _bridge(ink, place & (1 - shade.mask))
    hidden = _spread(written, black)
    ink[hidden > 0] = 0
    mended = _bridge(ink, hidden)
    mended[mended < _GRAIN] = 0
    return _drop_stubs(mended, hidden, shades), np.asarray(hidden, dtype=np.uint8)


def _sort_print(written: Image, printed: Image) -> tuple[Image, list[_Print]]:
    """Part print that hides ink from print of which the scan tells ink."""
    square = np.ones((5, 5), np.uint8)
    black = (printed >= _SHADES[-1]).astype(np.uint8)
    # The soft edges of black print belong to it.
    black |= (printed >= _BLACK) & (cv2.dilate(black, square) > 0)
    # Strokes run along lines, and are bridged across them.
    black |= _long_lines(printed)
    ink = _ink_darkness(written, printed)
    shades, darker = [], black.copy()
    for low, high in itertools.pairwise(_SHADES):
        # Neither are the soft edges of dark print lighter print.
        beside = cv2.dilate((printed >= high).astype(np.uint8), square) | darker
        mask = ((printed >= low) & (printed < high) & (beside == 0)).astype(np.uint8)
        if not mask.any():
            continue
        level, lightest, above = _measure_print(written, mask)
        if low >= _BLACK and max(ink, above) < lightest + _INK_CONTRAST:
            black |= mask
        elif level >= _GRAIN:
            shades.append(_Print(mask, lightest))
    return black, shades


def _long_lines(printed: Image) -> Image:
    """Find the lines of dark print that are longer than any letter."""
    dark = (printed >= _BLACK).astype(np.uint8)
    length = max(printed.shape[0] // 2, 3)
    across = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    down = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
    # A line that is not quite straight is steps of lines.
    wide = cv2.dilate(across | down, np.ones((3, 3), np.uint8))
    return np.asarray(wide & dark, dtype=np.uint8)


def _ink_darkness(written: Image, printed: Image) -> float:
    """Darkness of the strokes on a page where nothing is printed; 0 without any."""
    free = cv2.dilate((printed >= _PAPER).astype(np.uint8), np.ones((5, 5), np.uint8))
    strokes = written[(free == 0) & (written > _RING_DARKNESS)]
    # Their soft edges are about half of what thin strokes have.
    return float(np.percentile(strokes, 75)) if len(strokes) >= _FEWEST_INKED else 0.0


def _measure_print(written: Image, mask: Image) -> tuple[float, float, float]:
    """Darkness of print on a page, the least of what is darker, and that of ink on it.

    The last is 0 where no ink is seen on the print.
    """
    # Lines may have been printed thinner than on the blank: their darkness is that of
    # their ridge.
    ridges = cv2.dilate(written, np.ones((5, 5), np.uint8))[mask > 0]
    # Ink over print only makes it darker: of two kinds of ridges the lighter are print.
    split, _ = cv2.threshold(ridges, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    lighter, darker = ridges[ridges <= split], ridges[ridges > split]
    inked = 0.0
    if min(len(lighter), len(darker)) >= _LEAST_FREE * len(ridges):
        apart = float(np.median(darker) - np.median(lighter))
        if apart >= _INK_CONTRAST:
            ridges, inked = lighter, float(np.median(darker))
    level = float(np.median(ridges))
    scatter = level - float(np.percentile(ridges, 16))
    lightest = level + float(np.clip(1.5 * scatter, 12, 0.5 * level + 12))
    return level, lightest, inked


def _erase(ink: Image, written: Image, shade: _Print) -> Image:
    """Take light print away, in place, but what is clearly darker; say where."""
    # Two pixels more: a line may lie to one side of where it is on the blank.
    wide = _spread(written, shade.mask)
    around = np.asarray(cv2.dilate(wide, np.ones((5, 5), np.uint8)), dtype=np.uint8)
    place = around > 0
    # A ramp rather than a step, so that edges of strokes stay smooth.
    keep = np.clip((written[place] - shade.lightest) / _INK_CONTRAST, 0, 1)
    left = np.round(keep * written[place]).astype(np.uint8)
    ink[place] = np.minimum(ink[place], left)
    return around


def _drop_stubs(ink: Image, hidden: NDArray[Any], shades: Sequence[_Print]) -> Image:
    """Take away what is left of print: slivers beside it that reach nowhere."""
    rest = cv2.dilate(hidden, np.ones((5, 5), np.uint8)) > 0
    for shade in shades:
        # Ink may lie on a guide all its length, and is darker than the guide.
        near = cv2.dilate(shade.mask, np.ones((9, 9), np.uint8)) > 0
        rest |= near & (ink <= shade.faint)
    labels, stats, _ = find_components((ink > 0).view(np.uint8))
    is_ink = np.zeros(len(stats), dtype=bool)
    is_ink[labels[~rest]] = True
    is_ink &= stats[:, cv2.CC_STAT_AREA] > _LARGEST_SPECK
    is_ink[0] = False
    return np.where(is_ink[labels], ink, 0).astype(np.uint8)


def _spread(written: Image, support: NDArray[Any]) -> NDArray[Any]:
    """Widen a mask of print by as much as the print has spread on the page."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    wide = support
    for _ in range(_WIDEST_SPREAD):
        wider = cv2.dilate(wide, kernel)
        ring = written[(wider > 0) & (wide == 0)]
        wide = wider
        if not len(ring) or np.mean(ring > _RING_DARKNESS) < _RING_SHARE:
            break
    return wide


def _bridge(ink: Image, hidden: NDArray[Any]) -> Image:
    """Continue strokes across hidden lines where there is ink on both sides."""
    if not hidden.any():
        return ink
    # A line is hidden over twice the largest distance to its edge; broader
    # areas (headings, marks) are no lines and are not bridged.
    depth = cv2.distanceTransform(hidden, cv2.DIST_L2, 3)
    reach = 2 * math.ceil(min(float(np.percentile(depth[depth > 0], 90)), 8.0)) + 3
    bridged = ink
    for kernel in _line_kernels(reach):
        closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, kernel)
        bridged = np.where(hidden > 0, np.maximum(bridged, closed), bridged)
    return np.asarray(bridged, dtype=np.uint8)


def _line_kernels(length: int) -> list[NDArray[np.uint8]]:
    """Line segments in eight directions, of a length that is odd."""
    middle = length // 2
    kernels = []
    for angle in np.radians(np.arange(0, 180, 22.5)).tolist():
        end = np.rint([middle * math.cos(angle), middle * math.sin(angle)]).astype(int)
        kernel = np.zeros((length, length), np.uint8)
        cv2.line(kernel, middle - end, middle + end, 1)
        kernels.append(kernel)
    return kernels
