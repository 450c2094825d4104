"""Semeion's digits, brought to the form of MNIST's by the package's own normaliser."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines import GlyphNormalizer

# Semeion's makers stretched every digit to a square. The mean width of MNIST's digits
# over their height, measured on 6,000 of its training set, undoes that for most.
_ASPECT = 0.77

# Pixels for one of theirs: a scan has more than 16 over the height of a digit.
_ZOOM = 6


def load_semeion(folder: Path) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return glyphs of shape (1593, 28, 28), and their labels."""
    with np.load(folder / "semeion_16x16.npz") as file:
        bitmaps, labels = file["x"].reshape(-1, 16, 16), file["y"]
    glyphs = GlyphNormalizer().transform([_as_scanned(bitmap) for bitmap in bitmaps])
    return glyphs, labels if labels.ndim == 1 else labels.argmax(axis=1)


def _as_scanned(bitmap: NDArray[Any]) -> NDArray[np.uint8]:
    """Draw a bitmap as dark ink on paper, in its likely proportions."""
    ink = np.pad(bitmap, 1)
    return 255 - cv2.resize(ink, None, fx=_ASPECT * _ZOOM, fy=_ZOOM)
