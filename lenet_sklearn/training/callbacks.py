"""Callbacks of the training: learning rate, averaged weights, early stopping."""

import copy
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EarlyStopping
from torch import Tensor

from lenet_sklearn.training.batches import ImageDataset

SCHEDULES = ("constant", "cosine", "one-cycle", "step")

# Share of a one-cycle schedule in which the rate rises, and the rates it starts
# and ends with relative to the highest, as in torch's OneCycleLR.
_WARM_UP = 0.3
_START_FACTOR = 1 / 25
_END_FACTOR = 1e-5

# From the number of epochs done, a fraction within an epoch, to the rate.
Course = Callable[[float], float]


def rate_factor(schedule: str, progress: float) -> float:
    """Give the learning rate as a share of the highest one.

    Parameters
    ----------
    schedule : {"constant", "cosine", "one-cycle"}
        The course of the rate: always the highest; from the highest to zero
        along half a cosine; or up along one half cosine and down along another.

    progress : float
        Share of the steps already done, in [0, 1].

    Returns
    -------
    factor : float
        In (0, 1].

    References
    ----------
    .. [1] L. N. Smith, N. Topin, "Super-convergence: very fast training of neural
       networks using large learning rates", 2018, arXiv:1708.07120.

    Examples
    --------
    >>> from lenet_sklearn.training.callbacks import rate_factor
    >>> [round(rate_factor("one-cycle", p), 3) for p in (0, 0.3, 1)]
    [0.04, 1.0, 0.0]
    """
    if schedule == "constant":
        return 1.0
    if schedule == "one-cycle" and progress < _WARM_UP:
        return _half_cosine(_START_FACTOR, 1.0, progress / _WARM_UP)
    fall_from = _WARM_UP if schedule == "one-cycle" else 0.0
    fallen = (progress - fall_from) / (1 - fall_from)
    return _half_cosine(1.0, _END_FACTOR, min(fallen, 1.0))


def make_course(params: Mapping[str, Any]) -> Course:
    """Make the course of the learning rate that a classifier's parameters name.

    Parameters
    ----------
    params : mapping
        Parameters of :class:`lenet_sklearn.LeNet5Classifier`; `schedule`, `lr`,
        `max_epochs`, `step_size` and `gamma` are used.

    Returns
    -------
    course : callable
        From epochs done, a float, to the rate.

    Raises
    ------
    ValueError
        If `schedule` is a list, but not one of (epochs, rate).

    Examples
    --------
    >>> from lenet_sklearn.training.callbacks import make_course
    >>> course = make_course({"schedule": [(2, 0.5), (3, 0.2)]})
    >>> [course(epoch) for epoch in (0, 1.9, 2, 99)]
    [0.5, 0.5, 0.2, 0.2]
    """
    schedule = params["schedule"]
    if not isinstance(schedule, str):
        return _follow_list(schedule)
    lr, max_epochs = params["lr"], params["max_epochs"]
    if schedule == "step":
        step_size, gamma = params["step_size"], params["gamma"]
        return lambda epochs: lr * gamma ** (int(epochs) // step_size)
    return lambda epochs: lr * rate_factor(schedule, epochs / max_epochs)


class RateSchedule(Callback):
    """Set the learning rate before every training batch, and note it down.

    Parameters
    ----------
    course : callable
        As from :func:`make_course`. Once it is None, the rate is the `lr` of the
        net.

    n_steps : int
        Batches in an epoch.
    """

    def __init__(self, course: Course | None, n_steps: int) -> None:
        self.course = course
        self.n_steps = n_steps

    def initialize(self) -> "RateSchedule":
        """Start anew; skorch calls this for every new network."""
        self.step_ = 0
        return self

    def on_batch_begin(
        self,
        net: NeuralNetClassifier,
        training: bool = False,
        **_: Any,
    ) -> None:
        """Set the rate of the batch that comes now."""
        if not training:
            return
        rate = self.course(self.step_ / self.n_steps) if self.course else net.lr
        for group in net.optimizer_.param_groups:
            group["lr"] = rate
        self.step_ += 1

    def on_epoch_end(self, net: NeuralNetClassifier, **_: Any) -> None:
        """Note the rate of the last batch."""
        net.history.record("lr", net.optimizer_.param_groups[0]["lr"])

    def __getstate__(self) -> dict[str, Any]:
        # A course is a closure, which cannot be pickled; the training is over.
        return {**vars(self), "course": None}


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def _follow_list(schedule: Sequence[Any]) -> Course:
    """Hold each rate for its epochs, and the last one for ever."""
    try:
        stages = [(float(epochs), float(rate)) for epochs, rate in schedule]
    except (TypeError, ValueError):
        stages = []
    if not stages or any(epochs <= 0 or rate <= 0 for epochs, rate in stages):
        raise ValueError(
            "A schedule is expected to be the name of one, or a list of (epochs, rate),"
            f" both above 0. Got {schedule!r}. Pass such as [(10, 0.003), (5, 0.001)]."
        )

    def course(epochs: float) -> float:
        for length, rate in stages:
            if epochs < length:
                return rate
            epochs -= length
        return stages[-1][1]

    return course


# A moving average starts with the weights themselves and looks back over at most
# this share of the steps: the first ones are not worth remembering.
_YOUNG = 0.1


class WeightAverage(Callback):
    """Average the weights over the training, and put the mean in at its end.

    Parameters
    ----------
    averaging : int or float
        A whole number: the mean of all steps of so many last epochs. A fraction:
        a moving average, which keeps so much of itself in every step.

    n_steps : int
        Batches in an epoch.

    n_epochs : int
        Epochs of the training.

    References
    ----------
    .. [1] P. Izmailov, D. Podoprikhin, T. Garipov, D. Vetrov, A. G. Wilson,
       "Averaging weights leads to wider optima and better generalization",
       Proc. UAI 2018.
    """

    def __init__(self, averaging: float, n_steps: int, n_epochs: int) -> None:
        self.averaging = averaging
        self.n_steps = n_steps
        self.n_epochs = n_epochs

    def initialize(self) -> "WeightAverage":
        """Start anew; skorch calls this for every new network."""
        self.step_ = 0
        self.mean_: list[Tensor] | None = None
        self.done_ = False
        return self

    def on_batch_end(
        self, net: NeuralNetClassifier, training: bool = False, **_: Any
    ) -> None:
        """Take the weights of this step in."""
        if self.done_ or not training:
            return
        share = self._share_of_step()
        self.step_ += 1
        if share <= 0:
            return
        weights = _float_state(net.module_)
        if self.mean_ is None:
            self.mean_ = [tensor.clone() for tensor in weights]
        else:
            with torch.no_grad():
                torch._foreach_lerp_(self.mean_, weights, share)

    def swap(self, net: NeuralNetClassifier) -> None:
        """Exchange the weights of the network and their mean, where there is one.

        Parameters
        ----------
        net : skorch NeuralNetClassifier
            Its module is changed in place. A second call undoes the first.
        """
        for weight, mean in zip(
            _float_state(net.module_), self.mean_ or [], strict=False
        ):
            kept = weight.clone()
            weight.copy_(mean)
            mean.copy_(kept)

    def on_train_end(self, net: NeuralNetClassifier, **_: Any) -> None:
        """Put the mean into the network; what comes later is not averaged."""
        self.swap(net)
        self.mean_, self.done_ = None, True

    def _share_of_step(self) -> float:
        """Weight of the newest weights in their mean."""
        if self.averaging < 1:
            return max(1 - self.averaging, 1 / (1 + _YOUNG * self.step_))
        first = (self.n_epochs - self.averaging) * self.n_steps
        return 1 / (1 + self.step_ - max(first, 0)) if self.step_ >= first else 0.0


def keep_share(network: torch.nn.Module, begun: torch.nn.Module, share: float) -> None:
    """Move weights part of the way back to those that a training began with.

    Fitted to a few samples, a network forgets some of what it knew; the weights
    between know both, and read better than either [1]_.

    Parameters
    ----------
    network : torch module
        After the training; changed in place.

    begun : torch module
        A copy of it from before.

    share : float
        How much of the way: 0 leaves `network` as it is.

    References
    ----------
    .. [1] M. Wortsman et al., "Robust fine-tuning of zero-shot models", Proc. CVPR
       2022.
    """
    with torch.no_grad():
        torch._foreach_lerp_(_float_state(network), _float_state(begun), share)


def _float_state(network: torch.nn.Module) -> list[Tensor]:
    """Weights and running means; a count of batches has no mean."""
    state = network.state_dict()
    return [tensor for tensor in state.values() if tensor.is_floating_point()]


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
    >>> from lenet_sklearn.training.callbacks import split_inside
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
