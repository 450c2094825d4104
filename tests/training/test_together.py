"""Networks that are trained together come out as they would alone."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from lenet_sklearn import Distillation, LeNet5Classifier, load_dataset
from lenet_sklearn.training.fitting import training_by
from lenet_sklearn.training.plan import TrainingPlan, why_alone
from lenet_sklearn.training.stack import OptimizerStack, convolve_by_products
from lenet_sklearn.training.together import Training, train_together

DIGITS, LABELS = (part[:120] for part in load_dataset("digits"))


def classifiers(**params):
    """Two of them, which differ in rate, seed and decay."""
    params = {"max_epochs": 2, "batch_size": 32, "device": "cpu", **params}
    return [
        LeNet5Classifier(**{"random_state": seed, "lr": lr, **params})
        for seed, lr in ((0, 0.003), (7, 0.01))
    ]


def fit_together(models, X=DIGITS, y=LABELS, **fit_params):
    plan = TrainingPlan()
    with training_by(plan.note):
        for model in models:
            model.fit(X, y, **fit_params)
    plan.train(1, None)
    with training_by(plan.take):
        for model in models:
            model.fit(X, y, **fit_params)
    return plan


SETTINGS = {
    "plain": {},
    "distorted": {"distortion": "writing"},
    "dropout": {"module__dropout": 0.3, "distortion": "affine"},
    "smoothed": {"criterion__label_smoothing": 0.1, "schedule": "cosine"},
    "sgd": {"optimizer": "sgd", "optimizer__momentum": 0.9, "lr": 0.05},
    "nesterov": {
        "optimizer": "sgd",
        "optimizer__momentum": 0.9,
        "optimizer__nesterov": True,
        "optimizer__weight_decay": 0.1,
        "lr": 0.02,
    },
    "adam": {"optimizer": "adam", "optimizer__weight_decay": 0.01, "padding": 0},
    # Behind a bias that is normalised away, Adam steps along rounding errors.
    "batch norm": {
        "module__batch_norm": True,
        "module__activation": "tanh",
        "optimizer": "sgd",
    },
    "weighted": {"class_weight": "balanced", "module__pooling": "average"},
    "1998": {
        "module__c3": "table",
        "module__pooling": "trainable",
        "module__output": "rbf",
        "module__activation": "scaled_tanh",
        "module__input_range": (-0.1, 1.175),
        "rubbish": 10.0,
    },
    "adapted": {"initial_weights": "mnist", "padding": None},
    "taught": {
        "distillation": Distillation(teacher=LeNet5Classifier.from_pretrained("mnist")),
        "distortion": "affine",
        "padding": None,
    },
}


# Others differ from these in one part each.
QUICKLY = ("plain", "dropout", "adam", "batch norm", "1998", "adapted", "taught")


@pytest.mark.parametrize(
    "params",
    [
        pytest.param(
            params, id=name, marks=[] if name in QUICKLY else [pytest.mark.slow]
        )
        for name, params in SETTINGS.items()
    ],
)
def test_a_network_comes_out_as_it_would_alone(params):
    together, alone = classifiers(**params), classifiers(**params)
    plan = fit_together(together)
    assert [why_alone(training) for training in plan.trainings] == [None, None]
    for one, other in zip(together, alone, strict=True):
        other.fit(DIGITS, LABELS)
        np.testing.assert_allclose(
            one.decision_function(DIGITS),
            other.decision_function(DIGITS),
            rtol=1e-3,
            atol=1e-3,
        )
        assert one.history_.keys() == other.history_.keys()
        for name in ("epoch", "lr", "train_loss", "train_batch_count"):
            np.testing.assert_allclose(
                one.history_[name], other.history_[name], rtol=1e-3
            )


def test_settings_that_differ_share_a_stack():
    models = classifiers()
    models[0].set_params(distortion="affine", module__dropout=0.2)
    models[1].set_params(criterion__label_smoothing=0.1, class_weight="balanced")
    alone = [copy.deepcopy(model).fit(DIGITS, LABELS) for model in models]
    fit_together(models)
    for one, other in zip(models, alone, strict=True):
        np.testing.assert_allclose(
            one.decision_function(DIGITS),
            other.decision_function(DIGITS),
            rtol=1e-3,
            atol=1e-3,
        )


def test_samples_of_weight_two_are_seen_twice_in_a_stack_too():
    weights = np.resize([2.0, 0.0, 1.0], len(DIGITS))
    together, alone = classifiers(), classifiers()
    fit_together(together, sample_weight=weights)
    for one, other in zip(together, alone, strict=True):
        other.fit(DIGITS, LABELS, sample_weight=weights)
        np.testing.assert_allclose(
            one.predict_proba(DIGITS), other.predict_proba(DIGITS), atol=1e-3
        )


@pytest.mark.parametrize("name", ["plain", "nesterov", "adam"])
def test_a_network_goes_on_from_a_stack_as_it_would_alone(name):
    together, alone = classifiers(**SETTINGS[name]), classifiers(**SETTINGS[name])
    fit_together(together)
    for one, other in zip(together, alone, strict=True):
        other.fit(DIGITS, LABELS)
        for model in (one, other):
            model.partial_fit(DIGITS, LABELS)
        np.testing.assert_allclose(
            one.predict_proba(DIGITS), other.predict_proba(DIGITS), atol=1e-3
        )


def test_a_stack_computes_in_mixed_precision_where_it_is_told_to():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        models = classifiers()
        fit_together(models)
        alone = classifiers()[1].fit(DIGITS, LABELS)
    losses = [model.history_["train_loss"] for model in (models[1], alone)]
    np.testing.assert_allclose(*losses, rtol=0.02)
    exact = classifiers()[1].fit(DIGITS, LABELS).history_["train_loss"]
    assert not np.allclose(losses[0], exact, rtol=1e-5)


def test_the_global_generator_stays_as_it_is():
    before = torch.get_rng_state()
    fit_together(classifiers(distortion="writing"))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_that_diverges_leaves_the_others_alone():
    models = classifiers(optimizer="sgd", schedule="constant")
    models[0].set_params(lr=1e30)
    plan = TrainingPlan()
    with training_by(plan.note):
        for model in models:
            model.fit(DIGITS, LABELS)
    plan.train(1, None)
    assert "diverged" in str(plan.outcomes[0].error)
    assert plan.outcomes[1].net is not None
    with training_by(plan.take), pytest.raises(ValueError, match="diverged"):
        models[0].fit(DIGITS, LABELS)


def test_a_network_that_cannot_be_built_leaves_the_others_alone():
    models = classifiers()
    models[0].set_params(schedule=[(1, -1.0)])
    plan = TrainingPlan()
    with training_by(plan.note):
        for model in models:
            model.fit(DIGITS, LABELS)
    assert "a schedule" not in plan.train(1, None)
    assert "schedule is expected" in str(plan.outcomes[0].error)
    assert plan.outcomes[1].net is not None


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"averaging": 1}, "averaging"),
        ({"early_stopping": True}, "early_stopping"),
        ({"frozen": ["c1"]}, "frozen"),
        ({"module": nn.Linear}, "module"),
        ({"optimizer": torch.optim.RMSprop}, "optimizer"),
        ({"optimizer__amsgrad": True}, "optimizer__amsgrad"),
        ({"train_split": None}, "train_split"),
    ],
)
def test_what_a_stack_has_no_room_for_is_named(params, name):
    training = Training(LeNet5Classifier(**params), None, None)
    assert why_alone(training) == name


def test_what_was_not_noted_is_trained_when_it_is_asked_for():
    noted, other = classifiers()
    plan = fit_together([noted])
    with training_by(plan.take):
        other.fit(DIGITS, LABELS)
    assert np.array_equal(
        other.predict(DIGITS), classifiers()[1].fit(DIGITS, LABELS).predict(DIGITS)
    )


def test_one_training_is_no_stack():
    model = classifiers()[0]
    plan = TrainingPlan()
    with training_by(plan.note):
        model.fit(DIGITS, LABELS)
    [outcome] = train_together(plan.trainings)
    weights = model.fit(DIGITS, LABELS).net_.module_.state_dict()
    own = outcome.net.module_.state_dict()
    assert all(torch.equal(own[name], weights[name]) for name in weights)


@pytest.mark.parametrize("padding", [(0, 0), (2, 2)])
def test_products_of_matrices_convolve(padding):
    torch.manual_seed(0)
    maps, kernels = torch.rand(3, 2 * 4, 9, 8), torch.rand(2, 5, 4, 3, 3)
    bias = torch.rand(10)
    expected = functional.conv2d(
        maps, kernels.flatten(0, 1), bias, padding=padding, groups=2
    )
    found = convolve_by_products(maps, kernels, bias, padding)
    torch.testing.assert_close(found, expected)


def test_a_weight_without_a_gradient_is_not_stepped():
    weight = torch.ones(2, 3, requires_grad=True)
    optimizers = [torch.optim.AdamW([torch.ones(3)], lr=0.1) for _ in range(2)]
    OptimizerStack(optimizers, {"weight": weight}).step(torch.tensor([0.1, 0.1]))
    assert torch.equal(weight, torch.ones(2, 3))
