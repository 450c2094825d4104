"""Pages and blank pages made ready to be registered: reduced, with their features."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image, check_image
from pipelines.outcomes import ArraysCompare
from pipelines.pages import alignment
from pipelines.pages.alignment import Features, Matrix, detect_features
from pipelines.pages.cleaning import flatten_background
from pipelines.pages.surface import FARTHEST

# Features and patches are taken from copies with this longer side: 90 dpi for
# a letter page. Patches are matched to a tenth of their pixels.
_REDUCED_SIDE = 1000
_SMALLEST_SIDE = 48  # in reduced pixels; less holds no form

# Patches of the blank, in reduced pixels: half side, and the grid's spacing.
PATCH = 16
SPACING = 40

# A patch that correlates as well with other print near it may lie there instead.
_LOOKALIKE = 0.75


@dataclass(frozen=True, eq=False)
class PreparedPage(ArraysCompare):
    """What is known of a page before it is registered.

    Attributes
    ----------
    reduced : ndarray of shape (reduced height, reduced width), dtype uint8
        A reduced copy on white paper.

    to_reduced : ndarray of shape (3, 3), dtype float64
        Maps ``(x, y)`` of the page onto `reduced`.

    orb, sift : tuples of (points, descriptors)
        As of :class:`PreparedBlank`.
    """

    reduced: Image
    to_reduced: Matrix

    @property
    def is_large_enough(self) -> bool:
        """Whether a form could be on it."""
        return min(self.reduced.shape) >= _SMALLEST_SIDE

    @cached_property
    def orb(self) -> Features:
        """Features that suffice for most pages."""
        return detect_features(self.reduced, "orb")

    @cached_property
    def sift(self) -> Features:
        """Features that take much longer to find, for the others."""
        return detect_features(self.reduced, "sift")


@dataclass(frozen=True, eq=False)
class PreparedBlank(ArraysCompare):
    """What is known of a blank page before any filled page is seen.

    Attributes
    ----------
    image : ndarray of shape (height, width), dtype uint8
        The blank page.

    reduced : ndarray of shape (reduced height, reduced width), dtype uint8
        A reduced copy on white paper.

    to_reduced : ndarray of shape (3, 3), dtype float64
        Maps ``(x, y)`` of `image` onto `reduced`.

    patches : ndarray of shape (n_patches, 2), dtype intp
        Centres ``(x, y)`` in `reduced` of well-structured patches of print,
        spread over the page.

    orb, sift : tuples of (points, descriptors)
        ORB features [1]_ and SIFT features [2]_ of `reduced`, found when they are
        first asked for: points of shape (n_features, 2), descriptors of shape
        (n_features, length).

    References
    ----------
    .. [1] E. Rublee et al., "ORB: an efficient alternative to SIFT or SURF",
       Proc. ICCV, 2011.
    .. [2] D. G. Lowe, "Distinctive image features from scale-invariant
       keypoints", Int. J. of Computer Vision 60(2), 2004.
    """

    image: Image
    reduced: Image
    to_reduced: Matrix
    patches: NDArray[np.intp]

    @cached_property
    def distinct(self) -> NDArray[np.bool_]:
        """Which patches look like no print near them, so that they tell the place."""
        reach = round(FARTHEST * max(self.reduced.shape))
        alike = alignment.correlate_patches(
            self.reduced, self.reduced, self.patches, half=PATCH, search=reach
        )
        itself = slice(reach - PATCH // 2, reach + PATCH // 2 + 1)
        alike[:, itself, itself] = 0
        return np.asarray(alike.max(axis=(1, 2)) < _LOOKALIKE)

    @cached_property
    def orb(self) -> Features:
        """Features that suffice for most pages."""
        return detect_features(self.reduced, "orb")

    @cached_property
    def sift(self) -> Features:
        """Features that take much longer to find, for the others."""
        return detect_features(self.reduced, "sift")


def prepare_blank(blank: Image) -> PreparedBlank:
    """Find the features and patches of a blank page, once for many pages.

    Parameters
    ----------
    blank : ndarray of shape (height, width), dtype uint8
        The blank page, upright, without desk around it.

    Returns
    -------
    prepared : PreparedBlank
        Can be pickled; takes about a megabyte more than the blank itself.

    Raises
    ------
    TypeError
        If `blank` is not a uint8 array.

    ValueError
        If `blank` is not two-dimensional, is empty, or has too little print
        on it for pages to be registered.
    """
    check_image(blank, caller="prepare_blank")
    reduced, to_reduced = _reduce(blank)
    patches = alignment.printed_patches(reduced, half=PATCH, spacing=SPACING)
    if len(patches) < alignment.FEWEST_MATCHES:
        raise ValueError(
            "prepare_blank expects a blank page with print all over it."
            f" Got {len(patches)} places with enough print to align."
            " Use a form without `blank`, whose fields are looked for."
        )
    return PreparedBlank(blank, reduced, to_reduced, patches)


def prepare_page(page: Image) -> PreparedPage:
    """Reduce a page, once for all blank pages that it may be registered onto.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        As for :func:`register`.

    Returns
    -------
    prepared : PreparedPage
    """
    return PreparedPage(*_reduce(page))


def _reduce(image: Image) -> tuple[Image, Matrix]:
    """Reduced copy on white paper, and the matrix from the image onto it."""
    scale = min(1.0, _REDUCED_SIDE / max(image.shape))
    height, width = (max(1, round(scale * side)) for side in image.shape)
    reduced = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    x_scale, y_scale = width / image.shape[1], height / image.shape[0]
    # Pixel centres: the middle of the first pixel is at (0, 0) in both.
    to_reduced = np.array(
        [[x_scale, 0, x_scale / 2 - 0.5], [0, y_scale, y_scale / 2 - 0.5], [0, 0, 1]]
    )
    return flatten_background(np.asarray(reduced, dtype=np.uint8)), to_reduced
