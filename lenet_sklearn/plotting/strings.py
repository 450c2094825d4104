"""What a recognizer says along a strip of writing."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.plotting.figures import RED, pyplot

if TYPE_CHECKING:
    from lenet_sklearn.strings import StringRecognizer


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

    def __init__(
        self,
        strip: NDArray[np.uint8],
        log_posteriors: NDArray[Any],
        characters: str,
        text: str,
        probability: float,
    ) -> None:
        self.strip = strip
        self.log_posteriors = log_posteriors
        self.characters = characters
        self.text = text
        self.probability = probability

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
