"""What the parameters of the estimators may be."""

import copy
import os
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

# Private names of scikit-learn are imported here and nowhere else: a test says so when
# a new version of it has them no more.
from sklearn.utils._param_validation import HasMethods as HasMethods
from sklearn.utils._param_validation import Interval as Interval
from sklearn.utils._param_validation import StrOptions as StrOptions

from lenet_sklearn.distillation import Distillation

SCHEDULES = ("constant", "cosine", "one-cycle")
OPTIMIZERS = ("adam", "adamw", "sgd")
DISTORTIONS = ("affine", "writing")
ENGINES = ("auto", "onnxruntime", "torch")

# Inputs of each of the 16 maps of C3: table I of LeCun et al. (1998).
_C3_ROWS = "012 123 234 345 045 015 0123 1234 2345 0345 0145 0125 0134 1245 0235 012345"
C3_TABLE = tuple(tuple(map(int, row)) for row in _C3_ROWS.split())


class Device(HasMethods):
    """A device by its name or as torch has it, which need not be imported to tell."""

    def __init__(self) -> None:
        super().__init__([])

    def is_satisfied_by(self, value: Any) -> bool:
        """Return whether a value is of one of the two types."""
        kind = type(value)
        of_torch = (kind.__module__, kind.__qualname__) == ("torch", "device")
        return of_torch or isinstance(value, str)

    def __str__(self) -> str:
        return "a str or a torch.device"


DEVICE = Device()
COUNT = Interval(Integral, 1, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
SHARE = Interval(Real, 0, 1, closed="neither")

CONSTRAINTS: dict[str, list[Any]] = {
    "module": [type, None],
    "rubbish": [Interval(Real, None, None, closed="neither"), None],
    "padding": [Interval(Integral, 0, None, closed="left"), None],
    "max_epochs": [COUNT],
    "batch_size": [COUNT],
    "optimizer": [StrOptions(set(OPTIMIZERS)), type],
    "lr": [POSITIVE],
    "schedule": [StrOptions(set(SCHEDULES)), list, tuple],
    "averaging": [COUNT, SHARE, None],
    "early_stopping": ["boolean"],
    "validation_fraction": [SHARE],
    "patience": [COUNT],
    "distortion": [StrOptions(set(DISTORTIONS)), dict, None],
    "distillation": [Distillation, None],
    "class_weight": [dict, StrOptions({"balanced"}), None],
    "classes": ["array-like", None],
    "initial_weights": [str, os.PathLike, None],
    "frozen": [list, tuple, None],
    "warm_start": ["boolean"],
    "device": [DEVICE],
    "engine": [StrOptions(set(ENGINES))],
    "random_state": ["random_state"],
    "callbacks": [list, tuple, None],
    "verbose": ["verbose"],
}

# What skorch's NeuralNetClassifier takes and the classifier has no parameter for.
_NET_PREFIXES = (
    "callbacks__",
    "compile__",
    "criterion__",
    "dataset__",
    "iterator_train__",
    "iterator_valid__",
    "module__",
    "optimizer__",
)
_NET_NAMES = (
    "compile",
    "criterion",
    "dataset",
    "iterator_train",
    "iterator_valid",
    "predict_nonlinearity",
    "torch_load_kwargs",
    "train_split",
    "use_caching",
)


def is_net_parameter(name: str) -> bool:
    """Return whether a parameter of the classifier is one of its skorch net's.

    Parameters
    ----------
    name : str
        Such as ``"module__pooling"``.

    Returns
    -------
    of_net : bool
        True for arguments of :class:`skorch.NeuralNetClassifier` that
        :class:`lenet_sklearn.LeNet5Classifier` hands on as they are.

    Examples
    --------
    >>> from lenet_sklearn.parameters import is_net_parameter
    >>> is_net_parameter("optimizer__momentum"), is_net_parameter("lr")
    (True, False)
    """
    return name in _NET_NAMES or name.startswith(_NET_PREFIXES)


def clone_estimator(estimator: Any) -> Any:
    """Clone as scikit-learn does, and share callbacks that cannot be cloned.

    Parameters
    ----------
    estimator : estimator
        With a parameter `callbacks`; not changed.

    Returns
    -------
    twin : estimator
        Not fitted. A callback that holds a file or a lock, as a writer of
        TensorBoard's does, is that of `estimator` itself.
    """
    plain = copy.copy(estimator)
    plain.callbacks = None
    twin = BaseEstimator.__sklearn_clone__(plain)
    if estimator.callbacks is not None:
        twin.callbacks = [_clone_callback(callback) for callback in estimator.callbacks]
    return twin


def _clone_callback(callback: Any) -> Any:
    try:
        return clone(callback, safe=False)
    except TypeError:  # what a deep copy of a lock raises
        return callback


def check_net_parameters(names: Iterable[str]) -> None:
    """Refuse names that neither the classifier nor its net has.

    Parameters
    ----------
    names : iterable of str
        Names of parameters.

    Raises
    ------
    TypeError
        If one is neither a part of :class:`lenet_sklearn.LeNet5` nor an argument of
        skorch's net.
    """
    unknown = [name for name in names if not is_net_parameter(name)]
    if unknown:
        raise TypeError(
            f"LeNet5Classifier has no parameter {unknown[0]!r}. Parts of the network"
            f" are named as module__{unknown[0]}, and arguments of skorch's net as"
            " skorch names them."
        )


def architecture(params: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the parameters that decide what the weights of a network mean.

    Parameters
    ----------
    params : mapping
        Parameters of a classifier, or those in the header of its file.

    Returns
    -------
    parts : dict
        The module by its name, and those of its arguments that a file can hold and
        that are not at the default of :class:`lenet_sklearn.LeNet5`.

    Examples
    --------
    >>> from lenet_sklearn.parameters import architecture
    >>> architecture({"lr": 0.1, "module": None, "module__pooling": "average"})
    {'module': None, 'module__pooling': 'average'}
    """
    module = params.get("module")
    parts = {"module": qualified_name(module) if isinstance(module, type) else module}
    for name, value in params.items():
        plain = tuple(value) if isinstance(value, list) else value
        default = DEFAULT_PARTS.get(name) if module is None else _NO_DEFAULT
        if name.startswith("module__") and is_plain(value) and plain != default:
            parts[name] = plain
    return {name: parts[name] for name in parts if name not in _OF_TRAINING}


def is_plain(value: object) -> bool:
    """Return whether a file can hold a value, as it cannot hold classes and functions.

    Parameters
    ----------
    value : object
        Of a parameter.

    Returns
    -------
    plain : bool
        True for numbers, strings, None and sequences.
    """
    return isinstance(
        value, str | bool | int | float | list | tuple | None | np.generic
    )


def qualified_name(module: type[Any]) -> str:
    """Name a class, for a file that cannot hold it.

    Parameters
    ----------
    module : class
        Any class.

    Returns
    -------
    name : str
        With its module.
    """
    return f"{module.__module__}.{module.__qualname__}"


# Defaults of LeNet5, whose module imports torch.
DEFAULT_PARTS = {
    "module__activation": "relu",
    "module__batch_norm": False,
    "module__c3": "dense",
    "module__input_range": (0.0, 1.0),
    "module__output": "linear",
    "module__pooling": "max",
    "module__squash_pooling": False,
}

# Of a network of one's own no default is known.
_NO_DEFAULT = object()

# Arguments of LeNet5 that change its training only.
_OF_TRAINING = ("module__dropout", "module__init")
