"""Networks as ONNX models, and as sessions of onnxruntime."""

import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from lenet_sklearn.devices import import_extra
from lenet_sklearn.inference import Graph, StoredNetwork, arrays_of, resizing_matrix
from lenet_sklearn.inputs import encode_labels, image_format
from lenet_sklearn.network import LeNet5
from lenet_sklearn.outputs import write_whole
from lenet_sklearn.torch_inference import agree, draw_images, fold_columns, made_of

if TYPE_CHECKING:  # it imports this module
    from lenet_sklearn.classifier import LeNet5Classifier

Size = tuple[int, int]

# Half of what is promised to users; float32 posteriors differ by about 1e-7.
_TOLERANCE = 5e-6

# Sizes of the batches a model is exported and tried with: two that differ, so that
# a module into whose constants the first one went is found out.
_N_EXPORTED, _N_TRIED = 2, 3

# Length of an axis that is left open, at most: torch must see that no index of a map
# overflows. The exported model has no such limit.
_LONGEST = 2**20

# onnxruntime keeps maps in blocks of 8 or 16, and reorders them where they do not
# fill such blocks. Two times 8 fill either.
_ALIGNMENT = 8

# Graphs of networks, by the size of their images: they outlive a change of weights.
_graphs: WeakKeyDictionary[nn.Module, dict[Size, Graph]] = WeakKeyDictionary()


def export_classifier(
    classifier: "LeNet5Classifier", path: str | os.PathLike[str]
) -> None:
    """Write a classifier as an ONNX model; see its method `to_onnx`.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Fitted.

    path : str or path
        File to write.
    """
    network = _PosteriorNetwork(classifier)
    scale = classifier.input_scale_

    content = export(
        network,
        classifier.image_shape_,
        scale=scale,
        output_names=("posteriors", "logits"),
        axes={0: "n"},
        metadata={
            "classes": json.dumps(encode_labels(classifier.classes_)["values"]),
            "image_shape": json.dumps(list(classifier.image_shape_)),
            "input_scale": json.dumps(float(scale)),
        },
    )
    write_whole(path, content)


def store_network(
    network: nn.Module, size: Size, *, axes: Mapping[int, str]
) -> StoredNetwork:
    """Return a network as it is now, with the graph that runs it without torch.

    Parameters
    ----------
    network : torch module
        On any device. Its graph is exported in the first call; its weights are taken
        again whenever they have changed.

    size : tuple of (height, width)
        Of the images it reads.

    axes : mapping of int to str
        Axes of the images whose length is left open, and their names.

    Returns
    -------
    stored : StoredNetwork
        Ready to run, on the CPU.

    Raises
    ------
    ImportError
        If a package of the extra ``onnx`` is not installed.

    ValueError
        If the network cannot be exported.
    """

    def store() -> StoredNetwork:
        graphs = _graphs.setdefault(network, {})
        if size not in graphs:
            graphs[size] = export_graph(network, size, axes=axes)
        plain = copy_to_cpu(network)
        stored = StoredNetwork(arrays_of(plain), graphs[size])
        _compare(stored, plain, draw_images(_N_TRIED, size))
        return stored

    return made_of(network, "onnxruntime", size, store)


def export_graph(network: nn.Module, size: Size, *, axes: Mapping[int, str]) -> Graph:
    """Export what a network does, without its weights.

    Parameters
    ----------
    network : torch module
        On any device; not changed.

    size : tuple of (height, width)
        Of the images it reads.

    axes : mapping of int to str
        Axes of the images whose length is left open, and their names.

    Returns
    -------
    graph : Graph
        Which takes its weights by their names in the network.

    Raises
    ------
    ImportError
        If a package of the extra ``onnx`` is not installed.

    ValueError
        If torch cannot export the network, or onnxruntime then gives other results.
    """
    onnx = import_extra("onnx", extra="onnx", caller="Exporting to ONNX")
    plain = copy_to_cpu(network)
    twin = fold_columns(plain, size, align=_ALIGNMENT)
    content = export(twin, size, output_names=("logits",), axes=axes)
    model = onnx.load_model_from_string(content)
    weights = arrays_of(plain)
    given = {item.name: item for item in model.graph.initializer}
    taken = [name for name in given if name in weights]
    for name in taken:
        model.graph.initializer.remove(given[name])
    # The number of classes is the weights' affair, and names of files are nobody's.
    model.graph.output[0].type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    for node in model.graph.node:
        del node.metadata_props[:]
    folded = type(twin) is LeNet5 and twin.c1.stride != plain.c1.stride
    graph = Graph(model.SerializeToString(), tuple(taken), folded)
    _compare(StoredNetwork(weights, graph), plain, draw_images(_N_TRIED, size))
    return graph


def export(
    network: nn.Module,
    size: Size,
    *,
    scale: float = 1.0,
    output_names: Sequence[str],
    axes: Mapping[int, str],
    input_name: str = "images",
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """Export a network by torch's own exporter.

    Parameters
    ----------
    network : torch module
        On the CPU, in evaluation mode.

    size : tuple of (height, width)
        Of the images it is exported and tried with.

    scale : float, default=1.0
        Full ink in them.

    output_names : sequence of str
        What the outputs are called.

    axes : mapping of int to str
        Axes of the input whose length is left open, and their names.

    input_name : str, default="images"
        What the input is called in the model.

    metadata : mapping of str to str, default=None
        What is said of the model.

    Returns
    -------
    content : bytes
        The ONNX model.

    Raises
    ------
    ImportError
        If a package of the extra ``onnx`` is not installed.

    ValueError
        If torch cannot export the network, or onnxruntime then gives other results.
    """
    import_extra("onnx", extra="onnx", caller="Exporting to ONNX")
    import_extra("onnxscript", extra="onnx", caller="Exporting to ONNX")
    with _quiet():
        try:
            program: Any = torch.onnx.export(
                network,
                (scale * draw_images(_N_EXPORTED, size),),
                dynamo=True,
                verbose=False,
                optimize=False,
                input_names=[input_name],
                output_names=list(output_names),
                dynamic_shapes=(
                    {
                        axis: torch.export.Dim(name, max=_LONGEST)
                        for axis, name in axes.items()
                    },
                ),
            )
        except Exception as error:  # torch's errors have no common public base
            raise ValueError(
                "torch cannot export this network to ONNX:"
                f" {str(error).strip().splitlines()[0]} Its forward pass may depend on"
                " the values of the images or on the size of the batch; take that out,"
                " or use engine='torch'."
            ) from error
    program.model.metadata_props.update(metadata or {})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        program.save(path, external_data=False)
        content = path.read_bytes()
    # One column more where any width is read.
    tried = scale * draw_images(_N_TRIED, (size[0], size[1] + (3 in axes)))
    _compare(StoredNetwork({}, Graph(content)), network, tried)
    return content


def _compare(stored: StoredNetwork, network: nn.Module, images: Tensor) -> None:
    """Refuse a graph whose results are not those of the network."""
    with torch.inference_mode():
        expected = network(images)
    expected = expected if isinstance(expected, Tensor) else expected[0]
    problem, same = None, False
    try:
        same = agree(stored.run(images.numpy()), expected.numpy(), _TOLERANCE)
    except Exception as error:  # onnxruntime's errors have no public base
        problem = error
    if not same:
        raise ValueError(
            "torch cannot export this network to ONNX: onnxruntime gives other results"
            " than torch. Its forward pass may depend on the values of the images or"
            " on the size of the batch, as len(images) does and images.shape[0] does"
            " not; take that out, or use engine='torch'."
        ) from problem


class _PosteriorNetwork(nn.Module):
    """Images as the user has them into posteriors and logits, on the CPU."""

    rows: Tensor
    columns: Tensor

    def __init__(self, classifier: "LeNet5Classifier") -> None:
        super().__init__()
        reading = image_format(classifier)
        self.network = copy_to_cpu(classifier.net_.module_)
        self.scale = reading["scale"]
        self.temperature = classifier.temperature_
        shape, size = reading["image_shape"], reading["size"]
        self.resizes = shape != size
        for name, n_from, n_to in zip(("rows", "columns"), shape, size, strict=True):
            matrix = torch.from_numpy(resizing_matrix(n_from, n_to))
            self.register_buffer(name, matrix)
        self.eval()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        images = images / self.scale
        if self.resizes:
            images = self.rows @ images @ self.columns.T
        logits = self.network(images)
        return torch.softmax(logits / self.temperature, 1), logits


def copy_to_cpu(network: nn.Module) -> nn.Module:
    """Copy a network to the CPU, in evaluation mode.

    Parameters
    ----------
    network : torch module
        Left alone.

    Returns
    -------
    copy : torch module
    """
    return deepcopy(network).cpu().eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter tells its developers from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
