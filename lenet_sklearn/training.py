"""The training loop: skorch's, with distorted batches, a schedule and a seed."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from sklearn.base import clone
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from skorch.dataset import unpack_data
from skorch.utils import to_tensor
from torch import Tensor, nn
from tqdm import tqdm

from lenet_sklearn.batches import ImageDataset, keep_batch
from lenet_sklearn.devices import resolve_device
from lenet_sklearn.distortions import Distortion, make_distortion
from lenet_sklearn.network import LeNet5

SCHEDULES = ("constant", "cosine", "one-cycle")

# Share of a one-cycle schedule in which the rate rises, and the rates it starts
# and ends with relative to the highest, as in torch's OneCycleLR.
_WARM_UP = 0.3
_START_FACTOR = 1 / 25
_END_FACTOR = 1e-5


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
    >>> from lenet_sklearn.training import rate_factor
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


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


class RateSchedule(Callback):
    """Set the learning rate before every training batch.

    Parameters
    ----------
    schedule : {"constant", "cosine", "one-cycle"}
        As in :func:`rate_factor`.

    n_steps : int
        Batches in the whole training. After that the rate stays as it is.
    """

    def __init__(self, schedule: str, n_steps: int) -> None:
        self.schedule = schedule
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
        rate = net.lr * rate_factor(self.schedule, self.step_ / self.n_steps)
        for group in net.optimizer_.param_groups:
            group["lr"] = rate
        self.step_ += 1


class ProgressBar(Callback):
    """Show epochs on a bar on stderr: on a terminal only, nothing in a pipe."""

    def on_train_begin(self, net: NeuralNetClassifier, **_: Any) -> None:
        """Open the bar."""
        self.bar_ = tqdm(total=net.max_epochs, unit="epoch", disable=None)

    def on_epoch_end(self, net: NeuralNetClassifier, **_: Any) -> None:
        """Move on by one epoch."""
        self.bar_.set_postfix(loss=f"{net.history[-1]['train_loss']:.4f}")
        self.bar_.update()

    def on_train_end(self, net: NeuralNetClassifier, **_: Any) -> None:
        """Close the bar, and let go of it: it cannot be pickled."""
        self.bar_.close()
        del self.bar_


class TrainingNet(NeuralNetClassifier):
    """Skorch's classifier with training batches distorted on their device.

    Parameters
    ----------
    *args, **kwargs
        As for :class:`skorch.NeuralNetClassifier`.

    distortion : Distortion, or None
        What is done to training batches; None leaves them as they are.
        Validation batches are never distorted.
    """

    def __init__(
        self, *args: Any, distortion: Distortion | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.distortion = distortion

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Tensor]:
        """Distort a batch and compute its loss and gradients."""
        if self.distortion is not None:
            images, targets = unpack_data(batch)
            images = to_tensor(images, device=self.device)
            batch = self.distortion(images), targets
        step: dict[str, Tensor] = super().train_step_single(batch, **fit_params)
        return step


def run_epochs(net: NeuralNetClassifier, dataset: ImageDataset, n_epochs: int) -> None:
    """Train an initialised net for some epochs.

    Parameters
    ----------
    net : skorch NeuralNetClassifier
        Initialised; trained in place.

    dataset : ImageDataset
        The training set.

    n_epochs : int
        Passes over it.

    Notes
    -----
    skorch's own ``fit`` swallows KeyboardInterrupt and returns a half-trained
    net as if nothing had happened; here the interrupt reaches the caller.
    """
    net.notify("on_train_begin", X=dataset, y=None)
    try:
        net.fit_loop(dataset, None, epochs=n_epochs)
    finally:
        net.notify("on_train_end", X=dataset, y=None)


def build_net(
    params: Mapping[str, Any],
    *,
    n_classes: int,
    padding: int,
    schedule: RateSchedule | None = None,
) -> TrainingNet:
    """Make the initialised net that a classifier's parameters describe.

    Parameters
    ----------
    params : mapping
        Parameters of :class:`lenet_sklearn.LeNet5Classifier`.

    n_classes : int
        Number of logits.

    padding : int
        Background that C1 adds on each side.

    schedule : RateSchedule, default=None
        Course of the learning rate; None keeps it constant.

    Returns
    -------
    net : TrainingNet
        With weights drawn from torch's global generator.
    """
    distortion = params["distortion"]
    arguments = {
        "module__n_classes": n_classes,
        "module__activation": params["activation"],
        "module__pooling": params["pooling"],
        "module__padding": padding,
        "criterion": nn.CrossEntropyLoss,
        "optimizer": torch.optim.AdamW,
        "optimizer__weight_decay": params["weight_decay"],
        "lr": params["lr"],
        "max_epochs": params["max_epochs"],
        "batch_size": params["batch_size"],
        "iterator_train__shuffle": True,
        "iterator_train__collate_fn": keep_batch,
        "iterator_valid__collate_fn": keep_batch,
        "train_split": None,
        "classes": list(range(n_classes)),
        "callbacks": _list_callbacks(params, schedule),
        "callbacks__print_log": None,
        "device": str(resolve_device(params["device"])),
        "distortion": None if distortion is None else make_distortion(distortion),
    }
    net = TrainingNet(LeNet5, **{**arguments, **(params["net_params"] or {})})
    net.initialize()
    return net


def hold_rate(net: TrainingNet) -> None:
    """Keep the learning rate at its highest value from now on.

    Parameters
    ----------
    net : TrainingNet
        Changed in place.
    """
    callbacks = dict(net.callbacks_)
    if "schedule" in callbacks:
        callbacks["schedule"].schedule = "constant"


def _list_callbacks(
    params: Mapping[str, Any], schedule: RateSchedule | None
) -> list[Any]:
    """Copies of the user's callbacks, so that fit leaves the parameter alone."""
    callbacks: list[Any] = list(clone(list(params["callbacks"] or []), safe=False))
    if schedule is not None:
        callbacks.append(("schedule", schedule))
    if params["verbose"]:
        callbacks.append(("progress", ProgressBar()))
    return callbacks
