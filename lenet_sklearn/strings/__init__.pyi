from .committee import StringCommittee, join_recognizers
from .decoding import Hypothesis
from .distortions import StripDistortion
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
