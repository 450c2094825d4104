"""The tables of shapes: every digit and mark is there, in strokes."""

from pipelines.drawing.shapes import ALLOGRAPHS, COPYBOOK, MARKS


def test_every_digit_has_several_shapes():
    assert set(ALLOGRAPHS) == set("0123456789")
    assert all(len(shapes) >= 3 for shapes in ALLOGRAPHS.values())


def test_hasty_hands_write_all_that_is_taught_and_more():
    for digit, shapes in ALLOGRAPHS.items():
        assert COPYBOOK[digit][: len(shapes)] == shapes
        assert len(COPYBOOK[digit]) > len(shapes)


def test_marks_have_no_corners():
    pieces = [
        stroke for shapes in MARKS.values() for shape in shapes for stroke in shape
    ]
    assert {len(stroke) for stroke in pieces} == {1}
