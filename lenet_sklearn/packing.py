"""Classifiers as files: what of them is kept, and how they come back."""

import json
import os
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from lenet_sklearn.classifier import LeNet5Classifier
from lenet_sklearn.inference import Graph, weights_of
from lenet_sklearn.inputs import (
    decode_labels,
    encode_labels,
    image_format,
    network_input,
)
from lenet_sklearn.models.files import ModelFileError, plain_value
from lenet_sklearn.models.registry import (
    check_number,
    find_graph,
    pack_graph,
    try_graph,
    unpack_graph,
)
from lenet_sklearn.parameters import (
    architecture,
    is_net_parameter,
    is_plain,
    qualified_name,
)

Header = dict[str, Any]
Weights = dict[str, NDArray[Any]]

# What a header raises that was not packed here.
_IMPOSSIBLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)

# Larger images than this are none of characters.
_MOST_PIXELS = 10**7

# Parameters a model file does not hold: they belong to the machine, or to Python.
_NOT_SAVED = ("callbacks", "compile", "device", "distillation", "engine", "verbose")

# Parameters that the weights depend on: kept as they were in the training, whatever
# has been set since.
_OF_WEIGHTS = ("module", "padding", "rubbish")


def pack_classifier(classifier: LeNet5Classifier) -> tuple[Header, Weights]:
    """Turn a fitted classifier into what a file holds.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Fitted.

    Returns
    -------
    header : dict
        All but the weights, as JSON has it.

    weights : dict of str to ndarray
        Of its network.

    Raises
    ------
    TypeError
        If the labels are neither numbers nor strings.
    """
    check_is_fitted(classifier)
    header = {
        "params": _portable(classifier),
        "classes": encode_labels(classifier.classes_),
        "image_shape": list(classifier.image_shape_),
        "n_features": int(classifier.n_features_in_),
        "input_scale": float(classifier.input_scale_),
        "temperature": float(classifier.temperature_),
    }
    header["architecture"] = _architecture_key(classifier)
    return pack_graph(header, weights_of(classifier), _graph_of(classifier))


def unpack_classifier(
    source: str | os.PathLike[str],
    header: Mapping[str, Any],
    weights: Weights,
    **params: Any,
) -> LeNet5Classifier:
    """Make the classifier that a file describes.

    Parameters
    ----------
    source : str or path
        Where it was read, for messages.

    header : mapping
        As from :func:`pack_classifier`.

    weights : dict of str to ndarray
        As from :func:`pack_classifier`.

    **params : dict
        Parameters in place of those of the file.

    Returns
    -------
    classifier : LeNet5Classifier
        Fitted.

    Raises
    ------
    ModelFileError
        If the file describes something else, or a module that is not passed.

    ValueError
        If there is no such parameter.
    """
    try:
        restored = _restored(header["params"])
        _check_module(source, restored.pop("module", None), params.get("module"))
        classifier = LeNet5Classifier(**restored)
        classifier._validate_params()
        _take_learned(classifier, header)
        classifier._trained_with = _trained_with(classifier, params)
        classifier._stored = unpack_graph(header, weights)
        size, n_classes = image_format(classifier)["size"], len(classifier.classes_)
        try_graph(source, classifier._stored, size, n_classes)
    except _IMPOSSIBLE as error:
        raise ModelFileError(
            f"{source} does not describe a LeNet5Classifier: {error}."
            " Save the model anew with this version."
        ) from error
    return classifier.set_params(**params)


def _take_learned(classifier: LeNet5Classifier, header: Mapping[str, Any]) -> None:
    """Take over what a header says was learned, if it can be so."""
    classes = decode_labels(header["classes"])
    if classes.ndim != 1 or not len(classes) or len(np.unique(classes)) < len(classes):
        raise ValueError("classes must be labels that differ, at least one")
    height, width = header["image_shape"]
    for side in (height, width):
        check_number(side, "image_shape", whole=True)
    n_features = check_number(header["n_features"], "n_features", whole=True)
    if not n_features <= height * width <= _MOST_PIXELS:
        raise ValueError(f"n_features is {n_features}, image_shape {height, width}")
    classifier.classes_ = classes
    classifier.image_shape_ = (height, width)
    classifier.n_features_in_ = n_features
    classifier.input_scale_ = check_number(header["input_scale"], "input_scale")
    classifier.temperature_ = check_number(header["temperature"], "temperature")


def _graph_of(classifier: LeNet5Classifier) -> Graph | None:
    """Return the graph that runs the network of a classifier without torch."""
    if "_stored" in vars(classifier):
        return classifier._stored.graph

    def export() -> Graph:
        from lenet_sklearn.onnx import export_graph

        size = image_format(classifier)["size"]
        return export_graph(classifier.net_.module_, size, axes={0: "n"})

    return find_graph(_architecture_key(classifier), export)


def _architecture_key(classifier: LeNet5Classifier) -> str | None:
    """Describe all that the graph of a network depends on."""
    params = classifier._trained_with
    if params["module"] is not None:
        return None  # two networks of one's own may have the same name, and be others
    reading = network_input(classifier.image_shape_, params["padding"])
    parts = sorted(architecture(params).items())
    return json.dumps([parts, *reading], default=plain_value)


def _trained_with(
    classifier: "LeNet5Classifier", params: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the network was built with: the file's, and what it cannot hold."""
    given = {name: params[name] for name in params if name.startswith("module__")}
    of_file = classifier.get_params(deep=False)
    return {**given, **of_file, "module": params.get("module")}


def _check_module(
    source: str | os.PathLike[str], theirs: str | None, ours: type[Any] | None
) -> None:
    """Refuse a network that is not the one of a file."""
    given = None if ours is None else qualified_name(ours)
    if given != theirs:
        wanted = "no module" if theirs is None else f"module={theirs}"
        raise ModelFileError(
            f"{source} was trained with {wanted}. Got module={given}."
            " Pass load_model the class it was trained with."
        )


def _portable(classifier: LeNet5Classifier) -> dict[str, Any]:
    """Parameters that JSON can hold and another machine can use."""
    kept = {
        name: value
        for name, value in classifier.get_params(deep=False).items()
        if name not in _NOT_SAVED and not name.startswith("module__")
    }
    kept |= {
        name: value
        for name, value in classifier._trained_with.items()
        if name in _OF_WEIGHTS or name.startswith("module__")
    }
    if kept["classes"] is not None:
        kept["classes"] = encode_labels(np.asarray(kept["classes"]))
    if isinstance(kept["class_weight"], Mapping) and kept["class_weight"]:
        labels, weights = zip(*kept["class_weight"].items(), strict=True)
        kept["class_weight"] = [encode_labels(np.array(labels)), list(weights)]
    if isinstance(kept["initial_weights"], os.PathLike):
        kept["initial_weights"] = os.fspath(kept["initial_weights"])
    if not isinstance(kept["random_state"], Integral):
        kept["random_state"] = None
    if kept["module"] is not None:
        kept["module"] = qualified_name(kept["module"])
    if isinstance(kept["optimizer"], type):
        kept = {n: v for n, v in kept.items() if not n.startswith("optimizer")}
    # Arguments of skorch's net may be classes and functions, which stay behind.
    return {n: v for n, v in kept.items() if is_plain(v) or not is_net_parameter(n)}


def _restored(params: Mapping[str, Any]) -> dict[str, Any]:
    """Undo :func:`_portable`."""
    restored = {
        # JSON has made lists of tuples.
        name: tuple(value)
        if name.startswith("module__") and isinstance(value, list)
        else value
        for name, value in params.items()
    }
    if params.get("classes") is not None:
        restored["classes"] = decode_labels(params["classes"]).tolist()
    if isinstance(params.get("class_weight"), list):
        labels, weights = params["class_weight"]
        keys = decode_labels(labels).tolist()
        restored["class_weight"] = dict(zip(keys, weights, strict=True))
    return restored
