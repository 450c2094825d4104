"""Measure searches over the whole chain, as a table.

    python examples/benchmarks/search.py
    python examples/benchmarks/search.py --only cache groups
    python examples/benchmarks/search.py --page docs/benchmarks.md

Searches with cheque amounts are made with few of them, and writers of MNIST with few
passes, so that all rows but the last take about 15 minutes of one core; they say how
many. What must have the machine for itself says so where it had not.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported

import csv
import json
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
from amounts import load_amounts
from pages import fill_page
from runs import start_lenet
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ParameterGrid,
    cross_val_score,
)
from tables import Row, as_table, parse_table_args, table_parser, take_measures

from lenet_sklearn import (
    LeNet5Classifier,
    load_dataset,
    load_model,
    load_writers,
    recipes,
)
from lenet_sklearn.strings import StringRecognizer, lattice_training
from pipelines import (
    CuttingReader,
    ImageMemory,
    RuleRemover,
    SlidingReader,
    VotingReader,
    load_line_reader,
    make_field_reader,
)
from pipelines.images import Image
from pipelines.lines import segments, surroundings
from pipelines.pages import cleaning
from pipelines.readers import comb, free
from pipelines.training.search import SearchPlan, search

_PACKAGES = (
    "lenet-sklearn",
    "numpy",
    "opencv-python-headless",
    "scikit-learn",
    "torch",
)

# Passes of a full fit are ten times as many: image steps weigh more here.
_N_CACHED = 10
_READER = "read__line_reader__"
_CLEANINGS: list[dict[str, list[Any]]] = [
    {},
    {"despeckle": ["passthrough"]},
    {"flatten": ["passthrough"]},
]
_REMOVALS = [RuleRemover(), RuleRemover(ruling=True), "passthrough"]
_NETWORKS = {
    f"{_READER}sliding_reader__max_epochs": [10, 20],
    f"{_READER}cutting_reader__max_epochs": [4, 8],
}
_N_FOLDS = 5
_CHAIN = [{**part, "read__rules": _REMOVALS, **_NETWORKS} for part in _CLEANINGS]

# What is done with the image of a field before a network sees it.
_STEPS = (
    (cleaning, "despeckle"),
    (cleaning, "flatten_background"),
    (comb, "find_combs"),
    (surroundings, "clear_surroundings"),
    (free, "normalize_line"),
    (segments, "segment_field"),
)

# A machine on which others are at work tells nothing of time on the wall.
_MOST_LOAD = 0.5

_N_TIMED = 10
_N_KILLED = 40
_N_BUDGETED = 100
_BUDGET = 360
_N_FIRST = 200

_N_WRITERS = 60


def measure_cache(data: Path) -> Iterator[Row]:
    """Search with and without a memory, and count what is done with images."""
    fields, texts = _few(data, _N_CACHED)
    n_candidates = len(ParameterGrid(_CHAIN))
    scores, totals = [], []
    for kept in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            memory = ImageMemory(folder) if kept else None
            searching = GridSearchCV(
                _small_reader(memory),
                _CHAIN,
                cv=_N_FOLDS,
                refit=False,
                error_score="raise",
            )
            with _watched_steps() as done, _timed_fits() as of_fits:
                start = time.process_time()
                searching.fit(fields, texts)
                total = time.process_time() - start
        scores.append(searching.cv_results_["mean_test_score"])
        totals.append((total, sum(of_fits), sum(done.values()), len(done)))
    (without, fits, often, _), (total, of_fits, calls, distinct) = totals
    what = (
        f"{n_candidates} settings of the chain, {_N_FOLDS} folds, {len(fields)} amounts"
    )
    same = "same scores" if np.array_equal(*scores) else "OTHER SCORES"
    yield Row(
        f"{what}: steps done with an image, each setting and field counted once",
        f"{calls} of {distinct} with a memory, {often} without; {same}",
        "once for each",
    )
    yield Row(
        f"the same: CPU time / that of the network fits ({of_fits:.0f} s)",
        f"{total / of_fits:.2f} with a memory, {without / fits:.2f} without",
        "1.15",
    )


def measure_processes(data: Path) -> Iterator[Row]:
    """Search in one process and in two."""
    n_fits = _N_FOLDS * len(ParameterGrid(_CHAIN))
    what = f"the same search, {_N_TIMED} amounts, {n_fits} fits: one process / two"
    if (load := os.getloadavg()[0]) > _MOST_LOAD:
        said = f"not measured: the machine is busy (load {load:.1f})"
        yield Row(what, said, "1.85")
        return
    times = [_timed_search(data, jobs) for jobs in (1, 2)]
    yield Row(what, f"{times[0] / times[1]:.2f} ({times[1]:.0f} s)", "1.85")


def measure_groups(data: Path) -> Iterator[Row]:
    """Cross-validate on digits of few writers, with whole writers held out and not."""
    X, y = load_dataset("mnist", data_dir=data / "mnist")
    writers = load_writers(data_dir=data / "mnist_writers")
    chosen = np.flatnonzero(np.isin(writers, np.unique(writers)[:_N_WRITERS]))
    classifier = LeNet5Classifier(**{**recipes.modern, "max_epochs": 3}, random_state=0)
    ways = {
        "mixed": {"cv": KFold(5, shuffle=True, random_state=0)},
        "apart": {"cv": GroupKFold(5), "groups": writers[chosen]},
    }
    errors = {}
    for name, way in ways.items():
        scores = cross_val_score(classifier, X[chosen], y[chosen], **way)
        errors[name] = f"{1 - scores.mean():.2%} +- {scores.std():.2%}"
    yield Row(
        f"{len(chosen)} digits of {_N_WRITERS} writers of MNIST, `modern` in 3 passes,"
        " 5 folds: error",
        f"{errors['apart']} with whole writers held out, {errors['mixed']} without",
        "stated",
    )


def measure_kill(data: Path) -> Iterator[Row]:
    """Kill a search in the middle, start it again, and compare it to one that ran."""
    with tempfile.TemporaryDirectory() as folder:
        command = _write_fields(data, _N_KILLED, Path(folder))
        whole = Path(folder, "whole.safetensors")
        _wait(start_lenet(*command, "-o", str(whole), "--jobs", "1"))
        killed = Path(folder, "killed.safetensors")
        kept = killed.with_suffix(".search")
        run = start_lenet(*command, "-o", str(killed), "--jobs", "1")
        while len(list(kept.glob("*.npz"))) < 4 and run.poll() is None:
            time.sleep(0.05)
        run.send_signal(signal.SIGKILL)
        run.wait()
        done = _files_of(kept)
        _wait(start_lenet(*command, "-o", str(killed), "--jobs", "1"))
        after, once = _files_of(kept), _files_of(whole.with_suffix(".search"))
        again = sum(after[name] != when for name, when in done.items())
        again += len(after) - len(once)  # under another name
        tables = [_scores_of(path) for path in (whole, killed)]
    same = "the same" if tables[0] == tables[1] else "ANOTHER"
    yield Row(
        f"killed after {len(done)} of {len(once)} fits and started again,"
        f" {_N_KILLED} amounts",
        f"{same} table, {again} fits done again",
        "the same, none",
    )


def measure_budget(data: Path) -> Iterator[Row]:
    """Give a search a budget, and time it by the clock."""
    with tempfile.TemporaryDirectory() as folder:
        command = _write_fields(data, _N_BUDGETED, Path(folder))
        model = Path(folder, "best.safetensors")
        start = time.monotonic()
        words = ("-o", str(model), "--budget", f"{_BUDGET}s")
        status = start_lenet(*command, *words).wait()
        seconds = time.monotonic() - start
        table = model.with_suffix(".search.csv")
        rungs = table.exists() and "n_labelled" in table.read_text(encoding="utf-8")
    done = "refused as too short" if status == 2 else "ended"
    yield Row(
        f"`lenet search --grid quick --budget {_BUDGET}s`, {_N_BUDGETED} amounts",
        f"{done} after {seconds:.0f} s, {'halving' if rungs else 'without halving'}"
        f" (load {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores)",
        f"{_BUDGET} s",
    )


def measure_first(data: Path) -> Iterator[Row]:
    """Search with 200 amounts, and read 400 others with what it saves."""
    amounts = load_amounts(data)
    held = range(_N_FIRST, _N_FIRST + 400)
    with tempfile.TemporaryDirectory() as folder:
        command = _write_fields(data, _N_FIRST, Path(folder), every=1)
        model = Path(folder, "best.safetensors")
        start = time.monotonic()
        _wait(start_lenet(*command, "-o", str(model)))
        seconds = time.monotonic() - start
        readers = [make_field_reader(), make_field_reader()]
        if model.exists():
            readers[1].set_params(read__line_reader=load_line_reader(model))
        fields, texts = [amounts.fields[n] for n in held], amounts.texts[held]
        before, after = (reader.score(fields, texts) for reader in readers)
    yield Row(
        f"`lenet search --grid quick`, {_N_FIRST} labelled amounts",
        f"{seconds / 60:.1f} min (load {os.getloadavg()[2]:.1f} on"
        f" {os.cpu_count()} cores); 400 others {before:.1%} before, {after:.1%} after",
        "5 min, better",
    )


def _few(data: Path, n: int) -> tuple[list[Image], list[str]]:
    """Take some amounts, from all over the set."""
    amounts = load_amounts(data)
    chosen = range(0, len(amounts.fields), len(amounts.fields) // n)
    return [amounts.fields[i] for i in chosen][:n], amounts.texts[chosen][:n].tolist()


def _small_reader(memory: ImageMemory | None = None) -> Any:
    sliding = SlidingReader(load_model("lenet5", device="cpu"))
    vote = VotingReader(sliding_reader=sliding, cutting_reader=CuttingReader())
    return make_field_reader(line_reader=vote, memory=memory)


@contextmanager
def _watched_steps() -> Iterator[Counter[bytes]]:
    """Count how often each step is done with each image, under each setting."""
    done: Counter[bytes] = Counter()
    with ExitStack() as stack:
        for module, name in _STEPS:
            watched = _watch(getattr(module, name), done)
            stack.enter_context(patch.object(module, name, watched))
        yield done


def _watch(step: Callable[..., Any], done: Counter[bytes]) -> Callable[..., Any]:
    @wraps(step)  # a memory knows it by its name
    def watched(image: Image, *settings: Any, **more: Any) -> Any:
        key = f"{step.__name__} {settings} {more} {image.shape} ".encode()
        done[key + image.tobytes()] += 1
        return step(image, *settings, **more)

    return watched


@contextmanager
def _timed_fits() -> Iterator[list[float]]:
    """Gather the CPU time of all fits of networks."""
    seconds: list[float] = []
    fit, train = StringRecognizer.fit, lattice_training.train_arcs
    with (
        patch.object(StringRecognizer, "fit", _time(fit, seconds)),
        patch.object(lattice_training, "train_arcs", _time(train, seconds)),
    ):
        yield seconds


def _time(work: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    @wraps(work)
    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.process_time()
        try:
            return work(*args, **kwargs)
        finally:
            seconds.append(time.process_time() - start)

    return timed


def _timed_search(data: Path, jobs: int) -> float:
    """Time a search, with the start of its processes."""
    fields, texts = _few(data, _N_TIMED)
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        plan = SearchPlan(Path(folder, "search"), n_folds=_N_FOLDS, jobs=jobs)
        search(_small_reader(), fields, texts, _CHAIN, plan)
        return time.monotonic() - start


def _write_fields(
    data: Path, n: int, folder: Path, every: int | None = None
) -> Sequence[str]:
    """Write amounts as a user has them; return the command without its output."""
    amounts = load_amounts(data)
    step = every or len(amounts.fields) // n
    chosen = list(range(0, len(amounts.fields), step))[:n]
    images = folder / "fields"
    images.mkdir()
    for number in chosen:
        cv2.imwrite(str(images / f"{number:04d}.png"), amounts.fields[number])
    truth = folder / "truth.csv"
    with truth.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "value"])
        rows.writerows(
            [f"{number:04d}.png", amounts.texts[number]] for number in chosen
        )
    samples = ("--fields", str(images), "--truth", str(truth))
    return ("search", *samples, "--grid", "quick")


def _files_of(folder: Path) -> dict[str, int]:
    """List what each fit has left, and when it was written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")}


def _wait(run: Any) -> None:
    """Wait for a search; it may have gained nothing."""
    if run.wait() not in (0, 1):
        raise RuntimeError(f"lenet search ended with exit status {run.returncode}")


def _scores_of(model: Path) -> str:
    """What a table says, but for the seconds."""
    with model.with_suffix(".search.csv").open(newline="", encoding="utf-8") as file:
        rows = [{**row, "seconds": ""} for row in csv.DictReader(file)]
    return json.dumps(rows)


MEASURES = {
    "cache": measure_cache,
    "groups": measure_groups,
    "kill": measure_kill,
    "budget": measure_budget,
    "processes": measure_processes,
    "first": measure_first,
}


def main() -> None:
    args = parse_table_args(table_parser(__doc__, MEASURES))
    table = as_table(take_measures(MEASURES, args.only, args.data), _PACKAGES)
    print(table, end="")
    if args.page:
        fill_page(args.page, "search", table)


if __name__ == "__main__":
    main()
