"""Look for the combs of a form anywhere on a page, whichever way it lies."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.fields.combs import find_combs
from pipelines.fields.frames import Points
from pipelines.fields.walls import Comb
from pipelines.forms.form import Field
from pipelines.images import Image

# A comb whose walls are this much worse than those of the best is no rival.
_RIVAL = 0.1


@dataclass(frozen=True)
class SoughtCombs:
    """Where the combs of a form were found on a page.

    Attributes
    ----------
    page : ndarray of shape (height, width), dtype uint8
        The page, turned so that its combs lie across it.

    quarter_turns : int
        How often it was turned by 90 degrees counter-clockwise.

    combs : dict of str to Comb
        The combs found, by the name of their field.

    missing : dict of str to str
        Why a field was not found, by its name.

    doubtful : dict of str to str
        Why a comb may not be that of its field, by its name.

    counterparts : dict of str to str
        Which field a comb belongs to if the page lies on its head, by the
        name of the field it belongs to if not.
    """

    page: Image
    quarter_turns: int
    combs: dict[str, Comb]
    missing: dict[str, str]
    doubtful: dict[str, str]
    counterparts: dict[str, str]

    @property
    def skew(self) -> float:
        """Skew of the page by its combs, in degrees as :func:`estimate_skew` has it."""
        edges = [comb.quad[1] - comb.quad[0] for comb in self.combs.values()]
        angles = [-np.degrees(np.arctan2(down, along)) for along, down in edges]
        return float(np.median(angles)) if angles else 0.0


def seek_combs(page: Image, fields: Sequence[Field]) -> SoughtCombs:
    """Find the combs of some fields on a page.

    A page without any of them is looked at once more on its side. Fields of
    one number of boxes are told apart by their order on the page.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page, dark ink on light paper.

    fields : sequence of Field
        Combs without a place, in the order in which they are read.

    Returns
    -------
    sought : SoughtCombs
        What was found.
    """
    upright = _seek(page, 0, fields)
    if upright.combs:
        return upright
    aside = _seek(np.ascontiguousarray(np.rot90(page)), 1, fields)
    return aside if aside.combs else upright


def page_quad(quad: Points, page: Image, quarter_turns: int) -> Points:
    """Map corners on a page turned by 90 degrees back to the page itself.

    Parameters
    ----------
    quad : ndarray of shape (4, 2)
        Corners ``(x, y)`` on the turned page.

    page : ndarray of shape (height, width), dtype uint8
        The page as it was before.

    quarter_turns : {0, 1}
        How often it was turned counter-clockwise.

    Returns
    -------
    quad : ndarray of shape (4, 2)
        The same corners on `page`.
    """
    if not quarter_turns:
        return quad
    return np.column_stack([page.shape[1] - 1 - quad[:, 1], quad[:, 0]])


def _seek(page: Image, quarter_turns: int, fields: Sequence[Field]) -> SoughtCombs:
    sought = SoughtCombs(page, quarter_turns, {}, {}, {}, {})
    for digits in Counter(field.digits for field in fields):
        names = [field.name for field in fields if field.digits == digits]
        _assign(sought, names, find_combs(page, digits), digits or 0)
    return sought


def _assign(
    sought: SoughtCombs, names: Sequence[str], combs: Sequence[Comb], digits: int
) -> None:
    """Give the fields of one number of boxes the combs found, in their order."""
    if len(combs) < len(names):
        reason = f"found {len(combs)} of {len(names)} combs of {digits} boxes"
        sought.missing.update(dict.fromkeys(names, reason))
        return
    best = sorted(combs, key=lambda comb: -comb.score)[: len(names)]
    rivals = sum(comb.score > best[-1].score - _RIVAL for comb in combs)
    chosen = [comb for comb in combs if any(comb is one for one in best)]
    sought.combs.update(zip(names, chosen, strict=True))
    sought.counterparts.update(zip(names, reversed(names), strict=True))
    if rivals > len(names):
        reason = f"the page has {len(combs)} combs of {digits} boxes"
        sought.doubtful.update(dict.fromkeys(names, reason))
