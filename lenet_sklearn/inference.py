"""Networks as graphs that onnxruntime runs: reading needs no torch.

LeNet-5 is a few matrix products, and importing torch takes longer than reading a
stack of forms. A graph says what is done in which order; its weights are those of the
model file, which are not stored twice.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.inputs import ImageFormat, unflatten

Session = Any

# From a batch of images of shape (n, 1, height, width), float32, ink 1 on 0, to logits.
Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]

# Feature maps of so many images stay in the cache of a core: 64 to 256 run at the
# same speed, more are slower.
_CHUNK = 128

# Of onnxruntime's messages only those of its end are shown: errors are raised, too.
_FATAL = 4

# Numbers of the kinds of numbers, in onnx.proto.
_KINDS = {"float32": 1, "int32": 6, "int64": 7, "bool": 9, "float64": 11}


@dataclass(frozen=True)
class Graph:
    """A network as an ONNX graph, without its weights.

    Attributes
    ----------
    content : bytes
        The ONNX model, as :func:`lenet_sklearn.onnx.export_graph` makes it. Its input
        is a batch of images, and its first output their logits.

    weights : tuple of str, default=()
        Names of the weights that it is to be given.

    folded : bool, default=False
        Whether it computes two columns of C1 at once, and wants its weights as
        :func:`fold_kernels` makes them.
    """

    content: bytes
    weights: tuple[str, ...] = ()
    folded: bool = False


class StoredNetwork:
    """The weights of a network, and the graph that runs them without torch.

    Parameters
    ----------
    weights : mapping of str to ndarray
        By the names they have in the network; not changed.

    graph : Graph, default=None
        None where only torch can run them.
    """

    def __init__(
        self, weights: Mapping[str, NDArray[Any]], graph: Graph | None = None
    ) -> None:
        self.weights = weights
        self.graph = graph
        self._session: tuple[tuple[int, int], Session] | None = None

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the logits of one batch.

        Parameters
        ----------
        images : ndarray of shape (n, 1, height, width), dtype float32
            Ink 1 on 0.

        Returns
        -------
        logits : ndarray, dtype float32
            As the network gives them.

        Raises
        ------
        ValueError
            If there is no graph.
        """
        if self.graph is None:
            raise ValueError("A StoredNetwork without a graph is run by torch only.")
        # Threads do not survive a fork.
        key = os.getpid(), count_threads()
        if self._session is None or self._session[0] != key:
            self._session = key, start_session(self.graph, self.weights)
        session = self._session[1]
        [name] = (one.name for one in session.get_inputs())
        return session.run(None, {name: images})[0]

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_session": None}


def weights_of(estimator: Any) -> dict[str, NDArray[Any]]:
    """Return the weights of a fitted estimator.

    Parameters
    ----------
    estimator : LeNet5Classifier or StringRecognizer
        Fitted.

    Returns
    -------
    weights : dict of str to ndarray
        By the names they have in its network. Not to be changed.
    """
    if "_stored" in vars(estimator):
        return dict(estimator._stored.weights)
    return arrays_of(estimator.net_.module_)


def arrays_of(network: Any) -> dict[str, NDArray[Any]]:
    """Return the weights of a torch module as arrays.

    Parameters
    ----------
    network : torch module
        On any device.

    Returns
    -------
    weights : dict of str to ndarray
        By their names. Not to be changed.
    """
    state = network.state_dict()
    return {name: tensor.detach().cpu().numpy() for name, tensor in state.items()}


def start_session(
    graph: Graph, weights: Mapping[str, NDArray[Any]] | None = None
) -> Session:
    """Start onnxruntime on a graph, on the CPU.

    Parameters
    ----------
    graph : Graph
        What is to be run.

    weights : mapping of str to ndarray, default=None
        Those that the graph names, and maybe others. They are copied.

    Returns
    -------
    session : onnxruntime.InferenceSession
        Ready to run. It uses as many threads as torch, where that is imported;
        otherwise as many as OMP_NUM_THREADS says, or as there are cores.
    """
    import onnxruntime  # it is not needed where torch reads

    given = dict(weights or {})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = count_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    if graph.folded:
        kernels, bias = fold_kernels(given["c1.weight"], given["c1.bias"])
        given |= {"c1.weight": kernels, "c1.bias": bias}
    content = fill_graph(graph, given)
    return onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )


def fill_graph(graph: Graph, weights: Mapping[str, NDArray[Any]]) -> bytes:
    """Put weights into a graph.

    Parameters
    ----------
    graph : Graph
        Which names them.

    weights : mapping of str to ndarray
        Those that the graph names, and maybe others; folded ones where it is folded.

    Returns
    -------
    content : bytes
        An ONNX model that is complete.

    Notes
    -----
    ONNX is written as protocol buffers [1]_, in which one message behind another is
    merged with it: here a model whose graph has the weights and nothing else. So a
    graph is as good for three classes as for ten, and the package ``onnx``, which
    reading does without, is not needed.

    References
    ----------
    .. [1] Protocol Buffers Documentation, "Encoding"; the numbers of the fields are
       those of ``onnx.proto``.
    """
    tensors = [_field(5, _encode_tensor(n, weights[n])) for n in graph.weights]
    return graph.content + _field(7, b"".join(tensors))


def _encode_tensor(name: str, values: NDArray[Any]) -> bytes:
    """Write an array as ONNX's TensorProto: sizes, kind of numbers, name, numbers."""
    sizes = b"".join(_varint(size) for size in values.shape)
    kind = _varint(2 << 3) + _varint(_KINDS[values.dtype.name])
    return (
        _field(1, sizes) + kind + _field(8, name.encode()) + _field(9, values.tobytes())
    )


def _field(number: int, content: bytes) -> bytes:
    """Write a field of a protocol buffer that has a length."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Write a number in groups of seven bits, the lowest first."""
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])


def fold_kernels(
    kernels: NDArray[np.float32], bias: NDArray[np.float32], align: int = 8
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Let a convolution of a single map compute two columns at once.

    CPUs compute 8 or 16 maps in one instruction, but C1 has six. With kernels
    shifted by one column as further maps, at every second column only, twelve of
    sixteen are used.

    Parameters
    ----------
    kernels : ndarray of shape (n_maps, 1, height, width)
        Of the convolution.

    bias : ndarray of shape (n_maps,)
        What is added.

    align : int, default=8
        The shifted maps start at a multiple of this; the maps between are empty.

    Returns
    -------
    kernels : ndarray of shape (n_folded, 1, height, width + 1), dtype float32
        To be moved by two columns at a time.

    bias : ndarray of shape (n_folded,), dtype float32
    """
    n_maps, n_inputs, height, width = kernels.shape
    offset = -(-n_maps // align) * align
    shape = (2 * offset, n_inputs, height, width + 1)
    folded = np.zeros(shape, dtype=np.float32)
    added = np.zeros(2 * offset, dtype=np.float32)
    for start, shift in ((0, 0), (offset, 1)):
        folded[start : start + n_maps, :, :, shift : shift + width] = kernels
        added[start : start + n_maps] = bias
    return folded, added


def compute_logits(
    run: Run, rows: NDArray[Any], reading: ImageFormat
) -> NDArray[np.float64]:
    """Run a classifier's network over flattened images.

    Parameters
    ----------
    run : callable
        Gives the logits of a batch, as :meth:`StoredNetwork.run` does.

    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images, at least one.

    reading : ImageFormat
        How the network reads them.

    Returns
    -------
    logits : ndarray of shape (n, n_classes), dtype float64
        The network's output.
    """
    shape, size = reading["image_shape"], reading["size"]
    resize = None
    if shape != size:
        resize = [resizing_matrix(a, b) for a, b in zip(shape, size, strict=True)]
    chunks = []
    for start in range(0, len(rows), _CHUNK):
        images = scale_images(rows[start : start + _CHUNK], shape, reading["scale"])
        if resize is not None:
            images = resize[0] @ (images @ resize[1].T)
        chunks.append(run(images[:, None]))
    return np.concatenate(chunks).astype(np.float64)


def count_threads() -> int:
    """Return how many threads a network is to use.

    Returns
    -------
    n_threads : int
        At least 1.
    """
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdecimal() and int(told) else os.cpu_count() or 1


def scale_images(
    rows: NDArray[Any], image_shape: tuple[int, int], scale: float
) -> NDArray[np.float32]:
    """Turn flattened images into images with ink 1 on 0.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images; `n_features` is at most ``height * width``, and what is
        missing is background.

    image_shape : tuple of (height, width)
        Size of the images.

    scale : float
        The value that stands for full ink in float images. In uint8 images this is
        255 where `scale` is 1.

    Returns
    -------
    images : ndarray of shape (n, height, width), dtype float32
    """
    if rows.dtype == np.uint8 and scale == 1:
        scale = 255.0
    return unflatten(rows, image_shape).astype(np.float32) / np.float32(scale)


def resizing_matrix(
    n_from: int, n_to: int, factor: float | None = None
) -> NDArray[np.float32]:
    """Make the matrix that resizes one axis of an image, as torch does.

    Parameters
    ----------
    n_from : int
        Pixels there are.

    n_to : int
        Pixels wanted.

    factor : float, default=None
        How many pixels become of one; None for ``n_to / n_from``.

    Returns
    -------
    matrix : ndarray of shape (n_to, n_from), dtype float32
        Linear interpolation; a smaller image is smoothed, so that no line is lost:
        as ``torch.nn.functional.interpolate`` with ``mode="bilinear"`` and
        ``antialias=True``.

    Examples
    --------
    >>> from lenet_sklearn.inference import resizing_matrix
    >>> resizing_matrix(2, 4)[1]
    array([0.75, 0.25], dtype=float32)
    """
    # In the precision that torch computes positions in: they are large in wide images.
    step = np.float32(n_from / n_to if factor is None else 1 / factor)
    reach = max(step, np.float32(1))
    centres = step * (np.arange(n_to, dtype=np.float32)[:, None] + np.float32(0.5))
    first = np.maximum((centres - reach + np.float32(0.5)).astype(np.int64), 0)
    last = np.minimum((centres + reach + np.float32(0.5)).astype(np.int64), n_from)
    pixels = np.arange(n_from, dtype=np.float32)
    distances = np.abs((pixels - centres + np.float32(0.5)) * (1 / reach))
    inside = (pixels >= first) & (pixels < last)
    weights = np.where(inside, np.maximum(0, 1 - distances), np.float32(0))
    return weights / weights.sum(axis=1, keepdims=True)


def reads_without_torch(estimator: Any) -> bool:
    """Return whether an estimator reads with the graph of the file it came from.

    Parameters
    ----------
    estimator : LeNet5Classifier or StringRecognizer
        Fitted.

    Returns
    -------
    without : bool
        True for one that was loaded with a graph, whose net nobody has asked for, and
        that is to run on the CPU.
    """
    stored: StoredNetwork | None = vars(estimator).get("_stored")
    return (
        stored is not None
        and stored.graph is not None
        and estimator.engine != "torch"
        and str(estimator.device) in ("auto", "cpu")
    )
