"""The examples that need Optuna and MLflow: they run to their end on little data."""

import runpy
import sys
from pathlib import Path

import pytest

import lenet_sklearn

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

# What they bring with them warns as it likes.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def few_digits(monkeypatch):
    """Have scripts load 150 digits, whatever they ask for."""
    digits, labels = lenet_sklearn.load_dataset("digits")
    monkeypatch.setattr(
        lenet_sklearn, "load_dataset", lambda _: (digits[:150], labels[:150])
    )


def run(script, package, monkeypatch, *words):
    reason = f"{script} needs {package}: pip install {package}"
    pytest.importorskip(package, reason=reason)
    monkeypatch.setattr(sys, "argv", [script, *words])
    return runpy.run_path(str(EXAMPLES / script), run_name="__main__")


def test_optuna_ends_trials_that_read_less(few_digits, monkeypatch, capsys):
    made = run("search_with_optuna.py", "optuna", monkeypatch, "8")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9
    assert lines[-1].startswith("best: trial ")
    states = {trial.state.name for trial in made["study"].trials}
    assert states == {"COMPLETE", "PRUNED"}
    assert all(
        max(trial.intermediate_values) < made["N_EPOCHS"]
        for trial in made["study"].trials
        if trial.state.name == "PRUNED"
    )


@pytest.mark.slow  # makes a database
def test_a_search_is_logged_to_mlflow(few_digits, monkeypatch, capsys, tmp_path):
    made = run("log_to_mlflow.py", "mlflow", monkeypatch, str(tmp_path))
    *settings, best, where = capsys.readouterr().out.splitlines()
    assert len(settings) == len(made["search"].cv_results_["params"]) == 6
    means = [float(line.split()[0]) for line in settings]
    assert means == sorted(means, reverse=True)
    assert best.startswith("best: {'distortion': ")
    assert where == f"logged to {tmp_path}"
    assert len(list(tmp_path.rglob("best.safetensors"))) == 2
