"""Find lines that are printed across a field of writing."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.fields.rules import Mask, Rule, cover_rules, erase_rules, trace_rule

Floats = NDArray[np.float32]

# Print may be fainter than the pen: this share of the threshold for ink shows it.
_FAINTNESS = 0.7

# A line that is dark over this share of the field is printed if it is thinner than
# this many pixels and the rows so far above or below it are lighter by that much.
# Rows of digits are dark over half of the field at most, and their strokes wider.
_LENGTH = 0.8
_THICKEST = 3.0
_REACH = 5
_LIGHTER = 0.3

# Two pixels of print are blurred to more. Such a line must have hardly any gap: no
# row of digits is dark all along a straight line.
_UNBROKEN = 0.98
_THICKEST_UNBROKEN = 6.0


def find_ruling(contrast: Floats, threshold: float) -> list[Rule]:
    """Find thin straight lines from one side of a field to the other.

    Parameters
    ----------
    contrast : ndarray of shape (height, width), dtype float32
        From :func:`measure_contrast`.

    threshold : float
        Contrast from which on a pixel counts as ink.

    Returns
    -------
    rules : list of Rule
        None where no line spans the field: a wrong line would take strokes
        with it.

    Examples
    --------
    >>> import numpy as np
    >>> from pipelines.lines.ruling import find_ruling
    >>> contrast = np.zeros((40, 100), np.float32)
    >>> contrast[30:32] = 0.5
    >>> [rule.thickness for rule in find_ruling(contrast, 0.3)]
    [2.0]
    """
    weak = (contrast > _FAINTNESS * threshold).view(np.uint8)
    # Lines rise or fall by a pixel or two from one end to the other.
    share = cv2.dilate(weak, np.ones((3, 1), np.uint8)).mean(axis=1)
    around = np.pad(share, _REACH)
    beside = np.maximum(around[: -2 * _REACH], around[2 * _REACH :])
    rows = np.flatnonzero((share > _LENGTH) & (share - beside > _LIGHTER))
    width = contrast.shape[1]
    rules: list[Rule] = []
    for row in sorted(rows.tolist(), key=lambda r: -share[r]):
        if any(abs(row - rule.centre(width / 2)) <= _REACH for rule in rules):
            continue
        rule = trace_rule(weak, row, reach=3, span=(0, width), vertical=False)
        if rule is not None and _is_printed(weak, rule):
            rules.append(rule)
    return rules


def erase_ruling(mask: Mask, rules: list[Rule]) -> Mask:
    """Mark what printed lines leave on a mask of ink, strokes across them aside.

    Parameters
    ----------
    mask : ndarray of shape (height, width), dtype uint8
        1 where there is ink or print.

    rules : list of Rule
        From :func:`find_ruling`.

    Returns
    -------
    print : ndarray of shape (height, width), dtype uint8
        1 on lines where no stroke crosses them.
    """
    covered = cover_rules(mask.shape, rules)
    return covered & ~(erase_rules(mask, rules) & covered)


def _is_printed(weak: Mask, rule: Rule) -> bool:
    """Return whether a line is thin and without long gaps, unlike a row of digits."""
    columns = np.arange(rule.start, rule.stop)
    rows = np.rint(rule.offset + rule.slope * columns).astype(int)
    hit = np.zeros(len(columns), dtype=bool)
    for step in (-1, 0, 1):
        hit |= weak[np.clip(rows + step, 0, len(weak) - 1), columns] > 0
    unbroken = hit.mean() >= _UNBROKEN
    thickest = _THICKEST_UNBROKEN if unbroken else _THICKEST
    return bool(hit.mean() >= _LENGTH and rule.thickness <= thickest)
