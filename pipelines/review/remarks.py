"""What is known of fields besides what was read: by people, or by a list."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from pipelines.review.corrections import Correction, document_key
from pipelines.scoring.matching import Match

# Document, page and name of a field, as files of corrections have them.
Key: TypeAlias = tuple[str, int, str]


@dataclass(frozen=True)
class Remark:
    """What is known of one field.

    Attributes
    ----------
    note : str
        For people.

    choices : tuple of str
        What it may say.

    proposed : str or None
        What it most likely says; None for what was read.
    """

    note: str
    choices: tuple[str, ...] = ()
    proposed: str | None = None


def remarks_of_people(differing: Iterable[Correction]) -> dict[Key, Remark]:
    """Collect what people say who differ.

    Parameters
    ----------
    differing : iterable of Correction
        What each of them says.

    Returns
    -------
    remarks : dict of tuple to Remark
        By document, page and name of the field.

    Examples
    --------
    >>> from pipelines import Correction
    >>> from pipelines.review.remarks import remarks_of_people
    >>> read = ("5f", "a.png", 1, "id", "12")
    >>> anna = Correction(*read, "12", "confirmed", who="anna")
    >>> ben = Correction(*read, "72", "corrected", who="ben")
    >>> remarks_of_people([anna, ben])["a.png", 1, "id"].note
    'anna: 12; ben: 72'
    """
    said: dict[Key, list[Correction]] = {}
    for one in differing:
        said.setdefault(one.cell, []).append(one)
    return {
        key: Remark(
            "; ".join(f"{row.person}: {_describe(row)}" for row in rows),
            tuple(dict.fromkeys(r.value for r in rows if r.verdict != "unreadable")),
        )
        for key, rows in said.items()
    }


def _describe(row: Correction) -> str:
    if row.verdict == "unreadable":
        return row.verdict
    return row.value or "nothing written"


def remarks_of_list(matches: Iterable[Match], field: str) -> dict[Key, Remark]:
    """Collect what a list says of the pages that bear its numbers.

    Parameters
    ----------
    matches : iterable of Match
        What was found for each page.

    field : str
        Name of the field with the number.

    Returns
    -------
    remarks : dict of tuple to Remark
        By document, page and name of the field.
    """
    return {
        (document_key(match.document), match.page, field): _remark_of(match)
        for match in matches
    }


def _remark_of(match: Match) -> Remark:
    if match.status == "matched":
        note = f"the list has {match.number}"
        return Remark(note, (match.number,), match.number)
    texts = tuple(one.text for one in match.suggestions)
    return Remark(f"by the list: {match.reason or match.status}", texts)
