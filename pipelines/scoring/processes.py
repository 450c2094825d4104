"""Work in processes of its own, each piece of it within limits of time and memory."""

import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

import cv2
import joblib
from joblib.externals.loky.backend.context import get_context

if sys.platform != "win32":
    import resource

Request = TypeVar("Request")

# A process that is no copy of this one imports everything first, in two seconds or
# three; on a machine that is busy, in many more.
_SECONDS_TO_START: Final = 60.0

# Of Linux's prctl: the signal that comes when the thread that started this process
# ends, which is the process itself if that thread is its main one.
_SET_PARENT_DEATH_SIGNAL: Final = 1

_GIGABYTE: Final = 10**9

# Files that a page may have to open at once.
_SPARE_FILES: Final = 16


@dataclass(frozen=True)
class PageLimits:
    """What one page may cost, so that no file can stop a batch.

    Attributes
    ----------
    seconds : float, default=60.0
        Time from when a page is asked for until it is read, and for counting the pages
        of a file. A process that has to import what it needs has a minute for that.

    gigabytes : float, default=2.0
        Memory (10**9 bytes of address space) beyond what the program itself has when
        it begins to read. On Linux only: elsewhere the system keeps no such limit.
    """

    seconds: float = 60.0
    gigabytes: float = 2.0


@dataclass(frozen=True)
class Lost:
    """Stands for the answer that a process did not live to give.

    Attributes
    ----------
    reason : str
        What ended it, in one line.
    """

    reason: str


class Processes(Generic[Request]):
    """Processes that work side by side, and may be lost without losing the work.

    A process that runs into a limit, or that dies of what it does, costs the request
    it was at: that is answered by a :class:`Lost`, and another process takes its
    place.

    Parameters
    ----------
    work : callable
        Turns a request into an answer; each process has a copy of its own.

    jobs : int
        Number of processes; -1 for one a core.

    limits : PageLimits
        Of each request.

    Notes
    -----
    Where that is safe, on Linux and while this process has no second thread, they are
    forks of it: they start at once, and share its memory. Elsewhere they are programs
    of their own, which import what they need first.
    """

    def __init__(
        self, work: Callable[[Request], Any], *, jobs: int, limits: PageLimits
    ) -> None:
        n_processes = joblib.effective_n_jobs(jobs)
        self._lanes = [_Lane(work, limits) for _ in range(n_processes)]

    def __enter__(self) -> "Processes[Request]":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for lane in self._lanes:
            lane.end()

    def ask(self, request: Request) -> Any:
        """Answer one request while no other is being handed out.

        Parameters
        ----------
        request : object
            As :meth:`map` takes many of.

        Returns
        -------
        answer : object
            What the work makes of it, or a `Lost`.
        """
        lane = self._free_lane()
        while lane is None:
            self._wait()
            lane = self._free_lane()
        slot = lane.take(request)
        while not slot:
            self._wait()
        return slot[0]

    def map(self, requests: Iterable[Request]) -> Iterator[Any]:
        """Answer requests side by side, in their order.

        Parameters
        ----------
        requests : iterable
            Asked for one by one when a process is free, at most two a process ahead of
            what is yielded. It may :meth:`ask` meanwhile.

        Yields
        ------
        answer : object
            What the work makes of a request, or a `Lost`.
        """
        due: deque[list[Any]] = deque()
        coming = iter(requests)
        more = True
        while more or due:
            while more and len(due) < 2 * len(self._lanes) and self._free_lane():
                try:
                    request = next(coming)
                except StopIteration:
                    more = False
                    break
                # The iterable may have asked something in the meantime.
                while (lane := self._free_lane()) is None:
                    self._wait()
                due.append(lane.take(request))
            while due and due[0]:
                yield due.popleft()[0]
            if due and not due[0]:
                self._wait()

    def _free_lane(self) -> "_Lane | None":
        return next((lane for lane in self._lanes if not lane.is_busy), None)

    def _wait(self) -> None:
        """Wait until a process has answered, has ended, or is late."""
        busy = {lane.pipe: lane for lane in self._lanes if lane.is_busy}
        if not busy:
            return
        left = min(lane.deadline for lane in busy.values()) - time.monotonic()
        for pipe in connection.wait(list(busy), timeout=max(left, 0.0)):
            busy.pop(pipe).receive()
        for lane in busy.values():
            if time.monotonic() >= lane.deadline:
                lane.give_up()


class _Lane:
    """One process at a time, and what it is asked."""

    def __init__(self, work: Callable[[Any], Any], limits: PageLimits) -> None:
        self._work = work
        self._limits = limits
        self._process: Any = None
        self._slot: list[Any] | None = None
        self.pipe: Any = None
        self.deadline = 0.0

    @property
    def is_busy(self) -> bool:
        return self._slot is not None

    def take(self, request: Any) -> list[Any]:
        """Ask the process; the list that is returned will hold its answer."""
        self.deadline = time.monotonic() + self._limits.seconds
        if self._process is not None and not self._process.is_alive():
            self._reap()  # it was killed while it waited
        if self._process is None:
            self._start()
        slot: list[Any] = []
        self._slot = slot
        # A process that ends at this very moment is found out in `receive`.
        with suppress(OSError):
            self.pipe.send(request)
        return slot

    def receive(self) -> None:
        """Take the answer, or find that there will be none."""
        try:
            answer, goes_on = self.pipe.recv()
        except Exception:  # the pipe is at its end, or holds half an answer
            answer, goes_on = Lost(_how_it_ended(self._reap(), self._limits)), True
        if not goes_on:
            self.end()
        self._settle(answer)

    def give_up(self) -> None:
        """End a process that is late."""
        self.end()
        seconds = f"{self._limits.seconds:g}"
        self._settle(Lost(f"took longer than the {seconds} seconds a page may take"))

    def end(self) -> None:
        """End the process, whatever it is at."""
        if self._process is None:
            return
        # The number of one that has ended is free for others once another is started,
        # which clears away the children that have ended.
        if self._process.is_alive():
            if sys.platform == "win32":
                self._process.terminate()
            else:
                os.kill(self._process.pid, signal.SIGKILL)
        self._reap()

    def _settle(self, answer: Any) -> None:
        if self._slot is not None:
            self._slot.append(answer)
        self._slot = None

    def _start(self) -> None:
        context: Any
        work: Any = self._work
        if _may_fork():
            context = multiprocessing.get_context("fork")
        else:
            context, work = get_context("loky"), _portable(work)
            self.deadline += _SECONDS_TO_START
        is_main = threading.current_thread() is threading.main_thread()
        parent = os.getpid() if is_main else None
        self.pipe, theirs = context.Pipe()
        process = context.Process(
            target=_serve, args=(theirs, work, self._limits, parent), daemon=True
        )
        process.start()
        self._process = process
        theirs.close()  # so that its end is seen here

    def _reap(self) -> int | None:
        """Wait for the end of the process, and return its exit code."""
        self._process.join()
        code: int | None = self._process.exitcode
        self.pipe.close()
        self._process = None
        return code


def _may_fork() -> bool:
    """Return whether a copy of this process would be whole.

    A copy has one thread only; what other threads had locked stays locked in it.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return False
    return len(os.listdir("/proc/self/task")) == 1


def _portable(work: Callable[[Any], Any]) -> bytes:
    """Pickle the work, with what a notebook or a script defines in it."""
    return pickle.dumps(joblib.wrap_non_picklable_objects(work))


def _serve(pipe: Any, work: Any, limits: PageLimits, parent: int | None) -> None:
    """Answer requests until there are none: the life of a process."""
    # Ctrl-C reaches the process that started this one too, and it ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with(parent)
    cv2.setNumThreads(1)
    if isinstance(work, bytes):
        work = pickle.loads(work)
    _limit_memory(limits.gigabytes)
    # Whoever asks no more has ended, or has no need of this process.
    with suppress(EOFError, OSError):
        while True:
            try:
                answer = work(pipe.recv())
            except MemoryError:
                # What is left of the memory may be in pieces: another process goes on.
                pipe.send((Lost(_too_much_memory(limits)), False))
                return
            except Exception as error:
                answer = Lost(f"{type(error).__name__}: {error}")
            goes_on = _has_room_for_files()
            try:
                message = pickle.dumps((answer, goes_on))
            except Exception as error:
                reason = f"its reading cannot be sent: {type(error).__name__}: {error}"
                message = pickle.dumps((Lost(reason), goes_on))
            pipe.send_bytes(message)
            if not goes_on:
                return


def _end_with(parent: int | None) -> None:
    """End this process when the one that started it is killed, and hold no output."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    # What decoders print is of no use to who reads the table, and would have to wait
    # where stderr is a pipe that nobody reads.
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    if sys.platform == "linux" and parent is not None:
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:  # it was killed before that was said
            os._exit(1)


def _limit_memory(gigabytes: float) -> None:
    """Let this process have so much memory more than it has now."""
    if sys.platform != "linux":
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + round(gigabytes * _GIGABYTE)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _has_room_for_files() -> bool:
    """Return whether this process can open some more files.

    What was left open by one page is no reason for the next to fail.
    """
    if sys.platform == "win32":
        return True
    try:
        spare = [os.dup(0) for _ in range(_SPARE_FILES)]
    except OSError:
        return False
    for file in spare:
        os.close(file)
    return True


def _too_much_memory(limits: PageLimits) -> str:
    return f"needs more than the {limits.gigabytes:g} gigabytes a page may take"


def _how_it_ended(code: int | None, limits: PageLimits) -> str:
    """Describe the end of a process that gave no answer."""
    if code is None or code >= 0:
        return f"the process that read it ended with exit status {code}"
    known = -code in {number.value for number in signal.Signals}
    name = signal.Signals(-code).name if known else f"signal {-code}"
    if -code == signal.SIGKILL:
        return f"the process that read it was killed ({name})"
    # Libraries that get no memory end the process.
    return (
        f"the process that read it ended with {name}: the page is damaged, or"
        f" {_too_much_memory(limits)}"
    )
