"""Scans behind URLs: listed, fetched, read and named as if they were here."""

import csv
import http.server
import pickle
import sys
import threading

import numpy as np
import PIL.Image
import pytest

import pipelines.readers
from pipelines.cli import main
from pipelines.outcomes import FieldReading, PageReading
from pipelines.scans.find import ScanError, find_scans
from pipelines.scans.identity import file_version
from pipelines.scans.remote import RemotePath, as_path, fetched

pytest.importorskip("fsspec")


class MeanReader:
    def read(self, page):
        value = f"{round(page.mean()):03d}"
        return PageReading({"grey": FieldReading(value, "accepted", 0.95)})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        pipelines.readers, "make_form_reader", lambda form, **options: MeanReader()
    )
    (tmp_path / "scans" / "more").mkdir(parents=True)
    for name, grey in (("a2.png", 7), ("a10.png", 200), ("more/b.png", 90)):
        PIL.Image.new("L", (40, 30), grey).save(tmp_path / "scans" / name)
    (tmp_path / "scans" / "notes.txt").write_text("no scan")
    return tmp_path


@pytest.fixture
def server(folder, monkeypatch):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def score(*words):
    read = ["score", *words, "--comb", "grey=3", "--jobs", "1", "-o", "r.csv"]
    status = main(read)
    with open("r.csv", newline="", encoding="utf-8") as file:
        return status, list(csv.DictReader(file))


@pytest.mark.parametrize(
    "url", ["s3://b/x/a.png", "https://h.org/a.png", "file:///t/a.png", "memory://a"]
)
def test_a_url_stays_one(url):
    path = as_path(url)
    assert isinstance(path, RemotePath)
    assert str(path) == f"{path}" == url
    assert as_path(str(path)) == path == pickle.loads(pickle.dumps(path))
    assert str(pickle.loads(pickle.dumps(path))) == url
    assert not path.exists()


@pytest.mark.parametrize(
    "name", ["a.png", "C:/scans/a.png", "./s3:/a.png", "a:b/c.png"]
)
def test_other_names_are_paths(name):
    assert not isinstance(as_path(name), RemotePath)


def test_folders_and_patterns_are_listed_in_natural_order(folder):
    url = (folder / "scans").as_uri()
    names = [path.name for path in find_scans(url)]
    assert names == ["a2.png", "a10.png", "b.png"]
    assert [path.name for path in find_scans(f"{url}/a*.png")] == ["a2.png", "a10.png"]
    with pytest.raises(ScanError, match="no scans there"):
        find_scans(f"{url}/x*.png")


def test_pages_behind_a_url_are_read_and_named_by_it(folder):
    url = (folder / "scans").as_uri()
    (folder / "scans" / "a2.png").write_bytes(b"no image")
    status, rows = score(url)
    assert status == 1
    assert [row["document"] for row in rows] == [
        f"{url}/{name}" for name in ("a2.png", "a10.png", "more/b.png")
    ]
    assert [row["grey"] for row in rows] == ["", "200", "090"]
    assert rows[0]["error"] == f"{url}/a2.png: is no image and no PDF, or is damaged"
    assert score(url) == (status, rows)


def test_a_file_that_cannot_be_fetched_is_a_row(folder, server):
    pytest.importorskip("aiohttp")
    status, rows = score(f"{server}/scans/a2.png", f"{server}/scans/none.png")
    assert status == 1
    assert [row["grey"] for row in rows] == ["007", ""]
    assert rows[1]["error"].startswith(f"{server}/scans/none.png: ")


def test_the_version_of_a_file_changes_with_it(folder):
    path = as_path((folder / "scans" / "a2.png").as_uri())
    before = file_version(path)
    assert before == file_version(path)
    PIL.Image.fromarray(np.zeros((9, 9), np.uint8)).save(folder / "scans" / "a2.png")
    assert file_version(path) != before
    (folder / "scans" / "a2.png").unlink()
    assert file_version(path) is None


def test_what_was_fetched_is_taken_away(folder):
    with fetched(as_path((folder / "scans" / "a2.png").as_uri())) as file:
        assert file.read_bytes() == (folder / "scans" / "a2.png").read_bytes()
    assert not file.parent.exists()


def test_a_missing_package_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ScanError, match=r"lenet-sklearn\[remote\]"):
        find_scans("s3://bucket/scans")
