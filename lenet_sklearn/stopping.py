"""Early stopping: an inner split, and the best weights on it."""

import copy
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EarlyStopping
from torch import Tensor

from lenet_sklearn.averaging import WeightAverage
from lenet_sklearn.batches import ImageDataset

# As in inference: larger batches are slower on a CPU.
_CHUNK = 256


class TrainingDone(Exception):  # noqa: N818 - no error, the good end of a training
    """The validation set has not been read better for long enough."""


def split_inside(
    columns: NDArray[np.int64],
    *,
    fraction: float,
    groups: NDArray[Any] | None,
    seed: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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
    >>> from lenet_sklearn.stopping import split_inside
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


class KeepBest(Callback):
    """Measure the validation set after every epoch, and keep the best weights.

    Parameters
    ----------
    dataset : ImageDataset
        What the network is not trained on, never distorted.

    average : WeightAverage, default=None
        Whose mean is measured in place of the weights.
    """

    def __init__(
        self, dataset: ImageDataset, average: WeightAverage | None = None
    ) -> None:
        self.dataset: ImageDataset | None = dataset
        self.average = average

    def initialize(self) -> "KeepBest":
        """Start anew; skorch calls this for every new network."""
        self.n_epochs_ = 0
        self.best_epoch_ = 0
        self.best_loss_ = np.inf
        self.best_state_: dict[str, Tensor] = {}
        return self

    def on_epoch_end(self, net: NeuralNetClassifier, **_: Any) -> None:
        """Measure, and copy the weights where they are the best so far."""
        if self.dataset is None:
            return
        if self.average is not None:
            self.average.swap(net)
        self.n_epochs_ = len(net.history)
        loss, accuracy = _measure(net, self.dataset)
        better = loss < self.best_loss_
        if better:
            self.best_loss_, self.best_epoch_ = loss, len(net.history)
            self.best_state_ = copy.deepcopy(net.module_.state_dict())
        if self.average is not None:
            self.average.swap(net)
        net.history.record("valid_loss", loss)
        net.history.record("valid_loss_best", better)
        net.history.record("valid_acc", accuracy)

    def on_train_end(self, net: NeuralNetClassifier, **_: Any) -> None:
        """Put the best weights back; the validation set is needed no more."""
        if self.best_state_:
            net.module_.load_state_dict(self.best_state_)
        self.best_state_ = {}
        self.dataset = None


class StopInTime(Callback):
    """Stop the training when no epoch has been better for long enough.

    Comes after all other callbacks, which are to see the last epoch too.

    Parameters
    ----------
    best : KeepBest
        What knows the best epoch.

    patience : int
        Epochs without a lower loss after which the training stops.
    """

    def __init__(self, best: KeepBest, patience: int) -> None:
        self.best = best
        self.patience = patience

    def on_epoch_end(self, net: NeuralNetClassifier, **_: Any) -> None:
        """Stop where it is time."""
        measured = self.best.dataset is not None
        # A loss that is not a number is never better, and ends the training too.
        if measured and len(net.history) - self.best.best_epoch_ >= self.patience:
            raise TrainingDone


def was_stopped(net: NeuralNetClassifier) -> bool:
    """Say whether skorch's own EarlyStopping has ended a training.

    It raises KeyboardInterrupt, as the user does who wants to leave.

    Parameters
    ----------
    net : skorch NeuralNetClassifier
        After a KeyboardInterrupt.

    Returns
    -------
    stopped : bool
        True where its patience is at an end.
    """
    return any(
        isinstance(callback, EarlyStopping) and callback.misses_ >= callback.patience
        for _, callback in net.callbacks_
    )


def _measure(net: NeuralNetClassifier, dataset: ImageDataset) -> tuple[float, float]:
    """Mean loss and share of right answers."""
    net.module_.eval()
    losses, n_right, n_total = 0.0, 0.0, 0.0
    with torch.inference_mode():
        for start in range(0, len(dataset), _CHUNK):
            stop = min(start + _CHUNK, len(dataset))
            images, targets = dataset.__getitems__(list(range(start, stop)))
            logits = net.module_(images)
            losses += float(net.get_loss(logits, targets)) * (stop - start)
            columns, weights = (
                targets if isinstance(targets, tuple) else (targets, None)
            )
            right = (logits.argmax(dim=1) == columns).float()
            n_right += float((right if weights is None else right * weights).sum())
            n_total += float(len(right) if weights is None else weights.sum())
    return losses / len(dataset), n_right / n_total


def _draw_stratified(
    columns: NDArray[np.int64], fraction: float, seed: int
) -> NDArray[np.int64]:
    """Draw the same share of each class; where that is less than half one, none."""
    rng = np.random.default_rng(seed)
    drawn = []
    for column in np.unique(columns):
        members = rng.permutation(np.flatnonzero(columns == column))
        drawn.append(members[: round(fraction * len(members))])
    return np.concatenate(drawn)


def _draw_groups(
    columns: NDArray[np.int64], groups: NDArray[Any], fraction: float, seed: int
) -> NDArray[np.int64]:
    # Here, because it takes a while to import and few need it.
    from sklearn.model_selection import StratifiedGroupKFold

    n_splits = max(2, min(round(1 / fraction), len(np.unique(groups))))
    splitter = StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer samples than there are splits is no reason to worry.
        warnings.simplefilter("ignore", UserWarning)
        _, stop = next(iter(splitter.split(columns, columns, groups)))
    return np.asarray(stop, dtype=np.int64)
