"""Registration of scanned and photographed pages onto a blank page."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any, ClassVar, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from lenet_sklearn.parameters import Interval
from pipelines.images import Image, check_image, check_images
from pipelines.outcomes import ArraysCompare
from pipelines.pages import alignment
from pipelines.pages.alignment import Features, Matrix, detect_features, is_plausible
from pipelines.pages.cleaning import flatten_background

# Share of the blank's printed patches that must lie where they should. Pages
# of the right form reach 0.9 and more, written on, photographed and folded;
# other forms of the same series, with the same corner marks, reach 0.47.
MIN_QUALITY = 0.7

# Features and patches are taken from copies with this longer side: 90 dpi for
# a letter page. Patches are matched to a tenth of their pixels.
_REDUCED_SIDE = 1000
_SMALLEST_SIDE = 48  # in reduced pixels; less holds no form


# Patches of the blank, in reduced pixels: half side, and the grid's spacing.
_PATCH = 16
_SPACING = 40
# Search windows: wide after the features, narrow after the first refinement
# (what is left then is paper that is not flat).
_SEARCHES = (10, 5)

# Which features are tried, one after the other.
FEATURES = ("orb", "sift")


class RegistrationError(ValueError):
    """A page could not be registered onto the blank page."""


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
    def orb(self) -> Features:
        """Features that suffice for most pages."""
        return detect_features(self.reduced, "orb")

    @cached_property
    def sift(self) -> Features:
        """Features that take much longer to find, for the others."""
        return detect_features(self.reduced, "sift")


@dataclass(frozen=True, eq=False)
class Registration(ArraysCompare):
    """Where a blank page's points are on a page.

    Attributes
    ----------
    matrix : ndarray of shape (3, 3), dtype float64
        Homography from ``(x, y)`` on the blank to ``(x, y)`` on the page, in
        pixels between pixel centres; NaN where none was found.

    quality : float
        Share in [0, 1] of the blank's printed patches found where they belong.

    min_quality : float
        Least quality of a registration that may be used.
    """

    matrix: Matrix
    quality: float
    min_quality: float = MIN_QUALITY

    @property
    def is_good(self) -> bool:
        """Whether fields may be cut with this registration."""
        found = bool(np.isfinite(self.matrix).all())
        return found and self.quality >= self.min_quality

    @property
    def reason(self) -> str:
        """Why the registration is not good enough; empty where it is."""
        if self.is_good:
            return ""
        needed = f"{self.min_quality:.0%} are" if self.min_quality else "some is"
        return (
            f"{self.quality:.0%} of the blank page's print was found on the page;"
            f" {needed} needed. Is it a page of this form?"
        )

    def project(self, points: NDArray[Any]) -> Matrix:
        """Map points of the blank onto the page.

        Parameters
        ----------
        points : array of shape (n_points, 2)
            ``(x, y)`` on the blank, in pixels.

        Returns
        -------
        projected : ndarray of shape (n_points, 2), dtype float64
            ``(x, y)`` on the page.
        """
        return alignment.project(self.matrix, np.asarray(points, dtype=np.float64))


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
    patches = alignment.printed_patches(reduced, half=_PATCH, spacing=_SPACING)
    if len(patches) < alignment.FEWEST_MATCHES:
        raise ValueError(
            "prepare_blank expects a blank page with print all over it."
            f" Got {len(patches)} places with enough print to align."
            " Use a form without `blank`, whose fields are looked for."
        )
    return PreparedBlank(blank, reduced, to_reduced, patches)


def register(
    page: Image, blank: PreparedBlank, *, min_quality: float = MIN_QUALITY
) -> Registration:
    """Find where a blank page's points are on a page.

    Features common to both give a first homography; it is refined and judged
    on small patches of print all over the blank. Where ORB's features do not
    suffice, SIFT's are tried.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Scan or photograph, in any direction, in perspective, with desk round it.

    blank : PreparedBlank
        From :func:`prepare_blank`.

    min_quality : float, default=0.7
        Least share of the blank's print to be found on the page.

    Returns
    -------
    registration : Registration
        Not to be used unless its `is_good` is true.

    Raises
    ------
    TypeError
        If `page` is not a uint8 array.

    ValueError
        If `page` is not two-dimensional, or is empty.

    Notes
    -----
    A page that differs from the blank in less than a third of its print, such
    as another page of one booklet, is taken for it; its fields then show that
    their print is missing (`FieldCut.print_found`).

    Examples
    --------
    >>> import cv2, numpy as np
    >>> from pipelines.pages.register import prepare_blank, register
    >>> random = np.random.default_rng(0)
    >>> blank = np.full((600, 500), 255, dtype=np.uint8)
    >>> for x, y in random.integers(20, 480, size=(300, 2)).tolist():
    ...     _ = cv2.rectangle(blank, (x, y), (x + y % 17, y + x % 13), 0, -1)
    >>> page = cv2.rotate(blank, cv2.ROTATE_180)
    >>> found = register(page, prepare_blank(blank))
    >>> found.is_good, found.project([[0, 0]]).round().tolist()
    (True, [[499.0, 599.0]])
    """
    check_image(page, caller="register")
    return register_prepared(prepare_page(page), blank, min_quality=min_quality)


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


def register_prepared(
    page: PreparedPage,
    blank: PreparedBlank,
    *,
    min_quality: float = MIN_QUALITY,
    kinds: Sequence[str] = FEATURES,
) -> Registration:
    """Find where a blank page's points are on a page that is prepared.

    Parameters
    ----------
    page : PreparedPage
        From :func:`prepare_page`.

    blank : PreparedBlank
        From :func:`prepare_blank`.

    min_quality : float, default=0.7
        Least share of the blank's print to be found on the page.

    kinds : sequence of {"orb", "sift"}, default=("orb", "sift")
        Which features to try, one after the other.

    Returns
    -------
    registration : Registration
        As of :func:`register`.
    """
    best, quality = np.full((3, 3), np.nan), 0.0
    if min(page.reduced.shape) >= _SMALLEST_SIDE:
        for kind in kinds:
            first = alignment.match_features(getattr(blank, kind), getattr(page, kind))
            if first is not None and is_plausible(first, blank.reduced, page.reduced):
                matrix, share = _refine(first, blank, page.reduced)
                if share > quality:
                    best, quality = matrix, share
            if 0 < quality >= min_quality:
                break
    matrix = np.linalg.inv(page.to_reduced) @ best @ blank.to_reduced
    return Registration(matrix / matrix[2, 2], quality, min_quality)


def score_print(
    page: PreparedPage, blank: PreparedBlank, registration: Registration
) -> Matrix:
    """Tell how well each patch of a blank's print is seen on a page.

    Parameters
    ----------
    page : PreparedPage
        From :func:`prepare_page`.

    blank : PreparedBlank
        From :func:`prepare_blank`.

    registration : Registration
        Where the blank is on the page.

    Returns
    -------
    scores : ndarray of shape (n_patches,), dtype float64
        For each of `blank.patches` how well it correlates with the page, at most 1; 0
        where there is no registration.
    """
    if not np.isfinite(registration.matrix).all():
        return np.zeros(len(blank.patches))
    to_page = registration.matrix @ np.linalg.inv(blank.to_reduced)
    straight = alignment.warp_image(
        page.reduced, page.to_reduced @ to_page, blank.reduced.shape
    )
    return alignment.correlate_patches(
        blank.reduced, straight, blank.patches, half=_PATCH, search=_SEARCHES[-1]
    )[1]


class PageRegistrar(TransformerMixin, BaseEstimator):
    """Bring pages into the frame of a blank page.

    Parameters
    ----------
    blank : ndarray of shape (height, width), dtype uint8
        The blank page. Required by :meth:`fit`.

    min_quality : float, default=0.7
        Least share of the blank's print to be found on a page.

    Attributes
    ----------
    prepared_ : PreparedBlank
        The blank's features.

    See Also
    --------
    register : The registration alone, which reports failure as data.

    Notes
    -----
    A page that cannot be registered raises :class:`RegistrationError`: a page
    in its place, white or as it came, would be read as if it were the form.
    For batches in which a page may fail, use :func:`register`.

    Examples
    --------
    >>> import cv2, numpy as np
    >>> from pipelines.pages.register import PageRegistrar
    >>> random = np.random.default_rng(0)
    >>> blank = np.full((600, 500), 255, dtype=np.uint8)
    >>> for x, y in random.integers(20, 480, size=(300, 2)).tolist():
    ...     _ = cv2.rectangle(blank, (x, y), (x + y % 17, y + x % 13), 0, -1)
    >>> sideways = cv2.rotate(blank, cv2.ROTATE_90_CLOCKWISE)
    >>> [page] = PageRegistrar(blank=blank).fit_transform([sideways])
    >>> bool(np.mean(cv2.absdiff(page, blank) < 30) > 0.95)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "blank": [np.ndarray, None],
        "min_quality": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self, *, blank: Image | None = None, min_quality: float = MIN_QUALITY
    ) -> None:
        self.blank = blank
        self.min_quality = min_quality

    def fit(self, X: Sequence[Image], y: object = None) -> Self:
        """Find the features of the blank page; nothing is learned from `X`.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Grey pages. Their sizes may differ.

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : PageRegistrar
            The fitted transformer.
        """
        self._validate_params()
        if self.blank is None:
            raise ValueError(
                "PageRegistrar expects the blank page that pages are registered"
                " onto. Got blank=None. Pass PageRegistrar(blank=image)."
            )
        self.prepared_ = prepare_blank(self.blank)
        return self

    def transform(self, X: Sequence[Image]) -> list[Image]:
        """Bring every page of `X` into the blank's frame.

        Parameters
        ----------
        X : sequence of n_samples ndarrays of shape (height, width), dtype uint8
            Grey pages. Their sizes may differ.

        Returns
        -------
        X_registered : list of n_samples ndarrays
            The pages, each of the blank's shape; white where a page ends.

        Raises
        ------
        RegistrationError
            If a page cannot be registered.
        """
        check_is_fitted(self)
        pages = check_images(X, caller=type(self).__name__)
        return [self._registered(index, page) for index, page in enumerate(pages)]

    def _registered(self, index: int, page: Image) -> Image:
        found = register(page, self.prepared_, min_quality=self.min_quality)
        if not found.is_good:
            raise RegistrationError(f"Sample {index}: PageRegistrar: {found.reason}")
        return alignment.warp_image(page, found.matrix, self.prepared_.image.shape)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


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


def _refine(matrix: Matrix, blank: PreparedBlank, page: Image) -> tuple[Matrix, float]:
    """Homography fitted to patches of print, and the share of them found."""
    share = 0.0
    for search in _SEARCHES:
        straight = alignment.warp_image(page, matrix, blank.reduced.shape)
        shifts, found = alignment.match_patches(
            blank.reduced, straight, blank.patches, half=_PATCH, search=search
        )
        share = float(found.mean())
        if found.sum() < alignment.FEWEST_MATCHES:
            break
        source = blank.patches[found].astype(np.float64)
        target = alignment.project(matrix, source + shifts[found])
        refined = alignment.fit_homography(source, target, tolerance=1.0)
        if refined is None or not is_plausible(refined, blank.reduced, page):
            break
        matrix = refined
    return matrix, share
