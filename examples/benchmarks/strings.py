"""Measure the reading of digit strings on real cheque amounts.

    python examples/benchmarks/strings.py
    python examples/benchmarks/strings.py --models models --page docs/benchmarks.md
    python examples/benchmarks/strings.py --only speed length nothing

Everything fitted is measured by 5-fold cross-validation: no amount is read by a
network that was fitted with it. Of two figures, the first is by the labels as they were
published, the second by audited ones, without the fields that the audit cannot tell.
Networks are fitted with the former. The amounts are not part of the project. Everything
runs in one thread.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from amounts import (
    Amounts,
    fit_fold,
    fit_segments_fold,
    folds_of,
    load_amounts,
    read_folds,
)
from judging import Reading, accepted_at, judge
from numpy.typing import NDArray
from pages import fill_page
from races import cpu_time
from tables import (
    Row,
    add_models,
    as_table,
    models_folder,
    parse_table_args,
    table_parser,
    take_measures,
)

from lenet_sklearn import count_parameters, load_model
from lenet_sklearn.strings import StringCommittee, join_recognizers
from pipelines import CuttingReader, SlidingReader, VotingReader
from pipelines.drawing import draw_string, draw_writer
from pipelines.training.strings import count_numbers

# Networks, their bars as shipped, fitted, and in CPU milliseconds a field.
_NETWORKS = {
    "lenet5": ("", "84 %", "0.8"),
    "lenet5_dense": ("70 %", "88 %", ""),
    "wide": ("80 %", "91 %", "1.2"),
}

# The networks that ship, and what is fitted from them, read at several widths.
_ONE_WIDTH = (1.0,)

# Fields that are timed, with Tesseract too.
_N_TIMED = 300

_CURVE = (20, 50, 100, 200, 400, 800)
_PACKAGES = ("lenet-sklearn", "numpy", "opencv-python-headless", "torch")


def measure_shipped(_models: Path, data: Path) -> Iterator[Row]:
    """Read all amounts with the weights that ship."""
    amounts = load_amounts(data)
    for network, (bar, _, _) in _NETWORKS.items():
        reader = load_model(network, device="cpu")
        n_parameters = count_parameters(reader.net_.module_)
        averaged = reader.predict(amounts.strips)
        n_widths = len(reader.widths)
        reader.set_params(widths=_ONE_WIDTH)
        read = reader.predict(amounts.strips)
        yield Row(
            f"`{network}` ({n_parameters:,} parameters), no cheque seen",
            f"{shares(amounts, read)};"
            f" {n_widths} widths averaged {shares(amounts, averaged)}",
            bar,
        )


def measure_fitted(models: Path, data: Path) -> Iterator[Row]:
    """Read every fold with networks fitted on the others."""
    amounts = load_amounts(data)
    for network, (_, bar, _) in _NETWORKS.items():
        read, averaged = (np.empty_like(amounts.texts) for _ in range(2))
        n_widths = 0
        for fold, (_, held) in enumerate(folds_of(amounts)):
            reader = fit_fold(network, fold, amounts, models)
            strips = [amounts.strips[i] for i in held]
            averaged[held] = reader.predict(strips)
            n_widths = len(reader.widths)
            reader.set_params(widths=_ONE_WIDTH)
            read[held] = reader.predict(strips)
        yield Row(
            f"`{network}`, fitted on the other folds",
            f"{shares(amounts, read)};"
            f" {n_widths} widths averaged {shares(amounts, averaged)}",
            bar,
        )


def measure_committee(models: Path, data: Path) -> Iterator[Row]:
    """Let the three networks vote, each at its widths, and over-segmentation too."""
    amounts = load_amounts(data)
    networks = read_folds(
        amounts, lambda fold: SlidingReader(_committee(fold, amounts, models))
    )
    everything = read_folds(
        amounts,
        lambda fold: VotingReader(
            sliding_reader=SlidingReader(_committee(fold, amounts, models)),
            cutting_reader=fit_segments_fold(fold, amounts, models),
        ),
    )
    members = _committee(0, amounts, models).members_
    n_parameters = sum(count_parameters(m.net_.module_) for m in members)
    yield Row(
        f"committee of the three ({n_parameters:,} parameters)",
        _describe(amounts, networks),
        "",
    )
    n_parameters += count_numbers(load_model("segments"))
    yield Row(
        f"the same and over-segmentation ({n_parameters:,} parameters), voting",
        _describe(amounts, everything),
        "",
    )


def measure_segments(models: Path, data: Path) -> Iterator[Row]:
    """Cut the amounts, join the pieces, and find the best path."""
    amounts = load_amounts(data)
    reader = CuttingReader()
    read = reader.predict(amounts.fields)
    n_parameters = count_numbers(reader.reading_model())
    yield Row(
        f"over-segmentation ({n_parameters:,} parameters), no cheque seen",
        shares(amounts, read),
        "65 %",
    )
    fitted = read_folds(amounts, lambda fold: fit_segments_fold(fold, amounts, models))
    said = shares(amounts, fitted.texts)
    yield Row("the same, fitted on the other folds", said, "82 %")


def measure_vote(models: Path, data: Path) -> Iterator[Row]:
    """Let over-segmentation and a network that slides vote."""
    amounts = load_amounts(data)
    read = VotingReader().predict(amounts.fields)
    wide = load_model("wide", device="cpu")
    n_parameters = count_parameters(wide.net_.module_)
    n_parameters += count_numbers(load_model("segments"))
    yield Row(
        f"`wide` and over-segmentation ({n_parameters:,} parameters) voting, no cheque"
        " seen",
        shares(amounts, read),
        "",
    )
    together = read_folds(
        amounts,
        lambda fold: VotingReader(
            sliding_reader=SlidingReader(fit_fold("wide", fold, amounts, models)),
            cutting_reader=fit_segments_fold(fold, amounts, models),
        ),
    )
    alone = read_folds(
        amounts, lambda fold: SlidingReader(fit_fold("wide", fold, amounts, models))
    )
    of_both = rights(amounts, together.texts)
    n_right = _both(f"{np.count_nonzero(right)}" for right in of_both)
    gains = [
        100 * (np.mean(right) - np.mean(without))
        for right, without in zip(of_both, rights(amounts, alone.texts), strict=True)
    ]
    yield Row(
        "the same, fitted on the other folds",
        f"{n_right} fields, {_describe(amounts, together)};"
        f" {_both(f'{gain:+.1f}' for gain in gains)} points against `wide` alone",
        "93 %, the best committee",
    )


def measure_curve(models: Path, data: Path) -> Iterator[Row]:
    """Fit `wide` on few and on many fields of the other folds."""
    amounts = load_amounts(data)
    read = {n_fields: np.empty_like(amounts.texts) for n_fields in (0, *_CURVE)}
    for fold, (rest, held) in enumerate(folds_of(amounts)):
        rest = np.random.default_rng(fold).permutation(rest)
        for n_fields in read:
            reader = (
                fit_fold("wide", fold, amounts, models, rest=rest[:n_fields])
                if n_fields
                else load_model("wide", device="cpu")
            )
            strips = [amounts.strips[i] for i in held]
            read[n_fields][held] = reader.predict(strips)
    listed = ", ".join(f"{n}: {shares(amounts, of_all)}" for n, of_all in read.items())
    yield Row("`wide`, fitted on so many fields of the other folds", listed, "")
    steps = [rights(amounts, read[n]) for n in (0, 100, _CURVE[-1])]
    gains = []
    for right in zip(*steps, strict=True):
        none, few, many = map(np.mean, right)
        gains.append((few - none) / max(many - none, 1e-9))
    said = _both(f"{100 * gain:.0f}" for gain in gains)
    yield Row("share of that gain at 100 fields", f"{said} %", "50 %")


def measure_speed(_models: Path, data: Path) -> Iterator[Row]:
    """Time fields, image in memory to string."""
    amounts = load_amounts(data)
    fields = amounts.fields[:_N_TIMED]
    readers: dict[str, tuple[Any, str]] = {}
    for network, (_, _, bar) in _NETWORKS.items():
        recognizer = load_model(network, device="cpu", widths=_ONE_WIDTH)
        readers[f"`{network}`"] = SlidingReader(recognizer), bar
    shipped = load_model("wide", device="cpu")
    readers[f"`wide`, {len(shipped.widths)} widths"] = SlidingReader(shipped), ""
    readers["over-segmentation"] = CuttingReader(), ""
    readers["the two voting"] = VotingReader(), ""
    for name, (reader, bar) in readers.items():
        reader.predict(fields[:50])  # what is made once is made now
        times = []
        for work in (
            functools.partial(reader.predict, fields),
            functools.partial(reader.read, fields, n_best=5),
        ):
            seconds = sorted(cpu_time(work) for _ in range(3))[1]
            times.append(1000 * seconds / len(fields))
        yield Row(
            f"{name}, CPU ms a field",
            f"{times[0]:.2f} best string, {times[1]:.2f} five best",
            f"{bar}, {2 * float(bar):.1f}" if bar else "",
        )


def measure_tesseract(_models: Path, data: Path) -> Iterator[Row]:
    """Read and time the same fields with Tesseract, all in one process of it."""
    if shutil.which("tesseract") is None:
        raise FileNotFoundError("tesseract is not installed")
    amounts = load_amounts(data)
    fields = amounts.fields[:_N_TIMED]
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder, f"{n}.png")) for n in range(len(fields))]
        for file, field in zip(files, fields, strict=True):
            cv2.imwrite(file, field)
        listed = Path(folder, "files.txt")
        listed.write_text("\n".join(files), encoding="utf-8")
        before = os.times()
        said = _run_tesseract(
            str(listed), "-", "--psm", "7", "-c", "tessedit_char_whitelist=0123456789"
        )
        after = os.times()
    # Every page ends in a form feed; an empty one has nothing else.
    read = ["".join(page.split()) for page in said.split("\f")[: len(fields)]]
    seconds = after.children_user - before.children_user
    seconds += after.children_system - before.children_system
    name = " ".join(_run_tesseract("--version").split()[:2])
    yield Row(
        f"{name}, digits only, the first {len(fields)} amounts",
        f"{shares(amounts, read)}; {1000 * seconds / len(fields):.1f} CPU ms a field",
        "",
    )


def measure_length(_models: Path, _data: Path) -> Iterator[Row]:
    """Time fields of 4, 40 and 400 digits."""
    recognizer = load_model("wide", device="cpu", widths=_ONE_WIDTH)
    reader = SlidingReader(recognizer)
    times = []
    for n_digits in (4, 40, 400):
        text = "0123456789" * (n_digits // 10) or "0123"
        field = draw_string(text, draw_writer(0), random_state=0)
        reader.predict([field])
        times.append(
            1000 * cpu_time(functools.partial(reader.predict, [field] * 5)) / 5
        )
    listed = ", ".join(f"{milliseconds:.1f} ms" for milliseconds in times)
    yield Row("CPU time of 4, 40 and 400 digits", listed, "linear")


def measure_nothing(_models: Path, _data: Path) -> Iterator[Row]:
    """Read what holds no digits."""
    reader = SlidingReader()
    for name, field in _nothing().items():
        [[best]] = reader.read([field])
        said = f"`{best.text}`, probability {best.probability:.2f}"
        yield Row(f"{name}", said if best.text else "empty", "empty or improbable")


MEASURES: dict[str, Callable[[Path, Path], Iterator[Row]]] = {
    "shipped": measure_shipped,
    "fitted": measure_fitted,
    "committee": measure_committee,
    "segments": measure_segments,
    "vote": measure_vote,
    "curve": measure_curve,
    "speed": measure_speed,
    "tesseract": measure_tesseract,
    "length": measure_length,
    "nothing": measure_nothing,
}


def rights(amounts: Amounts, texts: Sequence[str]) -> list[NDArray[np.bool_]]:
    """Tell what is right of the first amounts, by the labels as published and audited.

    Of the latter, only fields that can be told are in.
    """
    read = Reading(np.array(texts, dtype=object), np.ones(len(texts)))
    every = amounts.labels.values()
    return [judge(read, labels[: len(texts)]).right for labels in every]


def shares(amounts: Amounts, texts: Sequence[str]) -> str:
    """Write what share is right, by the labels as published and audited."""
    every = rights(amounts, texts)
    return _both(f"{100 * np.mean(right):.1f}" for right in every) + " %"


def _describe(amounts: Amounts, read: Reading) -> str:
    """Tell what is right, and what is accepted where 1 % of it is wrong."""
    judged = [judge(read, labels) for labels in amounts.labels.values()]
    accepted = _both(f"{100 * accepted_at(each, 0.01):.0f}" for each in judged)
    return f"{shares(amounts, read.texts)}; {accepted} % accepted at 1 % error"


def _both(figures: Iterable[str]) -> str:
    """Write what the labels as published give, and the audited ones."""
    return " / ".join(figures)


def _committee(fold: int, amounts: Amounts, models: Path) -> StringCommittee:
    return join_recognizers(
        [fit_fold(network, fold, amounts, models) for network in _NETWORKS]
    )


def _run_tesseract(*words: str) -> str:
    command = ["tesseract", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _nothing() -> dict[str, Any]:
    """Draw fields without digits."""
    rng = np.random.default_rng(0)
    paper = np.full((60, 200), 245, np.uint8)
    word, signature = paper.copy(), paper.copy()
    cv2.putText(word, "Total amount", (8, 40), cv2.FONT_HERSHEY_DUPLEX, 0.8, 30, 1)
    x = np.linspace(10, 190, 200)
    y = 30 + 14 * np.sin(x / 7) * np.cos(x / 23)
    points = np.column_stack([x + 6 * np.sin(x / 5), y]).astype(np.int32)
    cv2.polylines(signature, [points], isClosed=False, color=40, thickness=2)
    rows, columns = np.indices(paper.shape)
    waves = 225 + 14 * np.sin(columns / 3 + 2 * np.sin(rows / 5))
    pattern = (waves + rng.normal(0, 4, paper.shape)).clip(0, 255).astype(np.uint8)
    return {
        "an empty field": paper,
        "a printed word": word,
        "a scribbled signature": signature,
        "nothing but a pattern": pattern,
    }


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    parser = table_parser(__doc__, MEASURES)
    add_models(parser)
    args = parse_table_args(parser)
    with models_folder(args.models) as models:
        measures = {
            name: functools.partial(measure, models)
            for name, measure in MEASURES.items()
        }
        table = as_table(take_measures(measures, args.only, args.data), _PACKAGES)
    print(table, end="")
    if args.page:
        fill_page(args.page, "strings", table)


if __name__ == "__main__":
    main()
