"""Take scanner noise of single pixels out of images."""

import cv2
import numpy as np

from pipelines.images import Image, check_image
from pipelines.transformers import StatelessTransformer

# A pixel is a speckle if it stands out from all its neighbours by this much:
# more than the grain of paper, less than the faintest pencil.
_CONTRAST = 24

_NEIGHBOURS = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)


def despeckle(image: Image) -> Image:
    """Replace pixels that are darker or lighter than all their neighbours.

    Strokes keep every pixel, even where they are one pixel wide: only what
    stands alone among its eight neighbours is noise. A median filter would
    take thin strokes away with it.

    Parameters
    ----------
    image : ndarray of shape (height, width), dtype uint8
        Grey image.

    Returns
    -------
    cleaned : ndarray of shape (height, width), dtype uint8
        Lone pixels have the value of their nearest neighbour in grey.

    Raises
    ------
    TypeError
        If `image` is not a uint8 array.

    ValueError
        If `image` is not two-dimensional, or is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines import despeckle
    >>> image = np.full((5, 9), 255, dtype=np.uint8)
    >>> image[2, 2] = 0  # pepper
    >>> image[:, 6] = 0  # a stroke
    >>> [int(n) for n in (despeckle(image) == 0).sum(axis=0)]
    [0, 0, 0, 0, 0, 0, 5, 0, 0]
    """
    check_image(image, caller="despeckle")
    darkest = cv2.erode(image, _NEIGHBOURS)
    lightest = cv2.dilate(image, _NEIGHBOURS)
    pepper = cv2.subtract(darkest, image) > _CONTRAST
    salt = cv2.subtract(image, lightest) > _CONTRAST
    return np.where(pepper, darkest, np.where(salt, lightest, image))


class Despeckler(StatelessTransformer):
    """Take lone dark and light pixels out of images.

    See Also
    --------
    despeckle : Equivalent function for one image.

    Notes
    -----
    This estimator is :term:`stateless` and does not need to be fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines import Despeckler
    >>> image = np.full((5, 9), 255, dtype=np.uint8)
    >>> image[2, 2] = 0
    >>> int(Despeckler().fit_transform([image])[0].min())
    255
    """

    def _transform_one(self, image: Image) -> Image:
        return despeckle(image)
