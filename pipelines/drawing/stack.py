"""A stack of filled-in forms, as files."""

import csv
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from pipelines.drawing.filling import draw_entries, entry_value, fill_form
from pipelines.drawing.printing import (
    SHEET,
    CombField,
    draw_blank_form,
    make_form,
)
from pipelines.drawing.scanning import draw_scanner, scan_page
from pipelines.drawing.strings import draw_string
from pipelines.drawing.writers import RandomState, draw_writer
from pipelines.forms.form import Form, Sum
from pipelines.images import Image

# Scanned at what offices scan at.
_DPI: Final = 200.0

_FORM: Final = "form.json"
_RULES: Final = "rules.json"
_BLANK: Final = "blank.png"
_TRUTH: Final = "truth.csv"
_SCANS: Final = "scans"
_FIELDS: Final = "fields"
_VALUES: Final = "fields.csv"

# Digits of an amount, or none: some fields are empty.
_DIGITS: Final = (0, 1, 2, 3, 3, 4, 4, 5)


@dataclass(frozen=True)
class FilledForms:
    """Where the drawn forms are, and what they say.

    Attributes
    ----------
    scans : tuple of Path
        One file a page, PNG or JPEG.

    form : Path
        The form's JSON file; the blank page lies beside it.

    blank : Path
        The blank page.

    truth_file : Path
        CSV with one row a page: ``document``, then one column a field.

    truth : dict of str to dict of str to str
        For each file name of a scan, the value of each field.
    """

    scans: tuple[Path, ...]
    form: Path
    blank: Path
    truth_file: Path
    truth: dict[str, dict[str, str]]


def draw_filled_forms(
    directory: str | Path, *, n_pages: int = 12, random_state: RandomState = 0
) -> FilledForms:
    """Draw forms, fill them in, scan them and write them to a folder.

    Every page has a writer of its own. The files are ``form.json`` and
    ``blank.png``, ``rules.json``, which is a part of the form with rules for its
    values, ``truth.csv``, and the scans in the folder ``scans``.

    Parameters
    ----------
    directory : str or Path
        Folder to write to; it is made if it is not there.

    n_pages : int, default=12
        Number of filled-in forms.

    random_state : int, Generator or None, default=0
        Seed, or source of randomness. The same seed gives the same pages.

    Returns
    -------
    forms : FilledForms
        The files, and the truth.

    Notes
    -----
    A page takes about a third of a second.
    """
    rng = np.random.default_rng(random_state)
    folder = Path(directory)
    (folder / _SCANS).mkdir(parents=True, exist_ok=True)
    page, fields = draw_blank_form(dpi=_DPI)
    blank = folder / _BLANK
    _write_image(blank, page)
    form = folder / _FORM
    make_form(fields, blank=blank).to_file(form)
    _make_rules(fields, blank).to_file(folder / _RULES)
    truth: dict[str, dict[str, str]] = {}
    for i in range(n_pages):
        entries = draw_entries(fields, random_state=rng)
        filled = fill_form(
            page, fields, entries, draw_writer(rng), dpi=_DPI, random_state=rng
        )
        name = _page_name(i)
        scanned = scan_page(filled, draw_scanner(rng), random_state=rng)
        _write_image(folder / _SCANS / name, scanned)
        truth[name] = {key: entry_value(entry) for key, entry in entries.items()}
    truth_file = folder / _TRUTH
    _write_truth(truth_file, truth)
    scans = tuple(folder / _SCANS / name for name in truth)
    return FilledForms(scans, form, blank, truth_file, truth)


def list_drawn_files(directory: str | Path, *, n_pages: int = 12) -> list[Path]:
    """List the files that :func:`draw_filled_forms` writes.

    Parameters
    ----------
    directory : str or Path
        Folder to write to.

    n_pages : int, default=12
        Number of filled-in forms.

    Returns
    -------
    paths : list of Path
        Whether they are there or not.
    """
    folder = Path(directory)
    scans = [folder / _SCANS / _page_name(i) for i in range(n_pages)]
    names = (_FORM, _RULES, _BLANK, _TRUTH)
    return [*(folder / name for name in names), *scans]


def holds_drawn_form(directory: str | Path) -> bool:
    """Return whether a folder holds the forms of a drawn stack, byte for byte.

    Parameters
    ----------
    directory : str or Path
        Folder that :func:`draw_filled_forms` may have written to.

    Returns
    -------
    is_held : bool
        False where a form was changed, or is another release's.
    """
    held = Path(directory)
    if not (held / _FORM).is_file():
        return False
    _, fields = draw_blank_form(dpi=_DPI)
    with tempfile.TemporaryDirectory() as name:
        drawn = Path(name)
        make_form(fields, blank=drawn / _BLANK).to_file(drawn / _FORM)
        _make_rules(fields, drawn / _BLANK).to_file(drawn / _RULES)
        return all(
            (held / name).read_bytes() == (drawn / name).read_bytes()
            for name in (_FORM, _RULES)
            if (held / name).is_file()
        )


def list_drawn_scans(directory: str | Path) -> list[Path]:
    """List the scans that the truth of a drawn stack names.

    Parameters
    ----------
    directory : str or Path
        Folder that :func:`draw_filled_forms` has written to.

    Returns
    -------
    scans : list of Path
        Whether they are still there or not; none where there is no truth.
    """
    truth = Path(directory) / _TRUTH
    if not truth.is_file():
        return []
    with truth.open(newline="", encoding="utf-8") as file:
        names = [row.get("document") or "" for row in csv.DictReader(file)]
    scans = truth.parent / _SCANS
    return [scans / name for name in names if name and Path(name).name == name]


@dataclass(frozen=True)
class DrawnFields:
    """Where images of fields are that were drawn, and what they say.

    Attributes
    ----------
    images : tuple of Path
        One PNG file a field.

    truth_file : Path
        CSV with the columns ``file`` and ``value``.

    truth : dict of str to str
        For each file name, the digits; empty where nothing is written.
    """

    images: tuple[Path, ...]
    truth_file: Path
    truth: dict[str, str]


def draw_fields(
    directory: str | Path, *, n_fields: int = 120, random_state: RandomState = 0
) -> DrawnFields:
    """Draw fields without boxes and write them to a folder, with what they say.

    Every field has a writer of its own. The files are ``fields.csv``, and the images
    in the folder ``fields``.

    Parameters
    ----------
    directory : str or Path
        Folder to write to; it is made if it is not there. Fields that were drawn there
        before are taken away.

    n_fields : int, default=120
        Number of fields.

    random_state : int, Generator or None, default=0
        Seed, or source of randomness. The same seed gives the same fields.

    Returns
    -------
    fields : DrawnFields
        The files, and the truth.
    """
    rng = np.random.default_rng(random_state)
    folder = Path(directory) / _FIELDS
    folder.mkdir(parents=True, exist_ok=True)
    for path in list_drawn_fields(directory)[1:]:
        path.unlink()
    truth: dict[str, str] = {}
    for i in range(n_fields):
        name = f"field_{i + 1:03d}.png"
        digits = rng.integers(0, 10, rng.choice(_DIGITS))
        truth[name] = "".join(map(str, digits)).lstrip("0")
        image = draw_string(truth[name], draw_writer(rng), random_state=rng)
        _write_image(folder / name, image)
    truth_file = Path(directory) / _VALUES
    with truth_file.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [("file", "value"), *truth.items()]
        )
    return DrawnFields(tuple(folder / name for name in truth), truth_file, truth)


def list_drawn_fields(directory: str | Path) -> list[Path]:
    """List what :func:`draw_fields` has written.

    Parameters
    ----------
    directory : str or Path
        Folder that it may have written to.

    Returns
    -------
    paths : list of Path
        The table, whether it is there or not, and the images that are there.
    """
    images = (Path(directory) / _FIELDS).glob("field_[0-9]*.png")
    return [Path(directory) / _VALUES, *sorted(images)]


def _make_rules(fields: Iterable[CombField], blank: Path) -> Form:
    """Make a form that checks what it reads: points, and their sum."""
    parts = {f"points_{i}": most for i, most in enumerate(SHEET["maximum_points"], 1)}
    kept = [
        field.model_copy(update={"maximum": parts.get(field.name)})
        for field in make_form(fields, blank=blank).fields
        if field.name in ("student_number", *parts, "total")
    ]
    sums = (Sum(total="total", parts=tuple(parts)),)
    return Form(blank=blank, fields=tuple(kept), sums=sums)


def _page_name(index: int) -> str:
    # Offices store scans either way; every third is a PNG here.
    return f"page_{index + 1:02d}{'.png' if index % 3 == 2 else '.jpg'}"


def _write_image(path: Path, image: Image) -> None:
    """Write an image; going through bytes works for file names in any script."""
    _, encoded = cv2.imencode(path.suffix, image)
    path.write_bytes(encoded.tobytes())


def _write_truth(path: Path, truth: dict[str, dict[str, str]]) -> None:
    names = next(iter(truth.values()), {})
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["document", *names])
        writer.writerows([page, *values.values()] for page, values in truth.items())
