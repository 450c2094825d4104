"""Figures and axes: matplotlib is imported here, when something is drawn."""

import math
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lenet_sklearn.devices import import_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Blue and vermilion of Okabe and Ito's palette, which colour-blind readers tell
# apart, and a grey for what is not to catch the eye.
BLUE, RED, GREY = "#0072B2", "#D55E00", "#6E6E6E"


def pyplot(caller: str) -> ModuleType:
    """Import matplotlib's pyplot.

    Parameters
    ----------
    caller : str
        Who needs it, for the message where it is missing.

    Returns
    -------
    pyplot : module
        ``matplotlib.pyplot``.

    Raises
    ------
    ImportError
        If matplotlib is not installed; names the extra ``plot``.
    """
    return import_extra("matplotlib.pyplot", extra="plot", caller=caller)


def one_axes(
    caller: str, ax: "Axes | None", size: tuple[float, float] = (6.4, 4.4)
) -> "Axes":
    """Return the axes to draw into.

    Parameters
    ----------
    caller : str
        Who draws.

    ax : matplotlib Axes or None
        None makes a new figure.

    size : tuple of (width, height)
        Of a new figure, in inches.

    Returns
    -------
    ax : matplotlib Axes
        `ax`, or that of the new figure.
    """
    plt = pyplot(caller)
    if ax is not None:
        return ax
    _, new = plt.subplots(figsize=size, layout="constrained")
    return new


def split_axes(ax: "Axes", heights: Sequence[float]) -> list["Axes"]:
    """Divide the place of axes into several, one below the other.

    Parameters
    ----------
    ax : matplotlib Axes
        Turned off; its place is divided.

    heights : sequence of float
        How high each is, relative to the others.

    Returns
    -------
    axes : list of matplotlib Axes
        From the top.
    """
    ax.set_axis_off()
    grid = ax.get_subplotspec().subgridspec(len(heights), 1, height_ratios=heights)
    figure: Any = ax.figure
    return [figure.add_subplot(cell) for cell in grid]


def tidy(ax: "Axes") -> None:
    """Leave of a frame what carries numbers, and draw a faint grid.

    Parameters
    ----------
    ax : matplotlib Axes
        Changed in place.
    """
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)


def columns_for(n_items: int, aspect: float) -> int:
    """Number of columns of a grid of squares that fills a given shape.

    Parameters
    ----------
    n_items : int
        Squares to place, at least one.

    aspect : float
        Width of the grid over its height.

    Returns
    -------
    n_columns : int
        At least 1, at most `n_items`.

    Examples
    --------
    >>> from lenet_sklearn.plotting.figures import columns_for
    >>> columns_for(16, 1.0), columns_for(6, 100.0)
    (4, 6)
    """
    return min(n_items, max(1, math.ceil(math.sqrt(n_items * aspect))))
