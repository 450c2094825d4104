"""Make the page on which a person reviews what was read."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.forms.form import Field, Form
from pipelines.outcomes import FieldReading, ReasonKind
from pipelines.review.corrections import document_key
from pipelines.review.pictures import (
    FieldPicture,
    PagePictures,
    PageRequest,
    Place,
    join_cells,
)
from pipelines.review.queue import Item, Queue
from pipelines.runs.plan import Plan
from pipelines.scans.remote import as_path
from pipelines.scoring.table import PageResult, Summary
from pipelines.web.page import make_page

# Digits on a sheet of the carpet, and in one of its rows.
_SHEET: Final = 200
_COLUMNS: Final = 20

# Pictures of whole pages: their longer side in pixels where there are few and many, how
# many are few, and beyond how many more pages have none.
_SIDES: Final = (1200, 700)
_FEW_PAGES: Final = 80
_MANY_PAGES: Final = 300

# Failed pages that are listed.
_MOST_FAILED: Final = 200


@dataclass(frozen=True)
class Subject:
    """What a review is of.

    Attributes
    ----------
    title : str
        What the page is called.

    batch : str
        The run that was read, as corrections name it.

    form : Form or None
        The fields; None for images of single fields.

    summary : Summary
        Of all results.

    settles : bool, default=False
        Whether people differ over the fields.

    curve : sequence of tuples of two floats, default=()
        For thresholds from high to low, the share of fields that is accepted and the
        share of these that is wrong; empty where the truth is not known.
    """

    title: str
    batch: str
    form: Form | None
    summary: Summary
    settles: bool = False
    curve: Sequence[tuple[float, float]] = ()


def request_pictures(queue: Queue, plan: Plan) -> list[PageRequest]:
    """List what has to be cut from scans for a review.

    Parameters
    ----------
    queue : Queue
        What is reviewed.

    plan : Plan
        Of the run that read it.

    Returns
    -------
    requests : list of PageRequest
        One for each page of the queue.
    """
    known = {document.path: document for document in plan}
    places: list[list[Place | None]] = [[] for _ in queue.pages]
    for item in queue.items:
        places[item.page].append(_place_of(item, unit=plan.settings["unit"]))
    side = _SIDES[0] if len(queue.pages) <= _FEW_PAGES else _SIDES[1]
    return [
        PageRequest(
            as_path(result.document),
            result.page - 1,
            places[n],
            known.get(result.document),
            side=side if n < _MANY_PAGES else 0,
        )
        for n, result in enumerate(queue.pages)
    ]


def _place_of(item: Item, *, unit: str) -> Place | None:
    reading = item.reading
    if reading.quad is None:
        return Place(None) if unit == "field" else None
    n_boxes = len(item.glyphs) if reading.boxes is not None else 0
    return Place(reading.quad, n_boxes, reading.digit_quads if item.glyphs else ())


def make_review(
    queue: Queue, pictures: Iterable[PagePictures], subject: Subject
) -> str:
    """Make the page of a review.

    Parameters
    ----------
    queue : Queue
        What is reviewed.

    pictures : iterable of PagePictures
        Of what :func:`request_pictures` lists.

    subject : Subject
        What it is of.

    Returns
    -------
    page : str
        HTML, which needs no other file.
    """
    pages, fields_of = [], []
    for result, each in zip(queue.pages, pictures, strict=True):
        pages.append(_describe_page(result, each))
        fields_of.append(iter(each.fields))
    cut = [next(fields_of[item.page], None) for item in queue.items]
    fields = subject.form.fields if subject.form else ()
    sheets = list(_make_sheets(queue.items, cut))
    data = {
        "id": _identify(queue, sheets, subject.batch),
        "title": subject.title,
        "batch": subject.batch,
        "settles": subject.settles,
        "fields": {f.name: _describe_field(f) for f in fields},
        "pages": pages,
        "items": [
            _describe_item(item, picture)
            for item, picture in zip(queue.items, cut, strict=True)
        ],
        "sheets": sheets,
        "sums": list(_describe_sums(queue, subject.form)),
        "summary": _describe_summary(queue, subject),
    }
    return make_page("review", f"Review of {subject.title}", data)


def _describe_field(field: Field) -> dict[str, Any]:
    return {
        "kind": field.kind,
        "digits": field.digits,
        "gaps": field.gaps,
        "signs": field.has_own_form,
        "options": [value for value, _ in field.places],
        "several": field.several,
    }


def _identify(queue: Queue, sheets: Sequence[dict[str, Any]], batch: str) -> str:
    """Tell pages of review apart, whose work a browser keeps."""
    content = hashlib.sha256(batch.encode())
    for item in queue.items:
        result = queue.pages[item.page]
        content.update(repr((result.document, result.page, item.name)).encode())
    # Sheets that were confirmed must be those on which the digits were seen: where
    # pictures are missing, sheets are others.
    for sheet in sheets:
        content.update(repr(sheet["cells"]).encode())
    return content.hexdigest()[:16]


def _describe_page(result: PageResult, pictures: PagePictures) -> dict[str, Any]:
    return {
        "document": document_key(result.document),
        "page": result.page,
        "nPages": result.n_pages,
        "picture": _as_text(pictures.content),
        "size": pictures.size,
        "error": pictures.error,
    }


def _describe_item(item: Item, picture: FieldPicture | None) -> dict[str, Any]:
    reading = item.reading
    return {
        "page": item.page,
        "name": item.name,
        "value": reading.value,
        "status": reading.status,
        "reason": item.remark.note if item.remark else _explain(reading),
        "decidedBy": reading.decided_by,
        "candidates": _list_choices(item),
        "proposed": item.remark and item.remark.proposed,
        "sampled": item.is_sampled,
        "whole": item.is_whole and picture is not None,
        "glyphs": [glyph.text for glyph in item.glyphs],
        "doubtful": _find_doubtful(item),
        "spans": [] if picture is None else np.round(picture.spans, 1).tolist(),
        "size": (0, 0) if picture is None else picture.size,
        "picture": "" if picture is None else _as_text(picture.content),
        "quad": None if reading.quad is None else reading.quad.round(1).tolist(),
    }


def _list_choices(item: Item) -> list[str]:
    """List what a field may say, what people or a list say first."""
    known = item.remark.choices if item.remark else ()
    return list(dict.fromkeys([*known, *(c.text for c in item.reading.candidates)]))


def _explain(reading: FieldReading) -> str:
    """Say why a field is looked at; nothing that tells a sampled one from others."""
    reason = reading.reason
    if reason is None or (reason.kind is ReasonKind.UNCERTAIN and reading.value):
        return ""
    return reason.text


def _find_doubtful(item: Item) -> int | None:
    """Find the digit that is the least certain."""
    if not item.glyphs or item.reading.boxes is None:
        return None
    return min(range(len(item.glyphs)), key=lambda n: item.glyphs[n].probability)


def _make_sheets(
    items: Sequence[Item], pictures: Sequence[FieldPicture | None]
) -> Iterator[dict[str, Any]]:
    """Put digits that were read alike side by side, the least certain first."""
    read: dict[str, list[tuple[float, int, int]]] = {}
    for n, (item, picture) in enumerate(zip(items, pictures, strict=True)):
        if picture is None or len(picture.cells) != len(item.glyphs):
            continue
        for place, glyph in enumerate(item.glyphs):
            read.setdefault(glyph.text, []).append((glyph.probability, n, place))
    # Boxes that hold nothing come last.
    for text in sorted(read, key=lambda text: (not text, text)):
        alike = sorted(read[text])
        for first in range(0, len(alike), _SHEET):
            places = [(n, place) for _, n, place in alike[first : first + _SHEET]]
            cells = [_cell_of(pictures[n], place) for n, place in places]
            yield {
                "text": text,
                "columns": _COLUMNS,
                "cells": places,
                "picture": _as_text(join_cells(np.array(cells), _COLUMNS)),
            }


def _cell_of(picture: FieldPicture | None, place: int) -> NDArray[np.uint8]:
    assert picture is not None  # those without one are on no sheet
    cell: NDArray[np.uint8] = picture.cells[place]
    return cell


def _describe_sums(queue: Queue, form: Form | None) -> Iterator[dict[str, Any]]:
    """List the sums of which a field is reviewed, with all that they add up."""
    reviewed = {(item.page, item.name) for item in queue.items}
    for page, result in enumerate(queue.pages):
        for one in form.sums if form else ():
            names = (one.total, *one.parts)
            if not any((page, name) in reviewed for name in names):
                continue
            values = {name: result.reading.fields[name].value for name in names}
            yield {
                "page": page,
                "total": one.total,
                "parts": one.parts,
                "values": values,
            }


def _describe_summary(queue: Queue, subject: Subject) -> dict[str, Any]:
    summary = subject.summary
    failed = [
        {
            "document": document_key(result.document),
            "page": result.page,
            "error": result.reading.error,
        }
        for result in queue.failed[:_MOST_FAILED]
    ]
    return {
        "pages": dict(summary.pages),
        "fields": dict(summary.fields),
        "reasons": summary.doubts.most_common(),
        "failed": failed,
        "nFailed": len(queue.failed),
        "nAccepted": queue.n_accepted,
        "curve": [[round(x, 5), round(y, 5)] for x, y in subject.curve],
    }


def _as_text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
