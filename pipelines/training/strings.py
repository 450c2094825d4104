"""Train readers of strings on drawn fields."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from tqdm import tqdm

from lenet_sklearn.models.registry import save_model
from pipelines.drawing.lines import DrawnLines
from pipelines.images import Image
from pipelines.lines.learning import train_model
from pipelines.lines.segments import NO_DIGIT, CuttingModel, read_lines
from pipelines.outputs import check_writable

if TYPE_CHECKING:
    from lenet_sklearn.strings import StringRecognizer


# What is trained reads every strip at these widths, and its file says so: the mean of
# them reads several per cent more than one (examples/benchmarks/strings.py). Steps of
# a sixth, a little narrower in the middle than what is drawn, as real fields were.
WIDTHS: Final = (0.7, 0.82, 0.95, 1.1, 1.28)

# Strips drawn for the report, from test digits and another seed than the training's.
_N_TEST: Final = 1000

# The widest network takes a quarter of an hour for so many on one core.
_N_LINES: Final = 200_000

# The highest rate of a single pass. Every strip is new, so that nothing needs to be
# learned by heart: a rate as high as the training bears.
_RATE: Final = 0.005

_SETTINGS: Final[dict[str, Any]] = {
    "max_epochs": 1,
    # Small batches take more steps with the strips there is time to draw.
    "batch_size": 16,
    "lr": _RATE,
    "schedule": "one-cycle",
    # What it does, the drawing does.
    "distortion": None,
    "widths": WIDTHS,
}


@dataclass(frozen=True)
class LineTraining:
    """What a training on drawn fields did.

    Attributes
    ----------
    path : Path
        The model file.

    network : str
        Which network.

    n_lines : int
        Strips trained on.

    n_parameters : int
        Trainable parameters of the network.

    seconds : float
        Wall-clock time of the training, the drawing of its strips included.

    n_test : int
        Other fields that were drawn for a test.

    n_right : int
        Of these, those read without a fault.
    """

    path: Path
    network: str
    n_lines: int
    n_parameters: int
    seconds: float
    n_test: int
    n_right: int

    def __str__(self) -> str:
        return (
            f"trained on   {self.n_lines} drawn fields in {self.seconds:.0f} s\n"
            f"network      {self.network}\n"
            f"parameters   {self.n_parameters}\n"
            f"test set     {self.figure}\n"
            f"saved in     {self.path}"
        )

    @property
    def figure(self) -> str:
        """What the card says of the test."""
        share = 100 * self.n_right / self.n_test
        return f"{share:.1f} % of {self.n_test} other drawn fields right"


def train_lines(
    data: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    network: str = "wide",
    n_lines: int | None = None,
    random_state: int = 0,
    device: str = "auto",
    command: str | None = None,
) -> LineTraining:
    """Train a string recognizer on fields drawn from single digits, and save it.

    Every field is drawn once and forgotten. Nothing but the digits of the data
    set goes into the training: no field that anybody filled in.

    Parameters
    ----------
    data : {"mnist", "forms", "digits"} or path
        Digits to draw with, as in :func:`lenet_sklearn.load_dataset`.

    output : path
        Model file to write, by custom ending in ``.safetensors``.

    data_dir : path, default=None
        Where the files of MNIST are.

    network : {"wide", "lenet5_dense", "lenet5"}, default="wide"
        As for :class:`lenet_sklearn.strings.StringRecognizer`.

    n_lines : int, default=None
        Fields to draw; None for 200,000.

    random_state : int, default=0
        Seed of the fields and of the training. The same seed gives the same file
        on the same day, machine and one CPU thread.

    device : str, default="auto"
        As for :class:`lenet_sklearn.strings.StringRecognizer`.

    command : str, default=None
        The command line, for the model card.

    Returns
    -------
    training : LineTraining
        What was done; its string is the report to print.

    Raises
    ------
    ValueError
        If the data set cannot be had, or a parameter is not valid.

    OSError
        If `output` cannot be written; found out before the training.

    Notes
    -----
    A thousand fields take about 4 seconds with the widest network, on one core.
    Shows a progress bar on a terminal, nothing in a pipe.
    """
    from lenet_sklearn import count_parameters
    from lenet_sklearn.models.cards import ModelCard
    from lenet_sklearn.strings import StringRecognizer
    from pipelines.training.characters import name_of

    path = Path(output)
    check_writable(path)
    n_lines = n_lines or _N_LINES
    lines = draw_from(data, data_dir, n_lines, random_state)
    recognizer = StringRecognizer(
        network=network,
        random_state=random_state,
        device=device,
        verbose=1,
        **_SETTINGS,
    )
    start = time.perf_counter()
    recognizer.fit(lines, lines.texts)
    seconds = time.perf_counter() - start
    origin = f"fields drawn from {name_of(data)}"
    card = ModelCard.write_today(origin, n_lines, command)
    save_model(recognizer, path, card=card)  # before anything else can fail
    training = LineTraining(
        path=path,
        network=network,
        n_lines=n_lines,
        n_parameters=count_parameters(recognizer.net_.module_),
        seconds=seconds,
        n_test=_N_TEST,
        n_right=_count_right(recognizer, data, data_dir, random_state),
    )
    save_model(
        recognizer, path, card=replace(card, figures={"test set": training.figure})
    )
    return training


def draw_from(
    data: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None,
    n_lines: int,
    random_state: int,
    *,
    held_out: bool = False,
) -> DrawnLines:
    """Draw with the digits of a data set, or with those it keeps for testing.

    Parameters
    ----------
    data : {"mnist", "forms", "digits"} or path
        Digits to draw with, as in :func:`lenet_sklearn.load_dataset`.

    data_dir : path or None
        Where the files of MNIST are.

    n_lines : int
        Fields to draw.

    random_state : int
        Seed of the fields.

    held_out : bool, default=False
        Draw with the test set, where there is one.

    Returns
    -------
    lines : DrawnLines
        The fields.
    """
    from lenet_sklearn import load_dataset
    from lenet_sklearn.datasets import has_test_split

    split: Literal["train", "test"] = (
        "test" if held_out and has_test_split(data) else "train"
    )
    glyphs, labels = load_dataset(data, data_dir=data_dir, split=split)
    return DrawnLines(glyphs, labels, n_lines=n_lines, random_state=random_state)


def _count_right(
    recognizer: "StringRecognizer",
    data: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None,
    random_state: int,
) -> int:
    """Count strips read without a fault among others than those of the training."""
    lines = draw_from(data, data_dir, _N_TEST, random_state + 1, held_out=True)
    read = recognizer.predict(lines)
    return sum(text == truth for text, truth in zip(read, lines.texts, strict=True))


# What a model of pieces is called where a network is named.
SEGMENTS = "segments"

# Five minutes on one core: it begins with digits it knows, and learns to cut soon.
_N_FIELDS: Final = 16_000


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
    from lenet_sklearn.models.cards import ModelCard
    from pipelines.training.characters import name_of

    path = Path(output)
    check_writable(path)
    n_lines = n_lines or _N_FIELDS
    lines = draw_from(data, data_dir, n_lines, random_state)
    _check_digits(data, lines)
    start = time.perf_counter()
    # disable=None: no bar where nobody looks.
    shown = tqdm(_fields_of(lines), total=n_lines, unit=" fields", disable=None)
    model = train_model(
        shown, n_lines=n_lines, random_state=random_state, device=device
    )
    seconds = time.perf_counter() - start
    card = ModelCard.write_today(f"fields drawn from {name_of(data)}", n_lines, command)
    save_model(model, path, card=card)  # before anything else can fail
    held = draw_from(data, data_dir, _N_TEST, random_state + 1, held_out=True)
    training = LineTraining(
        path=path,
        network=SEGMENTS,
        n_lines=n_lines,
        n_parameters=count_numbers(model),
        seconds=seconds,
        n_test=_N_TEST,
        n_right=_count_right_fields(model, held),
    )
    save_model(model, path, card=replace(card, figures={"test set": training.figure}))
    return training


def count_numbers(model: CuttingModel) -> int:
    """Count what a model has learned: weights of its network and of its geometry.

    Parameters
    ----------
    model : CuttingModel
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


def _count_right_fields(model: CuttingModel, lines: DrawnLines) -> int:
    """Count fields read without a fault."""
    read = read_lines([field for field, _ in _fields_of(lines)], model)
    return sum(
        best.text == text for [best], text in zip(read, lines.texts, strict=True)
    )
