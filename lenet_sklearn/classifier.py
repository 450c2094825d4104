"""LeNet-5 as a scikit-learn classifier."""

import os
from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.extmath import softmax
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
)

from lenet_sklearn.estimators import NetworkHolder
from lenet_sklearn.inference import compute_logits
from lenet_sklearn.inputs import (
    ImageFormat,
    check_images,
    check_training_set,
    image_format,
    label_columns,
)
from lenet_sklearn.metrics import fit_temperature, rubbish_posteriors
from lenet_sklearn.models.files import shipped_models
from lenet_sklearn.models.registry import load_model
from lenet_sklearn.parameters import (
    CONSTRAINTS,
    check_net_parameters,
    clone_estimator,
    is_net_parameter,
)

if TYPE_CHECKING:  # torch takes seconds to import
    import torch
    from torch import nn
    from torch.optim import Optimizer

    from lenet_sklearn.distillation import Distillation
    from lenet_sklearn.training.nets import TrainingNet

# From ready weights a few epochs at a third of the usual rate are enough, and
# more would lose what they know of writers the new samples do not show.
_ADAPTING = {"max_epochs": 5, "lr": 1e-3, "random_state": None}


def common_temperature(
    model: Any, members: Sequence["LeNet5Classifier"], X: ArrayLike, y: ArrayLike
) -> float:
    """Find the temperature under which the mean of classifiers is most likely.

    Parameters
    ----------
    model : LeNet5Classifier, or VotingClassifier of them
        Fitted; its labels are those of `y`.

    members : sequence of LeNet5Classifier
        Those that vote in it.

    X : array-like
        Images.

    y : array-like of shape (n,)
        Their labels.

    Returns
    -------
    temperature : float
        As of :func:`lenet_sklearn.fit_temperature`.
    """
    logits = np.stack([member._logits(X) for member in members])
    labels = column_or_1d(y, warn=True)
    check_consistent_length(logits[0], labels)
    return fit_temperature(logits, label_columns(labels, model.classes_))


def _knows_rubbish(classifier: "LeNet5Classifier") -> bool:
    params = vars(classifier).get("_trained_with", vars(classifier))
    return params["rubbish"] is not None


class LeNet5Classifier(NetworkHolder, ClassifierMixin, BaseEstimator):
    """Classify images of single characters with LeNet-5.

    The network is built and trained in :meth:`fit` by a skorch net, kept as
    `net_`. Images are grey, ink bright on a background of 0, as MNIST has them:
    uint8 in [0, 255] or floats in [0, 1]. Floats on another scale are divided by
    their largest absolute value in `fit`.

    Parameters
    ----------
    module : torch module class, default=None
        A network of your own in place of :class:`LeNet5`. It is told `n_classes` (or
        `num_classes`), `image_shape` and `padding`, if its `__init__` names them. It
        reads a Tensor of shape (n, 1, height, width) and gives logits.

    padding : int, default=None
        Rows and columns of background added on each side of an image. None
        stands for 2 on images of 28 x 28 and 0 on images of 32 x 32, and has
        others resized to 28 x 28. A number leaves images as they are, if they
        are 16 x 16 with it, and fits the network to them.

    rubbish : float, default=None
        The constant j of the loss of 1998, which is the distance from which an
        image is rather rubbish than a character; for ``module__output="rbf"``. None
        stands for no rubbish: the cross-entropy.

    max_epochs : int, default=10
        Passes over the training set.

    batch_size : int, default=128
        Images in a training step.

    optimizer : {"adam", "adamw", "sgd"} or torch optimizer class, default="adamw"
        What takes the steps.

    lr : float, default=0.003
        Learning rate; the highest one where there is a schedule.

    schedule : {"constant", "cosine", "one-cycle"} or list of (epochs, rate), \
            default="one-cycle"
        Course of the learning rate over `max_epochs`. A list holds each rate for its
        epochs, and does not look at `lr`. "constant" leaves the rate to a schedule
        among `callbacks`, such as skorch's `LRScheduler`.

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

    distillation : Distillation, default=None
        A fitted classifier, or committee, whose posteriors `fit` learns from beside the
        labels. :meth:`partial_fit` learns from labels alone.

    class_weight : dict, "balanced" or None, default=None
        What the loss of each label is multiplied by; "balanced" for the inverse
        of how often it occurs.

    classes : array-like of shape (n_classes,), default=None
        Labels that have a column even where the training set misses them. None
        takes those of `y`.

    initial_weights : str or path, default=None
        Start the training from these weights: "mnist" or "forms", which ship
        with the package, or a file that :func:`save_model` wrote. Output rows of
        classes the file knows are taken over; the others start anew. A file that
        ends in ``.pt`` or ``.pth`` holds the state dict of a network, written by
        `torch.save`: its output rows are those of the classes in their order, and
        start anew where they are not as many.

    frozen : list of str, default=None
        Layers that keep their initial weights, such as ``["c1", "c3"]``.

    warm_start : bool, default=False
        Whether `fit` starts from the weights of the last one, as it would from
        `initial_weights`.

    device : str or torch.device, default="auto"
        "auto" for the first of cuda, mps and cpu that is there, or any that torch
        knows.

    engine : {"auto", "onnxruntime", "torch"}, default="auto"
        What runs the network in prediction. onnxruntime is several times as fast as
        torch on a CPU, and always runs there. "auto" is onnxruntime for a classifier
        that was loaded, which reads without importing torch; after :meth:`fit`, and on
        a GPU, it is torch. To ask for "onnxruntime" after :meth:`fit` exports the
        network in the first prediction, which takes seconds and the extra ``onnx``.

    random_state : int, RandomState instance or None, default=None
        Seed of weights, shuffling and distortions. With an int, two fits on a
        CPU give the same network. None draws a new seed from the operating
        system. The global generators of numpy and torch stay as they are.

    callbacks : list of skorch callbacks, default=None
        Copies of them join the training. Clones of the classifier, as a search makes
        them, share those that cannot be cloned, such as a `TensorBoard`, whose
        writer holds a file and a thread.

    verbose : int, default=0
        1 shows a progress bar on a terminal.

    **net_params : dict
        Further arguments of :class:`skorch.NeuralNetClassifier` under the names that
        they have there, such as ``module__pooling="average"`` for a part of
        :class:`LeNet5`, ``optimizer__momentum=0.9``, ``criterion``, ``compile`` or
        ``iterator_train__num_workers``. A search sets them like any other parameter.
        ``train_split`` gives a validation set, which is watched, and stopped by with
        `early_stopping`: ``ValidSplit(5, stratified=True)`` takes a fifth of `X`, and
        ``predefined_split(Dataset(images, columns))`` what is given, as `net_` takes
        it.

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
        The trained net, its `history` and `module_`. Its `predict`, `predict_proba`,
        `forward` and `score` take images as the network does, float32 of shape
        (n, 1, height, width) with ink 1 on 0, and know columns: the indices of
        `classes_`. Its posteriors are those of a `temperature_` of 1. One that was
        loaded is made when it is first asked for, which imports torch.

    temperature_ : float
        What logits are divided by before the softmax; 1.0, or that of the
        initial weights, until :meth:`calibrate`.

    Notes
    -----
    The order of the samples has no influence on `fit`, unless it is told groups.

    Dark ink on light paper is not noticed: a model trained on bright ink reads
    it wrongly. Invert such images first.

    In a ``with torch.autocast("cuda", dtype=torch.bfloat16):`` `fit` and `predict`
    compute in mixed precision. float16 would want its gradients scaled, which is not
    done.

    Threads that fit at a time wait for each other, because they share torch's
    generators; processes do not.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), pp. 2278-2324, 1998.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from lenet_sklearn import LeNet5Classifier
    >>> X, y = load_digits(return_X_y=True)
    >>> how = {"max_epochs": 6, "lr": 0.01, "random_state": 0, "device": "cpu"}
    >>> classifier = LeNet5Classifier(**how)
    >>> classifier.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.8
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = CONSTRAINTS

    def __init__(
        self,
        *,
        module: "type[nn.Module] | None" = None,
        rubbish: float | None = None,
        padding: int | None = None,
        max_epochs: int = 10,
        batch_size: int = 128,
        optimizer: "str | type[Optimizer]" = "adamw",
        lr: float = 0.003,
        schedule: str | Sequence[tuple[float, float]] = "one-cycle",
        averaging: float | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 5,
        distortion: str | Mapping[str, float] | None = None,
        distillation: "Distillation | None" = None,
        class_weight: Mapping[Any, float] | str | None = None,
        classes: ArrayLike | None = None,
        initial_weights: str | os.PathLike[str] | None = None,
        frozen: Sequence[str] | None = None,
        warm_start: bool = False,
        device: "str | torch.device" = "auto",
        engine: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        callbacks: Sequence[Any] | None = None,
        verbose: int = 0,
        **net_params: Any,
    ) -> None:
        self.module = module
        self.rubbish = rubbish
        self.padding = padding
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.lr = lr
        self.schedule = schedule
        self.averaging = averaging
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.distortion = distortion
        self.distillation = distillation
        self.class_weight = class_weight
        self.classes = classes
        self.initial_weights = initial_weights
        self.frozen = frozen
        self.warm_start = warm_start
        self.device = device
        self.engine = engine
        self.random_state = random_state
        self.callbacks = callbacks
        self.verbose = verbose
        check_net_parameters(net_params)
        self.__dict__.update(net_params)

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
            Such as the writer of each image. Early stopping splits between them, and
            a `train_split` is told them. A search hands them on where
            ``set_fit_request(groups=True)`` asks it to.

        Returns
        -------
        self : LeNet5Classifier
            The fitted classifier.

        Raises
        ------
        ValueError
            If images, labels, weights, the device or the initial weights do not
            fit, or the training diverges.
        """
        # Training imports torch, which takes seconds, and reading does without it.
        from lenet_sklearn.training import fitting

        self._validate_params()
        goes_on = self.warm_start and self.__sklearn_is_fitted__()
        earlier = copy(self) if goes_on else None
        rows, labels = check_training_set(self, X, y, reset=True)
        # An interrupted training is not to leave an old network with new labels.
        self._forget_network()
        self.classes_ = np.unique(labels if self.classes is None else self.classes)
        self._trained_with = self.get_params(deep=False)
        samples = fitting.gather_samples(self, rows, labels, sample_weight, groups)
        fitting.keep_network(self, *fitting.train_anew(self, samples, earlier))
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
        from lenet_sklearn.training import fitting

        self._validate_params()
        first = not self.__sklearn_is_fitted__()
        all_classes = fitting.classes_to_learn(self, classes)
        rows, labels = check_training_set(self, X, y, reset=first)
        self.classes_ = all_classes
        if first:
            self._trained_with = self.get_params(deep=False)
        samples = fitting.gather_samples(self, rows, labels, sample_weight, None)
        fitting.keep_network(self, *fitting.train_one_epoch(self, samples))
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
            Softmax of the logits divided by `temperature_`; rows sum to 1, also
            where there is a rubbish class, whose share is not in them.
        """
        return softmax(self._logits(X) / self.temperature_)

    @available_if(_knows_rubbish)
    def predict_rubbish_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Compute the posterior probability that an image is no character at all.

        There where `rubbish` is, or was in `fit`, a number. What is left of 1 is
        shared by the classes as :meth:`predict_proba` has it.

        Parameters
        ----------
        X : array-like
            Images as in :meth:`fit`.

        Returns
        -------
        posteriors : ndarray of shape (n,)
            In [0, 1].
        """
        rubbish = float(self._trained_with["rubbish"])
        temperature = self.temperature_
        return rubbish_posteriors(self._logits(X) / temperature, rubbish / temperature)

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
        return self.classes_[columns]

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

        Raises
        ------
        ValueError
            If there is not one label for each image, or one is unknown.

        See Also
        --------
        lenet_sklearn.fit_temperature : The function that does it.
        """
        self.temperature_ = common_temperature(self, [self], X, y)
        return self

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted classifier as an ONNX model, for use without Python.

        The model takes `images`, float32 of shape (n, 1, height, width), ink
        bright, on the scale of the training: in [0, 1] where that was on uint8
        images or on floats in [0, 1], so divide bytes by 255. Resizing to the
        network's size is part of it. It gives `posteriors` of shape
        (n, n_classes), as :meth:`predict_proba`, and the `logits` before. The
        labels of the columns are in its metadata under ``classes``, as JSON. As
        there, the share of a rubbish class is not in them.

        Parameters
        ----------
        path : str or path
            File to write, by custom ending in ``.onnx``.

        Raises
        ------
        ImportError
            If onnx or onnxscript is not installed; the extra ``onnx`` is both.

        ValueError
            If torch cannot export a module of your own, or onnxruntime does not give
            the same posteriors within 1e-5, which is tried on drawn images before
            anything is written.

        OSError
            If the file cannot be written.
        """
        from lenet_sklearn.onnx import export_classifier

        check_is_fitted(self)
        export_classifier(self, path)

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
                " Read a file of your own with lenet_sklearn.load_model."
            )
        loaded = load_model(name, device=params.pop("device", "auto"))
        classifier = cls()  # which may be derived from this one
        classifier.__dict__.update(vars(loaded))
        classifier.set_params(**{**_ADAPTING, "initial_weights": name, **params})
        return classifier

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, those of the net among them.

        Parameters
        ----------
        deep : bool, default=True
            As for any estimator of scikit-learn.

        Returns
        -------
        params : dict
            By their names.
        """
        of_net = {n: v for n, v in vars(self).items() if is_net_parameter(n)}
        return {**super().get_params(deep), **of_net}

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of the net among them.

        Parameters
        ----------
        **params : dict
            By their names, as ``module__pooling`` or ``lr``.

        Returns
        -------
        self : LeNet5Classifier
            The classifier.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        of_net = {n: params.pop(n) for n in list(params) if is_net_parameter(n)}
        super().set_params(**params)
        self.__dict__.update(of_net)
        return self

    def __sklearn_clone__(self) -> Self:
        return clone_estimator(self)

    def _logits(self, X: ArrayLike) -> NDArray[np.float64]:
        check_is_fitted(self)
        logits = self._run(check_images(self, X), image_format(self))
        if not logits.max() < np.inf:  # NaN neither
            raise ValueError(
                "LeNet5Classifier gives logits that are not finite. Its training has"
                " diverged, or the network overflows: fit it anew with a lower lr."
            )
        return logits

    def _run(self, rows: NDArray[Any], reading: ImageFormat) -> NDArray[np.float64]:
        run = self._find_run(reading["size"], axes={0: "n"})
        if run is not None:
            return compute_logits(run, rows, reading)
        from lenet_sklearn.torch_inference import compute_logits_torch

        return compute_logits_torch(self.net_.module_, rows, reading)

    def _build_net(self) -> "TrainingNet":
        from lenet_sklearn.training.nets import build_net

        return build_net(self)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
