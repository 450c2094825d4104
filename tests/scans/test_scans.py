"""Scan files: whatever the file, one grey page at a time, or a reason."""

import os
import socket
import sys
import warnings
from pathlib import Path

import numpy as np
import PIL.Image
import pypdfium2
import pytest
from numpy.testing import assert_array_equal
from PIL import ImageOps

from pipelines.scans.find import find_passed
from pipelines.scans.read import ScanError, find_scans, open_scan, read_pages


@pytest.fixture
def page():
    """Paper with a black bar in its upper left, so that turning it shows."""
    page = np.full((40, 60), 255, dtype=np.uint8)
    page[4:8, 3:30] = 0
    return page


def save_pdf(path, sizes):
    """Write a PDF of empty pages, `sizes` in points."""
    document = pypdfium2.PdfDocument.new()
    for width, height in sizes:
        document.new_page(width, height).close()
    document.save(path)
    document.close()


def corrupt(path, start, stop):
    """Overwrite a part of a file, given in fractions of its length."""
    content = bytearray(path.read_bytes())
    start, stop = int(start * len(content)), int(stop * len(content))
    content[start:stop] = b"\xa5" * (stop - start)
    path.write_bytes(content)


def save_tiff(path, pages, **options):
    first, *rest = map(PIL.Image.fromarray, pages)
    first.save(path, save_all=True, append_images=rest, **options)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp", "jpg", "pgm"])
def test_every_format_gives_the_page_back(tmp_path, page, suffix):
    path = tmp_path / f"page.{suffix}"
    options = {"jpg": {"quality": 95}, "webp": {"lossless": True}}
    PIL.Image.fromarray(page).save(path, **options.get(suffix, {}))
    [read] = read_pages(path)
    assert read.dtype == np.uint8
    assert read.flags.writeable
    np.testing.assert_allclose(read, page, atol=20 if suffix == "jpg" else 0)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "RGBA", "LA"])
def test_every_mode_comes_out_grey(tmp_path, page, mode):
    path = tmp_path / "page.tif"
    if mode in ("LA",):
        path = tmp_path / "page.png"
    # Pillow before 13 does not read YCbCr that is not compressed.
    PIL.Image.fromarray(page).convert(mode).save(path, compression="tiff_lzw")
    assert_array_equal(next(read_pages(path)), page)


def test_colour_becomes_luma(tmp_path):
    PIL.Image.new("RGB", (5, 4), (255, 0, 0)).save(tmp_path / "red.png")
    assert set(next(read_pages(tmp_path / "red.png")).flat) == {76}  # 0.299 * 255


def test_what_is_transparent_is_paper(tmp_path):
    ink = PIL.Image.new("RGBA", (5, 4), (0, 0, 0, 0))
    ink.putpixel((2, 1), (0, 0, 0, 255))
    ink.save(tmp_path / "ink.png")
    read = next(read_pages(tmp_path / "ink.png"))
    assert read[1, 2] == 0
    assert read.sum() == 255 * 19


def test_a_transparent_palette_colour_is_paper(tmp_path):
    palette = PIL.Image.new("P", (5, 4), 0)
    palette.putpalette([0, 0, 0, 90, 90, 90])
    palette.putpixel((2, 1), 1)
    palette.save(tmp_path / "p.png", transparency=0)
    read = next(read_pages(tmp_path / "p.png"))
    assert read[1, 2] == 90
    assert read[0, 0] == 255


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path, page, suffix):
    path = tmp_path / f"deep.{suffix}"
    PIL.Image.fromarray(page.astype(np.uint16) * 257).save(path)
    assert_array_equal(next(read_pages(path)), page)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_twelve_bits_in_a_file_of_sixteen_are_read_on_their_scale(
    tmp_path, page, suffix
):
    path = tmp_path / f"deep.{suffix}"
    PIL.Image.fromarray(np.rint(page / 255 * 4095).astype(np.uint16)).save(path)
    assert_array_equal(next(read_pages(path)), page)


def test_sixteen_bits_with_white_as_zero_are_inverted(tmp_path, page):
    deep = PIL.Image.fromarray((255 - page).astype(np.uint16) * 257)
    deep.save(tmp_path / "deep.tif", tiffinfo={262: 0})
    assert_array_equal(next(read_pages(tmp_path / "deep.tif")), page)


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg"])
def test_pixels_that_are_not_square_are_stretched(tmp_path, page, suffix):
    path = tmp_path / f"fax.{suffix}"
    PIL.Image.fromarray(page).save(path, dpi=(204, 98))
    [read] = read_pages(path)
    assert read.shape == (round(40 * 204 / 98), 60)
    PIL.Image.fromarray(page).save(path, dpi=(204, 391))
    assert next(read_pages(path)).shape == (40, round(60 * 391 / 204))


@pytest.mark.parametrize(
    "dpi", [(204, 196), (72, 72), (300, 1), (0, 98), (0, 0), (1, 300)]
)
def test_pixels_are_square_where_nothing_credible_is_said(tmp_path, page, dpi):
    path = tmp_path / "page.tif"
    PIL.Image.fromarray(page).save(path, dpi=dpi)
    assert_array_equal(next(read_pages(path)), page)


@pytest.mark.parametrize("suffix", ["tif", "jpg"])
def test_a_fax_that_lies_on_its_side_is_stretched_along_its_stored_rows(
    tmp_path, page, suffix
):
    path = tmp_path / f"fax.{suffix}"
    exif = PIL.Image.Exif()
    exif[274] = 6  # a quarter turn makes it upright
    # Pillow 13 garbles TIFFs that lie so and are not compressed.
    packed = {"compression": "tiff_lzw"} if suffix == "tif" else {}
    PIL.Image.fromarray(page).save(path, dpi=(200, 100), exif=exif, **packed)
    assert next(read_pages(path)).shape == (60, 80)


def test_a_page_too_large_once_stretched_is_refused(tmp_path):
    path = tmp_path / "fax.tif"
    PIL.Image.new("L", (1000, 600), "white").save(path, dpi=(200, 100))
    with pytest.raises(ScanError, match="megapixels"):
        next(read_pages(path, max_megapixels=1.0))


@pytest.mark.parametrize("scale", [1.0, 255.0, 65535.0])
def test_floats_are_read_on_any_usual_scale(tmp_path, page, scale):
    samples = (page / 255 * scale).astype(np.float32)
    samples[0, 0] = np.nan
    PIL.Image.fromarray(samples).save(tmp_path / "float.tif")
    assert_array_equal(next(read_pages(tmp_path / "float.tif")), page)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, page, orientation, suffix):
    path = tmp_path / f"turned.{suffix}"
    exif = PIL.Image.Exif()
    exif[274] = orientation
    PIL.Image.fromarray(page).save(path, exif=exif)
    with PIL.Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("L"))
    with open_scan(path) as scan:
        assert_array_equal(scan.read(0), expected)
        assert_array_equal(scan.read(0), expected)


def test_the_pages_of_a_tiff_come_in_order(tmp_path):
    save_tiff(tmp_path / "t.tif", [np.full((9, 7), v, np.uint8) for v in (1, 2, 3)])
    assert [int(page[0, 0]) for page in read_pages(tmp_path / "t.tif")] == [1, 2, 3]


def test_the_frames_of_an_animation_are_not_pages(tmp_path):
    frames = [PIL.Image.new("L", (9, 7), value) for value in (10, 200)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
    assert len(list(read_pages(tmp_path / "a.webp"))) == 1


def test_a_pdf_is_rendered_at_the_dpi_asked_for(tmp_path):
    save_pdf(tmp_path / "a5.pdf", [(144, 72), (72, 144)])
    shapes = [page.shape for page in read_pages(tmp_path / "a5.pdf", dpi=100)]
    assert shapes == [(100, 200), (200, 100)]


def test_a_pdf_page_longer_than_paper_is_rendered_as_if_it_were_a2(tmp_path):
    save_pdf(tmp_path / "photo.pdf", [(3368, 842)])  # twice the length of A2
    assert next(read_pages(tmp_path / "photo.pdf", dpi=36)).shape == (211, 842)


def test_a_pdf_page_keeps_its_ink(tmp_path, page):
    PIL.Image.fromarray(page).save(tmp_path / "p.pdf", resolution=72)
    read = next(read_pages(tmp_path / "p.pdf", dpi=72))
    np.testing.assert_allclose(read, page, atol=20)  # it is a JPEG inside


def test_the_first_bytes_tell_the_format_not_the_name(tmp_path, page):
    save_pdf(tmp_path / "really_a_pdf.png", [(72, 72)])
    assert next(read_pages(tmp_path / "really_a_pdf.png", dpi=72)).shape == (72, 72)


def test_one_pixel_is_an_image(tmp_path):
    PIL.Image.new("L", (1, 1)).save(tmp_path / "dot.png")
    assert next(read_pages(tmp_path / "dot.png")).shape == (1, 1)


def test_a_missing_file_is_named():
    with pytest.raises(ScanError, match=r"nowhere\.png: no such file"):
        open_scan("nowhere.png")


def test_a_text_file_called_png_is_no_image(tmp_path):
    (tmp_path / "notes.png").write_text("not an image")
    with pytest.raises(ScanError, match=r"notes\.png: is no image and no PDF"):
        open_scan(tmp_path / "notes.png")


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    (tmp_path / "empty.pdf").touch()
    with pytest.raises(ScanError, match=r"empty\.pdf: is empty"):
        open_scan(tmp_path / "empty.pdf")


def test_a_folder_is_no_scan(tmp_path):
    with pytest.raises(ScanError, match="is a folder"):
        open_scan(tmp_path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "bmp"])
def test_a_truncated_image_is_refused_not_half_read(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), dtype=np.uint8)
    path = tmp_path / f"half.{suffix}"
    PIL.Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ScanError, match=rf"half\.{suffix}: .*(damaged|truncated)"):
        list(read_pages(path))


def test_an_image_of_400_megapixels_is_refused_before_it_is_decoded(tmp_path):
    PIL.Image.new("1", (20_000, 20_000)).save(tmp_path / "vast.png")
    with pytest.raises(ScanError, match=r"vast\.png: would decode to more than"):
        list(read_pages(tmp_path / "vast.png"))


def test_an_image_above_the_limit_is_refused_by_its_header(tmp_path):
    path = tmp_path / "wide.png"
    PIL.Image.new("1", (10_000, 10_000)).save(path)
    corrupt(path, 0.5, 0.9)  # what follows the header is never looked at
    with pytest.raises(ScanError, match="page 1: would decode to 100 megapixels"):
        list(read_pages(path, max_megapixels=50))


def test_a_large_image_within_the_limit_is_read_without_a_warning(tmp_path):
    PIL.Image.new("1", (10_000, 10_000), 1).save(tmp_path / "wide.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert next(read_pages(tmp_path / "wide.png")).shape == (10_000, 10_000)


def test_a_vast_pdf_page_costs_only_itself(tmp_path):
    save_pdf(tmp_path / "mixed.pdf", [(14_400, 14_400), (72, 72)])
    with open_scan(tmp_path / "mixed.pdf", dpi=600) as scan:
        with pytest.raises(ScanError, match="page 1: would decode to 197 megapixels"):
            scan.read(0)
        assert scan.read(1).shape == (600, 600)


def test_a_pdf_page_is_judged_by_the_size_it_is_rendered_at(tmp_path):
    save_pdf(tmp_path / "photo.pdf", [(6000, 4000)])  # its pixels taken for points
    assert next(read_pages(tmp_path / "photo.pdf")).shape == (3119, 4678)


def test_a_pdf_without_pages_is_refused(tmp_path):
    save_pdf(tmp_path / "none.pdf", [])
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4")
    with pytest.raises(ScanError):
        open_scan(tmp_path / "bad.pdf")  # whose error must not stick
    with pytest.raises(ScanError, match=r"none\.pdf: has no pages"):
        open_scan(tmp_path / "none.pdf")


def test_an_encrypted_pdf_is_refused_with_a_remedy(tmp_path):
    (tmp_path / "locked.pdf").write_bytes(
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj\n"
        b"4 0 obj<</Filter/Standard/V 1/R 2/P -4/O<" + b"41" * 32 + b">"
        b"/U<" + b"42" * 32 + b">>>endobj\n"
        b"trailer<</Root 1 0 R/Size 5/Encrypt 4 0 R/ID[<41><41>]>>\n%%EOF\n"
    )
    with pytest.raises(ScanError, match=r"locked\.pdf: is encrypted; save a copy"):
        open_scan(tmp_path / "locked.pdf")


def test_a_damaged_pdf_is_refused(tmp_path):
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4\nnothing else")
    with pytest.raises(ScanError, match=r"bad\.pdf: is a damaged PDF"):
        open_scan(tmp_path / "bad.pdf")


def test_a_damaged_tiff_page_costs_only_itself(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (3, 99, 99), dtype=np.uint8)
    save_tiff(tmp_path / "t.tif", noise, compression="tiff_lzw")
    corrupt(tmp_path / "t.tif", 0.4, 0.6)
    with open_scan(tmp_path / "t.tif") as scan:
        with pytest.raises(ScanError, match=r"t\.tif: page 2: is damaged"):
            scan.read(1)
        assert_array_equal(scan.read(0), noise[0])
        assert_array_equal(scan.read(2), noise[2])


def test_a_page_out_of_range_is_an_index_error(tmp_path, page):
    PIL.Image.fromarray(page).save(tmp_path / "p.png")
    with open_scan(tmp_path / "p.png") as scan, pytest.raises(IndexError):
        scan.read(1)


def test_scans_of_a_folder_come_in_natural_order_with_its_sub_folders(tmp_path):
    names = ["b/p2.png", "b/p10.tiff", "a.PDF", ".hidden.png", "b/notes.txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_scans([tmp_path])]
    assert found == ["a.PDF", "b/p2.png", "b/p10.tiff"]


def test_linked_folders_are_followed_each_once(tmp_path):
    for name in ("scans/b/p.png", "elsewhere/q.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    scans = tmp_path / "scans"
    (scans / "a").symlink_to("b")
    (scans / "b" / "circle").symlink_to(scans)
    (scans / "link").symlink_to(tmp_path / "elsewhere")
    (scans / "same").symlink_to(tmp_path / "elsewhere")
    found = [path.relative_to(scans).as_posix() for path in find_scans([scans])]
    assert found == ["b/p.png", "link/q.png"]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir()
    (tmp_path / "a.png").touch()
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)  # root may list any folder
    with pytest.raises(ScanError, match=r"locked: this folder cannot be listed: Perm"):
        find_scans([tmp_path])


def test_a_quoted_pattern_is_expanded(tmp_path):
    for name in ("p10.png", "p9.png", "other.png"):
        (tmp_path / name).touch()
    found = find_scans([str(tmp_path / "p*.png")])
    assert [path.name for path in found] == ["p9.png", "p10.png"]


def test_a_file_with_brackets_in_its_name_is_found(tmp_path):
    (tmp_path / "scan[1].png").touch()
    assert find_scans([tmp_path / "scan[1].png"]) == [tmp_path / "scan[1].png"]


def test_a_file_named_twice_is_listed_once(tmp_path):
    (tmp_path / "a.png").touch()
    (tmp_path / "b.png").touch()
    found = find_scans([tmp_path / "b.png", tmp_path])
    assert [path.name for path in found] == ["b.png", "a.png"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere", "no such file or folder"),
        ("empty", "no scans in this folder"),
        ("*.png", "no file matches"),
    ],
)
def test_a_path_that_stands_for_nothing_is_named(tmp_path, name, reason):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScanError, match=reason):
        find_scans([tmp_path / name])


def names(paths, folder):
    return [path.relative_to(folder).as_posix() for path in paths]


def test_a_scan_without_a_suffix_is_told_by_its_first_bytes(tmp_path, page):
    image = PIL.Image.fromarray(page)
    for name in ("a", "b", "c", "d"):
        formats = {"a": "PNG", "b": "PPM", "c": "TIFF", "d": "BMP"}
        image.save(tmp_path / name, format=formats[name])
    save_pdf(tmp_path / "e", [(72, 72)])
    (tmp_path / "notes").write_text("P.S. BM")
    (tmp_path / "empty").touch()
    assert names(find_scans(tmp_path), tmp_path) == ["a", "b", "c", "d", "e"]
    assert names(find_passed(tmp_path).other_kinds, tmp_path) == ["empty", "notes"]
    assert all(len(list(read_pages(file))) == 1 for file in find_scans(tmp_path))


@pytest.mark.parametrize("suffix", ["jfif", "jpe", "pnm", "pbm", "pgm", "ppm"])
def test_rarer_suffixes_of_scans_are_known(tmp_path, page, suffix):
    mode = {"pbm": "1", "ppm": "RGB"}.get(suffix, "L")
    kind = "JPEG" if suffix.startswith("j") else "PPM"
    PIL.Image.fromarray(page).convert(mode).save(tmp_path / f"a.{suffix}", format=kind)
    [path] = find_scans([tmp_path])
    [read] = read_pages(path)
    assert read.shape == page.shape


def test_a_page_under_another_name_is_not_lost_in_silence(tmp_path, page):
    PIL.Image.fromarray(page).save(tmp_path / "scan.png.old", format="PNG")
    (tmp_path / "table.csv").write_text("file,value\n")
    (tmp_path / "photo.HEIC").touch()
    passed = names(find_passed([tmp_path]).other_kinds, tmp_path)
    assert passed == ["photo.HEIC", "scan.png.old"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(16), "kind HEIC.* Save it as JPEG; .*iPhone"),
        (b"\0\0\0\x18ftypavif" + bytes(16), "kind AVIF.* Save it as PNG"),
        (b"GIF89a" + bytes(16), "kind GIF"),
        (b"%!PS-Adobe", "kind PostScript.* Save it as PDF"),
    ],
)
def test_an_image_of_another_kind_says_what_it_is(tmp_path, content, reason):
    (tmp_path / "photo.jpg").write_bytes(content)
    with pytest.raises(ScanError, match=rf"photo\.jpg: is a file of the {reason}"):
        open_scan(tmp_path / "photo.jpg")


def test_one_path_may_be_given_without_a_list(tmp_path):
    (tmp_path / "a.png").touch()
    assert find_scans(str(tmp_path)) == find_scans(tmp_path) == [tmp_path / "a.png"]


def test_links_in_a_circle_cost_only_themselves(tmp_path):
    (tmp_path / "c.png").touch()
    for name, other in (("a.png", "b.png"), ("b.png", "a.png"), ("d", "d")):
        (tmp_path / name).symlink_to(tmp_path / other)
    (tmp_path / "e.png").symlink_to(tmp_path / "nowhere")
    found = names(find_scans([tmp_path], exclude=tmp_path / "d"), tmp_path)
    assert found == ["c.png", "e.png"], "of a link to nothing, a row says it"
    passed = names(find_passed([tmp_path]).not_regular, tmp_path)
    assert passed == ["a.png", "b.png", "d"]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes in folders are of POSIX")
def test_pipes_and_sockets_are_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # names of sockets must be short
    os.mkfifo("x.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("y.png")
        Path("z.png").touch()
        assert names(find_scans(["."]), Path()) == ["z.png"]
        passed = find_passed(["."]).not_regular
        assert names(passed, Path()) == ["x.png", "y.png"]
        for name, kind in (("x.png", "pipe"), ("y.png", "socket")):
            with pytest.raises(ScanError, match=rf"{name}: .*it is a {kind}, not"):
                open_scan(name)
    with pytest.raises(ScanError, match="it is a device, not a regular file"):
        open_scan("/dev/zero")


@pytest.mark.parametrize("name", ["a\0b.png", "a" * 5000])
def test_a_name_that_no_file_has_is_a_reason(name):
    with pytest.raises(ScanError, match="cannot be opened"):
        open_scan(name)
