"""Drawn fields: known strings, another picture for every index, the same for a seed."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lenet_sklearn import load_dataset
from pipelines import DrawnLines, normalize_line


@pytest.fixture(scope="module", autouse=True)
def few_shapes():
    """Write with a few shapes of each digit: drawing hundreds takes the time here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.drawing.lines._N_COPYBOOK", 20)
        yield


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def lines(digits):
    return DrawnLines(*digits, n_lines=200, random_state=0)


def test_every_index_gives_a_strip_of_the_line_height(lines):
    strips = [lines[i] for i in range(60)]
    assert {strip.shape[0] for strip in strips} == {32}
    assert {strip.dtype for strip in strips} == {np.dtype(np.uint8)}
    assert len({strip.tobytes() for strip in strips}) == 60


def test_strip_is_the_same_in_whatever_order_it_is_asked_for(lines, digits):
    again = DrawnLines(*digits, n_lines=200, random_state=0)
    for i in (17, 3, 199, 3):
        assert_array_equal(again[i], lines[i])
    assert again.texts == lines.texts


def test_another_seed_draws_other_strips(lines, digits):
    other = DrawnLines(*digits, n_lines=200, random_state=1)
    assert other.texts != lines.texts
    assert not np.array_equal(other[0], lines[0])


def test_strip_is_the_normalised_field(lines):
    assert_array_equal(lines[5], normalize_line(lines.draw_field(5)))


def test_field_is_dark_ink_on_light_paper(lines):
    fields = [lines.draw_field(i) for i in range(40) if lines.texts[i]]
    darker = [np.median(field) - np.percentile(field, 2) for field in fields]
    assert np.median(darker) > 40


def test_longer_strings_take_more_room(lines):
    short = [lines[i].shape[1] for i, t in enumerate(lines.texts) if 0 < len(t) <= 2]
    long = [lines[i].shape[1] for i, t in enumerate(lines.texts) if len(t) >= 6]
    # Seeds 0 to 3 draw them 2.3 to 2.6 times as wide.
    assert np.median(long) > 1.5 * np.median(short)


def test_texts_hold_only_the_labels_given(digits):
    X, y = digits
    some = np.isin(y, [3, 7])
    drawn = DrawnLines(X[some], y[some], n_lines=100)
    assert set("".join(drawn.texts)) == {"3", "7"}
    assert drawn[0].shape[0] == 32


def test_letters_can_be_drawn_too(digits):
    X, y = digits
    names = np.array(list("abcdefghij"))[y]
    drawn = DrawnLines(X, names, n_lines=20)
    assert set("".join(drawn.texts)) <= set("abcdefghij")
    assert drawn[1].any()


def test_indices_count_from_the_end_and_end(lines):
    assert_array_equal(lines[-1], lines[199])
    assert len(lines[4:8]) == 4
    with pytest.raises(IndexError):
        lines[200]


def test_pickled_lines_draw_the_same(lines):
    assert_array_equal(pickle.loads(pickle.dumps(lines))[9], lines[9])


def test_global_generator_is_left_alone(lines, numpy_state):
    np.random.seed(5)  # noqa: NPY002
    before = numpy_state()
    lines[3]
    assert numpy_state() == before


def test_flattened_glyphs_are_refused_with_a_remedy(digits):
    X, y = digits
    with pytest.raises(ValueError, match=r"Reshape flattened images to \(n, 28, 28\)"):
        DrawnLines(X.reshape(len(X), -1), y)


def test_labels_longer_than_a_character_are_refused(digits):
    X, y = digits
    with pytest.raises(ValueError, match="labels of one character"):
        DrawnLines(X, y + 5)


def test_a_glyph_without_ink_is_refused_by_its_row(digits):
    X, y = digits
    faint = X[:30].copy()
    faint[[7, 9]] //= 8
    with pytest.raises(ValueError, match=r"glyphs\[7\] and 1 others\. Leave them out"):
        DrawnLines(faint, y[:30])
