"""Forms as data: which fields a page has, where, and what may stand in them."""

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic

from pipelines.forms.allowed import is_possible
from pipelines.forms.field import Field, FieldKind
from pipelines.forms.files import (
    FormError,
    explain,
    load_choices,
    read_json,
    write_json,
)
from pipelines.forms.notation import as_decimal
from pipelines.forms.options import FrozenModel, Option
from pipelines.images import Image
from pipelines.pages.prepared import PreparedBlank, prepare_blank
from pipelines.scans.read import ScanError, open_scan

__all__ = ["Field", "FieldKind", "Form", "FormError", "Option", "Sum"]

_VERSION = 1

# Blank pages that are kept at hand, as many as the forms of a mixed pile may have.
_MOST_BLANKS = 64


class Sum(FrozenModel):
    """A field that must be the sum of others.

    Parameters
    ----------
    total : str
        Name of the field with the sum.

    parts : tuple of str
        Names of the fields that add up to it, which it is none of.
    """

    total: str
    parts: Annotated[tuple[str, ...], pydantic.Field(min_length=1)]

    @pydantic.model_validator(mode="after")
    def _check_total(self) -> Self:
        if self.total in self.parts:
            raise ValueError(f"field {self.total!r} is among its own parts")
        return self


class Form(FrozenModel):
    """The fields of a form, and the blank page they lie on, if there is one.

    Parameters
    ----------
    version : int, default=1
        Version of the file format.

    blank : Path, default=None
        Scan of the blank form; its first page counts. :meth:`from_file` takes
        it relative to the folder of the form's file. A PDF is rendered at 200
        dpi: boxes are in pixels of that.

    fields : tuple of Field
        At least one; no two of the same name.

    sums : tuple of Sum, default=()
        Fields that must add up.

    See Also
    --------
    draft_form : Draft a form from a blank page.

    Examples
    --------
    >>> from pipelines.forms.form import Form
    >>> form = Form.from_combs({"student_id": 9})
    >>> [(field.name, field.digits) for field in form.fields]
    [('student_id', 9)]
    """

    version: Literal[1] = 1
    blank: Path | None = None
    fields: Annotated[tuple[Field, ...], pydantic.Field(min_length=1)]
    sums: tuple[Sum, ...] = ()

    @pydantic.model_validator(mode="after")
    def _check_fields(self) -> Self:
        names: set[str] = set()
        for field in self.fields:
            if field.name in names:
                raise ValueError(f"field {field.name!r}: there are two of this name")
            if field.box is not None and self.blank is None:
                raise ValueError(
                    f"field {field.name!r}: box: the form has no blank page for it to"
                    " lie on. Add 'blank', or take 'box' away"
                )
            if field.has_rules and not is_possible(field):
                raise ValueError(f"field {field.name!r}: no value keeps all its rules")
            names.add(field.name)
        codes = {field.name for field in self.fields if field.kind == "code"}
        ticked = {field.name for field in self.fields if field.is_ticked}
        for grid in {field.grid for field in self.fields} - {None}:
            if len({f.digits for f in self.fields if f.grid == grid}) > 1:
                raise ValueError(f"grid {grid!r}: its rows have not one length")
        with_gaps = {field.name for field in self.fields if field.gaps}
        for rule in self.sums:
            if not with_gaps.isdisjoint((rule.total, *rule.parts)):
                raise ValueError("sums: a field with gaps is no number")
            unknown = {rule.total, *rule.parts} - names
            if unknown:
                raise ValueError(f"sums: no field is named {min(unknown)!r}")
            if codes & {rule.total, *rule.parts}:
                raise ValueError(f"sums: {min(codes)!r} is a code, which is no number")
            if no_numbers := ticked & {rule.total, *rule.parts}:
                raise ValueError(f"sums: field {min(no_numbers)!r} is no number")
        return self

    @classmethod
    def from_combs(
        cls,
        combs: Mapping[str, int],
        grids: Mapping[str, tuple[int, int]] | None = None,
    ) -> Self:
        """Make a form of comb fields that are looked for on every page.

        Parameters
        ----------
        combs : mapping of str to int
            Number of boxes for each name.

        grids : mapping of str to tuple of 2 ints, default=None
            Number of rows, and of boxes in each, for each name of a grid. Its rows are
            the fields ``name_1``, ``name_2``..., from top to bottom; their boxes may be
            empty.

        Returns
        -------
        form : Form

        Raises
        ------
        FormError
            If a name or a number cannot be used, or there is none.
        """
        fields: list[dict[str, Any]] = [
            {"name": name, "digits": digits} for name, digits in combs.items()
        ]
        for name, (rows, columns) in (grids or {}).items():
            row = {"digits": columns, "grid": name, "gaps": True}
            fields += [{"name": f"{name}_{n}"} | row for n in range(1, rows + 1)]
        return cls._validated({"fields": fields}, "comb fields")

    @classmethod
    def from_file(cls, path: str | Path) -> "Form":
        """Read the JSON file of a form, and check it against its blank page.

        Parameters
        ----------
        path : str or Path
            The file; :meth:`to_file` writes such files.

        Returns
        -------
        form : Form
            Its `blank` can be opened from the current folder.

        Raises
        ------
        FormError
            If the file cannot be read, is no JSON, breaks a rule of
            :class:`Form` or :class:`Field`, is of a newer version, if its blank
            page or a column of choices cannot be read, or if a box reaches beyond
            that page.
        """
        path = Path(path)
        content = read_json(path)
        if "pages" in content or "join" in content:
            raise FormError(
                f"{path}: is a form of joined pages, which only lenet score reads"
            )
        return read_form(content, path)

    def to_file(self, path: str | Path) -> None:
        """Write the form as JSON; an existing file is replaced as a whole.

        Parameters
        ----------
        path : str or Path
            The file. `blank` is written relative to its folder.

        Raises
        ------
        OSError
            If the file cannot be written; what was there is still whole.
        """
        path = Path(path)
        content: dict[str, Any] = {"version": self.version}
        if self.blank is not None:
            content["blank"] = relative_path(self.blank, path.parent)
        content["fields"] = list(map(field_content, self.fields))
        if self.sums:
            content["sums"] = [rule.model_dump(mode="json") for rule in self.sums]
        write_json(path, content)

    @property
    def kinds(self) -> set[str]:
        """Kinds of its fields."""
        return {field.kind for field in self.fields}

    def load_blank(self) -> Image:
        """Read the blank page.

        Returns
        -------
        page : ndarray of shape (height, width), dtype uint8
            The first page of the file, grey. It is read once, and may not be changed.

        Raises
        ------
        FormError
            If the form has none, or it cannot be read.
        """
        return _read_blank(*self.blank_version())

    def prepared_blank(self) -> PreparedBlank:
        """Read the blank page and find what pages are registered by.

        Returns
        -------
        prepared : PreparedBlank
            Prepared once for all pages of a batch.

        Raises
        ------
        FormError
            If the form has no blank page, or it cannot be read.

        ValueError
            If there is too little print on it for pages to be registered.
        """
        return _prepare_blank(*self.blank_version())

    def blank_version(self) -> tuple[Path, int]:
        """Return the file of the blank page, and when it was written.

        Returns
        -------
        blank : Path
            The file.

        modified : int
            In nanoseconds; 0 for a file that cannot be looked at.

        Raises
        ------
        FormError
            If the form has no blank page.
        """
        if self.blank is None:
            raise FormError("blank: this form has no blank page")
        try:
            return self.blank, self.blank.stat().st_mtime_ns
        except (OSError, ValueError):  # opening it says what is wrong
            return self.blank, 0

    def check_sums(
        self, values: Mapping[str, str]
    ) -> list[tuple[tuple[str, ...], str]]:
        """List the sums that are wrong: any of their fields may be the cause.

        Parameters
        ----------
        values : mapping of str to str
            A value for each field, by name. Empty parts count as nothing; a
            sum with an empty total, or with a value that is missing or is no
            number, is not checked.

        Returns
        -------
        wrong : list of tuples of (fields, reason)
            For each total that is not the sum of its parts, the names of the total
            and the parts, and the reason.
        """
        wrong = []
        for rule in self.sums:
            parts = [as_decimal(values.get(n, "_") or "0") for n in rule.parts]
            total = values.get(rule.total, "")
            number, known = as_decimal(total), [p for p in parts if p is not None]
            if number is None or len(known) < len(parts):
                continue
            expected = sum(known)
            if number != expected:
                reason = f"{rule.total} is {total}, and its parts add up to {expected}"
                wrong.append(((rule.total, *rule.parts), reason))
        return wrong

    @classmethod
    def _validated(cls, content: object, source: str) -> Self:
        try:
            return cls.model_validate(content)
        except pydantic.ValidationError as error:
            raise FormError(f"{source}: {explain(error, content)}") from None


def read_form(content: Mapping[str, Any], path: Path, part: str = "") -> Form:
    """Make a form of what its file holds, and check it against its blank page.

    Parameters
    ----------
    content : mapping
        What the file holds, or a part of it.

    path : Path
        The file.

    part : str, default=""
        Which part of it, for messages.

    Returns
    -------
    form : Form

    Raises
    ------
    FormError
        As of :meth:`Form.from_file`.
    """
    version = content.get("version", _VERSION)
    if isinstance(version, int) and version > _VERSION:
        raise FormError(
            f"{path}: version: is {version}, and {_VERSION} is the newest that"
            " this release reads. Upgrade lenet-sklearn"
        )
    loaded = load_choices(content, path)
    try:
        form = Form.model_validate(loaded)
        if form.blank is None:
            return form
        form = form.model_copy(update={"blank": path.parent / form.blank})
        _check_boxes(form.fields, form.load_blank().shape)
    except pydantic.ValidationError as error:
        raise FormError(f"{path}: {part}{explain(error, loaded)}") from None
    except FormError as error:
        raise FormError(f"{path}: {part}{error}") from None
    return form


@lru_cache(maxsize=_MOST_BLANKS)
def _read_blank(blank: Path, _modified: int) -> Image:
    """Read a blank page once, until its file changes."""
    try:
        with open_scan(blank) as scan:
            page = scan.read(0)
    except (OSError, ScanError) as error:
        raise FormError(f"blank: {error}") from None
    page.setflags(write=False)
    return page


@lru_cache(maxsize=_MOST_BLANKS)
def _prepare_blank(blank: Path, modified: int) -> PreparedBlank:
    return prepare_blank(_read_blank(blank, modified))


def field_content(field: Field) -> dict[str, Any]:
    """Return what the file of a form says of a field.

    Parameters
    ----------
    field : Field

    Returns
    -------
    content : dict
        Its keys that are not as they are by default, as JSON has them.

    Examples
    --------
    >>> from pipelines.forms.form import Field, field_content
    >>> field_content(Field(name="id", digits=4, maximum=2000))
    {'name': 'id', 'kind': 'comb', 'digits': 4, 'maximum': 2000}
    """
    own = field.model_dump(mode="json", exclude_defaults=True)
    if any(option.box for option in field.options or ()):
        del own["box"]  # it is where the options are
    return {"name": field.name, "kind": field.kind} | own


def relative_path(blank: Path, folder: Path) -> str:
    """Write a path as seen from a folder, with slashes on every system.

    Parameters
    ----------
    blank : Path
        From the current folder.

    folder : Path
        Where the file lies that is to name it.

    Returns
    -------
    path : str
        Absolute if it is on another drive.
    """
    try:
        return Path(os.path.relpath(blank, folder)).as_posix()
    except ValueError:  # on another drive
        return blank.absolute().as_posix()


def _check_boxes(fields: Iterable[Field], shape: tuple[int, ...]) -> None:
    """Refuse a box that is not wholly on the blank page."""
    for field in fields:
        if field.box is None:
            continue
        top, left, height, width = field.box
        if top + height > shape[0] or left + width > shape[1]:
            raise FormError(
                f"field {field.name!r}: box: [top, left, height, width]"
                f" {list(field.box)} reaches beyond the blank page,"
                f" which is {shape[0]} high and {shape[1]} wide"
            )
