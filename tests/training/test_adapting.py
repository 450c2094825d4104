"""Learning from a pile of fields without labels."""

import cv2
import numpy as np
import pytest

from lenet_sklearn import load_model
from lenet_sklearn.models.cards import read_card
from lenet_sklearn.strings.decoding import Hypothesis
from pipelines import CuttingReader, SlidingReader, VotingReader
from pipelines.drawing import draw_string, draw_writer
from pipelines.forms.field import Field
from pipelines.forms.form import Form
from pipelines.models import save_line_reader
from pipelines.training import adapting
from pipelines.training.adapting import (
    Comparison,
    adapt_to_pile,
    load_pile_start,
    save_lessons,
)
from pipelines.training.lessons import Voters, gather_lessons, label_fields
from pipelines.training.unlabelled import FieldPile

N_FIELDS = 42


def draw_pile(n_fields=N_FIELDS):
    rng = np.random.default_rng(5)
    texts = ["".join(map(str, rng.integers(10, size=4))) for _ in range(n_fields)]
    writer = draw_writer(3)
    return [draw_string(t, writer, random_state=n) for n, t in enumerate(texts)], texts


def start():
    return SlidingReader(load_model("wide", device="cpu"))


@pytest.fixture
def spied(monkeypatch):
    """Note what is learned from, in place of learning it."""
    seen = {"texts": [], "images": []}
    # Drawing is what takes the time here.
    monkeypatch.setattr("pipelines.drawing.lines._N_COPYBOOK", 4)

    def teach_sliding(begun, lessons, _seed):
        seen["texts"] += lessons.texts
        return begun

    def teach_cutting(pile, labels, _seed):
        seen["images"] += [id(pile.images[n]) for n in labels]
        seen["texts"] += [text for own in labels.values() for text in own]
        return CuttingReader()

    monkeypatch.setattr(adapting, "teach_sliding", teach_sliding)
    monkeypatch.setattr(adapting, "teach_cutting", teach_cutting)
    return seen


def test_the_old_network_is_kept_when_it_gets_no_better(spied, tmp_path):
    images, _ = draw_pile()
    begun = start()
    lessons = adapt_to_pile(FieldPile.of_images(images), begun, n_strips=(20,))
    assert not lessons.is_gain
    assert lessons.reader is begun
    path = tmp_path / "kept.safetensors"
    save_lessons(lessons, path, model="wide")
    card = read_card(path)
    assert "nothing was gained" in card.figures["kept"]
    assert card.data == "wide"


def test_nothing_of_what_is_kept_back_is_learned(spied):
    images, _ = draw_pile()
    # The truth of every document kept back is planted: no other field says 77777.
    learned, held = adapting._split(FieldPile.of_images(images), 0)
    known = ["77777" if n in held else None for n in range(N_FIELDS)]
    pile = FieldPile.of_images(images, known)
    lessons = adapt_to_pile(pile, start(), n_strips=(30, 30))
    assert spied["images"]
    assert set(spied["images"]) <= {id(images[n]) for n in learned}
    assert "77777" not in spied["texts"]
    assert lessons.compared.n_labelled == len(held)
    assert lessons.compared.n_wrong == (len(held), len(held))


def test_fields_of_one_document_are_kept_back_together():
    images, _ = draw_pile()
    documents = [str(n // 4) for n in range(N_FIELDS)]
    pile = FieldPile.of_images(images, documents=documents)
    learned, held = adapting._split(pile, 0)
    assert not {documents[n] for n in learned} & {documents[n] for n in held}


def test_labels_that_are_known_are_learned_as_they_are(spied):
    images, texts = draw_pile()
    known = ["9999"] + [None] * (N_FIELDS - 1)
    pile = FieldPile.of_images(images, known)
    labels = label_fields(pile, [0, 1], Voters(start(), CuttingReader()))
    assert labels[0] == {"9999": 1.0}
    assert set(labels[1]) == {texts[1]}
    assert 0.5 < labels[1][texts[1]] <= 1


def test_one_round_is_enough_where_all_labels_are_known():
    images, texts = draw_pile()
    every = range(N_FIELDS)
    [n_known] = adapting._plan(FieldPile.of_images(images, texts), every)
    rounds = adapting._plan(FieldPile.of_images(images, [*texts[1:], None]), every)
    assert len(rounds) == 3
    assert n_known > max(rounds)


def test_what_breaks_a_rule_is_no_lesson(spied):
    images, _ = draw_pile()
    form = Form(fields=(Field(name="value", kind="line", mask="9###"),))
    pile = FieldPile.of_images(images, form=form)
    voters = Voters(start(), CuttingReader())
    labels = label_fields(pile, list(range(12)), voters)
    assert all(text.startswith("9") for own in labels.values() for text in own)


def test_too_few_fields_are_refused():
    images, _ = draw_pile(5)
    with pytest.raises(ValueError, match=r"There are 5 fields .* 40 at the least"):
        adapt_to_pile(FieldPile.of_images(images), start())


@pytest.mark.parametrize(
    ("leans", "broken", "wrong", "is_gain"),
    [
        ((5, 4), (2, 2), (3, 3), True),
        ((4, 4), (2, 1), (3, 3), True),
        ((0, 0), (2, 2), (3, 2), True),
        ((4, 5), (2, 1), (3, 2), False),
        ((5, 4), (2, 3), (3, 3), False),
        ((5, 4), (2, 2), (3, 4), False),
        ((4, 4), (2, 2), (3, 3), False),
    ],
)
def test_something_speaks_for_a_gain_and_nothing_against_it(
    leans, broken, wrong, is_gain
):
    compared = Comparison(30, 12, *leans, broken, 5, wrong)
    assert compared.is_gain is is_gain


class Says:
    """Reads the strings that it is given for the images."""

    def __init__(self, texts):
        self.texts = texts

    def read(self, images, *, n_best=1):
        said = (self.texts[id(image)] for image in images)
        return [[Hypothesis(text, 0.8)] for text in said]


def test_over_segmentation_that_knows_nothing_of_the_pile_decides():
    images, texts = draw_pile(12)
    pile = FieldPile.of_images(images)
    right = Says({id(image): text for image, text in zip(images, texts, strict=True)})
    wrong = Says({id(image): "1111" for image in images})
    compared = adapting._compare(pile, range(12), wrong, right)
    assert (compared.n_changed, compared.n_against) == (12, 0)
    assert compared.n_for >= 9
    assert not adapting._compare(pile, range(12), right, wrong).is_gain
    assert not adapting._compare(pile, range(12), right, right).is_gain


def test_a_pile_that_nobody_can_read_is_refused():
    pile = FieldPile.of_images([np.full((40, 90), 220, np.uint8)] * 2)
    with pytest.raises(ValueError, match="None of 0 fields could be read surely"):
        gather_lessons(pile, {}, 100, CuttingReader(), 0)


def test_too_few_fields_to_learn_from_are_refused():
    images = [np.full((40, 90), 220, np.uint8)] * 60
    pile = FieldPile.of_images(images, documents=["a"] * 50 + ["b"] * 10)
    # Seed 0 keeps the smaller document back, seed 1 the larger one.
    learned, held = adapting._split(pile, 0)
    assert (len(learned), len(held)) == (50, 10)
    with pytest.raises(ValueError, match="only 10 are left to learn from"):
        adapting._split(pile, 1)


def test_what_cannot_learn_from_a_pile_is_refused(tmp_path):
    with pytest.raises(ValueError, match="segments is a model of pieces"):
        load_pile_start("segments")
    with pytest.raises(ValueError, match="forms is a classifier of single characters"):
        load_pile_start("forms")
    with pytest.raises(ValueError, match="signs reads"):
        load_pile_start("signs")
    path = tmp_path / "vote.safetensors"
    save_line_reader(VotingReader(), path)
    with pytest.raises(ValueError, match="is a vote that has been fitted"):
        load_pile_start(path)
    assert load_pile_start("vote").recognizer.network_ == "wide"


@pytest.mark.slow
def test_a_network_learns_a_writer_it_could_not_read():
    """A hand that is stretched until the network errs: the pile tells what it says."""
    images, texts = draw_pile(90)
    wide = [cv2.resize(i, None, fx=1.9, fy=1.0) for i in images]
    pile = FieldPile.of_images(wide)
    lessons = adapt_to_pile(pile, start(), n_strips=(300, 400))
    before = start().score(wide, texts)
    after = lessons.reader.score(wide, texts)
    assert after >= before
