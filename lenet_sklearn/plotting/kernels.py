"""The kernels of convolutions, and what layers make of a digit, as grids of images."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from lenet_sklearn.inputs import check_images, image_format
from lenet_sklearn.lecun1998 import TableConv2d
from lenet_sklearn.network import record_outputs
from lenet_sklearn.plotting.figures import BLUE, one_axes, split_axes, tidy
from lenet_sklearn.training.batches import read_rows

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
        self.axes_ = split_axes(ax, heights)
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


# Height of the digit and the posteriors, in inches.
_HEAD = 2.0

# So many maps go into a row, and so many single units.
_MAPS_IN_ROW, _UNITS_IN_ROW = 16, 60


@dataclass(eq=False, repr=False)
class FeatureMapDisplay:
    """A digit, what each layer makes of it, and the posteriors.

    Parameters
    ----------
    image : ndarray of shape (height, width)
        What the network reads.

    maps : mapping of str to ndarray of shape (n_maps, height, width)
        Output of each layer after its squashing function; single units have
        maps of 1 x 1.

    posteriors : ndarray of shape (n_classes,)
        Posterior of each class.

    classes : ndarray of shape (n_classes,)
        Labels.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        The digit, the posteriors, then one for each layer.

    figure_ : matplotlib Figure
        Figure they are in.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn.plotting import FeatureMapDisplay
    >>> display = FeatureMapDisplay(
    ...     np.zeros((28, 28)), {"c1": np.zeros((6, 28, 28))}, np.ones(1), np.array([3])
    ... )
    >>> display.maps["c1"].shape
    (6, 28, 28)
    """

    image: NDArray[Any]
    maps: Mapping[str, NDArray[Any]]
    posteriors: NDArray[Any]
    classes: NDArray[Any]

    @classmethod
    def from_estimator(
        cls, estimator: Any, image: ArrayLike, *, ax: "Axes | None" = None
    ) -> Self:
        """Draw what a fitted classifier makes of an image.

        Parameters
        ----------
        estimator : LeNet5Classifier
            Fitted.

        image : array-like of shape (height, width) or (n_features,)
            One image, as the classifier takes it.

        ax : matplotlib Axes, default=None
            A subplot whose place is divided; None makes a figure.

        Returns
        -------
        display : FeatureMapDisplay
            Drawn.
        """
        check_is_fitted(estimator, "net_")
        rows = check_images(estimator, np.asarray(image)[None])
        network = estimator.net_.module_
        device = next(network.parameters()).device
        batch = read_rows(rows, image_format(estimator), device)
        return cls(
            batch[0, 0].cpu().numpy(),
            _layer_outputs(network, batch),
            estimator.predict_proba(rows)[0],
            estimator.classes_,
        ).plot(ax=ax)

    def plot(self, *, ax: "Axes | None" = None) -> Self:
        """Draw digit, posteriors and maps.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            A subplot whose place is divided; None makes a figure.

        Returns
        -------
        display : FeatureMapDisplay
            This one, with `axes_` and `figure_` set.
        """
        grids = {name: _tile_maps(maps) for name, maps in self.maps.items()}
        heights = [_HEAD, *grid_heights(list(grids.values()))]
        ax = one_axes("FeatureMapDisplay", ax, size=(WIDTH, sum(heights)))
        self.figure_ = ax.figure
        head, *layer_axes = split_axes(ax, heights)
        self.axes_ = [*self._plot_head(head), *layer_axes]
        for layer_ax, (name, grid) in zip(layer_axes, grids.items(), strict=True):
            maps = self.maps[name]
            low, high = float(maps.min()), float(maps.max())
            title = f"{name.upper()}: {_size(maps)}, {low:.2g} to {high:.2g}"
            draw_grid(layer_ax, grid, title, signed=low < 0)
        return self

    def _plot_head(self, ax: "Axes") -> list["Axes"]:
        """Draw the digit on the left and the posteriors on the right."""
        ax.set_axis_off()
        cells = ax.get_subplotspec().subgridspec(1, 2, width_ratios=(1, 4))
        figure: Any = ax.figure
        picture, bars = (figure.add_subplot(cell) for cell in cells)
        picture.imshow(self.image, cmap="gray_r")
        picture.set(xticks=[], yticks=[], title="digit")
        bars.bar([str(label) for label in self.classes], self.posteriors, color=BLUE)
        tidy(bars)
        bars.grid(visible=False, axis="x")
        bars.set(ylim=(0, 1), ylabel="posterior")
        return [picture, bars]


def _layer_outputs(network: nn.Module, batch: Tensor) -> dict[str, NDArray[Any]]:
    """Run a network and keep the output of each layer for the first image.

    A module that keeps the shape and has no matrix of weights, such as a
    squashing function, replaces the output of the layer before it.
    """
    found: dict[str, Tensor] = {}
    for name, module, output in record_outputs(network, _layers(network), batch):
        if not isinstance(output, Tensor) or output.ndim not in (2, 4):
            continue
        last = next(reversed(found), None)
        has_matrix = any(p.ndim > 1 for p in module.parameters())
        keeps_shape = last is not None and found[last].shape == output.shape
        found[last if last and keeps_shape and not has_matrix else name] = output
    outputs = {n: output[0].float().cpu().numpy() for n, output in found.items()}
    return {n: o if o.ndim == 3 else o[:, None, None] for n, o in outputs.items()}


def _layers(network: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Go through the parts of a network, and those of its sequences."""
    for name, module in network.named_children():
        if isinstance(module, nn.Sequential | nn.ModuleList):
            yield from _layers(module, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", module


def _size(maps: NDArray[Any]) -> str:
    n_maps, height, width = maps.shape
    if height == width == 1:
        return f"{n_maps} units"
    return f"{n_maps} maps of {height} x {width}"


def _tile_maps(maps: NDArray[Any]) -> NDArray[np.float64]:
    single = maps.shape[1:] == (1, 1)
    limit = _UNITS_IN_ROW if single else _MAPS_IN_ROW
    n_rows = -(-len(maps) // limit)
    n_columns = -(-len(maps) // n_rows)
    # Ten units across the whole width would outshine everything else.
    return tile(maps, max(n_columns, _UNITS_IN_ROW * 2 // 3) if single else n_columns)
