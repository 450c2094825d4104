"""Curves: how a training went, what rejection buys, and how true confidences are."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from lenet_sklearn.metrics import (
    ErrorRejectCurve,
    ReliabilityCurve,
    error_interval,
    error_reject_curve,
    expected_calibration_error,
    reject_rate_for,
    reliability_curve,
)
from lenet_sklearn.plotting.figures import BLUE, GREY, RED, one_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Share of errors at which the reject rate is written into the picture: one in a
# thousand is what forms are usually held to.
_TARGET = 0.001


class TrainingCurveDisplay:
    """Loss of each epoch, and the error on a validation set where there is one.

    Parameters
    ----------
    train_loss : array-like of shape (n_epochs,)
        Mean loss over the training batches, as they were distorted.

    valid_loss : array-like of shape (n_epochs,), default=None
        Mean loss over the validation set.

    valid_error : array-like of shape (n_epochs,), default=None
        Share of the validation set that is misread, in [0, 1].

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the losses.

    error_ax_ : matplotlib Axes or None
        Axes with the validation error, on the right.

    figure_ : matplotlib Figure
        Figure they are in.

    Examples
    --------
    >>> from lenet_sklearn.plotting import TrainingCurveDisplay
    >>> display = TrainingCurveDisplay([0.9, 0.3, 0.1])
    >>> display.train_loss.tolist()
    [0.9, 0.3, 0.1]
    """

    def __init__(
        self,
        train_loss: ArrayLike,
        *,
        valid_loss: ArrayLike | None = None,
        valid_error: ArrayLike | None = None,
    ) -> None:
        self.train_loss = np.asarray(train_loss, dtype=np.float64)
        self.valid_loss = _floats(valid_loss)
        self.valid_error = _floats(valid_error)

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: "Axes | None" = None) -> Self:
        """Draw the training of a fitted classifier.

        Parameters
        ----------
        estimator : LeNet5Classifier
            Fitted in this process: model files do not keep the history.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : TrainingCurveDisplay
            Drawn.

        Raises
        ------
        ValueError
            If the classifier has no history.
        """
        check_is_fitted(estimator, "net_")
        return cls.from_history(estimator.net_.history, ax=ax)

    @classmethod
    def from_history(
        cls, history: Sequence[Mapping[str, Any]], *, ax: "Axes | None" = None
    ) -> Self:
        """Draw a history as skorch keeps it.

        Parameters
        ----------
        history : sequence of mapping
            One for each epoch, with ``train_loss`` and perhaps ``valid_loss``
            and ``valid_acc``.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : TrainingCurveDisplay
            Drawn.

        Raises
        ------
        ValueError
            If the history is empty.
        """
        if not len(history):
            raise ValueError(
                "TrainingCurveDisplay expects a history of at least one epoch. Got"
                " none: a model file does not keep it. Draw before saving."
            )
        columns = {
            name: [row[name] for row in history]
            for name in ("train_loss", "valid_loss", "valid_acc")
            if all(name in row for row in history)
        }
        accuracy = _floats(columns.get("valid_acc"))
        return cls(
            columns["train_loss"],
            valid_loss=columns.get("valid_loss"),
            valid_error=None if accuracy is None else 1 - accuracy,
        ).plot(ax=ax)

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : TrainingCurveDisplay
            This one, with `ax_` and `figure_` set.
        """
        self.ax_ = one_axes("TrainingCurveDisplay", ax)
        self.figure_ = self.ax_.figure
        epochs = np.arange(1, len(self.train_loss) + 1)
        marker = "o" if len(epochs) <= 20 else ""
        style: dict[str, Any] = {"marker": marker, "markersize": 4, "linewidth": 1.8}
        self.ax_.plot(epochs, self.train_loss, color=BLUE, label="training", **style)
        if self.valid_loss is not None:
            style["linestyle"] = "--"
            self.ax_.plot(
                epochs, self.valid_loss, color=GREY, label="validation", **style
            )
        tidy(self.ax_)
        self.ax_.set(xlabel="epoch", ylabel="loss", title="Training", yscale="log")
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        # 0.5 and 0.2, which are easier to read than powers of ten.
        self.ax_.yaxis.get_major_locator().set_params(subs=(1, 2, 5))
        self.ax_.yaxis.set_major_formatter("{x:g}")
        self.ax_.minorticks_off()
        self.error_ax_ = self._plot_error(epochs)
        self.ax_.legend(frameon=False)
        return self

    def _plot_error(self, epochs: NDArray[Any]) -> "Axes | None":
        if self.valid_error is None:
            return None
        right = self.ax_.twinx()
        right.plot(epochs, 100 * self.valid_error, color=RED, linewidth=1.8)
        right.spines[["top", "left"]].set_visible(False)
        right.tick_params(axis="y", colors=RED)
        right.set_ylim(bottom=0)
        right.set_ylabel("validation error, % of the validation set", color=RED)
        return right


class ErrorRejectDisplay:
    """Errors among the accepted against the share of rejected samples.

    Parameters
    ----------
    curve : ErrorRejectCurve
        As ``lenet_sklearn.metrics.error_reject_curve`` gives it.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curve.

    figure_ : matplotlib Figure
        Figure it is in.

    Examples
    --------
    >>> from lenet_sklearn.plotting import ErrorRejectDisplay
    >>> from lenet_sklearn.metrics import error_reject_curve
    >>> curve = error_reject_curve([1, 2, 3], [1, 2, 9], [0.9, 0.8, 0.7])
    >>> ErrorRejectDisplay(curve).curve.error_rates.round(2).tolist()
    [0.33, 0.0, 0.0]
    """

    def __init__(self, curve: ErrorRejectCurve) -> None:
        self.curve = curve

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: ArrayLike, y: ArrayLike, *, ax: "Axes | None" = None
    ) -> Self:
        """Draw the curve of a fitted classifier; its confidence is the posterior.

        Parameters
        ----------
        estimator : classifier
            With `predict_proba` and `classes_`.

        X : array-like
            Images, as the classifier takes them.

        y : array-like of shape (n,)
            Their labels.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : ErrorRejectDisplay
            Drawn.
        """
        posteriors = estimator.predict_proba(X)
        y_pred = estimator.classes_[posteriors.argmax(axis=1)]
        return cls.from_predictions(y, y_pred, posteriors.max(axis=1), ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        confidence: ArrayLike,
        *,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the curve of predictions.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            Labels.

        y_pred : array-like of shape (n,)
            Predictions.

        confidence : array-like of shape (n,)
            Higher for surer predictions.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : ErrorRejectDisplay
            Drawn.
        """
        return cls(error_reject_curve(y_true, y_pred, confidence)).plot(ax=ax)

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw the curve up to where no error is left.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : ErrorRejectDisplay
            This one, with `ax_` and `figure_` set.
        """
        self.ax_ = one_axes("ErrorRejectDisplay", ax)
        self.figure_ = self.ax_.figure
        rejected = 100 * self.curve.reject_rates
        wrong = 100 * self.curve.error_rates
        self.ax_.step(rejected, wrong, where="post", color=BLUE, linewidth=1.8)
        tidy(self.ax_)
        self.ax_.set(
            xlabel="rejected, % of all digits",
            ylabel="wrong, % of the accepted digits",
            title="Errors against rejects",
        )
        self.ax_.set_xlim(0, self._end())
        self.ax_.set_ylim(
            0, 1.08 * max(wrong.max(where=rejected <= 50, initial=0), 0.01)
        )
        self._mark(100 * reject_rate_for(self.curve, _TARGET))
        return self

    def _end(self) -> float:
        """Right end of the picture, in per cent: a little behind the last error."""
        faultless = self.curve.error_rates == 0
        first = self.curve.reject_rates[faultless.argmax()] if faultless.any() else 1.0
        return float(np.clip(115 * first, 0.5, 100))

    def _mark(self, rejected: float) -> None:
        """Point out where one accepted digit in a thousand is wrong."""
        if not 0 < rejected <= self.ax_.get_xlim()[1]:
            return
        self.ax_.plot(rejected, 100 * _TARGET, "o", color=RED, zorder=3)
        # The curve falls, so the upper right corner is free.
        self.ax_.annotate(
            f"{100 * _TARGET:g} % wrong at {rejected:.2f} % rejected",
            (rejected, 100 * _TARGET),
            xytext=(0.97, 0.85),
            textcoords="axes fraction",
            ha="right",
            color=RED,
            arrowprops={"arrowstyle": "-", "color": RED, "alpha": 0.4},
        )


class ReliabilityDisplay:
    """Share that is right against what the confidences state.

    Parameters
    ----------
    curve : ReliabilityCurve
        As ``lenet_sklearn.metrics.reliability_curve`` gives it.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curve.

    figure_ : matplotlib Figure
        Figure it is in.

    Examples
    --------
    >>> from lenet_sklearn.plotting import ReliabilityDisplay
    >>> from lenet_sklearn.metrics import reliability_curve
    >>> curve = reliability_curve([1, 2, 3], [1, 2, 9], [0.8, 0.8, 0.2])
    >>> ReliabilityDisplay(curve).curve.accuracies.tolist()
    [0.0, 1.0]
    """

    def __init__(self, curve: ReliabilityCurve) -> None:
        self.curve = curve

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: ArrayLike, y: ArrayLike, *, ax: "Axes | None" = None
    ) -> Self:
        """Draw the curve of a fitted classifier; its confidence is the posterior.

        Parameters
        ----------
        estimator : classifier
            With `predict_proba` and `classes_`.

        X : array-like
            Images, as the classifier takes them.

        y : array-like of shape (n,)
            Their labels.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : ReliabilityDisplay
            Drawn.
        """
        posteriors = estimator.predict_proba(X)
        y_pred = estimator.classes_[posteriors.argmax(axis=1)]
        return cls.from_predictions(y, y_pred, posteriors.max(axis=1), ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        confidence: ArrayLike,
        *,
        n_bins: int = 15,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the curve of predictions.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            Labels.

        y_pred : array-like of shape (n,)
            Predictions.

        confidence : array-like of shape (n,)
            Stated probabilities that they are right.

        n_bins : int, default=15
            Points of the curve, at most.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : ReliabilityDisplay
            Drawn.
        """
        return cls(reliability_curve(y_true, y_pred, confidence, n_bins=n_bins)).plot(
            ax=ax
        )

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw the curve, with a 95 % interval at each point.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : ReliabilityDisplay
            This one, with `ax_` and `figure_` set.
        """
        self.ax_ = one_axes("ReliabilityDisplay", ax)
        self.figure_ = self.ax_.figure
        stated, right, counts = self.curve
        n_wrong = np.rint((1 - right) * counts).astype(int)
        pairs = zip(n_wrong.tolist(), counts.tolist(), strict=True)
        limits = 1 - np.array([error_interval(*pair) for pair in pairs])[:, ::-1]
        spread = np.abs(limits.T - right)
        self.ax_.plot([0, 1], [0, 1], "--", color=GREY, label="as stated")
        self.ax_.errorbar(
            stated, right, yerr=spread, color=BLUE, marker="o", markersize=4, capsize=2
        )
        tidy(self.ax_)
        error = expected_calibration_error(self.curve)
        self.ax_.set(
            xlabel="confidence that is stated",
            ylabel="share that is right",
            title=f"Calibration error {100 * error:.2f} %",
            xlim=(0, 1.01),
            ylim=(0, 1.01),
        )
        self.ax_.legend(frameon=False)
        return self


def _floats(values: ArrayLike | None) -> NDArray[np.float64] | None:
    return None if values is None else np.asarray(values, dtype=np.float64)
