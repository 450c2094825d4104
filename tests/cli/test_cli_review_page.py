"""``lenet review``, and ``lenet score --review``: what they make, and refuse."""

import json
import re
import shutil
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.review.corrections import COLUMNS

COMB = ["--comb", "id=3", "--jobs", "1"]


def data_of(path):
    text = Path(path).read_text("utf-8")
    return json.loads(re.search(r'id="data">(.*?)</script>', text)[1])


@pytest.fixture
def scored(draw_scans):
    """A run of two pages, in the folder to be in."""
    draw_scans({"a": "042", "b": "137"})
    assert main(["score", "scans", *COMB, "-o", "r.csv"]) == 0
    return Path.cwd()


@pytest.mark.parametrize("results", ["r.csv", "r.run"])
def test_a_page_of_a_run(scored, results, capsys):
    assert main(["review", results, "-o", "p.html"]) == 0
    shown = capsys.readouterr()
    assert "To review: 0 fields, and 2 accepted, chosen by chance; 6 boxes" in shown.out
    assert shown.err == ""
    data = data_of("p.html")
    values = sorted(item["value"] for item in data["items"])
    assert (data["title"], values) == ("r", ["042", "137"])
    assert data["summary"]["pages"] == {"ok": 2}


def test_the_page_is_made_with_the_table(draw_scans):
    draw_scans({"a": "042"})
    words = ["score", "scans", *COMB, "-o", "r.csv", "--review", "p.html"]
    assert main(words) == 0
    assert main(words) == 0  # what the run has written, it may write again
    Path("p.html").write_text("mine")
    assert main(words) == 2
    assert Path("p.html").read_text() == "mine"
    assert (
        main(
            [
                "score",
                "scans",
                *COMB,
                "--shard",
                "1/2",
                "-o",
                "s.csv",
                "--review",
                "s.html",
            ]
        )
        == 2
    )


def test_images_of_fields_are_reviewed(draw_scans):
    draw_scans({"a": "042"})
    words = ["read", "scans/a.png", "--digits", "3", "-o", "v.csv", "--jobs", "1"]
    assert main([*words, "--review", "v.html"]) == 0
    [item] = data_of("v.html")["items"]
    assert (item["value"], bool(item["picture"])) == ("042", True)


def test_shares_have_all_pages_between_them(scored):
    found = []
    for share in ("1/2", "2/2"):
        assert (
            main(["review", "r.csv", "-o", "p.html", "--shard", share, "--force"]) == 0
        )
        found += [item["value"] for item in data_of("p.html")["items"]]
    assert sorted(found) == ["042", "137"]


def test_scans_that_are_gone_are_told(scored, capsys):
    shutil.move("scans/a.png", "scans/away.png")
    assert main(["review", "r.csv", "-o", "p.html"]) == 0
    error = capsys.readouterr().err
    assert (
        "no pictures of 1 of 2 pages, such as scans/a.png: is no longer there" in error
    )
    # A browser must not take the sheets for those of a page that has all pictures.
    data = data_of("p.html")
    shutil.move("scans/away.png", "scans/a.png")
    assert main(["review", "r.csv", "-o", "q.html"]) == 0
    assert data_of("q.html")["id"] != data["id"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["other.csv"], "is no folder of a run"),
        (["r.csv", "--sample", "-1"], "greater than or equal to 0"),
        (["r.csv", "--shard", "3/2"], "with K from 1 to N"),
        (["r.csv", "--differing", "d.csv"], "has no corrections of the run"),
        (["r.csv", "--roster", "d.csv"], "belong together"),
        (["r.run", "--truth", "d.csv"], "--truth needs the table"),
    ],
)
def test_what_cannot_be_reviewed_is_refused(scored, capsys, words, message):
    Path("other.csv").write_text("a\n")
    Path("d.csv").write_text(",".join(COLUMNS) + "\n")
    assert main(["review", *words, "-o", "p.html"]) == 2
    assert message in capsys.readouterr().err
    assert not Path("p.html").exists()


def test_a_run_that_is_not_whole_is_refused(scored, capsys):
    for part in Path("r.run/parts").iterdir():
        part.unlink()
    assert main(["review", "r.csv", "-o", "p.html"]) == 5
    assert "were not read yet" in capsys.readouterr().err
