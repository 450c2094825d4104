"""What runs a classifier's network in prediction."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.inference import StoredNetwork, compute_logits, run_session
from lenet_sklearn.inputs import image_format

if TYPE_CHECKING:  # it imports this module
    from lenet_sklearn.classifier import LeNet5Classifier


def run_engine(
    classifier: "LeNet5Classifier", rows: NDArray[Any]
) -> NDArray[np.float64]:
    """Compute the logits of images by the engine that a classifier names.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Fitted.

    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images, at least one.

    Returns
    -------
    logits : ndarray of shape (n, n_classes), dtype float64
        The network's output.

    Raises
    ------
    ImportError
        If the network is to be exported, and the extra ``onnx`` is not installed.

    ValueError
        If it cannot be exported.

    Notes
    -----
    A classifier that was loaded has not imported torch, and nobody has changed its
    network: "auto" reads with the graph of its file. Once there is a net, torch reads.
    """
    reading = image_format(classifier)
    if reads_without_torch(classifier):
        return compute_logits(classifier._stored.run, rows, **reading)
    network = classifier.net_.module_
    if classifier.engine == "onnxruntime":
        from lenet_sklearn.onnx import session_of

        session = session_of(network, reading["size"], axes={0: "n"})
        return compute_logits(partial(run_session, session), rows, **reading)
    from lenet_sklearn.torch_inference import compute_logits_torch

    return compute_logits_torch(network, rows, **reading)


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
        and estimator.device in ("auto", "cpu")
    )
