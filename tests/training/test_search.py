"""Searches: what is held out teaches nothing, and no finished fit is done again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from threadpoolctl import threadpool_info

from lenet_sklearn import LeNet5Classifier, load_dataset
from lenet_sklearn.inference import count_threads
from lenet_sklearn.training.together import train_together
from pipelines.outcomes import settle
from pipelines.readers.base import StringReader
from pipelines.readers.scorers import Outcomes
from pipelines.training.budget import estimate_seconds, plan_rungs
from pipelines.training.candidates import draw_found, learning_curves, rank
from pipelines.training.remembering import RememberingEstimator, describe
from pipelines.training.search import SearchPlan, search, split


class Parrot(StringReader):
    """Knows by heart what it was taught, and reads all else as it comes: wrongly."""

    def __init__(self, log="", accent=0):
        self.log = log
        self.accent = accent

    def fit(self, X, y):
        self.known_ = {image.tobytes(): text for image, text in zip(X, y, strict=True)}
        if self.log:
            with open(self.log, "a") as file:
                file.write(f"{self.accent} {len(X)}\n")
        return self

    def read(self, X):
        known = getattr(self, "known_", {})
        values = [known.get(image.tobytes(), str(self.accent)) for image in X]
        return [settle(value, 0.95, 0.9) for value in values]

    def _texts(self, X):
        return [reading.value for reading in self.read(X)]


def planted(n_samples=30):
    """Images that show their number, and answers that only these tell."""
    images = [np.full((4, 4), n, np.uint8) for n in range(n_samples)]
    return images, [str(1000 + n) for n in range(n_samples)]


GRID = [{"accent": [0, 1, 2, 3]}]


def test_no_answer_of_what_is_held_out_comes_through(tmp_path):
    X, y = planted()
    found = search(Parrot(), X, y, GRID, SearchPlan(tmp_path))
    again = search(Parrot(), X, y, GRID, SearchPlan(tmp_path))
    timed = search(Parrot(), X, y, GRID, SearchPlan(tmp_path, budget=1e9))
    for each in (found, again, timed):
        assert all(one.scores == [0, 0, 0] for one in each.candidates)
        assert each.before.scores == [0, 0, 0]
    # It would be seen: what was learned is known.
    taught = RememberingEstimator(Parrot(), tmp_path).fit(X, y)
    assert taught.score(X, y) == 1


def test_no_group_is_learned_from_and_held_out(tmp_path):
    X, _ = planted()
    writers = [f"writer {n % 5}" for n in range(len(X))]
    # All of a writer's fields say the same, and look the same.
    images = [X[n % 5] for n in range(len(X))]
    plan = SearchPlan(tmp_path)
    mixed = search(Parrot(), images, writers, GRID, plan)
    apart = search(Parrot(), images, writers, GRID, plan, groups=writers)
    assert mixed.best.mean == 1
    assert apart.best.mean == 0
    with pytest.raises(ValueError, match="needs as many groups"):
        split(30, [0, 1] * 15, plan)


def fits(log):
    return log.read_text().splitlines() if log.exists() else []


@pytest.mark.parametrize("budget", [None, 1e9])
def test_a_search_that_is_made_again_fits_nothing(tmp_path, budget):
    X, y = planted()
    log = tmp_path / "log"
    plan = SearchPlan(tmp_path / "kept", budget=budget)
    first = search(Parrot(str(log)), X, y, GRID, plan)
    done = fits(log)
    again = search(Parrot(str(log)), X, y, GRID, plan)
    assert fits(log) == done
    assert first.cv_results.keys() == again.cv_results.keys()
    assert {"param_accent", "mean_test_score", "mean_fit_time"} <= set(first.cv_results)
    for name, values in first.cv_results.items():
        assert_array_equal(values, again.cv_results[name])


class Skilled(Parrot):
    """Reads of ten images as many as it has skills, and no others."""

    def __init__(self, log="", skills=0):
        self.log = log
        self.skills = skills
        self.accent = 0

    def read(self, X):
        numbers = [int(image[0, 0]) for image in X]
        can = [n % 10 < self.skills for n in numbers]
        values = [
            str(1000 + n) if c else "0" for n, c in zip(numbers, can, strict=True)
        ]
        return [settle(value, 0.95, 0.9) for value in values]


def test_where_time_is_short_the_worse_are_left_out(tmp_path, monkeypatch):
    def estimate(costs, rungs, **_):
        return 0.0 if len(rungs) > 1 else np.inf

    monkeypatch.setattr("pipelines.training.search.estimate_seconds", estimate)
    X, y = planted(120)
    log = tmp_path / "log"
    plan = SearchPlan(tmp_path / "kept", budget=60)
    grid = [{"skills": [1, 4, 2, 3]}]
    found = search(Skilled(str(log)), X, y, grid, plan)
    assert found.cv_results["n_resources"].tolist() == [26] * 4 + [78] * 2
    assert [c.params["skills"] for c in found.candidates] == [1, 4, 2, 3, 3, 4]
    assert found.best.params == {"skills": 4, "n_labelled": 78}
    done = fits(log)
    # And one on all samples, to see how the time grows.
    assert len(done) == (4 + 2) * 3 + 1
    again = search(Skilled(str(log)), X, y, grid, plan)
    assert fits(log) == done
    assert again.best.scores == found.best.scores
    # What is held out does not come through here, either.
    planted_in = search(Parrot(), X, y, GRID, plan)
    assert len(planted_in.candidates) == 4 + 2
    assert all(one.scores == [0, 0, 0] for one in planted_in.candidates)


def test_none_are_left_out_where_more_samples_take_no_longer(tmp_path, monkeypatch):
    class Slow(Skilled):
        def fit(self, X, y):
            time.sleep(0.1)
            return super().fit(X, y)

    def estimate(costs, rungs, *, fixed, **_):
        return 0.0 if fixed > 0.3 else np.inf

    monkeypatch.setattr("pipelines.training.search.estimate_seconds", estimate)
    X, y = planted(120)
    log = tmp_path / "log"
    plan = SearchPlan(tmp_path / "kept", budget=60)
    found = search(Slow(str(log)), X, y, [{"skills": [1, 4]}], plan)
    assert [c.params for c in found.candidates] == [{"skills": 1}, {"skills": 4}]
    # The look is the first fold of one of them.
    assert len(fits(log)) == 2 + 2 * 3


@pytest.mark.parametrize("skills", [[1, 4], [1, 4, 2, 3], [4, 4]])
def test_the_best_of_those_that_are_left_learns_from_all(tmp_path, monkeypatch, skills):
    def estimate(costs, rungs, **_):
        return 0.0 if len(rungs) > 1 else np.inf

    monkeypatch.setattr("pipelines.training.search.estimate_seconds", estimate)
    X, y = planted(150)
    plan = SearchPlan(tmp_path, budget=60)
    found = search(Skilled(), X, y, [{"skills": skills}], plan)
    rungs = plan_rungs(len(skills), 100)
    sizes = [c.params["n_labelled"] for c in found.candidates]
    assert sorted(set(sizes)) == rungs
    assert sizes[-1] == rungs[-1] >= 99
    assert found.best is found.candidates[-1]
    assert found.best.params["skills"] == 4
    assert found.n_settings == len(set(skills))


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_a_score_that_is_no_number_is_not_the_best(tmp_path):
    class Unsure(Skilled):
        def read(self, X):
            found = super().read(X)
            return found if self.skills else [settle("", 0.95, 0.9) for _ in found]

    X, y = planted()
    plan = SearchPlan(tmp_path, scoring="neg_calibration_error")
    found = search(Unsure(), X, y, [{"skills": [0, 3, 9]}], plan)
    assert np.isnan(found.candidates[0].mean)
    assert [c.params["skills"] for c in rank(found.candidates)] == [9, 3, 0]
    assert found.best.params == {"skills": 9}


def test_the_best_has_learned_from_the_most_samples(tmp_path):
    class Forgetful(Skilled):
        def fit(self, X, y):
            self.n_ = len(X)
            return self

        def read(self, X):
            self.skills = 10 - getattr(self, "n_", 10) // 10
            return super().read(X)

    X, y = planted()
    found = search(Forgetful(), X, y, [{"n_labelled": [5, 10]}], SearchPlan(tmp_path))
    assert [c.mean for c in found.candidates] == pytest.approx([1.0, 0.9, 0.8])
    assert found.best.params == {"n_labelled": 20}
    assert found.n_settings == 1


def test_the_read_rate_is_that_at_the_error_that_is_allowed(tmp_path):
    X, y = planted()
    how = {"scoring": "read_rate", "folder": tmp_path}
    grid = [{"skills": [7]}]
    strict, lax = (
        search(Skilled(), X, y, grid, SearchPlan(**how, max_error=p)).best.mean
        for p in (0.01, 0.9)
    )
    assert strict == 0
    assert lax == pytest.approx(1)


KILLED = """
import os, signal, sys
sys.path.insert(0, {here!r})
from test_search import GRID, Parrot, SearchPlan, planted, search
from pathlib import Path

def read(self, X, whole=Parrot.read):
    if len(open(self.log).readlines()) == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(self, X)

Parrot.read = read
log, kept = sys.argv[1:]
open(log, "a").close()
X, y = planted()
search(Parrot(log), X, y, GRID, SearchPlan(Path(kept)))
"""


@pytest.mark.slow  # starts a program
def test_a_search_that_was_killed_goes_on_where_it_was(tmp_path):
    X, y = planted()
    log, kept = tmp_path / "log", tmp_path / "kept"
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", KILLED.format(here=here), str(log), str(kept)]
    killed = subprocess.run(command, check=False, env={**os.environ})
    assert killed.returncode == -signal.SIGKILL
    assert len(fits(log)) == 7
    plan = SearchPlan(kept)
    found = search(Parrot(str(log)), X, y, GRID, plan)
    # The seventh was not finished: it had not read what was held out.
    assert len(fits(log)) == 7 + 12 - 6
    whole = search(Parrot(str(tmp_path / "2")), X, y, GRID, SearchPlan(tmp_path / "3"))
    for name in ("mean_test_score", "std_test_score", "rank_test_score"):
        assert_array_equal(found.cv_results[name], whole.cv_results[name])


def test_of_few_samples_some_are_drawn_and_the_fewer_are_among_the_more(tmp_path):
    X, y = planted()
    few, more, everything = (
        RememberingEstimator(Parrot(), tmp_path, n_labelled=n).fit(X, y)
        for n in (5, 20, None)
    )
    assert [e.n_fitted_ for e in (few, more, everything)] == [5, 20, 30]
    assert len({e.key_ for e in (few, more, everything)}) == 3
    assert few.judge(X, y).right.sum() == 5
    right = few.judge(X, y).right
    assert more.judge(X, y).right[right].all()


def test_what_is_learned_from_nothing_reads_as_it_comes(tmp_path):
    X, y = planted()
    log = tmp_path / "log"
    shell = RememberingEstimator(Parrot(str(log)), tmp_path, n_labelled=0)
    assert shell.fit(X, y).score(X, y) == 0
    assert not log.exists()


def test_how_many_labels_are_needed_is_a_grid(tmp_path):
    X, y = planted()
    grid = [{"n_labelled": [5, 10, 999]}]
    found = search(Parrot(), X, y, grid, SearchPlan(tmp_path))
    assert [c.params["n_labelled"] for c in found.candidates] == [5, 10, 20]
    with pytest.raises(ValueError, match="so does the grid"):
        search(Parrot(), X, y, grid, SearchPlan(tmp_path, budget=9))


def test_how_many_labels_are_needed_is_drawn_as_a_curve(tmp_path):
    X, y = planted()
    grids = [{"n_labelled": [10, 5], "accent": [0, 1]}], GRID
    curved, rows = (search(Parrot(), X, y, g, SearchPlan(tmp_path)) for g in grids)
    curves = learning_curves(curved)
    assert set(curves) == {"accent=0", "accent=1"}
    for own in curves.values():
        assert [one.params["n_labelled"] for one in own] == [0, 5, 10, 20]
    assert learning_curves(rows) == {}
    for found in (curved, rows):
        draw_found(found, tmp_path / "search.png")
        assert (tmp_path / "search.png").stat().st_size > 1000
        (tmp_path / "search.png").unlink()


class Threaded(Parrot):
    """Notes who reads with how many threads."""

    def read(self, X):
        pools = [pool["num_threads"] for pool in threadpool_info()]
        own = [cv2.getNumThreads(), torch.get_num_threads(), *pools]
        with open(self.log, "a") as file:
            file.write(f"{os.getpid()} {max(own)} {count_threads()}\n")
        return super().read(X)


@pytest.mark.slow
def test_processes_side_by_side_have_one_thread_each(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    X, y = planted()
    log = tmp_path / "log"
    grid = [{"accent": list(range(6))}]
    found = search(Threaded(str(log)), X, y, grid, SearchPlan(tmp_path, jobs=2))
    assert len(found.candidates) == 6
    rows = [line.split() for line in fits(log) if len(line.split()) == 3]
    others = [row for row in rows if int(row[0]) != os.getpid()]
    assert len(others) == 18
    assert {tuple(row[1:]) for row in others} == {("1", "1")}


def test_all_cores_are_no_less_than_one():
    how = {"measured_on": 10, "n_folds": 3}
    for jobs in (1, -1):
        assert estimate_seconds([1.0, 2.0], [10, 30], jobs=jobs, **how) > 0


def test_an_edit_of_the_source_has_all_fits_done_again(tmp_path, monkeypatch):
    X, y = planted()
    keys = []
    for edit in ("a", "b", "a"):
        name = "pipelines.training.remembering.stamp"
        monkeypatch.setattr(name, lambda _edit=edit: _edit)
        keys.append(RememberingEstimator(Parrot(), tmp_path).fit(X, y).key_)
    assert keys[0] == keys[2] != keys[1]


def test_a_file_that_is_damaged_is_made_anew(tmp_path):
    X, y = planted()
    shell = RememberingEstimator(Parrot(), tmp_path).fit(X, y)
    first = shell.judge(X, y)
    [path] = tmp_path.glob("*.npz")
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    again = shell.judge(X, y)
    for name in Outcomes._fields:
        assert_array_equal(getattr(first, name), getattr(again, name))


def test_fitted_models_are_told_apart_by_their_weights():
    X, y = load_dataset("digits")
    made = [
        LeNet5Classifier(max_epochs=1, random_state=seed).fit(X[:50], y[:50])
        for seed in (0, 0, 1)
    ]
    for model in made:
        model.set_params(random_state=0)

    class Holder(Parrot):
        def __init__(self, model=None):
            self.model = model

    one, same, other = (joblib.hash(describe(Holder(model))) for model in made)
    assert one == same != other


def test_rungs_rise_threefold_to_what_there_is():
    assert plan_rungs(4, 133) == [14, 42, 126]
    assert plan_rungs(4, 20) == [20]


def test_a_budget_that_is_too_short_is_refused(tmp_path):
    X, y = planted()
    with pytest.raises(ValueError, match=r"budget, 0 s, is too short"):
        search(Parrot(), X, y, GRID, SearchPlan(tmp_path, budget=1e-9))


def test_networks_of_a_search_train_together_and_once(tmp_path, monkeypatch):
    X, y = (part[:150] for part in load_dataset("digits"))
    digits, names = list(X), list(map(str, y))
    classifier = LeNet5Classifier(max_epochs=2, random_state=0, device="cpu")
    grid = [{"lr": [0.001, 0.01]}, {"max_epochs": [1]}]
    plan = SearchPlan(tmp_path)
    trained = []

    def train(trainings):
        trained.append(len(trainings))
        return train_together(trainings)

    monkeypatch.setattr("lenet_sklearn.training.plan.train_together", train)
    found = search(classifier, digits, names, grid, plan)
    # Three candidates on three folds, four at a time, and the short ones apart.
    assert (sum(trained), max(trained)) == (9, 3)
    assert all(min(candidate.seconds) > 0 for candidate in found.candidates)
    again = search(classifier, digits, names, grid, plan)
    assert sum(trained) == 9
    assert [c.scores for c in again.candidates] == [c.scores for c in found.candidates]
    learned, held = split(len(digits), None, plan)[0]
    alone = clone(classifier).set_params(lr=0.01)
    alone.fit([digits[n] for n in learned], [names[n] for n in learned])
    score = alone.score([digits[n] for n in held], [names[n] for n in held])
    # One digit of fifty may be read otherwise, where two readings were as likely.
    assert found.candidates[1].scores[0] == pytest.approx(score, abs=0.021)
