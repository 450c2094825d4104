"""The course of the learning rate."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from skorch import NeuralNetClassifier
from skorch.callbacks import Callback

SCHEDULES = ("constant", "cosine", "one-cycle", "step")

# Share of a one-cycle schedule in which the rate rises, and the rates it starts
# and ends with relative to the highest, as in torch's OneCycleLR.
_WARM_UP = 0.3
_START_FACTOR = 1 / 25
_END_FACTOR = 1e-5

# From the number of epochs done, a fraction within an epoch, to the rate.
Course = Callable[[float], float]


def rate_factor(schedule: str, progress: float) -> float:
    """Give the learning rate as a share of the highest one.

    Parameters
    ----------
    schedule : {"constant", "cosine", "one-cycle"}
        The course of the rate: always the highest; from the highest to zero
        along half a cosine; or up along one half cosine and down along another.

    progress : float
        Share of the steps already done, in [0, 1].

    Returns
    -------
    factor : float
        In (0, 1].

    References
    ----------
    .. [1] L. N. Smith, N. Topin, "Super-convergence: very fast training of neural
       networks using large learning rates", 2018, arXiv:1708.07120.

    Examples
    --------
    >>> from lenet_sklearn.schedules import rate_factor
    >>> [round(rate_factor("one-cycle", p), 3) for p in (0, 0.3, 1)]
    [0.04, 1.0, 0.0]
    """
    if schedule == "constant":
        return 1.0
    if schedule == "one-cycle" and progress < _WARM_UP:
        return _half_cosine(_START_FACTOR, 1.0, progress / _WARM_UP)
    fall_from = _WARM_UP if schedule == "one-cycle" else 0.0
    fallen = (progress - fall_from) / (1 - fall_from)
    return _half_cosine(1.0, _END_FACTOR, min(fallen, 1.0))


def make_course(params: Mapping[str, Any]) -> Course:
    """Make the course of the learning rate that a classifier's parameters name.

    Parameters
    ----------
    params : mapping
        Parameters of :class:`lenet_sklearn.LeNet5Classifier`; `schedule`, `lr`,
        `max_epochs`, `step_size` and `gamma` are used.

    Returns
    -------
    course : callable
        From epochs done, a float, to the rate.

    Raises
    ------
    ValueError
        If `schedule` is a list, but not one of (epochs, rate).

    Examples
    --------
    >>> from lenet_sklearn.schedules import make_course
    >>> course = make_course({"schedule": [(2, 0.5), (3, 0.2)]})
    >>> [course(epoch) for epoch in (0, 1.9, 2, 99)]
    [0.5, 0.5, 0.2, 0.2]
    """
    schedule = params["schedule"]
    if not isinstance(schedule, str):
        return _follow_list(schedule)
    lr, max_epochs = params["lr"], params["max_epochs"]
    if schedule == "step":
        step_size, gamma = params["step_size"], params["gamma"]
        return lambda epochs: lr * gamma ** (int(epochs) // step_size)
    return lambda epochs: lr * rate_factor(schedule, epochs / max_epochs)


class RateSchedule(Callback):
    """Set the learning rate before every training batch, and note it down.

    Parameters
    ----------
    course : callable
        As from :func:`make_course`. Once it is None, the rate is the `lr` of the
        net.

    n_steps : int
        Batches in an epoch.
    """

    def __init__(self, course: Course | None, n_steps: int) -> None:
        self.course = course
        self.n_steps = n_steps

    def initialize(self) -> "RateSchedule":
        """Start anew; skorch calls this for every new network."""
        self.step_ = 0
        return self

    def on_batch_begin(
        self,
        net: NeuralNetClassifier,
        training: bool = False,
        **_: Any,
    ) -> None:
        """Set the rate of the batch that comes now."""
        if not training:
            return
        rate = self.course(self.step_ / self.n_steps) if self.course else net.lr
        for group in net.optimizer_.param_groups:
            group["lr"] = rate
        self.step_ += 1

    def on_epoch_end(self, net: NeuralNetClassifier, **_: Any) -> None:
        """Note the rate of the last batch."""
        net.history.record("lr", net.optimizer_.param_groups[0]["lr"])

    def __getstate__(self) -> dict[str, Any]:
        # A course is a closure, which cannot be pickled; the training is over.
        return {**vars(self), "course": None}


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def _follow_list(schedule: Sequence[Any]) -> Course:
    """Hold each rate for its epochs, and the last one for ever."""
    try:
        stages = [(float(epochs), float(rate)) for epochs, rate in schedule]
    except (TypeError, ValueError):
        stages = []
    if not stages or any(epochs <= 0 or rate <= 0 for epochs, rate in stages):
        raise ValueError(
            "A schedule is expected to be the name of one, or a list of (epochs, rate),"
            f" both above 0. Got {schedule!r}. Pass such as [(10, 0.003), (5, 0.001)]."
        )

    def course(epochs: float) -> float:
        for length, rate in stages:
            if epochs < length:
                return rate
            epochs -= length
        return stages[-1][1]

    return course
