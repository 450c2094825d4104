"""Measure reading rates, time and memory on real scans, as a table.

    python examples/benchmarks/score.py
    python examples/benchmarks/score.py --only exam speed
    python examples/benchmarks/score.py --page docs/benchmarks.md

The scans are not part of the project; what cannot be measured without them says
so. Everything runs in one thread.
"""

import csv
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported

import cv2
import numpy as np
from degradations import DEGRADATIONS
from pages import fill_page
from runs import cpu_seconds, link_files, peak_memory, repeat_pdf, run_code, run_lenet
from tables import (
    Row,
    as_table,
    folder_of,
    parse_table_args,
    table_parser,
    take_measures,
)

from pipelines import (
    Form,
    FormReader,
    deskew,
    draft_form,
    make_form_reader,
    open_scan,
    read_pages,
    score_documents,
)
from pipelines.images import Image
from pipelines.outcomes import FieldReading
from pipelines.training.evaluation import evaluate

_ROUNDS = 7  # of a time; the median of so many passes over outliers
_PACKAGES = ("lenet-sklearn", "numpy", "opencv-python-headless", "torch")


def measure_exam(data: Path) -> Iterator[Row]:
    """Read the exam pages as they are."""
    files, pdf, truth = exam_scans(data)
    for name, sources in {"PNG": files, "PDF": [pdf]}.items():
        fields = read_fields(pages_of(sources), comb_reader(9))
        yield rate_row(f"exam pages, {name}", fields, truth, least=14)
    blanks = read_fields(read_pages(pdf.with_name("blank.pdf")), comb_reader(9))
    n_blank = sum(field.status == "blank" for field in blanks)
    yield Row("exam pages left empty", f"{n_blank} of {len(blanks)} blank", "all")


def measure_degraded(data: Path) -> Iterator[Row]:
    """Read the exam pages spoilt in one way at a time."""
    files, pdf, truth = exam_scans(data)
    stacks: dict[str, Iterator[Image]] = {
        name: map(spoil, pages_of(files)) for name, spoil in DEGRADATIONS.items()
    }
    stacks |= {f"PDF at {dpi} dpi": read_pages(pdf, dpi=dpi) for dpi in (150, 300)}
    for name, pages in stacks.items():
        fields = read_fields(pages, comb_reader(9))
        yield rate_row(f"exam pages, {name}", fields, truth, least=13)


def measure_cover(data: Path) -> Iterator[Row]:
    """Read the cover page, filled in and empty."""
    for kind, bar in (("success", "`0123456789` accepted"), ("blank", "blank")):
        file = folder_of(data, "markus") / f"test-auto-parse-scan-{kind}.pdf"
        with open_scan(file, dpi=400) as scan:
            [field] = read_fields([scan.read(0)], comb_reader(10))
        name = "filled in" if kind == "success" else "left empty"
        measured = f"`{field.value}` {field.status}" if field.value else field.status
        yield Row(f"cover page at 400 dpi, {name}", measured, bar)


def measure_tally(data: Path) -> Iterator[Row]:
    """Read the photograph of a tally form with a form drafted from its blank."""
    folder = folder_of(data, "cdigital")
    truth = read_table(folder / "truth.csv")
    blank = folder / truth[0]["blank"]
    form = Form(blank=blank, fields=draft_form(next(read_pages(blank))).fields)
    [page] = read_pages(folder / truth[0]["file"])
    fields = make_form_reader(form).read(page).fields
    # The totals are the fields of three boxes; the others hold tallies and words.
    totals = [fields[field.name] for field in form.fields if field.digits == 3]
    values = [row["value"] for row in truth]
    yield rate_row("totals on the tally photograph", totals, values, least=len(values))


def measure_turned(data: Path) -> Iterator[Row]:
    """Read pages that lie wrong, and pages without the field."""
    files, _, truth = exam_scans(data)
    ways = {
        "upside down": (2, 0),
        "upside down, tilted by 8 degrees": (2, 8),
        "on the left": (1, 0),
        "on the right": (3, 0),
    }
    for name, (turns, angle) in ways.items():
        pages = (deskew(np.rot90(p, turns).copy(), -angle) for p in pages_of(files))
        fields = read_fields(pages, comb_reader(9))
        yield trust_row(f"exam pages, {name}", fields, truth)
    strangers = [*folder_of(data, "markus").glob("*.pdf")]
    strangers += folder_of(data, "cdigital").rglob("*.*g")
    fields = read_fields(pages_of(sorted(strangers)), comb_reader(9))
    yield trust_row("pages without the field", fields, [None] * len(fields))


def measure_demo(_: Path) -> Iterator[Row]:
    """Run `lenet demo`, and compare its table with the truth."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run_lenet("demo", "-o", folder)
        seconds = time.perf_counter() - start
        read = read_table(Path(folder, "results.csv"))
        truth = read_table(Path(folder, "truth.csv"))
    names = [name for name in truth[0] if name != "document"]
    pairs = [(r, t, n) for r, t in zip(read, truth, strict=True) for n in names]
    n_right = sum(r[n] == t[n] for r, t, n in pairs)
    n_wrong = sum(r[f"{n}.status"] == "accepted" and r[n] != t[n] for r, t, n in pairs)
    share = f"{n_right} of {len(pairs)} ({100 * n_right / len(pairs):.1f} %)"
    yield Row("`lenet demo`, fields right", share, "95 %")
    yield Row("`lenet demo`, accepted and wrong", str(n_wrong), "")
    yield Row("`lenet demo`, time", f"{seconds:.0f} s", "30 s")


def measure_speed(data: Path) -> Iterator[Row]:
    """Compare the CPU time of reading the exam pages with that of decoding them."""
    cv2.setNumThreads(1)
    reader = comb_reader(9)
    images, pdf, _ = exam_scans(data)
    for name, files in {"PNG": images, "PDF": [pdf]}.items():
        list(score_documents(files, reader))  # what is loaded once is loaded now
        ratios = []
        for _ in range(_ROUNDS):
            decoding = cpu_seconds(pages_of(files))
            ratios.append(cpu_seconds(score_documents(files, reader)) / decoding)
        low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
        measured = f"{middle:.2f} ({low:.2f} to {high:.2f} in {_ROUNDS} rounds)"
        yield Row(f"CPU time, `lenet score` / decoding, {name}", measured, "3")


def measure_memory(data: Path) -> Iterator[Row]:
    """Compare the peak memory of `lenet score` on 14 pages and on 140."""
    files, pdf, _ = exam_scans(data)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for times in (1, 10):
            link_files(files, folder / f"PNG-{times}", times)
            repeat_pdf(pdf, folder / f"PDF-{times}", times)
        options = ["--comb", "rin=9", "-o", str(folder / "results.csv"), "--force"]
        for kind in ("PNG", "PDF"):
            few = peak_memory("score", str(folder / f"{kind}-1"), *options)
            many = peak_memory("score", str(folder / f"{kind}-10"), *options)
            n_pages = len(read_table(folder / "results.csv"))
            growth = 100 * (many / few - 1)
            measured = f"{growth:+.1f} % ({few // 1024} to {many // 1024} MiB)"
            yield Row(f"peak memory, 14 to {n_pages} pages, {kind}", measured, "+10 %")


def measure_start(_: Path) -> Iterator[Row]:
    """See whether starting up imports torch."""
    starts = {
        "`lenet --help`": "from pipelines.cli.commands import main; main(['--help'])",
        "`import pipelines`": "import pipelines",
    }
    for name, code in starts.items():
        found = run_code(f"{code}\nimport sys; print('torch' in sys.modules)")
        answer = "yes" if found.split()[-1] == "True" else "no"
        yield Row(f"{name} imports torch", answer, "no")


def measure_mnist(data: Path) -> Iterator[Row]:
    """Measure the shipped weights on MNIST's test set."""
    folder = folder_of(data, "mnist")
    for model in ("mnist", "forms"):
        result = evaluate(model, "mnist", data_dir=folder, device="cpu")
        errors = f"{result.n_errors} of {result.n_samples}"
        measured = f"{100 * result.error:.2f} % ({errors})"
        yield Row(f"MNIST test error of the weights `{model}`", measured, "0.60 %")


MEASURES: dict[str, Callable[[Path], Iterator[Row]]] = {
    "exam": measure_exam,
    "degraded": measure_degraded,
    "cover": measure_cover,
    "tally": measure_tally,
    "turned": measure_turned,
    "mnist": measure_mnist,
    "demo": measure_demo,
    "speed": measure_speed,
    "memory": measure_memory,
    "start": measure_start,
}


def comb_reader(digits: int) -> FormReader:
    return make_form_reader(Form.from_combs({"number": digits}))


def read_fields(pages: Iterable[Image], reader: FormReader) -> list[FieldReading]:
    return [reader.read(page).fields["number"] for page in pages]


def exam_scans(data: Path) -> tuple[list[Path], Path, list[str]]:
    """Return the files of the exam pages, the PDF of them, and what they say."""
    folder = folder_of(data, "submitty_ids")
    truth = read_table(folder / "truth.csv")
    files = [folder / row["file"] for row in truth]
    return files, folder / "pages_01_14.pdf", [row["rin"] for row in truth]


def pages_of(files: Iterable[Path]) -> Iterator[Image]:
    return (page for file in files for page in read_pages(file))


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rate_row(
    what: str, fields: Sequence[FieldReading], truth: Sequence[str], *, least: int
) -> Row:
    """Count what is right, and of that what would be accepted."""
    right = [f for f, text in zip(fields, truth, strict=True) if f.value == text]
    n_right = sum(field.status == "accepted" for field in right)
    n_wrong = sum(field.status == "accepted" for field in fields) - n_right
    measured = f"{len(right)} of {len(truth)}; accepted {n_right} right,"
    return Row(what, f"{measured} {n_wrong} wrong", f"{least} of {len(truth)}")


def trust_row(
    what: str, fields: Sequence[FieldReading], truth: Sequence[str | None]
) -> Row:
    """Count the wrong values that would be accepted."""
    pairs = list(zip(fields, truth, strict=True))
    n_wrong = sum(f.status == "accepted" and f.value != text for f, text in pairs)
    n_right = sum(f.value == text for f, text in pairs)
    measured = f"{n_wrong} of {len(pairs)} wrong and accepted; {n_right} right"
    return Row(what, measured, "0 wrong and accepted")


def main() -> None:
    args = parse_table_args(table_parser(__doc__, MEASURES))
    table = as_table(take_measures(MEASURES, args.only, args.data), _PACKAGES)
    print(table, end="")
    if args.page:
        fill_page(args.page, "measured", table)


if __name__ == "__main__":
    main()
