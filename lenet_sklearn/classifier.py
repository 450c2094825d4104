"""LeNet-5 as a scikit-learn classifier."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from torch import nn

from lenet_sklearn.devices import draw_seed, resolve_device, seeded
from lenet_sklearn.fitting import FittingMixin
from lenet_sklearn.inputs import check_training_set
from lenet_sklearn.models.classifiers import ModelFileMixin
from lenet_sklearn.onnx_models import OnnxMixin
from lenet_sklearn.parameters import CONSTRAINTS
from lenet_sklearn.prediction import PredictionMixin
from lenet_sklearn.training.callbacks import RateSchedule
from lenet_sklearn.training.nets import continue_as, run_epochs


class LeNet5Classifier(
    ModelFileMixin,
    OnnxMixin,
    PredictionMixin,
    FittingMixin,
    ClassifierMixin,
    BaseEstimator,
):
    """Classify images of single characters with LeNet-5.

    The network is built and trained in :meth:`fit` by a skorch net, kept as
    `net_`. Images are grey, ink bright on a background of 0, as MNIST has them:
    uint8 in [0, 255] or floats in [0, 1]. Floats on another scale are divided by
    their largest absolute value in `fit`.

    Parameters
    ----------
    module : torch module class, default=None
        A network of your own in place of :class:`LeNet5`, which the next seven
        parameters describe. It is told those of them that its `__init__` names,
        and `n_classes` (or `num_classes`), `image_shape` and `padding`; anything
        else goes into `net_params`, as in ``{"module__depth": 3}``. It reads a
        Tensor of shape (n, 1, height, width) and gives logits.

    c3, pooling, activation, output, dropout, batch_norm, init
        Parts of the network, as for :class:`LeNet5`.

    input_range : tuple of (background, ink), default=(0.0, 1.0)
        As for :class:`LeNet5`.

    padding : int, default=None
        Rows and columns of background added on each side of an image. None
        stands for 2 on images of 28 x 28 and 0 on images of 32 x 32, and has
        others resized to 28 x 28. A number leaves images as they are, if they
        are 16 x 16 with it, and fits the network to them.

    rubbish : float, default=None
        The constant j of the loss of 1998, which is the distance from which an
        image is rather rubbish than a character; for ``output="rbf"``. None
        stands for no rubbish: the cross-entropy.

    max_epochs : int, default=10
        Passes over the training set.

    batch_size : int, default=128
        Images in a training step.

    optimizer : {"adam", "adamw", "sgd"} or torch optimizer class, default="adamw"
        What takes the steps.

    lr : float, default=0.003
        Learning rate; the highest one where there is a schedule.

    momentum : float, default=0.0
        Of optimizers that have one.

    weight_decay : float, default=0.01
        Of optimizers that have one.

    schedule : {"constant", "cosine", "one-cycle", "step"} or list of (epochs, rate), \
            default="one-cycle"
        Course of the learning rate over `max_epochs`. "step" multiplies it by
        `gamma` every `step_size` epochs. A list holds each rate for its epochs,
        and does not look at `lr`.

    step_size : int, default=3
        Epochs between two steps of the schedule "step".

    gamma : float, default=0.1
        What the rate is multiplied by in each of them.

    averaging : int or float, default=None
        Average the weights: over all steps of so many last epochs, or, if below
        1, by a moving average that keeps this share of itself in each step.

    early_stopping : bool, default=False
        Keep a part of the training set back, stop when it has not been read
        better for some epochs, and go back to the best weights. Goes well with
        the schedule "constant"; the others are planned for `max_epochs`.

    validation_fraction : float, default=0.1
        Share of each class that is kept back, of whole groups where `fit` is
        told them.

    patience : int, default=5
        Epochs without a lower loss on that part after which to stop.

    distortion : {"affine", "writing"}, dict or None, default=None
        Random distortions of training batches: the shape of the digit, its shape
        and its pen, or parameters of :class:`Distortion`.

    class_weight : dict, "balanced" or None, default=None
        What the loss of each label is multiplied by; "balanced" for the inverse
        of how often it occurs.

    classes : array-like of shape (n_classes,), default=None
        Labels that have a column even where the training set misses them. None
        takes those of `y`.

    initial_weights : str or path, default=None
        Start the training from these weights: "mnist" or "forms", which ship
        with the package, or a file that :meth:`save` wrote. Output rows of
        classes the file knows are taken over; the others start anew.

    frozen : list of str, default=None
        Layers that keep their initial weights, such as ``["c1", "c3"]``.

    warm_start : bool, default=False
        Whether `fit` starts from the weights of the last one, as it would from
        `initial_weights`.

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
        ``{"optimizer__nesterov": True}``. They win over those this class sets.

    verbose : int, default=0
        1 shows a progress bar on a terminal.

    Attributes
    ----------
    best_epoch_ : int
        Epoch whose weights are kept, counted from 1: the last one without early
        stopping.

    classes_ : ndarray of shape (n_classes,)
        Labels, sorted, in the dtype they came in.

    history_ : dict of ndarrays of shape (n_epochs,)
        Columns "epoch", "train_loss", "lr", "dur" (seconds), with early stopping
        "valid_loss" and "valid_acc", and what callbacks note down.

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
    The order of the samples has no influence on `fit`, unless it is told groups.

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

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS

    def __init__(
        self,
        *,
        module: type[nn.Module] | None = None,
        c3: str = "dense",
        pooling: str = "max",
        activation: str = "relu",
        output: str = "linear",
        rubbish: float | None = None,
        padding: int | None = None,
        input_range: tuple[float, float] = (0.0, 1.0),
        dropout: float = 0.0,
        batch_norm: bool = False,
        init: str = "torch",
        max_epochs: int = 10,
        batch_size: int = 128,
        optimizer: str | type[torch.optim.Optimizer] = "adamw",
        lr: float = 0.003,
        momentum: float = 0.0,
        weight_decay: float = 0.01,
        schedule: str | Sequence[tuple[float, float]] = "one-cycle",
        step_size: int = 3,
        gamma: float = 0.1,
        averaging: float | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 5,
        distortion: str | Mapping[str, float] | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        classes: ArrayLike | None = None,
        initial_weights: str | os.PathLike[str] | None = None,
        frozen: Sequence[str] | None = None,
        warm_start: bool = False,
        device: str = "auto",
        engine: str = "torch",
        random_state: int | np.random.RandomState | None = None,
        callbacks: Sequence[Any] | None = None,
        net_params: Mapping[str, Any] | None = None,
        verbose: int = 0,
    ) -> None:
        self.module = module
        self.c3 = c3
        self.pooling = pooling
        self.activation = activation
        self.output = output
        self.rubbish = rubbish
        self.padding = padding
        self.input_range = input_range
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.init = init
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.step_size = step_size
        self.gamma = gamma
        self.averaging = averaging
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.distortion = distortion
        self.class_weight = class_weight
        self.classes = classes
        self.initial_weights = initial_weights
        self.frozen = frozen
        self.warm_start = warm_start
        self.device = device
        self.engine = engine
        self.random_state = random_state
        self.callbacks = callbacks
        self.net_params = net_params
        self.verbose = verbose

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, 1, height, width) or \
                (n, n_features)
            Images, uint8 or any float.

        y : array-like of shape (n,)
            Labels: integers or strings.

        sample_weight : array-like of shape (n,), default=None
            Whole numbers up to 100 say how often an image stands in the training
            set: twice is seen twice in an epoch. Other weights multiply its loss.
            Early stopping splits images, not weights: one of weight 2 counts as
            one there, one of weight 0 as missing.

        groups : array-like of shape (n,), default=None
            Such as the writer of each image. Early stopping splits between them. A
            search hands them on where ``set_fit_request(groups=True)`` asks it to.

        Returns
        -------
        self : LeNet5Classifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If images, labels, weights, the device or the initial weights do not
            fit.
        """
        self._validate_params()
        earlier = self._earlier_weights()
        rows, labels = check_training_set(self, X, y, reset=True)
        # An interrupted training is not to leave an old network with new labels.
        self.__dict__.pop("net_", None)
        self.classes_ = np.unique(labels if self.classes is None else self.classes)
        samples = self._weigh(rows, labels, sample_weight, groups)
        seed = draw_seed(self.random_state)
        stop = None
        if self.early_stopping:
            samples, kept_back = samples.split(self.validation_fraction, seed)
            stop = self._place(kept_back)
        dataset = self._place(samples)
        with seeded(seed, resolve_device(self.device)):
            net = self._build_net(**self._training_callbacks(len(dataset), stop))
            self.temperature_ = self._start(net.module_, earlier)
            run_epochs(net, dataset, self.max_epochs)
        self._keep(net)
        return self

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train for one more epoch, at the constant learning rate `lr`.

        The other parameters of the training may change between two calls, as far as
        `batch_size`, `distortion` and `frozen` go. Weights are not averaged, and no
        part of the images is kept back.

        Parameters
        ----------
        X : array-like
            Images as in :meth:`fit`.

        y : array-like of shape (n,)
            Their labels.

        classes : array-like of shape (n_classes,), default=None
            All labels there will be. Needed in the first call, unless the
            parameter `classes` names them.

        sample_weight : array-like of shape (n,), default=None
            Weights as in :meth:`fit`.

        Returns
        -------
        self : LeNet5Classifier
            The classifier after this epoch.
        """
        self._validate_params()
        first = not hasattr(self, "net_")
        all_classes = self._classes_to_learn(classes)
        rows, labels = check_training_set(self, X, y, reset=first)
        self.classes_ = all_classes
        dataset = self._place(self._weigh(rows, labels, sample_weight, None))
        # Another seed in every call: not the same shuffle again.
        n_before = 0 if first else len(self.net_.history)
        with seeded(draw_seed(self.random_state) + n_before, dataset.images.device):
            if first:
                schedule = RateSchedule(None, 1)
                net = self._build_net(callbacks=[("schedule", schedule)])
                self.temperature_ = self._start(net.module_, None)
            else:
                net = self.net_
                continue_as(net, self.get_params(deep=False))
            run_epochs(net, dataset, 1)
        self._keep(net)
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
