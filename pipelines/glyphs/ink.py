"""Separate ink from paper, and lift it off."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image

Mask = NDArray[np.uint8]

# On flattened paper (255), grain and JPEG ringing stay above this level.
_PAPER = 225

# Faint residues, of light print or of shadows, are lighter than any pencil.
_FAINTEST_INK = 210

# With fewer dark pixels than this share, there is nothing but paper.
_LEAST_INK = 0.001


def ink_level(pixels: NDArray[np.uint8]) -> float | None:
    """Estimate the grey level of the ink among pixels of a flattened field.

    Parameters
    ----------
    pixels : ndarray of any shape, dtype uint8
        Paper of 255 and ink; no printed lines.

    Returns
    -------
    level : float or None
        None where there is only paper.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.glyphs.ink import ink_level
    >>> pixels = np.full(1000, 250, dtype=np.uint8)
    >>> ink_level(pixels) is None
    True
    >>> pixels[:60] = 40
    >>> ink_level(pixels)
    40.0
    """
    dark = pixels[pixels < _PAPER]
    if dark.size < _LEAST_INK * pixels.size or dark.size == 0:
        return None
    # The darker quarter: guides printed in light grey may outnumber the ink,
    # and black specks must not stand for a pencil.
    level = float(np.percentile(dark, 25))
    return level if level < _FAINTEST_INK else None


def ink_mask(field: Image, level: float) -> Mask:
    """Mark the pixels that are nearer to the ink than to the paper.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Flattened field, dark ink on paper of 255.

    level : float
        Grey level of the ink, from :func:`ink_level`.

    Returns
    -------
    mask : ndarray of shape (height, width), dtype uint8
        1 where there is ink, 0 elsewhere.
    """
    return (field < (255 + level) / 2).view(np.uint8)


def lift_ink(field: Image, mask: Mask, level: float) -> Image:
    """Lift the ink under a mask off its field.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Flattened field, dark ink on paper of 255.

    mask : ndarray of shape (height, width), dtype uint8
        1 on the ink wanted, 0 elsewhere.

    level : float
        Grey level of the ink, from :func:`ink_level`.

    Returns
    -------
    image : ndarray, dtype uint8
        The ink with its grey edges on white paper, cropped, stretched so that
        it is black.
    """
    left, top, width, height = cv2.boundingRect(mask)
    rows = slice(max(top - 1, 0), top + height + 1)
    columns = slice(max(left - 1, 0), left + width + 1)
    near = cv2.dilate(mask[rows, columns], np.ones((3, 3), np.uint8))
    paper = 255.0 - field[rows, columns]
    ink = np.clip(paper * (255 / (255 - level)), 0, 255)
    return np.where(near > 0, 255 - ink, 255).astype(np.uint8)
