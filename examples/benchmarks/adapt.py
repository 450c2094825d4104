"""Measure what a network learns from a pile of fields without labels, as a table.

    python examples/benchmarks/adapt.py
    python examples/benchmarks/adapt.py --only pile
    python examples/benchmarks/adapt.py --models models --page docs/benchmarks.md

Cheque amounts are learned from without their labels, by networks that are tested on
the fields of another fold. What is started from has seen no cheque. The settings were
chosen by looking at fields of the first four fifths alone, of which one part was
learned from and another one read.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported

import cv2
import numpy as np
import torch
from amounts import Amounts, folds_of, load_amounts, read_amounts
from judging import Reading, accepted_at, calibration_error, judge
from numpy.typing import NDArray
from pages import fill_page
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
from lenet_sklearn.models.files import model_path
from pipelines import SlidingReader, VotingReader
from pipelines.drawing import draw_string, draw_writer
from pipelines.images import Image
from pipelines.models import load_line_reader
from pipelines.training.adapting import adapt_to_pile, load_pile_start, save_lessons
from pipelines.training.unlabelled import FieldPile

_PACKAGES = ("lenet-sklearn", "numpy", "opencv-python-headless", "torch")

_NETWORK = "wide"

_THRESHOLD = 0.9
_MAX_ERROR = 0.01

# Fields of one writer: a pile, and others that are not in it.
_N_DRAWN = 120
_WRITERS = (11, 12, 13)


class Learned(NamedTuple):
    """A network that has learned from a pile, and what that took."""

    reader: Any
    is_gain: bool
    minutes: float


def learn(models: Path, name: str, pile: FieldPile) -> Learned:
    """Learn from a pile, or take up what is in the folder."""
    begun = hashlib.sha256(model_path(_NETWORK).read_bytes()).hexdigest()[:8]
    path = models / f"pile-{begun}-{name}-{len(pile.images)}.safetensors"
    told = path.with_suffix(".json")
    if not told.exists():
        lessons = adapt_to_pile(pile, load_pile_start(_NETWORK, "cpu"))
        save_lessons(lessons, path, model=_NETWORK)
        said = {"is_gain": lessons.is_gain, "minutes": lessons.seconds / 60}
        told.write_text(json.dumps({**said, **lessons.figures}))
        print(name, lessons, flush=True)
    said = json.loads(told.read_text())
    reader = load_line_reader(path, device="cpu")
    return Learned(reader, said["is_gain"], said["minutes"])


def measure_pile(models: Path, data: Path) -> Iterator[Row]:
    """Learn from the amounts of four folds without labels, read the fifth."""
    amounts = load_amounts(data)
    yield from _measure_folds(models, amounts, "unlabelled", known=False)


def measure_labelled(models: Path, data: Path) -> Iterator[Row]:
    """Learn from the amounts of four folds with labels, read the fifth."""
    amounts = load_amounts(data)
    yield from _measure_folds(models, amounts, "labelled", known=True)


def measure_before(_models: Path, data: Path) -> Iterator[Row]:
    """Read all amounts by what is started from, alone and in the vote."""
    amounts = load_amounts(data)
    every = range(len(amounts.fields))
    readers = {"`wide`": SlidingReader(load_model(_NETWORK, device="cpu"))}
    for name, reader in {**readers, "the vote": VotingReader()}.items():
        read = read_amounts(reader, amounts, every)
        yield Row(f"cheque amounts, {name}, as shipped", _describe(amounts, read), "")


def measure_sizes(models: Path, data: Path) -> Iterator[Row]:
    """Learn from some amounts of four folds, read the fifth."""
    amounts = load_amounts(data)
    learned, held = folds_of(amounts)[0]
    order = np.random.default_rng(0).permutation(learned)
    start = read_amounts(SlidingReader(load_model(_NETWORK)), amounts, held)
    yield Row("first fold, as shipped", _describe(amounts, start, held), "")
    for n_fields in (100, 300, len(learned)):
        name = "unlabelled-0"
        chosen = learned if n_fields == len(learned) else order[:n_fields]
        found = learn(models, name, _pile_of(amounts, chosen))
        read = read_amounts(found.reader, amounts, held)
        said = "" if found.is_gain else "; nothing was gained, the old one kept"
        yield Row(
            f"first fold, learned from {n_fields} without labels",
            f"{_describe(amounts, read, held)}; {found.minutes:.1f} CPU minutes{said}",
            "",
        )


def measure_others(models: Path, _data: Path) -> Iterator[Row]:
    """Learn from fields of one writer in one pen, read others of the same."""
    for seed in _WRITERS:
        fields, texts = _draw_fields(seed)
        found = learn(models, f"writer-{seed}", FieldPile.of_images(fields[:_N_DRAWN]))
        rest, said = fields[_N_DRAWN:], texts[_N_DRAWN:]
        counts = [
            np.count_nonzero(reader.predict(rest) == said)
            for reader in (SlidingReader(load_model(_NETWORK)), found.reader)
        ]
        kept = "" if found.is_gain else ", nothing was gained and the old one kept"
        yield Row(
            f"{len(rest)} drawn fields of writer {seed}, not in the pile",
            f"{counts[0]} right before, {counts[1]} after{kept}",
            "never worse",
        )


def _draw_fields(seed: int) -> tuple[list[Image], NDArray[np.object_]]:
    """Draw fields of one writer, with one pen."""
    rng = np.random.default_rng(seed)
    writer = draw_writer(seed)
    texts = [
        "".join(map(str, rng.integers(10, size=int(rng.integers(3, 8)))))
        for _ in range(2 * _N_DRAWN)
    ]
    fields = [draw_string(text, writer, random_state=rng) for text in texts]
    return fields, np.array(texts, dtype=object)


def _measure_folds(
    models: Path, amounts: Amounts, name: str, *, known: bool
) -> Iterator[Row]:
    n_fields = len(amounts.fields)
    read = Reading(np.empty(n_fields, dtype=object), np.empty(n_fields))
    all_found = []
    for fold, (learned, held) in enumerate(folds_of(amounts)):
        pile = _pile_of(amounts, learned, known=known)
        found = learn(models, f"{name}-{fold}", pile)
        own = read_amounts(found.reader, amounts, held)
        read.texts[held], read.confidences[held] = own
        all_found.append(found)
    network = all_found[0].reader.recognizer.net_.module_
    minutes = [found.minutes for found in all_found]
    n_kept = sum(not found.is_gain for found in all_found)
    bar = 93.5 if known else 90
    yield Row(
        f"cheque amounts, learned from 864 {name}, one network of"
        f" {count_parameters(network):,} parameters",
        f"{_describe(amounts, read)}; {min(minutes):.1f} to {max(minutes):.1f} CPU"
        f" minutes; the old one kept in {n_kept} of {len(all_found)} folds",
        f"{bar} % as labelled, 250,000 parameters, 20 CPU minutes",
    )


def _pile_of(
    amounts: Amounts, chosen: Sequence[int] | NDArray[np.int64], *, known: bool = False
) -> FieldPile:
    texts = [str(amounts.texts[n]) for n in chosen] if known else None
    return FieldPile.of_images([amounts.fields[n] for n in chosen], texts)


def _describe(
    amounts: Amounts, read: Reading, chosen: NDArray[np.int64] | None = None
) -> str:
    """Say how many are right, and how far the confidences can be trusted."""
    every = np.arange(len(amounts.texts)) if chosen is None else chosen
    said = []
    for name, labels in amounts.labels.items():
        judged = judge(read, labels[every])
        accepted = judged.confidences >= _THRESHOLD
        n_wrong = np.count_nonzero(~judged.right[accepted])
        said.append(
            f"{np.mean(judged.right):.1%} {name} ({np.count_nonzero(judged.right)} of"
            f" {len(judged.right)}; accepted at 0.9: {np.count_nonzero(accepted)},"
            f" {n_wrong} of them wrong; {accepted_at(judged, _MAX_ERROR):.1%} at 1 %"
            f" error in hindsight; calibration error {calibration_error(judged):.3f})"
        )
    return "; ".join(said)


MEASURES = {
    "before": measure_before,
    "pile": measure_pile,
    "sizes": measure_sizes,
    "others": measure_others,
    "labelled": measure_labelled,
}


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    parser = table_parser(__doc__, MEASURES)
    add_models(parser)
    args = parse_table_args(parser)
    with models_folder(args.models) as models:
        measures = {
            name: partial(measure, models) for name, measure in MEASURES.items()
        }
        table = as_table(take_measures(measures, args.only, args.data), _PACKAGES)
    print(table, end="")
    if args.page:
        fill_page(args.page, "adapt", table)


if __name__ == "__main__":
    main()
