"""Look at a whole box as it lies in its field, not only at the ink in it."""

from typing import Final

import cv2
import numpy as np

from pipelines.images import Image

SIDE: Final = 28

# Pixels of the longer side of a box in its window.
_BOX: Final = 22

# What is this much darker than the paper is shown as black at least: on empty paper
# the grain must not be enlarged to marks.
_LEAST_CONTRAST: Final = 24.0

# Share of the pixels of a box that may be darker than what is shown as black.
_DARKEST: Final = 0.01


def look_into(field: Image, box: tuple[float, float, float, float]) -> Image:
    """Show one box of a field and a margin round it, as a network takes it.

    A digit keeps its size and place in the box here, which a glyph loses. The contrast
    is stretched by what is darkest in the box: faint writing is seen, and so is grain.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Flattened field, dark ink on paper of 255, without printed lines.

    box : tuple of float
        Left, top, right and bottom, in pixels.

    Returns
    -------
    window : ndarray of shape (28, 28), dtype uint8
        Ink 255 on 0; the longer side of the box takes 22 pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.glyphs.windows import look_into
    >>> field = np.full((60, 60), 255, np.uint8)
    >>> field[15:45, 28:32] = 220
    >>> window = look_into(field, (10.0, 10.0, 50.0, 50.0))
    >>> window.shape, int(window[14].max()), int(window[2].max())
    ((28, 28), 255, 0)
    """
    left, top, right, bottom = box
    scale = _BOX / max(right - left, bottom - top, 1.0)
    middle = np.array([left + right, top + bottom]) / 2
    # Averaged over what becomes a pixel, as far as a blur does.
    reach = SIDE / scale / 2
    low = np.floor(middle - reach).astype(int)
    side = int(np.ceil(2 * reach))
    part = _cut(field, low, side)
    small = cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    darkness = 255.0 - small
    darkest = float(np.quantile(darkness, 1 - _DARKEST))
    shown = darkness * (255 / max(darkest, _LEAST_CONTRAST))
    return np.clip(shown, 0, 255).astype(np.uint8)


def _cut(field: Image, low: np.ndarray, side: int) -> Image:
    """Cut out a square; what lies off the field is paper."""
    height, width = field.shape
    left, top = (max(-int(n), 0) for n in low)
    right = max(int(low[0]) + side - width, 0)
    bottom = max(int(low[1]) + side - height, 0)
    x, y = (max(int(n), 0) for n in low)
    inner = field[y : int(low[1]) + side, x : int(low[0]) + side]
    edge = cv2.BORDER_CONSTANT
    return np.asarray(
        cv2.copyMakeBorder(inner, top, bottom, left, right, edge, value=255)
    )
