"""Acceptance rules on the command line, and results beside the truth."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest

import pipelines.readers
from lenet_sklearn import AcceptanceRule, attach_rule, read_rule
from lenet_sklearn.models.files import model_path
from lenet_sklearn.strings.boxes import BoxPosteriors
from pipelines.cli.commands import main
from pipelines.drawing import draw_comb, draw_string, draw_writer
from pipelines.models import describe_model, rule_of
from pipelines.outcomes import PageReading, settle

BOXES = BoxPosteriors(np.ones((1, 2)) / 2, ("7",))


class StubReader:
    """Reads the mean grey of a page, more surely the lighter it is."""

    def __init__(self, threshold):
        self.threshold = threshold

    def read(self, page):
        grey = page.mean()
        reading = settle(f"{grey:.0f}", grey / 255, self.threshold)
        return PageReading({"rin": replace(reading, boxes=BOXES)})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(form, *, threshold, **options):
        return StubReader(threshold)

    monkeypatch.setattr(pipelines.readers, "make_form_reader", make)
    return tmp_path


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_results(n_fields, *, n_wrong=0, confidence=0.97):
    """Write values.csv and truth.csv of fields that are accepted."""
    read = [f"{n}.png,7,accepted,{confidence}\n" for n in range(n_fields)]
    truth = [f"{n}.png,{1 if n < n_wrong else 7}\n" for n in range(n_fields)]
    for name, head, lines in (
        ("values.csv", "file,value,status,confidence\n", read),
        ("truth.csv", "file,value\n", truth),
    ):
        with open(name, "w") as file:
            file.writelines([head, *lines])


def calibrate(*words):
    return main(["calibrate", "values.csv", "--truth", "truth.csv", *words])


def save_pages(*greys):
    for n, grey in enumerate(greys):
        PIL.Image.new("L", (40, 30), grey).save(f"p{n:02d}.png")


def score(*words):
    return main(["score", "p*.png", "--comb", "rin=3", "-o", "results.csv", *words])


def misuse(capsys):
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("words", [["results", "values.csv"], ["values.csv"]])
def test_results_are_evaluated_with_their_denominators(folder, capsys, words):
    write_results(200, n_wrong=2)
    assert main(["evaluate", *words, "--truth", "truth.csv"]) == 0
    shown = capsys.readouterr().out
    assert "wrong       2 (error rate 1.0 % of the 200 accepted; 95 % interv" in shown
    assert "  1 read as 7: 2\n" in shown


def test_the_truth_may_come_first_and_programs_get_json(folder, capsys):
    write_results(200, n_wrong=2)
    words = ["--json", "--truth", "truth.csv", "values.csv"]
    for order in (words, [*words[1:], words[0]]):
        assert main(["evaluate", *order]) == 0
        assert json.loads(capsys.readouterr().out)["error_rate"] == 0.01


def test_a_rule_is_fitted_and_says_what_it_certifies(folder, capsys):
    write_results(700, n_wrong=2)
    assert calibrate("-o", "rule.json", "--fitted-on", "our cheques") == 0
    shown = capsys.readouterr().out
    assert "700 of 700 fields (100.0 %), 2 of them wrong\nbound: 0.9 % of" in shown
    assert "--max-error of 5 %: 100.0 %, 2 %: 100.0 %, 0.5 %: none, 0.1 %: n" in shown
    rule = AcceptanceRule.from_file("rule.json")
    assert (rule.max_error, rule.fitted_on) == (0.01, "our cheques")
    assert not rule.accepts_nothing


def test_too_few_fields_are_said_to_be_so(folder, capsys):
    write_results(100)
    assert calibrate("-o", "rule.json") == 0
    shown = capsys.readouterr().out
    assert "100 labelled fields are too few: they can show 3.0 % at best" in shown
    save_pages(250)
    assert score("--rule", "rule.json") == 2
    assert "nothing would be accepted: 100 labelled fields are too few" in misuse(
        capsys
    )
    assert score("--rule", "rule.json", "--max-error", "0.05") == 0


def test_a_rule_decides_what_is_accepted_and_promises(folder, capsys):
    write_results(700, n_wrong=2)
    calibrate("-o", "rule.json")
    capsys.readouterr()
    save_pages(250, 240, 200)
    assert score("--rule", "rule.json", "--overlay", "pictures") == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[1] == "3 fields: 1 accepted, 2 rejected"
    assert out.splitlines()[3] == (
        "Rule: of the accepted values at most 1 in 100 is wrong, with 95 % confidence,"
        " if these are like those of values.csv"
    )
    assert err == ""
    read = rows(folder / "results.csv")
    assert [row["rin.status"] for row in read] == ["accepted", "rejected", "rejected"]


def test_the_same_rule_serves_in_several_processes(folder, capsys):
    write_results(700)
    calibrate("-o", "rule.json")
    save_pages(250, 240)
    assert score("--rule", "rule.json") == 0
    alone = (folder / "results.csv").read_bytes()
    assert score("--rule", "rule.json", "--jobs", "2", "--force") == 0
    assert (folder / "results.csv").read_bytes() == alone


def test_a_batch_unlike_the_fit_is_warned_of(folder, capsys):
    write_results(700)
    calibrate("-o", "rule.json")
    capsys.readouterr()
    save_pages(*range(170, 200))
    assert score("--rule", "rule.json") == 0
    err = capsys.readouterr().err
    assert err.startswith("lenet: warning: the confidences are not like those of those")


def test_fields_are_read_by_a_rule(folder, capsys):
    for seed, text in enumerate(("042", "1789")):
        image = PIL.Image.fromarray(draw_comb(text, random_state=seed))
        image.save(f"f{text}.png")
    write_results(400, confidence=0.5)
    calibrate("-o", "rule.json")
    assert main(["read", "f*.png", "--rule", "rule.json", "-o", "v.csv"]) == 0
    assert [row["status"] for row in rows(folder / "v.csv")] == ["accepted"] * 2
    assert "Rule: of the accepted values" in capsys.readouterr().out


def test_a_model_brings_its_rule(folder, capsys):
    shutil.copy(model_path("mnist"), "own.safetensors")
    write_results(700)
    assert calibrate("-o", "rule.json", "--model", "own.safetensors") == 0
    assert str(rule_of("own.safetensors")) == str(AcceptanceRule.from_file("rule.json"))
    save_pages(250, 200)
    words = ["--model", "own.safetensors", "--max-error", "0.02"]
    assert score(*words) == 0
    assert "at most 1 in 50 is wrong" in capsys.readouterr().out
    described = describe_model("own.safetensors")
    assert "rule         at most 1 % of the accepted wrong: from conf" in described


def test_the_vote_has_a_rule_beside_the_models_that_vote(folder, monkeypatch):
    monkeypatch.setattr("pipelines.models.VOTE_RULE", folder / "vote.json")
    assert rule_of("vote") is None
    rule = AcceptanceRule().fit(np.full(300, 0.9), np.full(300, True))
    rule.to_file("vote.json")
    assert str(rule_of("vote")) == str(rule)


def test_each_kind_of_field_is_read_by_the_rule_of_its_model(folder, monkeypatch):
    sure, unsure = (
        AcceptanceRule().fit(np.full(300, p), np.full(300, True)) for p in (0.9999, 0.1)
    )
    rules = {"boxes": sure, "vote": unsure}
    monkeypatch.setattr("pipelines.models.rule_of", rules.get)
    PIL.Image.fromarray(draw_comb("042", random_state=0)).save("comb.png")
    line = draw_string("308", draw_writer(3), random_state=3)
    PIL.Image.fromarray(line).save("line.png")
    words = ["read", "comb.png", "line.png", "--max-error", "0.02", "-o", "v.csv"]
    assert main(words) == 0
    assert [row["status"] for row in rows(folder / "v.csv")] == ["rejected", "accepted"]
    rules["vote"] = None
    assert main([*words, "--force"]) == 2


def test_a_rule_of_another_model_is_replaced(folder):
    shutil.copy(model_path("wide"), "own.safetensors")
    rule = AcceptanceRule().fit(np.full(300, 0.9), np.full(300, True))
    attach_rule("own.safetensors", rule)
    attach_rule("own.safetensors", rule.with_max_error(0.05))
    assert read_rule("own.safetensors").max_error == 0.05
    assert main(["info", "own.safetensors"]) == 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("score p00.png --comb r=3 -o r.csv --rule no.json", "no.json cannot be read"),
        ("score p00.png --comb r=3 -o r.csv --rule truth.csv", "truth.csv: "),
        (
            "score p00.png --comb r=3 -o r.csv --max-error 0.1 --threshold 0.5",
            "--threshold is what a rule chooses",
        ),
        (
            "score p00.png --comb r=3 -o r.csv --rule rule.json --max-error 1.5",
            "'max_error'",
        ),
        (
            "score p00.png --comb r=3 -o r.csv --max-error 0.1 --model own.safetensors",
            "the model own.safetensors brings no acceptance rule",
        ),
        ("calibrate values.csv --truth truth.csv -o rule.json", "rule.json exists"),
        ("calibrate values.csv --truth truth.csv -o r.csv", "Name it r.json"),
        ("calibrate truth.csv --truth truth.csv -o r.json", "no table of results"),
        ("calibrate values.csv --truth truth.csv -o r.json --groups a", "column 'a'"),
        ("calibrate values.csv --truth truth.csv -o r.json --max-error 0", "above 0"),
        (
            "calibrate values.csv --truth truth.csv -o r.json --model p00.png",
            "p00.png is not a model file",
        ),
        ("evaluate no.csv --truth truth.csv", "no.csv"),
        ("evaluate values.csv", "Missing option '--truth'"),
        ("evaluate letters", "No such command 'letters'"),
    ],
)
def test_misuse_is_explained_in_one_line(folder, capsys, words, reason):
    shutil.copy(model_path("mnist"), "own.safetensors")
    write_results(5)
    assert calibrate("-o", "rule.json") == 0
    save_pages(7)
    capsys.readouterr()
    before = sorted(folder.iterdir())
    assert main(words.split()) == 2
    assert reason in misuse(capsys)
    assert sorted(folder.iterdir()) == before
