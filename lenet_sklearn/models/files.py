"""Model files: JSON and safetensors, no pickle, written whole; and those that ship."""

import contextlib
import hashlib
import json
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from lenet_sklearn.outputs import check_readable, write_whole

if TYPE_CHECKING:
    from lenet_sklearn.models.cards import ModelCard


# Raised with every change that an older reader would misunderstand.
FORMAT_VERSION = 3

# The one entry of the safetensors metadata: with two, their order in the file
# would change from run to run, and the same model would give other bytes.
_METADATA_KEY = "lenet_sklearn"

# What stands in the place of the checksum while it is computed: it is one of all bytes
# of the file, those that describe the model among them.
_BLANK_CHECKSUM: Final = "0" * 64

# What is hashed at once.
_BLOCK: Final = 1 << 20

# A longer description than this is none of a model: those that ship have 3 kB.
_LONGEST_HEADER: Final = 1 << 26

# Kinds of numbers that numpy knows, by their names in the format.
_KINDS: Final = frozenset(
    ["BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F16", "F32", "F64"]
)


class ModelFileError(ValueError):
    """A model file is missing, damaged, foreign, or newer than this version."""


def write_model(
    path: str | os.PathLike[str],
    header: Mapping[str, Any],
    tensors: Mapping[str, NDArray[Any]],
    *,
    card: "ModelCard | None" = None,
) -> None:
    """Write a model to one file, wholly or not at all.

    Parameters
    ----------
    path : str or path
        File to write. An existing file is replaced.

    header : mapping
        What describes the model; anything JSON can hold.

    tensors : mapping of str to ndarray
        Weights.

    card : ModelCard, default=None
        Where the model comes from; ``lenet info`` prints it.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written.

    TypeError
        If the header holds what JSON cannot, numpy's numbers and arrays aside.

    ValueError
        If a weight is NaN or infinite.

    Notes
    -----
    The bytes go to a temporary file in the same folder, which then takes the
    name of `path`: whoever reads it sees the old model or the new one.
    """
    weights = {name: np.asarray(tensors[name], order="C") for name in tensors}
    if name := _not_finite(weights):
        raise ValueError(
            f"Weights that are no numbers (NaN, infinity) are not saved, as {name} has."
            " The training has diverged: train with a lower lr."
        )
    described = {**header, "version": FORMAT_VERSION, "checksum": _BLANK_CHECKSUM}
    if card is not None:
        described["card"] = card.to_dict()
    text = json.dumps(described, sort_keys=True, default=plain_value)
    content = save(weights, metadata={_METADATA_KEY: text})
    entry = _checksum_entry(_BLANK_CHECKSUM)
    if content.count(entry) != 1:
        raise ValueError("A model's header may have one entry named 'checksum' only.")
    checksum = hashlib.sha256(content).hexdigest()
    write_whole(path, content.replace(entry, _checksum_entry(checksum)))


def plain_value(value: object) -> Any:
    """Make Python's own of numpy's numbers, which searches put into parameters.

    Parameters
    ----------
    value : object
        What JSON does not know.

    Returns
    -------
    plain : number or list
        What it knows.

    Raises
    ------
    TypeError
        If it is neither a number nor an array of numpy.
    """
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(
        f"A model file holds numbers, strings, lists and dictionaries. Got {value!r}."
        " Leave it out of the parameters."
    )


def weights_of_part(
    tensors: Mapping[str, NDArray[Any]], part: str | int
) -> dict[str, NDArray[Any]]:
    """Take the weights of one part out of those of a model of several.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        As of :func:`read_model`; the names of a part's begin with its own and a dot.

    part : str or int
        Which part: its name, or the index of a committee's member.

    Returns
    -------
    weights : dict of str to ndarray
        By the names they have in the part.
    """
    prefix = f"{part}."
    return {
        name.removeprefix(prefix): tensors[name]
        for name in tensors
        if name.startswith(prefix)
    }


def read_model(
    path: str | os.PathLike[str],
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what :func:`write_model` wrote.

    Parameters
    ----------
    path : str or path
        File to read.

    Returns
    -------
    header : dict
        As given, with its version and checksum.

    tensors : dict of str to ndarray
        Weights.

    Raises
    ------
    ModelFileError
        If there is no such file, or it is damaged, not a model of this package,
        or written by a newer version of it.
    """
    with _opened(path) as file:
        header = _parse_header(path, file.metadata() or {})
        if header["checksum"] != _checksum(path, header["checksum"]):
            raise ModelFileError(
                f"{path} is damaged: it does not match its checksum."
                " Copy it again, or save the model anew."
            )
        tensors = {name: _read_tensor(path, file, name) for name in file.keys()}  # noqa: SIM118
    if damaged := _not_finite(tensors):
        raise ModelFileError(
            f"{path}: {damaged} has weights that are no numbers (NaN, infinity)."
            " Train the model anew."
        )
    return header, tensors


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what a model file says of itself, and none of its weights.

    Parameters
    ----------
    path : str or path
        File to read.

    Returns
    -------
    header : dict
        As of :func:`read_model`; that the file matches its checksum is not checked.

    Raises
    ------
    ModelFileError
        As for :func:`read_model`.
    """
    with _opened(path) as file:
        return _parse_header(path, file.metadata() or {})


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open a safetensors file."""
    try:
        check_readable(path)
        with safe_open(path, framework="np") as file:
            yield file
    except SafetensorError as error:
        raise ModelFileError(
            f"{path} is not a model file, or it is damaged ({error})."
            " Copy it again, or save the model anew."
        ) from error
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelFileError(
            f"Cannot read the model file {path}: {reason}."
            " Pass the path of a saved model."
        ) from error


def _parse_header(
    path: str | os.PathLike[str], metadata: Mapping[str, str]
) -> dict[str, Any]:
    """Check what a file says about itself."""
    try:
        header: dict[str, Any] = json.loads(metadata[_METADATA_KEY])
        version, _ = int(header["version"]), str(header["checksum"])
    except (KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{path} is a safetensors file, but not a model of lenet_sklearn."
            " Pass the path of a saved model."
        ) from error
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format version {version}; this lenet_sklearn reads version"
            f" {FORMAT_VERSION}. Update it with pip install -U lenet-sklearn."
        )
    if version < FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format version {version}, of an earlier lenet_sklearn; this"
            f" one reads version {FORMAT_VERSION}. Train the model anew."
        )
    return header


def _checksum(path: str | os.PathLike[str], named: str) -> str:
    """SHA-256 over a file in which the checksum that it names is blank."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        size = file.read(8)
        header = file.read(min(struct.unpack("<Q", size)[0], _LONGEST_HEADER))
        entries = _checksum_entry(named), _checksum_entry(_BLANK_CHECKSUM)
        digest.update(size + header.replace(*entries))
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _checksum_entry(checksum: str) -> bytes:
    """Return how a header names a checksum: as JSON within a string of JSON."""
    return json.dumps(json.dumps({"checksum": checksum})[1:-1])[1:-1].encode()


def _read_tensor(path: str | os.PathLike[str], file: Any, name: str) -> NDArray[Any]:
    """Read one of the weights, if numpy has numbers of its kind."""
    kind = str(file.get_slice(name).get_dtype())
    if kind not in _KINDS:
        raise ModelFileError(
            f"{path}: {name} is of numbers of the kind {kind}, which are not read."
            " Save the model anew in float32."
        )
    values: NDArray[Any] = file.get_tensor(name)
    return values


def _not_finite(tensors: Mapping[str, NDArray[Any]]) -> str:
    """Name weights that hold NaN or infinity; empty where there are none."""
    floats = {name: t for name, t in tensors.items() if t.dtype.kind == "f"}
    return next((n for n, t in floats.items() if not np.isfinite(t).all()), "")


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
    >>> from lenet_sklearn.models.files import shipped_models
    >>> shipped_models()
    ['boxes', 'contents', 'forms', 'marks', 'mnist']
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
    >>> from lenet_sklearn.models.files import shipped_recognizers
    >>> shipped_recognizers()
    ['lenet5', 'lenet5_dense', 'signs', 'wide']
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
    >>> from lenet_sklearn.models.files import shipped_segmenters
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


def is_shipped(source: str | os.PathLike[str]) -> bool:
    """Return whether a model ships with the package.

    Parameters
    ----------
    source : str or path
        Its name, or a file.

    Returns
    -------
    ships : bool
    """
    return model_path(source).is_relative_to(_WEIGHTS)


def _names_in(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.safetensors"))
