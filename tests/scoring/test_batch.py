"""Stacks of scans: one row for each page, in order, whatever happens."""

import csv
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from sklearn.pipeline import Pipeline

from pipelines.outcomes import FieldReading, PageReading, Reason, ReasonKind, settle
from pipelines.scoring.batch import score_fields, score_pages, write_results
from pipelines.scoring.table import (
    OutputError,
    PageResult,
    ResultFile,
    make_folder,
    result_header,
    result_row,
    value_row,
)


def _because(text):
    return Reason(ReasonKind.RULE, text)


class MeanReader:
    """Reads the mean grey of a page; stumbles over pages that are all black."""

    def read(self, page):
        if not page.any():
            raise KeyError("all black")
        value = f"{round(page.mean()):03d}"
        quad = np.array([[1, 1], [8, 1], [8, 5], [1, 5.0]])
        return PageReading({"grey": FieldReading(value, "accepted", 0.5, quad)})


@pytest.fixture
def stack(tmp_path):
    """Eight pages in four files: a good one, no image, a TIFF, one that stumbles."""
    folder = tmp_path / "scans"
    folder.mkdir()
    PIL.Image.new("L", (40, 30), 7).save(folder / "a.png")
    (folder / "b.png").write_text("no image")
    pages = [PIL.Image.new("L", (40, 30), value) for value in (10, 20, 30, 40, 50)]
    pages[0].save(folder / "c.tif", save_all=True, append_images=pages[1:])
    PIL.Image.new("L", (40, 30), 0).save(folder / "d.png")
    return [folder / name for name in ("a.png", "b.png", "c.tif", "d.png")]


def grey_values(results):
    return [
        r.reading.fields["grey"].value if not r.reading.error else "" for r in results
    ]


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_page_gives_one_result_in_order(stack, jobs):
    results = list(score_pages(stack, MeanReader(), jobs=jobs))
    assert [(Path(r.document).name, r.page) for r in results] == [
        ("a.png", 1),
        ("b.png", 1),
        *[("c.tif", page) for page in range(1, 6)],
        ("d.png", 1),
    ]
    assert grey_values(results) == ["007", "", "010", "020", "030", "040", "050", ""]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_page_that_fails_says_why_and_costs_only_itself(stack, jobs):
    results = list(score_pages(stack, MeanReader(), jobs=jobs))
    failed = [r.reading.error for r in results if r.reading.status == "failed"]
    assert failed[0] == f"{stack[1]}: is no image and no PDF, or is damaged"
    assert failed[1] == "KeyError: 'all black'"
    assert len(failed) == 2


def test_pages_are_read_only_when_they_are_due(stack):
    results = score_pages([stack[0], Path("not looked at yet")], MeanReader())
    assert next(results).reading.status == "ok"
    results.close()


def test_pictures_mirror_the_folders_of_the_scans(tmp_path):
    names = ("x/p.png", "y/p.png", "y/p.bmp", "y/p.bmp.png")
    files = [tmp_path / "in" / name for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("L", (40, 30), 90).save(file)
    list(score_pages(files, MeanReader(), overlay=tmp_path / "out"))
    found = {p.relative_to(tmp_path / "out").as_posix() for p in tmp_path.rglob("*-p*")}
    others = {"y/p.png-p1.png", "y/p.bmp-p1.png", "y/p.bmp.png-p1.png"}
    assert found == {"x/p-p1.png", *others}


def test_pictures_of_scans_elsewhere_stay_in_their_folder(tmp_path, monkeypatch):
    for name in ("here/x.png", "other/y.png"):
        (tmp_path / name).parent.mkdir()
        PIL.Image.new("L", (40, 30), 90).save(tmp_path / name)
    monkeypatch.chdir(tmp_path / "here")
    files = [Path("x.png"), Path("../other/y.png")]
    list(score_pages(files, MeanReader(), overlay=tmp_path / "out"))
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*-p*")}
    assert found == {"out/here/x-p1.png", "out/other/y-p1.png"}


def test_a_picture_that_cannot_be_written_keeps_the_value(stack, tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    [result] = score_pages(stack[:1], MeanReader(), overlay=tmp_path / "out")
    assert result.reading.status == "failed"
    assert result.reading.fields["grey"].value == "007"


def test_fields_are_read_by_the_last_step_after_the_others(stack):
    class Lighter:
        def transform(self, images):
            return [image + 100 for image in images]

    class Last:
        def read(self, images):
            [value] = {int(image[0, 0]) for image in images}
            return [FieldReading(str(value), "accepted", 0.25)]

    steps = Pipeline([("no", "passthrough"), ("more", Lighter()), ("read", Last())])
    rows = [value_row(r)[1:] for r in score_fields(stack[:2], steps)]
    assert rows == [["107", "accepted", "0.2500"], ["", "failed", ""]]


def test_a_row_has_three_cells_for_each_field():
    reading = PageReading({"id": FieldReading("007", "rejected", 0.89996)})
    row = result_row(PageResult("a.pdf", 3, reading), ["id", "other"])
    assert row == ["a.pdf", "3", "review", "", "007", "rejected", "0.8999", "", "", ""]
    assert len(row) == len(result_header(["id", "other"]))


def test_the_error_of_a_page_tells_what_status_and_confidence_do_not():
    fields = {
        "id": settle("007", 0.5, 0.9),
        "room": settle("1_2", 0.99, 0.9),
        "total": FieldReading(
            "900",
            "invalid",
            1.0,
            reason=_because("900 is more than 400"),
        ),
        "date": FieldReading(
            "",
            "unlocated",
            0.0,
            reason=_because("no comb of 8 boxes"),
        ),
        "free": FieldReading("", "blank", 1.0, reason=_because("crossed out")),
    }
    row = result_row(PageResult("a.pdf", 1, PageReading(fields)), fields)
    assert row[2] == "review"
    assert row[3].split("; ") == [
        "room: no digit in a box between two others",
        "total: 900 is more than 400",
        "date: no comb of 8 boxes",
    ]


def test_the_error_of_a_page_that_failed_is_that_of_the_page():
    field = FieldReading("900", "invalid", 1.0, reason=_because("900 is more than 400"))
    page = PageReading({"total": field}, error="is damaged")
    assert result_row(PageResult("a.pdf", 1, page), ["total"])[3] == "is damaged"


def test_the_table_survives_commas_quotes_and_names_that_are_no_utf8(tmp_path):
    name = os.fsdecode(b'a,"b"\xff.png')
    with ResultFile(tmp_path / "r.csv", ["document"]) as file:
        file.write([name])
    with (tmp_path / "r.csv").open(errors="surrogateescape", newline="") as table:
        assert list(csv.reader(table)) == [["document"], [name]]


def test_rows_are_on_disk_before_the_next_page_is_read(tmp_path):
    file = ResultFile(tmp_path / "r.csv", ["document"])

    def results():
        yield PageResult("a", 1, PageReading())
        assert file.part.read_text() == "document\na\n"
        assert not file.path.exists()

    write_results(file, lambda r: [r.document], results())
    assert file.path.read_text() == "document\na\n"
    assert not file.part.exists()


def test_one_reason_for_all_fields_is_told_once():
    lost = FieldReading("", "unlocated", 0.0, reason=_because("another form"))
    reading = PageReading({"a": lost, "b": lost})
    row = result_row(PageResult("x.png", 1, reading), ["a", "b"])
    assert row[3] == "another form"


def test_an_interrupted_table_leaves_the_old_one_and_the_rows_so_far(tmp_path):
    (tmp_path / "r.csv").write_text("old")

    def results():
        yield PageResult("a", 1, PageReading())
        raise KeyboardInterrupt

    file = ResultFile(tmp_path / "r.csv", ["document"])
    with pytest.raises(KeyboardInterrupt) as caught:
        write_results(file, lambda r: [r.document], results())
    assert (tmp_path / "r.csv").read_text() == "old"
    assert (tmp_path / "r.csv.part").read_text() == "document\na\n"
    assert "1 rows are in" in caught.value.__notes__[0]


# Some rows of a table reach the disk, until it is full.
FULL = """
    import resource, signal
    from pathlib import Path
    from pipelines.scoring.table import ResultFile

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        with ResultFile(Path("r.csv"), ["a"]) as file:
            while True:
                file.write(["x" * 99])
    except OSError as error:
        print(error.strerror, *error.__notes__, error.__context__)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="its files have no such limit")
def test_a_full_disk_keeps_the_rows_so_far_and_says_so(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    kept = "40 rows are in r.csv.part, and r.csv was not made"
    assert done.stdout == f"File too large {kept} None\n"


def test_a_table_without_a_row_keeps_those_of_an_interrupted_run(tmp_path):
    file = ResultFile(tmp_path / "r.csv", ["a"])
    file.part.write_text("a\n1\n2\n")
    with pytest.raises(OSError, match="early"), file:
        raise OSError("early")
    assert file.part.read_text() == "a\n1\n2\n"
    with file:
        pass
    assert file.path.read_text() == "a\n"
    assert not file.part.exists()


def test_a_table_without_a_row_leaves_nothing_behind(tmp_path):
    with pytest.raises(OSError, match="early"), ResultFile(tmp_path / "r.csv", ["a"]):
        raise OSError("early")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing/r.csv", "the folder .*missing does not exist"),
        ("file/r.csv", "does not exist"),
        ("folder", "it is a folder"),
    ],
)
def test_a_table_that_cannot_be_written_is_refused_at_once(tmp_path, path, reason):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(OutputError, match=reason),
        ResultFile(tmp_path / path, ["a"]),
    ):
        pytest.fail("the block must not be entered")


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such files")
@pytest.mark.parametrize("name", ["r.csv", "r.csv.part", "link.csv"])
def test_a_table_does_not_replace_what_is_no_regular_file(tmp_path, name):
    (tmp_path / "link.csv").symlink_to("pipe")
    os.mkfifo(tmp_path / (name if name != "link.csv" else "pipe"))
    file = ResultFile(tmp_path / name.removesuffix(".part"), ["a"])
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OutputError, match="it is no regular file"), file:
        pytest.fail("the block must not be entered")
    assert sorted(tmp_path.iterdir()) == before


def test_the_first_error_is_the_one_that_is_told(tmp_path):
    def fail(table):
        table.part.unlink()
        raise KeyError

    with pytest.raises(KeyError), ResultFile(tmp_path / "t.csv", ["x"]) as table:
        fail(table)


def test_a_name_that_is_too_long_is_an_error_of_the_table(tmp_path):
    table = ResultFile(tmp_path / ("a" * 300 + ".csv"), ["x"])
    with pytest.raises(OutputError, match="cannot be written"), table:
        pass


@pytest.mark.parametrize("old", [True, False])
def test_a_table_is_written_through_a_link(tmp_path, old):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "r.csv", tmp_path / "link.csv"
    if old:
        target.touch()
    link.symlink_to("there/r.csv")
    with ResultFile(link, ["a"]) as file:
        file.write(["1"])
    assert link.is_symlink()
    assert target.read_text() == "a\n1\n"


@pytest.mark.skipif(sys.platform == "win32", reason="locks are those of POSIX")
def test_a_table_that_another_run_is_writing_is_refused(tmp_path):
    first, second = (ResultFile(tmp_path / "r.csv", ["a"]) for _ in range(2))
    with first:
        first.write(["1"])
        with (
            pytest.raises(OutputError, match=r"another run is writing .*r\.csv"),
            second,
        ):
            pytest.fail("the block must not be entered")
        first.write(["2"])
    assert first.path.read_text() == "a\n1\n2\n"
    with second:  # nobody writes it any more
        second.write(["3"])
    assert first.path.read_text() == "a\n3\n"


@pytest.mark.skipif(sys.platform == "win32", reason="locks are those of POSIX")
def test_a_table_finished_while_its_lock_is_awaited_is_left_alone(
    tmp_path, monkeypatch
):
    file = ResultFile(tmp_path / "r.csv", ["a"])

    def finish(*_):
        file.part.rename(file.path)

    monkeypatch.setattr("fcntl.flock", finish)
    file.part.write_text("a\n1\n")
    with pytest.raises(OutputError, match="another run is writing"), file:
        pytest.fail("the block must not be entered")
    assert file.path.read_text() == "a\n1\n"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        make_folder(tmp_path / "file" / "pictures")
