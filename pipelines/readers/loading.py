"""Readers of free writing as files."""

import os

from pipelines.lines.segmentfiles import holds_segments, load_segments
from pipelines.readers.line import LineReader
from pipelines.readers.segment import SegmentReader


def holds_line_reader(path: str | os.PathLike[str]) -> bool:
    """Say whether a model file reads strings rather than characters.

    Parameters
    ----------
    path : str or path
        File to look at, or the name of a model that ships with the package.

    Returns
    -------
    holds : bool
        True for a recognizer, a committee of some, and a model of pieces.

    Raises
    ------
    ModelFileError
        If the file cannot be read.

    Examples
    --------
    >>> from pipelines.readers.loading import holds_line_reader
    >>> [holds_line_reader(name) for name in ("wide", "segments", "forms")]
    [True, True, False]
    """
    from lenet_sklearn.strings import holds_recognizer

    return holds_recognizer(path) or holds_segments(path)


def load_line_reader(
    path: str | os.PathLike[str], *, device: str = "auto"
) -> LineReader | SegmentReader:
    """Make the reader that a model file is for.

    Parameters
    ----------
    path : str or path
        File to read, or the name of a model that ships with the package.

    device : str, default="auto"
        Where it is to run.

    Returns
    -------
    reader : LineReader or SegmentReader
        Ready to read.

    Raises
    ------
    ModelFileError
        If the file cannot be read, or holds a classifier of characters.

    Examples
    --------
    >>> from pipelines.readers.loading import load_line_reader
    >>> type(load_line_reader("segments")).__name__
    'SegmentReader'
    """
    from lenet_sklearn.strings import load_recognizer

    if holds_segments(path):
        return SegmentReader(load_segments(path, device=device))
    return LineReader(load_recognizer(path, device=device))
