"""Where the parts of a blank page are on a page that is registered."""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image
from pipelines.outcomes import ArraysCompare
from pipelines.pages import alignment
from pipelines.pages.alignment import Matrix
from pipelines.pages.surface import Surface, warp_smoothly

# Share of the blank's printed patches that must lie where they should, of those in
# the picture. Pages of the right form reach 0.9 and more, written on, photographed
# and folded; other forms of the same series, with the same corner marks, reach 0.47.
MIN_QUALITY = 0.6

# From this quality on paper is flat: the fields make up for what is left.
FLAT = 0.85

# A field may belong to the block of any of so many patches nearest to it. What lies
# nearer to a place than this share of the longer side says most of it.
_NEAREST = 24
# So many patches of print nearest to a field say how the paper lies there.
_TELLING = 64
_INFLUENCE = 0.04
# Paper that lies this close to flat, in pixels of the page, is flat there.
_HARDLY = 0.5


@dataclass(frozen=True, eq=False)
class Sheet(ArraysCompare):
    """Paper as it lies: bent, and with blocks that another edition has elsewhere.

    Attributes
    ----------
    surface : Surface
        How far the paper lies from where a homography puts it, in pixels of the blank.

    anchors : ndarray of shape (n_anchors, 2), dtype float64
        Places ``(x, y)`` on the blank whose print was found on the page.

    offsets : ndarray of shape (n_anchors, 2), dtype float64
        How far from the surface each was found.

    blocks : ndarray of shape (n_anchors,), dtype intp
        Which block each belongs to that has moved; 0 for what has not.
    """

    surface: Surface
    anchors: Matrix
    offsets: Matrix
    blocks: NDArray[np.intp]

    def part_near(self, place: NDArray[Any]) -> "Sheet":
        """Return what of the sheet says how it lies near a place.

        Parameters
        ----------
        place : ndarray of shape (2,)
            ``(x, y)`` on the blank.

        Returns
        -------
        part : Sheet
            With the anchors nearest to the place, the nearest first.
        """
        away = np.linalg.norm(self.anchors - place, axis=1)
        near = np.argsort(away, kind="stable")[:_TELLING]
        return replace(
            self,
            anchors=self.anchors[near],
            offsets=self.offsets[near],
            blocks=self.blocks[near],
        )

    def shifts(self, points: NDArray[Any], block: int) -> Matrix:
        """Evaluate how far from flat paper the points of a block lie.

        Parameters
        ----------
        points : ndarray of shape (n_points, 2)
            ``(x, y)`` on the blank.

        block : int
            Of `blocks`.

        Returns
        -------
        shifts : ndarray of shape (n_points, 2), dtype float64
            ``(x, y)`` in pixels.
        """
        own = self.blocks == block
        x, y = self.anchors[own].T
        away = np.square(points[:, :1] - x) + np.square(points[:, 1:] - y)
        near = (_INFLUENCE * self.surface.side) ** 2
        weights = 1 / np.square(near + away)
        weights /= weights.sum(axis=1, keepdims=True)
        return self.surface.shifts(points) + weights @ self.offsets[own]


@dataclass(frozen=True, eq=False)
class Placement(ArraysCompare):
    """Where a part of a blank page may be on a page.

    Attributes
    ----------
    matrix : ndarray of shape (3, 3), dtype float64
        Homography from ``(x, y)`` on the blank to the page.

    sheet : Sheet or None
        How the paper bends; None for paper that is flat.

    block : int
        To which block of the sheet the part belongs.
    """

    matrix: Matrix
    sheet: Sheet | None = None
    block: int = 0

    def project(self, points: NDArray[Any]) -> Matrix:
        """Map points of the part onto the page.

        Parameters
        ----------
        points : array of shape (n_points, 2)
            ``(x, y)`` on the blank, in pixels.

        Returns
        -------
        projected : ndarray of shape (n_points, 2), dtype float64
        """
        if self.sheet is not None:
            points = points + self.sheet.shifts(points, self.block)
        return alignment.project(self.matrix, points)

    def warp(self, page: Image, to_blank: Matrix, shape: tuple[int, ...]) -> Image:
        """Cut what a frame on the blank sees of a page.

        Parameters
        ----------
        page : ndarray of shape (height, width), dtype uint8
            Grey image.

        to_blank : ndarray of shape (3, 3), dtype float64
            Maps ``(x, y)`` in the frame onto the blank.

        shape : tuple of (height, width)
            Of the frame.

        Returns
        -------
        warped : ndarray of this shape, dtype uint8
            What lies beyond the page repeats its edge.
        """
        if self.sheet is None:
            matrix = self.matrix @ to_blank
            return alignment.warp_image(
                page, matrix, shape, border=cv2.BORDER_REPLICATE
            )
        return warp_smoothly(
            page,
            lambda points: self.project(alignment.project(to_blank, points)),
            shape,
            border=cv2.BORDER_REPLICATE,
        )


@dataclass(frozen=True, eq=False)
class Registration(ArraysCompare):
    """Where a blank page's points are on a page.

    Attributes
    ----------
    matrix : ndarray of shape (3, 3), dtype float64
        Homography from ``(x, y)`` on the blank to ``(x, y)`` on the page, in
        pixels between pixel centres; NaN where none was found.

    quality : float
        Share in [0, 1] of the blank's printed patches in the picture that were found
        where they belong, or where their block has moved to.

    min_quality : float
        Least quality of a registration that may be used.

    sheet : Sheet or None
        How the paper bends and what on it has moved; None for paper that is flat.
    """

    matrix: Matrix
    quality: float
    min_quality: float = MIN_QUALITY
    sheet: Sheet | None = None

    @property
    def is_good(self) -> bool:
        """Whether fields may be cut with this registration."""
        found = bool(np.isfinite(self.matrix).all())
        return found and self.quality >= self.min_quality

    @property
    def reason(self) -> str:
        """Why the registration is not good enough; empty where it is."""
        if self.is_good:
            return ""
        needed = f"{self.min_quality:.0%} are" if self.min_quality else "some is"
        return (
            f"{self.quality:.0%} of the blank page's print was found on the page;"
            f" {needed} needed. Is it a page of this form?"
        )

    @property
    def is_flat(self) -> bool:
        """Whether so much was found that paper which bends explains no more."""
        return self.is_good and self.quality >= FLAT

    def near(self, box: tuple[float, float, float, float]) -> list[Placement]:
        """Find where a part of the blank may be on the page, by the print near it.

        Parameters
        ----------
        box : tuple of (top, left, height, width)
            The part, in pixels of the blank.

        Returns
        -------
        placements : list of Placement
            The most likely one first; more than one where blocks meet that have moved
            apart.
        """
        if self.sheet is None:
            return [Placement(self.matrix)]
        top, left, height, width = box
        middle = np.array([left + width / 2, top + height / 2])
        part = self.sheet.part_near(middle)
        blocks = dict.fromkeys(part.blocks[:_NEAREST].tolist())
        return [
            _flattened(Placement(self.matrix, part, block), box) for block in blocks
        ]

    def project(self, points: NDArray[Any]) -> Matrix:
        """Map points of the blank onto the page.

        Parameters
        ----------
        points : array of shape (n_points, 2)
            ``(x, y)`` on the blank, in pixels.

        Returns
        -------
        projected : ndarray of shape (n_points, 2), dtype float64
            ``(x, y)`` on the page.
        """
        return alignment.project(self.matrix, np.asarray(points, dtype=np.float64))


def _flattened(
    placement: Placement, box: tuple[float, float, float, float]
) -> Placement:
    """Lay a part of a sheet that hardly bends flat, which is faster to cut."""
    top, left, height, width = box
    edge = 0.5 * height
    x = np.linspace(left - edge, left + width + edge, 5)
    y = np.linspace(top - edge, top + height + edge, 3)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    places = placement.project(points)
    matrix, _ = cv2.findHomography(points, places)
    if matrix is None:
        return placement
    away = np.linalg.norm(alignment.project(matrix, points) - places, axis=1).max()
    return Placement(matrix) if away <= _HARDLY else placement
