"""Real cheque amounts, and networks fitted on some of them."""

import csv
import functools
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from judging import Reading
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import KFold
from tables import folder_of

from lenet_sklearn import load_model, save_model
from lenet_sklearn.models.files import model_path
from lenet_sklearn.strings import StringRecognizer
from pipelines import CuttingReader, normalize_line, read_pages
from pipelines.images import Image
from pipelines.readers.free import adaptation

_N_FOLDS = 5
_AUDIT = Path(__file__).with_name("orand_labels.md")


@dataclass(frozen=True)
class Amounts:
    """Fields, their strips, and what they say."""

    fields: list[Image]
    strips: list[Image]
    texts: NDArray[np.object_]
    audited: NDArray[np.object_]  # None where the picture cannot tell

    @property
    def labels(self) -> dict[str, NDArray[np.object_]]:
        """What the fields say: as it was published, and as the audit found."""
        return {"as labelled": self.texts, "audited": self.audited}


@functools.cache
def load_amounts(data: Path) -> Amounts:
    """Load ORAND-CAR-A's amounts."""
    folder = folder_of(data, "orand_car_a")
    with (folder / "transcriptions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    fields = [next(read_pages(folder / "images" / row["file"])) for row in rows]
    texts = np.array([row["digits"] for row in rows], dtype=object)
    listed = re.findall(r"\| (\d{6}) \| \d+ \| (\d*)", _AUDIT.read_text("utf-8"))
    shown = {number: amount or None for number, amount in listed}
    numbers = [row["file"].removeprefix("a_car_")[:6] for row in rows]
    audited = np.array(
        [shown.get(number, text) for number, text in zip(numbers, texts, strict=True)],
        dtype=object,
    )
    strips = [normalize_line(field) for field in fields]
    return Amounts(fields, strips, texts, audited)


def folds_of(amounts: Amounts) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Split the amounts: to fit on, to read."""
    folds = KFold(_N_FOLDS, shuffle=True, random_state=0)
    return list(folds.split(amounts.texts))


def read_amounts(reader: Any, amounts: Amounts, chosen: Iterable[int]) -> Reading:
    """Read some of the amounts."""
    found = reader.read([amounts.fields[i] for i in chosen])
    texts = np.array([best.text for best, *_ in found], dtype=object)
    return Reading(texts, np.array([best.probability for best, *_ in found]))


def read_folds(amounts: Amounts, reader_of: Callable[[int], Any]) -> Reading:
    """Read each fold by what was fitted on the others."""
    n_fields = len(amounts.fields)
    read = Reading(np.empty(n_fields, dtype=object), np.empty(n_fields))
    for fold, (_, held) in enumerate(folds_of(amounts)):
        own = read_amounts(reader_of(fold), amounts, held)
        read.texts[held], read.confidences[held] = own
    return read


@dataclass(frozen=True)
class Part:
    """Some of the amounts, to fit on."""

    name: str  # that its models have in their folder
    chosen: NDArray[np.int64]
    texts: NDArray[np.object_]  # of those that are chosen


def part_without(amounts: Amounts, *folds: int, audited: bool = False) -> Part:
    """Choose all amounts but those of some folds.

    With audited labels, fields that cannot be told are left out.
    """
    held = np.concatenate([folds_of(amounts)[fold][1] for fold in folds])
    texts = amounts.audited if audited else amounts.texts
    known = np.array([text is not None for text in texts])
    known[held] = False
    chosen = np.flatnonzero(known)
    name = "and".join(str(fold) for fold in sorted(folds))
    return Part(f"{name}-audited" if audited else name, chosen, texts[chosen])


def fit_sliding(
    network: str, part: Part, amounts: Amounts, models: Path
) -> StringRecognizer:
    """Fit the shipped weights on some amounts, or take up what is in the folder."""
    path = _place(models, network, part)
    if not path.exists():
        shipped = load_model(network, device="cpu")
        settings = {**adaptation(network, len(part.chosen)), "initial_weights": network}
        fitted = clone(shipped).set_params(**settings)
        fitted.fit([amounts.strips[i] for i in part.chosen], part.texts)
        save_model(fitted, path)
    return load_model(path, device="cpu")


def fit_cutting(part: Part, amounts: Amounts, models: Path) -> CuttingReader:
    """Fit over-segmentation on some amounts, or take up what is in the folder."""
    path = _place(models, "segments", part)
    if not path.exists():
        fitted = CuttingReader(load_model("segments", device="cpu"))
        fitted.fit([amounts.fields[i] for i in part.chosen], part.texts)
        save_model(fitted.model_, path)
    return CuttingReader(load_model(path, device="cpu"))


def fit_fold(
    network: str,
    fold: int,
    amounts: Amounts,
    models: Path,
    *,
    rest: NDArray[np.int64] | None = None,
) -> StringRecognizer:
    """Fit the shipped weights on the other folds, or on some fields of them."""
    part = part_without(amounts, fold)
    if rest is not None:
        part = Part(part.name, rest, amounts.texts[rest])
    return fit_sliding(network, part, amounts, models)


def fit_segments_fold(fold: int, amounts: Amounts, models: Path) -> CuttingReader:
    """Fit over-segmentation on the other folds."""
    return fit_cutting(part_without(amounts, fold), amounts, models)


def _place(models: Path, name: str, part: Part) -> Path:
    """File of a model that was fitted on some amounts."""
    # Models that began with other weights are others.
    begun = hashlib.sha256(model_path(name).read_bytes()).hexdigest()[:8]
    return models / f"{name}-{begun}-{part.name}-{len(part.chosen)}.safetensors"
