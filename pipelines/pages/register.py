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
from pipelines.pages.surface import (
    FARTHEST,
    FEWEST_IN_BLOCK,
    Surface,
    find_moved,
    fit_surface,
    flat_surface,
    straighten,
    warp_smoothly,
)

# Share of the blank's printed patches that must lie where they should, of those in
# the picture. Pages of the right form reach 0.9 and more, written on, photographed
# and folded; other forms of the same series, with the same corner marks, reach 0.47.
MIN_QUALITY = 0.6
# With less of the blank's print in the picture, it is not known which form it is.
_LEAST_IN_VIEW = 0.2

# From this quality on paper is taken for flat: the fields make up for what is left.
_FLAT = 0.9

# Features and patches are taken from copies with this longer side: 90 dpi for
# a letter page. Patches are matched to a tenth of their pixels.
_REDUCED_SIDE = 1000
_SMALLEST_SIDE = 48  # in reduced pixels; less holds no form


# A patch that correlates as well with other print near it may lie there instead.
_LOOKALIKE = 0.75

# Patches of the blank, in reduced pixels: half side, and the grid's spacing.
_PATCH = 16
_SPACING = 40
# Search windows: wide after the features, narrow after the first refinement
# (what is left then is paper that is not flat).
_SEARCHES = (10, 5)
# Features lie this close to where flat paper would have them, in reduced pixels: they
# are localised to about one. For a first look at paper that bends, they need not.
_CLOSE = 3.0
_BENT = 12.0

# Where paper bends, each look finds print beyond what the one before has found.
_MOST_ROUNDS = 8

# A field may belong to the block of any of so many patches nearest to it. What lies
# nearer to a place than this share of the longer side says most of it.
_NEAREST = 24
_INFLUENCE = 0.04

# Patches go by so many that are nearest to them.
_FEWEST = 5


class RegistrationError(ValueError):
    """A page could not be registered onto the blank page."""


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
            self.reduced, self.reduced, self.patches, half=_PATCH, search=reach
        )
        itself = slice(reach - _PATCH // 2, reach + _PATCH // 2 + 1)
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


@dataclass(frozen=True, eq=False)
class Sheet(ArraysCompare):
    """Paper as it lies: bent, and with blocks that another edition has elsewhere.

    Attributes
    ----------
    surface : Surface
        How far the paper lies from where a homography puts it, in pixels of the blank.

    anchors : ndarray of shape (n_anchors, 2), dtype float64
        Places ``(x, y)`` on the blank whose print was found on the page.

    offsets : ndarray of shape (n_anchors, 2), dtype float64
        How far from the surface each was found.

    blocks : ndarray of shape (n_anchors,), dtype intp
        Which block each belongs to that has moved; 0 for what has not.
    """

    surface: Surface
    anchors: Matrix
    offsets: Matrix
    blocks: NDArray[np.intp]

    def blocks_near(self, place: NDArray[Any]) -> list[int]:
        """List the blocks of the print near a place, that of the nearest first.

        Parameters
        ----------
        place : ndarray of shape (2,)
            ``(x, y)`` on the blank.

        Returns
        -------
        blocks : list of int
            0 for what has not moved.
        """
        order = np.argsort(np.linalg.norm(self.anchors - place, axis=1))
        return list(dict.fromkeys(self.blocks[order[:_NEAREST]].tolist()))

    def shifts(self, points: NDArray[Any], block: int) -> Matrix:
        """Evaluate how far from flat paper the points of a block lie.

        Parameters
        ----------
        points : ndarray of shape (n_points, 2)
            ``(x, y)`` on the blank.

        block : int
            Of `blocks`.

        Returns
        -------
        shifts : ndarray of shape (n_points, 2), dtype float64
            ``(x, y)`` in pixels.
        """
        own = self.blocks == block
        away = np.square(points[:, None] - self.anchors[own][None]).sum(axis=2)
        near = (_INFLUENCE * self.surface.side) ** 2
        weights = 1 / np.square(near + away)
        weights /= weights.sum(axis=1, keepdims=True)
        return self.surface.shifts(points) + weights @ self.offsets[own]


@dataclass(frozen=True, eq=False)
class Placement(ArraysCompare):
    """Where a part of a blank page may be on a page.

    Attributes
    ----------
    matrix : ndarray of shape (3, 3), dtype float64
        Homography from ``(x, y)`` on the blank to the page.

    sheet : Sheet or None
        How the paper bends; None for paper that is flat.

    block : int
        To which block of the sheet the part belongs.
    """

    matrix: Matrix
    sheet: Sheet | None = None
    block: int = 0

    def project(self, points: NDArray[Any]) -> Matrix:
        """Map points of the part onto the page.

        Parameters
        ----------
        points : array of shape (n_points, 2)
            ``(x, y)`` on the blank, in pixels.

        Returns
        -------
        projected : ndarray of shape (n_points, 2), dtype float64
        """
        if self.sheet is not None:
            points = points + self.sheet.shifts(points, self.block)
        return alignment.project(self.matrix, points)

    def warp(self, page: Image, to_blank: Matrix, shape: tuple[int, ...]) -> Image:
        """Cut what a frame on the blank sees of a page.

        Parameters
        ----------
        page : ndarray of shape (height, width), dtype uint8
            Grey image.

        to_blank : ndarray of shape (3, 3), dtype float64
            Maps ``(x, y)`` in the frame onto the blank.

        shape : tuple of (height, width)
            Of the frame.

        Returns
        -------
        warped : ndarray of this shape, dtype uint8
            What lies beyond the page repeats its edge.
        """
        if self.sheet is None:
            matrix = self.matrix @ to_blank
            return alignment.warp_image(
                page, matrix, shape, border=cv2.BORDER_REPLICATE
            )
        return warp_smoothly(
            page,
            lambda points: self.project(alignment.project(to_blank, points)),
            shape,
            border=cv2.BORDER_REPLICATE,
        )


@dataclass(frozen=True, eq=False)
class Registration(ArraysCompare):
    """Where a blank page's points are on a page.

    Attributes
    ----------
    matrix : ndarray of shape (3, 3), dtype float64
        Homography from ``(x, y)`` on the blank to ``(x, y)`` on the page, in
        pixels between pixel centres; NaN where none was found.

    quality : float
        Share in [0, 1] of the blank's printed patches in the picture that were found
        where they belong, or where their block has moved to.

    min_quality : float
        Least quality of a registration that may be used.

    sheet : Sheet or None
        How the paper bends and what on it has moved; None for paper that is flat.
    """

    matrix: Matrix
    quality: float
    min_quality: float = MIN_QUALITY
    sheet: Sheet | None = None

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

    def near(self, box: tuple[float, float, float, float]) -> list[Placement]:
        """Find where a part of the blank may be on the page, by the print near it.

        Parameters
        ----------
        box : tuple of (top, left, height, width)
            The part, in pixels of the blank.

        Returns
        -------
        placements : list of Placement
            The most likely one first; more than one where blocks meet that have moved
            apart.
        """
        if self.sheet is None:
            return [Placement(self.matrix)]
        top, left, height, width = box
        middle = np.array([left + width / 2, top + height / 2])
        blocks = self.sheet.blocks_near(middle)
        return [Placement(self.matrix, self.sheet, block) for block in blocks]

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
    reduced, to_reduced = _reduce(page)
    best = _Fit(np.full((3, 3), np.nan), 0.0)
    if min(reduced.shape) >= _SMALLEST_SIDE:
        for kind in ("orb", "sift"):
            theirs = detect_features(reduced, kind)
            pairs = alignment.pair_features(getattr(blank, kind), theirs)
            best = max(best, _fit(pairs, blank, reduced), key=lambda fit: fit.quality)
            if 0 < best.quality >= min_quality:
                break
    matrix = alignment.inverse(to_reduced) @ best.matrix @ blank.to_reduced
    sheet = _full_size(best.sheet, blank)
    return Registration(matrix / matrix[2, 2], best.quality, min_quality, sheet)


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


@dataclass(frozen=True, eq=False)
class _Fit:
    """Where a reduced blank is on a reduced page, and how much of it was found."""

    matrix: Matrix
    quality: float
    sheet: Sheet | None = None


@dataclass(frozen=True, eq=False)
class _Laid:
    """Where a sheet lies that bends."""

    matrix: Matrix
    surface: Surface


def _full_size(sheet: Sheet | None, blank: PreparedBlank) -> Sheet | None:
    """Bring what was found of a reduced page to the size of the blank."""
    if sheet is None:
        return None
    scale = max(blank.image.shape) / max(blank.reduced.shape)
    return Sheet(
        Surface(sheet.surface.coefficients, sheet.surface.side * scale),
        alignment.project(alignment.inverse(blank.to_reduced), sheet.anchors),
        sheet.offsets * scale,
        sheet.blocks,
    )


def _fit(pairs: tuple[Matrix, Matrix], blank: PreparedBlank, page: Image) -> _Fit:
    """Fit flat paper to pairs of features, and bent paper where that is not enough."""
    best = _Fit(np.full((3, 3), np.nan), 0.0)
    first = alignment.fit_homography(*pairs, tolerance=_CLOSE)
    if first is not None and is_plausible(first, blank.reduced, page):
        everywhere = np.ones(len(blank.patches), dtype=bool)
        best = _refine(first, everywhere, blank, page)
        if best.quality < _FLAT:
            best = _refine(first, blank.distinct, blank, page)
    wide = alignment.fit_homography(*pairs, tolerance=_BENT)
    for matrix in (first, wide):
        if best.quality >= _FLAT:
            break
        if matrix is not None and is_plausible(matrix, blank.reduced, page):
            bent = _bend(matrix, pairs, blank, page)
            best = max(best, bent, key=lambda fit: fit.quality)
    return best


def _refine(
    matrix: Matrix, used: NDArray[np.bool_], blank: PreparedBlank, page: Image
) -> _Fit:
    """Fit a homography to some of the patches of print."""
    for search in _SEARCHES:
        straight = alignment.warp_image(page, matrix, blank.reduced.shape)
        shifts, found = alignment.match_patches(
            blank.reduced, straight, blank.patches, half=_PATCH, search=search
        )
        fitted = found & used
        if fitted.sum() < alignment.FEWEST_MATCHES:
            break
        places = alignment.project(matrix, blank.patches + shifts)
        source = blank.patches[fitted].astype(np.float64)
        refined = alignment.fit_homography(source, places[fitted], tolerance=1.0)
        if refined is None or not is_plausible(refined, blank.reduced, page):
            break
        matrix = refined
        shifts = alignment.project(alignment.inverse(matrix), places) - blank.patches
    surface = flat_surface(float(max(blank.reduced.shape)))
    return _with_blocks(_Laid(matrix, surface), shifts, found, blank, page)


def _bend(
    matrix: Matrix, pairs: tuple[Matrix, Matrix], blank: PreparedBlank, page: Image
) -> _Fit:
    """Fit a surface to features and patches of print."""
    side = float(max(blank.reduced.shape))
    flat = alignment.project(alignment.inverse(matrix), pairs[1])
    surface = fit_surface(pairs[0], flat - pairs[0], side)
    patches, most = blank.patches, 0
    for n_round in range(_MOST_ROUNDS):
        straight = straighten(page, matrix, surface, blank.reduced.shape)
        shifts, found = alignment.match_patches(
            blank.reduced, straight, patches, half=_PATCH, search=_SEARCHES[0]
        )
        # What looks like the print beside it is of use once the others have said where.
        fitted = found if n_round else found & blank.distinct
        if fitted.sum() < alignment.FEWEST_MATCHES:
            return _Fit(matrix, 0.0)
        moved = surface.shifts(patches) + shifts
        surface = fit_surface(patches[fitted], moved[fitted], side)
        shifts = moved - surface.shifts(patches)
        if n_round > 1 and found.sum() <= most:
            break
        most = max(most, int(found.sum()))
    return _with_blocks(_Laid(matrix, surface), shifts, found, blank, page)


def _with_blocks(
    laid: _Laid,
    shifts: Matrix,
    found: NDArray[np.bool_],
    blank: PreparedBlank,
    page: Image,
) -> _Fit:
    """Add the blocks that another edition has elsewhere to what was found."""
    patches, moved = blank.patches, np.zeros_like(found)
    blocks = np.zeros(len(found), dtype=np.intp)
    if (~found).sum() >= FEWEST_IN_BLOCK:
        straight = straighten(page, laid.matrix, laid.surface, blank.reduced.shape)
        far, blocks = find_moved(
            blank.reduced, straight, patches, found, half=_PATCH, spacing=_SPACING
        )
        moved = blocks > 0
        shifts, found = np.where(moved[:, None], far, shifts), found | moved
    places = patches + laid.surface.shifts(patches) + shifts
    share = _share_in_view(alignment.project(laid.matrix, places), found, page)
    anchoring = found & (moved | _is_confirmed(patches, blank.distinct, found & ~moved))
    anchors = patches[anchoring].astype(np.float64)
    return _Fit(
        laid.matrix,
        share,
        Sheet(laid.surface, anchors, shifts[anchoring], blocks[anchoring]),
    )


def _is_confirmed(
    patches: NDArray[np.intp], distinct: NDArray[np.bool_], still: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Find patches that have not moved, by themselves or the distinct ones nearest."""
    if not distinct.any():
        return still
    distances = np.square(patches[:, None] - patches[distinct][None]).sum(axis=-1)
    nearest = np.argsort(distances, axis=1)[:, :_FEWEST]
    return np.asarray(still[distinct][nearest].mean(axis=1) > 0.5)


def _share_in_view(places: Matrix, found: NDArray[np.bool_], page: Image) -> float:
    """Share of the patches that are found, of those that the picture has room for."""
    height, width = page.shape
    x, y = places.T
    inside = (
        (x >= _PATCH) & (x < width - _PATCH) & (y >= _PATCH) & (y < height - _PATCH)
    )
    inside |= found
    if found.sum() < _LEAST_IN_VIEW * len(found):
        return float(found.mean())
    return float(found.sum() / inside.sum())
