"""Drawn fields of which the owner of every pixel is known."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.images import Image
from pipelines.lines.drawing import DrawnLines, scan_field
from pipelines.lines.framing import draw_frame, print_rules
from pipelines.lines.hands import draw_hand
from pipelines.lines.inking import ink_line
from pipelines.lines.layout import Line
from pipelines.lines.paper import draw_paper

# Owner of marks that are no digits; 0 is paper, and digits count from 1.
MARK_OWNER: Final = 255

# Pixels that a pen covers by this share are its ink.
_COVERED: Final = 0.4


@dataclass(frozen=True)
class PracticeField:
    """A field that was drawn.

    Attributes
    ----------
    image : ndarray of shape (height, width), dtype uint8
        Dark ink on lighter paper.

    owners : ndarray of shape (height, width), dtype uint8
        Whose ink each pixel is: 0 of none, n of the n-th digit, `MARK_OWNER` of
        a mark.

    text : str
        The digits, from left to right.
    """

    image: Image
    owners: NDArray[np.uint8]
    text: str


class PracticeLines(DrawnLines):
    """Drawn lines whose digits can be told apart.

    Parameters and attributes are those of :class:`DrawnLines`.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.lines.practice import PracticeLines
    >>> one = np.zeros((1, 28, 28), dtype=np.uint8)
    >>> one[0, 4:24, 13:15] = 255
    >>> field = PracticeLines(one, [1], n_lines=3).draw_owned(0)
    >>> field.owners.shape == field.image.shape
    True
    """

    def draw_owned(self, index: int) -> PracticeField:
        """Draw the field of an index, and whose ink its pixels are.

        Parameters
        ----------
        index : int
            Which one.

        Returns
        -------
        field : PracticeField
            The field.
        """
        text = self.texts[index]
        rng = np.random.default_rng([self.random_state, index % len(self)])
        hand = draw_hand(rng)
        line = self._write(text, hand, rng)
        frame = draw_frame(line, rng)
        paper = draw_paper(frame.shape, self._tiles, rng)
        print_rules(paper, frame, rng)
        ink = np.zeros(frame.shape, np.float32)
        owners = np.zeros(frame.shape, np.uint8)
        for owner, part in _parts(line):
            covered = ink_line(part, hand, frame, self._bends, rng)
            owners[(covered > ink) & (covered > _COVERED)] = owner
            ink = np.maximum(ink, covered)
        return PracticeField(scan_field(paper, ink, self._grain, rng), owners, text)


def _parts(line: Line) -> list[tuple[int, Line]]:
    """The digits of a line one by one, and all that is no digit."""
    digits = zip(line.skeletons, line.matrices, strict=True)
    parts = [(n + 1, Line([d[0]], [d[1]])) for n, d in enumerate(digits)]
    return [*parts, (MARK_OWNER, replace(line, skeletons=[], matrices=[]))]
