"""Train models that read strings on drawn fields: ``lenet train strings``."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from tqdm import tqdm

from lenet_sklearn.outputs import check_writable
from pipelines.drawing.lines import DrawnLines
from pipelines.images import Image
from pipelines.lines.learning import train_model
from pipelines.lines.segments import NO_DIGIT, CuttingModel
from pipelines.models import save_line_reader
from pipelines.readers.free import (
    DIGITS,
    SHIPPED_SLIDING,
    CuttingReader,
    SlidingReader,
)
from pipelines.training.evaluation import count_correct
from pipelines.training.labelled import StrPath

# What is trained reads every strip at these widths, and its file says so: the mean of
# them reads several per cent more than one (examples/benchmarks/strings.py). Steps of
# a sixth, a little narrower in the middle than what is drawn, as real fields were.
WIDTHS: Final = (0.7, 0.82, 0.95, 1.1, 1.28)

# What a model of pieces is called where a network is named.
SEGMENTS: Final = "segments"

# What a network is called that reads signs among the digits.
SIGNED: Final = "signs"

# Fields drawn for the report, from test digits and another seed than the training's.
_N_TEST: Final = 1000

# Fields drawn for the training. The widest network takes a quarter of an hour for so
# many on one core. A model of pieces takes five minutes for its fewer: it starts from
# digits it knows, and soon learns to cut.
_N_LINES: Final = 200_000
_N_LINES_OF_SEGMENTS: Final = 16_000

_SETTINGS: Final[dict[str, Any]] = {
    "max_epochs": 1,
    # Small batches take more steps with the strips there is time to draw.
    "batch_size": 16,
    # The highest of a single pass. Every strip is new, so that nothing needs to be
    # learned by heart: a rate as high as the training bears.
    "lr": 0.005,
    "schedule": "one-cycle",
    # What it does, the drawing does.
    "distortion": None,
    "widths": WIDTHS,
    "verbose": 1,
}


@dataclass(frozen=True)
class StringTraining:
    """What a training on drawn fields did.

    Attributes
    ----------
    path : Path
        The model file.

    network : str
        Which network.

    n_lines : int
        Fields trained on.

    n_parameters : int
        Trainable parameters of the model.

    seconds : float
        Wall-clock time of the training, the drawing of its fields included.

    n_test : int
        Other fields that were drawn for a test.

    n_correct : int
        Of these, those read without a mistake.
    """

    path: Path
    network: str
    n_lines: int
    n_parameters: int
    seconds: float
    n_test: int
    n_correct: int

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
        share = 100 * self.n_correct / self.n_test
        return f"{share:.1f} % of {self.n_test} other drawn fields read correctly"


def train_strings(
    data: StrPath,
    output: StrPath,
    *,
    data_dir: StrPath | None = None,
    network: str = "wide",
    n_lines: int | None = None,
    random_state: int = 0,
    device: str = "auto",
    command: str | None = None,
) -> StringTraining:
    """Train a model on fields drawn from single digits, and save it.

    Every field is drawn once and forgotten. Nothing but the digits of the data set
    goes into the training: no field that anybody filled in. A model of pieces starts
    from the classifier of digits that ships.

    Parameters
    ----------
    data : {"mnist", "forms", "digits"} or path
        Digits to draw with, as in :func:`lenet_sklearn.load_dataset`.

    output : path
        Model file to write, usually named ``*.safetensors``.

    data_dir : path, default=None
        Where the files of MNIST are.

    network : {"wide", "lenet5_dense", "lenet5", "segments", "signs"}, default="wide"
        As for :class:`lenet_sklearn.strings.StringRecognizer`; "segments" for a model
        of pieces of a field that is cut; "signs" for a "wide" network that reads
        points, commas and other signs too, and starts from the weights of the one that
        ships.

    n_lines : int, default=None
        Fields to draw; None for 200,000, or 16,000 for "segments".

    random_state : int, default=0
        Seed of the fields and of the training. The same seed gives the same file
        on the same day, machine and one CPU thread.

    device : str, default="auto"
        As for :class:`lenet_sklearn.LeNet5Classifier`.

    command : str, default=None
        The command line, for the model card.

    Returns
    -------
    training : StringTraining
        What was done; its string is the report to print.

    Raises
    ------
    ValueError
        If the data set cannot be had, a parameter is not valid, or labels are not
        the ten digits, which a model of pieces and one with signs read.

    OutputError
        If `output` cannot be written; found out before the training.

    Notes
    -----
    A thousand fields take about 4 seconds with the widest network, on one core, and
    20 seconds with a model of pieces. Shows a progress bar on a terminal, nothing in
    a pipe.
    """
    from lenet_sklearn.models.cards import ModelCard
    from pipelines.training.characters import name_of

    path = Path(output)
    check_writable(path)
    n_lines = n_lines or (_N_LINES_OF_SEGMENTS if network == SEGMENTS else _N_LINES)
    signs = network == SIGNED
    lines = draw_from(data, data_dir, n_lines, random_state, signs=signs)
    if network in (SEGMENTS, SIGNED):
        _check_digits(data, lines)
    start = time.perf_counter()
    if network == SEGMENTS:
        reader, n_parameters = _train_cutting(lines, device)
    else:
        reader, n_parameters = _train_sliding(lines, network, device)
    seconds = time.perf_counter() - start
    card = ModelCard.write_today(f"fields drawn from {name_of(data)}", n_lines, command)
    save_line_reader(reader, path, card=card)  # before anything else can fail
    held = draw_from(
        data, data_dir, _N_TEST, random_state + 1, signs=signs, held_out=True
    )
    training = StringTraining(
        path=path,
        network=network,
        n_lines=n_lines,
        n_parameters=n_parameters,
        seconds=seconds,
        n_test=_N_TEST,
        n_correct=count_correct(reader, list(_draw_fields(held)), held.texts),
    )
    card = replace(card, figures={"test set": training.figure})
    save_line_reader(reader, path, card=card)
    return training


def _train_sliding(
    lines: DrawnLines, network: str, device: str
) -> tuple[SlidingReader, int]:
    """Train a network that slides; return its reader, and its number of parameters."""
    from lenet_sklearn import count_parameters
    from lenet_sklearn.strings import StringRecognizer

    settings = {**_SETTINGS, "network": network}
    if network == SIGNED:
        settings |= {"network": SHIPPED_SLIDING, "initial_weights": SHIPPED_SLIDING}
        settings |= {"characters": DIGITS + lines.signs}
    recognizer = StringRecognizer(
        random_state=lines.random_state, device=device, **settings
    )
    recognizer.fit(lines, lines.texts)
    if network == SIGNED:
        _round_weights(recognizer.net_.module_)
    return SlidingReader(recognizer), count_parameters(recognizer.net_.module_)


def _round_weights(network: Any) -> None:
    """Round weights to half precision: packed, they take half of the room."""
    for weights in network.parameters():
        weights.data = weights.data.half().float()


def _train_cutting(lines: DrawnLines, device: str) -> tuple[CuttingReader, int]:
    """Train a model of pieces; return its reader, and its number of parameters."""
    drawn = zip(_draw_fields(lines), lines.texts, strict=True)
    # disable=None: no bar where nobody looks.
    shown = tqdm(drawn, total=len(lines), unit=" fields", disable=None)
    model = train_model(
        shown, n_lines=len(lines), random_state=lines.random_state, device=device
    )
    return CuttingReader(model), count_numbers(model)


def _draw_fields(lines: DrawnLines) -> Iterator[Image]:
    return map(lines.draw_field, range(len(lines)))


def draw_from(
    data: StrPath,
    data_dir: StrPath | None,
    n_lines: int,
    random_state: int,
    *,
    signs: bool = False,
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

    signs : bool, default=False
        Draw strings with signs.

    held_out : bool, default=False
        Draw with the test set, where there is one.

    Returns
    -------
    lines : DrawnLines
        The fields.
    """
    from lenet_sklearn import load_dataset
    from lenet_sklearn.datasets import has_test_split

    test = held_out and has_test_split(data)
    split: Literal["train", "test"] = "test" if test else "train"
    glyphs, labels = load_dataset(data, data_dir=data_dir, split=split)
    return DrawnLines(
        glyphs, labels, n_lines=n_lines, signs=signs, random_state=random_state
    )


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


def _check_digits(data: StrPath, lines: DrawnLines) -> None:
    known = {*map(str, range(NO_DIGIT)), *lines.signs}
    unknown = set().union(*lines.texts) - known
    if unknown:
        reads = "A network with signs" if lines.signs else "Over-segmentation"
        raise ValueError(
            f"{reads} reads the ten digits, and {data} has {sorted(unknown)}."
            " Train another network on it, or leave these out."
        )
