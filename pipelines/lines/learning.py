"""Learn what pieces of writing look like: from drawn fields, and from strings."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image
from pipelines.lines.arcs import Arcs
from pipelines.lines.geometry import MARK, WHOLE, WRONG, fit_geometry
from pipelines.lines.lattice import Lattice, align_text, score_all, score_text
from pipelines.lines.practice import MARK_OWNER, PracticeField
from pipelines.lines.segments import (
    CHARACTERS,
    NO_DIGIT,
    SegmentModel,
    Segments,
    build_lattices,
    classify_arcs,
    describe_arcs,
    score_arcs,
    segment_field,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# An arc is a whole digit if it has this share of the digit's ink, and no more than
# the rest of its own ink is another's. Below the lower share a person would not
# read it; between, nothing is learned from it.
_WHOLE_SHARE = 0.88
_WRONG_SHARE = 0.75
_UNSURE = -1

# A mark has at most these shares of ink of digits, and of any one digit's ink.
_MARK_SHARES = (0.15, 0.1)

# Strokes come out thinner than they were drawn, but not by more than this.
_LEAST_KEPT = 0.5

# Arcs that are no digit, for each that is one: a network that sees all of them
# says "no digit" to what is hard to read.
_NEGATIVES = 2.0

# Temperatures tried, a quarter apart, and strings they are tried on: one number is
# well known from so many.
_TEMPERATURES = np.geomspace(0.7, 4.2, 9)
_MOST_STRINGS = 200

# How a network that knows digits learns from arcs of drawn fields, and a model that
# knows those from a user's strings: fewer samples, lower rate.
_PRACTICE = {"lr": 3e-3, "max_epochs": 10}
_ADAPTATION = {"lr": 1.5e-3, "max_epochs": 8, "warm_start": True}


@dataclass(frozen=True)
class Example:
    """A field whose arcs are known.

    Attributes
    ----------
    segments : Segments
        The field, cut.

    kinds : ndarray of shape (n_arcs,), dtype int64
        `WHOLE`, `MARK`, `WRONG`; -1 for what is between.

    labels : ndarray of shape (n_arcs,), dtype int64
        The digit that has the most ink in each.

    text : str
        What the field says.
    """

    segments: Segments
    kinds: Ints
    labels: Ints
    text: str


def practise(
    fields: Iterable[PracticeField],
    glyphs: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    random_state: int = 0,
) -> SegmentModel:
    """Learn from drawn fields, and from single digits, what pieces look like.

    Three quarters of the fields train the classifier, from the shipped weights
    on; what it says about the others trains the geometry.

    Parameters
    ----------
    fields : iterable of PracticeField
        Drawn fields.

    glyphs : ndarray of shape (n, 28, 28), dtype uint8
        Whole digits as MNIST has them, so that none is forgotten.

    labels : ndarray of shape (n,), dtype int64
        Which digits they are.

    random_state : int, default=0
        Seed of the training.

    Returns
    -------
    model : SegmentModel
        Reads fields it has never seen the kind of.
    """
    from lenet_sklearn import LeNet5Classifier  # imports torch
    from lenet_sklearn.recipes import modern

    examples = [example for field in fields if (example := _drawn_example(field))]
    classifier = LeNet5Classifier(
        **{**modern, **_PRACTICE},
        initial_weights="forms",
        classes=list(range(NO_DIGIT + 1)),
        random_state=random_state,
    )
    n_train = 3 * len(examples) // 4
    X, y = _training_set(examples[:n_train], np.random.default_rng(random_state))
    classifier.fit(np.concatenate([X, glyphs]), np.concatenate([y, labels]))
    held = examples[n_train:]
    posteriors = classify_arcs([e.segments for e in held], classifier)
    return _assemble(classifier, held, posteriors)


def adapt(
    model: SegmentModel,
    fields: Sequence[Image],
    texts: Sequence[str],
    *,
    n_rounds: int = 2,
    random_state: int = 0,
) -> SegmentModel:
    """Adapt a model to fields whose strings are known.

    The best path that reads each string says which arcs are its digits; the
    classifier is trained on them, and on the others as no digits, from where it
    was. Two halves of the fields, each classified by what was learned from the
    other, train the geometry.

    Parameters
    ----------
    model : SegmentModel
        Where to begin.

    fields : sequence of n_fields ndarrays of shape (height, width), dtype uint8
        Grey fields, dark ink on lighter paper.

    texts : sequence of n_fields str
        What they say. Fields that cannot be read so, in any way, are left out.

    n_rounds : int, default=2
        How often to align anew with what was learned.

    random_state : int, default=0
        Seed of the training.

    Returns
    -------
    model : SegmentModel
        A new one.

    Raises
    ------
    ValueError
        If no string can be aligned with its field.
    """
    segments = [segment_field(field) for field in fields]
    adapted = model
    for n in range(n_rounds):
        examples = align_strings(segments, texts, adapted)
        if not examples:
            raise ValueError(
                f"adapt found none of {len(fields)} strings in their fields, so there"
                " is nothing to learn from. Are fields and strings in the same order?"
            )
        adapted = _refit(model, examples, random_state + n)
    return adapted


def align_strings(
    segments: Sequence[Segments | None], texts: Sequence[str], model: SegmentModel
) -> list[Example]:
    """Find the arcs of the digits of strings by forced Viterbi alignment.

    Parameters
    ----------
    segments : sequence of n_fields Segments or None
        Cut fields.

    texts : sequence of n_fields str
        What they say.

    model : SegmentModel
        What is known about pieces.

    Returns
    -------
    examples : list of Example
        At most one for each field: none where no path reads the string.
    """
    examples = []
    lattices = build_lattices(segments, model)
    for s, lattice, text in zip(segments, lattices, texts, strict=True):
        arcs = None if lattice is None else align_text(lattice, text)
        if s is not None and arcs is not None:
            # By the number of the piece; 0 is paper, which nobody owns.
            owners = np.full(len(s.pieces) + 1, MARK_OWNER)
            owners[0] = 0
            for n, arc in enumerate(arcs):
                owners[s.arcs.starts[arc] + 1 : s.arcs.stops[arc] + 1] = n + 1
            examples.append(_label(s, owners[s.pieces.labels], text))
    return examples


def _drawn_example(field: PracticeField) -> Example | None:
    segments = segment_field(field.image)
    if segments is None:
        return None
    matrix, size = segments.writing.matrix, segments.writing.mask.shape[::-1]
    owners = cv2.warpAffine(field.owners, matrix, size, flags=cv2.INTER_NEAREST)
    return _label(segments, owners.astype(np.int64), field.text)


def _label(segments: Segments, owners: Ints, text: str) -> Example:
    """Tell what every arc is from the owners of the pixels of the upright writing."""
    arcs, n = segments.arcs, len(text)
    digits = np.array([int(digit) for digit in text], dtype=np.int64)
    if not n:
        return Example(segments, np.full(len(arcs), MARK), np.zeros(len(arcs), int), "")
    inside, kept = _count_owners(segments, owners, n)
    best = inside[:, :n].argmax(axis=1)
    most = inside[np.arange(len(arcs)), best]
    everything = np.maximum(inside.sum(axis=1), 1)
    share, own = most / np.maximum(kept[best], 1), most / everything
    # What is left of a digit that was lost in the paper is nobody's fault.
    drawn = np.bincount(owners.ravel(), minlength=256)[1 : n + 1]
    found = (kept >= _LEAST_KEPT * drawn)[best]
    kinds = np.full(len(arcs), _UNSURE)
    kinds[np.minimum(share, own) < _WRONG_SHARE] = WRONG
    kinds[(np.minimum(share, own) >= _WHOLE_SHARE) & found] = WHOLE
    of_digits = inside[:, :n].sum(axis=1) / everything
    kinds[(of_digits < _MARK_SHARES[0]) & (share < _MARK_SHARES[1])] = MARK
    return Example(segments, kinds, digits[best], text)


def _count_owners(segments: Segments, owners: Ints, n: int) -> tuple[Ints, Ints]:
    """Pixels of each of `n` digits and of marks in every arc; of digits in all."""
    columns = np.full(256, n + 1)  # paper, where ink spread over the edge of a stroke
    columns[1 : n + 1] = np.arange(n)
    columns[MARK_OWNER] = n
    n_rows, n_columns = len(segments.pieces) + 1, n + 2
    cells = segments.pieces.labels * n_columns + columns[owners]
    counts = np.bincount(cells.ravel(), minlength=n_rows * n_columns)
    by_piece = counts.reshape(n_rows, n_columns)[:, : n + 1].copy()
    by_piece[0] = 0
    sums = np.cumsum(by_piece, axis=0)
    arcs: Arcs = segments.arcs
    return sums[arcs.stops] - sums[arcs.starts], sums[-1, :n]


def _training_set(
    examples: Sequence[Example], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], Ints]:
    """Glyphs of whole digits, and of what is none."""
    glyphs = np.concatenate([e.segments.glyphs for e in examples])
    kinds = np.concatenate([e.kinds for e in examples])
    labels = np.concatenate([e.labels for e in examples])
    whole = np.flatnonzero(kinds == WHOLE)
    others = np.flatnonzero((kinds == WRONG) | (kinds == MARK))
    n_others = min(len(others), round(_NEGATIVES * len(whole)))
    others = rng.choice(others, n_others, replace=False)
    y = np.concatenate([labels[whole], np.full(n_others, NO_DIGIT)])
    return glyphs[np.concatenate([whole, others])], y


def _refit(model: SegmentModel, examples: list[Example], seed: int) -> SegmentModel:
    """Train a copy of a model on examples."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(examples))
    halves = [[examples[n] for n in order[k::2]] for k in (0, 1)]
    posteriors = []
    for own, other in (halves, halves[::-1]):
        learned = _train_on(model.classifier, other or own, rng)
        posteriors += [classify_arcs([e.segments for e in own], learned)] if own else []
    classifier = _train_on(model.classifier, examples, rng)
    return _assemble(classifier, halves[0] + halves[1], np.concatenate(posteriors))


def _train_on(
    classifier: Any, examples: Sequence[Example], rng: np.random.Generator
) -> Any:
    """Train a copy of a classifier on."""
    seed = int(rng.integers(2**31))
    learner = deepcopy(classifier).set_params(**_ADAPTATION, random_state=seed)
    return learner.fit(*_training_set(examples, rng))


def _assemble(
    classifier: Any, examples: Sequence[Example], posteriors: Floats
) -> SegmentModel:
    """Fit geometry and temperature to what a classifier says about new fields."""
    kinds = np.concatenate([e.kinds for e in examples])
    features = describe_arcs([e.segments for e in examples], posteriors)
    geometry = fit_geometry(features[kinds != _UNSURE], kinds[kinds != _UNSURE])
    scores = score_arcs([e.segments for e in examples], posteriors, geometry)
    temperature = _fit_temperature(scores, examples)
    return SegmentModel(classifier, geometry, temperature)


def _fit_temperature(scores: Floats, examples: Sequence[Example]) -> float:
    """Find the temperature under which the strings are most likely."""
    ends = np.cumsum([len(e.kinds) for e in examples])
    surprises = np.zeros(len(_TEMPERATURES))
    for example, own in zip(
        examples[:_MOST_STRINGS], np.split(scores, ends[:-1]), strict=False
    ):
        arcs = example.segments.arcs
        lattice = Lattice(arcs.starts, arcs.stops, own, CHARACTERS)
        if align_text(lattice, example.text) is not None:
            surprises += [_surprise(lattice, example.text, t) for t in _TEMPERATURES]
    return float(_TEMPERATURES[np.argmin(surprises)])


def _surprise(lattice: Lattice, text: str, temperature: float) -> float:
    """Minus the log-probability of a string."""
    cooled = replace(lattice, scores=lattice.scores / temperature)
    return score_all(cooled) - score_text(cooled, text)
