"""Which trainings are done together, where, and what came of each."""

import copy
import math
from collections import defaultdict, deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import joblib
import numpy as np
import torch

from lenet_sklearn.devices import draw_seed, resolve_device
from lenet_sklearn.inputs import image_format
from lenet_sklearn.network import LeNet5
from lenet_sklearn.parameters import is_net_parameter
from lenet_sklearn.training.nets import OPTIMIZERS, TrainingNet
from lenet_sklearn.training.samples import Samples, repeat_by_weight
from lenet_sklearn.training.together import Outcome, Training, train_together

# What each network of a stack may have its own of; the labels are compared as such.
_OWN = {
    "class_weight",
    "classes",
    "criterion__label_smoothing",
    "distillation",
    "distortion",
    "engine",
    "lr",
    "module__dropout",
    "optimizer__weight_decay",
    "random_state",
    "schedule",
    "verbose",
}

# What a stack has no room for, unless it is this.
_NOT_STACKED: dict[str, tuple[Any, ...]] = {
    "averaging": (None,),
    "callbacks": (None, [], ()),
    "early_stopping": (False,),
    "frozen": (None, [], ()),
    "module": (None, LeNet5),
    "optimizer": (*OPTIMIZERS, *OPTIMIZERS.values()),
}

_STACKED_OF_NET = {
    "criterion__label_smoothing",
    "optimizer__betas",
    "optimizer__dampening",
    "optimizer__eps",
    "optimizer__momentum",
    "optimizer__nesterov",
    "optimizer__weight_decay",
}

# Images in a step of a stack: on a CPU what its caches hold, elsewhere what fits into
# 8 GiB.
_IMAGES_ON_CPU = 512
_IMAGES_ELSEWHERE = 16_384

# Images in all epochs of all networks from which processes pay: to start them takes as
# long as to learn from so many.
_WORTH_PROCESSES = 200_000


def why_alone(training: Training) -> str | None:
    """Say what keeps a training out of every stack.

    Parameters
    ----------
    training : Training
        Any.

    Returns
    -------
    parameter : str or None
        The name of a parameter; None where nothing does.

    Examples
    --------
    >>> from lenet_sklearn import LeNet5Classifier
    >>> from lenet_sklearn.training.plan import why_alone
    >>> from lenet_sklearn.training.together import Training
    >>> why_alone(Training(LeNet5Classifier(averaging=2), None, None))
    'averaging'
    """
    if training.earlier is not None:
        return "warm_start"
    params = training.classifier.get_params(deep=False)
    for name, value in params.items():
        if name in _NOT_STACKED:
            if not any(value is one or value == one for one in _NOT_STACKED[name]):
                return name
        elif is_net_parameter(name) and not _is_stacked(name):
            return name
    return None


def stack_key(training: Training) -> Hashable:
    """Return what trainings must have in common to share a stack.

    Parameters
    ----------
    training : Training
        One that nothing keeps out of every stack.

    Returns
    -------
    key : hashable
        Of the architecture, the length of the training and of its batches, the labels,
        and how images are read.
    """
    classifier, samples = training.classifier, training.samples
    params = classifier.get_params(deep=False)
    shared = {name: repr(value) for name, value in params.items() if name not in _OWN}
    n_seen = len(samples.rows)
    if samples.weights is not None:
        n_seen = len(repeat_by_weight(samples.weights)[0])
    images = (
        samples.rows.dtype,
        samples.rows.shape[1],
        *image_format(classifier).items(),
    )
    labels = tuple(classifier.classes_.tolist())
    return tuple(sorted(shared.items())), labels, images, n_seen


class TrainingPlan:
    """Trainings that are noted first, then done together, and then handed out.

    Attributes
    ----------
    trainings : list of Training
        In the order in which they were noted.

    outcomes : list of Outcome
        What came of each, after :meth:`train`.
    """

    def __init__(self) -> None:
        self.trainings: list[Training] = []
        self.outcomes: list[Outcome] = []
        self._keys: list[Hashable] = []
        self._distinct: list[Samples] = []
        self._waiting: dict[Hashable, deque[int]] = defaultdict(deque)

    def note(
        self, classifier: Any, samples: Samples, earlier: Any
    ) -> tuple[Any, float]:
        """Note a training, in place of :func:`train_alone`.

        Parameters
        ----------
        classifier, samples, earlier
            As for that function.

        Returns
        -------
        net : object
            Stands for one that is not there: it cannot read.

        temperature : float
            1.
        """
        key = self._identify(classifier, samples, earlier)
        if key is not None:
            twin = copy.copy(classifier)
            twin.random_state = draw_seed(classifier.random_state)
            twin.verbose = 0
            twin._trained_with = twin.get_params(deep=False)
            _, place = key
            if place == len(self._distinct):
                self._distinct.append(samples)
            self._keys.append(key)
            self.trainings.append(Training(twin, self._distinct[place], earlier))
        return _Pending(), 1.0

    def train(self, n_jobs: int | None, stack_size: int | None) -> str:
        """Do what was noted.

        Parameters
        ----------
        n_jobs : int or None
            Processes; None for one for each core where that pays.

        stack_size : int or None
            Networks in a stack, at most; None for what is fastest.

        Returns
        -------
        way : str
            How it was done, and why so.
        """
        stacks, alone = self._stack()
        device = torch.device("cpu")
        if self.trainings:
            device = resolve_device(self.trainings[0].classifier.device)
        n_jobs, why = choose_jobs(n_jobs, device, self.trainings)
        tasks = []
        for places in stacks:
            size = self._size(places, n_jobs, stack_size, device)
            tasks += [places[n : n + size] for n in range(0, len(places), size)]
        tasks += [[place] for places in alone.values() for place in places]
        # The longest first, so that none of them is left at the end.
        tasks.sort(key=lambda task: -sum(map(self._cost, task)))
        parallel = joblib.Parallel(n_jobs=n_jobs, pre_dispatch="all", batch_size=1)
        found = parallel(
            joblib.delayed(train_together)([self.trainings[n] for n in task])
            for task in tasks
        )
        by_place = {
            place: outcome
            for task, outcomes in zip(tasks, found, strict=True)
            for place, outcome in zip(task, outcomes, strict=True)
        }
        self.outcomes = [by_place[n] for n in range(len(self.trainings))]
        for place, key in enumerate(self._keys):
            self._waiting[key].append(place)
        return _describe(tasks, alone, n_jobs, why)

    def take(
        self, classifier: Any, samples: Samples, earlier: Any
    ) -> tuple[TrainingNet, float]:
        """Hand out what came of a training, in place of :func:`train_alone`.

        Parameters
        ----------
        classifier, samples, earlier
            As for that function; what was not noted is trained now.

        Returns
        -------
        net : TrainingNet
            Trained.

        temperature : float
            That of what it started from, or 1.

        Raises
        ------
        Exception
            What the training raised.
        """
        key = self._identify(classifier, samples, earlier)
        waiting = None if key is None else self._waiting.get(key)
        if not waiting:
            [outcome] = train_together([Training(classifier, samples, earlier)])
        else:
            outcome = self.outcomes[waiting.popleft()]
        if outcome.error is not None:
            raise outcome.error
        assert outcome.net is not None
        return outcome.net, outcome.temperature

    def _identify(
        self, classifier: Any, samples: Samples, earlier: Any
    ) -> tuple[str, int] | None:
        """Tell trainings apart; None for one that cannot be told, or sent elsewhere."""
        if earlier is not None:
            return None
        params = classifier.get_params(deep=False)
        # A teacher may be another once it has been asked; its clones are itself.
        params["distillation"] = id(params.get("distillation"))
        try:
            said = joblib.hash((type(classifier), classifier.classes_, params))
        except Exception:  # whatever pickling a callback raises
            return None
        known = (n for n, one in enumerate(self._distinct) if _are_equal(one, samples))
        return said, next(known, len(self._distinct))

    def _stack(self) -> tuple[list[list[int]], dict[str, list[int]]]:
        """Sort trainings into stacks, and those alone by what keeps them so."""
        stacks: dict[Hashable, list[int]] = defaultdict(list)
        alone: dict[str, list[int]] = defaultdict(list)
        for place, training in enumerate(self.trainings):
            reason = why_alone(training)
            if reason is None:
                stacks[stack_key(training)].append(place)
            else:
                alone[reason].append(place)
        return list(stacks.values()), alone

    def _size(
        self,
        places: Sequence[int],
        n_jobs: int,
        stack_size: int | None,
        device: torch.device,
    ) -> int:
        if stack_size is None:
            most = _IMAGES_ON_CPU if device.type == "cpu" else _IMAGES_ELSEWHERE
            batch_size = self.trainings[places[0]].classifier.batch_size
            stack_size = max(1, most // batch_size)
        # Every process has its share.
        return min(stack_size, math.ceil(len(places) / n_jobs))

    def _cost(self, place: int) -> int:
        return n_images(self.trainings[place])


class _Pending:
    """Stands for a net that is not trained yet."""

    history = ()
    callbacks_ = ()


def n_images(training: Training) -> int:
    """Count the images that a network is to see.

    Parameters
    ----------
    training : Training
        Any.

    Returns
    -------
    n_images : int
        In all epochs.
    """
    return len(training.samples.rows) * training.classifier.max_epochs


def choose_jobs(
    n_jobs: int | None, device: torch.device, trainings: Sequence[Training]
) -> tuple[int, str]:
    """Choose how many processes train.

    Parameters
    ----------
    n_jobs : int or None
        As for :class:`lenet_sklearn.StackedGridSearchCV`.

    device : torch.device
        Where networks are trained.

    trainings : sequence of Training
        What there is to do.

    Returns
    -------
    n_jobs : int
        Processes.

    why : str
        The reason.
    """
    if n_jobs is not None:
        return joblib.effective_n_jobs(n_jobs), "as n_jobs says"
    if joblib.effective_n_jobs(None) > 1:
        return joblib.effective_n_jobs(None), "as joblib's configuration says"
    if device.type != "cpu":
        return 1, f"all networks share the device {device}"
    if sum(map(n_images, trainings)) < _WORTH_PROCESSES:
        return 1, "too short for processes to pay"
    return joblib.effective_n_jobs(-1), "one for each core"


def _describe(
    tasks: Sequence[Sequence[int]],
    alone: Mapping[str, Sequence[int]],
    n_jobs: int,
    why: str,
) -> str:
    """Say how networks were trained, and why so."""
    sizes = [len(task) for task in tasks if len(task) > 1]
    said = f"{sum(map(len, tasks))} networks"
    if sizes:
        many = f"{len(sizes)} stacks of up to {max(sizes)}"
        said += " in " + ("1 stack" if len(sizes) == 1 else many)
    n_single = len(tasks) - len(sizes) - sum(map(len, alone.values()))
    if n_single:
        said += f", {n_single} alone" if sizes or alone else ", each alone"
    for name, places in alone.items():
        said += f", {len(places)} alone for their {name}"
    processes = "in this process" if n_jobs == 1 else f"in {n_jobs} processes"
    return f"{said}; {processes}: {why}"


def _is_stacked(name: str) -> bool:
    return name.startswith("module__") or name in _STACKED_OF_NET


def _are_equal(one: Samples, other: Samples) -> bool:
    return one.rows.dtype == other.rows.dtype and all(
        (a is None and b is None)
        or (a is not None and b is not None and np.array_equal(a, b))
        for a, b in (
            (one.columns, other.columns),
            (one.weights, other.weights),
            (one.groups, other.groups),
            (one.rows, other.rows),
        )
    )
