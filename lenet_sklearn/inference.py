"""Logits of many images, a chunk at a time."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lenet_sklearn.batches import as_images, to_network_input
from lenet_sklearn.folding import fold_columns, made_of
from lenet_sklearn.network import LeNet5

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
    twin = None
    if device.type == "cpu" and len(rows) >= _FEW and type(network) is LeNet5:
        image = as_images(rows[:1], image_shape, device)
        twin = _fast_twin(network, to_network_input(image, scale, size))
    chunks = []
    with torch.inference_mode():
        for start in range(0, len(rows), _CHUNK):
            images = as_images(rows[start : start + _CHUNK], image_shape, device)
            batch = to_network_input(images, scale, size)
            if twin is None:
                logits = network(batch)
            else:
                logits = twin(batch.to(memory_format=torch.channels_last))
            chunks.append(logits.cpu().numpy())
    return np.concatenate(chunks).astype(np.float64)


def _fast_twin(network: LeNet5, image: Tensor) -> nn.Module:
    """Return the network as a CPU runs it fastest, made in the first call.

    A network of one's own may need its maps in torch's usual order, and is run
    as it is.
    """
    side = (image.shape[-2], image.shape[-1])

    def make() -> nn.Module:
        # oneDNN is fastest where the maps of a pixel lie side by side.
        twin = fold_columns(network, side, align=1)
        return twin.to(memory_format=torch.channels_last)

    made: nn.Module = made_of(network, "torch", side, make)
    return made
