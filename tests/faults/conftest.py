"""A batch that can be harmed, and the runs of `lenet score` over it."""

import csv
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

ROOT = Path(__file__).resolve().parents[2]
LENET = Path(__file__).with_name("lenet_with.py")


class Batch:
    """Scans in a folder, and runs over them, each with a table of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.scans = folder / "scans"
        self.scans.mkdir()
        self._started = []

    def draw(self, name, *greys):
        """Write a file of pages of one grey each."""
        pages = [PIL.Image.fromarray(np.full((8, 8), g, np.uint8)) for g in greys]
        path = self.scans / name
        path.parent.mkdir(exist_ok=True)
        rest = {"append_images": pages[1:], "save_all": True} if pages[1:] else {}
        pages[0].save(path, **rest)
        return path

    def start(self, injector, name, *words, **options):
        """Start `lenet score` to write NAME.csv and NAME.log."""
        command = ["score", "scans", "--comb", "grey=3", "-o", f"{name}.csv"]
        return self.start_lenet(
            injector, *command, "--log", f"{name}.log", *words, **options
        )

    def start_lenet(self, injector, *words, before=(), **options):
        """Start `lenet` in the folder of the batch."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            [*(before or [sys.executable]), LENET, injector, *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            start_new_session=True,
            **(pipes | options),
        )
        self._started.append(process)
        return process

    def run(self, injector, name, *words, **options):
        """Run `lenet score`; return its status, and what it has printed."""
        process = self.start(injector, name, *words, **options)
        out, err = process.communicate()
        return process.returncode, (out or b"").decode(), (err or b"").decode()

    def run_both(self, injector, *words):
        """Run with one job and with two, at the same time; return what each gave."""
        both = [self.start(injector, n, "--jobs", n, *words) for n in "12"]
        printed = [[text.decode() for text in each.communicate()] for each in both]
        return [(p.returncode, *texts) for p, texts in zip(both, printed, strict=True)]

    def table(self, name):
        """Return the bytes of a table."""
        return (self.folder / f"{name}.csv").read_bytes()

    def rows(self, name):
        """List the rows of a table."""
        text = self.table(name).decode("utf-8", "surrogateescape")
        return list(csv.DictReader(text.splitlines(keepends=True)))

    def events(self, name):
        """List what a run has noted in its log so far, line by line."""
        with suppress(FileNotFoundError):
            lines = (self.folder / f"{name}.log").read_text().splitlines(keepends=True)
            return [json.loads(line) for line in lines if line.endswith("\n")]
        return []

    def pages_read(self, name):
        """List the pages that a run has read, and take its log away."""
        pages = [
            (Path(event["document"]).name, event["page"])
            for event in self.events(name)
            if event["event"] == "page"
        ]
        (self.folder / f"{name}.log").unlink(missing_ok=True)
        return pages

    def end(self):
        """Kill what still runs."""
        for process in self._started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for pipe in filter(None, (process.stdout, process.stderr)):
                pipe.close()


@pytest.fixture
def batch(tmp_path):
    """Give a folder without scans; what is started in it ends with the test."""
    batch = Batch(tmp_path)
    yield batch
    batch.end()
