"""Hold a batch to acceptance rules, and see if it is like what they were fitted to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from lenet_sklearn.acceptance import AcceptanceRule
from pipelines.images import Image
from pipelines.outcomes import FieldReading, PageReading, hangs_on_confidence, hold
from pipelines.scoring.batch import Reader
from pipelines.scoring.table import PageResult

# Ticks are held to no less than what everything is without a rule.
_LEAST_OF_MARKS: Final = 0.9


@dataclass
class RuledBatch:
    """Holds the pages of a batch to acceptance rules, and watches their confidences.

    Parameters
    ----------
    combs : AcceptanceRule or None
        For rows of boxes; None to accept none.

    lines : AcceptanceRule or None
        For free writing; it may be the same rule. None to accept none.

    Examples
    --------
    >>> import numpy as np
    >>> from lenet_sklearn import AcceptanceRule
    >>> from pipelines.scoring.ruled import RuledBatch
    >>> rule = AcceptanceRule().fit(np.full(400, 0.97), np.full(400, True))
    >>> batch = RuledBatch(rule, rule)
    >>> batch.threshold == rule.threshold_, batch.doubts()
    (True, [])
    """

    combs: AcceptanceRule | None
    lines: AcceptanceRule | None
    _seen: dict[str, list[tuple[float, int]]] = field(default_factory=dict, init=False)

    @property
    def threshold(self) -> float:
        """The lowest threshold, to read with; infinite if nothing is accepted."""
        return min(map(_threshold, (self.combs, self.lines)))

    def wrap(self, reader: Reader) -> Reader:
        """Make a reader of pages keep to the rules.

        Parameters
        ----------
        reader : Reader
            Reads with `threshold`.

        Returns
        -------
        reader : Reader
            What it accepts, or calls blank, is held to the rule for its kind.
        """
        return _RuledReader(reader, self.combs, self.lines)

    def watch(self, results: Iterable[PageResult]) -> Iterator[PageResult]:
        """Hold results to the rules, and note their confidences as they go by.

        Parameters
        ----------
        results : iterable of PageResult
            Read with `threshold`.

        Yields
        ------
        result : PageResult
            With its fields settled by the rules.
        """
        for n_page, result in enumerate(results):
            held = _hold(result.reading, self.combs, self.lines)
            for one in held.fields.values():
                if hangs_on_confidence(one) and not one.marks:
                    kind = "lines" if one.boxes is None else "combs"
                    self._seen.setdefault(kind, []).append((one.confidence, n_page))
            yield replace(result, reading=held)

    def promises(self) -> list[str]:
        """State what may be relied on in what was read.

        Returns
        -------
        promises : list of str
            A sentence for each rule that had something to decide.
        """
        if self.combs is self.lines or len(self._rules()) == 1:
            return [rule.promise() for rule, _ in self._rules()[:1]]
        kinds = {id(self.combs): "in boxes", id(self.lines): "without boxes"}
        return [f"{kinds[id(rule)]}, {rule.promise()}" for rule, _ in self._rules()]

    def doubts(self) -> list[str]:
        """List the rules to whose fit the batch does not look alike.

        Returns
        -------
        doubts : list of str
            A line for each such rule.
        """
        doubts = []
        for rule, noted in self._rules():
            confidences, pages = np.transpose(noted)
            if rule.looks_alike(confidences, pages):
                continue
            here = 100 * rule.predict(confidences).mean()
            doubts.append(
                f"the confidences are not like those of {rule.fitted_on}: {here:.0f} %"
                f" are accepted here, {100 * rule.accepted_share_:.0f} % were there."
                " The promise need not hold; fit a rule to pages like these with lenet"
                " calibrate"
            )
        return doubts

    def _rules(self) -> list[tuple[AcceptanceRule, list[tuple[float, int]]]]:
        """List the rules that had something to decide, with what they decided on."""
        combs, lines = (self._seen.get(kind, []) for kind in ("combs", "lines"))
        if self.combs is self.lines:
            parts = [(self.combs, combs + lines)]
        else:
            parts = [(self.combs, combs), (self.lines, lines)]
        return [(rule, noted) for rule, noted in parts if rule is not None and noted]


@dataclass(frozen=True)
class _RuledReader:
    """Reads pages, and settles their fields by rules."""

    reader: Reader
    combs: AcceptanceRule | None
    lines: AcceptanceRule | None

    def read(self, page: Image) -> PageReading:
        """Read the fields of one page."""
        return _hold(self.reader.read(page), self.combs, self.lines)


def _hold(
    reading: PageReading, combs: AcceptanceRule | None, lines: AcceptanceRule | None
) -> PageReading:
    """Settle the fields of a page by the rules for their kinds."""
    of_combs, of_lines = map(_threshold, (combs, lines))
    of_marks = _threshold_of_marks([rule for rule in (combs, lines) if rule])

    def threshold(one: FieldReading) -> float:
        if one.marks:
            return of_marks
        return of_lines if one.boxes is None else of_combs

    held = {name: hold(one, threshold(one)) for name, one in reading.fields.items()}
    return replace(reading, fields=held)


def _threshold_of_marks(rules: Sequence[AcceptanceRule]) -> float:
    """Return what ticks are held to, for which no rule was fitted.

    Their posteriors are calibrated on drawn ones: from this confidence each is as
    seldom wrong as a rule allows of the accepted together.
    """
    return max(_LEAST_OF_MARKS, 1 - min((r.max_error for r in rules), default=1.0))


def _threshold(rule: AcceptanceRule | None) -> float:
    return np.inf if rule is None else rule.threshold_
