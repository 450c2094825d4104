"""Work on the machines of a Dask cluster, as in processes of this one."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

from pipelines.scoring.processes import Lost, PageLimits, Processes

Request = TypeVar("Request")

# Requests of one task: as many as a part has pages.
_AT_ONCE: Final = 20

# Tasks that wait for a thread of the cluster while another is at work there.
_AHEAD: Final = 2

_own = threading.local()


class ClusterError(ValueError):
    """The workers of a cluster cannot be used, or are lost; says why."""


class Cluster(Generic[Request]):
    """Workers of ``dask.distributed`` that answer requests.

    A drop-in for :class:`pipelines.scoring.processes.Processes`. Each thread of a
    worker has a process of its own, so that what a page does costs that page only.
    What becomes of workers that are lost, and of those that join, is Dask's matter.

    Parameters
    ----------
    work : callable
        Turns a request into an answer; each thread of a worker has a copy.

    address : str
        Of the scheduler, such as ``tcp://10.0.0.1:8786``.

    limits : PageLimits
        Of each request.

    Raises
    ------
    ImportError
        If dask.distributed is not installed.

    ClusterError
        If no scheduler answers there.
    """

    def __init__(
        self, work: Callable[[Request], Any], address: str, *, limits: PageLimits
    ) -> None:
        try:
            distributed = import_module("distributed")
        except ImportError:
            raise ImportError(
                "--dask needs dask.distributed, which is not installed. Install it with"
                ' pip install "lenet-sklearn[dask]"'
            ) from None
        try:
            self._client = distributed.Client(address)
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"no Dask scheduler answers at {address}: {error}"
            ) from error
        # Sent once to each worker, not with every task; made anew where it is lost.
        here = _Here(work, os.getcwd())
        self._work = self._client.submit(_same, here, pure=False)
        self._lost = distributed.KilledWorker
        self._cancelled = distributed.CancelledError
        self._limits = limits

    def __enter__(self) -> "Cluster[Request]":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def map(self, requests: Iterable[Request]) -> Iterator[Any]:
        """Answer requests on the cluster, in their order.

        Parameters
        ----------
        requests : iterable
            Asked for one by one, some tasks a thread ahead of what is yielded.

        Yields
        ------
        answer : object
            What the work makes of a request, or a `Lost`.

        Raises
        ------
        ClusterError
            If the workers may not start processes, or the scheduler is lost.
        """
        coming = iter(requests)
        due: deque[tuple[int, Any]] = deque()
        while True:
            while len(due) < _AHEAD * max(1, self._n_threads()):
                chunk = list(islice(coming, _AT_ONCE))
                if not chunk:
                    break
                due.append((len(chunk), self._submit(chunk)))
            if not due:
                return
            yield from self._result_of(*due.popleft())

    def _n_threads(self) -> int:
        return sum(self._client.nthreads().values())

    def _submit(self, chunk: Sequence[Request]) -> Any:
        return self._client.submit(
            answer_all, self._work, self._limits, chunk, pure=False
        )

    def _result_of(self, n_requests: int, task: Any) -> Sequence[Any]:
        try:
            answers: Sequence[Any] = task.result()
        except self._lost:
            lost = Lost("the workers of the cluster that read it were lost")
            return [lost] * n_requests
        except (OSError, self._cancelled) as error:
            raise ClusterError("the Dask scheduler was lost") from error
        return answers


def answer_all(
    work: Callable[[Request], Any], limits: PageLimits, requests: Sequence[Request]
) -> list[Any]:
    """Answer requests in a process of this thread: a task of the cluster.

    Parameters
    ----------
    work : callable
        Turns a request into an answer.

    limits : PageLimits
        Of each request.

    requests : sequence
        What is to be answered.

    Returns
    -------
    answers : list
        In the order of the requests; a `Lost` where the process did not live to give
        one.

    Raises
    ------
    ClusterError
        If this process may not start others.
    """
    if multiprocessing.current_process().daemon:
        raise ClusterError(
            "the workers of the cluster may not start processes, which read the pages."
            " Start them with DASK_DISTRIBUTED__WORKER__DAEMON=False in their"
            " environment, or with --no-nanny"
        )
    if getattr(_own, "work", None) is not work:
        end_process()
        _own.work, _own.process = work, Processes(work, jobs=1, limits=limits)
    return list(_own.process.map(requests))


@dataclass(frozen=True)
class _Here(Generic[Request]):
    """Work in the folder of the command, which the names of its files begin at."""

    work: Callable[[Request], Any]
    folder: str

    def __call__(self, request: Request) -> Any:
        os.chdir(self.folder)
        return self.work(request)


def _same(work: Callable[[Request], Any]) -> Callable[[Request], Any]:
    return work


def end_process() -> None:
    """End the process of this thread, if it has one."""
    if hasattr(_own, "process"):
        _own.process.__exit__(None, None, None)
        del _own.process, _own.work
