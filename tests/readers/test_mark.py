"""Ticks and choices on the demo's sheet."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipelines import Field, Form, FormReader, MarkReading
from pipelines.drawing import (
    Photograph,
    draw_blank_form,
    draw_pen,
    draw_scanner,
    photograph_page,
    scan_page,
)
from pipelines.drawing.marks import fill_mark
from pipelines.fields.marks import MarksCut
from pipelines.outcomes import ReasonKind, settle_anew
from pipelines.readers.mark import STATES, read_marks

YES, NO = (1701, 488, 33, 33), (1701, 630, 33, 33)
LEFT = (1701, 1181, 33, 33)
CHOICE = Field(
    name="extra",
    kind="choice",
    options=[{"value": "yes", "box": YES}, {"value": "no", "box": NO}],
    filled="corrected",
)
MARK = Field(name="left", kind="mark", box=LEFT)


class Told:
    """A classifier that is told what it sees."""

    classes_ = np.array(STATES)

    def __init__(self, *states, certainty=0.997):
        self.rows = np.full((len(states), 4), (1 - certainty) / 3)
        for row, state in enumerate(states):
            self.rows[row, STATES.index(state)] = certainty

    def predict_proba(self, X):
        return self.rows[: len(X)]


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    path = tmp_path_factory.mktemp("sheet") / "blank.png"
    page, _ = draw_blank_form()
    cv2.imwrite(str(path), page)
    return page, Form(blank=path, fields=(CHOICE, MARK))


def _read(sheet, **ticked):
    """Tick boxes of the sheet, scan it and read it."""
    page, form = sheet
    page = page.copy()
    places = {"yes": YES, "no": NO, "left": LEFT}
    for n, (name, kind) in enumerate(ticked.items()):
        fill_mark(page, places[name], kind, draw_pen(4), random_state=n)
    scanned = scan_page(page, draw_scanner(7), random_state=7)
    return FormReader(form).read(scanned).fields


def _read_as(field, *states, threshold=0.9, certainty=0.997):
    n = len(states)
    cut = MarksCut(
        np.zeros((n, 28, 28), np.uint8), n * (np.zeros((4, 2)),), np.zeros((4, 2)), 1.0
    )
    [reading] = read_marks(
        [field], [cut], Told(*states, certainty=certainty), threshold
    )
    return reading


@pytest.mark.parametrize("kind", ["hook", "cross", "slash"])
def test_what_is_ticked_is_the_value(sheet, kind):
    fields = _read(sheet, no=kind, left=kind)
    assert [(f.value, f.status) for f in fields.values()] == [
        ("no", "accepted"),
        ("1", "accepted"),
    ]
    assert [mark.state for mark in fields["extra"].marks] == ["empty", "ticked"]


@pytest.mark.parametrize("level", [160, 200])
def test_a_scan_in_black_and_white_is_read(sheet, level):
    page, form = sheet
    page = page.copy()
    fill_mark(page, NO, "cross", draw_pen(4), random_state=0)
    scanned = scan_page(page, draw_scanner(7), random_state=7)
    bilevel = np.where(scanned < level, 0, 255).astype(np.uint8)
    fields = FormReader(form).read(bilevel).fields
    assert [(f.value, f.status) for f in fields.values()] == [
        ("no", "accepted"),
        ("", "blank"),
    ]


def test_a_photograph_is_read(sheet):
    page, form = sheet
    page = page.copy()
    fill_mark(page, YES, "hook", draw_pen(4), random_state=0)
    seen = photograph_page(page, Photograph(), random_state=0)
    fields = FormReader(form).read(seen).fields
    assert [(f.value, f.status) for f in fields.values()] == [
        ("yes", "accepted"),
        ("", "blank"),
    ]


def test_nothing_ticked_is_blank(sheet):
    fields = _read(sheet)
    assert [(f.value, f.status) for f in fields.values()] == 2 * [("", "blank")]


def test_a_tick_that_was_taken_back_counts_for_nothing(sheet):
    fields = _read(sheet, yes="scribbled", no="cross")
    assert (fields["extra"].value, fields["extra"].status) == ("no", "accepted")
    assert fields["extra"].marks[0].state in ("corrected", "filled")


def test_a_tick_that_was_taken_back_alone_is_looked_at():
    reading = _read_as(MARK, "corrected")
    assert (reading.value, reading.status) == ("", "rejected")
    assert reading.reason.kind is ReasonKind.TAKEN_BACK
    assert settle_anew(reading, 0.0).status == "rejected"


def test_two_ticks_where_one_may_be_are_invalid(sheet):
    field = _read(sheet, yes="cross", no="cross")["extra"]
    assert (field.value, field.status) == ("yes+no", "invalid")
    assert field.reason.kind is ReasonKind.RULE


def test_the_places_of_the_boxes_are_told(sheet):
    field = _read(sheet)["extra"]
    for mark, (top, left, height, width) in zip(field.marks, (YES, NO), strict=True):
        assert isinstance(mark, MarkReading)
        # The page is tilted and shifted by some pixels.
        middle = np.array([left + width / 2, top + height / 2])
        assert np.abs(mark.quad.mean(axis=0) - middle).max() < 60


def test_several_may_be_ticked_where_the_form_says_so():
    several = CHOICE.model_copy(update={"several": True})
    reading = _read_as(several, "ticked", "ticked")
    assert (reading.value, reading.status) == ("yes+no", "accepted")
    assert reading.confidence == pytest.approx(0.997**2)


def test_a_filled_box_is_what_the_form_says():
    for filled, value, status in (
        ("ticked", "1", "accepted"),
        ("corrected", "", "blank"),
    ):
        field = MARK.model_copy(update={"filled": filled})
        reading = _read_as(field, "filled")
        assert (reading.value, reading.status) == (value, status)


def test_a_filled_box_of_which_the_form_says_nothing_is_never_accepted():
    reading = _read_as(MARK, "filled")
    assert reading.status == "rejected"
    assert reading.reason.kind is ReasonKind.FILLED
    assert settle_anew(reading, 0.0).status == "rejected"


def test_what_may_be_a_tick_is_not_called_blank():
    reading = _read_as(MARK, "empty", certainty=0.95)
    assert (reading.value, reading.status) == ("", "rejected")
    assert [c.text for c in reading.candidates] == ["", "1"]


def test_a_classifier_of_other_labels_is_refused():
    told = Told("empty")
    told.classes_ = np.arange(4)
    cut = MarksCut(
        np.zeros((1, 28, 28), np.uint8), (np.zeros((4, 2)),), np.zeros((4, 2)), 1.0
    )
    with pytest.raises(ValueError, match="labels corrected, empty, filled, ticked"):
        read_marks([MARK], [cut], told, 0.9)


def test_a_reader_is_fitted_to_the_digits_of_a_form_alone(sheet):
    page, form = sheet
    room = Field(name="room", digits=4, box=(772, 756, 66, 220))
    form = form.model_copy(update={"fields": (*form.fields, room)})
    assert list(FormReader(form).cut(page)) == ["room"]


def test_fields_that_were_not_found_say_so(sheet):
    _, form = sheet
    noise = np.random.default_rng(0).integers(0, 255, (900, 700)).astype(np.uint8)
    fields = FormReader(form).read(noise).fields
    assert {f.status for f in fields.values()} == {"unlocated"}
    assert all(f.reason is not None for f in fields.values())


def test_readings_compare_by_what_they_say():
    reading = _read_as(MARK, "ticked")
    assert reading == replace(reading)
    assert reading != replace(reading, marks=())
