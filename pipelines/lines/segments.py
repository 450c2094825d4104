"""Read strings by over-segmentation and a best path."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image
from pipelines.lines.arcs import Arcs, draw_glyphs, join_pieces
from pipelines.lines.cuts import Pieces, cut_writing
from pipelines.lines.geometry import MARK, WHOLE, WRONG, Geometry
from pipelines.lines.lattice import Lattice, read_lattice
from pipelines.lines.writing import Writing, find_writing

Floats = NDArray[np.float64]

# Columns of the classifier of arcs, and of a lattice's scores: the ten digits, and
# what is none, which is passed over.
NO_DIGIT = 10
CHARACTERS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "")

# Posteriors are kept away from 0 by this much, as no training set is larger.
_LEAST = 1e-5


@dataclass(frozen=True)
class Segments:
    """A field, cut and joined again in all ways.

    Attributes
    ----------
    writing : Writing
        The ink.

    pieces : Pieces
        What it is cut into.

    arcs : Arcs
        What pieces may be joined to.

    glyphs : ndarray of shape (n_arcs, 28, 28), dtype uint8
        How each looks.
    """

    writing: Writing
    pieces: Pieces
    arcs: Arcs
    glyphs: NDArray[np.uint8]


@dataclass(frozen=True)
class SegmentModel:
    """What is known about pieces of writing.

    Attributes
    ----------
    classifier : classifier
        Tells the labels 0 to 9 and `NO_DIGIT` for images of 28 x 28.

    geometry : Geometry
        Tells `WHOLE` digits from `MARK` and `WRONG`, by the measures of an arc
        and what `classifier` says.

    temperature : float
        What the scores of a lattice are divided by, so that its probabilities
        are honest.
    """

    classifier: Any
    geometry: Geometry
    temperature: float = 1.0


@dataclass(frozen=True)
class LineReading:
    """One string, as it may stand in a field.

    Attributes
    ----------
    text : str
        The digits.

    probability : float
        That this is what the field says, in [0, 1].

    boxes : tuple of (top, left, height, width)
        Where each digit lies in the field, in pixels.
    """

    text: str
    probability: float
    boxes: tuple[tuple[int, int, int, int], ...]


def segment_field(field: Image) -> Segments | None:
    """Cut a field, and join the pieces in all ways that may be digits.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Grey field, dark ink on lighter paper.

    Returns
    -------
    segments : Segments or None
        None where there is nothing but paper.
    """
    writing = find_writing(field)
    if writing is None:
        return None
    pieces = cut_writing(writing)
    if not len(pieces):
        return None
    arcs = join_pieces(pieces, writing)
    return Segments(writing, pieces, arcs, draw_glyphs(arcs, pieces, writing))


def build_lattices(
    segments: Sequence[Segments | None], model: SegmentModel
) -> list[Lattice | None]:
    """Score all arcs of all fields at once.

    A path claims that each of its arcs is a whole digit, or a mark, and that no
    other arc is. The probability of all that, divided by that of no arc being
    one, is a product over the arcs of the path alone: of their odds.

    Parameters
    ----------
    segments : sequence of n_fields Segments or None
        Cut fields.

    model : SegmentModel
        What is known about pieces.

    Returns
    -------
    lattices : list of n_fields Lattice or None
        None for a field without ink.
    """
    found = [s for s in segments if s is not None]
    if not found:
        return [None] * len(segments)
    posteriors = classify_arcs(found, model.classifier)
    scores = score_arcs(found, posteriors, model.geometry) / model.temperature
    counts = np.cumsum([len(s.arcs) for s in found])[:-1]
    by_field = iter(np.split(scores, counts))
    return [
        None
        if s is None
        else Lattice(s.arcs.starts, s.arcs.stops, next(by_field), CHARACTERS)
        for s in segments
    ]


def score_arcs(
    segments: Sequence[Segments], posteriors: Floats, geometry: Geometry
) -> Floats:
    """Compute the logarithm of the odds of every character on every arc.

    Parameters
    ----------
    segments : sequence of Segments
        Cut fields, at least one.

    posteriors : ndarray of shape (n_arcs, 11), dtype float64
        From :func:`classify_arcs`, over the arcs of all fields.

    geometry : Geometry
        What is known about measures.

    Returns
    -------
    scores : ndarray of shape (n_arcs, 11), dtype float64
        For the characters `CHARACTERS`.
    """
    kinds = geometry.predict(describe_arcs(segments, posteriors))
    odds = np.log(np.maximum(kinds, _LEAST))
    odds -= odds[:, [WRONG]]
    digits = posteriors[:, :NO_DIGIT]
    scores = np.empty((len(posteriors), len(CHARACTERS)))
    scores[:, :NO_DIGIT] = odds[:, [WHOLE]] + np.log(
        np.maximum(digits / digits.sum(axis=1, keepdims=True), _LEAST)
    )
    single = np.concatenate([s.arcs.stops - s.arcs.starts == 1 for s in segments])
    # Marks are passed over piece by piece: there is one way to do that.
    scores[:, NO_DIGIT] = np.where(single, odds[:, MARK], -np.inf)
    return scores


def classify_arcs(segments: Sequence[Segments], classifier: Any) -> Floats:
    """Classify the glyphs of all fields in one call.

    Parameters
    ----------
    segments : sequence of Segments
        Cut fields.

    classifier : classifier
        As in :class:`SegmentModel`.

    Returns
    -------
    posteriors : ndarray of shape (n_arcs, 11), dtype float64
        Of the ten digits and of no digit.
    """
    glyphs = np.concatenate([s.glyphs for s in segments])
    posteriors: Floats = np.maximum(classifier.predict_proba(glyphs), _LEAST)
    return posteriors


def describe_arcs(segments: Sequence[Segments], posteriors: Floats) -> Floats:
    """Describe arcs for the model of their geometry.

    Parameters
    ----------
    segments : sequence of Segments
        Cut fields.

    posteriors : ndarray of shape (n_arcs, 11), dtype float64
        From :func:`classify_arcs`.

    Returns
    -------
    features : ndarray of shape (n_arcs, n_features), dtype float64
        Measures, what the classifier says, and which digit it would be.
    """
    measures = np.concatenate([s.arcs.measures for s in segments])
    digits = posteriors[:, :NO_DIGIT]
    shares = digits / digits.sum(axis=1, keepdims=True)
    odds = np.log(digits.sum(axis=1) / posteriors[:, NO_DIGIT])
    doubt = -(shares * np.log(shares)).sum(axis=1)
    return np.column_stack([measures, odds, doubt, shares])


def read_lines(
    fields: Sequence[Image],
    model: SegmentModel,
    *,
    n_best: int = 1,
    lengths: Collection[int] | None = None,
    mask: str | None = None,
) -> list[list[LineReading]]:
    """Read digits that are written without boxes.

    Parameters
    ----------
    fields : sequence of n_fields ndarrays of shape (height, width), dtype uint8
        Grey fields, dark ink on lighter paper.

    model : SegmentModel
        What is known about pieces of writing.

    n_best : int, default=1
        How many strings are wanted for each field.

    lengths : collection of int, default=None
        Lengths a string may have; None for any.

    mask : str, default=None
        What strings look like, as for :func:`read_lattice`.

    Returns
    -------
    readings : list of n_fields lists of LineReading
        The most probable first. A field without ink says ``""``, surely, where
        that is allowed.
    """
    segments = [segment_field(field) for field in fields]
    lattices = build_lattices(segments, model)
    return [
        _read(s, lattice, n_best, lengths, mask)
        for s, lattice in zip(segments, lattices, strict=True)
    ]


def locate_box(box: NDArray[np.int64], writing: Writing) -> tuple[int, int, int, int]:
    """Find where a box of the upright writing lies in its field.

    Parameters
    ----------
    box : ndarray of shape (4,), dtype int64
        Top, left, height and width.

    writing : Writing
        The upright writing.

    Returns
    -------
    box : tuple of (top, left, height, width)
        The same in pixels of the field; of leaning digits the middle part, which
        overlaps its neighbours least.
    """
    top, left, height, width = (float(side) for side in box)
    back = cv2.invertAffineTransform(writing.matrix)
    middle = top + height / 2
    ends = np.array([[left, middle, 1], [left + width, middle, 1]]) @ back.T
    rows = np.array([top, top + height]) / writing.scale
    return (
        round(float(rows[0])),
        max(0, round(float(ends[0, 0]))),
        max(1, round(float(rows[1] - rows[0]))),
        max(1, round(float(ends[1, 0] - ends[0, 0]))),
    )


def _read(
    segments: Segments | None,
    lattice: Lattice | None,
    n_best: int,
    lengths: Collection[int] | None,
    mask: str | None,
) -> list[LineReading]:
    if segments is None or lattice is None:
        empty_fits = mask in (None, "") and (lengths is None or 0 in lengths)
        return [LineReading("", 1.0, ())] if empty_fits else []
    readings = read_lattice(lattice, n_best=n_best, lengths=lengths, mask=mask)
    boxes = segments.arcs.boxes
    return [
        LineReading(
            reading.text,
            reading.probability,
            tuple(locate_box(boxes[n], segments.writing) for n in reading.arcs),
        )
        for reading in readings
    ]
