"""The parts of the network of 1998 that torch does not have: layers, codes, loss."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

# Amplitude and slope of the squashing function: f(1) = 1 and f(-1) = -1, where its
# curvature is largest (appendix A of the paper).
_AMPLITUDE = 1.7159
_SLOPE = 2 / 3


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
    >>> from lenet_sklearn.lecun1998 import TrainablePool2d
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
        sums = 4 * functional.avg_pool2d(maps, 2)
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
    >>> from lenet_sklearn.lecun1998 import TableConv2d
    >>> from lenet_sklearn.parameters import C3_TABLE
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
        connected = [(row, i) for row, maps in enumerate(table) for i in maps]
        places[tuple(zip(*connected, strict=True))] = torch.arange(n_kernels)
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
        return self.spread(self.weight)

    def spread(self, weight: Tensor) -> Tensor:
        """Spread kernels, of one layer or of many at once.

        Parameters
        ----------
        weight : Tensor of shape (..., n_kernels, kernel_size, kernel_size)
            As the parameter of that name, behind one dimension for each stacking.

        Returns
        -------
        kernels : Tensor of shape (..., n_maps, n_inputs, kernel_size, kernel_size)
            As of :meth:`kernels`.
        """
        side = self.kernel_size
        behind = weight.new_zeros(*weight.shape[:-3], 1, side, side)
        dense = torch.cat([weight, behind], dim=-3).index_select(-3, self.places)
        return torch.unflatten(dense, -3, (len(self.table), self.n_inputs))

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
    >>> from lenet_sklearn.lecun1998 import class_codes
    >>> from lenet_sklearn.lecun1998 import RBFOutput
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


# Seed of the codes of classes beyond the ten digits: any, but always the same one.
_SEED = 1998

_BITMAPS = (
    """
    .......  .......  .......  .......  .......
    ..###..  ...#...  ..###..  .#####.  .....#.
    .#...#.  ..##...  .#...#.  .....#.  ....##.
    #.....#  .#.#...  #.....#  ....#..  ...#.#.
    #.....#  ...#...  ......#  ...#...  ..#..#.
    #.....#  ...#...  .....#.  ..###..  .#...#.
    #.....#  ...#...  ....#..  .....#.  #....#.
    #.....#  ...#...  ...#...  ......#  #######
    #.....#  ...#...  ..#....  ......#  .....#.
    .#...#.  ...#...  .#.....  #....#.  .....#.
    ..###..  .#####.  #######  .####..  .....#.
    .......  .......  .......  .......  .......
    """,
    """
    .......  .......  .......  .......  .......
    #######  ...##..  #######  .#####.  ..###..
    #......  ..#....  ......#  #.....#  .#...#.
    #......  .#.....  .....#.  #.....#  #.....#
    #......  #......  .....#.  #.....#  #.....#
    #.###..  #.###..  ....#..  .#####.  #....##
    ##...#.  ##...#.  ....#..  #.....#  .####.#
    ......#  #.....#  ...#...  #.....#  ......#
    ......#  #.....#  ...#...  #.....#  .....#.
    #....#.  .#...#.  ..#....  #.....#  ....#..
    .####..  ..###..  ..#....  .#####.  .##....
    .......  .......  .......  .......  .......
    """,
)


def class_codes(n_classes: int) -> Tensor:
    """Give every class a code of 84 signs.

    The first ten are pictures of the digits 0 to 9, 7 wide and 12 high, so that
    digits that look alike have codes that are near each other [1]_. Further
    classes have random codes, the same ones in every network.

    Parameters
    ----------
    n_classes : int
        Number of classes.

    Returns
    -------
    codes : Tensor of shape (n_classes, 84), dtype float32
        +1 where there is ink, -1 where there is none.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), pp. 2278-2324, 1998,
       section II.B and figure 3. The pictures here were drawn anew.

    Examples
    --------
    >>> from lenet_sklearn.lecun1998 import class_codes
    >>> one = class_codes(10)[1].reshape(12, 7)
    >>> "".join("#" if sign > 0 else "." for sign in one[1])
    '...#...'
    """
    codes = torch.stack([_read(block, i) for block in _BITMAPS for i in range(5)])
    missing = n_classes - len(codes)
    if missing > 0:
        generator = torch.Generator().manual_seed(_SEED)
        drawn = torch.randint(2, (missing, codes.shape[1]), generator=generator)
        codes = torch.cat([codes, 2.0 * drawn - 1])
    return codes[:n_classes].clone()


def _read(block: str, column: int) -> Tensor:
    rows = [line.split()[column] for line in block.strip().splitlines()]
    return torch.tensor([1.0 if sign == "#" else -1.0 for sign in "".join(rows)])


class MAPLoss(nn.Module):
    """Maximum a posteriori loss with a class for rubbish, equation 9 of [1]_.

    With the distance y of a character to each class, the right one D, and the
    constant j::

        y_D + log(exp(-j) + sum_i exp(-y_i))

    The network's logits are the distances with the opposite sign, so this is the
    cross-entropy with one more class, whose logit is always -j.

    Parameters
    ----------
    rubbish : float
        The constant j: a character whose distance to all classes is larger is
        taken for rubbish rather than for one of them.

    reduction : {"mean", "none"}, default="mean"
        Whether to take the mean over the batch.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), pp. 2278-2324, 1998,
       section II.C.

    Examples
    --------
    >>> import torch
    >>> from lenet_sklearn.lecun1998 import MAPLoss
    >>> logits = -torch.tensor([[0.0, 20.0]])
    >>> round(float(MAPLoss(rubbish=0.0)(logits, torch.tensor([0]))), 4)  # log 2
    0.6931
    """

    def __init__(self, rubbish: float, reduction: str = "mean") -> None:
        super().__init__()
        self.rubbish = rubbish
        self.reduction = reduction

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Compute the loss.

        Parameters
        ----------
        logits : Tensor of shape (n, n_classes)
            Minus the distances.

        targets : Tensor of shape (n,), dtype int64
            Right columns.

        Returns
        -------
        loss : Tensor of shape () or (n,)
            Never negative.
        """
        rubbish = logits.new_full((len(logits), 1), -self.rubbish)
        everything = torch.logsumexp(torch.cat([logits, rubbish], dim=1), dim=1)
        losses = everything - logits.gather(1, targets[:, None])[:, 0]
        return losses.mean() if self.reduction == "mean" else losses
