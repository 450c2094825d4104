"""``lenet score --roster``: what it takes, keeps and writes."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from pipelines.cli.inputs import say, warn
from pipelines.scans.find import real_path

if TYPE_CHECKING:
    from pipelines.cli.options import RosterOptions
    from pipelines.forms.form import Form
    from pipelines.scoring.matching import Matching
    from pipelines.scoring.roster import Roster
    from pipelines.scoring.table import PageResult


class PageMatcher:
    """Keeps what pages say in one field, and matches them when all have gone by.

    Parameters
    ----------
    roster : Roster
        The list.

    field : str
        Name of the field with its numbers.

    table : Path
        The table of matches to write.

    threshold : float
        As for :func:`pipelines.match_pages`.
    """

    def __init__(
        self, roster: "Roster", field: str, table: Path, threshold: float
    ) -> None:
        self.table = table
        self._threshold = threshold
        self._roster = roster
        self.field = field
        self._kept: list[PageResult] = []

    def watch(self, results: Iterable["PageResult"]) -> Iterator["PageResult"]:
        """Keep of results what they will be matched by.

        Parameters
        ----------
        results : iterable of PageResult
            A whole batch.

        Yields
        ------
        result : PageResult
            The same.
        """
        for result in results:
            fields = result.reading.fields
            own = {name: fields[name] for name in fields if name == self.field}
            reading = replace(result.reading, fields=own)
            self._kept.append(replace(result, reading=reading))
            yield result

    def finish(self, note: Callable[[Path, str], None]) -> None:
        """Match the pages, write the table, and print the summary.

        Parameters
        ----------
        note : callable
            Is given the path and the SHA-256 hash of the table, before it is written.
        """
        from lenet_sklearn.outputs import write_whole
        from pipelines.scoring.matching import write_matches

        matching = self.match()
        with TemporaryDirectory() as folder:
            draft = Path(folder, self.table.name)
            write_matches(draft, matching)
            content = draft.read_bytes()
        note(self.table, hashlib.sha256(content).hexdigest())
        write_whole(self.table, content)
        say(f"Matched by {self.field}: {matching}\nMatches: {self.table}")

    def match(self) -> "Matching":
        """Match the pages that have gone by.

        Returns
        -------
        matching : Matching
        """
        from pipelines.scoring.matching import match_pages

        return match_pages(
            self._kept, self._roster, self.field, threshold=self._threshold
        )


def find_matcher(
    listed: "RosterOptions", form: "Form", output: Path, threshold: float
) -> PageMatcher | None:
    """Make what matches pages with the list that ``--roster`` names.

    Parameters
    ----------
    listed : RosterOptions
        What the user wants.

    form : Form
        What is read.

    output : Path
        The table of results, beside which the matches are written.

    threshold : float
        As for :func:`pipelines.match_pages`.

    Returns
    -------
    matcher : PageMatcher or None
        None where no list is given.

    Raises
    ------
    typer.BadParameter
        If one option is given without the other, the form has no such field, or the
        table would be written over the list.

    ValueError
        If the list cannot be used.
    """
    if listed.roster is None and listed.match is None:
        return None
    if listed.roster is None or listed.match is None:
        raise typer.BadParameter(
            "--roster FILE and --match NAME belong together: the list, and the field"
            " with its numbers"
        )
    from pipelines.scoring.roster import Roster

    name, _, column = listed.match.partition("=")
    field = next((field for field in form.fields if field.name == name), None)
    if field is None:
        names = ", ".join(field.name for field in form.fields)
        raise typer.BadParameter(
            f"--match {listed.match}: no field {name} is read, only {names}"
        )
    table = output.with_name(f"{output.stem.removesuffix('.long')}.roster.csv")
    if real_path(table) == real_path(listed.roster):
        raise typer.BadParameter(
            f"{table} is the list, and would be written over with the matches. Name"
            " another file for the table of results"
        )
    roster = Roster.from_file(listed.roster, column or name)
    if field.digits is not None:
        for doubt in roster.doubts(field.digits):
            warn(f"warning: {listed.roster}: {doubt}")
    return PageMatcher(roster, name, table, threshold)
