"""Networks in torch, arranged to run fast on a CPU."""

import copy
import zlib
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lenet_sklearn.inference import fold_kernels
from lenet_sklearn.inputs import ImageFormat
from lenet_sklearn.network import LeNet5
from lenet_sklearn.training.batches import read_rows

# Folded and plain sums are added up in another order, nothing else.
_TOLERANCE = 1e-5

# What was made of a network, by purpose, with the fingerprint of the weights it was
# made of. Kept here and not in the classifier, which is pickled and copied.
_made: WeakKeyDictionary[nn.Module, dict[str, tuple[Any, Any]]] = WeakKeyDictionary()


def fold_columns(network: nn.Module, side: tuple[int, int], *, align: int) -> nn.Module:
    """Let C1 compute two columns at once, and S2 pool over them.

    The kernels are those of :func:`lenet_sklearn.inference.fold_kernels`; half of the
    pooling is then a maximum or mean of two maps.

    Parameters
    ----------
    network : torch module
        On the CPU, in evaluation mode. Left as it is.

    side : tuple of (height, width)
        Size of the images it is to read.

    align : int
        The twin maps start at a multiple of this; the maps between are empty.

    Returns
    -------
    twin : torch module
        A copy that gives the same results; not folded where `network` is not
        LeNet-5, or its parts are others than a plain convolution and pooling.

    Examples
    --------
    >>> import torch
    >>> from lenet_sklearn import LeNet5
    >>> from lenet_sklearn.torch_inference import fold_columns
    >>> fold_columns(LeNet5().eval(), (28, 28), align=8).c1
    Conv2d(1, 16, kernel_size=(5, 6), stride=(1, 2), padding=(2, 2))
    """
    plain = copy.deepcopy(network)
    if not (
        isinstance(network, LeNet5)
        and type(network.c1) is nn.Conv2d
        and type(network.s2) in (nn.AvgPool2d, nn.MaxPool2d)
    ):
        return plain
    folded = copy.deepcopy(network)
    folded.c1 = _fold_convolution(network.c1, align)
    n_maps, offset = network.c1.out_channels, folded.c1.out_channels // 2
    folded.s2 = _FoldedPooling(type(network.s2), n_maps, offset)
    return folded if _gives_the_same(folded, plain, side) else plain


def made_of(network: nn.Module, purpose: str, key: Any, make: Callable[[], Any]) -> Any:
    """Return what `make` makes of a network, made anew when its weights change.

    Parameters
    ----------
    network : torch module
        The network; what is made of it is forgotten together with it.

    purpose : str
        Distinguishes what is made.

    key : hashable
        Whatever else the result depends on.

    make : callable
        Takes nothing, returns the result.

    Returns
    -------
    made : object
        Fresh, or that of an earlier call.

    Notes
    -----
    Compares the weights' content: tensors do not reliably count their changes.
    That reads all weights, 0.1 ms for LeNet-5.
    """
    known = _made.setdefault(network, {})
    full_key = (key, _fingerprint(network))
    if known.get(purpose, (None,))[0] != full_key:
        known[purpose] = (full_key, make())
    return known[purpose][1]


class _FoldedPooling(nn.Module):
    """2 x 2 pooling of maps whose odd columns are maps of their own."""

    def __init__(self, kind: type[nn.Module], n_maps: int, offset: int) -> None:
        super().__init__()
        self.kind, self.n_maps, self.offset = kind, n_maps, offset
        self.rows = kind((2, 1))

    def forward(self, maps: Tensor) -> Tensor:
        pooled = self.rows(maps)
        even = pooled[:, : self.n_maps]
        odd = pooled[:, self.offset : self.offset + self.n_maps]
        if self.kind is nn.MaxPool2d:
            return torch.maximum(even, odd)
        return (even + odd) / 2


def _fold_convolution(layer: nn.Conv2d, align: int) -> nn.Conv2d:
    bias = torch.zeros(layer.out_channels) if layer.bias is None else layer.bias
    kernels, added = fold_kernels(
        layer.weight.detach().numpy(), bias.detach().numpy(), align=align
    )
    folded = copy.deepcopy(layer)
    folded.out_channels, folded.kernel_size = len(added), kernels.shape[-2:]
    folded.stride = (1, 2)
    folded.weight = nn.Parameter(torch.from_numpy(kernels))
    folded.bias = nn.Parameter(torch.from_numpy(added))
    return folded


def draw_images(n_images: int, side: tuple[int, ...]) -> Tensor:
    """Draw images to try networks with, always the same ones.

    Parameters
    ----------
    n_images : int
        How many.

    side : tuple of (height, width)
        Of each.

    Returns
    -------
    images : Tensor of shape (n_images, 1, height, width)
        Grey values in [0, 1).
    """
    generator = torch.Generator().manual_seed(0)
    return torch.rand(n_images, 1, *side, generator=generator)


def agree(got: NDArray[Any], expected: NDArray[Any], tolerance: float) -> bool:
    """Return whether two arrangements of a network give the same.

    Parameters
    ----------
    got, expected : ndarray
        Results of each.

    tolerance : float
        Largest difference, relative to the largest of the expected numbers where that
        is above 1: logits may be large, posteriors are at most 1.

    Returns
    -------
    same : bool
        False for other shapes too.
    """
    if got.shape != expected.shape:
        return False
    scale = max(1.0, float(np.abs(expected).max()))
    return bool(np.abs(got - expected).max() <= tolerance * scale)


def _gives_the_same(folded: nn.Module, plain: nn.Module, side: tuple[int, int]) -> bool:
    """Try both: a forward pass may treat its parts as no other does."""
    images = draw_images(2, side)
    # In full precision, whatever is read in.
    with torch.inference_mode(), torch.autocast("cpu", enabled=False):
        try:
            got = folded(images)
        except RuntimeError:  # shapes do not fit
            return False
        return agree(got.numpy(), plain(images).numpy(), _TOLERANCE)


def _fingerprint(network: nn.Module) -> int:
    """Checksum of all weights, and of where they belong."""
    checksum = 0
    for name, tensor in network.state_dict().items():
        content = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8)
        checksum = zlib.crc32(content.numpy(), zlib.crc32(name.encode(), checksum))
    return checksum


# Larger batches are slower on a CPU: glibc's malloc gives the pages of the
# feature maps back to the system after every batch and has to ask again.
_CHUNK = 128

# Fewer images than this are read before a faster network is looked up.
_FEW = 32


def compute_logits_torch(
    network: nn.Module, rows: NDArray[Any], reading: ImageFormat
) -> NDArray[np.float64]:
    """Run a network over flattened images.

    Parameters
    ----------
    network : torch module
        Put into evaluation mode; runs on the device it is on.

    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images, at least one.

    reading : ImageFormat
        How the network reads them.

    Returns
    -------
    logits : ndarray of shape (n, n_classes), dtype float64
        The network's output.
    """
    device = next(network.parameters()).device
    reader, layout = network.eval(), torch.preserve_format
    torch.clear_autocast_cache()  # it may hold the weights of an earlier training
    # A network of one's own may need its maps in torch's usual order.
    if device.type == "cpu" and len(rows) >= _FEW and type(network) is LeNet5:
        # oneDNN is fastest where the maps of a pixel lie side by side.
        layout, size = torch.channels_last, reading["size"]
        reader = made_of(
            network,
            "torch",
            size,
            lambda: fold_columns(network, size, align=1).to(memory_format=layout),
        )
    chunks = []
    with torch.inference_mode():
        for start in range(0, len(rows), _CHUNK):
            batch = read_rows(rows[start : start + _CHUNK], reading, device)
            logits = reader(batch.to(memory_format=layout))
            chunks.append(logits.float().cpu().numpy())
    return np.concatenate(chunks).astype(np.float64)
