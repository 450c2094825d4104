"""Uneven light, paper tone and lone specks, taken out of pages and fields."""

from numbers import Integral
from typing import Any, ClassVar

import cv2
import numpy as np

from lenet_sklearn.parameters import Interval
from pipelines.images import Image, StatelessTransformer, check_image

# Light changes over centimetres: an eighth of a 200 dpi page still has 25
# samples an inch, and makes the paper 64 times cheaper to estimate. Images
# smaller than 32 reduced pixels across are reduced less.
_LARGEST_REDUCTION = 8
_SHORTEST_REDUCED_SIDE = 32

# What is wider than the kernel counts as paper. A fifteenth of a page's width
# is 14 mm, more than bold headings and marks; half the height of a field image
# is more than any stroke in it. 64 pixels part the two rules: the width of a
# heavy mark at 400 dpi.
_PAGE_SHARE = 1 / 15
_FIELD_SHARE = 1 / 2
_FIELD_KERNEL = 64

# Light in a photograph rarely falls to less than this share of its brightest;
# what is darker over a whole kernel is a black area, and stays dark.
_DARKEST_PAPER = 0.3


def flatten_background(image: Image, *, kernel_size: int | None = None) -> Image:
    """Divide an image by the paper under its ink, so that paper becomes white.

    The paper is estimated on a reduced copy by a grey-scale closing, which
    fills every dark mark narrower than the kernel with the paper beside it.

    Parameters
    ----------
    image : ndarray of shape (height, width), dtype uint8
        Grey page or field image, dark ink on lighter paper.

    kernel_size : int, default=None
        Side of the closing's kernel in pixels: dark areas wider than this in
        both directions are taken for paper. By default a fifteenth of a
        page's shorter side, and half the height of a field image.

    Returns
    -------
    flattened : ndarray of shape (height, width), dtype uint8
        Paper near 255; ink at 255 times its share of the paper's brightness.

    Raises
    ------
    TypeError
        If `image` is not a uint8 array.

    ValueError
        If `image` is not two-dimensional, or is empty.

    Notes
    -----
    Areas darker than 0.3 times the brightest paper are never taken for paper:
    a desk darker than that stays dark round a photographed page.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.pages.cleaning import flatten_background
    >>> field = np.tile(np.linspace(120, 220, 300).astype(np.uint8), (60, 1))
    >>> field[20:40, 100:104] //= 2  # a stroke of half the paper's brightness
    >>> flat = flatten_background(field)
    >>> bool(flat[5].min() > 240), bool(120 < flat[30, 102] < 135)
    (True, True)
    """
    check_image(image, caller="flatten_background")
    paper = cv2.resize(_reduced_paper(image, kernel_size), image.shape[::-1])
    return np.asarray(cv2.divide(image, paper, scale=255), dtype=np.uint8)


# Ink is darker than the paper by this share: faint pencil, and writing that shines
# through from the other side. A page with that is not called empty.
_LEAST_CONTRAST = 0.08

# Parts of a page's longer side: a mark of 0.9 mm on A4 paper is no dust.
_LARGEST_SPECK = 1 / 340
_MOST_SPECKS = 100

# What begins as near to an edge as 1.5 mm on A4 paper is the scanner's shadow, if it
# covers no more than this share of the page.
_EDGE = 1 / 200
_MOST_AT_EDGE = 0.1

# An image with a shorter side than this is no page.
_LEAST_SIDE = 200

# The grey below which most of a scan is dark.
_DARK = 100


def is_empty_page(page: Image) -> bool:
    """Return whether there is next to no ink on a page.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page, dark ink on light paper.

    Returns
    -------
    is_empty : bool
        True where there is nothing but dust and shadows at the edges. A single stroke
        of a pen, a punched hole or what shines through from the other side makes it
        False.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.pages.cleaning import is_empty_page
    >>> page = np.full((1170, 827), 240, np.uint8)
    >>> is_empty_page(page)
    True
    >>> page[500:510, 300:302] = 180
    >>> is_empty_page(page)
    False
    """
    if min(page.shape) < _LEAST_SIDE:
        return False
    smooth = cv2.medianBlur(flatten_background(page), 3)
    ink = (smooth < 255 * (1 - _LEAST_CONTRAST)).astype(np.uint8)
    stats = cv2.connectedComponentsWithStats(ink)[2][1:]  # the first is the paper
    left, top, width, height, area = stats.T
    reach = max(page.shape) * _EDGE
    right, bottom = page.shape[1] - left - width, page.shape[0] - top - height
    at_edge = np.minimum.reduce([left, top, right, bottom]) < reach
    inner = np.maximum(width, height)[~at_edge]
    return bool(
        area[at_edge].sum() <= _MOST_AT_EDGE * page.size
        and inner.size <= _MOST_SPECKS
        and inner.max(initial=0) <= max(page.shape) * _LARGEST_SPECK
    )


def is_light_on_dark(image: Image) -> bool:
    """Return whether most of an image is dark, and some of it is light.

    Parameters
    ----------
    image : ndarray of shape (height, width), dtype uint8
        Grey page or field.

    Returns
    -------
    is_light_on_dark : bool
        True of what is written white on black, or was inverted.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.pages.cleaning import is_light_on_dark
    >>> field = np.full((60, 200), 250, np.uint8)
    >>> field[10:50, 90:100] = 30
    >>> is_light_on_dark(field), is_light_on_dark(255 - field)
    (False, True)
    """
    few = image[:: max(1, len(image) // 500), :: max(1, image.shape[1] // 500)]
    middle, light = np.percentile(few, [50, 99])
    return bool(middle < _DARK and light - middle > _DARK / 2)


class BackgroundFlattener(StatelessTransformer):
    """Make the paper of pages or field images white, whatever the light was.

    Parameters
    ----------
    kernel_size : int, default=None
        Side of the closing's kernel in pixels; by default a fifteenth of a
        page's shorter side, and half the height of a field image.

    See Also
    --------
    flatten_background : Equivalent function for one image.

    Notes
    -----
    This estimator is :term:`stateless` and does not need to be fitted.
    :meth:`fit` only validates the parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.pages.cleaning import BackgroundFlattener
    >>> grey_paper = np.full((60, 90), 180, dtype=np.uint8)
    >>> [flat] = BackgroundFlattener().fit_transform([grey_paper])
    >>> int(flat.min())
    255
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "kernel_size": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(self, *, kernel_size: int | None = None) -> None:
        self.kernel_size = kernel_size

    def _transform_one(self, image: Image) -> Image:
        return flatten_background(image, kernel_size=self.kernel_size)


def _reduced_paper(image: Image, kernel_size: int | None) -> Image:
    """Brightness of the paper, ink filled in, on a reduced copy of the image."""
    shorter = min(image.shape)
    step = int(np.clip(shorter // _SHORTEST_REDUCED_SIDE, 1, _LARGEST_REDUCTION))
    size = tuple(-(-side // step) for side in image.shape[::-1])
    reduced = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    # The closing keeps the brightest pixel within its reach: specks and grain
    # must be gone first.
    reduced = cv2.medianBlur(reduced, 3)
    side = max(3, round((kernel_size or _default_kernel(shorter)) / step)) | 1
    kernel = np.ones((side, side), dtype=np.uint8)
    paper = cv2.morphologyEx(reduced, cv2.MORPH_CLOSE, kernel)
    paper = cv2.blur(paper, (side, side), borderType=cv2.BORDER_REPLICATE)
    darkest = max(1, round(_DARKEST_PAPER * int(paper.max())))
    return np.asarray(np.maximum(paper, darkest), dtype=np.uint8)


def _default_kernel(shorter: int) -> int:
    """Kernel in pixels for an image with this shorter side."""
    page_kernel = max(_FIELD_KERNEL, _PAGE_SHARE * shorter)
    return round(min(_FIELD_SHARE * shorter, page_kernel))


# More than the grain of paper, less than the faintest pencil.
_CONTRAST = 24

_NEIGHBOURS = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)


def despeckle(image: Image, *, contrast: int = _CONTRAST) -> Image:
    """Replace pixels that are darker or lighter than all their neighbours.

    Strokes keep every pixel, even where they are one pixel wide: only what
    stands alone among its eight neighbours is noise. A median filter would
    take thin strokes away with it.

    Parameters
    ----------
    image : ndarray of shape (height, width), dtype uint8
        Grey image.

    contrast : int, default=24
        A pixel is a speckle if it stands out from all its neighbours by more grey
        levels than this.

    Returns
    -------
    cleaned : ndarray of shape (height, width), dtype uint8
        Lone pixels have the value of their nearest neighbour in grey.

    Raises
    ------
    TypeError
        If `image` is not a uint8 array.

    ValueError
        If `image` is not two-dimensional, or is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines import despeckle
    >>> image = np.full((5, 9), 255, dtype=np.uint8)
    >>> image[2, 2] = 0  # pepper
    >>> image[:, 6] = 0  # a stroke
    >>> [int(n) for n in (despeckle(image) == 0).sum(axis=0)]
    [0, 0, 0, 0, 0, 0, 5, 0, 0]
    """
    check_image(image, caller="despeckle")
    darkest = cv2.erode(image, _NEIGHBOURS)
    lightest = cv2.dilate(image, _NEIGHBOURS)
    pepper = cv2.subtract(darkest, image) > contrast
    salt = cv2.subtract(image, lightest) > contrast
    return np.where(pepper, darkest, np.where(salt, lightest, image))


class Despeckler(StatelessTransformer):
    """Take lone dark and light pixels out of images.

    Parameters
    ----------
    contrast : int, default=24
        A pixel is a speckle if it stands out from all its neighbours by more grey
        levels than this: more than the grain of paper, less than the faintest pencil.

    See Also
    --------
    despeckle : Equivalent function for one image.

    Notes
    -----
    This estimator is :term:`stateless` and does not need to be fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines import Despeckler
    >>> image = np.full((5, 9), 255, dtype=np.uint8)
    >>> image[2, 2] = 0
    >>> int(Despeckler().fit_transform([image])[0].min())
    255
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "contrast": [Interval(Integral, 0, 255, closed="both")],
    }

    def __init__(self, *, contrast: int = _CONTRAST) -> None:
        self.contrast = contrast

    def _transform_one(self, image: Image) -> Image:
        return despeckle(image, contrast=self.contrast)
