"""The command line: what it prints, what it writes, and its exit status."""

import csv
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import PIL.Image
import pypdfium2
import pytest

import pipelines.readers
from lenet_sklearn.models.files import shipped_recognizers
from lenet_sklearn.recipes import RECIPES
from pipelines.cli.commands import main
from pipelines.cli.options import NetworkName, RecipeName, group_options
from pipelines.drawing import (
    draw_blank_form,
    draw_comb,
    draw_writer,
    fill_comb,
    make_form,
)
from pipelines.outcomes import FieldReading, PageReading
from pipelines.scoring.overlay import COLOURS
from pipelines.training.strings import SEGMENTS

ROOT = Path(__file__).resolve().parents[2]


class StubReader:
    """Reads the mean grey of any page as the field `rin`."""

    def read(self, page):
        quad = np.array([[1, 1], [8, 1], [8, 5], [1, 5.0]])
        value = f"{round(page.mean()):03d}"
        return PageReading({"rin": FieldReading(value, "accepted", 0.875, quad)})


@pytest.fixture
def reads_grey(monkeypatch):
    """Have the commands read with a stub: what is tested is all around it."""

    def make(form, **options):
        return StubReader()

    monkeypatch.setattr(pipelines.readers, "make_form_reader", make)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save_page(path, grey=7):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.new("L", (40, 30), grey).save(path)


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def score(*words):
    return main(["score", *words, "--comb", "rin=9", "-o", "results.csv"])


def contents(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def misuse(capsys):
    """Return the one line on stderr, and see that there is nothing else."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_score_writes_one_row_for_each_page(folder, reads_grey, capsys):
    save_page(folder / "scans" / "p10.png", 200)
    save_page(folder / "scans" / "p9.png", 7)
    assert score("scans") == 0
    assert (folder / "results.csv").read_text() == (
        "document,page,status,error,rin,rin.status,rin.confidence\n"
        "scans/p9.png,1,ok,,007,accepted,0.8750\n"
        "scans/p10.png,1,ok,,200,accepted,0.8750\n"
    )
    out, err = capsys.readouterr()
    assert out == (
        "2 pages: 2 ok\n2 fields: 2 accepted\nTable: results.csv\nRun: results.run\n"
    )
    assert err == ""  # no progress bar in a pipe


def test_the_rows_of_a_grid_have_columns_of_their_own(folder):
    page = np.full((500, 500), 255, np.uint8)
    for n, text in enumerate(["405 6", "27318", "83975"]):
        field = draw_comb(text, random_state=5)
        place = page[60 + 64 * n :, 40:][: field.shape[0], : field.shape[1]]
        np.minimum(place, field, out=place)
    PIL.Image.fromarray(page).save(folder / "page.png")
    assert main(["score", "page.png", "--grid", "marks=3x5", "-o", "results.csv"]) == 0
    [row] = rows(folder / "results.csv")
    assert [row[f"marks_{n}"] for n in (1, 2, 3)] == ["405_6", "27318", "83975"]


def test_score_in_two_processes_gives_the_same_table(folder, reads_grey):
    for value in range(5):
        save_page(folder / f"p{value}.png", value)
    assert score("p*.png") == 0
    alone = (folder / "results.csv").read_bytes()
    assert score("p*.png", "--jobs", "2", "--force") == 0
    assert (folder / "results.csv").read_bytes() == alone


def test_score_leaves_its_own_pictures_out_of_the_scans(folder, reads_grey):
    save_page(folder / "scans" / "p.png")
    for _ in range(2):
        assert score("scans", "--overlay", "scans/pictures", "--force") == 0
        assert len(rows(folder / "results.csv")) == 1
    assert (folder / "scans" / "pictures" / "p-p1.png").exists()


@pytest.mark.parametrize(
    ("words", "located"), [([], False), (["--overlay", "o"], True)]
)
def test_digits_are_located_only_for_pictures(folder, monkeypatch, words, located):
    def make(form, *, locate_digits, **options):
        assert locate_digits == located
        return StubReader()

    monkeypatch.setattr(pipelines.readers, "make_form_reader", make)
    save_page(folder / "p.png")
    assert score("p.png", *words) == 0


def make_text(path):
    path.write_text("no image")


def make_truncated(path):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)
    PIL.Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:9000])


def make_vast(path):
    PIL.Image.new("1", (20_000, 20_000)).save(path)


def make_pdf_without_pages(path):
    pypdfium2.PdfDocument.new().save(path)


def make_encrypted(path):
    path.write_bytes(
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj\n"
        b"4 0 obj<</Filter/Standard/V 1/R 2/P -4/O<" + b"41" * 32 + b">"
        b"/U<" + b"42" * 32 + b">>>endobj\n"
        b"trailer<</Root 1 0 R/Size 5/Encrypt 4 0 R/ID[<41><41>]>>\n%%EOF\n"
    )


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("b.png", make_text, "is no image and no PDF"),
        ("b.jpg", make_truncated, "truncated"),
        ("b.png", Path.touch, "is empty"),
        ("b.pdf", make_encrypted, "is encrypted"),
        ("b.pdf", make_pdf_without_pages, "has no pages"),
        ("b.png", make_vast, "would decode to more than 179 megapixels"),
    ],
)
def test_one_bad_file_costs_its_own_row_and_nothing_else(
    folder, reads_grey, name, make, reason
):
    save_page(folder / "a.png")
    save_page(folder / "c.png")
    make(folder / name)
    assert score("a.png", name, "c.png") == 1
    good, bad, other = rows(folder / "results.csv")
    assert (good["rin"], other["rin"]) == ("007", "007")
    assert (bad["document"], bad["page"], bad["status"]) == (name, "1", "failed")
    assert bad["error"].startswith(f"{name}: ")
    assert reason in bad["error"]
    assert bad["rin"] == bad["rin.status"] == bad["rin.confidence"] == ""


def test_an_image_of_one_pixel_is_read_by_the_real_reader(folder, capsys):
    PIL.Image.new("L", (1, 1)).save(folder / "dot.png")
    assert score("dot.png") == 0
    [row] = rows(folder / "results.csv")
    assert (row["status"], row["rin.status"]) == ("review", "unlocated")
    assert row["error"].startswith("rin: ")
    assert "no field was found on any page" in capsys.readouterr().out


def drawing_of(**boxes):
    """Give boxes (top, left, height, width) as LabelMe writes them."""
    shapes = [
        {
            "label": label,
            "points": [[left, top], [left + width, top + height]],
            "shape_type": "rectangle",
        }
        for label, (top, left, height, width) in boxes.items()
    ]
    return {"shapes": shapes, "imagePath": "blank.png"}


FORM_OF_TWO_NAMES = (
    '{"fields": [{"name": "a", "digits": 1}, {"name": "a", "digits": 1}]}'
)
FORM_WITH_A_BLANK = '{"blank": "blank.png", "fields": [{"name": "a", "digits": 1}]}'


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("score", "Missing argument"),
        ("score page.png --comb rin=9", "Missing option '--output'"),
        ("score page.png -o r.csv", "either --form FILE or --comb NAME=N"),
        ("score page.png -o r.csv --comb rin", "--comb expects NAME=N"),
        ("score page.png -o r.csv --comb rin=0", "--comb rin=0: a comb has 1 to 100"),
        ("score page.png -o r.csv --comb rin=101", "a comb has 1 to 100 boxes"),
        ("score page.png -o r.csv --comb a=1 --comb a=2", "--comb names a twice"),
        ("score page.png -o r.csv --comb a=1 --form form.json", "not by both"),
        ("score page.png -o r.csv --grid a=9", "--grid expects NAME=ROWSxCOLUMNS"),
        ("score page.png -o r.csv --grid a=9x", "--grid expects NAME=ROWSxCOLUMNS"),
        ("score page.png -o r.csv --grid a=1x9", "A single row of boxes is a --comb"),
        ("score page.png -o r.csv --grid a=2x2 --grid a=3x3", "names a twice"),
        ("score page.png -o r.csv --grid a=2x2 --comb a_1=2", "a_1.*two of this name"),
        ("score page.png -o r.csv --grid a=2x2 --form form.json", "or by --grid"),
        ("score page.png -o r.csv --comb a=1 --jobs none", "'--jobs'"),
        ("score page.png -o r.csv --comb a=1 --threshold 2", "'--threshold'"),
        ("score page.png -o r.csv --comb a=1 --dpi 35", "'--dpi'"),
        ("score page.png -o r.csv --comb a=1 --colour", "--colour"),
        ("score page.png -o r.csv --comb a=1 --model page.png", "page.png"),
        ("score page.png -o r.csv --comb a=1 --model no", "is no model file no"),
        ("score page.png -o r.csv --comb a=1 --model wide", "all fields of the form"),
        ("score page.png -o r.csv --comb a=1 --overlay .", "all scans lie in ."),
        ("score empty -o r.csv --comb a=1 --overlay empty", "pictures are written to"),
        ("score nowhere.png -o r.csv --comb a=1", "nowhere.png: no such file"),
        ("score empty -o r.csv --comb a=1", "empty: no scans in this folder"),
        ("score page.png -o no/r.csv --comb a=1", "no/r.csv cannot be written"),
        ("score page.png -o empty --comb a=1", "empty cannot be written"),
        ("score page.png -o page.png --comb a=1", "Name it page.csv"),
        ("score page.png -o form.txt --form form.txt", "is one of the files to read"),
        ("score page.png -o blank.png --form form.txt", "Name it blank.csv"),
        ("score page.png -o m --model m --comb a=1", "is one of the files to read"),
        ("read page.png -o m --model ./m", "is one of the files to read"),
        (
            "score page.png -o r.csv --comb a=1 --overlay page.png",
            "it is a file. Name a",
        ),
        ("score page.png -o r.csv --form nowhere.json", "nowhere.json"),
        ("score page.png -o r.csv --form form.json", "'a': there are two"),
        ("score page.png -o r.PNG --comb a=1", "Name it r.csv"),
        ("read page.png -o r.pdf", "Name it r.csv"),
        ("score page.png -o r.ods --comb a=1", "like a .ods file.* r.csv, which spr"),
        ("score page.png -o r.csv.gz --comb a=1", "Name it r.csv, which"),
        ("read page.png -o r.JSON", "Name it r.csv"),
        ("form page.png -o f.yaml", "Name it f.json"),
        ("train digits digits -o m.pth", "Name it m.safetensors"),
        (
            "score page.png -o r.csv --comb a=1 --dpi 99 --dpi 98",
            "--dpi is given 2 times",
        ),
        (
            "score page.png -o r.csv -o ./r.csv --comb a=1",
            "csv would be written twice",
        ),
        ("score page.png -o r.csv --comb a=1 --shard 9/8", "K from 1 to N"),
        ("score page.png -o r.csv --comb a=1 --shard auto", "is task of no array here"),
        ("status old", "there is no run in this folder"),
        ("merge old -o r.csv", "there is no run in this folder"),
        ("redo old -o r.csv", "there is no run in this folder"),
        ("read page.png -o r.csv --jobs 1 --jobs 2", "--jobs is given 2 times"),
        ("train digits digits -o n --seed 1 --seed 2", "--seed is given 2 times"),
        ("evaluate digits mnist digits --plots a --plots b", "--plots is given 2 tim"),
        ("demo --pages 1 --pages 2", "--pages is given 2 times"),
        ("score page.png -o old.csv --comb a=1", "old.csv exists, and would be writ"),
        ("score page.png -o r.csv --comb a=1 --overlay old", "old/page-p1.png exists"),
        ("read page.png -o old.csv", "old.csv exists"),
        ("form page.png -o form.json", "form.json: exists"),
        ("train digits digits -o m", "m exists.* --force"),
        ("train strings digits -o m", "m exists"),
        ("train fields old --truth old.csv -o m", "m exists"),
        ("train digits digits -o n --plots old", "old/training.png exists"),
        ("evaluate digits mnist digits --plots old", "old/misread.png exists"),
        (
            "evaluate fields wide old --truth old.csv --plots old",
            "misread_fields.png",
        ),
        ("train digits digits -o m.png", "Name it m.safetensors"),
        ("read nowhere.png -o v.csv", "nowhere.png: no such file"),
        ("read page.png -o v.csv --digits 0", "'--digits'"),
        ("form nowhere.png -o form.json", "nowhere.png"),
        (
            "form drawing.json -o f.json",
            "drawing.json: is a drawing of .* --blank FILE",
        ),
        (
            "form page.png --blank blank.png -o f.json",
            "page.png: is a scan; --blank bl",
        ),
        ("form old.csv --blank page.png -o f.json", "nor is it LabelMe JSON, COCO"),
        ("form m --blank page.png -o f.json", "m: is empty"),
        ("form form.json --blank page.png -o f.json", "is the file of a form already"),
        (
            "form page.png blank.png -o f.json",
            "3 filled-in pages of one form are needed",
        ),
        (
            "form page.png old --blank m -o f.json",
            "m: is the blank page, and filled-in",
        ),
        ("form empty -o f.json", "empty"),
        ("form drawing.json --blank page.png -o drawing.json", "is read, and would be"),
        ("form drawing.json --blank page.png -o page.json", "page.png: is read, and"),
        ("form drawing.json --blank page.png -o form.json", "form.json: exists"),
        ("form drawing.json --blank nowhere.png -o f.json", "nowhere.png: no such fi"),
        ("form drawing.json --blank old.csv -o f.json", "old.csv: is no image"),
        ("form nowhere.xml --blank page.png -o f.json", "nowhere.xml: no such file"),
        ("train", "Missing command"),
        ("train letters", "No such command 'letters'"),
        ("train digits nowhere -o model", "nowhere"),
        ("train digits digits -o model --jobs 2", "--jobs belongs to --members"),
        ("train digits digits -o model --set max_epochs=2", "use --epochs instead"),
        ("train digits digits -o model --recipe lenet", "'lenet' is not one of"),
        ("train digits digits -o model --lines 9", "--lines"),
        ("evaluate digits nowhere digits", "there is no model file nowhere"),
        ("evaluate digits mnist digits", "28x28 pixels, and those of digits are 8x8"),
        ("evaluate digits mnist nowhere", "nowhere"),
        ("evaluate digits mnist digits --plots page.png", "page.png"),
        ("info page.png", "not a model file"),
        ("info nowhere", "nowhere"),
        ("demo -o page.png", "page.png cannot be written"),
        ("demo --pages 0", "'--pages'"),
        ("guess", "No such command 'guess'"),
    ],
)
def test_misuse_is_explained_in_one_line(folder, capsys, words, reason):
    save_page(folder / "page.png")
    (folder / "empty").mkdir()
    (folder / "form.json").write_text(FORM_OF_TWO_NAMES)
    (folder / "form.txt").write_text(FORM_WITH_A_BLANK)
    save_page(folder / "blank.png")
    (folder / "drawing.json").write_text(json.dumps(drawing_of(total=(2, 3, 9, 30))))
    (folder / "m").touch()
    save_page(folder / "old" / "page-p1.png")
    for name in ("training.png", "misread.png", "misread_fields.png"):
        (folder / "old" / name).write_text("mine")
    (folder / "old.csv").write_text("file,value\npage-p1.png,1\n")
    before = contents(folder)
    assert main(words.split()) == 2
    assert re.search(reason.replace("(", r"\("), misuse(capsys))
    assert contents(folder) == before  # nothing is left behind, or changed


def test_force_replaces_what_is_there(folder, reads_grey):
    save_page(folder / "page.png")
    (folder / "results.csv").write_text("old")
    save_page(folder / "o" / "page-p1.png")
    assert score("page.png", "--overlay", "o", "--force") == 0
    assert len(rows(folder / "results.csv")) == 1
    with PIL.Image.open(folder / "o" / "page-p1.png") as picture:
        assert picture.mode == "RGB"


def test_what_may_be_repeated_is_repeated(folder, reads_grey):
    save_page(folder / "page.png")
    words = ["--comb", "rin=9", "--comb", "other=3", "-o", "r.csv"]
    assert main(["score", "page.png", *words]) == 0


def test_a_table_may_be_called_like_a_model_that_ships(folder, reads_grey):
    save_page(folder / "page.png")
    for _ in range(2):
        words = ["score", "page.png", "--comb", "rin=9", "-o", "forms"]
        assert main([*words, "--model", "forms", "--force"]) == 0


def test_a_table_that_cannot_be_written_is_said_before_any_work(
    folder, monkeypatch, capsys
):
    def make(form, **options):
        pytest.fail("no reader must be made")

    monkeypatch.setattr(pipelines.readers, "make_form_reader", make)
    save_page(folder / "p.png")
    assert main(["score", "p.png", "--comb", "rin=9", "-o", "no/r.csv"]) == 2
    assert "the folder no does not exist" in misuse(capsys)


def test_read_reads_images_of_fields(folder, capsys):
    for seed, text in enumerate(("042", "1789")):
        field = PIL.Image.fromarray(draw_comb(text, random_state=seed))
        field.save(folder / f"f{text}.png")
    (folder / "g9.png").touch()
    assert main(["read", "?[0-9]*.png", "-o", "values.csv"]) == 1
    read = {row["file"]: row for row in rows(folder / "values.csv")}
    assert list(next(iter(read.values()))) == ["file", "value", "status", "confidence"]
    assert (read["f042.png"]["value"], read["f1789.png"]["value"]) == ("042", "1789")
    assert read["g9.png"]["status"] == "failed"
    assert capsys.readouterr().out.startswith("3 fields: 2 accepted, 1 failed\n")


def test_demo_shows_the_table_and_where_everything_is(folder, capsys):
    for pages in ("2", "1"):  # its own files it may replace
        assert main(["demo", "-o", "out", "--pages", pages]) == 0
    shown = capsys.readouterr().out
    assert "fields read correctly" in shown
    assert f"Table: {Path('out', 'results.csv')}" in shown
    assert len(rows(folder / "out" / "results.csv")) == 1
    assert len(list((folder / "out" / "pictures").glob("*.png"))) == 1
    assert len(list((folder / "out" / "scans").iterdir())) == 1


@pytest.mark.slow  # the README draws them
def test_demo_draws_fields_to_read_and_to_train_on(folder, capsys):
    words = ["demo", "--fields", "-o", "out", "--pages", "1"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "of 10 fields read correctly" in shown
    table = rows(folder / "out" / "values.csv")
    truth = rows(folder / "out" / "fields.csv")
    assert [Path(row["file"]).name for row in table] == [row["file"] for row in truth]
    assert main(words) == 2
    assert "exists" in capsys.readouterr().err
    assert main([*words, "--force"]) == 0
    assert main(["read", "out/fields", "-o", "v.csv"]) == 0
    names = ["--truth", "out/fields.csv"]
    assert main(["evaluate", "fields", "vote", "out/fields", *names]) == 0


@pytest.mark.parametrize(
    "name",
    [
        "form.json",
        "rules.json",
        "blank.png",
        "truth.csv",
        "results.csv",
        "pictures/page_01-p1.png",
    ],
)
def test_demo_writes_over_no_file_of_others(folder, capsys, name):
    (folder / "out" / name).parent.mkdir(parents=True)
    (folder / "out" / name).write_text("mine")
    before = contents(folder)
    assert main(["demo", "-o", "out", "--pages", "1"]) == 2
    assert f"{Path('out', name)} is there" in misuse(capsys)
    assert contents(folder) == before


@pytest.mark.slow  # the README's is scored with
def test_a_drafted_form_can_be_scored_with(folder, capsys):
    page, _ = draw_blank_form(dpi=150)
    PIL.Image.fromarray(page).save(folder / "blank.png")
    assert main(["form", "blank.png", "-o", "form.json"]) == 0
    words = ["score", "blank.png", "--form", "form.json", "-o", "results.csv"]
    assert main(words) == 0
    [row] = rows(folder / "results.csv")
    assert (row["status"], row["field_01.status"]) == ("ok", "blank")


@pytest.mark.slow  # tests/forms reads by what was drawn
def test_a_form_that_was_drawn_can_be_scored_with(folder, capsys):
    page, fields = draw_blank_form(dpi=150)
    PIL.Image.fromarray(page).save(folder / "blank.png")
    form = make_form(fields, blank=folder / "blank.png")
    boxes = {field.name: field.box for field in form.fields}
    drawing = drawing_of(**boxes, again=boxes["room"])
    (folder / "drawing.json").write_text(json.dumps(drawing))
    words = ["form", "drawing.json", "--blank", "blank.png", "-o", "form.json"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert out.startswith("form.json: 12 comb fields, as drawn with LabelMe.\n")
    assert err.startswith("lenet: warning: form.json: field 'again': box: 100% of it")
    assert (folder / "form.png").exists()
    words = ["score", "blank.png", "--form", "form.json", "-o", "results.csv"]
    assert main(words) == 0
    [row] = rows(folder / "results.csv")
    assert (row["status"], row["student_number.status"]) == ("ok", "blank")


def test_a_page_to_edit_a_form_in_is_written_alone(folder, capsys):
    page, _ = draw_blank_form(dpi=150)
    PIL.Image.fromarray(page).save(folder / "blank.png")
    assert main(["form", "blank.png", "--edit", "form.html"]) == 0
    assert capsys.readouterr().out.startswith("form.html: begins with ")
    assert (folder / "form.html").exists()
    assert not (folder / "form.json").exists()


@pytest.mark.slow  # tests/forms drafts from files
def test_a_form_is_drafted_from_filled_in_pages_in_one_file(folder, capsys):
    page, fields = draw_blank_form(dpi=150)
    pages = []
    for number in range(3):
        filled = page.copy()
        fill_comb(
            filled, fields[0], 9 * f"{number}", draw_writer(number), random_state=number
        )
        pages.append(PIL.Image.fromarray(filled))
    pages[0].save(folder / "all.tif", save_all=True, append_images=pages[1:])
    assert main(["form", "all.tif", "--filled", "-o", "form.json"]) == 0
    out, err = capsys.readouterr()
    found = "11 comb fields and 6 single boxes. To be ticked: 4."
    assert out.startswith(f"form.json: {found}\n")
    assert "form.json: the blank page is what 3 of 3 pages share" in err
    assert "form.json: no page has anything written in field_02, field_03" in err
    assert main(["form", "all.tif", "-o", "first.json"]) == 0
    assert "draft it from all of them with --filled" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give either -o form.json"),
        (["-o", "a.json", "--edit", "a.html"], "give either -o form.json"),
        (["--edit", "a.json"], "Name it a.html"),
        (["--edit", "there.html"], "there.html exists"),
        (["--edit", "nowhere/a.html"], "the folder nowhere does not exist"),
    ],
)
def test_a_page_to_edit_a_form_in_is_not_written_anywhere(folder, capsys, words, told):
    save_page(folder / "blank.png")
    (folder / "there.html").write_text("mine")
    before = contents(folder)
    assert main(["form", "blank.png", *words]) == 2
    assert told in misuse(capsys)
    assert contents(folder) == before


def test_a_comb_that_is_not_where_the_form_has_it_is_doubted(folder, capsys):
    page, _ = draw_blank_form(dpi=150)
    PIL.Image.fromarray(page).save(folder / "blank.png")
    assert main(["form", "blank.png", "-o", "form.json"]) == 0
    form = json.loads((folder / "form.json").read_text())
    first, second = form["fields"][:2]
    first["digits"] += 1
    place = list(second["box"])
    second["box"][1] += 40
    (folder / "form.json").write_text(json.dumps(form))
    assert main(["score", "blank.png", "--form", "form.json", "-o", "r.csv"]) == 0
    wrong_digits, wrong_box = capsys.readouterr().err.splitlines()
    assert wrong_digits.startswith("lenet: warning: ")
    assert f"digits: is {first['digits']}; {first['digits'] - 1} boxes" in wrong_digits
    assert "no comb of" in wrong_box
    assert f"the nearest is at {place}" in wrong_box


def test_the_pages_of_a_form_are_no_scans_unless_they_are_named(
    folder, reads_grey, capsys
):
    names = ["a.png", "blank.png", "form.png", "form.blank.png"]
    for name in names:
        save_page(folder / "f" / name)
    content = {"blank": "blank.png", "fields": [{"name": "rin", "digits": 9}]}
    (folder / "f" / "form.json").write_text(json.dumps(content))
    words = ["--form", "f/form.json", "-o", "r.csv"]
    assert main(["score", "f", *words]) == 0
    assert [row["document"] for row in rows(folder / "r.csv")] == ["f/a.png"]
    assert "parts of the form: blank.png, form.blank.png, f" in capsys.readouterr().err
    words.append("--force")
    assert main(["score", *(f"f/{name}" for name in names), *words]) == 0
    assert len(rows(folder / "r.csv")) == len(names)
    (folder / "f" / "a.png").unlink()
    assert main(["score", "f", *words]) == 2
    assert "only parts of the form" in capsys.readouterr().err


def test_images_that_are_not_read_are_named(folder, reads_grey, capsys):
    save_page(folder / "scans" / "p.png")
    for name in ("a.gif", "b.HEIC", "c", "notes.txt"):
        (folder / "scans" / name).write_bytes(b"")
    assert score("scans") == 0
    err = capsys.readouterr().err
    assert "passed over, of a kind that is not read: a.gif, b.HEIC, c (3 files)" in err


COMMANDS = ["demo", "score", "read", "form", "train", "search", "evaluate", "info"]
TRAINED = ["train digits", "train strings", "train fields"]
EVALUATED = ["evaluate digits", "evaluate fields"]


@pytest.mark.parametrize("command", [*COMMANDS, *TRAINED, *EVALUATED])
def test_help_of_every_command_shows_an_example(command, capsys):
    assert main([*command.split(), "--help"]) == 0
    assert f"Example: lenet {command} " in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("command", [*COMMANDS, *TRAINED, *EVALUATED])
def test_help_has_no_types_of_the_language_it_is_written_in(command, capsys):
    assert main([*command.split(), "--help"]) == 0
    assert not re.search(r"[{}]|<\w|list\[|RANGE", capsys.readouterr().out)


@pytest.mark.parametrize("command", TRAINED)
def test_help_of_a_training_says_how_long_it_takes(command, capsys):
    assert main([*command.split(), "--help"]) == 0
    assert "minute" in capsys.readouterr().out


def test_the_names_of_recipes_and_networks_are_those_that_there_are():
    assert sorted(RecipeName) == sorted(RECIPES)
    assert set(NetworkName) == {*shipped_recognizers(), SEGMENTS}


def test_options_may_be_given_in_groups():
    @dataclass
    class Pen:
        width: int
        colour: str = "black"

    written = []

    @group_options
    def write(text: str, pen: Pen, *, n_times: int = 1) -> None:
        written.append((text, pen, n_times))

    assert list(inspect.signature(write).parameters) == [
        "text",
        "width",
        "colour",
        "n_times",
    ]
    write(text="a", width=3, colour="red", n_times=2)
    assert written == [("a", Pen(3, "red"), 2)]


def test_help_of_score_explains_every_status(capsys):
    assert main(["score", "--help"]) == 0
    shown = capsys.readouterr().out
    page, field = {"ok", "review", "empty", "failed"}, set(COLOURS) - {"failed"}
    assert page | field <= set(re.findall(r"\w+", shown))


def test_the_version_is_that_of_the_package(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lenet {version('lenet-sklearn')}\n"


def test_no_arguments_show_every_command(capsys):
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert all(f"  {command} " in listed for command in COMMANDS)


@pytest.mark.parametrize("words", ["", "score", "train", "train digits"])
def test_help_imports_nothing_that_takes_long(words):
    code = (
        "import sys; from pipelines.cli.commands import main;"
        f"main({[*words.split(), '--help']});"
        "slow = {'torch', 'numpy', 'cv2', 'sklearn', 'PIL', 'lenet_sklearn'};"
        "sys.exit(bool(slow & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_page_that_kills_its_process_is_a_row(folder, monkeypatch):
    class Deadly:
        def read(self, page):
            if not page.any():
                os.kill(os.getpid(), signal.SIGKILL)
            return PageReading()

    monkeypatch.setattr(pipelines.readers, "make_form_reader", lambda f, **o: Deadly())
    save_page(folder / "p.png", grey=0)
    save_page(folder / "q.png")
    assert score("p.png", "q.png", "--jobs", "2") == 1
    [killed, other] = rows(folder / "results.csv")
    reason = "the process that read it was killed (SIGKILL)"
    assert killed["error"] == f"p.png: page 1: {reason}"
    assert (killed["status"], other["status"]) == ("failed", "ok")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")
def test_a_blank_page_that_takes_gigabytes_makes_no_form(folder, bomb, capfd):
    assert main(["form", str(bomb), "-o", "form.json"]) == 2
    assert f"lenet: {bomb}: the process that read it" in capfd.readouterr().err
    assert not (folder / "form.json").exists()


def test_a_page_that_takes_too_long_is_a_row(folder, monkeypatch):
    class Slow:
        def read(self, page):
            time.sleep(0 if page.any() else 3600)
            return PageReading()

    monkeypatch.setattr(pipelines.readers, "make_form_reader", lambda f, **o: Slow())
    save_page(folder / "p.png")
    save_page(folder / "q.png", grey=0)
    assert score("p.png", "q.png", "--page-timeout", "1") == 1
    [other, slow] = rows(folder / "results.csv")
    reason = "took longer than the 1 seconds a page may take"
    assert slow["error"] == f"q.png: page 1: {reason}"
    assert (slow["status"], other["status"]) == ("failed", "ok")
