"""The steps of a classifier's fit, in the order in which it takes them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from skorch.dataset import Dataset
from torch.utils.data import Subset

from lenet_sklearn.devices import draw_seed, resolve_device, seeded
from lenet_sklearn.inference import weights_of
from lenet_sklearn.inputs import image_format, label_columns
from lenet_sklearn.training.batches import ImageDataset
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


@dataclass(frozen=True)
class Start:
    """What an earlier fit has learned.

    Attributes
    ----------
    weights : dict of str to ndarray
        Of the network.

    classes : ndarray of shape (n_classes,)
        Labels of its outputs.

    temperature : float
        What its logits are divided by.
    """

    weights: dict[str, NDArray[Any]]
    classes: NDArray[Any]
    temperature: float


def earlier_start(classifier: "LeNet5Classifier") -> Start | None:
    """Keep what a classifier has learned, if its next fit is to go on from there.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Before its fit.

    Returns
    -------
    start : Start or None
        None without `warm_start`, or where nothing was learned.
    """
    if not classifier.warm_start or not classifier.__sklearn_is_fitted__():
        return None
    return Start(weights_of(classifier), classifier.classes_, classifier.temperature_)


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


def train_anew(
    classifier: "LeNet5Classifier", samples: Samples, start: Start | None
) -> tuple[TrainingNet, float]:
    """Train a new network over all epochs.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Whose parameters say how.

    samples : Samples
        What to learn from.

    start : Start or None
        What to go on from.

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
        net = _build(classifier, n_steps=n_steps, watched=watched)
        temperature = _start(classifier, net, start)
        run_epochs(net, dataset, classifier.max_epochs)
    return net, temperature


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
    dataset = _place(classifier, samples)
    first = not classifier.__sklearn_is_fitted__()
    # Another seed in every call: not the same shuffle again.
    n_before = 0 if first else len(classifier.net_.history)
    seed = draw_seed(classifier.random_state) + n_before
    with seeded(seed, dataset.images.device):
        if first:
            net = _build(classifier)
            temperature = _start(classifier, net, None)
        else:
            net, temperature = classifier.net_, classifier.temperature_
            continue_as(net, classifier.get_params(deep=False))
        run_epochs(net, dataset, 1)
    return net, temperature


def rebuild_net(classifier: "LeNet5Classifier") -> TrainingNet:
    """Make the net of a classifier of which there are the weights alone.

    Parameters
    ----------
    classifier : LeNet5Classifier
        That was loaded.

    Returns
    -------
    net : TrainingNet
        Ready to predict, and to be trained on.
    """
    params = {**classifier._trained_with, "device": classifier.device}
    with seeded(0, torch.device("cpu")):
        net = build_net(
            params,
            n_classes=len(classifier.classes_),
            image_shape=classifier.image_shape_,
        )
    weights = classifier._stored.weights
    state = {name: torch.tensor(values) for name, values in weights.items()}
    net.module_.load_state_dict(state)
    return net


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
    if classes is not None and not np.array_equal(
        np.unique(classes), classifier.classes_
    ):
        raise ValueError(
            "LeNet5Classifier was fitted for the classes"
            f" {classifier.classes_.tolist()}. Got classes="
            f"{np.unique(classes).tolist()}. Use fit to start anew."
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
    classifier.net_ = net
    classifier.temperature_ = temperature
    classifier.history_ = history_columns(net.history)
    stop = dict(net.callbacks_).get("stop")
    classifier.best_epoch_ = stop.best_epoch_ if stop else len(net.history)


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
        net = _build(classifier)
    take_over(net.module_, weights_of(start), classifier.classes_, start.classes_)
    keep_network(classifier, net, start.temperature_)
    return classifier


def _split(
    classifier: "LeNet5Classifier", samples: Samples, seed: int
) -> tuple[Any, Any]:
    """Split into what is trained on and what is watched, which may be None."""
    own = classifier.get_params(deep=False).get("train_split")
    if own is not None:
        return _split_as_told(classifier, samples, seed, own)
    if not classifier.early_stopping:
        return _place(classifier, samples), None
    samples, kept_back = samples.split(classifier.validation_fraction, seed)
    return _place(classifier, samples), _place(classifier, kept_back)


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
            parts[place] = _place(classifier, ordered)
        elif isinstance(part, Subset) and part.dataset is whole:
            indices = np.asarray(part.indices, dtype=np.int64)
            parts[place] = _place(classifier, ordered.take(indices))
    return parts[0], parts[1]


def _place(classifier: "LeNet5Classifier", samples: Samples) -> ImageDataset:
    """Put samples on the device of the network."""
    return samples.dataset(
        classifier.classes_,
        classifier.class_weight,
        device=resolve_device(classifier.device),
        reading=image_format(classifier),
    )


def _build(classifier: "LeNet5Classifier", **training: Any) -> TrainingNet:
    return build_net(
        classifier.get_params(deep=False),
        n_classes=len(classifier.classes_),
        image_shape=classifier.image_shape_,
        **training,
    )


def _start(
    classifier: "LeNet5Classifier", net: TrainingNet, start: Start | None
) -> float:
    """Give a network its first weights; return the temperature they bring."""
    if start is not None:
        take_over(net.module_, start.weights, classifier.classes_, start.classes)
        return start.temperature
    if classifier.initial_weights is None:
        return 1.0
    return start_from(
        net.module_,
        classifier.initial_weights,
        classes=classifier.classes_,
        params=classifier.get_params(deep=False),
    )
