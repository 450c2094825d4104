"""Free writing, read under what a form says of its fields."""

from collections.abc import Sequence
from typing import Any

from pipelines.forms.field import Field
from pipelines.forms.rules import fits_mask
from pipelines.images import Image

# One entry in a hundred breaks the rule of its field: writers make slips too.
_KEEPING_ODDS = 99.0


def read_ruled(
    line_reader: Any, images: Sequence[Image], fields: Sequence[Field | None]
) -> list[Any]:
    """Read lines; where one breaks length or mask, look for one that keeps them.

    Check digits, ranges, choices and sums are not searched for. They are there to
    find what was misread, and a string that was chosen to pass them would hide it.

    Parameters
    ----------
    line_reader : LineReader
        Or what reads as it does.

    images : sequence of n ndarrays of shape (height, width), dtype uint8
        Fields without a comb.

    fields : sequence of n Field or None
        What the form says of each.

    Returns
    -------
    readings : list of n Hypothesis
        Of a `text` and its `probability`, which a rule does not raise. A string
        that breaks the rule stays where it is much more probable than any that
        keeps it. An empty one breaks none.
    """
    best = [hypothesis for [hypothesis] in line_reader.read(images)]
    # The most probable string of all is also that of those allowed, if it is one.
    return [
        one if _keeps(field, one.text) else _reread(line_reader, image, field, one)
        for image, field, one in zip(images, fields, best, strict=True)
    ]


def _keeps(field: Field | None, text: str) -> bool:
    if field is None or not text:
        return True
    if field.lengths is not None and len(text) not in field.lengths:
        return False
    return field.mask is None or fits_mask(text, field.mask)


def _reread(line_reader: Any, image: Image, field: Any, best: Any) -> Any:
    """Search under the rule, and weigh a slip of the writer's against a misreading."""
    [found] = line_reader.read([image], lengths=field.lengths, mask=field.mask)
    if found and _KEEPING_ODDS * found[0].probability >= best.probability:
        return found[0]
    return best
