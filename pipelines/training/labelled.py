"""Fields whose values are known: images in a folder, values in a CSV file."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pipelines.images import Image
from pipelines.scans.read import ScanError, open_scan

StrPath: TypeAlias = str | os.PathLike[str]


@dataclass(frozen=True)
class LabelledField:
    """The image of a field, and what it says.

    Attributes
    ----------
    name : str
        Of its file.

    image : ndarray of shape (height, width), dtype uint8
        Grey, dark ink on lighter paper.

    value : str
        Digits; empty where nothing is written.
    """

    name: str
    image: Image
    value: str


def read_labelled_fields(fields: StrPath, truth: StrPath) -> list[LabelledField]:
    r"""Read images of fields, and what they say.

    Parameters
    ----------
    fields : path
        Folder with the images.

    truth : path
        CSV file with the columns ``file`` and ``value``, between which stands a
        comma, a semicolon or a tab. A file is named as seen from the folder, or as
        ``lenet read`` names it: as seen from the current folder.

    Returns
    -------
    labelled : list of LabelledField
        In the order of the file.

    Raises
    ------
    ValueError
        If the file has no such columns or rows, a value is not of digits, or an image
        cannot be read; says which.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import cv2, numpy as np
    >>> from pipelines.training.labelled import read_labelled_fields
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = cv2.imwrite(f"{folder}/a.png", np.full((64, 90), 255, np.uint8))
    ...     _ = Path(folder, "truth.csv").write_text("file,value\na.png,0451\n")
    ...     [field] = read_labelled_fields(folder, f"{folder}/truth.csv")
    >>> field.name, field.image.shape, field.value
    ('a.png', (64, 90), '0451')
    """
    folder = Path(fields)
    _check_folder(folder)
    rows = _read_truth(Path(truth))
    named: dict[Path, str] = {}
    for name, _ in rows:
        real = _locate(folder, name).resolve()
        if real in named:
            again = f", once as {name}" if name != named[real] else ""
            raise ValueError(
                f"{truth} names {named[real]} twice{again}. Keep one row a file."
            )
        named[real] = name
    return [
        LabelledField(name, _read_field(_locate(folder, name)), value)
        for name, value in rows
    ]


def doubt_values(fields: StrPath, truth: StrPath) -> list[str]:
    r"""List values that may be missing, though the file can be used as it is.

    Parameters
    ----------
    fields, truth : path
        As for :func:`read_labelled_fields`.

    Returns
    -------
    doubts : list of str
        A line if any value is empty: labelling may not be done.

    Raises
    ------
    ValueError
        As :func:`read_labelled_fields`, of the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from pipelines.training.labelled import doubt_values
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = Path(folder, "truth.csv")
    ...     _ = truth.write_text("file,value\na.png,0451\nb.png,\n")
    ...     [doubt] = doubt_values(folder, truth)
    >>> doubt.removeprefix(str(truth))
    ': 1 of 2 values is empty: taken for a field with nothing written in it'
    """
    _check_folder(Path(fields))
    values = [value for _, value in _read_truth(Path(truth))]
    n_empty = values.count("")
    if not n_empty:
        return []
    taken = "are empty: taken for fields with nothing written in them"
    if n_empty == 1:
        taken = "is empty: taken for a field with nothing written in it"
    return [f"{truth}: {n_empty} of {len(values)} values {taken}"]


def clean_fields(fields: Sequence[LabelledField]) -> list[Image]:
    """Clean the images of fields, as a reader does before it reads.

    Parameters
    ----------
    fields : sequence of LabelledField
        Fields as scanned.

    Returns
    -------
    images : list of ndarrays of shape (height, width), dtype uint8
        Without speckle, on even paper.
    """
    from pipelines.readers.base import clean_images
    from pipelines.readers.field import cleaning_steps

    steps = [step for _, step in cleaning_steps()]
    return clean_images(steps, [field.image for field in fields])


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}. Name the one with the images.")


def _locate(folder: Path, name: str) -> Path:
    """Find a file by its name in the folder, or by its path if that leads there."""
    inside, named = folder / name, Path(name)
    if inside.exists() or not named.exists():
        return inside
    lies_in = named.parent.resolve().is_relative_to(folder.resolve())
    return named if lies_in else inside


def _read_truth(path: Path) -> list[tuple[str, str]]:
    """Read names of files and their values from a CSV file."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            # Spreadsheets of many countries write semicolons.
            head = file.readline()
            delimiter = next((mark for mark in ",;\t" if mark in head), ",")
            table = csv.DictReader(file, delimiter=delimiter)
            file.seek(0)
            names = [name.strip().lower() for name in table.fieldnames or ()]
            table.fieldnames = names
            missing = {"file", "value"} - set(names)
            rows = [(row.get("file") or "", row.get("value")) for row in table]
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} cannot be read: it is not text in UTF-8. Save it as UTF-8, which"
            " spreadsheets call CSV UTF-8."
        ) from error
    except (OSError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if missing:
        raise ValueError(
            f"{path} has no column {sorted(missing)[0]!r}. Its first line must"
            " name the columns: file,value"
        )
    if not rows:
        raise ValueError(f"{path} has no rows. Write one for each field: file,value")
    names = [name for name, _ in rows]
    if not all(names) or None in [value for _, value in rows]:
        raise ValueError(
            f"{path} has a row without file or value. Write both, as in a.png,12, and"
            " a.png, for an empty field."
        )
    return [(name, _check_value(path, name, value)) for name, value in rows]


def _check_value(path: Path, name: str, value: str | None) -> str:
    text = (value or "").strip()
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError(
            f"{path} gives {name} the value {value!r}. Values are digits only."
        )
    return text


def _read_field(path: Path) -> Image:
    """Read the one field of a file."""
    try:
        with open_scan(path) as scan:
            return scan.read(0)
    except ScanError as error:
        raise ValueError(str(error)) from error
