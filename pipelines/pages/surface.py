"""Paper that is not flat: where a sheet is that bends, and what on it has moved."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Floats, Image
from pipelines.outcomes import ArraysCompare
from pipelines.pages import alignment
from pipelines.pages.alignment import Matrix

# Powers of x and y up to this sum describe a sheet that arches or waves: four hold a
# whole wave across the page to a hundredth of its height.
_DEGREE = 4
# Shifts beyond this share of the longer side are no paper's; a deviation from what the
# others say counts half at such shares of it, less and less as the fit gets better.
_LARGEST_SHIFT = 0.08
_SCALES = (0.03, 0.015, 0.008, 0.004, 0.002, 0.002)
# Coefficients are held near nothing by as much as this share of the points would, so
# that corners without print do not fly off.
_STIFFNESS = 0.0005

# A block of print that another edition has elsewhere has moved by this at most, as a
# share of the longer side: 19 mm on A4 paper.
FARTHEST = 0.064
# It is as large as so many patches at least, of which so many must be found ...
FEWEST_IN_BLOCK = 6
_SHARE_OF_BLOCK = 0.5
# Where it has so many patches that look like no print near them, they say how far.
_FEWEST_TELLING = 3
# ... and nowhere else in reach does it correlate as well, by this much. Rows of a table
# look much like the rows beside them.
_CLEARLY = 0.08
# Patches of a block lie this many spacings apart at most.
_APART = 2.2
# Two patches of a blank that lie on the same print of the page, in shares of a patch.
_SAME = 0.5


@dataclass(frozen=True, eq=False)
class Surface(ArraysCompare):
    """How far from their places on flat paper the points of a sheet are seen.

    Attributes
    ----------
    coefficients : ndarray of shape (15, 2), dtype float64
        Of the powers of ``x`` and ``y``, for both directions, in units of `side`.

    side : float
        The longer side of the sheet; coordinates run from -1 to 1 over it.
    """

    coefficients: Matrix
    side: float

    def shifts(self, points: NDArray[Any]) -> Matrix:
        """Evaluate how far points have moved.

        Parameters
        ----------
        points : ndarray of shape (n_points, 2)
            ``(x, y)`` on the flat sheet.

        Returns
        -------
        shifts : ndarray of shape (n_points, 2), dtype float64
            ``(x, y)``, in the same pixels.
        """
        return _powers(points, self.side) @ self.coefficients * self.side


def flat_surface(side: float) -> Surface:
    """Describe paper that is flat.

    Parameters
    ----------
    side : float
        The longer side of the sheet, in pixels.

    Returns
    -------
    surface : Surface
        Its shifts are zero everywhere.
    """
    return Surface(np.zeros((len(_exponents()), 2)), side)


def fit_surface(points: NDArray[Any], shifts: Matrix, side: float) -> Surface:
    """Fit a smooth surface to shifts of which many may be wrong.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2)
        ``(x, y)`` on the flat sheet.

    shifts : ndarray of shape (n_points, 2), dtype float64
        How far each has moved.

    side : float
        The longer side of the sheet, in pixels.

    Returns
    -------
    surface : Surface
        Follows what most of the points say.

    Notes
    -----
    Points that deviate lose weight step by step, as in graduated non-convexity [1]_,
    so that no draw of samples is needed.

    References
    ----------
    .. [1] A. Blake and A. Zisserman, "Visual Reconstruction", MIT Press, 1987,
       chapter 7.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.pages.surface import fit_surface
    >>> x, y = np.meshgrid(np.arange(0, 700, 50.0), np.arange(0, 1000, 50.0))
    >>> points = np.column_stack([x.ravel(), y.ravel()])
    >>> shifts = np.column_stack([0 * y.ravel(), 20 * np.sin(x.ravel() / 220)])
    >>> surface = fit_surface(points, shifts, 1000)
    >>> bool(np.abs(surface.shifts(points) - shifts).max() < 1.5)
    True
    """
    powers = _powers(points, side)
    target = shifts / side
    near = np.abs(target).max(axis=1) < _LARGEST_SHIFT
    weights = near.astype(np.float64)
    stiff = _STIFFNESS * np.diag(np.array([sum(e) > 1 for e in _exponents()], float))
    coefficients = np.zeros((powers.shape[1], 2))
    for scale in _SCALES:
        weighted = powers * weights[:, None]
        normal = weighted.T @ powers + weights.sum() * stiff + 1e-9 * np.eye(len(stiff))
        coefficients = np.linalg.solve(normal, weighted.T @ target)
        away = np.linalg.norm(powers @ coefficients - target, axis=1)
        weights = near / np.square(1 + np.square(away / scale))
    return Surface(coefficients, side)


def straighten(
    page: Image, matrix: Matrix, surface: Surface, shape: tuple[int, ...]
) -> Image:
    """Cut a page as it would lie flat.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey image.

    matrix : ndarray of shape (3, 3), dtype float64
        Maps ``(x, y)`` of the flat sheet, shifted by the surface, onto the page.

    surface : Surface
        How the sheet bends.

    shape : tuple of (height, width)
        Of the flat sheet.

    Returns
    -------
    straight : ndarray of this shape, dtype uint8
        White where the page ends.
    """
    return warp_smoothly(
        page,
        lambda points: alignment.project(matrix, points + surface.shifts(points)),
        shape,
    )


def warp_smoothly(
    page: Image,
    place: Callable[[Matrix], Matrix],
    shape: tuple[int, ...],
    *,
    border: int = cv2.BORDER_CONSTANT,
) -> Image:
    """Cut what a frame sees of a page that lies smoothly, but not flat.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey image.

    place : callable
        Maps ``(x, y)`` in the frame onto the page.

    shape : tuple of (height, width)
        Of the frame.

    border : int, default=cv2.BORDER_CONSTANT
        What is seen beyond the page; white by default.

    Returns
    -------
    warped : ndarray of this shape, dtype uint8
    """
    # What is smooth may be told from every eighth of its points.
    step = 8
    rows, columns = (np.arange(0, side + step, step, dtype=float) for side in shape)
    x, y = np.meshgrid(columns, rows)
    places = place(np.column_stack([x.ravel(), y.ravel()]))
    coarse = places.reshape(*x.shape, 2).astype(np.float32)
    down, across = np.indices(shape, dtype=np.float32) / step
    x_at, y_at = (
        cv2.remap(coarse[..., axis], across, down, cv2.INTER_LINEAR) for axis in (0, 1)
    )
    warped = cv2.remap(
        page, x_at, y_at, cv2.INTER_LINEAR, borderMode=border, borderValue=255
    )
    return np.asarray(warped, dtype=np.uint8)


_Moved = tuple[Matrix, NDArray[np.bool_]]
"""How far patches moved, and which of them were found there."""


def find_moved(
    blank: Image,
    straight: Image,
    centres: NDArray[np.intp],
    found: NDArray[np.bool_],
    *,
    distinct: NDArray[np.bool_],
    half: int,
    spacing: int,
) -> tuple[Matrix, NDArray[np.intp]]:
    """Find blocks of print that another edition of a form has elsewhere.

    Patches that are missing and lie together are looked for together: a block is
    found where most of it lies, if nothing else within reach looks much like it.

    Parameters
    ----------
    blank, straight : ndarray of shape (height, width), dtype uint8
        The blank, and a page in the same frame.

    centres : ndarray of shape (n_patches, 2), dtype intp
        Centres ``(x, y)`` of patches of print.

    found : ndarray of shape (n_patches,), dtype bool
        Patches that lie where they should.

    distinct : ndarray of shape (n_patches,), dtype bool
        Patches that look like no print near them.

    half : int
        A patch has ``2 * half + 1`` pixels a side.

    spacing : int
        Distance from one patch to the next.

    Returns
    -------
    shifts : ndarray of shape (n_patches, 2), dtype float64
        How far each patch moved; zero where it was not found so.

    blocks : ndarray of shape (n_patches,), dtype intp
        Which block each patch belongs to, from 1; 0 for what is of none.
    """
    reach = round(FARTHEST * max(blank.shape))
    shifts, blocks = np.zeros((len(centres), 2)), np.zeros(len(centres), dtype=np.intp)
    groups = _gather(np.flatnonzero(~found), centres, _APART * spacing)

    def follow(members: NDArray[np.intp], shift: NDArray[np.intp]) -> _Moved:
        there = _shifted(straight, shift)
        own, alike = alignment.match_patches(
            blank, there, centres[members], half=half, search=5
        )
        free = _is_free(centres[members] + shift, centres[found], half)
        return own + shift, alike & free

    likely = []
    for members in groups:
        # Others would have moved by a box as well as by what the block has moved.
        telling = members[distinct[members]]
        if len(telling) < _FEWEST_TELLING:
            telling = members
        surfaces = alignment.correlate_patches(
            blank, straight, centres[telling], half=half, search=reach
        )
        likely.append(_common_shift(surfaces, reach))
    # What looks alike at several places may have moved as another group has.
    known = [shift for shift in likely if shift is not None]
    for number, (members, shift) in enumerate(zip(groups, likely, strict=True), 1):
        moves = [
            follow(members, each) for each in ([shift] if shift is not None else known)
        ]
        if not moves:
            continue
        moved, there = max(moves, key=lambda move: move[1].sum())
        if there.sum() >= max(FEWEST_IN_BLOCK, _SHARE_OF_BLOCK * len(members)):
            shifts[members], blocks[members] = moved, number * there
    return shifts, blocks


def _is_free(
    places: NDArray[np.intp], taken: NDArray[np.intp], half: int
) -> NDArray[np.bool_]:
    """Find which places hold no print that is known to be another part of the blank."""
    gaps = np.abs(places[:, None] - taken[None]).max(axis=2).astype(np.float64)
    return np.asarray(gaps.min(axis=1, initial=np.inf) > _SAME * half)


def _common_shift(surfaces: NDArray[Any], reach: int) -> NDArray[np.intp] | None:
    """Shift at which patches correlate best together, if nothing comes near it."""
    # Patches of one block may lie a little apart from each other, where paper bends.
    blunt = [cv2.dilate(each, np.ones((5, 5), np.uint8)) for each in surfaces]
    together = np.mean(blunt, axis=0)
    row, column = np.unravel_index(together.argmax(), together.shape)
    best = together[row, column]
    rows, columns = (slice(max(0, n - 6), n + 7) for n in (row, column))
    together[rows, columns] = 0
    if best - together.max() < _CLEARLY:
        return None
    return np.array([column - reach, row - reach], dtype=np.intp)


def _gather(
    missing: NDArray[np.intp], centres: NDArray[np.intp], apart: float
) -> list[NDArray[np.intp]]:
    """Group patches that lie near each other; small groups are left out."""
    if not len(missing):
        return []
    places = centres[missing].astype(np.float64)
    near = np.linalg.norm(places[:, None] - places[None], axis=2) <= apart
    group = np.arange(len(missing))
    while True:
        joined = np.where(near, group[None], len(missing)).min(axis=1)
        if (joined == group).all():
            break
        group = joined
    groups = [missing[group == number] for number in np.unique(group)]
    return [members for members in groups if len(members) >= FEWEST_IN_BLOCK]


def _shifted(image: Image, shift: NDArray[np.intp]) -> Image:
    """What an image shows this far from every place; white beyond it."""
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]], dtype=np.float64)
    return alignment.warp_image(image, matrix, image.shape)


def _exponents() -> list[tuple[int, int]]:
    return [(i, j) for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]


def _powers(points: NDArray[Any], side: float) -> Floats:
    x, y = (2 * np.asarray(points, dtype=np.float64) / side - 1).T
    return np.column_stack([x**i * y**j for i, j in _exponents()])
