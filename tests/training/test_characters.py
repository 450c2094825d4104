"""Training and evaluation: what the commands train and evaluate stand on."""

import subprocess
import sys

import numpy as np
import pytest

from lenet_sklearn import (
    join_classifiers,
    load_dataset,
    load_model,
)
from lenet_sklearn.outputs import OutputError
from pipelines import make_field_reader
from pipelines.cli.commands import main
from pipelines.training.characters import (
    make_model,
    parse_params,
    train,
)
from pipelines.training.evaluation import Evaluation, evaluate

# Seeds 0 to 2 misread at most 0.08 of the test set.
QUICK = {"max_epochs": 4, "batch_size": 64}

LOADING = "pipelines.training.boxes.load_dataset"


def make(recipe="modern", **params):
    return make_model(recipe, params=params, device="cpu")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "digits.safetensors"
    return train(make(**QUICK), "digits", path)


def test_training_on_digits_states_its_test_error(trained):
    assert trained.n_samples == 1437
    assert trained.n_parameters == 61_706
    assert trained.test.n_samples == 360
    assert trained.test.error < 0.2


def test_the_report_says_what_was_done_and_where_it_is(trained):
    report = str(trained)
    assert f"({trained.test.n_errors} of 360)" in report
    assert str(trained.path) in report


@pytest.mark.slow  # the command does so below
def test_a_recipe_is_trained_with_parameters_of_ones_own(tmp_path):
    path = tmp_path / "model"
    train(make("keras_tanh", max_epochs=1, module__pooling="max"), "digits", path)
    classifier = load_model(path)
    assert classifier.module__activation == "tanh"
    assert classifier.module__pooling == "max"
    with pytest.raises(ValueError, match="no recipe 'lenet'"):
        make("lenet")


def test_the_command_takes_a_recipe_and_its_exceptions(tmp_path, capsys):
    path = str(tmp_path / "model")
    words = ["train", "digits", "digits", "-o", path, "--recipe", "max_relu"]
    assert main([*words, "--set", "module__activation=silu", "--epochs", "1"]) == 0
    classifier = load_model(path)
    assert classifier.module__activation == "silu"
    assert classifier.optimizer == "adam"
    assert len(capsys.readouterr().out.splitlines()) == 5
    words.append("--force")
    assert main([*words, "--set", "module__activation=swish"]) == 2
    assert "activation" in capsys.readouterr().err


def test_parameters_are_read_as_json_or_strings():
    texts = ["lr=1e-3", "optimizer=sgd", "schedule=[[2, 0.1], [3, 0.05]]"]
    params = parse_params([*texts, "early_stopping=true", "initial_weights=a=b"])
    assert params == {
        "lr": 0.001,
        "optimizer": "sgd",
        "schedule": [[2, 0.1], [3, 0.05]],
        "early_stopping": True,
        "initial_weights": "a=b",
    }


@pytest.mark.parametrize("text", ["lr", "=3", "rate=3"])
def test_a_parameter_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=rf"--set expects NAME=VALUE.*Got '{text}'"):
        parse_params([text])


def test_evaluation_of_the_file_finds_the_same_error(trained):
    assert evaluate(trained.path, "digits", device="cpu").error == trained.test.error


@pytest.mark.parametrize(
    "words", [["read"], ["score", "--comb", "number=4"]], ids=["read", "score"]
)
def test_a_model_of_small_images_is_refused_before_anything_is_read(
    tmp_path, trained, capsys, words
):
    page, table = tmp_path / "page.png", tmp_path / "table.csv"
    page.touch()
    model = ["--model", str(trained.path)]
    assert main([*words, str(page), "-o", str(table), *model]) == 2
    assert "28 x 28 pixels" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [page]


def test_a_committee_on_small_images_is_no_classifier_of_glyphs(trained):
    model = load_model(trained.path)
    with pytest.raises(ValueError, match=r"Got one of images of 8 x 8\. Take"):
        make_field_reader(join_classifiers([model, model]))


def test_training_twice_gives_the_same_file(tmp_path, trained):
    again = train(make(**QUICK), "digits", tmp_path / "again")
    assert again.path.read_bytes() == trained.path.read_bytes()


def test_training_is_silent_in_a_pipe(tmp_path, capsys):
    train(make(max_epochs=1), "digits", tmp_path / "model")
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_a_large_training_set_is_calibrated(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.training.characters._LEAST_CALIBRATION", 50)
    training = train(make(**QUICK), "digits", tmp_path / "model")
    assert training.n_samples == 1437 - 72
    assert load_model(training.path).temperature_ == training.temperature


@pytest.mark.slow
def test_a_committee_is_trained_into_one_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("pipelines.training.characters._LEAST_CALIBRATION", 50)
    path = tmp_path / "model"
    words = ["train", "digits", "digits", "-o", str(path), "--epochs", "4"]
    assert main([*words, "--members", "2", "--seed", "7", "--device", "cpu"]) == 0
    report = capsys.readouterr().out
    assert "parameters   2 x 61706" in report
    members = load_model(path).estimators_
    assert [member.random_state for member in members] == [7, 8]
    assert f"trained on   {1437 - 72} images" in report
    assert members[0].temperature_ == members[1].temperature_
    assert evaluate(path, "digits").summary in report
    assert main(["info", str(path)]) == 0
    assert f"lenet {' '.join(words)} --members 2" in capsys.readouterr().out


def test_an_output_that_cannot_be_written_is_found_out_first(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("loaded before the output was checked")

    monkeypatch.setattr(LOADING, refuse)
    with pytest.raises(OutputError, match=r"the folder .*missing does not exist"):
        train(make(), "digits", tmp_path / "missing" / "model")
    with pytest.raises(OutputError, match="Name a file"):
        train(make(), "digits", tmp_path)


def test_a_model_of_numbers_refuses_named_classes(tmp_path, trained, monkeypatch):
    X, y = load_dataset("digits", split="test")
    named = np.array([f"class {label}" for label in y])
    monkeypatch.setattr(LOADING, lambda *a, **k: (X, named))
    with pytest.raises(ValueError, match="numbers and names do not compare"):
        evaluate(trained.path, "digits", device="cpu")


def test_names_may_come_as_objects(tmp_path, monkeypatch):
    X, y = load_dataset("digits", split="test")
    named = np.array([f"class {label}" for label in y], dtype=object)
    monkeypatch.setattr(LOADING, lambda *a, **k: (X, named))
    trained = train(make(max_epochs=1), "digits", tmp_path / "model")
    assert trained.test.labels.tolist() == sorted(set(named))


def test_the_report_of_an_evaluation_shows_counts_and_confusions():
    confusion = np.array([[95, 0, 5], [0, 98, 2], [1, 0, 99]])
    report = str(Evaluation(np.array([1, 4, 7]), confusion))
    assert "error 2.67 % (8 of 300)" in report
    assert "    1 | 95  .  5" in report
    assert report.index("1 read as 7: 5") < report.index("4 read as 7: 2")


def test_an_evaluation_without_errors_has_no_worst_confusions():
    evaluation = Evaluation(np.array(["a", "b"]), np.diag([3, 4]))
    assert evaluation.worst() == []
    assert "worst" not in str(evaluation)


@pytest.mark.slow  # starts a program
def test_importing_the_module_does_not_import_torch():
    code = "import sys, pipelines.training.characters; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
