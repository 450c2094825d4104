"""QR codes and bar codes on pages."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image, check_image
from pipelines.outcomes import ArraysCompare

# Larger pages are reduced: at 300 dpi A4 has 3508 pixels, and codes are no finer.
_LARGEST_SIDE: Final = 3600

# Ragged edges of black and white scans hide what a code is found by.
_BLUR: Final = 1.0

# A bar code has one check digit: it is believed if two of these copies say the same.
_BAR_SCALES: Final = (1.0, 0.8, 0.65)
_FEWEST_ALIKE: Final = 2


@dataclass(frozen=True, eq=False)
class Code(ArraysCompare):
    """A code that was found on a page.

    Attributes
    ----------
    text : str
        What it says.

    quad : ndarray of shape (4, 2), dtype float64
        Its corners ``(x, y)`` on the page.
    """

    text: str
    quad: NDArray[np.float64]


def find_codes(page: Image) -> tuple[Code, ...]:
    """Find QR codes and the bar codes of goods on a page, whichever way it lies.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page, dark ink on light paper.

    Returns
    -------
    codes : tuple of Code
        Those that could be read: QR codes, EAN-13, EAN-8, UPC-A and UPC-E. Others, as
        Code 39 and Code 128, are not.

    Raises
    ------
    TypeError, ValueError
        If `page` is not an image.

    Notes
    -----
    Takes a seventh of a second for an A4 page at 200 dpi. A module, the smallest square
    of a QR code, must have three pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.piles import print_code
    >>> from pipelines.pages.codes import find_codes
    >>> page = np.full((400, 400), 255, np.uint8)
    >>> print_code(page, "SHEET 0012", (100, 100, 150, 150))
    >>> [code.text for code in find_codes(page)]
    ['SHEET 0012']
    """
    check_image(page, caller="find_codes")
    scale = min(1.0, _LARGEST_SIDE / max(page.shape))
    reduced = _scaled(page, scale)
    codes = list(_find_qr(reduced)) or list(_find_qr(_blurred(reduced)))
    codes += _find_bars(reduced)
    return tuple(Code(code.text, code.quad / scale) for code in codes)


def _scaled(page: Image, scale: float) -> Image:
    if scale == 1:
        return page
    resized = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.uint8)


def _blurred(page: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(page, (0, 0), _BLUR), dtype=np.uint8)


def _find_qr(page: Image) -> Iterator[Code]:
    _, texts, quads, _ = cv2.QRCodeDetectorAruco().detectAndDecodeMulti(page)
    # What is found and cannot be read has no text.
    for text, quad in zip(texts, () if quads is None else quads, strict=True):
        if text:
            yield Code(text, np.asarray(quad, dtype=np.float64).reshape(4, 2))


def _find_bars(page: Image) -> list[Code]:
    """Find bar codes on several copies, and keep those on which they agree."""
    found: list[Code] = []
    for scale in _BAR_SCALES:
        detector = cv2.barcode.BarcodeDetector()
        _, texts, quads, _ = detector.detectAndDecodeMulti(_scaled(page, scale))
        for text, quad in zip(texts, () if quads is None else quads, strict=True):
            if text:
                corners = np.asarray(quad, dtype=np.float64).reshape(4, 2)
                found.append(Code(text, corners / scale))
    times = Counter(code.text for code in found)
    kept = {code.text: code for code in reversed(found)}
    return [kept[text] for text in kept if times[text] >= _FEWEST_ALIKE]
