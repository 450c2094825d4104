"""Features and small patches of print, found again on another image of a page."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image

Matrix = NDArray[np.float64]

Features = tuple[NDArray[np.float32], NDArray[Any]]
"""Points ``(x, y)``, and what is there: their descriptors."""

_N_FEATURES = 2000
_PALEST_FEATURE = 0.01
_RATIO = 0.8  # Lowe's ratio test (2004, section 7.1)
FEWEST_MATCHES = 8  # twice what a homography needs

# A patch is used if its weaker gradient reaches this share of the strong ones'.
_CORNERNESS = 0.02
# A patch is found if it correlates this well with what it lies on, and moved as its
# neighbours did.
_FOUND = 0.5
# What is written beside print is no part of it. So well correlates the print alone:
# pixels that are this dark as a share of the darkest, on paper and print that differ by
# as much as the square root of this.
_FOUND_ALONE = 0.75
_PRINTED = 0.3
_LEAST_SPREAD = 25.0

# A window shows print if its grey values range over this much at the least, and over
# more than so many standard deviations of the grain.
_LEAST_RANGE = 8.0
_GRAINS = 7.0

# A patch moved as its eight neighbours did if it is this close to them, in pixels.
_N_NEIGHBOURS = 8
_AGREEMENT = 1.5

# A page seen so obliquely that opposite sides differ by more is not readable.
_LARGEST_FORESHORTENING = 3.0
_SMALLEST_AREA = 0.05  # of the picture


def project(matrix: Matrix, points: NDArray[Any]) -> Matrix:
    """Apply a homography to points.

    Parameters
    ----------
    matrix : ndarray of shape (3, 3), dtype float64
        The homography.

    points : ndarray of shape (n_points, 2)
        ``(x, y)``.

    Returns
    -------
    projected : ndarray of shape (n_points, 2), dtype float64

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.pages.alignment import project
    >>> project(np.diag([2.0, 3.0, 1.0]), np.array([[5, 7]])).tolist()
    [[10.0, 21.0]]
    """
    projected = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return projected[:, :2] / projected[:, 2:]


def inverse(matrix: Matrix) -> Matrix:
    """Invert a homography.

    Parameters
    ----------
    matrix : ndarray of shape (3, 3), dtype float64
        The homography.

    Returns
    -------
    inverse : ndarray of shape (3, 3), dtype float64
    """
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def warp_image(
    page: Image,
    matrix: Matrix,
    shape: tuple[int, ...],
    *,
    border: int = cv2.BORDER_CONSTANT,
) -> Image:
    """Cut what a homography from a frame of this shape sees of a page.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey image.

    matrix : ndarray of shape (3, 3), dtype float64
        Maps ``(x, y)`` in the frame onto the page.

    shape : tuple of (height, width)
        Of the frame.

    border : int, default=cv2.BORDER_CONSTANT
        What is seen beyond the page; white by default.

    Returns
    -------
    warped : ndarray of this shape, dtype uint8
    """
    size, flags = (shape[1], shape[0]), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(
        page, matrix, size, flags=flags, borderMode=border, borderValue=255
    )
    return np.asarray(warped, dtype=np.uint8)


def fit_homography(
    source: NDArray[Any], target: NDArray[Any], *, tolerance: float
) -> Matrix | None:
    """Fit a homography to pairs of points, of which many may be wrong [1]_.

    Parameters
    ----------
    source, target : ndarray of shape (n_points, 2)
        ``(x, y)`` on either side, four pairs at least.

    tolerance : float
        Distance in pixels of `target` beyond which a pair is wrong.

    Returns
    -------
    matrix : ndarray of shape (3, 3), dtype float64, or None
        From `source` to `target`; None if the pairs agree on none, or are few.

    References
    ----------
    .. [1] D. Barath et al., "MAGSAC++, a fast, reliable and accurate robust
       estimator", Proc. CVPR, 2020.
    """
    if len(source) < FEWEST_MATCHES:
        return None
    matrix, _ = cv2.findHomography(
        source, target, cv2.USAC_MAGSAC, tolerance, maxIters=2000, confidence=0.999
    )
    return None if matrix is None else np.asarray(matrix, dtype=np.float64)


def detect_features(reduced: Image, kind: str) -> Features:
    """Find the strongest features of an image.

    Parameters
    ----------
    reduced : ndarray of shape (height, width), dtype uint8
        A page on white paper.

    kind : {"orb", "sift"}
        Which features: fast ones, or slower ones that bear more.

    Returns
    -------
    points : ndarray of shape (n_features, 2), dtype float32
        ``(x, y)``.

    descriptors : ndarray of shape (n_features, length)
    """
    # Pale print has features, too; of dark print only the strongest are kept.
    detector = (
        cv2.ORB.create(_N_FEATURES)
        if kind == "orb"
        else cv2.SIFT.create(_N_FEATURES, contrastThreshold=_PALEST_FEATURE)
    )
    keypoints, descriptors = detector.detectAndCompute(reduced, None)
    points = np.array([k.pt for k in keypoints], dtype=np.float32).reshape(-1, 2)
    if descriptors is None:
        descriptors = np.empty((0, 1), dtype=np.uint8)
    return points, descriptors


def pair_features(blank: Features, page: Features) -> tuple[Matrix, Matrix]:
    """Pair the features that a blank and a page share.

    Parameters
    ----------
    blank, page : tuple of (points, descriptors)
        From :func:`detect_features`, of one kind.

    Returns
    -------
    on_blank, on_page : ndarray of shape (n_pairs, 2), dtype float64
        Where each is on either, ``(x, y)``. Many pairs may be wrong.
    """
    nothing = np.empty((0, 2)), np.empty((0, 2))
    if min(len(blank[0]), len(page[0])) < FEWEST_MATCHES:
        return nothing
    norm = cv2.NORM_HAMMING if page[1].dtype == np.uint8 else cv2.NORM_L2
    pairs = cv2.BFMatcher(norm).knnMatch(page[1], blank[1], 2)
    clear = [a for a, b in pairs if a.distance < _RATIO * b.distance]
    if not clear:
        return nothing
    return (
        blank[0][[match.trainIdx for match in clear]].astype(np.float64),
        page[0][[match.queryIdx for match in clear]].astype(np.float64),
    )


def is_plausible(matrix: Matrix, blank: Image, page: Image) -> bool:
    """Return whether the blank's outline lands as a sheet of paper can be seen.

    Parameters
    ----------
    matrix : ndarray of shape (3, 3), dtype float64
        From the blank to the page.

    blank, page : ndarray of shape (height, width), dtype uint8
        Only their sizes count.

    Returns
    -------
    plausible : bool
        False for an outline that is not convex, is seen from behind, is much
        foreshortened, or takes a twentieth of the picture or less.
    """
    height, width = blank.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]])
    if np.min(np.column_stack([corners, np.ones(4)]) @ matrix[2]) <= 0:
        return False  # partly behind the camera
    quad = project(matrix, corners)
    sides = np.roll(quad, -1, axis=0) - quad
    following = np.roll(sides, -1, axis=0)
    turns = sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0]
    lengths = np.linalg.norm(sides, axis=1)
    area = cv2.contourArea(quad.astype(np.float32))
    return bool(
        np.all(turns > 0)  # convex, and not seen from behind
        and np.all(lengths < _LARGEST_FORESHORTENING * np.roll(lengths, 2))
        and area > _SMALLEST_AREA * page.size
    )


def printed_patches(image: Image, *, half: int, spacing: int) -> NDArray[np.intp]:
    """Find places whose print can be aligned in both directions.

    Parameters
    ----------
    image : ndarray of shape (height, width), dtype uint8
        A blank page, or a part of it.

    half : int
        A patch has ``2 * half + 1`` pixels a side.

    spacing : int
        Side in pixels of the cells of a grid; each has one patch at most.

    Returns
    -------
    centres : ndarray of shape (n_patches, 2), dtype intp
        Centres ``(x, y)``, more than `half` from the image's edges.
    """
    margin = half + 1
    inner = tuple(side - 2 * margin for side in image.shape)
    if min(inner) < 1:
        return np.empty((0, 2), dtype=np.intp)
    smooth = cv2.GaussianBlur(image, (0, 0), 1)
    corners = cv2.cornerMinEigenVal(smooth, 2 * half + 1, ksize=3)
    corners = corners[margin:-margin, margin:-margin]
    centres, strengths = [], []
    for top in range(0, inner[0], spacing):
        for left in range(0, inner[1], spacing):
            cell = corners[top : top + spacing, left : left + spacing]
            row, column = np.unravel_index(cell.argmax(), cell.shape)
            centres.append((left + column + margin, top + row + margin))
            strengths.append(cell[row, column])
    strong = np.array(strengths) > _CORNERNESS * np.percentile(strengths, 95)
    return np.array(centres, dtype=np.intp)[strong]


def match_patches(
    blank: Image,
    page: Image,
    centres: NDArray[np.intp],
    *,
    half: int,
    search: int,
    least: float = 0.0,
) -> tuple[Matrix, NDArray[np.bool_]]:
    """Find square patches of a blank near their places on a straightened page.

    Parameters
    ----------
    blank, page : ndarray of shape (height, width), dtype uint8
        The blank and a page in the same frame.

    centres : ndarray of shape (n_patches, 2), dtype intp
        Centres ``(x, y)``, at least `half` from the blank's edges.

    half : int
        A patch has ``2 * half + 1`` pixels a side.

    search : int
        Largest shift looked for, in pixels, in both directions.

    least : float, default=0.0
        Unless this share of the patches correlates as it is, print that may be written
        over is not looked for, which takes time.

    Returns
    -------
    shifts : ndarray of shape (n_patches, 2), dtype float64
        How far each patch moved, ``(x, y)``, to a fraction of a pixel.

    found : ndarray of shape (n_patches,), dtype bool
        Whether a patch was found there, and moved as the eight nearest to it did.
    """
    surfaces = correlate_patches(blank, page, centres, half=half, search=search)
    shifts, scores = _find_peaks(surfaces)
    found = scores >= _FOUND
    # Handwriting beside print spoils its correlation, but not that of the print alone.
    # Where most of the print is missing, that is not why.
    is_likely = found.sum() >= least * len(found)
    missed = np.flatnonzero(~found & (scores > 0) & is_likely)
    alone = _correlate_print(blank, page, centres[missed], half, search)
    shifts_alone, scores_alone = _find_peaks(alone)
    again = scores_alone >= _FOUND_ALONE
    shifts[missed[again]], found[missed[again]] = shifts_alone[again], True
    return shifts, found & _moved_alike(centres, shifts)


def _find_peaks(surfaces: NDArray[np.float32]) -> tuple[Matrix, NDArray[np.float64]]:
    """Shifts at which each patch correlates best, ``(x, y)``, and how well."""
    search = surfaces.shape[1] // 2
    shifts, scores = np.zeros((len(surfaces), 2)), np.zeros(len(surfaces))
    for index, surface in enumerate(surfaces):
        _, scores[index], _, peak = cv2.minMaxLoc(surface)
        if scores[index] > 0:
            shifts[index] = _parabolic_peak(surface, peak) - search
    return shifts, scores


def correlate_patches(
    blank: Image, page: Image, centres: NDArray[np.intp], *, half: int, search: int
) -> NDArray[np.float32]:
    """Correlate square patches of a blank with a page, about their places.

    Parameters
    ----------
    blank, page, centres, half, search
        As for :func:`match_patches`.

    Returns
    -------
    surfaces : ndarray of shape (n_patches, 2 * search + 1, 2 * search + 1)
        Correlation coefficients for each shift, of dtype float32; zero where a page
        shows nothing but the grain of its paper.
    """
    padded = np.pad(page, search, constant_values=255)
    size, reach = 2 * half + 1, 2 * half + 1 + 2 * search
    least = max(_LEAST_RANGE, _GRAINS * _grain(page))
    surfaces = np.zeros((len(centres), 2 * search + 1, 2 * search + 1), np.float32)
    for surface, (x, y) in zip(surfaces, centres - half, strict=True):
        window = padded[y : y + reach, x : x + reach]
        if np.ptp(window) < least:  # correlation with grain means nothing
            continue
        patch = blank[y : y + size, x : x + size]
        surface[:] = cv2.matchTemplate(window, patch, cv2.TM_CCOEFF_NORMED)
    return np.nan_to_num(surfaces, copy=False, posinf=0, neginf=0)


def _correlate_print(
    blank: Image, page: Image, centres: NDArray[np.intp], half: int, search: int
) -> NDArray[np.float32]:
    """Correlate patches as `correlate_patches` does, but only about their print."""
    padded = np.pad(page, search, constant_values=255)
    size, reach = 2 * half + 1, 2 * half + 1 + 2 * search
    surfaces = np.zeros((len(centres), 2 * search + 1, 2 * search + 1), np.float32)
    for surface, (x, y) in zip(surfaces, centres - half, strict=True):
        window = padded[y : y + reach, x : x + reach].astype(np.float32)
        patch = 255 - blank[y : y + size, x : x + size]
        dark = (patch > _PRINTED * patch.max()).astype(np.uint8)
        weights = cv2.dilate(dark, np.ones((5, 5), np.uint8)).astype(np.float32)
        n_pixels = weights.sum()
        # Print is dark, the page's grey values are high where it is light.
        template = weights * ((patch * weights).sum() / n_pixels - patch)
        products = cv2.matchTemplate(window, template, cv2.TM_CCORR)
        sums = cv2.matchTemplate(window, weights, cv2.TM_CCORR)
        squares = cv2.matchTemplate(window * window, weights, cv2.TM_CCORR)
        spread = np.maximum(squares - sums * sums / n_pixels, n_pixels * _LEAST_SPREAD)
        surface[:] = products / np.sqrt(spread * np.square(template).sum())
    return surfaces


def _grain(image: Image) -> float:
    """Standard deviation of the noise that paper shows, in grey values."""
    # Most of a page is paper; of neighbouring pixels there the difference is noise.
    few = image[::2].astype(np.int16)
    return float(np.median(np.abs(np.diff(few, axis=1)))) / 0.954


def _parabolic_peak(surface: NDArray[Any], peak: Sequence[int]) -> Matrix:
    """Peak of a correlation surface to a fraction of a pixel, ``(x, y)``."""
    column, row = peak
    lines = surface[row], surface[:, column]
    exact = np.array([column, row], dtype=np.float64)
    for axis, (line, at) in enumerate(zip(lines, (column, row), strict=True)):
        if 0 < at < len(line) - 1:
            before, top, after = (float(v) for v in line[at - 1 : at + 2])
            bend = before - 2 * top + after
            exact[axis] += 0.5 * (before - after) / bend if bend < 0 else 0.0
    return exact


def _moved_alike(centres: NDArray[np.intp], shifts: Matrix) -> NDArray[np.bool_]:
    """Find which patches moved as the eight patches nearest to them did."""
    distances = np.square(centres[:, None] - centres[None]).sum(axis=-1)
    nearest = np.argsort(distances, axis=1)[:, : _N_NEIGHBOURS + 1]
    typical = np.median(shifts[nearest], axis=1)
    return np.asarray(np.abs(shifts - typical).max(axis=1) < _AGREEMENT)
