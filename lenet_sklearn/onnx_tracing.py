"""A torch module as an ONNX model: what it computes is recorded, not how it reads."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from lenet_sklearn.onnx_graph import OnnxGraph
from lenet_sklearn.onnx_operations import LOWERINGS


def trace_module(
    module: nn.Module, example: Tensor, outputs: Sequence[str], *, input_name: str
) -> Any:
    """Record what a module computes as an ONNX model.

    The module is run once; every operation that depends on its input becomes a
    node, everything else a constant. So the layers may be any, as long as their
    operations are in ``lenet_sklearn.onnx_operations.LOWERINGS``, and the
    forward pass does not decide by the values of its input.

    Parameters
    ----------
    module : torch module
        On the CPU, in evaluation mode.

    example : Tensor of shape (n, ...), dtype float32
        Input to run it on. Sizes other than the first become fixed.

    outputs : sequence of str
        Names for what the module returns.

    input_name : str
        Name for its input.

    Returns
    -------
    model : onnx.ModelProto
        For batches of any size.

    Raises
    ------
    ImportError
        If onnx is not installed.

    NotImplementedError
        If the module uses an operation that has no counterpart here.
    """
    graph = OnnxGraph(dict(module.named_parameters()) | dict(module.named_buffers()))
    graph.bind(example, input_name)
    with torch.no_grad(), _Recorder(graph):  # type: ignore[no-untyped-call, unused-ignore]
        results = module(example)
    if isinstance(results, Tensor):
        results = (results,)
    named = dict(zip(outputs, results, strict=True))
    return graph.finish({input_name: example}, named)


class _Recorder(TorchDispatchMode):  # type: ignore[misc, no-untyped-call, unused-ignore]
    """Adds to a graph what torch computes within a ``with`` block."""

    def __init__(self, graph: OnnxGraph) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self._graph = graph

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operation; record it if it depends on the graph's input."""
        result = func(*args, **(kwargs or {}))
        call = _bind_arguments(func, args, kwargs or {})
        if any(self._graph.computes(tensor) for tensor in _tensors(call.values())):
            first = result if isinstance(result, Tensor) else result[0]
            call["result"] = first
            self._graph.bind(first, _lower(self._graph, func, call))
        return result


def _lower(graph: OnnxGraph, func: Any, call: Mapping[str, Any]) -> str:
    # `relu_` and `relu` compute the same: what is overwritten is renamed.
    operation = func.overloadpacket.__name__
    name = operation.rstrip("_") if func._schema.is_mutable else operation
    if name not in LOWERINGS:
        raise NotImplementedError(
            f"LeNet5Classifier cannot write the operation {operation} to ONNX."
            " Use layers without it, or torch.onnx.export(classifier.net_.module_,"
            " ...), which needs onnxscript."
        )
    return LOWERINGS[name](graph, call)


def _bind_arguments(
    func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Give every argument of an operation by name, defaults included."""
    bound = {}
    for place, argument in enumerate(func._schema.arguments):
        given = args[place] if place < len(args) else argument.default_value
        bound[argument.name] = kwargs.get(argument.name, given)
    return bound


def _tensors(values: Any) -> list[Tensor]:
    found = []
    for value in values:
        items = value if isinstance(value, list | tuple) else [value]
        found += [item for item in items if isinstance(item, Tensor)]
    return found
