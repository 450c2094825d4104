"""Models of pieces of writing as files."""

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from numpy.typing import NDArray

from lenet_sklearn.models.files import weights_of_part
from lenet_sklearn.models.registry import pack_model, unpack_model
from pipelines.lines.arcs import Geometry
from pipelines.lines.segments import CuttingModel

# Names of weights begin so, according to what they belong to.
_CLASSIFIER = "classifier"
_GEOMETRY = "geometry"


def pack_segments(
    model: CuttingModel,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Turn a model of pieces of writing into what a file holds.

    Parameters
    ----------
    model : CuttingModel
        Its classifier must be a LeNet5Classifier.

    Returns
    -------
    header : dict
        All but the numbers, as JSON has it.

    weights : dict of str to ndarray
        The numbers.
    """
    header, weights = pack_model(model.classifier)
    named = {f"{_CLASSIFIER}.{name}": values for name, values in weights.items()}
    for part in fields(Geometry):
        named[f"{_GEOMETRY}.{part.name}"] = getattr(model.geometry, part.name)
    return {_CLASSIFIER: header}, named


def unpack_segments(
    source: str | os.PathLike[str],
    header: Mapping[str, Any],
    weights: Mapping[str, NDArray[Any]],
    **params: Any,
) -> CuttingModel:
    """Make the model that :func:`pack_segments` packed.

    Parameters
    ----------
    source : str or path
        Where it was read, for messages.

    header : mapping
        As it was packed.

    weights : mapping of str to ndarray
        As they were packed.

    **params : dict
        Parameters of the classifier in place of those of the file.

    Returns
    -------
    model : CuttingModel
        Ready to read.
    """
    own = weights_of_part(weights, _CLASSIFIER)
    classifier = unpack_model(source, header[_CLASSIFIER], own, **params)
    geometry = weights_of_part(weights, _GEOMETRY)
    return CuttingModel(
        classifier, Geometry(*(geometry[part.name] for part in fields(Geometry)))
    )
