"""The networks that are measured, and how each is trained."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tables import folder_of

from lenet_sklearn import (
    Distillation,
    LeNet5Classifier,
    join_classifiers,
    load_dataset,
    load_model,
    load_writers,
    save_model,
)
from lenet_sklearn.recipes import RECIPES
from lenet_sklearn.training.fitting import training_by
from lenet_sklearn.training.plan import TrainingPlan

SEEDS = range(5)

# Networks that teach, and networks that are taught by their committee: fewer passes
# than the recipe has, as those take hours.
TEACHERS = {
    f"teacher-{seed}": {"max_epochs": 60, "random_state": seed} for seed in SEEDS
}
TAUGHT = {
    f"taught-{seed}": {"max_epochs": 40, "random_state": seed} for seed in range(5, 10)
}

# Lengths of a training that are compared on writers of the training set whom the
# network does not learn from. Two more networks of each were, before there was this.
COMPARED = {
    length: {
        f"compared-{length}-{seed}": {"max_epochs": length, "random_state": seed}
        for seed in (2, 3, 4)
    }
    for length in (60, 100)
}
_COMPARED = COMPARED[60] | COMPARED[100]

# Name of each training: recipe and what differs from it.
TRAININGS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"modern-{seed}": ("modern", {"random_state": seed}) for seed in SEEDS},
    **{
        name: ("modern", changes)
        for name, changes in (TEACHERS | TAUGHT | _COMPARED).items()
    },
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
        """Load some models of one kind; train those that are not there, together."""
        missing = [name for name in names if not self._path(name).exists()]
        teaching = None
        if TAUGHT.keys() & missing:
            committee = join_classifiers(self.get(data, *TEACHERS))
            teaching = Distillation(teacher=committee)
        classifiers = [_make(name, teaching) for name in missing]
        if _COMPARED.keys() & missing:
            digits, _ = split_writers(data)
        else:
            digits = mnist(data, "train")
        fit_together(classifiers, *digits, self.jobs)
        for name, classifier in zip(missing, classifiers, strict=True):
            save_model(classifier, self._path(name))
        return [load_model(self._path(name), device="cpu") for name in names]

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"


def fit_together(
    classifiers: list[LeNet5Classifier], X: Any, y: Any, jobs: int
) -> None:
    """Fit classifiers to the same digits, those of one architecture as one network."""
    plan = TrainingPlan()
    with training_by(plan.note):
        for classifier in classifiers:
            classifier.fit(X, y)
    plan.train(jobs, None)
    with training_by(plan.take):
        for classifier in classifiers:
            classifier.fit(X, y)


def _make(name: str, teaching: Distillation | None) -> LeNet5Classifier:
    recipe, changes = TRAININGS[name]
    settings = {"random_state": 0, "device": "cpu", **changes}
    if name in TAUGHT:
        settings["distillation"] = teaching
    return LeNet5Classifier(**{**RECIPES[recipe], **settings})


def split_writers(data: Path) -> tuple[Labelled, Labelled]:
    """Keep every fifth writer of MNIST's training set back."""
    X, y = mnist(data, "train")
    writers = load_writers(folder_of(data, "mnist_writers"))
    kept_back = np.isin(writers, np.unique(writers)[::5])
    return (X[~kept_back], y[~kept_back]), (X[kept_back], y[kept_back])


@functools.cache
def mnist(data: Path, split: Any) -> Labelled:
    """Load MNIST, once."""
    folder = folder_of(data, "mnist")
    return load_dataset("mnist", split=split, data_dir=folder)
