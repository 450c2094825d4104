"""An ONNX graph under construction."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from lenet_sklearn.devices import import_extra

# The oldest version that has every operator needed here: the file is read by
# onnxruntime from 1.12 (2022) on.
OPSET = 17
_IR_VERSION = 8


class Lowering(Protocol):
    """Adds the nodes for one operation of torch and names their result."""

    def __call__(self, graph: "OnnxGraph", call: Mapping[str, Any]) -> str:
        """Lower a call, given by the names of its arguments and its result."""


class OnnxGraph:
    """An ONNX graph under construction.

    Parameters
    ----------
    names : mapping of str to Tensor
        Constants whose names are known, such as a module's weights. Others are
        numbered.

    Attributes
    ----------
    nodes : list of onnx.NodeProto
        In the order of computation.

    constants : dict of str to onnx.TensorProto
        Those that some node reads.
    """

    def __init__(self, names: Mapping[str, Tensor]) -> None:
        self._onnx = import_extra("onnx", extra="onnx", caller="LeNet5Classifier")
        self._constant_names = {id(names[name]): name for name in names}
        self._values: dict[int, str] = {}
        # Python gives the id of a tensor that is gone to the next one.
        self._alive: list[Tensor] = []
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def bind(self, tensor: Tensor, name: str) -> None:
        """Let `name` stand for `tensor` from now on."""
        self._values[id(tensor)] = name
        self._alive.append(tensor)

    def computes(self, tensor: Tensor) -> bool:
        """Say whether `tensor` depends on the graph's input."""
        return id(tensor) in self._values

    def name(self, value: Tensor | float | Sequence[int]) -> str:
        """Name a tensor, a number or a list of integers, as a constant if need be."""
        if isinstance(value, Tensor) and self.computes(value):
            return self._values[id(value)]
        name = self._constant_names.get(id(value), f"constant_{len(self.constants)}")
        if name not in self.constants:
            tensor = _as_constant(value)
            self._alive.append(value if isinstance(value, Tensor) else tensor)
            self.constants[name] = self._onnx.numpy_helper.from_array(
                tensor.numpy(), name
            )
            if isinstance(value, Tensor):
                self._constant_names[id(value)] = name
        return name

    def add(self, operator: str, *inputs: Any, **attributes: Any) -> str:
        """Add a node; inputs are names or constants. Returns its output's name."""
        names = [x if isinstance(x, str) else self.name(x) for x in inputs]
        output = f"{operator.lower()}_{len(self.nodes)}"
        node = self._onnx.helper.make_node(
            operator, names, [output], name=output, **attributes
        )
        self.nodes.append(node)
        return output

    def finish(
        self, inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]
    ) -> Any:
        """Close the graph and check it.

        Parameters
        ----------
        inputs, outputs : mapping of str to Tensor
            Examples, whose first dimension may be of any size in the model.

        Returns
        -------
        model : onnx.ModelProto
            Checked by onnx, shapes included.
        """
        helper = self._onnx.helper
        for name, tensor in outputs.items():
            value = self.name(tensor)
            self.nodes.append(helper.make_node("Identity", [value], [name]))
        graph = helper.make_graph(
            self.nodes,
            "lenet_sklearn",
            [self._describe(name, inputs[name]) for name in inputs],
            [self._describe(name, outputs[name]) for name in outputs],
            initializer=list(self.constants.values()),
        )
        model = helper.make_model(
            graph,
            producer_name="lenet_sklearn",
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_IR_VERSION,
        )
        self._onnx.checker.check_model(model, full_check=True)
        return model

    def _describe(self, name: str, tensor: Tensor) -> Any:
        shape = ["n", *tensor.shape[1:]]
        kind = self._onnx.TensorProto.FLOAT
        return self._onnx.helper.make_tensor_value_info(name, kind, shape)


def _as_constant(value: Tensor | float | Sequence[int]) -> Tensor:
    """Numbers become float32, lists of integers int64, as ONNX has shapes and axes."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", torch.float32, copy=True).contiguous()
    if isinstance(value, Sequence):
        return torch.tensor(list(value), dtype=torch.int64)
    return torch.tensor(value, dtype=torch.float32)
