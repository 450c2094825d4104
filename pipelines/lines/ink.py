"""Separate the writing in a field from its paper and printed lines; set it upright."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipelines.fields.rules import Rule, cover_rules, erase_rules, trace_rule
from pipelines.images import Floats, Image, Mask, Plane, check_image, find_components

# Paper is estimated over a quarter of the field's height: wider than a stroke, so
# that ink does not count as paper, narrower than shadows and prints.
_PAPER_SHARE = 1 / 4

# Ink darker than the paper by this share of it does not enter the paper's mean.
_INK_CONTRAST = 0.06

# Fine lines of a guilloche are a pixel wide where strokes are three: a blur of
# one pixel takes most of their contrast and little of the strokes'.
_BLUR = 1.0

# Paper within this share of its mean is no candidate for ink.
_LEAST_CONTRAST = 0.08

# Share of Otsu's threshold: the grey sides of a stroke belong to it.
_LENIENCE = 0.9

# Ink has at least this contrast, and is this much darker than the paper's grain.
_FAINTEST = 0.12
_OVER_GRAIN = 2.4

# Height of the writing at which fields are cut, in pixels, and the factor by
# which it may differ before the field is resized.
_HEIGHT = 40
_TOLERANCE = 1.5

# Nothing is looked for in more rows than this: the wide blurs that find paper take long
# in a field of thousands.
_TALLEST = 400

# Enlarging further than this shows nothing that is not there, and what is still
# lower than so many pixels then is no writing.
_LARGEST_SCALE = 2.5
_LOWEST = 10

# Slants tried, in degrees: cursive hands lean right by up to 45. Few hands lean left,
# and the open bowls of digits look as if they did: each degree has to be worth this
# share of the energy. Upright within a per cent is upright: round digits have no slant.
_SLANTS = np.arange(-20.0, 46.0, 2.0)
_WORTH = np.where(_SLANTS < 0, 1 - 0.01 * np.abs(_SLANTS), 1.0)
_WORTH[_SLANTS == 0] = 1.01


@dataclass(frozen=True)
class Writing:
    """Ink of a field, set upright.

    Attributes
    ----------
    ink : ndarray of shape (height, width), dtype uint8
        Grey ink, 255 on 0.

    mask : ndarray of shape (height, width), dtype uint8
        1 where there is ink, 0 elsewhere.

    top, bottom : float
        Rows between which most digits stand.

    slant : float
        Slant that was taken away, in degrees, positive for writing that leans
        to the right.

    scale : float
        Pixels of this image for one of the field.

    field_shape : tuple of (height, width)
        Size of the field.
    """

    ink: Image
    mask: Mask
    top: float
    bottom: float
    slant: float
    scale: float
    field_shape: tuple[int, int]

    @property
    def height(self) -> float:
        """Height of the digits in pixels."""
        return self.bottom - self.top

    @property
    def matrix(self) -> Floats:
        """Affine map of shape (2, 3) from points (x, y) of the field to this image."""
        matrix = _upright_matrix(self.slant, len(self.mask))
        matrix[:, :2] *= self.scale
        return matrix


def find_writing(field: Image) -> Writing | None:
    """Find the ink of a field written without boxes, and undo its slant.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Grey field as scanned, dark ink on lighter paper, plain or patterned.

    Returns
    -------
    writing : Writing or None
        None where there is nothing but paper.

    Raises
    ------
    TypeError
        If `field` is not a uint8 array.

    ValueError
        If `field` is not two-dimensional, or is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.lines.ink import find_writing
    >>> field = np.full((60, 100), 200, dtype=np.uint8)
    >>> find_writing(field) is None
    True
    >>> field[10:50, 40:44] = 60  # a one
    >>> writing = find_writing(field)
    >>> writing.slant, round(writing.height)
    (0.0, 40)
    """
    check_image(field, caller="find_writing")
    largest = min(_LARGEST_SCALE, _TALLEST / len(field))
    scale = min(1.0, largest)
    writing = _find(_rescale(field, scale))
    if writing is None:
        return None
    if not 1 / _TOLERANCE < writing.height / _HEIGHT < _TOLERANCE:
        # A blur of a pixel and pieces of a few suit one size of writing.
        scale = min(scale * _HEIGHT / writing.height, largest)
        writing = _find(_rescale(field, scale))
        if writing is None or writing.height < _LOWEST:
            return None
    return replace(writing, scale=scale, field_shape=field.shape)


def measure_contrast(field: Image, *, blur: float = _BLUR) -> Plane:
    """Measure how much darker each pixel is than the paper around it.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Grey field, dark ink on lighter paper.

    blur : float, default=1.0
        Deviation of the blur against fine patterns, in pixels; 0 keeps hairlines.

    Returns
    -------
    contrast : ndarray of shape (height, width), dtype float32
        Share of the paper's light that is missing, in [0, 1]; the mean of a
        pattern counts as paper.
    """
    reach = max(2.0, _PAPER_SHARE * field.shape[0])
    light = field.astype(np.float32)
    paper = cv2.GaussianBlur(light, (0, 0), reach)
    for _ in range(3):
        weight = (light > (1 - _INK_CONTRAST) * paper).astype(np.float32) + 1e-3
        total = cv2.GaussianBlur(weight, (0, 0), reach)
        paper = cv2.GaussianBlur(light * weight, (0, 0), reach) / total
    blurred = cv2.GaussianBlur(light, (0, 0), blur) if blur else light
    return np.asarray(np.clip(1 - blurred / np.maximum(paper, 1), 0, 1))


def estimate_slant(mask: Mask) -> float:
    """Estimate the slant of writing from its vertical projection.

    At the shear that undoes the slant, upright strokes fall into few columns and
    the squares of the column sums are largest.

    Parameters
    ----------
    mask : ndarray of shape (height, width), dtype uint8
        1 where there is ink, 0 elsewhere.

    Returns
    -------
    slant : float
        In degrees, positive for writing that leans to the right.

    References
    ----------
    .. [1] A. Vinciarelli, J. Luettin, "A new normalization technique for cursive
       handwritten words", Pattern Recognition Letters 22(9), 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.lines.ink import estimate_slant
    >>> estimate_slant(np.eye(40, dtype=np.uint8)[:, ::-1])
    44.0
    """
    ys, xs = np.nonzero(mask)
    if not ys.size:
        return 0.0
    height = mask.shape[0]
    shears = np.tan(np.radians(_SLANTS))
    columns = np.rint(xs + shears[:, None] * ys).astype(np.int64) + height
    energies = np.array([float((np.bincount(c) ** 2.0).sum()) for c in columns])
    return float(_SLANTS[int(np.argmax(_WORTH * energies))])


def _rescale(field: Image, scale: float) -> Image:
    """Scale a field, to no side of less than a few pixels."""
    if scale == 1:
        return field
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = [max(8, round(scale * side)) for side in field.shape[::-1]]
    return np.asarray(cv2.resize(field, size, interpolation=method), dtype=np.uint8)


def _find(field: Image) -> Writing | None:
    """Find the writing at the size it has."""
    contrast = measure_contrast(field)
    threshold = ink_threshold(contrast)
    if threshold is None:
        return None
    mask = (contrast > threshold).view(np.uint8)
    rules = find_ruling(contrast, threshold)
    if rules:
        contrast = np.where(erase_ruling(mask, rules) > 0, np.float32(0), contrast)
        mask = (contrast > threshold).view(np.uint8)
        if not mask.any():
            return None
    level = float(np.median(contrast[mask > 0]))
    ink = np.clip(contrast * (255 / level), 0, 255).astype(np.uint8)
    slant = estimate_slant(mask)
    ink = _upright(ink, slant)
    mask = (ink > 255 * threshold / level).view(np.uint8)
    top, bottom = _band(mask)
    return Writing(ink, mask, top, bottom, slant, 1.0, field.shape)


def ink_threshold(contrast: Plane) -> float | None:
    """Contrast that parts ink from paper; None where there is only paper."""
    levels = np.rint(255 * contrast[contrast > _LEAST_CONTRAST]).astype(np.uint8)
    if not levels.size:
        return None
    threshold, _ = cv2.threshold(levels[:, None], 0, 255, cv2.THRESH_OTSU)
    threshold *= _LENIENCE / 255
    ink = contrast > threshold
    if not ink.any() or ink.all():
        return None
    grain = float(np.sqrt(np.mean(contrast[~ink] ** 2)))
    level = float(np.median(contrast[ink]))
    return threshold if level > max(_FAINTEST, _OVER_GRAIN * grain) else None


def _upright(ink: Image, slant: float) -> Image:
    """Shear an image so that writing of this slant stands upright."""
    height, width = ink.shape
    matrix = _upright_matrix(slant, height)
    margin = abs(matrix[0, 1]) * (height - 1)
    size = (width + int(np.ceil(margin)), height)
    return np.asarray(cv2.warpAffine(ink, matrix, size), dtype=np.uint8)


def _upright_matrix(slant: float, height: int) -> Floats:
    """Affine map that undoes a slant, and lets nothing leave on the left."""
    shear = float(np.tan(np.radians(slant)))
    return np.array([[1, shear, max(0.0, -shear * (height - 1))], [0, 1, 0]])


def _band(mask: Mask) -> tuple[float, float]:
    """Rows between which most digits stand: the middle one of the tall components."""
    stats = find_components(mask).stats
    tops, heights = stats[1:, cv2.CC_STAT_TOP], stats[1:, cv2.CC_STAT_HEIGHT]
    tall = heights >= 0.5 * heights.max(initial=0)
    if not tall.any():
        return 0.0, float(mask.shape[0])
    bottoms = tops + heights
    return float(np.median(tops[tall])), float(np.median(bottoms[tall]))


# Print may be fainter than the pen: this share of the threshold for ink shows it.
_FAINTNESS = 0.7

# A line that is dark over this share of the field is printed if it is thinner than
# this many pixels and the rows so far above or below it are lighter by that much.
# Rows of digits are dark over half of the field at most, and their strokes wider.
_LENGTH = 0.8
_THICKEST = 3.0
_REACH = 5
_LIGHTER = 0.3

# Two pixels of print are blurred to more. Such a line must have hardly any gap: no
# row of digits is dark all along a straight line.
_UNBROKEN = 0.98
_THICKEST_UNBROKEN = 6.0


def find_ruling(contrast: Plane, threshold: float) -> list[Rule]:
    """Find thin straight lines from one side of a field to the other.

    Parameters
    ----------
    contrast : ndarray of shape (height, width), dtype float32
        From :func:`measure_contrast`.

    threshold : float
        Contrast from which on a pixel counts as ink.

    Returns
    -------
    rules : list of Rule
        None where no line spans the field: a wrong line would take strokes
        with it.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.lines.ink import find_ruling
    >>> contrast = np.zeros((40, 100), np.float32)
    >>> contrast[30:32] = 0.5
    >>> [rule.thickness for rule in find_ruling(contrast, 0.3)]
    [2.0]
    """
    weak = (contrast > _FAINTNESS * threshold).view(np.uint8)
    # Lines rise or fall by a pixel or two from one end to the other.
    share = cv2.dilate(weak, np.ones((3, 1), np.uint8)).mean(axis=1)
    around = np.pad(share, _REACH)
    beside = np.maximum(around[: -2 * _REACH], around[2 * _REACH :])
    rows = np.flatnonzero((share > _LENGTH) & (share - beside > _LIGHTER))
    width = contrast.shape[1]
    rules: list[Rule] = []
    for row in sorted(rows.tolist(), key=lambda r: -share[r]):
        if any(abs(row - rule.centre(width / 2)) <= _REACH for rule in rules):
            continue
        rule = trace_rule(weak, row, reach=3, span=(0, width), vertical=False)
        if rule is not None and _is_printed(weak, rule):
            rules.append(rule)
    return rules


def erase_ruling(mask: Mask, rules: list[Rule]) -> Mask:
    """Mark what printed lines leave on a mask of ink, strokes across them aside.

    Parameters
    ----------
    mask : ndarray of shape (height, width), dtype uint8
        1 where there is ink or print.

    rules : list of Rule
        From :func:`find_ruling`.

    Returns
    -------
    print : ndarray of shape (height, width), dtype uint8
        1 on lines where no stroke crosses them.
    """
    covered = cover_rules(mask.shape, rules)
    return covered & ~(erase_rules(mask, rules) & covered)


def _is_printed(weak: Mask, rule: Rule) -> bool:
    """Return whether a line is thin and without long gaps, unlike a row of digits."""
    columns = np.arange(rule.start, rule.stop)
    rows = np.rint(rule.centre(columns)).astype(int)
    # With what is above and below every pixel of the line.
    around = np.clip(np.add(rows, [[-1], [0], [1]]), 0, len(weak) - 1)
    hit = weak[around, columns].any(axis=0)
    unbroken = hit.mean() >= _UNBROKEN
    thickest = _THICKEST_UNBROKEN if unbroken else _THICKEST
    return bool(hit.mean() >= _LENGTH and rule.thickness <= thickest)
