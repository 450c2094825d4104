"""Decide anew what was read before, without opening a scan."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pipelines.forms.deciding import decide
from pipelines.forms.form import Form
from pipelines.forms.pile import Pile
from pipelines.outcomes import PageReading, distrust, settle_anew
from pipelines.scoring.table import PageResult


def decide_anew(
    results: Iterable[PageResult], form: Form | Pile | None, threshold: float
) -> Iterator[PageResult]:
    """Let other rules of a form, and another threshold, decide what fields say.

    Parameters
    ----------
    results : iterable of PageResult
        What a run has read.

    form : Form, Pile or None
        The fields that were read, and the rules by which they are decided; several
        forms for a mixed pile, and None for images of single fields.

    threshold : float
        Confidence below which a value is rejected.

    Yields
    ------
    result : PageResult

    Examples
    --------
    >>> from pipelines import Field, Form
    >>> from pipelines.outcomes import settle
    >>> from pipelines.runs.again import decide_anew
    >>> read = PageReading({"id": settle("1234", 0.95, 0.99)})
    >>> [result] = decide_anew([PageResult("a.png", 1, read)], None, 0.9)
    >>> result.reading.fields["id"].status
    'accepted'
    >>> form = Form(fields=[Field(name="id", digits=4, check_digit="luhn")])
    >>> [result] = decide_anew([PageResult("a.png", 1, read)], form, 0.9)
    >>> result.reading.fields["id"].status
    'invalid'
    """
    for result in results:
        reading = result.reading
        own = form.form_of(reading.assigned) if isinstance(form, Pile) else form
        yield replace(result, reading=_decide(reading, own, threshold))


def _decide(reading: PageReading, form: Form | None, threshold: float) -> PageReading:
    read = {
        name: settle_anew(field, threshold)
        for name, field in {**reading.fields, **reading.before_rules}.items()
    }
    decided, before = read, {}
    if form is not None and read:
        decided = decide(form, read, threshold)
        before = {name: read[name] for name in read if decided[name] is not read[name]}
    again = replace(reading, fields=decided, before_rules=before)
    return distrust(again, reading.damage) if reading.damage else again


def check_same_fields(read: Form, wanted: Form) -> None:
    """Refuse a form whose fields are not those that were read.

    Parameters
    ----------
    read : Form
        The form of the run.

    wanted : Form
        Another form, with other rules.

    Raises
    ------
    ValueError
        If a field was not read, or was read as something else.
    """
    known = {field.name: field for field in read.fields}
    for field in wanted.fields:
        own = known.get(field.name)
        if own is None:
            raise ValueError(
                f"field {field.name!r} was not read, only {', '.join(known)}. Read the"
                " scans again with lenet score"
            )
        if (own.kind, own.digits, own.box) != (field.kind, field.digits, field.box):
            raise ValueError(
                f"field {field.name!r} was read with another kind, place or number of"
                " digits. Read the scans again with lenet score"
            )
        if field.is_ticked and own != field:
            raise ValueError(
                f"field {field.name!r} was read with other options. Read the scans"
                " again with lenet score"
            )
        if field.kind not in ("comb", "code") and own != field:
            raise ValueError(
                f"field {field.name!r} is written freely: its rules take part in"
                " reading, and are others now. Read the scans again with lenet score"
            )
