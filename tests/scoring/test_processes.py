"""Work in processes: what one request does costs no other its answer."""

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from joblib.externals.loky.backend.process import LokyProcess

from pipelines.scoring.batch import score_documents
from pipelines.scoring.processes import Lost, PageLimits, Processes

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")


def work(request):
    """Do what is asked: wait, die, take memory, or count."""
    what, number = request
    if what == "sleep":
        time.sleep(number)
    elif what == "die":
        os.kill(os.getpid(), number)
    elif what == "fill":
        return float(np.ones(int(number * 1e9 / 8)).sum())
    elif what == "raise":
        raise KeyError(number)
    return number


def test_answers_come_in_the_order_of_the_requests():
    requests = [("sleep", 0.5), *[("count", n) for n in range(6)]]
    with Processes(work, jobs=2, limits=PageLimits()) as processes:
        assert list(processes.map(requests)) == [0.5, *range(6)]


def test_programs_of_their_own_answer_as_copies_do(monkeypatch):
    monkeypatch.setattr("pipelines.scoring.processes._may_fork", lambda: False)
    with Processes(work, jobs=1, limits=PageLimits()) as processes:
        assert list(processes.map([("count", 1), ("count", 2)])) == [1, 2]


def test_requests_may_ask_something_while_they_are_listed():
    def requests():
        for n in range(3):
            yield "count", processes.ask(("count", n)) + 10

    with Processes(work, jobs=2, limits=PageLimits()) as processes:
        assert list(processes.map(requests())) == [10, 11, 12]


def test_what_takes_too_long_is_given_up_and_the_rest_is_done():
    limits = PageLimits(seconds=2.0)
    with Processes(work, jobs=1, limits=limits) as processes:
        processes.ask(("count", 0))  # importing takes its time
        lost, then = processes.map([("sleep", 3600), ("count", 7)])
    assert lost == Lost("took longer than the 2 seconds a page may take")
    assert then == 7


@on_linux
def test_what_takes_too_much_memory_is_given_up_and_the_rest_is_done():
    requests = [("fill", 0.1), ("fill", 2.0), ("count", 7)]
    with Processes(work, jobs=1, limits=PageLimits(gigabytes=1.0)) as processes:
        fits, lost, then = processes.map(requests)
    assert fits == pytest.approx(0.1e9 / 8)
    assert lost == Lost("needs more than the 1 gigabytes a page may take")
    assert then == 7


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_a_process_that_dies_is_named_and_replaced(number):
    requests = [("count", 1), ("die", number), ("count", 2)]
    with Processes(work, jobs=1, limits=PageLimits()) as processes:
        before, lost, after = processes.map(requests)
    assert (before, after) == (1, 2)
    assert number.name in lost.reason


@on_linux
def test_a_process_that_has_answered_and_ended_may_be_cleared_away_by_others():
    def requests():
        yield "fill", 2.0
        while multiprocessing.active_children():  # clears away what has ended
            time.sleep(0.01)
        yield "count", 7

    limits = PageLimits(gigabytes=1.0)
    with Processes(work, jobs=2, limits=limits) as processes:
        lost, then = processes.map(requests())
    assert lost == Lost("needs more than the 1 gigabytes a page may take")
    assert then == 7


def test_a_bug_in_the_work_is_a_lost_answer():
    with Processes(work, jobs=1, limits=PageLimits()) as processes:
        lost, after = processes.map([("raise", 3), ("count", 2)])
    assert isinstance(lost, Lost)
    assert "KeyError: 3" in lost.reason
    assert after == 2


def test_an_answer_that_cannot_be_sent_is_lost():
    with Processes(make_lock, jobs=1, limits=PageLimits()) as processes:
        lost, after = processes.map([True, False])
    assert isinstance(lost, Lost)
    assert "cannot be sent" in lost.reason
    assert after is None


def make_lock(wanted):
    return threading.Lock() if wanted else None


def test_a_process_that_cannot_be_started_is_an_error_that_says_so(monkeypatch):
    def fail(process):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    for kind in (multiprocessing.context.ForkProcess, LokyProcess):
        monkeypatch.setattr(kind, "start", fail)
    with (
        pytest.raises(OSError, match="temporarily unavailable"),
        Processes(work, jobs=2, limits=PageLimits()) as processes,
    ):
        processes.ask(("count", 1))


@pytest.mark.slow  # starts a program
def test_requests_may_come_from_threads_that_end():
    answers = []
    with Processes(work, jobs=1, limits=PageLimits()) as processes:
        for n in range(3):
            asking = threading.Thread(
                target=lambda n=n: answers.append(processes.ask(("count", n)))
            )
            asking.start()
            asking.join()
    assert answers == [0, 1, 2]


@on_linux
def test_processes_end_with_the_one_that_started_them(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, time\n"
        "from pipelines.scoring.processes import PageLimits, Processes\n"
        "def work(request):\n"
        "    if request: time.sleep(3600)\n"
        "    return os.getpid()\n"
        "with Processes(work, jobs=2, limits=PageLimits()) as processes:\n"
        "    print(processes.ask(0), flush=True)\n"
        "    list(processes.map([1, 1]))\n"
    )
    command = [sys.executable, script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
        # The child holds no copy of the pipe: reading it ends.
        assert parent.stdout.read() == ""
    while _runs(child):
        time.sleep(0.05)  # if it never ended, the suite would stand still here


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow  # tests/faults reads such a page, too
@on_linux
def test_a_page_that_takes_gigabytes_is_a_row_and_the_next_page_is_read(bomb):
    limits = PageLimits(seconds=30.0, gigabytes=0.5)
    lost, other = score_documents([bomb, bomb], _Mean(), limits=limits)
    for result in (lost, other):
        assert result.reading.status == "failed"
        assert f"{bomb}: page 1: " in result.reading.error
        assert "0.5 gigabytes" in result.reading.error


class _Mean:
    def read(self, page):
        raise AssertionError("the page cannot be drawn")
