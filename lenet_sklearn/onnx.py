"""Networks as ONNX models, and as sessions of onnxruntime."""

import json
import logging
import os
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from lenet_sklearn.devices import import_extra
from lenet_sklearn.inference import (
    Graph,
    Session,
    count_threads,
    resizing_matrix,
    start_session,
)
from lenet_sklearn.inputs import encode_labels, image_format
from lenet_sklearn.network import LeNet5
from lenet_sklearn.outputs import write_whole
from lenet_sklearn.torch_inference import fold_columns, made_of

if TYPE_CHECKING:  # they import this module
    from collections.abc import Iterator

    from lenet_sklearn.classifier import LeNet5Classifier

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
_graphs: WeakKeyDictionary[nn.Module, dict[tuple[int, int], Graph]] = (
    WeakKeyDictionary()
)


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

    def draw(n: int) -> Tensor:
        return _draw_images(n, classifier.image_shape_) * scale

    content = export(
        network,
        draw(_N_EXPORTED),
        input_name="images",
        output_names=("posteriors", "logits"),
        axes={0: "n"},
        metadata={
            "classes": json.dumps(encode_labels(classifier.classes_)["values"]),
            "image_shape": json.dumps(list(classifier.image_shape_)),
            "input_scale": json.dumps(float(scale)),
        },
    )
    compare(start_session(Graph(content)), network, draw(_N_TRIED))
    write_whole(path, content)


def session_of(
    network: nn.Module, size: tuple[int, int], *, axes: Mapping[int, str]
) -> Session:
    """Return the session of a network as it is now, made if need be.

    Parameters
    ----------
    network : torch module
        On any device. Its graph is exported in the first call; a session is made again
        whenever its weights have changed.

    size : tuple of (height, width)
        Of the images it reads.

    axes : mapping of int to str
        Axes of the images whose length is left open, and their names.

    Returns
    -------
    session : onnxruntime.InferenceSession
        Ready to run, on the CPU.

    Raises
    ------
    ImportError
        If a package of the extra ``onnx`` is not installed.

    ValueError
        If the network cannot be exported.
    """
    # Threads do not survive a fork.
    key = (size, count_threads(), os.getpid())
    return made_of(network, "onnxruntime", key, lambda: _start(network, size, axes))


def export_graph(
    network: nn.Module, size: tuple[int, int], *, axes: Mapping[int, str]
) -> Graph:
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
    content = export(
        twin,
        _draw_images(_N_EXPORTED, size),
        input_name="images",
        output_names=("logits",),
        axes=axes,
    )
    model = onnx.load_model_from_string(content)
    weights = {name: t.numpy() for name, t in plain.state_dict().items()}
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
    compare(start_session(graph, weights), plain, _draw_images(_N_TRIED, size))
    return graph


def export(
    network: nn.Module,
    example: Tensor,
    *,
    input_name: str,
    output_names: Sequence[str],
    axes: Mapping[int, str],
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """Export a network by torch's own exporter.

    Parameters
    ----------
    network : torch module
        On the CPU, in evaluation mode.

    example : Tensor
        An input, of at least 2 along each axis in `axes`.

    input_name : str
        What the input is called in the model.

    output_names : sequence of str
        What the outputs are called.

    axes : mapping of int to str
        Axes of the input whose length is left open, and their names.

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
        If torch cannot export the network.
    """
    import_extra("onnx", extra="onnx", caller="Exporting to ONNX")
    import_extra("onnxscript", extra="onnx", caller="Exporting to ONNX")
    with _quiet():
        try:
            program: Any = torch.onnx.export(
                network,
                (example,),
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
        return path.read_bytes()


def compare(session: Any, network: nn.Module, images: Tensor) -> None:
    """Compare onnxruntime with torch on a few images.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Of the exported network.

    network : torch module
        The network itself.

    images : Tensor
        What both are given.

    Raises
    ------
    ValueError
        If they do not give the same within 5e-6 of the largest number.
    """
    with torch.inference_mode():
        expected = network(images)
    expected = (expected if isinstance(expected, Tensor) else expected[0]).numpy()
    # Logits may be large: relative to them; posteriors are at most 1.
    tolerance = _TOLERANCE * max(1.0, float(np.abs(expected).max()))
    problem: Exception | None = None
    try:
        got = session.run(None, {session.get_inputs()[0].name: images.numpy()})[0]
    except Exception as error:  # onnxruntime's errors have no public base
        problem = error
    if (
        problem
        or got.shape != expected.shape
        or not np.abs(got - expected).max() <= tolerance
    ):
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


def _start(
    network: nn.Module, size: tuple[int, int], axes: Mapping[int, str]
) -> Session:
    """Start a session with the weights that a network has now."""
    graphs = _graphs.setdefault(network, {})
    if size not in graphs:
        graphs[size] = export_graph(network, size, axes=axes)
    plain = copy_to_cpu(network)
    weights = {name: t.numpy() for name, t in plain.state_dict().items()}
    session = start_session(graphs[size], weights)
    compare(session, plain, _draw_images(_N_TRIED, size))
    return session


def _draw_images(n_images: int, side: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(n_images, 1, *side, generator=generator)


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
def _quiet() -> "Iterator[None]":
    """Keep what the exporter tells its developers from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
