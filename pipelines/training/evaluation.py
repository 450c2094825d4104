"""Measure a model: ``lenet evaluate digits`` and ``lenet evaluate fields``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.outputs import write_rows
from pipelines.images import Image
from pipelines.models import AnyLineReader
from pipelines.outcomes import ArraysCompare, FieldReading, show_confidence
from pipelines.plotting import check_plots, plot_evaluation, plot_misread_fields
from pipelines.readers.field import FieldReader
from pipelines.scans.find import printable, real_path
from pipelines.scoring.table import document_cell
from pipelines.training.labelled import (
    LabelledField,
    StrPath,
    clean_fields,
    read_labelled_fields,
)


@dataclass(frozen=True, eq=False)
class Evaluation(ArraysCompare):
    """How a classifier did on a labelled data set.

    Attributes
    ----------
    labels : ndarray of shape (n_labels,)
        Labels of the rows and columns of `confusion`.

    confusion : ndarray of shape (n_labels, n_labels), dtype int64
        Samples by true label (row) and predicted label (column).

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.training.evaluation import Evaluation
    >>> evaluation = Evaluation(np.array([1, 7]), np.array([[9, 1], [0, 10]]))
    >>> evaluation.error, evaluation.worst(1)
    (0.05, [(1, 7, 1)])
    """

    labels: NDArray[Any]
    confusion: NDArray[np.int64]

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return int(self.confusion.sum())

    @property
    def n_errors(self) -> int:
        """Number of samples with a wrong prediction."""
        return self.n_samples - int(np.trace(self.confusion))

    @property
    def error(self) -> float:
        """Share of samples with a wrong prediction."""
        return self.n_errors / self.n_samples

    @property
    def summary(self) -> str:
        """Error in per cent and in digits, on one line."""
        return f"error {100 * self.error:.2f} % ({self.n_errors} of {self.n_samples})"

    def worst(self, n_pairs: int = 5) -> list[tuple[Any, Any, int]]:
        """List the most frequent confusions.

        Parameters
        ----------
        n_pairs : int, default=5
            How many at most.

        Returns
        -------
        pairs : list of tuple of (truth, guess, count)
            The most frequent first.
        """
        wrong = self.confusion - np.diag(np.diag(self.confusion))
        labels = self.labels.tolist()
        pairs = [
            (labels[truth], labels[guess], int(wrong[truth, guess]))
            for truth, guess in np.argwhere(wrong)
        ]
        return sorted(pairs, key=lambda pair: -pair[2])[:n_pairs]

    def __str__(self) -> str:
        lines = [self.summary, "", *_confusion_table(self)]
        if self.n_errors:
            lines += ["", "worst confusions"]
        lines += [f"  {truth} read as {guess}: {n}" for truth, guess, n in self.worst()]
        return "\n".join(lines)


def evaluate(
    model: StrPath,
    data: StrPath,
    *,
    data_dir: StrPath | None = None,
    device: str = "auto",
    plots: Path | None = None,
) -> Evaluation:
    """Measure a saved classifier on a data set.

    Parameters
    ----------
    model : {"forms", "mnist"} or path
        A model that ships with the package, or a file.

    data : {"boxes", "contents", "marks", "mnist", "forms", "digits"} or path
        As in :func:`pipelines.training.boxes.load_samples`. The test set is read where
        there is one, else all of a folder.

    data_dir : path, default=None
        Where the files of MNIST are.

    device : str, default="auto"
        As for :class:`lenet_sklearn.LeNet5Classifier`.

    plots : Path, default=None
        Folder for pictures of what is misread.

    Returns
    -------
    evaluation : Evaluation
        Errors and confusions; its string is the report to print.

    Raises
    ------
    ValueError
        If the model or the data set cannot be read, or do not fit each other.
    """
    from lenet_sklearn import load_model
    from lenet_sklearn.committee import members_of
    from lenet_sklearn.models.files import model_path
    from pipelines.models import holds_line_reader
    from pipelines.training.boxes import has_test_samples, load_samples

    if holds_line_reader(model):
        raise ValueError(
            f"{model} reads strings, not characters. Measure it with"
            " lenet evaluate fields."
        )
    if plots:
        check_plots(plots)
    classifier = load_model(model_path(model), device=device)
    split: Literal["train", "test"] = "test" if has_test_samples(data) else "train"
    X, y = load_samples(data, data_dir=data_dir, split=split)
    # All members of a committee were trained on the same images.
    image_shape = members_of(classifier)[0].image_shape_
    if X.shape[1:] != image_shape:
        sizes = ["x".join(map(str, s)) for s in (image_shape, X.shape[1:])]
        raise ValueError(
            f"The model {model} reads images of {sizes[0]} pixels, and those of {data}"
            f" are {sizes[1]}. Train one on them, or take other images."
        )
    evaluation = measure(classifier, X, y)
    if plots:
        plot_evaluation(classifier, X, y, plots)
    return evaluation


def measure(classifier: Any, X: NDArray[np.uint8], y: NDArray[Any]) -> Evaluation:
    """Count how often each label is read as each.

    Parameters
    ----------
    classifier : LeNet5Classifier, or VotingClassifier of them
        Fitted.

    X : ndarray of shape (n, height, width), dtype uint8
        Images.

    y : ndarray of shape (n,)
        Their labels.

    Returns
    -------
    evaluation : Evaluation
        Of all labels that the classifier knows or that occur.

    Raises
    ------
    ValueError
        If one has names for labels and the other has numbers.
    """
    from sklearn.metrics import confusion_matrix

    classes = classifier.classes_
    named = [all(isinstance(c, str) for c in np.unique(a)) for a in (classes, y)]
    if named[0] != named[1]:
        raise ValueError(
            f"The model knows the labels {classes.tolist()[:5]}, the data set has"
            f" {np.unique(y).tolist()[:5]}: numbers and names do not compare."
            " Rename the folders, or train on this data set."
        )
    labels = np.union1d(classes, y)
    confusion = confusion_matrix(y, classifier.predict(X), labels=labels)
    return Evaluation(labels, confusion)


def count_correct(
    reader: AnyLineReader, fields: Sequence[Image], texts: Sequence[str]
) -> int:
    """Count the fields that a reader reads without a mistake.

    Parameters
    ----------
    reader : SlidingReader, CuttingReader or VotingReader
        Reads fields as they are.

    fields : sequence of n_fields ndarrays of shape (height, width), dtype uint8
        Images of fields.

    texts : sequence of n_fields str
        What they say.

    Returns
    -------
    n_correct : int
        How many.
    """
    read = reader.predict(fields)
    return sum(text == truth for text, truth in zip(read, texts, strict=True))


def _confusion_table(evaluation: Evaluation) -> list[str]:
    """Lines of a table; zeros are dots, so that the errors stand out."""
    names = [str(label) for label in evaluation.labels.tolist()]
    widest = max(len(str(evaluation.confusion.max())), *map(len, names))
    head = "truth".rjust(max(5, widest)) + " | "
    lines = [head + " ".join(name.rjust(widest) for name in names) + "  <- read as"]
    for name, row in zip(names, evaluation.confusion.tolist(), strict=True):
        cells = " ".join((str(n) if n else ".").rjust(widest) for n in row)
        lines.append(name.rjust(max(5, widest)) + " | " + cells)
    return lines


# Misread fields that the report lists.
_N_LISTED = 20

# Their picture, and the table of all of them.
_PICTURE: Final = "misread_fields.png"
_LIST: Final = "misread_fields.csv"
FIELD_PLOTS: Final = (_PICTURE, _LIST)


@dataclass(frozen=True)
class FieldEvaluation:
    """How a reader did on labelled fields.

    Attributes
    ----------
    fields : sequence of LabelledField
        The fields, and what they say.

    readings : sequence of FieldReading
        What was read in each.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines import FieldReading
    >>> from pipelines.training.evaluation import FieldEvaluation
    >>> from pipelines.training.labelled import LabelledField
    >>> field = LabelledField("a.png", np.zeros((9, 9), np.uint8), "12")
    >>> print(FieldEvaluation([field], [FieldReading("17", "rejected", 0.6)]))
    0 of 1 fields read correctly (0.0 %)
    accepted: 0 correct, 0 wrong
    <BLANKLINE>
    misread, the most confident first
      a.png: 12 read as 17, rejected (0.600)
    """

    fields: Sequence[LabelledField]
    readings: Sequence[FieldReading]

    def misread(self) -> list[tuple[LabelledField, FieldReading]]:
        """List the fields that were misread, the most confident first."""
        pairs = zip(self.fields, self.readings, strict=True)
        wrong = [(f, reading) for f, reading in pairs if f.value != reading.value]
        return sorted(wrong, key=lambda pair: -pair[1].confidence)

    def __str__(self) -> str:
        misread = self.misread()
        n_fields, n_correct = len(self.fields), len(self.fields) - len(misread)
        n_wrong = sum(reading.status == "accepted" for _, reading in misread)
        n_accepted = sum(reading.status == "accepted" for reading in self.readings)
        share = 100 * n_correct / n_fields
        lines = [
            f"{n_correct} of {n_fields} fields read correctly ({share:.1f} %)",
            f"accepted: {n_accepted - n_wrong} correct, {n_wrong} wrong",
        ]
        if misread:
            lines += ["", "misread, the most confident first"]
        lines += [_describe(*pair) for pair in misread[:_N_LISTED]]
        if len(misread) > _N_LISTED:
            lines.append(f"  and {len(misread) - _N_LISTED} more")
        return "\n".join(lines)


def evaluate_fields(
    reader: FieldReader, fields: StrPath, truth: StrPath, *, plots: Path | None = None
) -> FieldEvaluation:
    """Read labelled fields, and compare.

    Parameters
    ----------
    reader : FieldReader
        Reads the fields after they were cleaned.

    fields : path
        Folder with the images of the fields.

    truth : path
        CSV file with the columns ``file`` and ``value``.

    plots : Path, default=None
        Folder for ``misread_fields.png`` and ``misread_fields.csv``, the most
        confident first: what is wrong there is often the truth.

    Returns
    -------
    evaluation : FieldEvaluation
        Its string is the report to print.

    Raises
    ------
    ValueError
        If the truth or an image cannot be read; says which. If the truth is a list
        of misread fields that would be written over.
    """
    if plots:
        check_plots(plots)
        _check_list(plots / _LIST, truth)
    labelled = read_labelled_fields(fields, truth)
    evaluation = FieldEvaluation(labelled, reader.read(clean_fields(labelled)))
    if plots:
        misread = [(f.name, f.image, f.value, r) for f, r in evaluation.misread()]
        plot_misread_fields(misread, len(labelled), plots / _PICTURE)
        _write_list(plots / _LIST, evaluation)
    return evaluation


def _check_list(path: Path, truth: StrPath) -> None:
    """Refuse to replace a list that somebody has corrected and reads as the truth."""
    if real_path(path) == real_path(truth):
        raise ValueError(
            f"{path} is the truth that is read, and would be written over."
            " Name another folder for plots."
        )


def _write_list(path: Path, evaluation: FieldEvaluation) -> None:
    """Write all that was misread, as a table that corrected values can go into."""
    rows = [
        [
            *(document_cell(field.name), field.value, reading.value),
            *(reading.status, show_confidence(reading.confidence, 4)),
        ]
        for field, reading in evaluation.misread()
    ]
    write_rows(path, ["file", "value", "read", "status", "confidence"], rows)


def _describe(field: LabelledField, reading: FieldReading) -> str:
    truth, read = (text or "nothing" for text in (field.value, reading.value))
    outcome = f"{reading.status} ({show_confidence(reading.confidence, 3)})"
    return f"  {printable(field.name)}: {truth} read as {read}, {outcome}"
