"""String recognizers as files."""

import os
from collections.abc import Mapping
from numbers import Integral
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from lenet_sklearn.devices import resolve_device, seeded
from lenet_sklearn.models.cards import ModelCard
from lenet_sklearn.models.files import (
    ModelFileError,
    read_header,
    read_model,
    write_atomically,
    write_model,
)
from lenet_sklearn.models.pretrained import model_path, take_over
from lenet_sklearn.strings.onnx_strings import make_onnx_model
from lenet_sklearn.strings.training import StringNet, build_string_net

# What tells these files from those of classifiers.
RECOGNIZER = "StringRecognizer"
COMMITTEE = "StringCommittee"

# Parameters a model file does not hold: they belong to the machine, or to Python.
_NOT_SAVED = ("callbacks", "device", "engine", "verbose", "warm_start")


class StringFileMixin(BaseEstimator):
    """Save, load and to_onnx, for a recognizer with a net.

    Expects the attributes and parameters of
    :class:`lenet_sklearn.strings.StringRecognizer`.
    """

    characters_: str
    net_: StringNet
    temperature_: float

    def save(
        self, path: str | os.PathLike[str], *, card: ModelCard | None = None
    ) -> None:
        """Write the fitted recognizer to one file.

        The parameters `callbacks`, `device`, `engine` and `verbose` are not kept,
        nor is a `random_state` that is no int, nor the optimizer's state.

        Parameters
        ----------
        path : str or path
            File to write, by custom ending in ``.safetensors``.

        card : ModelCard, default=None
            Where the model comes from; ``lenet info`` prints it.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        write_model(path, *self._pack(), card=card)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, device: str = "auto", **params: Any
    ) -> Self:
        """Read a recognizer that :meth:`save` wrote, on this or another machine.

        Parameters
        ----------
        path : str or path
            File to read, or the name of a recognizer that ships with the package.

        device : str, default="auto"
            Where it is to run, whatever it was trained on.

        **params : dict
            Parameters to set in place of the file's, such as ``widths=(1.0,)``.

        Returns
        -------
        recognizer : StringRecognizer
            Fitted.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, foreign, or from a newer version.

        TypeError
            If there is no such parameter.
        """
        if unknown := sorted(set(params) - set(cls._get_param_names())):
            raise TypeError(
                f"{cls.__name__} has no parameter {unknown[0]!r}. Those it has are"
                f" {cls._get_param_names()}."
            )
        header, weights = read_model(model_path(path))
        return cls._restore(path, header, weights, {**params, "device": device})

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted network as an ONNX model, for use without Python.

        The model takes `strips`, float32 of shape (n, 1, 32, width), ink 1 on 0,
        of any width, and gives `log_posteriors` of shape (n, n_positions,
        n_symbols + 1), the blank's last. The characters are in its metadata.

        Parameters
        ----------
        path : str or path
            File to write, by custom ending in ``.onnx``.

        Raises
        ------
        ImportError
            If onnx is not installed.

        OSError
            If the file cannot be written.
        """
        check_is_fitted(self, "net_")
        model = make_onnx_model(self.net_.module_, self.temperature_)
        model.metadata_props.add(key="characters", value=self.characters_)
        write_atomically(path, model.SerializeToString())

    def _pack(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Turn the fitted recognizer into what a file holds."""
        check_is_fitted(self, "net_")
        return self._describe(), dict(self.net_.module_.state_dict())

    def _describe(self) -> dict[str, Any]:
        """All of a fitted recognizer but its weights, as JSON holds it."""
        # Parameters may have been set to others since; the weights are of these.
        learned = {"network": self.net_.module__kind, "characters": self.characters_}
        return {
            "model": RECOGNIZER,
            "params": _portable({**self.get_params(deep=False), **learned}),
            "temperature": float(self.temperature_),
        }

    @classmethod
    def _restore(
        cls,
        path: str | os.PathLike[str],
        header: Mapping[str, Any],
        weights: Mapping[str, Tensor],
        params: Mapping[str, Any],
    ) -> Self:
        """Make the recognizer that a file describes, with some other parameters."""
        _check_model(path, header)
        device = str(resolve_device(params["device"]))  # no fault of the file's
        try:
            recognizer = cls(**header["params"], device=device)
            recognizer.temperature_ = header["temperature"]
            recognizer.characters_ = recognizer.characters
            with seeded(0, torch.device("cpu")):
                net = build_string_net(recognizer.get_params(deep=False))
            net.module_.load_state_dict(weights)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelFileError(
                f"{path} does not describe a StringRecognizer: {error}."
                " Save the model anew with this version."
            ) from error
        recognizer.net_ = net
        return recognizer.set_params(**params)


def holds_recognizer(path: str | os.PathLike[str]) -> bool:
    """Say whether a model file reads strings rather than characters.

    Parameters
    ----------
    path : str or path
        File to look at, or the name of a model that ships with the package.

    Returns
    -------
    holds : bool
        True for a recognizer or a committee of some.

    Raises
    ------
    ModelFileError
        If the file cannot be read.

    Examples
    --------
    >>> from lenet_sklearn.strings import holds_recognizer
    >>> holds_recognizer("wide"), holds_recognizer("forms")
    (True, False)
    """
    header = read_header(model_path(path))
    return header.get("model") in (RECOGNIZER, COMMITTEE)


def start_network(network: nn.Module, params: Mapping[str, Any]) -> float:
    """Give a network the initial weights that a recognizer's parameters name.

    Parameters
    ----------
    network : StringNetwork
        Changed in place.

    params : mapping
        Parameters of the recognizer.

    Returns
    -------
    temperature : float
        That of the saved recognizer, or 1.

    Raises
    ------
    ModelFileError
        If the file cannot be read.

    ValueError
        If it is of another network.
    """
    source = params["initial_weights"]
    if source is None:
        return 1.0
    header, weights = read_model(model_path(source))
    _check_model(source, header)
    theirs = header["params"]
    if theirs["network"] != params["network"]:
        raise ValueError(
            f"initial_weights={str(source)!r} are of network={theirs['network']!r},"
            f" but StringRecognizer has network={params['network']!r}."
            " Set it to the same."
        )
    ours, known = (symbols_of(p["characters"]) for p in (params, theirs))
    take_over(network, weights, ours, known)
    return float(header["temperature"])


def symbols_of(characters: str) -> NDArray[np.object_]:
    """Return the classes of a network that reads strings of some characters.

    Parameters
    ----------
    characters : str
        What strings consist of.

    Returns
    -------
    symbols : ndarray of shape (n_characters + 1,), dtype object
        The blank is a class beside them.
    """
    return np.array([*characters, "blank"], dtype=object)


def _check_model(path: str | os.PathLike[str], header: Mapping[str, Any]) -> None:
    if header.get("model") != RECOGNIZER:
        raise ModelFileError(
            f"{path} is no single StringRecognizer. Load committees with"
            " load_recognizer, classifiers with lenet_sklearn.load_model."
        )


def _portable(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that JSON can hold and another machine can use."""
    kept = {name: params[name] for name in params if name not in _NOT_SAVED}
    kept["widths"] = [float(width) for width in kept["widths"]]
    if isinstance(kept["initial_weights"], os.PathLike):
        kept["initial_weights"] = os.fspath(kept["initial_weights"])
    if not isinstance(kept["random_state"], Integral):
        kept["random_state"] = None
    return kept
