"""Registration of scanned and photographed pages onto a blank page."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from lenet_sklearn.parameters import Interval
from pipelines.images import Image, check_image, check_images
from pipelines.pages import alignment
from pipelines.pages.alignment import Matrix
from pipelines.pages.placement import MIN_QUALITY, Registration, Sheet
from pipelines.pages.prepared import (
    PATCH,
    PreparedBlank,
    PreparedPage,
    prepare_blank,
    prepare_page,
)
from pipelines.pages.sheets import (
    NOWHERE,
    SEARCHES,
    SheetFit,
    fit_flat,
    fit_sheet,
    is_in_picture,
)
from pipelines.pages.surface import Surface, flat_surface, straighten


class RegistrationError(ValueError):
    """A page could not be registered onto the blank page."""


def register(
    page: Image, blank: PreparedBlank, *, min_quality: float = MIN_QUALITY
) -> Registration:
    """Find where a blank page's points are on a page.

    Features common to both give a first homography; it is refined and judged
    on small patches of print all over the blank. Where that does not explain the
    page, paper that bends and blocks that another edition has elsewhere are
    looked for. Where ORB's features do not suffice, SIFT's are tried.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Scan or photograph, in any direction, in perspective, with desk round it.

    blank : PreparedBlank
        From :func:`prepare_blank`.

    min_quality : float, default=0.6
        Least share of the blank's print to be found on the page, of what the
        picture has room for.

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
    A page that differs from the blank in less than two fifths of its print, such
    as another page of one booklet, is taken for it; its fields then show that
    their print is missing (`FieldCut.print_found`).

    Examples
    --------
    >>> import cv2, numpy as np
    >>> from pipelines import prepare_blank, register
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


def register_prepared(
    page: PreparedPage, blank: PreparedBlank, *, min_quality: float = MIN_QUALITY
) -> Registration:
    """Find where a blank page's points are on a page that is prepared.

    Parameters
    ----------
    page : PreparedPage
        From :func:`prepare_page`.

    blank : PreparedBlank
        From :func:`prepare_blank`.

    min_quality : float, default=0.6
        Least share of the blank's print to be found on the page.

    Returns
    -------
    registration : Registration
        As of :func:`register`.
    """
    best = NOWHERE
    if page.is_large_enough:
        for kind in ("orb", "sift"):
            pairs = alignment.pair_features(getattr(blank, kind), getattr(page, kind))
            fit = fit_sheet(pairs, blank, page.reduced)
            best = max(best, fit, key=lambda fit: fit.quality)
            if 0 < best.quality >= min_quality:
                break
    return _full_size(best, page, blank, min_quality)


def register_flat(page: PreparedPage, blank: PreparedBlank) -> Registration:
    """Try at little cost where a blank page's points are on a page.

    Parameters
    ----------
    page : PreparedPage
        From :func:`prepare_page`.

    blank : PreparedBlank
        From :func:`prepare_blank`.

    Returns
    -------
    registration : Registration
        That of :func:`register` where its `is_flat` is true. Otherwise `register` may
        find more: it has paper that bends, and further features.
    """
    fit = NOWHERE
    if page.is_large_enough:
        pairs = alignment.pair_features(blank.orb, page.orb)
        fit = fit_flat(pairs, blank, page.reduced)
    return _full_size(fit, page, blank, MIN_QUALITY)


def score_print(
    page: PreparedPage, blank: PreparedBlank, registration: Registration
) -> Matrix:
    """Tell how well each patch of a blank's print is seen where it belongs on a page.

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
        For each of `blank.patches` how well it correlates with the page there, at most
        1; NaN where it lies outside the picture, 0 where there is no registration. A
        block that another edition has elsewhere is not where it belongs.
    """
    if not np.isfinite(registration.matrix).all():
        return np.zeros(len(blank.patches))
    to_page = registration.matrix @ alignment.inverse(blank.to_reduced)
    matrix, shape = page.to_reduced @ to_page, blank.reduced.shape
    surface = flat_surface(float(max(shape)))
    if registration.sheet is not None:
        coefficients = registration.sheet.surface.coefficients
        surface = Surface(coefficients, surface.side)
    surfaces = alignment.correlate_patches(
        blank.reduced,
        straighten(page.reduced, matrix, surface, shape),
        blank.patches,
        half=PATCH,
        search=SEARCHES[-1],
    )
    scores = surfaces.max(axis=(1, 2)).astype(np.float64)
    places = alignment.project(matrix, blank.patches + surface.shifts(blank.patches))
    return np.where(is_in_picture(places, page.reduced), scores, np.nan)


class PageRegistrar(TransformerMixin, BaseEstimator):
    """Bring pages into the frame of a blank page.

    Parameters
    ----------
    blank : ndarray of shape (height, width), dtype uint8
        The blank page. Required by :meth:`fit`.

    min_quality : float, default=0.6
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
    >>> from pipelines import PageRegistrar
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


def _full_size(
    fit: SheetFit, page: PreparedPage, blank: PreparedBlank, min_quality: float
) -> Registration:
    """Bring what was found of reduced copies to the size of the page and the blank."""
    matrix = alignment.inverse(page.to_reduced) @ fit.matrix @ blank.to_reduced
    sheet = None if fit.sheet is None else _full_sheet(fit.sheet, blank)
    return Registration(matrix / matrix[2, 2], fit.quality, min_quality, sheet)


def _full_sheet(sheet: Sheet, blank: PreparedBlank) -> Sheet:
    scale = max(blank.image.shape) / max(blank.reduced.shape)
    return Sheet(
        Surface(sheet.surface.coefficients, sheet.surface.side * scale),
        alignment.project(alignment.inverse(blank.to_reduced), sheet.anchors),
        sheet.offsets * scale,
        sheet.blocks,
    )
