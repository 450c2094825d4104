"""Real cheque amounts, and networks fitted on some of them."""

import csv
import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
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


def fit_fold(
    network: str,
    fold: int,
    amounts: Amounts,
    models: Path,
    *,
    rest: Sequence[int] | NDArray[np.int64] | None = None,
) -> StringRecognizer:
    """Fit the shipped weights on the other folds, or on some fields of them.

    What is in the folder already is taken up.
    """
    chosen = folds_of(amounts)[fold][0] if rest is None else rest
    path = _place(models, network, fold, len(chosen))
    if not path.exists():
        shipped = load_model(network, device="cpu")
        settings = {**adaptation(network, len(chosen)), "initial_weights": network}
        fitted = clone(shipped).set_params(**settings)
        fitted.fit([amounts.strips[i] for i in chosen], amounts.texts[chosen])
        save_model(fitted, path)
    return load_model(path, device="cpu")


def fit_segments_fold(fold: int, amounts: Amounts, models: Path) -> CuttingReader:
    """Fit over-segmentation on the other folds, or take up what is there."""
    chosen = folds_of(amounts)[fold][0]
    path = _place(models, "segments", fold, len(chosen))
    if not path.exists():
        fitted = CuttingReader(load_model("segments", device="cpu"))
        fitted.fit([amounts.fields[i] for i in chosen], amounts.texts[chosen])
        save_model(fitted.model_, path)
    return CuttingReader(load_model(path, device="cpu"))


def _place(models: Path, name: str, fold: int, n_fields: int) -> Path:
    """File of a model fitted on so many fields."""
    # Models that began with other weights are others.
    begun = hashlib.sha256(model_path(name).read_bytes()).hexdigest()[:8]
    return models / f"{name}-{begun}-{fold}-{n_fields}.safetensors"
