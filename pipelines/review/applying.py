"""Put what people say of fields in the place of what was read."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from lenet_sklearn.metrics import error_interval
from lenet_sklearn.strings.boxes import GAP
from pipelines.forms.field import Field
from pipelines.forms.form import Form
from pipelines.forms.notation import SIGNS, is_number
from pipelines.outcomes import (
    FieldReading,
    PageReading,
    Reason,
    ReasonKind,
    forbid,
    show_confidence,
)
from pipelines.review.corrections import Correction, document_key
from pipelines.scoring.table import PageResult, counts_line, error_cell

Outcome: TypeAlias = Literal["confirmed", "corrected", "unreadable", "differing"]

CHANGE_COLUMNS: Final = (
    *("document", "page", "field", "before", "before.status", "before.confidence"),
    *("value", "status", "verdict", "who", "when", "note"),
)
"""The columns of the table of what was reviewed."""

# What decided a field that a person has looked at, as tables have it.
_REVIEW: Final = "review"

_NOBODY_CAN_READ_IT: Final = Reason(ReasonKind.UNREADABLE, "a person cannot read it")

_OUTCOMES: Final = ("confirmed", "corrected", "unreadable", "differing")

# Of a field, by its name: all that was said of it.
_Said: TypeAlias = dict[str, list[Correction]]


@dataclass(frozen=True)
class Change:
    """What became of a field that was reviewed.

    Attributes
    ----------
    document : str
        The scan file, as files of corrections have its name.

    page : int
        Number of the page in it, counted from 1.

    field : str
        Name of the field.

    before, after : FieldReading
        What was read, and what the corrected table says.

    verdict : {"confirmed", "corrected", "unreadable", "differing"}
        What people say of it together.

    rows : tuple of Correction
        The correction of each person that counts.

    is_sample : bool
        Whether the field was accepted, and drawn at random to be looked at.

    note : str
        The rule of the form that the value of a person breaks, or over what people
        differ; empty where there is nothing to say.
    """

    document: str
    page: int
    field: str
    before: FieldReading
    after: FieldReading
    verdict: Outcome
    rows: tuple[Correction, ...]
    is_sample: bool = False
    note: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether the value is that of a person."""
        return self.verdict in ("confirmed", "corrected")

    def row(self) -> list[str]:
        """Return its row in the table of what was reviewed.

        Returns
        -------
        row : list of str
            A cell for each of the columns. Whoever is not named is called by the file.
        """
        return [
            *(self.document, str(self.page), self.field),
            *(self.before.value, self.before.status),
            show_confidence(self.before.confidence, 4),
            *(self.after.value, self.after.status, self.verdict),
            error_cell("; ".join(row.person for row in self.rows)),
            max(self.rows, key=lambda row: row.moment).when,
            error_cell(self.note),
        ]


class Review:
    """Applies corrections to the results of a run as they go by.

    Parameters
    ----------
    corrections : iterable of Correction
        Of all people, in any order.

    form : Form or None
        The fields that were read, and their rules; None for images of single fields.

    batch : str, default=None
        The id of the run; None for that which all corrections name.

    Attributes
    ----------
    changes : list of Change
        One for each field that was reviewed and has gone by.

    n_left : int
        Fields that have gone by neither accepted nor blank, and not reviewed.

    Raises
    ------
    ValueError
        If a correction is of another run.

    See Also
    --------
    apply_corrections : The same for results that fit into memory, and the rules.
    """

    def __init__(
        self,
        corrections: Iterable[Correction],
        form: Form | None,
        *,
        batch: str | None = None,
    ) -> None:
        self.changes: list[Change] = []
        self.n_left = 0
        self._form = form
        self._pages: dict[tuple[str, int], _Said] = {}
        for one in corrections:
            batch = one.batch if batch is None else batch
            if one.batch != batch:
                raise ValueError(
                    f"{one.place}: is of the run {one.batch!r}, and the results are of"
                    f" {batch!r}. Apply it to the results that were reviewed"
                )
            page = self._pages.setdefault((one.document, one.page), {})
            page.setdefault(one.field, []).append(one)

    def watch(self, results: Iterable[PageResult]) -> Iterator[PageResult]:
        """Apply the corrections to all results of the run.

        Parameters
        ----------
        results : iterable of PageResult
            All of them: that a page is not among them is known at the end.

        Yields
        ------
        result : PageResult
            With the values of people. One without corrections is as it was.

        Raises
        ------
        ValueError
            If a correction is of a field that the results do not have, or says that
            another value was read.
        """
        unseen = dict(self._pages)
        for result in results:
            page = document_key(result.document), result.page
            said = self._pages.get(page, {})
            if said and unseen.pop(page, None) is None:
                raise ValueError(
                    f"two scans are called {page[0]}, and which one was reviewed cannot"
                    " be told. Rename one, and read them again"
                )
            if said:
                result = replace(result, reading=self._apply(result.reading, said))
            self.n_left += _count_left(result.reading, said)
            yield result
        for (document, number), said in unseen.items():
            one = next(iter(said.values()))[0]
            raise ValueError(
                f"{one.place}: the run has no page {number} of {document!r}"
            )

    def _apply(self, reading: PageReading, said: _Said) -> PageReading:
        """Apply what is said of the fields of one page."""
        known = {f.name: f for f in self._form.fields} if self._form else {}
        for name, rows in said.items():
            _check_read(rows, reading.fields.get(name), reading.error)
            _check_values(rows, known.get(name))
        changes = {name: _change(reading.fields[name], said[name]) for name in said}
        fields = {
            name: changes[name].after if name in changes else field
            for name, field in reading.fields.items()
        }
        broken = _broken_rules(self._form, fields) if self._form else {}
        for name in fields:
            if name in changes:
                one = changes[name]
                note = "; ".join(broken.get(name, [])) if one.is_taken else one.note
                self.changes.append(replace(one, note=note))
        return replace(reading, fields=fields)

    @property
    def differing(self) -> list[Correction]:
        """The corrections of people who differ, and whom nobody has settled."""
        differing = (one for one in self.changes if one.verdict == "differing")
        return [row for one in differing for row in one.rows]

    def __str__(self) -> str:
        counts = Counter(one.verdict for one in self.changes)
        lines = [
            f"reviewed: {counts_line('field', Counter(counts), _OUTCOMES)}",
            f"left to review: {self.n_left}",
            *self._sample_lines(),
        ]
        n_broken = sum(one.is_taken and bool(one.note) for one in self.changes)
        if n_broken:
            lines.append(f"break a rule of the form, as they are written: {n_broken}")
        return "\n".join(lines)

    def _sample_lines(self) -> list[str]:
        """Say what the accepted fields that were drawn at random show."""
        drawn = [one for one in self.changes if one.is_sample]
        told = [one for one in drawn if one.is_taken]
        if not drawn:
            return []
        n_wrong = sum(one.verdict == "corrected" for one in told)
        low, high = (100 * limit for limit in error_interval(n_wrong, len(told)))
        untold = len(drawn) - len(told)
        more = f"; {untold} more cannot be told" if untold else ""
        interval = f"95 % interval {low:.1f} to {high:.1f} %{more}"
        drawn_at = f"accepted and drawn at random: {len(told)}"
        return [f"{drawn_at}, of which {n_wrong} wrong ({interval})"]


def apply_corrections(
    results: Iterable[PageResult],
    corrections: Iterable[Correction],
    form: Form | None,
    *,
    batch: str | None = None,
) -> tuple[list[PageResult], Review]:
    """Put what people say of fields in the place of what was read.

    A reviewed field has the value of the person and the confidence 1, and is accepted,
    or blank where nothing is written. What is unreadable is not accepted. Where people
    differ, nothing is taken and the field is rejected, unless one of them settles it.

    Parameters
    ----------
    results : iterable of PageResult
        What was read.

    corrections : iterable of Correction
        Of one person or several. Of two of a person for a field the later counts.

    form : Form or None
        The fields that were read, and their rules; None for images of single fields.

    batch : str, default=None
        The id of the run; None for that which all corrections name.

    Returns
    -------
    corrected : list of PageResult
        The results with the values of people.

    review : Review
        Its `changes` are what became of each field; its string is the report.

    Raises
    ------
    ValueError
        If a correction is of another run, of a field that the results do not have, or
        says that another value was read.

    See Also
    --------
    read_corrections : Reads them from a file.

    Examples
    --------
    >>> from pipelines import Correction, PageReading, PageResult, apply_corrections
    >>> from pipelines.outcomes import settle
    >>> page = PageReading({"id": settle("042", 0.5, 0.9)})
    >>> one = Correction("run", "a.png", 1, "id", "042", "047", "corrected")
    >>> read = [PageResult("a.png", 1, page)]
    >>> [result], review = apply_corrections(read, [one], form=None)
    >>> field = result.reading.fields["id"]
    >>> field.value, field.status, field.decided_by, result.reading.status
    ('047', 'accepted', 'review', 'ok')
    >>> print(review)
    reviewed: 1 field: 1 corrected
    left to review: 0
    """
    review = Review(corrections, form, batch=batch)
    return list(review.watch(results)), review


def _count_left(reading: PageReading, said: Mapping[str, object]) -> int:
    """Count the fields of a page that somebody has to look at still."""
    if reading.status == "empty":
        return 0
    fields = reading.fields.items()
    return sum(not f.is_settled and name not in said for name, f in fields)


def _check_read(
    rows: Sequence[Correction], field: FieldReading | None, error: str
) -> None:
    """Refuse corrections of what was not read, or was read as something else."""
    for row in rows:
        what = f"field {row.field!r} on page {row.page} of {row.document!r}"
        if field is None:
            raise ValueError(
                f"{row.place}: the run has no {what}"
                + (f", which failed: {error}" if error else "")
            )
        if row.read != field.value:
            raise ValueError(
                f"{row.place}: says that {row.read!r} was read in {what}, and in the"
                f" run it is {field.value!r}. It is of other results, or a spreadsheet"
                " has changed it"
            )


def _check_values(rows: Sequence[Correction], field: Field | None) -> None:
    """Refuse values of another kind than those of their field."""
    for row in rows:
        if field and field.is_ticked:
            # Two where one may be ticked are what is on the paper: that is noted.
            doubt = field.model_copy(update={"several": True}).check(row.value)
            doubt = doubt and f"the value is {row.value!r}: {doubt}"
        else:
            doubt = _doubt_digits(row, field)
        if doubt:
            raise ValueError(f"{row.place}: {doubt}")


def _doubt_digits(row: Correction, field: Field | None) -> str:
    """Describe what is wrong with digits; some fields have empty boxes, or signs."""
    others = GAP if field and field.gaps else ""
    others += SIGNS if field and field.has_own_form else ""
    digits = "".join(character for character in row.value if character not in others)
    if not digits or is_number(digits):
        return ""
    reason = f"the value is {row.value!r}. Values are digits only"
    if GAP not in row.value:
        return reason
    return f"{reason}; the boxes of {row.field!r} are not written down one by one"


def _change(reading: FieldReading, rows: Sequence[Correction]) -> Change:
    """Weigh what people say of one field against each other."""
    everyone = _last_of_each(rows)
    counted = _last_of_each([row for row in rows if row.settles] or rows)
    note = ""
    if len(_different(everyone)) > 1:
        n_people = "two" if len(everyone) == 2 else str(len(everyone))
        note = f"{n_people} people differ: {', '.join(map(_show, everyone))}"
    verdict, after = _settle(reading, _different(counted), note)
    sampled = reading.status == "accepted" and any(row.sampled for row in rows)
    one = rows[0]
    return Change(
        *(one.document, one.page, one.field, reading, after, verdict),
        rows=tuple(counted),
        is_sample=sampled,
        note=note,
    )


def _last_of_each(rows: Iterable[Correction]) -> list[Correction]:
    """Keep the last correction of each person."""
    last: dict[str, Correction] = {}
    for row in rows:
        if row.person not in last or row.moment >= last[row.person].moment:
            last[row.person] = row
    return list(last.values())


def _different(rows: Iterable[Correction]) -> list[Correction]:
    """Keep one correction of each thing that is said."""
    return list(
        {(row.verdict == "unreadable", row.value): row for row in rows}.values()
    )


def _settle(
    reading: FieldReading, said: Sequence[Correction], note: str
) -> tuple[Outcome, FieldReading]:
    """Take what is said of a field if it is one thing; doubt it if people differ."""
    doubted = reading
    if note:
        reason = Reason(ReasonKind.DIFFERING, note)
        doubted = replace(forbid(reading, reason), status="rejected", reason=reason)
    if len(said) > 1:
        return "differing", doubted
    [one] = said
    if one.verdict == "unreadable":
        if not note and reading.is_settled:
            doubted = forbid(reading, _NOBODY_CAN_READ_IT)
        return "unreadable", doubted
    is_right = one.value == reading.value
    taken = replace(
        reading,
        value=one.value,
        status="accepted" if one.value else "blank",
        confidence=1.0,
        reason=None,
        digit_quads=reading.digit_quads if is_right else (),
        decided_by=_REVIEW,
        certainty=1.0,
        veto=None,
    )
    return "confirmed" if is_right else "corrected", taken


def _show(row: Correction) -> str:
    return row.verdict if row.verdict == "unreadable" else row.value or "blank"


def _broken_rules(
    form: Form, fields: Mapping[str, FieldReading]
) -> dict[str, list[str]]:
    """List the rules that the values of a page break, for each field."""
    broken: dict[str, list[str]] = {
        field.name: [reason]
        for field in form.fields
        if field.name in fields and (reason := field.check(fields[field.name].value))
    }
    # What nobody stands for says nothing against the values of people.
    settled = {name: f.value for name, f in fields.items() if f.is_settled}
    for names, reason in form.check_sums(settled):
        for name in names:
            broken.setdefault(name, []).append(reason)
    return broken
