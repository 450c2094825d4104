"""Searches against the clock, and on workers of a cluster, one of which is lost."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipelines.outcomes import settle
from pipelines.readers.base import StringReader
from pipelines.training.search import SearchPlan, search

GRID = [{"accent": list(range(9))}]


class Sleeper(StringReader):
    """Takes its time to learn, and reads what it has an ear for."""

    def __init__(self, accent=0, pace=0.0, log=""):
        self.accent = accent
        self.pace = pace
        self.log = log

    def fit(self, X, y):
        time.sleep(self.pace * len(X))
        if self.log:
            with open(self.log, "a") as file:
                file.write(f"{os.getpid()}\n")
        self.n_ = len(X)
        return self

    def read(self, X):
        able = [int(image[0, 0]) % 10 < self.accent for image in X]
        numbers = [str(int(image[0, 0])) for image in X]
        values = [n if can else "x" for n, can in zip(numbers, able, strict=True)]
        return [settle(value, 0.95, 0.9) for value in values]

    def _texts(self, X):
        return [reading.value for reading in self.read(X)]


def samples(n=60):
    return [np.full((4, 4), k, np.uint8) for k in range(n)], [str(k) for k in range(n)]


@pytest.mark.slow
def test_a_search_with_a_budget_ends_in_time(tmp_path):
    X, y = samples(135)
    # All candidates on all samples take a minute, one after the other, and halved 20 s.
    plan, start = SearchPlan(tmp_path, budget=60.0), time.monotonic()
    grid = [{"accent": [8, *range(8)] + [0] * 18}]
    found = search(Sleeper(pace=0.008), X, y, grid, plan)
    Sleeper(pace=0.008).fit(X, y)  # as the best is fitted
    assert time.monotonic() - start < 60
    assert found.best.params["accent"] == 8
    assert set(found.cv_results["n_resources"]) == {10, 30, 90}


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_search_on_a_cluster_finds_the_same_when_a_worker_is_lost(
    tmp_path, monkeypatch
):
    distributed = pytest.importorskip("distributed")
    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, *sys.path]))
    # By the name under which the workers find it.
    reader = __import__("test_search_elsewhere").Sleeper
    X, y = samples()
    alone = search(reader(), X, y, GRID, SearchPlan(tmp_path / "alone"))
    log = tmp_path / "log"
    log.touch()
    lost = []

    def kill():
        while len(log.read_text().split()) < 5:
            time.sleep(0.05)
        lost.append(int(log.read_text().split()[-1]))
        os.kill(lost[0], signal.SIGKILL)

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        killing = threading.Thread(target=kill)
        killing.start()
        plan = SearchPlan(tmp_path / "shared", jobs=-1)
        shared = search(reader(pace=0.01, log=str(log)), X, y, GRID, plan)
        killing.join()
    at_work = log.read_text().split()
    assert str(os.getpid()) not in at_work
    assert len(set(at_work)) >= 2
    # What it had finished is not done again.
    assert 27 <= len(at_work) <= 29
    for name in ("mean_test_score", "std_test_score", "rank_test_score"):
        assert_array_equal(alone.cv_results[name], shared.cv_results[name])
    assert alone.best.params == shared.best.params
