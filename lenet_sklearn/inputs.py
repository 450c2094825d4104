"""Images and labels as a caller passes them, and whether they fit the training."""

import math
import warnings
from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

# Image sides the network reads as they are: 28 is padded to 32 in C1, 32 is not.
PADDED_SIDE = 28
FULL_SIDE = 32

# Two convolutions of 5 x 5 and two poolings leave one pixel of this.
LEAST_SIDE = 16

# Float images are on another scale than those of the training if values so many
# times brighter fill more than this share of most images. 255 against 1, and 16
# against 1, are far beyond the first; a thin 1 of MNIST has ink on 4 % of its
# pixels. Single pixels may go beyond, as they do behind a MinMaxScaler.
_SCALE_TOLERANCE = 10.0
_SCALE_SHARE = 0.02

# uint8 stays as it is, everything else becomes what the network computes in.
_DTYPES = (np.float32, np.uint8)


def network_input(
    image_shape: tuple[int, int], padding: int | None
) -> tuple[tuple[int, int], int]:
    """Return the size images are brought to, and how the network pads them.

    Parameters
    ----------
    image_shape : tuple of (height, width)
        Size of the images.

    padding : int or None
        None for what 32 x 32 pixels take, with images of other sizes than 28 x 28
        and 32 x 32 resized to 28 x 28. A number keeps images as they are, if they
        leave room for the five layers.

    Returns
    -------
    image_shape : tuple of (height, width)
        Size of what the network reads.

    padding : int
        Rows and columns of background added on each side.

    Examples
    --------
    >>> from lenet_sklearn.inputs import network_input
    >>> network_input((32, 32), None), network_input((28, 28), 0)
    (((32, 32), 0), ((28, 28), 0))
    """
    standard = (PADDED_SIDE, PADDED_SIDE)
    if padding is None:
        full = (FULL_SIDE, FULL_SIDE)
        return (full, 0) if image_shape == full else (standard, 2)
    if min(image_shape) + 2 * padding < LEAST_SIDE:
        return standard, padding
    return image_shape, padding


class ImageFormat(TypedDict):
    """How flattened images become what a network reads.

    Attributes
    ----------
    image_shape : tuple of (height, width)
        Size of the images.

    scale : float
        Value of full ink, as in :func:`lenet_sklearn.inference.scale_images`.

    size : tuple of (height, width)
        What the network reads, as there.
    """

    image_shape: tuple[int, int]
    scale: float
    size: tuple[int, int]


def image_format(classifier: Any) -> ImageFormat:
    """Return how a classifier reads images.

    Parameters
    ----------
    classifier : LeNet5Classifier
        One that has seen the images of its training.

    Returns
    -------
    format : ImageFormat
        For the engines, and for :mod:`lenet_sklearn.training.batches`.

    Examples
    --------
    >>> from lenet_sklearn import LeNet5Classifier
    >>> from lenet_sklearn.inputs import image_format
    >>> image_format(LeNet5Classifier.from_pretrained("mnist"))["image_shape"]
    (28, 28)
    """
    shape = classifier.image_shape_
    size, _ = network_input(shape, classifier._trained_with["padding"])
    return {"image_shape": shape, "scale": classifier.input_scale_, "size": size}


def flatten_images(X: Any) -> tuple[Any, tuple[int, int] | None]:
    """Turn stacked images into rows, and keep anything else as it is.

    Parameters
    ----------
    X : array-like of shape (n, height, width), (n, 1, height, width) or (n, width)
        Images, a list of images, or rows.

    Returns
    -------
    rows : array-like of shape (n, height * width)
        `X` itself where it was not a stack of images.

    image_shape : tuple of (height, width), or None
        None where `X` was not a stack of images.

    Raises
    ------
    ValueError
        If the images have more than one channel.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.inputs import flatten_images
    >>> rows, image_shape = flatten_images(np.zeros((5, 1, 28, 28)))
    >>> rows.shape, image_shape
    ((5, 784), (28, 28))
    """
    if isinstance(X, list | tuple) and len(X) and np.ndim(X[0]) >= 2:
        X = np.asarray(X)
    shape = tuple(getattr(X, "shape", ()))
    if len(shape) not in (3, 4):
        return X, None
    if len(shape) == 4 and shape[1] != 1:
        raise ValueError(
            "LeNet5Classifier expects grey images of shape (n, height, width) or"
            f" (n, 1, height, width). Got shape {shape}."
            " Average the colour channels, or move them away with X[..., 0]."
        )
    height, width = int(shape[-2]), int(shape[-1])
    return X.reshape(shape[0], height * width), (height, width)


def guess_image_shape(n_features: int) -> tuple[int, int]:
    """Give the smallest square that holds `n_features` pixels.

    Parameters
    ----------
    n_features : int
        Length of a flattened image.

    Returns
    -------
    image_shape : tuple of (height, width)
        784 gives (28, 28); 10 gives (4, 4), six pixels of which stay empty.

    Examples
    --------
    >>> from lenet_sklearn.inputs import guess_image_shape
    >>> guess_image_shape(784), guess_image_shape(10)
    ((28, 28), (4, 4))
    """
    side = math.isqrt(n_features - 1) + 1
    return side, side


def unflatten(rows: NDArray[Any], image_shape: tuple[int, int]) -> NDArray[Any]:
    """Turn rows into images, filled up with background.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
        Flattened images; `n_features` is at most ``height * width``.

    image_shape : tuple of (height, width)
        Size of the images.

    Returns
    -------
    images : ndarray of shape (n, height, width)
    """
    missing = math.prod(image_shape) - rows.shape[1]
    if missing:
        rows = np.pad(rows, ((0, 0), (0, missing)))
    return rows.reshape(len(rows), *image_shape)


def full_ink(rows: NDArray[Any]) -> float:
    """Find the value that stands for full ink in a training set.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images.

    Returns
    -------
    scale : float
        1.0 for uint8 images and for floats in [0, 1], which are the same images
        written differently; else the largest magnitude.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.inputs import full_ink
    >>> full_ink(np.array([[0.0, 16.0]])), full_ink(np.array([[0.0, 0.7]]))
    (16.0, 1.0)
    """
    if rows.dtype == np.uint8:
        return 1.0
    brightest = float(np.abs(rows).max())
    in_unit_range = brightest <= 1 and float(rows.min()) >= 0
    return 1.0 if in_unit_range or brightest == 0 else brightest


def check_scale(rows: NDArray[Any], scale: float) -> None:
    """Refuse float images on another scale than those of the training.

    Of uint8 images, whose full ink is 255, those with values of 0 and 1 are warned of.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images.

    scale : float
        Value of full ink in the training set.

    Raises
    ------
    ValueError
        If most of the images that are not blank are far too bright.
    """
    if rows.dtype == np.uint8:
        if scale == 1 and rows.max() == 1:
            warnings.warn(
                "LeNet5Classifier got uint8 images whose brightest value is 1, which"
                " it takes for almost black: full ink is 255. Multiply images of 0 and"
                " 1 by 255, or pass them as bool.",
                UserWarning,
                stacklevel=5,  # the caller of predict
            )
        return
    bright = np.abs(rows) > _SCALE_TOLERANCE * scale
    n_bright = np.count_nonzero(bright.mean(axis=1) > _SCALE_SHARE)
    if n_bright > np.count_nonzero(rows.any(axis=1)) / 2:
        raise ValueError(
            f"LeNet5Classifier was fitted on images with values up to {scale:g}."
            f" Got values up to {np.abs(rows).max():g}."
            " Bring them to the same scale: X / 255 for values in [0, 255],"
            " or X.astype(np.uint8)."
        )


def check_training_set(
    classifier: Any, X: ArrayLike, y: ArrayLike, *, reset: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Validate images and labels, and on `reset` learn how the images look.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Whose `n_features_in_`, `image_shape_` and `input_scale_` are set on
        `reset`, and held to otherwise.

    X : array-like
        Images, as in :func:`flatten_images`.

    y : array-like of shape (n,)
        Labels.

    reset : bool
        Whether this is a new training.

    Returns
    -------
    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images.

    labels : ndarray of shape (n,)
        Labels in their own dtype.

    Raises
    ------
    ValueError
        If scikit-learn's checks fail, or the images have another shape or scale
        than those of the training.
    """
    rows, image_shape = flatten_images(X)
    if not reset:
        _check_shape(classifier, image_shape)
    rows, labels = validate_data(classifier, rows, y, dtype=list(_DTYPES), reset=reset)
    check_classification_targets(labels)
    if reset:
        classifier.image_shape_ = image_shape or guess_image_shape(rows.shape[1])
        classifier.input_scale_ = full_ink(rows)
    check_scale(rows, classifier.input_scale_)
    return rows, labels


def check_images(classifier: Any, X: ArrayLike) -> NDArray[Any]:
    """Validate the images to predict.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Fitted.

    X : array-like
        Images, as in :func:`flatten_images`.

    Returns
    -------
    rows : ndarray of shape (n, n_features), dtype uint8 or float32
        Flattened images.

    Raises
    ------
    ValueError
        As in :func:`check_training_set`.
    """
    rows, image_shape = flatten_images(X)
    _check_shape(classifier, image_shape)
    rows = validate_data(classifier, rows, dtype=list(_DTYPES), reset=False)
    check_scale(rows, classifier.input_scale_)
    return rows


def _check_shape(classifier: Any, image_shape: tuple[int, int] | None) -> None:
    if image_shape not in (None, classifier.image_shape_):
        raise ValueError(
            f"LeNet5Classifier was fitted on images of shape {classifier.image_shape_}."
            f" Got images of shape {image_shape}. Resize them with"
            f" cv2.resize(image, {classifier.image_shape_[::-1]}), one character each;"
            " images of several are read by lenet_sklearn.strings.StringRecognizer."
        )


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
    >>> from lenet_sklearn.inputs import label_columns
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
    >>> from lenet_sklearn.inputs import encode_labels
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
