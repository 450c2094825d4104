"""Layers of the network of 1998 that torch does not have."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

# Amplitude and slope of the squashing function: f(1) = 1 and f(-1) = -1, where its
# curvature is largest (appendix A of the paper).
_AMPLITUDE = 1.7159
_SLOPE = 2 / 3

# Inputs of each of the 16 maps of C3: table I of the paper.
_C3_ROWS = "012 123 234 345 045 015 0123 1234 2345 0345 0145 0125 0134 1245 0235 012345"
C3_TABLE = tuple(tuple(map(int, row)) for row in _C3_ROWS.split())


class ScaledTanh(nn.Module):
    """Squash with 1.7159 tanh(2a/3), which leaves 1 and -1 where they are."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Squash.

        Parameters
        ----------
        inputs : Tensor
            Of any shape.

        Returns
        -------
        squashed : Tensor
            Of the same shape, in (-1.7159, 1.7159).
        """
        return _AMPLITUDE * torch.tanh(_SLOPE * inputs)


class TrainablePool2d(nn.Module):
    """Sum every 2 x 2 block, times a coefficient and plus a bias for each map.

    Parameters
    ----------
    n_maps : int
        Maps, each with its own coefficient and bias. At first they give the mean.

    Examples
    --------
    >>> import torch
    >>> from lenet_sklearn.layers import TrainablePool2d
    >>> TrainablePool2d(6)(torch.ones(1, 6, 28, 28)).shape
    torch.Size([1, 6, 14, 14])
    """

    def __init__(self, n_maps: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.full((n_maps,), 0.25))
        self.bias = nn.Parameter(torch.zeros(n_maps))

    def forward(self, maps: Tensor) -> Tensor:
        """Pool.

        Parameters
        ----------
        maps : Tensor of shape (n, n_maps, height, width)
            Feature maps.

        Returns
        -------
        pooled : Tensor of shape (n, n_maps, height // 2, width // 2)
            Not squashed yet.
        """
        sums = functional.avg_pool2d(maps, 2, divisor_override=1)
        return sums * self.coefficient[:, None, None] + self.bias[:, None, None]


class TableConv2d(nn.Module):
    """Convolution whose maps see some of the input maps each.

    Parameters
    ----------
    table : tuple of tuples of int
        For each output map the input maps it is connected with.

    kernel_size : int
        Side of the kernels.

    Notes
    -----
    The kernels there are, and no others, are trained; they are spread over a
    dense kernel in every pass, because one dense convolution is several times
    faster than many small ones.

    Examples
    --------
    >>> from lenet_sklearn.layers import C3_TABLE, TableConv2d
    >>> sum(p.numel() for p in TableConv2d(C3_TABLE, 5).parameters())
    1516
    """

    places: Tensor

    def __init__(self, table: tuple[tuple[int, ...], ...], kernel_size: int) -> None:
        super().__init__()
        self.table = table
        self.n_inputs = 1 + max(map(max, table))
        self.kernel_size = kernel_size
        n_kernels = sum(map(len, table))
        # Kernels that are not there are taken from behind the last one: a zero.
        places = torch.full((len(table), self.n_inputs), n_kernels)
        places[tuple(zip(*_connections(table), strict=True))] = torch.arange(n_kernels)
        self.register_buffer("places", places.flatten(), persistent=False)
        self.weight = nn.Parameter(torch.empty(n_kernels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(len(table)))
        # As torch's own convolutions start.
        self.draw_weights([1 / math.sqrt(n) for n in self.fan_ins])

    @property
    def fan_ins(self) -> list[int]:
        """Inputs of a unit of each map."""
        return [len(maps) * self.kernel_size**2 for maps in self.table]

    def kernels(self) -> Tensor:
        """Spread the kernels over a dense one, with zeros where there are none.

        Returns
        -------
        kernels : Tensor of shape (n_maps, n_inputs, kernel_size, kernel_size)
            Those of all pairs of maps.
        """
        side = self.kernel_size
        behind = self.weight.new_zeros(1, side, side)
        dense = torch.cat([self.weight, behind]).index_select(0, self.places)
        return dense.view(len(self.table), self.n_inputs, side, side)

    def draw_weights(self, bounds: list[float]) -> None:
        """Draw weights and biases uniformly in plus and minus a bound for each map.

        Parameters
        ----------
        bounds : list of n_maps floats
            The bounds.
        """
        sizes = torch.tensor([len(maps) for maps in self.table])
        of_map = torch.tensor(bounds)
        of_kernel = of_map.repeat_interleave(sizes)[:, None, None]
        with torch.no_grad():
            self.weight.uniform_(-1, 1).mul_(of_kernel)
            self.bias.uniform_(-1, 1).mul_(of_map)

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve.

        Parameters
        ----------
        maps : Tensor of shape (n, n_inputs, height, width)
            Feature maps.

        Returns
        -------
        sums : Tensor of shape (n, n_maps, height - 4, width - 4)
            For kernels of 5 x 5.
        """
        return functional.conv2d(maps, self.kernels(), self.bias)


class RBFOutput(nn.Module):
    """Euclidean radial basis functions: minus the squared distance to fixed codes.

    Parameters
    ----------
    codes : Tensor of shape (n_classes, n_features)
        A code of -1 and +1 for each class; not trained.

    Examples
    --------
    >>> import torch
    >>> from lenet_sklearn.codes import class_codes
    >>> from lenet_sklearn.layers import RBFOutput
    >>> codes = class_codes(10)
    >>> RBFOutput(codes)(codes[3:4]).argmax()
    tensor(3)
    """

    codes: Tensor

    def __init__(self, codes: Tensor) -> None:
        super().__init__()
        self.register_buffer("codes", codes)

    def forward(self, features: Tensor) -> Tensor:
        """Compute the logits.

        Parameters
        ----------
        features : Tensor of shape (n, n_features)
            State of F6.

        Returns
        -------
        logits : Tensor of shape (n, n_classes)
            Minus the sum of the squared differences.
        """
        # The square of each code is 1 in every place.
        lengths = features.square().sum(dim=1, keepdim=True) + self.codes.shape[1]
        return 2 * features @ self.codes.T - lengths


def _connections(table: tuple[tuple[int, ...], ...]) -> list[tuple[int, int]]:
    """List the pairs of output and input map, in the order of the kernels."""
    return [(row, i) for row, maps in enumerate(table) for i in maps]
