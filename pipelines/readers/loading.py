"""Readers of free writing as files."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pipelines.lines.segments import (
    SEGMENT_MODEL,
    pack_segments,
    save_segments,
    unpack_segments,
)
from pipelines.readers import line, segment
from pipelines.readers.line import LineReader
from pipelines.readers.segment import SegmentReader
from pipelines.readers.vote import VoteReader

if TYPE_CHECKING:  # torch takes a second to import
    from torch import Tensor

    from lenet_sklearn.models.cards import ModelCard

AnyLineReader: TypeAlias = LineReader | SegmentReader | VoteReader

# Names no file, but two models that ship: the network that slides and the one that
# tells pieces.
VOTE: Final = "vote"
VOTERS: Final = (line.SHIPPED, segment.SHIPPED)

# What tells these files from those of a single reader.
_KIND = "VoteReader"

# Names of tensors begin so, according to what they belong to.
_RECOGNIZER = "recognizer"
_SEGMENTS = "segments"


def holds_line_reader(path: str | os.PathLike[str]) -> bool:
    """Say whether a model file reads strings rather than characters.

    Parameters
    ----------
    path : str or path
        File to look at, or the name of a model that ships with the package.

    Returns
    -------
    holds : bool
        True for a recognizer, a committee of some, a model of pieces, and a vote.

    Raises
    ------
    ModelFileError
        If the file cannot be read.

    Examples
    --------
    >>> from pipelines.readers.loading import holds_line_reader
    >>> [holds_line_reader(name) for name in ("wide", "segments", "vote", "forms")]
    [True, True, True, False]
    """
    from lenet_sklearn.models.files import read_header
    from lenet_sklearn.models.pretrained import model_path

    # Classifiers came first, and have no name for their kind.
    return path == VOTE or "model" in read_header(model_path(path))


def holds_vote(path: str | os.PathLike[str]) -> bool:
    """Say whether a model file holds two readers that vote.

    Parameters
    ----------
    path : str or path
        File to look at, or the name of a model that ships with the package.

    Returns
    -------
    holds : bool
        True for the name "vote" too.

    Raises
    ------
    ModelFileError
        If the file cannot be read.
    """
    from lenet_sklearn.models.files import read_header
    from lenet_sklearn.models.pretrained import model_path

    return path == VOTE or read_header(model_path(path)).get("model") == _KIND


def load_line_reader(
    path: str | os.PathLike[str], *, device: str = "auto"
) -> AnyLineReader:
    """Make the reader of fields without boxes that a model file is for.

    Parameters
    ----------
    path : str or path
        File to read, as ``lenet train --fields`` writes it, or the name of a model that
        ships with the package; "vote" for two of these that vote.

    device : str, default="auto"
        Where it is to run.

    Returns
    -------
    reader : LineReader, SegmentReader or VoteReader
        Ready to read. Its `fit` adapts a model of pieces, but trains a recognizer from
        nothing unless `initial_weights` say what to start from;
        :func:`pipelines.training.fields.adapt_reader` begins with what a file holds.

    Raises
    ------
    ModelFileError
        If the file cannot be read, or holds a classifier of characters.

    See Also
    --------
    make_field_reader : Takes it as `line_reader`, and cleans the fields first.
    lenet_sklearn.load_model : Loads a classifier, which reads what is in boxes.

    Examples
    --------
    >>> from pipelines import load_line_reader, make_field_reader
    >>> from pipelines.drawing import draw_string, draw_writer
    >>> reader = make_field_reader(line_reader=load_line_reader("segments"))
    >>> field = draw_string("308", draw_writer(3), random_state=3)
    >>> [str(value) for value in reader.predict([field])]
    ['308']
    """
    from lenet_sklearn.models.files import read_model
    from lenet_sklearn.models.pretrained import model_path
    from lenet_sklearn.strings.committee import unpack_recognizer

    if path == VOTE:
        line_reader, segment_reader = (
            load_line_reader(voter, device=device) for voter in VOTERS
        )
        return VoteReader(line_reader=line_reader, segment_reader=segment_reader)
    header, tensors = read_model(model_path(path))
    kind = header.get("model")
    if kind == _KIND:
        return _unpack_vote(path, header, tensors, device=device)
    if kind == SEGMENT_MODEL:
        return SegmentReader(unpack_segments(path, header, tensors, device=device))
    return LineReader(unpack_recognizer(path, header, tensors, device=device))


def save_line_reader(
    reader: AnyLineReader,
    path: str | os.PathLike[str],
    *,
    card: "ModelCard | None" = None,
) -> None:
    """Write what a reader of lines reads with to one file.

    Parameters
    ----------
    reader : LineReader, SegmentReader or VoteReader
        Fitted, or made with what is.

    path : str or path
        File to write, by custom ending in ``.safetensors``.

    card : ModelCard, default=None
        Where the model comes from; ``lenet info`` prints it.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    if isinstance(reader, VoteReader):
        _save_vote(reader, path, card)
    elif isinstance(reader, SegmentReader):
        save_segments(reader.reading_model(), path, card=card)
    else:
        reader.reading_recognizer().save(path, card=card)


def _save_vote(
    reader: VoteReader, path: str | os.PathLike[str], card: "ModelCard | None"
) -> None:
    from lenet_sklearn.models.files import write_model
    from lenet_sklearn.strings.committee import pack_recognizer

    line_reader, segment_reader = reader.reading_readers()
    recognizer, weights = pack_recognizer(line_reader.reading_recognizer())
    segments, numbers = pack_segments(segment_reader.reading_model())
    header = {
        "model": _KIND,
        _RECOGNIZER: recognizer,
        _SEGMENTS: segments,
        "weights": [float(weight) for weight in reader.weights],
    }
    tensors = {f"{_RECOGNIZER}.{name}": tensor for name, tensor in weights.items()}
    tensors |= {f"{_SEGMENTS}.{name}": tensor for name, tensor in numbers.items()}
    write_model(path, header, tensors, card=card)


def _unpack_vote(
    path: str | os.PathLike[str],
    header: Mapping[str, Any],
    tensors: Mapping[str, "Tensor"],
    *,
    device: str,
) -> VoteReader:
    from lenet_sklearn.models.files import weights_of_part
    from lenet_sklearn.strings.committee import unpack_recognizer

    weights = weights_of_part(tensors, _RECOGNIZER)
    recognizer = unpack_recognizer(path, header[_RECOGNIZER], weights, device=device)
    numbers = weights_of_part(tensors, _SEGMENTS)
    model = unpack_segments(path, header[_SEGMENTS], numbers, device=device)
    return VoteReader(
        line_reader=LineReader(recognizer),
        segment_reader=SegmentReader(model),
        weights=tuple(header["weights"]),
    )
