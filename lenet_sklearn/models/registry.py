"""The kinds of models there are, how each is saved and loaded, and their graphs."""

import importlib
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from numbers import Real
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.inference import Graph, StoredNetwork
from lenet_sklearn.models.cards import ModelCard
from lenet_sklearn.models.files import (
    ModelFileError,
    is_shipped,
    model_path,
    read_model,
    write_model,
)

if TYPE_CHECKING:  # it takes seconds to import
    import torch


class Kind(NamedTuple):
    """One kind of model.

    Attributes
    ----------
    cls : str
        Its class, by its full name: importing it may import torch.

    pack : str
        Full name of the function that turns a model into a header and weights.

    unpack : str
        Full name of the function that makes a model of where they were read, a header,
        weights, and parameters.
    """

    cls: str
    pack: str
    unpack: str


_CLASSIFIERS = "lenet_sklearn.packing"
_STRINGS = "lenet_sklearn.strings.files"

_kinds: dict[str, Kind] = {
    "LeNet5Classifier": Kind(
        "lenet_sklearn.classifier.LeNet5Classifier",
        f"{_CLASSIFIERS}.pack_classifier",
        f"{_CLASSIFIERS}.unpack_classifier",
    ),
    "LeNet5Committee": Kind(
        "sklearn.ensemble.VotingClassifier",
        "lenet_sklearn.committee.pack_committee",
        "lenet_sklearn.committee.unpack_committee",
    ),
    "StringRecognizer": Kind(
        "lenet_sklearn.strings.recognizer.StringRecognizer",
        f"{_STRINGS}.pack_recognizer",
        f"{_STRINGS}.unpack_recognizer",
    ),
    "StringCommittee": Kind(
        "lenet_sklearn.strings.committee.StringCommittee",
        f"{_STRINGS}.pack_committee",
        f"{_STRINGS}.unpack_committee",
    ),
}


def register_kind(name: str, kind: Kind) -> None:
    """Make a kind of model known, so that it can be saved and loaded.

    Parameters
    ----------
    name : str
        What files of it are marked by.

    kind : Kind
        Its class, and what packs and unpacks it.
    """
    _kinds[name] = kind


def pack_model(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Turn a fitted model into what a file holds.

    Parameters
    ----------
    model : estimator
        Of one of the kinds that are known.

    Returns
    -------
    header : dict
        All but the weights, as JSON has it; ``"model"`` is its kind.

    weights : dict of str to ndarray
        Its numbers.

    Raises
    ------
    TypeError
        If it is of no kind that is known.
    """
    name = _kind_of(model)
    header, weights = _find(_kinds[name].pack)(model)
    return {"model": name, **header}, weights


def unpack_model(
    source: str | os.PathLike[str],
    header: dict[str, Any],
    weights: dict[str, Any],
    **params: Any,
) -> Any:
    """Make the model that :func:`pack_model` packed.

    Parameters
    ----------
    source : str or path
        Where it was read, for messages.

    header : dict
        As it was packed.

    weights : dict of str to ndarray
        As they were packed.

    **params : dict
        Parameters of the model in place of those of the file.

    Returns
    -------
    model : estimator
        Fitted.

    Raises
    ------
    ModelFileError
        If it is of no kind that is known.
    """
    name = header.get("model") if isinstance(header, Mapping) else None
    kind = _kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ModelFileError(
            f"{source} holds a model of the kind {name!r}, which"
            " lenet_sklearn does not know. Load readers of fields with"
            " pipelines.load_line_reader."
        )
    try:
        return _find(kind.unpack)(source, header, weights, **params)
    except (AttributeError, LookupError, MemoryError, TypeError) as error:
        raise ModelFileError(
            f"{source} does not describe a {name}: {type(error).__name__}: {error}."
            " Save the model anew with this version."
        ) from error


def save_model(
    model: Any, path: str | os.PathLike[str], *, card: ModelCard | None = None
) -> None:
    """Write a fitted model to one file.

    Of parameters, those that belong to the machine or to Python are not kept:
    `callbacks`, `device`, `distillation`, `engine`, `verbose`, a `random_state` that is
    no int and an `optimizer` that is a class; nor is the optimizer's state. Of a
    `module` the name is kept, and :func:`load_model` wants the class.

    Parameters
    ----------
    model : LeNet5Classifier, committee of them, StringRecognizer or StringCommittee
        Fitted.

    path : str or path
        File to write, by custom ending in ``.safetensors``. An existing file is
        replaced, wholly or not at all.

    card : ModelCard, default=None
        Where the model comes from; ``lenet info`` prints it.

    Raises
    ------
    OSError
        If the file cannot be written.

    TypeError
        If it is none of these models, or has labels that are neither numbers nor
        strings.

    ValueError
        If a committee votes otherwise than by the mean of all posteriors, or weights
        are not finite.
    """
    header, weights = pack_model(model)
    write_model(path, header, weights, card=card)


def load_model(
    path: str | os.PathLike[str],
    *,
    device: "str | torch.device" = "auto",
    **params: Any,
) -> Any:
    """Read a model that was saved, on this or another machine.

    Parameters
    ----------
    path : str or path
        File to read, or the name of a model that ships with the package.

    device : str or torch.device, default="auto"
        Where it is to run, whatever it was trained on.

    **params : dict
        Further parameters in place of those of the file, such as ``engine``; and
        those it does not hold: `module`, where it was trained with one of your own.

    Returns
    -------
    model : LeNet5Classifier, VotingClassifier, StringRecognizer or StringCommittee
        Fitted.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, foreign, from another version, or of a module
        that is not passed, or its weights are not finite.

    Examples
    --------
    >>> from lenet_sklearn import load_model
    >>> type(load_model("forms")).__name__, type(load_model("wide")).__name__
    ('LeNet5Classifier', 'StringRecognizer')
    """
    header, weights = read_model(model_path(path))
    return unpack_model(path, header, weights, device=device, **params)


def _kind_of(model: Any) -> str:
    names = {f"{cls.__module__}.{cls.__qualname__}" for cls in type(model).__mro__}
    for name, kind in _kinds.items():
        module, _, cls = kind.cls.rpartition(".")
        # VotingClassifier is defined in a private module of its package.
        if any(n.startswith(module) and n.endswith(f".{cls}") for n in names):
            return name
    known = ", ".join(_kinds)
    raise TypeError(
        f"save_model expects a model of one of the kinds {known}."
        f" Got {type(model).__name__}. Pickle it instead."
    )


def _find(name: str) -> Any:
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(module), function)


# What a graph is called among the tensors of a file.
_GRAPH = "graph"

# Models that ship, whose graphs fit all networks of their architecture.
_SHIPPED = ("mnist", "lenet5", "lenet5_dense", "wide")

# Graphs by what they are of. They do not depend on the weights.
_known: dict[str, Graph] = {}


def pack_graph(
    header: dict[str, Any], weights: Mapping[str, NDArray[Any]], graph: Graph | None
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Put a graph beside the weights that it takes.

    Parameters
    ----------
    header : dict
        What describes the model.

    weights : mapping of str to ndarray
        Of its network.

    graph : Graph or None
        What runs them.

    Returns
    -------
    header : dict
        The same, with how the graph takes its weights.

    weights : dict of str to ndarray
        The same, and the graph as bytes.
    """
    if graph is None:
        return header, dict(weights)
    content = np.frombuffer(graph.content, dtype=np.uint8)
    described = {"weights": list(graph.weights), "folded": graph.folded}
    return {**header, _GRAPH: described}, {**weights, _GRAPH: content}


def unpack_graph(
    header: Mapping[str, Any], weights: Mapping[str, NDArray[Any]]
) -> StoredNetwork:
    """Take a graph and its weights apart again.

    Parameters
    ----------
    header : mapping
        As from :func:`pack_graph`.

    weights : mapping of str to ndarray
        As from :func:`pack_graph`.

    Returns
    -------
    stored : StoredNetwork
        Without a graph where the file has none.
    """
    own = dict(weights)
    content = own.pop(_GRAPH, None)
    if content is None:
        return StoredNetwork(own)
    described = header[_GRAPH]
    names = tuple(described["weights"])
    return StoredNetwork(own, Graph(content.tobytes(), names, described["folded"]))


# Networks compute in these numbers.
_LARGEST: Final = float(np.finfo(np.float32).max)


def check_number(
    value: Any, what: str, *, least: float = 0.0, whole: bool = False
) -> Any:
    """Refuse a number in a header that no model can have.

    Parameters
    ----------
    value : object
        What the header holds.

    what : str
        Its name, for the message.

    least : float, default=0.0
        It must be above this.

    whole : bool, default=False
        It must be an int.

    Returns
    -------
    value : int or float
        The same.

    Raises
    ------
    ValueError
        If it is another.
    """
    kind = int if whole else Real
    is_number = isinstance(value, kind) and not isinstance(value, bool)
    if not (is_number and least < value <= _LARGEST):
        wanted = "a whole number" if whole else "a number"
        raise ValueError(f"{what} must be {wanted} above {least:g}, and is {value!r}")
    return value if whole else float(value)


def try_graph(
    source: str | os.PathLike[str],
    stored: StoredNetwork,
    size: tuple[int, int],
    n_outputs: int,
) -> None:
    """Run the graph of a file once: weights that do not fit it are said on loading.

    Parameters
    ----------
    source : str or path
        Where it was read. Models that ship are not tried.

    stored : StoredNetwork
        As from :func:`unpack_graph`; without a graph, there is nothing to try.

    size : tuple of (height, width)
        Of an image that it reads.

    n_outputs : int
        Number of outputs that it must have.

    Raises
    ------
    ValueError
        If it does not run, or has other outputs.
    """
    if stored.graph is None or is_shipped(source):
        return
    try:
        logits = stored.run(np.zeros((1, 1, *size), np.float32))
    except Exception as error:  # onnxruntime has many of its own
        reason = " ".join(str(error).split())
        raise ValueError(f"its network does not run: {reason}") from error
    if logits.ndim < 2 or logits.shape[1] != n_outputs:
        raise ValueError(
            f"its network has outputs of shape {logits.shape[1:]}, and {n_outputs} are"
            " needed"
        )


def find_graph(key: str | None, export: Callable[[], Graph]) -> Graph | None:
    """Find the graph of an architecture, or have it exported.

    Parameters
    ----------
    key : str or None
        What stands for the architecture; None for one that nothing stands for.

    export : callable
        Exports a network of it; called where the extra ``onnx`` is installed.

    Returns
    -------
    graph : Graph or None
        None where it is not known and cannot be exported: such a model is read by
        torch.
    """
    if key is None:
        return _try(export)
    if key not in _known:
        _known.update(_shipped_graphs())
    if key not in _known:
        graph = _try(export)
        if graph is None:  # the extra may be installed later
            return None
        _known[key] = graph
    return _known[key]


def _try(export: Callable[[], Graph]) -> Graph | None:
    if find_spec("onnx") is None or find_spec("onnxscript") is None:
        return None
    try:
        return export()
    except ValueError:  # a network of one's own that cannot be exported
        return None


def _shipped_graphs() -> dict[str, Graph]:
    found = {}
    for name in _SHIPPED:
        header, weights = read_model(model_path(name))
        graph = unpack_graph(header, weights).graph
        if graph is not None:
            found[header["architecture"]] = graph
    return found
