"""Drawn rows of boxes, and what the reader cuts from them."""

import numpy as np
import pytest

from lenet_sklearn import load_dataset
from pipelines.drawing.boxes import BoxArtist
from pipelines.training.boxes import NO_DIGIT, cut_rows


@pytest.fixture(scope="module")
def artist():
    return BoxArtist(*load_dataset("digits"), random_state=3)


def test_a_row_depends_on_the_seed_and_its_index_alone(artist):
    again = BoxArtist(*load_dataset("digits"), random_state=3)
    again.draw_row(0)
    one, other = artist.draw_row(5), again.draw_row(5)
    assert np.array_equal(one.field, other.field)
    assert (one.labels, one.contents) == (other.labels, other.contents)
    assert not np.array_equal(artist.draw_row(6).field, one.field)


def test_digits_have_labels_and_nothing_else_has(artist):
    contents = set()
    for index in range(60):
        row = artist.draw_row(index)
        contents |= set(row.contents)
        for content, label in zip(row.contents, row.labels, strict=True):
            assert label.isdigit() == (content == "digit")
        left, top, right, bottom = row.box
        height, width = row.field.shape
        assert 0 < left < right < width
        assert 0 < top < bottom < height
    assert contents == {"digit", "nothing", "other"}


def test_samples_are_what_the_cutter_gives(artist):
    samples = cut_rows(artist, range(40))
    assert (
        samples.glyphs.shape == samples.windows.shape == (len(samples.labels), 28, 28)
    )
    is_digit = samples.contents == 0
    assert np.array_equal(samples.labels < NO_DIGIT, is_digit)
    # Nearly all that is written is found, and little else.
    assert samples.is_inked[is_digit].mean() > 0.9
    assert samples.is_inked[samples.contents == 1].mean() < 0.4
