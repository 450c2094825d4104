"""Train a classifier or a committee: ``lenet train digits``."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.models.registry import save_model
from lenet_sklearn.outputs import check_writable
from pipelines.plotting import check_plots, plot_evaluation, plot_training
from pipelines.training.evaluation import Evaluation, measure
from pipelines.training.labelled import StrPath

if TYPE_CHECKING:
    from sklearn.ensemble import VotingClassifier

    from lenet_sklearn import LeNet5Classifier

    Model: TypeAlias = LeNet5Classifier | VotingClassifier


# Share of the training set kept back to calibrate the posteriors. Fewer samples
# than this hold a handful of errors, too few to fit a temperature to.
_CALIBRATION_SHARE = 0.05
_LEAST_CALIBRATION = 500

# Seed of what is kept back: the same images whatever the seed of the training, so
# that networks trained one by one may vote together and be calibrated on them.
_CALIBRATION_SEED = 0


@dataclass(frozen=True)
class Training:
    """What a training did.

    Attributes
    ----------
    path : Path
        The model file.

    n_samples : int
        Images trained on.

    n_members : int
        Networks trained: more than one are a committee.

    n_parameters : int
        Trainable parameters of each network.

    seconds : float
        Wall-clock time of the training, loading aside.

    temperature : float
        What logits are divided by; 1.0 where the data set is too small to
        calibrate on.

    test : Evaluation or None
        The result on the test set; None where there is none.

    plots : sequence of Path
        Pictures drawn of it.
    """

    path: Path
    n_samples: int
    n_members: int
    n_parameters: int
    seconds: float
    temperature: float
    test: Evaluation | None
    plots: Sequence[Path] = ()

    def __str__(self) -> str:
        test = "none" if self.test is None else self.test.summary
        each = f"{self.n_members} x " if self.n_members > 1 else ""
        pictures = f"\npictures     {self.plots[0].parent}" if self.plots else ""
        return (
            f"trained on   {self.n_samples} images in {self.seconds:.0f} s\n"
            f"parameters   {each}{self.n_parameters}\n"
            f"temperature  {self.temperature:.3f}\n"
            f"test set     {test}\n"
            f"saved in     {self.path}" + pictures
        )


def make_model(
    recipe: str = "modern",
    *,
    params: Mapping[str, Any] | None = None,
    random_state: int = 0,
    device: str = "auto",
    n_members: int = 1,
    n_jobs: int = 1,
) -> "Model":
    """Make the classifier or committee that the command line names.

    Parameters
    ----------
    recipe : str, default="modern"
        Name of one of :mod:`lenet_sklearn.recipes`.

    params : mapping, default=None
        Parameters of the classifier that differ from the recipe.

    random_state : int, default=0
        Seed of everything random; further members of a committee have the next
        ones.

    device : str, default="auto"
        As for :class:`lenet_sklearn.LeNet5Classifier`.

    n_members : int, default=1
        Networks; more than one are a committee.

    n_jobs : int, default=1
        Processes that train members side by side.

    Returns
    -------
    model : LeNet5Classifier, or VotingClassifier of them
        Unfitted. Networks that are trained one at a time show a progress bar on a
        terminal.

    Raises
    ------
    ValueError
        If there is no such recipe.
    """
    from lenet_sklearn import LeNet5Classifier, make_committee
    from lenet_sklearn.recipes import find_recipe

    # The bars of two processes would write over each other.
    verbose = int(min(n_members, n_jobs) == 1)
    settings = {"device": device, "random_state": random_state, "verbose": verbose}
    classifier = LeNet5Classifier(
        **{**find_recipe(recipe), **settings, **(params or {})}
    )
    if n_members == 1:
        return classifier
    return make_committee(
        classifier, n_members=n_members, n_jobs=n_jobs, random_state=random_state
    )


def train(
    model: "Model",
    data: StrPath,
    output: StrPath,
    *,
    data_dir: StrPath | None = None,
    command: str | None = None,
    plots: Path | None = None,
) -> Training:
    """Train a classifier or committee on a data set and save it.

    A twentieth of a large training set is kept back, to calibrate the
    posteriors on. The test set, where there is one, is looked at once, after
    the last epoch.

    Parameters
    ----------
    model : LeNet5Classifier, or VotingClassifier of them
        As of :func:`make_model`; fitted in place. The same seed gives the same
        file on the same day, machine and one CPU thread; the model card holds
        the date.

    data : {"boxes", "contents", "marks", "mnist", "forms", "digits"} or path
        As in :func:`pipelines.training.boxes.load_samples`.

    output : path
        Model file to write, usually named ``*.safetensors``.

    data_dir : path, default=None
        Where the files of MNIST are.

    command : str, default=None
        The command line, for the model card.

    plots : Path, default=None
        Folder for pictures of the training and of the result on the test set.

    Returns
    -------
    training : Training
        What was done; its string is the report to print.

    Raises
    ------
    ValueError
        If the data set cannot be had, or a parameter is not valid.

    OutputError
        If `output` cannot be written; found out before the training.

    Notes
    -----
    Members of a committee that are trained side by side have one thread each.
    """
    from lenet_sklearn import count_parameters
    from lenet_sklearn.committee import members_of
    from lenet_sklearn.models.cards import ModelCard
    from pipelines.training.boxes import has_test_samples, load_samples

    path = Path(output)
    check_writable(path)
    if plots:
        check_plots(plots)
    X, y = load_samples(data, data_dir=data_dir, split="train")
    start = time.perf_counter()
    n_samples = _fit_and_calibrate(model, X, y)
    seconds = time.perf_counter() - start
    card = ModelCard.write_today(name_of(data), n_samples, command)
    save_model(model, path, card=card)  # before anything else can fail
    first, *others = members_of(model)
    pictures = plot_training(first, plots) if plots else []
    test = None
    if has_test_samples(data):
        X, y = load_samples(data, data_dir=data_dir, split="test")
        test = measure(model, X, y)
        save_model(model, path, card=replace(card, figures={"test set": test.summary}))
        pictures += plot_evaluation(model, X, y, plots) if plots else []
    return Training(
        path,
        n_samples,
        n_members=1 + len(others),
        n_parameters=count_parameters(first.net_.module_),
        seconds=seconds,
        temperature=first.temperature_,
        test=test,
        plots=pictures,
    )


def parse_params(texts: Sequence[str]) -> dict[str, Any]:
    """Read parameters of the classifier as they are written on a command line.

    Parameters
    ----------
    texts : sequence of str
        Each ``NAME=VALUE``, the value as JSON has it; what is not JSON is a string.

    Returns
    -------
    params : dict
        Values by name.

    Raises
    ------
    ValueError
        If there is no such parameter.

    Examples
    --------
    >>> from pipelines.training.characters import parse_params
    >>> parse_params(["lr=0.01", "module__pooling=average", "distortion=null"])
    {'lr': 0.01, 'module__pooling': 'average', 'distortion': None}
    """
    from lenet_sklearn import LeNet5Classifier
    from lenet_sklearn.parameters import is_net_parameter

    known = sorted(LeNet5Classifier().get_params())
    params: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not (name in known or is_net_parameter(name)):
            raise ValueError(
                f"--set expects NAME=VALUE with one of {', '.join(known)}, or with a"
                f" part of the network, such as module__pooling. Got {text!r}"
            )
        try:
            params[name] = json.loads(value)
        except ValueError:
            params[name] = value
    return params


def _fit_and_calibrate(model: "Model", X: NDArray[np.uint8], y: NDArray[Any]) -> int:
    """Fit, calibrate where there is enough to do it on; count what was fitted."""
    from joblib import parallel_config
    from sklearn.model_selection import train_test_split

    from lenet_sklearn import LeNet5Classifier, calibrate_committee

    is_large = _CALIBRATION_SHARE * len(X) >= _LEAST_CALIBRATION
    if is_large:
        share, seed = _CALIBRATION_SHARE, _CALIBRATION_SEED
        X, X_held, y, y_held = train_test_split(
            X, y, test_size=share, stratify=y, random_state=seed
        )
    # joblib would share all cores among the processes, but two threads train a
    # network this small no faster than one.
    with parallel_config("loky", inner_max_num_threads=1):
        model.fit(X, y)
    if is_large and isinstance(model, LeNet5Classifier):
        model.calibrate(X_held, y_held)
    elif is_large:
        calibrate_committee(model, X_held, y_held)
    return len(X)


def name_of(data: StrPath) -> str:
    """Name a data set for others, to whom the path of a folder means nothing.

    Parameters
    ----------
    data : str or path
        As in :func:`lenet_sklearn.load_dataset`.

    Returns
    -------
    name : str
        Its own, without the folders it is in.
    """
    return Path(data).name or str(data)
