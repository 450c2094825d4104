"""Measures of how far what is read of cheque amounts can be trusted."""

import functools
import importlib
import importlib.util
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from amounts import (
    Amounts,
    fit_cutting,
    fit_sliding,
    folds_of,
    load_amounts,
    part_without,
    read_amounts,
    read_folds,
)
from judging import Judged, Reading, accepted_at, calibration_error, judge, threshold_at
from numpy.typing import NDArray
from races import compare, cpu_time, describe
from tables import Row

from pipelines import SlidingReader, VotingReader
from pipelines.images import Image

_MAX_ERROR = 0.01

# Inner splits: networks that saw neither fold of a pair read the one to give a
# threshold for the other. Each fold is in a pair; all ten pairs would take twice as
# many fits, and give steadier thresholds.
_PAIRS = ((0, 1), (2, 3), (0, 4))

# Fields whose reading is timed, and how often.
_N_TIMED = 200
_N_ROUNDS = 5


def measure_cheques(_models: Path, data: Path) -> Iterator[Row]:
    """Read cheque amounts without having seen one."""
    read = read_shipped(data)
    for name, labels in load_amounts(data).labels.items():
        judged = judge(read, labels)
        said = _describe(judged)
        yield Row(f"cheque amounts, no cheque seen, {name}", said, "60 % accepted")


def measure_fitted(models: Path, data: Path) -> Iterator[Row]:
    """Read every fold by networks fitted on the others, with audited labels."""
    amounts = load_amounts(data)
    read = read_folds(amounts, lambda fold: _fit_vote(amounts, models, fold))
    within = _read_within(amounts, models)
    for name, labels in amounts.labels.items():
        judged = judge(read, labels)
        accepted = _accept(amounts, read, within, labels)[labels != np.array(None)]
        n_accepted = np.count_nonzero(accepted)
        n_wrong = np.count_nonzero(~judged.right[accepted])
        yield Row(
            f"cheque amounts, fitted on the other folds, {name}",
            f"{_describe(judged)}; {n_accepted / len(accepted):.1%} accepted by"
            f" thresholds from inner splits, {n_wrong} of these wrong"
            f" ({n_wrong / max(n_accepted, 1):.1%})",
            "75 % accepted by these thresholds, calibration error 0.03",
        )


def measure_ppocr(_models: Path, data: Path) -> Iterator[Row]:
    """Read and time the same amounts with the recogniser of PP-OCRv6."""
    if importlib.util.find_spec("rapidocr") is None:
        raise FileNotFoundError("rapidocr is not installed")
    recognize = _load_ppocr()
    amounts = load_amounts(data)
    found = [recognize(field) for field in amounts.fields]
    texts = np.array([text for text, _ in found], dtype=object)
    read = Reading(texts, np.array([score for _, score in found]))
    what = f"PP-OCRv6 (rapidocr {version('rapidocr')}), recogniser alone, digits kept"
    for name, labels in amounts.labels.items():
        yield Row(f"{what}, {name}", _describe(judge(read, labels)), "")
    fields, ours = amounts.fields[:_N_TIMED], VotingReader()
    ratios = compare(
        lambda: cpu_time(lambda: [recognize(field) for field in fields]),
        lambda: cpu_time(lambda: ours.read(fields)),
        _N_ROUNDS,
    )
    yield Row("its CPU time / ours, no cheque seen", describe(ratios), "")


@functools.cache
def read_shipped(data: Path) -> Reading:
    """Read all amounts without having seen one."""
    amounts = load_amounts(data)
    return read_amounts(VotingReader(), amounts, range(len(amounts.fields)))


def _fit_vote(amounts: Amounts, models: Path, *folds: int) -> VotingReader:
    """Fit both readers of a vote on all amounts but those of some folds."""
    part = part_without(amounts, *folds, audited=True)
    return VotingReader(
        sliding_reader=SlidingReader(fit_sliding("wide", part, amounts, models)),
        cutting_reader=fit_cutting(part, amounts, models),
    )


def _read_within(amounts: Amounts, models: Path) -> dict[tuple[int, int], Reading]:
    """Read folds by what was fitted neither on them nor on the fold they inform.

    The key is the fold that a threshold is for, and the fold that was read.
    """
    within = {}
    for pair in _PAIRS:
        reader = _fit_vote(amounts, models, *pair)
        for fold, other in (pair, pair[::-1]):
            chosen = folds_of(amounts)[other][1]
            within[fold, other] = read_amounts(reader, amounts, chosen)
    return within


def _accept(
    amounts: Amounts,
    read: Reading,
    within: dict[tuple[int, int], Reading],
    labels: NDArray[np.object_],
) -> NDArray[np.bool_]:
    """Accept each fold's fields by the threshold that the other folds give."""
    folds = folds_of(amounts)
    accepted = np.zeros(len(labels), dtype=bool)
    for fold, (_, held) in enumerate(folds):
        others = [other for kept, other in within if kept == fold]
        parts = [judge(within[fold, k], labels[folds[k][1]]) for k in others]
        inner = Judged(*(np.concatenate(each) for each in zip(*parts, strict=True)))
        accepted[held] = read.confidences[held] >= threshold_at(inner, _MAX_ERROR)
    return accepted


def _load_ppocr() -> Any:
    """Return what reads the digits of a field by PP-OCR, in one thread."""
    threads = "EngineConfig.onnxruntime.{}_op_num_threads"
    engine = importlib.import_module("rapidocr").RapidOCR(
        params={
            "Global.use_det": False,
            "Global.use_cls": False,
            "Global.log_level": "error",
            **{threads.format(kind): 1 for kind in ("intra", "inter")},
        }
    )

    def recognize(field: Image) -> tuple[str, float]:
        found = engine(field)
        return re.sub("[^0-9]", "", found.txts[0]), float(found.scores[0])

    return recognize


def _describe(judged: Judged) -> str:
    return (
        f"{np.count_nonzero(judged.right)} of {len(judged.right)} right;"
        f" {accepted_at(judged, _MAX_ERROR):.1%} accepted at 1 % error, in hindsight;"
        f" calibration error {calibration_error(judged):.3f}"
    )
