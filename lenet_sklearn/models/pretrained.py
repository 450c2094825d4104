"""The models that ship with the package: their names and files."""

import os
from pathlib import Path

# Classifiers of characters; recognizers of strings, and models of pieces of writing,
# in folders of their own.
_WEIGHTS = Path(__file__).parents[1] / "weights"
_STRING_WEIGHTS = _WEIGHTS / "strings"
_SEGMENT_WEIGHTS = _WEIGHTS / "segments"


def shipped_models() -> list[str]:
    """List the classifiers that ship with the package.

    Returns
    -------
    names : list of str
        Sorted.

    Examples
    --------
    >>> from lenet_sklearn.models.pretrained import shipped_models
    >>> shipped_models()
    ['forms', 'mnist']
    """
    return _names_in(_WEIGHTS)


def shipped_recognizers() -> list[str]:
    """List the recognizers of strings that ship with the package.

    Returns
    -------
    names : list of str
        Sorted.

    Examples
    --------
    >>> from lenet_sklearn.models.pretrained import shipped_recognizers
    >>> shipped_recognizers()
    ['lenet5', 'lenet5_dense', 'wide']
    """
    return _names_in(_STRING_WEIGHTS)


def shipped_segmenters() -> list[str]:
    """List the models of pieces of writing that ship with the package.

    Returns
    -------
    names : list of str
        Sorted.

    Examples
    --------
    >>> from lenet_sklearn.models.pretrained import shipped_segmenters
    >>> shipped_segmenters()
    ['segments']
    """
    return _names_in(_SEGMENT_WEIGHTS)


def model_path(source: str | os.PathLike[str]) -> Path:
    """Find the file of a model.

    Parameters
    ----------
    source : str or path
        The name of a model that ships with the package, or a file. A file of
        the same name as a model is passed with its folder: ``./mnist``.

    Returns
    -------
    path : Path
        Not checked to exist where `source` is no model's name.
    """
    for folder in (_WEIGHTS, _STRING_WEIGHTS, _SEGMENT_WEIGHTS):
        if source in _names_in(folder):
            return folder / f"{source}.safetensors"
    return Path(source)


def _names_in(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.safetensors"))
