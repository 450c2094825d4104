"""Regions of an image as Label Studio's JSON has them, read and written."""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Final

import numpy as np
import pydantic
from numpy.typing import NDArray
from pydantic import BaseModel, FiniteFloat

from pipelines.forms.drawn import Sides

# A share of the page is written to a hundredth of a pixel of a page of 10,000.
_DECIMALS: Final = 4


class Region(BaseModel):
    """A rectangle, or what is said about one of the same id.

    Attributes
    ----------
    id : str
        Of the rectangle.

    type : str
        Such as ``rectanglelabels``, ``textarea`` or ``choices``.

    from_name : str
        The tag of the labelling configuration that it was made with.

    original_width, original_height : float or None
        Of the image in pixels.

    image_rotation : float
        By which the image is shown turned, in degrees.

    value : dict of str to object
        What depends on the type.
    """

    id: str = ""
    type: str = ""
    from_name: str = ""
    original_width: FiniteFloat | None = None
    original_height: FiniteFloat | None = None
    image_rotation: FiniteFloat = 0
    value: dict[str, Any] = {}

    @property
    def is_shape(self) -> bool:
        """Whether it is a rectangle, and not what is said about one."""
        return self.type in ("rectanglelabels", "rectangle")

    @property
    def text(self) -> str:
        """What was typed or chosen for a region; empty for the region itself."""
        for key in ("text", "choices", "number", "labels"):
            value = self.value.get(key)
            if isinstance(value, list):
                return " ".join(map(str, value))
            if isinstance(value, str | int | float):
                return f"{value}"
        return ""


class Rectangle(BaseModel):
    """The place of a rectangle, in per cent of the image.

    Attributes
    ----------
    x, y : float
        The upper left corner, in per cent of the width and of the height.

    width, height : float
        Of the rectangle as it was before it was turned, in the same measures.

    rotation : float
        By which it is turned about that corner, in degrees, clockwise.

    rectanglelabels : list of at most one str
        What it is called.

    Notes
    -----
    A turn is one of pixels, not of per cent. Label Studio's documentation calls the
    corner that before rotation; as it is stored, the turn leaves it where it is.

    References
    ----------
    Label Studio documentation, "Import pre-annotated data", "Units of image
    annotations"; tag RectangleLabels, "Rotation".
    """

    x: FiniteFloat
    y: FiniteFloat
    width: FiniteFloat
    height: FiniteFloat
    rotation: FiniteFloat = 0
    rectanglelabels: Annotated[list[str], pydantic.Field(max_length=1)] = []

    def sides(self, height: float, width: float) -> Sides:
        """Return its place in pixels, as it was before it was turned.

        Parameters
        ----------
        height, width : float
            Of the image.

        Returns
        -------
        sides : tuple of 4 floats
            ``(top, left, height, width)``.
        """
        return (
            self.y * height / 100,
            self.x * width / 100,
            self.height * height / 100,
            self.width * width / 100,
        )


class Annotation(BaseModel):
    """What one person drew and said on one image.

    Attributes
    ----------
    result : list of Region
        One after the other.

    was_cancelled : bool
        Whether the person skipped the image.

    ground_truth : bool
        Whether it counts before all others.
    """

    result: list[Region]
    was_cancelled: bool = False
    ground_truth: bool = False


def enclose(
    quad: NDArray[np.float64] | None, size: Sequence[float]
) -> dict[str, float]:
    """Turn the corners of a field into a rectangle of Label Studio.

    Parameters
    ----------
    quad : ndarray of shape (4, 2), dtype float64, or None
        Corners ``(x, y)`` on the page, clockwise from the upper left one as the writing
        runs; None for all of the page.

    size : sequence of two floats
        Width and height of the page, in the unit of the corners.

    Returns
    -------
    place : dict of str to float
        `x`, `y`, `width` and `height` in per cent, and `rotation` in degrees from 0 to
        below 360.

    Notes
    -----
    A rectangle has no perspective: it has the middle of the field, and the mean length
    and direction of its sides. What lies off the page is cut off, as Label Studio
    refuses per cents above 100. On a page that lies on its side a field may be longer
    than the page is wide, and then its rectangle is turned by 90 degrees less than its
    writing, for the same reason.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.forms.label_studio import enclose
    >>> quad = np.array([[350, 150], [50, 150], [50, 100], [350, 100.0]])
    >>> enclose(quad, (400, 200))
    {'x': 87.5, 'y': 75.0, 'width': 75.0, 'height': 25.0, 'rotation': 180.0}
    """
    if quad is None:
        return {"x": 0.0, "y": 0.0, "width": 100.0, "height": 100.0, "rotation": 0.0}
    inside = np.clip(quad, 0.0, np.asarray(size, np.float64))
    place = _fit(inside, size)
    if max(place["width"], place["height"]) > 100:
        place = _fit(np.roll(inside, 1, axis=0), size)
    # Of a field in perspective a corner of the rectangle may lie off the page.
    shares = {
        name: round(min(max(place[name], 0.0), 100.0), _DECIMALS)
        for name in ("x", "y", "width", "height")
    }
    return {**shares, "rotation": round(place["rotation"], _DECIMALS) % 360}


def _fit(quad: NDArray[np.float64], size: Sequence[float]) -> dict[str, float]:
    """Fit a rectangle to four corners, of which the first is to be its upper left."""
    across = (quad[1] - quad[0] + quad[2] - quad[3]) / 2
    down = (quad[3] - quad[0] + quad[2] - quad[1]) / 2
    wide, tall = float(np.linalg.norm(across)), float(np.linalg.norm(down))
    angle = math.atan2(float(across[1]), float(across[0]))
    along = np.array([math.cos(angle), math.sin(angle)])
    aside = np.array([-along[1], along[0]])
    left, top = quad.mean(axis=0) - wide / 2 * along - tall / 2 * aside
    return {
        "x": 100 * float(left) / size[0],
        "y": 100 * float(top) / size[1],
        "width": 100 * wide / size[0],
        "height": 100 * tall / size[1],
        "rotation": math.degrees(angle),
    }
