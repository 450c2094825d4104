"""Take what is round free writing out of its field: print, and neighbours' writing."""

from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.parameters import Interval
from pipelines.fields.rules import Rule, cover_rules, erase_rules, touch_rules
from pipelines.images import (
    Image,
    Mask,
    StatelessTransformer,
    check_image,
    find_components,
)
from pipelines.lines.ink import find_ruling, ink_threshold, measure_contrast
from pipelines.lines.printed import LEAST_SIDE, find_printed_lines

# Fields are searched at this size at most; a hairline of 400 dpi still shows there.
_MOST_ROWS = 200
_MOST_COLUMNS = 2000

# What may be a wall or a one is the one as often as the other. Of fields in which
# strokes end in a printed row, one in twenty has a bar along it.
_WALL_OR_ONE = 0.5
_WITHOUT_BAR = 0.95

# A blur against fine patterns of the paper, in pixels.
_BLUR = 1.0

# Hairlines are fainter than the pen: this share of the threshold for ink shows them,
# where it is more than the paper's grain.
_FAINTNESS = 0.5
_OVER_GRAIN = 2.0

# Patterned paper shows as more pieces than a caption has letters, of less than this
# share of the ink's darkness.
_FAINT = 0.6
_MOST_FAINT = 15

# Letters of a caption, and tails of letters above, are lower than the writing.
_LOWER = 0.6

# A caption is wider than it is high. Dots on its letters, and dust, are lower than this
# share of the writing; a dash, if it is alone, than that.
_WIDE = 1.5
_SPECK = 0.1
_DASH = 0.2

# Strokes that a wall cuts lengthwise show less than their breadth beside it, over this
# share of the height of the writing.
_HIDDEN = 0.2

# A tail hangs into the writing by no more than this share of its height.
_HANGING = 0.25

# What begins within so many pixels of a side was cut there.
_AT_EDGE = 3

# The flag of a five may lie as far above it, and is no higher.
_FLAG = 0.2


@dataclass(frozen=True)
class Surroundings:
    """A field without what is round its writing.

    Attributes
    ----------
    image : ndarray of shape (height, width), dtype uint8
        The field, of the same size; paper where there was something else.

    certainty : float
        Probability that nothing is left of the print, and nothing of the writing went.
    """

    image: Image
    certainty: float


def clear_surroundings(
    field: Image, *, min_length: float = LEAST_SIDE, ruling: bool = False
) -> Surroundings:
    """Take print and neighbours' writing out of the image of a free field.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Grey field, dark ink on lighter paper, as it was cut out of its page.

    min_length : float, default=0.4
        As for :class:`RuleRemover`.

    ruling : bool, default=False
        As for :class:`RuleRemover`.

    Returns
    -------
    surroundings : Surroundings
        Strokes that cross a line stay whole.

    Raises
    ------
    TypeError, ValueError
        If `field` is not an image.

    Examples
    --------
    >>> import cv2
    >>> import numpy as np
    >>> from pipelines.lines.surroundings import clear_surroundings
    >>> field = np.full((80, 200), 250, np.uint8)
    >>> field = cv2.rectangle(field, (10, 10), (190, 70), 0, 2)
    >>> field[20:62, 30:34] = 0  # a one
    >>> cleared = clear_surroundings(field).image
    >>> rows, columns = np.nonzero(cleared < 128)
    >>> int(columns.min()), int(columns.max())
    (30, 33)
    """
    check_image(field, caller="clear_surroundings")
    small = _reduce(field)
    dark = _mark(small)
    if dark is None:
        return Surroundings(field, 1.0)
    found = find_printed_lines(dark, min_length)
    rules = [*found.rules, *(_find_ruling(small) if ruling else ())]
    away, inked = _part(dark, rules)
    if not inked.any() and _may_be_zero(found.rules):
        return Surroundings(field, _WALL_OR_ONE)
    if not _is_patterned(small, dark):
        away |= _neighbours(inked)
    certainty = 1.0
    if found.doubtful or _hides_digit(dark, rules, inked):
        certainty = _WALL_OR_ONE
    elif _hides_bar(np.where(away, 0, inked), rules):
        certainty = _WITHOUT_BAR
    return Surroundings(_paint(field, dark, away) if away.any() else field, certainty)


class RuleRemover(StatelessTransformer):
    """Take print and neighbours' writing out of images of free writing.

    Parameters
    ----------
    min_length : float, default=0.4
        Straight lines that are shorter, as a share of the side of the field that they
        run along, are strokes of the writing.

    ruling : bool, default=False
        Whether lines go, too, that writing stands on: those across the whole field that
        no wall meets. Readers know them, and what crosses a line is never as whole
        without it.

    See Also
    --------
    FieldReader : Does so with fields that have no boxes.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.lines.surroundings import RuleRemover
    >>> field = np.full((80, 200), 250, np.uint8)
    >>> field[66:68] = 0  # a ruling line
    >>> field[20:62, 30:34] = 0  # a one
    >>> [kept] = RuleRemover().fit_transform([field])
    >>> [removed] = RuleRemover(ruling=True).fit_transform([field])
    >>> int((kept[67] < 128).sum()), int((removed[67] < 128).sum())
    (200, 0)
    >>> bool((removed[20:62, 31:33] == 0).all())
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "min_length": [Interval(Real, 0, 1, closed="right")],
        "ruling": ["boolean"],
    }

    def __init__(self, *, min_length: float = LEAST_SIDE, ruling: bool = False) -> None:
        self.min_length = min_length
        self.ruling = ruling

    def clear(self, field: Image) -> Surroundings:
        """Clear one field, and say how certain it is that no writing went.

        Parameters
        ----------
        field : ndarray of shape (height, width), dtype uint8
            Grey field, dark ink on lighter paper.

        Returns
        -------
        surroundings : Surroundings
        """
        return clear_surroundings(field, min_length=self.min_length, ruling=self.ruling)

    def _transform_one(self, image: Image) -> Image:
        cleared = self.clear(image).image
        return cleared.copy() if cleared is image else cleared


def _find_ruling(field: Image) -> list[Rule]:
    """Find lines from one side of a field to the other."""
    contrast = measure_contrast(field)
    threshold = ink_threshold(contrast)
    return [] if threshold is None else find_ruling(contrast, threshold)


def mark_dark(field: Image) -> Mask | None:
    """Mark ink and print, hairlines too, in a field of any size.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Grey field, dark ink on lighter paper.

    Returns
    -------
    dark : ndarray of shape (at most 200, at most 2000), dtype uint8, or None
        1 where it is dark, 0 on paper; None where there is only paper.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.lines.surroundings import mark_dark
    >>> field = np.full((400, 900), 250, np.uint8)
    >>> mark_dark(field) is None
    True
    >>> field[100:300, 200:206] = 0
    >>> mark_dark(field).shape
    (200, 450)
    """
    return _mark(_reduce(field))


def _reduce(field: Image) -> Image:
    scale = min(1.0, _MOST_ROWS / field.shape[0], _MOST_COLUMNS / field.shape[1])
    if scale == 1:
        return field
    size = [max(8, round(scale * side)) for side in field.shape[::-1]]
    small = cv2.resize(field, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def _mark(field: Image) -> Mask | None:
    sharp = measure_contrast(field, blur=0)
    contrast = np.asarray(cv2.GaussianBlur(sharp, (0, 0), _BLUR))
    threshold = ink_threshold(contrast)
    if threshold is None:
        return None
    grain = float(np.sqrt(np.mean(sharp[contrast < threshold] ** 2)))
    least = max(_FAINTNESS * threshold, _OVER_GRAIN * grain)
    return (sharp > least).view(np.uint8)


def _is_patterned(field: Image, dark: Mask) -> bool:
    """Return whether the paper shows in many places, much fainter than the writing."""
    labels, stats, _ = find_components(dark)
    heights = stats[:, cv2.CC_STAT_HEIGHT].copy()
    heights[0] = 0
    light = np.full(len(stats), 255, np.uint8)
    np.minimum.at(light, labels.ravel(), field.ravel())
    paper = float(np.median(field[dark == 0])) if (dark == 0).any() else 255.0
    is_tall = heights >= 0.5 * heights.max()
    ink = paper - float(np.median(field[is_tall[labels]]))
    is_faint = paper - light < _FAINT * ink
    return bool(np.count_nonzero(is_faint[1:]) > _MOST_FAINT)


def _hides_digit(dark: Mask, rules: list[Rule], ink: Mask) -> bool:
    """Return whether a part of a digit has gone with a wall that it leans on.

    Beside the wall there is then, over a part of its height, less than the breadth of
    a stroke.
    """
    band = _band(find_components(ink).stats, len(ink))
    if band is None:
        return False
    depth = max(2, round(_pen_width(ink)))
    for wall in rules:
        if wall.vertical:
            touched, whole = (touch_rules(dark, [wall], depth=d) for d in (1, depth))
            cut = touched.any(axis=1) & ~whole.any(axis=1)
            if np.count_nonzero(cut) >= _HIDDEN * (band[1] - band[0]):
                return True
    return False


def _pen_width(ink: Mask) -> float:
    """Estimate how broad the strokes of writing are, in pixels; 0 without any."""
    depths = cv2.distanceTransform(ink, cv2.DIST_L2, 3)[ink > 0]
    return float(2 * np.percentile(depths, 80)) if depths.size else 0.0


def _hides_bar(ink: NDArray[np.integer[Any]], rules: list[Rule]) -> bool:
    """Return whether strokes end in a printed row, where a bar may run along it."""
    for row in rules:
        if row.vertical:
            continue
        columns = np.arange(row.start, row.stop)
        sides = [
            _along(ink, row.centre(columns) + side * (row.thickness / 2 + 1.5), columns)
            for side in (-1, 1)
        ]
        # A stroke that crosses is a little further on below.
        reach = np.ones((2 * round(row.thickness) + 9, 1), np.uint8)
        around = [cv2.dilate(side.view(np.uint8), reach)[:, 0] > 0 for side in sides]
        if (sides[0] & ~around[1]).any() or (sides[1] & ~around[0]).any():
            return True
    return False


def _along(
    ink: NDArray[np.integer[Any]], rows: NDArray[np.float64], columns: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return in which columns there is ink at a line; outside the field is none."""
    levels = np.rint(rows).astype(np.int64)
    inside = (levels >= 0) & (levels < len(ink))
    levels = np.clip(levels, 0, len(ink) - 1)
    return np.asarray((ink[levels, columns] > 0) & inside)


def _part(dark: Mask, rules: list[Rule]) -> tuple[Mask, Mask]:
    """Part what is dark into printed lines and what is left, without their rests."""
    rows = [rule for rule in rules if not rule.vertical]
    walls = [rule for rule in rules if rule.vertical]
    on_rows, on_walls = (cover_rules(dark.shape, part) for part in (rows, walls))
    # Where lines cross there is print on all sides.
    beside_rows = _without(np.where(on_walls, np.uint8(0), dark), rows)
    beside_walls = erase_rules(np.where(on_rows, np.uint8(0), dark), walls)
    ink = np.where(on_walls > 0, beside_walls, beside_rows) & ~(on_rows & on_walls)
    covered = cv2.dilate(on_rows | on_walls, np.ones((3, 3), np.uint8))
    labels, stats, _ = find_components(ink)
    is_ink = np.zeros(len(stats), bool)
    is_ink[labels[covered == 0]] = True
    is_ink[0] = False
    kept = is_ink[labels].view(np.uint8)
    return dark & ~kept & 1 & covered, kept


def _without(dark: Mask, rules: list[Rule]) -> Mask:
    """Erase lines, but where strokes cross them or end at them."""
    # Of a stroke that runs along a line, the part beside the line tells.
    return erase_rules(dark, rules) | touch_rules(dark, rules)


def _may_be_zero(rules: list[Rule]) -> bool:
    """Return whether an empty frame is as narrow as a zero of straight strokes."""
    rows = [rule.stop - rule.start for rule in rules if not rule.vertical]
    walls = [rule.stop - rule.start for rule in rules if rule.vertical]
    return bool(rows and walls) and max(rows) < 1.2 * max(walls)


def _neighbours(ink: Mask) -> Mask:
    """Mark what is written or printed round the writing, as a caption is."""
    labels, stats, _ = find_components(ink)
    band = _band(stats, len(ink))
    if band is None:
        return np.zeros_like(ink)
    is_away = np.zeros(len(stats), bool)
    is_low = stats[:, cv2.CC_STAT_HEIGHT] < _LOWER * (band[1] - band[0])
    for above in (True, False):
        outside = _outside(stats, band, above=above)
        is_away |= outside & _hangs_in(stats, band, len(ink), above=above)
        is_away |= _is_text(stats, outside & is_low & ~is_away, band)
    is_away[0] = False
    return is_away[labels].view(np.uint8)


def _band(stats: NDArray[np.int32], n_rows: int) -> tuple[float, float] | None:
    """Find the rows of the writing: of the tall components, cut ones counting half."""
    tops = stats[1:, cv2.CC_STAT_TOP]
    heights = stats[1:, cv2.CC_STAT_HEIGHT]
    bottoms = tops + heights
    cut = (tops <= _AT_EDGE) | (bottoms >= n_rows - _AT_EDGE)
    weights = np.where(cut, 0.5, 1.0) * heights
    tall = weights >= 0.5 * weights.max(initial=1)
    if not tall.any():
        return None
    return float(np.median(tops[tall])), float(np.median(bottoms[tall]))


def _outside(
    stats: NDArray[np.int32], band: tuple[float, float], *, above: bool
) -> NDArray[np.bool_]:
    """Find the components of which hardly anything lies in the rows of writing."""
    top, bottom = band
    height = bottom - top
    tops, heights = stats[:, cv2.CC_STAT_TOP], stats[:, cv2.CC_STAT_HEIGHT]
    bottoms = tops + heights
    within = np.minimum(bottoms, bottom) - np.maximum(tops, top)
    middles = (tops + bottoms) / 2
    beyond = middles < top if above else middles > bottom
    # Commas hang below the writing, and begin in its rows.
    deepest = _HANGING * height if above else 0.0
    return np.asarray(beyond & (within <= deepest))


def _hangs_in(
    stats: NDArray[np.int32], band: tuple[float, float], n_rows: int, *, above: bool
) -> NDArray[np.bool_]:
    """Find what the upper or lower side of the field cuts off."""
    height = band[1] - band[0]
    tops, heights = stats[:, cv2.CC_STAT_TOP], stats[:, cv2.CC_STAT_HEIGHT]
    at_edge = tops <= _AT_EDGE if above else tops + heights >= n_rows - _AT_EDGE
    # A cut that is too close leaves the flag of a five at the edge.
    return np.asarray(at_edge & (heights > _FLAG * height))


def _is_text(
    stats: NDArray[np.int32], outside: NDArray[np.bool_], band: tuple[float, float]
) -> NDArray[np.bool_]:
    """Find the components that are lines of small letters together."""
    height = band[1] - band[0]
    chosen = np.flatnonzero(outside & (stats[:, cv2.CC_STAT_HEIGHT] > _SPECK * height))
    if not len(chosen):
        return np.zeros_like(outside)
    own = stats[chosen]
    tops, lefts = own[:, cv2.CC_STAT_TOP], own[:, cv2.CC_STAT_LEFT]
    heights, widths = own[:, cv2.CC_STAT_HEIGHT], own[:, cv2.CC_STAT_WIDTH]
    tall = float((tops + heights).max() - tops.min())
    width = float((lefts + widths).max() - lefts.min())
    is_text = tall < _LOWER * height and width > _WIDE * tall
    is_text &= len(chosen) > 1 or tall > _DASH * height
    return outside if is_text else np.zeros_like(outside)


def _paint(field: Image, dark: Mask, away: Mask) -> Image:
    """Paint paper over what is taken away."""
    size = field.shape[::-1]
    # The soft edges of what goes are no ink either, but where ink ends at it.
    grown = cv2.dilate(away, np.ones((3, 3), np.uint8)) & (away | ~dark)
    mask = cv2.resize(grown, size, interpolation=cv2.INTER_NEAREST) > 0
    reach = max(3.0, 0.1 * field.shape[0])
    weight = (~mask).astype(np.float32) + np.float32(1e-3)
    light = cv2.morphologyEx(field, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    paper = cv2.GaussianBlur(light * weight, (0, 0), reach)
    paper /= cv2.GaussianBlur(weight, (0, 0), reach)
    return np.where(mask, np.rint(np.maximum(paper, field)), field).astype(np.uint8)
