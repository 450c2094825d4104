"""The training loop: skorch's, with distorted batches, a schedule and a seed."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNetClassifier
from skorch.dataset import unpack_data
from skorch.helper import predefined_split
from skorch.utils import to_tensor
from torch import Tensor, nn

from lenet_sklearn.devices import resolve_device
from lenet_sklearn.inputs import network_input
from lenet_sklearn.lecun1998 import MAPLoss
from lenet_sklearn.network import LeNet5
from lenet_sklearn.parameters import is_net_parameter
from lenet_sklearn.training.batches import (
    Distortion,
    ImageDataset,
    keep_batch,
    make_distortion,
)
from lenet_sklearn.training.callbacks import (
    RateRecord,
    ValidAccuracy,
    WeightAverage,
    copy_callbacks,
    make_schedule,
    stop_early,
    was_stopped,
)

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}


class TrainingNet(NeuralNetClassifier):
    """Skorch's classifier with distorted batches, weighted losses, frozen layers.

    Parameters
    ----------
    *args, **kwargs
        As for :class:`skorch.NeuralNetClassifier`.

    distortion : Distortion, or None
        What is done to training batches; None leaves them as they are.
        Validation batches are never distorted.

    frozen : sequence of str, default=()
        Layers that are not trained.
    """

    def __init__(
        self,
        *args: Any,
        distortion: Distortion | None = None,
        frozen: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.distortion = distortion
        self.frozen = frozen

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Tensor]:
        """Distort a batch and compute its loss and gradients."""
        if self.distortion is not None:
            images, targets = unpack_data(batch)
            images = to_tensor(images, device=self.device)
            batch = self.distortion(images), targets
        step: dict[str, Tensor] = super().train_step_single(batch, **fit_params)
        return step

    def get_loss(self, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Compute the mean loss; `y_true` may be a tuple of targets and factors."""
        if not isinstance(y_true, tuple | list):
            return super().get_loss(y_pred, y_true, *args, **kwargs).mean()
        targets, factors = (to_tensor(part, device=self.device) for part in y_true)
        losses = super().get_loss(y_pred, targets, *args, **kwargs)
        if losses.ndim == 0:
            raise ValueError(
                "LeNet5Classifier cannot weight samples with a criterion that gives"
                " the loss of a whole batch. Set criterion__reduction='none'."
            )
        return (losses * factors).mean()

    def _set_training(self, training: bool = True) -> None:
        """Keep frozen layers as they are, the running means of a batch norm too."""
        super()._set_training(training)
        for name in self.frozen:
            self.module_.get_submodule(name).eval()


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
    net as if nothing had happened; here the interrupt reaches the caller, unless
    skorch's EarlyStopping has raised it.
    """
    net.notify("on_train_begin", X=dataset, y=None)
    try:
        net.fit_loop(dataset, None, epochs=n_epochs)
    except KeyboardInterrupt:
        if not was_stopped(net):
            raise
    finally:
        net.notify("on_train_end", X=dataset, y=None)


def build_net(
    params: Mapping[str, Any],
    *,
    n_classes: int,
    image_shape: tuple[int, int],
    n_steps: int | None = None,
    stop: ImageDataset | None = None,
) -> TrainingNet:
    """Make the initialised net that a classifier's parameters describe.

    Parameters
    ----------
    params : mapping
        Parameters of :class:`lenet_sklearn.LeNet5Classifier`.

    n_classes : int
        Number of logits.

    image_shape : tuple of (height, width)
        Size of the images, before they are brought to what the network reads.

    n_steps : int, default=None
        Batches in an epoch of a training over `max_epochs`. None for a net that is
        trained epoch by epoch at a constant rate, or not at all.

    stop : ImageDataset, default=None
        What the training is stopped by.

    Returns
    -------
    net : TrainingNet
        With weights drawn from torch's global generator.
    """
    arguments = {
        **_loss_arguments(params),
        "optimizer": OPTIMIZERS.get(params["optimizer"], params["optimizer"]),
        "lr": params["lr"],
        "max_epochs": params["max_epochs"],
        "batch_size": params["batch_size"],
        "iterator_train__shuffle": True,
        "iterator_train__collate_fn": keep_batch,
        "iterator_valid__collate_fn": keep_batch,
        "train_split": None if stop is None else predefined_split(stop),
        "classes": list(range(n_classes)),
        "callbacks": _callbacks(params, n_steps, stop is not None),
        "callbacks__print_log": None,
        "callbacks__valid_acc": None,
        "device": str(resolve_device(params["device"])),
        "distortion": _distortion(params),
        "frozen": tuple(params["frozen"] or ()),
        **{name: params[name] for name in params if is_net_parameter(name)},
    }
    module = params["module"] or LeNet5
    for name, value in _module_arguments(module, params, n_classes, image_shape):
        arguments.setdefault(name, value)
    net = TrainingNet(module, **arguments)
    net.initialize()
    freeze(net.module_, net.frozen)
    return net


def freeze(network: nn.Module, layers: Sequence[str]) -> None:
    """Exclude layers from training.

    Parameters
    ----------
    network : torch module
        Changed in place.

    layers : sequence of str
        Names of modules, such as "c1".

    Raises
    ------
    ValueError
        If there is no such layer, or nothing is left to train.
    """
    modules = dict(network.named_modules())
    for name in layers:
        if name not in modules or not name:
            known = [child for child, _ in network.named_children()]
            raise ValueError(
                f"LeNet5Classifier cannot freeze the layer {name!r}."
                f" The network has {known}. Name some of these."
            )
        modules[name].requires_grad_(False)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ValueError(
            "LeNet5Classifier has nothing left to train: all layers are frozen."
            " Take some out of frozen=."
        )


def continue_as(net: TrainingNet, params: Mapping[str, Any]) -> None:
    """Have a net train on as parameters say, at a constant rate.

    Its network, its loss and what its optimizer has gathered stay.

    Parameters
    ----------
    net : TrainingNet
        Changed in place.

    params : mapping
        Parameters of :class:`lenet_sklearn.LeNet5Classifier`.
    """
    net.callbacks_ = [
        (name, callback)
        for name, callback in net.callbacks_
        if name not in ("schedule", "average", "stop")
    ]
    net.train_split = None
    net.lr = params["lr"]
    for group, rate in _rates_of_groups(net, params):
        group["lr"] = rate
    net.batch_size = params["batch_size"]
    net.distortion = _distortion(params)
    net.frozen = tuple(params["frozen"] or ())
    net.module_.requires_grad_(True)
    freeze(net.module_, net.frozen)


def history_columns(history: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """Turn the history of a net into columns.

    Parameters
    ----------
    history : skorch History
        One row for each epoch.

    Returns
    -------
    columns : dict of ndarrays of shape (n_epochs,)
        Numbers only; NaN where an epoch has none.
    """
    names = dict.fromkeys(
        name
        for row in history
        for name, value in row.items()
        if isinstance(value, Real) and not isinstance(value, bool)
    )
    return {
        name: np.array([row.get(name, np.nan) for row in history]) for name in names
    }


def _callbacks(
    params: Mapping[str, Any], n_steps: int | None, stops: bool
) -> list[tuple[str, Any]]:
    """What steers a training, with copies of the user's callbacks."""
    if n_steps is None:
        return [("rate", RateRecord()), *copy_callbacks(params)]
    callbacks = make_schedule(params, n_steps)
    if params["averaging"] is not None:
        average = WeightAverage(params["averaging"], n_steps, params["max_epochs"])
        callbacks.append(("average", average))
    callbacks += [("accuracy", ValidAccuracy()), *copy_callbacks(params)]
    if stops:
        callbacks.append(("stop", stop_early(params["patience"])))
    return callbacks


def _rates_of_groups(
    net: TrainingNet, params: Mapping[str, Any]
) -> Iterator[tuple[dict[str, Any], float]]:
    """Give each group of weights with its own rate, or that of all others."""
    own = params.get("optimizer__param_groups") or []
    rates = [settings.get("lr", net.lr) for _, settings in own]
    # skorch puts what is in no group behind them.
    return zip(net.optimizer_.param_groups, [*rates, net.lr], strict=False)


def _distortion(params: Mapping[str, Any]) -> Distortion | None:
    given = params["distortion"]
    return None if given is None else make_distortion(given)


def _module_arguments(
    module: type[nn.Module],
    params: Mapping[str, Any],
    n_classes: int,
    image_shape: tuple[int, int],
) -> Iterator[tuple[str, Any]]:
    """Pass the module what it asks for by the names of its parameters."""
    shape, padding = network_input(image_shape, params["padding"])
    offered = {
        "n_classes": n_classes,
        "num_classes": n_classes,
        "image_shape": shape,
        "padding": padding,
    }
    asked = inspect.signature(module).parameters
    for name in asked:
        if name in offered:
            yield f"module__{name}", offered[name]


def _loss_arguments(params: Mapping[str, Any]) -> dict[str, Any]:
    """Losses of single images: the net weights them, and takes the mean."""
    if "criterion" in params:
        return {}
    if params["rubbish"] is None:
        return {"criterion": nn.CrossEntropyLoss, "criterion__reduction": "none"}
    return {
        "criterion": MAPLoss,
        "criterion__rubbish": params["rubbish"],
        "criterion__reduction": "none",
    }
