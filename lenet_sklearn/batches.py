"""From rows of numbers to batches of images the network can read."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from lenet_sklearn.network import FULL_SIDE, PADDED_SIDE


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


def to_network_input(images: Tensor, scale: float) -> Tensor:
    """Scale images to about [0, 1] and to a size the network reads.

    Parameters
    ----------
    images : Tensor of shape (n, 1, height, width), dtype uint8 or float32
        A batch.

    scale : float
        The value that stands for full ink in float images. In uint8 images
        this is 255 where `scale` is 1.

    Returns
    -------
    batch : Tensor of shape (n, 1, side, side), dtype float32
        28 x 28, or 32 x 32 where the images are; other sizes are resized to
        28 x 28.
    """
    if images.dtype == torch.uint8 and scale == 1:
        scale = 255.0
    batch = images.float() / scale
    sides = tuple(batch.shape[-2:])
    if sides in ((PADDED_SIDE, PADDED_SIDE), (FULL_SIDE, FULL_SIDE)):
        return batch
    return functional.interpolate(
        batch, (PADDED_SIDE, PADDED_SIDE), mode="bilinear", antialias=True
    )


class ImageDataset(Dataset[tuple[Tensor, Tensor]]):
    """Images and targets, indexed by the batch.

    Parameters
    ----------
    images : Tensor of shape (n, 1, height, width)
        On the device of the network, so that a batch is one indexing there.

    targets : Tensor of shape (n,), dtype int64
        Columns of the logits.

    scale : float
        As in :func:`to_network_input`.
    """

    def __init__(self, images: Tensor, targets: Tensor, scale: float) -> None:
        self.images = images
        self.targets = targets
        self.scale = scale

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        batch, targets = self.__getitems__([index])
        return batch[0], targets[0]

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        """Return a whole batch at once; torch's DataLoader looks for this name."""
        rows = torch.tensor(indices, device=self.images.device)
        batch = to_network_input(self.images[rows], self.scale)
        return batch, self.targets[rows]


def keep_batch(batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Collate nothing: :class:`ImageDataset` has given a batch already.

    Parameters
    ----------
    batch : tuple of (images, targets)
        What the dataset gave.

    Returns
    -------
    batch : tuple of (images, targets)
        The same.
    """
    return batch
