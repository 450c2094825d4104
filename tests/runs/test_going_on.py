"""How a run goes on: what is kept of it, and what is read again."""

import json
import os
import signal
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import PIL.Image
import pytest

from lenet_sklearn.outputs import lock_file
from pipelines.outcomes import FieldReading, PageReading
from pipelines.runs.errors import BusyError, IncompleteError, RunError
from pipelines.runs.folder import RunFolder
from pipelines.runs.parts import adopt_parts
from pipelines.runs.plan import PART_PAGES, Shard
from pipelines.runs.reading import plan_run, read_missing
from pipelines.scoring.batch import Worker

SETTINGS = {"threshold": 0.9, "form_file": "form.json"}


class MeanReader:
    """Reads the mean grey of a page, and notes how many pages it has read."""

    def __init__(self):
        self.n_read = 0

    def read(self, page):
        self.n_read += 1
        value = f"{round(page.mean()):03d}"
        return PageReading({"grey": FieldReading(value, "accepted", 0.95)})


class Here:
    """Answers requests in this process."""

    def __init__(self, work):
        self.work = work

    def map(self, requests):
        return map(self.work, requests)


@pytest.fixture
def scans(tmp_path, monkeypatch):
    """Fifty pages, which are cut into parts of 20, 7, 20 and 3."""
    monkeypatch.chdir(tmp_path)
    Path("scans").mkdir()
    for n in range(42):
        save(Path("scans", f"{n:02d}.png"), n)
    pages = [PIL.Image.new("L", (8, 8), 100 + n) for n in range(8)]
    pages[0].save("scans/05a.tif", save_all=True, append_images=pages[1:])
    return tmp_path / "scans"


def save(path, grey):
    PIL.Image.new("L", (8, 8), grey).save(path)


def run(name="r.run", *, settings=SETTINGS, shard=None, anew=False, most=None):
    """Read what a run lacks, or the first pages of it; return how many were read."""
    folder, reader, read = RunFolder(Path(name)), MeanReader(), []

    def stop(result):
        read.append(result)
        if most is not None and len(read) == most:
            raise KeyboardInterrupt

    files = sorted(Path("scans").iterdir())
    with (
        folder.locked(shard),
        folder.planning() as known,
        Worker(reader, 200) as worker,
    ):
        here = Here(worker)
        plan = plan_run(files, settings, known, here)
        if shard and known:
            folder.join(plan)
        else:
            folder.begin(plan, anew=anew)
        read_missing(folder, here, shard=shard, watch=stop)
    return len(read)


def values(name="r.run"):
    results = RunFolder(Path(name)).results()
    return [
        (Path(r.document).name, r.page, r.reading.fields["grey"].value)
        if r.reading.fields
        else (Path(r.document).name, r.page, "failed")
        for r in results
    ]


def test_every_page_is_read_once_in_the_order_of_the_files(scans):
    assert run() == 50
    assert run() == 0
    table = values()
    assert table[:6] == [(f"{n:02d}.png", 1, f"{n:03d}") for n in range(6)]
    assert table[6:14] == [("05a.tif", n + 1, f"{100 + n}") for n in range(8)]
    assert table[14:] == [(f"{n:02d}.png", 1, f"{n:03d}") for n in range(6, 42)]


@pytest.mark.parametrize("most", [1, 5, PART_PAGES, PART_PAGES + 3, 49])
def test_what_was_read_before_an_interruption_is_kept(scans, most):
    with pytest.raises(KeyboardInterrupt):
        run(most=most)
    with pytest.raises(IncompleteError):
        values()
    assert run() == 50 - most
    assert [value for *_, value in values()].count("failed") == 0


def test_a_page_that_failed_is_read_again_also_from_another_file(scans):
    (scans / "03.png").write_bytes(b"no image")
    assert run() == 50
    assert values()[3][2] == "failed"
    assert run() == 1
    save(scans / "03.png", 77)  # scanned anew: no other run
    assert run() == 1
    assert values()[3] == ("03.png", 1, "077")
    assert run() == 0


def test_a_file_that_comes_late_may_have_more_pages(scans):
    (scans / "03.png").unlink()
    (scans / "03.png").symlink_to("../late.tif")
    assert run() == 50
    (scans / "05a.tif").rename(scans.parent / "late.tif")
    save(scans / "05a.tif", 5)  # as many files as before, and one has other pages
    with pytest.raises(RunError, match=r"1 scan was changed: scans/05a.tif"):
        run()
    (scans.parent / "late.tif").rename(scans / "05a.tif")
    pages = [PIL.Image.new("L", (8, 8), 200 + n) for n in range(30)]
    file = scans.parent / "late.tif"
    pages[0].save(file, save_all=True, append_images=pages[1:])
    assert run() == 30
    table = values()
    assert table[3:33] == [("03.png", n + 1, f"{200 + n}") for n in range(30)]
    assert table[33:35] == [("04.png", 1, "004"), ("05.png", 1, "005")]
    assert len(table) == 79
    assert run() == 0


def test_a_run_of_other_scans_is_refused_and_may_take_over_what_is_the_same(scans):
    run()
    save(scans / "00a.png", 250)
    save(scans / "07.png", 251)
    (scans / "41.png").unlink()
    with pytest.raises(RunError) as refused:
        run()
    for reason in ("1 scan was added", "1 scan was taken away", "1 scan was changed"):
        assert reason in str(refused.value)
    assert len(values()) == 50
    assert run(anew=True) == 2
    table = values()
    assert table[1] == ("00a.png", 1, "250")
    assert ("07.png", 1, "251") in table
    assert table[-1] == ("40.png", 1, "040")
    assert len(table) == 50
    assert run() == 0


def test_a_run_of_other_settings_begins_anew(scans):
    run()
    other = {**SETTINGS, "threshold": 0.8}
    with pytest.raises(RunError, match=r"threshold is 0.8, and was 0.9"):
        run(settings=other)
    assert run(settings={**SETTINGS, "form_file": "moved/form.json"}) == 0
    assert run(settings=other, anew=True) == 50


def test_parts_without_a_plan_are_kept(scans):
    run()
    table = values()
    Path("r.run/run.json").write_text('{"vers')
    with pytest.raises(RunError, match=r"is damaged\. Take it away"):
        run()
    Path("r.run/run.json").unlink()
    assert run() == 0
    assert values() == table
    Path("r.run/run.json").unlink()
    with pytest.raises(RunError, match="parts of another run"):
        run(settings={})
    assert run(settings={}, anew=True) == 50


def test_a_part_that_lacks_pages_is_damaged(scans):
    run()
    part = sorted(Path("r.run/parts").iterdir())[1]
    part.write_text("".join(part.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(RunError, match=f"{part.name} is damaged"):
        values()
    part.unlink()
    assert run() == 7


def test_a_file_that_was_restored_with_its_time_is_hashed_again(scans):
    run()
    status = (scans / "07.png").stat()
    save(scans / "07.png", 8)
    assert (scans / "07.png").stat().st_size == status.st_size
    os.utime(scans / "07.png", ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(RunError, match=r"1 scan was changed: scans/07.png"):
        run()


def test_shards_share_the_pages_and_refuse_another_run(scans):
    assert run(shard=Shard(2, 2)) == 7 + 3
    with pytest.raises(RunError, match="threshold"):
        run(settings={"threshold": 0.5}, shard=Shard(1, 2), anew=True)
    with pytest.raises(IncompleteError, match="40 of 50 pages were not read"):
        RunFolder(Path("r.run")).check_whole()
    assert run(shard=Shard(1, 2)) == 20 + 20
    RunFolder(Path("r.run")).check_whole()
    shared = values()
    run("alone.run")
    assert shared == values("alone.run")


def test_a_shard_leaves_a_late_file_to_whoever_cuts_the_pages_anew(scans):
    (scans / "03.png").unlink()
    (scans / "03.png").symlink_to("../late.tif")
    run(shard=Shard(1, 2))
    (scans / "05a.tif").rename(scans.parent / "late.tif")
    (scans / "05a.tif").symlink_to("../late.tif")
    run(shard=Shard(2, 2))
    assert run(shard=Shard(1, 2)) == 1
    failed = [r for r in RunFolder(Path("r.run")).results() if r.reading.error]
    [late] = [r for r in failed if r.document == "scans/03.png"]
    assert "Read it without --shard" in late.reading.error


def test_a_lock_ends_with_its_run_though_copies_of_the_process_live_on(tmp_path):
    with lock_file(tmp_path / "lock"):
        child = os.fork()
        if not child:
            signal.pause()
    try:
        with lock_file(tmp_path / "lock", patience=0.0):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_shard_that_waits_for_the_plan_says_so(scans):
    run()
    told = []

    def tell(text):
        told.append(text)
        planning.close()

    planning = ExitStack()
    planning.enter_context(RunFolder(Path("r.run")).planning())
    with RunFolder(Path("r.run")).planning(tell) as plan:
        assert plan is not None
    [text] = told
    assert text.startswith("waiting for another shard")


def test_two_runs_at_once_are_refused(scans, monkeypatch):
    at_once = partial(lock_file, patience=0.1)
    monkeypatch.setattr("pipelines.runs.folder.lock_file", at_once)
    run()
    folder = RunFolder(Path("r.run"))
    with folder.locked(Shard(1, 2)), folder.locked(Shard(2, 2)):
        assert RunFolder(Path("r.run")).is_at_work()
        with pytest.raises(BusyError), folder.locked(Shard(1, 2)):
            pass
        with pytest.raises(BusyError), folder.locked():
            pass
    assert not folder.is_at_work()


def test_parts_of_other_machines_are_taken_together(scans):
    for number in (1, 2):
        run(f"m{number}.run", shard=Shard(number, 2))
    first, second = (RunFolder(Path(f"m{number}.run")).parts for number in (1, 2))
    part, _ = second.files()
    whole = part.read_text()
    head, *lines = whole.splitlines()
    few = json.dumps({**json.loads(head), "pages": 5})
    part.write_text("\n".join([few, *lines[:5]]) + "\n")
    adopt_parts(first, [second])
    with pytest.raises(IncompleteError, match="2 of 50"):
        RunFolder(Path("m1.run")).check_whole()
    part.write_text(whole)
    adopt_parts(first, [second])
    RunFolder(Path("m1.run")).check_whole()
    part.write_text(whole.replace('"accepted"', '"rejected"'))
    with pytest.raises(RunError, match="was read twice"):
        adopt_parts(first, [second])
    part.write_text(whole.replace('"run":"', '"run":"x'))
    with pytest.raises(RunError, match="is a part of another run"):
        adopt_parts(first, [second])
    assert len(values("m1.run")) == 50


def test_results_know_the_hash_of_their_file(scans):
    run()
    hashes = {replace(r).sha256 for r in RunFolder(Path("r.run")).results()}
    assert len(hashes) == 43
    assert {len(each) for each in hashes} == {64}
