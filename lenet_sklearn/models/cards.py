"""Model cards: what a model file says about where it comes from."""

import contextlib
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Self

from lenet_sklearn.models.files import ModelFileError, model_path, read_model

# What the result of a training depends on.
_PACKAGES = ("lenet-sklearn", "numpy", "scikit-learn", "skorch", "torch", "torchvision")


@dataclass(frozen=True)
class ModelCard:
    """Where a model comes from.

    Attributes
    ----------
    data : str
        What it was trained on.

    n_samples : int
        Images it was trained on.

    command : str or None
        The command line that trained it; None where it was no command.

    date : str
        Day of the training in UTC, as 2026-01-31. No time of day, so that a
        training repeated on that day gives the same file.

    figures : dict of str to str
        What was measured, and on what.

    versions : dict of str to str
        Python and the libraries of the training.

    Examples
    --------
    >>> from lenet_sklearn.models.cards import ModelCard
    >>> card = ModelCard("digits", 1437, date="2026-01-31", versions={"torch": "2.4"})
    >>> print(card)
    trained on   digits, 1437 images
    date         2026-01-31
    command      none: trained from Python
    versions     torch 2.4
    """

    data: str
    n_samples: int
    command: str | None = None
    date: str = ""
    figures: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @classmethod
    def write_today(cls, data: str, n_samples: int, command: str | None = None) -> Self:
        """Fill in the day and the versions.

        Parameters
        ----------
        data : str
            What the model was trained on.

        n_samples : int
            Images it was trained on.

        command : str, default=None
            The command line.

        Returns
        -------
        card : ModelCard
            Without figures. The day is that of ``SOURCE_DATE_EPOCH`` where this
            variable is set, as for reproducible builds.
        """
        seconds = float(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
        date = datetime.fromtimestamp(seconds, UTC).date().isoformat()
        return cls(data, n_samples, command, date, {}, _versions())

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Undo :meth:`to_dict`; what a newer version has added is left out.

        Parameters
        ----------
        content : mapping
            From a model file.

        Returns
        -------
        card : ModelCard
            The card.
        """
        known = {item.name for item in fields(cls)}
        card = cls(**{name: content[name] for name in known & set(content)})
        if not all(isinstance(d, Mapping) for d in (card.figures, card.versions)):
            raise TypeError("figures and versions of a model card are dictionaries")
        return card

    def to_dict(self) -> dict[str, Any]:
        """Return the card as JSON holds it.

        Returns
        -------
        content : dict
            Strings, numbers and dictionaries of them.
        """
        return asdict(self)

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {self.versions[name]}" for name in self.versions)
        lines = {
            "trained on": f"{self.data}, {self.n_samples} images",
            "date": self.date,
            "command": self.command or "none: trained from Python",
            **self.figures,
            "versions": versions,
        }
        return "\n".join(f"{name:<12} {lines[name]}" for name in lines)


def read_card(source: str | os.PathLike[str]) -> ModelCard | None:
    """Read the card of a model file.

    Parameters
    ----------
    source : str or path
        A file, or the name of a model that ships with the package.

    Returns
    -------
    card : ModelCard or None
        None where the file has none: it is older, or was saved from Python.

    Raises
    ------
    ModelFileError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from lenet_sklearn import LeNet5Classifier, save_model
    >>> from lenet_sklearn.models.cards import ModelCard, read_card
    >>> classifier = LeNet5Classifier.from_pretrained("mnist", device="cpu")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "model.safetensors")
    ...     save_model(classifier, path, card=ModelCard("MNIST", 60_000))
    ...     read_card(path).n_samples
    60000
    """
    header, _ = read_model(model_path(source))
    card = header.get("card")
    try:
        return None if card is None else ModelCard.from_dict(card)
    except TypeError as error:
        raise ModelFileError(
            f"{source} has no model card that can be: {error}."
        ) from error


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for package in _PACKAGES:
        # The package itself may run from a checkout that is not installed.
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
