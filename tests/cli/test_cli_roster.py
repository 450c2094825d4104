"""``lenet score --roster``: what it prints and writes, and what it refuses."""

import csv
import re

import pytest

import pipelines.scoring.matching
from pipelines.cli import main

STUDENTS = "name,id\nAda,4510\nBob,1998\nCem,7733\n"


@pytest.fixture
def folder(draw_scans):
    folder = draw_scans({"a": "1998", "b": "4510", "c": "6262"})
    (folder / "students.csv").write_text(STUDENTS)
    return folder


def score(*words):
    return main(["score", "scans", "--comb", "id=4", "-o", "results.csv", *words])


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_pages_are_matched_with_a_list(folder, capsys, jobs):
    assert score("--roster", "students.csv", "--match", "id", "--jobs", jobs) == 0
    matched = rows(folder / "results.roster.csv")
    assert [(row["document"], row["status"], row["number"]) for row in matched] == [
        ("scans/a.png", "matched", "1998"),
        ("scans/b.png", "matched", "4510"),
        ("scans/c.png", "unlisted", ""),
        ("", "absent", "7733"),
    ]
    assert len(rows(folder / "results.csv")) == 3
    out = capsys.readouterr().out
    assert out.endswith(
        "Table: results.csv\n"
        "Run: results.run\n"
        "Matched by id: 3 pages: 2 matched, 1 unlisted\n"
        "1 of 3 on the list without a page\n"
        "Matches: results.roster.csv\n"
    )


def test_the_column_of_the_list_may_be_called_otherwise(folder, capsys):
    (folder / "students.csv").write_text("Matr. No.\n1998\n45\n")
    assert score("--roster", "students.csv", "--match", "id=Matr. No.") == 0
    assert rows(folder / "results.roster.csv")[0]["number"] == "1998"
    err = capsys.readouterr().err
    assert "students.csv: 1 of 2 numbers has under 4 digits, such as 45" in err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--roster students.csv", "belong together"),
        ("--match id", "belong together"),
        ("--roster nowhere.csv --match id", "nowhere.csv"),
        ("--roster students.csv --match name", "no field name is read, only id"),
        ("--roster students.csv --match id=no", "has no column 'no'"),
        ("--roster students.csv --match id=name", "line 2 has the name 'Ada'"),
        ("--roster students.csv --match id -o students.csv", "one of the files to"),
        ("--roster s.roster.csv --match id -o s.csv --force", "Name another file"),
        ("--roster students.csv --match id -o old.csv", "old.roster.csv exists"),
    ],
)
def test_misuse_is_explained_before_any_work(folder, capsys, words, reason):
    (folder / "s.roster.csv").write_text(STUDENTS)
    (folder / "old.roster.csv").write_text("mine")
    output = [] if "-o" in words else ["-o", "results.csv"]
    words = ["score", "scans", "--comb", "id=4", *output, *words.split()]
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(reason, err)
    assert not (folder / "results.csv").exists()
    assert (folder / "s.roster.csv").read_text() == STUDENTS


def test_what_was_read_stays_when_the_matches_cannot_be_written(
    folder, capsys, monkeypatch
):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pipelines.scoring.matching, "write_matches", fail)
    assert score("--roster", "students.csv", "--match", "id") == 3
    assert "No space left" in capsys.readouterr().err
    assert len(rows(folder / "results.csv")) == 3
