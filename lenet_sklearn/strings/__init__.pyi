from .committee import (
    StringCommittee,
    join_recognizers,
    load_recognizer,
)
from .distortions import StripDistortion
from .files import holds_recognizer
from .hypotheses import Hypothesis
from .network import StringNetwork
from .recognizer import StringRecognizer

__all__ = [
    "Hypothesis",
    "StringCommittee",
    "StringNetwork",
    "StringRecognizer",
    "StripDistortion",
    "holds_recognizer",
    "join_recognizers",
    "load_recognizer",
]
