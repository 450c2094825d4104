"""The fields of a PDF that is filled in on a screen, and may be on paper too."""

import ctypes
from pathlib import Path
from typing import Any, Final, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from lenet_sklearn.outputs import check_readable
from pipelines.forms.drawn import DrawnBox, Sides
from pipelines.forms.field import MOST_BOXES
from pipelines.scans.find import HEAD, name_content
from pipelines.scans.read import open_pdf

# Flag 25 of a text field: as many boxes side by side as it may have characters
# (ISO 32000-1, table 228).
_COMB: Final = 1 << 24

# Annotations that are not to be seen: hidden, and shown on paper only if printed
# (ISO 32000-1, table 165).
_UNSEEN: Final = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW

# PDFium gives whole pixels; asked for a larger page, it gives parts of them.
_PARTS: Final = 16


class PdfFields(NamedTuple):
    """The fields of the first page of a PDF.

    Attributes
    ----------
    boxes : list of DrawnBox
        The text fields, in their order in the file.

    n_others : int
        Fields of that page that are not for text, such as check boxes.

    n_later : int
        Fields on the other pages.
    """

    boxes: list[DrawnBox]
    n_others: int
    n_later: int


def read_pdf_fields(path: Path, shape: tuple[int, int]) -> PdfFields:
    """Read the text fields of the first page of a PDF, if it has a form.

    A field with the comb flag has as many boxes as it may have characters. One without
    it that may have one character is a box; of the rest nothing is said.

    Parameters
    ----------
    path : Path
        Any file; one that is no PDF has no fields.

    shape : tuple of 2 ints
        Height and width of the page as it is rendered, to whose pixels places are
        converted.

    Returns
    -------
    fields : PdfFields

    Raises
    ------
    ScanError
        If the PDF is damaged or encrypted.
    """
    check_readable(path)
    with path.open("rb") as file:
        kind, _ = name_content(file.read(HEAD))
    fields = PdfFields([], 0, 0)
    if kind != "PDF":
        return fields
    document = open_pdf(path)
    try:
        if document.formenv is None:
            return fields
        boxes, n_others = _read_page(document[0], shape)
        n_later = sum(
            _count_fields(document[i], shape) for i in range(1, len(document))
        )
        return PdfFields(boxes, n_others, n_later)
    finally:
        document.close()


def _read_page(
    page: pypdfium2.PdfPage, shape: tuple[int, int]
) -> tuple[list[DrawnBox], int]:
    """Return the text fields of a page, and how many others there are."""
    boxes, n_others = [], 0
    for index in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        try:
            kind = pdfium.FPDFAnnot_GetFormFieldType(page.formenv, annotation)
            if kind == pdfium.FPDF_FORMFIELD_TEXTFIELD:
                boxes += _read_field(page, annotation, shape)
            elif kind > 0:
                n_others += 1
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    return boxes, n_others


def _count_fields(page: pypdfium2.PdfPage, shape: tuple[int, int]) -> int:
    boxes, n_others = _read_page(page, shape)
    return len(boxes) + n_others


def _read_field(
    page: pypdfium2.PdfPage, annotation: Any, shape: tuple[int, int]
) -> list[DrawnBox]:
    """Return a text field as a drawn box; nothing if it is not to be seen."""
    sides = _place(page, annotation, shape)
    unseen = pdfium.FPDFAnnot_GetFlags(annotation) & _UNSEEN
    middles = [(sides[i] + sides[i + 2] / 2) / shape[i] for i in (0, 1)]
    on_page = all(0 < middle < 1 for middle in middles)
    if unseen or min(sides[2:]) <= 0 or not on_page:
        return []
    most = _most_characters(page, annotation)
    flags = pdfium.FPDFAnnot_GetFormFieldFlags(page.formenv, annotation)
    attributes: dict[str, Any] = {}
    if flags & _COMB and 0 < most <= MOST_BOXES:
        attributes = {"kind": "comb", "digits": most}
    elif most == 1:
        attributes = {"kind": "box"}
    return [DrawnBox(_name(page, annotation), sides, attributes=attributes)]


def _place(page: pypdfium2.PdfPage, annotation: Any, shape: tuple[int, int]) -> Sides:
    """Return (top, left, height, width) in pixels of the page as it is rendered."""
    rectangle = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, rectangle)
    size = (shape[1] * _PARTS, shape[0] * _PARTS)
    points = []
    for corner in (
        (rectangle.left, rectangle.top),
        (rectangle.right, rectangle.bottom),
    ):
        x, y = ctypes.c_int(), ctypes.c_int()
        # It knows of the crop box, of pages that are turned, and that y runs upwards.
        pdfium.FPDF_PageToDevice(page, 0, 0, *size, 0, *corner, x, y)
        points.append((x.value / _PARTS, y.value / _PARTS))
    (left, right), (top, bottom) = map(sorted, zip(*points, strict=True))
    return top, left, bottom - top, right - left


def _most_characters(page: pypdfium2.PdfPage, annotation: Any) -> int:
    """Return how many characters a text field may have; 0 for any number."""
    most = ctypes.c_float()
    if pdfium.FPDFAnnot_GetNumberValue(annotation, b"MaxLen", most):
        return max(0, int(most.value))
    # A field of several places says it elsewhere, where PDFium gives no way to ask:
    # more than fits is typed into it, in memory only, and what fits is counted.
    form = page.formenv
    typed = "1" * (MOST_BOXES + 1)
    if not pdfium.FORM_SetFocusedAnnot(form, annotation):
        return 0
    pdfium.FORM_SelectAllText(form, page)
    text = ctypes.create_string_buffer(f"{typed}\0".encode("utf-16-le"))
    pdfium.FORM_ReplaceSelection(form, page, ctypes.cast(text, pdfium.FPDF_WIDESTRING))
    # In bytes, two for each character and for the zero at the end.
    n_typed = pdfium.FORM_GetFocusedText(form, page, None, 0) // 2 - 1
    pdfium.FORM_ForceToKillFocus(form)
    return n_typed if n_typed < len(typed) else 0


def _name(page: pypdfium2.PdfPage, annotation: Any) -> str:
    """Return the last part of the name of a field, without the number in brackets."""
    ask = pdfium.FPDFAnnot_GetFormFieldName
    n_bytes = ask(page.formenv, annotation, None, 0)
    text = ctypes.create_string_buffer(n_bytes)
    pointer = ctypes.cast(text, ctypes.POINTER(pdfium.FPDF_WCHAR))
    ask(page.formenv, annotation, pointer, n_bytes)
    name = text.raw.decode("utf-16-le", errors="replace").rstrip("\0")
    # Forms of Adobe's designer: topmostSubform[0].Page1[0].number[0]
    return name.rpartition(".")[2].partition("[")[0]
