"""Logits of many images, a chunk at a time."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lenet_sklearn.batches import as_images, to_network_input
from lenet_sklearn.folding import fold_columns, made_of

# Larger batches are slower on a CPU: glibc's malloc gives the pages of the
# feature maps back to the system after every batch and has to ask again.
_CHUNK = 128

# Fewer images than this are read before a faster network is looked up.
_FEW = 32


def compute_logits(
    network: nn.Module,
    rows: NDArray[Any],
    *,
    image_shape: tuple[int, int],
    scale: float,
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

    Returns
    -------
    logits : ndarray of shape (n, n_classes), dtype float64
        The network's output.
    """
    device = next(network.parameters()).device
    network.eval()
    if device.type == "cpu" and len(rows) >= _FEW:
        network = _fast_twin(network, rows[:1], image_shape, scale)
    chunks = []
    with torch.inference_mode():
        for start in range(0, len(rows), _CHUNK):
            images = as_images(rows[start : start + _CHUNK], image_shape, device)
            batch = to_network_input(images, scale)
            logits = network(batch.to(memory_format=torch.channels_last))
            chunks.append(logits.cpu().numpy())
    return np.concatenate(chunks).astype(np.float64)


def _fast_twin(
    network: nn.Module, row: NDArray[Any], image_shape: tuple[int, int], scale: float
) -> nn.Module:
    """Return the network as a CPU runs it fastest, made in the first call."""
    image = to_network_input(as_images(row, image_shape, torch.device("cpu")), scale)
    side = (image.shape[-2], image.shape[-1])

    def make() -> nn.Module:
        # oneDNN is fastest where the maps of a pixel lie side by side.
        twin = fold_columns(network, side, align=1)
        return twin.to(memory_format=torch.channels_last)

    made: nn.Module = made_of(network, "torch", side, make)
    return made
