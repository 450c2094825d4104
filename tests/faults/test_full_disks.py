"""A full disk: the status says so, nothing is spoilt, the same command goes on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cli.exits import ExitCode

N_PAGES = 400
FREE = 60_000  # bytes, for parts that take more


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of 512 kilobytes."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("a disk can be mounted by root on Linux only")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk, n_left):
    """Write a file that leaves so many bytes free, rounded down to blocks."""
    status = os.statvfs(disk)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(status.f_bavail * status.f_frsize - n_left))
    return ballast


def check_parts(folder):
    """See that each part that is there has what its first line says; count pages."""
    n_pages = 0
    for part in Path(folder).iterdir():
        head, *pages = map(json.loads, part.read_text().splitlines())
        assert head["pages"] == len(pages)
        n_pages += len(pages)
    return n_pages


@pytest.mark.slow  # tests/cli has one that is said to be full
def test_a_run_goes_on_when_the_full_disk_has_room_again(batch, small_disk):
    batch.draw("a.tif", *(n % 200 for n in range(N_PAGES)))
    ballast = fill(small_disk, FREE)
    status, out, err = batch.run("reader", "disk/r", "--jobs", "2")
    assert (status, out) == (ExitCode.FULL, "")
    assert "No space left on device" in err
    assert err.endswith("kept in disk/r.run: the same command goes on\n")
    assert not (small_disk / "r.csv").exists()
    n_kept = check_parts(small_disk / "r.run" / "parts")
    assert 0 < n_kept < N_PAGES
    ballast.unlink()
    assert batch.run("reader", "disk/r", "--jobs", "1")[0] == ExitCode.DONE
    assert check_parts(small_disk / "r.run" / "parts") == N_PAGES
    assert batch.run("reader", "r")[0] == ExitCode.DONE
    assert batch.table("disk/r") == batch.table("r")
