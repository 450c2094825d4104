"""Weights of one network as the start of another."""

import os
from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lenet_sklearn.inputs import decode_labels
from lenet_sklearn.lecun1998 import class_codes
from lenet_sklearn.models.files import ModelFileError, model_path, read_model
from lenet_sklearn.parameters import DEFAULT_PARTS, architecture
from lenet_sklearn.training.callbacks import float_state


def start_from(
    network: nn.Module,
    source: str | os.PathLike[str],
    *,
    classes: NDArray[Any],
    params: Mapping[str, Any],
) -> float:
    """Start a network from the weights of a saved classifier.

    Parameters
    ----------
    network : LeNet5
        Changed in place.

    source : str or path
        As in :func:`model_path`.

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


def take_over(
    network: nn.Module,
    weights: Mapping[str, NDArray[Any]],
    classes: NDArray[Any],
    known: NDArray[Any],
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

    known : ndarray of shape (n_known,)
        Labels of the rows of that layer in `weights`.

    Raises
    ------
    ValueError
        If the layers have other shapes.
    """
    rows = {label: row for row, label in enumerate(known.tolist())}
    shared = [(i, rows[c]) for i, c in enumerate(classes.tolist()) if c in rows]
    state = network.state_dict()
    for name, own in state.items():
        given = weights.get(name)
        if given is None or given.shape[1:] != tuple(own.shape[1:]):
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
