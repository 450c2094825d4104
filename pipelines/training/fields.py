"""Adapt a reader of strings to a user's own fields: ``lenet train fields``."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sklearn.base import clone
from sklearn.model_selection import KFold
from tqdm import tqdm

from lenet_sklearn.outputs import check_writable
from pipelines.images import Image
from pipelines.models import (
    MEMBERS,
    VOTE,
    AnyLineReader,
    holds_line_reader,
    load_line_reader,
    save_line_reader,
)
from pipelines.readers.free import SlidingReader
from pipelines.readers.voting import VotingReader
from pipelines.scans.find import real_path
from pipelines.training.evaluation import count_correct
from pipelines.training.labelled import StrPath, clean_fields, read_labelled_fields

_START_FROM = (
    f"Start from {VOTE!r}, {', '.join(map(repr, MEMBERS))} or a file fitted from one of"
    " those."
)

_NO_GAIN = "\nNothing was gained: label more fields, or read with what ships."


@dataclass(frozen=True)
class Adaptation:
    """What fitting to a user's fields gained.

    Attributes
    ----------
    path : Path
        The model file.

    n_fields : int
        Fields fitted on.

    n_folds : int
        Folds of the cross-validation.

    before, after : tuple of int
        Fields read without a mistake in each fold, by the weights started from,
        and after fitting them on the other folds.
    """

    path: Path
    n_fields: int
    n_folds: int
    before: tuple[int, ...]
    after: tuple[int, ...]

    def __str__(self) -> str:
        return (
            f"fitted on    {self.n_fields} fields\n"
            + "".join(f"{name:13s}{said}\n" for name, said in self.figures.items())
            + f"saved in     {self.path}"
            + ("" if sum(self.after) > sum(self.before) else _NO_GAIN)
        )

    @property
    def figures(self) -> dict[str, str]:
        """What the card says of the cross-validation."""
        folds = f"fitted on the other {self.n_folds - 1} of {self.n_folds} folds"
        return {
            "before": self._share(self.before),
            "after": f"{self._share(self.after)}, {folds}",
        }

    def _share(self, correct: tuple[int, ...]) -> str:
        share = 100 * sum(correct) / self.n_fields
        counts = f"{sum(correct)} of {self.n_fields}"
        return f"{share:.1f} % of fields read correctly ({counts})"


def adapt_reader(
    fields: StrPath,
    truth: StrPath,
    output: StrPath,
    *,
    model: StrPath = VOTE,
    n_folds: int = 5,
    random_state: int = 0,
    device: str = "auto",
    command: str | None = None,
) -> Adaptation:
    """Fit a reader of strings to images of fields and save what it has learned.

    All fields are fitted on, and the model saved. Then the gain is measured by
    cross-validation: each field is read by weights that were fitted without it.

    Parameters
    ----------
    fields : path
        Folder with the images of the fields.

    truth : path
        CSV file with the columns ``file``, relative to the folder, and ``value``.

    output : path
        Model file to write, usually named ``*.safetensors``.

    model : str or path, default="vote"
        Weights to start from: a recognizer or a model of pieces, one that ships
        with the package, or a file; "vote" for two that ship and vote.

    n_folds : int, default=5
        Folds of the cross-validation, at least 2.

    random_state : int, default=0
        Seed of the folds and the trainings.

    device : str, default="auto"
        As for :class:`lenet_sklearn.LeNet5Classifier`.

    command : str, default=None
        The command line, for the model card.

    Returns
    -------
    adaptation : Adaptation
        What was measured; its string is the report to print.

    Raises
    ------
    ValueError
        If the truth or an image cannot be read, there are too few fields or folds,
        `model` is a vote that has been fitted, a committee or a classifier, or
        `output` is the file of `model` or `truth`.

    OutputError
        If `output` cannot be written; found out before the work.
    """
    from lenet_sklearn.models.cards import ModelCard
    from lenet_sklearn.models.files import model_path

    path = Path(output)
    check_writable(path)
    # Every fold starts from the model anew.
    if real_path(path) in {real_path(model_path(model)), real_path(truth)}:
        raise ValueError(
            f"{path} is one of the files to read, and would be written over."
            " Write another."
        )
    labelled = read_labelled_fields(fields, truth)
    _check_folds(n_folds, len(labelled), truth)
    images, texts = clean_fields(labelled), [field.value for field in labelled]
    start = load_start(model, device, random_state)
    origin = f"{Path(model).stem}, then fields"
    card = ModelCard.write_today(origin, len(texts), command)
    folds = KFold(n_folds, shuffle=True, random_state=random_state)
    # disable=None: no bar where nobody looks.
    with tqdm(total=n_folds + 1, unit="fit", disable=None) as bar:
        adapted = clone(start).fit(images, texts)
        save_line_reader(adapted, path, card=card)  # before anything else can fail
        bar.update()
        counts = []
        try:
            for split in folds.split(texts):
                counts.append(_try_fold(start, images, texts, split))
                bar.update()
        except BaseException as error:
            error.add_note(f"{path} is written, but its gain was not measured")
            raise
    before, after = zip(*counts, strict=True)
    adaptation = Adaptation(path, len(texts), n_folds, before, after)
    save_line_reader(adapted, path, card=replace(card, figures=adaptation.figures))
    return adaptation


def _check_folds(n_folds: int, n_fields: int, truth: StrPath) -> None:
    if n_folds < 2:
        raise ValueError(f"adapt_reader expects n_folds of 2 or more. Got {n_folds}.")
    if n_fields < n_folds:
        raise ValueError(
            f"{truth} has {n_fields} fields, and the gain is measured on {n_folds}"
            f" parts of them. Label more fields: {n_folds} at the least."
        )


def load_start(model: StrPath, device: str, random_state: int) -> AnyLineReader:
    """Make the reader that a model is for, so that its clones start from it.

    Parameters
    ----------
    model : str or path
        As for :func:`adapt_reader`.

    device : str
        Where it is to run.

    random_state : int
        Seed of its training.

    Returns
    -------
    reader : SlidingReader, CuttingReader or VotingReader

    Raises
    ------
    ValueError
        If it reads single characters, is a vote that has been fitted, or a committee.
    """
    if not holds_line_reader(model):
        raise ValueError(
            f"{model} reads single characters, and fields hold strings. {_START_FROM}"
        )
    reader = load_line_reader(model, device=device)
    if isinstance(reader, VotingReader) and model != VOTE:
        raise ValueError(
            f"{model} is a vote that has been fitted already. Start from {VOTE!r}, and"
            " give it all fields: those it was fitted on, and the new ones."
        )
    if isinstance(reader, SlidingReader) and hasattr(reader.recognizer, "members_"):
        raise ValueError(
            f"{model} is a committee, and single recognizers are fitted. {_START_FROM}"
        )
    seeds = [name for name in reader.get_params() if name.endswith("random_state")]
    return reader.set_params(**dict.fromkeys(seeds, random_state))


def _try_fold(
    start: AnyLineReader,
    images: Sequence[Image],
    texts: Sequence[str],
    split: tuple[Sequence[int], Sequence[int]],
) -> tuple[int, int]:
    """Count fields of a fold read correctly, before and after fitting the others."""
    (rest, rest_texts), (held, held_texts) = (
        ([images[i] for i in part], [texts[i] for i in part]) for part in split
    )
    before = count_correct(start, held, held_texts)
    after = count_correct(clone(start).fit(rest, rest_texts), held, held_texts)
    return before, after
