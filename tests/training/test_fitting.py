"""How the classifier trains: weights, stopping, transfer, networks of one's own."""

import io
import pickle
import sys
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import AdaBoostClassifier
from sklearn.model_selection import GridSearchCV, GroupKFold
from skorch.callbacks import EarlyStopping, EpochScoring, LRScheduler, TensorBoard
from torch import nn

from lenet_sklearn import (
    LeNet5Classifier,
    ModelFileError,
    load_dataset,
    load_model,
    save_model,
)
from lenet_sklearn.training.samples import split_inside

# The seeds 0 to 3 of all that is scored below read 85 % of these digits and more.
make = partial(
    LeNet5Classifier,
    device="cpu",
    max_epochs=4,
    batch_size=32,
    lr=0.005,
    random_state=0,
)


class Pixels(nn.Module):
    """A network of one's own: one linear layer."""

    def __init__(self, num_classes, image_shape, scale=1.0):
        super().__init__()
        self.linear = nn.Linear(image_shape[0] * image_shape[1], num_classes)
        self.scale = scale

    def forward(self, images):
        return self.scale * self.linear(images.flatten(1))


@pytest.fixture(scope="module")
def digits():
    X, y = load_dataset("digits")
    return X[:400], y[:400]


def logits(classifier, X):
    return classifier.decision_function(X[:50])


PARTS = {
    "lecun1998": {
        "module__c3": "table",
        "module__pooling": "trainable",
        "module__activation": "scaled_tanh",
        "module__output": "rbf",
        "rubbish": 10.0,
        "module__init": "lecun1998",
        "module__input_range": (-0.1, 1.175),
        "padding": 2,
    },
    "unpadded": {
        "padding": 0,
        "module__activation": "tanh",
        "module__pooling": "average",
    },
    "regularised": {
        "module__dropout": 0.2,
        "module__batch_norm": True,
        "module__activation": "silu",
    },
    "article": {
        "module__activation": "tanh",
        "module__pooling": "average",
        "module__squash_pooling": True,
    },
    "sigmoid": {"module__activation": "sigmoid"},
    "own": {"module": Pixels, "module__scale": 2.0},
}


# Those that share least with the rest; the others take as long each.
QUICKLY = ("lecun1998",)


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICKLY else pytest.param(name, marks=pytest.mark.slow)
        for name in PARTS
    ],
)
def test_every_network_is_trained_saved_and_loaded(tmp_path, digits, name):
    classifier = make(**PARTS[name], max_epochs=10).fit(*digits)
    assert classifier.score(*digits) > 0.6
    save_model(classifier, tmp_path / "model")
    own = {"module": Pixels} if name == "own" else {}
    loaded = load_model(tmp_path / "model", device="cpu", **own)
    expected = classifier.predict_proba(digits[0])
    assert_allclose(loaded.predict_proba(digits[0]), expected, atol=1e-5)
    assert loaded.get_params() == classifier.get_params()
    loaded.set_params(engine="torch")
    assert_array_equal(logits(loaded, digits[0]), logits(classifier, digits[0]))
    copy = pickle.loads(pickle.dumps(classifier))
    assert_array_equal(logits(copy, digits[0]), logits(classifier, digits[0]))


def test_a_model_of_ones_own_network_asks_for_the_class(tmp_path, digits):
    save_model(make(module=Pixels, max_epochs=1).fit(*digits), tmp_path / "model")
    with pytest.raises(
        ModelFileError, match=r"trained with module=.*Pixels\. Got .*None"
    ):
        load_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("shape", "padding", "kernel"),
    [((28, 28), 0, (4, 4)), ((20, 24), 2, (3, 4)), ((8, 8), 2, (5, 5))],
)
def test_c5_covers_images_of_any_size(shape, padding, kernel):
    X = np.random.default_rng(0).integers(256, size=(40, *shape), dtype=np.uint8)
    classifier = make(padding=padding, max_epochs=1).fit(X, np.arange(40) % 4)
    assert classifier.net_.module_.c5.kernel_size == kernel
    assert classifier.predict_proba(X).shape == (40, 4)


@pytest.mark.slow  # trains to an accuracy
def test_rubbish_takes_what_is_unlike_all_digits(digits):
    X, y = digits
    classifier = make(**PARTS["lecun1998"]).set_params(max_epochs=15).fit(X, y)
    noise = np.random.default_rng(0).integers(256, size=X.shape, dtype=np.uint8)
    rubbish = classifier.predict_rubbish_proba
    assert np.median(rubbish(X)) < np.median(rubbish(noise))
    assert_allclose(classifier.predict_proba(X).sum(axis=1), 1)


def test_without_a_rubbish_class_it_has_no_posterior(digits):
    assert not hasattr(make(), "predict_rubbish_proba")
    fitted = make(max_epochs=1).fit(*digits).set_params(rubbish=3.0)
    assert not hasattr(fitted, "predict_rubbish_proba")


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        pytest.param(
            {"optimizer": "sgd", "optimizer__momentum": 0.9},
            torch.optim.SGD,
            marks=pytest.mark.slow,
        ),
        pytest.param({"optimizer": "adam"}, torch.optim.Adam, marks=pytest.mark.slow),
        ({"optimizer": torch.optim.RMSprop, "lr": 0.001}, torch.optim.RMSprop),
    ],
)
def test_optimizers_are_chosen_by_name_or_class(digits, params, kind):
    # With normalised layers, seeds 0 to 4 read at least 0.97 of them.
    classifier = make(max_epochs=10, module__batch_norm=True, **params).fit(*digits)
    optimizer = classifier.net_.optimizer_
    assert type(optimizer) is kind
    momentum = params.get("optimizer__momentum", 0)
    assert optimizer.param_groups[0].get("momentum", 0) == momentum
    assert classifier.score(*digits) > 0.5


def test_the_history_has_columns(digits):
    schedule = [(1, 0.005), (2, 0.001)]
    history = make(schedule=schedule).fit(*digits).history_
    assert_array_equal(history["epoch"], [1, 2, 3, 4])
    assert_array_equal(history["lr"], [0.005, 0.001, 0.001, 0.001])
    assert history["train_loss"][-1] < history["train_loss"][0]


@pytest.mark.parametrize("averaging", [0.9, pytest.param(2, marks=pytest.mark.slow)])
def test_averaged_weights_are_others_and_still_read(digits, averaging):
    plain, averaged = make().fit(*digits), make(averaging=averaging).fit(*digits)
    assert not np.array_equal(logits(plain, digits[0]), logits(averaged, digits[0]))
    assert averaged.score(*digits) > 0.6
    assert averaged.partial_fit(*digits).score(*digits) > 0.6


def test_early_stopping_goes_back_to_the_best_weights(digits):
    X, y = digits
    classifier = make(max_epochs=60, schedule="constant", lr=0.01)
    classifier.set_params(early_stopping=True, patience=2).fit(X, y)
    losses = classifier.history_["valid_loss"]
    assert len(losses) < 60
    assert classifier.best_epoch_ == 1 + np.argmin(losses) == len(losses) - 2
    best = make(max_epochs=classifier.best_epoch_, schedule="constant", lr=0.01)
    best.set_params(early_stopping=True, patience=99).fit(X, y)
    assert_array_equal(logits(best, X), logits(classifier, X))


@pytest.mark.slow  # as above, with averaged weights
def test_early_stopping_goes_back_to_the_best_mean_of_the_weights(digits):
    X, y = digits
    how = {"schedule": "constant", "lr": 0.01, "averaging": 0.9}
    stopped = make(max_epochs=60, early_stopping=True, patience=2, **how).fit(X, y)
    assert stopped.best_epoch_ == 1 + np.argmin(stopped.history_["valid_loss"])
    best = make(max_epochs=stopped.best_epoch_, early_stopping=True, patience=99, **how)
    assert_array_equal(logits(best.fit(X, y), X), logits(stopped, X))


def test_a_training_that_is_not_stopped_ends_with_its_best_weights_too(digits):
    X, y = digits
    how = {"schedule": [(2, 0.005), (2, 1.0)], "early_stopping": True}
    spoiled = make(patience=9, **how).fit(X, y)
    assert spoiled.best_epoch_ <= 2
    assert len(spoiled.history_["epoch"]) == 4
    best = make(max_epochs=spoiled.best_epoch_, **how).fit(X, y)
    assert_array_equal(logits(best, X), logits(spoiled, X))


def test_without_early_stopping_the_last_epoch_is_the_best(digits):
    classifier = make().fit(*digits)
    assert classifier.best_epoch_ == 4
    assert classifier.partial_fit(*digits).best_epoch_ == 5


def test_early_stopping_inside_a_grid_search_splits_by_groups(digits, monkeypatch):
    X, y = digits
    writers, told = np.arange(len(X)) % 20, []

    def split(columns, *, groups, **how):
        told.append(set(groups))
        return split_inside(columns, groups=groups, **how)

    monkeypatch.setattr("lenet_sklearn.training.samples.split_inside", split)
    with config_context(enable_metadata_routing=True):
        classifier = make(early_stopping=True, averaging=0.9)
        classifier.set_fit_request(groups=True)
        grid = {"module__pooling": ["max"]}
        search = GridSearchCV(classifier, grid, cv=GroupKFold(2))
        search.fit(X, y, groups=writers)
    first, second, refitted = told
    assert (len(first), len(second)) == (10, 10)
    assert first | second == refitted == set(range(20))


def test_whole_weights_are_repetitions_in_whatever_order(digits):
    X, y = digits
    times = np.random.default_rng(0).integers(3, size=len(X))
    weighted = make(distortion="affine").fit(X, y, sample_weight=times)
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(len(X)), times))
    repeated = make(distortion="affine").fit(X[order], y[order])
    assert_array_equal(logits(weighted, X), logits(repeated, X))


def test_early_stopping_takes_what_weighs_nothing_for_missing(digits):
    X, y = digits
    weights = np.random.default_rng(0).integers(2, size=len(X))
    stopped = make(early_stopping=True).fit(X, y, sample_weight=weights)
    kept = make(early_stopping=True).fit(X[weights > 0], y[weights > 0])
    assert_array_equal(logits(stopped, X), logits(kept, X))


def test_too_few_weights_to_stop_by_are_refused(digits):
    weights = np.zeros(len(digits[1]))
    weights[:3] = 1
    with pytest.raises(ValueError, match=r"cannot keep 0.1 of 3 samples back"):
        make(early_stopping=True).fit(*digits, sample_weight=weights)


def test_large_counts_do_not_make_the_epoch_longer(digits):
    classifier = make(max_epochs=1)
    classifier.fit(*digits, sample_weight=np.full(400, 10**9))
    assert len(classifier.net_.history[0]["batches"]) == 13


def test_other_weights_are_factors_of_the_loss(digits):
    X, y = digits
    labels = np.where(np.arange(len(X)) % 2, y, (y + 1) % 10)  # half of them wrong
    weights = np.where(labels == y, 0.9, 0.01)
    assert make(max_epochs=6).fit(X, labels, sample_weight=weights).score(X, y) > 0.6
    like = make().fit(X, labels, sample_weight=10 * weights)
    assert_allclose(
        logits(like, X), logits(make().fit(X, labels, weights), X), atol=1e-3
    )


@pytest.mark.parametrize(
    ("weights", "complaint"),
    [
        (np.ones(3), r"shape \(400,\). Got shape \(3,\)"),
        (np.full(400, -1.0), r"at least 0\. Got \[-1.0"),
        (np.full(400, np.nan), r"finite sample weights"),
        (np.zeros(400), "all zero"),
    ],
)
def test_weights_that_make_no_sense_are_refused(digits, weights, complaint):
    with pytest.raises(ValueError, match=complaint):
        make().fit(*digits, sample_weight=weights)


@pytest.mark.slow  # trains several
def test_it_can_be_boosted(digits):
    boosted = AdaBoostClassifier(make(), n_estimators=2, random_state=0)
    assert (
        boosted.fit(digits[0].reshape(400, -1), digits[1]).score(
            digits[0].reshape(400, -1), digits[1]
        )
        > 0.6
    )


def test_class_weights_favour_a_class(digits):
    X, y = digits
    few = make().fit(X, y)
    favoured = make(class_weight={3: 1000.0}).fit(X, y)
    assert np.mean(favoured.predict(X) == 3) > np.mean(few.predict(X) == 3)
    assert np.mean(favoured.predict(X) == 3) > 0.9


def test_balanced_classes_are_weighted_by_how_rare_they_are(tmp_path, digits):
    classifier = make(class_weight="balanced").fit(*digits)
    assert classifier.score(*digits) > 0.6
    save_model(
        classifier.set_params(class_weight={3: 2.0}).fit(*digits), tmp_path / "model"
    )
    loaded = load_model(tmp_path / "model")
    assert loaded.class_weight == {3: 2.0}
    save_model(classifier.set_params(class_weight={}), tmp_path / "model")
    assert load_model(tmp_path / "model").class_weight == {}


def test_a_warm_start_goes_on_from_the_last_weights(digits):
    X, y = digits
    classifier = make(warm_start=True).fit(X, y)
    before = logits(classifier, X)
    classifier.set_params(lr=1e-9, max_epochs=1).fit(X, y)
    assert_allclose(logits(classifier, X), before, atol=1e-3)
    cold = clone(classifier).set_params(warm_start=False).fit(X, y)
    assert not np.allclose(logits(cold, X), before, atol=1e-1)


def test_a_warm_start_takes_new_classes_in(digits):
    X, y = digits
    few = y < 5
    classifier = make(warm_start=True).fit(X[few], y[few])
    row = classifier.net_.module_.output.weight[4].detach().clone()
    classifier.set_params(lr=1e-9, max_epochs=1).fit(X, y)
    assert_allclose(classifier.net_.module_.output.weight[4].detach(), row, atol=1e-5)


def test_frozen_layers_keep_their_weights(digits):
    X, y = digits
    first = make(module__batch_norm=True).fit(X, y)
    before = {name: t.clone() for name, t in first.net_.module_.state_dict().items()}
    first.set_params(warm_start=True, frozen=["c1", "n1", "c3"]).fit(X, y)
    after = first.net_.module_.state_dict()
    same = {
        name.split(".")[0] for name in after if torch.equal(after[name], before[name])
    }
    assert {"c1", "n1", "c3"} <= same
    assert not {"c5", "f6", "output"} & same


@pytest.mark.parametrize(
    ("frozen", "complaint"),
    [
        (["c2"], r"freeze the layer 'c2'.*\['c1', 's2'"),
        (["c1", "c3", "c5", "f6", "output"], "nothing left to train"),
    ],
)
def test_layers_that_cannot_be_frozen_are_refused(digits, frozen, complaint):
    with pytest.raises(ValueError, match=complaint):
        make(frozen=frozen).fit(*digits)


def test_new_classes_of_an_rbf_network_get_codes_of_their_own(tmp_path, digits):
    X, y = digits
    save_model(make(**PARTS["lecun1998"], max_epochs=1).fit(X, y), tmp_path / "model")
    start = make(**PARTS["lecun1998"], max_epochs=1, lr=1e-9)
    start.set_params(initial_weights=tmp_path / "model", classes=range(-2, 10)).fit(
        X, y
    )
    codes = start.net_.module_.output.codes
    assert len(codes.unique(dim=0)) == 12
    own = make(**PARTS["lecun1998"]).fit(X, y).net_.module_.output.codes
    assert torch.equal(codes[2:], own)


def test_initial_weights_of_another_input_range_are_refused(tmp_path, digits):
    save_model(make(max_epochs=1).fit(*digits), tmp_path / "model")
    other = make(module__input_range=(-1.0, 1.0), initial_weights=tmp_path / "model")
    with pytest.raises(
        ValueError, match=r"trained with module__input_range=\(0.0, 1.0\)"
    ):
        other.fit(*digits)


class Writer:
    """Stands for a SummaryWriter of TensorBoard, which holds threads."""

    def __init__(self):
        self.scalars, self.closed = [], False

    def __deepcopy__(self, memo):
        raise TypeError("cannot pickle '_thread.lock' object")

    def add_scalar(self, tag, scalar_value, global_step):
        self.scalars.append((tag, global_step, float(scalar_value)))

    def close(self):
        self.closed = True

    def values(self, tag):
        return [value for name, _, value in self.scalars if name == tag]


def test_tensorboard_gets_every_column_of_every_epoch(digits):
    writer = Writer()
    board = TensorBoard(writer)
    classifier = make(schedule="cosine", callbacks=[("board", board)]).fit(*digits)
    history = classifier.history_
    assert_array_equal(writer.values("Loss/train_loss"), history["train_loss"])
    assert_array_equal(writer.values("lr"), history["lr"])
    assert writer.closed
    assert classifier.callbacks == [("board", board)]
    assert not hasattr(board, "first_batch_"), "a copy was trained with"


def test_callbacks_see_the_epoch_that_early_stopping_ends_with(digits):
    writer = Writer()
    classifier = make(callbacks=[TensorBoard(writer)], early_stopping=True, lr=0.02)
    classifier.set_params(max_epochs=30, patience=1, schedule="constant")
    history = classifier.fit(*digits).history_
    assert len(history["epoch"]) < 30
    assert_array_equal(writer.values("Loss/valid_loss"), history["valid_loss"])
    assert_array_equal(writer.values("Loss/valid_acc"), history["valid_acc"])


def test_skorchs_own_early_stopping_stops(digits):
    stop = EarlyStopping("train_loss", patience=2, threshold=10, sink=lambda text: text)
    classifier = make(max_epochs=9, callbacks=[stop]).fit(*digits)
    assert len(classifier.history_["epoch"]) == 3
    assert classifier.score(*digits) > 0.2


def test_what_callbacks_note_down_is_in_the_history(digits):
    right = EpochScoring(lambda net, X, y: 0.5, name="half", on_train=True)
    assert_array_equal(make(callbacks=[right]).fit(*digits).history_["half"], 0.5)


def test_a_schedule_of_ones_own_sets_the_rate(digits):
    own = LRScheduler("StepLR", step_size=1, gamma=0.5)
    history = make(schedule="constant", callbacks=[own]).fit(*digits).history_
    assert_allclose(history["lr"], [0.005, 0.0025, 0.00125, 0.000625])
    with pytest.raises(ValueError, match=r"schedule='one-cycle' and an LRScheduler"):
        make(callbacks=[own]).fit(*digits)


def test_layers_keep_rates_of_their_own(digits):
    groups = [("c1.*", {"lr": 0.0}), ("c3.*", {"lr": 0.05})]
    classifier = make(optimizer__param_groups=groups, schedule="cosine")
    rates = [0.0, 0.05, 0.005]
    optimizer = classifier.fit(*digits).net_.optimizer_
    assert [group["initial_lr"] for group in optimizer.param_groups] == rates
    assert classifier.history_["lr"][0] > 0.004, "that of all other layers"
    kept = classifier.net_.module_.c1.weight.detach().clone()
    classifier.partial_fit(*digits)
    assert [group["lr"] for group in optimizer.param_groups] == rates
    assert torch.equal(classifier.net_.module_.c1.weight, kept)


def test_what_is_set_after_the_fit_changes_the_next_fit_only(tmp_path, digits):
    X, y = digits
    classifier = make().fit(X, y)
    expected = classifier.predict_proba(X)
    classifier.set_params(padding=6, module__pooling="average", lr=0.1)
    assert_array_equal(classifier.predict_proba(X), expected)
    save_model(classifier, tmp_path / "model")
    loaded = load_model(tmp_path / "model", device="cpu")
    assert (loaded.padding, loaded.lr) == (None, 0.1)
    loaded.set_params(padding=6, module__pooling="average")
    assert_allclose(loaded.predict_proba(X), expected, rtol=0, atol=1e-5)
    loaded.set_params(engine="torch")
    assert_array_equal(loaded.predict_proba(X), expected)
    assert loaded.fit(X, y).net_.module_.c1.padding == (6, 6)


def test_a_loaded_classifier_is_trained_on_and_calibrated(tmp_path, digits):
    X, y = digits
    classifier = make().fit(X, y)
    save_model(classifier, tmp_path / "model")
    loaded = load_model(tmp_path / "model", device="cpu", warm_start=True)
    assert loaded.calibrate(X, y).temperature_ != 1
    loaded.set_params(max_epochs=1, lr=1e-9).fit(X, y)
    assert_allclose(logits(loaded, X), logits(classifier, X), atol=1e-3)
    assert loaded.partial_fit(X, y).best_epoch_ == 2
    assert_array_equal(loaded.predict_proba(X), loaded.predict_proba(X))


def test_a_criterion_of_ones_own_takes_the_place_of_the_loss(digits):
    own = {"criterion": nn.MultiMarginLoss, "criterion__margin": 2.0}
    classifier = make(**own, max_epochs=10).fit(*digits)
    assert type(classifier.net_.criterion_) is nn.MultiMarginLoss
    assert classifier.score(*digits) > 0.6


class Terminal(io.StringIO):
    """What stderr is on a screen."""

    def isatty(self):
        return True


@pytest.mark.parametrize(("verbose", "shown"), [(0, False), (1, True)])
def test_a_terminal_shows_a_bar_when_asked_to(digits, monkeypatch, verbose, shown):
    monkeypatch.setattr("sys.stderr", Terminal())
    params = {"early_stopping": True, "patience": 1, "schedule": "constant"}
    classifier = make(verbose=verbose, max_epochs=30, lr=0.02, **params).fit(*digits)
    n_epochs = len(classifier.history_["epoch"])
    assert (f"{n_epochs}/30" in sys.stderr.getvalue()) == shown
    assert bool(sys.stderr.getvalue()) == shown
    pickle.dumps(classifier)
