"""Searches that go on where they were: what was read of held-out samples is kept."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Self

import cv2
import joblib
import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state, get_tags
from threadpoolctl import threadpool_limits

from lenet_sklearn.models.registry import pack_model
from lenet_sklearn.outputs import write_whole
from pipelines.forms.form import Form
from pipelines.memory import ImageMemory, stamp, use_memory
from pipelines.readers.base import is_fitted
from pipelines.readers.scorers import Outcomes, exact_strings, judge

# What learns and reads otherwise in another release, beside what makes images.
_RELEASES: Final = ("onnxruntime", "scikit-learn", "torch")


class RememberingEstimator(BaseEstimator):
    """Keep what an estimator read of held-out samples, so that no fit is done again.

    A search fits each candidate on each fold, and scores it on what is held out. In
    this shell an estimator is fitted when its score is asked for, and not at all if a
    file says what it read: one that is fitted to the same samples, with the same
    parameters, by the same releases, and read the same samples.

    Parameters
    ----------
    reader : estimator
        Reader of fields or pages, or classifier. Its parameters bear ``reader__``.

    folder : str or path
        Where the files are, one for each fit.

    n_labelled : int, default=None
        Learn from this many of the samples only, drawn by chance; of 0 from none: the
        reader then reads as it comes. None for all.

    random_state : int, default=0
        Seed of this draw. Of two numbers of samples, the fewer are among the others.

    memory : ImageMemory, default=None
        Keeps what is made of images before a network sees them.

    one_thread : bool, default=False
        Fit and read with one thread: where as many processes are at work as there are
        cores, more of each are in each other's way.

    Attributes
    ----------
    key_ : str
        Names what was fitted, with which parameters, and on what.

    n_fitted_ : int
        Samples it is fitted on.

    Notes
    -----
    A file is written as a whole when a fit is done and has read, so that a search may
    be killed at any time. Two processes may share a folder.
    """

    def __init__(
        self,
        reader: Any = None,
        folder: str | os.PathLike[str] = "",
        *,
        n_labelled: int | None = None,
        random_state: int = 0,
        memory: ImageMemory | None = None,
        one_thread: bool = False,
    ) -> None:
        self.reader = reader
        self.folder = folder
        self.n_labelled = n_labelled
        self.random_state = random_state
        self.memory = memory
        self.one_thread = one_thread

    def fit(self, X: Sequence[Any], y: Sequence[Any]) -> Self:
        """Note what is to be fitted.

        Parameters
        ----------
        X : sequence of n_samples
            Pages, fields or glyphs.

        y : array-like of shape (n_samples,) or (n_samples, n_fields)
            What they say.

        Returns
        -------
        self : RememberingEstimator
            The estimator itself.
        """
        rows = self._draw(len(X))
        lesson = take(X, rows), take(y, rows)
        self._lesson = lesson
        self._fitted: Any = None
        self.n_fitted_ = len(rows)
        releases = [version(name) for name in _RELEASES]
        said = stamp(), releases, describe(self.reader)
        self.key_ = joblib.hash((*said, *lesson))
        return self

    def judge(self, X: Sequence[Any], y: Sequence[Any]) -> Outcomes:
        """Read samples whose truth is known, or look up what was read in them.

        Parameters
        ----------
        X : sequence of n_samples
            Pages, fields or glyphs.

        y : array-like of shape (n_samples,) or (n_samples, n_fields)
            What they say.

        Returns
        -------
        outcomes : Outcomes
            As of :func:`pipelines.readers.scorers.judge`.
        """
        return self.remember(X, y)[0]

    def score(self, X: Sequence[Any], y: Sequence[Any]) -> float:
        """Return the share of values that are right as a whole.

        Parameters
        ----------
        X, y
            As for :meth:`judge`.

        Returns
        -------
        score : float
            In [0, 1].
        """
        return exact_strings(self, X, y)

    def _draw(self, n_samples: int) -> list[int]:
        """Choose whom to learn from; in their own order, as an estimator sees it."""
        if self.n_labelled is None or self.n_labelled >= n_samples:
            return list(range(n_samples))
        order = check_random_state(self.random_state).permutation(n_samples)
        return sorted(order[: self.n_labelled].tolist())

    def remember(
        self, X: Sequence[Any], y: Sequence[Any], trained: float = 0.0
    ) -> tuple[Outcomes, float]:
        """Read samples, or look up what was read in them, and how long it took.

        Parameters
        ----------
        X, y
            As for :meth:`judge`.

        trained : float, default=0.0
            Seconds that the training has taken, if it is done already.

        Returns
        -------
        outcomes : Outcomes
            As of :meth:`judge`.

        seconds : float
            Of fitting and reading, by the clock on the wall, when that was done.
        """
        path = self.path(X, y)
        try:
            return _load(path)
        except (OSError, ValueError, KeyError):  # not there, or damaged
            pass
        began = time.perf_counter()
        threads = one_thread() if self.one_thread else nullcontext()
        with use_memory(self.memory), threads:
            outcomes = judge(self._reader(), X, y)
        seconds = trained + time.perf_counter() - began
        _save(path, outcomes, seconds)
        return outcomes, seconds

    def path(self, X: Sequence[Any], y: Sequence[Any]) -> Path:
        """Name the file of what is read of samples.

        Parameters
        ----------
        X, y
            As for :meth:`judge`.

        Returns
        -------
        path : Path
            Whether it is there or not.
        """
        return Path(self.folder) / f"{self.key_}-{joblib.hash((X, y))}.npz"

    def fit_reader(self) -> Any:
        """Fit the estimator now.

        Returns
        -------
        reader : estimator
            A fitted clone; of no samples, one that is not.
        """
        reader = clone(self.reader)
        return reader.fit(*self._lesson) if self.n_fitted_ else reader

    def _reader(self) -> Any:
        if self._fitted is None:
            self._fitted = self.fit_reader()
        return self._fitted

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "key_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        own = get_tags(self.reader)
        tags.estimator_type, tags.classifier_tags = (
            own.estimator_type,
            own.classifier_tags,
        )
        tags.target_tags, tags.input_tags = own.target_tags, own.input_tags
        return tags


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenCV, the libraries of linear algebra and torch to one thread each.

    Onnxruntime takes as many as torch does.
    """
    import torch  # whoever fits imports it anyway

    before = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])


def take(samples: Any, rows: Any) -> Any:
    """Take samples out as scikit-learn does: what is a list stays one.

    Parameters
    ----------
    samples : ndarray or sequence
        What to take from.

    rows : sequence of int
        Which ones.

    Returns
    -------
    taken : ndarray or list
    """
    if isinstance(samples, np.ndarray):
        return samples[list(rows)]
    return [samples[n] for n in rows]


def describe(estimator: Any) -> list[tuple[str, Any]]:
    """List what decides how an estimator is fitted: its parts and their parameters.

    Parameters
    ----------
    estimator : estimator
        Its parameters may be fitted models, which are described by their weights. A
        `memory` decides nothing.

    Returns
    -------
    parts : list of tuples of (name, content)
        Of what :func:`joblib.hash` tells apart by content, in every process.

    Examples
    --------
    >>> from pipelines import CuttingReader
    >>> from pipelines.training.remembering import describe
    >>> dict(describe(CuttingReader(max_epochs=4)))["max_epochs"]
    4
    """
    params = sorted(
        (name, value)
        for name, value in estimator.get_params().items()
        if name.rpartition("__")[2] != "memory"
    )
    own = ("", f"{type(estimator).__module__}.{type(estimator).__qualname__}")
    return [own, *((name, _content(value)) for name, value in params)]


def _content(value: Any) -> Any:
    """Return what a parameter is: the parameters of an estimator stand beside it."""
    if isinstance(value, list | tuple):  # such as the steps of a Pipeline
        return [_content(one) for one in value]
    if isinstance(value, Form):  # the file of its blank page may be another
        return value, value.blank_version() if value.blank else None
    if isinstance(value, BaseEstimator) and not is_fitted(value):
        return f"{type(value).__module__}.{type(value).__qualname__}"
    try:
        header, weights = pack_model(value)
    except TypeError:  # no model
        return value
    return json.dumps(header, sort_keys=True), sorted(weights.items())


def _save(path: Path, outcomes: Outcomes, seconds: float) -> None:
    """Write strings as text: nothing that is read may run code."""
    content = BytesIO()
    truths, values = (
        np.array([str(one) for one in words], dtype=np.str_)
        for words in (outcomes.truths, outcomes.values)
    )
    np.savez_compressed(
        content,
        truths=truths,
        values=values,
        confidences=outcomes.confidences,
        decided=outcomes.decided,
        seconds=np.array(seconds),
    )
    digest = hashlib.sha256(content.getvalue()).digest()
    write_whole(path, content.getvalue() + digest)


def _load(path: Path) -> tuple[Outcomes, float]:
    """Read what :func:`_save` wrote; ValueError for a file that is damaged."""
    content, digest = (whole := path.read_bytes())[:-32], whole[-32:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError(f"{path} is damaged")
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        outcomes = Outcomes(
            arrays["truths"].astype(object),
            arrays["values"].astype(object),
            arrays["confidences"],
            arrays["decided"],
        )
        return outcomes, float(arrays["seconds"])
