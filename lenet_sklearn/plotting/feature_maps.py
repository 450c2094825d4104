"""What the layers of a network make of a digit."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from lenet_sklearn.inputs import check_images, image_format
from lenet_sklearn.plotting.figures import BLUE, one_axes, split_axes, tidy
from lenet_sklearn.plotting.kernels import WIDTH, draw_grid, grid_heights, tile
from lenet_sklearn.training.batches import as_images, to_network_input

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Height of the digit and the posteriors, in inches.
_HEAD = 2.0

# So many maps go into a row, and so many single units.
_MAPS_IN_ROW, _UNITS_IN_ROW = 16, 60


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

    def __init__(
        self,
        image: NDArray[Any],
        maps: Mapping[str, NDArray[Any]],
        posteriors: NDArray[Any],
        classes: NDArray[Any],
    ) -> None:
        self.image = image
        self.maps = dict(maps)
        self.posteriors = posteriors
        self.classes = classes

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
        reading = image_format(estimator)
        images = as_images(rows, reading["image_shape"], device)
        batch = to_network_input(images, reading["scale"], reading["size"])
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
        head, *layer_axes = split_axes(ax, len(heights), heights)
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

    def keep(name: str, module: nn.Module, output: Any) -> None:
        if not isinstance(output, Tensor) or output.ndim not in (2, 4):
            return
        last = next(reversed(found), None)
        has_matrix = any(p.ndim > 1 for p in module.parameters())
        keeps_shape = last is not None and found[last].shape == output.shape
        found[last if last and keeps_shape and not has_matrix else name] = output

    hooks = [
        module.register_forward_hook(
            lambda module, _, output, name=name: keep(name, module, output)
        )
        for name, module in _layers(network)
    ]
    try:
        network.eval()
        with torch.inference_mode():
            network(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return {
        name: _as_maps(output[0].float().cpu().numpy())
        for name, output in found.items()
    }


def _layers(network: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Go through the parts of a network, and those of its sequences."""
    for name, module in network.named_children():
        if isinstance(module, nn.Sequential | nn.ModuleList):
            yield from _layers(module, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", module


def _as_maps(output: NDArray[Any]) -> NDArray[Any]:
    return output if output.ndim == 3 else output[:, None, None]


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
