"""Model files: JSON and safetensors, no pickle, written whole; and those that ship."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

if TYPE_CHECKING:
    from lenet_sklearn.models.cards import ModelCard


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file beside its place, then move it there.

    Parameters
    ----------
    path : str or path
        File to write. One that exists is replaced as a whole or not at all; of a
        symbolic link, the file that it leads to.

    content : bytes
        What the file is to hold.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written.

    Notes
    -----
    The bytes go to a temporary file in the same folder, which then takes the name
    of the file: whoever reads it sees the old content or the new one.
    """
    target = replaced_file(Path(path))
    descriptor, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # Only its owner may read a temporary file; a new file is as the umask says.
        os.chmod(draft, 0o666 & ~_umask())
        os.replace(draft, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)
        raise


def replaced_file(path: Path) -> Path:
    """Return the file that writing to a path replaces.

    Parameters
    ----------
    path : Path
        It need not exist.

    Returns
    -------
    file : Path
        The path itself, or where it leads to if it is a symbolic link.
    """
    try:
        return Path(os.path.realpath(path)) if path.is_symlink() else path
    except OSError:  # whoever opens it says what is wrong with it
        return path


def _umask() -> int:
    """Return the mask of new files, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


# Raised with every change that an older reader would misunderstand.
FORMAT_VERSION = 2

# The one entry of the safetensors metadata: with two, their order in the file
# would change from run to run, and the same model would give other bytes.
_METADATA_KEY = "lenet_sklearn"


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

    Notes
    -----
    The bytes go to a temporary file in the same folder, which then takes the
    name of `path`: whoever reads it sees the old model or the new one.
    """
    weights = {name: np.asarray(tensors[name], order="C") for name in tensors}
    described = {
        **header,
        "version": FORMAT_VERSION,
        "checksum": _checksum(weights),
    }
    if card is not None:
        described["card"] = card.to_dict()
    text = json.dumps(described, sort_keys=True, default=plain_value)
    write_whole(path, save(weights, metadata={_METADATA_KEY: text}))


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
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = _parse_header(path, file.metadata() or {})
    if header["checksum"] != _checksum(tensors):
        raise ModelFileError(
            f"{path} is damaged: its weights do not match its checksum."
            " Copy it again, or save the model anew."
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
        As of :func:`read_model`; that the weights match it is not checked.

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
        with safe_open(path, framework="np") as file:
            yield file
    except SafetensorError as error:
        raise ModelFileError(
            f"{path} is not a model file, or it is damaged ({error})."
            " Copy it again, or save the model anew."
        ) from error
    except OSError as error:
        raise ModelFileError(
            f"Cannot read the model file {path}: {error.strerror or error}."
            " Pass the path of a saved model."
        ) from error


def _parse_header(
    path: str | os.PathLike[str], metadata: Mapping[str, str]
) -> dict[str, Any]:
    """Check what a file says about itself."""
    try:
        header: dict[str, Any] = json.loads(metadata[_METADATA_KEY])
        version, _ = int(header["version"]), header["checksum"]
    except (KeyError, TypeError, ValueError) as error:
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


def _checksum(tensors: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over the weights in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].tobytes())
    return digest.hexdigest()


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
    >>> from lenet_sklearn.models.files import shipped_recognizers
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


def _names_in(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.safetensors"))
