"""Show misread fields with their files, truth and guess."""

from typing import TYPE_CHECKING, Self

import numpy as np

from pipelines.images import Image
from pipelines.lines.evaluation import FieldEvaluation
from pipelines.lines.labelled import LabelledField
from pipelines.outcomes import FieldReading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_N_COLUMNS = 4

# Longer ones would run into that of the next column.
_LONGEST_NAME = 36


class MisreadFieldsDisplay:
    """Misread fields with truth and guess, the most confident ones first.

    Parameters
    ----------
    misread : list of tuples of (LabelledField, FieldReading)
        The fields to show.

    n_errors, n_fields : int
        Misread fields and all fields, for the title.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure with axes for each field.
    """

    def __init__(
        self,
        misread: list[tuple[LabelledField, FieldReading]],
        *,
        n_errors: int,
        n_fields: int,
    ) -> None:
        self.misread = misread
        self.n_errors = n_errors
        self.n_fields = n_fields

    @classmethod
    def from_evaluation(
        cls, evaluation: FieldEvaluation, *, n_images: int = 40
    ) -> Self:
        """Draw what was misread.

        Parameters
        ----------
        evaluation : FieldEvaluation
            What was read.

        n_images : int, default=40
            Show so many at most.

        Returns
        -------
        display : MisreadFieldsDisplay
            Drawn.
        """
        misread = evaluation.misread()
        return cls(
            misread[:n_images],
            n_errors=len(misread),
            n_fields=len(evaluation.fields),
        ).plot()

    def plot(self) -> Self:
        """Draw the fields.

        Returns
        -------
        display : MisreadFieldsDisplay
            This one, with `figure_` set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from lenet_sklearn.plotting.figures import pyplot

        n_rows = max(1, -(-len(self.misread) // _N_COLUMNS))
        plt = pyplot("MisreadFieldsDisplay")
        self.figure_, grid = plt.subplots(
            n_rows,
            _N_COLUMNS,
            figsize=(2.6 * _N_COLUMNS, 1.25 * n_rows + 0.5),
            squeeze=False,
            layout="constrained",
        )
        share = 100 * self.n_errors / self.n_fields
        title = f"{self.n_errors} of {self.n_fields} fields misread ({share:.1f} %)"
        if len(self.misread) < self.n_errors:
            title += f"; the {len(self.misread)} surest"
        self.figure_.suptitle(title)
        for place, ax in enumerate(grid.flat):
            ax.set_axis_off()
            if place < len(self.misread):
                _draw_field(ax, *self.misread[place])
        return self


def _draw_field(ax: "Axes", field: LabelledField, reading: FieldReading) -> None:
    ax.imshow(_shown(field.image), cmap="gray", vmin=0, vmax=255)
    arrow = "\N{RIGHTWARDS ARROW}"
    told, read = (text or "nothing" for text in (field.value, reading.value))
    percent = f"{100 * reading.confidence:.0f} %"
    name = field.name
    if len(name) > _LONGEST_NAME:
        name = name[: _LONGEST_NAME - 3] + "..."
    ax.set_title(f"{name}\n{told} {arrow} {read} ({percent})", fontsize=7)


def _shown(image: Image) -> Image:
    """Spread the greys, so that faint writing is seen."""
    low, high = np.percentile(image, (1, 99))
    spread = (image.astype(np.float32) - low) * (255 / max(high - low, 1))
    return np.clip(spread, 0, 255).astype(np.uint8)
