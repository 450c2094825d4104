"""The print that filled-in pages share, without what is written on them."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image, Mask, find_components
from pipelines.outcomes import ArraysCompare
from pipelines.pages.piles import middle_of, rank_of

# What is lighter is the grain of paper.
_LEAST_DARKNESS: Final = 12
# One page in seven may lack a piece of print: where the toner failed, or a scanner made
# it white. Of fewer than seven all must have it.
_PAGES_PER_GAP: Final = 7
# Print is so dark, as a share of its usual darkness, within a pixel on each page.
_LEAST_SHARE: Final = 0.5

# A straight piece of a line, in parts of the page's longer side: 4 mm on A4 paper. Of
# such pieces, what hangs together over 12 mm is print without further question: walls
# of boxes, and rules. Writing may lean on them, and no digit is so large.
_STRAIGHT, _LINE = 1 / 75, 1 / 25

# Around print is paper on all pages, but for what some have written across it. Writing
# that agrees in some spot runs on from there, on each page another way. Of the rim of
# spots at which ten hands agree, three tenths and more are dark, taken over all pages;
# around print, a twentieth at most. Where pages are few, hands agree more by chance,
# and nothing may be dark.
_MOST_RIM: Final = 0.15
_MANY_PAGES: Final = 8
# The rim, from this many pixels off the spot to this many: nearer is its soft edge.
_RIM_FROM, _RIM_TO = 1, 3
# What is dark beside a spot has this share of its darkness.
_RIM_SHARE: Final = 0.4


@dataclass(frozen=True, eq=False)
class SharedPrint(ArraysCompare):
    """What pages have in common.

    Attributes
    ----------
    blank : ndarray of shape (height, width), dtype uint8
        The print, on white paper.

    doubtful : ndarray of shape (height, width), dtype uint8
        1 where all pages are dark and no two alike: it is taken for writing, and not in
        the blank.
    """

    blank: Image
    doubtful: Mask


def find_shared_print(darkness: NDArray[np.uint8]) -> SharedPrint:
    """Find what is printed on pages that are filled in.

    Print is where all pages are dark, within a pixel, and ends there on all of them. A
    digit that everybody writes into one box, such as the 2 of a year, has spots at
    which all pages are dark too, but runs on from there on each page another way.

    Parameters
    ----------
    darkness : ndarray of shape (n_pages, height, width), dtype uint8
        Pages in one frame, from :func:`pipelines.pages.piles.align_pages`.

    Returns
    -------
    shared : SharedPrint
        The median of the pages where they are printed, and white where they are not.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.pages.shared import find_shared_print
    >>> darkness = np.zeros((3, 90, 90), np.uint8)
    >>> darkness[:, 20:24, 10:80] = 200  # printed on all three
    >>> for index in range(3):
    ...     darkness[index, 50:70, 20 + 20 * index :][:, :4] = 150  # a stroke on each
    >>> shared = find_shared_print(darkness)
    >>> int(shared.blank[22, 40]), bool((shared.blank[40:] == 255).all())
    (55, True)
    """
    usual = middle_of(darkness)
    kernel = np.ones((3, 3), np.uint8)
    near = np.stack([cv2.dilate(dark, kernel) for dark in darkness])
    least = rank_of(near, len(darkness) // _PAGES_PER_GAP)
    agreed = ((usual >= _LEAST_DARKNESS) & (least >= _LEAST_SHARE * usual)).view(
        np.uint8
    )
    doubtful = _find_writing(darkness, usual, agreed)
    blank = np.where((agreed > 0) & (doubtful == 0), 255 - usual, 255)
    return SharedPrint(blank.astype(np.uint8), doubtful)


def _find_writing(darkness: NDArray[np.uint8], usual: Image, agreed: Mask) -> Mask:
    """Mark the spots at which writing agrees, as their rims tell."""
    spots = find_components(agreed & (1 - _find_lines(agreed)))
    rims = _measure_rims(darkness, usual, agreed)
    most = _MOST_RIM * min(1.0, (len(darkness) - 2) / (_MANY_PAGES - 2))
    written = _mean_of_rims(rims, spots.labels, agreed, len(spots.stats)) > most
    written[0] = False
    return np.asarray(written[spots.labels], dtype=np.uint8)


def _measure_rims(
    darkness: NDArray[np.uint8], usual: Image, agreed: Mask
) -> NDArray[np.float64]:
    """Return the share of pages that are dark, at each pixel beside what agrees."""
    level = cv2.dilate(usual * agreed, _disc(_RIM_TO)) * _RIM_SHARE
    return np.mean([dark > level for dark in darkness], axis=0)


def _mean_of_rims(
    rims: NDArray[np.float64], labels: NDArray[np.int32], agreed: Mask, n_spots: int
) -> NDArray[np.float64]:
    """Return the mean around each spot; 0 where others leave it no rim."""
    # Labels are exact as floats up to 16 million, and integers are not dilated.
    around = cv2.dilate(labels.astype(np.float32), _disc(_RIM_TO)).astype(np.int32)
    around[cv2.dilate(agreed, _disc(_RIM_FROM)) > 0] = 0
    sizes = np.bincount(around.ravel(), minlength=n_spots)
    sums = np.bincount(around.ravel(), rims.ravel(), minlength=n_spots)
    return np.asarray(sums / np.maximum(sizes, 1), dtype=np.float64)


def _disc(radius: int) -> NDArray[np.uint8]:
    return np.asarray(
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2), np.uint8
    )


def _find_lines(agreed: Mask) -> Mask:
    """Mark long lines across and down, and what crosses them, a pixel wider."""
    longer = max(agreed.shape)
    length = round(_STRAIGHT * longer)
    straight = [
        cv2.morphologyEx(agreed, cv2.MORPH_OPEN, np.ones(shape, np.uint8))
        for shape in ((1, length), (length, 1))
    ]
    pieces = find_components(np.asarray(cv2.max(*straight), np.uint8))
    sides = pieces.stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    is_long = sides.max(axis=1) >= _LINE * longer
    is_long[0] = False
    lines = is_long[pieces.labels].view(np.uint8)
    return np.asarray(cv2.dilate(lines, np.ones((3, 3), np.uint8)), np.uint8)
