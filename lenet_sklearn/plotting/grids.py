"""Grids of small images: how kernels and feature maps are laid out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Width of the pictures, in inches; the heights follow from what is in them.
WIDTH = 10.0

# Height of a title and the gap above it, in inches.
_TITLE = 0.45


def tile(images: NDArray[Any], n_columns: int) -> NDArray[np.float64]:
    """Lay images out in a grid with gaps.

    Parameters
    ----------
    images : ndarray of shape (n, height, width)
        All of one size.

    n_columns : int
        Images in a row.

    Returns
    -------
    grid : ndarray of shape (grid_height, grid_width), dtype float64
        Gaps, a seventh of an image and at least a fifth of a pixel wide, are NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.plotting.grids import tile
    >>> tile(np.ones((3, 7, 7)), 2).shape
    (15, 15)
    """
    n_images, height, width = images.shape
    # Pixels are repeated where a gap of one of them would be as wide as an image.
    zoom = max(1, -(-7 // height))
    images = images.repeat(zoom, axis=1).repeat(zoom, axis=2)
    height, width = images.shape[1:]
    gap = max(1, height // 7)
    n_rows = -(-n_images // n_columns)
    shape = (n_rows * (height + gap) - gap, n_columns * (width + gap) - gap)
    grid = np.full(shape, np.nan)
    for place, image in enumerate(images):
        row, column = divmod(place, n_columns)
        top, left = row * (height + gap), column * (width + gap)
        grid[top : top + height, left : left + width] = image
    return grid


def grid_heights(grids: Sequence[NDArray[Any]]) -> list[float]:
    """Compute the heights at which grids are as wide as the picture.

    Parameters
    ----------
    grids : sequence of ndarray of shape (grid_height, grid_width)
        As of :func:`tile`.

    Returns
    -------
    heights : list of float
        In inches, each with its title.
    """
    return [WIDTH * len(grid) / grid.shape[1] + _TITLE for grid in grids]


def draw_grid(
    ax: "Axes", grid: NDArray[np.float64], title: str, *, signed: bool
) -> None:
    """Draw a grid and its title, without axes.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.

    grid : ndarray of shape (grid_height, grid_width)
        As of :func:`tile`.

    title : str
        Written above it.

    signed : bool
        Whether values are drawn from blue over white to red, 0 being white, or
        from black, which is 0, to white.
    """
    limit = largest(grid)
    ax.imshow(
        grid,
        cmap="RdBu_r" if signed else "magma",
        vmin=-limit if signed else 0,
        vmax=limit,
        interpolation="nearest",
    )
    ax.set_title(title, loc="left", fontsize=10)
    ax.set_axis_off()


def largest(grid: NDArray[np.float64]) -> float:
    """Find the largest magnitude in a grid.

    Parameters
    ----------
    grid : ndarray of shape (grid_height, grid_width)
        As of :func:`tile`.

    Returns
    -------
    limit : float
        1 where all is 0.
    """
    return float(np.nanmax(np.abs(grid))) or 1.0
