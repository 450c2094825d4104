"""Read strings by over-segmentation and a best path."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.models.files import ModelFileError, weights_of_part
from lenet_sklearn.models.registry import Kind, pack_model, register_kind, unpack_model
from lenet_sklearn.strings.lattice import Lattice, align_text, read_lattice, score_all
from pipelines.images import Floats, Image
from pipelines.lines.arcs import (
    Arcs,
    Geometry,
    check_geometry,
    draw_glyphs,
    join_pieces,
)
from pipelines.lines.cuts import USUAL, Cutting, Pieces, cut_writing
from pipelines.lines.ink import Writing, find_writing
from pipelines.memory import map_images

# Columns of the classifier of arcs, and of a lattice's scores: the ten digits, and
# what is none, which is passed over.
NO_DIGIT = 10
GLYPH_SHAPE = (28, 28)
CHARACTERS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "")

# Fields whose arcs are classified in one call: few enough that memory does not grow
# with their number.
_CHUNK = 64

Box = tuple[int, int, int, int]


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
class CuttingModel:
    """What is known about pieces of writing.

    Attributes
    ----------
    classifier : LeNet5Classifier
        Tells the labels 0 to 9 and `NO_DIGIT` for images of 28 x 28.

    geometry : Geometry
        What the measures of an arc say, for the same columns.

    cutting : Cutting, default=USUAL
        How the fields were cut that it learned from.
    """

    classifier: Any
    geometry: Geometry
    cutting: Cutting = USUAL


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
    boxes: tuple[Box, ...]


def segment_field(field: Image, cutting: Cutting = USUAL) -> Segments | None:
    """Cut a field, and join the pieces in all ways that may be digits.

    Parameters
    ----------
    field : ndarray of shape (height, width), dtype uint8
        Grey field, dark ink on lighter paper.

    cutting : Cutting, default=USUAL
        How finely it is cut, and what is joined.

    Returns
    -------
    segments : Segments or None
        None where there is nothing but paper.
    """
    writing = find_writing(field)
    if writing is None:
        return None
    pieces = cut_writing(writing, cutting)
    if not len(pieces):
        return None
    arcs = join_pieces(pieces, writing, cutting)
    return Segments(writing, pieces, arcs, draw_glyphs(arcs, pieces, writing))


def segment_fields(
    fields: Sequence[Image], cutting: Cutting = USUAL
) -> list[Segments | None]:
    """Cut several fields, or look up how they were cut before.

    Parameters
    ----------
    fields : sequence of n_fields ndarrays of shape (height, width), dtype uint8
        Grey fields, dark ink on lighter paper.

    cutting : Cutting, default=USUAL
        As for :func:`segment_field`.

    Returns
    -------
    segments : list of n_fields Segments or None
    """
    return map_images(segment_field, [(field,) for field in fields], (cutting,))


def build_lattices(
    segments: Sequence[Segments | None], model: CuttingModel
) -> list[Lattice | None]:
    """Score all arcs of all fields at once.

    Parameters
    ----------
    segments : sequence of n_fields Segments or None
        Cut fields.

    model : CuttingModel
        What is known about pieces.

    Returns
    -------
    lattices : list of n_fields Lattice or None
        None for a field without ink.
    """
    found = [s for s in segments if s is not None]
    if not found:
        return [None] * len(segments)
    counts = np.cumsum([len(s.arcs) for s in found])[:-1]
    by_field = iter(np.split(score_arcs(found, model), counts))
    return [
        None
        if s is None
        else Lattice(s.arcs.starts, s.arcs.stops, next(by_field), CHARACTERS)
        for s in segments
    ]


def score_arcs(segments: Sequence[Segments], model: CuttingModel) -> Floats:
    """Compute the score of every character on every arc.

    Only the sums of scores along whole paths mean something: their exponentials
    are in the ratio of the probabilities of the paths.

    Parameters
    ----------
    segments : sequence of Segments
        Cut fields, at least one.

    model : CuttingModel
        What is known about pieces.

    Returns
    -------
    scores : ndarray of shape (n_arcs, 11), dtype float64
        For the characters `CHARACTERS`.
    """
    glyphs = np.concatenate([s.glyphs for s in segments])
    logits = model.classifier.decision_function(glyphs)
    measures = np.concatenate([s.arcs.measures for s in segments])
    scores = logits - logits[:, [NO_DIGIT]] + model.geometry.score(measures)
    # Marks are passed over piece by piece: there is one way to do that.
    several = np.concatenate([s.arcs.stops - s.arcs.starts > 1 for s in segments])
    scores[several, NO_DIGIT] = -np.inf
    return scores


def read_lines(
    fields: Sequence[Image],
    model: CuttingModel,
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

    model : CuttingModel
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
        The most probable first. Their probabilities do not look at `lengths` and
        `mask`: a field that does not keep to them has improbable strings only, or
        none. A field without ink says ``""``, surely, where that is allowed.
    """
    empty_fits = mask in (None, "") and (lengths is None or 0 in lengths)
    readings = []
    for segments, lattice in _open(fields, model):
        if segments is None or lattice is None:
            readings.append([LineReading("", 1.0, ())] if empty_fits else [])
            continue
        total = score_all(lattice)
        readings.append([])
        for path in read_lattice(lattice, n_best=n_best, lengths=lengths, mask=mask):
            probability = float(np.exp(min(path.log_score - total, 0.0)))
            boxes = tuple(_boxes_of(path.arcs, segments))
            readings[-1].append(LineReading(path.text, probability, boxes))
    return readings


def locate_digits(
    fields: Sequence[Image], texts: Sequence[str], model: CuttingModel
) -> list[list[Box]]:
    """Find where the digits of known strings stand.

    Parameters
    ----------
    fields : sequence of n_fields ndarrays of shape (height, width), dtype uint8
        Grey fields, dark ink on lighter paper.

    texts : sequence of n_fields str
        What they say.

    model : CuttingModel
        What is known about pieces of writing.

    Returns
    -------
    boxes : list of n_fields lists of tuples of (top, left, height, width)
        Of each digit in its field, in pixels.

    Raises
    ------
    ValueError
        If a field cannot be read so, however it is cut.
    """
    boxes: list[list[Box]] = []
    opened = zip(_open(fields, model), texts, strict=True)
    for index, ((segments, lattice), text) in enumerate(opened):
        arcs: tuple[int, ...] | None = None if text else ()
        if lattice is not None:
            arcs = align_text(lattice, text)
        if arcs is None:
            raise ValueError(
                f"Sample {index}: the field has no room for {text!r}. Are fields and"
                " strings in the same order?"
            )
        boxes.append([] if segments is None else _boxes_of(arcs, segments))
    return boxes


def cut_digits(
    fields: Sequence[Image], texts: Sequence[str], model: CuttingModel
) -> tuple[NDArray[np.uint8], list[str]]:
    """Cut the digits of known strings out of fields.

    Parameters
    ----------
    fields : sequence of n_fields ndarrays of shape (height, width), dtype uint8
        Grey fields, dark ink on lighter paper.

    texts : sequence of n_fields str
        What they say.

    model : CuttingModel
        What is known about pieces of writing.

    Returns
    -------
    glyphs : ndarray of shape (n_digits, 28, 28), dtype uint8
        Upright, ink 255 on 0, as MNIST has them. Fields that cannot be read as their
        strings have none.

    labels : list of n_digits str
        What they are.
    """
    found, labels = [np.empty((0, *GLYPH_SHAPE), np.uint8)], ""
    for (segments, lattice), text in zip(_open(fields, model), texts, strict=True):
        arcs = align_text(lattice, text) if lattice is not None else None
        if segments is not None and arcs:
            found.append(segments.glyphs[list(arcs)])
            labels += text
    return np.concatenate(found), list(labels)


def locate_box(box: NDArray[np.int64], writing: Writing) -> Box:
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
    first = round(float(ends[0, 0]))
    last = first + round(float(ends[1, 0] - ends[0, 0]))
    # The middle part of what leans may lie beside the field.
    field_width = writing.field_shape[1]
    first = min(max(0, first), field_width - 1)
    last = max(first + 1, min(last, field_width))
    tall = max(1, round(float(rows[1] - rows[0])))
    return round(float(rows[0])), first, tall, last - first


def _open(
    fields: Sequence[Image], model: CuttingModel
) -> Iterator[tuple[Segments | None, Lattice | None]]:
    """Cut fields, and score what they are cut into."""
    for start in range(0, len(fields), _CHUNK):
        chunk = fields[start : start + _CHUNK]
        segments = segment_fields(chunk, model.cutting)
        yield from zip(segments, build_lattices(segments, model), strict=True)


def _boxes_of(arcs: Sequence[int], segments: Segments) -> list[Box]:
    return [locate_box(segments.arcs.boxes[n], segments.writing) for n in arcs]


# Names of weights begin so, according to what they belong to.
_CLASSIFIER = "classifier"
_GEOMETRY = "geometry"
_CUTTING = "cutting"


def pack_segments(
    model: CuttingModel,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Turn a model of pieces of writing into what a file holds.

    Parameters
    ----------
    model : CuttingModel
        Its classifier must be a LeNet5Classifier.

    Returns
    -------
    header : dict
        All but the numbers, as JSON has it.

    weights : dict of str to ndarray
        The numbers.
    """
    header, weights = pack_model(model.classifier)
    named = {f"{_CLASSIFIER}.{name}": values for name, values in weights.items()}
    for part in fields(Geometry):
        named[f"{_GEOMETRY}.{part.name}"] = getattr(model.geometry, part.name)
    return {_CLASSIFIER: header, _CUTTING: asdict(model.cutting)}, named


def unpack_segments(
    source: str | os.PathLike[str],
    header: Mapping[str, Any],
    weights: Mapping[str, NDArray[Any]],
    **params: Any,
) -> CuttingModel:
    """Make the model that :func:`pack_segments` packed.

    Parameters
    ----------
    source : str or path
        Where it was read, for messages.

    header : mapping
        As it was packed.

    weights : mapping of str to ndarray
        As they were packed.

    **params : dict
        Parameters of the classifier in place of those of the file.

    Returns
    -------
    model : CuttingModel
        Ready to read.

    Raises
    ------
    ModelFileError
        If they are of something else.
    """
    own = weights_of_part(weights, _CLASSIFIER)
    classifier = unpack_model(source, header[_CLASSIFIER], own, **params)
    geometry = weights_of_part(weights, _GEOMETRY)
    try:
        known = Geometry(*(geometry[part.name] for part in fields(Geometry)))
        if not np.array_equal(classifier.classes_, np.arange(NO_DIGIT + 1)):
            raise ValueError(f"its classifier has other classes than 0 to {NO_DIGIT}")
        if classifier.image_shape_ != GLYPH_SHAPE:
            raise ValueError(
                f"its classifier reads images of {classifier.image_shape_}"
            )
        check_geometry(known, NO_DIGIT + 1)
        cutting = Cutting(**header.get(_CUTTING, {}))
    except (TypeError, ValueError) as error:
        raise ModelFileError(
            f"{source} does not describe a CuttingModel: {error}. Train the model anew."
        ) from error
    return CuttingModel(classifier, known, cutting)


_NAMES = ("CuttingModel", "pack_segments", "unpack_segments")
register_kind(CuttingModel.__name__, Kind(*(f"{__name__}.{name}" for name in _NAMES)))
