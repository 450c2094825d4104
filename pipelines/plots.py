"""Pictures beside a training or an evaluation: what ``--plots`` writes."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.results import make_folder

if TYPE_CHECKING:
    from lenet_sklearn import LeNet5Classifier

# Sharp on a screen of high resolution, and still a small file.
_DPI = 150


def check_plots(folder: Path) -> None:
    """Find out before the work whether pictures can be drawn and kept.

    Parameters
    ----------
    folder : Path
        Created if need be.

    Raises
    ------
    ValueError
        If matplotlib is not installed.

    OSError
        If the folder cannot be made.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise ValueError(
            "Pictures need matplotlib, which is not installed."
            ' Install it with pip install "lenet-sklearn[plot]".'
        )
    make_folder(folder)


def plot_training(classifier: "LeNet5Classifier", folder: Path) -> list[Path]:
    """Draw how a training went and what came of it.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Fitted in this process.

    folder : Path
        Where ``training.png`` and ``kernels.png`` go.

    Returns
    -------
    paths : list of Path
        The pictures.
    """
    from lenet_sklearn.plotting import KernelDisplay, TrainingCurveDisplay

    return [
        _draw(folder / "training.png", TrainingCurveDisplay, classifier),
        _draw(folder / "kernels.png", KernelDisplay, classifier),
    ]


def plot_evaluation(
    classifier: "LeNet5Classifier",
    X: NDArray[np.uint8],
    y: NDArray[Any],
    folder: Path,
) -> list[Path]:
    """Draw what a classifier misreads and what rejection would help.

    Parameters
    ----------
    classifier : LeNet5Classifier or VotingClassifier
        Fitted.

    X : ndarray of shape (n, height, width), dtype uint8
        Images.

    y : ndarray of shape (n,)
        Their labels.

    folder : Path
        Where ``misread.png``, ``error_reject.png`` and ``feature_maps.png`` go,
        the last one of the first image, and not for a committee.

    Returns
    -------
    paths : list of Path
        The pictures.
    """
    from lenet_sklearn.plotting import (
        ErrorRejectDisplay,
        FeatureMapDisplay,
        MisreadDisplay,
    )

    paths = [
        _draw(folder / "misread.png", MisreadDisplay, classifier, X, y),
        _draw(folder / "error_reject.png", ErrorRejectDisplay, classifier, X, y),
    ]
    if hasattr(classifier, "net_"):  # a committee has many
        maps = folder / "feature_maps.png"
        paths.append(_draw(maps, FeatureMapDisplay, classifier, X[0]))
    return paths


def _draw(path: Path, display: Any, *arguments: Any) -> Path:
    """Draw a display into a file, and forget it."""
    # The displays know the sizes that suit them, and need pyplot for that.
    import matplotlib.pyplot as plt

    with plt.rc_context({"savefig.bbox": "tight"}):
        figure = display.from_estimator(*arguments).figure_
        figure.savefig(path, dpi=_DPI)
        plt.close(figure)
    return path
