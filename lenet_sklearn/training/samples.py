"""A training set on its way to the network: ordered, split, weighted."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.class_weight import compute_class_weight

from lenet_sklearn.devices import resolve_device
from lenet_sklearn.inputs import image_format
from lenet_sklearn.training.batches import ImageDataset, as_images

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A larger count is how many people an answer stands for, not a number of images.
_MOST_REPEATS = 100


def sort_samples(rows: NDArray[Any], columns: Ints) -> Ints:
    """Order samples by what they hold, so that the order they came in has no say.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
        Flattened images.

    columns : ndarray of shape (n,)
        Their classes.

    Returns
    -------
    order : ndarray of shape (n,), dtype int64
        Indices. Equal samples stand beside each other.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.training.samples import sort_samples
    >>> rows = np.array([[7, 1], [2, 9], [2, 9]], dtype=np.uint8)
    >>> sort_samples(rows, np.array([0, 1, 0]))
    array([2, 1, 0])
    """
    rows = np.ascontiguousarray(rows)
    by_class = np.argsort(columns, kind="stable")
    whole = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    return by_class[np.argsort(whole[by_class], kind="stable")]


def repeat_by_weight(weights: Floats) -> tuple[Ints, Floats | None]:
    """Turn weights into repetitions where they are whole numbers.

    A sample of weight 3 is then seen three times in an epoch, each time distorted
    anew, and one of weight 0 never: the training is that of a set in which it
    stands three times, or is missing. Other weights, and counts above 100, become
    factors of the loss.

    Parameters
    ----------
    weights : ndarray of shape (n,), dtype float64
        Checked by :func:`check_weights`.

    Returns
    -------
    indices : ndarray of shape (n_seen,), dtype int64
        Samples to train on, in order.

    factors : ndarray of shape (n_seen,), dtype float64, or None
        What the loss of each is multiplied by; None where all count alike.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.training.samples import repeat_by_weight
    >>> repeat_by_weight(np.array([2.0, 0.0, 1.0]))
    (array([0, 0, 2]), None)
    >>> repeat_by_weight(np.array([0.5, 0.0, 1.0]))
    (array([0, 2]), array([0.5, 1. ]))
    """
    if np.array_equal(weights, np.round(weights)) and weights.max() <= _MOST_REPEATS:
        return np.repeat(np.arange(len(weights)), weights.astype(np.int64)), None
    [kept] = np.nonzero(weights)
    return kept, weights[kept]


def check_weights(
    sample_weight: ArrayLike | None, n_samples: int, *, caller: str = "LeNet5Classifier"
) -> Floats | None:
    """Check the weights of samples.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), or None
        Weights.

    n_samples : int
        How many there are to be.

    caller : str, default="LeNet5Classifier"
        Name of who asks, for messages.

    Returns
    -------
    weights : ndarray of shape (n_samples,), dtype float64, or None
        The same.

    Raises
    ------
    ValueError
        If the shape does not fit, a weight is negative or not finite, or all are
        zero.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    _check_shape(weights, n_samples, ("sample_weight", "weight"), caller)
    refused = weights[~np.isfinite(weights) | (weights < 0)]
    if len(refused):
        raise ValueError(
            f"{caller} expects finite sample weights of at least 0."
            f" Got {refused[:3].tolist()}. Give such samples the weight 0."
        )
    if not weights.any():
        raise ValueError(
            f"{caller} got sample weights that are all zero. Give some samples a"
            " weight above 0."
        )
    return weights


def check_groups(groups: ArrayLike | None, n_samples: int) -> NDArray[Any] | None:
    """Check the groups of samples.

    Parameters
    ----------
    groups : array-like of shape (n_samples,), or None
        Groups.

    n_samples : int
        How many there are to be.

    Returns
    -------
    groups : ndarray of shape (n_samples,), or None
        The same.

    Raises
    ------
    ValueError
        If the shape does not fit.
    """
    if groups is None:
        return None
    found = np.asarray(groups)
    _check_shape(found, n_samples, ("groups", "group"), "LeNet5Classifier")
    return found


def _check_shape(
    values: NDArray[Any], n_samples: int, names: tuple[str, str], caller: str
) -> None:
    name, each = names
    if values.shape != (n_samples,):
        raise ValueError(
            f"{caller} expects {name} of shape ({n_samples},)."
            f" Got shape {values.shape}. Pass one {each} for each sample."
        )


def loss_factors(
    columns: Ints,
    classes: NDArray[Any],
    *,
    factors: Floats | None,
    class_weight: Mapping[Any, float] | str | None,
) -> NDArray[np.float32] | None:
    """Combine weights of samples and of classes into factors of the loss.

    Parameters
    ----------
    columns : ndarray of shape (n,), dtype int64
        Class of each sample.

    classes : ndarray of shape (n_classes,)
        Labels of the columns.

    factors : ndarray of shape (n,), or None
        Weights of samples, as from :func:`repeat_by_weight`.

    class_weight : mapping, "balanced" or None
        Weights of labels, 1 where one is missing, or the inverse of how often
        each occurs.

    Returns
    -------
    factors : ndarray of shape (n,), dtype float32, or None
        Their mean is 1; None where all are alike.
    """
    if class_weight is not None:
        named = class_weight if isinstance(class_weight, str) else dict(class_weight)
        present = np.unique(columns)
        of_class = np.ones(len(classes))
        of_class[present] = compute_class_weight(
            named, classes=classes[present], y=classes[columns]
        )
        factors = of_class[columns] * (1.0 if factors is None else factors)
    if factors is None:
        return None
    return (factors / factors.mean()).astype(np.float32)


def split_inside(
    columns: Ints,
    *,
    fraction: float,
    groups: NDArray[Any] | None,
    seed: int,
) -> tuple[Ints, Ints]:
    """Split a training set into one to train on and one to stop by.

    Parameters
    ----------
    columns : ndarray of shape (n,)
        Classes, each of which is split by `fraction`.

    fraction : float
        Share to stop by, in (0, 1).

    groups : ndarray of shape (n,), or None
        Samples of one group, such as a writer, stay together; classes are then
        split by `fraction` as well as groups allow.

    seed : int
        What to draw with.

    Returns
    -------
    train, stop : ndarray of shape (n_train,), (n_stop,), dtype int64
        Indices, sorted.

    Raises
    ------
    ValueError
        If one of the two would be empty.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.training.samples import split_inside
    >>> columns = np.repeat([0, 1], 50)
    >>> _, stop = split_inside(columns, fraction=0.1, groups=None, seed=0)
    >>> np.bincount(columns[stop])
    array([5, 5])
    """
    if groups is None:
        stop = _draw_stratified(columns, fraction, seed)
    else:
        stop = _draw_groups(columns, groups, fraction, seed)
    train = np.setdiff1d(np.arange(len(columns)), stop)
    if not len(stop) or not len(train):
        raise ValueError(
            f"LeNet5Classifier cannot keep {fraction:g} of {len(columns)} samples back"
            " to stop by. Set early_stopping=False, or change validation_fraction."
        )
    return train, np.sort(stop)


@dataclass(frozen=True)
class Samples:
    """Flattened images with all that is known of each.

    Attributes
    ----------
    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images.

    columns : ndarray of shape (n,), dtype int64
        Their classes.

    weights : ndarray of shape (n,), or None
        How much each counts.

    groups : ndarray of shape (n,), or None
        Such as the writer of each.
    """

    rows: NDArray[Any]
    columns: Ints
    weights: Floats | None = None
    groups: NDArray[Any] | None = None

    def take(self, indices: Ints) -> "Samples":
        """Give some of the samples, in the order of their indices.

        Parameters
        ----------
        indices : ndarray of shape (m,), dtype int64
            Which ones.

        Returns
        -------
        samples : Samples
            Those.
        """
        return Samples(
            self.rows[indices],
            self.columns[indices],
            None if self.weights is None else self.weights[indices],
            None if self.groups is None else self.groups[indices],
        )

    def ordered(self) -> "Samples":
        """Order the samples, so that the order they came in has no say.

        Returns
        -------
        samples : Samples
            Without those of a weight of 0.
        """
        order = sort_samples(self.rows, self.columns)
        if self.weights is not None:
            order = order[self.weights[order] > 0]
        return self.take(order)

    def split(self, fraction: float, seed: int) -> tuple["Samples", "Samples"]:
        """Split off samples to stop by; those of a weight of 0 are in neither part.

        Parameters
        ----------
        fraction : float
            Their share.

        seed : int
            What to draw with.

        Returns
        -------
        train, stop : Samples
            As :func:`split_inside` has it, whatever the weights that are not 0.

        Raises
        ------
        ValueError
            If one of the two would be empty.
        """
        ordered = self.ordered()
        train, stop = split_inside(
            ordered.columns, fraction=fraction, groups=ordered.groups, seed=seed
        )
        return ordered.take(train), ordered.take(stop)

    def dataset(self, classifier: Any) -> ImageDataset:
        """Put the samples on a device, in an order that is always the same.

        Parameters
        ----------
        classifier : LeNet5Classifier
            That is to learn from them: its labels are those of the columns.

        Returns
        -------
        dataset : ImageDataset
            Samples of a weight of 0 are left out.
        """
        order = sort_samples(self.rows, self.columns)
        weights = None
        if self.weights is not None:
            repeated, weights = repeat_by_weight(self.weights[order])
            order = order[repeated]
        columns = self.columns[order]
        factors = loss_factors(
            columns,
            classifier.classes_,
            factors=weights,
            class_weight=classifier.class_weight,
        )
        device, reading = resolve_device(classifier.device), image_format(classifier)
        return ImageDataset(
            as_images(self.rows[order], reading["image_shape"], device),
            torch.tensor(columns, device=device),
            reading,
            None if factors is None else torch.tensor(factors, device=device),
        )


def _draw_stratified(columns: Ints, fraction: float, seed: int) -> Ints:
    """Draw the same share of each class; where that is less than half one, none."""
    rng = np.random.default_rng(seed)
    drawn = []
    for column in np.unique(columns):
        members = rng.permutation(np.flatnonzero(columns == column))
        drawn.append(members[: round(fraction * len(members))])
    return np.concatenate(drawn)


def _draw_groups(
    columns: Ints, groups: NDArray[Any], fraction: float, seed: int
) -> Ints:
    # Here, because it takes a while to import and few need it.
    from sklearn.model_selection import StratifiedGroupKFold

    n_splits = max(2, min(round(1 / fraction), len(np.unique(groups))))
    splitter = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer samples than there are splits is no reason to worry.
        warnings.simplefilter("ignore", UserWarning)
        _, stop = next(iter(splitter.split(columns, columns, groups)))
    return np.asarray(stop, dtype=np.int64)
