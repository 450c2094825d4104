"""Train over-segmentation on drawn fields: ``lenet train --strings``."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from pipelines.drawing.lines import DrawnLines
from pipelines.images import Image
from pipelines.lines.learning import practise
from pipelines.lines.segmentfiles import save_segments
from pipelines.lines.segments import NO_DIGIT, SegmentModel, read_lines
from pipelines.lines.training import LineTraining, draw_from

# What a model of pieces is called where a network is named.
SEGMENTS = "segments"

# Five minutes on one core: it begins with digits it knows, and learns to cut soon.
_N_LINES = 16_000

# Fields drawn for the report, from test digits and another seed than the training's.
_N_TEST = 1000


def train_segments(
    data: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    n_lines: int | None = None,
    random_state: int = 0,
    device: str = "auto",
    command: str | None = None,
) -> LineTraining:
    """Train a model of pieces of writing on fields drawn from digits, and save it.

    It begins with the classifier of digits that ships. Every field is drawn once
    and forgotten; nothing that anybody filled in is among them.

    Parameters
    ----------
    data : {"mnist", "forms", "digits"} or path
        Digits to draw with, as in :func:`lenet_sklearn.load_dataset`.

    output : path
        Model file to write, by custom ending in ``.safetensors``.

    data_dir : path, default=None
        Where the files of MNIST are.

    n_lines : int, default=None
        Fields to draw; None for 16,000.

    random_state : int, default=0
        Seed of the fields and of the training.

    device : str, default="auto"
        As for :class:`lenet_sklearn.LeNet5Classifier`.

    command : str, default=None
        The command line, for the model card.

    Returns
    -------
    training : LineTraining
        What was done; its string is the report to print.

    Raises
    ------
    ValueError
        If the data set cannot be had, or its labels are not the ten digits.

    OSError
        If `output` cannot be written; found out before the training.

    Notes
    -----
    A thousand fields take about 20 seconds on one core. Shows a progress bar on a
    terminal, nothing in a pipe.
    """
    from lenet_sklearn.cards import ModelCard
    from pipelines.training import check_writable, name_of

    path = check_writable(Path(output))
    n_lines = n_lines or _N_LINES
    lines = draw_from(data, data_dir, n_lines, random_state)
    _check_digits(data, lines)
    start = time.perf_counter()
    # disable=None: no bar where nobody looks.
    shown = tqdm(_fields_of(lines), total=n_lines, unit=" fields", disable=None)
    model = practise(shown, n_lines=n_lines, random_state=random_state, device=device)
    seconds = time.perf_counter() - start
    card = ModelCard.write_today(f"fields drawn from {name_of(data)}", n_lines, command)
    save_segments(model, path, card=card)  # before anything else can fail
    held = draw_from(data, data_dir, _N_TEST, random_state + 1, held_out=True)
    training = LineTraining(
        path=path,
        network=SEGMENTS,
        n_lines=n_lines,
        n_parameters=count_numbers(model),
        seconds=seconds,
        n_test=_N_TEST,
        n_right=_count_right(model, held),
    )
    save_segments(
        model, path, card=replace(card, figures={"test set": training.figure})
    )
    return training


def count_numbers(model: SegmentModel) -> int:
    """Count what a model has learned: weights of its network and of its geometry.

    Parameters
    ----------
    model : SegmentModel
        Any.

    Returns
    -------
    n_parameters : int
        Numbers the training has set.
    """
    from lenet_sklearn import count_parameters

    network = model.classifier.net_.module_
    return count_parameters(network) + model.geometry.n_numbers


def _check_digits(data: str | os.PathLike[str], lines: DrawnLines) -> None:
    unknown = set().union(*lines.texts) - set(map(str, range(NO_DIGIT)))
    if unknown:
        raise ValueError(
            f"Over-segmentation reads the ten digits, and {data} has {sorted(unknown)}."
            " Train another network on it, or leave these out."
        )


def _fields_of(lines: DrawnLines) -> Iterator[tuple[Image, str]]:
    for index, text in enumerate(lines.texts):
        yield lines.draw_field(index), text


def _count_right(model: SegmentModel, lines: DrawnLines) -> int:
    """Count fields read without a fault."""
    read = read_lines([field for field, _ in _fields_of(lines)], model)
    return sum(
        best.text == text for [best], text in zip(read, lines.texts, strict=True)
    )
