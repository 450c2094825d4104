"""The Pipeline of a field reader, taken apart: what cleans, and what reads."""

from collections.abc import Sequence
from typing import Any

from sklearn.pipeline import Pipeline

from pipelines.images import Image


def split_reader(field_reader: Any) -> tuple[list[Any], Any]:
    """Part a Pipeline into its transformers and the reader at its end.

    Parameters
    ----------
    field_reader : Pipeline or estimator
        As :func:`pipelines.make_field_reader` makes it, or a reader alone.

    Returns
    -------
    steps : list of transformers
        None of them "passthrough".

    reader : estimator
        The reader.

    Examples
    --------
    >>> from pipelines import make_field_reader
    >>> from pipelines.readers.steps import split_reader
    >>> steps, reader = split_reader(make_field_reader())
    >>> [type(step).__name__ for step in steps], type(reader).__name__
    (['Despeckler', 'BackgroundFlattener'], 'FieldReader')
    """
    if not isinstance(field_reader, Pipeline):
        return [], field_reader
    *steps, (_, reader) = field_reader.steps
    return [step for _, step in steps if step not in (None, "passthrough")], reader


def clean_images(steps: Sequence[Any], images: Sequence[Image]) -> list[Image]:
    """Clean images of fields, as a reader does before it reads.

    Parameters
    ----------
    steps : sequence of transformers
        From :func:`split_reader`.

    images : sequence of ndarrays of shape (height, width), dtype uint8
        Fields.

    Returns
    -------
    cleaned : list of ndarrays of shape (height, width), dtype uint8
        The same fields, transformed.
    """
    cleaned = list(images)
    for step in steps:
        cleaned = step.transform(cleaned)
    return cleaned
