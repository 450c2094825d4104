"""The network: LeNet-5, layer by layer under the names of the paper."""

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from lenet_sklearn.inputs import FULL_SIDE, LEAST_SIDE
from lenet_sklearn.lecun1998 import (
    RBFOutput,
    ScaledTanh,
    TableConv2d,
    TrainablePool2d,
    class_codes,
)
from lenet_sklearn.parameters import C3_TABLE

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "scaled_tanh": ScaledTanh,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}

# Inputs of a unit that pools a block of 2 x 2.
_BLOCK = 4

# What changes the values of units and not their number or connections.
_SILENT = (nn.Dropout, nn.Identity, *ACTIVATIONS.values())


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
    copied = copy.deepcopy(network)  # which is put into evaluation mode
    layers = [
        (name, layer)
        for name, layer in copied.named_children()
        if not isinstance(layer, _SILENT)
    ]
    return LayerTable(_describe(*row) for row in record_outputs(copied, layers, image))


def record_outputs(
    network: nn.Module, layers: Iterable[tuple[str, nn.Module]], batch: Tensor
) -> list[tuple[str, nn.Module, Any]]:
    """Run a network and note down what layers of it give.

    Parameters
    ----------
    network : torch module
        Put into evaluation mode.

    layers : iterable of (name, torch module)
        Parts of the network.

    batch : Tensor
        What the network reads.

    Returns
    -------
    outputs : list of (name, torch module, output)
        In the order in which they were computed.
    """
    found: list[tuple[str, nn.Module, Any]] = []

    def note(name: str, layer: nn.Module, _: object, output: Any) -> None:
        found.append((name, layer, output))

    hooks = [layer.register_forward_hook(partial(note, name)) for name, layer in layers]
    try:
        with torch.inference_mode():
            network.eval()(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _describe(name: str, module: nn.Module, output: Tensor) -> Layer:
    sizes = tuple(output.shape[1:])
    trainable = count_parameters(module)
    text = str(sizes[0])
    if len(sizes) == 3:
        text = f"{sizes[0]} @ {sizes[1]}x{sizes[2]}"
    label = name if name == "output" else name.upper()
    return Layer(label, text, trainable, _count_connections(module, sizes))


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


Part = TypeVar("Part")

# Each is made for a number of maps.
POOLINGS: dict[str, Callable[[int], nn.Module]] = {
    "average": lambda _: nn.AvgPool2d(2),
    "max": lambda _: nn.MaxPool2d(2),
    "trainable": TrainablePool2d,
}

C3_KINDS: dict[str, Callable[[], nn.Module]] = {
    "dense": lambda: nn.Conv2d(6, 16, 5),
    "table": lambda: TableConv2d(C3_TABLE, 5),
}

OUTPUTS: dict[str, Callable[[int], nn.Module]] = {
    "linear": lambda n_classes: nn.Linear(84, n_classes),
    "rbf": lambda n_classes: RBFOutput(class_codes(n_classes)),
}

# The weights of a unit with F inputs start in [-2.4 / F, 2.4 / F].
_LECUN_BOUND = 2.4
# A sigmoid rises a quarter as steeply as tanh, and is 0.5 where nothing comes in.
_SIGMOID_GAIN = 4.0
_SIGMOID_MEAN = 0.5


class LeNet5(nn.Module):
    """LeNet-5, by default with a dense C3, max pooling and a linear output layer.

    The layers carry the names of [1]_: convolutions C1, C3 and C5, poolings S2
    and S4, then F6 and the output. C5 is a convolution, so the network slides
    over an image that is wider than one character and gives a row of outputs,
    one every 4 pixels.

    Parameters
    ----------
    n_classes : int, default=10
        Number of logits at each position.

    activation : {"relu", "scaled_tanh", "sigmoid", "silu", "tanh"}, default="relu"
        Squashing function after C1, C3, C5 and F6. "scaled_tanh" is that of
        1998, 1.7159 tanh(2a/3).

    pooling : {"average", "max", "trainable"}, default="max"
        What S2 and S4 keep of every 2 x 2 block. "trainable" is that of 1998:
        the sum of the four times a coefficient plus a bias, squashed.

    squash_pooling : bool, default=False
        Whether S2 and S4 are squashed with the other poolings too, as articles have
        it that name an activation for every layer.

    c3 : {"dense", "table"}, default="dense"
        Whether each map of C3 sees all maps of S2, or those of table I of [1]_.

    output : {"linear", "rbf"}, default="linear"
        A linear layer, or Euclidean radial basis functions: each logit is minus
        the squared distance of F6 to a fixed code of -1 and +1, a picture of the
        digit in 7 x 12 pixels.

    padding : int, default=2
        Rows and columns of background that are added on each side.

    image_shape : tuple of (height, width), default=None
        Size of one character without the padding. C5 covers all that S4 makes
        of it. None stands for what is 32 x 32 with the padding.

    input_range : tuple of (background, ink), default=(0.0, 1.0)
        What the values 0 and 1 of the images become; (-0.1, 1.175) in [1]_.

    dropout : float, default=0.0
        Share of the units of C5 and F6 that is dropped in each training step.

    batch_norm : bool, default=False
        Whether C1, C3, C5 and F6 are normalised over the batch before they are
        squashed.

    init : {"auto", "centred", "glorot", "lecun1998", "torch"}, default="auto"
        How weights start: as torch does it; uniformly in plus and minus 2.4 over
        the number of inputs of the unit; as Keras does it, by Glorot's rule and
        with biases of 0; or "centred", for the sigmoid, by Glorot's rule with four
        times the range, and with biases that take the mean of the inputs away.
        "auto" is "centred" for the sigmoid and "torch" for all others.

    Raises
    ------
    ValueError
        If a part is not one of the names above, or the image leaves no room for
        five layers.

    Notes
    -----
    61,706 trainable parameters and 416,520 multiply-adds for one digit with the
    default parameters; 60,000 and 326,520 with the parts of 1998.

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
        squash_pooling: bool = False,
        c3: str = "dense",
        output: str = "linear",
        padding: int = 2,
        image_shape: tuple[int, int] | None = None,
        input_range: tuple[float, float] = (0.0, 1.0),
        dropout: float = 0.0,
        batch_norm: bool = False,
        init: str = "auto",
    ) -> None:
        super().__init__()
        squash = _pick(ACTIVATIONS, activation, "activation")
        pool = _pick(POOLINGS, pooling, "pooling")
        # A network of sigmoids as torch starts it hardly learns.
        usual = "centred" if activation == "sigmoid" else "torch"
        start = INITS[usual] if init == "auto" else _pick(INITS, init, "init")
        side = FULL_SIDE - 2 * padding
        self.image_shape = image_shape or (side, side)
        self.input_range = (float(input_range[0]), float(input_range[1]))
        # Zeros that a convolution adds are background only where that is zero.
        self.border = padding if self.input_range[0] else 0
        self.c1 = nn.Conv2d(1, 6, 5, padding=padding - self.border)
        self.s2 = pool(6)
        self.c3 = _pick(C3_KINDS, c3, "c3")()
        self.s4 = pool(16)
        self.c5 = nn.Conv2d(16, 120, _c5_kernel(self.image_shape, padding))
        self.f6 = nn.Linear(120, 84)
        self.output = _pick(OUTPUTS, output, "output")(n_classes)
        self.activation = squash()
        squashes = squash_pooling or pooling == "trainable"
        self.pool_squash = squash() if squashes else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.n1 = nn.BatchNorm2d(6) if batch_norm else nn.Identity()
        self.n3 = nn.BatchNorm2d(16) if batch_norm else nn.Identity()
        self.n5 = nn.BatchNorm2d(120) if batch_norm else nn.Identity()
        self.n6 = nn.BatchNorm1d(84) if batch_norm else nn.Identity()
        if start is not None:
            start(self)

    @property
    def padding(self) -> int:
        """Rows and columns of background added on each side."""
        return int(self.c1.padding[0]) + self.border

    def forward(self, images: Tensor) -> Tensor:
        """Compute the logits of a batch of images.

        Parameters
        ----------
        images : Tensor of shape (n, 1, height, width), dtype float32
            Ink towards 1 on 0, of the height of `image_shape` and at least its
            width: 28 pixels with the default parameters.

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
        maps = self.n1(self.c1(self.set_range(images)))
        maps = self.pool_squash(self.s2(self.activation(maps)))
        maps = self.activation(self.n3(self.c3(maps)))
        maps = self.pool_squash(self.s4(maps))
        features = self.dropout(self.activation(self.n5(self.c5(maps))))
        if features.shape[-1] == 1:
            return self._classify(features.flatten(1))
        rows = features.squeeze(2).transpose(1, 2)
        logits = self._classify(rows.flatten(0, 1))
        return logits.reshape(*rows.shape[:2], -1).transpose(1, 2)

    def layer_table(self) -> LayerTable:
        """List output, trainable parameters and connections of every layer.

        Returns
        -------
        table : LayerTable
            Rows of (name, output, parameters, connections); prints as a table.

        Examples
        --------
        >>> from lenet_sklearn import LeNet5
        >>> network = LeNet5(
        ...     c3="table", pooling="trainable", activation="scaled_tanh", output="rbf"
        ... )
        >>> network.layer_table()
        layer   output         trainable  connections
        input   1 @ 32x32              0            0
        C1      6 @ 28x28            156      122,304
        S2      6 @ 14x14             12        5,880
        C3      16 @ 10x10         1,516      151,600
        S4      16 @ 5x5              32        2,000
        C5      120 @ 1x1         48,120       48,120
        F6      84                10,164       10,164
        output  10                     0          840
        total                     60,000      340,908
        """
        height, width = (side + 2 * self.padding for side in self.image_shape)
        image = self.c1.weight.new_zeros(1, 1, *self.image_shape)
        first = Layer("input", f"1 @ {height}x{width}", 0, 0)
        return LayerTable([first, *tabulate_layers(self, image)])

    def set_range(self, images: Tensor) -> Tensor:
        """Give images the range, and the border, that C1 reads.

        Parameters
        ----------
        images : Tensor of shape (n, n_channels, height, width)
            Ink towards 1 on 0.

        Returns
        -------
        images : Tensor of shape (n, n_channels, height, width)
            In `input_range`; with the border where C1 does not add it itself.
        """
        background, ink = self.input_range
        if self.border:
            images = functional.pad(images, (self.border,) * 4)
        if (background, ink) == (0.0, 1.0):
            return images
        return background + (ink - background) * images

    def _classify(self, features: Tensor) -> Tensor:
        state = self.activation(self.n6(self.f6(features)))
        return self.output(self.dropout(state))

    def _check_size(self, images: Tensor) -> None:
        """Refuse images that do not give exactly one row of outputs."""
        height, width = self.image_shape
        # Up to four pixels, no second row of C5's kernels has room.
        tallest = height + 3 - (height + 2 * self.padding) % 4
        if not height <= images.shape[-2] <= tallest or images.shape[-1] < width:
            raise ValueError(
                f"LeNet5 expects images {height} pixels high and at least {width}"
                f" wide. Got shape {tuple(images.shape)}."
                " Resize them, or change image_shape= or padding=."
            )


def draw_lecun_weights(network: nn.Module) -> None:
    """Draw all weights uniformly in plus and minus 2.4 over the number of inputs.

    Parameters
    ----------
    network : LeNet5
        Changed in place. Normalisation over the batch stays as it is.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), pp. 2278-2324, 1998,
       appendix A.
    """
    for layer in network.children():
        if isinstance(layer, TableConv2d):
            layer.draw_weights([_LECUN_BOUND / n for n in layer.fan_ins])
        elif isinstance(layer, nn.Conv2d | nn.Linear | TrainablePool2d):
            pools = isinstance(layer, TrainablePool2d)
            weights = next(layer.parameters())
            bound = _LECUN_BOUND / (_BLOCK if pools else weights[0].numel())
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound)


def draw_glorot_weights(network: nn.Module) -> None:
    """Draw weights by Glorot's rule, and set biases to 0.

    Parameters
    ----------
    network : LeNet5
        Changed in place. Layers torch does not have stay as they are.

    References
    ----------
    .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep
       feedforward neural networks", Proc. AISTATS 2010.
    """
    for layer in network.children():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def draw_centred_weights(network: nn.Module) -> None:
    """Draw weights with which a network of sigmoids starts as one of tanh would.

    Sigmoids give 0.5 where nothing comes in. Layers that take that for a signal say
    the same of all images, and hardly learn [1]_: their biases start at what takes
    it away.

    Parameters
    ----------
    network : LeNet5
        Changed in place. Normalisation over the batch stays as it is.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, G. B. Orr, K.-R. Müller, "Efficient BackProp", in
       Neural Networks: Tricks of the Trade, Springer, 1998, sections 4.3 to 4.6.
    .. [2] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep
       feedforward neural networks", Proc. AISTATS 2010.
    """
    for name, layer in network.named_children():
        mean = 0.0 if name == "c1" else _SIGMOID_MEAN  # the background of images is 0
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight, _SIGMOID_GAIN)
            kernels, bias = layer.weight, layer.bias
        elif isinstance(layer, TableConv2d):
            bounds = [_SIGMOID_GAIN * math.sqrt(3 / n) for n in layer.fan_ins]
            layer.draw_weights(bounds)
            kernels, bias = layer.kernels(), layer.bias
        elif isinstance(layer, TrainablePool2d):
            nn.init.ones_(layer.coefficient)
            nn.init.constant_(layer.bias, -mean * _BLOCK)
            continue
        else:
            continue
        if bias is not None:
            with torch.no_grad():
                bias.copy_(-mean * kernels.flatten(1).sum(dim=1))


# None leaves weights as torch's layers have drawn them.
INITS: dict[str, Callable[[nn.Module], None] | None] = {
    "centred": draw_centred_weights,
    "glorot": draw_glorot_weights,
    "lecun1998": draw_lecun_weights,
    "torch": None,
}


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


def _c5_kernel(image_shape: tuple[int, int], padding: int) -> tuple[int, int]:
    """Size of the maps of S4, which C5 covers whole."""
    height, width = (side + 2 * padding for side in image_shape)
    if min(height, width) < LEAST_SIDE:
        raise ValueError(
            f"LeNet5 expects image_shape with its padding to be at least {LEAST_SIDE}"
            f" high and wide. Got image_shape={tuple(image_shape)}, padding={padding}."
            " Enlarge the images or the padding."
        )
    return ((height - 4) // 2 - 4) // 2, ((width - 4) // 2 - 4) // 2


def _pick(table: Mapping[str, Part], name: str, parameter: str) -> Part:
    """Look up a part of the network, or say which there are."""
    if name not in table:
        raise ValueError(
            f"LeNet5 expects {parameter} to be one of {sorted(table)}. Got {name!r}."
        )
    return table[name]
