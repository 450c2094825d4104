"""Fields of a PDF: the demo's form as a PDF with comb fields is the demo's form."""

import zlib

import numpy as np
import pytest

from pipelines.drawing import draw_filled_forms
from pipelines.forms.acroform import read_pdf_fields
from pipelines.forms.form import Form
from pipelines.forms.importing import write_form
from pipelines.readers import make_form_reader
from pipelines.scans.read import ScanError, open_scan

COMB = 1 << 24
POINTS = 72 / 200  # of a pixel
ORIGIN = (30, 40)  # of the crop box


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return draw_filled_forms(tmp_path_factory.mktemp("demo"), n_pages=1)


def write_pdf(path, objects):
    """Write numbered objects, the first of them the catalogue."""
    content, offsets = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        offsets.append(len(content))
        body = each if isinstance(each, bytes) else each.encode()
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    end = b"trailer<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF\n"
    path.write_bytes(content + head + table + end % (len(objects) + 1, len(content)))


def stream(content, entries=""):
    head = f"<<{entries}/Length {len(content)}>>\nstream\n".encode()
    return head + content + b"\nendstream"


def rectangle(box, rotate):
    """Give the /Rect of a box, in points from the lower left of the page."""
    top, left, height, width = (side * POINTS for side in box)
    x, y = (left, 842.03 - top - height)
    size = (width, height)
    if rotate:  # what is seen at (x, y) from the top lies at (y, x) from the bottom
        x, y, size = top, left, (height, width)
    x, y = x + ORIGIN[0], y + ORIGIN[1]
    return f"/Rect[{x:.3f} {y:.3f} {x + size[0]:.3f} {y + size[1]:.3f}]"


def make_pdf(path, page, fields, *, rotate=False, others=(), n_pages=1):
    """Write an image as a page, with widgets on it: pairs of entries and boxes."""
    width, height = 595.43, 842.03
    matrix = f"{width} 0 0 {height} {ORIGIN[0]} {ORIGIN[1]}"
    if rotate:
        matrix = f"0 {width} {-height} 0 {height + ORIGIN[0]} {ORIGIN[1]}"
        width, height = height, width
    media = f"[0 0 {width + 90} {height + 90}]"
    crop = f"[{ORIGIN[0]} {ORIGIN[1]} {width + ORIGIN[0]} {height + ORIGIN[1]}]"
    widgets = [
        f"<</Type/Annot/Subtype/Widget/P 3 0 R{rectangle(box, rotate)}{entries}>>"
        for entries, box in fields
    ]
    first = 7 + len(others)
    refs = " ".join(f"{n} 0 R" for n in range(first, first + len(widgets)))
    entries = "/Subtype/Image/Width {}/Height {}/ColorSpace/DeviceGray".format(
        *page.shape[::-1]
    )
    entries += "/BitsPerComponent 8/Filter/FlateDecode"
    looks = f"/MediaBox{media}/CropBox{crop}/Rotate {90 if rotate else 0}"
    looks += "/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>"
    objects = [
        "<</Type/Catalog/Pages 2 0 R/AcroForm 6 0 R>>",
        f"<</Type/Pages/Kids[{'3 0 R ' * n_pages}]/Count {n_pages}>>",
        f"<</Type/Page/Parent 2 0 R/Annots[{refs}]{looks}>>",
        stream(f"{matrix} cm /I Do".encode()),
        stream(zlib.compress(page.tobytes(), 1), entries),
        f"<</Fields[{refs}]/DA(/Helv 12 Tf 0 g)>>",
        *others,
        *widgets,
    ]
    write_pdf(path, objects)


def comb(field):
    return f"/FT/Tx/Ff {COMB}/MaxLen {field.digits}/T({field.name})", field.box


@pytest.mark.parametrize("rotate", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_form_of_comb_fields_is_the_form(demo, tmp_path, rotate):
    own = Form.from_file(demo.form)
    fields = [comb(field) for field in own.fields]
    make_pdf(tmp_path / "f.pdf", own.load_blank(), fields, rotate=rotate)
    summary, notes = write_form(tmp_path / "f.pdf", tmp_path / "form.json")
    assert summary.count("11 comb fields, as drawn with PDF form") == 1
    assert notes == ()
    form = Form.from_file(tmp_path / "form.json")
    assert form.load_blank().shape == own.load_blank().shape
    for field, wanted in zip(form.fields, own.fields, strict=True):
        assert (field.name, field.digits) == (wanted.name, wanted.digits)
        assert field.box == pytest.approx(wanted.box, abs=1)
    for path in demo.scans:
        with open_scan(path) as scan:
            page = scan.read(0)
        readings = [make_form_reader(each).read(page) for each in (form, own)]
        ours, theirs = (
            {n: (f.value, f.status) for n, f in reading.fields.items()}
            for reading in readings
        )
        assert ours == theirs


@pytest.fixture
def fields_of(tmp_path):
    def read(fields, others=()):
        page = np.full((2339, 1654), 255, np.uint8)
        make_pdf(tmp_path / "f.pdf", page, fields, others=others)
        return read_pdf_fields(tmp_path / "f.pdf", page.shape)

    return read


BOX = (100, 200, 60, 400)


def test_what_a_text_field_says_of_itself(fields_of):
    fields = [
        (f"/FT/Tx/Ff {COMB}/MaxLen 9/T(number)", BOX),
        ("/FT/Tx/MaxLen 1/T(grade)", BOX),
        ("/FT/Tx/MaxLen 30/T(amount)", BOX),
        (f"/FT/Tx/Ff {COMB}/T(endless)", BOX),
    ]
    boxes, n_others, n_later = fields_of(fields)
    assert [(box.label, box.attributes) for box in boxes] == [
        ("number", {"kind": "comb", "digits": 9}),
        ("grade", {"kind": "box"}),
        ("amount", {}),
        ("endless", {}),
    ]
    assert boxes[0].sides == pytest.approx(BOX, abs=0.5)
    assert (n_others, n_later) == (0, 0)


def test_what_a_field_has_from_its_parent_counts(fields_of):
    parent = f"<</FT/Tx/T(top[0])/Kids[8 0 R]/Ff {COMB}/MaxLen 7/V(12)>>"
    [box] = fields_of([("/Parent 7 0 R/F 4", BOX)], [parent]).boxes
    assert (box.label, box.attributes) == ("top", {"kind": "comb", "digits": 7})


def test_what_is_hidden_or_not_for_text_is_left_out(fields_of):
    fields = [
        ("/FT/Tx/T(hidden)/F 2", BOX),
        ("/FT/Tx/T(flat)", (100, 200, 0, 400)),
        ("/FT/Tx/T(beside)", (100, 1700, 60, 400)),
        ("/FT/Btn/T(check)", BOX),
        ("/FT/Tx/T(form[0].page[0].seen[0])", BOX),
    ]
    boxes, n_others, _ = fields_of(fields)
    assert [box.label for box in boxes] == ["seen"]
    assert n_others == 1


def test_a_pdf_without_text_fields_is_drafted_from_its_print(demo, tmp_path):
    page = Form.from_file(demo.form).load_blank()
    make_pdf(tmp_path / "f.pdf", page, [("/FT/Btn/T(check)", BOX)])
    summary, notes = write_form(tmp_path / "f.pdf", tmp_path / "form.json")
    assert "11 comb fields and " in summary
    assert notes == ()
    assert Form.from_file(tmp_path / "form.json").fields[0].name == "field_01"


def test_fields_that_are_left_out_are_said(demo, tmp_path):
    page = Form.from_file(demo.form).load_blank()
    fields = [("/FT/Btn/T(check)", BOX), ("/FT/Tx/T(name)", (1700, 200, 60, 400))]
    make_pdf(tmp_path / "f.pdf", page, fields, n_pages=2)
    summary, notes = write_form(tmp_path / "f.pdf", tmp_path / "form.json")
    assert "1 line, as drawn with PDF form" in summary
    assert notes == (
        "fields that are not for text are left out: 1",
        "fields on other pages than the first are left out: 2",
    )


def test_a_damaged_pdf_is_refused(tmp_path):
    (tmp_path / "f.pdf").write_bytes(b"%PDF-1.7\nnothing")
    with pytest.raises(ScanError, match="is a damaged PDF"):
        write_form(tmp_path / "f.pdf", tmp_path / "form.json")
    with pytest.raises(ScanError, match="is a damaged PDF"):
        read_pdf_fields(tmp_path / "f.pdf", (10, 10))
