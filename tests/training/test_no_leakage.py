"""Nothing of a fold reaches what reads it: not by any way that a training has."""

from functools import wraps

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from test_search import Parrot, planted

from lenet_sklearn import AcceptanceRule, LeNet5Classifier
from lenet_sklearn.strings import StringRecognizer, lattice_training
from lenet_sklearn.strings.training import StripDataset
from lenet_sklearn.training.nets import TrainingNet
from lenet_sklearn.training.together import train_together
from pipelines import (
    CuttingReader,
    SlidingReader,
    VotingReader,
    make_field_reader,
)
from pipelines.drawing import draw_string, draw_writer
from pipelines.readers import free
from pipelines.training.best import fit_rule
from pipelines.training.candidates import Candidate, Found
from pipelines.training.material import Material
from pipelines.training.search import SearchPlan, search

N_FOLDS = 3


@pytest.fixture
def lessons(monkeypatch):
    """What each fit was given, and what its network was then shown."""
    fits = []

    def begin(cls):
        whole = cls.fit

        @wraps(whole)
        def fit(self, X, y, *args, **kwargs):
            fits.append((prints(X), set()))
            return whole(self, X, y, *args, **kwargs)

        monkeypatch.setattr(cls, "fit", fit)

    begin(LeNet5Classifier)
    begin(StringRecognizer)
    for name in ("train_step_single", "validation_step"):
        whole = getattr(TrainingNet, name)

        def step(self, batch, *args, _whole=whole, **kwargs):
            images = (255 * batch[0]).round().to(torch.uint8).numpy()
            fits[-1][1].update(prints(image[0] for image in images))
            return _whole(self, batch, *args, **kwargs)

        monkeypatch.setattr(TrainingNet, name, step)
    drawn = StripDataset.__getitem__

    def draw(self, index):
        sample = drawn(self, index)
        fits[-1][1].add(sample[0].tobytes())
        return sample

    monkeypatch.setattr(StripDataset, "__getitem__", draw)
    return fits


def prints(images):
    return {np.ascontiguousarray(image).tobytes() for image in images}


def never(*args, **kwargs):
    pytest.fail("nothing is calibrated in a search")


def test_early_stopping_and_distortions_see_nothing_that_is_held_out(
    lessons, tmp_path, monkeypatch
):
    monkeypatch.setattr(LeNet5Classifier, "calibrate", never)
    rng = np.random.default_rng(0)
    # Noise and answers by chance: who knows one has seen it.
    X = rng.integers(0, 255, (60, 28, 28), dtype=np.uint8)
    y = rng.integers(0, 3, 60)
    classifier = LeNet5Classifier(
        max_epochs=2,
        padding=2,
        early_stopping=True,
        validation_fraction=0.3,
        distortion="affine",
        random_state=0,
        device="cpu",
    )

    # What a search trains is noted by one fit, and handed out to another.
    def train(trainings):
        [training] = trainings  # those that stop early do not share a stack
        lessons.append((prints(training.samples.rows), set()))
        trained.append(lessons[-1])
        return train_together(trainings)

    trained = []
    monkeypatch.setattr("lenet_sklearn.training.plan.train_together", train)
    found = search(classifier, X, y, [{"lr": [0.001, 0.003]}], SearchPlan(tmp_path))
    assert len(trained) == 2 * N_FOLDS
    for n, (given, shown) in enumerate(trained):
        learned, held = found.splits[n // 2]
        assert given == prints(X[learned])
        assert shown == given  # both to learn from and to stop by
        assert not shown & prints(X[held])


@pytest.fixture(scope="module")
def lines():
    writer = draw_writer(3)
    texts = [f"{1000 + 731 * n}" for n in range(6)]
    return [draw_string(text, writer, random_state=3) for text in texts], texts


def test_what_adapts_to_a_fold_sees_nothing_of_the_others(
    lines, lessons, tmp_path, monkeypatch
):
    monkeypatch.setattr(StringRecognizer, "calibrate", never)
    cut = []
    train = lattice_training.train_arcs

    def train_arcs(network, batches, **settings):
        batches = list(batches)
        cut.append({len(s.text) and tuple(s.text) for b in batches for s in b})
        train(network, batches, **settings)

    monkeypatch.setattr(lattice_training, "train_arcs", train_arcs)
    X, texts = lines
    shipped = free._pretrained_recognizer(), free._pretrained_model()
    before = [weights_of(shipped[0]), weights_of(shipped[1].classifier)]
    sliding, cutting = SlidingReader(max_epochs=1), CuttingReader(max_epochs=1)
    vote = VotingReader(sliding_reader=sliding, cutting_reader=cutting)
    name = "read__line_reader__sliding_reader__lr"
    found = search(
        make_field_reader(line_reader=vote),
        X,
        texts,
        [{name: [0.001, 0.002]}],
        SearchPlan(tmp_path),
    )
    assert len(lessons) == len(cut) == 2 * N_FOLDS
    for n, (given, shown) in enumerate(lessons):
        learned, held = found.splits[n % N_FOLDS]
        assert len(given) == len(learned)
        assert shown == given
        assert cut[n] == {tuple(map(int, texts[k])) for k in learned}
        assert not cut[n] & {tuple(map(int, texts[k])) for k in held}
    # Each fit began with what ships, and left that as it was.
    after = [weights_of(shipped[0]), weights_of(shipped[1].classifier)]
    for one, other in zip(before, after, strict=True):
        for weights, same in zip(one, other, strict=True):
            assert_array_equal(weights, same)


def weights_of(model):
    return [t.numpy().copy() for t in model.net_.module_.state_dict().values()]


def test_a_rule_is_fitted_to_what_was_read_of_folds_that_were_held_out(tmp_path):
    X, y = planted(60)
    found = search(Parrot(), X, y, [{"accent": [0]}], SearchPlan(tmp_path))
    material = Material("lines", "fields", Parrot(), X, y, None)
    rule = fit_rule(AcceptanceRule(max_error=0.1), found, material)
    # It is sure of all it says, and all of it is wrong where it was not taught so.
    assert rule.accepts_nothing
    known = Candidate(
        {},
        [
            type(one)(one.truths, one.truths, one.confidences, one.decided)
            for one in found.best.outcomes
        ],
        found.best.seconds,
        "exact_strings",
    )
    other = Found([known], known, None, {}, found.splits)
    assert not fit_rule(AcceptanceRule(max_error=0.1), other, material).accepts_nothing
