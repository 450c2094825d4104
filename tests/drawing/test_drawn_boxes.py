"""Drawn rows of boxes, and what the reader cuts from them."""

import numpy as np
import pytest

from lenet_sklearn import load_dataset
from pipelines.drawing.boxes import NOTHING, BoxArtist
from pipelines.training.boxes import CONTENTS, cut_rows


@pytest.fixture(scope="module", autouse=True)
def few_shapes():
    """Write with a few shapes of each digit: drawing hundreds takes the time here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.drawing.boxes._N_COPYBOOK", 20)
        yield


@pytest.fixture(scope="module")
def artist():
    return BoxArtist(*load_dataset("digits"), random_state=3)


def test_a_row_depends_on_the_seed_and_its_index_alone(artist):
    again = BoxArtist(*load_dataset("digits"), random_state=3)
    again.draw_row(0)
    one, other = artist.draw_row(5), again.draw_row(5)
    assert np.array_equal(one.field, other.field)
    assert one.contents == other.contents
    assert not np.array_equal(artist.draw_row(6).field, one.field)


def test_boxes_lie_in_the_field_and_hold_all_there_is(artist):
    contents = set()
    for index in range(60):
        row = artist.draw_row(index)
        contents |= set(row.contents)
        left, top, right, bottom = row.box
        height, width = row.field.shape
        assert 0 < left < right < width
        assert 0 < top < bottom < height
    assert contents == set(CONTENTS)


def test_samples_are_what_the_cutter_gives(artist):
    samples = cut_rows(artist, range(40))
    shape = (len(samples.contents), 28, 28)
    assert samples.glyphs.shape == samples.windows.shape == shape
    is_digit = samples.contents < CONTENTS.index(NOTHING)
    # Nearly all that is written is found, and little else.
    assert samples.is_inked[is_digit].mean() > 0.9
    assert samples.is_inked[samples.contents == CONTENTS.index(NOTHING)].mean() < 0.4
