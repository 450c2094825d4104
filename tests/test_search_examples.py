"""The examples that search parameters: they run to their end on little data."""

import runpy
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest

import lenet_sklearn

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture
def few_digits(monkeypatch):
    """Have scripts load sixty digits of thirty writers, whatever they ask for."""
    digits, labels = lenet_sklearn.load_dataset("digits")

    def load(name, **options):
        return digits[:60], labels[:60]

    monkeypatch.setattr(lenet_sklearn, "load_dataset", load)
    monkeypatch.setattr(lenet_sklearn, "load_writers", lambda _: np.arange(60) // 2)


def run(script, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", [script, *words])
    # Starting processes takes longer than the work they would do here.
    with joblib.parallel_config(backend="sequential"):
        return runpy.run_path(str(EXAMPLES / script), run_name="__main__")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "n_lines"), [((), 2), (("mnist", "writers"), 5)], ids=["plain", "writers"]
)
def test_a_recipe_is_searched_for(few_digits, monkeypatch, capsys, words, n_lines):
    made = run("search_recipe.py", monkeypatch, *words)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == n_lines
    assert lines[0].startswith("grid, 12 trainings: ")
    assert made["halving"].best_params_["max_epochs"] == 8


def test_a_reader_is_cross_validated_and_adapted(monkeypatch, capsys):
    made = run("cross_validate_reader.py", monkeypatch, "3", "1")
    assert len(made["fields"]) == 3
    *scores, read = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in scores] == ["as"] + ["adapted,"] * 3
    assert len(read) == len("['271828182']")
