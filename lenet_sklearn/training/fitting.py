"""The steps of a classifier's fit, in the order in which it takes them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from skorch.dataset import Dataset
from torch.utils.data import Subset

from lenet_sklearn.devices import draw_seed, resolve_device, seeded
from lenet_sklearn.inference import weights_of
from lenet_sklearn.inputs import label_columns
from lenet_sklearn.training.nets import (
    TrainingNet,
    build_net,
    continue_as,
    history_columns,
    run_epochs,
    start_from,
    take_over,
)
from lenet_sklearn.training.samples import Samples, check_groups, check_weights

if TYPE_CHECKING:  # it imports this module
    from lenet_sklearn.classifier import LeNet5Classifier

# What trains a network: it is given a classifier, its samples, and a fitted classifier
# to go on from or None, and gives the net and its temperature.
Trainer = Callable[[Any, Samples, Any], tuple[TrainingNet, float]]


def gather_samples(
    classifier: "LeNet5Classifier",
    rows: NDArray[Any],
    labels: NDArray[Any],
    sample_weight: ArrayLike | None,
    groups: ArrayLike | None,
) -> Samples:
    """Bring together what is known of the training set.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Whose `classes_` are known.

    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images.

    labels : ndarray of shape (n,)
        Their labels.

    sample_weight : array-like of shape (n,), or None
        How much each counts.

    groups : array-like of shape (n,), or None
        Such as the writer of each.

    Returns
    -------
    samples : Samples
        Of columns in place of labels.

    Raises
    ------
    ValueError
        If one does not fit the others.
    """
    weights = check_weights(sample_weight, len(rows))
    columns = label_columns(labels, classifier.classes_)
    return Samples(rows, columns, weights, check_groups(groups, len(rows)))


@contextmanager
def training_by(trainer: Trainer) -> Iterator[None]:
    """Have networks trained by a function in place of :func:`train_alone`.

    Parameters
    ----------
    trainer : callable
        With the parameters, and what is returned, of that function. It is called in
        this thread only, for every `fit` of a classifier inside the ``with``.
    """
    token = _trainer.set(trainer)
    try:
        yield
    finally:
        _trainer.reset(token)


def train_anew(
    classifier: "LeNet5Classifier", samples: Samples, earlier: "LeNet5Classifier | None"
) -> tuple[TrainingNet, float]:
    """Have a new network trained over all epochs.

    Parameters
    ----------
    classifier, samples, earlier
        As for :func:`train_alone`.

    Returns
    -------
    net : TrainingNet
        Trained.

    temperature : float
        That of what it started from, or 1.
    """
    return _trainer.get()(classifier, samples, earlier)


def train_alone(
    classifier: "LeNet5Classifier", samples: Samples, earlier: "LeNet5Classifier | None"
) -> tuple[TrainingNet, float]:
    """Train a new network over all epochs, here and now.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Whose parameters say how.

    samples : Samples
        What to learn from.

    earlier : LeNet5Classifier or None
        Fitted: what to go on from.

    Returns
    -------
    net : TrainingNet
        Trained.

    temperature : float
        That of what it started from, or 1.
    """
    seed = draw_seed(classifier.random_state)
    dataset, watched = _split(classifier, samples, seed)
    n_steps = -(-len(dataset) // classifier.batch_size)
    with seeded(seed, resolve_device(classifier.device)):
        net = build_net(classifier, n_steps=n_steps, watched=watched)
        temperature = start_network(classifier, net, earlier)
        run_epochs(net, dataset, classifier.max_epochs)
    return net, temperature


_trainer: ContextVar[Trainer] = ContextVar("trainer", default=train_alone)


def train_one_epoch(
    classifier: "LeNet5Classifier", samples: Samples
) -> tuple[TrainingNet, float]:
    """Train for one more epoch, at a constant rate.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Whose parameters say how; its network is trained on, if it has one.

    samples : Samples
        What to learn from.

    Returns
    -------
    net : TrainingNet
        Trained.

    temperature : float
        That of the classifier, or of what it started from, or 1.
    """
    dataset = samples.dataset(classifier)
    first = not classifier.__sklearn_is_fitted__()
    # Another seed in every call: not the same shuffle again.
    n_before = 0 if first else len(classifier.net_.history)
    seed = draw_seed(classifier.random_state) + n_before
    with seeded(seed, dataset.images.device):
        if first:
            net = build_net(classifier)
            temperature = start_network(classifier, net, None)
        else:
            net, temperature = classifier.net_, classifier.temperature_
            continue_as(net, classifier.get_params(deep=False))
        run_epochs(net, dataset, 1)
    return net, temperature


def classes_to_learn(
    classifier: "LeNet5Classifier", classes: ArrayLike | None
) -> NDArray[Any]:
    """Find the classes of a partial_fit: told in the first call, the same in others.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Before that call.

    classes : array-like of shape (n_classes,), or None
        What the call was told.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Sorted.

    Raises
    ------
    ValueError
        If the first call is told none, or another call others.
    """
    if not classifier.__sklearn_is_fitted__():
        known = classifier.classes if classes is None else classes
        if known is None:
            raise ValueError(
                "The first call of LeNet5Classifier.partial_fit must be told all"
                " classes. Pass classes=np.unique(y_of_all_batches)."
            )
        return np.unique(np.asarray(known))
    told = classifier.classes_ if classes is None else np.unique(classes)
    if not np.array_equal(told, classifier.classes_):
        raise ValueError(
            "LeNet5Classifier was fitted for the classes"
            f" {classifier.classes_.tolist()}. Got classes={told.tolist()}."
            " Use fit to start anew."
        )
    return classifier.classes_


def keep_network(
    classifier: "LeNet5Classifier", net: TrainingNet, temperature: float
) -> None:
    """Keep what a training gave.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Gets its learned attributes.

    net : TrainingNet
        Trained.

    temperature : float
        What its logits are divided by.
    """
    net.lesson = None  # the networks that teach need not be kept with it
    classifier.net_ = net
    classifier.temperature_ = temperature
    classifier.history_ = history_columns(net.history)
    stop = dict(net.callbacks_).get("stop")
    classifier.best_epoch_ = getattr(stop, "best_epoch_", len(net.history))


def extend_classes(
    classifier: "LeNet5Classifier", start: "LeNet5Classifier"
) -> "LeNet5Classifier":
    """Give a classifier what another has learned, and room for its further labels.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Not fitted; its `classes` are those of `start` and others. Changed in place.

    start : LeNet5Classifier
        Fitted; not changed.

    Returns
    -------
    classifier : LeNet5Classifier
        Fitted; it tells the old labels as before, and knows nothing of new ones.
    """
    classifier.classes_ = np.unique(np.asarray(classifier.classes))
    for name in ("image_shape_", "input_scale_", "n_features_in_"):
        setattr(classifier, name, getattr(start, name))
    classifier._trained_with = classifier.get_params(deep=False)
    with seeded(0, torch.device("cpu")):
        net = build_net(classifier)
    keep_network(classifier, net, start_network(classifier, net, start))
    return classifier


def _split(
    classifier: "LeNet5Classifier", samples: Samples, seed: int
) -> tuple[Any, Any]:
    """Split into what is trained on and what is watched, which may be None."""
    own = classifier.get_params(deep=False).get("train_split")
    if own is not None:
        return _split_as_told(classifier, samples, seed, own)
    if not classifier.early_stopping:
        return samples.dataset(classifier), None
    samples, kept_back = samples.split(classifier.validation_fraction, seed)
    return samples.dataset(classifier), kept_back.dataset(classifier)


def _split_as_told(
    classifier: "LeNet5Classifier", samples: Samples, seed: int, split: Any
) -> tuple[Any, Any]:
    """Split as skorch's `train_split` does, which may give a set of its own."""
    ordered = samples.ordered()
    # They are sorted, and folds are to be alike.
    ordered = ordered.take(np.random.default_rng(seed).permutation(len(ordered.rows)))
    whole = Dataset(ordered.rows, ordered.columns)
    told = {} if ordered.groups is None else {"groups": ordered.groups}
    parts = list(split(whole, ordered.columns, **told))
    if parts[1] is None and classifier.early_stopping:
        raise ValueError(
            "LeNet5Classifier has nothing to stop by: train_split gives no validation"
            " set. Set early_stopping=False, or train_split=None."
        )
    for place, part in enumerate(parts):
        if part is whole:
            parts[place] = ordered.dataset(classifier)
        elif isinstance(part, Subset) and part.dataset is whole:
            indices = np.asarray(part.indices, dtype=np.int64)
            parts[place] = ordered.take(indices).dataset(classifier)
    return parts[0], parts[1]


def start_network(
    classifier: "LeNet5Classifier", net: TrainingNet, earlier: "LeNet5Classifier | None"
) -> float:
    """Give a network its first weights.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Whose parameters say which; without any, the network keeps those it has.

    net : TrainingNet
        Initialised; changed in place.

    earlier : LeNet5Classifier or None
        Fitted: what to go on from.

    Returns
    -------
    temperature : float
        That of what it starts from, or 1.
    """
    if earlier is not None:
        weights = weights_of(earlier)
        take_over(net.module_, weights, classifier.classes_, earlier.classes_)
        return earlier.temperature_
    if classifier.initial_weights is None:
        return 1.0
    return start_from(
        net.module_,
        classifier.initial_weights,
        classes=classifier.classes_,
        params=classifier.get_params(deep=False),
    )
