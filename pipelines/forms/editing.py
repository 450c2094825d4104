"""Write a page of HTML in which a person draws and names the fields of a form."""

import base64
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import PIL.Image

from lenet_sklearn.outputs import check_free, check_writable, write_whole
from pipelines.fields.boxes import WritingBox, find_boxes
from pipelines.forms.annotations import is_annotation
from pipelines.forms.drafting import Draft, find_fields, upright_box, write_png
from pipelines.forms.files import FormError, draft_images, parse_json, read_text
from pipelines.forms.filled import draft_filled, refuse_blank
from pipelines.forms.form import field_content, relative_path
from pipelines.forms.importing import import_fields
from pipelines.images import Image
from pipelines.scans.find import find_scans, printable, real_path
from pipelines.scans.read import open_scan
from pipelines.web.page import make_page

# A WebP has no longer side than this.
_MOST_OF_WEBP: Final = 16383

# Of the picture only: print stays sharp, and the noise of a scan is not kept in full.
_QUALITY: Final = 85


@dataclass(frozen=True, eq=False)
class _Begun:
    """What the editor begins with: a form's content, and the page that it shows."""

    content: Mapping[str, Any]
    page: Image
    printed: Sequence[WritingBox]
    notes: tuple[str, ...] = ()


def write_editor(
    source: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    blank: str | Path | None = None,
    overwrite: bool = False,
) -> tuple[str, tuple[str, ...]]:
    """Write a page in which the fields of a form are drawn, named and given rules.

    It needs nothing but a browser, which saves the form from it. The blank page of a
    form stays where it is, and the form names it from the folder of the page; one that
    was skewed is written there, straightened, as ``<stem>.blank.png``, and so is what
    filled-in pages share.

    Parameters
    ----------
    source : str, Path, or sequence of them
        As for :func:`pipelines.forms.importing.write_form`, of filled-in pages too; or
        the JSON file of a form, which may have mistakes.

    output : str or Path
        The HTML file.

    blank : str or Path, default=None
        Scan of the page that was drawn on. A drawing needs it, and so does a form that
        names none.

    overwrite : bool, default=False
        Replace files that exist.

    Returns
    -------
    summary : str
        What it begins with and what to do, in a line or two.

    notes : tuple of str
        What is to be looked at.

    Raises
    ------
    FormError
        If a form or a drawing cannot be used, or would be written over.

    ScanError
        If the blank cannot be read.

    OSError
        If a file exists or cannot be written.
    """
    output, given = Path(output), None if blank is None else Path(blank)
    if not isinstance(source, str | Path):
        refuse_blank(blank)
        begun = _begin_filled(find_scans(source), output, overwrite=overwrite)
        return _write_page(begun, output.with_suffix(".json").name, output)
    source = Path(source)
    _check_output(output, [source, *([given] if given else [])], overwrite=overwrite)
    if is_annotation(source) and (form := _read_form(source)) is not None:
        begun, name = _open_form(source, form, given, output), source.name
    else:
        begun = _begin_form(source, given, output, overwrite=overwrite)
        name = output.with_suffix(".json").name
    return _write_page(begun, name, output)


def _write_page(begun: _Begun, name: str, output: Path) -> tuple[str, tuple[str, ...]]:
    """Write the editor; say what it begins with, and what is to be looked at."""
    title = printable(name)
    content = _describe(begun, title, output)
    page = make_page("editor", title, content)
    write_whole(output, page.encode("utf-8"))
    n_fields = len(begun.content["fields"])
    fields = f"{n_fields or 'no'} field{'' if n_fields == 1 else 's'}"
    summary = (
        f"{output}: begins with {fields}.\nOpen it in a browser, and save the form"
        f" beside it, as {output.with_name(name)}."
    )
    return summary, begun.notes


def _check_output(output: Path, sources: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse, before any work, to write where one cannot or must not."""
    check_writable(output)
    if any(real_path(output) == real_path(source) for source in sources):
        raise FormError(f"{output}: is read, and would be written over. Name another")
    if not overwrite:
        check_free([output])


def _read_form(source: Path) -> dict[str, Any] | None:
    """Read the file of a form as it is, mistakes and all; None if it is a drawing."""
    if read_text(source, "JSON").lstrip().startswith("<"):
        return None
    content = parse_json(source)
    if not isinstance(content, dict) or "fields" not in content:
        return None
    fields = content["fields"]
    if not isinstance(fields, list) or not all(isinstance(f, dict) for f in fields):
        raise FormError(f"{source}: fields: must be a list of objects with a name")
    return content


def _open_form(
    source: Path, content: dict[str, Any], blank: Path | None, output: Path
) -> _Begun:
    """Begin with a form that is there; its paths are made those from the page."""
    named = content.get("blank")
    if blank is None:
        if not isinstance(named, str):
            raise FormError(
                f"{source}: blank: names no blank page; name it with --blank FILE"
                " (blank=...)"
            )
        blank = source.parent / named
    with open_scan(blank) as scan:
        page = scan.read(0)
    content = {**content, "blank": relative_path(blank, output.parent)}
    if real_path(source.parent) != real_path(output.parent):
        content["fields"] = [
            _move_choices(field, source.parent, output.parent)
            for field in content["fields"]
        ]
    elif isinstance(named, str) and blank == source.parent / named:
        content["blank"] = named
    return _Begun(content, page, find_boxes(page))


def _move_choices(field: dict[str, Any], old: Path, new: Path) -> dict[str, Any]:
    """Name the file of a column of choices from another folder."""
    choices = field.get("choices")
    if not isinstance(choices, dict) or not isinstance(choices.get("file"), str):
        return field
    file = relative_path(old / choices["file"], new)
    return {**field, "choices": {**choices, "file": file}}


def _begin_form(
    source: Path, blank: Path | None, output: Path, *, overwrite: bool
) -> _Begun:
    """Begin with fields that are drawn or printed; or none, of which all are drawn."""
    imported = import_fields(source, blank)
    notes: tuple[str, ...] = ()
    if imported is not None:
        draft, notes = imported.draft, imported.notes
        blank, printed = blank or source, find_boxes(draft.page)
    else:
        with open_scan(source) as scan:
            page, n_pages = scan.read(0), len(scan)
        draft, blank = find_fields(page), source
        printed = list(draft.places)
        if n_pages > 1:
            first = f"{source} has {n_pages} pages; this is the first"
            notes = (f"{first}. If they are filled in, name them with --filled",)
        if draft.page is not page:
            blank = _write_blank(draft.page, [source], output, overwrite=overwrite)
    return _begin_with(draft, blank, output, printed, notes)


def _begin_filled(paths: Sequence[Path], output: Path, *, overwrite: bool) -> _Begun:
    """Begin with the fields that are printed on filled-in pages."""
    for path in (output, draft_images(output)[1]):
        _check_output(path, paths, overwrite=overwrite)
    draft, notes = draft_filled(paths)
    blank = _write_blank(draft.page, paths, output, overwrite=overwrite)
    return _begin_with(draft, blank, output, list(draft.places), notes)


def _write_blank(
    page: Image, sources: Sequence[Path], output: Path, *, overwrite: bool
) -> Path:
    """Write the page that the editor shows, where none is as it."""
    _, blank = draft_images(output)
    _check_output(blank, sources, overwrite=overwrite)
    write_png(blank, page)
    return blank


def _begin_with(
    draft: Draft,
    blank: Path,
    output: Path,
    printed: Sequence[WritingBox],
    notes: tuple[str, ...],
) -> _Begun:
    content = {
        "version": 1,
        "blank": relative_path(blank, output.parent),
        "fields": list(map(field_content, draft.fields)),
    }
    return _Begun(content, draft.page, printed, notes)


def _describe(begun: _Begun, name: str, output: Path) -> dict[str, Any]:
    """Put together what the script of the page is given."""
    try:
        # As text: a script would round numbers of more than 16 digits.
        form = json.dumps(begun.content, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise FormError(f"{name}: has a number that JSON does not have") from None
    picture = _encode(begun.page)
    known = "\n".join([output.name, form, picture]).encode("utf-8", "replace")
    height, width = begun.page.shape
    return {
        "id": hashlib.sha256(known).hexdigest(),
        "name": name,
        "page": printable(output.name),
        "form": form,
        "picture": picture,
        "height": height,
        "width": width,
        "printed": list(_list_printed(begun)),
    }


def _encode(page: Image) -> str:
    """Return the address of a picture that holds it."""
    file = io.BytesIO()
    kind = "WEBP" if max(page.shape) <= _MOST_OF_WEBP else "PNG"
    PIL.Image.fromarray(page).save(file, format=kind, quality=_QUALITY)
    content = base64.b64encode(file.getvalue()).decode("ascii")
    return f"data:image/{kind.lower()};base64,{content}"


def _list_printed(begun: _Begun) -> Iterator[dict[str, Any]]:
    """List what fields may lie on, that which is too tilted for a box left out."""
    for place in begun.printed:
        if box := upright_box(place, begun.page):
            yield {"kind": place.kind, "digits": place.cells, "box": list(box)}
