from .curves import ErrorRejectDisplay, TrainingCurveDisplay
from .kernels import FeatureMapDisplay, KernelDisplay
from .readings import MisreadDisplay, StringPosteriorDisplay

__all__ = [
    "ErrorRejectDisplay",
    "FeatureMapDisplay",
    "KernelDisplay",
    "MisreadDisplay",
    "StringPosteriorDisplay",
    "TrainingCurveDisplay",
]
