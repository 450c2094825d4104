"""Tasks for Label Studio: places, names, pictures; and what comes back from it."""

import base64
import json
import math
import os
import xml.etree.ElementTree as ET
from dataclasses import replace

import cv2
import numpy as np
import PIL.Image
import pytest

import pipelines.readers
from pipelines import PageReading, PageResult, read_corrections
from pipelines.cli import main
from pipelines.forms.label_studio import enclose
from pipelines.outcomes import FieldReading, Reason, ReasonKind, settle
from pipelines.review.corrections import document_key
from pipelines.review.label_studio import TaskSource, make_configuration, make_task
from pipelines.review.pictures import PagePictures
from pipelines.review.queue import make_queue

SIZE = (200, 100)
NAMES = ["a.png", "=1+2.png", "b,'\"<&.png", "#\u202ec.png", os.fsdecode(b"\xe9.png")]
WHEN = "2026-11-28T04:05:06.728378Z"
QUAD = np.array([[20, 10], [120, 10], [120, 40], [20, 40.0]])


def corners(place, size):
    """Give the corners that Label Studio draws: a turn of pixels, clockwise."""
    shares = [place[name] for name in ("x", "y", "width", "height")]
    x, y, wide, tall = np.multiply(shares, [*size, *size]) / 100
    angle = math.radians(place["rotation"])
    along = np.array([math.cos(angle), math.sin(angle)])
    aside = np.array([-math.sin(angle), math.cos(angle)])
    first = np.array([x, y])
    second, last = first + wide * along, first + tall * aside
    return np.array([first, second, last + wide * along, last])


def turned(quad, angle, about):
    matrix = cv2.getRotationMatrix2D(about, -angle, 1)
    return quad @ matrix[:, :2].T + matrix[:, 2]


@pytest.mark.parametrize("angle", [0, 2.5, -0.4, 90, 180, 181, 270, 45])
def test_a_rectangle_has_the_corners_of_the_field_however_the_page_lies(angle):
    size = (400, 600)
    quad = turned(QUAD + 130, angle, (200, 300))
    place = enclose(quad, size)
    assert 0 <= place["rotation"] < 360
    np.testing.assert_allclose(corners(place, size), quad, atol=0.001)


def test_of_a_field_in_perspective_it_has_the_middle_and_the_mean_sides():
    quad = QUAD + np.array([[0, 2], [0, -2], [2, 2], [0, -2]])
    found = corners(enclose(quad, SIZE), SIZE)
    np.testing.assert_allclose(found.mean(axis=0), quad.mean(axis=0), atol=0.01)
    assert np.abs(found - quad).max() < 3


def test_what_lies_off_the_page_is_cut_off():
    place = enclose(QUAD - [40, 20], SIZE)
    assert place == {"x": 0, "y": 0, "width": 40, "height": 20, "rotation": 0}
    assert enclose(QUAD + 500, SIZE)["x"] == 100


def test_no_share_is_above_a_hundred_where_a_field_runs_along_a_narrow_page():
    quad = np.array([[60, 10], [60, 390], [30, 390], [30, 10.0]])
    place = enclose(quad, (100, 400))
    assert max(place["width"], place["height"]) <= 100
    found = {tuple(each) for each in corners(place, (100, 400)).round(2).tolist()}
    assert found == {tuple(each) for each in quad.tolist()}


def test_an_image_of_a_single_field_is_all_of_it():
    whole = [[0, 0], [200, 0], [200, 100], [0, 100]]
    np.testing.assert_array_equal(corners(enclose(None, SIZE), SIZE), whole)


def a_task(fields, unit="page", document="a.png"):
    result = PageResult(document, 1, PageReading(fields))
    items = make_queue([result], None, n_sampled=0, seed="").items
    picture = PagePictures([], b"webp", SIZE, (100, 50))
    return make_task(result, items, picture, TaskSource("4f", "1.0", unit))


def located(value, confidence):
    return replace(settle(value, confidence, 0.9), quad=QUAD)


def check_structure(task, names):
    """Check what Label Studio demands of a task and of its predictions."""
    root = ET.fromstring(make_configuration(names))
    tags = {each.get("name"): each for each in root.iter() if each.get("name")}
    labels = {each.get("value") for each in root.iter("Label")}
    assert task["data"][tags["image"].get("value").removeprefix("$")]
    [prediction] = task["predictions"]
    assert 0 <= prediction["score"] <= 1
    for region in prediction["result"]:
        tag = tags[region["from_name"]]
        assert region["type"] == tag.tag.lower()
        assert region["to_name"] == tag.get("toName") == tags["image"].get("name")
        assert (region["image_rotation"], 0 <= region["score"] <= 1) == (0, True)
        assert region["original_width"] > 0 < region["original_height"]
        value = region["value"]
        shares = [value[name] for name in ("x", "y", "width", "height")]
        assert all(0 <= share <= 100 for share in shares)
        assert 0 <= value["rotation"] < 360
        assert set(value.get("rectanglelabels", [])) <= labels
        assert all(isinstance(text, str) for text in value.get("text", []))


def test_a_task_has_a_rectangle_and_a_text_of_one_id_for_each_field():
    fields = {"one": located("047", 0.6), "two": located("1", 0.95)}
    fields["three"] = located("12", 0.4)
    task = a_task(fields)
    check_structure(task, fields)
    [prediction] = task["predictions"]
    assert prediction["score"] == 0.4
    assert prediction["model_version"] == "lenet-sklearn 1.0"
    shapes, texts = prediction["result"][::2], prediction["result"][1::2]
    assert [one["value"]["rectanglelabels"] for one in shapes] == [["one"], ["three"]]
    assert [one["value"]["text"] for one in texts] == [["047"], ["12"]]
    assert [one["score"] for one in texts] == [0.6, 0.4]
    ids = [one["id"] for one in shapes]
    assert ids == [one["id"] for one in texts]
    assert len(set(ids)) == 2
    size = shapes[0]["original_width"], shapes[0]["original_height"]
    assert size == (100, 50)
    np.testing.assert_allclose(corners(shapes[0]["value"], size), QUAD / 2)
    assert task["data"]["read"] == {"one": "047", "two": "1", "three": "12"}


def test_a_field_without_a_place_has_no_region_but_for_an_image_of_a_field():
    reason = Reason(ReasonKind.NOT_FOUND, "no comb of 9 boxes")
    lost = FieldReading("", "unlocated", 0.0, reason=reason)
    task = a_task({"one": lost, "two": located("1", 0.5)})
    check_structure(task, ["one", "two"])
    assert len(task["predictions"][0]["result"]) == 2
    task = a_task({"value": settle("1", 0.5, 0.9)}, unit="field")
    check_structure(task, ["value"])
    assert task["predictions"][0]["result"][0]["value"]["width"] == 100


def test_a_field_in_which_nothing_was_read_has_a_region_and_no_text():
    [region] = a_task({"one": located("", 0.5)})["predictions"][0]["result"]
    assert region["type"] == "rectanglelabels"


def test_regions_of_all_pages_have_ids_of_their_own():
    tasks = [a_task({"one": located("1", 0.5)}, document=name) for name in NAMES]
    ids = {task["predictions"][0]["result"][0]["id"] for task in tasks}
    assert len(ids) == len(NAMES)
    assert all(one.isalnum() for one in ids)


def test_names_of_fields_are_escaped():
    names = ["größe", "a b", "x-1", "<&\"'>"]
    labels = ET.fromstring(make_configuration(names)).iter("Label")
    assert [each.get("value") for each in labels] == names


class Fixed:
    """Reads the same on every page."""

    def read(self, page):
        fields = {"one": located("042", 0.5), "two": located("100", 0.99)}
        return PageReading(fields | {"three": located("1_2", 0.2)})


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of some pages, r.csv."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipelines.readers, "make_form_reader", lambda *_, **__: Fixed())
    os.mkdir("in")
    for name in NAMES:
        PIL.Image.fromarray(np.full(SIZE[::-1], 255, np.uint8)).save(f"in/{name}")
    combs = ["--comb", "one=3", "--comb", "two=3", "--comb", "three=3"]
    assert main(["score", "in", *combs, "--jobs", "1", "-o", "r.csv"]) == 0


def load(name="tasks.json"):
    with open(name, encoding="utf-8") as file:
        return json.load(file)


def test_pages_of_any_name_are_in_their_tasks_as_pictures(run, capsys):
    assert main(["review", "r.csv", "-o", "tasks.json"]) == 0
    assert "To review: 10 fields on 5 pages" in capsys.readouterr().out
    tasks = load()
    keys = {document_key(f"in/{name}") for name in NAMES}
    assert {task["data"]["document"] for task in tasks} == keys
    with open("tasks.xml", encoding="utf-8") as file:
        assert file.read() == make_configuration(["one", "two", "three"]) + "\n"
    for task in tasks:
        check_structure(task, ["one", "two", "three"])
        kind, content = task["data"]["image"].split(",")
        assert kind == "data:image/webp;base64"
        picture = np.frombuffer(base64.b64decode(content), np.uint8)
        assert cv2.imdecode(picture, cv2.IMREAD_GRAYSCALE).shape == SIZE[::-1]


def test_a_page_without_a_picture_has_no_task_and_is_warned_of(run, capsys):
    os.unlink("in/a.png")
    assert main(["review", "r.csv", "-o", "tasks.json"]) == 0
    assert "no tasks of 1 of 5 pages, such as in/a.png" in capsys.readouterr().err
    assert len(load()) == 4
    for name in NAMES[1:]:
        os.unlink(f"in/{name}")
    assert main(["review", "r.csv", "-o", "tasks.json", "--force"]) == 0
    assert load() == []


def test_shares_of_the_pages_make_up_all_tasks(run):
    for n in (1, 2):
        assert main(["review", "r.csv", "-o", f"{n}.json", "--shard", f"{n}/2"]) == 0
    parts = [task["data"]["document"] for n in (1, 2) for task in load(f"{n}.json")]
    assert sorted(parts) == sorted(document_key(f"in/{name}") for name in NAMES)


@pytest.mark.parametrize(
    "words", [["--sample", "0"], ["--truth", "r.csv"], ["--differing", "r.csv"]]
)
def test_options_that_label_studio_has_nothing_like_are_refused(run, capsys, words):
    assert main(["review", "r.csv", "-o", "tasks.json", *words]) == 2
    assert f"{words[0]} is for the page of a review" in capsys.readouterr().err
    assert not os.path.exists("tasks.json")


@pytest.mark.parametrize("name", ["review.pdf", "review", "r.png", "tasks.xml"])
def test_a_name_that_says_not_what_to_write_is_refused(run, capsys, name):
    assert main(["review", "r.csv", "-o", name]) == 2
    assert "Let it end in .html for a page, or in .json" in capsys.readouterr().err


def test_neither_tasks_nor_their_configuration_are_written_over(run, capsys):
    with open("tasks.xml", "w", encoding="utf-8") as file:
        file.write("mine")
    assert main(["review", "r.csv", "-o", "tasks.json"]) == 2
    assert "tasks.xml exists" in capsys.readouterr().err
    assert not os.path.exists("tasks.json")


def annotate(tasks, *changes, name="export.json", **work):
    """Export tasks with what was read as annotations, after some changes of them."""
    for task in tasks:
        result = task.pop("predictions")[0]["result"]
        whole = {"completed_by": {"id": 3, "email": "anna@x.org"}, "updated_at": WHEN}
        task["annotations"] = [{"id": 1, "result": result, **whole, **work}]
        for change in changes:
            change(result)
    with open(name, "w", encoding="utf-8") as file:
        json.dump(tasks, file)
    return name


def type_in(value, name="one"):
    """Make a change that types a value for a field."""

    def change(result):
        key = find(result, name)["id"]
        [text] = [
            each for each in result if each["id"] == key and "text" in each["value"]
        ]
        text["value"]["text"] = [value]

    return change


def choose(choice, name="one"):
    """Make a change that chooses something for a field."""

    def change(result):
        key = find(result, name)["id"]
        more = {"from_name": "legible", "to_name": "image", "type": "choices"}
        result.append({"id": key, **more, "value": {"choices": [choice]}})

    return change


def find(result, name):
    return next(r for r in result if r["value"].get("rectanglelabels") == [name])


def said(path):
    found = read_corrections(path)
    return {(one.field, one.read, one.value, one.verdict) for one in found}


def a_page():
    return a_task({"one": located("042", 0.5), "three": located("1_2", 0.5)})


def test_a_region_that_is_left_as_it_was_is_confirmed_if_it_is_a_number(tmp_path):
    path = annotate([a_page()], name=tmp_path / "e.json")
    [one] = read_corrections(path)
    assert (one.field, one.value, one.verdict) == ("one", "042", "confirmed")
    assert (one.batch, one.document, one.page) == ("4f", "a.png", 1)
    assert (one.who, one.when, one.sampled) == ("anna@x.org", WHEN, False)
    assert one.place == str(path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (type_in(" 047 "), {("one", "042", "047", "corrected")}),
        (type_in(""), set()),
        (choose("unreadable"), {("one", "042", "", "unreadable")}),
        (choose("nothing written"), {("one", "042", "", "corrected")}),
        (list.clear, set()),
        (
            type_in("12", "three"),
            {("one", "042", "042", "confirmed"), ("three", "1_2", "12", "corrected")},
        ),
    ],
)
def test_what_people_change_is_what_they_say(tmp_path, change, expected):
    assert said(annotate([a_page()], change, name=tmp_path / "e.json")) == expected


def test_a_field_that_was_not_found_may_be_drawn(tmp_path):
    reason = Reason(ReasonKind.NOT_FOUND, "no comb")
    lost = FieldReading("", "unlocated", 0.0, reason=reason)
    task = a_task({"one": located("042", 0.5), "two": lost})

    def draw(result):
        shape, text = (json.loads(json.dumps(each)) for each in result)
        shape["value"]["rectanglelabels"], text["value"]["text"] = ["two"], ["7"]
        result += [{**shape, "id": "new"}, {**text, "id": "new"}]

    found = said(annotate([task], draw, name=tmp_path / "e.json"))
    assert ("two", "", "7", "corrected") in found


def test_a_page_that_was_skipped_says_nothing(tmp_path):
    path = annotate([a_page()], name=tmp_path / "e.json", was_cancelled=True)
    assert read_corrections(path) == []


def test_a_person_is_known_by_number_where_there_is_no_address(tmp_path):
    path = annotate([a_page()], name=tmp_path / "e.json", completed_by=3)
    assert [one.who for one in read_corrections(path)] == ["3"]


@pytest.mark.parametrize(
    ("change", "work", "message"),
    [
        (type_in("4 7"), {}, "task 1: the value is '4 7'. Values are digits only"),
        (lambda r: r.append(r[0]), {}, "field 'one' has two regions"),
        (lambda r: r[0]["value"].pop("rectanglelabels"), {}, "a region has no label"),
        (list, {"updated_at": "2026-11-28T04:05:06"}, "task 1: when is '2026"),
        (list, {"updated_at": None}, "task 1: when is ''"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, change, work, message):
    path = annotate([a_page()], change, name=tmp_path / "e.json", **work)
    with pytest.raises(ValueError, match=message):
        read_corrections(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "is no list of tasks"),
        ("[", "is not JSON"),
        (
            '[{"image": "a"}]',
            "task 1 is no task of lenet review .* JSON-MIN",
        ),
        ('[{"data": {"image": "a"}, "annotations": []}]', r"data\.batch"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "e.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_corrections(path)


def test_an_export_is_applied_like_a_file_of_corrections(run, capsys):
    assert main(["review", "r.csv", "-o", "tasks.json"]) == 0
    annotate(load(), type_in("047"))
    assert main(["apply", "r.csv", "export.json", "-o", "c.csv"]) == 0
    assert "reviewed: 5 fields: 5 corrected" in capsys.readouterr().out
    drawn = annotate(load(), type_in("049"), name="ben.json", completed_by="ben")
    words = ["apply", "r.csv", "export.json", drawn, "-o", "d.csv"]
    assert main(words) == 5
    assert "5 differing" in capsys.readouterr().out
