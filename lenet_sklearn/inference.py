"""Logits of many images, a chunk at a time."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lenet_sklearn.batches import as_images, to_network_input

# Larger batches are slower on a CPU: glibc's malloc gives the pages of the
# feature maps back to the system after every batch and has to ask again.
_CHUNK = 256


def compute_logits(
    network: nn.Module,
    rows: NDArray[Any],
    *,
    image_shape: tuple[int, int],
    scale: float,
    size: tuple[int, int] | None = None,
) -> NDArray[np.float64]:
    """Run a network over flattened images.

    Parameters
    ----------
    network : torch module
        Put into evaluation mode; runs on the device it is on.

    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images, at least one.

    image_shape : tuple of (height, width)
        Size of the images.

    scale : float
        Value of full ink, as in :func:`lenet_sklearn.batches.to_network_input`.

    size : tuple of (height, width), default=None
        What the network reads, as there.

    Returns
    -------
    logits : ndarray of shape (n, n_classes), dtype float64
        The network's output.
    """
    device = next(network.parameters()).device
    network.eval()
    chunks = []
    with torch.inference_mode():
        for start in range(0, len(rows), _CHUNK):
            images = as_images(rows[start : start + _CHUNK], image_shape, device)
            logits = network(to_network_input(images, scale, size))
            chunks.append(logits.cpu().numpy())
    return np.concatenate(chunks).astype(np.float64)
