"""Stacks of scans: one row for each page, in order, whatever happens."""

import csv
import errno
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import PIL.Image
import PIL.TiffImagePlugin
import pytest
from sklearn.pipeline import Pipeline

from lenet_sklearn.outputs import OutputError
from pipelines import Form, to_dicts, to_frame, write_table
from pipelines.outcomes import FieldReading, PageReading, Reason, ReasonKind, settle
from pipelines.scans.identity import Document, Identify
from pipelines.scoring.batch import Worker, score_documents, score_fields
from pipelines.scoring.table import PageResult, result_header, result_row, value_row


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
    results = list(score_documents(stack, MeanReader(), jobs=jobs))
    assert [(Path(r.document).name, r.page) for r in results] == [
        ("a.png", 1),
        ("b.png", 1),
        *[("c.tif", page) for page in range(1, 6)],
        ("d.png", 1),
    ]
    assert grey_values(results) == ["007", "", "010", "020", "030", "040", "050", ""]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_page_that_fails_says_why_and_costs_only_itself(stack, jobs):
    results = list(score_documents(stack, MeanReader(), jobs=jobs))
    failed = [r.reading.error for r in results if r.reading.status == "failed"]
    assert failed[0] == f"{stack[1]}: is no image and no PDF, or is damaged"
    assert failed[1] == "KeyError: 'all black'"
    assert len(failed) == 2


def test_pages_are_read_only_when_they_are_due(stack):
    results = score_documents([stack[0], Path("not looked at yet")], MeanReader())
    assert next(results).reading.status == "ok"
    results.close()


def test_pictures_mirror_the_folders_of_the_scans(tmp_path):
    names = ("x/p.png", "y/p.png", "y/p.bmp", "y/p.bmp.png")
    files = [tmp_path / "in" / name for name in names]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("L", (40, 30), 90).save(file)
    list(score_documents(files, MeanReader(), overlay=tmp_path / "out"))
    found = {p.relative_to(tmp_path / "out").as_posix() for p in tmp_path.rglob("*-p*")}
    others = {"y/p.png-p1.png", "y/p.bmp-p1.png", "y/p.bmp.png-p1.png"}
    assert found == {"x/p-p1.png", *others}


def test_pictures_of_scans_elsewhere_stay_in_their_folder(tmp_path, monkeypatch):
    for name in ("here/x.png", "other/y.png"):
        (tmp_path / name).parent.mkdir()
        PIL.Image.new("L", (40, 30), 90).save(tmp_path / name)
    monkeypatch.chdir(tmp_path / "here")
    files = [Path("x.png"), Path("../other/y.png")]
    list(score_documents(files, MeanReader(), overlay=tmp_path / "out"))
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*-p*")}
    assert found == {"out/here/x-p1.png", "out/other/y-p1.png"}


def test_a_picture_that_cannot_be_written_keeps_the_value(stack, tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    [result] = score_documents(stack[:1], MeanReader(), overlay=tmp_path / "out")
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


def test_one_reason_for_all_fields_is_told_once():
    lost = FieldReading("", "unlocated", 0.0, reason=_because("another form"))
    reading = PageReading({"a": lost, "b": lost})
    row = result_row(PageResult("x.png", 1, reading), ["a", "b"])
    assert row[3] == "another form"


def test_an_interrupted_table_leaves_the_old_one(tmp_path):
    (tmp_path / "r.csv").write_text("old")

    def results():
        yield PageResult("a", 1, PageReading())
        raise KeyboardInterrupt

    form = Form.from_combs({"grey": 3})
    with pytest.raises(KeyboardInterrupt):
        write_table(tmp_path / "r.csv", results(), form, overwrite=True)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("kind", [str, Path])
def test_one_file_may_be_given_without_a_list(stack, kind):
    [result] = score_documents(kind(stack[0]), MeanReader())
    assert result.reading.fields["grey"].value == "007"
    [other] = score_documents([str(stack[0])], MeanReader())
    assert other == result


def test_results_become_a_table_a_list_and_a_frame(stack, tmp_path, monkeypatch):
    form = Form.from_combs({"grey": 3})
    results = list(score_documents(stack[:2], MeanReader()))
    summary = write_table(tmp_path / "r.csv", results, form)
    assert summary.pages == {"ok": 1, "failed": 1}
    with (tmp_path / "r.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    listed = to_dicts(results)
    assert [row["document"] for row in listed] == list(map(str, stack[:2]))
    assert [row["grey.confidence"] for row in listed] == [0.5, None]
    for row, cells in zip(listed, table, strict=True):
        assert list(row) == list(cells)
        same = [name for name in row if name not in ("page", "grey.confidence")]
        assert [row[name] for name in same] == [cells[name] for name in same]
    pandas = SimpleNamespace(DataFrame=lambda rows, columns: (rows, columns))
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    assert to_frame(results) == (listed, None)
    assert to_frame([])[1] == ["document", "page", "status", "error"]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas, or take to_d"):
        to_frame(results)


def test_a_table_is_written_over_only_if_that_is_asked_for(tmp_path):
    form = Form.from_combs({"grey": 3})
    (tmp_path / "r.csv").write_text("old")
    with pytest.raises(OutputError, match=r"r\.csv exists.*overwrite=True"):
        write_table(tmp_path / "r.csv", [], form)
    assert (tmp_path / "r.csv").read_text() == "old"
    write_table(tmp_path / "r.csv", [], form, overwrite=True)
    assert (tmp_path / "r.csv").read_text().startswith("document,page")


def test_a_file_whose_pages_cannot_be_counted_now_is_not_taken_to_be_known(tmp_path):
    def lose_connection(image, frame):
        if frame == 2:
            raise OSError(errno.EIO, "Input/output error")
        return seek(image, frame)

    path, sheet = tmp_path / "four.tif", PIL.Image.new("1", (8, 8), 1)
    sheet.save(path, save_all=True, append_images=[sheet] * 3)
    seek = PIL.TiffImagePlugin.TiffImageFile.seek
    with pytest.MonkeyPatch.context() as patch, Worker(None, 200.0) as worker:
        patch.setattr(PIL.TiffImagePlugin.TiffImageFile, "seek", lose_connection)
        assert worker(Identify(path)) == Document(str(path))
    with Worker(None, 200.0) as worker:
        assert worker(Identify(path)).n_pages == 4
