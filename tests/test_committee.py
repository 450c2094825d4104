"""Committees: they vote, and come back from one file."""

import copy
import os

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from skorch.callbacks import Callback
from torch import nn

from lenet_sklearn import (
    LeNet5Classifier,
    ModelFileError,
    calibrate_committee,
    fit_temperature,
    join_classifiers,
    load_dataset,
    load_model,
    make_committee,
    save_model,
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


def test_calibration_wants_one_label_for_each_image(committee, digits):
    X, y = digits
    [member, _] = copy.deepcopy(committee).estimators_
    together = copy.deepcopy(committee)
    temperature = member.calibrate(X, y - 10).temperature_
    with pytest.warns(DataConversionWarning, match="column-vector"):
        assert member.calibrate(X, y[:, None] - 10).temperature_ == temperature
    with pytest.warns(DataConversionWarning, match="column-vector"):
        calibrate_committee(together, X, y[:, None])
    for labels in (y[:1], y[:-1]):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            member.calibrate(X, labels - 10)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            calibrate_committee(together, X, labels)


def test_a_committee_comes_back_from_one_file(tmp_path, committee, digits):
    save_model(committee, tmp_path / "model")
    loaded = load_model(tmp_path / "model", device="cpu")
    assert_array_equal(loaded.classes_, committee.classes_)
    assert_allclose(
        loaded.predict_proba(digits[0]), committee.predict_proba(digits[0]), atol=1e-5
    )
    assert loaded.score(*digits) == committee.score(*digits)


def test_a_loaded_committee_is_fitted_again_as_it_was(tmp_path, committee, digits):
    save_model(committee, tmp_path / "model")
    again = load_model(tmp_path / "model", device="cpu").fit(*digits)
    expected = committee.predict_proba(digits[0])
    assert_array_equal(again.predict_proba(digits[0]), expected)


class Process(Callback):
    """Notes down where a member is trained."""

    def on_epoch_end(self, net, **kwargs):
        net.history.record("process", os.getpid())
        net.history.record("threads", torch.get_num_threads())


@pytest.mark.slow
def test_members_are_trained_side_by_side_to_the_same_weights(committee, digits):
    base = LeNet5Classifier(**QUICK, callbacks=[Process()])
    jobs = make_committee(base, n_members=2, n_jobs=2, random_state=0).fit(*digits)
    processes = [member.history_["process"][0] for member in jobs.estimators_]
    assert len({*processes, os.getpid()}) == 3
    for member, alone in zip(jobs.estimators_, committee.estimators_, strict=True):
        assert_array_equal(member.history_["threads"], 1)
        assert_array_equal(
            member.decision_function(digits[0]), alone.decision_function(digits[0])
        )


def test_calibration_makes_the_mean_of_all_members_most_likely(digits):
    X, y = digits
    classifier = LeNet5Classifier(**QUICK)
    members = make_committee(classifier, n_members=2, random_state=0)
    committee = members.fit(X[:200], y[:200])
    calibrate_committee(committee, X[200:], y[200:])
    first, second = committee.estimators_
    found = first.temperature_
    losses = []
    for temperature in (0.9 * found, found, 1.1 * found):
        first.temperature_ = second.temperature_ = temperature
        losses.append(log_loss(y[200:], committee.predict_proba(X[200:])))
    assert np.argmin(losses) == 1


def test_a_committee_of_two_that_agree_has_the_temperature_of_one():
    rng = np.random.default_rng(0)
    logits, columns = rng.normal(size=(50, 3)), rng.integers(3, size=50)
    both = np.stack([logits, logits])
    assert fit_temperature(both, columns) == fit_temperature(logits, columns)


def test_fitted_classifiers_are_joined(tmp_path, digits):
    X, y = digits
    names = np.char.add("class ", y.astype(str))
    singles = [LeNet5Classifier(**QUICK, random_state=s).fit(X, names) for s in (0, 1)]
    joined = join_classifiers(singles)
    mean = np.mean([single.predict_proba(X) for single in singles], axis=0)
    assert_allclose(joined.predict_proba(X), mean)
    save_model(joined, tmp_path / "model")
    assert_array_equal(load_model(tmp_path / "model").predict(X), joined.predict(X))


def test_a_committee_starts_no_training(tmp_path, committee, digits):
    save_model(committee, tmp_path / "model")
    start = LeNet5Classifier(**QUICK, initial_weights=tmp_path / "model")
    with pytest.raises(ModelFileError, match=r"no single LeNet5Classifier"):
        start.fit(*digits)


def test_loaded_members_vote_and_are_calibrated(tmp_path, digits):
    X, y = digits
    for seed in (0, 1):
        single = LeNet5Classifier(**QUICK, random_state=seed).fit(X, y)
        save_model(single, tmp_path / str(seed))
    loaded = [load_model(tmp_path / str(seed), device="cpu") for seed in (0, 1)]
    joined = calibrate_committee(join_classifiers(loaded), X, y)
    assert_allclose(
        joined.predict_proba(X),
        np.mean([single.predict_proba(X) for single in loaded], axis=0),
    )
    assert loaded[0].temperature_ == loaded[1].temperature_ != 1
    assert all("_net" not in vars(single) for single in loaded), "torch was not needed"


def test_a_single_classifier_is_loaded_by_the_same_function(tmp_path, digits):
    save_model(LeNet5Classifier(**QUICK).fit(*digits), tmp_path / "model")
    assert isinstance(load_model(tmp_path / "model"), LeNet5Classifier)


def test_a_classifier_that_votes_twice_is_saved_twice(tmp_path, digits):
    single = LeNet5Classifier(**QUICK).fit(*digits)
    save_model(join_classifiers([single, single]), tmp_path / "model")
    expected = single.predict_proba(digits[0])
    loaded = load_model(tmp_path / "model", device="cpu")
    assert_allclose(loaded.predict_proba(digits[0]), expected, atol=1e-5)


class Pixels(nn.Module):
    """A network of one's own."""

    def __init__(self, n_classes, image_shape):
        super().__init__()
        self.linear = nn.Linear(image_shape[0] * image_shape[1], n_classes)

    def forward(self, images):
        return self.linear(images.flatten(1))


@pytest.mark.slow  # as one such network does
def test_a_committee_of_ones_own_networks_asks_for_their_class(tmp_path, digits):
    base = LeNet5Classifier(**QUICK, module=Pixels)
    committee = make_committee(base, n_members=2, random_state=0).fit(*digits)
    save_model(committee, tmp_path / "model")
    with pytest.raises(ModelFileError, match=r"trained with module=.*Pixels"):
        load_model(tmp_path / "model")
    loaded = load_model(tmp_path / "model", module=Pixels)
    assert_array_equal(loaded.predict(digits[0]), committee.predict(digits[0]))


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
        save_model(others, tmp_path / "model")
    with pytest.raises(TypeError, match="calibrate_committee expects"):
        calibrate_committee(others, [[0.0]], [0])


def test_a_committee_that_weighs_its_votes_cannot_be_saved(tmp_path, committee):
    weighed = copy.copy(committee).set_params(weights=[2, 1])
    with pytest.raises(ValueError, match=r"weights=\[2, 1\]. Pickle"):
        save_model(weighed, tmp_path / "model")
