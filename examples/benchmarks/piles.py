"""Measure piles as they really are, as a table.

    python examples/benchmarks/piles.py
    python examples/benchmarks/piles.py --only combs sudoku
    python examples/benchmarks/piles.py --page docs/benchmarks.md

writes the table between the marks that the page has for it. Most pages are drawn here,
of seeds that nobody looked at when the ways of reading them were made.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported

import cv2
import piles_combs
import piles_filled
import piles_free
import piles_marks
import piles_mixed
import piles_photographs
import piles_prints
import piles_signs
import torch
from pages import fill_page
from tables import as_table, parse_table_args, table_parser, take_measures

MEASURES = {
    **piles_photographs.MEASURES,
    **piles_prints.MEASURES,
    **piles_combs.MEASURES,
    **piles_filled.MEASURES,
    **piles_free.MEASURES,
    **piles_marks.MEASURES,
    **piles_mixed.MEASURES,
    **piles_signs.MEASURES,
}

_PACKAGES = ("lenet-sklearn", "numpy", "opencv-python-headless", "onnxruntime")


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    args = parse_table_args(table_parser(__doc__, MEASURES))
    table = as_table(take_measures(MEASURES, args.only, args.data), _PACKAGES)
    print(table, end="")
    if args.page:
        fill_page(args.page, "piles", table)


if __name__ == "__main__":
    main()
