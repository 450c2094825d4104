"""The command line of strings: train, evaluate and read without boxes."""

import csv

import cv2
import pytest

from pipelines.cli.commands import main
from pipelines.drawing import draw_string, draw_writer

TEXTS = ["1742", "308", "5", "60291", "33", "982"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of fields, and what they say."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fields").mkdir()
    with open("truth.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", "value"])
        for n, text in enumerate(TEXTS):
            field = draw_string(text, draw_writer(n), random_state=n)
            cv2.imwrite(f"fields/{n}.png", field)
            table.writerow([f"{n}.png", text])
    return tmp_path


FIELDS = "fields --truth truth.csv"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("train strings digits", "Missing option '--output'"),
        ("train fields fields -o m", "Missing option '--truth'"),
        ("train strings digits --recipe modern -o m", "No such option"),
        (f"train fields {FIELDS} --plots p -o m", "No such option"),
        ("train strings no --network vote -o m", "'--network'"),
        ("train digits digits --set initial_weights=wide -o m", "no single LeNet5"),
        (f"train fields {FIELDS} --network no -o m", "no model file no"),
        ("train fields none --truth truth.csv -o m", "'none' does not exist"),
        ("train fields fields --truth none.csv -o m", "'none.csv' does not exist"),
        ("evaluate fields wide fields", "Missing option '--truth'"),
        (f"evaluate fields none {FIELDS}", "no model file none"),
        (f"evaluate fields wide {FIELDS} --device cpu", "No such option"),
        ("evaluate digits wide digits", "reads strings"),
        ("evaluate digits segments digits", "reads strings"),
        ("evaluate digits vote digits", "reads strings"),
    ],
)
def test_misuse_is_explained_in_one_line(folder, capsys, words, reason):
    assert main(words.split()) == 2
    err = capsys.readouterr().err
    assert reason in err
    assert err.count("\n") == 1
    assert not (folder / "m").exists()


@pytest.fixture
def without_folds(monkeypatch):
    """Leave out the cross-validation, which fits five times more."""
    monkeypatch.setattr("pipelines.training.fields._try_fold", lambda *_: (0, 1))


def test_a_network_trained_on_drawn_strings_reads_fields(folder, capsys, monkeypatch):
    monkeypatch.setattr("pipelines.training.strings._N_TEST", 20)
    monkeypatch.setattr("pipelines.drawing.lines._N_COPYBOOK", 4)
    words = "train strings digits --network lenet5_dense --lines 64 -o m"
    assert main(words.split()) == 0
    assert "84803" in capsys.readouterr().out
    assert main(["info", "m"]) == 0
    assert "fields drawn from digits" in capsys.readouterr().out
    assert main(["read", "fields", "--model", "m", "-o", "values.csv"]) == 0
    with open("values.csv", newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(TEXTS)


@pytest.mark.slow
def test_fields_are_read_with_what_was_fitted_to_them(folder, capsys):
    words = f"train fields {FIELDS} --network lenet5_dense -o m"
    assert main(words.split()) == 0
    out = capsys.readouterr().out
    assert "before" in out
    assert "after" in out
    assert main(["info", "m"]) == 0
    assert "lenet5_dense, then fields" in capsys.readouterr().out
    assert main(["evaluate", "fields", "m", *FIELDS.split()]) == 0
    assert f"of {len(TEXTS)} fields read correctly" in capsys.readouterr().out


@pytest.mark.parametrize("words", ["train fields -o m", "evaluate fields wide"])
def test_empty_values_are_told_before_the_work(folder, capsys, monkeypatch, words):
    def refuse(*_, **__):
        raise ValueError("this is the work")

    monkeypatch.setattr("pipelines.training.fields.adapt_reader", refuse)
    monkeypatch.setattr("pipelines.training.evaluation.evaluate_fields", refuse)
    with open("truth.csv", "a", encoding="utf-8") as file:
        file.write("9.png,\n")
    assert main([*words.split(), *FIELDS.split()]) == 2
    told, work = capsys.readouterr().err.splitlines()
    assert "truth.csv: 1 of 7 values is empty" in told
    assert "this is the work" in work


@pytest.mark.slow
@pytest.mark.usefixtures("without_folds")
def test_over_segmentation_is_trained_fitted_and_read_with(folder, capsys, monkeypatch):
    monkeypatch.setattr("pipelines.training.strings._N_TEST", 20)
    words = "train strings digits --network segments --lines 20 -o m"
    assert main(words.split()) == 0
    assert "network      segments" in capsys.readouterr().out
    words = f"train fields {FIELDS} --network m -o adapted"
    assert main(words.split()) == 0
    assert "after" in capsys.readouterr().out
    assert main(["info", "adapted"]) == 0
    assert "m, then fields" in capsys.readouterr().out
    words = f"evaluate fields segments {FIELDS}"
    assert main(words.split()) == 0
    assert f"of {len(TEXTS)} fields read correctly" in capsys.readouterr().out
    assert main(["read", "fields", "--model", "segments", "-o", "values.csv"]) == 0
    with open("values.csv", newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(TEXTS)


@pytest.mark.slow
@pytest.mark.usefixtures("without_folds")
def test_two_models_that_vote_are_fitted_together(folder, capsys):
    words = f"train fields {FIELDS} --network vote -o adapted"
    assert main(words.split()) == 0
    assert "after" in capsys.readouterr().out
    assert main(["info", "adapted"]) == 0
    assert "vote, then fields" in capsys.readouterr().out
    assert main(["read", "fields", "--model", "adapted", "-o", "values.csv"]) == 0
    with open("values.csv", newline="", encoding="utf-8") as file:
        assert [row["value"] for row in csv.DictReader(file)] == TEXTS
    words = f"train fields {FIELDS} --network adapted -o again"
    assert main(words.split()) == 2
    assert "has been fitted already" in capsys.readouterr().err


@pytest.mark.slow
def test_a_network_of_signs_is_trained_and_read_with(folder, capsys, monkeypatch):
    monkeypatch.setattr("pipelines.training.strings._N_TEST", 20)
    words = "train strings digits --network signs --lines 20 -o m"
    assert main(words.split()) == 0
    assert "network      signs" in capsys.readouterr().out
    assert main(["info", "m"]) == 0
    assert "0 1 2 3 4 5 6 7 8 9 . , - / : = * x +" in capsys.readouterr().out
    words = "read fields --model m --characters 0123456789.- -o values.csv"
    assert main(words.split()) == 0
    with open("values.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [bool(row["raw"]) for row in rows] == [bool(row["value"]) for row in rows]
