"""Committees: they vote, and come back from one file."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression

from lenet_sklearn import (
    LeNet5Classifier,
    join_classifiers,
    load_dataset,
    load_model,
    make_committee,
    save_committee,
)

QUICK = {"max_epochs": 4, "batch_size": 32, "lr": 0.005, "device": "cpu"}


@pytest.fixture(scope="module")
def digits():
    X, y = load_dataset("digits")
    return X[:300], y[:300] + 10


@pytest.fixture(scope="module")
def committee(digits):
    base = LeNet5Classifier(**QUICK)
    return make_committee(base, n_members=2, random_state=0).fit(*digits)


def test_members_differ_and_the_committee_is_their_mean(committee, digits):
    first, second = (m.predict_proba(digits[0]) for m in committee.estimators_)
    assert not np.allclose(first, second)
    assert_allclose(committee.predict_proba(digits[0]), (first + second) / 2)
    assert set(committee.predict(digits[0])) <= set(range(10, 20))


def test_a_committee_comes_back_from_one_file(tmp_path, committee, digits):
    save_committee(committee, tmp_path / "model")
    loaded = load_model(tmp_path / "model", device="cpu")
    assert_array_equal(loaded.classes_, committee.classes_)
    assert_array_equal(
        loaded.predict_proba(digits[0]), committee.predict_proba(digits[0])
    )
    assert loaded.score(*digits) == committee.score(*digits)
    assert clone(loaded).fit(*digits).score(*digits) > 0.5


def test_fitted_classifiers_are_joined(tmp_path, digits):
    X, y = digits
    names = np.char.add("class ", y.astype(str))
    singles = [LeNet5Classifier(**QUICK, random_state=s).fit(X, names) for s in (0, 1)]
    joined = join_classifiers(singles)
    mean = np.mean([single.predict_proba(X) for single in singles], axis=0)
    assert_allclose(joined.predict_proba(X), mean)
    save_committee(joined, tmp_path / "model")
    assert_array_equal(load_model(tmp_path / "model").predict(X), joined.predict(X))


def test_a_single_classifier_is_loaded_by_the_same_function(tmp_path, digits):
    LeNet5Classifier(**QUICK).fit(*digits).save(tmp_path / "model")
    assert isinstance(load_model(tmp_path / "model"), LeNet5Classifier)


def test_what_cannot_vote_together_is_refused(tmp_path, digits):
    X, y = digits
    few = LeNet5Classifier(**QUICK).fit(X[y < 15], y[y < 15])
    with pytest.raises(ValueError, match=r"Classifier 1: .*labels \[10, 11, 12"):
        join_classifiers([LeNet5Classifier(**QUICK).fit(X, y), few])
    with pytest.raises(ValueError, match="at least one"):
        join_classifiers([])
    with pytest.raises(ValueError, match="classes=None"):
        make_committee(LeNet5Classifier(classes=range(10)))


def test_a_committee_of_others_cannot_be_saved(tmp_path):
    others = VotingClassifier([("a", LogisticRegression())], voting="soft")
    others.fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(TypeError, match="Got LogisticRegression"):
        save_committee(others, tmp_path / "model")
