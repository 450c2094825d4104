"""The skorch net: how it is built, trained, and started from other weights."""

import inspect
import math
import os
import re
from collections.abc import Mapping, Sequence
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch import NeuralNet, NeuralNetClassifier
from skorch.dataset import unpack_data
from skorch.helper import predefined_split
from skorch.utils import is_dataset, to_tensor
from torch import Tensor, nn
from torch.utils.data import Dataset

from lenet_sklearn.devices import resolve_device
from lenet_sklearn.inputs import decode_labels, network_input
from lenet_sklearn.lecun1998 import MAPLoss, class_codes
from lenet_sklearn.models.files import ModelFileError, model_path, read_model
from lenet_sklearn.network import LeNet5
from lenet_sklearn.parameters import DEFAULT_PARTS, architecture, is_net_parameter
from lenet_sklearn.training.batches import (
    Distortion,
    collate_images,
    make_distortion,
)
from lenet_sklearn.training.callbacks import (
    RateRecord,
    ValidAccuracy,
    copy_callbacks,
    float_state,
    steer_training,
    stop_early,
    was_stopped,
)
from lenet_sklearn.training.teaching import Lesson, start_lesson

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}

_HALF = (torch.bfloat16, torch.float16)


class TrainingNet(NeuralNetClassifier):
    """Skorch's classifier with distorted batches, weighted losses, frozen layers.

    Its `predict`, `predict_proba`, `forward` and `score` take images as the network
    does, and know columns in place of labels.

    Parameters
    ----------
    *args, **kwargs
        As for :class:`skorch.NeuralNetClassifier`.

    distortion : Distortion, or None
        What is done to training batches; None leaves them as they are.
        Validation batches are never distorted.

    frozen : sequence of str, default=()
        Layers that are not trained.

    lesson : Lesson, default=None
        What a teacher says of training batches, which is learned beside the targets.
    """

    def __init__(
        self,
        *args: Any,
        distortion: Distortion | None = None,
        frozen: Sequence[str] = (),
        lesson: Lesson | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.distortion = distortion
        self.frozen = frozen
        self.lesson = lesson

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Tensor]:
        """Distort a batch and compute its loss and gradients."""
        if self.distortion is not None:
            images, targets = unpack_data(batch)
            images = to_tensor(images, device=self.device)
            batch = self.distortion(images), targets
        return super().train_step_single(batch, **fit_params)

    def get_loss(self, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any) -> Tensor:
        """Compute the mean loss; `y_true` may be a tuple of targets and factors."""
        weighted = isinstance(y_true, tuple | list)
        parts = [*y_true] if weighted else [y_true]
        targets, *factors = (to_tensor(part, device=self.device) for part in parts)
        losses = super().get_loss(y_pred, targets, *args, **kwargs)
        if weighted and losses.ndim == 0:
            raise ValueError(
                "LeNet5Classifier cannot weight samples with a criterion that gives"
                " the loss of a whole batch. Set criterion__reduction='none'."
            )
        if self.lesson is not None and kwargs.get("training"):
            losses = self.lesson.mix(losses, y_pred, kwargs["X"])
        return (losses * factors[0] if weighted else losses).mean()

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Compute logits in float32, which numpy knows, under autocast too."""
        # An autocast around a whole training keeps the first weights for ever.
        torch.clear_autocast_cache()
        logits = super().infer(x, **fit_params)
        half = isinstance(logits, Tensor) and logits.dtype in _HALF
        return logits.float() if half else logits

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Tell callbacks of plain targets, and of the factors of losses beside."""
        if "batch" in kwargs:
            images, targets = unpack_data(kwargs["batch"])
            if isinstance(targets, tuple | list):
                targets, kwargs["factors"] = targets
                kwargs["batch"] = images, targets
        super().notify(method_name, **kwargs)

    def check_data(self, X: Any, y: Any) -> None:
        """Spare datasets skorch's look for classes, which are known."""
        if y is not None or not is_dataset(X):
            super().check_data(X, y)

    def torch_compile(self, module: nn.Module, name: str) -> nn.Module:
        """Compile a module in place: names of weights and the class stay."""
        if self.compile:
            module.compile(**self.get_params_for("compile"))
        return module

    def _set_training(self, training: bool = True) -> None:
        """Keep frozen layers as they are, the running means of a batch norm too."""
        super()._set_training(training)
        for name in self.frozen:
            self.module_.get_submodule(name).eval()


def run_epochs(net: NeuralNet, dataset: Dataset[Any], n_epochs: int) -> None:
    """Train an initialised net for some epochs.

    Parameters
    ----------
    net : skorch NeuralNet
        Initialised; trained in place.

    dataset : torch Dataset
        The training set.

    n_epochs : int
        Passes over it.

    Raises
    ------
    ValueError
        If it diverges.

    Notes
    -----
    skorch's own ``fit`` swallows KeyboardInterrupt and returns a half-trained
    net as if nothing had happened; here the interrupt reaches the caller, unless
    skorch's EarlyStopping has raised it.
    """
    # Scoring callbacks look at y to see how targets are indexed.
    net.notify("on_train_begin", X=dataset, y=getattr(dataset, "y", None))
    try:
        net.fit_loop(dataset, None, epochs=n_epochs)
    except KeyboardInterrupt:
        if not was_stopped(net):
            raise
    finally:
        net.notify("on_train_end", X=dataset, y=None)
    check_converged(net)


def check_converged(net: NeuralNet) -> None:
    """Refuse weights that are not finite, or give a loss that is not.

    Parameters
    ----------
    net : skorch NeuralNet
        After its training.

    Raises
    ------
    ValueError
        If the training has diverged; says in which epoch.
    """
    losses = [row["train_loss"] for row in net.history]
    stop = dict(net.callbacks_).get("stop")
    kept = getattr(stop, "best_epoch_", len(losses))  # one of that name may be a user's
    finite = all(bool(t.isfinite().all()) for t in float_state(net.module_))
    if finite and math.isfinite(losses[kept - 1]):
        return
    first = next((k for k, v in enumerate(losses, 1) if not math.isfinite(v)), kept)
    raise ValueError(
        f"The training diverged: the loss was {losses[first - 1]:g} in epoch {first},"
        f" and the network reads nothing. Got lr={net.lr:g}. Lower it, or the rates of"
        " the schedule."
    )


def build_net(
    classifier: Any, *, n_steps: int | None = None, watched: Dataset[Any] | None = None
) -> TrainingNet:
    """Make the initialised net that a classifier's parameters describe.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Whose labels and size of images are known. Its parameters are as it was, or is
        to be, trained with; but its device is that of now.

    n_steps : int, default=None
        Batches in an epoch of a training over `max_epochs`. None for a net that is
        trained epoch by epoch at a constant rate, or not at all.

    watched : torch Dataset, default=None
        What is read after each epoch, and the training is stopped by, where it is to
        be stopped early.

    Returns
    -------
    net : TrainingNet
        With weights drawn from torch's global generator.
    """
    params = {**classifier._trained_with, "device": classifier.device}
    n_classes = len(classifier.classes_)
    module = params["module"] or LeNet5
    shape, padding = network_input(classifier.image_shape_, params["padding"])
    offered = {
        "n_classes": n_classes,
        "num_classes": n_classes,
        "image_shape": shape,
        "padding": padding,
    }
    # A module is passed what it asks for by the names of its parameters.
    asked = offered.keys() & inspect.signature(module).parameters
    arguments = {
        **{f"module__{name}": offered[name] for name in asked},
        **_loss_arguments(params),
        "optimizer": OPTIMIZERS.get(params["optimizer"], params["optimizer"]),
        "lr": params["lr"],
        "max_epochs": params["max_epochs"],
        "batch_size": params["batch_size"],
        "iterator_train__shuffle": True,
        "iterator_train__collate_fn": collate_images,
        "iterator_valid__collate_fn": collate_images,
        "classes": list(range(n_classes)),
        "callbacks": _callbacks(params, n_steps, watched is not None),
        "callbacks__print_log": None,
        "callbacks__valid_acc": None,
        "device": str(resolve_device(params["device"])),
        "distortion": _distortion(params),
        "lesson": _lesson(classifier, params, n_steps),
        "frozen": tuple(params["frozen"] or ()),
        **{name: params[name] for name in params if is_net_parameter(name)},
        "train_split": None if watched is None else predefined_split(watched),
    }
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
    own = params.get("optimizer__param_groups") or []
    rates = [settings.get("lr", net.lr) for _, settings in own]
    # skorch puts what is in no group behind them.
    rates.append(net.lr)
    for group, rate in zip(net.optimizer_.param_groups, rates, strict=False):
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
    return {n: np.array([row.get(n, np.nan) for row in history]) for n in names}


def _callbacks(
    params: Mapping[str, Any], n_steps: int | None, watches: bool
) -> list[tuple[str, Any]]:
    """What steers a training, with copies of the user's callbacks."""
    if n_steps is None:
        return [("rate", RateRecord()), *copy_callbacks(params)]
    callbacks = steer_training(params, n_steps)
    callbacks += [("accuracy", ValidAccuracy()), *copy_callbacks(params)]
    if watches and params["early_stopping"]:
        callbacks.append(("stop", stop_early(params["patience"])))
    return callbacks


def _distortion(params: Mapping[str, Any]) -> Distortion | None:
    given = params["distortion"]
    return None if given is None else make_distortion(given)


def _lesson(
    classifier: Any, params: Mapping[str, Any], n_steps: int | None
) -> Lesson | None:
    """What a teacher says, where there is a whole training to say it in."""
    if n_steps is None or params.get("distillation") is None:
        return None
    device = resolve_device(params["device"])
    return start_lesson(params["distillation"], classifier, device)


def _loss_arguments(params: Mapping[str, Any]) -> dict[str, Any]:
    """Losses of single images: the net weights them, and takes the mean."""
    if "criterion" in params:
        return {}
    loss = {"criterion": nn.CrossEntropyLoss, "criterion__reduction": "none"}
    if params["rubbish"] is None:
        return loss
    return loss | {
        "criterion": MAPLoss,
        "criterion__rubbish": params["rubbish"],
        "predict_nonlinearity": partial(torch.softmax, dim=1),
    }


def start_from(
    network: nn.Module,
    source: str | os.PathLike[str],
    *,
    classes: NDArray[Any],
    params: Mapping[str, Any],
) -> float:
    """Start a network from the weights of a saved classifier, or from a state dict.

    Parameters
    ----------
    network : LeNet5
        Changed in place.

    source : str or path
        As in :func:`model_path`; or a file of :func:`torch.save` of a state dict,
        ending in ``.pt`` or ``.pth``, which does not know its classes.

    classes : ndarray of shape (n_classes,)
        Labels of the rows of the network's output layer.

    params : mapping
        Parameters of the classifier the network belongs to.

    Returns
    -------
    temperature : float
        That of the saved classifier, a better guess than 1 for the new one.

    Raises
    ------
    ModelFileError
        If the file cannot be read, or holds something else.

    ValueError
        If its network is of another architecture.
    """
    if is_state_dict(source):
        return start_from_state(network, source, classes)
    header, weights = read_model(model_path(source))
    if "classes" not in header or "params" not in header:
        raise ModelFileError(
            f"{source} is no single LeNet5Classifier, so its weights cannot start one."
            " Name the file of one."
        )
    theirs, ours = architecture(header["params"]), architecture(params)
    for name in sorted(theirs.keys() | ours.keys()):
        default = DEFAULT_PARTS.get(name)
        given, own = theirs.get(name, default), ours.get(name, default)
        if given != own:
            raise ValueError(
                f"initial_weights={str(source)!r} were trained with {name}={given!r},"
                f" but LeNet5Classifier has {name}={own!r}. Set it to the same."
            )
    take_over(network, weights, classes, decode_labels(header["classes"]))
    return float(header["temperature"])


def is_state_dict(source: str | os.PathLike[str]) -> bool:
    """Return whether a file is one of torch's own, by the end of its name.

    Parameters
    ----------
    source : str or path
        As for `initial_weights`.

    Returns
    -------
    of_torch : bool
        True for ``.pt`` and ``.pth``.
    """
    return Path(source).suffix in (".pt", ".pth")


def start_from_state(
    network: nn.Module, source: str | os.PathLike[str], classes: NDArray[Any]
) -> float:
    """Start a network from a state dict, which does not know its classes.

    Parameters
    ----------
    network : LeNet5 or StringNetwork
        Changed in place.

    source : str or path
        As for :func:`read_state_dict`.

    classes : ndarray of shape (n_classes,)
        Of the outputs. Where there are as many in the file, they are taken for the
        same ones in the same order; otherwise the outputs start anew.

    Returns
    -------
    temperature : float
        1.
    """
    weights = read_state_dict(source)
    n_rows = len(weights.get("output.weight", weights.get("output.codes", ())))
    take_over(network, weights, classes, classes if n_rows == len(classes) else [])
    return 1.0


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Read the weights that torch.save wrote of a network's state dict.

    Parameters
    ----------
    path : str or path
        File to read. Nothing in it is run.

    Returns
    -------
    weights : dict of str to ndarray
        By their names, without what :func:`torch.compile` and DataParallel put before
        them.

    Raises
    ------
    ModelFileError
        If it cannot be read, or holds something else.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelFileError(
            f"Cannot read the weights {path}: {error.strerror or error}."
            " Pass the path of a file of torch.save."
        ) from error
    except Exception as error:  # whatever a damaged file makes of torch and pickle
        raise ModelFileError(
            f"{path} holds no weights, or is damaged ({type(error).__name__})."
            " Write it with torch.save(network.state_dict(), path)."
        ) from error
    if not isinstance(state, Mapping) or not all(
        isinstance(tensor, Tensor) for tensor in state.values()
    ):
        raise ModelFileError(
            f"{path} holds something else than the weights of one network."
            " Write it with torch.save(network.state_dict(), path)."
        )
    weights = {}
    for name, tensor in state.items():
        # What torch.compile and DistributedDataParallel put before, in either order.
        plain = re.sub(r"^(_orig_mod\.|module\.)+", "", str(name))
        values = tensor.detach()
        weights[plain] = (
            values.float() if values.is_floating_point() else values
        ).numpy()
    return weights


def take_over(
    network: nn.Module,
    weights: Mapping[str, NDArray[Any]],
    classes: NDArray[Any],
    known: Sequence[Any] | NDArray[Any],
) -> None:
    """Copy weights into a network, and the output rows of the classes they know.

    Parameters
    ----------
    network : LeNet5
        Changed in place.

    weights : mapping of str to ndarray
        State of another LeNet5.

    classes : ndarray of shape (n_classes,)
        Labels of the rows of the network's output layer.

    known : sequence of shape (n_known,)
        Labels of the rows of that layer in `weights`.

    Raises
    ------
    ValueError
        If the layers have other shapes.
    """
    rows = {label: row for row, label in enumerate(np.asarray(known).tolist())}
    shared = [(i, rows[c]) for i, c in enumerate(classes.tolist()) if c in rows]
    state = network.state_dict()
    for name, own in state.items():
        given = weights.get(name)
        # The output layer may have been of other classes.
        first = 1 if name.startswith("output.") else 0
        if given is None or given.shape[first:] != tuple(own.shape[first:]):
            raise ValueError(
                f"The initial weights have no layer {name} of shape {tuple(own.shape)}."
                " They belong to another network."
            )
        if not name.startswith("output."):
            own.copy_(torch.from_numpy(given))
        elif shared:
            into, from_ = zip(*shared, strict=True)
            own[list(into)] = torch.from_numpy(given[list(from_)]).to(own.device)
            if name == "output.codes":
                _spread_codes(own, list(into))
    network.load_state_dict(state)


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
        torch._foreach_lerp_(float_state(network), float_state(begun), share)


def _spread_codes(codes: Tensor, taken: list[int]) -> None:
    """Give the classes that are new codes that no other class has."""
    used = {tuple(codes[row].tolist()) for row in taken}
    candidates = class_codes(2 * len(codes))
    free = [code for code in candidates if tuple(code.tolist()) not in used]
    new = [row for row in range(len(codes)) if row not in taken]
    for row, code in zip(new, free, strict=False):
        codes[row] = code
