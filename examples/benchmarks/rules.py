"""
What rules are worth
====================

Measure rules that decide: a check digit on drawn numbers, and sums on a photographed
tally form, each box of which is blotted out in turn.
"""

import argparse
import csv
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pipelines import Field, Form, Sum, make_form_reader, read_pages
from pipelines.drawing import draw_comb, draw_scanner, draw_writer, scan_page
from pipelines.forms.check_digits import CheckDigit, has_check_digit
from pipelines.forms.deciding import decide
from pipelines.forms.drafting import write_draft
from pipelines.images import Image
from pipelines.outcomes import FieldReading

N_DIGITS = 10
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

# The darkest a pen gets on a scan.
_BLOT = 30

# A blot is so much narrower and lower than its box.
_BLOT_SIZE = 0.8


def draw_numbers(
    n: int, scheme: CheckDigit, *, noise: float = 0.0, random_state: int = 0
) -> tuple[list[str], list[Image]]:
    """Draw numbers with a check digit into combs on pages, each by another writer.

    Pages are scanned, and get so much more noise, in grey levels.
    """
    rng = np.random.default_rng(random_state)
    texts, images = [], []
    while len(texts) < n:
        text = "".join(map(str, rng.integers(10, size=N_DIGITS)))
        if not has_check_digit(text, scheme):
            continue
        field = draw_comb(text, writer=draw_writer(rng), random_state=rng)
        page = np.full((field.shape[0] + 160, field.shape[1] + 160), 255, np.uint8)
        page[80:-80, 80:-80] = field
        scanned = scan_page(page, draw_scanner(rng), random_state=rng)
        scanned = scanned + noise * rng.standard_normal(scanned.shape)
        texts.append(text)
        images.append(np.clip(scanned, 0, 255).astype(np.uint8))
    return texts, images


def measure_check_digits(
    n: int, scheme: CheckDigit = "luhn", *, noise: float = 0.0, random_state: int = 0
) -> dict[str, float]:
    """Read drawn numbers with and without the rule, and count errors at equal rates.

    Returns, without the rule (`plain`) and with it (`ruled`), the share that is right,
    the read rate and the number of errors among the accepted at a threshold of 0.9; and
    the number of errors among the surest 80 % to 100 % of the numbers.
    """
    texts, images = draw_numbers(n, scheme, noise=noise, random_state=random_state)
    plain_form = Form.from_combs({"number": N_DIGITS})
    field = Field(name="number", digits=N_DIGITS, check_digit=scheme)
    form = Form(fields=(field,))
    reader = make_form_reader(plain_form)
    plain = [reader.read(image).fields["number"] for image in images]
    ruled = [decide(form, {"number": one}, 0.9)["number"] for one in plain]
    figures: dict[str, float] = {"n": n}
    for name, readings in (("plain", plain), ("ruled", ruled)):
        accepted = [r.status == "accepted" for r in readings]
        wrong = _wrong(readings, texts)
        figures[f"{name}_right"] = float(np.mean(~wrong))
        figures[f"{name}_read_rate"] = float(np.mean(accepted))
        figures[f"{name}_errors"] = int(np.sum(wrong & accepted))
    for rate in (0.8, 0.9, 0.95, 0.99, 1.0):
        n_read = round(rate * n)
        for name, readings in (("plain", plain), ("ruled", ruled)):
            figures[f"{name}_errors_at_{rate:g}"] = _errors_at(readings, texts, n_read)
    return figures


def _wrong(readings: Sequence[FieldReading], texts: Sequence[str]) -> np.ndarray:
    return np.array([r.value != t for r, t in zip(readings, texts, strict=True)])


def _errors_at(
    readings: Sequence[FieldReading], texts: Sequence[str], n_read: int
) -> int:
    """Count the errors among the surest readings; those that are equally sure last."""
    # What breaks a rule is never accepted, whatever its confidence.
    usable = [0.0 if r.status == "invalid" else r.confidence for r in readings]
    order = np.lexsort((~_wrong(readings, texts), -np.array(usable)))
    return int(_wrong(readings, texts)[order[:n_read]].sum())


def tally_form(folder: Path) -> tuple[Form, list[str]]:
    """Draft the form of the tally photograph, and add its sums; also its six totals."""
    path = folder / "form.json"
    write_draft(DATA / "cdigital" / "blank" / "c.hasil_pwp_3.png", path)
    form = Form.from_file(path)
    names = [field.name for field in form.fields if field.digits == 3]
    *candidates, valid, invalid, grand = names
    sums = (
        Sum(total=valid, parts=tuple(candidates)),
        Sum(total=grand, parts=(valid, invalid)),
    )
    return form.model_copy(update={"sums": sums}), names


def blot(page: Image, quad: np.ndarray, box: int, n_boxes: int) -> Image:
    """Blot out one box of a comb."""
    (left, right), (low_left, low_right) = quad[:2], quad[:1:-1]
    shares = np.array([box, box + 1]) / n_boxes
    upper = left + shares[:, None] * (right - left)
    lower = low_left + shares[:, None] * (low_right - low_left)
    corners = np.vstack([upper, lower[::-1]])
    middle = corners.mean(axis=0)
    corners = middle + _BLOT_SIZE * (corners - middle)
    return cv2.fillPoly(page.copy(), [corners.round().astype(np.int32)], _BLOT)


def measure_blots() -> dict[str, int]:
    """Read the tally photograph, whole and with each box of its totals blotted out.

    Counts the totals that are right and accepted on the whole photograph
    (`whole_accepted` of 6); of the fields with a blot (`blotted`) and the five beside
    each (`beside`) those that are accepted and right, accepted and wrong, and not
    accepted.
    """
    folder = DATA / "cdigital"
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as file:
        truth = [row["value"] for row in csv.DictReader(file)]
    page = next(iter(read_pages(folder / "pwp_sample_01.jpg")))
    with tempfile.TemporaryDirectory() as drafts:
        form, names = tally_form(Path(drafts))
        reader = make_form_reader(form)
        whole = reader.read(page).fields
        counts: Counter[str] = Counter()
        for name, right in zip(names, truth, strict=True):
            counts["whole_accepted"] += _is(whole[name], "accepted", right)
        for name in names:
            for box in range(3):
                blotted = blot(page, whole[name].quad, box, 3)
                read = reader.read(blotted).fields
                for other, right in zip(names, truth, strict=True):
                    kind = "blotted" if other == name else "beside"
                    field = read[other]
                    if not field.is_settled:
                        counts[f"{kind}_not_accepted"] += 1
                    else:
                        is_right = field.value == right
                        counts[f"{kind}_{'right' if is_right else 'wrong'}"] += 1
    return dict(counts)


def _is(field: FieldReading, status: str, value: str) -> bool:
    return field.status == status and field.value == value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1000, help="numbers to draw")
    parser.add_argument("--noise", type=float, default=0.0, help="grey levels")
    arguments = parser.parse_args()
    for scheme in ("luhn", "verhoeff"):
        print(scheme, measure_check_digits(arguments.n, scheme, noise=arguments.noise))
    if DATA.exists():
        print("blots", measure_blots())
