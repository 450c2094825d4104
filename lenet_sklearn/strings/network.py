"""The space-displacement network: LeNet-5's layers slid along a strip of writing."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from lenet_sklearn.network import FULL_SIDE

# Strips are as high as the input of LeNet-5.
HEIGHT = FULL_SIDE

# Both poolings of LeNet-5 halve the width: slid over a strip, it has an output for
# so many pixels.
FULL_STEP = 4


@dataclass(frozen=True)
class Layout:
    """Sizes of a string network.

    Parameters
    ----------
    maps : tuple of four ints
        Maps of C1, C3 and C5, and units of F6.

    step : {2, 4}
        Pixels from one output to the next: 4 where S4 halves the width, as it
        does in LeNet-5. 2 where it moves on by one; C5 then sees every second of
        its columns, and each output what LeNet-5 would see there.

    neighbours : int
        Positions of C5 that a unit of F6 sees.

    negatives : bool, default=False
        Whether C3 sees the negatives of C1's maps beside them. Squashing leaves of
        each map but one side, and of few kernels none is another's negative.
    """

    maps: tuple[int, int, int, int]
    step: int
    neighbours: int
    negatives: bool = False

    @property
    def field_of_view(self) -> int:
        """Columns of the strip that one output sees."""
        return FULL_SIDE + self.step * (self.neighbours - 1)


LAYOUTS = {
    "lenet5": Layout((6, 16, 120, 84), step=4, neighbours=1),
    "lenet5_dense": Layout((6, 16, 120, 84), step=2, neighbours=3, negatives=True),
    "wide": Layout((24, 64, 96, 96), step=2, neighbours=3),
}


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

    @property
    def side(self) -> int:
        """Columns of background added on each side of a strip."""
        return self.layout.field_of_view // 2

    def n_positions(self, width: int) -> int:
        """Count the outputs for a strip.

        Parameters
        ----------
        width : int
            Of the strip, in pixels.

        Returns
        -------
        n_positions : int
            One for each step from its first column to behind its last.
        """
        return width // self.layout.step + 1

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
        padded = functional.pad(strips, (self.side, self.side))
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
