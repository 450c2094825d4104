"""Forms filled in by hand: what stands in a box is what was meant."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from pipelines.drawing import (
    CombField,
    draw_blank_form,
    draw_comb,
    draw_entries,
    draw_writer,
    entry_value,
    fill_form,
)


@pytest.fixture(scope="module")
def blank_form():
    return draw_blank_form()


@pytest.mark.parametrize(
    ("entry", "value"),
    [("0451", "0451"), ("  12", "12"), ("X7 ", "7"), ("1X2", "1_2"), ("   ", "")],
)
def test_empty_and_crossed_out_boxes_are_dropped_at_the_ends(entry, value):
    assert entry_value(entry) == value


def test_only_boxes_that_are_written_in_have_ink():
    image = draw_comb("7  4", box_size=(60, 60), line_width=0, random_state=0)
    inside = image[15:75, 15:255].reshape(60, 4, 60)
    ink = (inside < 128).sum(axis=(0, 2))
    assert (ink[[0, 3]] > 50).all()
    assert (ink[[1, 2]] == 0).all()


def test_comb_lines_stand_where_the_boxes_are():
    image = draw_comb("   ", box_size=(48, 40), line_width=3, random_state=0)
    dark = np.flatnonzero((image < 128).sum(axis=0) > 40)
    assert_array_equal(dark[1::3], 12 + 40 * np.arange(4))


def test_a_crossed_out_box_holds_more_ink_than_a_one():
    writer = draw_writer(1)
    cross, one = (
        (draw_comb(mark, line_width=0, writer=writer, random_state=3) < 128).sum()
        for mark in "X1"
    )
    assert cross > one


def test_an_entry_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"each of its 3 boxes\. Got '12a'"):
        draw_comb("12a", random_state=0)


def test_filling_in_only_adds_ink_and_keeps_the_blank(blank_form):
    page, fields = blank_form
    before = page.copy()
    entries = draw_entries(fields, random_state=0)
    filled = fill_form(page, fields, entries, draw_writer(0), random_state=0)
    assert_array_equal(page, before)
    assert (filled <= page).all()
    assert (filled < page).sum() > 5000


def test_points_add_up_to_the_total(blank_form):
    _, fields = blank_form
    for seed in range(10):
        entries = draw_entries(fields, random_state=seed)
        points = [entries[f"points_{i}"] for i in range(1, 6)]
        total = sum(int(entry_value(entry) or 0) for entry in points)
        assert entry_value(entries["total"]) == str(total)


def test_made_up_entries_are_full_short_crossed_out_and_blank():
    fields = [CombField("room", 4, (0, 0, 40, 160))]
    entries = [draw_entries(fields, random_state=seed)["room"] for seed in range(200)]
    kinds = {
        "full": sum(entry.isdecimal() for entry in entries),
        "right": sum(entry[0] == " " and entry[3] != " " for entry in entries),
        "left": sum(entry[0] != " " and entry[3] == " " for entry in entries),
        "crossed out": sum("X" in entry for entry in entries),
        "blank": sum(not entry_value(entry) for entry in entries),
    }
    assert all(kinds.values()), kinds
    assert kinds["full"] > 120
