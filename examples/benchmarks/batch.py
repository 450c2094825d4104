"""Measure batches: what they cost, and what becomes of them, as a table.

    python examples/benchmarks/batch.py
    python examples/benchmarks/batch.py --only kills shards --pages 200
    python examples/benchmarks/batch.py --page docs/benchmarks.md

All pages are drawn here, and read by `lenet score` in processes of its own. So many are
drawn as tell pages apart; longer batches have each several times, under other names.
Linux only. A disk can be filled only where one can be mounted, by root.
"""

import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported

import cv2
import numpy as np
import PIL.Image
from pages import fill_page
from runs import cpu_seconds, link_pages, peak_memories, start_lenet
from tables import Row, as_table, parse_table_args, table_parser, take_measures

from pipelines import read_pages
from pipelines.drawing import draw_comb, draw_scanner, draw_writer, scan_page

_PACKAGES = ("lenet-sklearn", "numpy", "opencv-python-headless", "onnxruntime")

_SEED = 18
_N_DIGITS = 9
_N_DRAWN = 20
_ROUNDS = 3  # of a time
_N_MOMENTS = 50
_N_SHARDS = 8
_PART = 20  # pages that are kept together
_DISK = 2_000_000  # bytes
# Bytes that are left on a disk before it is full: for the plan, and some of the parts.
_FREE = 150_000

# Height and width: A4 at 200 dpi, and what has room for the field, which costs least.
_SHEET = (2339, 1654)
_SLIP = (130, 500)


def measure_cost(n_pages: int) -> Iterator[Row]:
    """Compare the CPU time of reading sheets with that of decoding them."""
    ratios = []
    with batch_of(n_pages // 5, _SHEET) as folder:
        files = sorted((folder / "scans").iterdir())
        draw_batch(folder / "few", 1, _SHEET)
        for number in range(_ROUNDS):
            decoding = cpu_seconds(page for file in files for page in read_pages(file))
            words = ("--jobs", "1")
            many = cpu_of(folder, f"many{number}", *words)
            one = cpu_of(folder, f"one{number}", *words, scans="few/scans")
            ratios.append((many - one) / (len(files) - 1) / (decoding / len(files)))
    what = f"CPU time a page / decoding it, {len(files)} sheets, one worker"
    yield Row(what, describe(ratios), "at most 2.5")


def measure_speed(n_pages: int) -> Iterator[Row]:
    """Compare the speed of two workers with that of one."""
    ratios, rates = [], []
    with batch_of(n_pages, _SHEET) as folder:
        for number in range(_ROUNDS):
            one = seconds_of(folder, f"one{number}", "--jobs", "1")
            two = seconds_of(folder, f"two{number}", "--jobs", "2")
            ratios.append(one / two)
            rates.append(n_pages / two)
    what = f"pages a second, two workers / one, {n_pages} sheets"
    rate = f"; {statistics.median(rates):.0f} pages a second with two"
    yield Row(what, describe(ratios) + rate, "at least 1.85")


def measure_memory(n_pages: int) -> Iterator[Row]:
    """Compare the most memory that a long batch holds at once with that of a short."""
    peaks = []
    few, many = n_pages // 5, 20 * n_pages
    for number in (few, many):
        with batch_of(number, _SLIP) as folder:
            options = ["--comb", f"number={_N_DIGITS}", "-o", str(folder / "r.csv")]
            words = ["score", str(folder / "scans"), *options, "--jobs", "2"]
            peaks.append(peak_memories(*words))
    for who, short, long in zip(("command", "largest worker"), *peaks, strict=True):
        growth = f"{100 * (long / short - 1):+.1f} %"
        measured = f"{growth} ({short // 1024} to {long // 1024} MiB)"
        yield Row(f"peak memory of the {who}, {few} to {many} slips", measured, "+10 %")


def measure_kills(n_pages: int) -> Iterator[Row]:
    """Kill something at random moments, and give the command again."""
    drawing = random.Random(_SEED)
    n_slips, n_moments = n_pages // 4, min(_N_MOMENTS, n_pages // 20)
    with batch_of(n_slips, _SLIP) as folder:
        for jobs in ("1", "2"):
            seconds = seconds_of(folder, f"whole{jobs}", "--jobs", jobs)
            table = (folder / f"whole{jobs}.csv").read_bytes()
            n_same, most = 0, 0
            for number in range(n_moments):
                name = f"{jobs}-{number}"
                run = start(folder, name, "--jobs", jobs)
                time.sleep(drawing.uniform(0.0, seconds))
                kill(run, ("worker", "parent", "all")[number % 3], drawing)
                run.wait()
                finish(folder, name, "--jobs", drawing.choice("12"))
                n_same += (folder / f"{name}.csv").read_bytes() == table
                most = max(most, count_again(folder / f"{name}.log"))
            what = f"killed at {n_moments} moments, {n_slips} slips, workers: {jobs}"
            same = f"{n_same} of {n_moments}"
            yield Row(f"{what}: the same table", same, "all")
            again = f"{most} pages, {most / _PART:.2f} parts"
            yield Row(f"{what}: read twice at most", again, "a part for each worker")


def measure_disk(n_pages: int) -> Iterator[Row]:
    """Fill the disk in the midst of a run, and go on when there is room."""
    with batch_of(n_pages // 5, _SLIP) as folder, small_disk(folder / "disk") as disk:
        if disk is None:
            yield Row("full disk", "not measured: no disk can be mounted here", "")
            return
        finish(folder, "whole")
        ballast = disk / "ballast"
        status = os.statvfs(disk)
        ballast.write_bytes(bytes(status.f_bavail * status.f_frsize - _FREE))
        code = start(folder, "disk/r", "--jobs", "2").wait()
        parts = [part.read_text() for part in (disk / "r.run" / "parts").iterdir()]
        n_whole = sum(is_whole(part) for part in parts)
        ballast.unlink()
        finish(folder, "disk/r")
        same = (disk / "r.csv").read_bytes() == (folder / "whole.csv").read_bytes()
    yield Row("full disk, exit status", str(code), "3")
    yield Row("full disk, parts that are whole", f"{n_whole} of {len(parts)}", "all")
    answer = "yes" if same else "no"
    yield Row("full disk, the same table when there is room", answer, "yes")


def measure_bad(n_pages: int) -> Iterator[Row]:
    """Read good pages with bad ones between them."""
    with batch_of(n_pages, _SLIP) as folder:
        finish(folder, "good", "--jobs", "2")
        good = (folder / "good.csv").read_text().splitlines()
        n_bad = add_bad(folder / "scans", n_pages // 20)
        code = finish(folder, "mixed", "--jobs", "2", "--page-memory", "0.5")
        mixed = (folder / "mixed.csv").read_text().splitlines()
        rows = [line.split(",") for line in mixed if "/bad" in line]
    n_right = len(set(good[1:]) & set(mixed))
    n_said = sum(row[2] == "failed" and bool(row[3]) for row in rows)
    what = f"{n_pages} good slips, {n_bad} bad files"
    yield Row(f"{what}: rows as without the bad ones", str(n_right), str(n_pages))
    yield Row(f"{what}: failed rows with a reason", str(n_said), str(n_bad))
    yield Row(f"{what}: exit status", str(code), "1")


def measure_shards(n_pages: int) -> Iterator[Row]:
    """Kill every shard of a run once, go on with it, and merge them."""
    n_slips = max(n_pages // 2, _N_SHARDS * _PART)
    with batch_of(n_slips, _SLIP) as folder:
        finish(folder, "whole", "--jobs", "2")
        n_killed = 0
        for number in range(1, _N_SHARDS + 1):
            words = ["--jobs", "1", "--shard", f"{number}/{_N_SHARDS}"]
            run = start(folder, "r", *words)
            n_before = count_pages(folder / "r.log")
            while run.poll() is None and count_pages(folder / "r.log") < n_before + 5:
                time.sleep(0.01)
            run.kill()
            n_killed += run.wait() == -signal.SIGKILL
            finish(folder, "r", *words)
        merging = ["merge", str(folder / "r.run"), "-o", str(folder / "r.csv")]
        start_lenet(*merging, stdout=subprocess.DEVNULL).wait()
        same = (folder / "r.csv").read_bytes() == (folder / "whole.csv").read_bytes()
    what = f"{_N_SHARDS} shards, {n_killed} of them killed once, merged"
    yield Row(f"{what}: the same table", "yes" if same else "no", "yes")


def measure_redo(n_pages: int) -> Iterator[Row]:
    """Measure what a run keeps, and the time of deciding it anew."""
    with batch_of(n_pages, _SLIP) as folder:
        finish(folder, "r", "--jobs", "2")
        files = [path for path in (folder / "r.run").rglob("*") if path.is_file()]
        n_bytes = sum(path.stat().st_size for path in files)
        redo = ["redo", str(folder / "r.run"), "--max-error", "0.02"]
        began = time.perf_counter()
        redone = start_lenet(
            *redo, "-o", str(folder / "s.csv"), stdout=subprocess.DEVNULL
        )
        redone.wait()
        seconds = time.perf_counter() - began
    yield Row(f"kept of {n_pages} slips", f"{n_bytes / n_pages:.0f} bytes a page", "")
    yield Row(f"`lenet redo` of {n_pages} slips", f"{seconds:.1f} s", "")


MEASURES: dict[str, Callable[[int], Iterator[Row]]] = {
    "cost": measure_cost,
    "speed": measure_speed,
    "memory": measure_memory,
    "kills": measure_kills,
    "disk": measure_disk,
    "bad": measure_bad,
    "shards": measure_shards,
    "redo": measure_redo,
}


@contextmanager
def batch_of(n_pages: int, shape: tuple[int, int]) -> Iterator[Path]:
    """Give a folder with drawn scans."""
    with tempfile.TemporaryDirectory() as name:
        draw_batch(Path(name), n_pages, shape)
        yield Path(name)


def draw_batch(folder: Path, n_pages: int, shape: tuple[int, int]) -> None:
    """Draw pages with a number in boxes on each, and link them as often as needed."""
    rng = np.random.default_rng(_SEED)
    (folder / "drawn").mkdir(parents=True)
    for index in range(min(n_pages, _N_DRAWN)):
        number = f"{rng.integers(10**_N_DIGITS):0{_N_DIGITS}d}"
        comb = draw_comb(
            number, box_size=(56, 48), writer=draw_writer(rng), random_state=rng
        )
        page = np.full(shape, 255, dtype=np.uint8)
        top, left = (rng.integers(room) + 8 for room in np.subtract(shape, comb.shape))
        place = page[top : top + comb.shape[0], left : left + comb.shape[1]]
        place[:] = comb[: place.shape[0], : place.shape[1]]
        scanned = scan_page(page, draw_scanner(rng), random_state=rng)
        cv2.imwrite(str(folder / "drawn" / f"{index}.png"), scanned)
    link_pages(sorted((folder / "drawn").iterdir()), folder / "scans", n_pages)


def add_bad(folder: Path, n_files: int) -> int:
    """Put files among scans of which nothing can be read, of all kinds in turn."""
    page = PIL.Image.open(next(folder.iterdir())).convert("L")
    kinds = []
    with tempfile.TemporaryDirectory() as name:
        for suffix in ("png", "pdf", "tif", "webp"):
            file = Path(name, f"page.{suffix}")
            page.save(file)
            kinds.append((suffix, file.read_bytes()[: file.stat().st_size // 3]))
    kinds += [(suffix, b"") for suffix in ("png", "jpg", "pdf")]
    kinds += [("jpg", b"\xff\xd8\xff\xe0"), ("tif", b"Dear Sir"), ("pdf", bomb())]
    for number in range(n_files):
        suffix, content = kinds[number % len(kinds)]
        (folder / f"bad{number}.{suffix}").write_bytes(content)
    return n_files


def bomb() -> bytes:
    """Write a PDF of 600 bytes whose page draws itself, until memory runs out."""
    box = b"[0 0 595 842]/Resources<</XObject<</F 5 0 R>>>>"
    drawing = b"<</Type/XObject/Subtype/Form/Length 11/BBox%s>>stream\n/F Do /F Do"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox%s>>" % box,
        b"<</Length 5>>stream\n/F Do\nendstream",
        drawing % box + b"\nendstream",
    ]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % each for each in enumerate(objects, 1))
    return b"%PDF-1.4\n" + body + b"trailer<</Size 6/Root 1 0 R>>\n%%EOF"


def start(
    folder: Path, name: str, *words: str, scans: str = "scans"
) -> subprocess.Popen[bytes]:
    """Start to read scans into NAME.csv, with a log, in a group of processes."""
    options = ["--comb", f"number={_N_DIGITS}", "-o", f"{name}.csv"]
    options += ["--log", f"{name}.log"]
    return start_lenet(
        *("score", scans, *options, *words),
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def finish(folder: Path, name: str, *words: str) -> int:
    """Read scans; return the exit status, which is one of a table that is whole."""
    code = start(folder, name, *words).wait()
    if code not in (0, 1):
        raise RuntimeError(f"lenet score ended with {code}, and has no table.")
    return code


def cpu_of(folder: Path, name: str, *words: str, scans: str = "scans") -> float:
    """Return the CPU seconds of a run and its workers."""
    run = start(folder, name, *words, scans=scans)
    _, _, usage = os.wait4(run.pid, 0)
    run.returncode = 0
    return usage.ru_utime + usage.ru_stime


def seconds_of(folder: Path, name: str, *words: str) -> float:
    """Return the seconds from the start of a run to its end."""
    began = time.perf_counter()
    finish(folder, name, *words)
    return time.perf_counter() - began


def kill(run: subprocess.Popen[bytes], victim: str, drawing: random.Random) -> None:
    """Kill a worker of a run, its parent, or all, if they are there."""
    with suppress(ProcessLookupError, FileNotFoundError, IndexError):
        if victim == "all":
            os.killpg(run.pid, signal.SIGKILL)
        elif victim == "parent":
            run.kill()
        else:
            children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text()
            os.kill(int(drawing.choice(children.split())), signal.SIGKILL)


def read_log(log: Path) -> list[tuple[str, int]]:
    """List the pages that runs have read."""
    if not log.exists():
        return []
    lines = log.read_text().splitlines(keepends=True)
    events = [json.loads(line) for line in lines if line.endswith("\n")]
    return [(e["document"], e["page"]) for e in events if e["event"] == "page"]


def count_pages(log: Path) -> int:
    return len(read_log(log))


def count_again(log: Path) -> int:
    """Count how often pages were read after they had been read once."""
    pages = Counter(read_log(log))
    return pages.total() - len(pages)


def is_whole(part: str) -> bool:
    """Return whether a part has as many pages as its first line says."""
    head, *pages = map(json.loads, part.splitlines())
    return bool(head["pages"] == len(pages))


@contextmanager
def small_disk(place: Path) -> Iterator[Path | None]:
    """Mount a small disk, and take it away again; give None where that is refused."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def describe(ratios: list[float]) -> str:
    """Write the median of some ratios, and how far they spread."""
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    return f"{middle:.2f} ({low:.2f} to {high:.2f} in {len(ratios)} rounds)"


def main() -> None:
    cv2.setNumThreads(1)
    parser = table_parser(__doc__, {name: lambda _: iter(()) for name in MEASURES})
    parser.add_argument(
        "--pages",
        type=int,
        default=1000,
        metavar="N",
        help="pages of a batch, at least 100; some measures take a share or a multiple",
    )
    args = parse_table_args(parser)
    if args.pages < 100:
        parser.error("--pages wants at least 100")
    measures = {
        name: partial(lambda take, _: take(args.pages), take)
        for name, take in MEASURES.items()
    }
    table = as_table(take_measures(measures, args.only, args.data), _PACKAGES)
    print(table, end="")
    if args.page:
        fill_page(args.page, "batch", table)


if __name__ == "__main__":
    main()
