"""Committees: the mean of several recognizers, in one file."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from test_recognizer import DATA_FREE

from lenet_sklearn import ModelFileError, load_model, save_model
from lenet_sklearn.models.files import write_model
from lenet_sklearn.models.registry import pack_model
from lenet_sklearn.strings import (
    StringCommittee,
    StringRecognizer,
    join_recognizers,
)
from lenet_sklearn.strings.ctc import score_strings
from lenet_sklearn.strings.decoding import Constraint
from lenet_sklearn.strings.reading import search_ensemble


@pytest.mark.parametrize("check", DATA_FREE, ids=lambda c: c.__name__)
def test_sklearn_api(check):
    check("StringCommittee", StringCommittee())


@pytest.fixture(scope="module")
def other(drawn):
    fitted = StringRecognizer(
        network="lenet5",
        initial_weights="lenet5",
        max_epochs=4,
        lr=0.003,
        random_state=1,
        device="cpu",
    )
    return fitted.fit(drawn, drawn.texts)


def test_probabilities_are_the_mean_of_those_of_the_members():
    generator = np.random.default_rng(0)
    members = [
        scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        for scores in (generator.normal(size=(n, 4)) for n in (8, 13))
    ]
    found = search_ensemble(members, n_best=5, constraint=Constraint(), beam_width=20)
    for string, score in found:
        single = [np.exp(score_strings([member], [string])[0]) for member in members]
        assert np.exp(score) == pytest.approx(np.mean(single))
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("n_members", [1, 2])
def test_nothing_is_found_where_nothing_is_allowed(n_members):
    members = [np.log(np.full((5, 4), 0.25))] * n_members
    nothing = Constraint(lengths=frozenset())
    assert search_ensemble(members, constraint=nothing, beam_width=8) == []


def test_a_committee_of_one_and_the_same_reads_as_it_does(recognizer, unseen):
    committee = join_recognizers([recognizer, recognizer])
    assert_array_equal(committee.predict(unseen), recognizer.predict(unseen))


def test_networks_of_different_kinds_vote(recognizer, other, unseen):
    committee = join_recognizers([recognizer, other])
    assert committee.score(unseen, unseen.texts) > 0.8
    for [best] in committee.read(unseen, lengths=2):
        assert len(best.text) == 2
    assert len(committee.locate([unseen[3]])[0]) == len(committee.predict(unseen)[3])


def test_a_saved_committee_reads_the_same(recognizer, other, unseen, tmp_path):
    committee = join_recognizers([recognizer, other])
    save_model(committee, tmp_path / "committee")
    loaded = load_model(tmp_path / "committee", device="cpu", engine="torch")
    assert loaded.read(unseen, n_best=2) == committee.read(unseen, n_best=2)
    start = StringRecognizer(initial_weights=tmp_path / "committee")
    with pytest.raises(ModelFileError, match="no single StringRecognizer"):
        start.fit([unseen[0]], [unseen.texts[0]])


def test_fitting_a_committee_trains_copies(recognizer, drawn):
    template = clone(recognizer).set_params(max_epochs=1)
    committee = StringCommittee([template, template])
    committee.fit(list(drawn)[:60], drawn.texts[:60])
    assert len(committee.members_) == 2
    assert not hasattr(template, "net_")


def test_calibration_changes_members_and_none_that_was_joined(
    recognizer, unseen, tmp_path
):
    save_model(recognizer, tmp_path / "single")
    given = [load_model(tmp_path / "single", device="cpu") for _ in range(2)]
    for member in given:
        member.temperature_ = 5.0  # far from what any of these comes out with
    committee = join_recognizers(given).calibrate(unseen, unseen.texts)
    one, two = (member.temperature_ for member in committee.members_)
    assert one == two != 5.0
    assert [member.temperature_ for member in given] == [5.0, 5.0]


def test_recognizers_of_different_characters_are_refused(recognizer):
    committee = StringCommittee([StringRecognizer(characters="01"), recognizer])
    with pytest.raises(ValueError, match="all of the same characters"):
        committee.fit([np.zeros((32, 9), np.uint8)], ["1"])
    with pytest.raises(AttributeError, match="all of the same characters"):
        committee.characters  # noqa: B018
    assert not hasattr(StringCommittee(), "characters")
    with pytest.raises(ValueError, match="at least one recognizer"):
        join_recognizers([])


def test_parameters_are_looked_at_in_fit_and_before_reading(recognizer, unseen):
    strip = [unseen[0]]
    with pytest.raises(ValueError, match="'beam_width' parameter of StringCommittee"):
        StringCommittee([recognizer], beam_width=0).fit(strip, ["1"])
    committee = join_recognizers([pickle.loads(pickle.dumps(recognizer))])
    committee.members_[0].set_params(widths=())
    with pytest.raises(ValueError, match="widths above 0"):
        committee.predict(strip)
    with pytest.raises(ValueError, match="'beam_width' parameter of StringCommittee"):
        committee.set_params(beam_width=0).predict(strip)


def test_a_committee_asks_for_one_string_for_each_strip(recognizer, unseen):
    committee = join_recognizers([recognizer])
    for ask in (committee.score, committee.calibrate, committee.locate, committee.fit):
        with pytest.raises(ValueError, match="StringCommittee expects one string"):
            ask([unseen[0], unseen[1]], ["1"])
    with pytest.raises(NotFittedError):
        StringCommittee([recognizer]).predict([unseen[0]])


def test_a_file_without_members_is_named(recognizer, tmp_path):
    header, weights = pack_model(join_recognizers([recognizer]))
    write_model(tmp_path / "none", header | {"members": []}, weights)
    with pytest.raises(ModelFileError, match="none does not describe a String"):
        load_model(tmp_path / "none", device="cpu")
