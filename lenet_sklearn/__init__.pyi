from . import recipes as recipes
from .acceptance import AcceptanceRule, attach_rule, read_rule
from .classifier import LeNet5Classifier
from .committee import calibrate_committee, join_classifiers, make_committee
from .datasets import load_dataset, load_writers
from .distillation import Distillation
from .metrics import fit_temperature
from .models.files import ModelFileError
from .models.registry import load_model, save_model
from .network import LeNet5, count_parameters
from .search import StackedGridSearchCV
from .training.batches import Distortion

__all__ = [
    "AcceptanceRule",
    "Distillation",
    "Distortion",
    "LeNet5",
    "LeNet5Classifier",
    "ModelFileError",
    "StackedGridSearchCV",
    "attach_rule",
    "calibrate_committee",
    "count_parameters",
    "fit_temperature",
    "join_classifiers",
    "load_dataset",
    "load_model",
    "load_writers",
    "make_committee",
    "read_rule",
    "recipes",
    "save_model",
]
