"""What the fits of a search have read: looked up, or read now, networks together."""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from joblib import effective_n_jobs
from sklearn.base import clone

from lenet_sklearn import LeNet5Classifier
from lenet_sklearn.devices import resolve_device
from pipelines.recipes import N_LABELLED
from pipelines.training.candidates import Candidate
from pipelines.training.remembering import RememberingEstimator, take

if TYPE_CHECKING:  # it imports this module
    from pipelines.training.search import SearchPlan

# What the parameters of a reader bear in the shell of :class:`RememberingEstimator`.
READER: Final = "reader__"

# Networks that are trained as one: more would gain little, and be lost by a kill.
_STACK_SIZE: Final = 4

# A fit, and what is held out from it.
_Task: TypeAlias = tuple[RememberingEstimator, Any, Any]


class Replay:
    """Looks up what was read, and reads what was not yet.

    Parameters
    ----------
    shell : RememberingEstimator
        Around the reader.

    X, y : sequences of n_samples
        As for :func:`pipelines.training.search.search`.

    splits : sequence of tuples of (ndarray, ndarray)
        Indices to learn from, and to hold out.

    plan : SearchPlan
        How the search goes.

    Attributes
    ----------
    reading : float
        Seconds that reading a fold takes, once they are known.
    """

    def __init__(
        self, shell: Any, X: Any, y: Any, splits: Sequence[Any], plan: "SearchPlan"
    ) -> None:
        self.shell, self.X, self.y = shell, X, y
        self.splits, self.plan = splits, plan
        self.reading = 0.0
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has been there, as long as the search."""
        return time.monotonic() - self._began

    def __call__(
        self, params: Mapping[str, Any], n_folds: int | None = None
    ) -> Candidate:
        """Say what a candidate has read of the folds.

        Parameters
        ----------
        params : dict
            Parameters of the reader, and how many it learns from.

        n_folds : int, default=None
            Of the first folds; None for all.

        Returns
        -------
        candidate : Candidate
        """
        outcomes, seconds = [], []
        for learned, held in self.splits[:n_folds]:
            fitted, *part = self._task(in_shell(params), learned, held)
            read, took = fitted.remember(*part)
            outcomes.append(read)
            seconds.append(took)
        return Candidate(
            dict(params), outcomes, seconds, self.plan.scoring, self.plan.max_error
        )

    def read_together(self, candidates: Sequence[Mapping[str, Any]]) -> None:
        """Fit classifiers, their networks together, a few at a time.

        Parameters
        ----------
        candidates : sequence of dict
            Parameters of the reader; each is fitted on every fold, unless that is done.
            Of other readers there is nothing to train together.
        """
        if not isinstance(self.shell.reader, LeNet5Classifier):
            return
        tasks = self._unread(candidates)
        # Elsewhere than on a CPU all networks share one device.
        on_cpu = resolve_device(self.shell.reader.device).type == "cpu"
        n_jobs = effective_n_jobs(self.plan.jobs) if on_cpu else 1
        while some := list(islice(tasks, _STACK_SIZE * n_jobs)):
            _remember_together(some, n_jobs)

    def _unread(self, candidates: Sequence[Mapping[str, Any]]) -> Iterator[_Task]:
        # Fold by fold: networks of one stack learn from as many samples.
        for learned, held in self.splits:
            for params in candidates:
                task = self._task(in_shell(params), learned, held)
                if task[0].n_fitted_ and not task[0].path(*task[1:]).exists():
                    yield task

    def _task(self, params: Mapping[str, Any], learned: Any, held: Any) -> _Task:
        shell = clone(self.shell).set_params(**params)
        shell.fit(take(self.X, learned), take(self.y, learned))
        return shell, take(self.X, held), take(self.y, held)


def _remember_together(tasks: Sequence[_Task], n_jobs: int) -> None:
    """Fit classifiers whose networks are trained as one, and let each read."""
    from lenet_sklearn.training.fitting import training_by
    from lenet_sklearn.training.plan import TrainingPlan

    plan = TrainingPlan()
    with training_by(plan.note):
        for estimator, *_ in tasks:
            estimator.fit_reader()
    plan.train(n_jobs, _STACK_SIZE)
    with training_by(plan.take):
        for (estimator, X, y), outcome in zip(tasks, plan.outcomes, strict=True):
            if outcome.error is None:
                estimator.remember(X, y, outcome.seconds)
    for outcome in plan.outcomes:  # only now: what the others learned is kept
        if outcome.error is not None:
            raise outcome.error


def in_shell(params: Mapping[str, Any]) -> dict[str, Any]:
    """Name parameters of a reader, and how many it learns from, as its shell does.

    Parameters
    ----------
    params : dict
        By the names of the reader.

    Returns
    -------
    params : dict
        By those of :class:`pipelines.training.remembering.RememberingEstimator`.
    """
    return {k if k == N_LABELLED else f"{READER}{k}": v for k, v in params.items()}


def without_shell(params: Mapping[str, Any]) -> dict[str, Any]:
    """Name parameters of a shell as the reader in it does.

    Parameters
    ----------
    params : dict
        As :func:`in_shell` gives them.

    Returns
    -------
    params : dict
        As it takes them.
    """
    return {k.removeprefix(READER): v for k, v in params.items()}
