"""Fields of free writing become strings by cutting them."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone

from lenet_sklearn import load_model
from pipelines import CuttingReader, FieldReader, make_field_reader
from pipelines.drawing import draw_comb, draw_string, draw_writer
from pipelines.models import load_line_reader

PAPER = np.full((60, 200), 250, np.uint8)
TEXTS = ["1742", "308", "5", "60291"]


@pytest.fixture(scope="module")
def fields():
    writer = draw_writer(3)
    return [draw_string(text, writer, random_state=3) for text in TEXTS]


def test_it_reads_without_having_been_fitted(fields):
    # Three of four, each with a probability of 0.88 or more; the first loses its one.
    assert CuttingReader().score(fields, TEXTS) >= 0.75


def test_the_best_strings_come_with_their_probabilities_and_boxes(fields):
    [readings] = CuttingReader().read(fields[:1], n_best=3)
    probabilities = [reading.probability for reading in readings]
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0 < sum(probabilities) <= 1 + 1e-6
    assert all(len(reading.boxes) == len(reading.text) for reading in readings)


def test_a_mask_and_lengths_are_kept_to(fields):
    [[best]] = CuttingReader().read(fields[:1], mask="99##")
    assert best.text.startswith("99")
    assert best.probability < 0.1
    for lengths in (3, np.array([3, 9])):
        [[best]] = CuttingReader().read(fields[:1], lengths=lengths)
        assert len(best.text) == 3


def test_digits_are_located_from_left_to_right_inside_the_field(fields):
    reader = CuttingReader()
    found = reader.locate(fields, TEXTS)
    for field, text, spans in zip(fields, TEXTS, found, strict=True):
        lefts = [left for left, _ in spans]
        assert len(spans) == len(text)
        assert lefts == sorted(lefts)
        assert max(right for _, right in spans) <= field.shape[1]
    lengths = [len(text) for text in reader.predict(fields)]
    assert [len(spans) for spans in reader.locate(fields)] == lengths


@pytest.mark.parametrize("slant", [-0.5, 0.6])
def test_digits_of_a_tightly_cut_leaning_field_lie_inside_it(slant):
    writers = [replace(draw_writer(seed), slant=slant) for seed in (0, 4, 5)]
    drawn = [draw_string(t, w, random_state=4) for w in writers for t in TEXTS]
    inked = [np.flatnonzero((field < 150).any(axis=0)) for field in drawn]
    tight = [f[:, i[0] : i[-1] + 1] for f, i in zip(drawn, inked, strict=True)]
    for field, spans in zip(tight, CuttingReader().locate(tight), strict=True):
        assert all(0 <= left < right <= field.shape[1] for left, right in spans)


def test_empty_paper_is_an_empty_string():
    [[best]] = CuttingReader().read([PAPER])
    assert (best.text, best.probability) == ("", 1.0)
    assert CuttingReader().read([PAPER], lengths=[2]) == [[]]


def test_fitting_adapts_a_copy_of_the_model(fields):
    model = load_model("segments", device="cpu")
    before = model.geometry.weights.copy()
    reader = CuttingReader(model, random_state=1).fit([*fields, PAPER], [*TEXTS, ""])
    assert reader.score(fields, TEXTS) == 1
    np.testing.assert_array_equal(model.geometry.weights, before)
    assert not hasattr(clone(reader), "model_")
    copy = pickle.loads(pickle.dumps(reader))
    assert list(copy.predict(fields)) == list(reader.predict(fields))


def test_strings_that_do_not_fit_the_fields_are_refused(fields):
    with pytest.raises(ValueError, match=r"y of shape \(4,\)\. Got shape \(1,\)"):
        CuttingReader().fit(fields, ["1"])
    with pytest.raises(ValueError, match=r"Sample 1: .*Got '3a'"):
        CuttingReader().fit(fields[:2], ["1", "3a"])
    with pytest.raises(ValueError, match=r"Sample 1: .*Got '3#8'"):
        CuttingReader().locate(fields[:2], [TEXTS[0], "3#8"])
    with pytest.raises(ValueError, match=r"found none of 2 strings.*same order"):
        CuttingReader().fit([*fields[:2], PAPER], ["1" * 30, "2" * 30, ""])
    with pytest.raises(ValueError, match="'model' parameter of CuttingReader"):
        CuttingReader("segments").fit(fields, TEXTS)


@pytest.mark.parametrize("rule", [{"mask": "2a#"}, {"lengths": -1}, {"lengths": "3"}])
def test_lengths_and_masks_of_another_form_are_refused(fields, rule):
    with pytest.raises(ValueError, match=r"mask|lengths"):
        CuttingReader().read(fields[:1], **rule)


def test_a_field_reader_reads_combs_and_what_it_cuts_side_by_side(fields):
    reader = FieldReader(line_reader=CuttingReader())
    readings = reader.read([fields[2], draw_comb("042", random_state=3), PAPER])
    [[alone]] = CuttingReader().read(fields[2:3])
    assert [reading.value for reading in readings] == [alone.text, "042", ""]
    assert readings[2].status == "blank"


def test_one_argument_chooses_between_sliding_and_cutting(fields):
    cutting, sliding = (
        make_field_reader(line_reader=load_line_reader(name, device="cpu"))
        for name in ("segments", "wide")
    )
    assert type(cutting[-1].line_reader) is CuttingReader
    assert len(cutting.predict(fields)) == len(sliding.predict(fields)) == len(fields)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (3000, 1)])
def test_fields_of_no_use_are_read_as_something(shape):
    [[best]] = CuttingReader().read([np.full(shape, 200, np.uint8)])
    assert best.text == ""
