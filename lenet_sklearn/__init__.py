"""LeNet-5 for scikit-learn: images of single characters into labels."""

from lenet_sklearn import recipes as recipes
from lenet_sklearn.classifier import LeNet5Classifier
from lenet_sklearn.committee import (
    calibrate_committee,
    join_classifiers,
    load_model,
    make_committee,
    save_committee,
)
from lenet_sklearn.datasets import load_dataset, load_writers
from lenet_sklearn.metrics import fit_temperature
from lenet_sklearn.models.files import ModelFileError
from lenet_sklearn.network import LeNet5, count_parameters
from lenet_sklearn.training.distortions import Distortion

__all__ = [
    "Distortion",
    "LeNet5",
    "LeNet5Classifier",
    "ModelFileError",
    "calibrate_committee",
    "count_parameters",
    "fit_temperature",
    "join_classifiers",
    "load_dataset",
    "load_model",
    "load_writers",
    "make_committee",
    "save_committee",
]
