"""The net as users of skorch and torch know it."""

import pickle
import threading
from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold
from skorch.callbacks import Callback, EpochScoring
from skorch.dataset import Dataset, ValidSplit
from skorch.helper import predefined_split
from torch import nn

from lenet_sklearn import (
    LeNet5,
    LeNet5Classifier,
    ModelFileError,
    load_dataset,
    load_model,
    save_model,
)
from lenet_sklearn.strings import StringNetwork, StringRecognizer

make = partial(
    LeNet5Classifier, device="cpu", max_epochs=2, batch_size=32, random_state=0
)
F1 = EpochScoring("f1_macro", lower_is_better=False)


@pytest.fixture(scope="module")
def digits():
    """Digits of 28 x 28, and as the network takes them."""
    X, y = load_dataset("digits")
    X = X[:300].repeat(3, axis=1).repeat(3, axis=2)
    X = np.pad(X, ((0, 0), (2, 2), (2, 2)))
    return X, y[:300], (X[:, None] / 255).astype(np.float32)


@pytest.fixture(scope="module")
def fitted(digits):
    X, y, _ = digits
    return make(max_epochs=4).fit(X, y + 10)


def test_the_net_reads_images_as_the_network_takes_them(fitted, digits):
    X, y, images = digits
    net = fitted.net_
    assert_allclose(net.predict_proba(images), fitted.predict_proba(X), atol=1e-5)
    assert_array_equal(fitted.classes_[net.predict(images)], fitted.predict(X))
    assert net.score(images, y) == fitted.score(X, y + 10)
    logits = fitted.decision_function(X)
    assert_allclose(net.forward(images).numpy(), logits, atol=1e-4)


def test_the_net_of_an_rbf_network_gives_posteriors_too(digits):
    X, y, images = digits
    fitted = make(module__output="rbf", rubbish=10.0).fit(X, y)
    assert_allclose(
        fitted.net_.predict_proba(images), fitted.predict_proba(X), atol=1e-5
    )


def test_the_net_learns_on_from_arrays(digits):
    X, y, images = digits
    net = make().fit(X, y).net_
    net.partial_fit(images, y.astype(np.int64))
    assert net.history[-1]["train_loss"] < net.history[0]["train_loss"]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("use_caching", ["auto", False])
def test_scores_are_those_of_the_validation_part(digits, weighted, use_caching):
    X, y, _ = digits
    weights = np.linspace(0.1, 1, len(y)) if weighted else None
    scores = [F1, ("right", EpochScoring("accuracy", name="right"))]
    classifier = make(early_stopping=True, callbacks=scores, use_caching=use_caching)
    history = classifier.fit(X, y, sample_weight=weights).history_
    assert len(history["f1_macro"]) == len(history["epoch"])
    if not weighted:
        assert_allclose(history["right"], history["valid_acc"])


def test_a_score_may_forgo_the_cache(digits):
    X, y, _ = digits
    again = EpochScoring("f1_macro", name="again", use_caching=False, on_train=True)
    assert make(callbacks=[again]).fit(X, y).history_["again"].all()


@pytest.mark.parametrize(
    "stratified", [pytest.param(False, marks=pytest.mark.slow), True]
)
def test_a_part_is_watched_without_stopping(digits, stratified):
    X, y, _ = digits
    split = ValidSplit(5, stratified=stratified)
    classifier = make(callbacks=[F1], train_split=split, max_epochs=10, lr=0.005)
    history = classifier.fit(X, y).history_
    assert len(history["valid_loss"]) == len(history["f1_macro"]) == 10
    assert history["valid_acc"][-1] > 0.5, "one fold is as good as another"
    assert history["lr"][-1] < 0.001, "the schedule knows how many batches there are"
    order = np.random.default_rng(0).permutation(len(X))
    again = clone(classifier).fit(X[order], y[order])
    assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_given_validation_set_is_read(tmp_path, digits, early_stopping):
    X, y, images = digits
    given = predefined_split(Dataset(images[:50], y[:50].astype(np.int64)))
    classifier = make(train_split=given, early_stopping=early_stopping).fit(X, y)
    batches = classifier.history_["train_batch_count"]
    assert_array_equal(batches, 10, "nothing is kept back")
    losses = classifier.history_["valid_loss"]
    assert classifier.best_epoch_ == (1 + np.argmin(losses) if early_stopping else 2)
    assert classifier.net_.score(images[:50], y[:50]) == pytest.approx(
        classifier.history_["valid_acc"][classifier.best_epoch_ - 1]
    )
    save_model(classifier, tmp_path / "model")
    assert load_model(tmp_path / "model").score(X, y) == classifier.score(X, y)


def test_a_split_keeps_groups_and_repeated_samples_together(digits):
    X, y, _ = digits
    writers, seen = np.arange(len(y)) % 7, []

    def split(dataset, y, groups):
        parts = ValidSplit(GroupKFold(3))(dataset, y, groups)
        seen.extend(set(groups[part.indices]) for part in parts)
        return parts

    weights = np.full(len(y), 2)
    weights[writers == 6] = 0
    classifier = make(train_split=split).fit(X, y, weights, groups=writers)
    train, watched = seen
    assert train | watched == set(range(6))
    assert not train & watched
    [read] = {
        sum(b["valid_batch_size"] for b in row["batches"] if "valid_batch_size" in b)
        for row in classifier.net_.history
    }
    assert read == 2 * np.isin(writers, list(watched)).sum()


def test_nothing_to_stop_by_is_refused(digits):
    with pytest.raises(ValueError, match="train_split gives no validation set"):
        make(train_split=lambda X, y: (X, None), early_stopping=True).fit(*digits[:2])


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # torch's own
def test_a_compiled_network_is_trained_saved_and_loaded(tmp_path, digits):
    X, y, _ = digits
    compiled = {"compile": True, "compile__backend": "eager"}
    classifier = make(**compiled, frozen=["c1"]).fit(X, y)
    expected = make(frozen=["c1"]).fit(X, y).predict_proba(X)
    assert_allclose(classifier.predict_proba(X), expected, atol=1e-5)
    save_model(classifier, tmp_path / "model")
    loaded = load_model(tmp_path / "model", device="cpu")
    assert_allclose(loaded.predict_proba(X), expected, atol=1e-5)
    assert_allclose(loaded.set_params(engine="torch").predict_proba(X), expected, 1e-5)
    start = make(**compiled, initial_weights=tmp_path / "model", lr=1e-9).fit(X, y)
    assert_allclose(start.predict_proba(X), expected, atol=1e-4)
    assert pickle.loads(pickle.dumps(start)).score(X, y) == start.score(X, y)


def test_it_trains_and_reads_in_mixed_precision(digits):
    X, y, images = digits
    plain = make(callbacks=[F1], early_stopping=True).fit(X, y)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = clone(plain).fit(X, y)
        posteriors = mixed.predict_proba(X), mixed.predict_proba(X[:5])
        assert mixed.net_.predict_proba(images).dtype == np.float32
    losses = (fit.history_["train_loss"] for fit in (mixed, plain))
    assert_allclose(*losses, atol=0.01)
    assert_allclose(posteriors[0], mixed.predict_proba(X), atol=0.02)
    assert_allclose(posteriors[1], posteriors[0][:5], atol=0.02)


def test_strings_are_read_in_mixed_precision():
    strips = [np.full((32, 40), 255 * (k % 2), np.uint8) for k in range(8)]
    texts = ["1" * (k % 2) for k in range(8)]
    recognizer = StringRecognizer(network="lenet5_dense", characters="1", device="cpu")
    recognizer.set_params(max_epochs=2, batch_size=2, random_state=0)
    plain = clone(recognizer).fit(strips, texts)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = recognizer.fit(strips, texts)
        assert len(mixed.predict(strips)) == 8
    losses = (fit.history_["train_loss"] for fit in (mixed, plain))
    assert_allclose(*losses, rtol=0.1)


class Holder(Callback):
    """Holds a lock, as a SummaryWriter does, and counts the trainings it has seen."""

    def __init__(self, lock, seen):
        self.lock = lock
        self.seen = seen

    def on_train_end(self, net, **kwargs):
        self.seen.append(len(net.history))


def test_a_callback_that_cannot_be_copied_is_searched_with(digits):
    X, y, _ = digits
    holder = Holder(threading.Lock(), seen=[])
    search = GridSearchCV(make(callbacks=[("board", holder)]), {"lr": [1e-3]}, cv=2)
    search.fit(X, y)
    assert holder.seen == [2, 2, 2]
    assert search.best_estimator_.callbacks == [("board", holder)]
    assert clone(StringRecognizer(callbacks=[holder])).callbacks == [holder]


def test_callbacks_that_can_be_copied_are(fitted):
    score = EpochScoring("f1_macro")
    [copied] = clone(make(callbacks=[score])).callbacks
    assert copied is not score
    assert copied.scoring == "f1_macro"
    assert clone(fitted).callbacks is None


def start(path, digits, **params):
    """Start from weights and hardly move."""
    X, y, _ = digits
    return make(initial_weights=path, lr=1e-9, max_epochs=1, **params).fit(X, y)


def test_weights_of_torch_save_are_a_start(tmp_path, digits):
    network = LeNet5()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    begun = start(tmp_path / "weights.pth", digits).net_.module_
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(begun.state_dict()[name], tensor)


def test_weights_of_a_compiled_network_are_a_start(tmp_path, digits):
    network = LeNet5()
    torch.save(torch.compile(network).state_dict(), tmp_path / "weights.pt")
    begun = start(str(tmp_path / "weights.pt"), digits).net_.module_
    torch.testing.assert_close(begun.c3.weight, network.c3.weight)


def test_outputs_for_other_classes_start_anew(tmp_path, digits):
    network = LeNet5(26)
    torch.save(network.state_dict(), tmp_path / "letters.pth")
    begun = start(tmp_path / "letters.pth", digits).net_.module_
    torch.testing.assert_close(begun.f6.weight, network.f6.weight)
    assert begun.output.weight.shape == (10, 84)
    assert not torch.allclose(begun.output.weight, network.output.weight[:10])


def test_recognizers_start_from_weights_of_torch_save_too(tmp_path):
    network = StringNetwork("lenet5_dense", n_symbols=2)
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    recognizer = StringRecognizer(network="lenet5_dense", characters="01", lr=1e-9)
    recognizer.set_params(initial_weights=tmp_path / "weights.pt", max_epochs=1)
    strips = [np.full((32, 40), 255, np.uint8)] * 4
    begun = recognizer.set_params(device="cpu").fit(strips, ["1"] * 4).net_.module_
    torch.testing.assert_close(begun.output.weight, network.output.weight)


def test_weights_of_another_network_are_no_start(tmp_path, digits):
    torch.save(LeNet5(c3="table").state_dict(), tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=r"have no layer c3\.weight of shape"):
        start(tmp_path / "weights.pth", digits)
    torch.save(nn.Linear(784, 26).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=r"have no layer c1\.weight"):
        start(tmp_path / "weights.pth", digits)


class Evil:
    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize("content", [LeNet5(), Evil(), [1, 2], {"a": 1}])
def test_what_is_no_state_dict_is_refused(tmp_path, digits, content, capsys):
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(ModelFileError, match=r"weights\.pth .*network\.state_dict"):
        start(tmp_path / "weights.pth", digits)
    assert capsys.readouterr().out == ""


def test_files_that_are_damaged_or_missing_are_refused(tmp_path, digits):
    (tmp_path / "weights.pth").write_bytes(b"no weights")
    with pytest.raises(ModelFileError, match="is damaged"):
        start(tmp_path / "weights.pth", digits)
    with pytest.raises(ModelFileError, match=r"Cannot read .*other\.pt"):
        start(tmp_path / "other.pt", digits)


DIVERGING = [
    {},
    {"optimizer": "sgd", "schedule": "constant"},
    {"early_stopping": True},
    {"averaging": 0.9},
    {"module__batch_norm": True},
]


@pytest.mark.parametrize("params", DIVERGING)
def test_a_training_that_diverges_is_refused(digits, params):
    classifier = make(lr=1e9, **params)
    with pytest.raises(ValueError, match=r"diverged: the loss was .*lr=1e\+09\. Lower"):
        classifier.fit(*digits[:2])
    with pytest.raises(NotFittedError):
        classifier.predict(digits[0])


def test_a_recognizer_that_diverges_is_refused():
    strips = [np.full((32, 40), 255 * (k % 2), np.uint8) for k in range(8)]
    recognizer = StringRecognizer(network="lenet5_dense", device="cpu", lr=1e30)
    with pytest.raises(ValueError, match="training diverged"):
        recognizer.set_params(max_epochs=2).fit(strips, ["1", ""] * 4)


def test_early_stopping_goes_back_to_before_it_diverged(digits):
    stages = [(2, 0.003), (3, 1e9)]
    classifier = make(schedule=stages, early_stopping=True, max_epochs=5)
    assert classifier.fit(*digits[:2]).best_epoch_ == 2
    assert np.isfinite(classifier.predict_proba(digits[0])).all()


@pytest.fixture
def broken(digits):
    """One whose weights somebody has made NaN."""
    classifier = make(max_epochs=1).fit(*digits[:2])
    with torch.no_grad():
        classifier.net_.module_.c3.weight[0] = torch.nan
    return classifier


def test_what_is_not_finite_is_neither_read_with_nor_saved(tmp_path, digits, broken):
    for read in (broken.predict, broken.predict_proba, broken.decision_function):
        with pytest.raises(ValueError, match="logits that are not finite"):
            read(digits[0][:3])
    with pytest.raises(ValueError, match=r"not saved, as c3\.weight has.*lower"):
        save_model(broken, tmp_path / "model")
    assert not (tmp_path / "model").exists()
