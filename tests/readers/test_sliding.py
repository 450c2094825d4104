"""Fields of free writing become strings."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from lenet_sklearn import LeNet5Classifier
from lenet_sklearn.strings import StringRecognizer
from pipelines import FieldReader, SlidingReader
from pipelines.drawing import draw_comb, draw_string, draw_writer
from pipelines.fields.combs import Frame


@pytest.fixture(scope="module")
def lines():
    writer = draw_writer(3)
    texts = ["1742", "308", "5", "60291"]
    return [draw_string(t, writer, random_state=3) for t in texts], texts


def test_a_line_reader_reads_without_having_been_fitted(lines):
    fields, texts = lines
    assert SlidingReader().score(fields, texts) >= 0.5


def test_the_best_strings_come_with_their_probabilities(lines):
    [readings] = SlidingReader().read(lines[0][:1], n_best=3)
    probabilities = [reading.probability for reading in readings]
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0 < sum(probabilities) <= 1 + 1e-6


def test_a_mask_is_kept_to(lines):
    [[best]] = SlidingReader().read(lines[0][:1], mask="99##")
    assert best.text.startswith("99")
    assert best.probability < 0.1


def test_digits_are_located_from_left_to_right_inside_the_field(lines):
    fields, texts = lines
    for field, text, spans in zip(
        fields, texts, SlidingReader().locate(fields, texts), strict=True
    ):
        assert len(spans) == len(text)
        lefts = [left for left, _ in spans]
        assert lefts == sorted(lefts)
        assert min(lefts) >= 0
        assert max(right for _, right in spans) <= field.shape[1]


def test_empty_paper_is_an_empty_string():
    [[best]] = SlidingReader().read([np.full((60, 200), 250, np.uint8)])
    assert best.text == ""


def test_fitting_adapts_a_copy_of_the_given_recognizer(lines):
    recognizer = StringRecognizer(
        network="lenet5_dense", max_epochs=1, random_state=0, device="cpu"
    )
    reader = SlidingReader(recognizer).fit(*lines)
    assert not hasattr(recognizer, "net_")
    assert reader.predict(lines[0]).shape == (4,)
    assert not hasattr(clone(reader), "recognizer_")


def test_a_field_reader_reads_combs_and_free_writing_side_by_side(lines):
    fields, _ = lines
    comb = draw_comb("042", random_state=3)
    readings = FieldReader().read([fields[2], comb, fields[0]])
    assert readings[1].value == "042"
    free = [reading.text for [reading] in SlidingReader().read([fields[2], fields[0]])]
    assert [readings[0].value, readings[2].value] == free


def test_what_is_no_comb_though_one_was_promised_is_doubted(lines):
    [free] = FieldReader().read(lines[0][:1])
    [promised] = FieldReader(digits=9).read(lines[0][:1])
    assert promised.confidence == pytest.approx(free.confidence / 2)


def test_a_frame_without_boxes_promises_no_comb(lines):
    [free] = FieldReader().read(lines[0][:1])
    height, width = lines[0][0].shape
    frame = Frame(left=0, top=0, right=width, bottom=height, digits=0)
    [framed] = FieldReader(digits=9).read(lines[0][:1], [frame])
    assert framed.confidence == pytest.approx(free.confidence)


def test_a_small_comb_in_a_wide_field_is_free_writing_unless_asked_for():
    comb = draw_comb("04", random_state=3)
    field = np.full((comb.shape[0], 4 * comb.shape[1]), 255, np.uint8)
    field[:, : comb.shape[1]] = comb
    assert FieldReader().cut([field]) == [[]]
    [pieces] = FieldReader(digits=2).cut([field])
    assert len(pieces) == 2


def test_combs_and_lines_are_learned_side_by_side(lines):
    recognizer = StringRecognizer(
        network="lenet5_dense", max_epochs=1, random_state=0, device="cpu"
    )
    reader = FieldReader(line_reader=SlidingReader(recognizer))
    combs = [draw_comb(text, random_state=3) for text in ("042", "198")]
    reader.fit([*lines[0], *combs], [*lines[1], "042", "198"])
    assert reader.n_aligned_ == 2
    assert hasattr(reader.line_reader_, "recognizer_")
    copy = pickle.loads(pickle.dumps(reader))
    assert list(copy.predict(combs)) == list(reader.predict(combs))


def test_lines_alone_ask_nothing_of_the_classifier(lines):
    assert FieldReader(LeNet5Classifier()).read(lines[0][:1])[0].value


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(ValueError, match="nothing to learn from"):
        FieldReader().fit([], [])


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (3000, 1)])
def test_fields_of_no_use_are_read_as_something(shape):
    [reading] = FieldReader().read([np.full(shape, 200, np.uint8)])
    assert reading.status in ("blank", "rejected")
