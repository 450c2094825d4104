"""What was read: misread digits, and what a recognizer says along a strip."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lenet_sklearn.inputs import flatten_images, guess_image_shape, unflatten
from lenet_sklearn.plotting.figures import RED, columns_for, one_axes, pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lenet_sklearn.strings import StringRecognizer


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
    return unflatten(rows, image_shape or guess_image_shape(rows.shape[1]))


@dataclass(eq=False, repr=False)
class StringPosteriorDisplay:
    """A strip of writing, and below it the posteriors of the characters along it.

    Parameters
    ----------
    strip : ndarray of shape (height, width), dtype uint8
        Ink bright on 0.

    log_posteriors : ndarray of shape (n_positions, n_characters + 1)
        Their logarithms along the strip; the last column is the blank's.

    characters : str
        What the other columns stand for.

    text : str
        What was read.

    probability : float
        Of `text`.

    Attributes
    ----------
    axes_ : ndarray of two matplotlib Axes
        The strip, and the posteriors.

    figure_ : matplotlib Figure
        Figure they are in.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.plotting import StringPosteriorDisplay
    >>> strip, likely = np.zeros((32, 64), np.uint8), np.full((32, 11), 1 / 11)
    >>> StringPosteriorDisplay(strip, np.log(likely), "0123456789", "7", 0.5).text
    '7'
    """

    strip: NDArray[np.uint8]
    log_posteriors: NDArray[Any]
    characters: str
    text: str
    probability: float

    @classmethod
    def from_estimator(
        cls, recognizer: "StringRecognizer", strip: NDArray[np.uint8]
    ) -> Self:
        """Read a strip and draw what was thought of it.

        Parameters
        ----------
        recognizer : StringRecognizer
            Fitted.

        strip : ndarray of shape (height, width), dtype uint8
            Ink bright on 0.

        Returns
        -------
        display : StringPosteriorDisplay
            Drawn.
        """
        [[best]] = recognizer.read([strip])
        [log_posteriors] = recognizer.posteriors([strip])
        return cls(
            strip, log_posteriors, recognizer.characters_, best.text, best.probability
        ).plot()

    def plot(self) -> Self:
        """Draw the strip and the posteriors.

        Returns
        -------
        display : StringPosteriorDisplay
            This one, with `axes_` and `figure_` set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        plt = pyplot("StringPosteriorDisplay")
        height, width = self.strip.shape
        self.figure_, self.axes_ = plt.subplots(
            2,
            1,
            sharex=True,
            figsize=(max(4.0, 0.05 * width), 3.6),
            height_ratios=(height, 1.5 * height),
            layout="constrained",
        )
        above, below = self.axes_
        above.imshow(self.strip, cmap="gray_r", aspect="auto", vmin=0)
        above.set_yticks([])
        read = self.text or "nothing"
        above.set_title(f"read as {read} ({100 * self.probability:.0f} %)")
        likely = np.exp(self.log_posteriors[:, :-1]).T
        n_characters = len(self.characters)
        extent = (-0.5, width - 0.5, n_characters - 0.5, -0.5)
        below.imshow(likely, cmap="Blues", aspect="auto", extent=extent, vmin=0, vmax=1)
        below.set_yticks(range(n_characters), list(self.characters))
        below.set(xlabel="column of the strip", ylabel="character")
        scale = width / likely.shape[1]
        for position, symbol in _peaks(likely):
            below.plot(scale * (position + 0.5), symbol, ".", color=RED)
        return self


def _peaks(likely: NDArray[Any]) -> list[tuple[int, int]]:
    """Positions at which a character is likelier than all else, and which it is."""
    best = likely.argmax(axis=0)
    sure = np.flatnonzero(likely.max(axis=0) > 0.5)
    return [(n, int(best[n])) for n in sure.tolist()]
