"""The forms of a mixed pile: which pages each has, and what joins them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, Self

import pydantic

from pipelines.forms.field import Field
from pipelines.forms.files import FormError, read_json
from pipelines.forms.form import Form, read_form
from pipelines.forms.options import FrozenModel
from pipelines.outcomes import Assignment

# Names of tables that are no form's.
_TAKEN: Final = frozenset({"ledger", "roster", "long"})


class PiledForm(FrozenModel):
    """A form of one page or several, and what joins them.

    Parameters
    ----------
    name : str
        What the form is called: its file, without the ending.

    pages : tuple of Form
        At least one; the pages in their order.

    join : str, default=None
        Name of the field that all pages have, and that says which sheet a page is of.
        None where pages follow each other in their documents.

    file : Path, default=None
        The form's file.
    """

    name: str
    pages: Annotated[tuple[Form, ...], pydantic.Field(min_length=1)]
    join: str | None = None
    file: Annotated[Path | None, pydantic.Field(exclude=True)] = None

    @pydantic.model_validator(mode="after")
    def _check_join(self) -> Self:
        times = Counter(field.name for page in self.pages for field in page.fields)
        for name, n_times in times.items():
            if n_times > 1 and name != self.join:
                raise ValueError(
                    f"field {name!r}: is on several pages, which the field that joins"
                    ' them only may be. Name it otherwise, or as "join"'
                )
        if self.join is not None and times[self.join] < len(self.pages):
            raise ValueError(
                f"join: not every page has a field {self.join!r}, by which pages are to"
                " be joined"
            )
        joining = [f for page in self.pages for f in page.fields if f.name == self.join]
        if len({(field.kind, field.digits) for field in joining}) > 1:
            raise ValueError(f"join: {self.join!r} is not the same on every page")
        for field in joining:
            if field.pattern is not None and not set(field.pattern) & set("*#"):
                raise ValueError(
                    f"join: {field.pattern!r} is the same on all sheets. Put '*' for"
                    " what says which sheet a page is of"
                )
        return self

    @property
    def fields(self) -> dict[str, Field]:
        """Its fields by their names, in the order of the pages."""
        named: dict[str, Field] = {}
        for page in self.pages:
            for field in page.fields:
                named.setdefault(field.name, field)
        return named

    @property
    def has_sheets(self) -> bool:
        """Whether its rows are of other things than of single pages."""
        return len(self.pages) > 1 or self.join is not None


class PileKey(NamedTuple):
    """A page of a form of a pile.

    Attributes
    ----------
    form : int
        Number of the form, counted from 0.

    page : int
        Number of its page, counted from 0.
    """

    form: int
    page: int


class Pile(FrozenModel):
    """The forms that the pages of a mixed pile may be of.

    Parameters
    ----------
    forms : tuple of PiledForm
        No two of one name.

    Examples
    --------
    >>> from pipelines import Form
    >>> from pipelines.forms.pile import Pile, PiledForm
    >>> form = Form.from_combs({"id": 9})
    >>> Pile(forms=[PiledForm(name="exam", pages=[form])]).is_mixed
    False
    """

    forms: Annotated[tuple[PiledForm, ...], pydantic.Field(min_length=1)]

    @classmethod
    def from_files(cls, paths: Iterable[Path]) -> Self:
        """Read the JSON files of forms.

        Parameters
        ----------
        paths : iterable of Path
            The files. A folder stands for all JSON files in it.

        Returns
        -------
        pile : Pile

        Raises
        ------
        FormError
            If one of them cannot be used, two have one name, or a folder has none.
        """
        files = [file for path in paths for file in _list_files(path)]
        taken: dict[str, Path] = {}
        for file in files:
            name = file.stem.lower()  # some disks do not tell capitals
            if name in taken:
                raise FormError(
                    f"{file}: {taken[name]} has the same name, after which its table"
                    " is called. Rename one of them"
                )
            if name in _TAKEN:
                raise FormError(
                    f"{file}: a table is called so that is no form's. Rename it"
                )
            taken[name] = file
        return cls(forms=tuple(map(read_piled_form, files)))

    @property
    def is_mixed(self) -> bool:
        """Whether pages must be assigned, or joined."""
        return len(self.forms) > 1 or self.forms[0].has_sheets

    @property
    def kinds(self) -> set[str]:
        """Kinds of the fields of all forms."""
        return set().union(*(page.kinds for page in self.pages.values()))

    def form_of(self, assigned: Assignment | None) -> Form | None:
        """Return the page of a form that a page was read by.

        Parameters
        ----------
        assigned : Assignment or None
            What the page is.

        Returns
        -------
        page : Form or None
            None for a page of no form.
        """
        if assigned is None or not assigned.form:
            return None
        form = next(form for form in self.forms if form.name == assigned.form)
        return form.pages[assigned.page - 1]

    @property
    def pages(self) -> dict[PileKey, Form]:
        """All pages of all forms."""
        return {
            PileKey(number, index): page
            for number, form in enumerate(self.forms)
            for index, page in enumerate(form.pages)
        }

    def check_known_again(self) -> None:
        """Refuse forms whose pages could not be told from others.

        Raises
        ------
        FormError
            If a page of a form has neither a blank page nor a code with a pattern.
        """
        for key, page in self.pages.items():
            has_pattern = any(field.pattern is not None for field in page.fields)
            if page.blank is None and not has_pattern:
                raise FormError(
                    f"{self.describe(key)} has no blank page, by which its pages are"
                    " known among those of other forms. Add 'blank', or a field of the"
                    " kind 'code' with a 'pattern'"
                )

    def describe(self, key: PileKey) -> str:
        """Name a page of a form.

        Parameters
        ----------
        key : PileKey

        Returns
        -------
        words : str
            The name of the form, with the number of the page if it has several.
        """
        form = self.forms[key.form]
        page = f" page {key.page + 1}" if len(form.pages) > 1 else ""
        return f"{form.name}{page}"


def read_piled_form(path: Path) -> PiledForm:
    """Read the JSON file of a form of one page or several.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    form : PiledForm

    Raises
    ------
    FormError
        If it cannot be used.
    """
    content = read_json(path)
    join = content.pop("join", None)
    if join is not None and not isinstance(join, str):
        raise FormError(f"{path}: join: must be the name of a field")
    if "pages" not in content:
        pages = [read_form(content, path)]
    else:
        pages = list(_read_pages(content, path))
    try:
        return PiledForm(name=path.stem, pages=tuple(pages), join=join, file=path)
    except pydantic.ValidationError as error:
        reason = error.errors()[0]["ctx"]["error"]
        raise FormError(f"{path}: {reason}") from None


def _read_pages(content: Mapping[str, Any], path: Path) -> Iterator[Form]:
    """Read each page as if it were a form of its own."""
    pages = content["pages"]
    if unknown := sorted(set(content) - {"version", "pages"}):
        raise FormError(
            f"{path}: {unknown[0]}: belongs to one of the pages, which are listed in"
            " 'pages'"
        )
    if not isinstance(pages, list) or not pages:
        raise FormError(f"{path}: pages: must be a list of at least one page")
    version = {key: content[key] for key in ("version",) if key in content}
    for number, page in enumerate(pages, start=1):
        if not isinstance(page, dict):
            raise FormError(f"{path}: page {number}: must be an object with fields")
        yield read_form(version | page, path, f"page {number}: ")


def _list_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.json"))
    if not files:
        raise FormError(f"{path}: there is no form, a .json file, in this folder")
    return files
