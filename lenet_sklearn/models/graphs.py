"""Graphs in model files: with them a model is read without torch."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.inference import Graph, StoredNetwork
from lenet_sklearn.models.files import read_model
from lenet_sklearn.models.pretrained import model_path

# What a graph is called among the tensors of a file.
_GRAPH = "graph"

# Models that ship, whose graphs fit all networks of their architecture.
_SHIPPED = ("mnist", "lenet5", "lenet5_dense", "wide")

# Graphs by what they are of. They do not depend on the weights.
_known: dict[str, Graph | None] = {}


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
        _known[key] = _try(export)
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
