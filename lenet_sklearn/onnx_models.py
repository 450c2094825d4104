"""Classifiers as ONNX files, and as sessions of onnxruntime."""

import copy
import json
import os
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from lenet_sklearn.devices import import_extra
from lenet_sklearn.inference import fold_columns, made_of
from lenet_sklearn.inputs import encode_labels, image_format
from lenet_sklearn.onnx_tracing import trace_module
from lenet_sklearn.outputs import write_whole
from lenet_sklearn.training.batches import as_images, to_network_input
from lenet_sklearn.training.nets import TrainingNet

# Feature maps of so many images stay in the cache of a core: 64 to 256 run at the
# same speed, more are slower.
_CHUNK = 128

# Half of what is promised to users; float32 posteriors differ by about 1e-7.
_TOLERANCE = 5e-6

# Sizes of the batches a model is traced and tried with: two that differ, so that
# a module into whose constants the first one went is found out.
_N_TRACED, _N_TRIED = 2, 3

_CALLER = "LeNet5Classifier.to_onnx"
_ENGINE = "LeNet5Classifier(engine='onnxruntime')"

# onnxruntime keeps maps in blocks of 8 or 16, and reorders them where they do not
# fill such blocks. Two times 8 fill either.
_ALIGNMENT = 8


class OnnxMixin(BaseEstimator):
    """to_onnx, for a classifier with a net.

    Expects the attributes of :class:`lenet_sklearn.LeNet5Classifier`.
    """

    classes_: NDArray[Any]
    image_shape_: tuple[int, int]
    input_scale_: float
    net_: TrainingNet
    temperature_: float

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted classifier as an ONNX model, for use without Python.

        The model takes `images`, float32 of shape (n, 1, height, width), ink
        bright, on the scale of the training: in [0, 1] where that was on uint8
        images or on floats in [0, 1], so divide bytes by 255. Resizing to the
        network's size is part of it. It gives `posteriors` of shape
        (n, n_classes), as :meth:`predict_proba`, and the `logits` before. The
        labels of the columns are in its metadata under ``classes``, as JSON. As
        there, the share of a rubbish class is not in them.

        Parameters
        ----------
        path : str or path
            File to write, by custom ending in ``.onnx``.

        Raises
        ------
        ImportError
            If onnx or onnxruntime is not installed; the extra ``onnx`` is both.

        NotImplementedError
            If a module of your own uses an operation that cannot be written.

        ValueError
            If onnxruntime does not give the same posteriors within 1e-5, which
            is tried on drawn images before anything is written.

        OSError
            If the file cannot be written.
        """
        check_is_fitted(self, "net_")
        network = _PosteriorNetwork(
            self.net_.module_,
            self.input_scale_,
            image_format(self)["size"],
            self.temperature_,
        )
        example = _draw_images(_N_TRACED, self.image_shape_) * self.input_scale_
        model = trace_module(
            network, example, ["posteriors", "logits"], input_name="images"
        )
        for key, value in self._onnx_metadata().items():
            model.metadata_props.add(key=key, value=value)
        content = model.SerializeToString()
        tried = _draw_images(_N_TRIED, self.image_shape_) * self.input_scale_
        _try(start_session(content, _CALLER), network, tried)
        write_whole(path, content)

    def _onnx_metadata(self) -> dict[str, str]:
        return {
            "classes": json.dumps(encode_labels(self.classes_)["values"]),
            "image_shape": json.dumps(list(self.image_shape_)),
            "input_scale": json.dumps(float(self.input_scale_)),
        }


def compute_logits_onnx(
    network: nn.Module,
    rows: NDArray[Any],
    *,
    image_shape: tuple[int, int],
    scale: float,
    size: tuple[int, int] | None = None,
) -> NDArray[np.float64]:
    """Run a network over flattened images in onnxruntime, on the CPU.

    Parameters
    ----------
    network : torch module
        On any device. It is translated in the first call, and again whenever
        its weights have changed.

    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images, at least one.

    image_shape : tuple of (height, width)
        Size of the images.

    scale : float
        Value of full ink, as in
        :func:`~lenet_sklearn.training.batches.to_network_input`.

    size : tuple of (height, width), default=None
        What the network reads, as there.

    Returns
    -------
    logits : ndarray of shape (n, n_classes), dtype float64
        The network's output.

    Raises
    ------
    ImportError
        If onnx or onnxruntime is not installed.

    NotImplementedError
        If the network uses an operation that cannot be translated.
    """
    cpu = torch.device("cpu")
    chunks, session = [], None
    for start in range(0, len(rows), _CHUNK):
        images = as_images(rows[start : start + _CHUNK], image_shape, cpu)
        batch = to_network_input(images, scale, size)
        session = session or _session_of(network, batch)
        [logits] = session.run(None, {"images": batch.numpy()})
        chunks.append(logits)
    return np.concatenate(chunks).astype(np.float64)


class _PosteriorNetwork(nn.Module):
    """Images as the user has them into posteriors and logits, on the CPU."""

    def __init__(
        self,
        network: nn.Module,
        scale: float,
        size: tuple[int, int],
        temperature: float,
    ) -> None:
        super().__init__()
        self.network = _on_cpu(network)
        self.scale = scale
        self.size = size
        self.temperature = temperature
        self.eval()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.network(to_network_input(images, self.scale, self.size))
        return torch.softmax(logits / self.temperature, 1), logits


def _session_of(network: nn.Module, batch: Tensor) -> Any:
    """Return the session of a network as it is now, made if need be."""
    side = (batch.shape[-2], batch.shape[-1])
    # Threads do not survive a fork.
    key = (side, torch.get_num_threads(), os.getpid())
    return made_of(network, "onnxruntime", key, lambda: _translate(network, side))


def _translate(network: nn.Module, side: tuple[int, int]) -> Any:
    plain = _on_cpu(network)
    example = _draw_images(_N_TRACED, side)
    twin = fold_columns(plain, side, align=_ALIGNMENT)
    model = trace_module(twin, example, ["logits"], input_name="images")
    session = start_session(model.SerializeToString(), _ENGINE)
    _try(session, plain, _draw_images(_N_TRIED, side))
    return session


def start_session(content: bytes, caller: str) -> Any:
    """Start onnxruntime on a model, on the CPU and with torch's number of threads.

    Parameters
    ----------
    content : bytes
        The ONNX model.

    caller : str
        Who needs it, for the message where onnxruntime is missing.

    Returns
    -------
    session : onnxruntime.InferenceSession
        Ready to run.

    Raises
    ------
    ImportError
        If onnxruntime is not installed.
    """
    onnxruntime = import_extra("onnxruntime", extra="onnx", caller=caller)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    providers = ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(content, options, providers=providers)


def _try(session: Any, network: nn.Module, images: Tensor) -> None:
    """Compare onnxruntime with torch on a few images."""
    with torch.inference_mode():
        expected = network(images)
    expected = (expected if isinstance(expected, Tensor) else expected[0]).numpy()
    # Logits may be large: relative to them; posteriors are at most 1.
    tolerance = _TOLERANCE * max(1.0, float(np.abs(expected).max()))
    problem: Exception | None = None
    try:
        got = session.run(None, {"images": images.numpy()})[0]
    except Exception as error:  # onnxruntime's errors have no public base
        problem = error
    if (
        problem
        or got.shape != expected.shape
        or not np.abs(got - expected).max() <= tolerance
    ):
        raise ValueError(
            "LeNet5Classifier cannot write this network to ONNX: onnxruntime gives"
            " other results than torch. Its forward pass may depend on the values of"
            " the images or on the size of the batch; take that out, or use torch."
        ) from problem


def _draw_images(n_images: int, side: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(n_images, 1, *side, generator=generator)


def _on_cpu(network: nn.Module) -> nn.Module:
    """Copy a network to the CPU, in evaluation mode; the original is left alone."""
    return copy.deepcopy(network).cpu().eval()
