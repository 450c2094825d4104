"""Fit where the sheet of a blank page lies: flat or bent, with blocks that moved.

All in pixels of reduced copies, as of :mod:`pipelines.pages.prepared`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image
from pipelines.pages import alignment
from pipelines.pages.alignment import Matrix, is_plausible
from pipelines.pages.placement import FLAT, Sheet
from pipelines.pages.prepared import PATCH, SPACING, PreparedBlank
from pipelines.pages.surface import (
    FEWEST_IN_BLOCK,
    Surface,
    find_moved,
    fit_surface,
    flat_surface,
    straighten,
)

# With less of the blank's print in the picture, it is not known which form it is.
_LEAST_IN_VIEW = 0.2
# With less at first sight, no closer look makes it a page of this form: pages of ten
# forms that were bent and photographed show 0.37 at least, others mostly 0.14 at most.
_HOPELESS = 0.25

# Search windows: wide after the features, narrow after the first refinement
# (what is left then is paper that is not flat).
SEARCHES = (10, 5)
# Features lie this close to where flat paper would have them, in reduced pixels: they
# are localised to about one. For a first look at paper that bends, they need not.
_CLOSE = 3.0
_BENT = 12.0

# Paper is flat unless as much more of the print is found where it bends: a surface
# follows a little of anything.
_WORTH_BENDING = 0.05

# Where paper bends, each look finds print beyond what the one before has found.
_MOST_ROUNDS = 8

# Patches go by so many that are nearest to them.
_FEWEST = 5


@dataclass(frozen=True, eq=False)
class SheetFit:
    """Where a reduced blank is on a reduced page, and how much of it was found.

    Attributes
    ----------
    matrix : ndarray of shape (3, 3), dtype float64
        Homography from the blank to the page; NaN where none was found.

    quality : float
        Share in [0, 1] of the patches in the picture that were found.

    sheet : Sheet or None
        How the paper bends and what on it has moved.
    """

    matrix: Matrix
    quality: float
    sheet: Sheet | None = None


# No sheet was found.
NOWHERE = SheetFit(np.full((3, 3), np.nan), 0.0)


@dataclass(frozen=True, eq=False)
class _Laid:
    """Where a sheet lies that bends."""

    matrix: Matrix
    surface: Surface


def fit_sheet(
    pairs: tuple[Matrix, Matrix], blank: PreparedBlank, page: Image
) -> SheetFit:
    """Fit flat paper to pairs of features, and bent paper where that is not enough.

    Parameters
    ----------
    pairs : tuple of (points of the blank, points of the page)
        Each an ndarray of shape (n_pairs, 2), from
        :func:`pipelines.pages.alignment.pair_features`.

    blank : PreparedBlank
        The blank page.

    page : ndarray of shape (height, width), dtype uint8
        A reduced page.

    Returns
    -------
    fit : SheetFit
        Of quality 0 where nothing was found.
    """
    best = fit_flat(pairs, blank, page)
    for tolerance in (_CLOSE, _BENT):
        if best.quality >= FLAT:
            break
        matrix = alignment.fit_homography(*pairs, tolerance=tolerance)
        if matrix is not None and is_plausible(matrix, blank.reduced, page):
            bent = _bend(matrix, pairs, blank, page)
            if bent.quality > best.quality + _WORTH_BENDING:
                best = bent
            if not bent.quality:
                break
    return best


def fit_flat(
    pairs: tuple[Matrix, Matrix], blank: PreparedBlank, page: Image
) -> SheetFit:
    """Fit flat paper to patches of print, from where features say that it is.

    Parameters
    ----------
    pairs, blank, page
        As for :func:`fit_sheet`.

    Returns
    -------
    fit : SheetFit
        Of quality 0 where nothing was found.
    """
    first = alignment.fit_homography(*pairs, tolerance=_CLOSE)
    if first is None or not is_plausible(first, blank.reduced, page):
        return NOWHERE
    everywhere = np.ones(len(blank.patches), dtype=bool)
    best = _refine(first, everywhere, blank, page)
    if _LEAST_IN_VIEW <= best.quality < FLAT:
        best = _refine(first, blank.distinct, blank, page)
    return best


def _refine(
    matrix: Matrix, used: NDArray[np.bool_], blank: PreparedBlank, page: Image
) -> SheetFit:
    """Fit a homography to some of the patches of print."""
    for search in SEARCHES:
        straight = alignment.warp_image(page, matrix, blank.reduced.shape)
        shifts, found = alignment.match_patches(
            blank.reduced,
            straight,
            blank.patches,
            half=PATCH,
            search=search,
            least=_HOPELESS,
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
    share = _share_in_view(alignment.project(matrix, blank.patches), found, page)
    if share < _LEAST_IN_VIEW or (used.all() and share < FLAT):
        return SheetFit(matrix, share)  # which calls for another look
    surface = flat_surface(float(max(blank.reduced.shape)))
    return _with_blocks(_Laid(matrix, surface), shifts, found, blank, page)


def _bend(
    matrix: Matrix, pairs: tuple[Matrix, Matrix], blank: PreparedBlank, page: Image
) -> SheetFit:
    """Fit a surface to features and patches of print."""
    side = float(max(blank.reduced.shape))
    flat = alignment.project(alignment.inverse(matrix), pairs[1])
    surface = fit_surface(pairs[0], flat - pairs[0], side)
    patches = blank.patches
    best = surface, np.zeros_like(patches, dtype=float), np.zeros(len(patches), bool)
    for n_round in range(_MOST_ROUNDS):
        straight = straighten(page, matrix, surface, blank.reduced.shape)
        shifts, found = alignment.match_patches(
            blank.reduced,
            straight,
            patches,
            half=PATCH,
            search=SEARCHES[0],
            least=_HOPELESS,
        )
        # What looks like the print beside it is of use once the others have said where.
        fitted = found if n_round else found & blank.distinct
        is_hopeless = found.mean() < _HOPELESS
        if is_hopeless or fitted.sum() < alignment.FEWEST_MATCHES:
            return SheetFit(matrix, 0.0)
        moved = surface.shifts(patches) + shifts
        surface = fit_surface(patches[fitted], moved[fitted], side)
        if found.sum() > best[2].sum():
            best = surface, moved - surface.shifts(patches), found
        elif n_round > 1:
            break
    laid, shifts, found = best
    return _with_blocks(_Laid(matrix, laid), shifts, found, blank, page)


def _with_blocks(
    laid: _Laid,
    shifts: Matrix,
    found: NDArray[np.bool_],
    blank: PreparedBlank,
    page: Image,
) -> SheetFit:
    """Add the blocks that another edition has elsewhere to what was found."""
    patches, moved = blank.patches, np.zeros_like(found)
    blocks = np.zeros(len(found), dtype=np.intp)
    still = found & _is_confirmed(patches, blank.distinct, found)
    if (~still).sum() >= FEWEST_IN_BLOCK:
        straight = straighten(page, laid.matrix, laid.surface, blank.reduced.shape)
        far, blocks = find_moved(
            blank.reduced,
            straight,
            patches,
            still,
            distinct=blank.distinct,
            half=PATCH,
            spacing=SPACING,
        )
        moved = blocks > 0
        shifts, found = np.where(moved[:, None], far, shifts), found | moved
    places = patches + laid.surface.shifts(patches) + shifts
    share = _share_in_view(alignment.project(laid.matrix, places), found, page)
    anchoring = found & (moved | _is_confirmed(patches, blank.distinct, found & ~moved))
    anchors = patches[anchoring].astype(np.float64)
    return SheetFit(
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
    inside = is_in_picture(places, page) | found
    if found.sum() < _LEAST_IN_VIEW * len(found):
        return float(found.mean())
    return float(found.sum() / inside.sum())


def is_in_picture(places: Matrix, page: Image) -> NDArray[np.bool_]:
    """Find which patches the picture has room for.

    Parameters
    ----------
    places : ndarray of shape (n_patches, 2)
        Centres ``(x, y)`` on the page.

    page : ndarray of shape (height, width), dtype uint8
        A reduced page.

    Returns
    -------
    inside : ndarray of shape (n_patches,), dtype bool
    """
    height, width = page.shape
    x, y = places.T
    return np.asarray(
        (x >= PATCH) & (x < width - PATCH) & (y >= PATCH) & (y < height - PATCH)
    )
