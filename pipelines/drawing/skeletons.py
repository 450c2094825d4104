"""Digits as lines one pixel wide, which pens of any width can follow."""

from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pipelines.drawing.shapes import COPYBOOK, Points, Stroke
from pipelines.drawing.writers import smooth_stroke
from pipelines.images import Image

# Side of a skeleton's image: twice MNIST's, so that the holes of an 8 stay open.
SIDE: Final = 56

# Grey value from which on an enlarged glyph is ink; lower than a half, because the
# small glyphs' thin strokes do not reach white.
_INK: Final = 100

# Glyphs thinned in one image; 64 of them, with a copy or two, fit into a level-2 cache.
_CHUNK: Final = 64

# Each pass takes a pixel off every side; strokes are at most a third of a glyph wide.
_MAX_PASSES: Final = 12

# Weights of the neighbours in the code of a pixel, clockwise from the north.
_CODE: Final = np.array([[128, 1, 2], [64, 0, 4], [32, 16, 8]], np.float32)

# Control points of the copybook's shapes move by this deviation, in heights of a
# digit, with every drawing.
_LOOSENESS: Final = 0.03

# A copybook digit's height in the image, and the empty border the drawing keeps.
_HEIGHT: Final = 40
_BORDER: Final = 2


def thin_glyphs(glyphs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Thin glyphs to lines one pixel wide.

    All of a chunk are thinned together by Zhang and Suen's algorithm [1]_, whose
    rule for a pixel's eight neighbours is looked up in a table.

    Parameters
    ----------
    glyphs : ndarray of shape (n, height, width), dtype uint8
        Ink 255 on 0, square.

    Returns
    -------
    skeletons : ndarray of shape (n, 392), dtype uint8
        For each glyph the bits of an image of 56 x 56, as :func:`numpy.packbits`
        packs them.

    Notes
    -----
    MNIST's 60,000 take a few seconds and 24 MB.

    References
    ----------
    .. [1] T. Y. Zhang, C. Y. Suen, "A fast parallel algorithm for thinning digital
       patterns", Communications of the ACM 27(3), pp. 236-239, 1984.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.skeletons import thin_glyphs, unpack_skeleton
    >>> glyph = np.zeros((1, 28, 28), dtype=np.uint8)
    >>> glyph[0, 4:24, 12:16] = 255
    >>> skeleton = unpack_skeleton(thin_glyphs(glyph)[0])
    >>> int(skeleton[28].sum()), bool(skeleton.sum() > 25)
    (1, True)
    """
    starts = range(0, len(glyphs), _CHUNK)
    chunks = [_thin_chunk(glyphs[start : start + _CHUNK]) for start in starts]
    return np.concatenate([np.empty((0, SIDE * SIDE // 8), np.uint8), *chunks])


def draw_copybook(labels: list[str], rng: Generator) -> NDArray[np.uint8]:
    """Draw the skeletons of digits as copybooks and hasty hands have them.

    Parameters
    ----------
    labels : list of str
        Digits to draw.

    rng : numpy.random.Generator
        Source of the shapes.

    Returns
    -------
    skeletons : ndarray of shape (n, 392), dtype uint8
        As :func:`thin_glyphs` returns them.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.skeletons import draw_copybook
    >>> draw_copybook(["5", "7"], np.random.default_rng(0)).shape
    (2, 392)
    """
    skeletons = np.zeros((len(labels), SIDE, SIDE), np.uint8)
    for skeleton, label in zip(skeletons, labels, strict=True):
        shapes = COPYBOOK[label]
        _trace(skeleton, shapes[int(rng.integers(len(shapes)))], rng)
    return np.packbits(skeletons.reshape(len(labels), -1), axis=1)


def unpack_skeleton(packed: NDArray[np.uint8]) -> Image:
    """Turn a row of :func:`thin_glyphs` into an image of ones on zeros.

    Parameters
    ----------
    packed : ndarray of shape (392,), dtype uint8
        The bits.

    Returns
    -------
    skeleton : ndarray of shape (56, 56), dtype uint8
        One on the lines, zero elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.skeletons import unpack_skeleton
    >>> unpack_skeleton(np.zeros(392, dtype=np.uint8)).shape
    (56, 56)
    """
    return np.unpackbits(packed).reshape(SIDE, SIDE)


def ends_of(skeleton: Image) -> Points:
    """Find the ends of a skeleton's lines.

    Parameters
    ----------
    skeleton : ndarray of shape (56, 56), dtype uint8
        One on the lines, zero elsewhere.

    Returns
    -------
    ends : ndarray of shape (n_ends, 2), dtype float64
        ``x, y`` of pixels with one neighbour, from left to right.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.drawing.skeletons import ends_of
    >>> skeleton = np.zeros((56, 56), dtype=np.uint8)
    >>> skeleton[30, 10:40] = 1
    >>> ends_of(skeleton).tolist()
    [[10.0, 30.0], [39.0, 30.0]]
    """
    neighbours = cv2.boxFilter(skeleton, -1, (3, 3), normalize=False)
    y, x = np.nonzero((neighbours == 2) & (skeleton > 0))
    order = np.argsort(x, kind="stable")
    return np.column_stack([x[order], y[order]]).astype(np.float64)


def _thin_chunk(glyphs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Thin glyphs as one tall image; their empty borders keep them apart."""
    size = (SIDE, SIDE)
    large = [cv2.resize(glyph, size, interpolation=cv2.INTER_CUBIC) for glyph in glyphs]
    ink = (np.stack(large) > _INK).view(np.uint8)
    ink[:, [0, -1]] = 0
    ink[:, :, [0, -1]] = 0
    tall = ink.reshape(-1, SIDE)
    for _ in range(_MAX_PASSES):
        before = tall
        for table in _TABLES:
            codes = cv2.filter2D(tall, -1, _CODE, borderType=cv2.BORDER_CONSTANT)
            tall = cv2.bitwise_and(tall, cv2.LUT(codes, table))
        if np.array_equal(before, tall):
            break
    return np.packbits(tall.reshape(len(glyphs), -1), axis=1)


def _make_tables() -> tuple[Image, Image]:
    """For each code of neighbours, whether a pixel stays: on odd and on even steps."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    count = bits.sum(axis=1)
    # Steps from paper to ink on the way round: one, or the pixel joins two strokes.
    rises = ((bits == 0) & (np.roll(bits, -1, axis=1) == 1)).sum(axis=1)
    edge = (count >= 2) & (count <= 6) & (rises == 1)
    north, east, south, west = bits[:, [0, 2, 4, 6]].T == 1
    odd = edge & ~(north & east & south) & ~(east & south & west)
    even = edge & ~(north & east & west) & ~(north & south & west)
    return (~odd).astype(np.uint8), (~even).astype(np.uint8)


def _trace(skeleton: NDArray[np.uint8], shape: list[Stroke], rng: Generator) -> None:
    """Draw the strokes of a shape, moved a little, in place."""
    paths = [smooth_stroke(_moved(stroke, rng)) for stroke in shape]
    points = np.concatenate(paths)
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    scale = (SIDE - 2 * _BORDER - 1) / max(extent.max(), (SIDE - 5) / _HEIGHT)
    shift = (SIDE - 1 - scale * extent) / 2
    for path in paths:
        fixed = np.rint(((path - low) * scale + shift) * 16).astype(np.int32)
        cv2.polylines(skeleton, [fixed], False, 1, 1, cv2.LINE_8, 4)


def _moved(stroke: Stroke, rng: Generator) -> Stroke:
    """Move control points by chance."""
    return [points + rng.normal(0, _LOOSENESS, points.shape) for points in stroke]


_TABLES: Final = _make_tables()
