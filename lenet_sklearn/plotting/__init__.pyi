from .curves import ErrorRejectDisplay, TrainingCurveDisplay
from .feature_maps import FeatureMapDisplay
from .kernels import KernelDisplay
from .misread import MisreadDisplay
from .strings import StringPosteriorDisplay

__all__ = [
    "ErrorRejectDisplay",
    "FeatureMapDisplay",
    "KernelDisplay",
    "MisreadDisplay",
    "StringPosteriorDisplay",
    "TrainingCurveDisplay",
]
