"""Quads on pages: four corners, clockwise from the upper left one."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image

Points = NDArray[np.float64]
Matrix = NDArray[np.float64]


def cut_quad(page: Image, quad: Points, margin: float) -> tuple[Image, float, Matrix]:
    """Cut a quad out of its page, straight, with some page around it.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page.

    quad : ndarray of shape (4, 2), dtype float64
        Corners ``(x, y)`` in page pixels.

    margin : float
        Page kept on every side, as a share of the height of the quad.

    Returns
    -------
    cut : ndarray of shape (height, width), dtype uint8
        At the resolution of the page. What lies off the page repeats its edge.

    pad : float
        The margin in pixels.

    matrix : ndarray of shape (3, 3), dtype float64
        Maps ``(x, y)`` on the page to ``(x, y)`` in the cut.
    """
    width = np.linalg.norm(quad[1] - quad[0] + quad[2] - quad[3]) / 2
    height = np.linalg.norm(quad[3] - quad[0] + quad[2] - quad[1]) / 2
    pad = margin * height
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]]) + pad
    matrix = cv2.getPerspectiveTransform(
        quad.astype(np.float32), frame.astype(np.float32)
    )
    size = (round(width + 2 * pad), round(height + 2 * pad))
    field = cv2.warpPerspective(
        page, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return field, float(pad), matrix
