"""Convert what an image file holds to grey: the one place where it happens."""

from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from pipelines.images import Image

# Two tags of TIFF 6.0 (section 8), and the value for paper stored as zero.
_BITS_PER_SAMPLE = 258
_PHOTOMETRIC = 262
_WHITE_IS_ZERO = 0


def to_grey(image: PIL.Image.Image) -> Image:
    """Convert an image of any mode to grey, its transparent parts to paper.

    Parameters
    ----------
    image : PIL.Image.Image
        An image of any mode: 1 bit, palette, colour, CMYK, 16 or 32 bits, float,
        with or without an alpha channel.

    Returns
    -------
    grey : ndarray of shape (height, width), dtype uint8
        The luma of ITU-R BT.601; NaN is paper.

    Examples
    --------
    >>> import PIL.Image
    >>> from pipelines.scans.grey import to_grey
    >>> to_grey(PIL.Image.new("RGB", (2, 1), "red")).tolist()
    [[76, 76]]
    """
    if image.mode.startswith(("I", "F")):
        return _to_bytes(image)
    if image.mode == "LAB":
        return np.array(image.getchannel("L"))
    if not image.has_transparency_data:
        return np.array(image.convert("L"))
    opaque = image.convert("RGBA")
    paper = PIL.Image.new("L", image.size, "white")
    paper.paste(opaque.convert("L"), mask=opaque.getchannel("A"))
    return np.array(paper)


def _to_bytes(image: PIL.Image.Image) -> Image:
    """Scale the grey of a 16-bit, 32-bit or float image to 0..255."""
    samples = np.nan_to_num(np.asarray(image, dtype=np.float32), nan=np.inf)
    white = _white_level(image, samples)
    grey: Image = np.rint(np.clip(samples / white, 0, 1) * 255).astype(np.uint8)
    tags: Any = getattr(image, "tag_v2", {})
    # Pillow inverts such TIFFs by itself only up to 8 bits.
    return 255 - grey if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else grey


def _white_level(image: PIL.Image.Image, samples: NDArray[np.float32]) -> float:
    """Return the sample value that stands for white paper."""
    tags: Any = getattr(image, "tag_v2", {})
    bits = min(tags.get(_BITS_PER_SAMPLE, (16,))[0], 16)
    # Where white is zero, the largest sample is ink and tells nothing of paper.
    told = bits < 16 or tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    if told and image.mode.startswith("I;16"):
        return float(2**bits - 1)
    # Nothing else in the file says it: the least full scale that holds every sample.
    # Scanners of 10 to 14 bits put theirs into files of 16.
    scales = [2.0**bits - 1 for bits in (8, 10, 12, 14, 16)]
    if image.mode == "F":
        scales.insert(0, 1.0)
    largest = float(np.max(samples, initial=0.0, where=np.isfinite(samples)))
    return next((scale for scale in scales if scale >= largest), largest)
