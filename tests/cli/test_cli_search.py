"""``lenet search``: from labelled fields and a grid to a table and a model."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines.cli import main
from pipelines.drawing import draw_comb
from pipelines.training.candidates import Found

TEXTS = ["042", "198", "777", "305"]
WORDS = [
    "search",
    "--fields",
    "fields",
    "--truth",
    "truth.csv",
    "--grid",
    "grid.toml",
    "--folds",
    "2",
    "--jobs",
    "1",
    "-o",
    "best.safetensors",
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("fields").mkdir()
    rows = ["file,value"]
    for n, text in enumerate(TEXTS):
        cv2.imwrite(f"fields/{n}.png", draw_comb(text, random_state=n))
        rows.append(f"{n}.png,{text}")
    Path("truth.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    Path("grid.toml").write_text("[grid]\nread__max_epochs = [1]\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def gain(monkeypatch):
    """Take whatever was found for a gain."""
    monkeypatch.setattr(Found, "is_gain", property(lambda self: True))


def test_the_best_of_a_search_is_saved_and_read_with(folder, gain, capsys):
    assert main([*WORDS, "--plots", "plots"]) == 0
    out = capsys.readouterr().out
    command = "lenet " + " ".join([*WORDS, "--plots", "plots"])
    assert f"made by      {command}" in out
    assert "as it comes" in out
    assert "read__max_epochs=1  <- best" in out
    with open("best.search.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [row["n_labelled"] for row in table] == ["0", ""]
    assert cv2.imread("plots/search.png") is not None
    assert main(["info", "best.safetensors"]) == 0
    assert command in capsys.readouterr().out
    words = ["read", "fields", "--model", "best.safetensors", "-o", "values.csv"]
    assert main(words) in (0, 1)
    with open("values.csv", newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(TEXTS)


@pytest.mark.slow  # tests/training has it without a command
def test_a_search_goes_on_where_it_was_interrupted(folder, gain, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise OSError("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.training.best.fit_best", interrupted)
        assert main(WORDS) != 0
    kept = {path: path.stat().st_mtime_ns for path in Path("best.search").glob("*.npz")}
    assert len(kept) == 2 + 2
    assert not Path("best.search.csv").exists()
    assert main(WORDS) == 0
    assert {p: p.stat().st_mtime_ns for p in Path("best.search").glob("*.npz")} == kept
    # What is there is not replaced unless that is wanted.
    capsys.readouterr()
    assert main(WORDS) == 2
    assert "best.safetensors exists" in capsys.readouterr().err
    assert main([*WORDS, "--force"]) == 0


def test_what_brings_nothing_is_said_and_not_saved(folder, capsys, monkeypatch):
    monkeypatch.setattr(Found, "is_gain", property(lambda self: False))
    assert main(WORDS) == 1
    assert "Nothing was gained" in capsys.readouterr().out
    assert not Path("best.safetensors").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--grid quik", "no grid 'quik'"),
        ("--budget soon", "--budget expects a time, such as 90s, 10m or 1.5h"),
        ("--scoring speed", "there is no speed. Name one of exact_strings"),
        ("--groups writer", "has no column 'writer'"),
        ("--folds 9", "needs as many labelled samples. Got 4"),
        ("--max-error 1", "expects a share above 0 and below 1. Got 1"),
        ("--confidence nan", "expects a share above 0 and below 1. Got nan"),
        ("--budget 1e-9s", "--budget expects a time"),
        ("--budget 0.001s", "is over before any fit"),
    ],
)
def test_what_cannot_be_searched_is_said_in_one_line(folder, capsys, words, said):
    given = [w for w in WORDS if w not in ("--grid", "grid.toml", "--folds", "2")]
    assert main([*given, *words.split()]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--truth truth.csv", "one of --fields DIR, --pages DIR or --digits DATA"),
        ("--fields fields --digits digits", "one of --fields DIR"),
        ("--fields fields", "--fields needs --truth FILE"),
        ("--pages fields --truth truth.csv", "--pages needs --form FILE"),
        ("--digits digits --truth truth.csv", "--truth does not belong to --digits"),
        ("--digits digits --groups writer", "--groups does not belong to --digits"),
        ("--fields fields --truth best.safetensors", "would be written over"),
    ],
)
def test_samples_are_of_one_kind_and_whole(folder, capsys, words, said):
    Path("best.safetensors").write_text("file,value\n")
    assert main(["search", *words.split(), "-o", "best.safetensors", "--force"]) == 2
    assert said in capsys.readouterr().err


def test_a_file_where_fits_are_to_be_kept_is_said(folder, capsys):
    Path("best.search").write_text("mine", encoding="utf-8")
    assert main(WORDS) == 2
    assert "best.search is a file" in capsys.readouterr().err
    assert Path("best.search").read_text(encoding="utf-8") == "mine"


def test_a_misspelt_parameter_is_said_before_the_work(folder, capsys):
    Path("grid.toml").write_text("[grid]\nread__max_epoch = [1]\n", encoding="utf-8")
    assert main(WORDS) == 2
    assert "Did you mean read__max_epochs?" in capsys.readouterr().err
    assert not np.any([p.suffix == ".search" for p in folder.iterdir()])
