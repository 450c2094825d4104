"""Measures of piles: free writing with signs, and numbers in boxes with a minus.

The digits are those of MNIST's test writers, each string by one of them as far as he
has written its digits. The signs among them are drawn here, by other strokes than those
that the networks learned from, and put on white paper with noise, as on a form.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from amounts import load_amounts
from numpy.random import Generator
from tables import Measures, Row, folder_of

from lenet_sklearn import load_dataset
from lenet_sklearn.datasets import load_writers
from pipelines import Field, Form, VotingReader, make_field_reader
from pipelines.forms.deciding import decide
from pipelines.images import Image
from pipelines.outcomes import FieldReading
from pipelines.readers.base import clean_images, split_reader
from pipelines.readers.signs import read_signed, shipped_sign_reader
from pipelines.readers.voting import strip_signs
from pipelines.scoring.batch import OneField

_ALL_SIGNS = "0123456789.,-/:=*x+"

_N_OF_KIND = 200
_SEED = 9_310_000  # of strings that nobody looked at when the networks were trained

Stroke = list[tuple[float, float]]


@dataclass(frozen=True)
class Entry:
    """A string as it is written, and the value of its field."""

    raw: str
    value: str


def _dot(y: float) -> Stroke:
    return [(0.0, y), (0.02, y + 0.02)]


# Strokes in heights of a digit, x from the left and y from the baseline downwards.
_STROKES: dict[str, list[list[Stroke]]] = {
    ".": [[_dot(-0.03)], [_dot(-0.07)]],
    ",": [[[(0.06, -0.06), (0.07, 0.04), (0.0, 0.17)]], [[(0.08, -0.05), (0.0, 0.2)]]],
    "-": [[[(0.0, -0.42), (0.38, -0.45)]], [[(0.0, -0.5), (0.28, -0.47)]]],
    "+": [[[(0.0, -0.45), (0.4, -0.45)], [(0.2, -0.65), (0.2, -0.25)]]],
    "/": [[[(0.0, 0.12), (0.45, -1.05)]], [[(0.0, 0.18), (0.36, -1.1)]]],
    ":": [[_dot(-0.55), _dot(-0.12)], [_dot(-0.62), _dot(-0.2)]],
    "=": [[[(0.0, -0.58), (0.4, -0.6)], [(0.02, -0.36), (0.42, -0.38)]]],
    "*": [
        [
            [(0.0, -0.3), (0.34, -0.72)],
            [(0.0, -0.7), (0.34, -0.32)],
            [(0.17, -0.78), (0.17, -0.24)],
        ]
    ],
    "x": [[[(0.0, -0.4), (0.32, -0.02)], [(0.32, -0.42), (0.0, 0.0)]]],
}


def measure_signs(data: Path) -> Iterator[Row]:
    """Read strings of each kind, with signs and the same digits without."""
    writers = _glyphs_by_writer(data)
    reader, bar = make_field_reader(), "90 %"
    n_all = n_right = 0
    for kind, (draw, field) in KINDS.items():
        rng = np.random.default_rng([_SEED, len(kind)])
        drawn = [_draw_one(draw(rng), writers, rng) for _ in range(_N_OF_KIND)]
        read = _read([image for image, _ in drawn], OneField(reader, field))
        truths = [entry for _, entry in drawn]
        yield Row(kind, _describe(read, [entry.value for entry in truths]), bar)
        as_written = sum(r.raw == e.raw for r, e in zip(read, truths, strict=True))
        yield Row(f"{kind}: character by character", _share(as_written, len(read)), "")
        n_right += sum(r.value == e.value for r, e in zip(read, truths, strict=True))
        n_all += len(read)
    yield Row(f"all {n_all} strings", f"{_share(n_right, n_all)} right", bar)


def measure_digits(data: Path) -> Iterator[Row]:
    """Read the digits of the same strings, written without signs."""
    writers, reader = _glyphs_by_writer(data), make_field_reader()
    any_signs = Field(name="value", kind="line", characters=_ALL_SIGNS)
    images, texts = [], []
    for kind, (draw, _) in KINDS.items():
        rng = np.random.default_rng([_SEED, len(kind)])
        for _ in range(_N_OF_KIND):
            entry = draw(rng)
            digits = strip_signs(entry.raw)
            image, _ = _draw_one(Entry(digits, digits), writers, rng)
            images.append(image)
            texts.append(digits)
    before = _describe(_read(images, OneField(reader)), texts)
    yield Row("digits alone, in a field without signs", before, "as before")
    after = _describe(_read(images, OneField(reader, any_signs)), texts)
    yield Row("digits alone, in a field that allows all signs", after, before)


def measure_boxes(data: Path) -> Iterator[Row]:
    """Read numbers in boxes, of which the first may hold a minus."""
    writers = _glyphs_by_writer(data)
    steps, reader = split_reader(make_field_reader())
    form = Form(fields=[Field(name="value", digits=5, decimals=1, sign=True)])
    rng = np.random.default_rng([_SEED, 0])
    read: dict[str, list[FieldReading]] = {"minus": [], "digit": [], "nothing": []}
    truths: dict[str, list[str]] = {kind: [] for kind in read}
    for _ in range(_N_OF_KIND):
        for kind in read:
            digits = str(rng.integers(1, 10)) + _digits(rng, 3 + (kind == "digit"))
            first = {"minus": "-", "digit": "", "nothing": " "}[kind]
            [image] = clean_images(steps, [_draw_comb(first + digits, writers, rng)])
            [found] = reader.read([image], None, form.fields)
            read[kind].append(decide(form, {"value": found}, reader.threshold)["value"])
            truths[kind].append(f"{first.strip()}{digits[:-1]}.{digits[-1]}")
    for kind, own in read.items():
        n_wrong = sum(
            one.status == "accepted" and one.value.startswith("-") != (kind == "minus")
            for one in own
        )
        said = f"{_describe(own, truths[kind])}, {n_wrong} of them in the sign"
        yield Row(f"combs with a point, {kind} in the first box", said, "none wrong")


def measure_cheques(data: Path) -> Iterator[Row]:
    """Read the digits of cheque amounts, without signs and with them."""
    amounts = load_amounts(data)
    whole = Field(
        name="value", kind="line", characters=_ALL_SIGNS, decimals=0, minimum=0
    )
    rules = [whole] * len(amounts.fields)
    signs = shipped_sign_reader()
    for name, texts in (
        ("in a field without signs", VotingReader().predict(amounts.fields)),
        ("with the new classes", signs.predict(amounts.fields)),
        (
            "with the new classes, as whole amounts",
            [own[0].text for own in read_signed(signs, amounts.fields, rules)],
        ),
    ):
        read = list(map(strip_signs, texts))
        said = [
            _share(
                sum(a == b for a, b in zip(read, labels, strict=True)),
                sum(label is not None for label in labels),
            )
            for labels in amounts.labels.values()
        ]
        what = f"cheques' digits, no cheque seen, {name}"
        yield Row(what, " / ".join(said), "84.9 %")


MEASURES: Measures = {
    "signs": measure_signs,
    "signs_digits": measure_digits,
    "signs_boxes": measure_boxes,
    "signs_cheques": measure_cheques,
}


def _digits(rng: Generator, n: int) -> str:
    return "".join(rng.choice(list("0123456789"), n))


def _number(rng: Generator, most: int) -> str:
    """Draw a number of up to so many digits, without leading zeros."""
    n = int(rng.integers(1, most + 1))
    return str(rng.integers(1, 10)) + _digits(rng, n - 1)


def _draw_decimal(rng: Generator) -> Entry:
    text = f"{_number(rng, 4)}.{_digits(rng, int(rng.integers(1, 5)))}"
    return Entry(text, text)


def _draw_signed(rng: Generator) -> Entry:
    text = ("-" if rng.random() < 0.7 else "") + _number(rng, 4)
    if rng.random() < 0.4:
        text += "." + _digits(rng, 1)
    return Entry(text, text)


def _draw_date(rng: Generator) -> Entry:
    day = np.datetime64("1950-01-01") + int(rng.integers(0, 36_500))
    year, month, number = str(day).split("-")
    mark = rng.choice(["", ".", "/", "-"])
    parts = [number, month]
    if mark and rng.random() < 0.4:
        parts = [part.lstrip("0") for part in parts]
    return Entry(mark.join([*parts, year]), number + month + year)


def _draw_time(rng: Generator) -> Entry:
    hour, minute = int(rng.integers(24)), int(rng.integers(60))
    mark = rng.choice([":", ":", "."])
    early = f"{hour}" if rng.random() < 0.5 else f"{hour:02}"
    return Entry(f"{early}{mark}{minute:02}", f"{hour:02}:{minute:02}")


def _draw_amount(rng: Generator) -> Entry:
    """Draw an amount with two places, or a whole one that its fillers say is one."""
    whole, cents = _number(rng, 6), _digits(rng, 2)
    written = f"{int(whole):,}" if rng.random() < 0.6 else whole
    if rng.random() < 0.35:
        return Entry(written + str(rng.choice(["/-", "/=", ".-"])), f"{whole}.00")
    before, after = "", ""
    if rng.random() < 0.6:
        before = str(rng.choice(["", "=", "***", "xx", "*"]))
        after = str(rng.choice(["=", "***", "xx", "/-", "-", "--"]))
    return Entry(f"{before}{written}.{cents}{after}", f"{whole}.{cents}")


KINDS: dict[str, tuple[Callable[[Generator], Entry], Field]] = {
    "decimals": (
        _draw_decimal,
        Field(name="value", kind="line", characters="0123456789."),
    ),
    "signed numbers": (
        _draw_signed,
        Field(name="value", kind="line", characters="0123456789.-"),
    ),
    "dates": (
        _draw_date,
        Field(name="value", kind="line", characters="0123456789./-", date="DDMMYYYY"),
    ),
    "clock times": (
        _draw_time,
        Field(name="value", kind="line", characters="0123456789:.", time="HH:MM"),
    ),
    "amounts with fillers": (
        _draw_amount,
        Field(
            name="value",
            kind="line",
            characters="0123456789.,-/=*x",
            decimals=2,
            minimum=0,
        ),
    ),
}


Writers = list[dict[str, list[Image]]]


def _glyphs_by_writer(data: Path) -> Writers:
    """Sort the digits of the test writers; a digit that one lacks is another's."""
    glyphs, labels = load_dataset(
        "mnist", data_dir=folder_of(data, "mnist"), split="test"
    )
    numbers = load_writers(folder_of(data, "mnist_writers"), split="test")
    everyone: dict[str, list[Image]] = {d: [] for d in "0123456789"}
    own: dict[int, dict[str, list[Image]]] = {}
    for glyph, label, number in zip(glyphs, labels, numbers, strict=True):
        everyone[str(label)].append(glyph)
        own.setdefault(int(number), {}).setdefault(str(label), []).append(glyph)
    return [everyone | digits for digits in own.values() if len(digits) >= 8]


def _draw_one(entry: Entry, writers: Writers, rng: Generator) -> tuple[Image, Entry]:
    """Write a string on a line of a form, and scan it."""
    hand = writers[int(rng.integers(len(writers)))]
    height = rng.uniform(26, 42)
    pen, lean = rng.uniform(0.09, 0.13) * height, rng.normal(0.1, 0.12)
    page = np.zeros((round(2.2 * height), round(height * (len(entry.raw) + 3))))
    x, base, gap = 0.8 * height, 1.55 * height, rng.uniform(0.06, 0.22) * height
    for character in entry.raw:
        low = base + rng.normal(0, 0.03) * height
        if character.isdigit():
            own = hand[character]
            x = _lay_digit(page, own[int(rng.integers(len(own)))], (x, low), height)
        else:
            shapes = _STROKES[character]
            strokes = shapes[int(rng.integers(len(shapes)))]
            placed = [_place(s, (x, low), height, lean, rng) for s in strokes]
            x = _lay_strokes(page, placed, pen)
        x += gap + rng.normal(0, 0.03) * height
    return _scan(page[:, : round(x + 0.8 * height)], rng), entry


def _draw_comb(marks: str, writers: Writers, rng: Generator) -> Image:
    """Write a mark into each box of a comb, and scan it."""
    hand = writers[int(rng.integers(len(writers)))]
    side, width = int(rng.integers(46, 72)), int(rng.integers(42, 60))
    margin, height = side // 3, rng.uniform(0.55, 0.75) * side
    page = np.zeros((side + 2 * margin, len(marks) * width + 2 * margin))
    for n, mark in enumerate(marks):
        x = margin + (n + rng.uniform(0.15, 0.3)) * width
        low = margin + side / 2 + height * rng.normal(0.5, 0.05)
        if mark.isdigit():
            own = hand[mark]
            _lay_digit(page, own[int(rng.integers(len(own)))], (x, low), height)
        elif mark in _STROKES:
            strokes = _STROKES[mark][int(rng.integers(len(_STROKES[mark])))]
            placed = [_place(s, (x, low), 1.3 * height, 0.1, rng) for s in strokes]
            _lay_strokes(page, placed, rng.uniform(0.09, 0.13) * height)
    line, grey = int(rng.integers(1, 4)), rng.uniform(0.4, 0.9)
    for x in margin + width * np.arange(len(marks) + 1):
        page[margin : margin + side, x : x + line] = grey
    for y in (margin, margin + side):
        page[y : y + line, margin : margin + len(marks) * width + line] = grey
    return _scan(page, rng)


def _lay_digit(
    page: Any, glyph: Image, corner: tuple[float, float], height: float
) -> float:
    """Lay a digit with its lower left corner there; return its right side."""
    left, top, width, tall = cv2.boundingRect(glyph)
    scale = height / 20
    size = max(2, round(scale * width)), max(2, round(scale * tall))
    ink = cv2.resize(
        glyph[top : top + tall, left : left + width],
        size,
        interpolation=cv2.INTER_CUBIC,
    )
    x, y = round(corner[0]), round(corner[1]) - size[1]
    part = page[y : y + size[1], x : x + size[0]]
    np.maximum(part, ink.astype(float) / 255, out=part)
    return x + size[0]


def _place(
    stroke: Stroke, corner: tuple[float, float], height: float, lean: float, rng: Any
) -> Any:
    points = np.array(stroke) * rng.uniform(0.8, 1.2)
    points += rng.normal(0, 0.012, points.shape)
    points[:, 0] -= lean * points[:, 1]
    return points * height + corner


def _lay_strokes(page: Any, strokes: list[Any], pen: float) -> float:
    """Draw the strokes of a sign; return its right side."""
    fine = np.zeros([4 * side for side in page.shape], np.uint8)
    for points in strokes:
        ends = np.rint(4 * points).astype(np.int32)
        cv2.polylines(fine, [ends], isClosed=False, color=255, thickness=round(4 * pen))
    size = page.shape[::-1]
    ink = cv2.resize(fine, size, interpolation=cv2.INTER_AREA).astype(float) / 255
    np.maximum(page, ink, out=page)
    return float(np.flatnonzero(ink.any(axis=0))[-1] + 1)


def _scan(ink: Any, rng: Generator) -> Image:
    page = rng.uniform(225, 252) * (1 - rng.uniform(0.45, 0.85) * ink)
    page = cv2.GaussianBlur(page, (0, 0), rng.uniform(0.4, 0.9))
    page += rng.normal(0, rng.uniform(1, 4), page.shape)
    return np.clip(page, 0, 255).astype(np.uint8)


def _read(images: list[Image], reader: OneField) -> list[FieldReading]:
    return [reader.read(image).fields["value"] for image in images]


def _describe(read: list[FieldReading], truths: list[str]) -> str:
    right = [r.value == truth for r, truth in zip(read, truths, strict=True)]
    accepted = [r.status == "accepted" for r in read]
    wrong = sum(a and not b for a, b in zip(accepted, right, strict=True))
    return (
        f"{_share(sum(right), len(read))} right; {_share(sum(accepted), len(read))}"
        f" accepted, {wrong} of {sum(accepted)} wrong"
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
