from .curves import ErrorRejectDisplay, TrainingCurveDisplay
from .kernels import FeatureMapDisplay, KernelDisplay
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
