from .curves import ErrorRejectDisplay, ReliabilityDisplay, TrainingCurveDisplay
from .kernels import FeatureMapDisplay, KernelDisplay
from .readings import MisreadDisplay, StringPosteriorDisplay

__all__ = [
    "ErrorRejectDisplay",
    "FeatureMapDisplay",
    "KernelDisplay",
    "MisreadDisplay",
    "ReliabilityDisplay",
    "StringPosteriorDisplay",
    "TrainingCurveDisplay",
]
