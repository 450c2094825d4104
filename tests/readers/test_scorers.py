"""Scorers of readings: what they count, and that searches take them."""

from functools import partial

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from lenet_sklearn import LeNet5Classifier, load_dataset
from pipelines import FieldReader, Form, FormReader, SlidingReader
from pipelines.drawing import draw_comb, draw_string, draw_writer
from pipelines.outcomes import settle
from pipelines.readers.base import StringReader
from pipelines.readers.scorers import (
    SCORERS,
    Outcomes,
    exact_strings,
    judge,
    neg_calibration_error,
    neg_digit_error,
    read_rate,
    score_all,
    summarize,
)


class Repeater(StringReader):
    """Reads what stands in a table: `X` are pairs of (value, confidence)."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y):
        return self

    def read(self, X):
        return [settle(value, self.factor * p, 0.9) for value, p in X]

    def _texts(self, X):
        return [reading.value for reading in self.read(X)]


READ = [("12", 0.99), ("13", 0.95), ("1", 0.4), ("", 0.999), ("1_2", 0.9), ("", 0.99)]
WRITTEN = ["12", "13", "17", "", "12", "5"]


def test_scores_are_those_counted_by_hand():
    reader = Repeater()
    assert exact_strings(reader, READ, WRITTEN) == 3 / 6
    # Of nine digits one is missing, one is a gap too many, one is called blank.
    assert neg_digit_error(reader, READ, WRITTEN) == -3 / 9
    # Five fields are not rightly blank; two are read right before one that is wrong.
    assert read_rate(reader, READ, WRITTEN) == pytest.approx(2 / 5)
    assert read_rate(reader, READ, WRITTEN, max_error=0.4) == pytest.approx(3 / 5)


def test_a_confidence_that_cannot_accept_is_not_calibrated():
    expected = -(0.01 + 0.05 + 0.4) / 3
    assert neg_calibration_error(Repeater(), READ, WRITTEN) == pytest.approx(expected)
    assert np.isnan(neg_calibration_error(Repeater(), [("", 1.0)], [""]))
    assert read_rate(Repeater(), [("", 1.0)], [""]) == 0


def test_one_reading_gives_all_scores():
    single = {name: score(Repeater(), READ, WRITTEN) for name, score in SCORERS.items()}
    assert score_all(Repeater(), READ, WRITTEN) == single
    assert summarize(judge(Repeater(), READ, WRITTEN)) == single


def test_samples_without_truth_are_refused():
    with pytest.raises(ValueError, match="6 values that were read and 2 strings"):
        exact_strings(Repeater(), READ, WRITTEN[:2])
    with pytest.raises(ValueError, match="at least one sample"):
        exact_strings(Repeater(), [], [])


def test_what_states_no_confidence_is_refused():
    with pytest.raises(TypeError, match="object, which states no confidence"):
        exact_strings(object(), READ, WRITTEN)


def test_an_estimator_may_judge_itself():
    class Known:
        def judge(self, X, y):
            one = np.array(["1"], dtype=object)
            return Outcomes(one, one, np.array([1.0]), np.array([True]))

    assert read_rate(Known(), None, None) == 1


@pytest.mark.parametrize(
    "scoring", [*SCORERS.values(), partial(read_rate, max_error=0.5)]
)
def test_a_search_ranks_by_a_scorer(scoring):
    search = GridSearchCV(Repeater(), {"factor": [0.5, 1.0]}, scoring=scoring, cv=2)
    search.fit([*READ[:4], *READ[:4]], [*WRITTEN[:4], *WRITTEN[:4]])
    assert np.isfinite(search.best_score_)


def test_a_search_takes_all_scores_at_once():
    search = GridSearchCV(
        Repeater(), {"factor": [0.5, 1.0]}, scoring=score_all, refit="read_rate", cv=2
    )
    search.fit([*READ[:4], *READ[:4]], [*WRITTEN[:4], *WRITTEN[:4]])
    assert {f"mean_test_{name}" for name in SCORERS} <= search.cv_results_.keys()


def test_pages_fields_and_glyphs_are_judged_alike():
    texts = ["042", "1998"]
    combs = [draw_comb(text, random_state=3) for text in texts]
    steps = Pipeline([("read", FieldReader())])
    assert judge(steps, combs, texts).values.tolist() == texts
    page = FormReader(Form.from_combs({"number": 4}))
    [outcome] = judge(page, combs[1:], [["1998"]]).right
    assert outcome
    line = draw_string("308", draw_writer(3), random_state=3)
    assert exact_strings(SlidingReader(), [line], ["308"]) == 1
    X, y = load_dataset("digits")
    classifier = LeNet5Classifier(max_epochs=1, random_state=0).fit(X[:200], y[:200])
    accuracy = classifier.score(X[200:300], y[200:300])
    assert exact_strings(classifier, X[200:300], y[200:300]) == accuracy
    assert neg_digit_error(classifier, X[200:300], y[200:300]) == pytest.approx(
        accuracy - 1
    )
