"""From the pages of a mixed pile to the fields of the form that each is of."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pipelines.forms.form import Form
from pipelines.forms.pile import Pile, PileKey
from pipelines.images import Image, check_image
from pipelines.outcomes import Assignment, PageReading
from pipelines.pages.cleaning import is_empty_page, is_light_on_dark
from pipelines.pages.codes import Code, find_codes
from pipelines.pages.fitting import BlankPages, Fit
from pipelines.pages.placement import MIN_QUALITY
from pipelines.pages.prepared import prepare_page
from pipelines.readers.codes import have_pattern
from pipelines.readers.form import LIGHT_ON_DARK, FormReader


class PileReader:
    """Read pages of several forms: each by the form that it is of.

    Parameters
    ----------
    pile : Pile
        The forms.

    make_reader : callable
        Makes the reader of a :class:`Form`.
    """

    def __init__(self, pile: Pile, make_reader: Callable[[Form], FormReader]) -> None:
        self._pile = pile
        self._keys = list(pile.pages)
        self._forms = list(pile.pages.values())
        self._readers = [make_reader(form) for form in self._forms]
        self._printed = [
            number for number, form in enumerate(self._forms) if form.blank is not None
        ]
        self._blanks: BlankPages | None = None

    def read(self, page: Image) -> PageReading:
        """Find out which form a page is of, and read its fields.

        Parameters
        ----------
        page : ndarray of shape (height, width), dtype uint8
            Grey page, dark ink on light paper.

        Returns
        -------
        reading : PageReading
            With an `assigned`. A page of no form has no fields.

        Raises
        ------
        TypeError, ValueError
            If `page` is not an image.
        """
        check_image(page, caller=type(self).__name__)
        codes = find_codes(page) if "code" in self._pile.kinds else ()
        among, is_by_code = self._list_candidates(codes)
        fit = self._fit(page, among)
        if is_by_code and len(among) > max(1, len({*among} & {*self._printed})):
            # One that has no blank page cannot be ruled out by its print.
            fit = Fit(None, fit.score, rivals=tuple(among))
        number = fit.number
        if number is None and is_by_code and len(among) == 1:
            [number] = among  # its print need not be found, as on a torn page
        if number is None:
            is_ruled_out = not is_by_code and len(among) < len(self._forms)
            return PageReading(assigned=self._explain(page, fit, is_ruled_out))
        key = self._keys[number]
        assigned = Assignment(
            self._pile.forms[key.form].name,
            key.page + 1,
            "code" if is_by_code else "print",
            None if self._forms[number].blank is None else round(fit.score, 4),
        )
        reading = self._readers[number].read(page, fit.registration, codes)
        return replace(reading, assigned=assigned)

    def _list_candidates(self, codes: Sequence[Code]) -> tuple[list[int], bool]:
        """List the pages of forms that a page may be of, and whether its code says so.

        A code that does not say what a form's code must say rules the form out. A page
        on which no code was found may be of any form.
        """
        named = [
            number
            for number, form in enumerate(self._forms)
            if have_pattern(form.fields, codes)
        ]
        if named:
            return named, True
        numbers = range(len(self._forms))
        if not codes:
            return list(numbers), False
        patterned = {
            number
            for number in numbers
            if any(field.pattern is not None for field in self._forms[number].fields)
        }
        return [number for number in numbers if number not in patterned], False

    def _fit(self, page: Image, among: Sequence[int]) -> Fit:
        """Find the one of some pages of forms whose print is on a page."""
        if self._blanks is None:  # in the process that reads
            blanks = [self._forms[n].prepared_blank() for n in self._printed]
            self._blanks = BlankPages(blanks)
        printed = [self._printed.index(n) for n in among if n in self._printed]
        fit = self._blanks.fit(prepare_page(page), printed)
        number = None if fit.number is None else self._printed[fit.number]
        rivals = tuple(self._printed[n] for n in fit.rivals)
        return replace(fit, number=number, rivals=rivals)

    def _explain(self, page: Image, fit: Fit, is_ruled_out: bool) -> Assignment:
        """Say why a page is of no form."""
        score = round(fit.score, 4)
        if fit.rivals:
            names = " and ".join(self._describe(number) for number in fit.rivals)
            problem = f"fits {names} about equally well"
            return Assignment(score=score, problem=problem)
        if is_empty_page(page):
            return Assignment(how="empty", score=score, problem="the page is empty")
        problem = (
            f"of no form: at most {fit.score:.0%} of a form's print was found on it;"
            f" {MIN_QUALITY:.0%} are needed"
        )
        if is_ruled_out:
            problem = f"{problem}; its code has the pattern of none"
        if is_light_on_dark(page):
            problem = f"{problem}; {LIGHT_ON_DARK}"
        return Assignment(score=score, problem=problem)

    def _describe(self, number: int) -> str:
        key: PileKey = self._keys[number]
        return self._pile.describe(key)
