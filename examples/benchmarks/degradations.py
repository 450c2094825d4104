"""Ways to spoil a page that was scanned well, one at a time."""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from pipelines.images import Image


def resize_page(page: Image, *, dpi: int) -> Image:
    """Resample a page of 200 dpi."""
    scale = dpi / 200
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(page, None, fx=scale, fy=scale, interpolation=method)


def turn_page(page: Image, *, degrees: float) -> Image:
    """Turn a page counter-clockwise on a sheet that is large enough for it."""
    height, width = page.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    cos, sin = np.abs(matrix[0, :2])
    size = round(width * cos + height * sin), round(width * sin + height * cos)
    matrix[:, 2] += (np.array(size) - (width, height)) / 2
    return cv2.warpAffine(page, matrix, size, borderValue=255)


def compress_page(page: Image, *, quality: int) -> Image:
    """Store a page as a JPEG, and read it again."""
    _, content = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)


def speckle_page(page: Image, *, share: float) -> Image:
    """Make a share of the pixels black or white, as many of each."""
    draw = np.random.default_rng(0).random(page.shape)
    return np.where(draw < share, np.where(draw < share / 2, 0, 255), page).astype("u1")


def shade_page(page: Image, *, darkest: float) -> Image:
    """Let the light fall from full at the upper left corner to a share of it."""
    down, right = (np.linspace(0, 0.5, n, dtype=np.float32) for n in page.shape)
    light = 1 - (1 - darkest) * (down[:, None] + right)
    return (page * light).astype(np.uint8)


DEGRADATIONS: dict[str, Callable[[Image], Image]] = {
    "at 150 dpi": partial(resize_page, dpi=150),
    "at 300 dpi": partial(resize_page, dpi=300),
    "turned by +8 degrees": partial(turn_page, degrees=8),
    "turned by -8 degrees": partial(turn_page, degrees=-8),
    "JPEG quality 40": partial(compress_page, quality=40),
    "2 % salt and pepper": partial(speckle_page, share=0.02),
    "uneven light (down to 40 %)": partial(shade_page, darkest=0.4),
}
