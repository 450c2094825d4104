"""Parts of a run: files with the results of some tens of pages each."""

import json
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from lenet_sklearn.outputs import write_whole
from pipelines.runs.errors import RunError
from pipelines.runs.plan import Part, Place
from pipelines.runs.records import from_record, to_record
from pipelines.scoring.table import PageResult


class Head(NamedTuple):
    """What the first line of a part says.

    Attributes
    ----------
    run : str
        Which run it is of; empty where there is no such part.

    pages : int
        Pages that it holds.

    failed : int
        Those of them that failed.
    """

    run: str = ""
    pages: int = 0
    failed: int = 0


class Parts:
    """The parts of one run, in a folder.

    Parameters
    ----------
    folder : Path
        It need not be there until a part is written.

    run : str
        Which run they are of: parts of others are refused.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self.folder = folder
        self.run = run

    def files(self) -> list[Path]:
        """List the files that are there, in the order of their pages."""
        return sorted(self.folder.glob("[!.]*"))

    def path_of(self, part: Part) -> Path:
        """Return the file of a part.

        Parameters
        ----------
        part : Part

        Returns
        -------
        path : Path
        """
        return self.folder / part.name

    def head(self, part: Part) -> Head:
        """Count the pages of a part, without reading them.

        Parameters
        ----------
        part : Part

        Returns
        -------
        head : Head

        Raises
        ------
        RunError
            If the file is damaged, or of another run.
        """
        path = self.path_of(part)
        head = read_head(path)
        if head.run not in ("", self.run):
            raise RunError(f"{path} is a part of another run. Move it away")
        return head

    def read(self, part: Part) -> dict[Place, PageResult]:
        """Read what is there of a part.

        Parameters
        ----------
        part : Part

        Returns
        -------
        results : dict of Place to PageResult
            Without the pages that were not read yet.

        Raises
        ------
        RunError
            If the file is damaged, or of another run.
        """
        path, head = self.path_of(part), self.head(part)
        if not head.run:
            return {}
        try:
            _, *lines = path.read_text("utf-8").splitlines()
            records = [json.loads(line) for line in lines]
            results = {Place(*r.pop("place")): from_record(r) for r in records}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(_damaged(path)) from error
        if len(results) != head.pages:
            raise RunError(_damaged(path))
        return results

    def write(self, part: Part, results: Mapping[Place, PageResult]) -> None:
        """Write what was read of a part, as a whole or not at all.

        Parameters
        ----------
        part : Part

        results : mapping of Place to PageResult
            All that is known of it.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        failed = sum(r.reading.status == "failed" for r in results.values())
        head = Head(self.run, len(results), failed)
        records = ({"place": p, **to_record(results[p])} for p in sorted(results))
        lines: Iterable[Mapping[str, Any]] = chain([head._asdict()], records)
        content = "".join(f"{dump_line(line)}\n" for line in lines)
        write_whole(self.path_of(part), content.encode("ascii"))


def read_head(path: Path) -> Head:
    """Read the first line of a part.

    Parameters
    ----------
    path : Path
        Its file.

    Returns
    -------
    head : Head
        An empty one where there is no such file.

    Raises
    ------
    RunError
        If the file is damaged.
    """
    try:
        with path.open(encoding="utf-8") as file:
            content = json.loads(next(file))
        return Head(str(content["run"]), int(content["pages"]), int(content["failed"]))
    except FileNotFoundError:
        return Head()
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise RunError(_damaged(path)) from error


def adopt_parts(parts: Parts, others: Iterable[Parts]) -> None:
    """Copy the parts of runs on other machines, which shared no disk, into one folder.

    Parameters
    ----------
    parts : Parts
        Those that are there already.

    others : iterable of Parts
        Parts of the same run. Of a part that is in two folders, the one with more
        pages is taken.

    Raises
    ------
    RunError
        If one is of another run, or was read twice. Nothing is copied then.

    OSError
        If a part cannot be copied.
    """
    chosen: dict[str, Path] = {path.name: path for path in parts.files()}
    for path in (path for other in others for path in other.files()):
        known = chosen.get(path.name)
        if read_head(path).run != parts.run:
            raise RunError(f"{path} is a part of another run. Move it away")
        if known is None or read_head(known).pages < read_head(path).pages:
            chosen[path.name] = path
        elif read_head(known) == read_head(path) and not _are_same(known, path):
            raise RunError(f"{path} was read twice: it is in {known.parent}, too")
    for path in chosen.values():
        if path.parent != parts.folder:
            write_whole(parts.folder / path.name, path.read_bytes())


def dump_line(content: Mapping[str, Any]) -> str:
    """Write an object of JSON in one line.

    Parameters
    ----------
    content : mapping

    Returns
    -------
    line : str
        In ASCII.
    """
    return json.dumps(content, separators=(",", ":"))


def _are_same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


def _damaged(path: Path) -> str:
    return f"{path} is damaged. Take it away, and give the same command again"
