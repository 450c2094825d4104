"""Whatever is killed, and when: the same command goes on to the same table."""

import os
import random
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from pipelines.runs.plan import PART_PAGES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")

N_PAGES = 70
VICTIMS = ("worker", "parent", "all")


def list_moments(n_moments, seed):
    """Draw what is killed, after how many pages, with how many processes before."""
    drawing = random.Random(seed)
    return [
        (
            VICTIMS[n % len(VICTIMS)],
            drawing.randrange(-1, N_PAGES),
            drawing.uniform(0.0, 0.03),
            "12"[n // 2 % 2],
            "12"[n % 2],
        )
        for n in range(n_moments)
    ]


MOMENTS = [
    pytest.param(*each, id=str(n), marks=[] if n == 1 else [pytest.mark.slow])
    for n, each in enumerate(list_moments(50, seed=18))
]


@pytest.fixture(scope="module")
def undisturbed():
    """Keep the table of a run that nothing happens to."""
    return {}


def draw_pages(batch):
    """Draw a file with many pages, and many with one."""
    batch.draw("a.tif", *range(50))
    for grey in range(50, N_PAGES):
        batch.draw(f"b{grey}.png", grey)


def wait_until(process, happened):
    """Wait until something has happened, or the process has ended."""
    while not happened() and process.poll() is None:
        time.sleep(0.002)


def kill(process, victim):
    """Kill a worker, the process that was started, or all."""
    with suppress(ProcessLookupError, FileNotFoundError, IndexError):
        if victim == "all":
            os.killpg(process.pid, signal.SIGKILL)
        elif victim == "parent":
            process.kill()
        else:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            os.kill(int(random.choice(children.read_text().split())), signal.SIGKILL)


@pytest.mark.parametrize(("victim", "n_pages", "seconds", "jobs", "again"), MOMENTS)
def test_a_run_that_is_killed_goes_on(
    batch, undisturbed, victim, n_pages, seconds, jobs, again
):
    draw_pages(batch)
    if not undisturbed:
        assert batch.run("slow", "whole", "--jobs", "2")[0] == 0
        undisturbed["table"] = batch.table("whole")
    process = batch.start("slow", "r", "--jobs", jobs)
    # The log begins with a line, and minus one stands for the time before that.
    folder = batch.folder / "r.run"
    wait_until(process, lambda: folder.exists() and len(batch.events("r")) > n_pages)
    time.sleep(seconds)
    kill(process, victim)
    process.communicate()
    first = batch.pages_read("r")
    status, _, err = batch.run("slow", "r", "--jobs", again)
    assert (status, err) == (0, "")
    assert batch.table("r") == undisturbed["table"]
    read = Counter([*first, *batch.pages_read("r")])
    assert len(read) == N_PAGES
    assert read.total() - N_PAGES <= PART_PAGES * int(jobs)
