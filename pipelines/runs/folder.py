"""The folder of a run: its plan, its parts, and a lock."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from lenet_sklearn.outputs import lock_file, make_folder, open_whole, write_whole
from pipelines.runs.plan import Part, Place, Plan, Shard, describe_changes
from pipelines.runs.records import from_record, to_record
from pipelines.scans.identity import Document
from pipelines.scoring.table import PageResult

# Of the files of a run. A folder of another version is not read.
_VERSION: Final = 1


class RunError(ValueError):
    """A folder of a run cannot be used as it is asked for; says which, and why."""


class BusyError(RunError):
    """Another run is at work in the folder."""


class IncompleteError(RunError):
    """Pages of a run have not been read yet."""


class RunFolder:
    """A folder with the parts of one run.

    Parameters
    ----------
    path : Path
        The folder; it need not be there.

    Attributes
    ----------
    path : Path
        The folder.

    plan : Plan or None
        What the run is to do; None where there is no run yet.

    Raises
    ------
    RunError
        If something else lies there, or the plan is damaged or of a newer release.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._parts = path / "parts"
        self._id = ""
        self.plan = self._read_plan()

    @contextmanager
    def locked(self, shard: Shard | None = None) -> Iterator[None]:
        """Keep other runs out, but for those of other shards.

        Parameters
        ----------
        shard : Shard, default=None
            The share of the run that is worked at; None for all of it.

        Raises
        ------
        BusyError
            If another run is at work here.

        OutputError
            If nothing can be written into the folder.
        """
        make_folder(self._parts)
        whole = self.path / ".lock"
        names = [whole]
        if shard:
            names.append(self.path / f".shard-{shard.number}-of-{shard.n_shards}.lock")
        with ExitStack() as locks:
            try:
                for name in names:
                    is_shared = shard is not None and name is whole
                    locks.enter_context(lock_file(name, shared=is_shared))
            except BlockingIOError:
                raise BusyError(
                    f"{self.path}: another run is at work in this folder. Wait for its"
                    " end: lenet status says how far it is"
                ) from None
            yield

    @contextmanager
    def planning(self) -> Iterator[None]:
        """Keep others from planning, who wait, and take over what they have planned."""
        with lock_file(self.path / ".plan.lock", wait=True):
            self.plan = self._read_plan()
            yield

    def is_at_work(self) -> bool:
        """Return whether a run is at work in the folder."""
        try:
            with lock_file(self.path / ".lock"):
                return False
        except BlockingIOError:
            return True
        except OSError:  # a folder that cannot be written to
            return False

    def begin(self, plan: Plan, *, anew: bool = False) -> None:
        """Make a plan that of the folder, or go on with the one that is there.

        Parameters
        ----------
        plan : Plan
            What is to be done.

        anew : bool, default=False
            Take away a run of other settings or scans that is there.

        Raises
        ------
        RunError
            If another run is there.

        OSError
            If the folder cannot be written.
        """
        old = self.plan
        changes = describe_changes(old, plan) if old else ""
        if changes and not anew:
            raise RunError(
                f"{self.path} has another run: {changes}. Name another table, or begin"
                " anew with --force"
            )
        if old is None or changes:
            self.clear()
            self._id = plan.fingerprint
        elif old.documents != plan.documents:
            self._take_over(old, plan)
        if old is None or old != plan:
            self._write_plan(plan)
        self.plan = plan

    def keep_unread(self, plan: Plan) -> Plan:
        """Leave files that could not be opened when the run was planned as they were.

        Parameters
        ----------
        plan : Plan
            What a shard finds now; others have cut the pages into parts already.

        Returns
        -------
        plan : Plan
        """
        before = {d.path: d for d in self._plan() if not d.sha256}
        documents = tuple(before.get(document.path, document) for document in plan)
        return Plan(plan.settings, documents)

    def clear(self) -> None:
        """Take away the plan and all parts."""
        for name in ("run.json", "tables.json"):
            (self.path / name).unlink(missing_ok=True)
        for file in self._part_files():
            file.unlink()

    @property
    def settings(self) -> dict[str, Any]:
        """Those of the plan."""
        return self._plan().settings

    def count_pages(self, shard: Shard | None = None) -> tuple[int, int]:
        """Count the pages of the run, and those that were read well.

        Parameters
        ----------
        shard : Shard, default=None
            Count the pages of this share only.

        Returns
        -------
        n_pages, n_done : int
        """
        plan = self._plan()
        parts = shard.of(plan.parts) if shard else plan.parts
        n_done = sum(there - failed for there, failed in map(self.count, parts))
        return sum(len(plan.pages_of(part)) for part in parts), n_done

    def count_failed(self) -> int:
        """Count the pages that failed.

        Returns
        -------
        n_failed : int
        """
        return sum(failed for _, failed in map(self.count, self._plan().parts))

    def part_files(self) -> list[Path]:
        """List the files of parts that are there, in the order of their pages."""
        return sorted(self._part_files())

    def is_done(self, part: Part) -> bool:
        """Return whether all pages of a part were read, and none failed.

        Parameters
        ----------
        part : Part

        Returns
        -------
        is_done : bool
        """
        head = self._head_of(part)
        return head["pages"] == len(self._plan().pages_of(part)) and not head["failed"]

    def count(self, part: Part) -> tuple[int, int]:
        """Count the pages of a part that are there, and those of them that failed.

        Parameters
        ----------
        part : Part

        Returns
        -------
        n_pages, n_failed : int
        """
        head = self._head_of(part)
        return head["pages"], head["failed"]

    def read_part(self, part: Part) -> dict[Place, PageResult]:
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
        path = self._parts / part.name
        self._head_of(part)
        try:
            with path.open(encoding="utf-8") as file:
                next(file)
                records = [json.loads(line) for line in file]
            return {Place(*r.pop("place")): from_record(r) for r in records}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(_damaged(path)) from error

    def write_part(self, part: Part, results: Mapping[Place, PageResult]) -> None:
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
        head = {"run": self._id, "pages": len(results), "failed": failed}
        records = ({"place": p, **to_record(results[p])} for p in sorted(results))
        content = "".join(f"{_dump(each)}\n" for each in chain([head], records))
        write_whole(self._parts / part.name, content.encode("ascii"))

    def results(self) -> Iterator[PageResult]:
        """Yield the results of all pages, in the order of the table.

        Yields
        ------
        result : PageResult

        Raises
        ------
        IncompleteError
            If a page was not read yet.

        RunError
            If a part is damaged or foreign.
        """
        plan = self._plan()
        for part in plan.parts:
            results = self.read_part(part)
            for place in plan.pages_of(part):
                if place not in results:
                    document = plan.documents[place.document].path
                    raise IncompleteError(
                        f"{self.path}: {document} page {place.page + 1} was not read"
                        " yet. Give the same command again to go on"
                    )
                sha256 = plan.documents[place.document].sha256
                yield replace(results[place], sha256=sha256)

    def note_table(self, path: Path, sha256: str) -> None:
        """Note that a table is about to be written, and with what content.

        Parameters
        ----------
        path : Path

        sha256 : str
            Hash of its content.

        Raises
        ------
        OSError
            If that cannot be written.

        Notes
        -----
        What was noted for it last stays: a run that is killed before the table takes
        its place leaves the one before.
        """
        known, name = self._tables(), str(path.resolve())
        known[name] = [sha256, *known.get(name, [])][:2]
        text = json.dumps(known, indent=2) + "\n"
        write_whole(self.path / "tables.json", text.encode("ascii"))

    def wrote(self, path: Path) -> bool:
        """Return whether a table is as this run wrote it, or a picture is one of it.

        Parameters
        ----------
        path : Path

        Returns
        -------
        answer : bool
            False for a table that was changed since, by hand or otherwise.
        """
        pictures = self.plan and self.plan.settings.get("overlay")
        if pictures and path.is_relative_to(pictures):
            return True
        known = self._tables().get(str(path.resolve()), [])
        return bool(known) and path.is_file() and _hash(path) in known

    def check_whole(self) -> None:
        """Refuse a folder that lacks a part, or has one that is not its own.

        Raises
        ------
        IncompleteError
            If pages were not read yet.

        RunError
            If a part is damaged, or of another run.
        """
        plan = self._plan()
        own = {part.name for part in plan.parts}
        foreign = [f for f in self.part_files() if f.name not in own]
        if foreign:
            raise RunError(f"{foreign[0]} is no part of this run. Move it away")
        missing = Counter[str]()
        for part in plan.parts:
            n_missing = len(plan.pages_of(part)) - self.count(part)[0]
            if n_missing:
                missing[part.name] = n_missing
        if missing:
            raise IncompleteError(
                f"{self.path}: {missing.total()} of {plan.n_pages} pages were not read"
                f" yet, in {len(missing)} parts, the first of which is"
                f" {next(iter(missing))}"
            )

    def _plan(self) -> Plan:
        if self.plan is None:
            raise RunError(f"{self.path}: there is no run in this folder")
        return self.plan

    def _head_of(self, part: Part) -> dict[str, Any]:
        """Return the first line of a part, which counts its pages."""
        path = self._parts / part.name
        try:
            with path.open(encoding="utf-8") as file:
                head: dict[str, Any] = json.loads(next(file))
            run, pages, failed = head["run"], head["pages"], head["failed"]
        except FileNotFoundError:
            return {"pages": 0, "failed": 0}
        except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
            raise RunError(_damaged(path)) from error
        if run != self._id:
            raise RunError(f"{path} is a part of another run. Move it away")
        return {"pages": int(pages), "failed": int(failed)}

    def _take_over(self, old: Plan, plan: Plan) -> None:
        """Cut the pages of a block anew, of which a file can be opened only now."""
        pairs = zip(old.documents, plan.documents, strict=True)
        blocks = {
            plan.block_of(n)
            for n, (before, now) in enumerate(pairs)
            if before.n_pages != now.n_pages
        }
        for block in blocks:
            kept: dict[Place, PageResult] = {}
            for part in (part for part in old.parts if part.block == block):
                kept |= self.read_part(part)
                (self._parts / part.name).unlink(missing_ok=True)
            for part in (part for part in plan.parts if part.block == block):
                known = {p: kept[p] for p in plan.pages_of(part) if p in kept}
                if known:
                    self.write_part(part, known)

    def _read_plan(self) -> Plan | None:
        path = self.path / "run.json"
        try:
            head = json.loads(path.read_text("utf-8"))
            if head["version"] != _VERSION:
                raise RunError(f"{path} is of another release, which has to go on")
            with (self.path / "documents.jsonl").open(encoding="utf-8") as file:
                documents = tuple(Document(**json.loads(line)) for line in file)
            self._id = str(head["id"])
            return Plan(dict(head["settings"]), documents)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except RunError:
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(_damaged(path)) from error

    def _write_plan(self, plan: Plan) -> None:
        with open_whole(self.path / "documents.jsonl") as file:
            for document in plan:
                file.write(f"{_dump(asdict(document))}\n".encode("ascii"))
        head = {"version": _VERSION, "id": self._id, "settings": plan.settings}
        text = json.dumps(head, indent=2) + "\n"
        write_whole(self.path / "run.json", text.encode("ascii"))

    def _tables(self) -> dict[str, list[str]]:
        try:
            return dict(json.loads((self.path / "tables.json").read_text("utf-8")))
        except (OSError, ValueError):
            return {}

    def _part_files(self) -> Iterable[Path]:
        return self._parts.glob("[!.]*")


def adopt_parts(folder: RunFolder, others: Iterable[RunFolder]) -> None:
    """Copy the parts of runs on other machines, which shared no disk, into one folder.

    Parameters
    ----------
    folder : RunFolder
        With a plan.

    others : iterable of RunFolder
        With the same plan.

    Raises
    ------
    RunError
        If one has another plan, or a part that is there already.

    OSError
        If a part cannot be copied.
    """
    for other in others:
        if other.plan is None or folder.plan is None:
            raise RunError(f"{other.path}: there is no run in this folder")
        if changes := describe_changes(folder.plan, other.plan):
            raise RunError(f"{other.path} has another run: {changes}")
        for file in other.part_files():
            target = folder.path / "parts" / file.name
            if target.exists() and target.read_bytes() != file.read_bytes():
                raise RunError(f"{file} was read twice: it is in {folder.path}, too")
            write_whole(target, file.read_bytes())


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(path: Path) -> str:
    return f"{path} is damaged. Take it away, and give the same command again"


def _dump(content: Mapping[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":"))
