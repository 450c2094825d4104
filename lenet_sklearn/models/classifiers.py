"""Classifiers as files: what of them is kept, and how they come back."""

import os
from collections.abc import Mapping
from numbers import Integral
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from lenet_sklearn.devices import seeded
from lenet_sklearn.inputs import decode_labels, encode_labels
from lenet_sklearn.models.cards import ModelCard
from lenet_sklearn.models.files import ModelFileError, read_model, write_model
from lenet_sklearn.models.pretrained import model_path, qualified_name, shipped_models
from lenet_sklearn.training.nets import TrainingNet

# Parameters a model file does not hold: they belong to the machine, or to Python.
_NOT_SAVED = ("callbacks", "device", "engine", "net_params", "verbose")

# From ready weights a few epochs at a third of the usual rate are enough, and
# more would lose what they know of writers the new samples do not show.
_ADAPTING = {"max_epochs": 5, "lr": 1e-3, "random_state": None}


class ModelFileMixin(BaseEstimator):
    """Save, load and from_pretrained, for a classifier with a net.

    Expects the attributes and parameters of
    :class:`lenet_sklearn.LeNet5Classifier`.
    """

    classes_: NDArray[Any]
    image_shape_: tuple[int, int]
    input_scale_: float
    n_features_in_: int
    net_: TrainingNet
    temperature_: float

    def save(
        self, path: str | os.PathLike[str], *, card: ModelCard | None = None
    ) -> None:
        """Write the fitted classifier to one file.

        The parameters `callbacks`, `device`, `engine`, `net_params` and `verbose`
        are not kept, nor is a `random_state` that is no int, an `optimizer` that
        is a class, nor the optimizer's state. Of a `module` the name is kept, and
        :meth:`load` wants the class.

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

        TypeError
            If the labels are neither numbers nor strings.
        """
        check_is_fitted(self, "net_")
        weights = self.net_.module_.state_dict()
        write_model(path, self._describe(), weights, card=card)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, device: str = "auto", **params: Any
    ) -> Self:
        """Read a classifier that :meth:`save` wrote, on this or another machine.

        Parameters
        ----------
        path : str or path
            File to read.

        device : str, default="auto"
            Where it is to run, whatever it was trained on.

        **params : dict
            Parameters that the file does not hold: `module`, where it was trained
            with one of your own, and its arguments in `net_params`.

        Returns
        -------
        classifier : LeNet5Classifier
            Fitted.

        Raises
        ------
        ModelFileError
            If the file is missing, damaged, foreign, from a newer version, or of
            a module that is not passed.
        """
        header, weights = read_model(path)
        if "members" in header or "model" in header:
            raise ModelFileError(
                f"{path} holds no single LeNet5Classifier. Load a committee with"
                " lenet_sklearn.load_model, and a reader of strings with"
                " pipelines.load_line_reader."
            )
        return cls._restore(path, header, weights, {**params, "device": device})

    def _describe(self) -> dict[str, Any]:
        """All of a fitted classifier but its weights, as JSON holds it."""
        return {
            "params": _portable(self.get_params(deep=False)),
            "classes": encode_labels(self.classes_),
            "image_shape": list(self.image_shape_),
            "n_features": int(self.n_features_in_),
            "input_scale": float(self.input_scale_),
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
        """Make the classifier that a file describes, with some other parameters."""
        try:
            restored = _restored(header["params"])
            _check_module(path, restored.pop("module", None), params.get("module"))
            classifier = cls(**{**restored, **params})
            classifier.classes_ = decode_labels(header["classes"])
            classifier.image_shape_ = tuple(header["image_shape"])
            classifier.n_features_in_ = header["n_features"]
            classifier.input_scale_ = header["input_scale"]
            classifier.temperature_ = header["temperature"]
            with seeded(0, torch.device("cpu")):
                classifier.net_ = classifier._build_net()
            classifier.net_.module_.load_state_dict(weights)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ModelFileError(
                f"{path} does not describe a LeNet5Classifier: {error}."
                " Save the model anew with this version."
            ) from error
        return classifier

    @classmethod
    def from_pretrained(cls, name: str = "mnist", **params: Any) -> Self:
        """Load a classifier that ships with the package.

        A clone of it, fitted, starts from the same weights and adapts them: its
        `initial_weights` is `name`, with few epochs at a low learning rate.

        Parameters
        ----------
        name : {"mnist", "forms"}, default="mnist"
            What it was trained on, as in :func:`load_dataset`: MNIST, or MNIST
            with digits added as they are written on forms and outside of the
            United States. Both tell digits 0 to 9, as int64, in 28 x 28.

        **params : dict
            Parameters to set, such as ``device="cpu"`` or ``max_epochs=20``.

        Returns
        -------
        classifier : LeNet5Classifier
            Fitted.

        Raises
        ------
        ValueError
            If there is no model of that name.

        Examples
        --------
        >>> import numpy as np
        >>> from lenet_sklearn import LeNet5Classifier
        >>> stroke = np.zeros((28, 28), dtype=np.uint8)
        >>> stroke[4:24, 13:15] = 255
        >>> LeNet5Classifier.from_pretrained("mnist").predict([stroke])
        array([1])
        """
        if name not in shipped_models():
            raise ValueError(
                f"There is no pretrained model {name!r}. There are {shipped_models()}."
                " Read a file of your own with LeNet5Classifier.load."
            )
        classifier = cls.load(model_path(name), device=params.pop("device", "auto"))
        classifier.set_params(**{**_ADAPTING, "initial_weights": name, **params})
        return classifier


def _check_module(
    path: str | os.PathLike[str], theirs: str | None, ours: type[Any] | None
) -> None:
    """Refuse a network that is not the one of a file."""
    given = None if ours is None else qualified_name(ours)
    if given != theirs:
        wanted = "no module" if theirs is None else f"module={theirs}"
        raise ModelFileError(
            f"{path} was trained with {wanted}. Got module={given}."
            " Pass LeNet5Classifier.load the class it was trained with."
        )


def _portable(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that JSON can hold and another machine can use."""
    kept = {name: params[name] for name in params if name not in _NOT_SAVED}
    if kept["classes"] is not None:
        kept["classes"] = encode_labels(np.asarray(kept["classes"]))
    if isinstance(kept["class_weight"], Mapping) and kept["class_weight"]:
        labels, weights = zip(*kept["class_weight"].items(), strict=True)
        kept["class_weight"] = [encode_labels(np.array(labels)), list(weights)]
    if isinstance(kept["initial_weights"], os.PathLike):
        kept["initial_weights"] = os.fspath(kept["initial_weights"])
    if not isinstance(kept["random_state"], Integral):
        kept["random_state"] = None
    if kept["module"] is not None:
        kept["module"] = qualified_name(kept["module"])
    if isinstance(kept["optimizer"], type):
        del kept["optimizer"]
    return kept


def _restored(params: Mapping[str, Any]) -> dict[str, Any]:
    """Undo :func:`_portable`."""
    restored = dict(params)
    if params.get("classes") is not None:
        restored["classes"] = decode_labels(params["classes"]).tolist()
    if isinstance(params.get("class_weight"), list):
        labels, weights = params["class_weight"]
        keys = decode_labels(labels).tolist()
        restored["class_weight"] = dict(zip(keys, weights, strict=True))
    if "input_range" in params:
        restored["input_range"] = tuple(params["input_range"])
    return restored
