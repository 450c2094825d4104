"""Streams that nobody reads, and streams that are closed, stop no run."""

import fcntl
import os
import subprocess
import sys

import pytest
from lenet_with import GREYS

from pipelines.cli.exits import ExitCode

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")


@pytest.fixture
def full_pipe():
    """Give the end of a pipe to write into that takes nothing any more."""
    reading, writing = os.pipe()
    flags = fcntl.fcntl(writing, fcntl.F_GETFL)
    fcntl.fcntl(writing, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    try:
        while True:
            os.write(writing, bytes(4096))
    except BlockingIOError:
        fcntl.fcntl(writing, fcntl.F_SETFL, flags)
    yield writing
    os.close(reading)
    os.close(writing)


@pytest.mark.slow  # starts a program; pages print below, too
def test_pages_that_print_wait_for_nobody_who_reads_it(batch, full_pipe):
    batch.draw("a.tif", 1, GREYS["speak"], 2)
    status, out, _ = batch.run("decoder", "r", "--jobs", "2", stderr=full_pipe)
    assert status == ExitCode.DONE
    assert "3 pages: 3 ok" in out
    assert [row["grey"] for row in batch.rows("r")] == ["001", "204", "002"]


@pytest.mark.parametrize(
    ("injector", "closed"),
    [
        ("decoder", "0 1 2"),
        pytest.param("decoder", "1", marks=pytest.mark.slow),
        pytest.param("threaded", "1", marks=pytest.mark.slow),
        pytest.param("threaded", "0 1 2", marks=pytest.mark.slow),
    ],
)
def test_closed_streams_are_no_reason_to_fail(batch, injector, closed):
    batch.draw("a.tif", 1, GREYS["speak"], 2)
    batch.draw("b.png", GREYS["fill"])
    shell = " ".join(f"{number}>&-" for number in closed.split())
    command = ["sh", "-c", f'exec "$0" "$@" {shell}', sys.executable]
    process = batch.start(injector, "r", "--jobs", "2", before=command)
    _, err = process.communicate()
    assert (process.returncode, err) == (ExitCode.FAILED, b"")
    assert [row["grey"] for row in batch.rows("r")] == ["001", "204", "002", ""]


@pytest.mark.slow  # starts two programs
def test_an_error_that_cannot_be_told_has_its_status(batch):
    batch.draw("a.png", 1)
    with open("/dev/full", "wb") as nowhere:
        status, *_ = batch.run("reader", "none/r", stderr=nowhere)
    assert status == ExitCode.MISUSE
    run = batch.start("reader", "none/r", stderr=subprocess.PIPE)
    run.stderr.close()  # who reads has ended
    assert run.wait() == ExitCode.MISUSE
