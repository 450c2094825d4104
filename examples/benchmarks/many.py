"""Measure a search of many networks, beside GridSearchCV over skorch's classifier.

    python examples/benchmarks/many.py
    python examples/benchmarks/many.py --page docs/benchmarks.md
    python examples/benchmarks/many.py --only step

Twelve settings are cross-validated in four folds of 20,000 digits of MNIST, five epochs
each: 48 networks of one kind. The rival is what skorch's documentation writes, a
GridSearchCV over NeuralNetClassifier with its own DataLoader, on images that are floats
already; it has as many processes as there are cores, too. Each search runs in processes
of its own, of one thread, whose CPU time is counted from their start to their end. It
takes about twenty minutes; the digits are not part of the project.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pages import fill_page
from races import compare, cpu_time, describe
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier
from tables import (
    Row,
    as_table,
    folder_of,
    parse_table_args,
    table_parser,
    take_measures,
)

from lenet_sklearn import (
    LeNet5,
    LeNet5Classifier,
    StackedGridSearchCV,
    load_dataset,
)

_PACKAGES = ("lenet-sklearn", "scikit-learn", "skorch", "torch")
_N_DIGITS, _N_FOLDS, _N_EPOCHS = 20_000, 4, 5
_ROUNDS = 5  # of a time

GRID: dict[str, list[float]] = {
    "lr": [0.0005, 0.001, 0.003, 0.01],
    "optimizer__weight_decay": [0.0, 0.01, 0.1],
}


def search_ours(data: Path, device: str) -> GridSearchCV:
    """Train the networks of a search together."""
    X, y = load_dataset("mnist", data_dir=folder_of(data, "mnist"))
    classifier = LeNet5Classifier(max_epochs=_N_EPOCHS, random_state=0, device=device)
    search = StackedGridSearchCV(classifier, GRID, cv=_N_FOLDS, refit=False)
    return search.fit(X[:_N_DIGITS], y[:_N_DIGITS])


def search_skorch(data: Path, device: str) -> GridSearchCV:
    """Train one network after the other in each process, as skorch's users do."""
    X, y = load_dataset("mnist", data_dir=folder_of(data, "mnist"))
    pixels = (X[:_N_DIGITS].astype(np.float32) / 255)[:, None]
    net = NeuralNetClassifier(
        LeNet5,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        max_epochs=_N_EPOCHS,
        iterator_train__shuffle=True,
        train_split=False,
        verbose=0,
        device=device,
    )
    search = GridSearchCV(
        net, GRID, cv=_N_FOLDS, refit=False, n_jobs=-1 if device == "cpu" else None
    )
    return search.fit(pixels, y[:_N_DIGITS])


SEARCHES = {"ours": search_ours, "skorch": search_skorch}


def race(name: str, data: Path, device: str) -> dict[str, Any]:
    """Run a search in a process of its own, and wait for it and its workers."""
    cpu, start = _cpu_of_children(), time.perf_counter()
    command = [sys.executable, __file__, "--data", str(data), "--race", name, device]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    wall = time.perf_counter() - start
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "wall": wall, "cpu": _cpu_of_children() - cpu}


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def print_result(search: GridSearchCV) -> None:
    """Write what a race found as JSON, for the process that waits."""
    scores = search.cv_results_["mean_test_score"]
    found = {"best": max(scores), "mean": float(np.mean(scores))}
    print(json.dumps({**found, "way": getattr(search, "way_", "")}))


def measure_search(device: str, data: Path) -> Iterator[Row]:
    """Time both searches, one after the other, and compare what they find."""
    what = f"48 networks, {'CPU' if device == 'cpu' else 'GPU'}"
    bar = "1.5" if device == "cpu" else "20"
    if device != "cpu" and not torch.cuda.is_available():
        yield Row(f"{what}, wall time, skorch / ours", "not run: no GPU here", bar)
        return
    ours, theirs = (race(name, data, device) for name in SEARCHES)
    for name, title in {"wall": "wall time", "cpu": "CPU time"}.items():
        ratio = theirs[name] / ours[name]
        seconds = f"{theirs[name]:.0f} s / {ours[name]:.0f} s"
        yield Row(f"{what}, {title}, skorch / ours", f"{ratio:.2f} ({seconds})", bar)
    yield Row(
        f"{what}, read right: best setting, mean of settings",
        f"{100 * ours['best']:.2f}, {100 * ours['mean']:.2f} %",
        f"skorch: {100 * theirs['best']:.2f}, {100 * theirs['mean']:.2f} %",
    )
    yield Row(f"{what}, the way taken", ours["way"], "")


def measure_step(data: Path) -> Iterator[Row]:
    """Time the training of networks alone, beside that of stacks of them."""
    X, y = load_dataset("mnist", data_dir=folder_of(data, "mnist"))
    X, y = X[:4096], y[:4096]

    def train(stack_size: int) -> float:
        classifier = LeNet5Classifier(max_epochs=1, random_state=0, device="cpu")
        search = StackedGridSearchCV(
            classifier,
            {"lr": np.geomspace(1e-4, 1e-2, 8)},
            cv=[(np.arange(4000), np.arange(4000, 4096))],
            refit=False,
            n_jobs=1,
            stack_size=stack_size,
        )
        return cpu_time(lambda: search.fit(X, y))

    for stack_size in (2, 4, 8):
        ratios = compare(partial(train, 1), partial(train, stack_size), _ROUNDS)
        yield Row(
            f"CPU time of a search of 8, alone / in stacks of {stack_size}",
            describe(ratios),
            "",
        )


MEASURES: dict[str, Callable[[Path], Iterator[Row]]] = {
    "search": partial(measure_search, "cpu"),
    "gpu": partial(measure_search, "cuda"),
    "step": measure_step,
}


def main() -> None:
    parser = table_parser(__doc__, MEASURES)
    parser.add_argument("--race", nargs=2, metavar=("SEARCH", "DEVICE"))
    args = parse_table_args(parser)
    if args.race:
        name, device = args.race
        print_result(SEARCHES[name](args.data, device))
        return
    table = as_table(take_measures(MEASURES, args.only, args.data), _PACKAGES)
    print(table, end="")
    if args.page:
        fill_page(args.page, "many", table)


if __name__ == "__main__":
    main()
