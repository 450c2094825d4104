"""A trained string network as a plain sequence of layers, for reading only."""

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lenet_sklearn.strings.network import StringNetwork


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
    >>> from lenet_sklearn.strings.plain import plain_layers
    >>> plain_layers(StringNetwork("lenet5"))[1]
    Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
    """
    own = copy.deepcopy(network).cpu().eval()
    c1 = fuse_conv_bn_eval(own.c1, own.n1)
    if own.layout.negatives:
        c1 = _with_negatives(c1)
    return nn.Sequential(
        nn.ZeroPad2d((own.side, own.side, 0, 0)),
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
