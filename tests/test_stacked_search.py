"""StackedGridSearchCV finds what GridSearchCV finds."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from lenet_sklearn import (
    LeNet5Classifier,
    StackedGridSearchCV,
    load_dataset,
    load_model,
    save_model,
)

DIGITS, LABELS = (part[:150] for part in load_dataset("digits"))
GRID = {"lr": [0.001, 0.01], "distortion": [None, "affine"]}


def make(**params):
    params = {"max_epochs": 2, "batch_size": 32, "random_state": 0, **params}
    return LeNet5Classifier(device="cpu", **params)


def search_twice(estimator, grid, X=DIGITS, y=LABELS, *, fit_params=None, **how):
    """Search stacked, and as scikit-learn does."""
    fit_params = fit_params or {}
    how = {"cv": 3, **how}
    alone = GridSearchCV(estimator, grid, **how)
    return (
        StackedGridSearchCV(estimator, grid, **how).fit(X, y, **fit_params),
        alone.fit(X, y, **fit_params),
    )


def check_same(stacked, alone, atol=0.0):
    assert stacked.cv_results_.keys() == alone.cv_results_.keys()
    assert stacked.cv_results_["params"] == alone.cv_results_["params"]
    for name, values in alone.cv_results_.items():
        if name.startswith(("split", "mean_test", "mean_train", "std_t")):
            np.testing.assert_allclose(
                stacked.cv_results_[name], values, atol=atol, err_msg=name
            )
    learned = {name for name in vars(alone) if name.endswith("_")}
    assert learned <= set(vars(stacked))


# One digit of fifty may be read otherwise, where two readings were as likely.
ONE_DIGIT = 0.021


@pytest.fixture(scope="module")
def both():
    return search_twice(make(), GRID, return_train_score=True)


def test_the_results_are_those_of_scikit_learn(both):
    stacked, alone = both
    check_same(stacked, alone, ONE_DIGIT)
    assert stacked.best_params_ == alone.best_params_
    assert stacked.n_splits_ == alone.n_splits_ == 3
    assert not stacked.multimetric_


def test_the_best_estimator_is_an_ordinary_one(both, tmp_path):
    stacked, alone = both
    assert type(stacked.best_estimator_) is LeNet5Classifier
    assert np.array_equal(stacked.predict(DIGITS), alone.predict(DIGITS))
    save_model(stacked.best_estimator_, tmp_path / "best.safetensors")
    loaded = load_model(tmp_path / "best.safetensors")
    assert np.array_equal(loaded.predict(DIGITS), alone.predict(DIGITS))


def test_the_way_is_told(both, capsys):
    stacked, _ = both
    assert stacked.way_.startswith("12 networks in 1 stack; in this process")
    assert "too short for processes to pay" in stacked.way_
    search = StackedGridSearchCV(make(), {"lr": [0.01]}, cv=2, refit=False, verbose=1)
    search.fit(DIGITS, LABELS)
    assert search.way_ in capsys.readouterr().out


def test_times_of_fits_are_shares_of_their_stack(both):
    stacked, _ = both
    assert (stacked.cv_results_["mean_fit_time"] > 0).all()
    assert stacked.cv_results_["std_fit_time"].shape == (4,)


def test_it_is_cloned_pickled_and_told_by_its_parameters(both):
    stacked, _ = both
    search = StackedGridSearchCV(make(), GRID, stack_size=2, n_jobs=1)
    params = clone(search).get_params()
    assert params["stack_size"] == 2
    assert params["estimator__max_epochs"] == 2
    assert set(GridSearchCV(make(), GRID).get_params()) < set(params)
    again = pickle.loads(pickle.dumps(stacked))
    assert np.array_equal(again.predict(DIGITS), stacked.predict(DIGITS))


def test_groups_stay_together():
    groups = np.arange(len(DIGITS)) // 10
    stacked, alone = search_twice(
        make(), {"lr": [0.01]}, cv=GroupKFold(4), fit_params={"groups": groups}
    )
    check_same(stacked, alone, ONE_DIGIT)


def test_weights_and_groups_are_routed():
    weights, groups = np.resize([1.0, 2.0], 150), np.arange(150) // 10
    with sklearn.config_context(enable_metadata_routing=True):
        stacked, alone = search_twice(
            make()
            .set_fit_request(sample_weight=True, groups=False)
            .set_score_request(sample_weight=False),
            {"lr": [0.01]},
            cv=GroupKFold(3),
            fit_params={"groups": groups, "sample_weight": weights},
        )
    check_same(stacked, alone, ONE_DIGIT)
    assert "3 networks" in stacked.way_


@pytest.mark.slow  # trains twelve networks
def test_several_scores_are_looked_at():
    stacked, alone = search_twice(
        make(),
        {"lr": [0.001, 0.01]},
        scoring=["accuracy", "f1_macro"],
        refit="accuracy",
    )
    check_same(stacked, alone, 2 * ONE_DIGIT)
    assert stacked.multimetric_


class DrawnFolds(KFold):
    """Counts how often it splits, each time in another way."""

    n_calls = 0

    def split(self, *args, **kwargs):
        self.n_calls += 1
        return super().split(*args, **kwargs)


def test_splits_are_drawn_once():
    folds = DrawnFolds(3, shuffle=True, random_state=np.random.RandomState(0))
    StackedGridSearchCV(make(), {"lr": [0.01]}, cv=folds, refit=False).fit(
        DIGITS, LABELS
    )
    assert folds.n_calls == 1


def test_a_setting_that_fails_gets_the_error_score():
    grid = {"schedule": [[(1, -1.0)], "cosine"]}
    search = StackedGridSearchCV(make(), grid, cv=2, error_score=-1.0)
    with pytest.warns(FitFailedWarning, match="schedule is expected"):
        search.fit(DIGITS, LABELS)
    bad, good = search.cv_results_["mean_test_score"]
    assert bad == -1.0
    assert good >= 0
    search.set_params(error_score="raise")
    with pytest.raises(ValueError, match="schedule is expected"):
        search.fit(DIGITS, LABELS)


def test_a_setting_that_is_refused_before_it_is_trained_gets_the_error_score():
    search = StackedGridSearchCV(make(), {"lr": [-1.0, 0.01]}, cv=2)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        search.fit(DIGITS, LABELS)
    assert [w.category for w in told].count(FitFailedWarning) == 1
    assert np.isnan(search.cv_results_["mean_test_score"][0])
    assert search.best_params_ == {"lr": 0.01}
    assert search.cv_results_["mean_fit_time"][0] == 0


def test_a_fold_may_miss_a_digit():
    nines = LABELS == 9
    folds = [(np.flatnonzero(~nines), np.flatnonzero(nines)), (np.arange(80), [80, 81])]
    stacked, alone = search_twice(make(classes=range(10)), {"lr": [0.01]}, cv=folds)
    check_same(stacked, alone)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stacked, alone = search_twice(make(), {"lr": [0.01]}, cv=folds)
    check_same(stacked, alone)


def test_a_classifier_in_a_pipeline_is_trained_together_too():
    steps = make_pipeline(FunctionTransformer(np.copy), make())
    stacked, alone = search_twice(steps, {"lenet5classifier__lr": [0.001, 0.01]})
    check_same(stacked, alone, ONE_DIGIT)
    assert stacked.way_.startswith("6 networks in 1 stack;")


@pytest.mark.slow  # trains 24 networks
def test_members_of_a_committee_are_trained_together_too():
    members = [(str(seed), make(random_state=seed)) for seed in range(2)]
    stacked, alone = search_twice(
        VotingClassifier(members, voting="soft"), {"weights": [None, [1, 2]]}
    )
    check_same(stacked, alone, ONE_DIGIT)
    assert stacked.way_.startswith("12 networks in 1 stack;")


def test_what_is_alone_is_trained_alone():
    grid = {"averaging": [None, 1]}
    stacked, alone = search_twice(make(), grid)
    check_same(stacked, alone, ONE_DIGIT)
    assert "3 alone for their averaging" in stacked.way_


@pytest.mark.slow  # trains twelve networks once more
def test_stacks_of_one_give_the_very_same():
    stacked, alone = search_twice(make(), {"lr": [0.001, 0.01]})
    stacked = stacked.set_params(stack_size=1).fit(DIGITS, LABELS)
    check_same(stacked, alone)
    assert stacked.way_.startswith("6 networks, each alone;")


@pytest.mark.slow  # starts processes
@pytest.mark.parametrize("stack_size", [1, None])
def test_processes_give_the_same(stack_size):
    search = StackedGridSearchCV(make(), GRID, stack_size=stack_size, n_jobs=2, cv=3)
    search.fit(DIGITS, LABELS)
    alone = GridSearchCV(make(), GRID, cv=3).fit(DIGITS, LABELS)
    check_same(search, alone, ONE_DIGIT)
    assert "in 2 processes" in search.way_
    assert np.array_equal(search.predict(DIGITS), alone.predict(DIGITS))
