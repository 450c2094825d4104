"""Draft a form of which there are only pages that are filled in."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.forms.drafting import (
    Draft,
    check_free_outputs,
    check_outputs,
    describe_draft,
    name_fields,
    save_draft,
)
from pipelines.forms.field import Field
from pipelines.forms.files import FormError
from pipelines.images import Image
from pipelines.pages.piles import FEWEST_PAGES, AlignedPages, align_pages
from pipelines.pages.shared import SharedPrint, find_shared_print
from pipelines.scans.find import find_scans
from pipelines.scans.read import ScanError, open_scan

# What forty pages share, more share too; all are held in memory at once.
MOST_PAGES: Final = 40

# Ink that is darker than the paper by so much, further from print than its soft edge,
# is writing if there is as much of it as of a dot of an eighth of the field's height.
_INK: Final = 40
_EDGE: Final = 3
_DOT: Final = 1 / 8

# What is doubtful in a field is worth a word if it is this share of one of its boxes: a
# stroke, and not the spots at which some digits happen to cross.
_STROKE: Final = 0.03


class _Pile(NamedTuple):
    """Pages, what they are called, and what became of those that are not among them."""

    pages: list[Image]
    names: list[str]
    notes: list[str]


def write_filled(
    sources: Sequence[str | Path], output: str | Path, *, overwrite: bool = False
) -> tuple[str, tuple[str, ...]]:
    """Draft a form from pages that are filled in, and write it for editing.

    Files are written as by :func:`pipelines.forms.drafting.write_draft`; the blank page
    is what the pages share.

    Parameters
    ----------
    sources : sequence of str or Path
        Scans of filled-in pages, or folders of them; all their pages count.

    output : str or Path
        The JSON file.

    overwrite : bool, default=False
        Replace files that exist, and what somebody has edited in the form.

    Returns
    -------
    summary : str
        What was found and where it is, in a few lines.

    notes : tuple of str
        Pages that were left out, and what is to be looked at.

    Raises
    ------
    FormError
        If fewer than three pages fit together, no field is found, or a file that is to
        be written exists or is one that is read.

    ScanError
        If there is no scan.

    OSError
        If a file cannot be written.
    """
    output = Path(output)
    paths = find_scans(sources)
    check_outputs(paths, output)
    if not overwrite:
        check_free_outputs(output)
    draft, notes = draft_filled(paths)
    if not draft.fields:
        raise FormError(
            "no field found in what the pages share: no row of equal boxes, and no"
            " single box. Draw the fields with --edit form.html"
        )
    save_draft(draft, output)
    return describe_draft(draft, output), notes


def refuse_blank(blank: str | Path | None) -> None:
    """Refuse filled-in pages and a blank: a form is drafted from the one or the others.

    Parameters
    ----------
    blank : str, Path or None
        What was given as the blank page.

    Raises
    ------
    FormError
        If anything was.
    """
    if blank is not None:
        raise FormError(
            f"{blank}: is the blank page, and filled-in pages are given too. Draft the"
            " form from it alone"
        )


def draft_filled(paths: Sequence[Path]) -> tuple[Draft, tuple[str, ...]]:
    """Find the fields of pages that are filled in, and the page without the writing.

    Parameters
    ----------
    paths : sequence of Path
        Scans; all their pages count.

    Returns
    -------
    draft : Draft
        Its page is what the pages share, and it may have no fields.

    notes : tuple of str
        Pages that were left out, and what is to be looked at.

    Raises
    ------
    FormError
        If fewer than three pages fit together.
    """
    pile = _read_pile(paths)
    aligned = align_pages(pile.pages) if pile.pages else None
    n_fitting = len(aligned.members) if aligned else 0
    if aligned is None or n_fitting < FEWEST_PAGES:
        raise FormError(_refuse(pile, aligned))
    shared = find_shared_print(aligned.darkness)
    draft = name_fields(shared.blank)
    n_pages = n_fitting + len(aligned.left_out)
    drawn = f"the blank page is what {n_fitting} of {n_pages} pages share: look at it"
    notes = [
        *pile.notes,
        *_name_left_out(pile, aligned),
        drawn,
        *_note_fields(draft.fields, aligned.darkness, shared),
    ]
    return draft, tuple(notes)


def _read_pile(paths: Sequence[Path]) -> _Pile:
    """Read all pages of some scans, as many as count."""
    pile, n_passed = _Pile([], [], []), 0
    for path in paths:
        try:
            with open_scan(path) as scan:
                n_pages = len(scan)
                kept = min(n_pages, MOST_PAGES - len(pile.pages))
                n_passed += n_pages - kept
                for index in range(kept):
                    name = f"{path} page {index + 1}" if n_pages > 1 else str(path)
                    pile.pages.append(scan.read(index))
                    pile.names.append(name)
        except ScanError as error:
            pile.notes.append(f"left out: {error}")
    if n_passed:
        pile.notes.append(
            f"{n_passed} pages are not looked at: {MOST_PAGES} tell what is printed"
        )
    return pile


def _name_left_out(pile: _Pile, aligned: AlignedPages) -> Iterator[str]:
    for index, reason in sorted(aligned.left_out.items()):
        yield f"{pile.names[index]} is left out: {reason}"


def _refuse(pile: _Pile, aligned: AlignedPages | None) -> str:
    """Say why there is no form, and what else there is."""
    fitting = max(len(aligned.members), 1) if aligned and pile.pages else 0
    reasons = list(pile.notes)
    if aligned:
        reasons += _name_left_out(pile, aligned)
    why = f" ({'; '.join(reasons[:3])}{'; ...' * (len(reasons) > 3)})" * bool(reasons)
    return (
        f"{FEWEST_PAGES} filled-in pages of one form are needed to tell what is printed"
        f" from what is written, better ten; of {len(pile.pages)}, {fitting} fit"
        f" together{why}. Give more pages; or have combs looked for on each page (lenet"
        " score --comb NAME=N); or paint the writing out of one page, and draw the"
        " fields on that (lenet form PAGE --edit form.html)"
    )


def _note_fields(
    fields: Sequence[Field], darkness: NDArray[np.uint8], shared: SharedPrint
) -> Iterator[str]:
    """Name the fields that nobody has filled in, and those where all agree too well."""
    printed = (shared.blank < 255).view(np.uint8)
    near = cv2.dilate(printed, np.ones((2 * _EDGE + 1,) * 2, np.uint8))
    empty, alike = [], []
    for field in fields:
        if field.box is None:
            continue
        top, left, height, width = field.box
        place = np.s_[top : top + height, left : left + width]
        ink = (darkness[:, *place] > _INK) & (near[place] == 0)
        if ink.sum(axis=(1, 2)).max() < (_DOT * height) ** 2:
            empty.append(field.name)
        cells = np.array_split(shared.doubtful[place], field.digits or 1, axis=1)
        if max(float(cell.mean()) for cell in cells) > _STROKE:
            alike.append(field.name)
    if empty:
        yield f"no page has anything written in {', '.join(empty)}"
    if alike:
        yield (
            f"nearly the same stands on all pages in {', '.join(alike)}, and is taken"
            " for writing, not for print"
        )
