"""A search over parameters whose networks are trained together."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier
from sklearn.model_selection import GridSearchCV, ParameterGrid, check_cv
from sklearn.utils.metadata_routing import MetadataRequest, get_routing_for_object

from lenet_sklearn.parameters import COUNT

if TYPE_CHECKING:  # torch takes seconds to import
    from lenet_sklearn.training.plan import TrainingPlan

# What the search has besides GridSearchCV's own, or does not hand on to it.
_OWN = ("stack_size", "n_jobs", "pre_dispatch", "cv")


class StackedGridSearchCV(GridSearchCV):
    """Search a grid as GridSearchCV does, and train its networks together.

    A drop-in for :class:`sklearn.model_selection.GridSearchCV` where the estimator is,
    or holds, a :class:`LeNet5Classifier`. Networks of one architecture are trained as
    one, their weights stacked: candidates and folds. Each has the weights, batches and
    distortions that it would have alone, and comes out as it would, but for the order
    in which numbers are added. What else there is in the estimator is fitted as ever.

    Parameters
    ----------
    estimator : estimator
        A :class:`LeNet5Classifier`, or such as a pipeline that ends in one.

    param_grid : dict or list of dicts
        Values of parameters, as for GridSearchCV.

    stack_size : int, default=None
        Networks that are trained as one, at most; 1 trains each alone. None for what
        measured best: on a CPU 512 images in a step, which are four networks with
        batches of 128; elsewhere 16,384, which want up to 8 GiB of memory there.

    scoring, refit, cv, error_score, return_train_score
        As for GridSearchCV.

    n_jobs : int, default=None
        Processes that train, each some of the stacks. None for one for each core on a
        CPU, where the training is long enough to pay for their start, and for this
        process alone on an accelerator, which all networks share. Networks are read
        with, and other parts of the estimator fitted, in this process.

    verbose : int, default=0
        From 1, tells the way that was taken, and what GridSearchCV tells.

    pre_dispatch : int or str, default="2*n_jobs"
        Taken as GridSearchCV takes it, and of no effect.

    Attributes
    ----------
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, \
            n_splits_, refit_time_, multimetric_
        As of GridSearchCV. ``mean_fit_time`` and ``std_fit_time`` are of shares: the
        time of a stack divided by its networks.

    way_ : str
        How networks were trained, and why so.

    Notes
    -----
    Networks share a stack that differ in `lr`, `schedule`, weight decay, `distortion`,
    `distillation`, `class_weight`, ``criterion__label_smoothing``,
    ``module__dropout``, `random_state` and samples. Another architecture, optimizer,
    `batch_size`, `max_epochs`, number of images or set of labels makes another stack.
    Networks with `averaging`, `callbacks`, `early_stopping`, `frozen`, a `module` of
    one's own, or other arguments of skorch's net are trained alone, in the same
    processes.

    Every fit is done twice, first only to see what there is to train. Where steps
    before the classifier are slow, give the pipeline a `memory`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from lenet_sklearn import LeNet5Classifier, StackedGridSearchCV
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = LeNet5Classifier(max_epochs=4, random_state=0, device="cpu")
    >>> search = StackedGridSearchCV(classifier, {"lr": [1e-5, 1e-2]}, cv=2)
    >>> search.fit(X[:400], y[:400]).best_params_
    {'lr': 0.01}
    >>> search.way_.partition(":")[0]
    '4 networks in 1 stack; in this process'
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **GridSearchCV._parameter_constraints,
        "stack_size": [COUNT, None],
    }

    def __init__(
        self,
        estimator: Any,
        param_grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        stack_size: int | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[..., Any] = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        error_score: float | str = np.nan,
        return_train_score: bool = False,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.stack_size = stack_size

    def fit(self, X: ArrayLike, y: ArrayLike | None = None, **params: Any) -> Self:
        """Train all networks, score them, and fit the best estimator to all samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
            What the estimator learns from.

        y : array-like of shape (n_samples,)
            Labels.

        **params : dict
            `groups`, `sample_weight` and what else GridSearchCV hands on.

        Returns
        -------
        self : StackedGridSearchCV
            The fitted search.
        """
        # Training imports torch, which takes seconds.
        from lenet_sklearn.training.fitting import training_by
        from lenet_sklearn.training.plan import TrainingPlan

        self._validate_params()
        plan = TrainingPlan()
        classifies = is_classifier(self.estimator)
        how = {k: v for k, v in self.get_params(deep=False).items() if k not in _OWN}
        # The same splits for what is noted and for what is scored.
        how["cv"] = _Splits(check_cv(self.cv, y, classifier=classifies))
        counts = _note(plan, how, X, y, params)
        self.way_ = plan.train(self.n_jobs, self.stack_size)
        if self.verbose:
            print(self.way_)
        with training_by(plan.take):
            search = GridSearchCV(**how, n_jobs=1).fit(X, y, **params)
        times = _fit_times(plan, counts, search.n_splits_)
        if len(times) == len(search.cv_results_["params"]):
            search.cv_results_["mean_fit_time"] = times.mean(axis=1)
            search.cv_results_["std_fit_time"] = times.std(axis=1)
        learned = {k: v for k, v in vars(search).items() if k.endswith("_")}
        self.__dict__.update(learned)
        return self


class _Splits:
    """A splitter that splits once, and gives the same splits again."""

    def __init__(self, cv: Any) -> None:
        self.cv = cv
        self._splits: list[tuple[NDArray[Any], NDArray[Any]]] | None = None

    def split(self, *samples: Any, **params: Any) -> Iterator[Any]:
        if self._splits is None:
            self._splits = list(self.cv.split(*samples, **params))
        return iter(self._splits)

    def get_n_splits(self, *samples: Any, **params: Any) -> int:
        return int(self.cv.get_n_splits(*samples, **params))

    def get_metadata_routing(self) -> MetadataRequest:
        return get_routing_for_object(self.cv)


class _NotingSearch(GridSearchCV):
    """Fits nothing, and counts the trainings of each candidate."""

    plan: "TrainingPlan"

    def _run_search(self, evaluate_candidates: Callable[..., Any]) -> None:
        self.counts: list[int] = []
        for params in ParameterGrid(self.param_grid):
            before = len(self.plan.trainings)
            with suppress(ValueError):  # all fits of a candidate may fail, as later
                evaluate_candidates([params])
            self.counts.append(len(self.plan.trainings) - before)


def _note(
    plan: "TrainingPlan", how: Mapping[str, Any], X: Any, y: Any, params: Any
) -> list[int]:
    """Note what there is to train; return how many trainings each candidate has."""
    from lenet_sklearn.training.fitting import training_by

    quiet = {"n_jobs": 1, "refit": False, "error_score": np.nan, "verbose": 0}
    search = _NotingSearch(**{**how, **quiet, "return_train_score": False})
    search.plan, search.counts = plan, []
    # Nothing of this is a result. What cannot be fitted, or scored, says so again when
    # it counts, and what was not noted is trained then.
    with warnings.catch_warnings(), training_by(plan.note), suppress(Exception):
        warnings.simplefilter("ignore")
        search.fit(X, y, **params)
    return search.counts


def _fit_times(
    plan: "TrainingPlan", counts: Sequence[int], n_splits: int
) -> NDArray[np.float64]:
    """Give the seconds of each fit, of shape (n_candidates, n_splits).

    Where a fit failed before it trained, it is not known which; it counts as the last.
    """
    times = np.zeros((len(counts), n_splits))
    outcomes = iter(plan.outcomes)
    for row, count in enumerate(counts):
        in_a_fit = max(1, count // n_splits)
        for n in range(count):
            times[row, min(n // in_a_fit, n_splits - 1)] += next(outcomes).seconds
    return times
