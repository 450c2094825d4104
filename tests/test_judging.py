"""What the tables call right, accepted and kept."""

import runpy
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "examples" / "benchmarks"


@pytest.fixture(scope="module")
def judging():
    return runpy.run_path(str(BENCHMARKS / "judging.py"))


def judged_of(judging, right, confidences):
    return judging["Judged"](np.array(right, dtype=bool), np.array(confidences))


def test_fields_without_a_label_are_left_out(judging):
    read = judging["Reading"](
        np.array(["12", "7", "300"], dtype=object), np.array([0.9, 0.8, 0.7])
    )
    judged = judging["judge"](read, ["12", None, "30"])
    assert judged.right.tolist() == [True, False]
    assert judged.confidences.tolist() == [0.9, 0.7]


def test_the_most_is_accepted_that_has_few_enough_errors(judging):
    judged = judged_of(judging, [1, 0, 1, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.5])
    assert judging["threshold_at"](judged, 0.25) == 0.6
    assert judging["accepted_at"](judged, 0.25) == 0.8
    assert judging["accepted_at"](judged, 0.1) == 0.2


def test_where_the_surest_is_wrong_nothing_is_accepted(judging):
    judged = judged_of(judging, [0, 1], [0.9, 0.8])
    assert judging["threshold_at"](judged, 0.1) == np.inf
    assert judging["accepted_at"](judged, 0.1) == 0


def test_confidences_that_come_true_have_no_calibration_error(judging):
    judged = judged_of(judging, [1, 1, 1, 0] * 50, [0.75] * 200)
    assert judging["calibration_error"](judged) == 0


def test_a_rule_keeps_what_it_states_where_sureness_tells(judging):
    confidences = np.repeat([0.99, 0.5], [600, 200])
    judged = judged_of(judging, confidences > 0.9, confidences)
    groups = [str(n) for n in range(800)]
    found = judging["check_halves"](judged, groups, max_error=0.02, n_halves=20)
    assert found.exceeded == found.significantly == 0
    assert 0.7 < found.accepted < 0.8


def test_the_fields_of_a_group_are_in_one_half(judging):
    # Of two groups one is all wrong: a rule from it accepts nothing of the other.
    judged = judged_of(judging, np.repeat([1, 0], 200), [0.99] * 400)
    groups = np.repeat(["a", "b"], 200)
    found = judging["check_halves"](judged, groups, max_error=0.02, n_halves=20)
    assert found.accepted == 0  # a single group certifies nothing


def test_more_errors_than_stated_are_seen(judging):
    # What is wrong is one group of many in the half that is read, now and then.
    right = np.repeat([1, 0], [400, 30])
    groups = [*map(str, range(400)), *["bad"] * 30]
    judged = judged_of(judging, right, [0.99] * 430)
    found = judging["check_halves"](judged, groups, max_error=0.02, n_halves=40)
    assert 0.2 < found.exceeded < 0.8
    assert found.significantly == found.exceeded
