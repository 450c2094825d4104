"""Models of pieces of writing as files."""

import os
from dataclasses import fields

from pipelines.lines.geometry import Geometry
from pipelines.lines.segments import SegmentModel

# Names of tensors begin so, according to what they belong to.
_CLASSIFIER = "classifier."
_GEOMETRY = "geometry."


def save_segments(model: SegmentModel, path: str | os.PathLike[str]) -> None:
    """Write a model of pieces of writing to one file.

    Parameters
    ----------
    model : SegmentModel
        Its classifier must be a LeNet5Classifier.

    path : str or path
        File to write, by custom ending in ``.safetensors``.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    import torch

    from lenet_sklearn.persistence import write_model

    network = model.classifier.net_.module_.state_dict()
    tensors = {_CLASSIFIER + name: tensor for name, tensor in network.items()}
    for part in fields(Geometry):
        values = getattr(model.geometry, part.name)
        tensors[_GEOMETRY + part.name] = torch.from_numpy(values)
    header = {
        "segments": model.classifier._describe(),
        "temperature": model.temperature,
    }
    write_model(path, header, tensors)


def load_segments(
    path: str | os.PathLike[str], *, device: str = "auto"
) -> SegmentModel:
    """Read what :func:`save_segments` wrote.

    Parameters
    ----------
    path : str or path
        File to read.

    device : str, default="auto"
        Where the classifier is to run.

    Returns
    -------
    model : SegmentModel
        Ready to read.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, foreign, or from a newer version.
    """
    from lenet_sklearn import LeNet5Classifier
    from lenet_sklearn.persistence import ModelFileError, read_model

    header, tensors = read_model(path)
    if "segments" not in header:
        raise ModelFileError(
            f"{path} is no model of pieces of writing. Pass what save_segments wrote."
        )
    weights = {
        name.removeprefix(_CLASSIFIER): tensor
        for name, tensor in tensors.items()
        if name.startswith(_CLASSIFIER)
    }
    settings = {"device": device}
    classifier = LeNet5Classifier._restore(path, header["segments"], weights, settings)
    parts = [tensors[_GEOMETRY + part.name].numpy() for part in fields(Geometry)]
    return SegmentModel(classifier, Geometry(*parts), float(header["temperature"]))
