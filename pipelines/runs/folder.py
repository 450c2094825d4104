"""The folder of a run: its plan, its parts, the tables it wrote, and a lock."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from lenet_sklearn.outputs import lock_file, make_folder, open_whole, write_whole
from pipelines.runs.errors import BusyError, IncompleteError, RunError
from pipelines.runs.parts import Parts, dump_line, read_head
from pipelines.runs.plan import Plan, Shard, describe_changes
from pipelines.runs.taking_over import failed_alone, take_over
from pipelines.scans.identity import Document
from pipelines.scoring.table import PageResult

# Of the files of a run. A folder of another version is not read.
_VERSION: Final = 1

# What is noted of a folder with pictures, in place of the content of a table.
_PICTURES: Final = "pictures"


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

    parts : Parts
        What was read.

    Raises
    ------
    RunError
        If the plan that lies there is damaged, or of another release.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts = Parts(path / "parts", "")
        self._known = self._read_plan()

    @property
    def has_plan(self) -> bool:
        """Whether there is a run in the folder."""
        return self._known is not None

    @property
    def plan(self) -> Plan:
        """What the run is to do.

        Raises
        ------
        RunError
            If there is no run in the folder.
        """
        if self._known is None:
            raise RunError(
                f"{self.path}: there is no run in this folder. That of results.csv is"
                " results.run"
            )
        return self._known

    @property
    def settings(self) -> dict[str, Any]:
        """Those of the plan."""
        return self.plan.settings

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
        make_folder(self.parts.folder)
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
    def planning(
        self, tell: Callable[[str], None] | None = None
    ) -> Iterator[Plan | None]:
        """Keep others from planning, who wait, and take over what they have planned.

        Parameters
        ----------
        tell : callable, default=None
            Is told that somebody else is planning, if that is waited for.

        Yields
        ------
        plan : Plan or None
            That of the folder; None where there is none.
        """
        path = self.path / ".plan.lock"
        try:
            with lock_file(path, patience=0.5):
                pass
        except BlockingIOError:
            if tell:
                tell(f"waiting for another shard, which looks at the files: {path}")
        with lock_file(path, patience=float("inf")):
            self._known = self._read_plan()
            yield self._known

    def is_at_work(self) -> bool:
        """Return whether a run is at work in the folder."""
        try:
            with lock_file(self.path / ".lock", patience=0.0):
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
            Replace a run that is there. Of the same settings, what was read of files
            that are as they were is taken over.

        Raises
        ------
        RunError
            If another run is there.

        OSError
            If the folder cannot be written.
        """
        if self._known is None:
            self._begin_without_plan(plan, anew=anew)
        elif self._known != plan:
            self._go_on(self._known, plan, anew=anew)
        self._known = plan

    def join(self, plan: Plan) -> None:
        """Go on with the plan of the folder in one of several shards.

        Parameters
        ----------
        plan : Plan
            What the shard finds. Others have cut the pages into parts already: a file
            that could not be opened then stays as it was.

        Raises
        ------
        RunError
            If the folder has another run.
        """
        unread = {d.path: d for d in self.plan if not d.sha256}
        documents = tuple(unread.get(document.path, document) for document in plan)
        self._refuse(describe_changes(self.plan, replace(plan, documents=documents)))

    def count_pages(self, shard: Shard | None = None) -> tuple[int, int, int]:
        """Count the pages of the run.

        Parameters
        ----------
        shard : Shard, default=None
            Count the pages of this share only.

        Returns
        -------
        n_pages, n_read, n_failed : int
            In all; read before; and those of them that failed.
        """
        parts = shard.of(self.plan.parts) if shard else self.plan.parts
        heads = [self.parts.head(part) for part in parts]
        return (
            sum(len(self.plan.pages_of(part)) for part in parts),
            sum(head.pages for head in heads),
            sum(head.failed for head in heads),
        )

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
        for part in self.plan.parts:
            results = self.parts.read(part)
            for place in self.plan.pages_of(part):
                document = self.plan.documents[place.document]
                if place not in results:
                    raise IncompleteError(
                        f"{self.path}: {document.path} page {place.page + 1} was not"
                        " read yet. Give the same command again to go on"
                    )
                yield replace(results[place], sha256=document.sha256)

    def check_whole(self) -> None:
        """Refuse a folder that lacks a part, or has one that is not its own.

        Raises
        ------
        IncompleteError
            If pages were not read yet.

        RunError
            If a part is damaged, or of another run.
        """
        own = {part.name for part in self.plan.parts}
        foreign = [f for f in self.parts.files() if f.name not in own]
        if foreign:
            raise RunError(f"{foreign[0]} is no part of this run. Move it away")
        missing = Counter[str]()
        for part in self.plan.parts:
            n_missing = len(self.plan.pages_of(part)) - self.parts.head(part).pages
            if n_missing:
                missing[part.name] = n_missing
        if missing:
            raise IncompleteError(
                f"{self.path}: {missing.total()} of {self.plan.n_pages} pages were not"
                f" read yet, in {len(missing)} parts, the first of which is"
                f" {next(iter(missing))}"
            )

    def note_table(self, path: Path, sha256: str, decided_by: str) -> None:
        """Note that a table is about to be written, and what it will hold.

        Parameters
        ----------
        path : Path
            The table.

        sha256 : str
            Hash of its content.

        decided_by : str
            As of :meth:`wrote`.

        Raises
        ------
        OSError
            If that cannot be written.

        Notes
        -----
        What was noted for it last stays: a run that is killed before the table takes
        its place leaves the one before.
        """
        self._note(path, _describe_table(sha256, decided_by))

    def note_pictures(self, path: Path) -> None:
        """Note that pictures of the pages are written into a folder.

        Parameters
        ----------
        path : Path
            The folder.

        Raises
        ------
        OSError
            If that cannot be written.
        """
        self._note(path, _PICTURES)

    def _note(self, path: Path, content: str) -> None:
        known, name = self._tables(), str(path.resolve())
        known[name] = [content, *known.get(name, [])][:2]
        text = json.dumps(known, indent=2) + "\n"
        write_whole(self.path / "tables.json", text.encode("ascii"))

    def wrote(self, path: Path, decided_by: str) -> bool:
        """Return whether a file is as this run wrote it.

        Parameters
        ----------
        path : Path
            A table, or a picture of a page.

        decided_by : str
            What a table is decided by now: one of something else is another table.

        Returns
        -------
        answer : bool
            False for a table that was changed since, by hand or otherwise.
        """
        known, place = self._tables(), path.resolve()
        if _PICTURES in known.get(str(place.parent), []):
            return True
        noted = known.get(str(place), [])
        if not noted or not path.is_file():
            return False
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return _describe_table(sha256, decided_by) in noted

    def _begin_without_plan(self, plan: Plan, *, anew: bool) -> None:
        """Begin a run; parts of the same one, whose plan was lost, are its own."""
        run = plan.fingerprint
        for file in self.parts.files():
            if anew:
                file.unlink()
            elif read_head(file).run != run:
                raise RunError(
                    f"{self.path} has no plan, and parts of another run. Name another"
                    " table, or begin anew with --force"
                )
        self.parts = Parts(self.parts.folder, run)
        self._write_plan(plan)

    def _go_on(self, old: Plan, plan: Plan, *, anew: bool) -> None:
        """Go on with a run, some of whose files may be others now."""
        changes = describe_changes(failed_alone(old, plan, self.parts), plan)
        if not anew:
            self._refuse(changes)
        kept = self.parts
        if changes:
            self.parts = Parts(self.parts.folder, plan.fingerprint)
        if old.decisive == plan.decisive:
            take_over(old, kept, plan, self.parts)
        else:
            for file in kept.files():
                file.unlink()
        self._write_plan(plan)

    def _refuse(self, changes: str) -> None:
        if changes:
            raise RunError(
                f"{self.path} has another run: {changes}. Name another table, or begin"
                " anew with --force"
            )

    def _read_plan(self) -> Plan | None:
        path = self.path / "run.json"
        try:
            head = json.loads(path.read_text("utf-8"))
            if head["version"] != _VERSION:
                raise RunError(f"{path} is of another release, which has to go on")
            with (self.path / "documents.jsonl").open(encoding="utf-8") as file:
                documents = tuple(Document(**json.loads(line)) for line in file)
            self.parts = Parts(self.parts.folder, str(head["id"]))
            return Plan(dict(head["settings"]), documents)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except RunError:
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"{path} is damaged. Take it away: the command that began the run makes"
                " it anew, and keeps what was read"
            ) from error

    def _write_plan(self, plan: Plan) -> None:
        with open_whole(self.path / "documents.jsonl") as file:
            for document in plan:
                file.write(f"{dump_line(asdict(document))}\n".encode("ascii"))
        head = {"version": _VERSION, "id": self.parts.run, "settings": plan.settings}
        text = json.dumps(head, indent=2) + "\n"
        write_whole(self.path / "run.json", text.encode("ascii"))

    def _tables(self) -> dict[str, list[str]]:
        try:
            return dict(json.loads((self.path / "tables.json").read_text("utf-8")))
        except (OSError, ValueError):
            return {}


def _describe_table(sha256: str, decided_by: str) -> str:
    return f"{sha256} {decided_by}"
