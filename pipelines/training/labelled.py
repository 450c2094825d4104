"""Fields whose values are known: images in a folder, values in a CSV file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from lenet_sklearn.outputs import read_rows
from pipelines.images import Image
from pipelines.outcomes import ArraysCompare
from pipelines.scans.find import real_path
from pipelines.scans.read import ScanError, open_scan

StrPath: TypeAlias = str | os.PathLike[str]

# What file systems allow: bytes of a name, and characters of a path.
_LONGEST_NAME: Final = 255
_LONGEST_PATH: Final = 4096


# No field is that long: what is, is another column or a table that is damaged.
_LONGEST_VALUE: Final = 200

# What a message shows of what is too long for one line.
_SHOWN: Final = 40


@dataclass(frozen=True, eq=False)
class LabelledField(ArraysCompare):
    """The image of a field, and what it says.

    Attributes
    ----------
    name : str
        Of its file.

    image : ndarray of shape (height, width), dtype uint8
        Grey, dark ink on lighter paper.

    value : str
        Digits; empty where nothing is written.

    group : str, default=""
        What it shares with fields that are not independent of it, such as the writer.
    """

    name: str
    image: Image
    value: str
    group: str = ""


def read_labelled_fields(
    fields: StrPath, truth: StrPath, *, groups: str | None = None
) -> list[LabelledField]:
    r"""Read images of fields, and what they say.

    Parameters
    ----------
    fields : path
        Folder with the images.

    truth : path
        CSV file with the columns ``file`` and ``value``, between which stands a
        comma, a semicolon or a tab. A file is named as seen from the folder, or as
        ``lenet read`` names it: as seen from the current folder.

    groups : str, default=None
        Name of another column, with the group of each field.

    Returns
    -------
    labelled : list of LabelledField
        In the order of the file.

    Raises
    ------
    ValueError
        If the file has no such columns or rows, a value is not of digits, a group is
        missing, or an image cannot be read; says which.

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
        real = real_path(_locate(folder, name))
        if real in named:
            again = f", once as {name}" if name != named[real] else ""
            raise ValueError(
                f"{truth} names {named[real]} twice{again}. Keep one row a file."
            )
        named[real] = name
    shared = [""] * len(rows) if groups is None else _read_groups(Path(truth), groups)
    return [
        LabelledField(name, _read_field(_locate(folder, name), truth), value, group)
        for (name, value), group in zip(rows, shared, strict=True)
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
    lies_in = real_path(named.parent).is_relative_to(real_path(folder))
    return named if lies_in else inside


def _read_truth(path: Path) -> list[tuple[str, str]]:
    """Read names of files and their values from a CSV file."""
    names, table = read_rows(path)
    columns = {name.lower(): name for name in names}
    missing = {"file", "value"} - columns.keys()
    if missing:
        raise ValueError(
            f"{path} has no column {sorted(missing)[0]!r}. Its first line must"
            " name the columns: file,value"
        )
    rows = [
        (line, row[columns["file"]] or "", row[columns["value"]]) for line, row in table
    ]
    if not rows:
        raise ValueError(f"{path} has no rows. Write one for each field: file,value")
    if not all(name for _, name, _ in rows) or None in [value for *_, value in rows]:
        raise ValueError(
            f"{path} has a row without file or value. Write both, as in a.png,12, and"
            " a.png, for an empty field."
        )
    return [_check_row(f"{path}, line {n}", name, value) for n, name, value in rows]


def _read_groups(path: Path, column: str) -> list[str]:
    """Read the group of each row of a CSV file whose other columns are known."""
    names, table = read_rows(path)
    if column not in names:
        raise ValueError(f"{path} has no column {column!r}. It has {', '.join(names)}.")
    missing = [line for line, row in table if not (row[column] or "").strip()]
    if missing:
        raise ValueError(f"{path}, line {missing[0]}: there is no {column}.")
    return [str(row[column]).strip() for _, row in table]


def _check_row(place: str, name: str, value: str | None) -> tuple[str, str]:
    """Refuse what is no name of a file, or no value."""
    longest = max(len(os.fsencode(part)) for part in Path(name).parts or ("",))
    if "\0" in name or longest > _LONGEST_NAME or len(name) > _LONGEST_PATH:
        raise ValueError(f"{place}: no file can be called {_shorten(name)}.")
    text = (value or "").strip()
    if len(text) > _LONGEST_VALUE:
        raise ValueError(
            f"{place}: {name} has a value of {len(text)} characters, {_shorten(text)}."
            f" No field has more than {_LONGEST_VALUE}."
        )
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError(
            f"{place}: {name} has the value {value!r}. Values are digits only."
        )
    return name, text


def _shorten(text: str) -> str:
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}..."


def _read_field(path: Path, truth: StrPath) -> Image:
    """Read the one field of a file that a table names."""
    try:
        with open_scan(path) as scan:
            return scan.read(0)
    except ScanError as error:
        raise ValueError(f"{error} ({truth} names it)") from error
