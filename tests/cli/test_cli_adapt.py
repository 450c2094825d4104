"""The command line: learning from a pile of fields."""

from functools import partial

import cv2
import numpy as np
import pytest

from lenet_sklearn.models.cards import read_card
from pipelines.cli.commands import main
from pipelines.drawing import draw_string, draw_writer
from pipelines.forms.form import Form
from pipelines.models import save_line_reader
from pipelines.readers import VotingReader
from pipelines.training import adapting
from pipelines.training.adapting import adapt_to_pile


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of a few fields."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fields").mkdir()
    for n, text in enumerate(["1742", "308", "5", "60291"]):
        field = draw_string(text, draw_writer(n), random_state=n)
        cv2.imwrite(f"fields/{n}.png", field)
    (tmp_path / "truth.csv").write_text("file,value\nother.png,12\n")
    (tmp_path / "form.json").write_text(
        Form.from_combs({"id": 4}).model_dump_json(exclude_none=True)
    )
    save_line_reader(VotingReader(), tmp_path / "vote.safetensors")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("adapt fields", "Missing option '--output'"),
        ("adapt none -o m", "none"),
        (
            "adapt fields -o m",
            "There are 4 fields of free writing, and a pile needs 40",
        ),
        ("adapt fields --model segments -o m", "segments is a model of pieces"),
        ("adapt fields --model no -o m", "no model file no"),
        ("adapt fields --model vote.safetensors -o m", "a vote that has been fitted"),
        ("adapt fields --truth truth.csv -o m", "names none of the fields"),
        ("adapt fields --truth none.csv -o m", "'none.csv' does not exist"),
        ("adapt fields --form form.json -o m", "no field of free writing"),
        ("adapt fields --roster truth.csv -o m", "belong together"),
        ("adapt fields -o truth.csv", "would be named like a .csv file"),
    ],
)
def test_misuse_is_explained_in_one_line(folder, capsys, words, reason):
    assert main(words.split()) == 2
    err = capsys.readouterr().err
    assert reason in err
    assert err.count("\n") == 1
    assert not (folder / "m").exists()


def test_the_help_says_what_happens_without_a_gain(capsys):
    assert main(["adapt", "--help"]) == 0
    assert "1 nothing was gained" in capsys.readouterr().out


@pytest.mark.slow
def test_a_pile_is_learned_from_and_the_model_reads(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipelines.drawing.lines._N_COPYBOOK", 4)
    quick = partial(adapt_to_pile, n_strips=(40, 60))
    monkeypatch.setattr(adapting, "adapt_to_pile", quick)
    (tmp_path / "fields").mkdir()
    rng = np.random.default_rng(0)
    for n in range(44):
        text = "".join(map(str, rng.integers(10, size=4)))
        field = draw_string(text, draw_writer(3), random_state=n)
        cv2.imwrite(f"fields/{n}.png", field)
    status = main(["adapt", "fields", "-o", "own.safetensors"])
    said = capsys.readouterr().out
    assert status in (0, 1)
    assert "44 fields, 0 of them labelled" in said
    assert "kept back    " in said
    assert ("read with    lenet read fields --model own.safetensors" in said) == (
        status == 0
    )
    card = read_card("own.safetensors")
    assert ("kept" in card.figures) == (status == 1)
    assert card.command.startswith("lenet adapt fields")
    assert (
        main(["read", "fields", "--model", "own.safetensors", "-o", "values.csv"]) == 0
    )
