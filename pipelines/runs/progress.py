"""How far a run is: a bar for people, a log for programs."""

import json
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from pipelines.scoring.batch import Bar
from pipelines.scoring.table import PageResult, Unit


class Progress:
    """Shows on a terminal how far a run is, and notes in a file what becomes of pages.

    Parameters
    ----------
    log : Path, default=None
        A file to which an object of JSON is added for each event, a line each. None
        for none.

    unit : {"page", "field"}, default="page"
        What is counted.
    """

    def __init__(self, log: Path | None = None, *, unit: Unit = "page") -> None:
        self._log = log
        self._unit = unit
        self._file: TextIO | None = None
        self._bar: Bar | None = None
        self._counts: Counter[str] = Counter()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if self._log:
            file = self._log.open("a", encoding="ascii", buffering=1)
            self._file = self._stack.enter_context(file)
        return self

    def begin(self, n_pages: int, n_done: int) -> None:
        """Say how much there is to do.

        Parameters
        ----------
        n_pages, n_done : int
            Pages of the run, and those of them that were read before.
        """
        self._note("begin", pages=n_pages, done=n_done)
        # None: no bar where stderr is no terminal.
        bar = Bar(total=n_pages, initial=n_done, unit=self._unit, disable=None)
        self._bar = self._stack.enter_context(bar)

    def watch(self, result: PageResult) -> None:
        """Count a page, and note what became of it.

        Parameters
        ----------
        result : PageResult
            What it gave.
        """
        reading = result.reading
        self._note(
            "page",
            document=result.document,
            page=result.page,
            status=reading.status,
            seconds=round(result.seconds, 3),
            error=reading.error,
        )
        self._counts["failed"] += reading.status == "failed"
        for field in reading.fields.values():
            self._counts["accepted" if field.is_settled else "to review"] += 1
        if self._bar is not None:
            counts = ", ".join(f"{n} {name}" for name, n in self._counts.items() if n)
            self._bar.set_postfix_str(counts, refresh=False)
            self._bar.update()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            with self._stack:
                self._note("end", error=_name(error), **self._counts)
        except OSError:
            if error is None:  # otherwise that is what is told
                raise

    def _note(self, event: str, **content: Any) -> None:
        if self._file is None:
            return
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": time, "event": event, **content})
        self._file.write(f"{line}\n")


def _name(error: BaseException | None) -> str:
    if error is None:
        return ""
    return str(error) if isinstance(error, Exception) else "interrupted"
