"""LeNet-5 as a scikit-learn classifier."""

import os
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.extmath import softmax
from sklearn.utils.validation import check_is_fitted

from lenet_sklearn.batches import ImageDataset, as_images
from lenet_sklearn.calibration import fit_temperature
from lenet_sklearn.devices import draw_seed, resolve_device, seeded
from lenet_sklearn.distortions import DISTORTIONS
from lenet_sklearn.inference import compute_logits
from lenet_sklearn.inputs import check_images, check_training_set
from lenet_sklearn.labels import label_columns
from lenet_sklearn.models import ModelFileMixin
from lenet_sklearn.network import ACTIVATIONS, FULL_SIDE, POOLINGS
from lenet_sklearn.onnx_models import OnnxMixin, compute_logits_onnx
from lenet_sklearn.training import (
    SCHEDULES,
    RateSchedule,
    TrainingNet,
    build_net,
    hold_rate,
    run_epochs,
)
from lenet_sklearn.transfer import start_from

_ENGINES = {"onnxruntime": compute_logits_onnx, "torch": compute_logits}


class LeNet5Classifier(ModelFileMixin, OnnxMixin, ClassifierMixin, BaseEstimator):
    """Classify images of single characters with LeNet-5.

    The network is built and trained in :meth:`fit` by a skorch net, kept as
    `net_`. Images are grey, ink bright on a background of 0, as MNIST has them:
    uint8 in [0, 255] or floats in [0, 1]. Floats on another scale are divided by
    their largest absolute value in `fit`.

    Parameters
    ----------
    activation : {"relu", "sigmoid", "silu", "tanh"}, default="relu"
        Squashing function of the network.

    pooling : {"average", "max"}, default="max"
        Pooling of S2 and S4.

    max_epochs : int, default=10
        Passes over the training set.

    batch_size : int, default=128
        Images in a training step.

    lr : float, default=0.003
        Learning rate of AdamW; the highest one where there is a schedule.

    weight_decay : float, default=0.01
        Weight decay of AdamW.

    schedule : {"constant", "cosine", "one-cycle"}, default="one-cycle"
        Course of the learning rate over `max_epochs`.

    distortion : {"affine", "writing"}, dict or None, default=None
        Random distortions of training batches: the shape of the digit, its shape
        and its pen, or parameters of :class:`Distortion`.

    classes : array-like of shape (n_classes,), default=None
        Labels that have a column even where the training set misses them. None
        takes those of `y`.

    initial_weights : str or path, default=None
        Start the training from these weights: "mnist" for those that ship with
        the package, or a file that :meth:`save` wrote. Output rows of classes
        the file knows are taken over; the others start anew.

    device : str, default="auto"
        "auto" for the first of cuda, mps and cpu that is there, or any name
        torch knows.

    engine : {"torch", "onnxruntime"}, default="torch"
        What runs the network in prediction. onnxruntime is several times as
        fast on a CPU, and always runs there. It uses as many threads as torch
        is set to, and needs the extra ``onnx``.

    random_state : int, RandomState instance or None, default=None
        Seed of weights, shuffling and distortions. With an int, two fits on a
        CPU give the same network. None draws a new seed from the operating
        system. The global generators of numpy and torch stay as they are.

    callbacks : list of skorch callbacks, default=None
        Copies of them join the training.

    net_params : dict, default=None
        Further arguments of :class:`skorch.NeuralNetClassifier`, such as
        ``{"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9}``. They win
        over those this class sets.

    verbose : int, default=0
        1 shows a progress bar on a terminal.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted, in the dtype they came in.

    image_shape_ : tuple of (height, width)
        Size of the images; flattened ones are folded into the smallest square.

    input_scale_ : float
        Value of full ink in float images; 1.0 also stands for uint8 images.

    n_features_in_ : int
        Pixels of an image.

    net_ : skorch NeuralNetClassifier
        The trained net, its `history` and `module_`.

    temperature_ : float
        What logits are divided by before the softmax; 1.0, or that of the
        initial weights, until :meth:`calibrate`.

    Notes
    -----
    Images of other sizes than 28 x 28 and 32 x 32 are resized to 28 x 28.

    Dark ink on light paper is not noticed: a model trained on bright ink reads
    it wrongly. Invert such images first.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), pp. 2278-2324, 1998.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from lenet_sklearn import LeNet5Classifier
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = LeNet5Classifier(max_epochs=5, random_state=0, device="cpu")
    >>> classifier.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.8
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "activation": [StrOptions(set(ACTIVATIONS))],
        "pooling": [StrOptions(set(POOLINGS))],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "schedule": [StrOptions(set(SCHEDULES))],
        "distortion": [StrOptions(set(DISTORTIONS)), dict, None],
        "classes": ["array-like", None],
        "initial_weights": [str, os.PathLike, None],
        "device": [str],
        "engine": [StrOptions(set(_ENGINES))],
        "random_state": ["random_state"],
        "callbacks": [list, tuple, None],
        "net_params": [dict, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        activation: str = "relu",
        pooling: str = "max",
        max_epochs: int = 10,
        batch_size: int = 128,
        lr: float = 0.003,
        weight_decay: float = 0.01,
        schedule: str = "one-cycle",
        distortion: str | Mapping[str, float] | None = None,
        classes: ArrayLike | None = None,
        initial_weights: str | os.PathLike[str] | None = None,
        device: str = "auto",
        engine: str = "torch",
        random_state: int | np.random.RandomState | None = None,
        callbacks: Sequence[Any] | None = None,
        net_params: Mapping[str, Any] | None = None,
        verbose: int = 0,
    ) -> None:
        self.activation = activation
        self.pooling = pooling
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.distortion = distortion
        self.classes = classes
        self.initial_weights = initial_weights
        self.device = device
        self.engine = engine
        self.random_state = random_state
        self.callbacks = callbacks
        self.net_params = net_params
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, 1, height, width) or \
                (n, n_features)
            Images, uint8 or any float.

        y : array-like of shape (n,)
            Labels: integers or strings.

        Returns
        -------
        self : LeNet5Classifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If images, labels, the device or the initial weights do not fit.
        """
        self._validate_params()
        rows, labels = check_training_set(self, X, y, reset=True)
        self.classes_ = np.unique(labels if self.classes is None else self.classes)
        n_steps = self.max_epochs * -(-len(rows) // self.batch_size)
        self._train(rows, labels, self.max_epochs, RateSchedule(self.schedule, n_steps))
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None
    ) -> Self:
        """Train for one more epoch, at the constant learning rate `lr`.

        Parameters
        ----------
        X : array-like
            Images as in :meth:`fit`.

        y : array-like of shape (n,)
            Their labels.

        classes : array-like of shape (n_classes,), default=None
            All labels there will be. Needed in the first call, unless the
            parameter `classes` names them.

        Returns
        -------
        self : LeNet5Classifier
            The classifier after this epoch.
        """
        self._validate_params()
        first = not hasattr(self, "net_")
        if first and classes is None and self.classes is None:
            raise ValueError(
                "The first call of LeNet5Classifier.partial_fit must be told all"
                " classes. Pass classes=np.unique(y_of_all_batches)."
            )
        known = self.classes if classes is None else classes
        rows, labels = check_training_set(self, X, y, reset=first)
        if first:
            self.classes_ = np.unique(np.asarray(known))
        elif classes is not None and not np.array_equal(
            np.unique(classes), self.classes_
        ):
            raise ValueError(
                f"LeNet5Classifier was fitted for the classes {self.classes_.tolist()}."
                f" Got classes={np.unique(classes).tolist()}. Use fit to start anew."
            )
        self._train(rows, labels, 1, None, net=None if first else self.net_)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute the logits.

        Parameters
        ----------
        X : array-like
            Images as in :meth:`fit`.

        Returns
        -------
        logits : ndarray of shape (n, n_classes), or (n,) for two classes
            For two classes the second logit minus the first, positive where the
            second class is predicted.
        """
        logits = self._logits(X)
        if len(self.classes_) == 2:
            return logits[:, 1] - logits[:, 0]
        return logits

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute the posterior probability of each class.

        Parameters
        ----------
        X : array-like
            Images as in :meth:`fit`.

        Returns
        -------
        posteriors : ndarray of shape (n, n_classes)
            Softmax of the logits divided by `temperature_`; rows sum to 1.
        """
        posteriors: NDArray[np.float64] = softmax(self._logits(X) / self.temperature_)
        return posteriors

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Predict the label of each image.

        Parameters
        ----------
        X : array-like
            Images as in :meth:`fit`.

        Returns
        -------
        labels : ndarray of shape (n,)
            In the dtype of the labels given to :meth:`fit`.
        """
        columns = self._logits(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[columns]
        return labels

    def calibrate(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit `temperature_`, so that posteriors are neither too sure nor too shy.

        Parameters
        ----------
        X : array-like
            Images the network was not trained on.

        y : array-like of shape (n,)
            Their labels.

        Returns
        -------
        self : LeNet5Classifier
            The classifier; its predictions are unchanged.

        See Also
        --------
        lenet_sklearn.fit_temperature : The function that does it.
        """
        logits = self._logits(X)
        columns = label_columns(np.asarray(y), self.classes_)
        self.temperature_ = fit_temperature(logits, columns)
        return self

    def _train(
        self,
        rows: NDArray[Any],
        labels: NDArray[Any],
        n_epochs: int,
        schedule: RateSchedule | None,
        net: TrainingNet | None = None,
    ) -> None:
        """Train `net`, or a new one."""
        columns = label_columns(labels, self.classes_)
        device = resolve_device(self.device)
        images = as_images(rows, self.image_shape_, device)
        targets = torch.tensor(columns, device=device)
        # Another seed in every call of partial_fit: not the same shuffle again.
        seed = draw_seed(self.random_state) + (len(net.history) if net else 0)
        with seeded(seed, device):
            if net is None:
                net = self._build_net(schedule)
                self.temperature_ = 1.0
                if self.initial_weights is not None:
                    self.temperature_ = start_from(
                        net.module_,
                        self.initial_weights,
                        classes=self.classes_,
                        params=self.get_params(deep=False),
                    )
            else:
                hold_rate(net)
            run_epochs(net, ImageDataset(images, targets, self.input_scale_), n_epochs)
        self.net_ = net

    def _build_net(self, schedule: RateSchedule | None = None) -> TrainingNet:
        """Make an initialised net; draws its weights."""
        unpadded = self.image_shape_ == (FULL_SIDE, FULL_SIDE)
        return build_net(
            self.get_params(deep=False),
            n_classes=len(self.classes_),
            padding=0 if unpadded else 2,
            schedule=schedule,
        )

    def _logits(self, X: ArrayLike) -> NDArray[np.float64]:
        check_is_fitted(self, "net_")
        rows = check_images(self, X)
        return _ENGINES[self.engine](
            self.net_.module_,
            rows,
            image_shape=self.image_shape_,
            scale=self.input_scale_,
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
