"""Courses of the learning rate, mean weights, and when to stop."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from skorch.callbacks import EarlyStopping, LRScheduler
from torch.optim.lr_scheduler import OneCycleLR

from lenet_sklearn.training.callbacks import (
    RateFactor,
    WeightAverage,
    make_schedule,
    stop_early,
)
from lenet_sklearn.training.samples import split_inside

PARAMS = {"lr": 0.5, "max_epochs": 8, "callbacks": None}


def _torch_rates(make, n_steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    scheduler = make(optimizer)
    rates = []
    for _ in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_the_cycle_is_that_of_torch_nearly():
    factor = RateFactor("one-cycle", lr=0.5, max_epochs=8, n_steps=100)
    expected = _torch_rates(lambda o: OneCycleLR(o, 0.5, total_steps=801), 800)
    rates = [0.5 * factor(step) for step in range(800)]
    assert rates == pytest.approx(expected, abs=0.004)


def test_the_cosine_falls_from_the_highest_rate_to_almost_nothing():
    factor = RateFactor("cosine", lr=0.5, max_epochs=8, n_steps=10)
    assert [factor(step) for step in (0, 40)] == pytest.approx([1, 0.5], abs=1e-4)
    assert factor(80) == pytest.approx(0, abs=1e-4)


def test_a_list_gives_the_rates_by_pass_of_the_paper():
    passes = [(2, 5e-4), (3, 2e-4), (3, 1e-4), (4, 5e-5), (8, 1e-5)]
    factor = RateFactor(passes, lr=1.0, max_epochs=20, n_steps=1)
    rates = [factor(step) for step in range(20)]
    assert rates == [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8


@pytest.mark.parametrize(
    "schedule", [[], [3, 4], [(1, 0.1, 2)], [(0, 0.1)], [("a", 1)]]
)
def test_a_list_of_something_else_is_refused(schedule):
    with pytest.raises(ValueError, match=r"a list of \(epochs, rate\), both above 0"):
        make_schedule({**PARAMS, "schedule": schedule}, 10)


def test_a_schedule_can_be_pickled():
    factor = RateFactor([(2, 0.5)], lr=0.5, max_epochs=2, n_steps=10)
    assert pickle.loads(pickle.dumps(factor)) == factor


def test_two_schedules_are_refused_and_a_constant_rate_gives_way():
    own = {**PARAMS, "callbacks": [("mine", LRScheduler())]}
    with pytest.raises(ValueError, match=r"once\. Got schedule='cosine' and an LRSch"):
        make_schedule({**own, "schedule": "cosine"}, 10)
    assert [n for n, _ in make_schedule({**own, "schedule": "constant"}, 10)] == [
        "rate"
    ]


def test_stopping_early_is_skorchs_and_keeps_the_best_weights():
    stop = stop_early(3)
    assert type(stop) is EarlyStopping
    assert (stop.patience, stop.load_best, stop.threshold) == (3, True, 0)


class _Net:
    """As much of a net as an average needs."""

    def __init__(self):
        self.module_ = torch.nn.Linear(1, 1, bias=False)

    def weigh(self, value):
        with torch.no_grad():
            self.module_.weight.fill_(value)


def _average(averaging, values, n_steps):
    net = _Net()
    n_epochs = len(values) // n_steps
    average = WeightAverage(averaging, n_steps, n_epochs).initialize()
    average.on_train_begin(net)
    for value in values:
        net.weigh(value)
        average.on_batch_end(net, training=True)
    average.on_train_end(net)
    return float(net.module_.weight.detach())


def test_weights_are_averaged_over_the_last_epochs():
    assert _average(2, [100, 100, 1, 2, 3, 6], n_steps=2) == pytest.approx(3)


def test_a_moving_average_forgets_the_first_steps_and_lags_behind():
    steady = _average(0.5, [100] + [1] * 40, n_steps=1)
    assert steady == pytest.approx(1, abs=1e-3)
    assert 3 < _average(0.9, list(range(10)), n_steps=1) < 9


def test_the_mean_is_validated_and_the_weights_are_trained_on():
    net, average = _Net(), WeightAverage(1, 2, 1).initialize()
    average.on_train_begin(net)
    for value in (1, 3):
        net.weigh(value)
        average.on_batch_end(net, training=True)
    for training, expected in ((False, 2), (False, 2), (True, 3), (False, 2)):
        average.on_batch_begin(net, training=training)
        assert float(net.module_.weight.detach()) == expected
    average.on_train_end(net)
    assert float(net.module_.weight.detach()) == 2


def test_the_inner_split_takes_the_same_share_of_each_class():
    columns = np.repeat([0, 1, 2], [100, 50, 30])
    train, stop = split_inside(columns, fraction=0.2, groups=None, seed=0)
    assert_array_equal(np.bincount(columns[stop]), [20, 10, 6])
    assert_array_equal(np.sort(np.r_[train, stop]), np.arange(180))


def test_the_inner_split_keeps_groups_together():
    rng = np.random.default_rng(0)
    columns, groups = rng.integers(3, size=300), rng.integers(25, size=300)
    train, stop = split_inside(columns, fraction=0.2, groups=groups, seed=0)
    assert not set(groups[train]) & set(groups[stop])
    assert 40 <= len(stop) <= 80
    assert set(columns[stop]) == {0, 1, 2}


def test_an_inner_split_with_nothing_in_it_is_refused():
    with pytest.raises(ValueError, match=r"cannot keep 0.1 of 3 samples back"):
        split_inside(np.arange(3), fraction=0.1, groups=None, seed=0)
