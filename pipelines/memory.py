"""Keep what steps make of each image, so that no search makes it again."""

import hashlib
import os
import pickle
import random
import re
import sys
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, TypeVar

import cv2
import joblib
import numpy as np
import scipy
from sklearn.base import BaseEstimator

from lenet_sklearn.outputs import lock_file

_T = TypeVar("_T")

# Packages whose code is part of every key.
_OWN: Final = ("lenet_sklearn", "pipelines")

# What of them computes: code, the models that ship, and drawn shapes.
_COMPUTING: Final = (".py", ".safetensors", ".json")

# Entries of a name that begins alike are made by one process at a time.
_N_LOCKS: Final = 256

# Seconds after which a process makes itself what another one seems to be making.
_PATIENCE: Final = 60.0

# A folder is looked over when this share of what it may hold was written, and is left
# so full if it holds more.
_BETWEEN: Final = 1 / 20
_LEFT: Final = 0.8

_memory_in_use: ContextVar["ImageMemory | None"] = ContextVar("memory", default=None)

# Bytes that this process may still write before it looks a folder over.
_room: defaultdict[str, float] = defaultdict(float)


class ImageMemory:
    """Keep what steps make of each image in a folder, for all that read it again.

    An entry is found by the content of its image, by all that else decides what is
    made of it, and by the source of these packages and the releases of those that
    compute: after an upgrade, or an edit, nothing old is taken. Folds, candidates and
    processes share a folder.

    Parameters
    ----------
    folder : str or path
        Where the entries are; it is made if need be.

    max_bytes : int, default=2**30
        What they may take; those that were not asked for the longest go first.

    See Also
    --------
    pipelines.make_field_reader : Makes a Pipeline with a `memory`.

    Notes
    -----
    It stands for the memory of joblib in ``Pipeline(memory=...)``. That keeps what a
    step makes of all images of a fold together, so that no other fold finds it, and
    forgets nothing; and what is held out is transformed anew each time. Here it is each
    image that is kept, by every transformer of these packages in a Pipeline, and by
    :class:`pipelines.FieldReader` and :class:`pipelines.FormReader` with a `memory`.
    Steps of other packages are computed each time: nobody knows what they depend on.

    Two processes that need the same entry do not make it both. The limit may be passed
    by a twentieth for each process that writes. Entries are pickles: use a folder that
    only you can write to.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.pipeline import make_pipeline
    >>> from pipelines import BackgroundFlattener, FieldReader, ImageMemory
    >>> from pipelines.drawing import draw_comb
    >>> folder = tempfile.TemporaryDirectory()
    >>> memory = ImageMemory(folder.name)
    >>> steps = BackgroundFlattener(), FieldReader(memory=memory)
    >>> reader = make_pipeline(*steps, memory=memory)
    >>> fields = [draw_comb(text, random_state=3) for text in ["042", "1998"]]
    >>> [str(value) for value in reader.predict(fields)]
    ['042', '1998']
    >>> folder.cleanup()
    """

    def __init__(
        self, folder: str | os.PathLike[str], *, max_bytes: int = 2**30
    ) -> None:
        self.folder = os.path.abspath(folder)  # workers may be elsewhere
        self.max_bytes = max_bytes

    def __repr__(self) -> str:
        return f"ImageMemory({self.folder!r}, max_bytes={self.max_bytes})"

    def cache(
        self, function: Callable[..., Any], **_options: Any
    ) -> Callable[..., Any]:
        """Let a function, and the steps that it fits, look up what is kept.

        Parameters
        ----------
        function : callable
            What a Pipeline fits one of its transformers with.

        **_options : dict
            Of joblib's method of this name; they make no difference here.

        Returns
        -------
        function : callable
            Does the same.
        """

        def run(*args: Any, **kwargs: Any) -> Any:
            with use_memory(self):
                result = function(*args, **kwargs)
            for part in result if isinstance(result, tuple) else ():
                if hasattr(part, "keep_in"):
                    part.keep_in(self)
            return result

        return run

    def map(
        self,
        function: Callable[..., _T],
        items: Sequence[tuple[Any, ...]],
        settings: tuple[Any, ...] = (),
    ) -> list[_T]:
        """Apply a function to each item, or look up what it has made of it.

        Parameters
        ----------
        function, items, settings
            As for ``pipelines.memory.map_images``, of these packages only.

        Returns
        -------
        results : list of n objects
        """
        prefix = _prefix(function, settings)
        made = partial(_call, function, settings)
        names = [_name(prefix, item) for item in items]
        results: dict[int, _T] = {}
        busy: list[int] = []
        # Processes begin at different places: they seldom meet.
        start = random.Random(os.getpid()).randrange(len(items)) if items else 0
        for n in [*range(start, len(items)), *range(start)]:
            try:
                results[n] = self._find_or_make(names[n], made, items[n], 0)
            except BlockingIOError:
                busy.append(n)
        for n in busy:
            try:
                results[n] = self._find_or_make(names[n], made, items[n], _PATIENCE)
            except BlockingIOError:
                results[n] = made(items[n])
        return [results[n] for n in range(len(items))]

    def clear(self) -> None:
        """Remove all entries, and the folder if nothing else is in it."""
        locks = [p for p in Path(self.folder).glob("*.lock") if p.stem.isdecimal()]
        for path in [*self._entries(), *locks]:
            with suppress(OSError):  # another process has removed it
                path.unlink()
        for folder in (*Path(self.folder).glob("[0-9a-f][0-9a-f]"), Path(self.folder)):
            with suppress(OSError):  # it is not empty, or no folder
                folder.rmdir()

    def _find_or_make(
        self, name: str, make: Callable[[Any], _T], item: Any, patience: float
    ) -> _T:
        path = Path(self.folder, name[:2], name)
        with suppress(LookupError):
            return _load(path)
        lock = Path(self.folder, f"{int(name[:8], 16) % _N_LOCKS}.lock")
        with ExitStack() as stack:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock_file(lock, patience=patience))
            except BlockingIOError:
                raise
            except OSError:  # a full disk, or a folder of somebody else's
                return make(item)
            with suppress(LookupError):
                return _load(path)
            result = make(item)
            with suppress(OSError):  # it is kept the next time
                self._write(path, result)
        return result

    def _entries(self) -> list[Path]:
        """List entries and their drafts: other files in the folder are not touched."""
        found = Path(self.folder).glob("??/*")
        return [path for path in found if _is_name(path.stem, path.parent.name)]

    def _write(self, path: Path, result: Any) -> None:
        content = zlib.compress(pickle.dumps(result, pickle.HIGHEST_PROTOCOL), 1)
        draft = path.with_suffix(f".{os.getpid()}")
        try:
            # Not flushed to the disk: an entry that is lost is made again.
            draft.write_bytes(content)
            os.replace(draft, path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        _room[self.folder] -= len(content)
        if _room[self.folder] < 0:
            self._look_over()

    def _look_over(self) -> None:
        """Remove what was not asked for the longest, if there is too much."""
        _room[self.folder] = self.max_bytes * _BETWEEN
        entries = []
        for path in self._entries():
            with suppress(OSError):  # another process has removed it
                state = path.stat()
                entries.append((state.st_mtime_ns, state.st_size, path))
        total = sum(size for _, size, _ in entries)
        if total <= self.max_bytes:
            return
        for _, size, path in sorted(entries):
            if total <= _LEFT * self.max_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size


def as_memory(memory: "ImageMemory | str | None") -> ImageMemory | None:
    """Make the memory that a parameter stands for.

    Parameters
    ----------
    memory : ImageMemory, str or None
        A str is its folder.

    Returns
    -------
    memory : ImageMemory or None
    """
    return ImageMemory(memory) if isinstance(memory, str) else memory


@contextmanager
def use_memory(memory: ImageMemory | str | None) -> Iterator[None]:
    """Let all steps look up what is kept, as long as the ``with`` block takes.

    Parameters
    ----------
    memory : ImageMemory, str or None
        None changes nothing: another may be in use.
    """
    if memory is None:
        yield
        return
    token = _memory_in_use.set(as_memory(memory))
    try:
        yield
    finally:
        _memory_in_use.reset(token)


def is_remembering() -> bool:
    """Return whether anything that is made of images is kept.

    Returns
    -------
    remembering : bool
    """
    return _memory_in_use.get() is not None


def map_images(
    function: Callable[..., _T],
    items: Sequence[tuple[Any, ...]],
    settings: tuple[Any, ...] = (),
) -> list[_T]:
    """Apply a function to each image, or look up what it has made of it.

    Parameters
    ----------
    function : callable
        A function that has a name, called with what is in an item and the settings; it
        must depend on nothing else. What it makes is kept if it and its settings are of
        these packages.

    items : sequence of n tuples
        An image each, and what is known of it.

    settings : tuple, default=()
        Plain values, and objects of these packages.

    Returns
    -------
    results : list of n objects
        What comes out of a memory is a copy of one's own.

    Examples
    --------
    >>> from pipelines.memory import map_images
    >>> map_images(divmod, [(7,), (9,)], (2,))
    [(3, 1), (4, 1)]
    """
    memory = _memory_in_use.get()
    if memory is None or not all(map(_is_own, (function, *settings))):
        return [function(*item, *settings) for item in items]
    # Whole results are kept, and not what they are made of, too.
    token = _memory_in_use.set(None)
    try:
        return memory.map(function, items, settings)
    finally:
        _memory_in_use.reset(token)


@cache
def source_digest() -> str:
    """Return what stands for the code of these packages, and the models that ship.

    Returns
    -------
    digest : str
        Hexadecimal; another after any edit. Made once in a process, in about 30 ms.
    """
    digest = hashlib.blake2b(digest_size=16)
    for package in _OWN:
        root = Path(str(sys.modules[package].__file__)).parent
        paths = (p for p in root.rglob("*") if p.suffix in _COMPUTING)
        for path in sorted(paths):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(root)} {len(content)} ".encode())
            digest.update(content)
    return digest.hexdigest()


@cache
def stamp() -> tuple[str, ...]:
    """Return what makes something else of images after an upgrade, or an edit.

    Returns
    -------
    versions : tuple of str
        The digest of the source, and releases.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return source_digest(), cv2.__version__, np.__version__, scipy.__version__, python


def _is_own(thing: Any) -> bool:
    """Return whether all that something depends on is in these packages, or plain."""
    if thing is None or isinstance(thing, np.generic | int | float | str | Path):
        return True
    if isinstance(thing, tuple | list):
        return all(map(_is_own, thing))
    if isinstance(thing, dict):
        return all(map(_is_own, thing.values()))
    if isinstance(thing, BaseEstimator) and not _is_own(thing.get_params()):
        return False
    return str(getattr(thing, "__module__", "")).partition(".")[0] in _OWN


def _call(function: Callable[..., _T], settings: Any, item: Any) -> _T:
    return function(*item, *settings)


def _prefix(function: Callable[..., Any], settings: tuple[Any, ...]) -> bytes:
    """Return what decides beside the items."""
    name = f"{function.__module__}.{function.__qualname__}"
    return str(joblib.hash((name, _content(settings), stamp()))).encode()


def _content(thing: Any) -> Any:
    """Return what of some settings decides: of estimators their parameters."""
    if isinstance(thing, tuple | list):
        return [_content(part) for part in thing]
    if isinstance(thing, BaseEstimator):
        params = thing.get_params(deep=False)
        name = f"{type(thing).__module__}.{type(thing).__qualname__}"
        return name, [(k, _content(params[k])) for k in params]
    return thing


def _name(prefix: bytes, item: Sequence[Any]) -> str:
    digest = hashlib.blake2b(prefix, digest_size=20)
    for part in item:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype} {part.shape} ".encode())
            digest.update(np.ascontiguousarray(part).data)
        else:
            digest.update(f"{'' if part is None else joblib.hash(part)} ".encode())
    return digest.hexdigest()


def _is_name(stem: str, folder: str) -> bool:
    """Return whether a file is called as :func:`_name` calls it."""
    return stem.startswith(folder) and bool(re.fullmatch("[0-9a-f]{40}", stem))


def _load(path: Path) -> Any:
    """Read an entry; LookupError if there is none that is whole."""
    try:
        result = pickle.loads(zlib.decompress(path.read_bytes()))
    except Exception as error:  # whatever a damaged file makes of pickle
        raise LookupError(path) from error
    with suppress(OSError):  # somebody else's: it can be read all the same
        os.utime(path)
    return result
