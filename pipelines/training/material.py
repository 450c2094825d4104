"""What a search learns from: labelled fields, pages or digits, and what reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.forms.form import Form
from pipelines.images import Image
from pipelines.models import save_field_reader
from pipelines.readers.field import FieldReader, make_field_reader
from pipelines.readers.form import make_form_reader
from pipelines.recipes import N_LABELLED, Grid, Kind
from pipelines.scans.find import find_scans
from pipelines.scans.read import open_scan
from pipelines.scoring.comparing import Truth
from pipelines.training.boxes import load_samples
from pipelines.training.labelled import (
    LabelledField,
    StrPath,
    clean_fields,
    read_labelled_fields,
)

# Kinds of fields that are written freely, and which a model file of such is for.
_FREE = frozenset({"line", "box"})

_OF_FIELDS = "field_reader__"


@dataclass(frozen=True, eq=False)
class Material:
    """Labelled samples, and the estimator whose parameters are searched.

    Attributes
    ----------
    kind : {"lines", "combs", "glyphs"}
        What is read: free writing, rows of boxes, or single digits.

    unit : str
        What the samples are, in the plural, for reports.

    reader : estimator
        Reads the samples.

    X : sequence of n_samples ndarrays
        Fields, pages or glyphs.

    y : list or ndarray of n_samples
        What they say.

    groups : list of n_samples objects, or None
        What samples share that are not independent; None where nothing is known.

    told : tuple of int
        Which fields of a page the acceptance rule is for: those that the model file
        reads. Of other samples the only one.

    prefix : str, default=""
        What the names of a grid of fields need before them.

    n_others : int, default=0
        Fields of the other kind, which are left out: a model file reads one kind.
    """

    kind: Kind
    unit: str
    reader: Any
    X: Any
    y: Any
    groups: list[Any] | None
    told: tuple[int, ...] = (0,)
    prefix: str = ""
    n_others: int = 0

    @property
    def left_out(self) -> str:
        """What was left out, for a report; empty for nothing."""
        if not self.n_others:
            return ""
        others = {"combs": "without", "lines": "in rows of"}[self.kind]
        noun = "field" if self.n_others == 1 else "fields"
        return f"{self.n_others} {noun} {others} boxes"

    def name_grid(self, grid: Grid) -> Grid:
        """Give parameters of a reader of fields the names that they have here.

        Parameters
        ----------
        grid : list of dicts of str to list
            As of :func:`pipelines.recipes.find_grid`.

        Returns
        -------
        named : list of dicts of str to list
        """
        return [
            {self._name(name): values for name, values in part.items()} for part in grid
        ]

    def _name(self, name: str) -> str:
        has_it = name == N_LABELLED or name.startswith(self.prefix)
        return name if has_it else f"{self.prefix}{name}"

    def save(self, fitted: Any, path: Path, **kept: Any) -> None:
        """Write the model of a fitted reader, as those that read with it take it.

        Parameters
        ----------
        fitted : estimator
            The reader, fitted.

        path : Path
            File to write.

        **kept : dict
            The card and the rule, as for :func:`pipelines.models.save_field_reader`.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        if self.kind == "glyphs":
            from lenet_sklearn.models.registry import save_model

            save_model(fitted, path, card=kept["card"])
            return
        of_fields = getattr(fitted, "field_reader_", fitted)
        save_field_reader(of_fields, path, kind=self.kind, **kept)


def field_material(
    fields: StrPath, truth: StrPath, *, groups: str | None = None, random_state: int = 0
) -> Material:
    """Read labelled images of fields.

    Parameters
    ----------
    fields : path
        Folder with the images.

    truth : path
        CSV file with the columns ``file`` and ``value``.

    groups : str, default=None
        Column of the truth with the writer or document of each field.

    random_state : int, default=0
        Seed of the trainings.

    Returns
    -------
    material : Material
        Of rows of boxes if most fields are such, and of free writing if not.

    Raises
    ------
    ValueError
        If the truth or an image cannot be read; says which.
    """
    labelled = read_labelled_fields(fields, truth, groups=groups)
    kind, kept = find_kind(labelled)
    return Material(
        kind,
        "fields",
        _seeded(make_field_reader(), random_state),
        [field.image for field in kept],
        [field.value for field in kept],
        None if groups is None else [field.group for field in kept],
        n_others=len(labelled) - len(kept),
    )


def page_material(
    pages: StrPath,
    form: StrPath,
    truth: StrPath,
    *,
    groups: str | None = None,
    random_state: int = 0,
) -> Material:
    """Read labelled pages of a form.

    Parameters
    ----------
    pages : path
        Folder with the scans. Pages that the truth does not name are left out.

    form : path
        The form.

    truth : path
        CSV file with a row for each page: a column ``document`` or ``file``, one
        ``page`` where documents have several, and one for each field of the form.

    groups : str, default=None
        Column of the truth with the writer of each page; None for its document.

    random_state : int, default=0
        Seed of the trainings.

    Returns
    -------
    material : Material

    Raises
    ------
    ValueError
        If the form, the truth or a page cannot be read, the truth names no page, or the
        form has both rows of boxes and free writing: a model file is of one of them.
    """
    of_form = Form.from_file(Path(form))
    kind, told = _kind_of_form(of_form, form)
    known = Truth(Path(truth), groups)
    if missing := [f.name for f in of_form.fields if f.name not in known.names]:
        raise ValueError(f"{truth} has no column {missing[0]!r}, a field of {form}.")
    images, rows, shared = _read_pages(pages, of_form, known)
    if not images:
        raise ValueError(
            f"{truth} names no page of {pages}. Name files as there, or without their"
            " folder."
        )
    reader = _seeded(make_form_reader(of_form), random_state)
    texts = np.array(rows, dtype=object).reshape(len(rows), -1)
    return Material(kind, "pages", reader, images, texts, shared, told, _OF_FIELDS)


def digit_material(
    data: StrPath, *, data_dir: StrPath | None = None, random_state: int = 0
) -> Material:
    """Load labelled images of single digits, and the classifier that ships was made by.

    Parameters
    ----------
    data : str or path
        As for :func:`pipelines.training.boxes.load_samples`: a folder with a sub-folder
        for each character, or the name of a data set.

    data_dir : path, default=None
        Where the files of MNIST are.

    random_state : int, default=0
        Seed of the trainings.

    Returns
    -------
    material : Material
        Writers are not known.

    Raises
    ------
    ValueError
        If there is no such data set.
    """
    from lenet_sklearn import LeNet5Classifier
    from lenet_sklearn.recipes import find_recipe

    X, y = load_samples(data, data_dir=data_dir)
    classifier = LeNet5Classifier(
        **find_recipe("modern"),
        classes=np.unique(y).tolist(),
        random_state=random_state,
    )
    return Material("glyphs", "digits", classifier, X, y, None, ())


def find_kind(labelled: Sequence[LabelledField]) -> tuple[Kind, list[LabelledField]]:
    """Say whether most fields are rows of boxes or free writing, and keep these.

    Parameters
    ----------
    labelled : sequence of LabelledField
        Fields as scanned.

    Returns
    -------
    kind : {"combs", "lines"}

    kept : list of LabelledField
        Those of this kind: others are read by another model, under another rule.
    """
    pieces = FieldReader().cut(clean_fields(labelled))
    are_combs = 2 * sum(map(bool, pieces)) > len(labelled)
    kept = [
        field
        for field, comb in zip(labelled, pieces, strict=True)
        if bool(comb) == are_combs
    ]
    return ("combs" if are_combs else "lines"), kept


def _kind_of_form(form: Form, path: StrPath) -> tuple[Kind, tuple[int, ...]]:
    """Say what the fields are that learn, and which of the fields these are."""
    # Free writing that may have signs is read by a network of its own.
    lines = tuple(
        n for n, f in enumerate(form.fields) if f.kind in _FREE and f.characters is None
    )
    combs = tuple(n for n, f in enumerate(form.fields) if f.kind == "comb")
    if bool(lines) == bool(combs):
        both = "both rows of boxes and" if lines else "neither rows of boxes nor"
        raise ValueError(
            f"{path} has {both} free writing, and a search is for one of them: a model"
            " file holds what reads the one or the other. Leave fields out of the form."
        )
    return ("lines", lines) if lines else ("combs", combs)


def _read_pages(
    pages: StrPath, form: Form, known: Truth
) -> tuple[list[Image], list[list[str]], list[Any]]:
    """Read the pages that the truth names: images, values, and groups."""
    images: list[Image] = []
    rows: list[list[str]] = []
    groups: list[Any] = []
    for path in find_scans(Path(pages)):
        with open_scan(path) as scan:
            for number in range(len(scan)):
                at = known.find(str(path), number + 1, is_alone=len(scan) == 1)
                if at is None:
                    continue
                images.append(scan.read(number))
                rows.append([known.value(at, field.name) for field in form.fields])
                groups.append(known.group(at) or str(path))
    return images, rows, groups


def _seeded(reader: Any, random_state: int) -> Any:
    """Give all parts of a reader a seed; they have one by default."""
    seeds = [name for name in reader.get_params() if name.endswith("random_state")]
    return reader.set_params(**dict.fromkeys(seeds, random_state))
