"""Pictures of classifiers, in the way of scikit-learn's displays; extra ``plot``."""

from lenet_sklearn.plotting.curves import ErrorRejectDisplay, TrainingCurveDisplay
from lenet_sklearn.plotting.layers import FeatureMapDisplay, KernelDisplay
from lenet_sklearn.plotting.misread import MisreadDisplay

__all__ = [
    "ErrorRejectDisplay",
    "FeatureMapDisplay",
    "KernelDisplay",
    "MisreadDisplay",
    "TrainingCurveDisplay",
]
