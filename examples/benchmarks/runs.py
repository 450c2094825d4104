"""Time and memory: run ``lenet``, here or in a process of its own."""

import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pypdfium2

# Linux hands the peak of a process down to what it starts, in `ru_maxrss` but not
# in the memory map; elsewhere `ru_maxrss` counts from the start.
_MEASURED = """
import pathlib, re, resource, sys
from pipelines.cli.commands import main
code, status = main(), pathlib.Path("/proc/self/status")
if status.exists():
    kib = int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1])
else:
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(kib)
sys.exit(code)
"""

# Workers that were waited for; in a copy of a process the peak counts from its start.
_MEASURED_WITH_WORKERS = _MEASURED.replace(
    "print(kib)",
    "print(kib, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
)


def cpu_seconds(work: Iterable[object]) -> float:
    """Go through what is computed on the way."""
    start = time.process_time()
    for _ in work:
        pass
    return time.process_time() - start


def run_code(code: str, *words: str) -> str:
    """Run Python code, and return what it prints."""
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def run_lenet(*words: str) -> None:
    """Run the command line."""
    run_code("import sys, pipelines.cli.commands as cli; sys.exit(cli.main())", *words)


def peak_memory(*words: str) -> int:
    """Run the command line, and return the most memory it held at once, in KiB."""
    return int(run_code(_MEASURED, *words).split()[-1])


def peak_memories(*words: str) -> list[int]:
    """Return the most memory that the command line and its largest worker held."""
    return [int(kib) for kib in run_code(_MEASURED_WITH_WORKERS, *words).split()[-2:]]


def start_lenet(*words: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start the command line, with options of :class:`subprocess.Popen`."""
    code = "import sys, pipelines.cli.commands as cli; sys.exit(cli.main())"
    return subprocess.Popen([sys.executable, "-c", code, *words], **options)


def link_pages(files: Sequence[Path], folder: Path, n_pages: int) -> None:
    """Put files into a new folder under so many names, in turn."""
    folder.mkdir()
    for number in range(n_pages):
        file = files[number % len(files)]
        (folder / f"{number:06d}{file.suffix}").hardlink_to(file)


def link_files(files: Iterable[Path], folder: Path, times: int) -> None:
    """Put files into a new folder, several times over."""
    folder.mkdir()
    for file in files:
        for n in range(times):
            (folder / f"{n}-{file.name}").symlink_to(file.resolve())


def repeat_pdf(file: Path, folder: Path, times: int) -> None:
    """Write the pages of a PDF into one of a new folder, several times over."""
    folder.mkdir()
    source, repeated = pypdfium2.PdfDocument(file), pypdfium2.PdfDocument.new()
    for _ in range(times):
        repeated.import_pages(source)
    repeated.save(folder / "pages.pdf")
