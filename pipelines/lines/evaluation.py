"""Measure a reader on labelled fields: ``lenet evaluate --fields``."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.confidence import show_confidence
from pipelines.lines.labelled import (
    LabelledField,
    clean_fields,
    read_labelled_fields,
)
from pipelines.outcomes import FieldReading
from pipelines.plots import check_plots
from pipelines.readers.field import FieldReader
from pipelines.results import ResultFile

# Misread fields that the report lists.
_N_LISTED = 20

# The table of all of them, beside their picture.
_LIST = "misread_fields.csv"


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
    >>> from pipelines.lines.evaluation import FieldEvaluation
    >>> from pipelines.lines.labelled import LabelledField
    >>> field = LabelledField("a.png", np.zeros((9, 9), np.uint8), "12")
    >>> print(FieldEvaluation([field], [FieldReading("17", "rejected", 0.6)]))
    0 of 1 fields right (0.0 %)
    accepted: 0 right, 0 wrong
    <BLANKLINE>
    misread, the surest first
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
        n_fields, n_right = len(self.fields), len(self.fields) - len(misread)
        n_wrong = sum(reading.status == "accepted" for _, reading in misread)
        n_accepted = sum(reading.status == "accepted" for reading in self.readings)
        share = 100 * n_right / n_fields
        lines = [
            f"{n_right} of {n_fields} fields right ({share:.1f} %)",
            f"accepted: {n_accepted - n_wrong} right, {n_wrong} wrong",
        ]
        if misread:
            lines += ["", "misread, the surest first"]
        lines += [_describe(*pair) for pair in misread[:_N_LISTED]]
        if len(misread) > _N_LISTED:
            lines.append(f"  and {len(misread) - _N_LISTED} more")
        return "\n".join(lines)


def evaluate_fields(
    reader: FieldReader,
    fields: str | os.PathLike[str],
    truth: str | os.PathLike[str],
    *,
    plots: Path | None = None,
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
        Folder for ``misread_fields.png`` and ``misread_fields.csv``, the surest
        first: what is wrong there is often the truth.

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
        from pipelines.lines.gallery import MisreadFieldsDisplay

        display = MisreadFieldsDisplay.from_evaluation(evaluation)
        display.figure_.savefig(plots / "misread_fields.png", dpi=150)
        _write_list(plots / _LIST, evaluation)
    return evaluation


def _check_list(path: Path, truth: str | os.PathLike[str]) -> None:
    """Refuse to replace a list that somebody has corrected and reads as the truth."""
    if path.resolve() == Path(truth).resolve():
        raise ValueError(
            f"{path} is the truth that is read, and would be written over."
            " Name another folder for plots."
        )


def _write_list(path: Path, evaluation: FieldEvaluation) -> None:
    """Write all that was misread, as a table that corrected values can go into."""
    with ResultFile(path, ["file", "value", "read", "status", "confidence"]) as table:
        for field, reading in evaluation.misread():
            judged = reading.status, show_confidence(reading.confidence, 4)
            table.write([field.name, field.value, reading.value, *judged])


def _describe(field: LabelledField, reading: FieldReading) -> str:
    told, read = (text or "nothing" for text in (field.value, reading.value))
    judged = f"{reading.status} ({show_confidence(reading.confidence, 3)})"
    return f"  {field.name}: {told} read as {read}, {judged}"
