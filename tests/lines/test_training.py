"""Training on drawn fields, and adapting to a user's, write a file and a report."""

import csv

import cv2
import numpy as np
import pytest

from lenet_sklearn.cards import read_card
from lenet_sklearn.strings import StringRecognizer
from pipelines.lines.adapting import adapt_reader, read_labelled_fields
from pipelines.lines.training import train_lines


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "drawn.safetensors"
    training = train_lines(
        "digits", path, network="lenet5", n_lines=64, command="lenet train"
    )
    return training, path


@pytest.fixture(scope="module")
def fields(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fields")
    with (folder / "truth.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "value"])
        for i, value in enumerate(["17", "4", "", "0230", "99", "8"]):
            field = np.full((50, 160), 200, np.uint8)
            cv2.putText(field, value, (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 60, 3)
            cv2.imwrite(str(folder / f"{i}.png"), field)
            table.writerow([f"{i}.png", value])
    return folder


def test_training_writes_a_recognizer_that_loads(model):
    _, path = model
    recognizer = StringRecognizer.load(path, device="cpu")
    assert recognizer.network == "lenet5"
    assert recognizer.predict([np.zeros((32, 60), np.uint8)]).shape == (1,)


def test_report_and_card_say_what_was_done(model):
    training, path = model
    assert "trained on   64 drawn fields" in str(training)
    card = read_card(path)
    assert card.data == "fields drawn from digits"
    assert (card.n_samples, card.command) == (64, "lenet train")
    assert "of 1000 other drawn fields" in card.figures["test set"]


def test_unwritable_output_is_found_out_before_the_training(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        train_lines("digits", tmp_path / "none" / "a.safetensors", n_lines=10**9)


def test_fields_and_values_are_read_together(fields):
    strips, texts = read_labelled_fields(fields, fields / "truth.csv")
    assert texts == ["17", "4", "", "0230", "99", "8"]
    assert {strip.shape[0] for strip in strips} == {32}


def test_adapting_reports_before_and_after(model, fields, tmp_path):
    output = tmp_path / "adapted.safetensors"
    adaptation = adapt_reader(
        fields, fields / "truth.csv", output, model=model[1], n_folds=2
    )
    assert len(adaptation.before) == len(adaptation.after) == 2
    assert "fitted on    6 fields" in str(adaptation)
    assert StringRecognizer.load(output, device="cpu").network == "lenet5"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,value\na.png,1\n", "no column 'file'"),
        ("file,value\na.png,1.5\n", "Values are digits only"),
        ("file,value\na.png,1\n", "no such file"),
    ],
)
def test_faulty_truth_is_explained(tmp_path, content, message):
    truth = tmp_path / "truth.csv"
    truth.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_labelled_fields(tmp_path, truth)


def test_too_few_fields_are_refused(model, fields, tmp_path):
    with pytest.raises(ValueError, match="Label more fields"):
        adapt_reader(
            fields, fields / "truth.csv", tmp_path / "a", model=model[1], n_folds=9
        )
