"""Measure the LeNet-5 family on MNIST: errors, rejection, other hands, time.

    python examples/benchmarks/mnist.py
    python examples/benchmarks/mnist.py --models models --page docs/benchmarks.md
    python examples/benchmarks/mnist.py --only prediction epoch

The test set is read after the last epoch of trainings whose settings were chosen on
the training set. 27 networks are trained, which takes over five hours of CPU time;
--models keeps them, and takes up those that are there. Everything timed runs in one
thread. The digits are not part of the project; --jobs 2 trains in two processes.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported

import functools
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from family import COMPARED, SEEDS, TAUGHT, TEACHERS, Models, mnist, split_writers
from pages import fill_page
from races import bare_epoch, compare, cpu_time, describe, plain_loop
from semeion import load_semeion
from sklearn.base import ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
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
    LeNet5Classifier,
    count_parameters,
    join_classifiers,
)
from lenet_sklearn.metrics import error_reject_curve, reject_rate_for
from lenet_sklearn.recipes import RECIPES

_PACKAGES = ("lenet-sklearn", "numpy", "onnxruntime", "scikit-learn", "skorch", "torch")
_ROUNDS = 5  # of a time

# A short training, chosen among eight on every fifth writer of the training set: 1.1 %
# error on their digits, with two seeds; two epochs had 1.3 %.
_QUICK: dict[str, Any] = {"max_epochs": 3, "lr": 0.01, "batch_size": 128}


def measure_recipes(models: Models, data: Path) -> Iterator[Row]:
    """Test the networks of 1998 and of the write-ups."""
    X, y = mnist(data, "test")
    bars = {
        "lecun1998": "0.95 % error",
        "lecun1998-affine": "0.80 % error",
        "keras_tanh": "98.57 % right",
        "avg_relu": "98.8 % right",
        "max_relu": "98.8 % right",
        "padded_max_relu": "98.8 % right",
    }
    titles = {
        "lecun1998": "`lecun1998`",
        "lecun1998-affine": "`lecun1998`, affine distortions",
    }
    for (name, bar), model in zip(bars.items(), models.get(data, *bars), strict=True):
        error = float(np.mean(model.predict(X) != y))
        n_parameters = count_parameters(model.net_.module_)
        title = f"{titles.get(name, f'`{name}`')} ({n_parameters:,} parameters)"
        if "right" in bar:
            yield Row(title, f"{100 * (1 - error):.2f} % right", bar)
        else:
            yield Row(title, f"{100 * error:.2f} % error", bar)


def measure_modern(models: Models, data: Path) -> Iterator[Row]:
    """Test the modern recipe: single networks, and the committee of them."""
    members = models.get(data, *(f"modern-{seed}" for seed in SEEDS))
    yield from _errors("`modern`", members, data, ("0.42 %", "0.33 %"))
    X, y = mnist(data, "test")
    rates = []
    for member in members:
        posteriors = member.predict_proba(X)
        guesses = member.classes_[posteriors.argmax(axis=1)]
        curve = error_reject_curve(y, guesses, posteriors.max(axis=1))
        rates.append(100 * reject_rate_for(curve, 0.001))
    listed = ", ".join(f"{rate:.2f}" for rate in rates)
    yield Row(
        "`modern`, rejected for 0.1 % error among accepted",
        f"{np.mean(rates):.2f} % ({listed})",
        "2 %",
    )


def measure_taught(models: Models, data: Path) -> Iterator[Row]:
    """Test the modern recipe where a committee of it has taught others."""
    for name, members, bars in (
        ("`modern` in 60 passes", TEACHERS, ("", "")),
        (
            "`modern` in 40 passes, taught by that committee",
            TAUGHT,
            ("0.36 %", "0.30 %"),
        ),
    ):
        yield from _errors(name, models.get(data, *members), data, bars)


def _errors(
    name: str, members: list[LeNet5Classifier], data: Path, bars: tuple[str, str]
) -> Iterator[Row]:
    """Test networks of one kind, alone and as a committee."""
    X, y = mnist(data, "test")
    errors = [100 * float(np.mean(member.predict(X) != y)) for member in members]
    n_parameters = count_parameters(members[0].net_.module_)
    measured = f"{np.mean(errors):.3f} ± {np.std(errors, ddof=1):.3f} % error"
    listed = ", ".join(f"{error:.2f}" for error in errors)
    yield Row(
        f"{name} ({n_parameters:,} parameters), mean of {len(members)} seeds",
        f"{measured} ({listed})",
        bars[0],
    )
    error = 100 * float(np.mean(join_classifiers(members).predict(X) != y))
    yield Row("committee of these", f"{error:.2f} % error", bars[1])


def measure_lengths(models: Models, data: Path) -> Iterator[Row]:
    """Compare lengths of the modern recipe on writers of the training set kept back."""
    _, (X, y) = split_writers(data)
    for length, trainings in COMPARED.items():
        members = models.get(data, *trainings)
        wrong = [int(np.count_nonzero(member.predict(X) != y)) for member in members]
        yield Row(
            f"`modern` in {length} passes, every fifth writer kept back",
            f"{np.mean(wrong):.1f} ± {np.std(wrong, ddof=1):.1f} of their {len(y):,}"
            f" digits wrong ({', '.join(map(str, wrong))})",
            "",
        )


def measure_others(models: Models, data: Path) -> Iterator[Row]:
    """Read the digits of other hands, scanned elsewhere."""
    X, y = load_semeion(folder_of(data, "semeion"))
    members = models.get(data, *(f"modern-{seed}" for seed in SEEDS))
    right = [100 * member.score(X, y) for member in members]
    yield Row(
        "Semeion, `modern` on MNIST alone, mean of 5 seeds",
        f"{np.mean(right):.2f} ± {np.std(right, ddof=1):.2f} % right",
        "95 % right",
    )
    for name in ("mnist", "forms"):
        model = LeNet5Classifier.from_pretrained(name, device="cpu")
        score = 100 * model.score(X, y)
        yield Row(f"Semeion, shipped `{name}`", f"{score:.2f} % right", "95 % right")


def measure_race(_: Models, data: Path) -> Iterator[Row]:
    """Time the way to 99.0 % right on the test set, beside a plain loop."""
    X, y = mnist(data, "train")
    X_test, y_test = mnist(data, "test")
    quick = LeNet5Classifier(**_QUICK, random_state=0, device="cpu")
    ours = cpu_time(lambda: quick.fit(X, y))
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        # Unpacked there, not beside the user's own.
        shutil.copytree(folder_of(data, "mnist"), Path(folder, "MNIST", "raw"))
        progress = [*plain_loop(Path(folder), 10)]
    reached = [spent for spent, accuracy in progress if accuracy >= 0.99]
    accuracy = 100 * quick.score(X_test, y_test)
    best = 100 * max(accuracy for _, accuracy in progress)
    plain = reached[0] if reached else progress[-1][0]
    there = "to 99.0 %" if reached else f"for 10 epochs, {best:.2f} % at best"
    yield Row(
        "time to 99.0 % right, CPU seconds, plain loop / ours",
        f"{plain / ours:.1f} ({plain:.0f} s {there}, {ours:.1f} s to {accuracy:.2f} %)",
        "5",
    )


def measure_epoch(_: Models, data: Path) -> Iterator[Row]:
    """Time one epoch beside a bare loop over tensors, same network, same batches."""
    X, y = mnist(data, "train")
    ways = {"plain": (None, "1.05"), "with distortions": ("writing", "1.6")}
    for name, (distortion, bar) in ways.items():
        ours = LeNet5Classifier(
            max_epochs=1,
            batch_size=64,
            schedule="constant",
            distortion=distortion,
            random_state=0,
            device="cpu",
        )
        ratios = compare(
            lambda ours=ours: cpu_time(lambda: ours.fit(X, y)),  # type: ignore[misc]
            lambda: bare_epoch(X, y, 64),
            _ROUNDS,
        )
        yield Row(f"CPU time of an epoch / bare loop, {name}", describe(ratios), bar)


def measure_prediction(_: Models, data: Path) -> Iterator[Row]:
    """Time predict_proba beside skorch's, for the same module."""
    X, y = mnist(data, "train")
    digits = np.concatenate([X, X[:40_000]])
    pixels = (digits.astype(np.float32) / 255)[:, None]
    ours = LeNet5Classifier(max_epochs=1, random_state=0, device="cpu")
    ours.fit(X[:1000], y[:1000])
    theirs = NeuralNetClassifier(
        ours.net_.module_, criterion=torch.nn.CrossEntropyLoss, device="cpu"
    ).initialize()
    for engine, bar in {"torch": "1.5", "onnxruntime": "3.5"}.items():
        ours.set_params(engine=engine)
        ours.predict_proba(X[:1000])  # what is made once is made now
        ratios = compare(
            lambda: cpu_time(lambda: theirs.predict_proba(pixels)),
            lambda: cpu_time(lambda: ours.predict_proba(digits)),
            _ROUNDS,
        )
        yield Row(
            f"`predict_proba` of 100,000, CPU time, skorch / {engine}",
            describe(ratios),
            bar,
        )


def measure_sklearn(_: Models, data: Path) -> Iterator[Row]:
    """Compare with scikit-learn's own classifiers, on 10,000 digits."""
    X, y = (part[:10_000] for part in mnist(data, "train"))
    X_test, y_test = mnist(data, "test")
    flat, flat_test = (Z.reshape(len(Z), -1) / 255 for Z in (X, X_test))
    lenet5 = LeNet5Classifier(random_state=0, device="cpu")
    rivals: dict[str, ClassifierMixin] = {
        "LeNet5Classifier()": lenet5,
        "MLPClassifier()": MLPClassifier(random_state=0),
        "SVC()": SVC(),
        "KNeighborsClassifier()": KNeighborsClassifier(),
    }
    for name, rival in rivals.items():
        images = (X, X_test) if rival is lenet5 else (flat, flat_test)
        fitting = cpu_time(functools.partial(rival.fit, images[0], y))
        start = time.process_time()
        error = 100 * float(np.mean(rival.predict(images[1]) != y_test))
        reading = time.process_time() - start
        yield Row(
            f"10,000 training digits, `{name}`",
            f"{error:.2f} % error; fit {fitting:.1f} s, predict {reading:.1f} s",
            "lowest" if rival is lenet5 else "",
        )


def measure_gpu(_: Models, data: Path) -> Iterator[Row]:
    """Time the training of `modern` where there is a GPU."""
    what = "`modern`, time of the training on a GPU"
    if not torch.cuda.is_available():
        yield Row(what, "not run: no GPU here", "20 s")
        return
    X, y = mnist(data, "train")
    X_test, y_test = mnist(data, "test")
    classifier = LeNet5Classifier(**RECIPES["modern"], random_state=0, device="cuda")
    classifier.fit(X[:1000], y[:1000])  # starts the device
    start = time.perf_counter()
    classifier.fit(X, y)
    seconds = time.perf_counter() - start
    error = 100 * float(np.mean(classifier.predict(X_test) != y_test))
    device = torch.cuda.get_device_name()
    yield Row(what, f"{seconds:.1f} s, {error:.2f} % error ({device})", "20 s")


MEASURES: dict[str, Callable[[Models, Path], Iterator[Row]]] = {
    "modern": measure_modern,
    "taught": measure_taught,
    "lengths": measure_lengths,
    "recipes": measure_recipes,
    "others": measure_others,
    "race": measure_race,
    "epoch": measure_epoch,
    "prediction": measure_prediction,
    "sklearn": measure_sklearn,
    "gpu": measure_gpu,
}


def main() -> None:
    parser = table_parser(__doc__, MEASURES)
    parser.add_argument("--models", type=Path, help="folder that keeps the networks")
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    args = parse_table_args(parser)
    with tempfile.TemporaryDirectory() as folder:
        if args.models:
            args.models.mkdir(exist_ok=True)
        models = Models(args.models or Path(folder), args.jobs)
        measures = {
            name: functools.partial(measure, models)
            for name, measure in MEASURES.items()
        }
        table = as_table(take_measures(measures, args.only, args.data), _PACKAGES)
    print(table, end="")
    if args.page:
        fill_page(args.page, "mnist", table)


if __name__ == "__main__":
    main()
