"""Join pieces of writing to hypotheses: images and measures of each."""

from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.glyphs.normalize import normalize_glyph
from pipelines.images import Floats, Image
from pipelines.lines.cuts import USUAL, Cutting, Ints, Pieces
from pipelines.lines.ink import Writing
from pipelines.outcomes import ArraysCompare


@dataclass(frozen=True, eq=False)
class Geometry(ArraysCompare):
    """Linear scores of measures and their products.

    Attributes
    ----------
    mean, scale : ndarrays of shape (n_terms,), dtype float64
        What terms are shifted and divided by.

    weights : ndarray of shape (n_terms, n_characters + 1), dtype float64
        What each term adds to the score of each character; in the last column, to
        that of being passed over.

    bias : ndarray of shape (n_characters + 1,), dtype float64
        What is added to all.
    """

    mean: Floats
    scale: Floats
    weights: Floats
    bias: Floats

    @property
    def n_numbers(self) -> int:
        """Numbers that a training sets."""
        return self.weights.size + self.bias.size

    def terms(self, measures: Floats) -> Floats:
        """Compute terms of mean 0 and deviation 1.

        Parameters
        ----------
        measures : ndarray of shape (n_arcs, n_measures), dtype float64
            From :func:`pipelines.lines.arcs.join_pieces`.

        Returns
        -------
        terms : ndarray of shape (n_arcs, n_terms), dtype float64
            Measures and products of two.
        """
        return np.asarray((_expand(measures) - self.mean) / self.scale)

    def score(self, measures: Floats) -> Floats:
        """Score arcs by their measures.

        Parameters
        ----------
        measures : ndarray of shape (n_arcs, n_measures), dtype float64
            From :func:`pipelines.lines.arcs.join_pieces`.

        Returns
        -------
        scores : ndarray of shape (n_arcs, n_characters + 1), dtype float64
            Logarithms of odds.
        """
        return np.asarray(self.terms(measures) @ self.weights + self.bias)


def start_geometry(measures: Floats, n_columns: int) -> Geometry:
    """Make what knows how measures are spread, and nothing of what they mean.

    Parameters
    ----------
    measures : ndarray of shape (n_arcs, n_measures), dtype float64
        Of some hundred arcs.

    n_columns : int
        Characters, and one.

    Returns
    -------
    geometry : Geometry
        All of whose scores are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.lines.arcs import start_geometry
    >>> geometry = start_geometry(np.random.default_rng(0).normal(size=(50, 2)), 11)
    >>> geometry.mean.shape, geometry.score(np.ones((3, 2))).shape
    ((5,), (3, 11))
    """
    terms = _expand(measures)
    # A term that never changes in the sample would count too much where it does.
    scale = np.maximum(terms.std(axis=0), 1e-3)
    weights = np.zeros((terms.shape[1], n_columns))
    return Geometry(terms.mean(axis=0), scale, weights, np.zeros(n_columns))


# As many as `_measure` takes of an arc.
_N_MEASURES = 11


def check_geometry(geometry: Geometry, n_columns: int) -> None:
    """Refuse numbers that cannot be those of a geometry.

    Parameters
    ----------
    geometry : Geometry
        From a file.

    n_columns : int
        Characters, and one.

    Raises
    ------
    ValueError
        If they are of other shapes, or what terms are divided by is not above 0.
    """
    n_terms = _expand(np.zeros((1, _N_MEASURES))).shape[1]
    shapes = [(n_terms,), (n_terms,), (n_terms, n_columns), (n_columns,)]
    for part, shape in zip(fields(Geometry), shapes, strict=True):
        found = getattr(geometry, part.name).shape
        if found != shape:
            raise ValueError(f"geometry.{part.name} has shape {found}, not {shape}")
    if geometry.scale.min() <= 0:
        raise ValueError("geometry.scale must be above 0")


def _expand(measures: Floats) -> Floats:
    """Append all products of two measures, their squares among them."""
    first, second = np.triu_indices(measures.shape[1])
    products = measures[:, first] * measures[:, second]
    return np.concatenate([measures, products], axis=1)


@dataclass(frozen=True)
class Arcs:
    """All hypotheses of one field.

    Attributes
    ----------
    starts, stops : ndarrays of shape (n_arcs,), dtype int64
        Each arc joins the pieces ``starts`` to ``stops - 1``, counted from 0.

    boxes : ndarray of shape (n_arcs, 4), dtype int64
        Top, left, height and width in the upright writing.

    measures : ndarray of shape (n_arcs, n_measures), dtype float64
        Geometry, in heights of the writing.
    """

    starts: Ints
    stops: Ints
    boxes: Ints
    measures: Floats

    def __len__(self) -> int:
        return len(self.starts)


def join_pieces(pieces: Pieces, writing: Writing, cutting: Cutting = USUAL) -> Arcs:
    """Join neighbouring pieces to everything that may be one digit.

    Parameters
    ----------
    pieces : Pieces
        From :func:`cut_writing`.

    writing : Writing
        What they were cut from.

    cutting : Cutting, default=USUAL
        How many may be one digit, and how wide it may be.

    Returns
    -------
    arcs : Arcs
        In the order of their starts; every single piece is one of them.
    """
    n = len(pieces)
    tops, lefts = pieces.boxes[:, 0], pieces.boxes[:, 1]
    bottoms, rights = tops + pieces.boxes[:, 2], lefts + pieces.boxes[:, 3]
    starts, stops, boxes = [], [], []
    for start in range(n):
        for stop in range(start + 1, min(start + cutting.most_pieces, n) + 1):
            left, right = lefts[start:stop].min(), rights[start:stop].max()
            if stop > start + 1 and right - left > cutting.widest * writing.height:
                continue
            top, bottom = tops[start:stop].min(), bottoms[start:stop].max()
            starts.append(start)
            stops.append(stop)
            boxes.append((top, left, bottom - top, right - left))
    arcs = Arcs(
        np.array(starts, np.int64),
        np.array(stops, np.int64),
        np.array(boxes, np.int64).reshape(-1, 4),
        np.empty((len(starts), 0)),
    )
    return replace(arcs, measures=_measure(arcs, pieces, writing))


def draw_glyphs(arcs: Arcs, pieces: Pieces, writing: Writing) -> NDArray[np.uint8]:
    """Draw the ink of every arc as MNIST's digits are drawn.

    Parameters
    ----------
    arcs : Arcs
        Hypotheses.

    pieces : Pieces
        What they join.

    writing : Writing
        What the pieces were cut from.

    Returns
    -------
    glyphs : ndarray of shape (n_arcs, 28, 28), dtype uint8
        Ink bright on 0.
    """
    images = (lift_arc(arcs, n, pieces, writing) for n in range(len(arcs)))
    glyphs = [normalize_glyph(image) for image in images]
    return np.array(glyphs, np.uint8).reshape(-1, 28, 28)


def lift_arc(arcs: Arcs, n: int, pieces: Pieces, writing: Writing) -> Image:
    """Lift the ink of one arc off the writing, its grey edges with it.

    Parameters
    ----------
    arcs : Arcs
        Hypotheses.

    n : int
        Number of the arc.

    pieces : Pieces
        What it joins.

    writing : Writing
        What the pieces were cut from.

    Returns
    -------
    image : ndarray of shape (height, width), dtype uint8
        Dark ink on white paper (255), nothing else.
    """
    top, left, height, width = arcs.boxes[n]
    rows = slice(max(top - 1, 0), top + height + 1)
    columns = slice(max(left - 1, 0), left + width + 1)
    labels = pieces.labels[rows, columns]
    own = (labels > arcs.starts[n]) & (labels <= arcs.stops[n])
    others = (labels > 0) & ~own
    near = cv2.dilate(own.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    image = np.where(near & ~others, 255 - writing.ink[rows, columns], 255)
    return image.astype(np.uint8)


def _measure(arcs: Arcs, pieces: Pieces, writing: Writing) -> Floats:
    """Geometry of every arc, in heights of the writing."""
    high = writing.height
    tops, lefts, heights, widths = arcs.boxes.T
    rights = lefts + widths
    first, last = arcs.starts, arcs.stops - 1
    piece_lefts = pieces.boxes[:, 1]
    piece_rights = piece_lefts + pieces.boxes[:, 3]
    far = 2 * high
    # What lies before and after an arc, and how far; at the ends of the field, far.
    ends = np.concatenate([[-far], np.maximum.accumulate(piece_rights)])
    begins = np.append(
        np.minimum.accumulate(piece_lefts[::-1])[::-1], writing.ink.shape[1] + far
    )
    source = np.concatenate([[-1], pieces.components, [-2]])
    areas = np.bincount(pieces.labels.ravel(), minlength=len(pieces) + 1)[1:]
    mass = np.concatenate([[0], np.cumsum(areas)])
    columns = [
        widths / high,
        heights / high,
        (tops - writing.top) / high,
        (writing.bottom - tops - heights) / high,
        np.clip((lefts - ends[first]) / high, -1, 1),
        np.clip((begins[last + 1] - rights) / high, -1, 1),
        source[first] == source[first + 1],
        source[last + 1] == source[last + 2],
        _inner_gaps(arcs, piece_lefts, piece_rights) / high,
        (mass[arcs.stops] - mass[first]) / high**2,
        arcs.stops - first,
    ]
    return np.stack(columns, axis=1).astype(np.float64).reshape(len(arcs), -1)


def _inner_gaps(arcs: Arcs, lefts: Ints, rights: Ints) -> Floats:
    """Widest columns without ink between the pieces of an arc; overlap is below 0."""
    gaps = []
    for start, stop in zip(arcs.starts, arcs.stops, strict=True):
        reach = np.maximum.accumulate(rights[start : stop - 1])
        inner = lefts[start + 1 : stop] - reach
        gaps.append(float(inner.max()) if inner.size else -1.0)
    return np.array(gaps)
