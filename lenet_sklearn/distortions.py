"""Random distortions of whole batches: what another hand or pen would have made."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# Ranges that leave a digit the digit it was; 6 and 9, 1 and 7 set the limits.
# "affine": the shape alone. "writing": the pen as well.
DISTORTIONS: dict[str, dict[str, float]] = {
    "affine": {"bend": 0.0, "thickness": 0.0, "contrast": 0.0},
    "writing": {},
}

# Knots along a side between which bends are smooth: about one for each stroke.
_KNOTS = 5


def distort(
    images: Tensor,
    *,
    rotation: float = 12.0,
    scale: float = 0.15,
    shear: float = 0.25,
    shift: float = 0.07,
    bend: float = 0.06,
    thickness: float = 0.6,
    contrast: float = 0.3,
) -> Tensor:
    """Distort every image of a batch by a random affine map and a random pen.

    Each image is turned, scaled in both directions, sheared as slanted writing
    is, and moved; then its strokes are made thicker or thinner, and fainter.
    All factors are drawn uniformly, anew for each image and on its device, from
    torch's global generator there.

    Parameters
    ----------
    images : Tensor of shape (n, 1, height, width), dtype float
        Ink on a background of 0.

    rotation : float, default=12.0
        Largest rotation to either side, in degrees.

    scale : float, default=0.15
        Largest relative change of the height, and of the width.

    shear : float, default=0.25
        Largest horizontal displacement for one unit of height: a slant of 14
        degrees.

    shift : float, default=0.07
        Largest displacement as a share of the image's side: 2 of 28 pixels.

    bend : float, default=0.06
        Largest displacement of single parts of the digit, as a share of the
        image's side, and smooth between them: 1.7 of 28 pixels.

    thickness : float, default=0.6
        Largest weight of the digit grown, or thinned, by one pixel all round,
        against the digit as it is. 0 leaves the strokes alone.

    contrast : float, default=0.3
        Largest share of the ink's darkness taken away.

    Returns
    -------
    distorted : Tensor of shape (n, 1, height, width)
        A new tensor of the same dtype and device.

    Notes
    -----
    One ``affine_grid`` and one ``grid_sample`` for a batch, and eight comparisons
    for the pen. Meant for training batches only.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning
       applied to document recognition", Proc. IEEE 86(11), pp. 2278-2324, 1998,
       section III.A: affine distortions of the training set.

    Examples
    --------
    >>> import torch
    >>> from lenet_sklearn import distort
    >>> batch = torch.rand(4, 1, 28, 28)
    >>> distort(batch).shape
    torch.Size([4, 1, 28, 28])
    """
    maps = _draw_affine(images, rotation, scale, shear, shift)
    grid = functional.affine_grid(maps, list(images.shape), align_corners=False)
    if bend:
        grid = grid + _draw_bends(images, bend)
    moved = functional.grid_sample(images, grid, align_corners=False)
    if thickness:
        moved = _change_pen(moved, _draw(images, thickness)[:, None, None, None])
    if contrast:
        moved = moved * (1 - _draw(images, contrast).abs()[:, None, None, None])
    return moved


def distortion_options(distortion: str | Mapping[str, Any] | None) -> dict[str, Any]:
    """Give the arguments of :func:`distort` that a distortion's name stands for.

    Parameters
    ----------
    distortion : {"affine", "writing"} or mapping
        A name, or the arguments themselves.

    Returns
    -------
    options : dict
        Keyword arguments of :func:`distort`.

    Raises
    ------
    ValueError
        If the name is not known.

    Examples
    --------
    >>> from lenet_sklearn.distortions import distortion_options
    >>> distortion_options({"rotation": 5.0})
    {'rotation': 5.0}
    """
    if not isinstance(distortion, str):
        return dict(distortion or {})
    if distortion not in DISTORTIONS:
        raise ValueError(
            f"distortion must be one of {sorted(DISTORTIONS)}, a dictionary of"
            f" arguments of lenet_sklearn.distort, or None. Got {distortion!r}."
        )
    return dict(DISTORTIONS[distortion])


def _draw(images: Tensor, limit: float) -> Tensor:
    """One uniform number in [-limit, limit] for each image."""
    draws = torch.rand(len(images), dtype=images.dtype, device=images.device)
    return limit * (2 * draws - 1)


def _draw_affine(
    images: Tensor, rotation: float, scale: float, shear: float, shift: float
) -> Tensor:
    """Maps from output to input coordinates, of shape (n, 2, 3)."""
    angle = _draw(images, math.radians(rotation))
    slant, down, across = (_draw(images, limit) for limit in (shear, shift, shift))
    tall, wide = 1 + _draw(images, scale), 1 + _draw(images, scale)
    cos, sin = torch.cos(angle), torch.sin(angle)
    # The image's sides are 2 in these coordinates, so a shift counts twice.
    rows = [
        torch.stack([cos * wide, (slant * cos - sin) * tall, 2 * across], dim=1),
        torch.stack([sin * wide, (slant * sin + cos) * tall, 2 * down], dim=1),
    ]
    return torch.stack(rows, dim=1)


def _draw_bends(images: Tensor, bend: float) -> Tensor:
    """Smooth displacements of shape (n, height, width, 2), from a few knots."""
    size = (len(images), 2, _KNOTS, _KNOTS)
    knots = 2 * torch.rand(size, dtype=images.dtype, device=images.device) - 1
    field = functional.interpolate(
        2 * bend * knots, images.shape[-2:], mode="bilinear", align_corners=True
    )
    return field.permute(0, 2, 3, 1)


def _change_pen(images: Tensor, weight: Tensor) -> Tensor:
    """Blend each image with itself grown (weight > 0) or thinned (weight < 0)."""
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
