"""Import a form from where its fields are drawn already: other tools, and PDFs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pydantic

from pipelines.fields.boxes import WritingBox, find_boxes
from pipelines.fields.ticks import find_marks
from pipelines.forms.acroform import PdfFields, read_pdf_fields
from pipelines.forms.annotations import (
    FORMATS,
    is_annotation,
    read_annotations,
)
from pipelines.forms.drafting import (
    MIN_SKEW,
    Draft,
    check_free_outputs,
    check_outputs,
    save_draft,
    upright_box,
    write_draft,
)
from pipelines.forms.drawn import DrawnBox, DrawnImage, base_name
from pipelines.forms.field import Field
from pipelines.forms.files import FormError, explain
from pipelines.forms.filled import refuse_blank, write_filled
from pipelines.forms.form import Form
from pipelines.forms.naming import choose_names, read_attributes
from pipelines.forms.placing import Box, doubt_fields, find_printed
from pipelines.images import Image
from pipelines.pages.upright import estimate_skew
from pipelines.scans.read import ScanError, open_scan

# A side that was drawn this near to the print, in pixels, was drawn well.
_NEAR: Final = 2

# A side that is further away is in no image, in pixels.
_FAR: Final = 1e6

# Pages of one shape are scanned in sizes that differ by this share.
_SAME_SHAPE: Final = 0.01


@dataclass(frozen=True, eq=False)
class Imported:
    """Fields that were drawn elsewhere, on the blank page they belong to.

    Attributes
    ----------
    draft : Draft
        The fields, the page, and where they lie.

    made_with : str
        The format.

    notes : tuple of str
        What was taken otherwise than it was drawn, and what is doubtful.
    """

    draft: Draft
    made_with: str
    notes: tuple[str, ...]


def write_form(
    source: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    blank: str | Path | None = None,
    overwrite: bool = False,
) -> tuple[str, tuple[str, ...]]:
    """Write a form for editing, from whatever there is of it.

    Files are written as by :func:`write_draft`.

    Parameters
    ----------
    source : str, Path, or sequence of them
        A drawing of fields; or the scan of a blank page, or its PDF, from whose form
        fields are taken if it has any for text, and else from its print. A list of
        scans and folders is of filled-in pages, as for
        :func:`pipelines.forms.filled.write_filled`.

    output : str or Path
        The JSON file.

    blank : str or Path, default=None
        Scan of the page that was drawn on. A drawing needs it.

    overwrite : bool, default=False
        Replace files that exist, and what somebody has edited in the form.

    Returns
    -------
    summary : str
        What was found and where it is, in a line or two.

    notes : tuple of str
        What is to be looked at.

    Raises
    ------
    FormError
        If no field is found, a field cannot be used, or a file that is to be written
        exists or is one that is read.

    ScanError
        If the blank cannot be read.

    OSError
        If a file cannot be written.
    """
    if not isinstance(source, str | Path):
        refuse_blank(blank)
        return write_filled(source, output, overwrite=overwrite)
    source, output = Path(source), Path(output)
    given = () if blank is None else (Path(blank),)
    check_outputs([source, *given], output)
    imported = import_fields(source, *given)
    if imported is None:
        return write_draft(source, output, overwrite=overwrite), ()
    if not overwrite:
        check_free_outputs(output)
    save_draft(imported.draft, output)
    return _summary(imported, output), imported.notes


def import_fields(source: Path, blank: Path | None = None) -> Imported | None:
    """Import fields from whatever has any that are drawn.

    Parameters
    ----------
    source : Path
        As for :func:`write_form`.

    blank : Path, default=None
        Scan of the page that was drawn on. A drawing needs it.

    Returns
    -------
    imported : Imported or None
        None from a scan, and from a PDF that has no fields for text.

    Raises
    ------
    FormError
        If a field cannot be used, or a drawing and its page are not both given.

    ScanError
        If the blank cannot be read.
    """
    is_drawn = is_annotation(source)
    if blank is None:
        if not is_drawn:
            return _import_pdf(source)
        raise FormError(
            f"{source}: is a drawing of fields; name the page that was drawn on with"
            " --blank FILE (blank=...)"
        )
    if not is_drawn:
        _refuse_scan(source, blank)
    return import_form(source, blank)


def import_form(drawing: str | Path, blank: str | Path) -> Imported:
    """Read the fields that somebody drew with another tool.

    What a box does not say of its field is found on the blank page: a comb with as
    many boxes as are printed there, a box where a single one is, and else a line. A
    comb that was drawn by hand around a printed one is put onto it.

    Parameters
    ----------
    drawing : str or Path
        A file of LabelMe, COCO, CVAT for images, or Label Studio.

    blank : str or Path
        Scan of the page that was drawn on; of a file with more pages, the first.

    Returns
    -------
    imported : Imported

    Raises
    ------
    FormError
        If the file is of no such format, or a field cannot be used.

    ScanError
        If the blank cannot be read.
    """
    drawing, blank = Path(drawing), Path(blank)
    made_with, images = read_annotations(drawing)
    with open_scan(blank) as scan:
        page = scan.read(0)
    try:
        image = _choose_image(images, blank)
        boxes = _fit(image, page, blank)
        return _place_fields(boxes, page, made_with)
    except FormError as error:
        raise FormError(f"{drawing}: {error}") from None


def _import_pdf(path: Path) -> Imported | None:
    """Return the fields of the form of a PDF; None if it has none for text."""
    with open_scan(path) as scan:
        page = scan.read(0)
    height, width = page.shape
    fields = read_pdf_fields(path, (height, width))
    if not fields.boxes:
        return None
    try:
        imported = _place_fields(fields.boxes, page, "PDF form")
    except FormError as error:
        raise FormError(f"{path}: {error}") from None
    notes = (*_note_left_out(fields), *imported.notes)
    return Imported(imported.draft, imported.made_with, notes)


def _note_left_out(fields: PdfFields) -> list[str]:
    notes = []
    if fields.n_others:
        notes.append(f"fields that are not for text are left out: {fields.n_others}")
    if fields.n_later:
        notes.append(
            f"fields on other pages than the first are left out: {fields.n_later}"
        )
    return notes


def _refuse_scan(source: Path, blank: Path) -> None:
    """Refuse a scan where a drawing is expected, saying which options go together."""
    try:
        with open_scan(source):
            pass
    except ScanError as error:
        if not source.is_file():
            raise
        raise FormError(f"{error}; nor is it {FORMATS}") from None
    raise FormError(
        f"{source}: is a scan; --blank {blank} goes with a drawing of fields, which is"
        f" {FORMATS}"
    )


def _choose_image(images: Sequence[DrawnImage], blank: Path) -> DrawnImage:
    """Return the image that is the blank: the only one, or the one of its name."""
    if len(images) == 1:
        return images[0]
    for key in (lambda name: name, lambda name: Path(name).stem):
        wanted = key(base_name(blank.name))
        named = [image for image in images if key(image.name) == wanted]
        if len(named) == 1:
            return named[0]
    names = ", ".join(sorted(image.name or "one without a name" for image in images))
    raise FormError(
        f"boxes are drawn on {len(images)} images, and not one of them is called"
        f" {blank.name}: {names}. Export the blank alone, or rename it"
    )


def _fit(image: DrawnImage, page: Image, blank: Path) -> list[DrawnBox]:
    """Return the boxes in pixels of the page, which may be of another resolution."""
    if image.shape is None:
        return list(image.boxes)
    (height, width), (rows, columns) = image.shape, page.shape
    # A size below a pixel is none, and could not be divided by.
    down, across = rows / max(height, 1), columns / max(width, 1)
    if min(height, width) < 1 or abs(down / across - 1) > _SAME_SHAPE:
        raise FormError(
            f"was drawn on an image {height:g} high and {width:g} wide, and {blank} is"
            f" {rows} high and {columns} wide"
        )
    scales = np.array([down, across, down, across])
    return [
        DrawnBox(box.label, tuple(scales * box.sides), box.said, box.attributes)
        for box in image.boxes
    ]


def _place_fields(boxes: Sequence[DrawnBox], page: Image, made_with: str) -> Imported:
    """Make fields of boxes in pixels of the page."""
    printed = find_boxes(page)
    notes = list(_note_skew(page))
    names = choose_names(boxes, notes)
    contents = []
    for box, name in zip(boxes, names, strict=True):
        place = _on_page(box, name, page)
        said = read_attributes(box, notes)
        # A box of that size is for a digit where nobody says that it is ticked.
        meant = find_marks(page) if said.get("kind") == "mark" else printed
        contents.append(_describe(name, place, said, meant, page))
        there = find_printed(place, meant)
        if len(there) > 1 and contents[-1]["kind"] != "comb":
            notes.append(
                f"field {name!r}: {len(there)} fields are printed in its box; draw a"
                " box around each"
            )
    # The page is written later; a form with boxes must have one.
    content = {"blank": "blank.png", "fields": contents}
    try:
        fields = Form.model_validate(content).fields
    except pydantic.ValidationError as error:
        raise FormError(explain(error, content)) from None
    notes += doubt_fields(fields, printed)
    places = tuple(map(_as_place, fields))
    return Imported(Draft(fields, page, places), made_with, tuple(notes))


def _note_skew(page: Image) -> Iterable[str]:
    angle = estimate_skew(page)
    if abs(angle) >= MIN_SKEW:
        yield (
            f"the blank page is skewed by {abs(angle):.1f} degrees, and boxes are"
            " upright: draw them on a straight one"
        )


def _on_page(box: DrawnBox, name: str, page: Image) -> Box:
    """Return the place of a box in whole pixels; a side may be just off the page."""
    top, left, height, width = box.sides
    rows, columns = page.shape
    sides = (top, left, top + height, left + width)
    rounded = [round(min(max(side, -_FAR), _FAR)) for side in sides]
    kept = np.clip(rounded, 0, [rows, columns, rows, columns]).tolist()
    off = max(abs(a - b) for a, b in zip(rounded, kept, strict=True))
    if off > _NEAR:
        raise FormError(
            f"field {name!r}: its box, from row {rounded[0]} to {rounded[2]} and column"
            f" {rounded[1]} to {rounded[3]}, reaches beyond the page, which is {rows}"
            f" high and {columns} wide"
        )
    return kept[0], kept[1], kept[2] - kept[0], kept[3] - kept[1]


def _describe(
    name: str,
    place: Box,
    said: Mapping[str, Any],
    printed: Sequence[WritingBox],
    page: Image,
) -> dict[str, Any]:
    """Write a field as its file has it: what is not said is found on the page."""
    there = find_printed(place, printed)
    only = there[0] if len(there) == 1 else None
    kind, digits = said.get("kind"), said.get("digits")
    if kind is None:
        found = only.kind if only else "line"
        kind = "comb" if digits is not None else found
    if kind == "comb" and digits is None:
        if only is None:
            raise FormError(
                f"field {name!r}: is a comb, and none was found there on the blank"
                " page. Say the number of its boxes, digits=N"
            )
        digits = only.cells
    if only and (digits == only.cells if kind == "comb" else kind == only.kind):
        place = _onto_print(place, only, page)
    counted = {} if digits is None else {"digits": digits}
    return {"name": name, **said, "kind": kind, **counted, "box": list(place)}


def _onto_print(place: Box, printed: WritingBox, page: Image) -> Box:
    """Return where a field is printed, unless that is tilted, or drawn well."""
    box = upright_box(printed, page)
    if box is None:
        return place
    (top, left, height, width), (y, x, h, w) = place, box
    off = (top - y, left - x, top + height - y - h, left + width - x - w)
    return place if max(map(abs, off)) <= _NEAR else box


def _as_place(field: Field) -> WritingBox:
    """Return where a field lies, to be drawn."""
    top, left, height, width = field.box or (0, 0, 0, 0)
    right, bottom = left + width, top + height
    quad = np.array(
        [(left, top), (right, top), (right, bottom), (left, bottom)], np.float64
    )
    if field.kind == "comb":
        return WritingBox("comb", field.digits or 1, quad, 0.0)
    return WritingBox("box", 1, quad, 0.0)


def _summary(imported: Imported, output: Path) -> str:
    counts = Counter[str](field.kind for field in imported.draft.fields)
    kinds = [
        f"{counts[kind]} {words}{'' if counts[kind] == 1 else plural}"
        for kind, words, plural in (
            ("comb", "comb field", "s"),
            ("box", "single box", "es"),
            ("line", "line", "s"),
            ("mark", "mark", "s"),
            ("choice", "choice", "s"),
        )
        if counts[kind]
    ]
    return (
        f"{output}: {', '.join(kinds)}, as drawn with {imported.made_with}.\nLook at"
        f" {output.with_suffix('.png')}, and then into {output}."
    )
