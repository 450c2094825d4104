"""The files of forms of a pile: of one page or several, alone or in a folder."""

import json

import cv2
import numpy as np
import pytest

from pipelines import Form, FormError
from pipelines.forms.pile import Pile, read_piled_form

FRONT = {"blank": "a.png", "fields": [{"name": "id", "digits": 3}]}
BACK = {"fields": [{"name": "id", "digits": 3}, {"name": "total", "digits": 2}]}


@pytest.fixture
def write(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((40, 30), 255, np.uint8))

    def write(name, **content):
        path = tmp_path / name
        path.write_text(json.dumps(content))
        return path

    return write


def test_a_form_of_one_page_is_what_it_was(write):
    path = write("a.json", version=1, **FRONT)
    pile = Pile.from_files([path])
    assert not pile.is_mixed
    assert pile.forms[0].pages == (Form.from_file(path),)


def test_a_form_may_have_several_pages(write):
    path = write("a.json", version=1, join="id", pages=[FRONT, BACK])
    form = read_piled_form(path)
    assert [page.blank and page.blank.name for page in form.pages] == ["a.png", None]
    assert list(form.fields) == ["id", "total"]
    assert (form.name, form.join, form.file) == ("a", "id", path)
    with pytest.raises(FormError, match="only lenet score reads"):
        Form.from_file(path)


def test_a_folder_stands_for_its_forms(write, tmp_path):
    for name in "ba":
        write(f"{name}.json", **FRONT)
    pile = Pile.from_files([tmp_path])
    assert [form.name for form in pile.forms] == ["a", "b"]
    assert pile.is_mixed
    assert [pile.describe(key) for key in pile.pages] == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"pages": []}, "pages: must be a list of at least one page"),
        ({"pages": [3]}, "page 1: must be an object"),
        ({"pages": [FRONT], "sums": []}, "sums: belongs to one of the pages"),
        ({"pages": [FRONT, {"fields": []}]}, "page 2: fields: must be a list"),
        ({"pages": [FRONT, BACK]}, "field 'id': is on several pages"),
        ({"pages": [FRONT, BACK], "join": "total"}, "field 'id': is on several pages"),
        ({**FRONT, "join": "room"}, "not every page has a field 'room'"),
        ({**FRONT, "join": 3}, "join: must be the name of a field"),
        ({"version": 2, "pages": [FRONT]}, "Upgrade lenet-sklearn"),
    ],
)
def test_a_mistake_is_said(write, content, reason):
    path = write("a.json", **content)
    with pytest.raises(FormError, match=reason) as caught:
        read_piled_form(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_two_forms_of_one_name_are_refused(write, tmp_path):
    path = write("a.json", **FRONT)
    with pytest.raises(FormError, match="the same name"):
        Pile.from_files([path, tmp_path])
    ledger = write("ledger.json", **FRONT)
    with pytest.raises(FormError, match="no form's"):
        Pile.from_files([ledger])


def test_a_folder_without_forms_is_refused(tmp_path):
    with pytest.raises(FormError, match="no form"):
        Pile.from_files([tmp_path])


def test_forms_without_a_blank_page_are_not_known_again(write):
    pile = Pile.from_files([write("a.json", **FRONT), write("b.json", **BACK)])
    with pytest.raises(FormError, match="b has no blank page"):
        pile.check_known_again()
