"""A trained string network as a plain sequence of layers, for reading only."""

import copy

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lenet_sklearn.strings.network import StringNetwork


def plain_layers(network: StringNetwork) -> nn.Sequential:
    """Copy a network as convolutions, poolings and squashings in a row.

    Normalisation over the batch becomes part of the convolution before it.

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
    >>> from lenet_sklearn.strings.plain import plain_layers
    >>> plain_layers(StringNetwork("lenet5"))[1]
    Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
    """
    own = copy.deepcopy(network).cpu().eval()
    return nn.Sequential(
        nn.ZeroPad2d((own.side, own.side, 0, 0)),
        *(fuse_conv_bn_eval(own.c1, own.n1), own.s2, nn.ReLU(inplace=True)),
        *(fuse_conv_bn_eval(own.c3, own.n3), own.s4, nn.ReLU(inplace=True)),
        *(fuse_conv_bn_eval(own.c5, own.n5), nn.ReLU(inplace=True)),
        *(fuse_conv_bn_eval(own.f6, own.n6), nn.ReLU(inplace=True)),
        own.output,
    ).eval()
