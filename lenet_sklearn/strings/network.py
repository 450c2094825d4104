"""The space-displacement network: LeNet-5's layers slid along a strip of writing."""

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lenet_sklearn.onnx import copy_to_cpu, export
from lenet_sklearn.strings.strips import EXAMPLE_SIZE, FULL_STEP, HEIGHT, LAYOUTS
from lenet_sklearn.torch_inference import made_of


class StringNetwork(nn.Module):
    """Read a strip of writing from left to right, an output every few pixels.

    The layers are those of LeNet-5 and carry its names. Both sides of a strip
    are filled up with background, so that a character at the border is seen
    whole. Each output is a logit for every symbol and one, the last, for the
    blank: "nothing that was not said before" [2]_.

    Parameters
    ----------
    kind : {"lenet5", "lenet5_dense", "wide"}, default="wide"
        "lenet5" is LeNet-5 as it is, an output every 4 pixels [1]_.
        "lenet5_dense" has its numbers of maps, an output every 2 pixels, an F6
        that sees three positions of C5, and a C3 that sees the maps of C1 and
        their negatives [4]_. "wide" has an output every 2 pixels and such an F6
        too, and 24, 64, 96 and 96 maps.

    n_symbols : int, default=10
        Characters there are.

    dropout : float, default=0.0
        Probability with which a unit of C5 and F6 says nothing in training; whole
        maps of S4 fall silent half as often.

    Raises
    ------
    ValueError
        If there is no such kind.

    Notes
    -----
    62,243, 84,803 and 222,155 parameters for ten symbols. C1, C3, C5 and F6 are
    normalised over the batch in training [3]_; in reading this is part of their
    weights, and "lenet5" a plain LeNet-5 of 61,791 parameters.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), pp. 2278-2324, 1998,
       section VII.
    .. [2] A. Graves, S. Fernandez, F. Gomez, J. Schmidhuber, "Connectionist
       temporal classification: labelling unsegmented sequence data with
       recurrent neural networks", Proc. ICML 2006.
    .. [3] S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network
       training by reducing internal covariate shift", Proc. ICML 2015.
    .. [4] W. Shang, K. Sohn, D. Almeida, H. Lee, "Understanding and improving
       convolutional neural networks via concatenated rectified linear units",
       Proc. ICML 2016.

    Examples
    --------
    >>> import torch
    >>> from lenet_sklearn import count_parameters
    >>> from lenet_sklearn.strings import StringNetwork
    >>> network = StringNetwork("lenet5")
    >>> count_parameters(network)
    62243
    >>> network(torch.zeros(3, 1, 32, 100)).shape  # 0, 4, 8 ... 100 pixels
    torch.Size([3, 11, 26])
    """

    def __init__(
        self, kind: str = "wide", n_symbols: int = 10, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if kind not in LAYOUTS:
            raise ValueError(
                f"StringNetwork expects kind to be one of {sorted(LAYOUTS)}."
                f" Got {kind!r}."
            )
        self.layout = layout = LAYOUTS[kind]
        n1, n3, n5, n6 = layout.maps
        self.c1, self.n1 = nn.Conv2d(1, n1, 5), nn.BatchNorm2d(n1)
        self.s2 = nn.MaxPool2d(2)
        n_seen = 2 * n1 if layout.negatives else n1
        self.c3, self.n3 = nn.Conv2d(n_seen, n3, 5), nn.BatchNorm2d(n3)
        self.s4 = nn.MaxPool2d(2, stride=(2, layout.step // 2))
        every = (1, FULL_STEP // layout.step)
        self.c5, self.n5 = nn.Conv2d(n3, n5, 5, dilation=every), nn.BatchNorm2d(n5)
        self.f6, self.n6 = nn.Conv2d(n5, n6, (1, layout.neighbours)), nn.BatchNorm2d(n6)
        self.output = nn.Conv2d(n6, n_symbols + 1, 1)
        self.map_dropout, self.dropout = nn.Dropout2d(dropout / 2), nn.Dropout(dropout)
        self.to(memory_format=torch.channels_last)

    def forward(self, strips: Tensor) -> Tensor:
        """Compute the logits along a batch of strips.

        Parameters
        ----------
        strips : Tensor of shape (n, 1, 32, width), dtype float32
            Ink towards 1 on 0. A narrow strip is filled up with zeros on its
            right, which changes none of its own outputs.

        Returns
        -------
        logits : Tensor of shape (n, n_symbols + 1, n_positions)
            The blank's are the last row.

        Raises
        ------
        ValueError
            If the strips are of another height.
        """
        if strips.shape[-2] != HEIGHT:
            raise ValueError(
                f"StringNetwork expects strips {HEIGHT} pixels high. Got shape"
                f" {tuple(strips.shape)}. Resize them."
            )
        padded = functional.pad(strips, (self.layout.side, self.layout.side))
        # A CPU is a third faster where the maps of a pixel lie side by side.
        maps = padded.to(memory_format=torch.channels_last)
        maps = self.n1(self.c1(maps))
        if self.layout.negatives:
            maps = torch.cat([maps, -maps], dim=1)
        # Squashing behind pooling gives the same for a quarter of the work.
        maps = functional.relu(self.s2(maps))
        maps = self.map_dropout(functional.relu(self.s4(self.n3(self.c3(maps)))))
        maps = self.dropout(functional.relu(self.n5(self.c5(maps))))
        maps = self.dropout(functional.relu(self.n6(self.f6(maps))))
        logits: Tensor = self.output(maps)
        return logits.squeeze(2)


def run_torch(
    network: StringNetwork, strips: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Compute logits along strips by torch, on the device of the network.

    Parameters
    ----------
    network : StringNetwork
        On any device.

    strips : ndarray of shape (n, 1, 32, width), dtype float32
        Ink 1 on 0.

    Returns
    -------
    logits : ndarray of shape (n, n_symbols + 1, n_positions), dtype float32
    """
    device = next(network.parameters()).device
    # oneDNN is fastest where the maps of a pixel lie side by side.
    where: dict[str, Any] = {"device": device, "memory_format": torch.channels_last}
    layers = made_of(
        network, "torch", str(device), lambda: plain_layers(network).to(**where)
    )
    torch.clear_autocast_cache()  # it may hold the weights of an earlier training
    with torch.inference_mode():
        logits = layers(torch.from_numpy(strips).to(**where))
        return logits.squeeze(2).float().cpu().numpy()


def export_network(
    network: StringNetwork, temperature: float, characters: str
) -> bytes:
    """Export a network with its softmax as an ONNX model.

    Parameters
    ----------
    network : StringNetwork
        Left as it is.

    temperature : float
        What the logits are divided by.

    characters : str
        What the columns of the posteriors stand for; goes into its metadata.

    Returns
    -------
    content : bytes
        The model.

    Raises
    ------
    ImportError
        If a package of the extra ``onnx`` is not installed.
    """
    posteriors = _PosteriorNetwork(copy_to_cpu(network), temperature).eval()
    return export(
        posteriors,
        EXAMPLE_SIZE,
        input_name="strips",
        output_names=("log_posteriors",),
        axes={0: "n", 3: "width"},
        metadata={"characters": characters},
    )


class _PosteriorNetwork(nn.Module):
    """Strips into logarithms of posteriors."""

    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, strips: Tensor) -> Tensor:
        logits = self.network(strips).transpose(1, 2)
        return torch.log_softmax(logits / self.temperature, dim=2)


def plain_layers(network: StringNetwork) -> nn.Sequential:
    """Copy a network as convolutions, poolings and squashings in a row.

    Normalisation over the batch becomes part of the convolution before it, and the
    negatives of its maps become maps of C1.

    Parameters
    ----------
    network : StringNetwork
        Left as it is.

    Returns
    -------
    layers : torch Sequential
        From strips of shape (n, 1, 32, width) to logits of shape
        (n, n_symbols + 1, 1, n_positions), on the CPU. Of layers there are
        Conv2d, MaxPool2d, ReLU and ZeroPad2d.

    Examples
    --------
    >>> from lenet_sklearn.strings import StringNetwork
    >>> from lenet_sklearn.strings.network import plain_layers
    >>> plain_layers(StringNetwork("lenet5"))[1]
    Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
    """
    own = copy.deepcopy(network).cpu().eval()
    c1 = fuse_conv_bn_eval(own.c1, own.n1)
    if own.layout.negatives:
        c1 = _with_negatives(c1)
    return nn.Sequential(
        nn.ZeroPad2d((own.layout.side, own.layout.side, 0, 0)),
        *(c1, own.s2, nn.ReLU(inplace=True)),
        *(fuse_conv_bn_eval(own.c3, own.n3), own.s4, nn.ReLU(inplace=True)),
        *(fuse_conv_bn_eval(own.c5, own.n5), nn.ReLU(inplace=True)),
        *(fuse_conv_bn_eval(own.f6, own.n6), nn.ReLU(inplace=True)),
        own.output,
    ).eval()


def _with_negatives(layer: nn.Conv2d) -> nn.Conv2d:
    """Let a convolution give its maps, and then their negatives."""
    both = copy.deepcopy(layer)
    both.out_channels *= 2
    for name, values in layer.named_parameters():
        setattr(both, name, nn.Parameter(torch.cat([values, -values])))
    return both
