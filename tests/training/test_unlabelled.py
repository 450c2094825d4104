"""Piles of fields of which nobody has said what is in them."""

import cv2
import numpy as np
import PIL.Image
import pytest

from pipelines.drawing import draw_comb, draw_string, draw_writer
from pipelines.forms.field import Field
from pipelines.forms.form import Form, Sum
from pipelines.outcomes import FieldReading
from pipelines.scans.read import Scan, ScanError
from pipelines.training.habits import StringHabits
from pipelines.training.unlabelled import (
    FieldPile,
    PiledPage,
    pile_of_fields,
    pile_of_pages,
    with_roster,
)

PAPER = np.full((40, 90), 220, np.uint8)
BOX = {"box": (300, 200, 80, 400)}


def write_fields(folder, texts):
    for n, text in enumerate(texts):
        field = draw_string(text, draw_writer(n), random_state=n)
        cv2.imwrite(str(folder / f"{n}.png"), field)
    return sorted(folder.glob("*.png"))


def test_fields_are_read_with_what_is_known_of_some(tmp_path):
    files = write_fields(tmp_path, ["1742", "308", "60291"])
    truth = tmp_path / "truth.csv"
    truth.write_text("file,value\n1.png,308\nother.png,1\n")
    pile = pile_of_fields(files, truth=truth)
    assert pile.texts == [None, "308", None]
    assert pile.documents == [str(path) for path in files]
    assert pile.passed_over == (
        "rows of the truth that name no field that was read: 1",
    )


def test_rows_of_boxes_and_what_is_no_image_are_counted(tmp_path):
    files = write_fields(tmp_path, ["1742"])
    comb, text = tmp_path / "comb.png", tmp_path / "no.png"
    cv2.imwrite(str(comb), draw_comb("4711", random_state=3))
    text.write_text("no image")
    pile = pile_of_fields([*files, comb, text])
    assert len(pile.images) == 1
    boxes, files = pile.passed_over
    assert boxes == "rows of boxes, passed over: 1"
    assert files.startswith("files that cannot be read: 1\n")
    assert str(text) in files


def test_a_pile_without_a_field_is_refused(tmp_path):
    text = tmp_path / "no.png"
    text.write_text("no image")
    with pytest.raises(ValueError, match=r"learn from\. files that cannot"):
        pile_of_fields([text])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file,text\n0.png,1\n", "no column 'value'"),
        ("file,value\nother.png,1\n", "names none of the fields"),
        ("file,value\n0.png,1a\n", "'1a' for value of 0.png. Values are digits only"),
    ],
)
def test_a_wrong_truth_is_refused(tmp_path, content, message):
    files = write_fields(tmp_path, ["1742"])
    truth = tmp_path / "truth.csv"
    truth.write_text(content)
    with pytest.raises(ValueError, match=message):
        pile_of_fields(files, truth=truth)


def test_pages_give_the_free_fields_of_their_form(tmp_path):
    blank = np.full((1100, 850), 250, np.uint8)
    cv2.rectangle(blank, (60, 60), (790, 1040), 0, 2)
    cv2.putText(blank, "Total amount", (90, 160), cv2.FONT_HERSHEY_DUPLEX, 1, 0, 2)
    cv2.putText(blank, "Please write clearly", (300, 900), 0, 1, 0, 2)
    cv2.imwrite(str(tmp_path / "blank.png"), blank)
    box = (300, 200, 80, 400)
    form = Form.model_validate(
        {
            "blank": str(tmp_path / "blank.png"),
            "fields": [{"name": "total", "kind": "line", "box": box}],
        }
    )
    page = blank.copy()
    written = draw_string("1742", draw_writer(3), random_state=3)
    height, width = written.shape
    part = page[310 : 310 + height, 240 : 240 + width]
    part[:] = np.minimum(part, written)
    cv2.imwrite(str(tmp_path / "page.png"), page)
    truth = tmp_path / "truth.csv"
    truth.write_text("file,total\npage.png,1742\n")
    files = [tmp_path / "page.png", tmp_path / "blank.png"]
    pile = pile_of_pages(files, form, truth=truth)
    assert pile.texts[0] == "1742"
    assert len(pile.images) == 2
    assert pile.documents == list(map(str, files))


def test_a_damaged_page_costs_no_other_page_of_its_file(tmp_path, monkeypatch):
    pages = [
        PIL.Image.fromarray(draw_string(text, draw_writer(3), random_state=3))
        for text in ("1742", "308", "60291")
    ]
    path = tmp_path / "fields.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    read = Scan.read

    def read_but_one(scan, number):
        if number == 1:
            raise ScanError("page 2 is damaged")
        return read(scan, number)

    monkeypatch.setattr(Scan, "read", read_but_one)
    pile = pile_of_fields([path])
    assert len(pile.images) == 2
    assert pile.passed_over == ("pages that cannot be read: 1\n  page 2 is damaged",)


def test_a_truth_of_other_fields_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((1100, 850), 250, np.uint8))
    form = Form.model_validate(
        {
            "blank": str(tmp_path / "blank.png"),
            "fields": [
                {"name": "id", "kind": "line", "characters": "0123456789-", **BOX},
                {"name": "total", "kind": "line", **BOX},
            ],
        }
    )
    truth = tmp_path / "truth.csv"
    truth.write_text("file,id\npage.png,1742\n")
    with pytest.raises(ValueError, match="no column 'total'"):
        pile_of_pages([], form, truth=truth)


def test_a_form_without_free_fields_is_refused():
    with pytest.raises(ValueError, match="no field of free writing"):
        pile_of_pages([], Form.from_combs({"id": 4}))


def test_an_entry_of_the_roster_settles_a_field():
    form = with_roster(None, ["0451", "1998"])
    pile = FieldPile.of_images([PAPER], form=form)
    weighed = pile.weigh({0: {"1993": 0.5, "1998": 0.4}})[0]
    assert weighed.text == "1998"
    assert not weighed.is_broken


def test_what_breaks_a_rule_is_told():
    form = Form(fields=(Field(name="value", kind="line", maximum=50),))
    pile = FieldPile.of_images([PAPER, PAPER], form=form)
    weighed = pile.weigh({0: {"71": 0.999}, 1: {"17": 0.9, "71": 0.1}})
    assert weighed[0].is_broken
    assert not weighed[1].is_broken
    assert weighed[1].text == "17"


def test_a_sum_settles_the_fields_of_a_page():
    names = ("a", "b", "total")
    form = Form(
        fields=tuple(Field(name=name, kind="line") for name in names),
        sums=(Sum(total="total", parts=("a", "b")),),
    )
    page = PiledPage(
        "p", {"a": 0, "b": 1}, {"total": FieldReading("30", "accepted", 1)}
    )
    pile = FieldPile([PAPER, PAPER], [None, None], [page], form)
    weighed = pile.weigh({0: {"10": 0.98}, 1: {"26": 0.5, "20": 0.45}})
    assert weighed[1].text == "20"


def test_habits_prefer_what_is_usual_and_keep_the_sum():
    habits = StringHabits(["1500", "22000", "900"] * 20, [1.0] * 60)
    weighed = habits.weigh({"1506": 0.5, "1500": 0.4})
    assert list(weighed) == ["1500", "1506"]
    assert sum(weighed.values()) == pytest.approx(0.9)


def test_habits_of_strings_of_every_kind_change_little():
    rng = np.random.default_rng(0)
    texts = ["".join(map(str, rng.integers(10, size=5))) for _ in range(400)]
    weighed = StringHabits(texts, [1.0] * 400).weigh({"10482": 0.6, "10462": 0.4})
    assert abs(weighed["10482"] - 0.6) < 0.15
