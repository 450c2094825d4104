"""`lenet apply`: the tables that it writes, and what it refuses."""

import csv
import json
import os

import numpy as np
import PIL.Image
import pytest

import pipelines.readers
from pipelines.cli import main
from pipelines.outcomes import PageReading, settle
from pipelines.review.corrections import COLUMNS, document_key

NAMES = ["a.png", "=1+2.png", "b,'\".png", "\u202ec.png", os.fsdecode(b"caf\xe9.png")]
WHEN = "2026-11-28T04:05:06Z"


class Fixed:
    """Reads the same on every page, and fails on pages that are black."""

    def read(self, page):
        if not page.any():
            raise ValueError("black")
        fields = {"one": settle("042", 0.5, 0.9), "two": settle("100", 0.99, 0.9)}
        return PageReading(fields)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of some pages, and a function that writes corrections of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipelines.readers, "make_form_reader", lambda *_, **__: Fixed())
    os.mkdir("in")
    for name in NAMES:
        PIL.Image.fromarray(np.full((8, 8), 255, np.uint8)).save(f"in/{name}")
    return score


def score(*words):
    combs = ["--comb", "one=3", "--comb", "two=3", "--jobs", "1"]
    return main(["score", "in", *combs, "-o", "r.csv", *words])


def correct(path, *said, **cells):
    with open("r.run/run.json", encoding="utf-8") as file:
        batch = json.load(file)["id"]
    rows = []
    for name, value in said:
        verdict = "confirmed" if value == "042" else "corrected"
        row = {
            **dict.fromkeys(COLUMNS, ""),
            "batch": batch,
            "document": document_key(f"in/{name}"),
            "page": "1",
            "field": "one",
            "read": "042",
            "value": value,
            "verdict": verdict,
            "who": path.removesuffix(".csv"),
            "when": WHEN,
            **cells,
        }
        rows.append([row[column] for column in COLUMNS])
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=";").writerows([COLUMNS, *rows])
    return path


def rows(path):
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def test_corrections_are_in_the_new_table_and_the_old_is_as_it_was(run, capsys):
    assert run() == 0
    with open("r.csv", "rb") as file:
        before = file.read()
    correct("anna.csv", *[(name, f"00{n}") for n, name in enumerate(NAMES)])
    words = ["apply", "r.csv", "anna.csv", "-o", "c.csv", "-o", "c.long.csv"]
    assert main(words) == 0
    found = {row["document"]: row["one"] for row in rows("c.csv")}
    assert found == {f"in/{name}": f"00{n}" for n, name in enumerate(NAMES)}
    assert {row["status"] for row in rows("c.csv")} == {"ok"}
    decided = [r["decided_by"] for r in rows("c.long.csv") if r["field"] == "one"]
    assert decided == ["review"] * len(NAMES)
    with open("r.csv", "rb") as file:
        assert file.read() == before
    changes = rows("c.changes.csv")
    assert {row["document"] for row in changes} == {f"in/{n}" for n in map(_key, NAMES)}
    assert not os.path.exists("c.differing.csv")
    assert "reviewed: 5 fields: 5 corrected" in capsys.readouterr().out


def _key(name):
    return document_key(f"in/{name}").removeprefix("in/")


def test_what_people_differ_about_is_kept_apart_until_it_is_settled(run, capsys):
    assert run() == 0
    correct("anna.csv", ("a.png", "047"))
    correct("ben.csv", ("a.png", "042"))
    words = ["apply", "r.run", "anna.csv", "ben.csv"]
    assert main([*words, "-o", "c.csv"]) == 5
    assert [row["who"] for row in rows("c.differing.csv")] == ["anna", "ben"]
    [row] = [row for row in rows("c.csv") if row["document"] == "in/a.png"]
    assert (row["one"], row["one.status"]) == ("042", "rejected")
    assert row["error"] == "one: two people differ: 047, 042"
    assert "1 differing" in capsys.readouterr().out
    correct("eva.csv", ("a.png", "047"), settles="yes")
    assert main([*words, "eva.csv", "-o", "c.csv"]) == 0
    assert not os.path.exists("c.differing.csv")


def test_a_page_that_failed_stays_failed(run):
    PIL.Image.fromarray(np.zeros((8, 8), np.uint8)).save("in/black.png")
    assert run() == 1
    correct("anna.csv", ("a.png", "047"))
    assert main(["apply", "r.csv", "anna.csv", "-o", "c.csv"]) == 1
    failed = [row["document"] for row in rows("c.csv") if row["status"] == "failed"]
    assert failed == ["in/black.png"]


def test_corrections_may_be_applied_again_but_not_over_what_was_changed(run, capsys):
    assert run() == 0
    correct("anna.csv", ("a.png", "047"))
    words = ["apply", "r.csv", "anna.csv", "-o", "c.csv"]
    assert main(words) == 0
    assert main(words) == 0
    for name in ("c.csv", "c.changes.csv"):
        with open(name, "a", encoding="utf-8") as file:
            file.write("\n")
        assert main(words) == 2
        assert f"{name} exists" in capsys.readouterr().err
        assert main([*words, "--force"]) == 0


@pytest.mark.parametrize(
    "output", ["r.csv", "r.long.csv", "anna.csv", "../here/r.jsonl"]
)
def test_nothing_that_is_read_is_written_over(run, capsys, output, tmp_path):
    os.symlink(tmp_path, tmp_path.parent / "here")
    assert run() == 0
    correct("anna.csv", ("a.png", "047"))
    assert main(["apply", "r.run", "anna.csv", "-o", output, "--force"]) == 2
    assert "would be written over" in capsys.readouterr().err
    os.unlink(tmp_path.parent / "here")


def test_the_differing_rows_that_are_read_are_not_written_over(run, capsys):
    assert run() == 0
    correct("c.differing.csv", ("a.png", "047"))
    words = ["apply", "r.csv", "c.differing.csv", "-o", "c.csv", "--force"]
    assert main(words) == 2
    assert "c.differing.csv is one of the files" in capsys.readouterr().err


def test_a_table_without_its_run_does_not_do(run, capsys):
    assert run() == 0
    correct("anna.csv", ("a.png", "047"))
    os.rename("r.run", "gone.run")
    assert main(["apply", "r.csv", "anna.csv", "-o", "c.csv"]) == 2
    assert "r.run is no folder of a run" in capsys.readouterr().err
    assert main(["apply", "gone.run", "anna.csv", "-o", "c.csv"]) == 0


def test_corrections_of_another_run_write_nothing(run, capsys):
    assert run() == 0
    correct("anna.csv", ("a.png", "047"), batch="f00")
    assert main(["apply", "r.csv", "anna.csv", "-o", "c.csv"]) == 2
    assert "anna.csv, line 2: is of the run 'f00'" in capsys.readouterr().err
    correct("anna.csv", ("nowhere.png", "047"))
    assert main(["apply", "r.csv", "anna.csv", "-o", "c.csv"]) == 2
    assert not os.path.exists("c.csv")
    assert not os.path.exists("c.changes.csv")


def test_a_run_that_is_not_whole_is_not_reviewed(run, capsys):
    assert run() == 0
    correct("anna.csv", ("a.png", "047"))
    for name in os.listdir("r.run/parts"):
        os.unlink(f"r.run/parts/{name}")
    assert main(["apply", "r.csv", "anna.csv", "-o", "c.csv"]) == 5
    assert "were not read yet" in capsys.readouterr().err
