"""From rows of numbers to batches of images the network can read."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

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


class ImageDataset(Dataset[tuple[Tensor, Targets]]):
    """Images and targets, indexed by the batch.

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


def keep_batch(batch: tuple[Tensor, Targets]) -> tuple[Tensor, Targets]:
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
