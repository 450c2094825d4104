"""The best of a search is saved as it read, with a rule that pays for the choice."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from lenet_sklearn import AcceptanceRule, load_model
from lenet_sklearn.models.cards import ModelCard, read_card
from pipelines import SlidingReader, make_field_reader
from pipelines.cli.inputs import make_reader_of
from pipelines.drawing import draw_comb, draw_string, draw_writer
from pipelines.models import (
    describe_model,
    holds_line_reader,
    rule_of,
    save_field_reader,
    settings_of,
)
from pipelines.readers.scorers import Outcomes, judge
from pipelines.training.best import Outputs, fit_rule, search_best, write_search
from pipelines.training.candidates import Candidate, Found
from pipelines.training.labelled import read_labelled_fields
from pipelines.training.material import (
    Material,
    digit_material,
    field_material,
    page_material,
)
from pipelines.training.search import SearchPlan


def outcomes(n_right, n_wrong=0, sureness=0.99):
    truths = np.array(["1"] * (n_right + n_wrong), dtype=object)
    values = np.array(["1"] * n_right + ["2"] * n_wrong, dtype=object)
    n = n_right + n_wrong
    return Outcomes(truths, values, np.full(n, sureness), np.ones(n, dtype=bool))


def found(n_candidates, n_right=100, n_wrong=0):
    parts = [outcomes(n_right, n_wrong)] * 2
    made = [
        Candidate({"read__lr": n}, parts, [1.0, 2.0], "exact_strings")
        for n in range(n_candidates)
    ]
    halves = np.split(np.arange(2 * (n_right + n_wrong)), 2)
    splits = [(halves[0], halves[1]), (halves[1], halves[0])]
    return Found(made, made[0], None, {}, splits)


def material(n_samples=200, groups=None, told=(0,)):
    return Material("lines", "fields", None, range(n_samples), None, groups, told)


def test_models_of_one_recipe_are_several_settings():
    made = found(2)
    models = [SlidingReader(load_model(name)) for name in ("wide", "wide")]
    for candidate, model in zip(made.candidates, models, strict=True):
        candidate.params.clear()
        candidate.params["read__line_reader"] = model
    assert made.n_settings == 1
    weights = models[1].recognizer.net_.module_.state_dict()
    next(iter(weights.values())).add_(1)
    assert made.n_settings == 2


def test_a_score_is_better_than_none():
    made = found(1)
    before = replace(made.best, scoring="neg_calibration_error")
    nothing = before.outcomes[0]._replace(decided=np.zeros(100, dtype=bool))
    unsure = replace(before, outcomes=[nothing, nothing])
    assert np.isnan(unsure.mean)
    assert replace(made, best=before, before=unsure).is_gain
    assert not replace(made, best=before, before=replace(before)).is_gain


def test_a_rule_pays_for_having_been_chosen_among_several():
    rule = AcceptanceRule(max_error=0.02, fitted_on="these")
    alone, of_five = (fit_rule(rule, found(n), material()) for n in (1, 5))
    assert (alone.confidence, of_five.confidence) == pytest.approx((0.95, 0.99))
    assert alone.fitted_on == "these"
    assert of_five.fitted_on == "these (the best of 5 settings: 95 %)"
    assert not alone.accepts_nothing
    # 200 fields, none of them wrong, show 2.28 % at best with 99 % confidence.
    assert of_five.accepts_nothing


def test_fields_of_one_writer_count_as_one():
    rule = AcceptanceRule(max_error=0.02)
    writers = [n // 50 for n in range(200)]
    assert fit_rule(rule, found(1), material(groups=writers)).n_units_ == 4


def test_a_rule_is_for_the_fields_of_a_page_that_the_file_reads():
    rule = AcceptanceRule(max_error=0.02)
    pages = found(1)
    pages = replace(pages, splits=[(h[::2] // 2, k[::2] // 2) for h, k in pages.splits])
    fitted = fit_rule(rule, pages, material(100, told=(1,)))
    assert (fitted.n_fields_, fitted.n_units_) == (100, 100)
    both = fit_rule(rule, pages, material(100, told=(0, 1)))
    assert (both.n_fields_, both.n_units_) == (200, 100)
    assert fit_rule(rule, pages, material(100, told=())) is None


def test_the_table_has_all_measures_of_all_candidates(tmp_path):
    write_search(found(2, 3, 1), tmp_path / "table.csv")
    with open(tmp_path / "table.csv", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["read__lr"], second["read__lr"]) == ("0", "1")
    assert (first["mean_exact_strings"], first["std_exact_strings"]) == (
        "0.7500",
        "0.0000",
    )
    assert first["mean_neg_digit_error"] == "-0.2500"
    assert first["seconds"] == "1.5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six rows of three boxes, of three writers."""
    path = tmp_path_factory.mktemp("fields")
    rng = np.random.default_rng(0)
    hands = [draw_writer(rng) for _ in range(3)]
    with open(path / "truth.csv", "w", encoding="utf-8") as file:
        file.write("file,value,writer\n")
        for n in range(6):
            text = "".join(map(str, rng.integers(0, 10, 3)))
            comb = draw_comb(text, writer=hands[n % 3], random_state=rng)
            cv2.imwrite(str(path / f"{n}.png"), comb)
            file.write(f"{n}.png,{text},w{n % 3}\n")
    return path


def test_writers_are_read_from_a_column(folder):
    truth = folder / "truth.csv"
    labelled = read_labelled_fields(folder, truth, groups="writer")
    assert [field.group for field in labelled] == ["w0", "w1", "w2"] * 2
    with pytest.raises(ValueError, match=r"no column 'hand'. It has file, value, wri"):
        read_labelled_fields(folder, truth, groups="hand")


@pytest.fixture
def outputs(tmp_path):
    return Outputs(tmp_path / "best.safetensors", command="lenet search")


def write_grid(tmp_path, text):
    (tmp_path / "grid.toml").write_text(f"[grid]\n{text}\n")
    return str(tmp_path / "grid.toml")


def search_with(folder, outputs, grid):
    plan = SearchPlan(outputs.folder, n_folds=2)
    fields = field_material(folder, folder / "truth.csv", groups="writer")
    rule = AcceptanceRule(max_error=0.5)
    return search_best(fields, outputs, grid=grid, plan=plan, rule=rule)


def test_the_best_is_reported_and_nothing_written_that_is_no_gain(
    folder, outputs, tmp_path
):
    grid = write_grid(tmp_path, "read__max_epochs = [1]\nread__lr = [1e-9]")
    searched = search_with(folder, outputs, grid)
    # At such a rate nothing is learned.
    assert searched.found.best.scores == searched.found.before.scores
    assert "Nothing was gained" in str(searched)
    assert not outputs.model.exists()
    assert outputs.table.exists()


def test_a_grid_of_what_no_file_holds_is_refused_before_the_work(
    folder, outputs, tmp_path
):
    with pytest.raises(ValueError, match="read__threshold, which a model file does"):
        search_with(folder, outputs, write_grid(tmp_path, "read__threshold = [0.5]"))
    assert not outputs.folder.exists()


def test_a_grid_of_what_makes_no_difference_is_refused_before_the_work(
    folder, outputs, tmp_path
):
    grid = write_grid(tmp_path, "read__line_reader__sliding_reader__lr = [1]")
    with pytest.raises(ValueError, match=r"is for free writing: these fields have"):
        search_with(folder, outputs, grid)
    lines = Material("lines", "fields", make_field_reader(), [], [], None)
    for name in ("read__lr", "read__max_epochs"):
        grid = write_grid(tmp_path, f"{name} = [5]")
        with pytest.raises(ValueError, match=f"{name}, which is for rows of boxes"):
            search_best(
                lines,
                outputs,
                grid=grid,
                plan=SearchPlan(outputs.folder),
                rule=AcceptanceRule(),
            )
    assert not outputs.folder.exists()


def test_a_model_file_tells_how_fields_are_cleaned_and_cut(tmp_path):
    settings = {"flatten": "passthrough", "read__cutter__touching": 0.4}
    fields = [draw_comb(text, random_state=3) for text in ("042", "198")]
    reader = make_field_reader(settings={**settings, "read__max_epochs": 1})
    reader.fit(fields, ["042", "198"])
    rule = AcceptanceRule(max_error=0.02).fit(np.full(300, 0.99), np.full(300, True))
    path, card = tmp_path / "m.safetensors", ModelCard("fields", 2)
    save_field_reader(reader, path, card=card, rule=rule)
    assert settings_of(path) == settings
    assert read_card(path) == card
    assert not rule_of(path).accepts_nothing
    assert "settings     flatten=passthrough" in describe_model(path)
    again = make_reader_of(str(path))
    assert {name: again.get_params()[name] for name in settings} == settings
    steps, last = again[:-1], again[-1]
    assert (
        steps.transform(fields)[0].tolist() == reader[:-1].transform(fields)[0].tolist()
    )
    expected = [r.confidence for r in reader[-1].read(reader[:-1].transform(fields))]
    read = [r.confidence for r in last.read(steps.transform(fields))]
    np.testing.assert_allclose(read, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "settings", [{"read__rules": "passthrough"}, {"read__rules__ruling": True}]
)
def test_a_model_file_tells_what_of_print_is_removed(tmp_path, settings):
    fields = [draw_string(text, draw_writer(3)) for text in ("042", "198")]
    line_reader = SlidingReader(max_epochs=1)
    reader = make_field_reader(line_reader=line_reader, settings=settings)
    reader.fit(fields, ["042", "198"])
    path = tmp_path / "m.safetensors"
    save_field_reader(reader, path, card=ModelCard("fields", 2))
    assert settings_of(path) == settings
    again = make_reader_of(str(path)).get_params()
    assert {name: again[name] for name in settings} == settings


def test_fields_of_the_other_kind_are_left_out_and_said(folder):
    line = draw_string("308", draw_writer(3), random_state=3)
    cv2.imwrite(str(folder / "line.png"), line)
    truth = folder / "with_line.csv"
    truth.write_text((folder / "truth.csv").read_text() + "line.png,308,w0\n")
    made = field_material(folder, truth, groups="writer")
    assert made.kind == "combs"
    assert len(made.X) == len(made.y) == len(made.groups) == 6
    assert made.left_out == "1 field without boxes"
    assert field_material(folder, folder / "truth.csv").left_out == ""


def test_a_file_holds_what_was_learned_from_one_kind(tmp_path):
    path, card = tmp_path / "m.safetensors", ModelCard("fields", 2)
    comb, line = draw_comb("042", random_state=3), draw_string("308", draw_writer(3))
    reader = make_field_reader(line_reader=SlidingReader(max_epochs=1))
    reader.set_params(read__max_epochs=1).fit([comb, line], ["042", "308"])
    save_field_reader(reader, path, card=card, kind="combs")
    assert not holds_line_reader(path)
    save_field_reader(reader, path, card=card)
    assert holds_line_reader(path)
    reader.fit([comb], ["042"])
    with pytest.raises(ValueError, match="to read free writing, and nothing was"):
        save_field_reader(reader, path, card=card, kind="lines")


def test_models_that_ship_have_no_settings():
    assert settings_of("vote") == settings_of("boxes") == {}


@pytest.fixture
def pages(tmp_path):
    """Four pages of two documents, each a row of three boxes."""
    (tmp_path / "scans").mkdir()
    rows = ["document,page,number,extra"]
    for document in ("a", "b"):
        sheets = []
        for page in (1, 2):
            text = f"{page}4{7 if document == 'a' else 2}"
            sheets.append(PIL.Image.fromarray(draw_comb(text, random_state=page)))
            rows.append(f"{document}.tif,{page},{text},x")
        path = tmp_path / "scans" / f"{document}.tif"
        sheets[0].save(path, save_all=True, append_images=sheets[1:])
    (tmp_path / "truth.csv").write_text("\n".join(rows) + "\n")
    fields = [{"name": "number", "kind": "comb", "digits": 3}]
    (tmp_path / "form.json").write_text(json.dumps({"version": 1, "fields": fields}))
    return tmp_path


def read_pages_of(folder, **how):
    names = folder / "scans", folder / "form.json", folder / "truth.csv"
    return page_material(*names, **how)


def test_pages_are_read_with_what_their_form_asks_for(pages):
    made = read_pages_of(pages)
    assert (made.kind, made.unit, made.told) == ("combs", "pages", (0,))
    assert made.y.tolist() == [["147"], ["247"], ["142"], ["242"]]
    assert [Path(group).name for group in made.groups] == ["a.tif"] * 2 + ["b.tif"] * 2
    grid = made.name_grid([{"read__lr": [1], "field_reader__flatten": ["passthrough"]}])
    assert list(grid[0]) == ["field_reader__read__lr", "field_reader__flatten"]
    [right] = judge(made.reader, made.X[:1], made.y[:1]).right
    assert right
    assert read_pages_of(pages, groups="extra").groups == ["x"] * 4


def test_the_best_reader_of_pages_is_saved_as_one_of_fields(pages, monkeypatch):
    monkeypatch.setattr(Found, "is_gain", property(lambda self: True))
    outputs = Outputs(pages / "best.safetensors")
    made = read_pages_of(pages)
    grid = write_grid(pages, 'read__max_epochs = [1]\nflatten = ["passthrough"]')
    plan, rule = SearchPlan(outputs.folder, n_folds=2), AcceptanceRule(max_error=0.5)
    searched = search_best(made, outputs, grid=grid, plan=plan, rule=rule)
    assert "searched     4 pages" in str(searched)
    assert settings_of(outputs.model) == {"flatten": "passthrough"}


def test_a_form_of_boxes_and_of_free_writing_is_refused(pages):
    fields = [
        {"name": "number", "kind": "comb", "digits": 3},
        {"name": "amount", "kind": "line"},
    ]
    content = {"version": 1, "fields": fields}
    (pages / "form.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="both rows of boxes and free writing"):
        read_pages_of(pages)


def test_a_truth_without_a_field_of_the_form_is_refused(pages):
    (pages / "truth.csv").write_text("document,other\na.tif,1\n")
    with pytest.raises(ValueError, match=r"no column 'number', a field of .*form.json"):
        read_pages_of(pages)


def test_single_digits_have_no_rule_and_no_model_before(tmp_path):
    made = digit_material("digits")
    few = replace(made, X=made.X[:60], y=made.y[:60])
    outputs = Outputs(tmp_path / "best.safetensors")
    grid = write_grid(tmp_path, "max_epochs = [1, 2]")
    plan = SearchPlan(outputs.folder, n_folds=2)
    searched = search_best(few, outputs, grid=grid, plan=plan, rule=AcceptanceRule())
    assert searched.found.before is None
    assert searched.rule is None
    best = load_model(outputs.model)
    assert best.max_epochs == searched.found.best.params["max_epochs"]
    assert best.predict(few.X).shape == (60,)
