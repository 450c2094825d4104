"""Pictures of classifiers, in the way of scikit-learn's displays; extra ``plot``."""

from lenet_sklearn.plotting.curves import ErrorRejectDisplay, TrainingCurveDisplay
from lenet_sklearn.plotting.feature_maps import FeatureMapDisplay
from lenet_sklearn.plotting.kernels import KernelDisplay
from lenet_sklearn.plotting.misread import MisreadDisplay
from lenet_sklearn.plotting.strings import StringPosteriorDisplay

__all__ = [
    "ErrorRejectDisplay",
    "FeatureMapDisplay",
    "KernelDisplay",
    "MisreadDisplay",
    "StringPosteriorDisplay",
    "TrainingCurveDisplay",
]
