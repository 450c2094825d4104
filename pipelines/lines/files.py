"""Models of pieces of writing as files."""

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pipelines.lines.arcs import Geometry
from pipelines.lines.segments import CuttingModel

if TYPE_CHECKING:  # torch takes a second to import
    from torch import Tensor

    from lenet_sklearn.models.cards import ModelCard

# What tells these files from those of classifiers and of recognizers.
CUTTING_MODEL = "SegmentModel"

# Names of tensors begin so, according to what they belong to.
_CLASSIFIER = "classifier"
_GEOMETRY = "geometry"


def save_segments(
    model: CuttingModel,
    path: str | os.PathLike[str],
    *,
    card: "ModelCard | None" = None,
) -> None:
    """Write a model of pieces of writing to one file.

    Parameters
    ----------
    model : CuttingModel
        Its classifier must be a LeNet5Classifier.

    path : str or path
        File to write, by custom ending in ``.safetensors``.

    card : ModelCard, default=None
        Where the model comes from; ``lenet info`` prints it.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    from lenet_sklearn.models.files import write_model

    write_model(path, *pack_segments(model), card=card)


def pack_segments(model: CuttingModel) -> tuple[dict[str, Any], dict[str, "Tensor"]]:
    """Turn a model of pieces of writing into what a file holds.

    Parameters
    ----------
    model : CuttingModel
        Its classifier must be a LeNet5Classifier.

    Returns
    -------
    header : dict
        All but the numbers, as JSON has it.

    tensors : dict of str to Tensor
        The numbers.
    """
    import torch

    network = model.classifier.net_.module_.state_dict()
    tensors = {f"{_CLASSIFIER}.{name}": tensor for name, tensor in network.items()}
    for part in fields(Geometry):
        values = getattr(model.geometry, part.name)
        tensors[f"{_GEOMETRY}.{part.name}"] = torch.from_numpy(values)
    return {"model": CUTTING_MODEL, "classifier": model.classifier._describe()}, tensors


def load_segments(
    path: str | os.PathLike[str], *, device: str = "auto"
) -> CuttingModel:
    """Read what :func:`save_segments` wrote.

    Parameters
    ----------
    path : str or path
        File to read, or the name of a model that ships with the package.

    device : str, default="auto"
        Where the classifier is to run.

    Returns
    -------
    model : CuttingModel
        Ready to read.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, foreign, or from a newer version.
    """
    from lenet_sklearn.models.files import read_model
    from lenet_sklearn.models.pretrained import model_path

    return unpack_segments(path, *read_model(model_path(path)), device=device)


def unpack_segments(
    path: str | os.PathLike[str],
    header: Mapping[str, Any],
    tensors: Mapping[str, "Tensor"],
    *,
    device: str,
) -> CuttingModel:
    """Make the model that :func:`pack_segments` packed.

    Parameters
    ----------
    path : str or path
        Where it was read, for messages.

    header : mapping
        As it was packed.

    tensors : mapping of str to Tensor
        As they were packed.

    device : str
        Where the classifier is to run.

    Returns
    -------
    model : CuttingModel
        Ready to read.

    Raises
    ------
    ModelFileError
        If it is no such model.
    """
    from lenet_sklearn import LeNet5Classifier
    from lenet_sklearn.models.files import ModelFileError, weights_of_part

    if header.get("model") != CUTTING_MODEL:
        raise ModelFileError(
            f"{path} is no model of pieces of writing. Pass what save_segments wrote."
        )
    classifier = LeNet5Classifier._restore(
        path,
        header["classifier"],
        weights_of_part(tensors, _CLASSIFIER),
        {"device": device},
    )
    geometry = weights_of_part(tensors, _GEOMETRY)
    parts = [geometry[part.name].numpy() for part in fields(Geometry)]
    return CuttingModel(classifier, Geometry(*parts))


def holds_segments(path: str | os.PathLike[str]) -> bool:
    """Return whether a model file holds what is known about pieces of writing.

    Parameters
    ----------
    path : str or path
        File to look at, or the name of a model that ships with the package.

    Returns
    -------
    holds : bool
        False for a classifier of characters, and for a recognizer of strings.

    Raises
    ------
    ModelFileError
        If the file cannot be read.

    Examples
    --------
    >>> from pipelines.lines.files import holds_segments
    >>> holds_segments("segments"), holds_segments("wide")
    (True, False)
    """
    from lenet_sklearn.models.files import read_header
    from lenet_sklearn.models.pretrained import model_path

    header = read_header(model_path(path))
    return header.get("model") == CUTTING_MODEL
