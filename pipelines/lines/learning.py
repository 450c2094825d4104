"""Learn what pieces of writing look like: from nothing but strings."""

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from pipelines.images import Floats, Image
from pipelines.lines.arcs import Geometry, start_geometry
from pipelines.lines.segments import (
    CHARACTERS,
    NO_DIGIT,
    CuttingModel,
    Segments,
    segment_field,
    segment_fields,
)

if TYPE_CHECKING:  # lenet_sklearn imports torch, which costs a second
    from lenet_sklearn.strings.lattice_training import ArcNetwork, ArcSample

# Fields for a step of the training: some hundreds of arcs.
_BATCH_SIZE = 8

# Highest rate of the training: that of a classifier from nothing, as pieces that are no
# digits are new to it.
_RATE = 3e-3

# Passes over a user's fields; more for fewer, so that there are as many steps, but
# not so many that the fields are learned by heart.
_LEAST_EPOCHS = 8
_MOST_EPOCHS = 40
_FIELDS_IN_ALL = 16_000

# A reader that is adapted to a user's fields keeps so much of what it was: fitted
# all the way, it would read the fields it has not seen less well.
KEPT: Final = 0.3

# Fields that tell how measures are spread before the training begins.
_N_SPREAD = 200


def train_model(
    lines: Iterable[tuple[Image, str]],
    *,
    n_lines: int,
    random_state: int = 0,
    device: str = "auto",
) -> CuttingModel:
    """Learn from fields that are seen once, beginning with what knows single digits.

    Parameters
    ----------
    lines : iterable of tuples of (field, text)
        Drawn fields, and what they say.

    n_lines : int
        How many there are.

    random_state : int, default=0
        Seed of the training.

    device : str, default="auto"
        As for :class:`lenet_sklearn.LeNet5Classifier`.

    Returns
    -------
    model : CuttingModel
        Reads fields of kinds it has never seen.
    """
    from lenet_sklearn import LeNet5Classifier
    from lenet_sklearn.strings.lattice_training import add_class

    digits = LeNet5Classifier.from_pretrained("forms", device=device)
    stream = iter(lines)
    first = list(islice(stream, _N_SPREAD))
    found = [s for field, _ in first if (s := segment_field(field)) is not None]
    measures = np.concatenate([s.arcs.measures for s in found])
    start = CuttingModel(
        add_class(digits, NO_DIGIT), start_geometry(measures, len(CHARACTERS))
    )
    cut = ((segment_field(field), text) for field, text in chain(first, stream))
    samples = filter(None, (_sample(start, *pair) for pair in cut))
    n_steps = -(-n_lines // _BATCH_SIZE)
    return _train(start, _in_order(samples), n_steps=n_steps, random_state=random_state)


def adapt_model(
    model: CuttingModel,
    fields: Sequence[Image],
    texts: Sequence[str],
    *,
    sample_weight: Floats | None = None,
    max_epochs: int | None = None,
    random_state: int = 0,
) -> CuttingModel:
    """Adapt a model to fields whose strings are known.

    Parameters
    ----------
    model : CuttingModel
        Where to begin.

    fields : sequence of n_fields ndarrays of shape (height, width), dtype uint8
        Grey fields, dark ink on lighter paper.

    texts : sequence of n_fields str
        What they say. Fields that cannot be read so, in any way, teach nothing.

    sample_weight : ndarray of shape (n_fields,), dtype float64, default=None
        How much each counts, as for :class:`lenet_sklearn.LeNet5Classifier`.

    max_epochs : int, default=None
        Passes over them; None for as many as their number asks for.

    random_state : int, default=0
        Seed of the training.

    Returns
    -------
    model : CuttingModel
        A new one.

    Raises
    ------
    ValueError
        If no field has writing in it, or none can be read as its string.
    """
    from lenet_sklearn.recipes import modern
    from lenet_sklearn.training.batches import make_distortion

    cut = zip(segment_fields(fields, model.cutting), texts, strict=True)
    found = [_sample(model, *pair) for pair in cut]
    samples = _weighted(found, sample_weight)
    if not samples:
        raise ValueError(
            f"CuttingReader found no writing in any of {len(fields)} fields, so there"
            " is nothing to learn from. Pass fields that somebody has filled in."
        )
    # Each character takes a piece at least; pieces that are left are passed over.
    if all(len(s.text) > s.stops.max() for s in samples):
        raise ValueError(
            f"CuttingReader found none of {len(samples)} strings in its field: all have"
            " more digits than there are pieces of writing. Are fields and strings in"
            " the same order?"
        )
    usual = min(max(_FIELDS_IN_ALL // len(samples), _LEAST_EPOCHS), _MOST_EPOCHS)
    epochs = usual if max_epochs is None else max_epochs
    rng = np.random.default_rng(random_state)
    return _train(
        model,
        _shuffled(samples, epochs, rng),
        n_steps=epochs * -(-len(samples) // _BATCH_SIZE),
        random_state=random_state,
        distort=make_distortion(modern["distortion"]),
        initial_share=KEPT,
    )


def _sample(
    model: CuttingModel, segments: Segments | None, text: str
) -> "ArcSample | None":
    """Make a lesson of a field that was cut; None of one that has no ink."""
    from lenet_sklearn.strings.lattice_training import ArcSample

    if segments is None:
        return None
    arcs = segments.arcs
    terms = model.geometry.terms(arcs.measures).astype(np.float32)
    columns = [int(digit) for digit in text]
    return ArcSample(segments.glyphs, terms, arcs.starts, arcs.stops, columns)


def _weighted(
    samples: Sequence["ArcSample | None"], sample_weight: Floats | None
) -> list["ArcSample"]:
    """Repeat lessons, or let their losses count, by their weights."""
    from lenet_sklearn.training.samples import repeat_by_weight

    known = [n for n, sample in enumerate(samples) if sample is not None]
    weights = np.ones(len(samples)) if sample_weight is None else sample_weight
    if not known or not weights[known].any():
        return []
    rows, factors = repeat_by_weight(weights[known])
    factors = np.ones(len(rows)) if factors is None else factors / factors.mean()
    seen: list[Any] = [samples[known[row]] for row in rows]
    return [s._replace(factor=float(f)) for s, f in zip(seen, factors, strict=True)]


def _in_order(samples: Iterable["ArcSample"]) -> Iterator[list["ArcSample"]]:
    """Batches as the samples come."""
    stream = iter(samples)
    while batch := list(islice(stream, _BATCH_SIZE)):
        yield batch


def _shuffled(
    samples: Sequence["ArcSample"], epochs: int, rng: np.random.Generator
) -> Iterator[list["ArcSample"]]:
    """Batches of several passes, each in an order of its own."""
    for _ in range(epochs):
        order = rng.permutation(len(samples)).tolist()
        yield from _in_order(samples[row] for row in order)


def _train(
    model: CuttingModel,
    batches: Iterable[Sequence["ArcSample"]],
    *,
    random_state: int,
    **settings: Any,
) -> CuttingModel:
    """Train a copy of a model."""
    from lenet_sklearn.devices import seeded
    from lenet_sklearn.strings.lattice_training import train_arcs

    classifier = deepcopy(model.classifier)
    network = _join(classifier.net_.module_, model.geometry)
    with seeded(random_state, next(network.parameters()).device):
        train_arcs(network, batches, lr=_RATE, **settings)
    geometry = _geometry_of(network, model.geometry)
    return replace(model, classifier=classifier, geometry=geometry)


def _join(looks: Any, geometry: Geometry) -> "ArcNetwork":
    """Make one network of a classifier's and a geometry."""
    import torch

    from lenet_sklearn.devices import seeded
    from lenet_sklearn.strings.lattice_training import ArcNetwork

    with seeded(0, torch.device("cpu")):  # the weights it draws are not kept
        measures = torch.nn.Linear(*geometry.weights.shape)
    with torch.no_grad():
        measures.weight.copy_(torch.from_numpy(geometry.weights.T))
        measures.bias.copy_(torch.from_numpy(geometry.bias))
    return ArcNetwork(looks, measures.to(next(looks.parameters()).device))


def _geometry_of(network: "ArcNetwork", before: Geometry) -> Geometry:
    """Take the geometry out of a network again."""
    weights, bias = (
        values.detach().cpu().double().numpy()
        for values in (network.measures.weight, network.measures.bias)
    )
    return Geometry(before.mean, before.scale, weights.T.copy(), bias)
