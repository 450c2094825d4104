"""Scale and centre digits as MNIST has them."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.parameters import Interval
from pipelines.images import Image, StatelessTransformer, check_image

# MNIST's own measures: images of 28 x 28, digits in a box of 20 x 20.
_SIZE = 28
GLYPH_SHAPE: Final = (_SIZE, _SIZE)
_BOX = 20

# Strokes of MNIST are 2 to 3 pixels wide. Bringing thin ones up to a little less
# leaves small loops open.
_STROKE_WIDTH = 1.75


def normalize_glyph(
    piece: Image, *, box_size: int = _BOX, stroke_width: float = _STROKE_WIDTH
) -> Image:
    """Turn a piece of a field into a glyph as MNIST has them.

    The ink is scaled so that its longer side is `box_size` pixels, and centred
    by its mass in an image of 28 x 28 [1]_. This is where polarity changes: a
    piece has dark ink on light paper, a glyph has ink 255 on 0.

    Parameters
    ----------
    piece : ndarray of shape (height, width), dtype uint8
        One digit, dark ink on white paper (255), nothing else.

    box_size : int, default=20
        Longer side of the digit in the glyph, in pixels.

    stroke_width : float, default=1.75
        Strokes that come out thinner than this, in pixels of the glyph, are
        thickened. Digits of MNIST have strokes of 2 to 3 pixels, a ball pen in
        large boxes gives less than one.

    Returns
    -------
    glyph : ndarray of shape (28, 28), dtype uint8
        All zero for a piece without ink.

    Raises
    ------
    TypeError
        If `piece` is not a uint8 array.

    ValueError
        If `piece` is not two-dimensional, or is empty.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), 1998, section III.A.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.glyphs.normalize import normalize_glyph
    >>> piece = np.full((100, 60), 255, dtype=np.uint8)
    >>> piece[10:90, 20:28] = 0
    >>> rows, columns = np.nonzero(normalize_glyph(piece))
    >>> int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
    (20, 2)
    """
    check_image(piece, caller="normalize_glyph")
    ink = _crop(cv2.bitwise_not(piece))
    if ink is None:
        return np.zeros((_SIZE, _SIZE), np.uint8)
    scale = box_size / max(ink.shape)
    if stroke_width:
        ink = _thicken(ink, stroke_width / scale)
        scale = box_size / max(ink.shape)
    size = [max(1, round(scale * side)) for side in ink.shape[::-1]]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return _centred(cv2.resize(ink, size, interpolation=method))


class GlyphNormalizer(StatelessTransformer):
    """Scale and centre digits as MNIST has them.

    Parameters
    ----------
    box_size : int, default=20
        Longer side of the digit in the glyph, in pixels.

    stroke_width : float, default=1.75
        Strokes that come out thinner than this, in pixels of the glyph, are
        thickened.

    See Also
    --------
    normalize_glyph : Equivalent function for one piece.

    Notes
    -----
    This estimator is :term:`stateless` and does not need to be fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines import GlyphNormalizer
    >>> piece = np.full((100, 60), 255, dtype=np.uint8)
    >>> piece[10:90, 20:28] = 0
    >>> GlyphNormalizer().fit_transform([piece]).shape
    (1, 28, 28)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "box_size": [Interval(Integral, 1, _SIZE, closed="both")],
        "stroke_width": [Interval(Real, 0, _SIZE, closed="both")],
    }

    _is_kept: ClassVar[bool] = False

    def __init__(
        self, *, box_size: int = _BOX, stroke_width: float = _STROKE_WIDTH
    ) -> None:
        self.box_size = box_size
        self.stroke_width = stroke_width

    def transform(self, X: Sequence[Image]) -> NDArray[np.uint8]:
        """Normalise every piece of `X`.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Pieces, one digit each, dark ink on white paper.

        Returns
        -------
        glyphs : ndarray of shape (n_samples, 28, 28), dtype uint8
            Ink 255 on 0.
        """
        glyphs = super().transform(X)
        return np.array(glyphs, dtype=np.uint8).reshape(-1, _SIZE, _SIZE)

    def _transform_one(self, image: Image) -> Image:
        return normalize_glyph(
            image, box_size=self.box_size, stroke_width=self.stroke_width
        )


def _crop(ink: Image) -> Image | None:
    """Cut off what has no ink; None if nothing is left."""
    # Grey fringes do not count as extent: half the ink's own darkness does.
    left, top, width, height = cv2.boundingRect(
        (ink > max(int(ink.max()) // 2, 1)).view(np.uint8)
    )
    return ink[top : top + height, left : left + width] if width else None


def _thicken(ink: Image, wanted: float) -> Image:
    """Dilate strokes that are thinner than `wanted` pixels."""
    mask = (ink > 127).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    # A stroke of length l and width w has area l w and perimeter 2 l.
    outline = sum(cv2.arcLength(contour, True) for contour in contours)
    width = 2 * float(mask.sum()) / max(outline, 1.0) + 1
    missing = round(wanted - width)
    if missing < 1:
        return ink
    pad = missing // 2 + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (missing + 1, missing + 1))
    padded = cv2.copyMakeBorder(ink, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=0)
    return cv2.dilate(padded, disc)


def _centred(digit: Image) -> Image:
    """Place a digit so that its centre of mass is the centre of the glyph."""
    glyph = np.zeros((_SIZE, _SIZE), np.uint8)
    if not digit.any():  # specks far apart fade when they are shrunk
        return glyph
    moments = cv2.moments(digit)
    centre = (_SIZE - 1) / 2
    height, width = digit.shape
    # Whole pixels, as in MNIST: interpolation would blur the strokes.
    left = round(centre - moments["m10"] / moments["m00"])
    top = round(centre - moments["m01"] / moments["m00"])
    left = min(max(left, 0), _SIZE - width)
    top = min(max(top, 0), _SIZE - height)
    glyph[top : top + height, left : left + width] = digit
    return glyph
