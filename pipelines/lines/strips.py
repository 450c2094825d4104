"""Turn the image of a field into a strip of even height, ink bright on black."""

from numbers import Integral
from typing import Any, ClassVar, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.parameters import Interval
from pipelines.images import Image, StatelessTransformer, check_image

# The height a strip has by default; the network's layers are laid out for it.
LINE_HEIGHT: Final = 32

# Paper is estimated on a copy of at most this many rows: twice the strip's.
_WORKING_HEIGHT: Final = 64

# Lower fields hold no digits. They would be stretched to thousands of columns.
_LEAST_ROWS: Final = 8

# Strokes narrower than this share of the height count as ink; a felt tip in a
# tightly cut field takes a sixth.
_STROKE_SHARE: Final = 0.45

# Ink that takes away this share of the light is brought to half of white. Fainter
# ink is raised by less, so that bare paper is not raised to writing: printed
# patterns take a tenth to a seventh, pencil a quarter, ball pens half.
_FAINT: Final = 0.22

# The darkest share of the pixels the ink's level is read from. A single figure in a
# wide field covers about a hundredth.
_DARKEST: Final = 0.006

# Writing lower than this share of the field is cut out, with paper above and below
# it of a fifth of its own height. Higher writing is left as the user cut it: the
# edge of the band is never certain.
_LOW: Final = 0.5
_PAPER_SHARE: Final = 0.2

# Rows with this share of ink are a ruling line. Writing has less than half.
_RULE: Final = 0.6

# Writing has this many dark pixels for each row of the field, or it is a speck.
_LEAST_INK: Final = 0.5


def normalize_line(field: Image, *, height: int = LINE_HEIGHT) -> Image:
    """Turn the image of a field into a strip of even height.

    The light and the paper's own grey are divided out, what the paper's pattern
    takes away is subtracted, the ink is brought to one level, and the field is
    scaled to `height`, its proportions kept. This is where polarity changes: a
    field has dark ink on light paper, a strip has bright ink on 0. Grey is kept.

    Parameters
    ----------
    field : ndarray of shape (n_rows, n_columns), dtype uint8
        Grey field image of any size, dark ink on lighter paper.

    height : int, default=32
        Height of the strip in pixels.

    Returns
    -------
    strip : ndarray of shape (height, width), dtype uint8
        Ink near 255, paper near 0. Ink fainter than pencil comes out grey, an
        empty field comes out dark.

    Raises
    ------
    TypeError
        If `field` is not a uint8 array.

    ValueError
        If `field` is not two-dimensional, or is empty.

    Notes
    -----
    The writing is looked for only to cut off paper above and below it, and only
    where it fills less than half of the height.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.lines.strips import normalize_line
    >>> field = np.full((64, 200), 170, dtype=np.uint8)
    >>> field[12:52, 100:104] = 90
    >>> strip = normalize_line(field)
    >>> strip.shape, int(strip[:, 10].max()), bool(strip[16, 50:52].max() > 180)
    ((32, 100), 0, True)
    """
    check_image(field, caller="normalize_line")
    if len(field) < _LEAST_ROWS:
        rows = _LEAST_ROWS - len(field)
        field = cv2.copyMakeBorder(field, rows, 0, 0, 0, cv2.BORDER_REPLICATE)
    ink, level = _ink_of(field)
    top, stop = _writing_band(ink, level)
    if stop - top < len(ink):
        step = len(field) / len(ink)
        field = field[int(top * step) : round(stop * step)]
        ink, level = _ink_of(field)
    ink = cv2.convertScaleAbs(ink, alpha=_gain(level))
    return _resize(ink, height, round(height * field.shape[1] / len(field)))


class LineNormalizer(StatelessTransformer):
    """Turn images of fields into strips of even height, ink bright on black.

    Parameters
    ----------
    height : int, default=32
        Height of the strips in pixels.

    See Also
    --------
    normalize_line : Equivalent function for one field.

    Notes
    -----
    This estimator is :term:`stateless` and does not need to be fitted.
    :meth:`fit` only validates the parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines import LineNormalizer
    >>> field = np.full((64, 200), 170, dtype=np.uint8)
    >>> [strip] = LineNormalizer().fit_transform([field])
    >>> strip.shape, int(strip.max())
    ((32, 100), 0)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "height": [Interval(Integral, 8, None, closed="left")],
    }

    def __init__(self, *, height: int = LINE_HEIGHT) -> None:
        self.height = height

    def _transform_one(self, image: Image) -> Image:
        return normalize_line(image, height=self.height)


def _resize(image: Image, height: int, width: int) -> Image:
    method = cv2.INTER_AREA if len(image) > height else cv2.INTER_LINEAR
    size = (max(1, width), height)
    return np.asarray(cv2.resize(image, size, interpolation=method), dtype=np.uint8)


def _ink_of(field: Image) -> tuple[Image, int]:
    """Share of the light that pixels lack above the paper's own, and that of ink."""
    if len(field) > _WORKING_HEIGHT:
        width = round(_WORKING_HEIGHT * field.shape[1] / len(field))
        field = _resize(field, _WORKING_HEIGHT, width)
    side = max(3, round(_STROKE_SHARE * len(field))) | 1
    smooth = cv2.blur(field, (3, 3))
    paper = cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    paper = cv2.blur(paper, (side, side))
    light = cv2.divide(field, paper, scale=255)
    ink = cv2.bitwise_not(light)
    # Half of the paper lacks less than the median, and as much as its spread above
    # it is still paper.
    low, middle = _quantiles(ink, (0.2, 0.5))
    ink = np.asarray(cv2.subtract(ink, float(2 * middle - low)), dtype=np.uint8)
    return ink, int(_quantiles(ink, (1 - _DARKEST,))[0])


def _quantiles(image: Image, shares: tuple[float, ...]) -> NDArray[np.intp]:
    """Grey values that these shares of the pixels do not exceed."""
    counts = np.bincount(image.ravel(), minlength=256)
    return np.searchsorted(np.cumsum(counts), np.array(shares) * image.size)


def _gain(level: float) -> float:
    """Factor to full contrast; gentle where the level is that of paper.

    It brings the level x to 255 x^2 / (x^2 + f^2), as Wiener's filter weighs a
    signal of deviation x in noise of deviation f.
    """
    return 255 * level / (level**2 + (255 * _FAINT) ** 2)


def _writing_band(ink: Image, level: int) -> tuple[int, int]:
    """First and last row of low writing with paper round it, else of the field."""
    height = len(ink)
    rows = (ink > max(level // 3, 1)).sum(axis=1)
    # A ruling line is no writing, whatever its weight; nor are its grey edges.
    rule = (rows > _RULE * ink.shape[1]).astype(np.uint8)
    rows[cv2.dilate(rule, np.ones((5, 5), np.uint8)).ravel() > 0] = 0
    total = np.cumsum(rows)
    if total[-1] < _LEAST_INK * height:
        return 0, height
    first, last = np.searchsorted(total, np.array([0.03, 0.97]) * total[-1])
    if last + 1 - first > _LOW * height:
        return 0, height
    margin = max(2, round(_PAPER_SHARE * (last + 1 - first)))
    return max(0, int(first) - margin), min(height, int(last) + 1 + margin)
