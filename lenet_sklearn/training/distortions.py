"""Random distortions of batches: what another hand, pen or scanner would have made."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# Knots along a side between which bends are smooth: about one for each stroke.
_KNOTS = 5


@dataclass(frozen=True, kw_only=True)
class Distortion:
    """Distort every image of a batch at random, by shape and by pen.

    Each image is turned, scaled in both directions, sheared as slanted writing
    is, moved and slightly bent; then its strokes are made thicker or thinner,
    and fainter. All factors are drawn uniformly, anew for each image and on its
    device, from torch's global generator there.

    Parameters
    ----------
    rotation : float, default=12.0
        Largest rotation to either side, in degrees.

    scale : float, default=0.2
        Largest relative change of the height, and of the width.

    shear : float, default=0.25
        Largest horizontal displacement for one unit of height: a slant of 14
        degrees.

    shift : float, default=0.07
        Largest displacement as a share of the image's side: 2 of 28 pixels.

    bend : float, default=0.03
        Largest displacement of single parts of the digit, as a share of the
        image's side, and smooth between them: 0.8 of 28 pixels.

    thickness : float, default=0.4
        Largest weight of the digit grown, or thinned, by one pixel all round,
        against the digit as it is.

    contrast : float, default=0.2
        Largest share of the ink's brightness taken away.

    Notes
    -----
    One ``affine_grid`` and one ``grid_sample`` for a batch, and eight comparisons
    for the pen: a fifth of the time of a training step. The ranges leave a digit
    the digit it was; 6 and 9, 1 and 7 set the limits. Meant for training batches
    only.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), pp. 2278-2324, 1998,
       section III.A: affine distortions of the training set.

    Examples
    --------
    >>> import torch
    >>> from lenet_sklearn import Distortion
    >>> distort = Distortion(rotation=5.0)
    >>> distort(torch.rand(4, 1, 28, 28)).shape
    torch.Size([4, 1, 28, 28])
    """

    rotation: float = 12.0
    scale: float = 0.2
    shear: float = 0.25
    shift: float = 0.07
    bend: float = 0.03
    thickness: float = 0.4
    contrast: float = 0.2

    def __call__(self, images: Tensor) -> Tensor:
        """Distort a batch.

        Parameters
        ----------
        images : Tensor of shape (n, 1, height, width), dtype float
            Ink on a background of 0.

        Returns
        -------
        distorted : Tensor of shape (n, 1, height, width)
            A new tensor of the same dtype and device.
        """
        grid = functional.affine_grid(
            self._draw_maps(images), list(images.shape), align_corners=False
        )
        if self.bend:
            grid = grid + _draw_bends(images, self.bend)
        moved = functional.grid_sample(images, grid, align_corners=False)
        if self.thickness:
            moved = change_pen(moved, per_image(draw_uniform(images, self.thickness)))
        if self.contrast:
            moved = moved * (1 - per_image(draw_uniform(images, self.contrast).abs()))
        return moved

    def _draw_maps(self, images: Tensor) -> Tensor:
        """Affine maps from output to input coordinates, of shape (n, 2, 3)."""
        angle = draw_uniform(images, math.radians(self.rotation))
        limits = (self.shear, self.shift, self.shift, self.scale, self.scale)
        slant, down, across, taller, wider = (draw_uniform(images, m) for m in limits)
        tall, wide = 1 + taller, 1 + wider
        cos, sin = torch.cos(angle), torch.sin(angle)
        # The image's sides are 2 in these coordinates, so a shift counts twice.
        rows = [
            torch.stack([cos * wide, (slant * cos - sin) * tall, 2 * across], dim=1),
            torch.stack([sin * wide, (slant * sin + cos) * tall, 2 * down], dim=1),
        ]
        return torch.stack(rows, dim=1)


# "affine": the shape alone. "writing": bends and the pen as well.
DISTORTIONS: dict[str, Distortion] = {
    "affine": Distortion(bend=0.0, thickness=0.0, contrast=0.0),
    "writing": Distortion(),
}


def make_distortion(distortion: str | Mapping[str, float]) -> Distortion:
    """Make the distortion that a name or a dictionary describes.

    Parameters
    ----------
    distortion : {"affine", "writing"} or mapping
        A name, or parameters of :class:`Distortion`.

    Returns
    -------
    made : Distortion
        Ready to be called.

    Raises
    ------
    ValueError
        If the name or a parameter is not known.

    Examples
    --------
    >>> from lenet_sklearn.training.distortions import make_distortion
    >>> make_distortion({"rotation": 5.0}).rotation
    5.0
    """
    if isinstance(distortion, str) and distortion in DISTORTIONS:
        return DISTORTIONS[distortion]
    known = [field.name for field in fields(Distortion)]
    if isinstance(distortion, str) or not set(distortion) <= set(known):
        raise ValueError(
            f"distortion must be one of {sorted(DISTORTIONS)}, or a dictionary with"
            f" the parameters {known} of lenet_sklearn.Distortion. Got {distortion!r}."
        )
    return Distortion(**distortion)


def draw_uniform(images: Tensor, limit: float) -> Tensor:
    """Draw a uniform number for each image.

    Parameters
    ----------
    images : Tensor of shape (n, ...)
        Their number, dtype and device are taken.

    limit : float
        Largest size of a number.

    Returns
    -------
    draws : Tensor of shape (n,)
        In [-limit, limit].
    """
    draws = torch.rand(len(images), dtype=images.dtype, device=images.device)
    return limit * (2 * draws - 1)


def per_image(factors: Tensor) -> Tensor:
    """Bring numbers, one for each image, to the shape images are multiplied in.

    Parameters
    ----------
    factors : Tensor of shape (n,)
        One number for each image.

    Returns
    -------
    factors : Tensor of shape (n, 1, 1, 1)
        The same.
    """
    return factors[:, None, None, None]


def _draw_bends(images: Tensor, bend: float) -> Tensor:
    """Smooth displacements of shape (n, height, width, 2), from a few knots."""
    size = (len(images), 2, _KNOTS, _KNOTS)
    knots = 2 * torch.rand(size, dtype=images.dtype, device=images.device) - 1
    field = functional.interpolate(
        2 * bend * knots, images.shape[-2:], mode="bilinear", align_corners=True
    )
    return field.permute(0, 2, 3, 1)


def change_pen(images: Tensor, weight: Tensor) -> Tensor:
    """Make the strokes of each image thicker or thinner.

    Parameters
    ----------
    images : Tensor of shape (n, 1, height, width)
        Ink bright on 0.

    weight : Tensor of shape (n, 1, 1, 1)
        Share of the image grown by a pixel all round, where positive, or thinned,
        where negative, against the image as it is.

    Returns
    -------
    images : Tensor of shape (n, 1, height, width)
        A new tensor.
    """
    grown, thinned = _grow(images), -_grow(-images)
    return (
        images
        + weight.clamp(min=0) * (grown - images)
        + weight.clamp(max=0) * (images - thinned)
    )


def _grow(images: Tensor) -> Tensor:
    """Largest value of each pixel's 3 x 3 neighbours; torch's pooling is slower."""
    padded = functional.pad(images, (1, 1, 1, 1))
    wide = torch.maximum(padded[..., :-2], padded[..., 2:])
    wide = torch.maximum(wide, padded[..., 1:-1])
    tall = torch.maximum(wide[..., :-2, :], wide[..., 2:, :])
    return torch.maximum(tall, wide[..., 1:-1, :])


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
        if self.thickness:
            strips = change_pen(strips, per_image(draw_uniform(strips, self.thickness)))
        if self.contrast:
            strips = strips * (1 - per_image(draw_uniform(strips, self.contrast).abs()))
        if self.blur:
            weight = per_image(draw_uniform(strips, self.blur)).clamp(min=0)
            blurred = functional.avg_pool2d(strips, 3, stride=1, padding=1)
            strips = strips + weight * (blurred - strips)
        if self.noise:
            sigma = per_image(draw_uniform(strips, self.noise)).clamp(min=0)
            strips = (strips + sigma * torch.randn_like(strips)).clamp(0, 1)
        return strips, widths

    def _move(self, strips: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """Stretch, slant, shift and bend."""
        height, widest = strips.shape[-2:]
        limits = (self.width, self.height, self.slant, self.shift)
        draws = [draw_uniform(strips, limit)[:, None, None] for limit in limits]
        wider, taller, slant, down = draws
        # The top leans to one side as far as the bottom does to the other.
        lean = slant.abs() * height / 2
        own = (widths * (1 + wider.flatten()) + 2 * lean.flatten()).ceil()
        size = (height, int(own.max()))
        columns = torch.arange(size[1], device=strips.device) + 0.5
        rows = torch.arange(height, device=strips.device)[:, None] + 0.5 - height / 2
        bent_across, bent_along = _draw_strip_bends(strips, size, self.bend).unbind(1)
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
    >>> from lenet_sklearn.training.distortions import make_strip_distortion
    >>> make_strip_distortion({"slant": 0.1}).slant
    0.1
    """
    if distortion == "writing":
        return StripDistortion()
    known = [field.name for field in fields(StripDistortion)]
    if isinstance(distortion, str) or not set(distortion) <= set(known):
        raise ValueError(
            "distortion must be 'writing', or a dictionary with the parameters"
            f" {known} of StripDistortion. Got {distortion!r}."
        )
    made = StripDistortion(**distortion)
    if not 0 <= made.width < 1:
        raise ValueError(
            "The width of a StripDistortion must be in [0, 1): at 1 nothing would be"
            f" left of a strip. Got {made.width!r}. Use such as 0.2."
        )
    return made


def _draw_strip_bends(strips: Tensor, size: tuple[int, int], bend: float) -> Tensor:
    """Smooth displacements of shape (n, 2, height, width), from a few knots."""
    n_knots = [max(2, side // _KNOT_DISTANCE) for side in size]
    draws = torch.rand(
        (len(strips), 2, *n_knots), dtype=strips.dtype, device=strips.device
    )
    return functional.interpolate(
        bend * (2 * draws - 1), size, mode="bilinear", align_corners=True
    )
