"""Pictures of readers: lattices, misread fields, and what ``--plots`` writes."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from lenet_sklearn.outputs import make_folder
from lenet_sklearn.strings.lattice import Lattice, LatticeReading, read_lattice
from pipelines.images import Floats, Image
from pipelines.lines.segments import Segments, build_lattices, segment_field
from pipelines.outcomes import FieldReading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lenet_sklearn import LeNet5Classifier
    from pipelines.readers.free import CuttingReader


# Arcs that are less probable than this are left out: they are most of all, and
# nobody believes them.
_FAINTEST = 0.01


class LatticeDisplay:
    """The pieces of a field, what they may be joined to, and the best path.

    Parameters
    ----------
    segments : Segments
        The field, cut.

    lattice : Lattice
        Its hypotheses, scored.

    reading : LatticeReading or None
        The best string; None for no path.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.

    figure_ : matplotlib Figure
        Figure it is in.
    """

    def __init__(
        self, segments: Segments, lattice: Lattice, reading: LatticeReading | None
    ) -> None:
        self.segments = segments
        self.lattice = lattice
        self.reading = reading

    @classmethod
    def from_estimator(
        cls, reader: "CuttingReader", field: Image, *, ax: "Axes | None" = None
    ) -> Self:
        """Cut, read and draw a field.

        Parameters
        ----------
        reader : CuttingReader
            Reads it.

        field : ndarray of shape (height, width), dtype uint8
            Grey field, dark ink on lighter paper.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : LatticeDisplay
            Drawn.

        Raises
        ------
        ValueError
            If there is no ink in the field.
        """
        segments = segment_field(field)
        [lattice] = build_lattices([segments], reader.reading_model())
        if segments is None or lattice is None:
            raise ValueError(
                "LatticeDisplay expects a field with writing. Got one without ink."
                " Look at the field itself."
            )
        [reading, *_] = [*read_lattice(lattice), None]
        return cls(segments, lattice, reading).plot(ax=ax)

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw the pieces, below them the arcs with what they are taken for.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : LatticeDisplay
            This one, with `ax_` and `figure_` set.
        """
        from lenet_sklearn.plotting.figures import one_axes

        self.ax_ = one_axes("LatticeDisplay", ax, (7.2, 4.4))
        self.figure_ = self.ax_.figure
        pieces = self.segments.pieces.labels
        # Neighbours in different shades, paper white.
        shades = np.where(pieces > 0, 0.25 + 0.25 * (pieces % 3), 0.0)
        self.ax_.imshow(shades, cmap="Greys", vmin=0, vmax=1.2)
        bottom = self._draw_arcs(float(len(pieces)))
        self.ax_.set_ylim(bottom, -2)
        self.ax_.set_axis_off()
        title = "no path"
        if self.reading is not None:
            title = f"{self.reading.text!r}, {100 * self.reading.probability:.1f} %"
        self.ax_.set_title(title)
        return self

    def _draw_arcs(self, row: float) -> float:
        """Draw believable arcs in rows below the writing; return where they end."""
        from lenet_sklearn.plotting.figures import GREY, RED

        step = 0.25 * self.segments.writing.height
        best = set() if self.reading is None else set(self.reading.arcs)
        ends: list[float] = []
        shares = share_paths(self.lattice)
        likely = [n for n in np.argsort(-shares) if shares[n] > _FAINTEST or n in best]
        # The best path in the first row, the others where there is room.
        for n in sorted(likely, key=lambda n: n not in best):
            _, left, _, width = (float(side) for side in self.segments.arcs.boxes[n])
            level = _free_level(ends, left, n in best)
            ends[level : level + 1] = [left + width]
            y = row + (level + 1) * step
            # What is hardly believed is hardly seen.
            colour, alpha = RED if n in best else GREY, 0.3 + 0.7 * float(shares[n])
            style: dict[str, Any] = {"color": colour, "alpha": alpha}
            self.ax_.plot([left, left + width], [y, y], linewidth=2, **style)
            # A mark on no path of digits is a dot.
            digit = self.lattice.characters[int(self.lattice.scores[n].argmax())]
            self.ax_.text(
                left + width / 2, y - 0.15 * step, digit or "·", ha="center", **style
            )
        return row + (len(ends) + 2) * step


def share_paths(lattice: Lattice) -> Floats:
    """Compute the probability that the right path leads through each arc.

    Parameters
    ----------
    lattice : Lattice
        Hypotheses, scored.

    Returns
    -------
    shares : ndarray of shape (n_arcs,), dtype float64
        Of the paths through an arc in the sum over all paths.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.plotting import share_paths
    >>> from lenet_sklearn.strings.lattice import Lattice
    >>> starts, stops = np.array([0, 0, 1]), np.array([2, 1, 2])
    >>> scores = np.log([[0.3], [0.1], [1.0]])
    >>> share_paths(Lattice(starts, stops, scores, "1")).round(2).tolist()
    [0.75, 0.25, 0.25]
    """
    gains = np.logaddexp.reduce(lattice.scores, axis=1)
    order = np.argsort(lattice.starts, kind="stable")
    before, after = np.full((2, lattice.n_nodes), -np.inf)
    before[0] = after[-1] = 0.0
    parts = (lattice.starts, lattice.stops, gains)
    arcs = list(zip(*(part[order] for part in parts), strict=True))
    for start, stop, gain in arcs:
        before[stop] = np.logaddexp(before[stop], before[start] + gain)
    for start, stop, gain in reversed(arcs):
        after[start] = np.logaddexp(after[start], after[stop] + gain)
    through = before[lattice.starts] + gains + after[lattice.stops]
    return np.asarray(np.exp(through - before[-1]))


def _free_level(ends: list[float], left: float, is_best: bool) -> int:
    """First row with room right of `left`; the first of all is the best path's."""
    if is_best:
        return 0
    rows = range(1, len(ends))
    return next((n for n in rows if ends[n] < left), max(1, len(ends)))


# Fields in a row of the picture of misread ones, and at most in all of it.
_N_COLUMNS = 4
_MOST_SHOWN = 40

# Longer ones would run into that of the next column.
_LONGEST_NAME = 36

# Sharp on a screen of high resolution, and still a small file.
_DPI = 150


def plot_misread_fields(
    misread: Sequence[tuple[str, Image, str, FieldReading]], n_fields: int, path: Path
) -> None:
    """Draw misread fields with truth and guess.

    Parameters
    ----------
    misread : sequence of tuples of (name, image, written, reading)
        Name of the file, grey image, what it says and what was read in it, of all
        that was misread, the most confident first; 40 are shown at most.

    n_fields : int
        Fields that were read.

    path : Path
        The picture to write.
    """
    import matplotlib.pyplot as plt

    shown = misread[:_MOST_SHOWN]
    n_rows = max(1, -(-len(shown) // _N_COLUMNS))
    size = (2.6 * _N_COLUMNS, 1.25 * n_rows + 0.5)
    figure, grid = plt.subplots(
        n_rows, _N_COLUMNS, figsize=size, squeeze=False, layout="constrained"
    )
    share = 100 * len(misread) / n_fields
    title = f"{len(misread)} of {n_fields} fields misread ({share:.1f} %)"
    if len(shown) < len(misread):
        title += f"; the {len(shown)} surest"
    figure.suptitle(title)
    for ax in grid.flat:
        ax.set_axis_off()
    for ax, field in zip(grid.flat, shown, strict=False):
        _draw_field(ax, *field)
    figure.savefig(path, dpi=_DPI)
    plt.close(figure)


def _draw_field(
    ax: "Axes", name: str, image: Image, written: str, reading: FieldReading
) -> None:
    # The greys are spread, so that faint writing is seen.
    low, high = np.percentile(image, (1, 99))
    spread = (image.astype(np.float32) - low) * (255 / max(high - low, 1))
    ax.imshow(np.clip(spread, 0, 255).astype(np.uint8), cmap="gray", vmin=0, vmax=255)
    arrow = "\N{RIGHTWARDS ARROW}"
    truth, read = (text or "nothing" for text in (written, reading.value))
    percent = f"{100 * reading.confidence:.0f} %"
    if len(name) > _LONGEST_NAME:
        name = name[: _LONGEST_NAME - 3] + "..."
    ax.set_title(f"{name}\n{truth} {arrow} {read} ({percent})", fontsize=7)


# What each of the following writes, in a folder.
TRAINING_PICTURES: Final = ("training.png", "kernels.png")
EVALUATION_PICTURES: Final = ("misread.png", "error_reject.png", "feature_maps.png")


def check_plots(folder: Path) -> None:
    """Find out before the work whether pictures can be drawn and kept.

    Parameters
    ----------
    folder : Path
        Created if need be.

    Raises
    ------
    ValueError
        If matplotlib is not installed.

    OSError
        If the folder cannot be made.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise ValueError(
            "Pictures need matplotlib, which is not installed."
            ' Install it with pip install "lenet-sklearn[plot]".'
        )
    make_folder(folder)


def plot_training(classifier: "LeNet5Classifier", folder: Path) -> list[Path]:
    """Draw how a training went and what came of it.

    Parameters
    ----------
    classifier : LeNet5Classifier
        Fitted in this process.

    folder : Path
        Where ``training.png`` and ``kernels.png`` go.

    Returns
    -------
    paths : list of Path
        The pictures.
    """
    from lenet_sklearn.plotting import KernelDisplay, TrainingCurveDisplay

    return [
        _draw(folder / name, display, classifier)
        for name, display in zip(
            TRAINING_PICTURES, (TrainingCurveDisplay, KernelDisplay), strict=True
        )
    ]


def plot_evaluation(
    classifier: "LeNet5Classifier", X: NDArray[np.uint8], y: NDArray[Any], folder: Path
) -> list[Path]:
    """Draw what a classifier misreads and what rejection would help.

    Parameters
    ----------
    classifier : LeNet5Classifier or VotingClassifier
        Fitted.

    X : ndarray of shape (n, height, width), dtype uint8
        Images.

    y : ndarray of shape (n,)
        Their labels.

    folder : Path
        Where ``misread.png``, ``error_reject.png`` and ``feature_maps.png`` go,
        the last one of the first image, and not for a committee.

    Returns
    -------
    paths : list of Path
        The pictures.
    """
    from lenet_sklearn import plotting

    misread, error_reject, maps = (folder / name for name in EVALUATION_PICTURES)
    paths = [
        _draw(misread, plotting.MisreadDisplay, classifier, X, y),
        _draw(error_reject, plotting.ErrorRejectDisplay, classifier, X, y),
    ]
    if hasattr(classifier, "net_"):  # a committee has many
        paths.append(_draw(maps, plotting.FeatureMapDisplay, classifier, X[0]))
    return paths


def _draw(path: Path, display: Any, *arguments: Any) -> Path:
    """Draw a display into a file, and forget it."""
    # The displays know the sizes that suit them, and need pyplot for that.
    import matplotlib.pyplot as plt

    with plt.rc_context({"savefig.bbox": "tight"}):
        figure = display.from_estimator(*arguments).figure_
        figure.savefig(path, dpi=_DPI)
        plt.close(figure)
    return path
