"""String networks as ONNX models, for strips of any width."""

import os
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lenet_sklearn.devices import import_extra
from lenet_sklearn.inference import made_of
from lenet_sklearn.onnx_graph import OPSET, OnnxGraph
from lenet_sklearn.onnx_models import start_session
from lenet_sklearn.strings.network import HEIGHT, StringNetwork
from lenet_sklearn.strings.plain import plain_layers

# onnxruntime of 2022 reads files of this version.
_IR_VERSION = 8

_CALLER = "StringRecognizer"


def make_onnx_model(network: StringNetwork, temperature: float) -> Any:
    """Translate a network, its softmax included.

    Parameters
    ----------
    network : StringNetwork
        Left as it is.

    temperature : float
        What the logits are divided by.

    Returns
    -------
    model : onnx.ModelProto
        From `strips`, float32 of shape (n, 1, 32, width), ink 1 on 0, to
        `log_posteriors` of shape (n, n_positions, n_symbols + 1).

    Raises
    ------
    ImportError
        If onnx is not installed.
    """
    layers = plain_layers(network)
    graph = OnnxGraph(dict(layers.named_parameters()))
    value = "strips"
    for layer in layers:
        value = _add_layer(graph, layer, value)
    value = graph.add("Squeeze", value, [2])
    value = graph.add("Transpose", value, perm=[0, 2, 1])
    value = graph.add("Div", value, float(temperature))
    value = graph.add("LogSoftmax", value, axis=2)
    return _finish(graph, value, network.output.out_channels)


def run_onnx(
    network: StringNetwork, stack: NDArray[np.float32], temperature: float
) -> NDArray[np.float32]:
    """Run a network in onnxruntime, on the CPU.

    Parameters
    ----------
    network : StringNetwork
        Translated in the first call, and again when its weights have changed.

    stack : ndarray of shape (n, 1, 32, width), dtype float32
        Ink 1 on 0.

    temperature : float
        What the logits are divided by.

    Returns
    -------
    log_posteriors : ndarray of shape (n, n_positions, n_symbols + 1)

    Raises
    ------
    ImportError
        If onnx or onnxruntime is not installed.
    """
    # Threads do not survive a fork.
    key = (temperature, torch.get_num_threads(), os.getpid())
    session = made_of(
        network,
        "onnxruntime",
        key,
        lambda: start_session(
            make_onnx_model(network, temperature).SerializeToString(), _CALLER
        ),
    )
    [log_posteriors] = session.run(None, {"strips": stack})
    found: NDArray[np.float32] = log_posteriors
    return found


def _add_layer(graph: OnnxGraph, layer: nn.Module, value: str) -> str:
    if isinstance(layer, nn.ZeroPad2d):
        left, right, top, bottom = layer.padding
        return graph.add("Pad", value, [0, 0, top, left, 0, 0, bottom, right])
    if isinstance(layer, nn.Conv2d):
        every = list(layer.dilation)
        return graph.add("Conv", value, layer.weight, layer.bias, dilations=every)
    if isinstance(layer, nn.MaxPool2d):
        size, step = _pair(layer.kernel_size), _pair(layer.stride)
        return graph.add("MaxPool", value, kernel_shape=size, strides=step)
    return graph.add("Relu", value)


def _pair(size: int | tuple[int, ...]) -> list[int]:
    return [size, size] if isinstance(size, int) else list(size)


def _finish(graph: OnnxGraph, value: str, n_columns: int) -> Any:
    """Close the graph, with two sizes left open: that of the batch and the width."""
    onnx = import_extra("onnx", extra="onnx", caller=_CALLER)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    describe = helper.make_tensor_value_info
    output = describe("log_posteriors", kind, ["n", "n_positions", n_columns])
    made = helper.make_graph(
        [*graph.nodes, helper.make_node("Identity", [value], ["log_posteriors"])],
        "lenet_sklearn",
        [describe("strips", kind, ["n", 1, HEIGHT, "width"])],
        [output],
        initializer=list(graph.constants.values()),
    )
    model = helper.make_model(
        made,
        producer_name="lenet_sklearn",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return model
