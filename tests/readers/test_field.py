"""Reading fields: drawn digits come back as the string that was written."""

import pickle
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from lenet_sklearn import LeNet5Classifier
from pipelines import FieldReader, GlyphNormalizer, make_field_reader
from pipelines.drawing import draw_comb, draw_string, draw_writer, entry_value
from pipelines.fields.combs import Frame
from pipelines.outcomes import ReasonKind

# Each digit once, so that whatever fold is left out, none is missing for long.
TEXTS = ["01234", "56789", "24680", "13579", "90817", "26354", "71829", "30465"]


@pytest.fixture(scope="module")
def fields():
    """Eight fields by two writers."""
    writers = [draw_writer(1), draw_writer(6)]
    return [
        draw_comb(text, writer=writers[i % 2], random_state=i)
        for i, text in enumerate(TEXTS)
    ]


@pytest.fixture(scope="module")
def groups():
    return [i % 2 for i in range(len(TEXTS))]


def _flat(glyphs):
    return glyphs.reshape(len(glyphs), -1) / 255


def _quick_classifier():
    """Make a classifier that is trained in a moment and knows nothing before."""
    return make_pipeline(FunctionTransformer(_flat), LogisticRegression())


class Unlearned(BaseEstimator):
    """A reader of lines that cannot read any."""

    def fit(self, X, y):
        return self

    def read(self, X):
        raise AssertionError("not asked")

    locate = read


class Unfit(Unlearned):
    """One that cannot learn either."""

    def fit(self, X, y):
        raise ValueError("cannot learn")

    predict_proba = locate = Unlearned.read


def _strange_fields(texts, writer):
    """Draw fields whose writer strikes every zero through, as no one in MNIST does."""
    fields = []
    for seed, text in enumerate(texts):
        field = draw_comb(text, box_size=(64, 56), writer=writer, random_state=seed)
        for i, mark in enumerate(text):
            if mark == "0":
                left = 16 + 56 * i
                ends = (left + 16, 64), (left + 42, 30)
                cv2.line(field, *ends, 60, 3, cv2.LINE_AA)
        fields.append(field)
    return fields


def _statuses(reader, fields):
    *_, last = reader.steps
    cleaned = reader[:-1].transform(fields)
    return [reading.status for reading in last[1].read(cleaned)]


def test_it_reads_without_having_been_fitted(fields):
    values = make_field_reader().predict(fields)
    assert values.dtype == object
    assert_array_equal(values, np.array(TEXTS, dtype=object))


def test_leading_zeros_survive():
    field = draw_comb("0007", random_state=1)
    assert FieldReader().predict([field]).tolist() == ["0007"]


@pytest.mark.parametrize("line_width", [1, 2, 4])
@pytest.mark.parametrize("box_size", [(40, 34), (64, 56), (110, 96)])
def test_combs_of_many_sizes_and_lines_are_read(box_size, line_width):
    field = draw_comb(
        "40526",
        box_size=box_size,
        line_width=line_width,
        writer=draw_writer(1),
        dpi=200 * box_size[0] / 64,
        random_state=2,
    )
    assert make_field_reader().predict([field]).tolist() == ["40526"]


def test_a_string_without_a_comb_is_cut_into_its_digits():
    field = draw_string("2749", writer=draw_writer(1), random_state=0)
    assert make_field_reader().predict([field]).tolist() == ["2749"]


@pytest.mark.parametrize("entry", ["    ", "XXXX", " X  "])
def test_a_field_without_a_digit_is_blank(entry):
    field = draw_comb(entry, random_state=0)
    [reading] = FieldReader(digits=4).read([field])
    assert (reading.value, reading.status) == ("", "blank")
    assert reading.confidence > 0.5


@pytest.mark.parametrize("shade", [255, 180])
def test_an_empty_sheet_is_blank(shade):
    paper = np.full((80, 300), shade, dtype=np.uint8)
    assert _statuses(make_field_reader(), [paper]) == ["blank"]


@pytest.mark.parametrize("entry", [" 045", "045 ", "X045", "0X45", "04 5", "X0X4"])
def test_empty_and_crossed_out_boxes_are_no_digits(entry):
    field = draw_comb(entry, writer=draw_writer(6), random_state=4)
    [reading] = FieldReader(digits=4).read([field])
    assert reading.value == entry_value(entry)
    assert ("_" not in reading.value) or reading.status == "rejected"


def test_a_gap_between_digits_is_never_accepted():
    field = draw_comb("04 5", writer=draw_writer(6), random_state=4)
    [reading] = FieldReader(digits=4, threshold=0).read([field])
    assert reading.status == "rejected"
    assert str(reading.reason) == "no digit in a box between two others"
    assert reading.reason.kind is ReasonKind.EMPTY_BOX


def test_the_threshold_decides_what_is_accepted(fields):
    assert set(_statuses(make_field_reader(threshold=0), fields)) == {"accepted"}
    reader = make_field_reader(threshold=1)
    readings = reader[-1].read(reader[:-1].transform(fields))
    assert all(r.status == "rejected" or r.confidence == 1 for r in readings)
    assert all(str(r.reason) == "confidence below 1" for r in readings if r.reason)


def test_confidences_are_probabilities_and_tell_scribble_from_digits(fields):
    random = np.random.default_rng(0)
    readings = FieldReader().read(fields)
    assert all(0 < reading.confidence <= 1 for reading in readings)
    scribble = draw_comb("    ", random_state=0)
    for left in (22, 78, 134, 190):
        points = random.integers((left, 22), (left + 44, 74), size=(14, 2))
        cv2.polylines(scribble, [points.astype(np.int32)], False, 40, 2)
    [doubt] = FieldReader(digits=4).read([scribble])
    assert doubt.status != "accepted"


# The middle line of a stroke in the first box, one part of it on a printed line.
ALONG_A_LINE = {
    "7": [(24, 16), (62, 16), (46, 42), (38, 70)],
    "2": [(26, 36), (36, 24), (52, 26), (54, 38), (26, 80), (62, 80)],
    "5": [(60, 16), (30, 16), (28, 42), (50, 42), (56, 56), (48, 70), (28, 68)],
}


@pytest.mark.parametrize("digit", ALONG_A_LINE)
def test_a_stroke_that_runs_along_a_line_is_kept_or_doubted(digit):
    field = draw_comb(" 406", writer=draw_writer(1), random_state=0)
    stroke = np.array(ALONG_A_LINE[digit], dtype=np.int32)
    cv2.polylines(field, [stroke], False, 50, 4, cv2.LINE_AA)
    [reading] = FieldReader(digits=4).read([field])
    assert reading.value == f"{digit}406" or reading.status != "accepted"


@pytest.mark.parametrize("seed", range(130, 142))
def test_a_comb_never_gives_more_digits_than_it_has_boxes(seed):
    writer = replace(draw_writer(seed), size=0.96)  # a hand that fills its boxes
    field = draw_comb("91117", writer=writer, random_state=35)
    [reading] = make_field_reader(digits=5)[-1].read([field])
    assert len(reading.value) <= 5 or reading.status != "accepted"


def test_a_known_frame_saves_the_search():
    field = draw_comb("7302", line_width=0, writer=draw_writer(1), random_state=3)
    frame = Frame(16, 16, 16 + 4 * 56, 16 + 64, 4, ruled=False)
    [reading] = FieldReader().read([field], [frame])
    assert reading.value == "7302"


def test_a_known_frame_tells_which_box_is_empty():
    field = draw_comb("7 02", line_width=0, writer=draw_writer(1), random_state=3)
    frame = Frame(16, 16, 16 + 4 * 56, 16 + 64, 4, ruled=False)
    readings = FieldReader().read([field, field], [frame, None])
    assert readings[0].value == "7_02"


def test_as_many_frames_as_fields_are_asked_for(fields):
    with pytest.raises(ValueError, match=r"one frame for each of 8 images\. Got 1"):
        FieldReader().read(fields, [None])
    with pytest.raises(ValueError, match=r"one Field for each of 8 images\. Got 2"):
        FieldReader().read(fields, fields=[None, None])


def test_the_number_of_boxes_chooses_the_comb():
    tall = np.full((220, 480), 255, dtype=np.uint8)
    for top, text in ((10, "1357"), (110, "246802")):
        field = draw_comb(text, writer=draw_writer(1), random_state=5)
        tall[top : top + field.shape[0], 20 : 20 + field.shape[1]] = field
    assert FieldReader(digits=4).predict([tall]).tolist() == ["1357"]
    assert FieldReader(digits=6).predict([tall]).tolist() == ["246802"]


def test_score_is_the_share_of_whole_strings_that_are_right(fields):
    reader = make_field_reader()
    almost = [text[:-1] + "x" for text in TEXTS[:2]] + TEXTS[2:]
    assert reader.score(fields, TEXTS) == 1
    assert reader.score(fields, almost) == 0.75
    assert reader.score(fields, np.array(almost)) == 0.75
    with pytest.raises(ValueError, match=r"Got shape \(8, 1\)"):
        reader.score(fields, np.array(almost)[:, None])


@pytest.mark.parametrize("text", [42, np.int64(42), 42.0, np.nan, None])
@pytest.mark.parametrize("method", ["fit", "score"])
def test_what_has_lost_its_zeros_or_is_missing_is_refused(fields, method, text):
    message = r"Sample 1: .*with their zeros.*dtype=str, keep_default_na"
    with pytest.raises(TypeError, match=message):
        getattr(FieldReader(), method)(fields[:2], [TEXTS[0], text])


def test_parameters_are_checked_before_reading(fields):
    with pytest.raises(ValueError, match="'threshold' parameter"):
        FieldReader(threshold=90).read(fields[:1])


def test_score_refuses_another_number_of_strings(fields):
    with pytest.raises(ValueError, match="8"):
        make_field_reader().score(fields, TEXTS[:3])


def test_fit_refuses_another_number_of_strings(fields):
    with pytest.raises(ValueError, match=r"y of shape \(8,\)\. Got shape \(7,\)"):
        FieldReader().fit(fields, TEXTS[:-1])


def test_fit_refuses_fields_it_can_learn_nothing_from(fields):
    with pytest.raises(ValueError, match=r"no comb with as many digits.*set digits="):
        FieldReader().fit(fields[:2], ["123", "1"])


def test_fit_refuses_a_string_with_other_than_digits(fields):
    with pytest.raises(ValueError, match="digits"):
        FieldReader().fit(fields[:1], ["12a45"])


def test_fit_names_the_field_whose_string_has_other_than_digits(fields):
    line = draw_string("123", draw_writer(1), random_state=0)
    reader = FieldReader(Unfit(), line_reader=Unlearned())
    with pytest.raises(ValueError, match=r"Sample 2: .*Got '1a3'.*Leave out \['a'\]"):
        reader.fit([*fields[:2], line], [*TEXTS[:2], "1a3"])
    with pytest.raises(ValueError, match=r"Sample 1: .*Got '5x789'"):
        reader.fit([line, *fields[1:2]], ["123", "5x789"])


def test_a_fit_that_fails_leaves_what_an_earlier_one_has_learned(fields):
    reader = FieldReader(_quick_classifier()).fit(fields, TEXTS)
    learned = vars(reader).copy()
    line = draw_string("123", draw_writer(1), random_state=0)
    reader.line_reader = learned["line_reader"] = Unfit()
    with pytest.raises(ValueError, match="cannot learn"):
        reader.fit([fields[0], line], [TEXTS[0], "123"])
    with pytest.raises(ValueError, match="nothing to learn from"):
        reader.fit(fields[:1], ["1"])
    assert vars(reader) == learned


def test_fit_counts_the_fields_it_could_use(fields):
    reader = FieldReader(_quick_classifier())
    reader.fit([*fields, fields[0]], [*TEXTS, "123"])
    assert reader.n_aligned_ == 8
    assert len(reader.classifier_.classes_) == 10


def test_fit_takes_blank_fields_among_the_others(fields):
    blank = draw_comb("     ", random_state=0)
    reader = FieldReader(_quick_classifier()).fit([*fields, blank], [*TEXTS, ""])
    assert reader.predict([blank]).tolist() == [""]


def test_fit_skips_a_gap_in_the_string(fields):
    gap = draw_comb("12 45", writer=draw_writer(1), random_state=9)
    reader = FieldReader(_quick_classifier()).fit([*fields, gap], [*TEXTS, "12_45"])
    assert reader.n_aligned_ == 9


def test_fit_forgets_what_an_earlier_one_has_learned(fields):
    reader = FieldReader(_quick_classifier(), line_reader=Unlearned())
    reader.fit(fields, TEXTS)
    line = draw_string("123", draw_writer(1), random_state=0)
    reader.fit([line], ["123"])
    assert not hasattr(reader, "classifier_")
    assert reader.n_aligned_ == 0
    reader.fit(fields, TEXTS)
    assert not hasattr(reader, "line_reader_")


def test_empty_paper_among_combs_teaches_nothing(fields):
    paper = np.full((60, 240), 230, np.uint8)
    reader = FieldReader(_quick_classifier()).fit([*fields, paper], [*TEXTS, ""])
    assert reader.n_aligned_ == 8
    assert not hasattr(reader, "line_reader_")


def test_classes_may_be_an_array(fields):
    classifier = LeNet5Classifier(classes=np.arange(10), max_epochs=1, random_state=0)
    reader = FieldReader(classifier).fit(fields[:2], TEXTS[:2])
    assert reader.classifier_.classes_.tolist() == list(range(10))


def test_fit_leaves_what_it_was_given_alone(fields):
    classifier = _quick_classifier()
    reader = FieldReader(classifier).fit(fields, TEXTS)
    assert reader.classifier is classifier
    assert not hasattr(classifier[-1], "coef_")


def test_a_fitted_reader_reads_with_what_it_learned(fields):
    other = str.maketrans("0123456789", "1234567890")
    shifted = [text.translate(other) for text in TEXTS]
    reader = FieldReader(_quick_classifier()).fit(fields, shifted)
    assert reader.score(fields, shifted) == 1


def test_a_strange_zero_is_learned_from_a_few_fields():
    """However well what ships may read it: seeds 0 to 2 of the fit read all 16."""
    writer = draw_writer(2)
    random = np.random.default_rng(0)
    texts = [f"0{number:04d}" for number in random.integers(10_000, size=32)]
    strange = _strange_fields(texts, writer)
    reader = make_field_reader().fit(strange[:16], texts[:16])
    assert reader.score(strange[16:], texts[16:]) > 0.8


@pytest.mark.slow  # sixteen fields
def test_digits_that_mean_another_are_not_read_worse_after_fitting():
    writer = draw_writer(5)
    random = np.random.default_rng(0)
    texts = [f"{number:05d}" for number in random.integers(100_000, size=24)]
    fields = [draw_comb(t, writer=writer, random_state=i) for i, t in enumerate(texts)]
    swapped = [text.translate(str.maketrans("17", "71")) for text in texts]
    reader = make_field_reader()
    before = reader.score(fields[16:], swapped[16:])
    after = reader.fit(fields[:16], swapped[:16]).score(fields[16:], swapped[16:])
    assert after >= before


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (4, 7))]
)
def test_one_field_of_a_writer_does_not_spoil_the_others(seed):
    writer = draw_writer(seed)
    fields = [draw_comb(t, writer=writer, random_state=i) for i, t in enumerate(TEXTS)]
    reader = make_field_reader()
    before = reader.score(fields, TEXTS)
    assert reader.fit(fields[:1], TEXTS[:1]).score(fields, TEXTS) >= before


def test_fit_twice_gives_the_same_reader(fields):
    shipped = LeNet5Classifier.from_pretrained("mnist").set_params(random_state=0)
    first, second = (FieldReader(shipped).fit(fields[:2], TEXTS[:2]) for _ in "ab")
    confidences = [[r.confidence for r in f.read(fields)] for f in (first, second)]
    assert_array_equal(*confidences)


def test_the_readers_own_classifier_is_not_touched_by_fit(fields):
    before = [reading.confidence for reading in FieldReader().read(fields)]
    FieldReader().fit(fields[:2], TEXTS[:2])
    assert [reading.confidence for reading in FieldReader().read(fields)] == before


def test_a_classifier_that_was_fitted_reads_at_once(fields):
    shipped = LeNet5Classifier.from_pretrained("forms")
    values = FieldReader(shipped).predict(fields)
    assert values.tolist() == FieldReader().predict(fields).tolist()
    assert values[0] == TEXTS[0]


def test_a_classifier_that_was_not_fitted_is_refused(fields):
    with pytest.raises(NotFittedError):
        FieldReader(LogisticRegression()).predict(fields)


def test_a_classifier_of_strings_reads_too(fields):
    classifier = LeNet5Classifier(
        classes=[str(n) for n in range(10)], max_epochs=1, random_state=0
    )
    reader = FieldReader(classifier).fit(fields, TEXTS)
    assert all(len(value) == 5 for value in reader.predict(fields))


def test_a_clone_is_not_fitted_and_reads_as_before(fields):
    fitted = make_field_reader().fit(fields[:2], TEXTS[:2])
    copy = clone(fitted)
    assert not hasattr(copy[-1], "classifier_")
    assert copy.score(fields, TEXTS) == 1


@pytest.mark.parametrize("n_fitted", [0, 2])
def test_a_pickled_reader_reads_as_before(fields, n_fitted):
    reader = make_field_reader()
    if n_fitted:
        reader.fit(fields[:n_fitted], TEXTS[:n_fitted])
    content = pickle.dumps(reader)
    assert len(content) < 4_000_000
    copy = pickle.loads(content)
    confidences = [r[-1].read(r[:-1].transform(fields)) for r in (reader, copy)]
    assert confidences[0] == confidences[1]


def test_it_can_be_cross_validated_with_writers_kept_apart(fields, groups):
    scores = cross_val_score(
        make_field_reader(), fields, TEXTS, groups=groups, cv=GroupKFold(2)
    )
    assert_array_equal(scores, [1, 1])


def test_predictions_can_be_cross_validated(fields):
    values = cross_val_predict(make_field_reader(), fields, TEXTS, cv=2)
    assert values.tolist() == TEXTS


def test_every_step_can_be_searched_in_one_grid(fields, groups):
    reader = make_field_reader(digits=5)
    reader.set_params(read__normalizer=GlyphNormalizer())
    grid = {
        "read__threshold": [0.5, 0.9],
        "flatten__kernel_size": [None, 31],
        "read__normalizer__stroke_width": [0.0, 1.5],
        "read__classifier": [_quick_classifier()],
    }
    search = GridSearchCV(reader, grid, cv=GroupKFold(2), error_score="raise")
    search.fit(fields, TEXTS, groups=groups)
    assert len(search.cv_results_["params"]) == 8
    assert set(search.best_params_) == set(grid)
    assert len(search.predict(fields[:3])) == 3


@pytest.mark.slow  # trains five networks
def test_a_parameter_of_the_classifier_can_be_searched(fields):
    shipped = LeNet5Classifier.from_pretrained("mnist")
    reader = make_field_reader(clone(shipped).set_params(random_state=0))
    grid = {"read__classifier__max_epochs": [1, 2]}
    search = GridSearchCV(reader, grid, cv=2, error_score="raise").fit(fields, TEXTS)
    assert search.best_estimator_[-1].classifier_.max_epochs in (1, 2)
    assert search.best_score_ == 1


@pytest.mark.slow  # scikit-learn's other searches are below
def test_a_search_can_halve_its_candidates(fields):
    reader = make_field_reader(_quick_classifier())
    search = HalvingGridSearchCV(
        reader,
        {"flatten__kernel_size": [15, 31, 61]},
        min_resources=4,
        factor=2,
        cv=2,
        error_score="raise",
    )
    search.fit(fields, TEXTS)
    assert search.best_params_["flatten__kernel_size"] in (15, 31, 61)


def test_a_step_can_be_left_out(fields):
    reader = make_field_reader().set_params(despeckle="passthrough", flatten=None)
    assert reader.score(fields, TEXTS) == 1


def test_steps_learn_nothing_of_the_global_random_state(fields, numpy_state):
    np.random.seed(3)  # noqa: NPY002
    before = numpy_state()
    FieldReader().fit(fields[:1], TEXTS[:1])
    assert numpy_state() == before


def test_a_comb_that_is_not_found_is_passed_over_whatever_is_written():
    letters = LeNet5Classifier(classes=list("0123456789X"))
    paper = np.full((60, 200), 255, np.uint8)
    with pytest.raises(ValueError, match="nothing to learn from"):
        FieldReader(letters, digits=3).fit([paper], ["12X"])
