"""A run's reader learns from corrections: what it takes, and when it refuses."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lenet_sklearn import AcceptanceRule, read_rule
from lenet_sklearn.models.cards import ModelCard, read_card
from pipelines import (
    Correction,
    Form,
    PageReading,
    PageResult,
    Review,
    make_form_reader,
)
from pipelines.cli import main
from pipelines.cli.options import TrainingOptions
from pipelines.cli.relearning import make_run_reader
from pipelines.drawing import draw_filled_forms
from pipelines.outcomes import FieldReading, settle
from pipelines.readers import comb
from pipelines.review.applying import Change
from pipelines.review.corrections import COLUMNS, document_key
from pipelines.runs.folder import RunFolder
from pipelines.scans.identity import Document
from pipelines.training.corrections import (
    Counts,
    Relearning,
    RunReader,
    find_reviewed,
    train_corrections,
)

WHEN = "2026-11-28T04:05:06Z"


def a_change(read, written, status="rejected"):
    before = FieldReading(read, status, 0.5)
    after = replace(before, value=written, status="accepted")
    verdict = "confirmed" if read == written else "corrected"
    return Change("a.png", 1, "id", before, after, verdict, ())


def measured(before, after, *, allowed=0.1):
    return Relearning(
        *(Path("own.safetensors"), 100, 10, 20, 5),
        before=Counts(*before),
        after=Counts(*after),
        allowed=allowed,
        rule=None,
    )


def test_readings_are_counted_by_what_is_written():
    changes = [a_change("1", "1", "accepted"), a_change("2", "7"), a_change("", "")]
    readings = [settle("4", 0.99, 0.9), settle("7", 0.5, 0.9), settle("", 0.99, 0.9)]
    assert Counts.of(changes, readings) == Counts(2, 1, 1, 1)
    lost = FieldReading("", "unlocated", 0.0)
    assert Counts.of(changes[2:], [lost]) == Counts(0, 1, 0, 0)


@pytest.mark.parametrize(
    ("before", "after", "doubt"),
    [
        ((80, 50, 1, 1), (90, 30, 2, 1), None),
        ((80, 50, 1, 1), (80, 30, 1, 1), None),
        ((80, 50, 1, 1), (79, 30, 1, 1), "it reads fewer of them right"),
        ((80, 50, 1, 1), (80, 50, 1, 1), "it gains nothing"),
        ((80, 50, 1, 1), (90, 30, 2, 2), "more are wrong of what was accepted before"),
        ((80, 50, 1, 1), (90, 30, 9, 1), "of what it accepts anew, 8 of 20 are wrong"),
    ],
)
def test_a_model_is_written_only_if_it_is_better(before, after, doubt):
    told = measured(before, after)
    assert told.doubts == ([] if doubt is None else [doubt])
    assert ("Nothing is written" in str(told)) == (doubt is not None)


def test_what_is_learned_is_what_was_reviewed_and_what_was_accepted_besides():
    fields = {"id": settle("12", 0.5, 0.9), "room": settle("7", 0.99, 0.9)}
    fields |= {"sum": settle("3", 0.6, 0.9), "day": settle("5", 0.99, 0.9)}
    results = [PageResult(name, 1, PageReading(fields)) for name in ("a.png", "b.png")]
    said = Correction("run", "a.png", 1, "id", "12", "17", "corrected")
    unread = replace(said, field="day", read="5", verdict="unreadable")
    documents = [Document("a.png", sha256="f", size=3), Document("b.png")]
    review = Review([said, unread], None)
    [page] = find_reviewed(results, review, ["id", "room", "day"], documents)
    assert page.texts == {"id": "17", "room": "7"}
    assert list(page.changes) == ["id"]
    assert page.task.version == (3, 0)


def test_one_page_is_too_few():
    reader = make_form_reader(Form.from_combs({"id": 2}))
    how = RunReader(reader, {"comb"}, 200.0)
    with pytest.raises(ValueError, match="reviewed on 0 that can be read"):
        train_corrections(
            *([], [], how, "own.safetensors"),
            rule=AcceptanceRule(),
            card=ModelCard("boxes", 0),
        )


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A run of some drawn pages, and corrections of it by what is written."""
    return score_drawn(tmp_path_factory.mktemp("scored"), n_pages=5)


@pytest.fixture(scope="module")
def scored_once(tmp_path_factory):
    """A run of one page, which is enough to be refused."""
    return score_drawn(tmp_path_factory.mktemp("once"), n_pages=1)


def score_drawn(folder, n_pages):
    before = Path.cwd()
    os.chdir(folder)
    forms = draw_filled_forms("demo", n_pages=n_pages, random_state=3)
    words = ["score", "demo/scans", "--form", "demo/form.json", "--threshold", "0.99"]
    assert main([*words, "--jobs", "1", "-o", "r.csv"]) == 0
    batch = json.loads(Path("r.run/run.json").read_text("utf-8"))["id"]
    with open("r.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    said = []
    for row in rows:
        for name, written in forms.truth[Path(row["document"]).name].items():
            if row[f"{name}.status"] == "rejected" or name == "student_number":
                verdict = "confirmed" if row[name] == written else "corrected"
                place = [document_key(row["document"]), row["page"], name]
                said.append(
                    [batch, *place, row[name], written, verdict, "", "", "", WHEN]
                )
    with open("anna.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *said])
    os.chdir(before)
    return folder


RUN = ["train", "--corrections", "r.csv", "anna.csv", "-o", "own.safetensors"]


@pytest.fixture
def run(scored, monkeypatch):
    monkeypatch.chdir(scored)
    monkeypatch.setitem(comb._ADAPTATION, "max_epochs", 1)
    return list(RUN)


@pytest.mark.slow
def test_a_run_is_read_better_by_what_has_learned_from_its_corrections(
    run, monkeypatch, capsys
):
    # So few fields may teach nothing: what is tested is that the model is of use.
    monkeypatch.setattr(Relearning, "doubts", [])
    assert main([*run, "--max-error", "0.5", "--force"]) == 0
    shown = capsys.readouterr().out
    assert "saved in     own.safetensors" in shown
    assert read_rule("own.safetensors").max_error == 0.5
    card = read_card("own.safetensors")
    assert card.data == "boxes, then corrections"
    assert set(card.figures) == {"before", "after"}
    words = ["score", "demo/scans", "--form", "demo/form.json", "--jobs", "1"]
    words += ["--model", "own.safetensors", "--max-error", "0.5", "-o", "new.csv"]
    assert main([*words, "--force"]) == 0


@pytest.mark.slow
def test_nothing_is_written_without_a_gain(run, monkeypatch, capsys):
    monkeypatch.setattr(Relearning, "doubts", ["it gains nothing"])
    run[-1] = "none.safetensors"
    assert main(run) == 1
    assert "Nothing is written" in capsys.readouterr().out
    assert not Path("none.safetensors").exists()


@pytest.mark.slow
def test_a_scan_that_has_changed_is_passed_over(run, monkeypatch, capsys):
    run[-1] = "changed.safetensors"
    monkeypatch.setattr(Relearning, "doubts", ["it gains nothing"])
    changed = sorted(Path("demo/scans").iterdir())[0]
    content = changed.read_bytes()
    changed.write_bytes(np.random.default_rng(0).bytes(100))
    assert main(run) == 1
    changed.write_bytes(content)
    assert f"{changed} has changed since it was read" in capsys.readouterr().err


def test_other_networks_forms_and_folders_are_refused(scored_once, monkeypatch, capsys):
    monkeypatch.chdir(scored_once)
    run = [*RUN[:-1], "refused.safetensors"]
    form = Path("demo/form.json")
    content = form.read_text("utf-8")
    form.write_text(content.replace("points_1", "points_x"), encoding="utf-8")
    assert main(run) == 2
    form.write_text(content, encoding="utf-8")
    assert "is not the form that was read" in capsys.readouterr().err
    monkeypatch.setattr("pipelines.cli.relearning.describe_networks", lambda _: "other")
    assert main(run) == 2
    assert "not the one that read the pages" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.chdir(scored_once.parent)
    elsewhere = [f"{scored_once}/{word}" if ".csv" in word else word for word in run]
    assert main(elsewhere) == 2
    assert "in which lenet score was given" in capsys.readouterr().err


def test_a_run_may_be_of_a_release_that_knew_less_of_forms(scored_once, monkeypatch):
    monkeypatch.chdir(scored_once)
    folder = RunFolder(Path("r.run"))
    for field in folder.settings["form"]["fields"]:
        del field["maximum"]
    training = TrainingOptions(Path("own.safetensors"), device="cpu")
    how = make_run_reader(folder, training, [])
    assert how.reader.form.fields[0].name == "student_number"
