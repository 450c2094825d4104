"""A stack of filled-in forms, as files."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from pipelines.demo.filling import draw_entries, entry_value, fill_form
from pipelines.demo.handwriting import RandomState, draw_writer
from pipelines.demo.printing import draw_blank_form, form_description
from pipelines.demo.scanning import draw_scan, scan_page
from pipelines.forms.files import lay_out_json, write_json
from pipelines.images import Image
from pipelines.outputs import OutputError, ResultFile

# Scanned at what offices scan at.
_DPI: Final = 200.0

_FORM: Final = "form.json"
_BLANK: Final = "blank.png"
_TRUTH: Final = "truth.csv"
_SCANS: Final = "scans"


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


def clear_demo_folder(
    directory: str | Path, *, n_pages: int = 12, table: Path, pictures: Path
) -> None:
    """Make room for a demonstration where nothing but an earlier one would be lost.

    The folder is that of an earlier one if it holds its form, byte for byte. The
    pages that its truth names are taken away: a new one may have fewer.

    Parameters
    ----------
    directory : str or Path
        Folder to write to; it need not be there.

    n_pages : int, default=12
        Number of filled-in forms, as for :func:`draw_filled_forms`.

    table : Path
        Where the values read will be written.

    pictures : Path
        Folder for the pictures of the pages.

    Raises
    ------
    OutputError
        If a file is there that the demonstration would replace and is not its own.

    OSError
        If a page cannot be taken away.
    """
    folder = Path(directory)
    pages = [f"{_SCANS}/{_page_name(i)}" for i in range(n_pages)]
    written = [folder / name for name in (_FORM, _BLANK, _TRUTH, *pages)]
    written += [table, ResultFile(table, ()).part, *pictures.glob("page_*")]
    there = next((path for path in written if path.exists()), None)
    if there is None:
        return
    if not _holds_our_form(folder / _FORM):
        raise OutputError(
            f"{there} is there, is of no demonstration by this release, and would be"
            " written over. Name another folder"
        )
    for name in _documents(folder / _TRUTH):
        for page in (folder / _SCANS / name, pictures / f"{Path(name).stem}-p1.png"):
            if page.is_file():
                page.unlink()


def draw_filled_forms(
    directory: str | Path, *, n_pages: int = 12, random_state: RandomState = 0
) -> FilledForms:
    """Draw forms, fill them in, scan them and write them to a folder.

    Every page has a writer of its own. The files are ``form.json`` and
    ``blank.png``, ``truth.csv``, and the scans in the folder ``scans``.

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
    write_json(form, form_description(fields, blank=blank.name))
    truth: dict[str, dict[str, str]] = {}
    for i in range(n_pages):
        entries = draw_entries(fields, random_state=rng)
        filled = fill_form(
            page, fields, entries, draw_writer(rng), dpi=_DPI, random_state=rng
        )
        name = _page_name(i)
        scanned = scan_page(filled, draw_scan(rng), random_state=rng)
        _write_image(folder / _SCANS / name, scanned)
        truth[name] = {key: entry_value(entry) for key, entry in entries.items()}
    truth_file = folder / _TRUTH
    _write_truth(truth_file, truth)
    scans = tuple(folder / _SCANS / name for name in truth)
    return FilledForms(scans, form, blank, truth_file, truth)


def _documents(truth: Path) -> list[str]:
    """List the pages that the truth of a demonstration tells of."""
    if not truth.is_file():
        return []
    with truth.open(newline="", encoding="utf-8") as file:
        names = [row.get("document") or "" for row in csv.DictReader(file)]
    return [name for name in names if name and Path(name).name == name]


def _page_name(index: int) -> str:
    # Offices store scans either way; every third is a PNG here.
    return f"page_{index + 1:02d}{'.png' if index % 3 == 2 else '.jpg'}"


def _holds_our_form(path: Path) -> bool:
    """Say whether a file is the form that :func:`draw_filled_forms` writes."""
    if not path.is_file():
        return False
    _, fields = draw_blank_form(dpi=_DPI)
    return path.read_bytes() == lay_out_json(form_description(fields, blank=_BLANK))


def _write_image(path: Path, image: Image) -> None:
    """Write an image; going through bytes works for file names in any script."""
    _, encoded = cv2.imencode(path.suffix, image)
    path.write_bytes(encoded.tobytes())


def _write_truth(path: Path, truth: dict[str, dict[str, str]]) -> None:
    names = list(next(iter(truth.values()), {}))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["document", *names], lineterminator="\n")
        writer.writeheader()
        for document, values in truth.items():
            writer.writerow({"document": document, **values})
