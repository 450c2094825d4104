"""Files with odd names, files that are damaged, and files that change meanwhile."""

import os
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from pipelines.cli.exits import ExitCode

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")

N_PAGES = 500
NOT_UTF_8 = os.fsdecode(b"bytes-\xff.png")


def draw_good(batch):
    """Draw pages under odd names; return the greys that the table has for each."""
    names = ["new\nline.png", NOT_UTF_8, "a/same.png", "b/same.png", "folder.png/a.png"]
    for grey, name in enumerate(names):
        batch.draw(name, grey)
    (batch.scans / "a" / "circle").symlink_to(batch.scans)
    (batch.scans / "circle.png").symlink_to("circle.png")
    return {f"scans/{name}": [f"{grey:03d}"] for grey, name in enumerate(names)}


def cut(path):
    """Cut the second half of a file off."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def draw_bad(batch, bomb):
    """Write files of which nothing can be read, but for pages before the damage."""
    rough = np.random.default_rng(0).integers(0, 255, (60, 60), np.uint8)
    for name in ("cut.png", "cut.jpg", "cut.pdf"):
        PIL.Image.fromarray(rough).save(batch.scans / name)
        cut(batch.scans / name)
    (batch.scans / "empty.png").touch()
    (batch.scans / "empty.pdf").touch()
    (batch.scans / "text.tif").write_text("Dear Sir")
    (batch.scans / "nothing.png").symlink_to("nowhere.png")
    bomb.rename(batch.scans / bomb.name)


def test_good_pages_are_right_and_bad_ones_have_a_reason(batch, bomb):
    good = draw_good(batch)
    draw_bad(batch, bomb)
    bad = {f"scans/{path.name}" for path in batch.scans.iterdir() if path.is_file()}
    bad = (bad | {"scans/nothing.png"}) - good.keys()
    cut(batch.draw("half.tif", *(n % 200 for n in range(N_PAGES))))
    half = []
    for status, *_ in batch.run_both("reader", "--page-memory", "0.5"):
        assert status == ExitCode.FAILED
    assert batch.table("1") == batch.table("2")
    for row in batch.rows("1"):
        if row["document"] == "scans/half.tif":
            half.append((row["grey"], bool(row["error"])))
        elif row["document"] in bad:
            bad.remove(row["document"])
            assert row["error"]
            assert row["grey.status"] != "accepted"
        else:
            assert [row["grey"]] == good.pop(row["document"])
            assert row["error"] == ""
    assert not bad
    assert not good
    assert 200 < len(half) < 300
    *read, last = half
    assert read == [(f"{n % 200:03d}", False) for n in range(len(read))]
    assert last == ("", True)


@pytest.mark.slow  # tests/cli has a file that changes, in one process
@pytest.mark.parametrize("jobs", ["2", "1"])
def test_a_file_that_changes_or_goes_away_is_a_row_that_says_so(batch, jobs):
    for n, name in enumerate("abcdefgh"):
        batch.draw(f"{name}.png", n)
    process = batch.start("waiting", "r", "--jobs", jobs)
    while not batch.events("r"):
        assert process.poll() is None
    (batch.scans / "g.png").unlink()
    batch.draw("h.png", 199)
    Path(batch.folder, "go").touch()
    assert process.communicate()[1] == b""
    assert process.returncode == ExitCode.FAILED
    *rest, gone, changed = batch.rows("r")
    assert [row["grey"] for row in rest] == [f"{n:03d}" for n in range(6)]
    for row in (gone, changed):
        assert row["error"] == f"{row['document']}: has changed since this run began"
    status, _, err = batch.run("waiting", "r")
    assert status == ExitCode.MISUSE
    # What has changed was never read: it is no other scan of this run.
    assert "another run: 1 scan was taken away: scans/g.png. Name" in err
