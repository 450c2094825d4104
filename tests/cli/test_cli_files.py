"""The command line on odd files: nothing blocks, nothing is lost in silence."""

import csv
import os
import sys

import numpy as np
import PIL.Image
import pytest

import pipelines.readers
from pipelines.cli.commands import main
from pipelines.drawing import draw_comb
from pipelines.outcomes import FieldReading, PageReading
from pipelines.readers import make_form_reader

ON_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="its names are others")


class StubReader:
    """Reads the mean grey of any page as the field `rin`."""

    def read(self, page):
        quad = np.array([[1, 1], [8, 1], [8, 5], [1, 5.0]])
        value = f"{round(page.mean()):03d}"
        return PageReading({"rin": FieldReading(value, "accepted", 0.875, quad)})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(
        pipelines.readers, "make_form_reader", lambda form, **options: StubReader()
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save_page(path, grey=7):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.new("L", (40, 30), grey).save(path, format="PNG")


def rows(path):
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def score(*words):
    return main(["score", "--comb", "rin=9", "-o", "results.csv", *words])


@ON_POSIX
def test_links_in_a_circle_and_pipes_are_passed_over_and_said(folder, capsys):
    save_page(folder / "scans" / "p.png")
    for name, other in (("a.png", "b.png"), ("b.png", "a.png")):
        (folder / "scans" / name).symlink_to(other)
    os.mkfifo(folder / "scans" / "x.png")
    assert score("scans") == 0
    assert [row["document"] for row in rows(folder / "results.csv")] == ["scans/p.png"]
    passed = "passed over, no regular files: a.png, b.png, x.png (3 files)"
    assert capsys.readouterr().err == f"lenet: {passed}\n"


@ON_POSIX
def test_links_to_nothing_that_a_shell_names_are_rows(folder):
    save_page(folder / "c.png")
    for name, other in (("a.png", "a.png"), ("b.png", "nowhere")):
        (folder / name).symlink_to(other)
    assert score("a.png", "b.png", "c.png") == 1
    loop, lost, good = rows(folder / "results.csv")
    assert "a.png: cannot be opened: Too many levels of symbolic links" in loop["error"]
    assert lost["error"] == "b.png: no such file"
    assert good["status"] == "ok"


@ON_POSIX
@pytest.mark.parametrize(
    "words",
    [
        "score p.png --form pipe -o r.csv",
        "score p.png --comb a=1 --model pipe -o r.csv",
        "read p.png --model pipe -o r.csv",
        "info pipe",
        "form pipe -o f.json",
        "train fields . --truth pipe -o m",
        "evaluate fields vote . --truth pipe",
    ],
)
def test_no_command_waits_for_a_pipe(folder, capsys, words):
    save_page(folder / "p.png")
    os.mkfifo(folder / "pipe")
    assert main(words.split()) == 2
    assert "pipe" in capsys.readouterr().err


@ON_POSIX
def test_a_pipe_named_by_itself_is_a_row(folder):
    os.mkfifo(folder / "x.png")
    assert score("x.png") == 1
    [row] = rows(folder / "results.csv")
    assert row["status"] == "failed"
    assert "it is a pipe, not a regular file" in row["error"]


@ON_POSIX
def test_names_that_steer_a_terminal_are_not_printed_as_they_are(folder, capsys):
    names = ["a\x1b[2J\n.png", "b\u202e.png", os.fsdecode(b"c\xff.png")]
    for name in names:
        (folder / "scans" / name).parent.mkdir(exist_ok=True)
        (folder / "scans" / name).write_text("no image")
        (folder / "scans" / f"{name}.gif").touch()
    assert score("scans") == 1
    assert main(["score", "scans", "-o", "r.csv", "--form", "no\x1b[31m.json"]) == 2
    assert score("no\x1b[31m") == 2
    assert score("scans", "--colour\x1b[31m") == 2
    out, err = capsys.readouterr()
    assert all(letter.isprintable() or letter == "\n" for letter in out + err)
    assert r"scans/a\x1b[2J" in out
    assert r"c\udcff.png.gif" in err
    assert [row["document"] for row in rows(folder / "results.csv")] == [
        f"scans/{name}" for name in names
    ]


@ON_POSIX
def test_no_cell_begins_as_a_formula(folder):
    names = ["=1+2.png", "+a.png", "-b.png", "@c.png", "\td.png", "\uff1de.png"]
    for name in names:
        (folder / name).write_text("no image")
    save_page(folder / "=f.png")
    names.append("=f.png")
    assert score("--", *names) == 1
    read = rows(folder / "results.csv")
    cells = [cell for row in read for cell in row.values()]
    assert not [c for c in cells if c.startswith(tuple("=+-@\t\r\uff1d"))]
    assert [row["document"] for row in read] == [f"./{name}" for name in names]
    assert all((folder / row["document"]).exists() for row in read)
    assert main(["read", "-o", "v.csv", "--", *names]) == 1
    assert [row["file"] for row in rows(folder / "v.csv")] == [f"./{n}" for n in names]


@ON_POSIX
@pytest.mark.parametrize("letter", ["a", "\u00e4", "\U0001f600"])
def test_the_longest_names_keep_their_pictures(folder, letter):
    n_letters = (255 - len(".png") - 1) // len(letter.encode())
    names = [letter * n_letters + end + ".png" for end in "12"]
    for name in names:
        save_page(folder / name)
    assert score(*names, "--overlay", "pictures") == 0
    assert len(rows(folder / "results.csv")) == 2
    pictures = list((folder / "pictures").iterdir())
    assert len(pictures) == 2
    assert all(p.name.startswith(letter * 9) for p in pictures)
    assert all(p.name.endswith("-p1.png") for p in pictures)


def test_an_empty_page_is_a_row_that_says_so(folder, monkeypatch, capsys):
    monkeypatch.setattr(pipelines.readers, "make_form_reader", make_form_reader)
    back = PIL.Image.new("L", (827, 1170), 245)
    comb = back.copy()
    comb.paste(PIL.Image.fromarray(draw_comb("042", random_state=3)), (100, 100))
    comb.save("sheet.tif", save_all=True, append_images=[back])
    words = ["score", "sheet.tif", "--comb", "rin=3", "-o", "r.csv"]
    assert main([*words, "--overlay", "o"]) == 0
    front, empty = rows(folder / "r.csv")
    assert (front["status"], front["rin"]) == ("ok", "042")
    assert (empty["status"], empty["error"]) == ("empty", "the page is empty")
    assert empty["rin"] == empty["rin.status"] == empty["rin.confidence"] == ""
    out = capsys.readouterr().out
    assert out.startswith("2 pages: 1 ok, 1 empty\n1 field: 1 accepted\n")
    assert len(list((folder / "o").iterdir())) == 2


def test_what_is_no_image_of_a_field_comes_back_with_a_hint(folder, capsys):
    field = PIL.Image.fromarray(255 - draw_comb("042", random_state=3))
    field.save("inverted.png")
    page = PIL.Image.new("L", (827, 1170), 245)
    page.paste(PIL.Image.fromarray(draw_comb("042", random_state=3)), (100, 100))
    page.save("page.png")
    PIL.Image.fromarray(draw_comb("   ", random_state=3)).save("blank.png")
    assert main(["read", "inverted.png", "page.png", "blank.png", "-o", "v.csv"]) == 0
    statuses = [row["status"] for row in rows(folder / "v.csv")]
    assert statuses == ["rejected", "rejected", "blank"]
    hints = [line for line in capsys.readouterr().out.splitlines() if "hint" in line]
    assert hints == [
        "hint: inverted.png: most of it is dark: if it is white on black, invert it",
        "hint: page.png: it is as large as a page: lenet score reads pages",
    ]
