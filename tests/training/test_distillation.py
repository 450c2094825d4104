"""Learning from a teacher's posteriors beside the labels."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.svm import SVC
from torch.nn import functional

from lenet_sklearn import (
    Distillation,
    LeNet5Classifier,
    StackedGridSearchCV,
    join_classifiers,
    load_dataset,
    load_model,
    save_model,
)
from lenet_sklearn.training.teaching import start_lesson
from lenet_sklearn.training.together import train_together

DIGITS, LABELS = (part[:400] for part in load_dataset("digits"))


def make(**params):
    params = {"max_epochs": 4, "batch_size": 32, "random_state": 0, **params}
    return LeNet5Classifier(device="cpu", **params)


@pytest.fixture(scope="module")
def teacher():
    return make(max_epochs=12, random_state=5).fit(DIGITS, LABELS)


@pytest.fixture(scope="module")
def pupil(teacher):
    """Learns from the teacher alone: its labels are those of nobody."""
    chance = np.random.default_rng(0).permutation(LABELS)
    return make(
        max_epochs=12, distillation=Distillation(teacher=teacher, share=1.0)
    ).fit(DIGITS, chance)


def test_a_network_learns_what_its_teacher_says_without_labels(pupil, teacher):
    agreed = np.mean(pupil.predict(DIGITS) == teacher.predict(DIGITS))
    assert agreed > 0.9


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_a_committee_teaches_as_the_mean_of_its_members(teacher, pooling):
    other = make(max_epochs=1, random_state=1, module__pooling=pooling)
    committee = join_classifiers([teacher, other.fit(DIGITS[:100], LABELS[:100])])
    teaching = Distillation(teacher=committee, temperature=1.5)
    lesson = start_lesson(teaching, teacher, torch.device("cpu"))
    images = torch.rand(5, 1, 28, 28)
    expected = [
        torch.softmax(member.net_.module_.eval()(images) / 1.5, dim=1)
        for member in committee.estimators_
    ]
    torch.testing.assert_close(lesson.posteriors(images), sum(expected) / 2)


def test_what_is_mixed_is_the_divergence_of_posteriors(teacher):
    teaching = Distillation(teacher=teacher, temperature=3.0, share=0.4)
    lesson = start_lesson(teaching, teacher, torch.device("cpu"))
    images = torch.rand(5, 1, 28, 28)
    logits, losses = torch.randn(5, 10), torch.rand(5)
    said = torch.softmax(teacher.net_.module_.eval()(images) / 3, dim=1)
    own = torch.log_softmax(logits / 3, dim=1)
    expected = 0.6 * losses + 0.4 * 9 * (said * (said.log() - own)).sum(dim=1)
    torch.testing.assert_close(lesson.mix(losses, logits, images), expected)
    same = teacher.net_.module_(images)
    torch.testing.assert_close(lesson.mix(losses, same, images), 0.6 * losses)


def test_the_teacher_sees_what_is_distorted(teacher, monkeypatch):
    seen = []
    posteriors = "lenet_sklearn.training.teaching.Lesson.posteriors"

    def note(self, images):
        seen.append(images)
        return torch.full((len(images), 10), 0.1)

    monkeypatch.setattr(posteriors, note)
    taught = make(
        max_epochs=1,
        distortion={"contrast": 0.9},
        distillation=Distillation(teacher=teacher),
    ).fit(DIGITS[:32], LABELS[:32])
    [images] = seen
    assert taught.history_["train_loss"].shape == (1,)
    brightest = images.flatten(1).amax(dim=1)
    assert brightest.min() < 0.5 < brightest.max()


def test_weights_of_samples_count_for_the_teacher_too(teacher):
    how = {"distillation": Distillation(teacher=teacher), "max_epochs": 1}
    weights = np.linspace(0.5, 1.5, len(DIGITS))
    weighted = make(**how).fit(DIGITS, LABELS, sample_weight=weights)
    plain = make(**how).fit(DIGITS, LABELS)
    assert weighted.history_["train_loss"] != plain.history_["train_loss"]


def test_what_is_watched_is_judged_by_labels_alone(teacher):
    taught = make(
        max_epochs=2, early_stopping=True, distillation=Distillation(teacher=teacher)
    ).fit(DIGITS, LABELS)
    stop = taught.net_.train_split(DIGITS, LABELS)[1]
    images, targets = stop.X, stop.y
    with torch.no_grad():
        logits = taught.net_.module_.eval()(images)
    loss = float(functional.cross_entropy(logits, targets))
    best = taught.best_epoch_ - 1
    assert taught.history_["valid_loss"][best] == pytest.approx(loss, rel=1e-4)


def test_a_clone_keeps_the_fitted_teacher(pupil, teacher):
    twin = clone(pupil)
    assert twin.distillation.teacher is teacher
    assert pupil.net_.lesson is None


def test_a_pupil_is_saved_without_its_teacher(pupil, tmp_path):
    save_model(pupil, tmp_path / "pupil.safetensors")
    loaded = load_model(tmp_path / "pupil.safetensors")
    assert loaded.distillation is None
    assert np.array_equal(loaded.predict(DIGITS), pupil.predict(DIGITS))
    again = pickle.loads(pickle.dumps(pupil))
    assert np.array_equal(again.predict(DIGITS), pupil.predict(DIGITS))


def test_a_search_chooses_whether_to_be_taught(teacher, monkeypatch, tmp_path):
    save_model(teacher, tmp_path / "teacher.safetensors")
    teacher = load_model(tmp_path / "teacher.safetensors")  # its net is made late
    trained = []

    def train(trainings):
        trained.append(len(trainings))
        return train_together(trainings)

    monkeypatch.setattr("lenet_sklearn.training.plan.train_together", train)
    search = StackedGridSearchCV(
        make(max_epochs=1),
        {"distillation": [None, Distillation(teacher=teacher)]},
        cv=2,
        refit=False,
    ).fit(DIGITS[:100], LABELS[:100])
    assert search.way_.startswith("4 networks in 1 stack;")
    assert len(set(search.cv_results_["mean_test_score"])) == 2
    assert trained == [4]  # once: what was noted is known when it is handed out


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"temperature": 0.0}, "temperature above 0"),
        ({"share": 0.0}, "share above 0"),
        ({"share": 1.5}, "share above 0"),
    ],
)
def test_numbers_out_of_range_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        Distillation(teacher=None, **params)


def test_teachers_that_cannot_teach_are_refused(teacher):
    some = DIGITS[:50], LABELS[:50]
    for other, message in (
        (LeNet5Classifier(), "fitted LeNet5Classifier"),
        (SVC(), "fitted LeNet5Classifier"),
    ):
        with pytest.raises(ValueError, match=message):
            make(distillation=Distillation(teacher=other)).fit(*some)
    with pytest.raises(ValueError, match="of the labels"):
        make(distillation=Distillation(teacher=teacher)).fit(some[0], some[1] + 10)
    with pytest.raises(ValueError, match="padding"):
        make(padding=4, distillation=Distillation(teacher=teacher)).fit(*some)
    with pytest.raises(ValueError, match="'distillation' parameter"):
        make(distillation=teacher).fit(*some)
