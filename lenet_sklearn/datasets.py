"""Digits to train and to measure on."""

import gzip
import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from lenet_sklearn.outputs import check_readable
from lenet_sklearn.variants import add_strokes, draw_guided

Split = Literal["train", "test"]
Labelled = tuple[NDArray[np.uint8], NDArray[Any]]

# Images of a folder are brought to the size of MNIST's.
_SIDE = 28

_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}

_MNIST_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}

# Digits in MNIST's test set, and the column of QMNIST's labels with the writer.
_N_TEST, _WRITER = 10_000, 2

# What IDX files are made of, by the code in their third byte.
_IDX_TYPES: dict[int, np.dtype[Any]] = {0x08: np.dtype("u1"), 0x0C: np.dtype(">i4")}


def load_dataset(
    name: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    split: Split = "train",
) -> Labelled:
    """Load labelled images of single characters, ink bright on black.

    Parameters
    ----------
    name : {"mnist", "forms", "digits"} or path
        "mnist": 60,000 + 10,000 digits of 28 x 28, downloaded where they are not
        at hand. "forms": these and a sixth as many drawn in the ways that MNIST
        lacks, ones with an upstroke, sevens with a bar and figures traced along
        a printed guide. "digits": scikit-learn's own 1,797 of
        8 x 8, a fifth of them for the test. A path: a folder with one sub-folder
        of images for each class, or with two such, ``train`` and ``test``.

    data_dir : path, default=None
        Where the files of MNIST are: the four IDX files, gzipped or not, or the
        folder ``MNIST/raw`` of torchvision with them. Downloads go there; None
        stands for ``~/.cache/lenet_sklearn``.

    split : {"train", "test"}, default="train"
        Which part. A folder without ``train`` and ``test`` is all training set.

    Returns
    -------
    X : ndarray of shape (n, height, width), dtype uint8
        Images, ink 255 on 0.

    y : ndarray of shape (n,)
        Labels, int64; of a folder the names of the classes, int64 where all are
        whole numbers.

    Raises
    ------
    ValueError
        If there is no such data set, split or folder, or an image is damaged.

    Examples
    --------
    >>> from lenet_sklearn import load_dataset
    >>> X, y = load_dataset("digits", split="test")
    >>> X.shape, X.dtype
    ((360, 8, 8), dtype('uint8'))
    """
    _check_split(split)
    if name == "mnist":
        return _load_mnist(data_dir, split)
    if name == "forms":
        return _load_forms(data_dir, split)
    if name == "digits":
        return _load_digits(split)
    return _load_folder(Path(name), split)


def load_writers(
    data_dir: str | os.PathLike[str], *, split: Split = "train"
) -> NDArray[np.int64]:
    """Load who wrote each digit of MNIST: groups for cross-validation.

    A network is judged too kindly by digits of writers it was trained on.

    Parameters
    ----------
    data_dir : path
        Where ``qmnist-train-labels-idx2-int`` is, or for the test set
        ``qmnist-test-labels-idx2-int``, gzipped or not. They are to be had from
        github.com/facebookresearch/qmnist [1]_.

    split : {"train", "test"}, default="train"
        Which part.

    Returns
    -------
    writers : ndarray of shape (60000,) or (10000,), dtype int64
        A number for each writer, in the order of ``load_dataset("mnist")``. Of
        539 writers are the training digits, of 297 others those of the test.

    Raises
    ------
    ValueError
        If there is no such split or file, or it is damaged.

    References
    ----------
    .. [1] C. Yadav, L. Bottou, "Cold case: the lost MNIST digits", Proc. NeurIPS
       2019.
    """
    _check_split(split)
    stem = f"qmnist-{split}-labels-idx2-int"
    path = _find_file(Path(data_dir), stem)
    if path is None:
        raise ValueError(
            f"There is no {stem} in {data_dir}."
            " Download it from github.com/facebookresearch/qmnist."
        )
    # QMNIST has found 50,000 more test digits, and put them behind MNIST's.
    rows = _read_idx(path)[: None if split == "train" else _N_TEST]
    return rows[:, _WRITER].astype(np.int64)


def has_test_split(name: str | os.PathLike[str]) -> bool:
    """Return whether a data set comes with a test set of its own.

    Parameters
    ----------
    name : {"mnist", "forms", "digits"} or path
        As in :func:`load_dataset`.

    Returns
    -------
    has_test : bool
        True for a folder that holds ``train`` and ``test``.

    Examples
    --------
    >>> from lenet_sklearn.datasets import has_test_split
    >>> has_test_split("digits")
    True
    """
    return name in ("mnist", "forms", "digits") or _is_divided(Path(name))


def _check_split(split: str) -> None:
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test'. Got {split!r}.")


def _load_forms(data_dir: str | os.PathLike[str] | None, split: Split) -> Labelled:
    """MNIST and its variants, the same for everyone."""
    X, y = _load_mnist(data_dir, split)
    rng = np.random.default_rng(0 if split == "train" else 1)
    guided = rng.integers(10, size=len(y) // 10)
    ones = rng.choice(np.flatnonzero(y == 1), len(y) // 20)
    sevens = rng.choice(np.flatnonzero(y == 7), len(y) // 40)
    altered = np.concatenate([ones, sevens])
    drawn = [draw_guided(guided, rng), add_strokes(X[altered], y[altered], rng)]
    return np.concatenate([X, *drawn]), np.concatenate([y, guided, y[altered]])


def _load_digits(split: Split) -> Labelled:
    """Scikit-learn's digits; their values 0 to 16 are stretched to 0 to 255."""
    bunch = load_digits()
    X = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    y = bunch.target.astype(np.int64)
    # A fixed seed: the same digits are in the test set for everyone.
    train, test = train_test_split(
        np.arange(len(y)), test_size=0.2, stratify=y, random_state=0
    )
    rows = np.sort(train if split == "train" else test)
    return X[rows], y[rows]


def _load_mnist(data_dir: str | os.PathLike[str] | None, split: Split) -> Labelled:
    """Read the files in a folder, or where torchvision puts them, if all are there."""
    root = Path(data_dir) if data_dir else None
    for folder in () if root is None else (root, root / "MNIST" / "raw"):
        candidates = [_find_file(folder, stem) for stem in _MNIST_FILES[split]]
        files = [path for path in candidates if path is not None]
        if len(files) == len(candidates):
            images, labels = map(_read_idx, files)
            return images, labels.astype(np.int64)
    return _download_mnist(root, split)


def _find_file(folder: Path, stem: str) -> Path | None:
    """Path of a file, gzipped or not, or None if it is missing."""
    candidates = [folder / stem, folder / f"{stem}.gz"]
    return next(filter(Path.is_file, candidates), None)


def _read_idx(path: Path) -> NDArray[Any]:
    """Read an IDX file: two zeros, the type, the rank, the sizes, the data."""
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            content = file.read()
        dtype, rank = _IDX_TYPES[content[2]], content[3]
        sizes = np.frombuffer(content, dtype=">u4", count=rank, offset=4)
        data = np.frombuffer(content, dtype=dtype, offset=4 + 4 * rank)
        return data.reshape(sizes).copy()  # frombuffer's arrays are read-only
    except (EOFError, LookupError, OSError, ValueError, zlib.error) as error:
        raise ValueError(
            f"{path} is no IDX file, or it is damaged ({error}). Download it again."
        ) from error


def _download_mnist(data_dir: Path | None, split: Split) -> Labelled:
    """Let torchvision find or download the files."""
    # Here, because torchvision takes a second to import and few need it.
    from torchvision.datasets import MNIST

    root = data_dir or Path.home() / ".cache" / "lenet_sklearn"
    try:
        dataset = MNIST(root, train=split == "train", download=True)
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"MNIST is not in {root} and cannot be downloaded ({error}). Put its four"
            " IDX files into a folder and pass it as data_dir (--data-dir)."
        ) from error
    return dataset.data.numpy(), dataset.targets.numpy()


def _is_divided(folder: Path) -> bool:
    return (folder / "train").is_dir() and (folder / "test").is_dir()


def _load_folder(folder: Path, split: Split) -> Labelled:
    if not folder.is_dir():
        raise ValueError(
            f"There is no data set {str(folder)!r}. Pass 'mnist', 'forms', 'digits', or"
            " a folder with one sub-folder of images for each class."
        )
    if _is_divided(folder):
        folder = folder / split
    elif split == "test":
        raise ValueError(
            f"{folder} has no test set. Divide it into sub-folders train and test."
        )
    found = [(path, path.parent.name) for path in _image_files(folder)]
    if not found:
        raise ValueError(
            f"{folder} holds no images in sub-folders. Put the images of each class"
            f" into a sub-folder of its name, as one of {sorted(_SUFFIXES)}."
        )
    X = np.stack([_read_character(path) for path, _ in found])
    return X, _name_labels([label for _, label in found])


def _image_files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.glob("*/*")
        if path.suffix.lower() in _SUFFIXES
        # Hidden folders too: notebooks leave copies in .ipynb_checkpoints.
        and not path.name.startswith(".")
        and not path.parent.name.startswith(".")
    )


def _name_labels(names: Sequence[str]) -> NDArray[Any]:
    """Names of folders as integers, where all of them are."""
    if all(name.isdecimal() for name in names):
        return np.array([int(name) for name in names], dtype=np.int64)
    return np.array(names)


def _read_character(path: Path) -> NDArray[np.uint8]:
    """Read an image in grey, ink bright, 28 x 28 without changing its proportions."""
    try:
        check_readable(path)
        with Image.open(path) as file:
            grey = _to_grey(ImageOps.exif_transpose(file))
    # Decoders raise nearly anything: OSError, SyntaxError, DecompressionBombError.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as an image ({error}). Mend it or take it away."
        ) from error
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    # Paper is what the border mostly is; the ink of these data sets is bright.
    ink = 255 - grey if np.median(border) > 127 else grey
    return _fit_square(ink)


def _to_grey(image: Image.Image) -> NDArray[np.uint8]:
    """Convert an image of any mode to grey, its transparent parts to paper."""
    if image.mode.startswith(("I", "F")):
        return _to_bytes(image)
    if not image.has_transparency_data:
        return np.asarray(image.convert("L"))
    on_white = _lay_on(255, image)
    # Ink that is bright throughout would be lost on white.
    return on_white if on_white.min() <= 127 else _lay_on(0, image)


def _to_bytes(image: Image.Image) -> NDArray[np.uint8]:
    """Scale the grey of an image of 16 bits, 32 bits or floats to 0..255."""
    samples = np.nan_to_num(np.asarray(image, dtype=np.float32))
    # Files seldom say it: the least full scale that holds every value.
    scales = [1.0] * (image.mode == "F") + [2.0**8 - 1, 2.0**16 - 1]
    largest = float(samples.max())
    full = next((scale for scale in scales if scale >= largest), largest)
    return np.rint(np.clip(samples / full, 0, 1) * 255).astype(np.uint8)


def _lay_on(shade: int, image: Image.Image) -> NDArray[np.uint8]:
    """Put an image that is transparent in parts on paper."""
    opaque = image.convert("RGBA")
    paper = Image.new("L", image.size, shade)
    paper.paste(opaque.convert("L"), mask=opaque.getchannel("A"))
    return np.asarray(paper)


def _fit_square(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pad to a square with background and resize it."""
    if ink.shape == (_SIDE, _SIDE):
        return ink
    height, width = ink.shape
    square = Image.new("L", (max(height, width),) * 2)
    offset = ((square.width - width) // 2, (square.height - height) // 2)
    square.paste(Image.fromarray(ink), offset)
    return np.asarray(square.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR))
