"""Posteriors along many strips, wide and narrow ones in turn."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lenet_sklearn.inference import made_of
from lenet_sklearn.strings.network import StringNetwork
from lenet_sklearn.strings.onnx_strings import run_onnx
from lenet_sklearn.strings.plain import plain_layers
from lenet_sklearn.strings.strips import Strip, cut_batches, stack_strips

LogPosteriors = NDArray[np.float32]


def compute_log_posteriors(
    network: StringNetwork,
    strips: Sequence[Strip],
    *,
    width: float = 1.0,
    temperature: float = 1.0,
    engine: str = "torch",
) -> list[LogPosteriors]:
    """Run a network over strips.

    Parameters
    ----------
    network : StringNetwork
        On any device.

    strips : sequence of n ndarrays of shape (32, width), dtype uint8
        Ink 255 on 0.

    width : float, default=1.0
        What the strips' widths are multiplied by.

    temperature : float, default=1.0
        What the logits are divided by.

    engine : {"torch", "onnxruntime"}, default="torch"
        What runs it; onnxruntime on the CPU.

    Returns
    -------
    log_posteriors : list of n ndarrays of shape (n_positions, n_symbols + 1)
        Of each strip as if it had been alone, dtype float32.

    Notes
    -----
    Strips of about the same width share a batch. Memory and time grow with the
    sum of the widths.
    """
    found: list[LogPosteriors] = [np.empty((0, 0), dtype=np.float32)] * len(strips)
    for places in cut_batches([strip.shape[1] for strip in strips]):
        batch = [strips[place] for place in places]
        stack = _stretch(torch.from_numpy(stack_strips(batch)).float() / 255, width)
        rows = _RUNNERS[engine](network, stack, temperature)
        for place, row, strip in zip(places, rows, batch, strict=True):
            own = max(1, round(strip.shape[1] * width))
            found[place] = row[: network.n_positions(own)]
    return found


def _stretch(stack: Tensor, width: float) -> Tensor:
    if width == 1:
        return stack
    # Background to the right of the widest strip too, as the others have it, and a
    # column at least is left.
    filled = functional.pad(stack, (0, max(2, math.ceil(1 / width))))
    return functional.interpolate(
        filled, scale_factor=(1.0, width), mode="bilinear", antialias=True
    )


def _run_torch(
    network: StringNetwork, stack: Tensor, temperature: float
) -> LogPosteriors:
    device = next(network.parameters()).device
    layers: nn.Module = made_of(
        network,
        "torch",
        str(device),
        # oneDNN is fastest where the maps of a pixel lie side by side.
        lambda: plain_layers(network).to(device).to(memory_format=torch.channels_last),
    )
    with torch.inference_mode():
        logits = layers(stack.to(device, memory_format=torch.channels_last))
        scores = (logits.squeeze(2).transpose(1, 2) / temperature).log_softmax(dim=2)
    found: LogPosteriors = scores.cpu().numpy()
    return found


def _run_onnx(
    network: StringNetwork, stack: Tensor, temperature: float
) -> LogPosteriors:
    return run_onnx(network, stack.numpy(), temperature)


_RUNNERS = {"onnxruntime": _run_onnx, "torch": _run_torch}

ENGINES = tuple(_RUNNERS)
