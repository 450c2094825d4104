"""Marks and choices in forms: what may be said of them, and what they may say."""

import json

import cv2
import numpy as np
import pytest

from pipelines import Field, Form, FormError, Option

BOX = (10, 20, 30, 30)
ROW = (10, 20, 30, 150)


@pytest.fixture
def write_form(tmp_path):
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((200, 300), 255, np.uint8))

    def write(*fields):
        path = tmp_path / "form.json"
        content = {"version": 1, "blank": "blank.png", "fields": fields}
        path.write_text(json.dumps(content))
        return path

    return write


def test_a_choice_lies_where_its_options_do():
    options = [
        {"value": "yes", "box": (10, 20, 30, 30)},
        {"value": "no", "box": (12, 90, 30, 30)},
    ]
    field = Field(name="extra", kind="choice", options=options)
    assert field.box == (10, 20, 32, 100)
    assert [box for _, box in field.places] == [(10, 20, 30, 30), (12, 90, 30, 30)]


@pytest.mark.parametrize("box", [(10, 20, 30, 150), (20, 10, 150, 30)])
def test_values_alone_stand_in_a_row_or_a_column(box):
    field = Field(name="grade", kind="choice", box=box, options=["1", "2", "3"])
    assert [value for value, _ in field.places] == ["1", "2", "3"]
    starts = [sorted((top, left)) for _, (top, left, _, _) in field.places]
    assert starts == [[10, 20], [10, 80], [10, 140]]


def test_the_file_of_a_form_holds_choices_as_they_were_said(write_form, tmp_path):
    options = [{"value": "yes", "box": BOX}, {"value": "no", "box": [10, 90, 30, 30]}]
    said = {"name": "extra", "kind": "choice", "options": options, "several": True}
    form = Form.from_file(write_form(said, {"name": "m", "kind": "mark", "box": BOX}))
    form.to_file(tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text())
    assert again["fields"][0] == {
        **said,
        "options": [{"value": "yes", "box": list(BOX)}, options[1]],
    }
    assert Form.from_file(tmp_path / "again.json") == form


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({"kind": "mark"}, "box: a mark needs its place"),
        ({"kind": "mark", "box": BOX, "digits": 2}, "digits: is for digits"),
        ({"kind": "choice", "box": ROW}, "options: a choice needs at least two"),
        ({"kind": "choice", "options": ["a", "b"]}, "box: a choice needs its place"),
        ({"kind": "choice", "box": BOX, "options": ["a", "b"]}, "box: is too short"),
        ({"kind": "choice", "box": ROW, "options": ["a", "a"]}, "two of the value 'a'"),
        (
            {"kind": "choice", "box": ROW, "options": ["a_b", "c"]},
            "the value 'a_b' must",
        ),
        ({"kind": "choice", "box": ROW, "options": ["=1", "c"]}, "the value '=1' must"),
        ({"kind": "choice", "box": ROW, "options": [1, 2]}, "options: must be a list"),
        ({"digits": 2, "filled": "ticked"}, "filled: is for a mark or a choice"),
        ({"digits": 2, "several": True}, "several: is for a choice"),
        ({"kind": "mark", "box": BOX, "filled": "yes"}, "filled: must be 'ticked' or"),
    ],
)
def test_a_mistake_is_named_with_its_key(write_form, field, reason):
    with pytest.raises(FormError) as error:
        Form.from_file(write_form({"name": "x", **field}))
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_options_do_not_lie_at_two_places():
    option = Option(value="a", box=BOX)
    other = Option(value="b", box=(10, 90, 30, 30))
    with pytest.raises(ValueError, match="places of their own"):
        Field(name="x", kind="choice", options=(option, other), box=(1, 1, 9, 99))
    with pytest.raises(ValueError, match="either all of them"):
        Field(name="x", kind="choice", options=(option, Option(value="b")), box=ROW)


def test_what_is_ticked_is_checked_against_the_options():
    field = Field(name="x", kind="choice", box=ROW, options=["yes", "no"])
    assert [field.check(value) for value in ("", "yes", "no")] == ["", "", ""]
    assert "one may be" in field.check("yes+no")
    assert "none of its options" in field.check("maybe")
    several = field.model_copy(update={"several": True})
    assert several.check("yes+no") == ""
    assert "twice" in several.check("yes+yes")


def test_ticks_do_not_add_up():
    fields = [Field(name="a", kind="mark", box=BOX), Field(name="b", digits=2)]
    sums = [{"total": "b", "parts": ["a"]}]
    with pytest.raises(ValueError, match="field 'a' is no number"):
        Form(blank="blank.png", fields=fields, sums=sums)
