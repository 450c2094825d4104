"""The training loop: skorch's, with distorted batches, a schedule and a seed."""

import copy
import inspect
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from skorch.dataset import unpack_data
from skorch.utils import to_tensor
from torch import Tensor, nn
from tqdm import tqdm

from lenet_sklearn.devices import resolve_device
from lenet_sklearn.lecun1998 import MAPLoss
from lenet_sklearn.network import LeNet5, network_input
from lenet_sklearn.training.batches import ImageDataset, keep_batch
from lenet_sklearn.training.callbacks import TrainingDone, was_stopped
from lenet_sklearn.training.distortions import Distortion, make_distortion

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}

# Parameters of the classifier that are handed to the module, if it takes them.
PARTS = (
    "activation",
    "pooling",
    "c3",
    "output",
    "input_range",
    "dropout",
    "batch_norm",
    "init",
)


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
                " the loss of a whole batch. Add 'criterion__reduction': 'none' to"
                " net_params."
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
    except TrainingDone:
        pass
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
    callbacks: Sequence[Any] = (),
    last: Sequence[Any] = (),
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

    callbacks : sequence of skorch callbacks, default=()
        Those of the training that come before the user's.

    last : sequence of skorch callbacks, default=()
        Those that come after them.

    Returns
    -------
    net : TrainingNet
        With weights drawn from torch's global generator.
    """
    distortion = params["distortion"]
    module = params["module"] or LeNet5
    arguments = {
        **_module_arguments(module, params, n_classes, image_shape),
        **_loss_arguments(params),
        **_optimizer_arguments(params),
        "max_epochs": params["max_epochs"],
        "batch_size": params["batch_size"],
        "iterator_train__shuffle": True,
        "iterator_train__collate_fn": keep_batch,
        "iterator_valid__collate_fn": keep_batch,
        "train_split": None,
        "classes": list(range(n_classes)),
        "callbacks": [*callbacks, *copy_callbacks(params), *last],
        "callbacks__print_log": None,
        "device": str(resolve_device(params["device"])),
        "distortion": None if distortion is None else make_distortion(distortion),
        "frozen": tuple(params["frozen"] or ()),
    }
    net = TrainingNet(module, **{**arguments, **(params["net_params"] or {})})
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
    callbacks = dict(net.callbacks_)
    if "schedule" in callbacks:
        callbacks["schedule"].course = None
    net.lr = params["lr"]
    for group in net.optimizer_.param_groups:
        group["lr"] = net.lr
    net.batch_size = params["batch_size"]
    distortion = params["distortion"]
    net.distortion = None if distortion is None else make_distortion(distortion)
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


def _module_arguments(
    module: type[nn.Module],
    params: Mapping[str, Any],
    n_classes: int,
    image_shape: tuple[int, int],
) -> dict[str, Any]:
    """Tell the module what it asks for by the names of its parameters."""
    shape, padding = network_input(image_shape, params["padding"])
    offered = {
        "n_classes": n_classes,
        "num_classes": n_classes,
        "image_shape": shape,
        "padding": padding,
        **{name: params[name] for name in PARTS},
    }
    asked = inspect.signature(module).parameters
    return {f"module__{name}": offered[name] for name in asked if name in offered}


def _loss_arguments(params: Mapping[str, Any]) -> dict[str, Any]:
    """Losses of single images: the net weights them, and takes the mean."""
    if "criterion" in (params["net_params"] or {}):
        return {}
    if params["rubbish"] is None:
        return {"criterion": nn.CrossEntropyLoss, "criterion__reduction": "none"}
    return {
        "criterion": MAPLoss,
        "criterion__rubbish": params["rubbish"],
        "criterion__reduction": "none",
    }


def _optimizer_arguments(params: Mapping[str, Any]) -> dict[str, Any]:
    """Tell the optimizer what it asks for by the names of its parameters."""
    optimizer = OPTIMIZERS.get(params["optimizer"], params["optimizer"])
    asked = inspect.signature(optimizer).parameters
    offered = {name: params[name] for name in ("momentum", "weight_decay")}
    return {
        "optimizer": optimizer,
        "lr": params["lr"],
        **{f"optimizer__{name}": offered[name] for name in offered if name in asked},
    }


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
    callbacks = [_copy_callback(callback) for callback in params["callbacks"] or []]
    if params["verbose"]:
        callbacks.append(("progress", ProgressBar()))
    return callbacks


def _copy_callback(callback: Any) -> Any:
    if isinstance(callback, tuple):
        return callback[0], copy.copy(callback[1])
    return copy.copy(callback)
