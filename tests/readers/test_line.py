"""Fields of free writing become strings."""

import numpy as np
import pytest
from sklearn.base import clone

from lenet_sklearn.strings import StringRecognizer
from pipelines import FieldReader, LineReader
from pipelines.demo import draw_comb, draw_string, draw_writer


@pytest.fixture(scope="module")
def lines():
    writer = draw_writer(3)
    texts = ["1742", "308", "5", "60291"]
    return [draw_string(t, writer, random_state=3) for t in texts], texts


def test_a_line_reader_reads_without_having_been_fitted(lines):
    fields, texts = lines
    assert LineReader().score(fields, texts) >= 0.5


def test_the_best_strings_come_with_their_probabilities(lines):
    [readings] = LineReader().read(lines[0][:1], n_best=3)
    probabilities = [reading.probability for reading in readings]
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0 < sum(probabilities) <= 1 + 1e-6


def test_a_mask_is_kept_to(lines):
    [[best]] = LineReader().read(lines[0][:1], mask="99##")
    assert best.text.startswith("99")
    assert best.probability < 0.1


def test_digits_are_located_from_left_to_right_inside_the_field(lines):
    fields, texts = lines
    for field, text, spans in zip(
        fields, texts, LineReader().locate(fields, texts), strict=True
    ):
        assert len(spans) == len(text)
        lefts = [left for left, _ in spans]
        assert lefts == sorted(lefts)
        assert min(lefts) >= 0
        assert max(right for _, right in spans) <= field.shape[1]


def test_empty_paper_is_an_empty_string():
    [[best]] = LineReader().read([np.full((60, 200), 250, np.uint8)])
    assert best.text == ""


def test_fitting_adapts_a_copy_of_the_given_recognizer(lines):
    recognizer = StringRecognizer(
        network="lenet5_dense", max_epochs=1, random_state=0, device="cpu"
    )
    reader = LineReader(recognizer).fit(*lines)
    assert not hasattr(recognizer, "net_")
    assert reader.predict(lines[0]).shape == (4,)
    assert not hasattr(clone(reader), "recognizer_")


def test_a_field_reader_reads_combs_and_free_writing_side_by_side(lines):
    fields, _ = lines
    comb = draw_comb("042", random_state=3)
    readings = FieldReader().read([fields[2], comb, fields[0]])
    assert readings[1].value == "042"
    free = [reading.text for [reading] in LineReader().read([fields[2], fields[0]])]
    assert [readings[0].value, readings[2].value] == free


def test_what_is_no_comb_though_one_was_promised_is_doubted(lines):
    [free] = FieldReader().read(lines[0][:1])
    [promised] = FieldReader(digits=9).read(lines[0][:1])
    assert promised.confidence == pytest.approx(free.confidence / 2)
