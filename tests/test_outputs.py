"""Files are written as a whole or not at all, and what cannot be is said first."""

import csv
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lenet_sklearn.outputs import (
    OutputError,
    ResultFile,
    check_writable,
    make_folder,
    read_rows,
    write_whole,
)

ROOT = Path(__file__).resolve().parents[1]


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "model"
    for content in (b"old", b"new"):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_moved_leaves_the_old_file(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    (tmp_path / "model").write_bytes(b"old")
    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_whole(tmp_path / "model", b"new")
    assert (tmp_path / "model").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="modes are those of POSIX")
def test_a_new_file_is_as_the_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "model", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "model").stat().st_mode & 0o777 == 0o640


def test_a_file_is_written_through_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to("there/model")
    check_writable(link)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "there" / "model").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("path", "reason"),
    [("none/model", "the folder .*none does not exist"), (".", "it is a folder")],
)
def test_an_output_that_cannot_be_written_is_found_out(tmp_path, path, reason):
    with pytest.raises(OutputError, match=reason):
        check_writable(tmp_path / path)


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such files")
def test_an_output_that_is_not_a_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="it is not a regular file"):
        check_writable(tmp_path / "pipe")


def test_the_table_survives_commas_quotes_and_names_that_are_no_utf8(tmp_path):
    name = os.fsdecode(b'a,"b"\xff.png')
    with ResultFile(tmp_path / "r.csv", ["document"]) as file:
        file.write([name])
    with (tmp_path / "r.csv").open(errors="surrogateescape", newline="") as table:
        assert list(csv.reader(table)) == [["document"], [name]]


# Some rows of a table reach the disk, until it is full.
FULL = """
    import resource, signal
    from pathlib import Path
    from lenet_sklearn.outputs import ResultFile

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        with ResultFile(Path("r.csv"), ["a"]) as file:
            while True:
                file.write(["x" * 98])
    except OSError as error:
        print(error.strerror, *error.__notes__, error.__context__)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="its files have no such limit")
def test_a_full_disk_keeps_the_rows_so_far_and_says_so(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    kept = "41 rows are in r.csv.part, and r.csv was not made"
    assert done.stdout == f"File too large {kept} None\n"
    rows = (tmp_path / "r.csv.part").read_text()
    assert rows == "a\n" + 41 * ("x" * 98 + "\n"), "no row ends in the middle"


def test_a_file_may_have_the_longest_of_names(tmp_path):
    path = tmp_path / ("a" * 251 + ".csv")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"


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
    with pytest.raises(OutputError, match="it is not a regular file"), file:
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


def test_rows_have_the_numbers_of_their_lines(tmp_path):
    (tmp_path / "t.csv").write_text('a, b\n1,"x\ny"\n2\n')
    names, rows = read_rows(tmp_path / "t.csv")
    assert names == ["a", "b"]
    assert rows == [(3, {"a": "1", "b": "x\ny"}), (4, {"a": "2", "b": None})]
