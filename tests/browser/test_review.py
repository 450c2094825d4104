"""The page of a review, used as people use it."""

import json
from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest

from lenet_sklearn.metrics import error_interval
from lenet_sklearn.strings.boxes import BoxPosteriors
from lenet_sklearn.strings.decoding import Hypothesis
from pipelines import Field, FieldReading, Form, PageReading, PageResult, Sum
from pipelines.outcomes import Reason, ReasonKind, settle
from pipelines.review.corrections import read_corrections
from pipelines.review.page import Subject, make_review
from pipelines.review.pictures import PageRequest, Photographer, Place
from pipelines.review.queue import make_queue
from pipelines.scoring.table import Summary

DIGITS = tuple("0123456789")
BOX = 40  # pixels

HOSTILE = "<script>alert(1)</script>\"'&\u202egnp." + 300 * "x" + ".png"

FORM = Form(
    fields=[
        Field(name="id", digits=4),
        Field(name="a", digits=2),
        Field(name="b", digits=2),
        Field(name="total", digits=2),
    ],
    sums=[Sum(total="total", parts=["a", "b"])],
)


def read_as(value, n_boxes, confidence, row, threshold=0.9):
    """Make the reading of a comb, the first digit of which is the least certain."""
    likely = np.full((n_boxes, 11), 1e-6)
    for box, mark in enumerate(value.ljust(n_boxes)):
        likely[box, 10 if mark in " _" else int(mark)] = 0.999
    likely[0] *= confidence
    top = 50 + 80 * row
    quad = np.array([[50, top], [50 + n_boxes * BOX, top]], np.float64)
    quad = np.vstack([quad, np.add(quad[::-1], (0, BOX))])
    reading = settle(value, confidence, threshold)
    other = str((int(value[0]) + 1) % 10) + value[1:] if value else "1"
    return FieldReading(
        value,
        reading.status,
        confidence,
        quad,
        reading.reason,
        candidates=(Hypothesis(value, confidence), Hypothesis(other, 1 - confidence)),
        boxes=BoxPosteriors(likely, DIGITS),
    )


def write_scan(path, written):
    """Draw the boxes of a page with what is written in them."""
    page = np.full((400, 400), 245, np.uint8)
    for row, (text, n_boxes) in enumerate(written):
        for box in range(n_boxes):
            left, top = 50 + box * BOX, 50 + 80 * row
            cv2.rectangle(page, (left, top), (left + BOX, top + BOX), 90, 1)
            if box < len(text):
                place = (left + 10, top + 32)
                cv2.putText(page, text[box], place, cv2.FONT_HERSHEY_SIMPLEX, 1, 20, 2)
    cv2.imwrite(str(path), page)


# What is written on each page, and the value and confidence that was read.
PAGES = {
    "first.png": {
        "id": ("1234", "1234", 0.99),
        "a": ("12", "12", 0.95),
        "b": ("3", "8", 0.55),
        "total": ("15", "15", 0.7),
    },
    "second.png": {
        "id": ("7171", "1171", 0.6),
        "a": ("5", "5", 0.97),
        "b": ("6", "6", 0.96),
        "total": ("11", "11", 0.99),
    },
    HOSTILE: {
        "id": ("9081", "9081", 0.4),
        "a": ("7", "7", 0.5),
        "b": ("", "", 0.3),
        "total": ("7", "", None),
    },
}


@pytest.fixture(scope="session")
def review(tmp_path_factory):
    """A page of review of three scans, one of which has a harmful name."""
    folder = tmp_path_factory.mktemp("review")
    results = []
    for document, fields in PAGES.items():
        rows = enumerate(zip(FORM.fields, fields.values(), strict=True))
        readings = {
            field.name: unlocated()
            if confidence is None
            else read_as(value, field.digits, confidence, row)
            for row, (field, (_, value, confidence)) in rows
        }
        results.append(PageResult(document, 1, PageReading(readings), n_pages=2))
    summary = Summary()
    for result in results:
        summary.add(result)
    queue = make_queue(results, FORM, n_sampled=100, seed="")
    answers = [photograph(folder, n, result, queue) for n, result in named(queue)]
    curve = [(0.5, 0.0), (1.0, 0.25)]
    subject = Subject("exams <b>", "b" * 64, FORM, summary, curve=curve)
    path = folder / "review.html"
    path.write_text(make_review(queue, answers, subject), encoding="utf-8")
    return path


def unlocated():
    reason = Reason(ReasonKind.NOT_FOUND, "no comb of 2 boxes")
    return FieldReading("", "unlocated", 0.0, reason=reason)


def named(queue):
    return enumerate(queue.pages)


def photograph(folder, number, result, queue):
    scan = folder / f"{number}.png"
    fields = PAGES[result.document]
    boxes = [field.digits for field in FORM.fields]
    written = [text for text, _, _ in fields.values()]
    write_scan(scan, list(zip(written, boxes, strict=True)))
    items = [item for item in queue.items if item.page == number]
    places = [
        None if i.reading.quad is None else Place(i.reading.quad, len(i.glyphs))
        for i in items
    ]
    return Photographer(200)(PageRequest(scan, 0, places, side=700))


@pytest.fixture
def page(profile, review):
    with profile(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.goto(review.as_uri())
        yield page


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def go_on(page):
    """Confirm a field as it is shown, or as blank where that has to be said."""
    press(page, *("-" * (page.locator("#value").get_attribute("placeholder") == "")))
    press(page, "Enter")


def save(page, folder):
    """Save corrections, and read them as `lenet apply` does."""
    with page.expect_download() as saved:
        page.keyboard.press("Control+s")
    path = folder / saved.value.suggested_filename
    saved.value.save_as(path)
    return read_corrections(path)


def state_of(page):
    return page.evaluate("() => JSON.parse(Object.values(localStorage)[0] ?? 'null')")


def data_of(page):
    return page.evaluate("() => JSON.parse(document.querySelector('#data').text)")


def confirm_sheets(page, wrong):
    """Go through all sheets; `wrong` has what digits really are, by item and glyph."""
    for sheet in data_of(page)["sheets"]:
        at = 0
        for n, (item, glyph) in enumerate(sheet["cells"]):
            if (item, glyph) in wrong:
                press(page, *["ArrowRight"] * (n - at), wrong[item, glyph])
                at = min(n + 1, len(sheet["cells"]) - 1)
        press(page, "Enter")


def find_item(page, document, name):
    data = data_of(page)
    return next(
        n
        for n, item in enumerate(data["items"])
        if (data["pages"][item["page"]]["document"], item["name"]) == (document, name)
    )


def test_digits_fields_and_corrections(page, tmp_path):
    wrong = {
        (find_item(page, "second.png", "id"), 0): "7",
        (find_item(page, "first.png", "b"), 0): "3",
    }
    confirm_sheets(page, wrong)
    # What digits alone do not tell is left: a blank that may not be, and a field that
    # was not found, with its page.
    assert page.locator("#fields .faint").first.text_content() == ("2 of 12 left")
    assert page.locator("#fields .scan img").is_visible()
    press(page, "7", "Enter")
    assert page.locator("#fields .crop img").is_visible()
    press(page, "-", "Enter")
    assert page.locator("#summary .counts").text_content() == (
        "12 fields to review: 9 confirmed, 3 corrected, 0 unreadable, 0 left."
    )
    rows = {(row.document, row.field): row for row in save(page, tmp_path)}
    assert len(rows) == 12
    for (document, name), row in rows.items():
        known = next(d for d in PAGES if d[:9] == document[:9])
        written, read, _ = PAGES[known][name]
        assert (row.value, row.read) == (written, read)
        assert row.verdict == ("confirmed" if written == read else "corrected")
        assert row.page == 1
        assert row.batch == "b" * 64
    sampled = {key for key, row in rows.items() if row.sampled}
    assert sampled == {
        (document, name)
        for document, fields in PAGES.items()
        for name, (_, value, confidence) in fields.items()
        if value and confidence >= 0.9
    }


def test_a_digit_is_left_to_the_fields(page):
    item = find_item(page, "second.png", "id")
    confirm_sheets(page, {(item, 0): " "})
    left = [item, *[n for n, i in enumerate(data_of(page)["items"]) if not i["whole"]]]
    assert (
        page.locator("#fields .faint").first.text_content() == f"{len(left)} of 12 left"
    )


def test_fields_are_undone(page):
    press(page, "f")
    first = page.locator("#fields .subject").inner_html()
    press(page, "4", "2", "Enter")
    assert page.locator("#fields .subject").inner_html() != first
    [decision] = state_of(page)["fields"].values()
    assert (decision["value"], decision["verdict"]) == ("42", "corrected")
    press(page, "b")
    assert page.locator("#fields .subject").inner_html() == first
    assert list(state_of(page)["fields"].values()) == [None]
    # What is typed is taken back first, then what was decided.
    press(page, "-", "Backspace", "7", "Enter", "Backspace")
    assert page.locator("#fields .subject").inner_html() == first


def test_sheets_are_undone(page):
    title = page.locator("#carpet h2").text_content()
    press(page, "5", "Enter")
    assert page.locator("#carpet h2").text_content() != title
    press(page, "b")
    assert page.locator("#carpet h2").text_content() == title
    assert state_of(page)["sheets"] == {}
    assert page.locator(".cell.corrected").count() == 1


def shown_in_fields(page):
    names = page.locator("#fields .subject bdi").all_text_contents()
    return names[1], names[0]


def go_to_digit(page, item, glyph):
    """Go to a digit in the sheets, of which the first is shown."""
    for sheet in data_of(page)["sheets"]:
        if [item, glyph] in sheet["cells"]:
            press(page, *["ArrowRight"] * sheet["cells"].index([item, glyph]))
            return
        press(page, "PageDown")


def decide_one_of_digits(page):
    """Say 42 in the fields, up to the first that digits alone would settle."""
    press(page, "f")
    for _ in range(12):
        press(page, "4", "2", "Enter")
        at = state_of(page)["done"][-1]["at"]
        if data_of(page)["items"][at]["whole"]:
            return at
    raise AssertionError("no field has digits")


def test_a_digit_that_is_corrected_later_has_its_field_seen_again(page, tmp_path):
    at = decide_one_of_digits(page)
    item = data_of(page)["items"][at]
    assert state_of(page)["fields"][str(at)]["value"] == "42"
    press(page, "d")
    go_to_digit(page, at, 0)
    press(page, "5" if item["glyphs"][0] != "5" else "6")
    press(page, *["PageUp"] * 12)
    confirm_sheets(page, {})
    document = data_of(page)["pages"][item["page"]]["document"]
    said = {(row.document, row.field) for row in save(page, tmp_path)}
    assert (document, item["name"]) not in said
    # It comes with the digit as it was corrected.
    shown = page.locator("#value").get_attribute("placeholder")
    assert shown_in_fields(page)[0].startswith(document[:9])
    assert shown_in_fields(page)[1] == item["name"]
    assert shown[0] in "56"
    assert shown[1:] == item["value"][1:]


def test_a_field_that_is_undone_is_seen_again_whatever_its_digits_say(page):
    at = decide_one_of_digits(page)
    press(page, "d")
    confirm_sheets(page, {})
    press(page, "f", "b")
    assert shown_in_fields(page)[1] == data_of(page)["items"][at]["name"]
    assert state_of(page)["fields"][str(at)] is None
    press(page, "4", "2", "Enter")
    assert state_of(page)["fields"][str(at)]["value"] == "42"


def test_a_key_that_is_held_down_decides_once(page):
    press(page, "f", "4", "2", "Enter", "4")
    for _ in range(4):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    assert len(state_of(page)["fields"]) == 2
    press(page, "d")
    for _ in range(4):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    assert len(state_of(page)["sheets"]) == 1


def test_keys_are_what_they_are_in_capitals(page):
    press(page, "Shift+F", "4", "2", "Enter", "Shift+B")
    assert page.locator("#fields").is_visible()
    assert page.locator("#value").input_value() == ""
    assert list(state_of(page)["fields"].values()) == [None]


def test_that_nothing_is_written_has_to_be_said(page):
    confirm_sheets(page, {})
    before = shown_in_fields(page)
    press(page, "Enter")
    assert shown_in_fields(page) == before
    warning = page.locator("#fields .warning").text_content()
    assert warning == "Type what is written, or - if nothing is."
    press(page, "-", "Enter")
    assert shown_in_fields(page) != before


def test_a_field_fits_into_a_narrow_window(profile, review):
    with profile(viewport={"width": 420, "height": 700}) as context:
        page = context.new_page()
        page.goto(review.as_uri())
        for key in ("d", "f", "p", "s"):
            press(page, key)
            wide = page.evaluate("() => document.documentElement.scrollWidth")
            assert wide <= 420


def test_candidates_are_chosen(page):
    press(page, "f")
    for _ in range(12):
        if page.locator('#fields .candidates [aria-pressed="true"]').is_visible():
            break
        go_on(page)
    second = page.locator("#fields .candidates li").nth(1).text_content()
    press(page, "ArrowDown")
    assert page.locator("#value").input_value() == second
    press(page, "9")  # replaces what was chosen
    assert page.locator("#value").input_value() == "9"


def test_sums_are_shown_with_what_is_typed(page):
    item = find_item(page, "first.png", "b")
    press(page, "f")
    for _ in range(12):
        if page.locator("#fields .subject").text_content().startswith("b in first.png"):
            break
        go_on(page)
    sums = page.locator("#fields .sum")
    assert "the parts make 20" in sums.text_content()
    press(page, "3")
    assert "adds up" in sums.text_content()
    assert data_of(page)["items"][item]["value"] == "8"
    # What is no number adds up to nothing.
    page.locator("#value").fill("3x")
    assert sums.locator(".verdict").text_content() == ""


def test_too_many_digits_are_doubted_and_no_digits_refused(page):
    press(page, "f")
    page.keyboard.type("123456789")
    assert "digits in" in page.locator("#fields .warning").text_content()
    page.locator("#value").fill("12x")
    press(page, "Enter")
    assert state_of(page) is None or state_of(page)["fields"] == {}


def test_a_closed_tab_loses_nothing(profile, review, tmp_path):
    with profile() as context:
        page = context.new_page()
        page.goto(review.as_uri())
        press(page, "s")
        page.locator("#who").fill('=Anna, "A"')
        press(page, "Tab", "Tab")
        press(page, "f", "4", "2", "Enter")
        page.close()
        page = context.new_page()
        page.goto(review.as_uri())
        [row] = save(page, tmp_path)
        assert (row.value, row.who.lstrip("'")) == ("42", '=Anna, "A"')
        press(page, "s")
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save state").click()
        saved.value.save_as(tmp_path / "state.json")
    with profile() as context:
        page = context.new_page()
        page.goto(review.as_uri())
        press(page, "s")
        load_state(page, tmp_path / "state.json")
        page.locator(".progress").get_by_text("1 of 12").wait_for()
        assert [r.value for r in save(page, tmp_path)] == ["42"]
        state = json.loads((tmp_path / "state.json").read_text())
        for change, message in (
            ({"review": "other"}, "another page of review"),
            ({"done": [None]}, "no state of a review"),
            ({"fields": {"0": 5}}, "no state of a review"),
        ):
            (tmp_path / "other.json").write_text(json.dumps({**state, **change}))
            load_state(page, tmp_path / "other.json")
            page.locator(".notice").get_by_text(message).wait_for()


def load_state(page, path):
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Load state").click()
    chooser.value.set_files(path)


@pytest.mark.parametrize("answer", ["accept", "dismiss"])
def test_a_state_replaces_what_was_decided_only_if_that_is_wanted(
    page, tmp_path, answer
):
    press(page, "f", "4", "2", "Enter", "s")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save state").click()
    saved.value.save_as(tmp_path / "state.json")
    press(page, "f", "4", "3", "Enter", "s")
    page.once("dialog", lambda dialog: getattr(dialog, answer)())
    load_state(page, tmp_path / "state.json")
    n_decided = 1 if answer == "accept" else 2
    page.locator(".progress").get_by_text(f"{n_decided} of 12").wait_for()
    assert len(state_of(page)["fields"]) == n_decided


def test_harmful_names_are_text(page):
    assert page.title() == "Review of exams <b>"
    assert page.locator("script").count() == 2
    press(page, "f")
    for _ in range(12):
        if "alert(1)" in page.locator("#fields .subject").text_content():
            break
        go_on(page)
    name = page.locator("#fields .subject bdi").nth(1)
    assert name.text_content().startswith("<script>alert(1)</script>\"'&\\u202egnp.xxx")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 1280


@pytest.mark.parametrize(
    "scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)]
)
def test_nothing_bars_anybody(profile, review, find_barriers, scheme):
    with profile(color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(review.as_uri())
        for key in ("d", "f", "p", "s", "?"):
            press(page, key)
            assert find_barriers(page) == []


def test_keys_reach_every_button(page):
    press(page, "f")
    wanted = Counter(page.locator("button:visible").all_text_contents())
    reached = Counter()
    for _ in range(2 * wanted.total()):
        press(page, "Tab")
        focused = page.evaluate(
            "() => [document.activeElement.tagName,"
            " document.activeElement.textContent,"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        if focused[0] == "BUTTON" and focused[1] not in reached:
            reached[focused[1]] += 1
            assert focused[2] != "none"
    assert reached.keys() == wanted.keys()


def test_intervals_are_those_of_clopper_and_pearson(profile, review):
    from pipelines.web.page import join_scripts

    # The function alone, since no name leaves a page.
    source = join_scripts("review").split("})();")[0].replace("(() => {", "", 1)
    body = source[source.index("function errorInterval") :]
    body = body[: body.index("/**\n * Write a share")]
    with profile() as context:
        page = context.new_page()
        page.goto("about:blank")
        for wrong, seen in ((0, 100), (1, 100), (7, 20), (20, 20), (3, 1000)):
            found = page.evaluate(
                f"() => {{ {body}; return errorInterval({wrong}, {seen}) }}"
            )
            assert found == pytest.approx(error_interval(wrong, seen), abs=1e-5)


def test_rows_of_a_grid_keep_their_empty_boxes(profile, tmp_path):
    form = Form(fields=[Field(name="row", digits=4, gaps=True)])
    reading = read_as("1_3_", 4, 0.5, 0)
    reading = replace(reading, status="rejected", reason=None)
    result = PageResult("first.png", 1, PageReading({"row": reading}))
    queue = make_queue([result], form, n_sampled=0, seed="")
    write_scan(tmp_path / "first.png", [("1", 4)])
    place = [Place(reading.quad, 4)]
    pictures = Photographer(200)(PageRequest(tmp_path / "first.png", 0, place))
    subject = Subject("grid", "b" * 64, form, Summary())
    path = tmp_path / "review.html"
    path.write_text(make_review(queue, [pictures], subject), encoding="utf-8")
    with profile() as context:
        page = context.new_page()
        page.goto(path.as_uri())
        press(page, "7", *["Enter"] * len(data_of(page)["sheets"]))
        [row] = save(page, tmp_path)
        assert (row.value, row.verdict) == ("7_3_", "corrected")
        press(page, "d", "b", "f", *"7_34", "Enter")
        [row] = save(page, tmp_path)
        assert row.value == "7_34"
