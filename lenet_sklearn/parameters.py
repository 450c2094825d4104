"""What the parameters of the classifier may be."""

import os
from numbers import Integral, Real
from typing import Any

from lenet_sklearn.engines import ENGINES
from lenet_sklearn.network import ACTIVATIONS, C3_KINDS, INITS, OUTPUTS, POOLINGS
from lenet_sklearn.training.callbacks import SCHEDULES
from lenet_sklearn.training.distortions import DISTORTIONS
from lenet_sklearn.training.nets import OPTIMIZERS
from lenet_sklearn.validation import Interval, StrOptions

_COUNT = Interval(Integral, 1, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_SHARE = Interval(Real, 0, 1, closed="neither")

CONSTRAINTS: dict[str, list[Any]] = {
    "module": [type, None],
    "c3": [StrOptions(set(C3_KINDS))],
    "pooling": [StrOptions(set(POOLINGS))],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "output": [StrOptions(set(OUTPUTS))],
    "rubbish": [Interval(Real, None, None, closed="neither"), None],
    "padding": [Interval(Integral, 0, None, closed="left"), None],
    "input_range": [list, tuple],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "batch_norm": ["boolean"],
    "init": [StrOptions(set(INITS))],
    "max_epochs": [_COUNT],
    "batch_size": [_COUNT],
    "optimizer": [StrOptions(set(OPTIMIZERS)), type],
    "lr": [_POSITIVE],
    "momentum": [_NOT_NEGATIVE],
    "weight_decay": [_NOT_NEGATIVE],
    "schedule": [StrOptions(set(SCHEDULES)), list, tuple],
    "step_size": [_COUNT],
    "gamma": [_POSITIVE],
    "averaging": [_COUNT, _SHARE, None],
    "early_stopping": ["boolean"],
    "validation_fraction": [_SHARE],
    "patience": [_COUNT],
    "distortion": [StrOptions(set(DISTORTIONS)), dict, None],
    "class_weight": [dict, StrOptions({"balanced"}), None],
    "classes": ["array-like", None],
    "initial_weights": [str, os.PathLike, None],
    "frozen": [list, tuple, None],
    "warm_start": ["boolean"],
    "device": [str],
    "engine": [StrOptions(set(ENGINES))],
    "random_state": ["random_state"],
    "callbacks": [list, tuple, None],
    "net_params": [dict, None],
    "verbose": ["verbose"],
}
