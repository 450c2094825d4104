"""Lattices by the batch: the same sums as one by one, and gradients that teach."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from lenet_sklearn import LeNet5Classifier
from lenet_sklearn.strings.lattice import Lattice, score_all, score_text
from lenet_sklearn.strings.lattice_training import (
    ArcNetwork,
    ArcSample,
    add_class,
    align_arcs,
    string_losses,
    train_arcs,
)

CHARACTERS = ("0", "1", "2", "")


def lattice_of(n_cuts, seed):
    """Every arc of at most three pieces, with random scores."""
    rng = np.random.default_rng(seed)
    arcs = [(a, b) for a in range(n_cuts) for b in range(a + 1, n_cuts) if b - a < 4]
    starts, stops = np.array(arcs).T
    scores = rng.normal(size=(len(arcs), len(CHARACTERS)))
    scores[stops - starts > 1, -1] = -np.inf
    return Lattice(starts, stops, scores, CHARACTERS)


def losses_of(lattices, texts):
    arcs = align_arcs(
        [torch.from_numpy(lattice.starts) for lattice in lattices],
        [torch.from_numpy(lattice.stops) for lattice in lattices],
    )
    scores = torch.from_numpy(np.concatenate([q.scores for q in lattices]))
    columns = [[int(character) for character in text] for text in texts]
    return string_losses(scores.nan_to_num(neginf=0.0), arcs, columns)


def test_the_losses_of_a_batch_are_those_of_each_lattice_alone():
    lattices = [lattice_of(n, seed) for seed, n in enumerate((6, 3, 8))]
    texts = ["201", "", "1212"]
    expected = [
        score_all(lattice) - score_text(lattice, text)
        for lattice, text in zip(lattices, texts, strict=True)
    ]
    np.testing.assert_allclose(losses_of(lattices, texts).numpy(), expected)


def test_a_string_with_more_characters_than_pieces_has_a_huge_loss():
    [loss, other] = losses_of([lattice_of(3, 0), lattice_of(5, 1)], ["111", "111"])
    assert loss > 10_000
    assert 0 < other < 100


def test_a_class_more_leaves_the_others_as_they_are():
    digits = LeNet5Classifier.from_pretrained("mnist", device="cpu")
    stroke = np.zeros((1, 28, 28), np.uint8)
    stroke[0, 4:24, 13:15] = 255
    wider = add_class(digits, 10)
    np.testing.assert_allclose(
        wider.decision_function(stroke)[:, :10],
        digits.decision_function(stroke),
        atol=1e-4,
    )
    assert not hasattr(digits.net_.module_, "unknown")
    assert digits.classes_.tolist() == list(range(10))


class _TellsBrightness(torch.nn.Module):
    """Two characters and none, from the mean of an image."""

    def __init__(self):
        super().__init__()
        self.line = torch.nn.Linear(1, 3)

    def forward(self, images):
        return self.line(images.mean(dim=(1, 2, 3))[:, None])


@pytest.fixture
def samples():
    """Two pieces, dark or bright, and a third arc that joins them."""
    rng = np.random.default_rng(0)
    starts, stops = np.array([0, 0, 1]), np.array([1, 2, 2])
    drawn = []
    for _ in range(40):
        text = rng.integers(2, size=2).tolist()
        levels = np.array([text[0], 0.5, text[1]]) * 255
        glyphs = (
            np.full((3, 28, 28), 0, np.uint8) + levels.astype(np.uint8)[:, None, None]
        )
        terms = (stops - starts > 1)[:, None].astype(np.float32)
        drawn.append(ArcSample(glyphs, terms, starts, stops, text))
    return drawn


def test_training_on_strings_teaches_what_the_characters_look_like(samples):
    torch.manual_seed(0)
    network = ArcNetwork(_TellsBrightness(), torch.nn.Linear(1, 3))
    train_arcs(network, [samples] * 150, n_steps=150, lr=0.1)
    images = torch.tensor([0.0, 1.0])[:, None, None, None].expand(2, 1, 28, 28)
    scores = network(images, torch.zeros(2, 1))
    assert scores[:, :2].argmax(dim=1).tolist() == [0, 1]
    joined = network(images, torch.ones(2, 1))
    assert (joined < scores).all(), "no string has one character"


def test_a_share_of_the_weights_it_begins_with_is_kept_where_asked(samples):
    torch.manual_seed(0)
    begun = ArcNetwork(_TellsBrightness(), torch.nn.Linear(1, 3))
    trained, kept = deepcopy(begun), deepcopy(begun)
    train_arcs(trained, [samples] * 9, n_steps=9, lr=0.1)
    train_arcs(kept, [samples] * 9, n_steps=9, lr=0.1, initial_share=0.25)
    for weights in zip(*(n.parameters() for n in (begun, trained, kept)), strict=True):
        first, last, between = weights
        torch.testing.assert_close(between, 0.25 * first + 0.75 * last)
        assert not torch.equal(first, last)
