"""From rows of numbers to batches of images, and random distortions of those."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skorch.dataset import Dataset
from torch import Tensor
from torch.nn import functional
from torch.utils.data import default_collate

from lenet_sklearn.inputs import network_input

Targets = Tensor | tuple[Tensor, Tensor]


def as_images(
    rows: NDArray[np.generic], image_shape: tuple[int, int], device: torch.device
) -> Tensor:
    """Copy rows to a device as images, filled up with background.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images; `n_features` is at most ``height * width``.

    image_shape : tuple of (height, width)
        Size of the images.

    device : torch.device
        Where to put them.

    Returns
    -------
    images : Tensor of shape (n, 1, height, width)
        Of the dtype of `rows`.
    """
    height, width = image_shape
    images = torch.tensor(rows, device=device)
    missing = height * width - rows.shape[1]
    if missing:
        images = functional.pad(images, (0, missing))
    return images.reshape(len(rows), 1, height, width)


def to_network_input(
    images: Tensor, scale: float, size: tuple[int, int] | None = None
) -> Tensor:
    """Scale images to about [0, 1] and to a size the network reads.

    Parameters
    ----------
    images : Tensor of shape (n, 1, height, width), dtype uint8 or float32
        A batch.

    scale : float
        The value that stands for full ink in float images. In uint8 images
        this is 255 where `scale` is 1.

    size : tuple of (height, width), default=None
        What the network reads; None for 28 x 28, or 32 x 32 where the images are.

    Returns
    -------
    batch : Tensor of shape (n, 1, height, width), dtype float32
        Resized where they are of another size.
    """
    if images.dtype == torch.uint8 and scale == 1:
        scale = 255.0
    batch = images.float() / scale
    height, width = batch.shape[-2:]
    size = size or network_input((height, width), None)[0]
    if (height, width) == size:
        return batch
    return functional.interpolate(batch, size, mode="bilinear", antialias=True)


class ImageDataset(Dataset):
    """Images and targets, indexed by the batch; skorch finds them as `X` and `y`.

    Parameters
    ----------
    images : Tensor of shape (n, 1, height, width)
        On the device of the network, so that a batch is one indexing there.

    targets : Tensor of shape (n,), dtype int64
        Columns of the logits.

    scale : float
        As in :func:`to_network_input`.

    size : tuple of (height, width), default=None
        As in :func:`to_network_input`.

    factors : Tensor of shape (n,), dtype float32, default=None
        What the loss of each image is multiplied by. Where there are any, the
        targets of a batch are a tuple of the targets and these.
    """

    def __init__(
        self,
        images: Tensor,
        targets: Tensor,
        scale: float,
        *,
        size: tuple[int, int] | None = None,
        factors: Tensor | None = None,
    ) -> None:
        self.images = images
        self.targets = targets
        self.scale = scale
        self.size = size
        self.factors = factors

    @property
    def X(self) -> Tensor:  # noqa: N802
        """All images at once, as the network takes them."""
        return to_network_input(self.images, self.scale, self.size)

    @property
    def y(self) -> Tensor:
        """All targets, without their factors."""
        return self.targets

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        batch, _ = self.__getitems__([index])
        return batch[0], self.targets[index]

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Targets]:
        """Return a whole batch at once; torch's DataLoader looks for this name."""
        rows = torch.tensor(indices, device=self.images.device)
        batch = to_network_input(self.images[rows], self.scale, self.size)
        if self.factors is None:
            return batch, self.targets[rows]
        return batch, (self.targets[rows], self.factors[rows])


def collate_images(samples: Any) -> Any:
    """Make a batch of what a dataset has given for it.

    Parameters
    ----------
    samples : tuple of (images, targets), or list of samples
        An :class:`ImageDataset` has given a batch already, and others, such as what
        skorch makes of arrays, one sample after the other.

    Returns
    -------
    batch : tuple or list of (images, targets)
        Images as the network takes them.
    """
    return default_collate(samples) if isinstance(samples, list) else samples


# Knots along a side between which bends are smooth: about one for each stroke.
_KNOTS = 5


@dataclass(frozen=True, kw_only=True)
class Distortion:
    """Distort every image of a batch at random, by shape and by pen.

    Each image is turned, scaled in both directions, sheared as slanted writing
    is, moved and slightly bent; then its strokes are made thicker or thinner,
    and fainter. All factors are drawn uniformly, anew for each image and on its
    device, from torch's global generator there.

    Parameters
    ----------
    rotation : float, default=12.0
        Largest rotation to either side, in degrees.

    scale : float, default=0.2
        Largest relative change of the height, and of the width.

    shear : float, default=0.25
        Largest horizontal displacement for one unit of height: a slant of 14
        degrees.

    shift : float, default=0.07
        Largest displacement as a share of the image's side: 2 of 28 pixels.

    bend : float, default=0.03
        Largest displacement of single parts of the digit, as a share of the
        image's side, and smooth between them: 0.8 of 28 pixels.

    thickness : float, default=0.4
        Largest weight of the digit grown, or thinned, by one pixel all round,
        against the digit as it is.

    contrast : float, default=0.2
        Largest share of the ink's brightness taken away.

    Notes
    -----
    One ``affine_grid`` and one ``grid_sample`` for a batch, and eight comparisons
    for the pen: a fifth of the time of a training step. The ranges leave a digit
    the digit it was; 6 and 9, 1 and 7 set the limits. Meant for training batches
    only.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), pp. 2278-2324, 1998,
       section III.A: affine distortions of the training set.

    Examples
    --------
    >>> import torch
    >>> from lenet_sklearn import Distortion
    >>> distort = Distortion(rotation=5.0)
    >>> distort(torch.rand(4, 1, 28, 28)).shape
    torch.Size([4, 1, 28, 28])
    """

    rotation: float = 12.0
    scale: float = 0.2
    shear: float = 0.25
    shift: float = 0.07
    bend: float = 0.03
    thickness: float = 0.4
    contrast: float = 0.2

    def __call__(self, images: Tensor) -> Tensor:
        """Distort a batch.

        Parameters
        ----------
        images : Tensor of shape (n, 1, height, width), dtype float
            Ink on a background of 0.

        Returns
        -------
        distorted : Tensor of shape (n, 1, height, width)
            A new tensor of the same dtype and device.
        """
        grid = functional.affine_grid(
            self._draw_maps(images), list(images.shape), align_corners=False
        )
        if self.bend:
            grid = grid + _draw_bends(images, self.bend)
        moved = functional.grid_sample(images, grid, align_corners=False)
        if self.thickness:
            moved = change_pen(moved, per_image(draw_uniform(images, self.thickness)))
        if self.contrast:
            moved = moved * (1 - per_image(draw_uniform(images, self.contrast).abs()))
        return moved

    def _draw_maps(self, images: Tensor) -> Tensor:
        """Affine maps from output to input coordinates, of shape (n, 2, 3)."""
        angle = draw_uniform(images, math.radians(self.rotation))
        limits = (self.shear, self.shift, self.shift, self.scale, self.scale)
        slant, down, across, taller, wider = (draw_uniform(images, m) for m in limits)
        tall, wide = 1 + taller, 1 + wider
        cos, sin = torch.cos(angle), torch.sin(angle)
        # The image's sides are 2 in these coordinates, so a shift counts twice.
        rows = [
            torch.stack([cos * wide, (slant * cos - sin) * tall, 2 * across], dim=1),
            torch.stack([sin * wide, (slant * sin + cos) * tall, 2 * down], dim=1),
        ]
        return torch.stack(rows, dim=1)


# "affine": the shape alone. "writing": bends and the pen as well.
DISTORTIONS: dict[str, Distortion] = {
    "affine": Distortion(bend=0.0, thickness=0.0, contrast=0.0),
    "writing": Distortion(),
}


def make_distortion(distortion: str | Mapping[str, float]) -> Distortion:
    """Make the distortion that a name or a dictionary describes.

    Parameters
    ----------
    distortion : {"affine", "writing"} or mapping
        A name, or parameters of :class:`Distortion`.

    Returns
    -------
    made : Distortion
        Ready to be called.

    Raises
    ------
    ValueError
        If the name or a parameter is not known.

    Examples
    --------
    >>> from lenet_sklearn.training.batches import make_distortion
    >>> make_distortion({"rotation": 5.0}).rotation
    5.0
    """
    if isinstance(distortion, str) and distortion in DISTORTIONS:
        return DISTORTIONS[distortion]
    known = [field.name for field in fields(Distortion)]
    if isinstance(distortion, str) or not set(distortion) <= set(known):
        raise ValueError(
            f"distortion must be one of {sorted(DISTORTIONS)}, or a dictionary with"
            f" the parameters {known} of lenet_sklearn.Distortion. Got {distortion!r}."
        )
    return Distortion(**distortion)


def draw_uniform(images: Tensor, limit: float) -> Tensor:
    """Draw a uniform number for each image.

    Parameters
    ----------
    images : Tensor of shape (n, ...)
        Their number, dtype and device are taken.

    limit : float
        Largest size of a number.

    Returns
    -------
    draws : Tensor of shape (n,)
        In [-limit, limit].
    """
    draws = torch.rand(len(images), dtype=images.dtype, device=images.device)
    return limit * (2 * draws - 1)


def per_image(factors: Tensor) -> Tensor:
    """Bring numbers, one for each image, to the shape images are multiplied in.

    Parameters
    ----------
    factors : Tensor of shape (n,)
        One number for each image.

    Returns
    -------
    factors : Tensor of shape (n, 1, 1, 1)
        The same.
    """
    return factors[:, None, None, None]


def _draw_bends(images: Tensor, bend: float) -> Tensor:
    """Smooth displacements of shape (n, height, width, 2), from a few knots."""
    size = (len(images), 2, _KNOTS, _KNOTS)
    knots = 2 * torch.rand(size, dtype=images.dtype, device=images.device) - 1
    field = functional.interpolate(
        2 * bend * knots, images.shape[-2:], mode="bilinear", align_corners=True
    )
    return field.permute(0, 2, 3, 1)


def change_pen(images: Tensor, weight: Tensor) -> Tensor:
    """Make the strokes of each image thicker or thinner.

    Parameters
    ----------
    images : Tensor of shape (n, 1, height, width)
        Ink bright on 0.

    weight : Tensor of shape (n, 1, 1, 1)
        Share of the image grown by a pixel all round, where positive, or thinned,
        where negative, against the image as it is.

    Returns
    -------
    images : Tensor of shape (n, 1, height, width)
        A new tensor.
    """
    grown, thinned = _grow(images), -_grow(-images)
    return (
        images
        + weight.clamp(min=0) * (grown - images)
        + weight.clamp(max=0) * (images - thinned)
    )


def _grow(images: Tensor) -> Tensor:
    """Largest value of each pixel's 3 x 3 neighbours; torch's pooling is slower."""
    padded = functional.pad(images, (1, 1, 1, 1))
    wide = torch.maximum(padded[..., :-2], padded[..., 2:])
    wide = torch.maximum(wide, padded[..., 1:-1])
    tall = torch.maximum(wide[..., :-2, :], wide[..., 2:, :])
    return torch.maximum(tall, wide[..., 1:-1, :])
