"""Pages of which a part could not be decoded: they say so, and nothing is accepted."""

import io
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image
import pytest

from pipelines.outcomes import FieldReading, PageReading
from pipelines.scans.damage import listen_to_decoder
from pipelines.scans.read import open_scan
from pipelines.scoring.batch import score_documents


@pytest.fixture(scope="module")
def writing():
    """A page with something on it everywhere."""
    grain = np.random.default_rng(0).integers(0, 256, (75, 50), dtype=np.uint8)
    return PIL.Image.fromarray(np.kron(grain, np.ones((8, 8), dtype=np.uint8)))


def _coded(image, **options):
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


def _with_wrong_byte(content, place):
    wrong = bytearray(content)
    wrong[place] ^= 0xFF
    return bytes(wrong)


def _blanked(content, n_bytes=1500):
    """Overwrite the end of the image in a PDF."""
    end = content.index(b"endstream", len(content) // 3)
    return content[: end - n_bytes] + bytes(n_bytes) + content[end:]


def _png(image):
    content = _coded(image, format="PNG", compress_level=0)
    return _with_wrong_byte(content, len(content) // 2)


def _jpeg(image):
    # An end in the middle: what comes after it is lost.
    content = _coded(image, format="JPEG")
    middle = len(content) // 2
    return content[:middle] + b"\xff\xd9" + content[middle:]


def _group_4(image):
    content = _coded(image.convert("1"), format="TIFF", compression="group4")
    middle = len(content) // 2
    return content[:middle] + b"\xaa" * 64 + content[middle + 64 :]


def _pdf_with_jpeg(image):
    return _blanked(_coded(image, format="PDF"))


def _pdf_with_jpeg_2000(image):
    return _blanked(_coded(image.convert("LA"), format="PDF"))


def _whole(image):
    return _coded(image, format="PNG")


@pytest.mark.parametrize(
    "make", [_png, _jpeg, _group_4, _pdf_with_jpeg, _pdf_with_jpeg_2000]
)
def test_damage_that_a_decoder_passes_over_is_found(make, writing, tmp_path, capfd):
    (tmp_path / "page").write_bytes(make(writing))
    with open_scan(tmp_path / "page") as scan:
        assert scan.read(0).shape[0] >= 600
        assert scan.damage
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "PDF"])
@pytest.mark.parametrize("mode", ["L", "1", "RGB", "LA"])
def test_pages_that_are_whole_are_not_called_damaged(name, mode, writing, tmp_path):
    image = writing.convert(mode)
    if (name, mode) in [("JPEG", "LA"), ("BMP", "LA"), ("WEBP", "LA")]:
        image = writing
    image.save(tmp_path / "page", format=name)
    with open_scan(tmp_path / "page") as scan:
        scan.read(0)
        assert scan.damage == ""


def test_damage_is_that_of_the_page_read_last(writing, tmp_path):
    pages = [writing.convert("1"), writing.convert("1")]
    content = _coded(
        pages[0],
        format="TIFF",
        compression="group4",
        save_all=True,
        append_images=pages[1:],
    )
    quarter = len(content) // 4
    content = content[:quarter] + b"\xaa" * 64 + content[quarter + 64 :]
    (tmp_path / "page.tif").write_bytes(content)
    with open_scan(tmp_path / "page.tif") as scan:
        damaged = []
        for index in (0, 1, 0):
            scan.read(index)
            damaged.append(bool(scan.damage))
    assert damaged == [True, False, True]


def test_nothing_is_accepted_or_blank_on_a_damaged_page(writing, tmp_path):
    class Sure:
        def read(self, page):
            value = FieldReading("7", "accepted", 1.0)
            empty, lost = (
                FieldReading("", status, 1.0) for status in ("blank", "unlocated")
            )
            return PageReading({"value": value, "empty": empty, "lost": lost})

    for name, make in (("whole.png", _whole), ("damaged.png", _png)):
        (tmp_path / name).write_bytes(make(writing))
    files = [tmp_path / "whole.png", tmp_path / "damaged.png"]
    whole, damaged = (result.reading for result in score_documents(files, Sure()))
    assert [f.status for f in whole.fields.values()] == [
        "accepted",
        "blank",
        "unlocated",
    ]
    assert [f.status for f in damaged.fields.values()] == [
        "rejected",
        "rejected",
        "unlocated",
    ]
    assert damaged.fields["value"].value == "7"
    assert damaged.status == "review"
    assert str(damaged.fields["empty"].reason) == (
        "a part of the page is damaged: a checksum of the PNG file is wrong"
    )


def test_log_lines_of_others_are_no_damage_and_reach_stderr(writing, tmp_path, capfd):
    with listen_to_decoder() as complaints:
        os.write(
            2, b"DEBUG:PIL.TiffImagePlugin:have fileno\nFax4Decode: Bad code word\n"
        )
    assert complaints == ["Fax4Decode: Bad code word"]
    assert capfd.readouterr().err == "DEBUG:PIL.TiffImagePlugin:have fileno\n"


def test_threads_that_read_keep_stderr(writing, tmp_path, capfd):
    writing.save(tmp_path / "page.jpg")

    def read(_):
        with open_scan(tmp_path / "page.jpg") as scan:
            return scan.read(0).shape, scan.damage

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(read, range(60))) == {((600, 400), "")}
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


def test_a_photograph_with_a_preview_is_looked_at_too(writing, tmp_path):
    small = writing.resize((100, 150))
    whole = _coded(writing, format="MPO", save_all=True, append_images=[small])
    middle = whole.index(b"\xff\xda") + 5000
    for content, damaged in (
        (whole, False),
        (whole[:middle] + b"\xff\xd9" + whole[middle:], True),
    ):
        (tmp_path / "photo").write_bytes(content)
        with open_scan(tmp_path / "photo") as scan:
            scan.read(0)
            assert bool(scan.damage) == damaged
