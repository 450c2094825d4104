"""String recognizers and committees of them as files."""

import os
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from lenet_sklearn.inference import Graph, weights_of
from lenet_sklearn.models.files import ModelFileError, weights_of_part
from lenet_sklearn.models.registry import (
    check_number,
    find_graph,
    pack_graph,
    try_graph,
    unpack_graph,
)
from lenet_sklearn.strings.committee import StringCommittee, join_members
from lenet_sklearn.strings.recognizer import StringRecognizer
from lenet_sklearn.strings.strips import EXAMPLE_SIZE

Header = dict[str, Any]
Weights = dict[str, NDArray[Any]]

# Parameters a model file does not hold: they belong to the machine, or to Python.
_NOT_SAVED = ("callbacks", "device", "engine", "verbose", "warm_start")


# Strips that are stretched further would fill the memory, and be of no use.
_WIDEST = 100


def pack_recognizer(recognizer: StringRecognizer) -> tuple[Header, Weights]:
    """Turn a fitted recognizer into what a file holds.

    Parameters
    ----------
    recognizer : StringRecognizer
        Fitted.

    Returns
    -------
    header : dict
        All but the weights, as JSON has it.

    weights : dict of str to ndarray
        Of its network.
    """
    check_is_fitted(recognizer)
    # Parameters may have been set to others since; the weights are of these.
    learned = {"network": recognizer.network_, "characters": recognizer.characters_}
    header = {
        "params": _portable({**recognizer.get_params(deep=False), **learned}),
        "temperature": float(recognizer.temperature_),
        "architecture": recognizer.network_,
    }
    return pack_graph(header, weights_of(recognizer), _graph_of(recognizer))


def unpack_recognizer(
    source: str | os.PathLike[str],
    header: Mapping[str, Any],
    weights: Weights,
    **params: Any,
) -> StringRecognizer:
    """Make the recognizer that a file describes.

    Parameters
    ----------
    source : str or path
        Where it was read, for messages.

    header : mapping
        As from :func:`pack_recognizer`.

    weights : dict of str to ndarray
        As from :func:`pack_recognizer`.

    **params : dict
        Parameters in place of those of the file.

    Returns
    -------
    recognizer : StringRecognizer
        Fitted.

    Raises
    ------
    ModelFileError
        If the file describes something else.

    ValueError
        If there is no such parameter.
    """
    try:
        recognizer = StringRecognizer(**header["params"])
        recognizer._validate_params()
        recognizer.temperature_ = check_number(header["temperature"], "temperature")
        recognizer.characters_ = recognizer.characters
        recognizer.network_ = recognizer.network
        recognizer._stored = unpack_graph(header, weights)
        recognizer._check_ready()
        for width in recognizer.widths:
            if check_number(width, "widths") > _WIDEST:
                raise ValueError(f"widths must be at most {_WIDEST}, one is {width!r}")
        if len(set(recognizer.characters_)) < max(len(recognizer.characters_), 1):
            raise ValueError("characters must differ, at least one")
        n_outputs = len(recognizer.characters_) + 1  # and none
        try_graph(source, recognizer._stored, EXAMPLE_SIZE, n_outputs)
    except (
        AttributeError,
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise ModelFileError(
            f"{source} does not describe a StringRecognizer: {error}."
            " Save the model anew with this version."
        ) from error
    return recognizer.set_params(**params)


def pack_committee(committee: StringCommittee) -> tuple[Header, Weights]:
    """Turn a fitted committee into what a file holds.

    Parameters
    ----------
    committee : StringCommittee
        Fitted.

    Returns
    -------
    header : dict
        All but the weights, as JSON has it.

    weights : dict of str to ndarray
        Those of all members; names begin with the index of the member and a dot.
    """
    check_is_fitted(committee, "members_")
    packed = [pack_recognizer(member) for member in committee.members_]
    header = {
        "members": [described for described, _ in packed],
        "beam_width": int(committee.beam_width),
    }
    weights = {
        f"{index}.{name}": values
        for index, (_, own) in enumerate(packed)
        for name, values in own.items()
    }
    return header, weights


def unpack_committee(
    source: str | os.PathLike[str],
    header: Mapping[str, Any],
    weights: Weights,
    **params: Any,
) -> StringCommittee:
    """Make the committee that a file describes.

    Parameters
    ----------
    source : str or path
        Where it was read, for messages.

    header : mapping
        As from :func:`pack_committee`.

    weights : dict of str to ndarray
        As from :func:`pack_committee`.

    **params : dict
        Parameters of all members, in place of those of the file.

    Returns
    -------
    committee : StringCommittee
        Fitted.

    Raises
    ------
    ModelFileError
        If the file describes something else.
    """
    members, width = header.get("members"), header.get("beam_width")
    if not members or not isinstance(width, int) or width < 1:
        raise ModelFileError(
            f"{source} does not describe a StringCommittee: it names no members, or"
            " no beam_width that can be. Save the model anew with this version."
        )
    members = [
        unpack_recognizer(source, own, weights_of_part(weights, index), **params)
        for index, own in enumerate(header["members"])
    ]
    return join_members(members, header["beam_width"])


def _graph_of(recognizer: StringRecognizer) -> Graph | None:
    if "_stored" in vars(recognizer):
        return recognizer._stored.graph

    def export() -> Graph:
        from lenet_sklearn.onnx import export_graph

        network = recognizer.net_.module_
        return export_graph(network, EXAMPLE_SIZE, axes={0: "n", 3: "width"})

    return find_graph(recognizer.network_, export)


def _portable(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that JSON can hold and another machine can use."""
    kept = {name: params[name] for name in params if name not in _NOT_SAVED}
    kept["widths"] = [float(width) for width in np.asarray(kept["widths"])]
    if isinstance(kept["initial_weights"], os.PathLike):
        kept["initial_weights"] = os.fspath(kept["initial_weights"])
    if not isinstance(kept["random_state"], Integral):
        kept["random_state"] = None
    return kept
