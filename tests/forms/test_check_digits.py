"""Check digits: published values are confirmed, and what people get wrong is not."""

import numpy as np
import pytest

from pipelines.forms.check_digits import Weights, check_automaton, has_check_digit

ISBN = Weights(weights=tuple(range(2, 11)), modulus=11)

# Published examples: a card number of ISO/IEC 7812-1, an ISBN, those of ISO 7064,
# Verhoeff's 236, Damm's 572, a bar code of the EAN.
PUBLISHED = [
    ("79927398713", "luhn"),
    ("0306406152", "mod11"),
    ("0306406152", ISBN),
    ("07945", "mod11,10"),
    ("79444", "mod97-10"),
    ("2363", "verhoeff"),
    ("5724", "damm"),
    ("4006381333931", Weights(weights=(3, 1), modulus=10)),
]


def swaps(value):
    for i in range(len(value) - 1):
        swapped = value[:i] + value[i + 1] + value[i] + value[i + 2 :]
        if swapped != value:
            yield swapped


@pytest.mark.parametrize(("value", "scheme"), PUBLISHED)
def test_a_check_digit_catches_every_single_wrong_digit(value, scheme):
    assert has_check_digit(value, scheme)
    for place, right in enumerate(value):
        for wrong in set("0123456789") - {right}:
            changed = value[:place] + wrong + value[place + 1 :]
            assert not has_check_digit(changed, scheme)


@pytest.mark.parametrize("scheme", ["verhoeff", "damm", "mod11", "mod97-10"])
def test_these_schemes_catch_every_swap_of_neighbours(scheme):
    rng = np.random.default_rng(0)
    confirmed = 0
    for number in rng.integers(10**8, size=3000):
        value = f"{number:08}"
        if has_check_digit(value, scheme):
            confirmed += 1
            assert not any(has_check_digit(other, scheme) for other in swaps(value))
    assert confirmed > 20


def test_the_share_of_numbers_that_a_scheme_confirms():
    numbers = [f"{number:04}" for number in range(10000)]
    shares = {
        scheme: sum(has_check_digit(number, scheme) for number in numbers)
        for scheme in ("luhn", "mod11", "mod11,10", "mod97-10", "verhoeff", "damm")
    }
    assert shares == {
        "luhn": 1000,
        "mod11": 909,
        "mod11,10": 1000,
        "mod97-10": 104,
        "verhoeff": 1000,
        "damm": 1000,
    }


def test_an_automaton_reads_a_value_from_the_right():
    automaton = check_automaton("damm")
    state = automaton.start
    for place, digit in enumerate([4, 2, 7, 5]):
        state = automaton.step(state, digit, place)
    assert state == automaton.accepted == 0
