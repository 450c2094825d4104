"""From scans to a better reader: score, review in a browser, apply, train, score."""

import csv
import dataclasses
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines.cli import main
from pipelines.drawing.filling import draw_entries, entry_value, fill_form
from pipelines.drawing.printing import draw_blank_form, make_form
from pipelines.drawing.scanning import draw_scanner, scan_page
from pipelines.drawing.writers import draw_writer

DPI = 200


def draw_hands(n_hands):
    """Draw writers whose digits the reader finds hard: slanted, loose and shaky."""
    rng = np.random.default_rng(77)
    for _ in range(n_hands):
        hand = draw_writer(rng)
        yield dataclasses.replace(
            hand,
            slant=hand.slant + 16 * float(rng.choice([-1, 1])),
            tremor=3 * hand.tremor,
            looseness=4 * hand.looseness,
            rounding=hand.rounding + 0.04,
            wander=2 * hand.wander,
        )


def draw_pages(folder, n_pages, seed):
    """Draw filled-in forms, and return what is written on them."""
    (folder / "scans").mkdir(parents=True)
    blank, fields = draw_blank_form(dpi=DPI)
    cv2.imwrite(str(folder / "blank.png"), blank)
    make_form(fields, blank=folder / "blank.png").to_file(folder / "form.json")
    hands, rng = list(draw_hands(6)), np.random.default_rng(seed)
    truth = {}
    for n in range(n_pages):
        entries = draw_entries(fields, random_state=rng)
        hand = hands[n % len(hands)]
        page = fill_form(blank, fields, entries, hand, dpi=DPI, random_state=rng)
        page = scan_page(page, draw_scanner(rng), random_state=rng)
        cv2.imwrite(str(folder / "scans" / f"{n:03}.png"), page)
        truth[f"{n:03}.png"] = {k: entry_value(v) for k, v in entries.items()}
    return truth


def read_table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return {Path(row["document"]).name: row for row in csv.DictReader(file)}


def count_statuses(table):
    return Counter(
        row[key] for row in table.values() for key in row if key.endswith(".status")
    )


class Person:
    """Reviews a page, knowing what is written."""

    def __init__(self, page, truth):
        self.page = page
        read = "() => JSON.parse(document.querySelector('#data').textContent)"
        self.data = page.evaluate(read)
        self.items = self.data["items"]
        self.documents = [Path(each["document"]).name for each in self.data["pages"]]
        self.written = [
            truth[self.documents[item["page"]]][item["name"]] for item in self.items
        ]

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def review_sheets(self, sheets):
        for sheet in sheets:
            at, last = 0, len(sheet["cells"]) - 1
            for n, cell in enumerate(sheet["cells"]):
                if (key := self.find_key(*cell)) is not None:
                    self.press(*["ArrowRight"] * (n - at), key)
                    at = min(n + 1, last)
            self.press("Enter")

    def find_key(self, number, glyph):
        """Return the digit that is written, if another was read; a space if unsure."""
        item, written = self.items[number], self.written[number]
        read = item["value"]
        if not item["whole"] or read == written:
            return None
        if len(read) != len(written):
            return " "
        place = glyph - next(n for n, text in enumerate(item["glyphs"]) if text)
        is_other = 0 <= place < len(written) and written[place] != item["glyphs"][glyph]
        return written[place] if is_other else None

    def review_fields(self):
        while self.page.locator("#fields").is_visible():
            shown = self.page.locator("#fields .subject bdi").all_text_contents()
            name, document = shown[0], Path(shown[1]).name
            places = [
                (self.documents[item["page"]], item["name"]) for item in self.items
            ]
            written = self.written[places.index((document, name))]
            self.press(*(written or "-"), "Enter")


@pytest.mark.slow
def test_what_is_reviewed_makes_the_table_right_and_the_reader_better(
    profile, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    truth = draw_pages(tmp_path / "first", 24, seed=1)
    words = ["--form", "first/form.json", "--jobs", "1"]
    main(["score", "first/scans", *words, "-o", "results.csv"])
    # All accepted fields, too, so that the table is right in every field.
    assert main(["review", "results.csv", "-o", "review.html", "--sample", "9999"]) == 0
    address = (tmp_path / "review.html").as_uri()
    with profile() as context:
        page = context.new_page()
        page.goto(address)
        person = Person(page, truth)
        sheets = person.data["sheets"]
        person.review_sheets(sheets[: len(sheets) // 2])
        page.close()
        page = person.page = context.new_page()
        page.goto(address)
        person.review_sheets(sheets[len(sheets) // 2 :])
        person.review_fields()
        assert ", 0 left." in page.locator("#summary .counts").text_content()
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save corrections").first.click()
        saved.value.save_as("corrections.csv")
    assert main(["apply", "results.csv", "corrections.csv", "-o", "right.csv"]) == 0
    right = read_table("right.csv")
    wrong = [
        (document, name, right[document][name], text)
        for document, fields in truth.items()
        for name, text in fields.items()
        if right[document][name] != text
    ]
    assert wrong == []
    assert {row["status"] for row in right.values()} == {"ok"}

    words_of_training = ["train", "corrections", "results.csv", "corrections.csv"]
    assert main([*words_of_training, "-o", "own.safetensors"]) == 0
    assert "saved in" in capsys.readouterr().out
    other = draw_pages(tmp_path / "second", 12, seed=2)
    left, wrong = {}, {}
    for name, model in (("before", "boxes"), ("after", "own.safetensors")):
        main(["score", "second/scans", *words, "--model", model, "-o", f"{name}.csv"])
        table = read_table(f"{name}.csv")
        counts = count_statuses(table)
        left[name] = counts["rejected"] + counts["invalid"]
        wrong[name] = sum(
            table[d][n] != text
            for d, fields in other.items()
            for n, text in fields.items()
            if table[d][f"{n}.status"] == "accepted"
        )
    # Seed 1 and 2: 36 and 27 are left, and 1 and 0 of the accepted are wrong.
    assert left["after"] < left["before"]
    assert wrong["after"] <= wrong["before"] + 1
