"""Free writing on forms that leaves its box."""

import cv2
import numpy as np
import pytest

from pipelines import Form, make_form_reader
from pipelines.drawing import draw_string, draw_writer

BOXES = {"total": (110, 90, 70, 330), "sum": (110, 540, 70, 330)}


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    blank = np.full((500, 1000), 255, np.uint8)
    for name, (top, left, height, width) in BOXES.items():
        cv2.rectangle(blank, (left, top), (left + width, top + height), 0, 2)
        corner = (left, top + height + 45)
        cv2.putText(blank, name, corner, cv2.FONT_HERSHEY_COMPLEX, 0.7, 0, 1)
    for row in (60, 300, 360, 420):
        text = f"Expenses of the year, part {row}"
        cv2.putText(blank, text, (90, row), cv2.FONT_HERSHEY_COMPLEX, 0.9, 0, 2)
    file = tmp_path_factory.mktemp("form") / "blank.png"
    cv2.imwrite(str(file), blank)
    fields = [
        {"name": name, "kind": "line", "box": list(box)} for name, box in BOXES.items()
    ]
    return make_form_reader(Form(blank=file, fields=fields))


def fill(page, text, *, top, left):
    """Write a string with its upper left corner there."""
    string = draw_string(text, draw_writer(3), height=44, random_state=3)
    x, y, width, height = cv2.boundingRect((string < 200).view(np.uint8))
    part = page[top : top + height, left : left + width]
    np.minimum(part, string[y : y + height, x : x + width], out=part)
    return width


def test_writing_that_goes_on_past_its_box_is_read_whole(reader):
    page = cv2.imread(str(reader.form.blank), cv2.IMREAD_GRAYSCALE)
    width = fill(page.copy(), "4806", top=124, left=100)
    fill(page, "4806", top=124, left=90 + 330 - width + 20)
    assert reader.read(page).fields["total"].value == "4806"


def test_tails_from_the_line_above_are_not_read(reader):
    page = cv2.imread(str(reader.form.blank), cv2.IMREAD_GRAYSCALE)
    fill(page, "4806", top=124, left=110)
    cv2.line(page, (320, 70), (316, 122), 40, 3)
    fields = reader.read(page).fields
    assert (fields["total"].value, fields["total"].status) == ("4806", "accepted")
    assert fields["sum"].status == "blank"


def test_writing_along_the_line_of_its_box_is_not_accepted(reader):
    page = cv2.imread(str(reader.form.blank), cv2.IMREAD_GRAYSCALE)
    fill(page, "4806", top=92, left=110)
    field = reader.read(page).fields["total"]
    assert field.status == "rejected"
