"""Files are written as a whole or not at all, and what cannot be is said first."""

import csv
import os
import sys
from pathlib import Path

import pytest

from lenet_sklearn.outputs import (
    OutputError,
    check_writable,
    lock_file,
    make_folder,
    read_rows,
    write_rows,
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
    write_rows(tmp_path / "r.csv", ["document"], [[name]])
    with (tmp_path / "r.csv").open(errors="surrogateescape", newline="") as table:
        assert list(csv.reader(table)) == [["document"], [name]]


def test_a_file_may_have_the_longest_of_names(tmp_path):
    path = tmp_path / ("a" * 251 + ".csv")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_table_of_which_a_row_fails_leaves_the_old_one(tmp_path):
    (tmp_path / "r.csv").write_text("old")

    def rows():
        yield ["1"]
        raise KeyError("early")

    with pytest.raises(KeyError, match="early"):
        write_rows(tmp_path / "r.csv", ["a"], rows())
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


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
    with pytest.raises(OutputError, match=reason):
        write_rows(tmp_path / path, ["a"], [])


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such files")
@pytest.mark.parametrize("name", ["r.csv", "link.csv"])
def test_a_table_does_not_replace_what_is_no_regular_file(tmp_path, name):
    (tmp_path / "link.csv").symlink_to("pipe")
    os.mkfifo(tmp_path / (name if name != "link.csv" else "pipe"))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OutputError, match="it is not a regular file"):
        write_rows(tmp_path / name, ["a"], [])
    assert sorted(tmp_path.iterdir()) == before


def test_a_name_that_is_too_long_is_an_error_of_the_table(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        write_rows(tmp_path / ("a" * 300 + ".csv"), ["x"], [])


@pytest.mark.parametrize("old", [True, False])
def test_a_table_is_written_through_a_link(tmp_path, old):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "r.csv", tmp_path / "link.csv"
    if old:
        target.touch()
    link.symlink_to("there/r.csv")
    write_rows(link, ["a"], [["1"]])
    assert link.is_symlink()
    assert target.read_text() == "a\n1\n"


@pytest.mark.skipif(sys.platform == "win32", reason="locks are those of POSIX")
def test_a_lock_keeps_out_all_but_those_who_share_it(tmp_path):
    path = tmp_path / "lock"
    with (
        lock_file(path, shared=True),
        lock_file(path, shared=True),
        pytest.raises(BlockingIOError),
        lock_file(path, patience=0.0),
    ):
        pytest.fail("the block must not be entered")
    with (
        lock_file(path),
        pytest.raises(BlockingIOError),
        lock_file(path, shared=True, patience=0.0),
    ):
        pytest.fail("the block must not be entered")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        make_folder(tmp_path / "file" / "pictures")


def test_rows_have_the_numbers_of_their_lines(tmp_path):
    (tmp_path / "t.csv").write_text('a, b\n1,"x\ny"\n2\n')
    names, rows = read_rows(tmp_path / "t.csv")
    assert names == ["a", "b"]
    assert rows == [(3, {"a": "1", "b": "x\ny"}), (4, {"a": "2", "b": None})]
