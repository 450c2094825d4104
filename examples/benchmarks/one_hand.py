"""Measure numbers of several digits, each from one hand, built of MNIST's test digits.

    python examples/benchmarks/one_hand.py
    python examples/benchmarks/one_hand.py --page docs/benchmarks.md

A number is drawn, then one of the writers of MNIST's test set who have all digits of
it, then an image of each digit by that writer, as K. L. Wagstaff, "Realistic
handwritten multi-digit writer (MDW) number recognition challenges" (arXiv 2512.00676,
2025) builds them. Where that takes all digits of NIST and the ZIP codes that exist,
these are the 10,000 digits of MNIST's test set, and any number of five digits between
the lowest and the highest ZIP code. Every digit is read by itself. Everything runs in
one thread. The digits are not part of the project.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from family import mnist
from numpy.random import Generator
from numpy.typing import NDArray
from pages import fill_page
from sklearn.svm import SVC
from tables import (
    Row,
    as_table,
    folder_of,
    parse_table_args,
    table_parser,
    take_measures,
)

from lenet_sklearn import LeNet5Classifier, load_writers

_N_NUMBERS = 10_000
_SEED = 0
_PACKAGES = ("lenet-sklearn", "numpy", "onnxruntime", "scikit-learn", "torch")


class Numbers(NamedTuple):
    """Strings, and which digits of the test set spell them."""

    texts: list[str]
    digits: list[NDArray[np.intp]]


def draw_zip_code(rng: Generator) -> str:
    """Draw one of five digits, from the lowest to the highest there is."""
    return f"{rng.integers(501, 99_951):05d}"


def draw_amount(rng: Generator) -> str:
    """Draw an amount in cents, below 100,000.00, by Benford's law."""
    return f"{int(10 ** rng.uniform(2, 7))}"


def draw_time(rng: Generator) -> str:
    """Draw a minute of the day, without a zero before the hour."""
    hour, minute = divmod(int(rng.integers(24 * 60)), 60)
    return f"{hour}{minute:02d}"


# What is drawn, the share of strings wrong that is aimed at, and that of SVC in the
# paper.
_KINDS: dict[str, tuple[Callable[[Generator], str], str, str]] = {
    "ZIP codes": (draw_zip_code, "2.5 %", "7 % in the paper"),
    "amounts": (draw_amount, "2.5 %", "8 % in the paper"),
    "times": (draw_time, "2 %", "5 % in the paper"),
}


@functools.cache
def draw_numbers(kind: str, data: Path) -> Numbers:
    """Draw the numbers of a kind, and spell each with digits of one writer."""
    _, labels = mnist(data, "test")
    writers = load_writers(folder_of(data, "mnist_writers"), split="test")
    own = {
        int(writer): [
            np.flatnonzero((writers == writer) & (labels == digit))
            for digit in range(10)
        ]
        for writer in np.unique(writers)
    }
    rng = np.random.default_rng(_SEED)
    draw, _, _ = _KINDS[kind]
    numbers = Numbers([draw(rng) for _ in range(_N_NUMBERS)], [])
    for text in numbers.texts:
        able = [w for w, have in own.items() if all(len(have[int(c)]) for c in text)]
        hand = own[able[rng.integers(len(able))]]
        numbers.digits.append(np.array([rng.choice(hand[int(c)]) for c in text]))
    return numbers


def measure_wrong(
    what: str, predict: Callable[[NDArray[Any]], NDArray[Any]], data: Path
) -> Iterator[Row]:
    """Count the strings of each kind in which a digit is misread."""
    X, _ = mnist(data, "test")
    read = np.array([str(digit) for digit in predict(X)])
    for kind, (_, bar, paper) in _KINDS.items():
        numbers = draw_numbers(kind, data)
        spelled = ["".join(read[digits]) for digits in numbers.digits]
        wrong = np.mean(np.array(spelled) != np.array(numbers.texts))
        title = f"{_N_NUMBERS:,} {kind} of one hand each, {what}"
        aim = paper if what.startswith("`SVC") else bar
        yield Row(title, f"{100 * wrong:.2f} % wrong", aim)


def measure_shipped(data: Path) -> Iterator[Row]:
    """Read them with the weights that ship."""
    for name in ("mnist", "forms"):
        classifier = LeNet5Classifier.from_pretrained(name, device="cpu")
        yield from measure_wrong(f"shipped `{name}`", classifier.predict, data)


def measure_svc(data: Path) -> Iterator[Row]:
    """Read them with scikit-learn's SVC, fitted on all of the training set."""
    X, y = mnist(data, "train")
    rival = SVC().fit(X.reshape(len(X), -1) / 255, y)

    def predict(digits: NDArray[Any]) -> NDArray[Any]:
        return rival.predict(digits.reshape(len(digits), -1) / 255)

    yield from measure_wrong("`SVC()`", predict, data)


MEASURES: dict[str, Callable[[Path], Iterator[Row]]] = {
    "shipped": measure_shipped,
    "svc": measure_svc,
}


def main() -> None:
    args = parse_table_args(table_parser(__doc__, MEASURES))
    table = as_table(take_measures(MEASURES, args.only, args.data), _PACKAGES)
    print(table, end="")
    if args.page:
        fill_page(args.page, "one_hand", table)


if __name__ == "__main__":
    main()
