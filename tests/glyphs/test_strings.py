"""Free strings fall into their digits."""

import numpy as np

from pipelines.glyphs.strings import cut_string


def test_a_free_string_falls_into_its_digits():
    field = np.full((60, 160), 255, dtype=np.uint8)
    for left in (10, 50, 90, 130):
        field[10:50, left : left + 5] = 0
    field[45:53, 118:121] = 0  # a comma
    assert [p.left for p in cut_string(field)] == [10, 50, 90, 130]


def test_a_frame_around_a_free_string_is_no_digit():
    field = np.full((60, 160), 255, dtype=np.uint8)
    field[3:6] = field[-6:-3] = field[:, 3:6] = field[:, -6:-3] = 0
    field[15:45, 70:75] = 0
    assert len(cut_string(field)) == 1


def test_paper_gives_no_pieces():
    assert cut_string(np.full((60, 160), 250, dtype=np.uint8)) == []
