"""Weights of one classifier as the start of another."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from torch import Tensor, nn

from lenet_sklearn.inputs import decode_labels
from lenet_sklearn.lecun1998 import class_codes
from lenet_sklearn.models.files import ModelFileError, read_model

# Classifiers of characters; recognizers of strings, and models of pieces of writing,
# in folders of their own.
_WEIGHTS = Path(__file__).parents[1] / "weights"
_STRING_WEIGHTS = _WEIGHTS / "strings"
_SEGMENT_WEIGHTS = _WEIGHTS / "segments"

# Parameters that change what the weights mean, though not their shapes, and what
# they were before files held them.
_ARCHITECTURE = {
    "module": None,
    "activation": "relu",
    "pooling": "max",
    "c3": "dense",
    "output": "linear",
    "input_range": (0.0, 1.0),
    "batch_norm": False,
}


def shipped_models() -> list[str]:
    """List the classifiers that ship with the package.

    Returns
    -------
    names : list of str
        Sorted.

    Examples
    --------
    >>> from lenet_sklearn.models.pretrained import shipped_models
    >>> shipped_models()
    ['forms', 'mnist']
    """
    return sorted(path.stem for path in _WEIGHTS.glob("*.safetensors"))


def shipped_recognizers() -> list[str]:
    """List the recognizers of strings that ship with the package.

    Returns
    -------
    names : list of str
        Sorted.

    Examples
    --------
    >>> from lenet_sklearn.models.pretrained import shipped_recognizers
    >>> shipped_recognizers()
    ['lenet5', 'lenet5_dense', 'wide']
    """
    return sorted(path.stem for path in _STRING_WEIGHTS.glob("*.safetensors"))


def shipped_segmenters() -> list[str]:
    """List the models of pieces of writing that ship with the package.

    Returns
    -------
    names : list of str
        Sorted.

    Examples
    --------
    >>> from lenet_sklearn.models.pretrained import shipped_segmenters
    >>> shipped_segmenters()
    ['segments']
    """
    return sorted(path.stem for path in _SEGMENT_WEIGHTS.glob("*.safetensors"))


def model_path(source: str | os.PathLike[str]) -> Path:
    """Find the file of a model.

    Parameters
    ----------
    source : str or path
        The name of a model that ships with the package, or a file. A file of
        the same name as a model is passed with its folder: ``./mnist``.

    Returns
    -------
    path : Path
        Not checked to exist where `source` is no model's name.
    """
    for folder, names in {
        _WEIGHTS: shipped_models(),
        _STRING_WEIGHTS: shipped_recognizers(),
        _SEGMENT_WEIGHTS: shipped_segmenters(),
    }.items():
        if source in names:
            return folder / f"{source}.safetensors"
    return Path(source)


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
    for name, before in _ARCHITECTURE.items():
        theirs, ours = header["params"].get(name, before), params[name]
        if isinstance(ours, type):
            ours = qualified_name(ours)
        if _as_tuple(theirs) != _as_tuple(ours):
            raise ValueError(
                f"initial_weights={str(source)!r} were trained with {name}={theirs!r},"
                f" but LeNet5Classifier has {name}={ours!r}."
                " Set it to the same."
            )
    take_over(network, weights, classes, decode_labels(header["classes"]))
    return float(header["temperature"])


def take_over(
    network: nn.Module,
    weights: Mapping[str, Tensor],
    classes: NDArray[Any],
    known: NDArray[Any],
) -> None:
    """Copy weights into a network, and the output rows of the classes they know.

    Parameters
    ----------
    network : LeNet5
        Changed in place.

    weights : mapping of str to Tensor
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
        if given is None or given.shape[1:] != own.shape[1:]:
            raise ValueError(
                f"The initial weights have no layer {name} of shape {tuple(own.shape)}."
                " They belong to another network."
            )
        if not name.startswith("output."):
            own.copy_(given)
        elif shared:
            into, from_ = zip(*shared, strict=True)
            own[list(into)] = given[list(from_)].to(own.device)
            if name == "output.codes":
                _spread_codes(own, list(into))
    network.load_state_dict(state)


def qualified_name(module: type[Any]) -> str:
    """Name a class, for a file that cannot hold it.

    Parameters
    ----------
    module : class
        Any class.

    Returns
    -------
    name : str
        With its module.
    """
    return f"{module.__module__}.{module.__qualname__}"


def _as_tuple(value: Any) -> Any:
    """JSON has made a list of a tuple."""
    return tuple(value) if isinstance(value, list) else value


def _spread_codes(codes: Tensor, taken: list[int]) -> None:
    """Give the classes that are new codes that no other class has."""
    used = {tuple(codes[row].tolist()) for row in taken}
    candidates = class_codes(2 * len(codes))
    free = [code for code in candidates if tuple(code.tolist()) not in used]
    new = [row for row in range(len(codes)) if row not in taken]
    for row, code in zip(new, free, strict=False):
        codes[row] = code
