"""What the reader's own chain cuts from drawn boxes, to train and calibrate it on."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.datasets import has_test_split, load_dataset
from pipelines.drawing.boxes import NOTHING, OTHER, BoxArtist, DrawnRow
from pipelines.fields.combs import Frame
from pipelines.glyphs.cut import BoxCutter, Piece
from pipelines.glyphs.normalize import GlyphNormalizer
from pipelines.readers.base import clean_images
from pipelines.readers.field import cleaning_steps
from pipelines.training.marks import MARK_IMAGES, draw_mark_samples

NO_DIGIT: Final = 10
"""Label of glyphs that are none of the ten digits."""

CONTENTS: Final = (*"0123456789", NOTHING, OTHER)
"""What a box may hold, in the order of its labels."""

BOXES: Final = "boxes"
CONTENT_IMAGES: Final = "contents"
"""Data sets that are drawn: digits cut from boxes, and whole boxes."""

# Rows of five boxes on average that are drawn for training and for a test.
_N_ROWS: Final = {"train": 64_000, "test": 4_000}

# Seeds of pages with some 100 boxes to tick, which are drawn for training and a test.
_MARK_PAGES: Final = {"train": range(120), "test": range(1000, 1016)}


def load_samples(
    name: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    split: Literal["train", "test"] = "train",
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Load labelled images to train a classifier on, or draw them.

    Parameters
    ----------
    name : {"boxes", "contents", "marks"} or str or path
        "boxes": what the reader cuts from drawn boxes, with the label 10 where that is
        no digit, and the data set "forms". "contents": glyphs and whole boxes side by
        side, with the labels 10 for nothing and 11 for all else. "marks": boxes and
        circles to tick, with the labels of :func:`draw_mark_samples`. Others are those
        of :func:`lenet_sklearn.load_dataset`.

    data_dir : path, default=None
        Where the files of MNIST are, with whose digits boxes are drawn.

    split : {"train", "test"}, default="train"
        Which part: boxes of the test set hold digits of its writers.

    Returns
    -------
    X : ndarray of shape (n, height, width), dtype uint8
        Images, ink 255 on 0.

    y : ndarray of shape (n,)
        Labels.

    Raises
    ------
    ValueError
        If there is no such data set.

    Notes
    -----
    Drawing the boxes for a training takes about ten minutes on one core, and a
    gigabyte; drawing marks as long.
    """
    if name == MARK_IMAGES:
        return draw_mark_samples(_MARK_PAGES[split])
    if name not in (BOXES, CONTENT_IMAGES):
        return load_dataset(name, data_dir=data_dir, split=split)
    digits = load_dataset("mnist", data_dir=data_dir, split=split)
    samples = cut_rows(BoxArtist(*digits), range(_N_ROWS[split]))
    if name == CONTENT_IMAGES:
        return np.concatenate([samples.glyphs, samples.windows], 2), samples.contents
    X, y = load_dataset("forms", data_dir=data_dir, split=split)
    inked = samples.is_inked
    return (
        np.concatenate([samples.glyphs[inked], X]),
        np.concatenate([np.minimum(samples.contents[inked], NO_DIGIT), y]),
    )


def has_test_samples(name: str | os.PathLike[str]) -> bool:
    """Return whether a data set has a part that is not trained on.

    Parameters
    ----------
    name : str or path
        As for :func:`load_samples`.

    Returns
    -------
    has : bool
    """
    return name in (BOXES, CONTENT_IMAGES, MARK_IMAGES) or has_test_split(name)


@dataclass(frozen=True, eq=False)
class BoxSamples:
    """Boxes, and what they hold.

    Attributes
    ----------
    glyphs : ndarray of shape (n_samples, 28, 28), dtype uint8
        Their ink, normalised; empty where none was found.

    windows : ndarray of shape (n_samples, 28, 28), dtype uint8
        The boxes as they lie in their fields.

    contents : ndarray of shape (n_samples,), dtype int64
        The digit, 10 for nothing that is to be read, 11 for all else.

    is_inked : ndarray of shape (n_samples,), dtype bool
        Whether the cutter found something to read.
    """

    glyphs: NDArray[np.uint8]
    windows: NDArray[np.uint8]
    contents: NDArray[np.int64]
    is_inked: NDArray[np.bool_]


def cut_rows(artist: BoxArtist, indices: Iterable[int]) -> BoxSamples:
    """Draw rows of boxes, and cut them as a reader does.

    Parameters
    ----------
    artist : BoxArtist
        Draws the rows.

    indices : iterable of int
        Which rows.

    Returns
    -------
    samples : BoxSamples
        One for each box of the rows.

    Examples
    --------
    >>> from lenet_sklearn import load_dataset
    >>> from pipelines.drawing.boxes import BoxArtist
    >>> from pipelines.training.boxes import cut_rows
    >>> samples = cut_rows(BoxArtist(*load_dataset("digits")), range(3))
    >>> samples.glyphs.shape == samples.windows.shape
    True
    """
    pieces: list[Piece] = []
    contents: list[str] = []
    for index in indices:
        row = artist.draw_row(index)
        pieces += _cut(row)
        contents += row.contents
    glyphs = GlyphNormalizer().transform([piece.image for piece in pieces])
    return BoxSamples(
        glyphs,
        np.array([piece.window for piece in pieces], dtype=np.uint8),
        np.array([CONTENTS.index(content) for content in contents]),
        np.array([piece.kind == "digit" for piece in pieces]),
    )


def _cut(row: DrawnRow) -> list[Piece]:
    steps = [step for _, step in cleaning_steps()]
    [field] = clean_images(steps, [row.field])
    return BoxCutter().cut(field, Frame(*row.box, len(row.contents), ruled=row.ruled))
