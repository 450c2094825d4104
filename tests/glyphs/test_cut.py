"""Fields are cut into one piece a digit."""

import numpy as np
import pytest

from pipelines import cut_comb, find_combs
from pipelines.drawing import draw_comb, entry_value
from pipelines.fields.combs import Frame
from pipelines.glyphs.cut import BoxCutter


def cut(field, digits):
    page = np.full((600, 800), 255, dtype=np.uint8)
    page[50 : 50 + field.shape[0], 50 : 50 + field.shape[1]] = field
    [comb] = find_combs(page, digits)
    return BoxCutter().cut(*cut_comb(page, comb))


@pytest.mark.parametrize("seed", range(8))
def test_every_written_box_is_a_digit_and_every_other_empty(seed):
    entry = "  0451 7"
    pieces = cut(draw_comb(entry, random_state=seed), 8)
    assert "".join("." if p.kind == "digit" else " " for p in pieces) == "  .... ."
    assert entry_value(entry) == "0451_7"


def test_a_crossed_out_box_is_cancelled():
    pieces = cut(draw_comb("X45", random_state=1), 3)
    assert [p.kind for p in pieces] == ["cancelled", "digit", "digit"]


def test_printed_lines_are_not_in_the_pieces():
    pieces = cut(draw_comb("1111", random_state=2), 4)
    for piece in pieces:
        assert piece.image.shape[1] <= 40


def test_a_stroke_that_leaves_its_box_stays_whole():
    field = np.full((100, 200), 255, dtype=np.uint8)
    field[30:34, 40:115] = 0  # the bar of a seven reaches into the next box
    field[30:70, 80:84] = 0
    frame = Frame(20, 20, 180, 80, 2, ruled=False)
    seven, empty = BoxCutter().cut(field, frame)
    assert (seven.kind, empty.kind) == ("digit", "empty")
    assert seven.image.shape[1] > 74


def test_digits_that_touch_are_parted_at_the_wall():
    field = np.full((100, 200), 255, dtype=np.uint8)
    field[30:34, 40:160] = 0
    frame = Frame(20, 20, 180, 80, 2, ruled=False)
    left, right = BoxCutter().cut(field, frame)
    assert left.image.shape[1] == pytest.approx(right.image.shape[1], abs=2)


def test_specks_leave_a_box_empty():
    field = np.full((100, 200), 255, dtype=np.uint8)
    field[40:42, 50:52] = 0
    frame = Frame(20, 20, 180, 80, 2, ruled=False)
    assert [p.kind for p in BoxCutter().cut(field, frame)] == ["empty", "empty"]


def test_a_line_through_several_boxes_leaves_them_doubtful():
    field = draw_comb("1234", line_width=0, random_state=0)
    field[46:49, 20:236] = 0
    height, width = field.shape
    pieces = BoxCutter().cut(
        field, Frame(16, 16, width - 16, height - 16, 4, ruled=False)
    )
    assert [piece.certainty for piece in pieces] == [0.5] * 4


def test_a_mark_that_runs_through_a_box_is_cancelled():
    field = np.full((100, 200), 255, dtype=np.uint8)
    field[:, 50:54] = 0
    frame = Frame(20, 20, 180, 80, 2, ruled=False)
    assert [p.kind for p in BoxCutter().cut(field, frame)] == ["cancelled", "empty"]
