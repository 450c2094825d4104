"""`lenet score` of several forms: a table for each, and a ledger of all pages."""

import csv
import json
import shutil
from collections import Counter

import pytest

from pipelines.cli import main
from pipelines.drawing.piles import FORMS, draw_pile


def score(*words, output="r.csv"):
    return main(["score", "scans", *words, "--jobs", "1", "-o", output])


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw_pile(tmp_path_factory.mktemp("pile"), n_pages=7, dpi=150)


@pytest.fixture(scope="module")
def scored(drawn):
    """The folder of a pile that was read by its folder of forms."""
    folder = drawn.scans.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        outputs = ["-o", "r.jsonl", "-o", "r.long.csv"]
        assert score("--form", "forms", *outputs) == 0
    return folder


@pytest.fixture
def here(scored, monkeypatch):
    monkeypatch.chdir(scored)
    return scored


def test_every_page_is_assigned_to_its_form_or_to_none(drawn, scored):
    ledger = rows(scored / "r.ledger.csv")
    assert len(ledger) == len(drawn.pages)
    for line in ledger:
        truth = drawn.pages[line["document"].removeprefix("scans/")]
        assert line["form"] == truth.form
        assert line["form_page"] == str(truth.form_page or "")
        assert bool(line["problem"]) or line["row"]


def test_each_form_has_a_table_of_its_own(scored):
    assert not (scored / "r.csv").exists()
    ledger = rows(scored / "r.ledger.csv")
    for name in FORMS:
        table = rows(scored / f"r.{name}.csv")
        own = [line for line in ledger if line["form"] == name]
        numbers = {str(number) for number in range(1, len(table) + 1)}
        assert numbers == {line["row"] for line in own}
        fields = {field for *_, combs in FORMS[name]["pages"] for field in combs}
        assert fields <= set(table[0])
        for line in own:
            row = table[int(line["row"]) - 1]
            further = row.get(f"document.{line['form_page']}")
            assert line["document"] in (row["document"], further)


def test_long_tables_hold_the_pages_of_all_forms(drawn, scored):
    listed = rows(scored / "r.long.csv")
    forms = {row["form"].split()[0] for row in listed if row["form"]}
    assert forms == {f"forms/{name}.json" for name in FORMS}
    none = [row for row in listed if not row["form"]]
    true_forms = Counter(page.form for page in drawn.pages.values())
    assert len(none) == true_forms[""]
    assert all(row["status"] == "review" and row["reason"] for row in none)
    lines = (scored / "r.jsonl").read_text().splitlines()
    assert Counter(json.loads(line)["assigned"]["form"] for line in lines) == true_forms


def test_shards_and_a_new_decision_give_the_same_tables(here):
    for shard in ("1/2", "2/2"):
        assert score("--form", "forms", "--shard", shard, output="s.csv") == 0
    assert main(["merge", "s.run", "-o", "s.csv"]) == 0
    assert main(["redo", "r.run", "-o", "t.csv"]) == 0
    for name in [*FORMS, "ledger"]:
        content = (here / f"r.{name}.csv").read_bytes()
        assert (here / f"s.{name}.csv").read_bytes() == content
        assert (here / f"t.{name}.csv").read_bytes() == content


def test_another_threshold_decides_what_was_read(here):
    assert main(["redo", "r.run", "--threshold", "1", "-o", "u.csv"]) == 0
    values = [
        row[key]
        for row in rows(here / "u.tally.csv")
        for key in row
        if key.endswith(".status")
    ]
    assert set(values) <= {"rejected", "invalid", "unlocated"}


def test_what_is_for_one_form_is_refused(here, capsys):
    (here / "list.csv").write_text("claim\n123456\n")
    words = ["--form", "forms", "--roster", "list.csv", "--match", "claim"]
    assert score(*words, output="v.csv") == 2
    assert score("--form", "forms", "--review", "v.html", output="v.csv") == 2
    assert "--review is for pages of one form" in capsys.readouterr().err
    assert not (here / "v.run").exists()
    assert main(["review", "r.run", "-o", "r.html"]) == 2
    assert main(["redo", "r.run", "--form", "forms/tally.json", "-o", "v.csv"]) == 2
    assert "this one has several" in capsys.readouterr().err


def test_a_table_that_was_changed_is_not_written_over(here, capsys):
    (here / "r.tally.csv").write_text("mine\n")
    assert score("--form", "forms") == 2
    assert "r.tally.csv" in capsys.readouterr().err


def test_one_form_of_several_pages_has_the_table_that_is_named(drawn, here):
    pages = {name: page.form for name, page in drawn.pages.items()}
    claim, other = (
        next(f"scans/{name}" for name in pages if pages[name] == form)
        for form in ("claim", "tally")
    )
    words = ["--form", "forms/claim.json", "--jobs", "1", "-o", "w.csv"]
    words += ["--overlay", "pictures"]
    assert main(["score", claim, other, *words]) == 0
    [row] = rows(here / "w.csv")
    assert "document.2" in row
    assert len(list((here / "pictures").iterdir())) == 2
    assert [line["form"] for line in rows(here / "w.ledger.csv")] == ["claim", ""]


def test_a_folder_of_one_form_is_that_form(drawn, here):
    name = next(n for n, page in drawn.pages.items() if page.form == "tally")
    (here / "one").mkdir()
    for file in ("tally.json", "tally-1.png"):
        shutil.copy(here / "forms" / file, here / "one")
    words = ["score", f"scans/{name}", "--jobs", "1", "--form"]
    assert main([*words, "one", "-o", "x.csv"]) == 0
    assert main([*words, "one/tally.json", "-o", "y.csv"]) == 0
    assert (here / "x.csv").read_bytes() == (here / "y.csv").read_bytes()
    assert not (here / "x.ledger.csv").exists()
