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
from pipelines.formfiles import write_json
from pipelines.images import Image

# Scanned at what offices scan at.
_DPI: Final = 200.0


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
    (folder / "scans").mkdir(parents=True, exist_ok=True)
    page, fields = draw_blank_form(dpi=_DPI)
    blank = folder / "blank.png"
    _write_image(blank, page)
    form = folder / "form.json"
    write_json(form, form_description(fields, blank=blank.name))
    truth: dict[str, dict[str, str]] = {}
    for i in range(n_pages):
        entries = draw_entries(fields, random_state=rng)
        filled = fill_form(
            page, fields, entries, draw_writer(rng), dpi=_DPI, random_state=rng
        )
        # Offices store scans either way; every third is a PNG here.
        name = f"page_{i + 1:02d}{'.png' if i % 3 == 2 else '.jpg'}"
        scanned = scan_page(filled, draw_scan(rng), random_state=rng)
        _write_image(folder / "scans" / name, scanned)
        truth[name] = {key: entry_value(entry) for key, entry in entries.items()}
    truth_file = folder / "truth.csv"
    _write_truth(truth_file, truth)
    scans = tuple(folder / "scans" / name for name in truth)
    return FilledForms(scans, form, blank, truth_file, truth)


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
