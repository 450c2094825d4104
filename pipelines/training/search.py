"""Search the parameters of a reader by cross-validation, and go on where it was."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    KFold,
    ParameterGrid,
)
from sklearn.utils import get_tags
from tqdm import tqdm

from pipelines.memory import ImageMemory
from pipelines.readers.base import split_reader
from pipelines.readers.scorers import (
    SCORERS,
    Scorer,
    read_rate,
)
from pipelines.recipes import N_LABELLED, Grid, check_grid
from pipelines.training.budget import (
    FACTOR,
    estimate_seconds,
    fit_seconds,
    fixed_share,
    plan_rungs,
)
from pipelines.training.candidates import Candidate, Found, rank
from pipelines.training.remembering import RememberingEstimator
from pipelines.training.replay import (
    READER,
    Replay,
    in_shell,
    without_shell,
)

# Seconds between two looks at what is done.
_PAUSE: Final = 1.0

# Share of a budget that a plan may use by its estimate: clocks and cores are shared.
_USABLE: Final = 0.7

# Share of a budget that may be spent on seeing how the time of a fit grows.
_LOOK: Final = 0.2


@dataclass(frozen=True)
class SearchPlan:
    """How a search goes.

    Attributes
    ----------
    folder : Path
        Where finished fits are kept, and what was made of images on the way.

    scoring : str, default="exact_strings"
        Name of the scorer that ranks, one of
        :data:`pipelines.readers.scorers.SCORERS`.

    max_error : float, default=0.01
        Share of the accepted that may be wrong, for the read rate.

    n_folds : int, default=3
        Folds of the cross-validation, at least 2.

    jobs : int, default=1
        Processes side by side, as for joblib; each keeps to one thread, if there may
        be several.

    budget : float, default=None
        Seconds that it may take, the last fit on all samples included. If all
        candidates on all samples would take longer, the worse two thirds are left out
        after a third of the samples, and so on. None for as long as it takes.

    random_state : int, default=0
        Seed of the folds, where no groups make them.
    """

    folder: Path
    scoring: str = "exact_strings"
    max_error: float = 0.01
    n_folds: int = 3
    jobs: int = 1
    budget: float | None = None
    random_state: int = 0

    @property
    def memory(self) -> ImageMemory:
        """What is made of images before a network sees them; it may be cleared."""
        return ImageMemory(self.folder / "images")

    def scorer(self) -> Scorer:
        """Return the scorer that ranks.

        Returns
        -------
        scorer : callable
            As `scoring` of scikit-learn's searches.
        """
        if self.scoring == "read_rate":
            return partial(read_rate, max_error=self.max_error)
        return SCORERS[self.scoring]


def search(
    reader: Any,
    X: Sequence[Any],
    y: ArrayLike,
    grid: Grid,
    plan: SearchPlan,
    *,
    groups: Sequence[Any] | None = None,
) -> Found:
    """Cross-validate every candidate of a grid, or the better ones, once for all.

    Parameters
    ----------
    reader : estimator
        Reader of fields or pages, or classifier.

    X : sequence of n_samples
        What it reads.

    y : array-like of shape (n_samples,) or (n_samples, n_fields)
        What they say.

    grid : list of dicts of str to list
        As for :class:`sklearn.model_selection.GridSearchCV`.

    plan : SearchPlan
        How to go about it.

    groups : sequence of n_samples objects, default=None
        Writer or document of each: no group is both learned from and held out.

    Returns
    -------
    found : Found

    Raises
    ------
    ValueError
        If the grid names no parameter of the reader, there are fewer groups, or
        samples, than folds, or the budget is too short.
    """
    check_grid(grid, reader)
    splits = split(len(X), groups, plan)
    plan.folder.mkdir(parents=True, exist_ok=True)
    shell = RememberingEstimator(
        reader,
        plan.folder,
        random_state=plan.random_state,
        memory=plan.memory,
        one_thread=plan.jobs != 1,
    )
    replay = Replay(shell, X, y, splits, plan)
    with _show_progress(plan.folder), warnings.catch_warnings():
        # A process that has imported torch weighs so much more than before that joblib
        # takes it for a leak, and starts another: nothing that a user should hear of.
        warnings.filterwarnings("ignore", "A worker stopped while", UserWarning)
        return _search(replay, grid)


def _search(replay: Replay, grid: Grid) -> Found:
    """Search, and look up what every candidate read of every fold."""
    shell, plan, splits = replay.shell, replay.plan, replay.splits
    before = None
    if not get_tags(split_reader(shell.reader)[1]).requires_fit:
        before = replay({N_LABELLED: 0})
        replay.reading = min(before.seconds)
    grid = _known_sizes(grid, splits)
    searching = _choose_search(shell, grid, plan, replay)
    if not isinstance(searching, HalvingGridSearchCV):
        replay.read_together(list(ParameterGrid(grid)))
    searching.fit(replay.X, replay.y)
    results = searching.cv_results_
    found = [replay(without_shell(params)) for params in results["params"]]
    best = _best_of(found)
    times = np.array([candidate.seconds for candidate in found])
    kept = {
        name.replace(f"param_{READER}", "param_", 1): values
        for name, values in results.items()
        if "score_time" not in name
    }
    kept |= {"mean_fit_time": times.mean(axis=1), "std_fit_time": times.std(axis=1)}
    kept["params"] = [candidate.params for candidate in found]
    if isinstance(searching, HalvingGridSearchCV):
        best = _let_learn_from_all(best, searching, replay)
        found += [] if any(best is one for one in found) else [best]
    return Found(found, best, before, kept, list(splits))


def _best_of(candidates: Sequence[Candidate]) -> Candidate:
    """Return the best of those that learned from the most samples."""
    most = max(map(_size, candidates))
    return rank(c for c in candidates if _size(c) == most)[0]


def _size(candidate: Candidate) -> float:
    """Return how many samples a candidate has learned from; of all, infinity."""
    return float(candidate.params.get(N_LABELLED, np.inf))


def _let_learn_from_all(
    winner: Candidate, halving: HalvingGridSearchCV, replay: Replay
) -> Candidate:
    """Judge the winner of a halving by all samples.

    Scikit-learn stops as soon as fewer than three candidates are left on a rung.
    """
    size = halving.max_resources
    if _size(winner) == size:
        return winner
    params = {**winner.params, N_LABELLED: size}
    one = {name: [value] for name, value in in_shell(params).items()}
    names = ("scoring", "cv", "n_jobs", "refit", "error_score")
    how = {name: getattr(halving, name) for name in names}
    GridSearchCV(halving.estimator, one, **how).fit(replay.X, replay.y)
    return replay(params)


@contextmanager
def _show_progress(folder: Path) -> Iterator[None]:
    """Count the fits that are done, on a terminal; processes tell them by files."""
    is_over = Event()

    def watch() -> None:
        # disable=None: no bar where nobody looks.
        with tqdm(unit="fit", disable=None) as bar:
            while not is_over.wait(_PAUSE):
                bar.update(sum(1 for _ in folder.glob("*.npz")) - bar.n)

    watching = Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        is_over.set()
        watching.join()


def split(
    n_samples: int, groups: Sequence[Any] | None, plan: SearchPlan
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Split samples into folds, whole groups together.

    Parameters
    ----------
    n_samples : int
        How many there are.

    groups : sequence of n_samples objects, or None
        As for :func:`search`.

    plan : SearchPlan
        With the number of folds, and the seed.

    Returns
    -------
    splits : list of tuples of (ndarray, ndarray)
        Indices to learn from, and to hold out.

    Raises
    ------
    ValueError
        If there are fewer groups, or samples, than folds.
    """
    n_units = n_samples if groups is None else len(set(groups))
    if n_units < plan.n_folds:
        unit, mend = "labelled samples", "Label more"
        if groups is not None:
            unit, mend = "groups", "Name another column of groups"
        raise ValueError(
            f"A search on {plan.n_folds} folds needs as many {unit}. Got {n_units}."
            f" {mend}, or take fewer folds."
        )
    if groups is None:
        folds = KFold(plan.n_folds, shuffle=True, random_state=plan.random_state)
        return list(folds.split(range(n_samples)))
    return list(GroupKFold(plan.n_folds).split(range(n_samples), groups=groups))


def _choose_search(shell: Any, grid: Grid, plan: SearchPlan, replay: Replay) -> Any:
    """Take all candidates on all samples, if there is time, or else halve them."""
    shelled = [in_shell(part) for part in grid]
    how: dict[str, Any] = {
        "scoring": plan.scorer(),
        "cv": replay.splits,
        "n_jobs": plan.jobs,
        "refit": False,
        "error_score": "raise",
        "return_train_score": False,
    }
    if plan.budget is None:
        return GridSearchCV(shell, shelled, **how)
    if any(N_LABELLED in part for part in grid):
        raise ValueError(
            f"A budget chooses how many samples are learned from, and so does the grid,"
            f" by {N_LABELLED}. Leave one of them out."
        )
    candidates = list(ParameterGrid(grid))
    rungs = plan_rungs(len(candidates), min(len(part) for part, _ in replay.splits))
    costs = _measure(candidates, rungs[0], plan, replay)
    if _has_time_for_all(candidates, costs, rungs, plan, replay):
        return GridSearchCV(shell, shelled, **how)
    return HalvingGridSearchCV(
        shell,
        shelled,
        factor=FACTOR,
        resource=N_LABELLED,
        min_resources=rungs[0],
        max_resources=rungs[-1],
        random_state=plan.random_state,
        **how,
    )


def _has_time_for_all(
    candidates: Sequence[Mapping[str, Any]],
    costs: Sequence[float],
    rungs: Sequence[int],
    plan: SearchPlan,
    replay: Replay,
) -> bool:
    """Return whether a budget is enough for all candidates on all samples.

    ValueError if it is not even enough to halve them.
    """
    usable = _USABLE * (plan.budget or 0.0)

    def estimate(fixed: float) -> list[float]:
        estimate = partial(
            estimate_seconds,
            costs,
            measured_on=rungs[0],
            reading=replay.reading,
            fixed=fixed,
            n_folds=plan.n_folds,
            jobs=plan.jobs,
        )
        return [replay.seconds + estimate(each) for each in (rungs[-1:], rungs)]

    whole, halved = estimate(0.0)
    if whole > usable:
        whole, later = estimate(_look_at_growth(candidates, costs, rungs, replay))
        halved = min(halved, later)  # what the look took is no reason to refuse
    if whole > usable and halved > usable:
        raise ValueError(
            f"What is left of the budget, {plan.budget:.0f} s, is too short for"
            f" {len(costs)} candidates: about {halved / _USABLE:.0f} s are needed."
            " Name a smaller grid or a longer budget."
        )
    return whole <= usable


def _look_at_growth(
    candidates: Sequence[Mapping[str, Any]],
    costs: Sequence[float],
    rungs: Sequence[int],
    replay: Replay,
) -> float:
    """Tell what share of a fit does not grow with the samples, where time allows.

    The dearest candidates learn from all samples of one fold, as they do if the search
    leaves none out: the others grow less.
    """
    plan = replay.plan
    growth = len(replay.splits[0][0]) / rungs[0]
    longest = max(costs) * growth
    if growth <= 1 or longest > _LOOK * (plan.budget or 0.0):
        return 0.0
    jobs = effective_n_jobs(plan.jobs)
    dearest = sorted(range(len(costs)), key=costs.__getitem__)[-jobs:]
    tasks = (delayed(replay)(candidates[n], 1) for n in dearest)
    looked = Parallel(n_jobs=jobs)(tasks)
    many = [s for candidate in looked for s in candidate.seconds]
    few, many = (
        [fit_seconds(cost, replay.reading) for cost in each]
        for each in ([costs[n] for n in dearest], many)
    )
    return fixed_share(sum(few), sum(many), growth)


def _measure(
    candidates: Sequence[Mapping[str, Any]],
    n_labelled: int,
    plan: SearchPlan,
    replay: Replay,
) -> list[float]:
    """Time each candidate on a few samples of one fold; the search finds these done.

    They are timed side by side, as they are searched, by the same processes.
    """
    limit, jobs = plan.budget or 0.0, effective_n_jobs(plan.jobs)
    Parallel(n_jobs=jobs)(delayed(_get_ready)() for _ in range(jobs))
    tasks = (delayed(replay)({**p, N_LABELLED: n_labelled}, 1) for p in candidates)
    costs = []
    with _closing(Parallel(n_jobs=jobs, return_as="generator")(tasks)) as timed:
        for candidate in timed:
            costs += candidate.seconds
            if replay.seconds > _USABLE * limit:
                raise ValueError(
                    f"What is left of the budget, {limit:.0f} s, is too short to time"
                    f" {len(candidates)} candidates on {n_labelled} samples each. Name"
                    " a smaller grid or a longer budget."
                )
    return costs


@contextmanager
def _closing(results: Any) -> Iterator[Any]:
    """Leave what was not finished; joblib warns of it."""
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results.close()


def _get_ready() -> None:
    """Import, in a new process, what takes long; half of it torch only when it fits."""
    from lenet_sklearn import LeNet5Classifier

    import_module("lenet_sklearn.strings.training")
    LeNet5Classifier(max_epochs=1).fit(np.zeros((2, 28, 28), np.uint8), [0, 1])


def _known_sizes(grid: Grid, splits: Sequence[Any]) -> Grid:
    """Leave out numbers of samples that no fold has; the largest stands for all."""
    most = min(len(learned) for learned, _ in splits)
    return [
        {
            name: values
            if name != N_LABELLED
            else [*(n for n in values if n < most), most]
            for name, values in part.items()
        }
        for part in grid
    ]
