"""The kernels of convolutions, as a grid of small images."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from lenet_sklearn.lecun1998 import TableConv2d
from lenet_sklearn.plotting.figures import one_axes, split_axes

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
    >>> from lenet_sklearn.plotting.kernels import tile
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


class KernelDisplay:
    """Kernels of the convolutions: a column for each map, a row for each input.

    Parameters
    ----------
    kernels : mapping of str to ndarray of shape (n_maps, n_inputs, height, width)
        Weights by the name of the layer.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        One for each layer.

    figure_ : matplotlib Figure
        Figure they are in.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.plotting import KernelDisplay
    >>> list(KernelDisplay({"c1": np.zeros((6, 1, 5, 5))}).kernels)
    ['c1']
    """

    def __init__(self, kernels: Mapping[str, NDArray[Any]]) -> None:
        self.kernels = dict(kernels)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        layers: Sequence[str] | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Draw the kernels of a fitted classifier.

        Parameters
        ----------
        estimator : LeNet5Classifier
            Fitted.

        layers : sequence of str, default=None
            Names of convolutions; None draws them all.

        ax : matplotlib Axes, default=None
            A subplot whose place is divided among the layers; None makes a figure.

        Returns
        -------
        display : KernelDisplay
            Drawn.

        Raises
        ------
        ValueError
            If there is no convolution of such a name, or none at all.
        """
        check_is_fitted(estimator, "net_")
        known = {
            name: kernels.detach().cpu().numpy()
            for name, module in estimator.net_.module_.named_modules()
            if (kernels := _kernels(module)) is not None
        }
        chosen = list(known) if layers is None else list(layers)
        missing = [name for name in chosen if name not in known]
        if missing or not chosen:
            raise ValueError(
                f"KernelDisplay expects layers among the convolutions {list(known)}."
                f" Got {chosen}."
            )
        return cls({name: known[name] for name in chosen}).plot(ax=ax)

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw the kernels; positive weights are red, negative ones blue.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A subplot whose place is divided among the layers; None makes a figure.

        Returns
        -------
        display : KernelDisplay
            This one, with `axes_` and `figure_` set.
        """
        grids = {
            name: tile(np.concatenate(kernels.transpose(1, 0, 2, 3)), len(kernels))
            for name, kernels in self.kernels.items()
        }
        heights = grid_heights(list(grids.values()))
        ax = one_axes("KernelDisplay", ax, size=(WIDTH, sum(heights)))
        self.figure_ = ax.figure
        self.axes_ = split_axes(ax, len(grids), heights)
        for layer_ax, (name, grid) in zip(self.axes_, grids.items(), strict=True):
            n_maps, n_inputs = self.kernels[name].shape[:2]
            inputs = "input" if n_inputs == 1 else "inputs"
            limit = largest(grid)
            title = (
                f"{name.upper()}: {n_maps} maps (columns) of {n_inputs} {inputs}"
                f" (rows), weights from {-limit:.2g} (blue) to {limit:.2g} (red)"
            )
            draw_grid(layer_ax, grid, title, signed=True)
        return self


def _kernels(module: nn.Module) -> Tensor | None:
    """Return the kernels of a convolution, None for other layers."""
    if isinstance(module, TableConv2d):
        return module.kernels()
    weight = getattr(module, "weight", None)
    return weight if isinstance(weight, Tensor) and weight.ndim == 4 else None
