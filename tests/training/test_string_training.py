"""Training on drawn fields, and adapting to a user's, write a file and a report."""

import csv

import cv2
import numpy as np
import pytest

from lenet_sklearn import load_model, save_model
from lenet_sklearn.models.cards import read_card
from lenet_sklearn.outputs import OutputError
from lenet_sklearn.strings import join_recognizers
from pipelines.training.fields import Adaptation, adapt_reader
from pipelines.training.strings import WIDTHS, train_strings


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "drawn.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.training.strings._N_TEST", 20)
        patch.setattr("pipelines.drawing.lines._N_COPYBOOK", 4)
        training = train_strings(
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
    recognizer = load_model(path, device="cpu")
    assert recognizer.network == "lenet5"
    assert tuple(recognizer.widths) == WIDTHS
    assert recognizer.predict([np.zeros((32, 60), np.uint8)]).shape == (1,)


def test_report_and_card_say_what_was_done(model):
    training, path = model
    assert "trained on   64 drawn fields" in str(training)
    card = read_card(path)
    assert card.data == "fields drawn from digits"
    assert (card.n_samples, card.command) == (64, "lenet train")
    assert "of 20 other drawn fields" in card.figures["test set"]


def test_unwritable_output_is_found_out_before_the_training(tmp_path):
    with pytest.raises(OutputError, match=r"folder .* does not exist"):
        train_strings("digits", tmp_path / "none" / "a.safetensors", n_lines=10**9)


@pytest.mark.slow
def test_adapting_reports_before_and_after(model, fields, tmp_path):
    output = tmp_path / "adapted.safetensors"
    adaptation = adapt_reader(
        fields, fields / "truth.csv", output, model=model[1], n_folds=2
    )
    assert len(adaptation.before) == len(adaptation.after) == 2
    assert "fitted on    6 fields" in str(adaptation)
    assert read_card(output).figures == adaptation.figures
    adapted = load_model(output, device="cpu")
    assert (adapted.network, tuple(adapted.widths)) == ("lenet5", WIDTHS)


def test_what_is_begun_with_is_not_written_over(model, fields, tmp_path):
    begun = tmp_path / "own.safetensors"
    save_model(load_model(model[1], device="cpu"), begun)
    with pytest.raises(ValueError, match="Write another"):
        adapt_reader(fields, fields / "truth.csv", begun, model=begun, n_folds=2)


def test_the_truth_is_not_written_over(model, fields):
    truth = fields / "truth.csv"
    before = truth.read_bytes()
    with pytest.raises(ValueError, match=r"truth\.csv is one of the files to read"):
        adapt_reader(fields, truth, truth, model=model[1], n_folds=2)
    assert truth.read_bytes() == before


def test_a_classifier_of_characters_is_nothing_to_begin_with(fields, tmp_path):
    with pytest.raises(ValueError, match=r"mnist reads single.*Start from 'vote'"):
        adapt_reader(fields, fields / "truth.csv", tmp_path / "m", model="mnist")


def test_a_committee_is_nothing_to_begin_with(model, fields, tmp_path):
    path = tmp_path / "committee"
    save_model(join_recognizers([load_model(model[1], device="cpu")]), path)
    with pytest.raises(ValueError, match=r"is a committee, .*Start from 'vote'"):
        adapt_reader(fields, fields / "truth.csv", tmp_path / "m", model=path)


@pytest.mark.slow
def test_what_was_fitted_is_kept_when_its_measuring_is_interrupted(
    model, fields, tmp_path, monkeypatch
):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.training.fields._try_fold", interrupt)
    output = tmp_path / "adapted.safetensors"
    with pytest.raises(KeyboardInterrupt) as caught:
        adapt_reader(fields, fields / "truth.csv", output, model=model[1], n_folds=2)
    [note] = caught.value.__notes__
    assert "adapted.safetensors is written" in note
    assert load_model(output, device="cpu").network == "lenet5"


@pytest.mark.parametrize(("after", "helps"), [((3, 4), True), ((3, 3), False)])
def test_fitting_that_brings_nothing_says_so(tmp_path, after, helps):
    adaptation = Adaptation(tmp_path / "a", 10, 2, before=(4, 2), after=after)
    assert ("Nothing was gained" in str(adaptation)) is not helps


def test_too_few_fields_are_refused(model, fields, tmp_path):
    with pytest.raises(ValueError, match=r"has 6 fields, .* Label more fields: 9"):
        adapt_reader(
            fields, fields / "truth.csv", tmp_path / "a", model=model[1], n_folds=9
        )
