from .committee import StringCommittee, join_recognizers
from .distortions import StripDistortion
from .hypotheses import Hypothesis
from .network import StringNetwork
from .recognizer import StringRecognizer

__all__ = [
    "Hypothesis",
    "StringCommittee",
    "StringNetwork",
    "StringRecognizer",
    "StripDistortion",
    "join_recognizers",
]
