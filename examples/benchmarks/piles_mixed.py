"""Measures of piles: is every page of a mixed one assigned to its form, or reported?

The pile is drawn here: five forms, two of them of two pages and two of them editions of
one form, shuffled, turned, half of it black and white; of the pages one in twenty is
missing, one is there twice, and one is of no form.
"""

import csv
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from runs import run_lenet
from tables import Measures, Row

from pipelines.drawing.piles import FORMS, DrawnPile, PilePage, draw_pile

_SEED = 21


def measure_mixed_piles(_: Path) -> Iterator[Row]:
    """Compare the ledger and the tables of a pile with what is in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pile = draw_pile(folder, random_state=_SEED)
        forms = folder / "forms"
        table = folder / "r.csv"
        words = ["--form", str(forms), "-o", str(table), "--jobs", "2"]
        run_lenet("score", str(pile.scans), *words)
        ledger = _read(folder / "r.ledger.csv")
        tables = {form: _read(folder / f"r.{form}.csv") for form in FORMS}
        yield from _compare_pages(pile, ledger)
        yield from _compare_sheets(pile, ledger)
        yield _compare_values(pile, ledger, tables)


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _truth_of(pile: DrawnPile, line: Mapping[str, str]) -> PilePage:
    return pile.pages[Path(line["document"]).name]


def _compare_pages(
    pile: DrawnPile, ledger: Sequence[Mapping[str, str]]
) -> Iterator[Row]:
    """Count pages that are assigned rightly, reported, and assigned wrongly."""
    counts: Counter[str] = Counter()
    for line in ledger:
        truth = _truth_of(pile, line)
        if (line["form"], line["form_page"] or "0") == (
            truth.form,
            str(truth.form_page),
        ):
            counts["right"] += 1
        else:
            counts["wrong" if line["form"] else "reported"] += 1
    n_pages = len(ledger)
    what = f"pages assigned rightly, {n_pages} pages of {len(FORMS)} forms"
    yield Row(what, f"{counts['right']}; {counts['reported']} reported", f"{n_pages}")
    yield Row("pages assigned wrongly", str(counts["wrong"]), "0")
    n_lost = len(pile.pages) - n_pages
    yield Row("pages that are not in the ledger", str(n_lost), "0")


def _compare_sheets(
    pile: DrawnPile, ledger: Sequence[Mapping[str, str]]
) -> Iterator[Row]:
    """Look for pages that are joined wrongly, and for problems that are not told."""
    known = Counter(pile.pages[name].sheet for name in pile.pages)
    double = Counter(
        (page.sheet, page.form_page) for page in pile.pages.values() if page.form
    )
    rows: dict[tuple[str, str], set[str]] = {}
    told: dict[str, bool] = {}
    for line in ledger:
        truth = _truth_of(pile, line)
        if truth.form and len(FORMS[truth.form]["pages"]) > 1:
            rows.setdefault((line["form"], line["row"]), set()).add(truth.sheet)
            is_told = told.get(truth.sheet, False) or bool(line["problem"])
            told[truth.sheet] = is_told
    bad = {sheet for sheet in told if known[sheet] < 2}
    bad |= {sheet for (sheet, _), n_times in double.items() if n_times > 1} & set(told)
    n_mixed = sum(len(sheets) > 1 for sheets in rows.values())
    yield Row("rows of pages that do not belong together", str(n_mixed), "0")
    n_told = sum(told[sheet] for sheet in bad)
    what = "sheets of two pages that lack one, or have one twice, told"
    yield Row(what, f"{n_told} of {len(bad)}", "all")
    n_vain = sum(is_told for sheet, is_told in told.items() if sheet not in bad)
    what = "whole sheets whose number is uncertain, so that they are not joined"
    yield Row(what, f"{n_vain} of {len(told) - len(bad)}", "")


def _compare_values(
    pile: DrawnPile,
    ledger: Sequence[Mapping[str, str]],
    tables: Mapping[str, Sequence[Mapping[str, str]]],
) -> Row:
    """Count accepted values that are wrong."""
    n_accepted = n_wrong = 0
    for line in ledger:
        truth = _truth_of(pile, line)
        if not line["row"]:
            continue
        row = tables[line["form"]][int(line["row"]) - 1]
        for name, value in truth.values.items():
            if row[f"{name}.status"] == "accepted":
                n_accepted += 1
                n_wrong += row[name] != value
    return Row("accepted values that are wrong", f"{n_wrong} of {n_accepted}", "")


MEASURES: Measures = {"mixed": measure_mixed_piles}
