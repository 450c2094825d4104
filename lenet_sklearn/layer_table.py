"""What a network is made of, as a table: sizes, parameters, connections."""

import copy
import math
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lenet_sklearn.lecun1998 import RBFOutput, ScaledTanh, TrainablePool2d

# Inputs of a unit that pools a block of 2 x 2.
_BLOCK = 4

# What changes the values of units and not their number or connections.
_SILENT = (
    nn.Dropout,
    nn.Identity,
    nn.ReLU,
    nn.Sigmoid,
    nn.SiLU,
    nn.Tanh,
    ScaledTanh,
)


class Layer(NamedTuple):
    """One row of a :class:`LayerTable`.

    Attributes
    ----------
    name : str
        Name of the layer in the paper.

    output : str
        "maps @ height x width", or the number of units.

    parameters : int
        Trainable ones.

    connections : int
        Inputs of all units, biases counted as inputs.
    """

    name: str
    output: str
    parameters: int
    connections: int


class LayerTable(tuple[Layer, ...]):
    """Layers of a network, from the input to the output; prints as a table.

    Attributes
    ----------
    parameters : int
        Trainable parameters of all layers.

    connections : int
        Connections of all layers.
    """

    __slots__ = ()

    @property
    def parameters(self) -> int:
        """Trainable parameters of all layers."""
        return sum(layer.parameters for layer in self)

    @property
    def connections(self) -> int:
        """Connections of all layers."""
        return sum(layer.connections for layer in self)

    def __str__(self) -> str:
        total = Layer("total", "", self.parameters, self.connections)
        lines = [f"{'layer':8}{'output':14}{'trainable':>10}{'connections':>13}"]
        lines += [
            f"{layer.name:8}{layer.output:14}"
            f"{layer.parameters:>10,}{layer.connections:>13,}"
            for layer in (*self, total)
        ]
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__


def tabulate_layers(network: nn.Module, image: Tensor) -> LayerTable:
    """List the layers an image passes through.

    Parameters
    ----------
    network : torch module
        Whose children are layers.

    image : Tensor of shape (1, 1, height, width)
        Any image the network reads.

    Returns
    -------
    table : LayerTable
        Layers that only squash or drop units are left out.
    """
    rows: list[Layer] = []
    # A copy, because hooks are to be left on no network.
    copied = copy.deepcopy(network).eval()
    for name, module in copied.named_children():
        if not isinstance(module, _SILENT):
            module.register_forward_hook(partial(_note, rows, name))
    with torch.no_grad():
        copied(image)
    return LayerTable(rows)


def _note(
    rows: list[Layer], name: str, module: nn.Module, _: object, output: Tensor
) -> None:
    sizes = tuple(output.shape[1:])
    trainable = sum(p.numel() for p in module.parameters() if p.requires_grad)
    text = str(sizes[0])
    if len(sizes) == 3:
        text = f"{sizes[0]} @ {sizes[1]}x{sizes[2]}"
    label = name if name == "output" else name.upper()
    rows.append(Layer(label, text, trainable, _count_connections(module, sizes)))


def _count_connections(module: nn.Module, sizes: tuple[int, ...]) -> int:
    """Count the inputs of all units of a layer with its biases."""
    n_units = math.prod(sizes)
    if isinstance(module, nn.AvgPool2d | nn.MaxPool2d):
        return _BLOCK * n_units
    if isinstance(module, TrainablePool2d):
        return (_BLOCK + 1) * n_units
    if isinstance(module, RBFOutput):
        return module.codes.numel()
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        return 2 * n_units
    # A convolution uses each weight at every place of its maps, a full layer once.
    return sum(p.numel() for p in module.parameters()) * math.prod(sizes[1:])
