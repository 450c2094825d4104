"""Read what people did in Label Studio with the tasks of a review."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pydantic
from pydantic import BaseModel, PositiveInt

from pipelines.forms.files import parse_json
from pipelines.forms.label_studio import Annotation, Rectangle, Region
from pipelines.forms.notation import DIGITS, SIGNS

# Names of the tags of the labelling configuration.
FIELD: Final = "field"
VALUE: Final = "value"
LEGIBLE: Final = "legible"

# What is chosen for a field that has no value to type.
_NOTHING: Final = "nothing written"
_UNREADABLE: Final = "unreadable"
CHOICES: Final = (_NOTHING, _UNREADABLE)


class _Work(Annotation):
    """An annotation, and whose it is."""

    completed_by: int | str | dict[str, Any] | None = None
    created_at: str | None = None
    updated_at: str | None = None


class _Data(BaseModel):
    """What a task tells of the page."""

    batch: str
    document: str
    page: PositiveInt
    read: dict[str, str]


class _Task(BaseModel):
    data: _Data
    annotations: list[_Work]


def read_export(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Read an export of Label Studio as rows of a file of corrections.

    A field whose region was left as it was is confirmed. Nothing is said of one whose
    region was deleted or has neither a value nor a choice, or still the value that was
    read where that is no number, as a box without a digit makes it.

    Parameters
    ----------
    path : Path
        The tasks of a review with the annotations of people, exported as JSON.

    Yields
    ------
    place : str
        Where a row is from, for errors.

    cells : dict of str to str
        The cells of the row by the names of their columns.

    Raises
    ------
    ValueError
        If it is no such export, or a field has two regions in one annotation.
    """
    tasks = parse_json(path)
    if not isinstance(tasks, list):
        raise ValueError(f"{path} is no list of tasks. Export them from Label Studio")
    for number, each in enumerate(tasks, 1):
        place = f"{path}, task {number}"
        try:
            task = _Task.model_validate(each)
        except pydantic.ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"]))
            raise ValueError(
                f"{place} is no task of lenet review with annotations: {where}:"
                f" {error.errors()[0]['msg']}. Export from Label Studio as JSON, not as"
                " JSON-MIN"
            ) from None
        for work in task.annotations:
            if not work.was_cancelled:
                for cells in _read_work(work, task.data, place):
                    yield place, cells


def _read_work(work: _Work, data: _Data, place: str) -> Iterator[dict[str, str]]:
    """Read what one person says of the fields of one page."""
    seen = set()
    for shape in work.result:
        if not shape.is_shape:
            continue
        name = _name_of(shape, place)
        if name in seen:
            raise ValueError(
                f"{place}: field {name!r} has two regions in one annotation, and which"
                " counts is not known. Delete one"
            )
        seen.add(name)
        read = data.read.get(name, "")
        said = _said_of(shape, work.result, read)
        if said is None:
            continue
        verdict, value = said
        yield {
            "batch": data.batch,
            "document": data.document,
            "page": str(data.page),
            "field": name,
            "read": read,
            "value": value,
            "verdict": verdict,
            "sampled": "",
            "settles": "",
            "who": _who_of(work),
            "when": _when_of(work),
        }


def _name_of(shape: Region, place: str) -> str:
    try:
        [name] = Rectangle.model_validate(shape.value).rectanglelabels
    except (pydantic.ValidationError, ValueError):
        raise ValueError(
            f"{place}: a region has no label, or several. Give it the name of its field"
        ) from None
    return name


def _said_of(
    shape: Region, regions: Sequence[Region], read: str
) -> tuple[str, str] | None:
    """Return verdict and value of a field; None where nothing is said of it."""
    own = {each.from_name: each.text.strip() for each in regions if each.id == shape.id}
    if own.get(LEGIBLE) == _UNREADABLE:
        return "unreadable", ""
    value = "" if own.get(LEGIBLE) == _NOTHING else own.get(VALUE, "")
    if not value and own.get(LEGIBLE) != _NOTHING:
        return None
    if value != read:
        return "corrected", value
    return None if set(value) - set(DIGITS + SIGNS) else ("confirmed", value)


def _who_of(work: _Work) -> str:
    """Name a person by the address, which the number of a user stands for."""
    person = work.completed_by
    if isinstance(person, dict):
        person = person.get("email") or person.get("id")
    return "" if person is None else str(person)


def _when_of(work: _Work) -> str:
    """Return when an annotation was changed last, as corrections have it."""
    text = work.updated_at or work.created_at or ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text  # whoever reads the row says what is wrong with it
    if moment.utcoffset() is None:
        return text
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
