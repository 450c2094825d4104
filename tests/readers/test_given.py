"""Models that readers are given: clones keep them, and fit goes on from them."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from lenet_sklearn import (
    LeNet5Classifier,
    join_classifiers,
    load_model,
    save_model,
)
from lenet_sklearn.strings import join_recognizers
from pipelines import (
    CombReader,
    CuttingReader,
    FieldReader,
    Form,
    FormReader,
    SlidingReader,
    VotingReader,
    make_field_reader,
    make_form_reader,
)
from pipelines.drawing import draw_comb, draw_string, draw_writer
from pipelines.readers import comb, free
from pipelines.readers.base import continue_from, is_fitted

TEXTS = ["01234", "56789", "24680", "13579"]
STRINGS = ["1742", "308", "5"]


@pytest.fixture(scope="module")
def combs():
    writer = draw_writer(1)
    return [draw_comb(t, writer=writer, random_state=i) for i, t in enumerate(TEXTS)]


@pytest.fixture(scope="module")
def lines():
    writer = draw_writer(3)
    return [draw_string(text, writer, random_state=3) for text in STRINGS]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    path = tmp_path_factory.mktemp("given") / "digits.safetensors"
    save_model(load_model("mnist"), path)
    return load_model(path)


@pytest.fixture(scope="module")
def recognizer():
    return load_model("lenet5", device="cpu")


@pytest.fixture
def brief(monkeypatch):
    """Two passes over the fields: what is begun with shows."""
    monkeypatch.setattr(free, "_MOST_EPOCHS", 1)
    monkeypatch.setattr(free, "_LEAST_EPOCHS", 1)


def _weights(model):
    return {
        name: values.detach().numpy().copy()
        for name, values in model.net_.module_.named_parameters()
    }


def _distance(model, other):
    ours, theirs = _weights(model), _weights(other)
    return max(float(np.abs(ours[name] - theirs[name]).max()) for name in ours)


def test_a_clone_of_a_field_reader_reads_with_the_classifier_it_was_given(
    combs, classifier
):
    reader = FieldReader(classifier, threshold=0.5)
    copy = clone(reader)
    assert copy.threshold == 0.5
    assert copy.classifier is not classifier
    assert copy.predict(combs).tolist() == reader.predict(combs).tolist() == TEXTS
    assert clone(CombReader(classifier)).predict(combs).tolist() == TEXTS


def test_a_clone_of_a_pipeline_reads_with_what_its_reader_was_given(combs, classifier):
    copy = clone(make_field_reader(classifier))
    assert copy.predict(combs).tolist() == TEXTS


def test_a_clone_of_a_reader_of_lines_reads_with_the_recognizer_it_was_given(
    lines, recognizer
):
    for reader in (
        SlidingReader(recognizer),
        VotingReader(sliding_reader=SlidingReader(recognizer)),
    ):
        assert list(clone(reader).predict(lines)) == list(reader.predict(lines))


def test_a_clone_of_a_form_reader_reads_with_the_reader_it_was_given(combs):
    other = str.maketrans("0123456789", "1234567890")
    shifted = [text.translate(other) for text in TEXTS]
    digits = make_pipeline(
        FunctionTransformer(lambda glyphs: glyphs.reshape(len(glyphs), -1) / 255),
        LogisticRegression(),
    )
    fields = FieldReader(digits).fit(combs, shifted)
    reader = FormReader(Form.from_combs({"number": 5}), field_reader=fields)
    assert clone(reader).predict(combs).ravel().tolist() == shifted
    assert not is_fitted(clone(fields))


def test_a_clone_of_an_unfitted_model_is_not_fitted(classifier):
    copy = clone(FieldReader(LeNet5Classifier(max_epochs=3)))
    assert copy.classifier.max_epochs == 3
    assert not is_fitted(copy.classifier)


def test_a_given_classifier_survives_cross_validation(combs, classifier):
    scores = cross_val_score(make_field_reader(classifier), combs, TEXTS, cv=2)
    assert scores.tolist() == [1, 1]


def test_fit_goes_on_from_a_given_classifier(combs, classifier):
    before = _weights(classifier)
    reader = make_field_reader(classifier).fit(combs[:1], TEXTS[:1])
    assert reader.score(combs, TEXTS) == 1
    adapted = reader[-1].classifier_
    assert adapted.max_epochs < classifier.max_epochs
    assert adapted.warm_start is False
    assert 0 < _distance(adapted, classifier) < 0.1
    assert all(np.array_equal(w, before[n]) for n, w in _weights(classifier).items())


def test_fit_adapts_what_ships_and_what_is_given_alike(combs):
    given = FieldReader(load_model("boxes")).fit(combs[:2], TEXTS[:2])
    default = FieldReader().fit(combs[:2], TEXTS[:2])
    members = (reader.classifier_.estimators_ for reader in (given, default))
    assert all(_distance(*pair) == 0 for pair in zip(*members, strict=True))


def test_fit_goes_on_from_every_member_of_a_given_committee(combs, classifier):
    members = [classifier, LeNet5Classifier.from_pretrained("forms")]
    committee = join_classifiers(members)
    reader = FieldReader(committee).fit(combs[:2], TEXTS[:2])
    assert reader.score(combs, TEXTS) == 1
    distances = map(_distance, reader.classifier_.estimators_, members)
    assert all(0 < distance < 0.1 for distance in distances)


def test_fit_trains_an_unfitted_classifier_by_its_own_parameters(combs):
    classifier = LeNet5Classifier(
        initial_weights="mnist", classes=range(10), max_epochs=2, lr=1e-4
    )
    adapted = FieldReader(classifier).fit(combs, TEXTS).classifier_
    assert len(adapted.history_["epoch"]) == 2


def test_fit_goes_on_from_a_given_recognizer(lines, recognizer, brief):
    before = _weights(recognizer)
    reader = SlidingReader(recognizer).fit(lines, STRINGS)
    assert 0 < _distance(reader.recognizer_, recognizer) < 0.1
    assert reader.recognizer_.warm_start is False
    assert reader.recognizer_.initial_share == recognizer.initial_share
    assert all(np.array_equal(w, before[n]) for n, w in _weights(recognizer).items())


def test_fit_goes_on_from_every_member_of_a_committee_of_recognizers(
    lines, recognizer, brief
):
    committee = join_recognizers([recognizer, recognizer])
    adapted = SlidingReader(committee).fit(lines, STRINGS).recognizer_
    assert all(0 < _distance(m, recognizer) < 0.1 for m in adapted.members_)


def test_fit_goes_on_from_what_the_parts_have_learned(lines, recognizer, brief):
    learned = SlidingReader(recognizer).fit(lines, STRINGS)
    voting = VotingReader(sliding_reader=learned).fit(lines, STRINGS)
    start = voting.sliding_reader_.recognizer
    assert _distance(start, learned.recognizer_) == 0
    again = continue_from(voting)
    assert not hasattr(again, "sliding_reader_")
    assert again.sliding_reader.recognizer_ is not voting.sliding_reader_.recognizer_
    assert is_fitted(again.cutting_reader)


def test_a_form_reader_goes_on_from_what_its_field_reader_has_learned(
    combs, classifier
):
    fields = make_field_reader(classifier).fit(combs[:2], TEXTS[:2])
    reader = FormReader(Form.from_combs({"number": 5}), field_reader=fields)
    reader.fit(combs[2:], np.array(TEXTS[2:])[:, None])
    start = reader.field_reader_[-1].classifier
    assert _distance(start, fields[-1].classifier_) == 0
    assert reader.predict(combs).ravel().tolist() == TEXTS


def test_combs_load_no_reader_of_lines(combs, monkeypatch):
    for name in ("_pretrained_recognizer", "_pretrained_model"):
        monkeypatch.setattr(free, name, pytest.fail)
    assert make_field_reader().predict(combs[:1]).tolist() == TEXTS[:1]
    form = Form.from_combs({"number": 5})
    assert make_form_reader(form).predict(combs[:1]).tolist() == [TEXTS[:1]]


def test_free_writing_loads_no_classifier_of_boxes(lines, monkeypatch):
    monkeypatch.setattr(comb, "_shipped", pytest.fail)
    assert len(make_field_reader().predict(lines[:1])) == 1
    assert len(FieldReader(line_reader=CuttingReader()).predict(lines[:1])) == 1
