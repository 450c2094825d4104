"""The networks that are measured, and how each is trained."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from tables import folder_of

from lenet_sklearn import LeNet5Classifier, load_dataset, load_model, save_model
from lenet_sklearn.recipes import RECIPES

SEEDS = range(5)

# Name of each training: recipe and what differs from it.
TRAININGS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"modern-{seed}": ("modern", {"random_state": seed}) for seed in SEEDS},
    "lecun1998": ("lecun1998", {}),
    "lecun1998-affine": ("lecun1998", {"distortion": "affine"}),
    "padded_max_relu": ("padded_max_relu", {}),
    "max_relu": ("max_relu", {}),
    "keras_tanh": ("keras_tanh", {}),
    "avg_relu": ("avg_relu", {}),
}

Labelled = tuple[NDArray[np.uint8], NDArray[Any]]


class Models:
    """The trained networks, each trained when it is first asked for."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self.folder = folder
        self.jobs = jobs

    def get(self, data: Path, *names: str) -> list[LeNet5Classifier]:
        """Load some models; train those that are not there, side by side."""
        missing = [name for name in names if not self._path(name).exists()]
        train = delayed(train_model)
        Parallel(self.jobs)(train(name, data, self._path(name)) for name in missing)
        return [load_model(self._path(name), device="cpu") for name in names]

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"


def train_model(name: str, data: Path, path: Path) -> None:
    """Train one network on all of MNIST's training set."""
    torch.set_num_threads(1)
    recipe, changes = TRAININGS[name]
    settings = {"random_state": 0, "device": "cpu", **changes}
    classifier = LeNet5Classifier(**{**RECIPES[recipe], **settings})
    save_model(classifier.fit(*mnist(data, "train")), path)


@functools.cache
def mnist(data: Path, split: Any) -> Labelled:
    """Load MNIST, once."""
    folder = folder_of(data, "mnist")
    return load_dataset("mnist", split=split, data_dir=folder)
