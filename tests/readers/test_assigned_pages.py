"""Pages of several forms: each is read by the form that it is of, by print or code."""

import pickle

import cv2
import numpy as np
import pytest

from pipelines import Field, Form, make_form_reader
from pipelines.drawing.piles import draw_layout, print_code
from pipelines.forms.pile import Pile, PiledForm
from pipelines.outcomes import hold, settle_anew
from pipelines.readers.pile import PileReader

LAYOUTS = {
    name: draw_layout(name, n, {"id": 4}, dpi=120) for n, name in enumerate(("a", "b"))
}
PLACE = LAYOUTS["a"].code


@pytest.fixture(scope="module")
def blanks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("blanks")
    for name, layout in LAYOUTS.items():
        cv2.imwrite(str(folder / f"{name}.png"), layout.page)
    return folder


def form(blanks, layout, *, pattern=None, blank=True, box=None):
    fields = [Field(name="sheet", kind="code", pattern=pattern, box=box)]
    if blank:
        place = LAYOUTS[layout].fields[0].box
        fields.append(Field(name="id", digits=4, box=place))
    return Form(blank=blanks / f"{layout}.png" if blank else None, fields=fields)


def read(page, **forms):
    piled = tuple(PiledForm(name=name, pages=(one,)) for name, one in forms.items())
    return PileReader(Pile(forms=piled), make_form_reader).read(page)


def coded(layout, *texts):
    page = LAYOUTS[layout].page.copy()
    for n, text in enumerate(texts):
        top, left, height, width = PLACE
        print_code(page, text, (top + 150 * n, left, height, width))
    return page


def test_a_page_goes_to_the_form_that_its_code_says(blanks):
    forms = {name: form(blanks, "a", pattern=f"{name}-##") for name in ("one", "two")}
    reading = read(coded("a", "two-17"), **forms)
    assert (reading.assigned.form, reading.assigned.how) == ("two", "code")
    assert reading.fields["sheet"].value == "two-17"
    assert reading.fields["sheet"].status == "accepted"
    assert reading.fields["id"].status == "blank"
    assert reading.status == "ok"


def test_a_form_without_a_blank_page_is_known_by_its_code(blanks):
    forms = {"a": form(blanks, "a"), "b": form(blanks, "b", pattern="B*", blank=False)}
    reading = read(coded("b", "B7"), **forms)
    assert (reading.assigned.form, reading.assigned.score) == ("b", None)
    for page in (coded("a", "A7"), coded("a")):
        reading = read(page, **forms)
        assert (reading.assigned.form, reading.assigned.how) == ("a", "print")
    assert read(np.full_like(page, 250), **forms).status == "empty"


def test_a_code_of_two_forms_names_both_where_print_cannot_decide(blanks):
    forms = {"a": form(blanks, "a", pattern="X*")}
    forms["b"] = form(blanks, "b", pattern="X#", blank=False)
    assert read(coded("a", "X7"), **forms).assigned.problem.startswith("fits a and b")


def test_a_page_whose_code_cannot_be_read_goes_by_its_print(blanks):
    forms = {"a": form(blanks, "a", pattern="A*"), "b": form(blanks, "b")}
    reading = read(coded("a"), **forms)
    assert (reading.assigned.form, reading.assigned.how) == ("a", "print")
    assert reading.fields["sheet"].status == "unlocated"
    assert reading.status == "review"


def test_a_code_that_is_another_rules_a_form_out(blanks):
    forms = {"a": form(blanks, "a", pattern="A*"), "b": form(blanks, "b")}
    reading = read(coded("a", "C7"), **forms)
    assert (reading.assigned.form, reading.status) == ("", "review")
    assert "its code has the pattern of none" in reading.assigned.problem


def test_forms_that_print_and_code_do_not_tell_apart_are_both_named(blanks):
    reading = read(coded("a"), one=form(blanks, "a"), two=form(blanks, "a"))
    assert not reading.assigned.form
    assert reading.assigned.problem.startswith("fits ")
    assert {"one", "two"} <= set(reading.assigned.problem.split())


def test_a_reader_of_piles_can_be_sent_to_another_process(blanks):
    forms = (PiledForm(name="a", pages=(form(blanks, "a"),)),)
    reader = PileReader(Pile(forms=forms), make_form_reader)
    page = coded("a", "A7")
    before = reader.read(page)
    assert pickle.loads(pickle.dumps(reader)).read(page) == before


def test_an_empty_page_is_empty(blanks):
    page = np.full(LAYOUTS["a"].page.shape, 250, np.uint8)
    reading = read(page, a=form(blanks, "a"), b=form(blanks, "b"))
    assert (reading.status, reading.assigned.how) == ("empty", "empty")


def test_of_several_codes_the_one_at_its_place_is_read(blanks):
    page = coded("a", "one", "two")
    anywhere = make_form_reader(form(blanks, "a")).read(page).fields["sheet"]
    assert (anywhere.status, str(anywhere.reason)) == ("rejected", "there are 2 codes")
    placed = make_form_reader(form(blanks, "a", box=PLACE)).read(page).fields["sheet"]
    assert (placed.value, placed.status) == ("one", "accepted")
    patterned = make_form_reader(form(blanks, "a", pattern="t*")).read(page)
    assert patterned.fields["sheet"].value == "two"


def test_a_code_without_its_pattern_is_invalid(blanks):
    reader = make_form_reader(form(blanks, "a", pattern="A_#"))
    reading = reader.read(coded("a", "A_x"))
    assert (reading.fields["sheet"].value, reading.fields["sheet"].status) == (
        "A_x",
        "invalid",
    )
    assert reader.read(coded("a", "A_1")).fields["sheet"].status == "accepted"


def test_no_threshold_decides_on_a_code(blanks):
    field = make_form_reader(form(blanks, "a")).read(coded("a", "A_1")).fields["sheet"]
    assert settle_anew(field, 1.0) is field
    assert hold(field, np.inf) is field
