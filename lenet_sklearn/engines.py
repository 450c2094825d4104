"""What runs the network in prediction."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from lenet_sklearn.inference import compute_logits
from lenet_sklearn.onnx_models import compute_logits_onnx


class Engine(Protocol):
    """Computes the logits of flattened images."""

    def __call__(
        self,
        network: nn.Module,
        rows: NDArray[Any],
        *,
        image_shape: tuple[int, int],
        scale: float,
        size: tuple[int, int] | None = None,
    ) -> NDArray[np.float64]:
        """Run a network, as :func:`lenet_sklearn.inference.compute_logits` does."""


ENGINES: dict[str, Engine] = {
    "onnxruntime": compute_logits_onnx,
    "torch": compute_logits,
}
