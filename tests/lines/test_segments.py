"""Over-segmentation reads what was drawn, and learns from strings."""

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_digits

from pipelines.lines.geometry import MARK, WHOLE, WRONG
from pipelines.lines.learning import adapt, align_strings, practise
from pipelines.lines.practice import MARK_OWNER, PracticeLines
from pipelines.lines.segmentfiles import load_segments, save_segments
from pipelines.lines.segments import (
    CHARACTERS,
    build_lattices,
    read_lines,
    segment_field,
)


@pytest.fixture(scope="module")
def digits():
    bunch = load_digits()
    images = (bunch.images * (255 / 16)).astype(np.uint8)
    large = [cv2.resize(image, (20, 20)) for image in images[:600]]
    return np.pad(large, [(0, 0), (4, 4), (4, 4)]), bunch.target[:600].astype(np.int64)


@pytest.fixture(scope="module")
def drawn(digits):
    lines = PracticeLines(*digits, n_lines=120, random_state=0)
    return [lines.draw_owned(n) for n in range(120)]


@pytest.fixture(scope="module")
def model(drawn, digits):
    return practise(drawn[:80], *digits)


@pytest.fixture(scope="module")
def held(drawn):
    return [field for field in drawn[80:] if field.text]


def texts_of(readings):
    return [best[0].text if best else None for best in readings]


def field_of(glyphs):
    """Digits far apart on plain paper."""
    ink = np.concatenate([cv2.resize(glyph, (48, 56)) for glyph in glyphs], axis=1)
    return np.uint8(220 - 0.6 * ink)


def test_plain_strings_are_read(model, digits):
    rng = np.random.default_rng(0)
    rows = rng.integers(600, size=(30, 3))
    fields = [field_of(digits[0][row]) for row in rows]
    truth = ["".join(map(str, digits[1][row])) for row in rows]
    right = np.array(texts_of(read_lines(fields, model))) == truth
    assert right.mean() >= 0.6


def test_the_best_strings_come_first_and_share_one_probability(model, held):
    for best in read_lines([field.image for field in held[:10]], model, n_best=4):
        probabilities = [reading.probability for reading in best]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) <= 1 + 1e-9
        assert len({reading.text for reading in best}) == len(best)


def test_strings_obey_the_mask(model, held):
    long = [field.image for field in held if len(field.text) == 4]
    for [best] in filter(None, read_lines(long, model, mask="1##7")):
        assert len(best.text) == 4
        assert (best.text[0], best.text[-1]) == ("1", "7")


def test_each_digit_has_a_box_in_the_field(model, held):
    for field, [best, *_] in zip(
        held, read_lines([field.image for field in held], model), strict=True
    ):
        height, width = field.image.shape
        lefts = [left for _, left, _, _ in best.boxes]
        assert len(best.boxes) == len(best.text)
        assert all(0 <= left < width for left in lefts)
        assert all(0 <= top <= height for top, _, _, _ in best.boxes)


def test_a_field_is_read_alone_as_among_others(model, held):
    fields = [field.image for field in held[:6]]
    together = read_lines(fields, model)
    assert texts_of(together) == texts_of(read_lines([f], model)[0] for f in fields)


def test_empty_paper_says_nothing_surely(model):
    paper = np.full((50, 200), 210, dtype=np.uint8)
    [[best]] = read_lines([paper], model)
    assert (best.text, best.probability, best.boxes) == ("", 1.0, ())
    assert read_lines([paper], model, lengths=[3]) == [[]]
    assert read_lines([], model) == []


def test_alignment_gives_each_digit_its_arc(model, held):
    segments = [segment_field(field.image) for field in held]
    examples = align_strings(segments, [field.text for field in held], model)
    assert len(examples) > 0.7 * len(held)
    for example in examples:
        assert set(example.kinds.tolist()) <= {WHOLE, MARK, WRONG, -1}
        whole = example.labels[example.kinds == WHOLE]
        assert set(whole.tolist()) == {int(digit) for digit in example.text}


def test_strings_that_stand_in_no_field_are_refused(model):
    paper = np.full((50, 200), 210, dtype=np.uint8)
    with pytest.raises(ValueError, match=r"none of 1 strings.*same order"):
        adapt(model, [paper], ["12"])


def test_learning_from_strings_does_not_unlearn(model, held):
    fields, texts = [f.image for f in held], [f.text for f in held]
    before = np.mean(np.array(texts_of(read_lines(fields, model))) == texts)
    adapted = adapt(model, fields, texts, n_rounds=1)
    after = np.mean(np.array(texts_of(read_lines(fields, adapted))) == texts)
    assert after >= before


def test_a_saved_model_reads_the_same(model, held, tmp_path):
    save_segments(model, tmp_path / "model.safetensors")
    loaded = load_segments(tmp_path / "model.safetensors")
    segments = [segment_field(field.image) for field in held[:5]]
    for a, b in zip(
        build_lattices(segments, model), build_lattices(segments, loaded), strict=True
    ):
        assert a.characters == b.characters == CHARACTERS
        np.testing.assert_allclose(a.scores, b.scores, atol=1e-5)


def test_owners_are_the_digits_and_marks_of_the_string(drawn):
    for field in drawn[:30]:
        owners = set(np.unique(field.owners).tolist()) - {0, MARK_OWNER}
        assert owners <= set(range(1, len(field.text) + 1))
        assert field.owners.shape == field.image.shape
