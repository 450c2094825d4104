"""From rows of numbers to batches of images the network can read."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from lenet_sklearn.network import FULL_SIDE, PADDED_SIDE

# Float images are on another scale than those of the training if values so many
# times brighter fill more than this share of most images. 255 against 1, and 16
# against 1, are far beyond the first; a thin 1 of MNIST has ink on 4 % of its
# pixels. Single pixels may go beyond, as they do behind a MinMaxScaler.
_SCALE_TOLERANCE = 10.0
_SCALE_SHARE = 0.02


def flatten_images(X: Any) -> tuple[Any, tuple[int, int] | None]:
    """Turn stacked images into rows, and keep anything else as it is.

    Parameters
    ----------
    X : array-like of shape (n, height, width), (n, 1, height, width) or (n, width)
        Images, a list of images, or rows.

    Returns
    -------
    rows : array-like of shape (n, height * width)
        `X` itself where it was not a stack of images.

    image_shape : tuple of (height, width), or None
        None where `X` was not a stack of images.

    Raises
    ------
    ValueError
        If the images have more than one channel.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.batches import flatten_images
    >>> rows, image_shape = flatten_images(np.zeros((5, 1, 28, 28)))
    >>> rows.shape, image_shape
    ((5, 784), (28, 28))
    """
    if isinstance(X, list | tuple) and len(X) and np.ndim(X[0]) >= 2:
        X = np.asarray(X)
    shape = tuple(getattr(X, "shape", ()))
    if len(shape) not in (3, 4):
        return X, None
    if len(shape) == 4 and shape[1] != 1:
        raise ValueError(
            "LeNet5Classifier expects grey images of shape (n, height, width) or"
            f" (n, 1, height, width). Got shape {shape}."
            " Average the colour channels, or move them away with X[..., 0]."
        )
    height, width = int(shape[-2]), int(shape[-1])
    return X.reshape(shape[0], height * width), (height, width)


def guess_image_shape(n_features: int) -> tuple[int, int]:
    """Give the smallest square that holds `n_features` pixels.

    Parameters
    ----------
    n_features : int
        Length of a flattened image.

    Returns
    -------
    image_shape : tuple of (height, width)
        784 gives (28, 28); 10 gives (4, 4), six pixels of which stay empty.

    Examples
    --------
    >>> from lenet_sklearn.batches import guess_image_shape
    >>> guess_image_shape(784), guess_image_shape(10)
    ((28, 28), (4, 4))
    """
    side = math.isqrt(n_features - 1) + 1
    return side, side


def full_ink(rows: NDArray[Any]) -> float:
    """Find the value that stands for full ink in a training set.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images.

    Returns
    -------
    scale : float
        1.0 for uint8 images and for floats in [0, 1], which are the same images
        written differently; else the largest magnitude.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.batches import full_ink
    >>> full_ink(np.array([[0.0, 16.0]])), full_ink(np.array([[0.0, 0.7]]))
    (16.0, 1.0)
    """
    if rows.dtype == np.uint8:
        return 1.0
    brightest = float(np.abs(rows).max())
    in_unit_range = brightest <= 1 and float(rows.min()) >= 0
    return 1.0 if in_unit_range or brightest == 0 else brightest


def check_scale(rows: NDArray[Any], scale: float) -> None:
    """Refuse float images on another scale than those of the training.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images.

    scale : float
        Value of full ink in the training set.

    Raises
    ------
    ValueError
        If most of the images that are not blank are far too bright.
    """
    if rows.dtype == np.uint8:
        return
    bright = np.abs(rows) > _SCALE_TOLERANCE * scale
    n_bright = np.count_nonzero(bright.mean(axis=1) > _SCALE_SHARE)
    if n_bright > np.count_nonzero(rows.any(axis=1)) / 2:
        raise ValueError(
            f"LeNet5Classifier was fitted on images with values up to {scale:g}."
            f" Got values up to {np.abs(rows).max():g}."
            " Bring them to the same scale: X / 255 for values in [0, 255],"
            " or X.astype(np.uint8)."
        )


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
    """Collate nothing: the dataset has given a batch already."""
    return batch
