"""The misread digits a classifier was surest of."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lenet_sklearn.inputs import flatten_images, guess_image_shape
from lenet_sklearn.plotting.figures import RED, columns_for, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class MisreadDisplay:
    """Misread digits with truth and guess, the most confident ones first.

    Parameters
    ----------
    images : ndarray of shape (n_shown, height, width)
        The digits to show.

    truths : ndarray of shape (n_shown,)
        Their labels.

    guesses : ndarray of shape (n_shown,)
        What they were read as.

    confidences : ndarray of shape (n_shown,)
        Posterior of the guess.

    n_errors, n_samples : int
        Misread digits and all digits, for the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with all digits.

    figure_ : matplotlib Figure
        Figure they are in.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.plotting import MisreadDisplay
    >>> shown = np.zeros((1, 28, 28))
    >>> MisreadDisplay(shown, [4], [9], [0.99], n_errors=1, n_samples=50).guesses
    array([9])
    """

    def __init__(
        self,
        images: NDArray[Any],
        truths: ArrayLike,
        guesses: ArrayLike,
        confidences: ArrayLike,
        *,
        n_errors: int,
        n_samples: int,
    ) -> None:
        self.images = images
        self.truths = np.asarray(truths)
        self.guesses = np.asarray(guesses)
        self.confidences = np.asarray(confidences)
        self.n_errors = n_errors
        self.n_samples = n_samples

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike,
        *,
        n_images: int = 24,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw what a fitted classifier misreads.

        Parameters
        ----------
        estimator : classifier
            With `predict_proba` and `classes_`.

        X : array-like
            Images, as the classifier takes them.

        y : array-like of shape (n,)
            Their labels.

        n_images : int, default=24
            Show so many at most.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : MisreadDisplay
            Drawn.
        """
        posteriors = estimator.predict_proba(X)
        return cls.from_predictions(
            X, y, posteriors, classes=estimator.classes_, n_images=n_images, ax=ax
        )

    @classmethod
    def from_predictions(
        cls,
        X: ArrayLike,
        y_true: ArrayLike,
        posteriors: ArrayLike,
        *,
        classes: ArrayLike | None = None,
        n_images: int = 24,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw what is misread according to posteriors.

        Parameters
        ----------
        X : array-like of shape (n, height, width) or (n, n_features)
            Images, ink bright.

        y_true : array-like of shape (n,)
            Their labels.

        posteriors : array-like of shape (n, n_classes)
            Posterior of each class.

        classes : array-like of shape (n_classes,), default=None
            Labels of the columns; None stands for 0, 1, 2...

        n_images : int, default=24
            Show so many at most.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : MisreadDisplay
            Drawn.
        """
        posteriors, truths = np.asarray(posteriors), np.asarray(y_true)
        labels = np.arange(posteriors.shape[1]) if classes is None else classes
        guesses = np.asarray(labels)[posteriors.argmax(axis=1)]
        confidences = posteriors.max(axis=1)
        wrong = np.flatnonzero(guesses != truths)
        shown = wrong[np.argsort(-confidences[wrong], kind="stable")][:n_images]
        return cls(
            _pictures(X, shown),
            truths[shown],
            guesses[shown],
            confidences[shown],
            n_errors=len(wrong),
            n_samples=len(truths),
        ).plot(ax=ax)

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw the digits.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : MisreadDisplay
            This one, with `ax_` and `figure_` set.
        """
        n_columns = columns_for(max(1, len(self.images)), 2.5)
        n_rows = -(-len(self.images) // n_columns)
        size = (1.25 * max(n_columns, 4), 1.55 * max(n_rows, 1) + 0.6)
        self.ax_ = one_axes("MisreadDisplay", ax, size=size)
        self.figure_ = self.ax_.figure
        self.ax_.set_axis_off()
        percent = 100 * self.n_errors / self.n_samples
        title = f"{self.n_errors} of {self.n_samples} digits misread ({percent:.2f} %)"
        if len(self.images) < self.n_errors:
            title += f"; the {len(self.images)} surest"
        self.ax_.set_title(title)
        # A place is 1 wide and 1.3 high: the digit, and a line of text below it.
        self.ax_.set(xlim=(0, n_columns), ylim=(1.3 * max(n_rows, 1), 0))
        self.ax_.set_aspect("equal")
        for place, image in enumerate(self.images):
            row, left = divmod(place, n_columns)
            self._plot_digit(place, image, left, 1.3 * row)
        return self

    def _plot_digit(
        self, place: int, image: NDArray[Any], left: float, top: float
    ) -> None:
        extent = (left + 0.05, left + 0.95, top + 0.95, top + 0.05)
        # Otherwise imshow takes the limits of the axes for its own image.
        limits = self.ax_.get_xlim(), self.ax_.get_ylim()
        self.ax_.imshow(image, cmap="gray_r", extent=extent, vmin=0)
        self.ax_.set(xlim=limits[0], ylim=limits[1])
        truth, guess = self.truths[place], self.guesses[place]
        percent = f"{100 * self.confidences[place]:.0f}".replace("100", ">99")
        text = {"ha": "center", "va": "top", "fontsize": 9}
        self.ax_.text(left + 0.3, top + 0.99, f"{truth} \N{RIGHTWARDS ARROW}", **text)
        self.ax_.text(
            left + 0.66, top + 0.99, f"{guess} ({percent} %)", color=RED, **text
        )


def _pictures(X: ArrayLike, places: NDArray[np.intp]) -> NDArray[Any]:
    """Take some images out of `X`, whatever shape that has."""
    rows, image_shape = flatten_images(X)
    rows = np.asarray(rows)[places]
    height, width = image_shape or guess_image_shape(rows.shape[1])
    missing = height * width - rows.shape[1]
    padded = np.pad(rows, ((0, 0), (0, missing)))
    return padded.reshape(len(places), height, width)
