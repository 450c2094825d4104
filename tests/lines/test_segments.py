"""Over-segmentation reads what was drawn, and learns from strings."""

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_digits

from lenet_sklearn import load_model, save_model
from lenet_sklearn.inference import reads_without_torch
from pipelines import CuttingReader, DrawnLines
from pipelines.lines.arcs import start_geometry
from pipelines.lines.learning import adapt_model, train_model
from pipelines.lines.segments import (
    CHARACTERS,
    build_lattices,
    locate_digits,
    read_lines,
    segment_field,
)
from pipelines.models import kind_of

PAPER = np.full((50, 200), 210, dtype=np.uint8)


@pytest.fixture(scope="module")
def digits():
    bunch = load_digits()
    images = (bunch.images * (255 / 16)).astype(np.uint8)
    large = [cv2.resize(image, (20, 20)) for image in images[:600]]
    return np.pad(large, [(0, 0), (4, 4), (4, 4)]), bunch.target[:600].astype(np.int64)


@pytest.fixture(scope="module")
def model():
    return load_model("segments", device="cpu")


@pytest.fixture(scope="module")
def held(digits):
    """Drawn fields that are not empty."""
    with pytest.MonkeyPatch.context() as patch:  # drawing shapes takes the time here
        patch.setattr("pipelines.drawing.lines._N_COPYBOOK", 20)
        lines = DrawnLines(*digits, n_lines=40, random_state=0)
    drawn = [(lines.draw_field(n), text) for n, text in enumerate(lines.texts)]
    return [(field, text) for field, text in drawn if text]


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
    for best in read_lines([field for field, _ in held[:10]], model, n_best=4):
        probabilities = [reading.probability for reading in best]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) <= 1 + 1e-9
        assert len({reading.text for reading in best}) == len(best)


def test_strings_obey_the_mask_and_are_the_less_probable_for_it(model, held):
    long = [field for field, text in held if len(text) == 4]
    free = read_lines(long, model)
    masked = read_lines(long, model, mask="1##7")
    assert sum(map(len, masked)) >= len(long) / 2  # cuts may not allow four digits
    for found, [likely] in zip(masked, free, strict=True):
        for best in found:
            assert len(best.text) == 4
            assert (best.text[0], best.text[-1]) == ("1", "7")
            assert best.probability <= likely.probability + 1e-9


def test_each_digit_has_a_box_in_the_field(model, held):
    fields = [field for field, _ in held]
    for field, [best] in zip(fields, read_lines(fields, model), strict=True):
        height, width = field.shape
        assert len(best.boxes) == len(best.text)
        assert all(0 <= left < width for _, left, _, _ in best.boxes)
        assert all(0 <= top <= height for top, _, _, _ in best.boxes)


def test_a_field_is_read_alone_as_among_others(model, held):
    fields = [field for field, _ in held[:6]]
    together = read_lines(fields, model)
    assert texts_of(together) == texts_of(read_lines([f], model)[0] for f in fields)


def test_empty_paper_says_nothing_surely(model):
    [[best]] = read_lines([PAPER], model)
    assert (best.text, best.probability, best.boxes) == ("", 1.0, ())
    assert read_lines([PAPER], model, lengths=[3]) == [[]]
    assert read_lines([], model) == []


def test_the_digits_of_a_known_string_are_found_from_left_to_right(model, digits):
    field = field_of(digits[0][:4])
    text = "".join(map(str, digits[1][:4]))
    [boxes] = locate_digits([field], [text], model)
    middles = [left + width / 2 for _, left, _, width in boxes]
    np.testing.assert_allclose(middles, [24, 72, 120, 168], atol=10)
    assert locate_digits([PAPER], [""], model) == [[]]


def test_a_string_that_stands_in_no_field_is_refused(model):
    with pytest.raises(ValueError, match=r"Sample 1: .*no room for '12'.*same order"):
        locate_digits([PAPER, PAPER], ["", "12"], model)


def test_fields_without_writing_teach_nothing(model):
    with pytest.raises(ValueError, match="no writing in any of 1 fields"):
        adapt_model(model, [PAPER], ["12"])


@pytest.mark.slow  # trains to an accuracy
def test_cutting_is_learned_from_strings_alone(held):
    lines = [pair for _ in range(6) for pair in held]
    model = train_model(iter(lines), n_lines=len(lines), device="cpu")
    lengths = [len(best.text) for [best] in read_lines([f for f, _ in held], model)]
    right = np.array(lengths) == [len(text) for _, text in held]
    assert right.mean() >= 0.5


def test_fields_that_were_learned_are_read(model, held):
    # Of seeds 0 to 2, at most 0.63 are read before, and at least 0.87 after.
    fields, texts = [field for field, _ in held[:8]], [text for _, text in held[:8]]
    before = texts_of(read_lines(fields, model))
    after = texts_of(read_lines(fields, adapt_model(model, fields, texts)))
    assert np.mean(np.array(after) == texts) > np.mean(np.array(before) == texts)
    assert texts_of(read_lines(fields, model)) == before


def test_a_saved_model_reads_the_same(model, held, tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(model, path)
    assert kind_of(path) == "CuttingModel"
    segments = [segment_field(field) for field, _ in held[:5]]
    lattices = (build_lattices(segments, m) for m in (model, load_model(path)))
    for a, b in zip(*lattices, strict=True):
        assert a.characters == b.characters == CHARACTERS
        np.testing.assert_allclose(a.scores, b.scores, atol=1e-5)


def test_what_is_no_model_of_pieces_is_refused():
    assert kind_of("mnist") == "LeNet5Classifier"
    with pytest.raises(ValueError, match="'model' parameter of CuttingReader"):
        CuttingReader(load_model("mnist")).predict([PAPER])


def test_what_ships_reads_with_its_graph_as_with_torch(held):
    shipped, with_torch = (load_model("segments", engine=e) for e in ("auto", "torch"))
    assert reads_without_torch(shipped.classifier)
    segments = [segment_field(field) for field, _ in held[:5]]
    lattices = (build_lattices(segments, m) for m in (shipped, with_torch))
    for a, b in zip(*lattices, strict=True):
        np.testing.assert_allclose(a.scores, b.scores, atol=1e-4)


def test_measures_that_never_change_do_no_harm():
    geometry = start_geometry(np.ones((5, 2)), n_columns=3)
    assert np.isfinite(geometry.terms(np.array([[1.0, 2.0]]))).all()


def test_a_field_of_thousands_of_rows_is_read_as_a_small_one(model, digits):
    field = field_of(digits[0][:4])
    huge = cv2.resize(field, None, fx=50, fy=50, interpolation=cv2.INTER_CUBIC)
    small, large = read_lines([field, huge], model)
    assert small[0].text == large[0].text
    middles = [
        [left + width / 2 for _, left, _, width in best.boxes]
        for [best] in (small, large)
    ]
    np.testing.assert_allclose(50 * np.array(middles[0]), middles[1], rtol=0.1)
