"""A mixed pile: pages of several forms, shuffled, some missing, some twice."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.random import Generator

from pipelines.drawing.filling import fill_comb
from pipelines.drawing.printing import (
    SHEET,
    CombField,
    Place,
    Sheet,
    draw_blank_form,
    print_comb,
)
from pipelines.drawing.scanning import draw_scanner, scan_page
from pipelines.drawing.writers import RandomState, draw_writer
from pipelines.images import Image

# Forms of one office: each page has a heading, a seed of what else is printed, and its
# combs. The two orders are editions of one form. The pages of an examination are
# joined by a code on them, and those of a claim by its number, which is on both.
FORMS: Final[dict[str, dict[str, Any]]] = {
    "exam": {
        "join": "sheet",
        "pages": [
            ("Examination", 11, {"student": 7, "room": 4}),
            ("Examination, marks", 12, {"points": 3, "examiner": 5}),
        ],
    },
    "claim": {
        "join": "claim",
        "pages": [
            ("Claim of expenses", 21, {"claim": 6, "amount": 5, "travel": 4}),
            ("Claim, receipts", 22, {"claim": 6, "receipts": 2}),
        ],
    },
    "order_a": {"pages": [("Order of goods", 31, {"order": 6, "pieces": 4})]},
    "order_b": {
        "pages": [("Order of goods", 31, {"order": 6, "pieces": 4, "rebate": 2})]
    },
    "tally": {
        "pages": [("Tally of votes", 41, {"district": 4, "votes": 5, "void": 3})]
    },
}

_CODED: Final = "exam"

# Of the pages: missing, doubled, and of no form, each.
_SHARE: Final = 0.05

# What offices write on their forms.
_WORDS: Final = (
    "please write one digit into each box and leave empty what does not apply the"
    " undersigned confirms that all entries are complete and correct return this sheet"
    " to room before the end of month copies are kept for ten years by office of"
    " records questions may be put to your clerk who signs below in ink not pencil"
)

_LEFT: Final = 22.0  # millimetres, of all that is printed
_LINE: Final = 4.6
_BOX: Final = 7.0
_CODE_PLACE: Final = (14.0, 160.0, 24.0)  # top, left and side


@dataclass(frozen=True)
class Layout:
    """One printed page.

    Attributes
    ----------
    page : ndarray of shape (height, width), dtype uint8
        With nothing written on it.

    fields : tuple of CombField
        Its combs.

    code : tuple of int
        Where a code may be printed, ``(top, left, height, width)`` in pixels.
    """

    page: Image
    fields: tuple[CombField, ...]
    code: Place


@dataclass(frozen=True)
class PilePage:
    """What a page of a pile is.

    Attributes
    ----------
    form : str
        Name of its form; empty for a page of no form.

    form_page : int
        Which page of the form, counted from 1; 0 for a page of no form.

    sheet : str
        Which sheet it is of; the same for all its pages.

    values : dict of str to str
        What is written, by the name of the field.
    """

    form: str = ""
    form_page: int = 0
    sheet: str = ""
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DrawnPile:
    """Where a drawn pile is, and what is in it.

    Attributes
    ----------
    forms : tuple of Path
        The JSON files of its forms.

    scans : Path
        Folder with one file a page.

    pages : dict of str to PilePage
        What each file of a scan is, by its name.
    """

    forms: tuple[Path, ...]
    scans: Path
    pages: dict[str, PilePage]


def draw_layout(
    heading: str, seed: int, combs: Mapping[str, int], *, dpi: float = 200.0
) -> Layout:
    """Print a page of a form that has not been seen before.

    Parameters
    ----------
    heading : str
        Its title.

    seed : int
        Decides what is printed besides. Pages of one seed are editions of one form.

    combs : mapping of str to int
        The number of boxes of each comb.

    dpi : float, default=200.0
        Resolution. The page is A4.

    Returns
    -------
    layout : Layout

    Examples
    --------
    >>> from pipelines.drawing.piles import draw_layout
    >>> layout = draw_layout("Order", 1, {"number": 6}, dpi=100)
    >>> layout.page.shape, layout.fields[0].digits
    ((1169, 827), 6)
    """
    rng = np.random.default_rng(seed)
    sheet = Sheet(dpi)
    for bar in SHEET["bars"][:4]:  # all forms of an office have the same corners
        sheet.bar(*bar)
    sheet.text(_LEFT, 21, 3.2, "Office of Records  ·  Central Services")
    sheet.heading(_LEFT, 32, 6.5, heading)
    base = _print_text(sheet, 42.0, int(rng.integers(5, 12)), rng)
    base = _print_table(sheet, base + 4, rng)
    places = {}
    for name, digits in combs.items():
        top, left = base + rng.uniform(8, 16), _LEFT + rng.uniform(0, 60)
        sheet.text(left, top - 1.5, 3.2, name.capitalize())
        places[name] = (top, left, _BOX + 2, _BOX * digits)
        base = top + _BOX + 2
    _print_text(sheet, 262.0, 4, np.random.default_rng(seed))
    page = np.array(sheet.paper)
    fields = []
    for name, place in places.items():
        top, left, height, width = map(sheet.pixels, place)
        fields.append(CombField(name, combs[name], (top, left, height, width)))
        print_comb(
            page, fields[-1].box, combs[name], line_width=max(1, round(dpi / 100))
        )
    top, left, side = map(sheet.pixels, _CODE_PLACE)
    return Layout(page, tuple(fields), (top, left, side, side))


def _print_text(sheet: Sheet, base: float, n_lines: int, rng: Generator) -> float:
    """Set lines of words; return where the next one would stand."""
    for _ in range(n_lines):
        words = rng.choice(_WORDS.split(), int(rng.integers(8, 14)))
        sheet.text(_LEFT, base, 3.0, " ".join(words))
        base += _LINE
    return base


def _print_table(sheet: Sheet, top: float, rng: Generator) -> float:
    """Rule a table with a word in some cells; return where it ends."""
    n_rows, n_columns = int(rng.integers(3, 7)), int(rng.integers(2, 6))
    height, width = rng.uniform(6, 10), 160 / n_columns
    for row in range(n_rows + 1):
        sheet.bar(_LEFT, top + row * height, 160, 0.25)
    for column in range(n_columns + 1):
        sheet.bar(_LEFT + column * width, top, 0.25, n_rows * height)
    for row in range(n_rows):
        base = top + (row + 0.7) * height
        column = int(rng.integers(n_columns))
        left = _LEFT + 2 + column * width
        sheet.text(left, base, 3.0, str(rng.choice(_WORDS.split())))
    return top + n_rows * height


def print_code(page: Image, text: str, place: Place) -> None:
    """Print a QR code onto a page, in place.

    Parameters
    ----------
    page : ndarray of shape (height, width), dtype uint8
        Grey page; it is written into.

    text : str
        What the code says.

    place : tuple of int
        ``(top, left, height, width)`` in pixels, with the white round the code.
    """
    top, left, height, width = place
    code = cv2.QRCodeEncoder.create().encode(text)
    size = max(1, min(height, width) // code.shape[0])  # whole pixels a module
    large = np.kron(code, np.ones((size, size), np.uint8))
    page[top : top + len(large), left : left + len(large)] = large


def write_forms(folder: Path, *, dpi: float = 200.0) -> tuple[Path, ...]:
    """Write the forms of a pile, with their blank pages.

    Parameters
    ----------
    folder : Path
        Is made if it is not there.

    dpi : float, default=200.0
        Resolution of the blank pages.

    Returns
    -------
    forms : tuple of Path
        Their JSON files, in the order of `FORMS`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, form in FORMS.items():
        pages = []
        for number, (heading, seed, combs) in enumerate(form["pages"], start=1):
            layout = draw_layout(heading, seed, combs, dpi=dpi)
            blank = f"{name}-{number}.png"
            _write_image(folder / blank, layout.page)
            fields: list[dict[str, Any]] = [
                {"name": each.name, "digits": each.digits, "box": list(each.box)}
                for each in layout.fields
            ]
            if name == _CODED:
                pattern = f"X-*-{number}"
                fields.append({"name": "sheet", "kind": "code", "pattern": pattern})
            pages.append({"blank": blank, "fields": fields})
        join = {"join": form["join"]} if "join" in form else {}
        content = pages[0] if len(pages) == 1 else {**join, "pages": pages}
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(json.dumps({"version": 1, **content}, indent=1))
    return tuple(paths)


def draw_pile(
    directory: str | Path,
    *,
    n_pages: int = 300,
    dpi: float = 200.0,
    random_state: RandomState = 0,
) -> DrawnPile:
    """Draw a mixed pile: of all forms, shuffled, turned, half of it of 1 bit.

    Of the pages, one in twenty is missing, one is there twice, and one is of no form.

    Parameters
    ----------
    directory : str or Path
        Folder to write to; it is made if it is not there.

    n_pages : int, default=300
        How many pages there are about.

    dpi : float, default=200.0
        Resolution of the scans.

    random_state : int, Generator or None, default=0
        Seed, or source of randomness. The same seed gives the same pile.

    Returns
    -------
    pile : DrawnPile
        The files, and what they are.
    """
    rng = np.random.default_rng(random_state)
    folder, scans = Path(directory), Path(directory, "scans")
    forms = write_forms(folder / "forms", dpi=dpi)
    scans.mkdir(exist_ok=True)
    names = cycle(FORMS)
    drawn: list[PilePage] = []
    while len(drawn) < n_pages:
        drawn += _draw_sheet(next(names), f"{len(drawn):05d}", rng)
    kept = [page for page in drawn if rng.random() >= _SHARE]
    kept += [page for page in drawn if page in kept and rng.random() < _SHARE]
    kept += [PilePage() for _ in range(round(_SHARE * n_pages))]
    pages = {}
    for number, index in enumerate(rng.permutation(len(kept))):
        file = scans / f"{number:04d}.png"
        pages[file.name] = kept[index]
        _scan(file, kept[index], dpi, rng)
    return DrawnPile(forms, scans, pages)


def _draw_sheet(name: str, sheet: str, rng: Generator) -> list[PilePage]:
    """Make up what the pages of one sheet say."""
    known: dict[str, str] = {}
    pages = []
    for number, (_, _, combs) in enumerate(FORMS[name]["pages"], start=1):
        for field_name, digits in combs.items():
            entry = "".join(map(str, rng.integers(0, 10, digits)))
            known.setdefault(field_name, entry)
        values = {each: known[each] for each in combs}
        pages.append(PilePage(name, number, sheet, values))
    return pages


def _scan(file: Path, page: PilePage, dpi: float, rng: Generator) -> None:
    """Write on a page, scan it, turn it, and make half of them black and white."""
    image = _draw_foreign(dpi, rng) if not page.form else _fill(page, dpi, rng)
    image = scan_page(image, draw_scanner(rng), random_state=rng)
    turns = int(rng.choice(4, p=(0.6, 0.1, 0.2, 0.1)))
    image = np.ascontiguousarray(np.rot90(image, turns))
    if rng.random() < 0.5:
        flags = cv2.THRESH_BINARY | cv2.THRESH_OTSU
        _, image = cv2.threshold(image, 0, 255, flags)
    _write_image(file, np.asarray(image, dtype=np.uint8))


def _fill(page: PilePage, dpi: float, rng: Generator) -> Image:
    """Write into the combs of a page, and print its code."""
    heading, seed, combs = FORMS[page.form]["pages"][page.form_page - 1]
    layout = draw_layout(heading, seed, combs, dpi=dpi)
    image, writer = layout.page.copy(), draw_writer(rng)
    for each in layout.fields:
        entry = page.values[each.name]
        fill_comb(image, each, entry, writer, dpi=dpi, random_state=rng)
    if page.form == _CODED:
        print_code(image, f"X-{page.sheet}-{page.form_page}", layout.code)
    return image


def _draw_foreign(dpi: float, rng: Generator) -> Image:
    """Draw a page of no form of the pile: a letter, another form, or a cover sheet."""
    kind = int(rng.integers(3))
    if kind == 0:
        return draw_blank_form(dpi=dpi)[0]
    if kind == 1:
        return draw_layout(
            "Another form", int(rng.integers(99, 999)), {"number": 8}, dpi=dpi
        ).page
    sheet = Sheet(dpi)
    _print_text(sheet, 40.0, int(rng.integers(5, 45)), rng)
    return np.array(sheet.paper)


def _write_image(path: Path, image: Image) -> None:
    """Write an image; going through bytes works for file names in any script."""
    _, encoded = cv2.imencode(path.suffix, image)
    path.write_bytes(encoded.tobytes())
