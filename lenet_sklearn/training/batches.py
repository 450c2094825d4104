"""From rows of numbers to batches of images, and random distortions of those."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from skorch.dataset import Dataset
from torch import Tensor
from torch.nn import functional
from torch.utils.data import default_collate

from lenet_sklearn.inputs import ImageFormat, network_input, unflatten

Targets = Tensor | tuple[Tensor, Tensor]
Made = TypeVar("Made")


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
    return torch.tensor(unflatten(rows, image_shape), device=device)[:, None]


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


def read_rows(
    rows: NDArray[np.generic], reading: ImageFormat, device: torch.device
) -> Tensor:
    """Turn rows into a batch that a network reads.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images.

    reading : ImageFormat
        How the network reads them.

    device : torch.device
        Where to put them.

    Returns
    -------
    batch : Tensor of shape (n, 1, height, width), dtype float32
        Ink 1 on 0.
    """
    images = as_images(rows, reading["image_shape"], device)
    return to_network_input(images, reading["scale"], reading["size"])


@dataclass(eq=False)
class ImageDataset(Dataset):
    """Images and targets, indexed by the batch; skorch finds them as `X` and `y`.

    Parameters
    ----------
    images : Tensor of shape (n, 1, height, width)
        On the device of the network, so that a batch is one indexing there.

    targets : Tensor of shape (n,), dtype int64
        Columns of the logits.

    reading : ImageFormat
        How the network reads them.

    factors : Tensor of shape (n,), dtype float32, default=None
        What the loss of each image is multiplied by. Where there are any, the
        targets of a batch are a tuple of the targets and these.
    """

    images: Tensor
    targets: Tensor
    reading: ImageFormat
    factors: Tensor | None = None

    @property
    def X(self) -> Tensor:  # noqa: N802
        """All images at once, as the network takes them."""
        return to_network_input(
            self.images, self.reading["scale"], self.reading["size"]
        )

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
        scale, size = self.reading["scale"], self.reading["size"]
        batch = to_network_input(self.images[rows], scale, size)
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
            # The image's sides are 2 in these coordinates, so a bend counts twice.
            knots = (_KNOTS, _KNOTS)
            bends = draw_bends(images, 2 * self.bend, images.shape[-2:], knots)
            grid = grid + bends.permute(0, 2, 3, 1)
        moved = functional.grid_sample(images, grid, align_corners=False)
        return change_pen(moved, self.thickness, self.contrast)

    def _draw_maps(self, images: Tensor) -> Tensor:
        """Affine maps from output to input coordinates, of shape (n, 2, 3)."""
        limits = (self.shear, self.shift, self.shift, self.scale, self.scale)
        angle, slant, down, across, taller, wider = (
            draw_uniform(images, limit).flatten()
            for limit in (math.radians(self.rotation), *limits)
        )
        tall, wide = 1 + taller, 1 + wider
        cos, sin = torch.cos(angle), torch.sin(angle)
        # A shift counts twice, as a bend does.
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
    return choose_distortion(DISTORTIONS, distortion)


def choose_distortion(
    named: Mapping[str, Made], distortion: str | Mapping[str, float]
) -> Made:
    """Look a distortion up by its name, or make one of the same class.

    Parameters
    ----------
    named : mapping of str to distortion
        Those that have names, all of one dataclass.

    distortion : str or mapping
        A name, or parameters of the class.

    Returns
    -------
    chosen : distortion
        Ready to be called.

    Raises
    ------
    ValueError
        If the name or a parameter is not known.
    """
    if isinstance(distortion, str) and distortion in named:
        return named[distortion]
    kind = type(next(iter(named.values())))
    known = list(signature(kind).parameters)
    if isinstance(distortion, str) or not set(distortion) <= set(known):
        raise ValueError(
            f"distortion must be one of {sorted(named)}, or a dictionary with the"
            f" parameters {known} of {kind.__name__}. Got {distortion!r}."
        )
    return kind(**distortion)


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
    draws : Tensor of shape (n, 1, 1, 1)
        In [-limit, limit]; as images are multiplied by.
    """
    size = (len(images), 1, 1, 1)
    draws = torch.rand(size, dtype=images.dtype, device=images.device)
    return limit * (2 * draws - 1)


def draw_bends(
    images: Tensor, limit: float, size: Sequence[int], n_knots: Sequence[int]
) -> Tensor:
    """Draw smooth displacements from a few knots.

    Parameters
    ----------
    images : Tensor of shape (n, ...)
        Their number, dtype and device are taken.

    limit : float
        Largest size of a displacement.

    size : sequence of (height, width)
        Of the displaced images.

    n_knots : sequence of (n_down, n_across)
        Where displacements are drawn; between these they are interpolated.

    Returns
    -------
    bends : Tensor of shape (n, 2, height, width)
        In [-limit, limit].
    """
    shape = (len(images), 2, *n_knots)
    knots = 2 * torch.rand(shape, dtype=images.dtype, device=images.device) - 1
    return functional.interpolate(
        limit * knots, tuple(size), mode="bilinear", align_corners=True
    )


def change_pen(images: Tensor, thickness: float, contrast: float) -> Tensor:
    """Make the strokes of each image thicker or thinner, and fainter.

    Parameters
    ----------
    images : Tensor of shape (n, 1, height, width)
        Ink bright on 0.

    thickness : float
        Largest share of the image grown by a pixel all round, or thinned, against the
        image as it is.

    contrast : float
        Largest share of the ink's brightness taken away.

    Returns
    -------
    images : Tensor of shape (n, 1, height, width)
        A new tensor, unless both are 0.
    """
    if thickness:
        weight = draw_uniform(images, thickness)
        grown, thinned = _grow(images), -_grow(-images)
        images = (
            images
            + weight.clamp(min=0) * (grown - images)
            + weight.clamp(max=0) * (images - thinned)
        )
    if contrast:
        images = images * (1 - draw_uniform(images, contrast).abs())
    return images


def _grow(images: Tensor) -> Tensor:
    """Largest value of each pixel's 3 x 3 neighbours; torch's pooling is slower."""
    padded = functional.pad(images, (1, 1, 1, 1))
    wide = torch.maximum(padded[..., :-2], padded[..., 2:])
    wide = torch.maximum(wide, padded[..., 1:-1])
    tall = torch.maximum(wide[..., :-2, :], wide[..., 2:, :])
    return torch.maximum(tall, wide[..., 1:-1, :])
