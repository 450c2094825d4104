"""The editor of forms in a browser: what is drawn there reads as the demo's form."""

import json
import re

import numpy as np
import pydantic
import pytest

from pipelines.drawing import draw_filled_forms
from pipelines.forms.editing import write_editor
from pipelines.forms.form import Form
from pipelines.readers import make_form_reader
from pipelines.scans.read import open_scan
from pipelines.web.page import make_page

WINDOW = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's forms, with pages to edit its blank and its rules in."""
    folder = tmp_path_factory.mktemp("demo")
    forms = draw_filled_forms(folder, n_pages=1, random_state=0)
    write_editor(forms.blank, folder / "drafted.html")
    write_editor(folder / "rules.json", folder / "rules.html")
    return forms


@pytest.fixture
def folder(demo):
    return demo.form.parent


@pytest.fixture
def editor(profile, folder):
    """Open the page of a form with rules, and return it."""
    with profile(viewport=WINDOW) as context:
        yield open_page(context, folder / "rules.html")


def open_page(context, path):
    page = context.new_page()
    page.goto(path.as_uri())
    return page


def save(page, path):
    """Save the form, and return what is in the file."""
    with page.expect_download() as saving:
        page.keyboard.press("Control+s")
    saving.value.save_as(path)
    return json.loads(path.read_text("utf-8"))


def take(page, content):
    """Open the file of a form in the page."""
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Open...").click()
    text = content if isinstance(content, str) else json.dumps(content)
    file = {"name": "f.json", "mimeType": "application/json", "buffer": text.encode()}
    choosing.value.set_files(file)
    page.get_by_text("f.json is open").wait_for()


def names(page):
    return page.locator("[role=option] .name").all_inner_texts()


def mistakes(page):
    return page.locator(".mistake").all_inner_texts()


def choose(page, name):
    page.locator("[role=option]").filter(has_text=name).first.click()


def at(page, x, y):
    """Return where a place of the demo's blank is in the window."""
    sheet = page.locator(".sheet").bounding_box()
    scale = sheet["width"] / 1654
    return sheet["x"] + scale * x, sheet["y"] + scale * y


def draw(page, box, off=0):
    """Draw a box on the page with the mouse; each side is off by as many pixels."""
    top, left, height, width = box
    x, y = at(page, left - off, top - off)
    right, bottom = at(page, left + width + off, top + height + off)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 9, y + 9)
    page.mouse.move(right, bottom)
    page.mouse.up()


def delete_all(page):
    page.locator("[role=option]").first.focus()
    while names(page):
        page.keyboard.press("Delete")


def draw_form(page, form):
    """Draw all fields of a form with the mouse, a little beside them, and name them."""
    for field in form.fields:
        draw(page, field.box, off=4)
        page.keyboard.press("r")
        page.keyboard.type(field.name)
        page.keyboard.press("Enter")


def read_pages(form, scans):
    reader = make_form_reader(form)
    for path in scans:
        with open_scan(path) as scan:
            reading = reader.read(scan.read(0))
        yield {name: (f.value, f.status) for name, f in reading.fields.items()}


def test_a_form_drawn_from_nothing_reads_what_the_demos_own_does(profile, demo, folder):
    own = Form.from_file(demo.form)
    with profile(viewport=WINDOW | {"height": 1300}) as context:
        page = open_page(context, folder / "drafted.html")
        delete_all(page)
        draw_form(page, own)
        assert mistakes(page) == []
        save(page, folder / "drawn.json")
    drawn = Form.from_file(folder / "drawn.json")
    for field, other in zip(drawn.fields, own.fields, strict=True):
        assert (field.name, field.kind, field.digits) == (
            other.name,
            "comb",
            other.digits,
        )
        assert field.box == pytest.approx(other.box, abs=2)
    read = [list(read_pages(form, demo.scans)) for form in (drawn, own)]
    assert read[0] == read[1]
    assert any(status == "accepted" for _, status in read[0][0].values())


def test_a_comb_that_was_not_found_is_read_off_the_picture(profile, demo, folder):
    html = (folder / "drafted.html").read_text("utf-8")
    [text] = re.findall(r'id="data">(.*?)</script>', html)
    data = json.loads(text) | {"printed": [], "id": "no print"}
    data["form"] = json.dumps({"version": 1, "blank": "blank.png", "fields": []})
    (folder / "unprinted.html").write_text(make_page("editor", "form.json", data))
    own = Form.from_file(demo.form)
    with profile(viewport=WINDOW | {"height": 1300}) as context:
        page = open_page(context, folder / "unprinted.html")
        for field in own.fields:
            draw(page, field.box, off=5)
        drawn = save(page, folder / "unprinted.json")["fields"]
    assert [field["digits"] for field in drawn] == [
        field.digits for field in own.fields
    ]
    for field, other in zip(drawn, own.fields, strict=True):
        assert field["box"] == pytest.approx(other.box, abs=2)


def test_a_field_is_moved_and_resized_with_the_mouse(editor, folder):
    choose(editor, "total")
    top, left, height, width = 1532, 980, 71, 165

    def drag(x, y, right, down):
        editor.mouse.move(*at(editor, x, y))
        editor.mouse.down()
        editor.mouse.move(*at(editor, x + 20, y + 20))
        editor.mouse.move(*at(editor, x + right, y + down))
        editor.mouse.up()

    drag(left + 40, top + 35, 30, -50)
    drag(left + 30 + width, top - 50 + height, 20, 10)  # its lower right corner
    [*_, total] = save(editor, folder / "moved.json")["fields"]
    wanted = [top - 50, left + 30, height + 10, width + 20]
    assert total["box"] == pytest.approx(wanted, abs=3)


def test_a_click_moves_nothing_and_escape_takes_a_drag_back(editor, folder):
    before = save(editor, folder / "before.json")
    draw(editor, [200, 200, 5, 300])  # a slip of the hand, and no field
    choose(editor, "total")
    box = editor.locator(".chosen .area").bounding_box()
    middle = (box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    editor.mouse.click(*middle)
    editor.mouse.move(*middle)
    editor.mouse.down()
    editor.mouse.move(300, 300, steps=3)
    editor.keyboard.press("Escape")
    editor.mouse.up()
    assert save(editor, folder / "after.json") == before


def test_fields_are_edited_by_keys_alone(editor, folder):
    editor.locator("[role=option]").first.focus()
    editor.keyboard.press("ArrowDown")
    editor.keyboard.press("Enter")
    for keys in ("ArrowLeft", "Shift+ArrowDown", "Alt+ArrowRight", "Alt+Shift+ArrowUp"):
        editor.keyboard.press(keys)
    editor.keyboard.press("d")
    editor.keyboard.press("n")
    editor.keyboard.type("5")  # asked for, since no comb is printed there
    editor.keyboard.press("Enter")
    editor.keyboard.press("Escape")
    editor.keyboard.press("End")
    editor.keyboard.press("r")
    editor.keyboard.type("new one")
    fields = save(editor, folder / "keys.json")["fields"]
    assert [field["name"] for field in fields[1:3]] == ["points_1", "points_6"]
    assert fields[1]["box"] == [1070, 1034, 61, 111]
    assert fields[2]["box"][1:] == [1034, 61, 111]
    assert fields[2]["maximum"] == 12
    assert (fields[-1]["name"], fields[-1]["digits"]) == ("new one", 5)


def test_tab_leads_through_all_and_out_again(editor):
    focused = "document.activeElement.closest('header, aside, .stage')?.className"
    places = []
    for _ in range(60):
        editor.keyboard.press("Tab")
        places.append(editor.evaluate(focused))
    assert None in places[5:]
    assert "stage" in places


def test_letters_are_letters_where_somebody_types(editor):
    before = names(editor)
    editor.get_by_label("Name").fill("")
    editor.get_by_label("Name").press_sequentially("n d+")
    editor.keyboard.press("Delete")
    editor.keyboard.press("ArrowLeft")
    assert len(names(editor)) == len(before)
    assert editor.get_by_label("Name").input_value() == "n d+"
    assert "must be letters" in editor.locator(".row .bad").first.inner_text()


def test_what_was_renamed_and_deleted_is_undone(editor, folder):
    before = save(editor, folder / "first.json")
    choose(editor, "points_1")
    editor.keyboard.press("r")
    editor.keyboard.type("first")
    editor.keyboard.press("Enter")
    assert save(editor, folder / "renamed.json")["sums"][0]["parts"][0] == "first"
    editor.keyboard.press("Delete")
    assert "first" not in names(editor)
    for _ in range(2):
        editor.keyboard.press("Control+z")
    assert save(editor, folder / "undone.json") == before
    editor.keyboard.press("Control+Shift+Z")
    assert "first" in names(editor)


def test_steps_of_one_move_are_undone_at_once(editor, folder):
    before = save(editor, folder / "first.json")
    choose(editor, "total")
    editor.keyboard.press("Enter")
    for _ in range(5):
        editor.keyboard.press("ArrowUp")
    editor.keyboard.press("Control+z")
    assert save(editor, folder / "undone.json") == before


def test_what_was_not_saved_is_there_when_the_page_opens_again(profile, folder):
    with profile(viewport=WINDOW) as context:
        page = open_page(context, folder / "rules.html")
        choose(page, "points_2")
        page.keyboard.press("Delete")
        page.close()
        page = open_page(context, folder / "rules.html")
        assert "points_2" not in names(page)
        page.get_by_text("as you left them").wait_for()
        assert len(names(open_page(context, folder / "drafted.html"))) == 21
        page.get_by_role("button", name="Begin anew").click()
        page.get_by_role("dialog").get_by_role("button", name="Begin anew").click()
        page.locator("[role=option]", has_text="points_2").wait_for()
        page.reload()
        assert "points_2" in names(page)


def test_a_form_with_mistakes_is_not_saved_and_says_which(editor):
    choose(editor, "points_1")
    editor.get_by_label("Name").fill("total")
    editor.keyboard.press("Enter")
    choose(editor, "points_2")
    editor.get_by_label("Minimum").fill("19")
    editor.keyboard.press("Enter")
    assert mistakes(editor) == [
        "points_2: maximum: is less than the minimum",
        "total: name: there are two of this name",
        "no field is named 'points_1'",
    ]
    editor.keyboard.press("Control+s")
    editor.get_by_text("Not saved: a form with mistakes").wait_for()
    assert editor.evaluate("document.activeElement.textContent") == "3 mistakes"
    editor.locator(".mistake").nth(1).click()
    assert editor.evaluate("document.activeElement.value") == "total"


def test_what_is_doubtful_is_said_and_saved(editor, folder):
    choose(editor, "points_1")
    editor.get_by_label("Boxes").fill("3")
    editor.keyboard.press("Enter")
    editor.keyboard.press("d")
    for _ in range(3):
        editor.keyboard.press("Shift+ArrowUp")
    doubts = editor.locator(".doubt").all_inner_texts()
    assert "points_1: digits: is 3, and 2 boxes are printed there" in doubts
    assert any("overlaps that of 'points_1'" in doubt for doubt in doubts)
    assert mistakes(editor) == []
    save(editor, folder / "doubtful.json")
    assert Form.from_file(folder / "doubtful.json").fields[1].digits == 3


def test_rules_are_set_and_taken_away(editor, folder):
    choose(editor, "student_number")
    editor.get_by_text("Rules", exact=True).click()
    for label, text in (
        ("Digits written", "8"),
        ("Most digits", "9"),
        ("Mask", "20#######"),
        ("Minimum", "200000000"),
        ("Choices", "200000008 200000017"),
    ):
        editor.get_by_label(label, exact=True).fill(text)
        editor.get_by_label(label, exact=True).blur()
    editor.get_by_label("Check digit").select_option("luhn")
    rules = {
        "length": [8, 9],
        "mask": "20#######",
        "minimum": 200000000,
        "choices": ["200000008", "200000016"],
        "check_digit": "luhn",
    }
    assert "200000017" in mistakes(editor)[0]
    editor.get_by_label("Check digit").select_option("weights of your own")
    editor.get_by_label("Weights").fill("3 1")
    editor.get_by_label("Choices").fill("")
    editor.get_by_label("Choices").blur()
    field = save(editor, folder / "ruled.json")["fields"][0]
    wanted = {k: v for k, v in rules.items() if k != "choices"}
    wanted["check_digit"] = {"weights": [3, 1], "modulus": 10}
    assert {key: field.get(key) for key in wanted} == wanted
    assert "choices" not in field
    editor.get_by_label("Check digit").select_option("none")
    for label in ("Digits written", "Most digits", "Mask", "Minimum"):
        editor.get_by_label(label, exact=True).fill("")
        editor.get_by_label(label, exact=True).blur()
    field = save(editor, folder / "ruled.json")["fields"][0]
    assert field.keys() == {"name", "kind", "digits", "box"}


def test_sums_are_made_of_fields(editor, folder):
    editor.get_by_role("button", name="Remove sum 1").click()
    choose(editor, "total")
    editor.get_by_role("button", name="Add a sum").click()
    assert mistakes(editor) == ["the sum 'total' has no parts"]
    for part in ("points_5", "points_1"):
        editor.get_by_role("checkbox", name=part).check()
    saved = save(editor, folder / "summed.json")
    assert saved["sums"] == [{"total": "total", "parts": ["points_5", "points_1"]}]


def test_a_field_that_is_looked_for_gets_a_place_and_loses_it(editor, folder):
    choose(editor, "total")
    editor.get_by_role("button", name="Look for it on each page").click()
    assert "box" not in save(editor, folder / "sought.json")["fields"][-1]
    editor.get_by_role("button", name="Give it a place").click()
    save(editor, folder / "placed.json")
    assert Form.from_file(folder / "placed.json").fields[-1].box


def test_a_line_has_no_boxes(editor, folder):
    choose(editor, "total")
    editor.get_by_label("Kind").select_option("line")
    assert not editor.get_by_label("Boxes").is_visible()
    assert "digits" not in save(editor, folder / "line.json")["fields"][-1]
    editor.get_by_label("Kind").select_option("comb")
    assert editor.get_by_label("Boxes").input_value() == "3"  # as printed


def test_what_the_editor_does_not_know_is_kept(editor, folder):
    text = (
        '{"version": 1, "blank": "blank.png", "hint": {"b": [1.50, 1e400, "\\u0000"]},'
        ' "fields": [{"name": "a", "digits": 2, "minimum": 12345678901234567890,'
        ' "maximum": 12345678901234567899, "kind": "line", "colour": "red"},'
        ' {"name": "b", "digits": 2, "choices": {"file": "ids.csv", "column": "id"}}]}'
    )
    take(editor, text.replace('"digits": 2, "minimum"', '"minimum"'))
    choose(editor, "b")
    assert "ids.csv" in editor.locator(".column").inner_text()
    editor.get_by_label("Name").fill("c")
    editor.keyboard.press("Enter")
    save(editor, folder / "kept.json")
    saved = (folder / "kept.json").read_text("utf-8")
    for part in (
        '"hint": {"b": [1.50, 1e400, "\\u0000"]}',
        '"minimum": 12345678901234567890, "maximum": 12345678901234567899',
        '"colour": "red"',
        '"choices": {"file": "ids.csv", "column": "id"}',
        '{"name": "c", "digits": 2,',
    ):
        assert part in saved
    assert any("colour" in each for each in editor.locator(".doubt").all_inner_texts())


def test_a_file_that_is_no_form_is_not_opened(editor):
    before = names(editor)
    with editor.expect_file_chooser() as choosing:
        editor.get_by_role("button", name="Open...").click()
    file = {
        "name": "x.json",
        "mimeType": "application/json",
        "buffer": b'{"fields": [1]}',
    }
    choosing.value.set_files(file)
    editor.get_by_text("x.json is no form").wait_for()
    assert names(editor) == before


def test_a_form_without_a_blank_is_one_of_the_page_shown(editor, folder):
    take(editor, {"fields": [{"name": "a", "digits": 2, "box": [9, 9, 40, 90]}]})
    assert save(editor, folder / "opened.json")["blank"] == "blank.png"
    assert Form.from_file(folder / "opened.json").fields[0].name == "a"


def test_the_page_is_seen_larger_and_smaller(editor):
    shown = editor.locator(".zoom")
    fit = shown.inner_text()
    editor.locator(".scroller").focus()
    for _ in range(9):
        editor.keyboard.press("+")
    assert shown.inner_text() == "400 %"
    for _ in range(9):
        editor.keyboard.press("-")
    assert shown.inner_text() == fit
    editor.get_by_role("button", name="+", exact=True).click()
    assert shown.inner_text() == "50 %"
    editor.keyboard.press("Escape")
    editor.get_by_role("button", name="Fit width").click()
    assert shown.inner_text() == fit


@pytest.mark.parametrize(
    "scheme", ["dark", pytest.param("light", marks=pytest.mark.slow)]
)
def test_nothing_bars_anybody(profile, folder, find_barriers, scheme):
    with profile(viewport=WINDOW, color_scheme=scheme) as context:
        page = open_page(context, folder / "rules.html")
        take(page, hostile())
        choose(page, "points_1")
        page.get_by_text("Rules", exact=True).click()
        page.get_by_label("Minimum").fill("x")
        page.keyboard.press("Enter")
        if scheme == "dark":
            page.keyboard.press("Escape")
            page.keyboard.press("?")
            page.get_by_role("dialog").wait_for()
        assert find_barriers(page) == []


def test_a_small_window_has_room_for_all(profile, folder):
    with profile(viewport={"width": 400, "height": 640}) as context:
        page = open_page(context, folder / "rules.html")
        take(page, hostile())
        assert page.evaluate("document.documentElement.scrollWidth") == 400


HOSTILE = [
    "<script>alert(1)</script>",
    "a\u202eb\u0000",
    "x" * 300,
    "<img src=x onerror=a>",
]


def hostile():
    """Make a form whose names are not for browsers."""
    fields = [{"name": name, "digits": 2, "box": [9, 9, 40, 90]} for name in HOSTILE]
    fields.append({"name": "points_1", "digits": 2, "<b>": "<i>"})
    sums = [{"total": HOSTILE[0], "parts": HOSTILE[1:]}]
    return {"blank": "</script>", "fields": fields, "sums": sums}


def test_hostile_names_are_text(profile, folder):
    html = (folder / "rules.html").read_text("utf-8")
    [text] = re.findall(r'id="data">(.*?)</script>', html)
    name = f"{HOSTILE[0]}{HOSTILE[1]}{HOSTILE[2]}.json"
    data = json.loads(text) | {"form": json.dumps(hostile()), "name": name, "id": "x"}
    (folder / "hostile.html").write_text(make_page("editor", name, data), "utf-8")
    with profile(viewport=WINDOW) as context:
        page = open_page(context, folder / "hostile.html")
        assert names(page)[0] == HOSTILE[0]
        assert "\\u202e" in names(page)[1]
        assert page.locator("h1").inner_text().startswith(HOSTILE[0])
        assert page.locator("script").count() == 2
        assert page.locator("aside img, aside b").count() == 0


NAMES = ["document", "a.", " a", "a-b c_9", "größe 2", "a\n", 3, "a,b", "", "_", "-a"]

PLACED = [
    {"value": "a", "box": [9, 9, 20, 20]},
    {"value": "b", "box": [9, 49, 20, 20]},
]

FIELDS = [
    {},
    {"kind": "line"},
    {"kind": "tick"},
    {"kind": None},
    {"digits": None},
    {"digits": 0},
    {"digits": 101},
    {"digits": 2.5},
    {"digits": "x"},
    {"box": [0, 0, 10, 3]},
    {"box": [0, 0, 10, 4]},
    {"box": [0, 0, 0, 9]},
    {"box": [-1, 0, 5, 9]},
    {"box": [1, 2, 3]},
    {"box": [2300, 0, 39, 9]},
    {"box": [2300, 0, 40, 9]},
    {"box": [0, 1650, 9, 4]},
    {"box": [0, 1650, 9, 5]},
    {"box": "x"},
    {"length": 0},
    {"length": 5},
    {"length": 4},
    {"length": [3, 2]},
    {"length": [2, 3]},
    {"length": [1, 2, 3]},
    {"length": [2, 9]},
    {"mask": ""},
    {"mask": "2#x"},
    {"mask": "20##"},
    {"mask": "20#"},
    {"mask": "2##", "length": 3},
    {"mask": "2##", "length": [3, 4]},
    {"mask": "2##", "kind": "line", "digits": None},
    {"minimum": 12.5},
    {"minimum": -5},
    {"minimum": 10000},
    {"minimum": 9999},
    {"minimum": 5, "maximum": 4},
    {"minimum": 5, "maximum": 5},
    {"maximum": -1},
    {"maximum": "x"},
    {"minimum": 10**30, "maximum": 10**30 - 1, "kind": "line", "digits": None},
    {"mask": "1###", "minimum": 2000},
    {"mask": "1###", "minimum": 1999},
    {"mask": "1###", "maximum": 999},
    {"mask": "0###", "maximum": 0},
    {"choices": []},
    {"choices": ["12", "x"]},
    {"choices": [12]},
    {"choices": ["0012"]},
    {"choices": ["00123"]},
    {"choices": ["12"], "mask": "2#"},
    {"choices": ["12", "22"], "minimum": 13},
    {"choices": ["18"], "check_digit": "luhn"},
    {"choices": ["19"], "check_digit": "luhn"},
    {"choices": ["3101"], "date": "DDMM"},
    {"choices": ["3104"], "date": "DDMM"},
    {"check_digit": "isbn"},
    {"check_digit": {"weights": [], "modulus": 10}},
    {"check_digit": {"weights": [3, 1], "modulus": 12}},
    {"check_digit": {"weights": [3, 1], "modulus": 10, "x": 1}},
    {"check_digit": {"weights": [-3, 10**20], "modulus": 11}},
    {"check_digit": {"weights": [2], "modulus": 10}, "mask": "12"},
    {"check_digit": {"weights": [2], "modulus": 10}, "mask": "18"},
    *(
        {"check_digit": scheme, "mask": mask}
        for scheme in ("luhn", "mod11", "mod11,10", "mod97-10", "verhoeff", "damm")
        for mask in ("123#", "12#4", "1234", "2363", "5724", "0794", "1###")
    ),
    {"check_digit": "mod97-10", "mask": "12##", "maximum": 1270},
    {"check_digit": "luhn", "length": 1, "minimum": 1},
    {"date": "DMY"},
    {"date": "DDMM"},
    {"date": "DDMMYY"},
    {"date": "MMYYYY", "digits": 6},
    {"date": "YYMM", "mask": "##13"},
    {"date": "YYMM", "mask": "##12"},
    {"date": "DDMM", "mask": "3002"},
    {"date": "DDMM", "mask": "2902"},
    {"date": "DDMM", "mask": "2902", "earliest": "2021-01-01", "latest": "2023-12-31"},
    {"date": "DDMM", "check_digit": "damm", "mask": "01##"},
    {"date": "DDMM", "earliest": "2021-02-30"},
    {"date": "DDMM", "earliest": "2021-02-28", "latest": "2021-02-27"},
    {"date": "DDMM", "latest": "1899-01-01"},
    {"date": "DDMM", "length": 3},
    {"earliest": "2021-02-28"},
    {"latest": "x"},
    {"kind": "mark"},
    {"kind": "mark", "digits": None},
    {"kind": "mark", "digits": None, "box": None},
    {"kind": "mark", "digits": None, "filled": "corrected"},
    {"kind": "mark", "digits": None, "filled": "full"},
    {"kind": "mark", "digits": None, "options": ["a", "b"]},
    {"kind": "mark", "digits": None, "several": True},
    {"filled": "ticked"},
    {"several": True},
    {"options": ["a", "b"]},
    *(
        {"kind": "choice", "digits": None, "box": [9, 9, 20, 90]} | said
        for said in (
            {},
            {"options": ["a"]},
            {"options": ["a", "b"]},
            {"options": ["a", "b"], "several": True, "filled": "ticked"},
            {"options": ["a", "b"], "several": "x"},
            {"options": ["a", "a"]},
            {"options": ["a", "=b"]},
            {"options": ["7", "8 9"]},
            {"options": ["no", "not-at all", "\u00e4"]},
            {"options": ["a_", "b"]},
            {"options": ["a", "b", "c", "d", "e"]},
            {"options": ["a", "b"], "mask": "##"},
            {"options": ["a", {"value": "b", "box": [9, 9, 20, 20]}]},
            {"options": "ab"},
            {"options": ["a", "b"], "box": None},
            {"options": PLACED},
            {"options": PLACED, "box": None},
            {"options": PLACED, "box": [9, 9, 20, 60]},
        )
    ),
]


def test_options_are_named_and_keep_their_places(editor, tmp_path):
    places = [[1701, 488, 33, 33], [1701, 630, 33, 33]]
    options = [{"value": "1", "box": place} for place in places]
    field = {"name": "extra", "kind": "choice", "options": options}
    take(editor, {"blank": "blank.png", "fields": [field]})
    choose(editor, "extra")
    assert not editor.get_by_text("Rules", exact=True).is_visible()
    assert editor.get_by_text("It is where its options are").is_visible()
    entry = editor.get_by_label("Options")
    entry.fill("yes\nyes")
    assert editor.get_by_text("there are two of the value 'yes'").is_visible()
    entry.fill("yes\nno")
    entry.blur()
    editor.get_by_label("Ticked is").select_option("several")
    editor.get_by_label("Filled is").select_option("a tick was taken back")
    [saved] = save(editor, tmp_path / "f.json")["fields"]
    assert [(o["value"], o["box"]) for o in saved["options"]] == [
        ("yes", places[0]),
        ("no", places[1]),
    ]
    assert (saved["several"], saved["filled"]) == (True, "corrected")


SUMS = [
    [{"total": "a", "parts": ["b"]}],
    [{"total": "a", "parts": []}],
    [{"total": "a", "parts": ["a", "b"]}],
    [{"total": "x", "parts": ["b"]}],
    [{"total": "a", "parts": ["b", "x"]}],
    [{"total": "a"}],
    [{"total": 1, "parts": ["b"]}],
    [{"total": "a", "parts": ["b", 1]}],
    [{"total": "a", "parts": "b"}],
    [1],
    3,
    None,
    [],
]


def list_forms():
    """List forms, of which each is right or has one mistake."""
    base = {"name": "a", "digits": 4}
    forms = [{"fields": [base | {"name": name}]} for name in NAMES]
    forms += [{"fields": [base, base | {"name": "b"}], "sums": sums} for sums in SUMS]
    forms += [{"fields": [base, base]}, {"fields": []}, {"fields": [{"digits": 4}]}]
    forms += [{"fields": [base], "version": version} for version in (1, 0, "1")]
    return [{"blank": "blank.png", **form} for form in forms]


def is_form(content, shape):
    """Return whether a form can be read from a file that holds this."""
    try:
        form = Form.model_validate(content)
    except pydantic.ValidationError:
        return False
    boxes = [field.box for field in form.fields if field.box]
    return all(t + h <= shape[0] and x + w <= shape[1] for t, x, h, w in boxes)


@pytest.fixture
def shape(demo):
    with open_scan(demo.blank) as scan:
        return np.shape(scan.read(0))


def test_it_refuses_forms_that_cannot_be_read_and_no_others(editor, shape):
    for content in list_forms():
        take(editor, content)
        assert (mistakes(editor) == []) == is_form(content, shape), content
        editor.get_by_role("status").evaluate("status => status.replaceChildren()")


def test_it_refuses_fields_that_cannot_be_read_and_no_others(editor, shape):
    fields = [
        {"name": f"case {n}", "digits": 4, **field} for n, field in enumerate(FIELDS)
    ]
    take(editor, {"blank": "blank.png", "fields": fields})
    found = {each.split(":")[0]: each for each in mistakes(editor)}
    n_right = 0
    for field in fields:
        is_right = is_form({"blank": "blank.png", "fields": [field]}, shape)
        n_right += is_right
        assert (field["name"] not in found) == is_right, (field, found)
    assert 30 < n_right < len(fields) - 30
