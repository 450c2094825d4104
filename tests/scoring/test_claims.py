"""How well numbers fit pages, held to sums over all strings that there are."""

from itertools import product

import numpy as np
import pytest

from lenet_sklearn.strings import Hypothesis
from lenet_sklearn.strings.boxes import BoxPosteriors, score_filling
from pipelines.outcomes import FieldReading
from pipelines.scoring.claims import find_evidence, weigh_claims

DIGITS = tuple("0123456789")


def boxes_of(text, *, doubts=()):
    """Read a string in boxes surely, but for (place, digit, probability) besides."""
    likely = np.zeros((len(text), 11))
    for row, mark in zip(likely, text, strict=True):
        row["0123456789_".index(mark)] = 1.0
    for place, digit, probability in doubts:
        likely[place] *= 1 - probability
        likely[place, int(digit)] += probability
    return BoxPosteriors(likely, DIGITS)


def evidence_of(text, **doubts):
    boxes = boxes_of(text, **doubts)
    return find_evidence(FieldReading(text, "rejected", 0.5, boxes=boxes))


def claims_of(pages, numbers):
    """Return the odds of each page on each number, in the order of the list."""
    claims = weigh_claims(pages, numbers)
    odds = np.empty_like(claims.odds)
    np.put_along_axis(odds, claims.rows, claims.odds, axis=1)
    return odds


@pytest.mark.parametrize("numbers", [["12", "17", "45"], ["7", "12", "3"]])
def test_the_odds_are_sums_over_all_strings(numbers):
    evidence = evidence_of("12", doubts=[(0, "4", 0.2), (1, "7", 0.4)])
    boxes = BoxPosteriors(evidence.likely[0], DIGITS)
    frequencies = {}
    for length in {len(number) for number in numbers}:
        own = [number for number in numbers if len(number) == length]
        counts = np.ones((length, 10))
        for number in own:
            counts[np.arange(length), list(map(int, number))] += 1
        frequencies[length] = len(own) / len(numbers), counts / (len(own) + 10)

    def alike(text):
        share, table = frequencies[len(text)]
        return share * np.prod([table[n, int(d)] for n, d in enumerate(text)])

    def near(text):
        _, table = frequencies[len(text)]
        return sum(
            np.prod(
                [
                    0.7 * (a == b) + 0.3 * table[n, int(b)]
                    for n, (a, b) in enumerate(zip(number, text, strict=True))
                ]
            )
            for number in numbers
            if len(number) == len(text)
        ) / len(numbers)

    strings = ["".join(s) for n in frequencies for s in product(DIGITS, repeat=n)]
    others = [text for text in strings if text not in numbers]
    none = 0.1 / 11**2
    for share, probability in ((0.6, alike), (0.3, near)):
        weights = np.array([probability(text) for text in others])
        fits = np.array([score_filling(boxes, text) for text in others])
        none += share * (weights * fits).sum() / weights.sum()
    listed = np.array([score_filling(boxes, number) for number in numbers])
    [odds] = claims_of([evidence], numbers)
    expected = listed / none
    np.testing.assert_allclose(odds / odds.sum(), expected / expected.sum())
    # The share of pages that bear no listed number is learned from this page alone.
    share = np.linspace(0, 1, 100_001)[1:-1]
    chance = share * none + (1 - share) * listed.mean()
    best = share[np.argmax(np.log(chance) + np.log(share) + 19 * np.log(1 - share))]
    np.testing.assert_allclose(odds, (1 - best) / best * expected / 3, rtol=1e-3)


SPARSE = ["928603850", "258743194", "744722028", "672414014"]


@pytest.mark.parametrize(
    ("written", "doubts", "least", "most"),
    [
        ("928603850", (), 0.999, 1),
        ("928603851", [(8, "0", 0.05)], 0.99, 1),  # one digit is doubtful
        ("928603851", (), 0.3, 0.9),  # one surely differs: a slip, or another person
        ("928613851", (), 0, 0.01),  # two surely do
        ("92860385_", (), 0.9, 1),  # a box is empty
        ("111111111", (), 0, 1e-9),
    ],
)
def test_what_surely_differs_counts_and_what_is_doubtful_does_not(
    written, doubts, least, most
):
    claims = weigh_claims([evidence_of(written, doubts=doubts)], SPARSE)
    assert least <= claims.alone()[0, 0] <= most


def test_in_a_dense_list_one_digit_that_surely_differs_is_another_number():
    numbers = [f"2021{n:05d}" for n in range(0, 1000, 3)]
    claims = weigh_claims([evidence_of("202100100")], numbers)
    assert claims.alone()[0].sum() < 0.05


def test_a_list_of_all_numbers_leaves_none_that_are_not_on_it():
    numbers = [f"{n:02d}" for n in range(100)]
    claims = weigh_claims([evidence_of("42")], numbers)
    assert numbers[claims.rows[0, 0]] == "42"
    assert claims.alone()[0, 0] > 0.95


def test_a_number_may_stand_anywhere_in_its_boxes():
    claims = weigh_claims([evidence_of("_42_")], ["41", "42", "4200"])
    assert claims.rows[0, 0] == 1
    assert claims.alone()[0, 0] > 0.99


def test_a_number_that_is_too_long_for_the_boxes_fits_nowhere():
    [odds] = claims_of([evidence_of("42")], ["42", "425"])
    assert odds[1] == 0


def test_a_box_that_shows_no_digit_says_nothing():
    boxes = boxes_of("123")
    boxes.likely[2] = 0  # a blot
    [evidence] = find_evidence(FieldReading("12", "rejected", 0.0, boxes=boxes)).likely
    np.testing.assert_allclose(evidence[2], 1 / 11)
    np.testing.assert_allclose(evidence.sum(axis=1), 1)


def test_characters_of_a_classifier_may_come_in_any_order():
    boxes = BoxPosteriors(np.array([[0.7, 0.2, 0.1, 0.0]]), ("7", "x", "1"))
    [[row]] = find_evidence(FieldReading("7", "rejected", 0.7, boxes=boxes)).likely
    assert row[7] == pytest.approx(0.999 * (0.7 + 0.2 / 11) + 0.001 / 11)
    assert row[1] == pytest.approx(0.999 * (0.1 + 0.2 / 11) + 0.001 / 11)


def test_free_writing_is_each_of_its_strings_with_doubts():
    guesses = (Hypothesis("1998", 0.5), Hypothesis("199", 0.3))
    field = FieldReading("1998", "rejected", 0.5, candidates=guesses)
    evidence = find_evidence(field)
    assert evidence.weights == pytest.approx((0.625, 0.375))
    longer, shorter = evidence.likely
    assert longer[0, 1] == pytest.approx(1 - (0.001 + 0.999 * 0.2 / 4) * 10 / 11)
    assert shorter.shape == (3, 11)


def test_pages_of_several_kinds_are_weighed_as_each_alone():
    numbers = ["0451", "1998", "199"]
    guesses = (Hypothesis("1998", 0.5), Hypothesis("199", 0.3))
    field = FieldReading("1998", "rejected", 0.5, candidates=guesses)
    pages = [evidence_of("0451"), find_evidence(field), evidence_of("_1998")]
    together = claims_of(pages, numbers)
    for page, odds in zip(pages, together, strict=True):
        [alone] = claims_of([page], numbers)
        np.testing.assert_allclose(alone / alone.sum(), odds / odds.sum())


def test_pages_are_weighed_in_pieces_that_fit_into_memory(monkeypatch):
    pages = [evidence_of(number) for number in SPARSE]
    whole = claims_of(pages, SPARSE)
    monkeypatch.setattr("pipelines.scoring.claims._MOST_NUMBERS", 1)
    np.testing.assert_allclose(claims_of(pages, SPARSE), whole)


def test_the_rows_beyond_the_most_probable_count_together(monkeypatch):
    evidence = evidence_of("928603850", doubts=[(0, "7", 0.3)])
    whole = weigh_claims([evidence], SPARSE)
    monkeypatch.setattr("pipelines.scoring.claims._MOST_CLAIMS", 2)
    few = weigh_claims([evidence], SPARSE)
    assert few.rows.tolist() == whole.rows[:, :2].tolist()
    np.testing.assert_allclose(few.others, whole.odds[:, 2:].sum(axis=1))
    np.testing.assert_allclose(few.alone(), whole.alone()[:, :2])


@pytest.mark.parametrize(
    "field",
    [
        FieldReading("", "unlocated", 0.0),
        FieldReading("", "blank", 1.0, boxes=boxes_of("___")),
        FieldReading("12", "rejected", 0.0),
    ],
)
def test_what_was_not_read_is_no_evidence(field):
    assert find_evidence(field) is None
