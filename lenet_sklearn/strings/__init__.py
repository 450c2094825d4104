"""Strips of writing into strings, without cutting them into characters."""

from lenet_sklearn.strings.committee import (
    StringCommittee,
    join_recognizers,
    load_recognizer,
)
from lenet_sklearn.strings.files import holds_recognizer
from lenet_sklearn.strings.hypotheses import Hypothesis
from lenet_sklearn.strings.network import StringNetwork
from lenet_sklearn.strings.recognizer import StringRecognizer
from lenet_sklearn.training.distortions import StripDistortion

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
