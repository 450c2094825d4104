"""Strings drawn on the paper and with the pens of a pile."""

import numpy as np
import pytest

from lenet_sklearn import load_dataset
from pipelines.drawing import draw_string, draw_writer
from pipelines.drawing.borrowing import BorrowedLines, borrow, take_out
from pipelines.lines.segments import cut_digits
from pipelines.readers import CuttingReader


def ruled_field(text="1742", seed=3):
    """A field on grey paper with a printed line under the writing."""
    field = draw_string(text, draw_writer(seed), random_state=seed)
    paper = np.full(field.shape, 200, np.uint8)
    paper[-4] = 90
    return np.minimum(field, paper)


@pytest.fixture
def lines(monkeypatch):
    monkeypatch.setattr("pipelines.drawing.lines._N_COPYBOOK", 4)
    loans = [borrow(ruled_field(seed=n)) for n in range(3)]
    glyphs, labels = load_dataset("digits")
    return BorrowedLines(loans, ["1500", "22000"], glyphs, labels, n_lines=40)


def test_paper_is_left_without_the_writing_and_with_its_print():
    field = ruled_field()
    loan = borrow(field)
    assert loan.paper.shape == field.shape
    assert loan.paper[:-6].min() > 170
    assert loan.paper[-4].mean() < 150


def test_what_is_under_ink_everywhere_is_filled_smoothly():
    field = np.full((20, 30), 180, np.uint8)
    ink = np.zeros((20, 30), np.uint8)
    ink[8:12] = 1
    assert np.allclose(take_out(field, ink), 180, atol=2)


def test_nothing_is_borrowed_from_empty_paper():
    assert borrow(np.full((40, 90), 210, np.uint8)) is None


def test_drawn_strings_look_like_those_of_the_pile(lines):
    assert {len(text) for text in lines.texts} == {4, 5}
    assert all(text.isdigit() for text in lines.texts)
    ends = [text.endswith("00") for text in lines.texts]
    assert np.mean(ends) > 0.5


def test_a_strip_is_the_same_each_time_and_read_only_by_its_index(lines):
    assert np.array_equal(lines[7], lines[7])
    assert not np.array_equal(lines.draw_field(7), lines.draw_field(8))
    assert all(strip.shape[0] == 32 for strip in lines[:5])


def test_pens_of_drawn_fields_are_measured_about_right(lines):
    measured = [borrow(lines.draw_field(n)) for n in range(12)]
    pens = [loan.pen for loan in measured if loan is not None]
    asked = np.median([loan.pen for loan in lines._loans])
    assert 0.6 * asked < np.median(pens) < 1.7 * asked


def test_digits_are_cut_out_of_fields_as_they_are_written():
    field = draw_string("308", draw_writer(3), random_state=3)
    glyphs, labels = cut_digits([field], ["308"], CuttingReader().reading_model())
    assert labels == ["3", "0", "8"]
    assert glyphs.shape == (3, 28, 28)
    assert (glyphs.reshape(3, -1).max(axis=1) > 150).all()


def test_a_field_without_room_for_a_string_gives_no_digits():
    field = draw_string("3", draw_writer(3), random_state=3)
    glyphs, labels = cut_digits([field], ["3" * 30], CuttingReader().reading_model())
    assert len(glyphs) == 0
    assert labels == []
