"""Free writing on forms: read under the rules of its field, and found on the page."""

import cv2
import numpy as np
import pytest

from lenet_sklearn.strings import Hypothesis
from pipelines import (
    Field,
    FieldReader,
    Form,
    SlidingReader,
    draw_overlay,
    make_form_reader,
)
from pipelines.drawing import draw_blank_form, draw_string, draw_writer
from pipelines.readers.field import read_ruled

BOX = (1500, 900, 110, 420)
TEXT = "2046"
INK_LEFT = 60  # of the string, from the left side of the box


class StubReader:
    """Believes in one string, and has another where a rule forbids that."""

    def __init__(self, best, allowed):
        self.best, self.allowed, self.rules = best, allowed, []

    def fit(self, X, y):
        raise AssertionError("not asked")

    def read(self, fields, *, n_best=1, lengths=None, mask=None):
        if lengths is None and mask is None:
            return [[Hypothesis(*self.best)] for _ in fields]
        self.rules.append((lengths, mask))
        return [[Hypothesis(*self.allowed)] if self.allowed else [] for _ in fields]


def line(**rules):
    return Field(name="line", kind="line", **rules)


def ruled(reader, field):
    [reading] = read_ruled(reader, [np.zeros((9, 9), np.uint8)], [field])
    return reading[0].text, reading[0].probability


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    """The file of a blank page, and the page with a string written on it."""
    path = tmp_path_factory.mktemp("sheet") / "blank.png"
    top, left, height, width = BOX
    blank, _ = draw_blank_form()
    cv2.rectangle(blank, (left, top), (left + width, top + height), 0, 2)
    cv2.imwrite(str(path), blank)
    string = draw_string(TEXT, height=60, writer=draw_writer(1), random_state=0)
    columns = np.flatnonzero(string.min(axis=0) < 128)
    string = string[:, columns[0] : columns[-1] + 1]
    place = np.s_[top + 25 : top + 25 + len(string), left + INK_LEFT :]
    inked = blank[place][:, : string.shape[1]]
    np.minimum(inked, string, out=inked)
    return path, blank, string.shape[1]


def form_of(sheet, **rules):
    return Form(blank=sheet[0], fields=[line(box=BOX, **rules)])


def test_the_rule_of_a_field_is_searched_under_where_it_is_broken():
    reader = StubReader(("1742", 0.6), ("17", 0.2))
    assert ruled(reader, line(length=(1, 3), mask="##")) == ("17", 0.2)
    assert reader.rules == [(range(1, 4), "##")]


@pytest.mark.parametrize("text", ["1742", ""])
def test_what_keeps_the_rule_is_read_once(text):
    reader = StubReader((text, 0.6), ("17", 0.2))
    assert ruled(reader, line(length=4, mask="1###")) == (text, 0.6)
    assert ruled(reader, None) == (text, 0.6)
    assert reader.rules == []


@pytest.mark.parametrize("allowed", [("17", 1e-4), None])
def test_a_slip_of_the_writer_is_shown_rather_than_something_improbable(allowed):
    assert ruled(StubReader(("1742", 0.9), allowed), line(length=2)) == ("1742", 0.9)


class ListReader(StubReader):
    """Has a list of strings, whatever the rule."""

    def __init__(self, *named):
        self.named = [Hypothesis(*one) for one in named]

    def read(self, fields, *, n_best=1, lengths=None, mask=None):
        return [self.named[:n_best] for _ in fields]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"check_digit": "luhn"}, "1842"),
        ({"maximum": 1000}, "742"),
        ({"choices": ("0742", "1842")}, "1842"),
        ({"date": "DDMM"}, "1712"),
    ],
)
def test_all_rules_are_searched_under_where_they_are_broken(rules, expected):
    names = ["1740", "1742", "1747", "1748", "1749", "742", "1842", "1743", "1712"]
    reader = ListReader(("1741", 0.5), *((name, 0.05) for name in names))
    assert ruled(reader, line(**rules)) == (expected, 0.05)


def test_what_keeps_no_rule_is_read_as_it_is():
    reader = ListReader(("1741", 0.9), ("1749", 0.05))
    assert ruled(reader, line(check_digit="damm")) == ("1741", 0.9)


def test_a_drawn_string_is_read_under_its_mask():
    writers = [draw_writer(seed) for seed in range(4)]
    fields = [draw_string("1742", writer, random_state=0) for writer in writers]
    plain = FieldReader().read(fields)
    masked = FieldReader().read(fields, None, [line(mask="9###")] * 4)
    for one, other in zip(plain, masked, strict=True):
        assert other.value == one.value or other.value.startswith("9")
        assert other.confidence <= one.confidence
    right = FieldReader().read(fields, None, [line(mask="1742")] * 4)
    assert all(reading.value == "1742" for reading in right)


def test_the_rules_of_a_form_reach_its_lines(sheet):
    form, recognizer = form_of(sheet, mask="2###"), StubReader(("17", 0.6), (TEXT, 0.2))
    reading = make_form_reader(form, line_reader=SlidingReader(recognizer)).read(
        sheet[1]
    )
    field = reading.fields["line"]
    # Of all strings of four digits, one in ten has the mask.
    other = 0.01 + 0.99 * 0.2  # what is not named, and keeps the mask by chance
    kept, broken = 9.9 * 0.99 * 0.2, 0.01 * (0.99 * 0.6 + 0.9 * other)
    expected = kept / (kept + broken + 9.9 * 0.1 * other)
    assert field.confidence == pytest.approx(expected)
    assert (field.value, field.status, field.decided_by) == (TEXT, "accepted", "mask")
    assert recognizer.rules == [(None, "2###")]


def test_an_entry_of_another_length_is_never_accepted(sheet):
    field = make_form_reader(form_of(sheet, length=7)).read(sheet[1]).fields["line"]
    assert field.status in ("rejected", "invalid")


def test_digits_are_found_on_the_page_where_they_were_written(sheet):
    reader = make_form_reader(form_of(sheet, mask=TEXT), locate_digits=True)
    quads = reader.read(sheet[1]).fields["line"].digit_quads
    assert len(quads) == len(TEXT)
    lefts = [quad[0, 0] for quad in quads]
    assert lefts == sorted(lefts)
    left = BOX[1] + INK_LEFT
    assert lefts[0] == pytest.approx(left, abs=8)
    assert quads[-1][1, 0] == pytest.approx(left + sheet[2], abs=8)
    for quad in quads:
        assert quad[:, 1] == pytest.approx([BOX[0]] * 2 + [BOX[0] + BOX[2]] * 2, abs=4)


def test_digits_are_drawn_onto_the_page_only_where_asked_for(sheet):
    pictures = []
    for wanted in (False, True):
        reader = make_form_reader(form_of(sheet, mask=TEXT), locate_digits=wanted)
        pictures.append(draw_overlay(sheet[1], reader.read(sheet[1])))
    changed = (pictures[0] != pictures[1]).any(axis=(0, 2))
    assert 4 <= changed.sum() <= 40  # columns: two thin lines for each digit
    assert changed[BOX[1] : BOX[1] + BOX[3]].sum() == changed.sum()
