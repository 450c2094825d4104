"""Weights of samples and groups, through searches and pipelines down to the loss."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    RandomizedSearchCV,
)
from sklearn.pipeline import Pipeline

from lenet_sklearn import LeNet5Classifier, load_dataset, load_model
from lenet_sklearn.strings import Hypothesis, StringRecognizer
from pipelines import (
    CombReader,
    CuttingReader,
    FieldReader,
    Form,
    FormReader,
    SlidingReader,
    VotingReader,
    make_field_reader,
)
from pipelines.drawing import draw_comb, draw_string, draw_writer
from pipelines.readers.field import cleaning_steps
from pipelines.readers.scorers import exact_strings

TEXTS = ["1742", "308", "965", "4071", "28", "5536"]
WEIGHTS = np.array([0.5, 0.0, 1.5, 0.25, 0.0, 1.0])
KEPT = np.flatnonzero(WEIGHTS)


@pytest.fixture(scope="module")
def lines():
    writer = draw_writer(3)
    return [draw_string(text, writer, random_state=3) for text in TEXTS]


@pytest.fixture(scope="module")
def combs():
    return [draw_comb(text, random_state=3) for text in TEXTS]


@pytest.fixture(autouse=True)
def routed():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def kept(samples):
    return [samples[n] for n in KEPT]


def weights_of(reader):
    """All that a fitted reader of lines or combs has learned, as numbers."""
    if hasattr(reader, "sliding_reader_"):
        return weights_of(reader.sliding_reader_) + weights_of(reader.cutting_reader_)
    if hasattr(reader, "model_"):
        model = reader.model_
        return [*state_of(model.classifier), model.geometry.weights]
    if hasattr(reader, "line_reader_"):
        return weights_of(reader.line_reader_)
    return state_of(getattr(reader, "recognizer_", None) or reader.classifier_)


def state_of(model):
    return [t.numpy() for t in model.net_.module_.state_dict().values()]


def known_digits():
    return load_model("mnist", device="cpu").set_params(random_state=0)


def sliding():
    return SlidingReader(load_model("lenet5", device="cpu"), max_epochs=1)


def cutting():
    return CuttingReader(max_epochs=1)


def voting():
    return VotingReader(sliding_reader=sliding(), cutting_reader=cutting())


@pytest.mark.parametrize(
    "make",
    [sliding, cutting, voting, lambda: FieldReader(line_reader=sliding())],
    ids=["sliding", "cutting", "voting", "field"],
)
def test_free_writing_without_weight_is_as_if_it_were_not_there(lines, make):
    weighted = make().fit(lines, TEXTS, sample_weight=WEIGHTS)
    left_out = make().fit(kept(lines), kept(TEXTS), sample_weight=WEIGHTS[KEPT])
    others = make().fit(kept(lines), kept(TEXTS))
    same, other = (
        [np.array_equal(*pair) for pair in zip(*both, strict=True)]
        for both in (
            (weights_of(weighted), weights_of(left_out)),
            (weights_of(weighted), weights_of(others)),
        )
    )
    assert all(same)
    assert not all(other)


@pytest.mark.parametrize("make", [CombReader, FieldReader])
def test_a_comb_without_weight_is_as_if_it_were_not_there(combs, make):
    settings = {"max_epochs": 1, "classifier": known_digits()}
    weighted = make(**settings).fit(combs, TEXTS, sample_weight=WEIGHTS)
    left_out = make(**settings).fit(
        kept(combs), kept(TEXTS), sample_weight=WEIGHTS[KEPT]
    )
    assert weighted.n_aligned_ == left_out.n_aligned_ == 4
    for one, other in zip(weights_of(weighted), weights_of(left_out), strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("by_field", [False, True])
def test_pages_and_their_fields_have_weights(combs, by_field):
    form = Form.from_combs({"a": 4})
    pages = [combs[n] for n in (0, 3, 5)]
    y = np.array([[TEXTS[n]] for n in (0, 3, 5)], dtype=object)
    weights = np.array([[0.5], [0.0], [1.5]]) if by_field else [0.5, 0.0, 1.5]
    settings = {"max_epochs": 1, "classifier": known_digits()}
    readers = [FormReader(form, field_reader=FieldReader(**settings)) for _ in "ab"]
    readers[0].fit(pages, y, sample_weight=weights)
    readers[1].fit(pages[::2], y[::2], sample_weight=[0.5, 1.5])
    found = [weights_of(reader.field_reader_) for reader in readers]
    for one, other in zip(*found, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], r"sample_weight of shape \(6,\)"),
        ([-1.0] + [1.0] * 5, "at least 0"),
        ([0.0] * 6, "all zero"),
    ],
)
@pytest.mark.parametrize("make", [FieldReader, CombReader, SlidingReader])
def test_weights_without_sense_are_refused_in_the_name_of_the_reader(
    combs, make, weights, message
):
    with pytest.raises(ValueError, match=f"{make.__name__} .*{message}"):
        make().fit(combs, TEXTS, sample_weight=weights)


class Listening(BaseEstimator):
    """A recognizer that learns nothing, and tells with which weights."""

    heard: list = []  # noqa: RUF012

    def __init__(self, accent="0", characters="0123456789"):
        self.accent = accent
        self.characters = characters

    def fit(self, X, y, sample_weight=None):
        type(self).heard.append(
            None
            if sample_weight is None
            else dict(zip(y, np.asarray(sample_weight).tolist(), strict=True))
        )
        return self

    def read(self, X, n_best=1, **_):
        return [[Hypothesis(self.accent, 0.9)] for _ in X]


STRICT = {"refit": False, "error_score": "raise"}

SEARCHES = {
    "grid": lambda *how, **more: GridSearchCV(*how, **more),
    "random": lambda *how, **more: RandomizedSearchCV(*how, n_iter=2, **more),
    "halving": lambda *how, **more: HalvingGridSearchCV(
        *how, min_resources=6, random_state=0, **more
    ),
}


@pytest.mark.parametrize("kind", SEARCHES)
def test_weights_and_groups_go_through_a_search_to_the_recognizer(lines, kind):
    reader = make_field_reader(
        line_reader=VotingReader(
            sliding_reader=SlidingReader(Listening()), cutting_reader=Deaf()
        )
    )
    reader.named_steps["read"].set_fit_request(sample_weight=True)
    name = "read__line_reader__sliding_reader__recognizer__accent"
    searching = SEARCHES[kind](
        reader, {name: ["0", "1"]}, cv=GroupKFold(2), scoring=exact_strings, **STRICT
    )
    Listening.heard = []
    writers = [0, 0, 1, 1, 0, 1]
    searching.fit(lines, TEXTS, sample_weight=WEIGHTS, groups=writers)
    own = dict(zip(TEXTS, WEIGHTS.tolist(), strict=True))
    assert len(Listening.heard) >= 4
    for heard in Listening.heard:
        assert heard == {text: own[text] for text in heard}
        assert 0.0 not in heard.values()
        # What was learned from is of one writer, and the other was held out.
        assert len({writers[TEXTS.index(text)] for text in heard}) == 1


class Deaf(BaseEstimator):
    """Stands beside a reader, and says nothing."""

    def fit(self, X, y, sample_weight=None):
        return self

    def read(self, X, n_best=1, **_):
        return [[Hypothesis("", 0.1)] for _ in X]

    def locate(self, X, texts):
        return [[] for _ in X]


def test_without_a_request_no_weight_is_taken(lines):
    reader = make_field_reader(line_reader=SlidingReader(Listening()))
    searching = GridSearchCV(reader, {"read__threshold": [0.5]}, cv=2, **STRICT)
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError):
        searching.fit(lines, TEXTS, sample_weight=WEIGHTS)


def test_weights_reach_the_loss_of_a_string_network_in_a_search(lines):
    recognizer = StringRecognizer(
        network="lenet5", max_epochs=1, random_state=0, device="cpu"
    )
    reader = make_field_reader(line_reader=SlidingReader(recognizer))
    reader.named_steps["read"].set_fit_request(sample_weight=True).set_score_request(
        sample_weight=True
    )
    rows = np.arange(6)
    searching = GridSearchCV(
        reader, {"read__threshold": [0.5]}, cv=[(rows, rows)], error_score="raise"
    )
    searching.fit(lines, TEXTS, sample_weight=WEIGHTS)
    steps = [("read", FieldReader(line_reader=SlidingReader(recognizer)))]
    alone = Pipeline([*cleaning_steps(), *steps])
    cleaned = alone[:-1].fit_transform(lines)
    left_out = alone[-1].fit(kept(cleaned), kept(TEXTS), sample_weight=WEIGHTS[KEPT])
    found = weights_of(searching.best_estimator_[-1])
    for one, other in zip(found, weights_of(left_out), strict=True):
        assert_array_equal(one, other)


def test_weights_and_groups_go_through_a_search_to_a_classifier():
    X, y = load_dataset("digits")
    X, y = X[:60], y[:60]
    weights = np.tile([0.0, 0.5, 1.0], 20)
    classifier = LeNet5Classifier(
        max_epochs=1, random_state=0, device="cpu", classes=list(range(10))
    )
    classifier.set_fit_request(sample_weight=True, groups=True)
    classifier.set_score_request(sample_weight=True)
    cv = GroupKFold(2)
    groups = np.repeat(np.arange(6), 10)
    searching = GridSearchCV(classifier, {"lr": [0.003]}, cv=cv, error_score="raise")
    searching.fit(X, y, sample_weight=weights, groups=groups)
    alone = LeNet5Classifier(**classifier.get_params()).fit(
        X[weights > 0], y[weights > 0], weights[weights > 0]
    )
    for one, other in zip(
        state_of(searching.best_estimator_), state_of(alone), strict=True
    ):
        assert_array_equal(one, other)


def test_scores_are_weighted(combs):
    readings = FieldReader().predict(combs)
    truths = [text if n else "0" for n, text in enumerate(readings)]
    reader = FieldReader()
    assert reader.score(combs, truths, sample_weight=[5, 1, 1, 1, 1, 1]) == 0.5
    for wrong in ([1, 1], [-1, 1, 1, 1, 1, 1], [np.nan, 1, 1, 1, 1, 1], [0] * 6):
        with pytest.raises(ValueError, match="weight"):
            reader.score(combs, truths, sample_weight=wrong)
    form = FormReader(Form.from_combs({"a": 4}))
    y = np.array([[TEXTS[0]], [""]], dtype=object)
    assert form.score([combs[0], combs[3]], y, sample_weight=[3, 1]) == 0.75


def test_weights_of_pages_go_through_a_search(combs):
    pages = [combs[n] for n in (0, 3, 5, 0, 3, 5)]
    y = np.array([[TEXTS[n]] for n in (0, 3, 5, 0, 3, 5)], dtype=object)
    heard = []

    class Hearing(FieldReader):
        def fit(self, X, y, frames=None, sample_weight=None):
            heard.append(list(sample_weight))
            return super().fit(X, y, frames, sample_weight)

    reader = FormReader(Form.from_combs({"a": 4}), field_reader=Hearing(max_epochs=1))
    reader.set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
    searching = GridSearchCV(
        reader,
        {"field_reader__threshold": [0.5]},
        cv=2,
        refit=False,
        error_score="raise",
    )
    searching.fit(pages, y, sample_weight=[1.0, 2.0, 0.0, 4.0, 5.0, 6.0])
    assert heard == [[4.0, 5.0, 6.0], [1.0, 2.0]]
