"""Mixed piles on the command line: a table for each form, and a ledger."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pipelines.cli.inputs import say, warn
from pipelines.cli.settings import describe_form, describe_pile, pile_of
from pipelines.cli.tables import write_noted

if TYPE_CHECKING:
    from pipelines.cli.options import ReadingOptions, RosterOptions
    from pipelines.forms.pile import Pile
    from pipelines.scoring.table import PageResult


class PileTables:
    """Joins the pages of a pile, and writes their tables when all have gone by.

    Parameters
    ----------
    pile : Pile
        Its forms.

    outputs : sequence of Path
        What the command is to write.
    """

    def __init__(self, pile: "Pile", outputs: Sequence[Path]) -> None:
        from pipelines.scoring.sheets import Sheets

        self._tables = _tables_of_forms(pile, outputs)
        self._ledger = _ledger_of(outputs)
        self._sheets = Sheets(pile)

    def watch(self, results: Iterable["PageResult"]) -> Iterator["PageResult"]:
        """Note results as they go by.

        Parameters
        ----------
        results : iterable of PageResult
            A whole pile.

        Yields
        ------
        result : PageResult
            The same.
        """
        for result in results:
            self._sheets.add(result)
            yield result

    def finish(self, note: Callable[[Path, str], None]) -> None:
        """Write the tables and the ledger, and print what became of the pages.

        Parameters
        ----------
        note : callable
            Is given the path and the SHA-256 hash of each, before it is written.
        """
        from pipelines.scoring.sheets import LEDGER_COLUMNS

        ledger = self._sheets.join()
        for path, name in self._tables.items():
            write_noted(path, ledger.header(name), ledger.rows(name), note)
        write_noted(self._ledger, LEDGER_COLUMNS, ledger.lines(), note)
        say(ledger)
        for path in self._tables:
            say(f"Table: {path}")
        say(f"Ledger: {self._ledger}")


def single_tables(outputs: Sequence[Path], settings: Mapping[str, Any]) -> list[Path]:
    """List the tables to which each page is written by itself, as it comes.

    Parameters
    ----------
    outputs : sequence of Path
        What a command is to write.

    settings : mapping of str to object
        Those of the run.

    Returns
    -------
    tables : list of Path
        Of a mixed pile only those with a row for each field, or an object a page.
    """
    from pipelines.runs.tables import is_wide

    if pile_of(settings) is None:
        return list(outputs)
    return [path for path in outputs if not is_wide(path)]


def list_tables(outputs: Sequence[Path], settings: Mapping[str, Any]) -> list[Path]:
    """List all tables that a run writes.

    Parameters
    ----------
    outputs : sequence of Path
        What a command is to write.

    settings : mapping of str to object
        Those of the run.

    Returns
    -------
    tables : list of Path
        Of a mixed pile, instead of a table with a row for each page, that of each form,
        such as ``results.exam.csv``; and the ledger.
    """
    pile = pile_of(settings)
    if pile is None:
        return list(outputs)
    tables = _tables_of_forms(pile, outputs)
    return [*single_tables(outputs, settings), *tables, _ledger_of(outputs)]


def _tables_of_forms(pile: "Pile", outputs: Sequence[Path]) -> dict[Path, str]:
    """Name the tables of forms; that of a single form is called as the user says."""
    from pipelines.runs.tables import is_wide

    wide = [path for path in outputs if is_wide(path)]
    if len(pile.forms) == 1:
        return dict.fromkeys(wide, pile.forms[0].name)
    return {
        path.with_name(f"{path.stem}.{form.name}{path.suffix}"): form.name
        for path in wide
        for form in pile.forms
    }


def _ledger_of(outputs: Sequence[Path]) -> Path:
    return outputs[0].with_name(f"{outputs[0].stem.removesuffix('.long')}.ledger.csv")


def describe_forms(pile: "Pile") -> dict[str, Any]:
    """Collect the settings of a run that lie in its form, or in its forms.

    Parameters
    ----------
    pile : Pile
        What is read.

    Returns
    -------
    settings : dict of str to object
        As JSON has it.
    """
    if pile.is_mixed:
        return describe_pile(pile)
    [form] = pile.forms
    return describe_form(form.file, form.pages[0])


def list_form_files(pile: "Pile") -> list[Path]:
    """List the files of forms, which may lie among the scans but are none.

    Parameters
    ----------
    pile : Pile
        What is read.

    Returns
    -------
    files : list of Path
        With the blank pages, and with the pictures that ``lenet form`` has drawn.
    """
    from pipelines.forms.files import draft_images

    files = [page.blank for page in pile.pages.values()]
    for form in pile.forms:
        files += [form.file, *draft_images(form.file)] if form.file else []
    return [file for file in files if file is not None]


def warn_of_places(pile: "Pile") -> None:
    """Warn of fields that may not lie where their form says.

    Parameters
    ----------
    pile : Pile
        What is read.
    """
    from pipelines.forms.placing import doubt_places

    for key, page in pile.pages.items():
        form = pile.forms[key.form]
        where = f" page {key.page + 1}" if len(form.pages) > 1 else ""
        for doubt in doubt_places(page):
            warn(f"warning: {form.file}{where}: {doubt}")


def check_options_of_pile(
    pile: "Pile", listed: "RosterOptions", reading: "ReadingOptions"
) -> None:
    """Refuse what is for pages of one form, where there are several.

    Parameters
    ----------
    pile : Pile
        What is read.

    listed : RosterOptions
        What the user wants matched.

    reading : ReadingOptions
        What the user wants besides.

    Raises
    ------
    typer.BadParameter
        If a roster or a review is wanted.
    """
    wanted = {"--roster": listed.roster, "--match": listed.match}
    for option, value in (wanted | {"--review": reading.review}).items():
        if pile.is_mixed and value is not None:
            raise typer.BadParameter(
                f"{option} is for pages of one form, and these have several. Read those"
                " of each form by themselves: the ledger lists them"
            )


def refuse_pile(settings: Mapping[str, Any], command: str) -> None:
    """Refuse the run of a mixed pile.

    Parameters
    ----------
    settings : mapping of str to object
        Those of the run.

    command : str
        What was to be done with it.

    Raises
    ------
    typer.BadParameter
        If it is one.
    """
    if "forms" in settings:
        raise typer.BadParameter(
            f"{command} is for runs of one form, and this one has several. Read the"
            " pages of each form by themselves: the ledger lists them"
        )
