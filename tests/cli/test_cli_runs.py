"""What `lenet score` keeps of a run, how it goes on, and what becomes of its folder."""

import csv
import json
import os
import signal
import subprocess
import sys
import termios
import textwrap
import time
from functools import partial
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from pipelines.cli import main

ROOT = Path(__file__).resolve().parents[2]
SLOW_MARK = pytest.mark.slow


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# A run of `lenet score` that takes a tenth of a second for each page.
SLOW = """
    import sys, time
    import pipelines.readers
    from pipelines.cli.commands import main
    from pipelines.outcomes import FieldReading, PageReading

    class Slow:
        def read(self, page):
            time.sleep(0.1)
            return PageReading({"rin": FieldReading("007", "accepted", 0.9)})

    pipelines.readers.make_form_reader = lambda form, **options: Slow()
    sys.exit(main([*sys.argv[1:], "--comb", "rin=9", "-o", "r.csv", "--force"]))
"""

N_PAGES = 30


def run_slowly(folder, *words):
    return subprocess.Popen(
        [sys.executable, "slow.py", "score", "p.tif", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # as a shell does, so that Ctrl-C reaches all of it
    )


def start_slowly(folder, *words):
    """Start to read some pages over an old table; return once three are read."""
    first, *rest = [PIL.Image.new("1", (8, 8), 1) for _ in range(N_PAGES)]
    first.save(folder / "p.tif", save_all=True, append_images=rest)
    (folder / "r.csv").write_text("old\n")
    (folder / "slow.py").write_text(textwrap.dedent(SLOW))
    process = run_slowly(folder, "--log", "log.jsonl", *words)
    log = folder / "log.jsonl"
    while not log.exists() or '"page": 3,' not in log.read_text():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    return process


def test_a_terminal_gets_a_progress_bar_that_knows_how_many_pages(folder):
    PIL.Image.new("L", (40, 30), 7).save(folder / "p.png")
    (folder / "slow.py").write_text(textwrap.dedent(SLOW))
    screen, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    subprocess.run(
        [sys.executable, "slow.py", "score", "p.png"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=terminal,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    os.write(terminal, b"END")
    shown = b""
    while not shown.endswith(b"END"):
        shown += os.read(screen, 4096)
    assert b"1/1" in shown
    os.close(terminal)
    os.close(screen)


@pytest.mark.parametrize(
    ("number", "jobs"),
    [
        (signal.SIGINT, "2"),
        pytest.param(signal.SIGTERM, "1", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, "1", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "2", marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_run_keeps_the_old_table_and_goes_on(folder, number, jobs):
    process = start_slowly(folder, "--jobs", jobs)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 128 + number
    assert (folder / "r.csv").read_text() == "old\n"
    kept = "what was read is kept in r.run: the same command goes on"
    assert err == f"lenet: interrupted; {kept}\n"
    assert 3 <= count_read(folder) < N_PAGES
    goes_on(folder)


@pytest.mark.slow  # tests/faults kills one
def test_a_killed_run_keeps_the_old_table_and_goes_on(folder):
    process = start_slowly(folder)
    process.kill()
    process.communicate()
    assert (folder / "r.csv").read_text() == "old\n"
    goes_on(folder)


def count_read(folder):
    """Count the pages that are kept in the folder of the run."""
    parts = (folder / "r.run" / "parts").glob("*.jsonl")
    return sum(part.read_text().count("\n") - 1 for part in parts)


def goes_on(folder):
    """Give the command again; see that it reads what is missing, and writes all."""
    n_kept = count_read(folder)
    process = run_slowly(folder, "--log", "again.jsonl")
    _, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    events = (folder / "again.jsonl").read_text().splitlines()
    assert len(events) - 2 == N_PAGES - n_kept  # all but the first and the last
    assert [row["page"] for row in rows(folder / "r.csv")] == [
        str(page) for page in range(1, N_PAGES + 1)
    ]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def numbers(draw_scans):
    """Three pages with a comb each, and a file that is no scan."""
    folder = draw_scans({"a": "1998", "b": "4510", "c": "6262"})
    (folder / "scans" / "d.png").write_bytes(b"no image")
    return folder


def score(*words, jobs="1", output="results.csv"):
    read = ["score", "scans", "--comb", "id=4", "--jobs", jobs, "-o", output]
    return main([*read, *words])


def pages_read(log):
    """List the pages that a run has opened, from its log; the log is taken away."""
    events = [json.loads(line) for line in log.read_text().splitlines()]
    log.unlink()
    return [Path(e["document"]).name for e in events if e["event"] == "page"]


def test_what_was_read_is_not_read_again_but_what_has_failed_is(numbers, capsys):
    log = numbers / "log.jsonl"
    assert score("--log", "log.jsonl") == 1
    assert pages_read(log) == ["a.png", "b.png", "c.png", "d.png"]
    table = (numbers / "results.csv").read_bytes()
    assert score("--log", "log.jsonl") == 1
    assert pages_read(log) == ["d.png"]
    assert (numbers / "results.csv").read_bytes() == table


@pytest.mark.slow  # tests/runs has the same without processes
def test_a_part_that_is_lost_is_read_again(numbers):
    score()
    table = (numbers / "results.csv").read_bytes()
    [part] = (numbers / "results.run" / "parts").iterdir()
    part.unlink()
    (numbers / "results.csv").unlink()
    assert main(["status", "results.run"]) == 5
    assert score() == 1
    assert (numbers / "results.csv").read_bytes() == table
    assert main(["status", "results.run"]) == 1


def test_a_table_that_somebody_has_changed_is_not_replaced(numbers, capsys):
    score()
    with (numbers / "results.csv").open("a") as file:
        file.write("mine\n")
    assert score() == 2
    assert "results.csv exists, and would be written over" in capsys.readouterr().err
    assert score("--force") == 1
    assert "mine" not in (numbers / "results.csv").read_text()


@pytest.mark.parametrize(
    ("words", "change", "reason"),
    [
        (["--threshold", "0.8"], None, "threshold is 0.8, and was 0.9"),
        pytest.param(["--comb", "room=3"], None, "form is another", marks=SLOW_MARK),
        pytest.param(["--dpi", "300"], None, "dpi is 300, and", marks=SLOW_MARK),
        pytest.param([], "scans/e.png", "1 scan was added", marks=SLOW_MARK),
        ([], "scans/a.png", "1 scan was changed: scans/a.png"),
    ],
)
def test_another_run_is_refused_and_said(numbers, capsys, words, change, reason):
    score()
    table = (numbers / "results.csv").read_bytes()
    if change:
        (numbers / change).write_bytes((numbers / "scans/b.png").read_bytes())
    assert score(*words) == 2
    err = capsys.readouterr().err
    assert f"results.run has another run: {reason}" in err
    assert (numbers / "results.csv").read_bytes() == table
    assert score(*words, "--force") == 1
    assert (numbers / "results.csv").read_bytes() != table or not change


@pytest.mark.slow  # tests/runs has the same without processes
def test_a_file_that_comes_late_is_read_when_the_run_goes_on(numbers):
    late = numbers / "scans" / "d.png"
    late.unlink()
    late.symlink_to(numbers / "late.tif")
    log = numbers / "log.jsonl"
    assert score() == 1
    pages = [PIL.Image.open(numbers / "scans" / f"{name}.png") for name in "ab"]
    pages[0].save(numbers / "late.tif", save_all=True, append_images=pages[1:])
    assert score("--log", "log.jsonl") == 0
    assert pages_read(log) == ["d.png", "d.png"]
    table = rows(numbers / "results.csv")
    assert [row["id"] for row in table] == ["1998", "4510", "6262", "1998", "4510"]


def test_a_file_that_changes_during_the_run_is_a_row_that_says_so(numbers, monkeypatch):
    from pipelines.runs import reading

    def change_and_read(*args, **options):
        PIL.Image.new("L", (40, 30)).save(numbers / "scans" / "b.png")
        return read_missing(*args, **options)

    read_missing = reading.read_missing
    monkeypatch.setattr(reading, "read_missing", change_and_read)
    assert score() == 1
    row = rows(numbers / "results.csv")[1]
    assert row["status"] == "failed"
    assert row["error"] == "scans/b.png: has changed since this run began"


def test_a_run_at_work_keeps_others_out(numbers, capsys, monkeypatch):
    from lenet_sklearn import outputs

    score()
    at_once = partial(outputs.lock_file, patience=0.1)
    monkeypatch.setattr("pipelines.runs.folder.lock_file", at_once)
    with outputs.lock_file(numbers / "results.run" / ".lock"):
        assert score() == 4
        assert "another run is at work" in capsys.readouterr().err
        assert main(["status", "results.run"]) == 1
        assert "A run is at work here" in capsys.readouterr().out


def test_a_full_disk_is_said_and_what_was_read_is_kept(numbers, capsys, monkeypatch):
    from pipelines.runs import parts

    def fail(path, content):
        if path.suffix == ".jsonl" and path.parent.name == "parts":
            raise OSError(28, "No space left on device")
        return write_whole(path, content)

    write_whole = parts.write_whole
    monkeypatch.setattr(parts, "write_whole", fail)
    assert score() == 3
    err = capsys.readouterr().err
    assert "No space left on device" in err
    assert "the same command goes on" in err
    assert not (numbers / "results.csv").exists()
    monkeypatch.undo()
    os.chdir(numbers)
    assert score() == 1


@pytest.mark.parametrize("refused", ["tables.json", "r.jsonl"])
def test_a_run_that_ends_while_tables_are_written_goes_on(numbers, refused):
    def fail(draft, target):
        if Path(target).name == refused:
            raise OSError(28, "No space left on device")
        replace(draft, target)

    replace = os.replace
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", fail)
        assert score("-o", "results.csv", output="r.jsonl") == 3
    # The table that was named last takes its place first.
    assert (numbers / "results.csv").exists() == (refused == "r.jsonl")
    assert score("-o", "results.csv", output="r.jsonl") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_log_that_cannot_be_written_is_told(numbers, capsys):
    assert score("--log", "/dev/full") == 3
    assert "No space left on device; what was read is kept" in capsys.readouterr().err
    assert score() == 1


def test_streams_that_are_closed_lead_nowhere(numbers, monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert score() == 1
    for stream in (sys.stdout, sys.stderr):
        assert stream.name == os.devnull
        stream.close()


def test_shards_are_merged_to_the_same_table(numbers, capsys):
    for n in range(45):  # three parts
        name = numbers / "scans" / f"e{n}.png"
        name.write_bytes((numbers / "scans/a.png").read_bytes() if n % 9 == 0 else b"")
    assert score() == 1
    for shard in ("2/2", "1/2"):
        assert score("--shard", shard, output="s.csv") == 1  # pages failed
        assert not (numbers / "s.csv").exists()
        if shard == "2/2":
            assert main(["merge", "s.run", "-o", "s.csv"]) == 5
            assert "29 of 49 pages were not read yet" in capsys.readouterr().err
    assert main(["merge", "s.run", "-o", "s.csv"]) == 1
    assert (numbers / "s.csv").read_bytes() == (numbers / "results.csv").read_bytes()


@pytest.mark.slow  # tests/runs has the same without processes
def test_shards_of_machines_without_a_common_disk_are_merged(numbers, capsys):
    score()
    for n in range(45):
        (numbers / "scans" / f"e{n}.png").write_bytes(b"")
    assert score("--force") == 1
    for number in "12":
        assert score("--shard", f"{number}/2", output=f"m{number}.csv") == 1
    assert main(["merge", "m1.run", "-o", "m.csv"]) == 5
    assert main(["merge", "m1.run", "m2.run", "-o", "m.csv"]) == 1
    assert (numbers / "m.csv").read_bytes() == (numbers / "results.csv").read_bytes()
    stray = numbers / "m1.run" / "parts" / "000009-000000.jsonl"
    stray.write_text("{}")
    assert main(["merge", "m1.run", "-o", "again.csv"]) == 2
    assert "is no part of this run" in capsys.readouterr().err
    stray.unlink()
    part = numbers / "m1.run" / "parts" / "000000-000000.jsonl"
    part.write_text(part.read_text().replace('"run":"', '"run":"x'))
    assert main(["merge", "m1.run", "-o", "again.csv"]) == 2
    assert "is a part of another run" in capsys.readouterr().err


def test_redo_decides_anew_without_the_scans(numbers, capsys):
    score()
    assert score("--max-error", "0.01", output="ruled.csv") == 1
    for scan in (numbers / "scans").iterdir():
        scan.unlink()
    assert main(["redo", "results.run", "-o", "same.csv"]) == 1
    assert main(["redo", "results.run", "--max-error", "0.01", "-o", "new.csv"]) == 1
    assert "Rule: of the accepted" in capsys.readouterr().out
    assert main(["redo", "results.run", "--threshold", "1", "-o", "none.csv"]) == 1
    same, new, none = (numbers / f"{name}.csv" for name in ("same", "new", "none"))
    assert same.read_bytes() == (numbers / "results.csv").read_bytes()
    assert new.read_bytes() == (numbers / "ruled.csv").read_bytes()
    assert "accepted" not in none.read_text()


def test_redo_takes_other_rules_and_lists(numbers, capsys):
    score()
    field = {"name": "id", "digits": 4, "choices": ["1998", "4511"]}
    (numbers / "form.json").write_text(json.dumps({"fields": [field]}))
    words = ["redo", "results.run", "-o", "new.csv", "--form", "form.json"]
    assert main(words) == 1
    assert [row["id.status"] for row in rows(numbers / "new.csv")] == [
        "accepted",
        "invalid",
        "invalid",
        "",
    ]
    read = ["score", "scans", "--form", "form.json", "-o", "read.csv", "--jobs", "1"]
    assert main(read) == 1
    assert (numbers / "read.csv").read_bytes() == (numbers / "new.csv").read_bytes()
    (numbers / "list.csv").write_text("id\n1998\n4510\n")
    listed = ["--roster", "list.csv", "--match", "id"]
    assert main(["redo", "results.run", "-o", "l.csv", *listed]) == 1
    assert [row["status"] for row in rows(numbers / "l.roster.csv")[:3]] == [
        "matched",
        "matched",
        "unlisted",
    ]
    field["digits"] = 5
    (numbers / "form.json").write_text(json.dumps({"fields": [field]}))
    assert main([*words, "--force"]) == 2
    assert "Read the scans again" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--comb", "id=4"], pytest.param(["--comb", "a=1"], marks=SLOW_MARK)]
)
def test_redo_gives_what_reading_anew_would(numbers, words):
    """Of damaged pages, of one on its head, and of more combs than the form has."""
    content = bytearray((numbers / "scans" / "a.png").read_bytes())
    content[-20] ^= 255  # in the checksum of the pixels
    (numbers / "scans" / "a.png").write_bytes(content)
    page = PIL.Image.open(numbers / "scans" / "b.png")
    page.rotate(180).save(numbers / "scans" / "e.png")
    double = PIL.Image.new("L", (page.width, 2 * page.height), 255)
    double.paste(page, (0, 0))
    double.paste(page, (0, page.height))
    double.save(numbers / "scans" / "f.png")
    read = ["score", "scans", *words, "--jobs", "1"]
    for threshold in ("0.99995", "0.9", "0.3"):
        at = ["--threshold", threshold]
        assert main([*read, *at, "-o", f"{threshold}.csv"]) == 1
    for before in ("0.99995", "0.9", "0.3"):
        for after in ("0.99995", "0.9", "0.3"):
            redo = ["redo", f"{before}.run", "--threshold", after, "-o", "r.csv"]
            assert main([*redo, "--force"]) == 1
            fresh = (numbers / f"{after}.csv").read_text()
            assert (numbers / "r.csv").read_text() == fresh


def test_redo_replaces_no_table_of_others(numbers, capsys):
    score()
    score("--threshold", "0.99", output="other.csv")
    table = (numbers / "other.csv").read_bytes()
    redo = ["redo", "results.run", "--threshold", "0.5", "-o"]
    assert main([*redo, "other.csv"]) == 2
    assert main([*redo, "results.csv"]) == 2
    assert main([*redo, "new.csv"]) == main([*redo, "new.csv"]) == 1
    assert (numbers / "other.csv").read_bytes() == table


def test_a_table_is_not_written_over_another_of_the_same_run(numbers, capsys):
    (numbers / "list.csv").write_text("id\n1998\n")
    listed = ["--roster", "list.csv", "--match", "id"]
    assert score(*listed, "-o", "results.roster.csv") == 2
    assert "would be written twice" in capsys.readouterr().err
    assert score("--log", "results.csv") == 2
    assert score("--log", "scans/a.png") == 2
    (numbers / "mine.txt").write_text("mine")
    assert score("--log", "mine.txt") == 2
    assert score("--log", "nowhere/log.jsonl") == 2
    assert not (numbers / "results.run").exists()


@pytest.mark.slow  # tests/runs has the same without processes
def test_pictures_that_are_lost_are_made_again(numbers):
    assert score("--overlay", "pictures") == 1
    (numbers / "pictures" / "b-p1.png").unlink()
    assert score("--overlay", "pictures", "--log", "log.jsonl") == 1
    assert pages_read(numbers / "log.jsonl") == ["b.png", "d.png"]
    assert (numbers / "pictures" / "b-p1.png").exists()


def test_a_damaged_part_is_named(numbers, capsys):
    score()
    [part] = (numbers / "results.run" / "parts").iterdir()
    part.write_text(part.read_text()[:-30])
    assert main(["redo", "results.run", "-o", "r.csv"]) == 2
    assert f"{part.relative_to(numbers)} is damaged. Take it away" in (
        capsys.readouterr().err
    )


def test_every_format_has_all_that_is_known(numbers, capsys):
    openpyxl, parquet = (
        pytest.importorskip("openpyxl"),
        pytest.importorskip("pyarrow.parquet"),
    )
    names = ("r.csv", "r.long.csv", "r.jsonl", "r.parquet", "r.xlsx")
    assert score(
        *[word for name in names[1:] for word in ("-o", name)], output=names[0]
    )
    assert capsys.readouterr().out.count("Table: r.") == 5
    assert (numbers / "r.run").is_dir()
    long = rows(numbers / "r.long.csv")
    field, failed = long[0], long[-1]
    wide = rows(numbers / "r.csv")
    assert (field["document"], field["page"], field["field"]) == (
        "scans/a.png",
        "1",
        "id",
    )
    assert (field["value"], field["status"]) == (wide[0]["id"], wide[0]["id.status"])
    assert field["best_1"] == field["value"] == "1998"
    assert float(field["p_1"]) >= float(field["p_2"])
    assert 40 < float(field["x1"]) < float(field["x2"]) < 400
    assert (failed["field"], failed["status"]) == ("", "failed")
    assert "d.png" in failed["reason"]
    assert len(field["sha256"]) == 64
    assert field["form"].startswith("combs ")
    assert field["rule"] == "threshold 0.9"
    table = parquet.read_table(numbers / "r.parquet").to_pylist()
    assert [str(row["value"]) for row in table] == [row["value"] for row in long]
    assert table[0]["confidence"] == float(field["confidence"])
    assert table[-1]["confidence"] is None
    sheet = openpyxl.load_workbook(numbers / "r.xlsx").active
    cells = [[cell or "" for cell in row] for row in sheet.iter_rows(values_only=True)]
    assert cells == [list(field), *(list(row.values()) for row in long)]
    pages = (numbers / "r.jsonl").read_text().splitlines()
    page = json.loads(pages[0])
    assert page["fields"]["id"]["candidates"][0]["value"] == "1998"
    assert np.shape(page["fields"]["id"]["quad"]) == (4, 2)
    assert [json.loads(line)["status"] for line in pages][-1] == "failed"


def test_a_format_that_needs_a_package_says_which_extra_has_it(
    numbers, capsys, monkeypatch
):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert score(output="r.xlsx") == 2
    assert "lenet-sklearn[excel]" in capsys.readouterr().err
    assert not (numbers / "r.run").exists()


def test_single_fields_are_kept_too(numbers, capsys):
    words = ["read", "scans/a.png", "scans/d.png", "-o", "v.csv", "-o", "v.long.csv"]
    assert main([*words, "--jobs", "1", "--digits", "4"]) == 1
    first, failed = rows(numbers / "v.csv")
    assert (first["file"], failed["status"]) == ("scans/a.png", "failed")
    assert rows(numbers / "v.long.csv")[0]["field"] == "value"
    assert main(["status", "v.run"]) == 1
    assert (
        "2 of 2 fields were read (100 %), 1 of them failed" in capsys.readouterr().out
    )
