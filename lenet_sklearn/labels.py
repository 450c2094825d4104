"""Labels of any dtype: their columns, and their description in JSON."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def label_columns(labels: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """Look up the column of each label.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        Labels.

    classes : ndarray of shape (n_classes,)
        All labels there are, sorted.

    Returns
    -------
    columns : ndarray of shape (n,), dtype int64
        Where each label stands in `classes`.

    Raises
    ------
    ValueError
        If a label is not among `classes`.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.labels import label_columns
    >>> label_columns(np.array([19, 10]), np.arange(10, 20))
    array([9, 0])
    """
    unknown = np.setdiff1d(labels, classes)
    if unknown.size:
        raise ValueError(
            f"LeNet5Classifier got the labels {unknown.tolist()[:5]}, which are not"
            f" among classes={classes.tolist()[:20]}. Add them to classes=, or drop"
            " their samples."
        )
    return np.searchsorted(classes, labels).astype(np.int64)


def encode_labels(labels: NDArray[np.generic]) -> dict[str, Any]:
    """Describe an array of labels in JSON.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        Integers, floats, booleans or strings of any width; strings may be
        Python objects.

    Returns
    -------
    description : dict
        With the keys "dtype" and "values".

    Raises
    ------
    TypeError
        If labels are of another type.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.labels import encode_labels
    >>> encode_labels(np.array([10, 11], dtype=np.int16))
    {'dtype': 'int16', 'values': [10, 11]}
    """
    values = labels.tolist()
    texts = labels.dtype.kind in "UO" and all(isinstance(v, str) for v in values)
    if labels.dtype.kind not in "biuf" and not texts:
        raise TypeError(
            "A model file holds labels that are numbers or strings."
            f" Got labels of dtype {labels.dtype}. Convert them before fit."
        )
    return {
        "dtype": labels.dtype.name if not texts else labels.dtype.str,
        "values": values,
    }


def decode_labels(description: Mapping[str, Any]) -> NDArray[Any]:
    """Undo :func:`encode_labels`.

    Parameters
    ----------
    description : mapping
        With the keys "dtype" and "values".

    Returns
    -------
    labels : ndarray of shape (n,)
        Of the dtype they had.
    """
    return np.array(description["values"], dtype=description["dtype"])
