"""Train a classifier and measure one: what ``lenet train`` and ``evaluate`` do."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.plots import check_plots, plot_evaluation, plot_training

if TYPE_CHECKING:  # lenet_sklearn imports torch, which costs a second
    from lenet_sklearn import LeNet5Classifier

# Share of the training set kept back to calibrate the posteriors. Fewer samples
# than this hold a handful of errors, too few to fit a temperature to.
_CALIBRATION_SHARE = 0.05
_LEAST_CALIBRATION = 500


@dataclass(frozen=True)
class Evaluation:
    """How a classifier did on a labelled data set.

    Attributes
    ----------
    labels : ndarray of shape (n_labels,)
        Labels of the rows and columns of `confusion`.

    confusion : ndarray of shape (n_labels, n_labels), dtype int64
        Samples by true label (row) and predicted label (column).

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.training import Evaluation
    >>> evaluation = Evaluation(np.array([1, 7]), np.array([[9, 1], [0, 10]]))
    >>> evaluation.error, evaluation.worst(1)
    (0.05, [(1, 7, 1)])
    """

    labels: NDArray[Any]
    confusion: NDArray[np.int64]

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return int(self.confusion.sum())

    @property
    def n_errors(self) -> int:
        """Number of samples with a wrong prediction."""
        return self.n_samples - int(np.trace(self.confusion))

    @property
    def error(self) -> float:
        """Share of samples with a wrong prediction."""
        return self.n_errors / self.n_samples

    def worst(self, n_pairs: int = 5) -> list[tuple[Any, Any, int]]:
        """List the most frequent confusions.

        Parameters
        ----------
        n_pairs : int, default=5
            How many at most.

        Returns
        -------
        pairs : list of tuple of (truth, guess, count)
            The most frequent first.
        """
        wrong = self.confusion - np.diag(np.diag(self.confusion))
        order = np.argsort(-wrong, axis=None, kind="stable")[:n_pairs]
        cells = zip(*np.unravel_index(order, wrong.shape), strict=True)
        labels = self.labels.tolist()
        return [
            (labels[truth], labels[guess], int(wrong[truth, guess]))
            for truth, guess in cells
            if wrong[truth, guess]
        ]

    def __str__(self) -> str:
        lines = [_error_line(self), "", *_confusion_table(self)]
        if self.n_errors:
            lines += ["", "worst confusions"]
        lines += [f"  {truth} read as {guess}: {n}" for truth, guess, n in self.worst()]
        return "\n".join(lines)


@dataclass(frozen=True)
class Training:
    """What a training did.

    Attributes
    ----------
    path : Path
        The model file.

    n_samples : int
        Images trained on.

    n_parameters : int
        Trainable parameters of the network.

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
    n_parameters: int
    seconds: float
    temperature: float
    test: Evaluation | None
    plots: Sequence[Path] = ()

    def __str__(self) -> str:
        test = "none" if self.test is None else _error_line(self.test)
        return (
            f"trained on   {self.n_samples} images in {self.seconds:.0f} s\n"
            f"parameters   {self.n_parameters}\n"
            f"temperature  {self.temperature:.3f}\n"
            f"test set     {test}\n"
            f"saved in     {self.path}" + _plots_line(self.plots)
        )


def train(
    data: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    device: str = "auto",
    random_state: int = 0,
    params: Mapping[str, Any] | None = None,
    recipe: str = "modern",
    command: str | None = None,
    plots: Path | None = None,
) -> Training:
    """Train a classifier on a data set and save it.

    A twentieth of a large training set is kept back, to calibrate the
    posteriors on. The test set, where there is one, is looked at once, after
    the last epoch.

    Parameters
    ----------
    data : {"mnist", "forms", "digits"} or path
        As in :func:`lenet_sklearn.load_dataset`.

    output : path
        Model file to write, by custom ending in ``.safetensors``.

    data_dir : path, default=None
        Where the files of MNIST are.

    device : str, default="auto"
        As for :class:`lenet_sklearn.LeNet5Classifier`.

    random_state : int, default=0
        Seed of everything random. The same seed gives the same file on the
        same day, machine and one CPU thread; the model card holds the date.

    params : mapping, default=None
        Parameters of the classifier that differ from the recipe.

    recipe : str, default="modern"
        Name of one of :mod:`lenet_sklearn.recipes`.

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
        If the data set cannot be had, there is no such recipe, or a parameter is
        not valid.

    OSError
        If `output` cannot be written; found out before the training.

    Notes
    -----
    Shows a progress bar on a terminal, nothing in a pipe.
    """
    from lenet_sklearn import LeNet5Classifier, count_parameters, load_dataset
    from lenet_sklearn.cards import ModelCard
    from lenet_sklearn.datasets import has_test_split
    from lenet_sklearn.recipes import find_recipe

    path = _check_writable(Path(output))
    if plots:
        check_plots(plots)
    settings = {"device": device, "random_state": random_state, "verbose": 1}
    classifier = LeNet5Classifier(
        **{**find_recipe(recipe), **settings, **(params or {})}
    )
    X, y = load_dataset(data, data_dir=data_dir, split="train")
    start = time.perf_counter()
    n_samples = _fit_and_calibrate(classifier, X, y, random_state)
    seconds = time.perf_counter() - start
    card = ModelCard.write_today(_name_of(data), n_samples, command)
    classifier.save(path, card=card)  # before anything else can fail
    pictures = plot_training(classifier, plots) if plots else []
    test = None
    if has_test_split(data):
        X, y = load_dataset(data, data_dir=data_dir, split="test")
        test = _measure(classifier, X, y)
        classifier.save(path, card=replace(card, figures=_figures(test)))
        pictures += plot_evaluation(classifier, X, y, plots) if plots else []
    n_parameters = count_parameters(classifier.net_.module_)
    temperature = classifier.temperature_
    return Training(path, n_samples, n_parameters, seconds, temperature, test, pictures)


def evaluate(
    model: str | os.PathLike[str],
    data: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    device: str = "auto",
    plots: Path | None = None,
) -> Evaluation:
    """Measure a saved classifier on a data set.

    Parameters
    ----------
    model : {"forms", "mnist"} or path
        A model that ships with the package, or a file.

    data : {"mnist", "forms", "digits"} or path
        As in :func:`lenet_sklearn.load_dataset`. The test set is read where
        there is one, else all of a folder.

    data_dir : path, default=None
        Where the files of MNIST are.

    device : str, default="auto"
        As for :class:`lenet_sklearn.LeNet5Classifier`.

    plots : Path, default=None
        Folder for pictures of what is misread.

    Returns
    -------
    evaluation : Evaluation
        Errors and confusions; its string is the report to print.

    Raises
    ------
    ValueError
        If the model or the data set cannot be read, or do not fit each other.
    """
    from lenet_sklearn import load_dataset, load_model
    from lenet_sklearn.datasets import has_test_split
    from lenet_sklearn.transfer import model_path

    if plots:
        check_plots(plots)
    classifier = load_model(model_path(model), device=device)
    split: Literal["train", "test"] = "test" if has_test_split(data) else "train"
    X, y = load_dataset(data, data_dir=data_dir, split=split)
    # All members of a committee were trained on the same images.
    image_shape = getattr(classifier, "estimators_", [classifier])[0].image_shape_
    if X.shape[1:] != image_shape:
        sizes = ["x".join(map(str, s)) for s in (image_shape, X.shape[1:])]
        raise ValueError(
            f"The model {model} reads images of {sizes[0]} pixels, and those of {data}"
            f" are {sizes[1]}. Train one on them, or take other images."
        )
    evaluation = _measure(classifier, X, y)
    if plots:
        plot_evaluation(classifier, X, y, plots)
    return evaluation


def parse_params(texts: Sequence[str]) -> dict[str, Any]:
    """Read parameters of the classifier as they are written on a command line.

    Parameters
    ----------
    texts : sequence of str
        Each ``NAME=VALUE``, the value as JSON has it; what is no JSON is a string.

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
    >>> from pipelines.training import parse_params
    >>> parse_params(["lr=0.01", "pooling=average", "distortion=null"])
    {'lr': 0.01, 'pooling': 'average', 'distortion': None}
    """
    from lenet_sklearn import LeNet5Classifier

    known = sorted(LeNet5Classifier().get_params())
    params = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            raise ValueError(
                f"--set expects NAME=VALUE with one of {', '.join(known)}. Got {text!r}"
            )
        params[name] = _parse_value(value)
    return params


def _parse_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _check_writable(path: Path) -> Path:
    """Find out before the work whether its result can be kept."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder. Name a file to write.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent}. Create it first.")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"The folder {path.parent} cannot be written.")
    return path


def _fit_and_calibrate(
    classifier: "LeNet5Classifier",
    X: NDArray[np.uint8],
    y: NDArray[Any],
    random_state: int,
) -> int:
    """Fit, calibrate where there is enough to do it on; count what was fitted."""
    from sklearn.model_selection import train_test_split

    if _CALIBRATION_SHARE * len(X) < _LEAST_CALIBRATION:
        classifier.fit(X, y)
        return len(X)
    X, X_held, y, y_held = train_test_split(
        X, y, test_size=_CALIBRATION_SHARE, stratify=y, random_state=random_state
    )
    classifier.fit(X, y).calibrate(X_held, y_held)
    return len(X)


def _measure(
    classifier: "LeNet5Classifier", X: NDArray[np.uint8], y: NDArray[Any]
) -> Evaluation:
    from sklearn.metrics import confusion_matrix

    classes = classifier.classes_
    if (classes.dtype.kind in "US") != (y.dtype.kind in "US"):
        raise ValueError(
            f"The model knows the labels {classes.tolist()[:5]}, the data set has"
            f" {np.unique(y).tolist()[:5]}: numbers and names do not compare."
            " Rename the folders, or train on this data set."
        )
    labels = np.union1d(classes, y)
    confusion = confusion_matrix(y, classifier.predict(X), labels=labels)
    return Evaluation(labels, confusion)


def _name_of(data: str | os.PathLike[str]) -> str:
    """Name a data set for others, to whom the path of a folder means nothing."""
    return Path(data).name or str(data)


def _figures(test: Evaluation) -> dict[str, str]:
    return {"test set": _error_line(test)}


def _plots_line(plots: Sequence[Path]) -> str:
    return f"\npictures     {plots[0].parent}" if plots else ""


def _error_line(evaluation: Evaluation) -> str:
    return (
        f"error {100 * evaluation.error:.2f} %"
        f" ({evaluation.n_errors} of {evaluation.n_samples})"
    )


def _confusion_table(evaluation: Evaluation) -> list[str]:
    """Lines of a table; zeros are dots, so that the errors stand out."""
    names = [str(label) for label in evaluation.labels.tolist()]
    widest = max(len(str(evaluation.confusion.max())), *map(len, names))
    head = "truth".rjust(max(5, widest)) + " | "
    lines = [head + " ".join(name.rjust(widest) for name in names) + "  <- read as"]
    for name, row in zip(names, evaluation.confusion.tolist(), strict=True):
        cells = " ".join((str(n) if n else ".").rjust(widest) for n in row)
        lines.append(name.rjust(max(5, widest)) + " | " + cells)
    return lines
