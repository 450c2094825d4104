"""The network: LeNet-5, layer by layer under the names of the paper."""

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor, nn

Part = TypeVar("Part")

# Image sides the network reads as they are: 28 is padded to 32 in C1, 32 is not.
PADDED_SIDE = 28
FULL_SIDE = 32

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}

POOLINGS: dict[str, Callable[[int], nn.Module]] = {
    "average": nn.AvgPool2d,
    "max": nn.MaxPool2d,
}


class LeNet5(nn.Module):
    """LeNet-5 with a dense C3, plain pooling and a linear output layer.

    The layers carry the names of [1]_: convolutions C1, C3 and C5, poolings S2
    and S4, then F6 and the output. C5 is a convolution, so the network slides
    over an image that is wider than one digit and gives a row of outputs, one
    every 4 pixels.

    Parameters
    ----------
    n_classes : int, default=10
        Number of logits at each position.

    activation : {"relu", "sigmoid", "silu", "tanh"}, default="relu"
        Squashing function after C1, C3, C5 and F6.

    pooling : {"average", "max"}, default="max"
        What S2 and S4 keep of every 2 x 2 block.

    padding : int, default=2
        Rows and columns of background that C1 adds on each side: 2 for images
        of 28 x 28, 0 for images of 32 x 32.

    Raises
    ------
    ValueError
        If `activation` or `pooling` is not one of the names above.

    Notes
    -----
    61,706 trainable parameters and 416,520 multiply-adds for one digit with the
    default parameters.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), pp. 2278-2324, 1998,
       section II.B.

    Examples
    --------
    >>> import torch
    >>> from lenet_sklearn import LeNet5
    >>> network = LeNet5()
    >>> sum(p.numel() for p in network.parameters())
    61706
    >>> network(torch.zeros(3, 1, 28, 28)).shape
    torch.Size([3, 10])
    >>> network(torch.zeros(3, 1, 28, 40)).shape  # four positions, 4 pixels apart
    torch.Size([3, 10, 4])
    """

    def __init__(
        self,
        n_classes: int = 10,
        *,
        activation: str = "relu",
        pooling: str = "max",
        padding: int = 2,
    ) -> None:
        super().__init__()
        squash = _pick(ACTIVATIONS, activation, "activation")
        pool = _pick(POOLINGS, pooling, "pooling")
        self.c1 = nn.Conv2d(1, 6, 5, padding=padding)
        self.s2 = pool(2)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.s4 = pool(2)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, n_classes)
        self.activation = squash()

    def forward(self, images: Tensor) -> Tensor:
        """Compute the logits of a batch of images.

        Parameters
        ----------
        images : Tensor of shape (n, 1, 28, width), dtype float32
            Ink towards 1 on 0; the height is 32 if `padding` is 0.

        Returns
        -------
        logits : Tensor of shape (n, n_classes) or (n, n_classes, n_positions)
            The second shape for images wide enough for more than one position.

        Raises
        ------
        ValueError
            If the image is too small for the five layers, or so tall that it
            gives more than one row of outputs.
        """
        self._check_size(images)
        maps = self.s2(self.activation(self.c1(images)))
        maps = self.s4(self.activation(self.c3(maps)))
        features = self.activation(self.c5(maps))
        if features.shape[-1] == 1:
            return self._classify(features.flatten(1))
        rows = features.squeeze(2).transpose(1, 2)
        return self._classify(rows).transpose(1, 2)

    def _classify(self, features: Tensor) -> Tensor:
        logits: Tensor = self.output(self.activation(self.f6(features)))
        return logits

    def _check_size(self, images: Tensor) -> None:
        """Refuse images that do not give exactly one row of outputs."""
        border = 2 * int(self.c1.padding[0])
        height, width = images.shape[-2] + border, images.shape[-1] + border
        # Four more pixels would make room for a second row.
        if not FULL_SIDE <= height < FULL_SIDE + 4 or width < FULL_SIDE:
            raise ValueError(
                f"LeNet5 expects images {FULL_SIDE - border} pixels high and at least"
                f" as wide. Got shape {tuple(images.shape)}."
                " Resize them, or change padding=."
            )


def count_parameters(network: nn.Module) -> int:
    """Count the trainable parameters of a network.

    Parameters
    ----------
    network : torch module
        Any network.

    Returns
    -------
    n_parameters : int
        Elements of all tensors that take a gradient.

    Examples
    --------
    >>> from lenet_sklearn import LeNet5, count_parameters
    >>> count_parameters(LeNet5(n_classes=26))
    63066
    """
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def _pick(table: dict[str, Part], name: str, parameter: str) -> Part:
    """Look up a part of the network, or say which there are."""
    if name not in table:
        raise ValueError(
            f"LeNet5 expects {parameter} to be one of {sorted(table)}. Got {name!r}."
        )
    return table[name]
