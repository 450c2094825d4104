"""Model cards: written by a training, kept in the file, printed by ``lenet info``."""

import json

import pytest

from lenet_sklearn import (
    LeNet5Classifier,
    load_dataset,
    load_model,
    make_committee,
    save_model,
)
from lenet_sklearn.models.cards import ModelCard, read_card
from pipelines.cli.commands import main


@pytest.fixture
def classifier():
    return LeNet5Classifier.from_pretrained("mnist", device="cpu")


def test_a_card_comes_back_from_the_file(tmp_path, classifier):
    card = ModelCard.write_today("MNIST", 60_000, "lenet train")
    save_model(classifier, tmp_path / "model", card=card)
    assert read_card(tmp_path / "model") == card
    assert load_model(tmp_path / "model").classes_.tolist() == [*range(10)]


def test_a_file_without_a_card_loads_and_says_so(tmp_path, classifier, capsys):
    save_model(classifier, tmp_path / "model")
    assert read_card(tmp_path / "model") is None
    assert main(["info", str(tmp_path / "model")]) == 0
    assert "no model card" in capsys.readouterr().out


def test_the_date_is_that_of_reproducible_builds(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert ModelCard.write_today("digits", 1).date == "1970-01-01"


def test_a_card_of_a_newer_version_is_read_as_far_as_it_is_known():
    content = {**ModelCard("digits", 1).to_dict(), "mood": "good"}
    assert ModelCard.from_dict(json.loads(json.dumps(content))).data == "digits"


def test_train_writes_a_card_and_info_prints_it(tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    words = ["train", "digits", "digits", "-o", str(path), "--epochs", "1"]
    assert main([*words, "--device", "cpu"]) == 0
    report = capsys.readouterr().out
    assert main(["info", str(path)]) == 0
    shown = capsys.readouterr().out
    assert f"command      lenet {' '.join(words)} --device cpu" in shown
    assert "trained on   digits, 1437 images" in shown
    [error] = [line for line in report.splitlines() if line.startswith("test set")]
    assert error in shown.splitlines()
    assert "torch 2" in shown


def test_info_describes_the_shipped_model(capsys):
    assert main(["info", "mnist"]) == 0
    shown = capsys.readouterr().out
    assert "classes      0 1 2 3 4 5 6 7 8 9" in shown
    assert "parameters   61706" in shown


@pytest.mark.slow  # trains; a committee's pictures are drawn below
def test_train_and_evaluate_draw_their_pictures(tmp_path, capsys):
    path, plots = tmp_path / "model", tmp_path / "plots"
    words = ["digits", "--device", "cpu", "--plots", str(plots)]
    assert main(["train", "digits", *words, "-o", str(path), "--epochs", "1"]) == 0
    drawn = {"training", "kernels", "misread", "error_reject", "feature_maps"}
    assert {picture.stem for picture in plots.glob("*.png")} == drawn
    for picture in plots.glob("*.png"):
        picture.unlink()
    assert main(["evaluate", "digits", str(path), *words]) == 0
    assert {picture.stem for picture in plots.glob("*.png")} == drawn - {
        "training",
        "kernels",
    }
    assert str(plots) in capsys.readouterr().out


def test_missing_matplotlib_is_said_before_the_training(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    path = tmp_path / "model"
    words = ["train", "digits", "digits", "-o", str(path), "--plots", str(tmp_path)]
    assert main(words) == 2
    assert "lenet-sklearn[plot]" in capsys.readouterr().err
    assert not path.exists()


def test_a_committee_is_described_and_drawn_without_a_card(tmp_path, capsys):
    X, y = load_dataset("digits")
    committee = make_committee(
        LeNet5Classifier(max_epochs=1, device="cpu"), n_members=2, random_state=0
    )
    path, plots = tmp_path / "model", tmp_path / "plots"
    save_model(committee.fit(X[:200], y[:200]), path)
    assert main(["info", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "members      2\n" in shown
    assert shown.count("parameters   61706") == 1
    assert shown.count("estimator    ") == 2
    words = ["evaluate", "digits", str(path), "digits", "--device", "cpu"]
    assert main([*words, "--plots", str(plots)]) == 0, capsys.readouterr().err
    drawn = {picture.stem for picture in plots.glob("*.png")}
    assert drawn == {"misread", "error_reject"}
