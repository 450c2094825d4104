"""Match drawn pages with lists of students, as a table.

    python examples/benchmarks/roster.py
    python examples/benchmarks/roster.py --only years
    python examples/benchmarks/roster.py --page docs/benchmarks.md

1,000 pages are drawn and scanned, each in another hand, and read once; they are then
matched with lists of 1,100 numbers on which 900 of them are. Everything runs in one
thread.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported

import cv2
import numpy as np
from numpy.random import Generator
from pages import fill_page
from tables import Row, as_table, parse_table_args, table_parser, take_measures

from pipelines import (
    Form,
    Matching,
    PageResult,
    Roster,
    make_form_reader,
    match_pages,
)
from pipelines.drawing import draw_comb, draw_scanner, draw_writer, scan_page
from pipelines.images import Image

_PACKAGES = ("lenet-sklearn", "numpy", "scipy", "onnxruntime")

_FIELD = "student_number"
_N_DIGITS = 9
_N_PAGES = 1000
_SEED = 20

# Of the pages, and rows for each page.
_UNLISTED = 0.1
_ROWS = 1.1

# Which pages are on the list, and who else is, is drawn so often.
_N_LISTS = 10

_PAGE = (400, 900)  # in pixels at 200 dpi
_BOX = (56, 48)
_MARGIN = 60


def number_of_years(rng: Generator) -> str:
    """Draw a number of five years and three faculties, counted to 20,000."""
    year, faculty = rng.choice([21, 22, 23, 24, 25]), rng.choice([10, 11, 47])
    return f"{year}{faculty}{rng.integers(20_000):05d}"


def number_in_row(rng: Generator) -> str:
    """Draw one of 3,300 numbers that follow one another: a third is on the list."""
    return f"{202_500_000 + rng.integers(3300)}"


def random_number(rng: Generator) -> str:
    return f"{rng.integers(10**_N_DIGITS):0{_N_DIGITS}d}"


_NUMBERS: Mapping[str, tuple[str, Callable[[Generator], str]]] = {
    "years": ("numbers of five years and three faculties", number_of_years),
    "row": ("3,300 numbers that follow one another", number_in_row),
    "random": ("any numbers", random_number),
}


def measure_roster(
    kind: str, *, n_pages: int = _N_PAGES, random_state: int = _SEED
) -> Iterator[Row]:
    """Draw, read and match pages; count who is settled right, wrong, and not."""
    name, draw_number = _NUMBERS[kind]
    rng = np.random.default_rng(random_state)
    numbers = _draw_numbers(n_pages, draw_number, rng)
    reader = make_form_reader(Form.from_combs({_FIELD: _N_DIGITS}))
    results = [
        PageResult(number, 1, reader.read(draw_page(number, rng))) for number in numbers
    ]
    fields = [result.reading.fields[_FIELD] for result in results]
    n_read = sum(f.value == n for f, n in zip(fields, numbers, strict=True))
    n_accepted = sum(field.status == "accepted" for field in fields)
    share = f"{_percent(n_read, n_pages)} right, {_percent(n_accepted, n_pages)}"
    yield Row(f"{name}: as they are read", f"{share} accepted", "")
    counts = np.array(
        [_count(_match(results, numbers, draw_number, rng)) for _ in range(_N_LISTS)]
    )
    means, deviations = 100 * counts.mean(axis=0), 100 * counts.std(axis=0)
    for what, mean, deviation, bar in zip(
        ("settled right", "settled wrong", "to look at"),
        means,
        deviations,
        ("at least 99 %", "at most 0.1 %", ""),
        strict=True,
    ):
        yield Row(f"{name}: {what}", f"{mean:.2f} ± {deviation:.2f} %", bar)


MEASURES: dict[str, Callable[[Path], Iterator[Row]]] = {
    kind: lambda _, kind=kind: measure_roster(kind) for kind in _NUMBERS
}


def draw_page(number: str, rng: Generator) -> Image:
    """Draw a page with a number in boxes somewhere on it, and scan it."""
    comb = draw_comb(number, box_size=_BOX, writer=draw_writer(rng), random_state=rng)
    page = np.full(_PAGE, 255, dtype=np.uint8)
    room = np.subtract(_PAGE, comb.shape) - _MARGIN
    top, left = rng.integers(_MARGIN, room)
    page[top : top + comb.shape[0], left : left + comb.shape[1]] = comb
    return scan_page(page, draw_scanner(rng), random_state=rng)


def _draw_numbers(
    n_numbers: int, draw: Callable[[Generator], str], rng: Generator
) -> list[str]:
    """Draw numbers that all differ."""
    numbers: dict[str, None] = {}
    while len(numbers) < n_numbers:
        numbers[draw(rng)] = None
    return list(numbers)


def _match(
    results: list[PageResult],
    numbers: list[str],
    draw: Callable[[Generator], str],
    rng: Generator,
) -> Matching:
    """Match pages with a list that lacks some of them, and has others."""
    n_listed = round((1 - _UNLISTED) * len(numbers))
    listed = dict.fromkeys(rng.permutation(numbers)[:n_listed].tolist())
    while len(listed) < round(_ROWS * len(numbers)):
        number = draw(rng)
        if number not in numbers:
            listed[number] = None
    return match_pages(results, Roster(tuple(sorted(listed))), _FIELD)


def _count(matching: Matching) -> tuple[float, float, float]:
    """Return the shares of pages that are settled right, wrong, and not at all.

    The document of a page is called what is written on it.
    """
    listed = set(matching.roster.numbers)
    settled = [m for m in matching.matches if m.status in ("matched", "unlisted")]
    right = [m.number == (m.document if m.document in listed else "") for m in settled]
    n_pages = len(matching.matches)
    n_right = sum(right)
    n_settled = len(settled)
    return (
        n_right / n_pages,
        (n_settled - n_right) / n_pages,
        1 - n_settled / n_pages,
    )


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %"


def main() -> None:
    cv2.setNumThreads(1)
    args = parse_table_args(table_parser(__doc__, MEASURES))
    table = as_table(take_measures(MEASURES, args.only, args.data), _PACKAGES)
    print(table, end="")
    if args.page:
        fill_page(args.page, "roster", table)


if __name__ == "__main__":
    main()
