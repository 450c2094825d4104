"""Pages that harm what reads them cost no other page its row."""

import sys

import pytest
from lenet_with import GREYS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")

# What the row of a page says that does this.
REASONS = {
    "crash": "SIGSEGV: the page is damaged, or needs more than the 0.5 gigabytes",
    "leave": "the process that read it ended with exit status 0",
    "hang": "took longer than the 4 seconds a page may take",
    "eat": "needs more than the 0.5 gigabytes a page may take",
    "close": "the process that read it ended with exit status 0",
    "fill": "Too many open files",
}
LIMITS = ["--page-memory", "0.5", "--page-timeout"]
PATIENT = [*LIMITS, "100"]
IMPATIENT = [*LIMITS, "4"]


def draw_batch(batch, *faults):
    """Draw good pages and harmful ones in turn: images, a TIFF file and a PDF."""
    greys = [grey for n, f in enumerate(faults) for grey in (n, GREYS[f])] + [99]
    for n, grey in enumerate(greys):
        batch.draw(f"a{n}.png", grey)
    batch.draw("b.tif", *greys)
    batch.draw("c.pdf", *greys)
    return greys


def check_rows(rows, greys):
    """See that each good page has its value, and each bad one its reason."""
    names = {GREYS[name]: reason for name, reason in REASONS.items()}
    assert len(rows) == 3 * len(greys)
    for row, grey in zip(rows, 3 * greys, strict=True):
        if grey in names:
            assert (row["status"], row["grey"]) == ("failed", "")
            assert names[grey] in row["error"]
        else:
            value = (row["status"], row["error"], row["grey"])
            assert value == ("ok", "", f"{grey:03d}")


def is_bad(row):
    return row["status"] == "failed"


@pytest.mark.parametrize(
    "injector", ["decoder", pytest.param("reader", marks=pytest.mark.slow)]
)
def test_every_harmful_page_is_a_row_and_only_these_are_read_again(batch, injector):
    quick = [name for name in GREYS if name != "hang"]
    greys = draw_batch(batch, *quick)
    for status, out, err in batch.run_both(injector, *PATIENT):
        assert (status, err) == (1, "")
        assert "noise" not in out
    assert batch.table("1") == batch.table("2")
    rows = batch.rows("1")
    check_rows(rows, greys)
    everything = batch.pages_read("1")
    assert len(everything) == len(rows)
    assert batch.pages_read("2") == everything
    bad = [page for page, row in zip(everything, rows, strict=True) if is_bad(row)]
    assert [status for status, *_ in batch.run_both(injector, *PATIENT)] == [1, 1]
    assert batch.pages_read("1") == batch.pages_read("2") == bad
    assert batch.rows("1") == batch.rows("2") == rows


@pytest.mark.slow  # four runs; pages that do harm are above
def test_files_that_do_harm_when_they_are_opened_are_rows(batch):
    quick = [name for name in GREYS if name not in ("hang", "speak")]
    for n, name in enumerate(quick):
        batch.draw(f"{n}.png", n)
        batch.draw(f"{n}-{name}.tif", GREYS[name], 0)
    for again in (False, True):
        for status, *_ in batch.run_both("opener", *PATIENT):
            assert status == 1
        assert batch.table("1") == batch.table("2")
        rows = batch.rows("1")
        assert len(rows) == 2 * len(quick)
        bad = [row for row in rows if is_bad(row)]
        for row, name in zip(bad, quick, strict=True):
            assert f"{name}.tif: " in row["error"]
            assert REASONS[name] in row["error"]
        assert len(batch.pages_read("1")) == len(bad if again else rows)


@pytest.mark.parametrize(
    "jobs", [{"reader": "2", "decoder": "1"}, {"reader": "1", "decoder": "2"}]
)
@pytest.mark.slow
def test_pages_that_hang_are_given_up_and_tried_again(batch, jobs):
    batch.draw("a.png", 1)
    batch.draw("b.pdf", 2, GREYS["hang"], 4)
    for again in (False, True):
        runs = [
            batch.start(injector, injector, "--jobs", n, *IMPATIENT)
            for injector, n in jobs.items()
        ]
        for run, name in zip(runs, jobs, strict=True):
            run.communicate()
            assert run.returncode == 1
            rows = batch.rows(name)
            assert [row["grey"] for row in rows] == ["001", "002", "", "004"]
            assert REASONS["hang"] in rows[2]["error"]
            pages = [("a.png", 1), ("b.pdf", 1), ("b.pdf", 2), ("b.pdf", 3)]
            assert batch.pages_read(name) == ([pages[2]] if again else pages)
