"""Measure the page of a review in a browser: its size, its speed, its keystrokes.

    python examples/benchmarks/review.py
    python examples/benchmarks/review.py --only keys --pages 100
    python examples/benchmarks/review.py --page docs/benchmarks.md

Pages are drawn here and read by `lenet score`. Chromium without a window shows what
`lenet review` makes of it. A scripted person, who knows what is written, reviews it by
keys alone; what they save goes through `lenet apply`, and into the table. Needs
Playwright and Chromium.
"""

import csv
import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy and torch are imported

from pages import fill_page
from playwright.sync_api import Page, sync_playwright
from runs import run_lenet
from tables import Row, as_table, parse_table_args, table_parser, take_measures

from pipelines.drawing import draw_filled_forms

_PACKAGES = ("lenet-sklearn", "playwright")

_SEED = 19
_ROUNDS = 50  # of a time
_OPENED = 7

# Waits until what a key has changed is painted, with its pictures, and returns the
# milliseconds since the key was pressed.
_PRESS = """
async (key) => {
  const begun = performance.now();
  document.activeElement.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const shown = [...document.querySelectorAll("section:not([hidden]) img")];
  const sheet = document.querySelector(".carpet")?.style.getPropertyValue("--sheet");
  if (sheet && !document.querySelector("#carpet").hidden) {
    const picture = new Image();
    picture.src = sheet.slice(5, -2);
    shown.push(picture);
  }
  await Promise.all(shown.map((picture) => picture.decode().catch(() => {})));
  await new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = done;
    channel.port2.postMessage(0);
  }));
  return performance.now() - begun;
}
"""
_OPEN = """
() => new Promise((done) => requestAnimationFrame(() =>
  requestAnimationFrame(() => done(performance.now()))))
"""


def measure_speed(folder: Path, page_of: "Pages") -> Iterator[Row]:
    """Measure a page of 2,000 fields: how large it is, and how soon it answers."""
    path, n_items = page_of(folder, 2000)
    yield Row(
        f"file with {n_items} fields, {_count_digits(path)} digits",
        f"{path.stat().st_size / 1e6:.1f} MB",
        "at most 15 MB",
    )
    with opened_browser() as browser:
        times = []
        for _ in range(_OPENED):
            page = browser.new_context().new_page()
            page.goto(path.as_uri())
            times.append(page.evaluate(_OPEN))
            page.context.close()
        yield Row("open it", _describe(times), "under 2,000 ms")
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(path.as_uri())
        n_sheets = page.evaluate(f"() => ({_DATA}).sheets.length")
        sheets = [page.evaluate(_PRESS, "Enter") for _ in range(min(_ROUNDS, n_sheets))]
        yield Row("next carpet of up to 200 digits", _describe(sheets), "under 100 ms")
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(path.as_uri())
        page.keyboard.press("f")
        fields = [page.evaluate(_PRESS, "Enter") for _ in range(_ROUNDS)]
        yield Row("next field", _describe(fields), "under 50 ms")


def measure_keys(folder: Path, page_of: "Pages") -> Iterator[Row]:
    """Count the keys that a person needs, and compare the table with the truth."""
    for n_fields, what in ((0, "fields that were not accepted"), (1000, "fields")):
        path, n_items = page_of(folder, n_fields)
        truth = _read_truth(folder / "drawn" / "truth.csv")
        person = _review(path, truth, folder / "corrections.csv")
        per_digit = person.n_keys / person.n_digits
        yield Row(
            f"keys for {n_items} {what}, {person.n_digits} digits, {person.n_wrong}"
            " fields misread",
            f"{person.n_keys}, {per_digit:.3f} a digit",
            "at most 0.15",
        )
    results, corrected = folder / "results.csv", folder / "corrected.csv"
    words = [str(results), str(folder / "corrections.csv"), "-o", str(corrected)]
    run_lenet("apply", *words, "--force")
    wrong = 0
    with corrected.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            known = truth[Path(row["document"]).name]
            wrong += sum(row[name] != text for name, text in known.items())
    n_fields = sum(map(len, truth.values()))
    yield Row(
        f"fields of the corrected table that are wrong, of {n_fields}", f"{wrong}", "0"
    )


def _review(path: Path, truth: dict[str, dict[str, str]], output: Path) -> "Person":
    """Let a person review a page, and save their corrections."""
    with opened_browser() as browser:
        page = browser.new_context().new_page()
        page.goto(path.as_uri())
        person = Person(page, truth)
        person.review()
        with page.expect_download() as saved:
            page.keyboard.press("Control+s")
        saved.value.save_as(output)
    return person


_DATA = "JSON.parse(document.querySelector('#data').textContent)"


class Person:
    """Reviews a page by keys, knowing what is written, and counts the keys."""

    def __init__(self, page: Page, truth: dict[str, dict[str, str]]) -> None:
        self._page = page
        self._data: dict[str, Any] = page.evaluate(f"() => {_DATA}")
        self._written = [
            self._find_written(item, truth) for item in self._data["items"]
        ]
        self.n_keys = 0
        self.n_digits = sum(map(len, self._written))
        pairs = zip(self._data["items"], self._written, strict=True)
        self.n_wrong = sum(item["value"] != text for item, text in pairs)

    def _find_written(
        self, item: dict[str, Any], truth: dict[str, dict[str, str]]
    ) -> str:
        document = self._data["pages"][item["page"]]["document"]
        return truth[Path(document).name][item["name"]]

    def review(self) -> None:
        """Go through all sheets, then through the fields that are left."""
        for sheet in self._data["sheets"]:
            self._review_sheet(sheet)
        while self._page.locator("#fields").is_visible():
            self._review_field()

    def _press(self, key: str, times: int = 1) -> None:
        for _ in range(times):
            self._page.keyboard.press(key)
        self.n_keys += times

    def _review_sheet(self, sheet: dict[str, Any]) -> None:
        at, columns = 0, sheet["columns"]
        for n, (item, glyph) in enumerate(sheet["cells"]):
            key = self._find_key(item, glyph)
            if key is None:
                continue
            down, across = (
                divmod(n, columns)[0] - at // columns,
                n % columns - at % columns,
            )
            if n - at <= abs(down) + abs(across):
                self._press("ArrowRight", n - at)
            else:
                self._press("ArrowDown" if down > 0 else "ArrowUp", abs(down))
                self._press("ArrowRight" if across > 0 else "ArrowLeft", abs(across))
            self._press(key)
            at = min(n + 1, len(sheet["cells"]) - 1)
        self._press("Enter")

    def _find_key(self, number: int, glyph: int) -> str | None:
        """Say what a person does about one digit: None for one that is read rightly."""
        item, written = self._data["items"][number], self._written[number]
        if not item["whole"] or item["value"] == written:
            return None
        if len(item["value"]) != len(written):
            is_first = glyph == 0  # where they begin is not known
            return " " if is_first else None
        texts = item["glyphs"]
        first = next(n for n, text in enumerate(texts) if text)
        place = glyph - first
        if not 0 <= place < len(written) or written[place] == texts[glyph]:
            return None
        return written[place]

    def _review_field(self) -> None:
        shown = self._page.locator("#fields .subject bdi").all_text_contents()
        written = next(
            text
            for item, text in zip(self._data["items"], self._written, strict=True)
            if [item["name"], self._data["pages"][item["page"]]["document"]] == shown
        )
        proposed = self._page.locator("#value").get_attribute("placeholder")
        choices = self._page.locator("#fields .candidates button").all_text_contents()
        if not written:
            self._press("-")
        elif proposed == written:
            pass
        elif written in choices and choices.index(written) < len(written):
            self._press("ArrowDown", choices.index(written))
        else:
            for digit in written:
                self._press(digit)
        self._press("Enter")


class Pages:
    """Draws and reads pages once, and makes pages of review of them."""

    def __init__(self, n_pages: int) -> None:
        self._n_pages = n_pages

    def __call__(self, folder: Path, n_fields: int) -> tuple[Path, int]:
        """Make a page of so many fields: those to review, and accepted ones."""
        results, drawn = folder / "results.csv", folder / "drawn"
        if not results.exists():
            forms = draw_filled_forms(drawn, n_pages=self._n_pages, random_state=_SEED)
            scans, form = str(drawn / "scans"), str(forms.form)
            run_lenet("score", scans, "--form", form, "-o", str(results))
        with results.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        statuses = [row[c] for row in rows for c in row if c.endswith(".status")]
        n_review = len([s for s in statuses if s not in ("accepted", "blank")])
        path, n_sampled = folder / "review.html", max(0, n_fields - n_review)
        words = [str(results), "-o", str(path), "--sample", str(n_sampled), "--force"]
        run_lenet("review", *words)
        return path, n_review + min(n_sampled, statuses.count("accepted"))


def _read_truth(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        Path(row.pop("document")).name: {k: v for k, v in row.items() if k != "page"}
        for row in rows
    }


def _count_digits(path: Path) -> int:
    with opened_browser() as browser:
        page = browser.new_context().new_page()
        page.goto(path.as_uri())
        count: int = page.evaluate(
            f"() => ({_DATA}).items.reduce((n, {{glyphs}}) => n + glyphs.length, 0)"
        )
    return count


@contextmanager
def opened_browser() -> Iterator[Any]:
    """Start Chromium without a window."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def _describe(times: list[float]) -> str:
    middle, most = statistics.median(times), max(times)
    return f"{middle:.0f} ms (median of {len(times)}; {most:.0f} at most)"


MEASURES = {"speed": measure_speed, "keys": measure_keys}


def main() -> None:
    parser = table_parser(__doc__, {name: lambda _: iter(()) for name in MEASURES})
    parser.add_argument("--pages", type=int, default=300, metavar="N", help="to draw")
    args = parse_table_args(parser)
    with tempfile.TemporaryDirectory() as folder:
        pages = Pages(args.pages)
        measures = {
            name: partial(lambda take, _: take(Path(folder), pages), take)
            for name, take in MEASURES.items()
        }
        table = as_table(take_measures(measures, args.only, args.data), _PACKAGES)
    print(table, end="")
    if args.page:
        fill_page(args.page, "review", table)


if __name__ == "__main__":
    main()
