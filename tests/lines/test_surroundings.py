"""Print and neighbours' writing round free fields."""

import cv2
import numpy as np
import pytest

from pipelines import make_field_reader
from pipelines.drawing import draw_string, draw_writer
from pipelines.lines.surroundings import RuleRemover, clear_surroundings

PAPER, PEN, PRINT = 250, 60, 90


def a_field(text="4806", *, room=20):
    """Draw writing with room round it for what a form prints there."""
    string = draw_string(text, draw_writer(3), height=44, random_state=3)
    left, top, width, height = cv2.boundingRect((string < 200).view(np.uint8))
    string = string[top : top + height, left : left + width]
    return np.pad(np.minimum(string, PAPER), room + 20, constant_values=PAPER)


def with_lines(field, *lines, thickness=2):
    """Print lines: each from a corner ``(x, y)`` to another."""
    for start, stop in lines:
        cv2.line(field, start, stop, PRINT, thickness)
    return field


def corners(field, room=20):
    height, width = field.shape
    right, bottom = width - room, height - room
    return (room, room), (right, room), (right, bottom), (room, bottom)


def read(field):
    reader = make_field_reader()
    [reading] = reader[-1].read(reader[:-1].transform([field]))
    return reading


def test_a_frame_is_taken_away_and_its_writing_is_left():
    bare = a_field()
    a, b, c, d = corners(bare)
    framed = with_lines(bare.copy(), (a, b), (b, c), (c, d), (d, a))
    cleared = clear_surroundings(framed)
    assert np.abs(cleared.image.astype(int) - bare).max() < 40
    assert cleared.certainty == 1.0
    assert read(framed).value == read(bare).value == "4806"


def test_lines_that_are_shorter_than_asked_for_are_left():
    a, b, c, d = corners(a_field())
    framed = with_lines(a_field(), (a, b), (b, c), (c, d), (d, a))
    assert clear_surroundings(framed, min_length=1.0).image is framed
    cleared = RuleRemover(min_length=0.6).transform([framed])[0]
    assert (cleared != framed).any()


def test_ruling_lines_go_where_asked_and_strokes_across_them_stay():
    bare = a_field()
    ruled = with_lines(bare.copy(), ((0, 60), (bare.shape[1], 60)))
    assert clear_surroundings(ruled).image is ruled
    cleared = RuleRemover(ruling=True).transform([ruled])[0]
    alone = (bare > 240).all(axis=0)
    assert cleared[58:63, alone].min() > 240 > ruled[58:63, alone].min()
    assert read(cleared).value == "4806"


@pytest.mark.parametrize("sides", [(0, 3), (2, 3), (1, 2, 3), (0, 1)])
def test_half_a_frame_is_taken_away(sides):
    field = a_field()
    points = corners(field)
    lines = [(points[n], points[(n + 1) % 4]) for n in sides]
    assert read(with_lines(field, *lines)).value == "4806"


def test_the_lines_of_a_table_are_taken_away():
    field = a_field()
    height, width = field.shape
    lines = [((0, y), (width, y)) for y in (20, height - 20)]
    lines += [((x, 0), (x, height)) for x in (20, width - 20)]
    assert read(with_lines(field, *lines)).value == "4806"


def test_a_tilted_frame_is_taken_away():
    field = a_field()
    (left, top), _, (right, bottom), _ = corners(field)
    drop = round(0.03 * (right - left))
    a, b, c, d = (
        (left, top),
        (right, top - drop),
        (right, bottom),
        (left, bottom + drop),
    )
    assert read(with_lines(field, (a, b), (b, c), (c, d), (d, a))).value == "4806"


@pytest.mark.parametrize("below", [False, True])
def test_a_caption_is_taken_away(below):
    field = a_field(room=40)
    row = len(field) - 32 if below else 44
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(field, "Total", (60, row), font, 0.5, PRINT, 1, cv2.LINE_AA)
    assert read(field).value == "4806"


def test_tails_that_hang_in_from_above_are_taken_away():
    field = a_field()
    cv2.line(field, (70, 0), (66, 36), PEN, 3)
    cleared = clear_surroundings(field).image
    assert cleared[:36, 60:75].min() > 200
    assert read(field).value == "4806"


@pytest.mark.parametrize("text", ["1", "11", "71", "117"])
def test_ones_in_a_frame_are_no_walls(text):
    field = a_field(text)
    a, b, c, d = corners(field)
    assert read(with_lines(field, (a, b), (b, c), (c, d), (d, a))).value == text


def test_a_stroke_that_ends_in_a_printed_row_is_in_doubt():
    field = np.full((100, 260), PAPER, np.uint8)
    a, b, c, d = corners(field)
    with_lines(field, (a, b), (b, c), (c, d), (d, a))
    cv2.line(field, (100, 40), (100, 80), PEN, 4)
    cv2.circle(field, (160, 50), 14, PEN, 4)
    assert clear_surroundings(field).certainty < 1.0


def test_writing_that_crosses_a_frame_stays_whole():
    field = a_field()
    a, b, c, d = corners(field)
    middle = len(field) // 2
    cv2.line(field, (a[0] - 12, middle), (a[0] + 14, middle - 6), PEN, 4)
    before = field < 128
    cleared = clear_surroundings(with_lines(field, (a, b), (b, c), (c, d), (d, a)))
    assert (cleared.image[before] < 150).mean() > 0.98


def test_three_ones_on_a_line_are_not_blank():
    field = np.full((100, 130), PAPER, np.uint8)
    with_lines(field, ((20, 20), (20, 80)), ((20, 80), (110, 80)), thickness=4)
    for x in (44, 72, 100):
        cv2.polylines(
            field, [np.array([(x - 14, 40), (x, 26), (x, 80)])], False, PEN, 5
        )
    assert read(field).status != "blank"


def test_fields_without_print_are_left_as_they_are():
    field = a_field()
    assert clear_surroundings(field).image is field


def test_a_dash_and_a_comma_are_not_taken_away():
    field = a_field(room=40)
    cv2.line(field, (4, 60), (24, 60), PEN, 4)
    cv2.line(field, (100, 100), (96, 112), PEN, 4)
    assert np.array_equal(clear_surroundings(field).image, field)
