"""The lattice: what it finds is what trying all paths would find."""

import numpy as np
import pytest

from lenet_sklearn.strings.lattice import (
    Lattice,
    align_text,
    read_lattice,
)
from pipelines.forms.checking import fits_mask


def lattice_of(seed, n_nodes=5, characters=("0", "1", "2", "")):
    """Every arc of at most three pieces, with random scores."""
    rng = np.random.default_rng(seed)
    arcs = [(a, b) for a in range(n_nodes) for b in range(a + 1, n_nodes) if b - a < 4]
    starts, stops = np.array(arcs).T
    scores = np.log(rng.random((len(arcs), len(characters))))
    return Lattice(starts, stops, scores, characters)


def walk(lattice, node=0, text="", score=0.0, arcs=()):
    """Give all paths to the end: the string, the score, the arc of each character."""
    if node == lattice.n_nodes - 1:
        yield text, score, arcs
    for arc in np.flatnonzero(lattice.starts == node):
        for column, character in enumerate(lattice.characters):
            gain = lattice.scores[arc, column]
            more = (*arcs, arc) if character else arcs
            yield from walk(
                lattice, lattice.stops[arc], text + character, score + gain, more
            )


def sums_by_brute_force(lattice):
    """Sum over all paths, by string."""
    sums = {}
    for text, score, _ in walk(lattice):
        sums[text] = sums.get(text, 0.0) + np.exp(score)
    return sums


@pytest.mark.parametrize("seed", range(3))
def test_probabilities_are_the_sums_over_all_paths(seed):
    lattice = lattice_of(seed)
    sums = sums_by_brute_force(lattice)
    for reading in read_lattice(lattice, n_best=5):
        expected = sums[reading.text] / sum(sums.values())
        assert reading.probability == pytest.approx(expected)


def test_so_many_best_strings_that_all_are_found_sum_to_one():
    readings = read_lattice(lattice_of(0, n_nodes=3), n_best=100)
    assert sum(reading.probability for reading in readings) == pytest.approx(1)
    assert len({reading.text for reading in readings}) == len(readings) == 13


@pytest.mark.parametrize("mask", ["1#", "###", "2##0"])
def test_a_mask_leaves_only_strings_that_fit_it(mask):
    lattice = lattice_of(1)
    allowed = {
        text: total
        for text, total in sums_by_brute_force(lattice).items()
        if fits_mask(text, mask)
    }
    readings = read_lattice(lattice, n_best=3, mask=mask)
    for reading in readings:
        expected = allowed[reading.text] / sum(allowed.values())
        assert reading.probability == pytest.approx(expected)
    assert len(readings) == min(3, len(allowed))


def test_lengths_leave_only_strings_so_long():
    lattice = lattice_of(2)
    sums = sums_by_brute_force(lattice)
    total = sum(value for text, value in sums.items() if len(text) in (2, 4))
    [best, *others] = read_lattice(lattice, n_best=4, lengths={2, 4})
    assert best.probability == pytest.approx(sums[best.text] / total)
    assert all(len(reading.text) in (2, 4) for reading in [best, *others])


def test_constraints_that_no_path_obeys_leave_nothing():
    assert read_lattice(lattice_of(0), lengths={9}) == []
    assert read_lattice(lattice_of(0), mask="##", lengths={3}) == []


@pytest.mark.parametrize("text", ["21", "0", "120"])
def test_alignment_is_the_best_path_that_reads_the_string(text):
    lattice = lattice_of(3)
    paths = [(score, arcs) for read, score, arcs in walk(lattice) if read == text]
    assert len(paths) > 1
    assert align_text(lattice, text) == max(paths)[1]
    assert align_text(lattice, "9") is None
