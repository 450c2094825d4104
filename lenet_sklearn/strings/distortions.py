"""Random distortions of batches of strips: another hand, pen, paper or scanner."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lenet_sklearn.training.batches import (
    change_pen,
    choose_distortion,
    draw_bends,
    draw_uniform,
)

# Pixels between the knots of bends: about one for each stroke.
_KNOT_DISTANCE = 8


@dataclass(frozen=True, kw_only=True)
class StripDistortion:
    """Distort every strip of a batch at random.

    Each is made wider or narrower, taller or lower, slanted, moved and slightly
    bent; its strokes are made thicker or thinner, and fainter; and some are blurred
    or get noise. All factors are drawn uniformly, anew for each strip and on its
    device, from torch's global generator there.

    Parameters
    ----------
    width : float, default=0.2
        Largest relative change of the width.

    height : float, default=0.12
        Largest relative change of the height.

    slant : float, default=0.3
        Largest horizontal displacement for one unit of height.

    shift : float, default=2.0
        Largest displacement up or down, in pixels.

    bend : float, default=1.5
        Largest displacement of single parts of a character, in pixels, and smooth
        between them.

    thickness : float, default=0.4
        Largest weight of the strip with strokes grown, or thinned, by one pixel
        all round, against the strip as it is.

    contrast : float, default=0.3
        Largest share of the ink's brightness taken away.

    blur : float, default=0.5
        Largest weight of the strip blurred over 3 x 3 pixels.

    noise : float, default=0.05
        Largest standard deviation of noise, where full ink is 1.

    Examples
    --------
    >>> import torch
    >>> from lenet_sklearn.strings import StripDistortion
    >>> strips, widths = torch.rand(2, 1, 32, 80), torch.tensor([60, 80])
    >>> distorted, widths = StripDistortion(width=0, slant=0)(strips, widths)
    >>> distorted.shape, widths
    (torch.Size([2, 1, 32, 80]), tensor([60, 80]))
    """

    width: float = 0.2
    height: float = 0.12
    slant: float = 0.3
    shift: float = 2.0
    bend: float = 1.5
    thickness: float = 0.4
    contrast: float = 0.3
    blur: float = 0.5
    noise: float = 0.05

    def __call__(self, strips: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """Distort a batch.

        Parameters
        ----------
        strips : Tensor of shape (n, 1, height, width), dtype float32
            Ink towards 1 on 0, with zeros to the right of narrow ones.

        widths : Tensor of shape (n,), dtype int64
            Columns of each strip that are its own.

        Returns
        -------
        distorted : Tensor of shape (n, 1, height, other_width)
            New strips.

        widths : Tensor of shape (n,), dtype int64
            Their widths: what leans over the border is kept.
        """
        strips, widths = self._move(strips, widths)
        strips = change_pen(strips, self.thickness, self.contrast)
        if self.blur:
            weight = draw_uniform(strips, self.blur).clamp(min=0)
            blurred = functional.avg_pool2d(strips, 3, stride=1, padding=1)
            strips = strips + weight * (blurred - strips)
        if self.noise:
            sigma = draw_uniform(strips, self.noise).clamp(min=0)
            strips = (strips + sigma * torch.randn_like(strips)).clamp(0, 1)
        return strips, widths

    def _move(self, strips: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """Stretch, slant, shift and bend."""
        height, widest = strips.shape[-2:]
        limits = (self.width, self.height, self.slant, self.shift)
        wider, taller, slant, down = (draw_uniform(strips, m)[:, 0] for m in limits)
        # The top leans to one side as far as the bottom does to the other.
        lean = slant.abs() * height / 2
        own = (widths * (1 + wider.flatten()) + 2 * lean.flatten()).ceil()
        size = (height, int(own.max()))
        columns = torch.arange(size[1], device=strips.device) + 0.5
        rows = torch.arange(height, device=strips.device)[:, None] + 0.5 - height / 2
        n_knots = [max(2, side // _KNOT_DISTANCE) for side in size]
        bends = draw_bends(strips, self.bend, size, n_knots)
        bent_across, bent_along = bends.unbind(1)
        y = (rows - down) / (1 + taller) + bent_along
        x = (columns - lean + slant * y) / (1 + wider) + bent_across
        # grid_sample has the centre of a strip at 0 and its borders at -1 and 1.
        grid = torch.stack([2 * x / widest - 1, 2 * y / height], dim=-1)
        moved = functional.grid_sample(strips, grid, align_corners=False)
        return moved, own.long()


def make_strip_distortion(distortion: str | Mapping[str, Any]) -> StripDistortion:
    """Make the distortion that "writing" or a dictionary describes.

    Parameters
    ----------
    distortion : "writing" or mapping
        The default distortion, or parameters of :class:`StripDistortion`.

    Returns
    -------
    made : StripDistortion
        Ready to be called.

    Raises
    ------
    ValueError
        If the name or a parameter is not known, or `width` is not in [0, 1).

    Examples
    --------
    >>> from lenet_sklearn.strings.distortions import make_strip_distortion
    >>> make_strip_distortion({"slant": 0.1}).slant
    0.1
    """
    made = choose_distortion({"writing": StripDistortion()}, distortion)
    if not 0 <= made.width < 1:
        raise ValueError(
            "The width of a StripDistortion must be in [0, 1): at 1 nothing would be"
            f" left of a strip. Got {made.width!r}. Use such as 0.2."
        )
    return made
