"""Find from its print whether a page stands on its feet or on its head."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image, check_image, find_components, shrink

# About 100 dpi on a letter page: letters are 7 pixels high and still apart.
_SIZE = 1100

# A letter is darker than the mean of its surroundings by this much.
_CONTRAST = 20

# Letters that tower over their neighbours do so upwards in about five of six
# cases in Latin text (bdfhklt and capitals against gjpqy). A vote is worth
# the logarithm of that, less because neighbours in a line are not independent.
_LOG_ODDS_PER_VOTE = 0.25 * np.log(5)

# Letters of a page that is skewed by less, in degrees, stand on lines all the same.
_LEAST_SKEW = 2.0

# The page is read in bands, as far as it takes to be sure. In a band of noise,
# which has thousands of "letters", some are enough.
_BANDS = 8
_MOST_LETTERS = 600

# No page is worth more than this many nats, whatever its text says.
_LARGEST_LOG_ODDS = 8.0


def upright_log_odds(page: Image, *, skew: float = 0.0) -> float:
    """Estimate the log-odds that a page is upright rather than upside down.

    Ascenders are more frequent than descenders in text set in Latin letters.
    Each letter that is higher than its left neighbour votes: upright if both
    stand on one line, upside down if both hang from one.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page, dark ink on light paper.

    skew : float, default=0.0
        Its skew in degrees, as :func:`estimate_skew` has it, to within 2.

    Returns
    -------
    log_odds : float
        Positive for an upright page, in nats, at most 8 either way. Zero for
        a page without text.

    Raises
    ------
    TypeError
        If `page` is not a uint8 array.

    ValueError
        If `page` is not two-dimensional, or is empty.

    Examples
    --------
    >>> import cv2
    >>> import numpy as np
    >>> from pipelines.pages.orientation import upright_log_odds
    >>> page = np.full((400, 900), 255, dtype=np.uint8)
    >>> for y in range(60, 380, 60):
    ...     _ = cv2.putText(page, "the old bird had lunch", (20, y), 0, 2, 0, 3)
    >>> upright_log_odds(page) > 1 > -1 > upright_log_odds(page[::-1, ::-1].copy())
    True
    """
    check_image(page, caller="upright_log_odds")
    votes = np.zeros(2)
    height = len(page)
    # From the middle outwards: most pages have margins and headings.
    for index in sorted(range(_BANDS), key=lambda n: abs(n - _BANDS // 2)):
        rows = (index * height // _BANDS, (index + 1) * height // _BANDS)
        if rows[0] < rows[1]:
            band = _straight_band(page, rows, skew)
            votes += _votes(_letters(band, _SIZE / max(page.shape)))
        for_upright, against = votes
        # Figures and capitals vote at random: what is divided counts for little.
        agreement = (for_upright - against) / max(for_upright + against, 1)
        log_odds = _LOG_ODDS_PER_VOTE * (for_upright - against) * abs(agreement)
        if abs(log_odds) >= _LARGEST_LOG_ODDS:
            break
    return float(np.clip(log_odds, -_LARGEST_LOG_ODDS, _LARGEST_LOG_ODDS))


def _straight_band(page: Image, rows: tuple[int, int], skew: float) -> Image:
    """Cut rows out of a page after it has been straightened."""
    if abs(skew) < _LEAST_SKEW:
        return page[slice(*rows)]
    height, width = page.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -skew, 1.0)
    matrix[1, 2] -= rows[0]
    size = (width, rows[1] - rows[0])
    straight: Image = cv2.warpAffine(
        page, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return straight


def _votes(letters: NDArray[np.float64]) -> tuple[int, int]:
    """Count the letters that rise above a neighbour, and those that hang below."""
    if len(letters) < 2:
        return 0, 0
    left, top, width, height = letters.T
    typical = float(np.median(height))
    gap = left - (left + width)[:, None]
    level = np.abs((top + height / 2) - (top + height / 2)[:, None])
    near = (gap > -0.2 * typical) & (gap < 0.8 * typical) & (level < 0.7 * typical)
    np.fill_diagonal(near, False)
    ones = np.flatnonzero(near.any(axis=1))
    others = np.where(near, gap, np.inf).argmin(axis=1)[ones]
    rise = np.abs(top[ones] - top[others]) / typical
    drop = np.abs((top + height)[ones] - (top + height)[others]) / typical
    # The two stand on one line and differ by an ascender, or hang from one and
    # differ by a descender.
    return int(np.sum((drop < 0.12) & (rise > 0.2))), int(
        np.sum((rise < 0.12) & (drop > 0.2))
    )


def _letters(page: Image, scale: float) -> NDArray[np.float64]:
    """Boxes ``(left, top, width, height)`` of components as high as letters."""
    small = shrink(page, scale)
    dark = (cv2.subtract(cv2.blur(small, (31, 31)), small) > _CONTRAST).view(np.uint8)
    boxes = find_components(dark).stats[1:, :4].astype(np.float64)
    width, height = boxes[:, 2], boxes[:, 3]
    print_sized = (height >= 6) & (height <= 40) & (width >= 2) & (width <= 40)
    boxes = boxes[print_sized][:_MOST_LETTERS]
    if not len(boxes):
        return boxes
    typical = np.median(boxes[:, 3])
    return boxes[(boxes[:, 3] > 0.6 * typical) & (boxes[:, 3] < 1.9 * typical)]
