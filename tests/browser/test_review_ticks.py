"""The page of a review where boxes are ticked: keys tick options."""

import cv2
import numpy as np
import pytest

from pipelines import Field, Form, PageReading, PageResult
from pipelines.outcomes import settle
from pipelines.review.corrections import read_corrections
from pipelines.review.page import Subject, make_review
from pipelines.review.pictures import PageRequest, Photographer
from pipelines.review.queue import make_queue
from pipelines.scoring.table import Summary

ROW = (10, 10, 30, 200)
FORM = Form(
    blank="blank.png",
    fields=[
        Field(name="days", kind="choice", box=ROW, options=["mo", "tu"], several=True),
        Field(name="extra", kind="choice", box=ROW, options=["yes", "no"]),
        Field(name="left", kind="mark", box=(10, 10, 30, 30)),
    ],
)
READ = {"days": ("mo", 0.3), "extra": ("yes+no", 0.4), "left": ("", 0.5)}


@pytest.fixture
def page(profile, tmp_path):
    readings = {name: settle(*value, 0.9) for name, value in READ.items()}
    results = [PageResult("a.png", 1, PageReading(readings))]
    queue = make_queue(results, FORM, n_sampled=0, seed="")
    scan = tmp_path / "a.png"
    cv2.imwrite(str(scan), np.full((200, 300), 245, np.uint8))
    answers = [Photographer(200)(PageRequest(scan, 0, [None] * 3, side=300))]
    subject = Subject("ticks", "b" * 64, FORM, Summary(), curve=[])
    path = tmp_path / "review.html"
    path.write_text(make_review(queue, answers, subject), encoding="utf-8")
    with profile(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.goto(path.as_uri())
        page.keyboard.press("f")
        yield page


def test_keys_tick_options_and_take_ticks_back(page, tmp_path):
    for key in ("2", "Enter", "2", "Enter", "1", "Enter"):
        page.keyboard.press(key)
    with page.expect_download() as saved:
        page.keyboard.press("Control+s")
    saved.value.save_as(tmp_path / "said.csv")
    said = {row.field: row.value for row in read_corrections(tmp_path / "said.csv")}
    assert said == {"days": "mo+tu", "extra": "no", "left": "1"}


def test_what_is_no_option_is_not_confirmed(page):
    choices = page.locator("#fields .candidates button")
    assert choices.all_text_contents() == ["mo", "tu", "nothing written"]
    page.locator("#value").fill("we")
    page.keyboard.press("Enter")
    assert page.locator("#fields .warning").text_content() == "There is no option we."
    assert page.locator("#fields .faint").first.text_content() == "3 of 3 left"
