"""Forms with boxes to tick, by the command line: tables, pictures, drafts, reviews."""

import csv
import json

import cv2
import numpy as np
import pytest

from pipelines.cli.commands import main
from pipelines.drawing import draw_blank_form, draw_pen, draw_scanner, scan_page
from pipelines.drawing.marks import fill_mark
from pipelines.runs.records import from_record, to_record
from pipelines.scans.read import read_pages

BOXES = {"yes": (1701, 488, 33, 33), "no": (1701, 630, 33, 33)}
LEFT = (1701, 1181, 33, 33)
DAYS = {"all days": (2000, 160, 40, 40), "some": (2100, 160, 40, 40)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A form with a choice and a mark, and three scans of it."""
    folder = tmp_path_factory.mktemp("marks")
    (folder / "scans").mkdir()
    page, _ = draw_blank_form()
    cv2.imwrite(str(folder / "blank.png"), page)
    options = [{"value": value, "box": box} for value, box in BOXES.items()]
    fields = [
        {"name": "extra", "kind": "choice", "options": options},
        {"name": "left", "kind": "mark", "box": LEFT},
    ]
    content = {"version": 1, "blank": "blank.png", "fields": fields}
    (folder / "form.json").write_text(json.dumps(content))
    for number, boxes in enumerate(([BOXES["no"], LEFT], [], list(BOXES.values()))):
        filled = page.copy()
        for box in boxes:
            fill_mark(filled, box, "cross", draw_pen(4), random_state=number)
        scanned = scan_page(filled, draw_scanner(number), random_state=number)
        cv2.imwrite(str(folder / "scans" / f"{number}.png"), scanned)
    return folder


@pytest.fixture(scope="module")
def read(folder):
    words = ["score", str(folder / "scans"), "--form", str(folder / "form.json")]
    tables = [str(folder / name) for name in ("r.csv", "r.jsonl", "r.long.csv")]
    words += [word for table in tables for word in ("-o", table)]
    assert main([*words, "--overlay", str(folder / "pictures")]) == 0
    return folder


def _rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_what_is_ticked_is_text_in_the_table(read):
    rows = _rows(read / "r.csv")
    assert [(row["extra"], row["extra.status"]) for row in rows] == [
        ("no", "accepted"),
        ("", "blank"),
        ("yes+no", "invalid"),
    ]
    assert [row["left"] for row in rows] == ["1", "", ""]
    assert "one may be" in rows[2]["error"]


def test_other_tables_say_the_same(read):
    long = {
        (row["document"][-5], row["field"]): row for row in _rows(read / "r.long.csv")
    }
    assert long["0", "extra"]["value"] == "no"
    pages = [json.loads(line) for line in (read / "r.jsonl").read_text().splitlines()]
    marks = pages[0]["fields"]["extra"]["marks"]
    assert [(mark["value"], mark["state"]) for mark in marks] == [
        ("yes", "empty"),
        ("no", "ticked"),
    ]
    assert sum(marks[0]["likely"].values()) == pytest.approx(1, abs=1e-3)


def test_a_picture_frames_the_box_that_is_ticked(read):
    picture = cv2.imread(str(read / "pictures" / "0-p1.png"))
    [page] = read_pages(read / "scans" / "0.png")
    assert picture.shape[:2] == page.shape
    green = (picture == (60, 135, 0)).all(axis=2)
    assert green.sum() > 200


def test_a_result_is_the_same_when_it_was_kept(read):
    from pipelines import Form, FormReader, PageResult

    [page] = read_pages(read / "scans" / "0.png")
    reading = FormReader(Form.from_file(read / "form.json")).read(page)
    record = to_record(PageResult("0.png", 1, reading))
    again = from_record(json.loads(json.dumps(record)))
    marks = again.reading.fields["extra"].marks
    assert [mark.state for mark in marks] == ["empty", "ticked"]
    assert to_record(again) == record


def test_a_draft_has_the_boxes_to_tick(folder, capsys):
    assert main(["form", str(folder / "blank.png"), "-o", str(folder / "d.json")]) == 0
    assert "To be ticked: 4." in capsys.readouterr().out
    fields = json.loads((folder / "d.json").read_text())["fields"]
    marks = [field["box"] for field in fields if field["kind"] == "mark"]
    assert [box[1] for box in marks] == [488, 630, 1181, 1323]


def test_what_a_person_ticks_is_applied_and_what_cannot_be_is_refused(read, capsys):
    batch = json.loads((read / "r.run" / "run.json").read_text())["id"]
    document = _rows(read / "r.csv")[2]["document"]
    head = "batch,document,page,field,read,value,verdict,sampled,settles,who,when"
    for value in ("no", "maybe"):
        row = (batch, document, "1", "extra", "yes+no", value, "corrected", "", "", "a")
        said = read / f"{value}.csv"
        said.write_text(f"{head}\n{','.join(row)},2026-11-28T04:05:06Z\n")
        words = ["apply", str(read / "r.csv"), str(said)]
        code = main([*words, "-o", str(read / f"{value}.applied.csv")])
        assert (code == 0) == (value == "no"), capsys.readouterr().err
    assert "none of its options, which are yes, no" in capsys.readouterr().err
    corrected = _rows(read / "no.applied.csv")[2]
    assert (corrected["extra"], corrected["extra.status"]) == ("no", "accepted")


def test_the_page_of_a_review_knows_the_options(read):
    page = read / "review.html"
    assert main(["review", str(read / "r.csv"), "-o", str(page)]) == 0
    assert '"options":["yes","no"]' in page.read_text("utf-8").replace(
        '", "', '","'
    ).replace('": [', '":[')


@pytest.fixture(scope="module")
def pile(folder, tmp_path_factory):
    """A mixed pile, read: a form of two pages, and one that is like the second."""
    pile = tmp_path_factory.mktemp("pile")
    for name in ("forms", "scans"):
        (pile / name).mkdir()
    blank = cv2.imread(str(folder / "blank.png"), cv2.IMREAD_GRAYSCALE)
    pages = {"blank": blank, "letter": _print_letter(), "other": _print_letter(9)}
    ticked = {"blank": BOXES["yes"], "letter": DAYS["some"], "other": DAYS["all days"]}
    for number, (name, page) in enumerate(pages.items()):
        cv2.imwrite(str(pile / "forms" / f"{name}.png"), page)
        fill_mark(page, ticked[name], "hook", draw_pen(2), random_state=number)
        scanned = scan_page(page, draw_scanner(number), random_state=number)
        cv2.imwrite(str(pile / "scans" / f"{number}.png"), scanned)
    options = [{"value": value, "box": box} for value, box in DAYS.items()]
    days = [{"name": "days", "kind": "choice", "options": options}]
    sheet = json.loads((folder / "form.json").read_text())["fields"]
    fronts = [{"blank": "blank.png", "fields": sheet}]
    backs = [{"blank": "letter.png", "fields": days}]
    two = {"version": 1, "pages": fronts + backs}
    one = {"version": 1, "blank": "other.png", "fields": days}
    for name, form in {"two": two, "one": one}.items():
        (pile / "forms" / f"{name}.json").write_text(json.dumps(form))
    words = ["score", str(pile / "scans"), "--form", str(pile / "forms")]
    for name in ("r.csv", "r.long.csv"):
        words += ["-o", str(pile / name)]
    assert main([*words, "--overlay", str(pile / "pictures")]) == 0
    return pile


@pytest.mark.slow  # three pages by three forms
def test_ticks_are_read_in_mixed_piles_and_in_forms_of_several_pages(pile):
    [two], [one] = _rows(pile / "r.two.csv"), _rows(pile / "r.one.csv")
    assert (two["extra"], two["left.status"], two["days"]) == ("yes", "blank", "some")
    assert one["days"] == "all days"
    assert len(list((pile / "pictures").iterdir())) == 3


@pytest.mark.slow  # of the same pile
def test_the_long_table_of_a_pile_has_its_ticks(pile):
    rows = [(row["field"], row["value"]) for row in _rows(pile / "r.long.csv")]
    assert rows[:2] == [("extra", "yes"), ("left", "")]
    assert rows[2:] == [("days", "some"), ("days", "all days")]


def _print_letter(seed=1):
    """Print a page of text with two boxes to tick."""
    page = np.full((2339, 1654), 255, np.uint8)
    words = ["which", "days", "of", "your", "leave", "do", "you", "want", "to", "take"]
    rng = np.random.default_rng(seed)
    for line in range(9):
        text = " ".join(rng.permutation(words)[:8])
        at = (150, 250 + 70 * line + 100 * seed)
        cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 30, 2, cv2.LINE_AA)
    for top, left, height, width in DAYS.values():
        cv2.rectangle(page, (left, top), (left + width, top + height), 30, 2)
    return page
