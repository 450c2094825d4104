"""The space-displacement network as a scikit-learn estimator."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from lenet_sklearn.estimators import NetworkHolder
from lenet_sklearn.outputs import write_whole
from lenet_sklearn.parameters import (
    CONSTRAINTS,
    COUNT,
    DEVICE,
    NOT_NEGATIVE,
    Interval,
    StrOptions,
    clone_estimator,
)
from lenet_sklearn.strings.reading import BaseStringReader, Members
from lenet_sklearn.strings.strips import (
    EXAMPLE_SIZE,
    LAYOUTS,
    Strip,
    compute_log_posteriors,
)

if TYPE_CHECKING:  # torch takes seconds to import
    import torch

    from lenet_sklearn.strings.training import StringNet


class StringRecognizer(NetworkHolder, BaseStringReader):
    """Read strings of characters in strips of writing, without cutting them.

    LeNet-5's layers slide over the strip [1]_ and are trained on whole strings
    with connectionist temporal classification: nobody says where a character
    stands. A strip is grey, ink bright on a background of 0, and resized to a
    height of 32 pixels with its proportions kept.

    Parameters
    ----------
    network : {"lenet5", "lenet5_dense", "wide"}, default="wide"
        As for :class:`StringNetwork`.

    characters : str, default="0123456789"
        What a string may consist of. Other marks on the strips are learned to be
        passed over, if they are there in training.

    dropout : float, default=0.0
        As for :class:`StringNetwork`. Above all where few strings are fitted.

    max_epochs : int, default=30
        Passes over the training set.

    batch_size : int, default=32
        Strips in a training step.

    lr : float, default=0.003
        Learning rate of AdamW; the highest one where there is a schedule.

    weight_decay : float, default=0.01
        Of AdamW.

    schedule : {"constant", "cosine", "one-cycle"} or list of (epochs, rate), \
            default="one-cycle"
        Course of the learning rate, as for :class:`lenet_sklearn.LeNet5Classifier`.

    averaging : int or float, default=None
        Average the weights, as for :class:`lenet_sklearn.LeNet5Classifier`.

    distortion : "writing", dict or None, default="writing"
        Random distortions of training strips; a dict has parameters of
        :class:`StripDistortion`.

    widths : sequence of float, default=(1.0,)
        What the widths of the strips are multiplied by in reading. With several,
        every strip is read at each of them, and the probability of a string is
        their mean. A file keeps them: those that ship have several.

    beam_width : int, default=8
        Beginnings of strings followed at a time.

    initial_weights : str or path, default=None
        Start the training from these weights: a file that
        :func:`lenet_sklearn.save_model` wrote, or the name of one that ships with the
        package. Rows of characters that the file knows are taken over. A file that
        ends in ``.pt`` or ``.pth`` holds a state dict, as for
        :class:`lenet_sklearn.LeNet5Classifier`.

    initial_share : float, default=0.0
        Share of the initial weights in those that `fit` ends with; the rest is what
        the training made of them. Where few strings are fitted, less is forgotten
        so [2]_.

    warm_start : bool, default=False
        Whether `fit` starts from the weights of the last one, as it would from
        `initial_weights`.

    device : str or torch.device, default="auto"
        "auto" for the first of cuda, mps and cpu that is there, or any that torch
        knows.

    engine : {"auto", "onnxruntime", "torch"}, default="auto"
        What runs the network in reading, as for
        :class:`lenet_sklearn.LeNet5Classifier`.

    random_state : int, RandomState instance or None, default=None
        Seed of weights, shuffling and distortions. The global generators of
        numpy and torch stay as they are.

    callbacks : list of skorch callbacks, default=None
        Copies of them join the training; clones, as for
        :class:`lenet_sklearn.LeNet5Classifier`.

    verbose : int, default=0
        1 shows a progress bar on a terminal.

    Attributes
    ----------
    characters_ : str
        What strings consist of: `characters` as they were in `fit`.

    history_ : dict of ndarrays of shape (n_epochs,)
        Columns "epoch", "train_loss", "lr", "dur" (seconds).

    net_ : skorch NeuralNet
        The trained net, its `history` and `module_`. One that was loaded is made when
        it is first asked for, which imports torch.

    network_ : str
        Kind of the network: `network` as it was in `fit`.

    temperature_ : float
        What logits are divided by before the softmax; 1.0, or that of the initial
        weights, until :meth:`calibrate`.

    See Also
    --------
    lenet_sklearn.LeNet5Classifier : Reads single characters.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), pp. 2278-2324, 1998,
       section VII.
    .. [2] M. Wortsman et al., "Robust fine-tuning of zero-shot models", Proc. CVPR
       2022.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.strings import StringRecognizer
    >>> bar = np.zeros((32, 40), np.uint8)
    >>> bar[4:28, 18:22] = 255
    >>> two = np.hstack([bar, bar])
    >>> X, y = [bar, two, np.zeros_like(bar)] * 10, ["1", "11", ""] * 10
    >>> recognizer = StringRecognizer(
    ...     network="lenet5_dense", characters="1", max_epochs=15, random_state=0,
    ...     batch_size=8, device="cpu",
    ... )
    >>> recognizer.fit(X, y).predict([two, bar])
    array(['11', '1'], dtype=object)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        # Some are only the classifier's, and never looked at.
        **CONSTRAINTS,
        "network": [StrOptions(set(LAYOUTS))],
        "characters": [str],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [NOT_NEGATIVE],
        "distortion": [StrOptions({"writing"}), dict, None],
        "widths": ["array-like"],
        "beam_width": [COUNT],
        "initial_share": [Interval(Real, 0, 1, closed="left")],
        "device": [DEVICE],
    }

    temperature_: float
    history_: dict[str, NDArray[Any]]

    def __init__(
        self,
        *,
        network: str = "wide",
        characters: str = "0123456789",
        dropout: float = 0.0,
        max_epochs: int = 30,
        batch_size: int = 32,
        lr: float = 0.003,
        weight_decay: float = 0.01,
        schedule: str | Sequence[tuple[float, float]] = "one-cycle",
        averaging: float | None = None,
        distortion: str | Mapping[str, float] | None = "writing",
        widths: Sequence[float] = (1.0,),
        beam_width: int = 8,
        initial_weights: str | os.PathLike[str] | None = None,
        initial_share: float = 0.0,
        warm_start: bool = False,
        device: "str | torch.device" = "auto",
        engine: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        callbacks: Sequence[Any] | None = None,
        verbose: int = 0,
    ) -> None:
        self.network = network
        self.characters = characters
        self.dropout = dropout
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.averaging = averaging
        self.distortion = distortion
        self.widths = widths
        self.beam_width = beam_width
        self.initial_weights = initial_weights
        self.initial_share = initial_share
        self.warm_start = warm_start
        self.device = device
        self.engine = engine
        self.random_state = random_state
        self.callbacks = callbacks
        self.verbose = verbose

    def fit(
        self,
        X: Sequence[Strip],
        y: Sequence[str],
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : sequence of n ndarrays of shape (height, width), dtype uint8
            Ink bright on 0. May be lazy: its length and single items are asked
            for, each once in an epoch, and few are held at a time. Strips too
            narrow for their string are widened.

        y : sequence of n str
            What they say; "" for a strip without characters.

        sample_weight : array-like of shape (n,), default=None
            Whole numbers up to 100 say how often a strip stands in the training set, 0
            that it does not. Other weights multiply its loss.

        Returns
        -------
        self : StringRecognizer
            The fitted recognizer.

        Raises
        ------
        ValueError, TypeError
            If strips, strings, their weights, the device or the initial weights do not
            fit.
        """
        # Training imports torch, which takes seconds, and reading does without it.
        from lenet_sklearn.strings.training import train_network
        from lenet_sklearn.training.nets import history_columns

        self._validate_params()
        _check_characters(self.characters)
        _check_widths(self.widths)
        texts = self._check_pairs(X, y)
        continues = self.warm_start and self.__sklearn_is_fitted__()
        if self.initial_share and self.initial_weights is None and not continues:
            raise ValueError(
                "StringRecognizer keeps a share of initial_weights, and there are none."
                f" Got initial_share={self.initial_share}. Name them, or set it to 0."
            )
        strings = self._encode(texts, self.characters)
        net, temperature = train_network(self, X, strings, sample_weight)
        # Only now: an interrupted training leaves what an earlier one has learned.
        self.net_, self.temperature_ = net, temperature
        self.characters_, self.network_ = self.characters, self.network
        self.history_ = history_columns(net.history)
        return self

    def calibrate(self, X: Sequence[Strip], y: Sequence[str]) -> Self:
        """Fit `temperature_`, so that probabilities match the share that is right.

        Parameters
        ----------
        X : sequence of n ndarrays of shape (height, width), dtype uint8
            Strips the network was not trained on.

        y : sequence of n str
            What they say.

        Returns
        -------
        self : StringRecognizer
            The recognizer; what it reads is all but unchanged.

        Raises
        ------
        ValueError, TypeError
            If there is no strip, or strips and strings do not fit.
        """
        self.temperature_ *= self._fit_temperature(X, y)
        return self

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
            If a package of the extra ``onnx`` is not installed.

        OSError
            If the file cannot be written.
        """
        from lenet_sklearn.strings.network import export_network

        check_is_fitted(self)
        network = self.net_.module_
        content = export_network(network, self.temperature_, self.characters_)
        write_whole(path, content)

    def _check_ready(self) -> None:
        check_is_fitted(self)
        # They may have been set after the fit, or come with a file.
        self._validate_params()
        _check_widths(self.widths)

    def _members_along(self, strips: Sequence[Strip]) -> list[Members]:
        run = self._find_run(EXAMPLE_SIZE, axes={0: "n", 3: "width"})
        if run is None:
            from lenet_sklearn.strings.network import run_torch

            run = partial(run_torch, self.net_.module_)
        layout = LAYOUTS[self.network_]
        scored = [
            compute_log_posteriors(
                run, layout, strips, width=width, temperature=self.temperature_
            )
            for width in self.widths
        ]
        return list(zip(*scored, strict=True))

    def _build_net(self) -> "StringNet":
        from lenet_sklearn.strings.training import build_string_net

        learned = {"network": self.network_, "characters": self.characters_}
        return build_string_net({**self.get_params(deep=False), **learned})

    @property
    def _steps(self) -> list[float]:
        step = LAYOUTS[self.network_].step
        return [step / width for width in self.widths]

    def __sklearn_clone__(self) -> Self:
        return clone_estimator(self)


def _check_characters(characters: str) -> None:
    if not characters or len(set(characters)) < len(characters):
        raise ValueError(
            "StringRecognizer expects characters that differ, at least one."
            f" Got {characters!r}. Name each once, as in '0123456789'."
        )


def _check_widths(widths: Sequence[float]) -> None:
    try:
        factors = np.asarray(widths, dtype=np.float64)
    except (TypeError, ValueError):
        factors = np.empty(0)
    positive = (factors > 0) & np.isfinite(factors)
    if factors.ndim != 1 or not factors.size or not positive.all():
        raise ValueError(
            "StringRecognizer expects widths above 0, at least one."
            f" Got {widths!r}. Use (1.0,) to read every strip as it is."
        )
