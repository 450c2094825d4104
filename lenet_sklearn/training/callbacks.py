"""Callbacks of the training: learning rate, averaged weights, early stopping."""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from skorch.utils import noop
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

# Share of a one-cycle schedule in which the rate rises, and the rates it starts
# and ends with relative to the highest, as in torch's OneCycleLR.
_WARM_UP = 0.3
_START_FACTOR = 1 / 25
_END_FACTOR = 1e-5

# A moving average starts with the weights themselves and looks back over at most
# this share of the steps: the first ones are not worth remembering.
_YOUNG = 0.1


def rate_factor(schedule: str, progress: float) -> float:
    """Return the learning rate as a share of the highest one.

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


@dataclass(frozen=True)
class RateFactor:
    """The learning rate before each step, as a share of the highest one.

    Attributes
    ----------
    schedule : str or list of (epochs, rate)
        Course of the rate, as for :class:`lenet_sklearn.LeNet5Classifier`.

    lr : float
        The highest rate.

    max_epochs : int
        Epochs of the training.

    n_steps : int
        Batches in an epoch.

    Examples
    --------
    >>> from lenet_sklearn.training.callbacks import RateFactor
    >>> factor = RateFactor([(2, 0.5), (3, 0.2)], lr=1.0, max_epochs=5, n_steps=10)
    >>> [factor(step) for step in (0, 19, 20, 990)]
    [0.5, 0.5, 0.2, 0.2]
    """

    schedule: str | list[tuple[float, float]]
    lr: float
    max_epochs: int
    n_steps: int

    def __call__(self, step: int) -> float:
        """Return the factor before a step, counted from 0."""
        epochs = step / self.n_steps
        if isinstance(self.schedule, str):
            return rate_factor(self.schedule, epochs / self.max_epochs)
        for length, rate in self.schedule:
            if epochs < length:
                return rate / self.lr
            epochs -= length
        return self.schedule[-1][1] / self.lr


def plan_rates(params: Mapping[str, Any], n_steps: int) -> RateFactor:
    """Plan the learning rate of a training.

    Parameters
    ----------
    params : mapping
        Parameters of an estimator; `schedule`, `lr` and `max_epochs` are used.

    n_steps : int
        Batches in an epoch.

    Returns
    -------
    factor : RateFactor
        What `lr` is multiplied by before each step.

    Raises
    ------
    ValueError
        If `schedule` is a list, but not one of (epochs, rate).
    """
    schedule = params["schedule"]
    if not isinstance(schedule, str):
        schedule = _check_stages(schedule)
    return RateFactor(schedule, params["lr"], params["max_epochs"], n_steps)


def make_schedule(params: Mapping[str, Any], n_steps: int) -> list[tuple[str, Any]]:
    """Make the callbacks that steer and note down the learning rate.

    Parameters
    ----------
    params : mapping
        Parameters of an estimator; `schedule`, `lr`, `max_epochs` and `callbacks`
        are used.

    n_steps : int
        Batches in an epoch.

    Returns
    -------
    callbacks : list of (name, skorch callback)
        None sets the rate where it is constant, so that a schedule among the
        callbacks of the user is free to.

    Raises
    ------
    ValueError
        If `schedule` is a list, but not one of (epochs, rate), or if both it and a
        callback of the user want to set the rate.
    """
    schedule = params["schedule"]
    if schedule == "constant":
        return [("rate", RateRecord())]
    if any(
        isinstance(c, LRScheduler) for c in map(_unnamed, params["callbacks"] or [])
    ):
        raise ValueError(
            f"A schedule of the learning rate is expected once. Got schedule="
            f"{schedule!r} and an LRScheduler among callbacks. Set"
            " schedule='constant', or take the callback away."
        )
    scheduler = Schedule(
        LambdaLR,
        lr_lambda=plan_rates(params, n_steps),
        step_every="batch",
        event_name=None,
    )
    return [("rate", RateRecord()), ("schedule", scheduler)]


def steer_training(params: Mapping[str, Any], n_steps: int) -> list[tuple[str, Any]]:
    """Make the callbacks of the learning rate and of the mean of the weights.

    Parameters
    ----------
    params : mapping
        Parameters of an estimator; `averaging` and those of :func:`make_schedule`
        are used.

    n_steps : int
        Batches in an epoch.

    Returns
    -------
    callbacks : list of (name, skorch callback)
        In the order in which they are to be called.
    """
    callbacks = make_schedule(params, n_steps)
    if params["averaging"] is not None:
        average = WeightAverage(params["averaging"], n_steps, params["max_epochs"])
        callbacks.append(("average", average))
    return callbacks


class Schedule(LRScheduler):
    """Forget the optimizer when a training ends, which doubles what is pickled."""

    def on_train_end(self, net: NeuralNet, **_: Any) -> None:
        """Let go of it; another training makes a new scheduler."""
        self.lr_scheduler_ = None


class RateRecord(Callback):
    """Note the learning rate of the last batch of every epoch down, as "lr"."""

    def on_batch_begin(self, net: NeuralNet, training: bool = False, **_: Any) -> None:
        """Look at the rate of the batch that comes now."""
        if training:
            # The last group has what is in none of the user's.
            self.rate_ = net.optimizer_.param_groups[-1]["lr"]

    def on_epoch_end(self, net: NeuralNet, **_: Any) -> None:
        """Note it down."""
        net.history.record("lr", self.rate_)


class WeightAverage(Callback):
    """Average the weights over the training, and put the mean in at its end.

    A validation set is read with the mean.

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
        self.mean_: AveragedModel | None = None
        self.swapped_ = False
        return self

    def on_train_begin(self, net: NeuralNet, **_: Any) -> None:
        """Make room for the mean."""
        self.mean_ = AveragedModel(
            net.module_, multi_avg_fn=self._take_in, use_buffers=True
        )

    def on_batch_begin(self, net: NeuralNet, training: bool = False, **_: Any) -> None:
        """Train the weights themselves, and validate their mean."""
        if training == self.swapped_:
            self._swap(net)

    def on_batch_end(self, net: NeuralNet, training: bool = False, **_: Any) -> None:
        """Take the weights of this step in."""
        if training and self.mean_ is not None:
            if self._share_of_step() > 0:
                self.mean_.update_parameters(net.module_)
            self.step_ += 1

    def on_train_end(self, net: NeuralNet, **_: Any) -> None:
        """Put the mean into the network; what comes later is not averaged."""
        if not self.swapped_:
            self._swap(net)
        self.mean_, self.swapped_ = None, False

    def _swap(self, net: NeuralNet) -> None:
        """Exchange the weights of the network and their mean, where there is one."""
        if self.mean_ is None or not self.mean_.n_averaged:
            return
        self.swapped_ = not self.swapped_
        means = float_state(self.mean_.module)
        for weight, mean in zip(float_state(net.module_), means, strict=True):
            kept = weight.clone()
            weight.copy_(mean)
            mean.copy_(kept)

    def _take_in(self, means: Any, weights: Any, _: Any) -> None:
        if means[0].is_floating_point():  # a count of batches has no mean
            torch._foreach_lerp_(means, weights, self._share_of_step())

    def _share_of_step(self) -> float:
        """Weight of the newest weights in their mean."""
        if self.averaging < 1:
            return max(1 - self.averaging, 1 / (1 + _YOUNG * self.step_))
        first = (self.n_epochs - self.averaging) * self.n_steps
        return 1 / (1 + self.step_ - max(first, 0)) if self.step_ >= first else 0.0

    def __getstate__(self) -> dict[str, Any]:
        # The mean is needed in training only, and refers back to this callback.
        return {**vars(self), "mean_": None}


class ValidAccuracy(Callback):
    """Note the share of the validation set down that is read correctly, as "valid_acc".

    Samples count by their weights.
    """

    def on_epoch_begin(self, net: NeuralNet, **_: Any) -> None:
        """Start to count."""
        self.n_right_, self.n_total_ = 0.0, 0.0

    def on_batch_end(
        self,
        net: NeuralNet,
        batch: Any = None,
        training: bool = False,
        y_pred: Any = None,
        factors: Tensor | None = None,
        **_: Any,
    ) -> None:
        """Count one batch."""
        if training:
            return
        right = (y_pred.argmax(dim=1) == batch[1].to(y_pred.device)).float()
        weights = torch.ones_like(right) if factors is None else factors.to(right)
        self.n_right_ += float((right * weights).sum())
        self.n_total_ += float(weights.sum())

    def on_epoch_end(self, net: NeuralNet, **_: Any) -> None:
        """Note the share down, if there was a validation set."""
        if self.n_total_:
            net.history.record("valid_acc", self.n_right_ / self.n_total_)


class ProgressBar(Callback):
    """Show epochs on a bar on stderr: on a terminal only, nothing in a pipe."""

    def on_train_begin(self, net: NeuralNet, **_: Any) -> None:
        """Open the bar."""
        self.bar_ = tqdm(total=net.max_epochs, unit="epoch", disable=None)

    def on_epoch_end(self, net: NeuralNet, **_: Any) -> None:
        """Move on by one epoch."""
        self.bar_.set_postfix(loss=f"{net.history[-1]['train_loss']:.4f}")
        self.bar_.update()

    def on_train_end(self, net: NeuralNet, **_: Any) -> None:
        """Close the bar, and let go of it: it cannot be pickled."""
        self.bar_.close()
        del self.bar_


def stop_early(patience: int) -> EarlyStopping:
    """Make the callback that stops a training and goes back to its best weights.

    Parameters
    ----------
    patience : int
        Epochs without a lower loss on the validation set after which to stop.

    Returns
    -------
    callback : skorch EarlyStopping
        Comes after all other callbacks, which are to see the last epoch too.
    """
    return EarlyStopping(
        "valid_loss", patience=patience, threshold=0, sink=noop, load_best=True
    )


def was_stopped(net: NeuralNet) -> bool:
    """Return whether skorch's EarlyStopping has ended a training.

    It raises KeyboardInterrupt, as the user does who wants to leave.

    Parameters
    ----------
    net : skorch NeuralNet
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


def copy_callbacks(params: Mapping[str, Any]) -> list[Any]:
    """Copy the user's callbacks, so that fit leaves the parameter alone.

    Parameters
    ----------
    params : mapping
        Parameters of an estimator; `callbacks` and `verbose` are used.

    Returns
    -------
    callbacks : list of skorch callbacks
        Shallow copies: a writer of TensorBoard's holds threads, which cannot be
        copied. With `verbose` a progress bar besides.
    """
    callbacks = [
        (given[0], copy.copy(given[1]))
        if isinstance(given, tuple)
        else copy.copy(given)
        for given in params["callbacks"] or []
    ]
    if params["verbose"]:
        callbacks.append(("progress", ProgressBar()))
    return callbacks


def _unnamed(callback: Any) -> Any:
    return callback[1] if isinstance(callback, tuple) else callback


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def _check_stages(schedule: Sequence[Any]) -> list[tuple[float, float]]:
    try:
        stages = [(float(epochs), float(rate)) for epochs, rate in schedule]
    except (TypeError, ValueError):
        stages = []
    if not stages or any(epochs <= 0 or rate <= 0 for epochs, rate in stages):
        raise ValueError(
            "A schedule is expected to be the name of one, or a list of (epochs, rate),"
            f" both above 0. Got {schedule!r}. Pass such as [(10, 0.003), (5, 0.001)]."
        )
    return stages


def float_state(network: torch.nn.Module) -> list[Tensor]:
    """List the tensors of a network that have a mean.

    Parameters
    ----------
    network : torch module
        Any network.

    Returns
    -------
    tensors : list of Tensor
        Weights and running means, and no count of batches.
    """
    state = network.state_dict()
    return [tensor for tensor in state.values() if tensor.is_floating_point()]
