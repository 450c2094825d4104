"""Seeds and devices: what a training draws, and from whom."""

import os
import pickle
import threading
import time

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone

from lenet_sklearn import LeNet5Classifier
from lenet_sklearn.devices import seeded
from lenet_sklearn.inference import reads_without_torch
from lenet_sklearn.strings import StringRecognizer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bars():
    """Bars that lie or stand, with noise."""
    images = np.random.default_rng(0).integers(90, size=(40, 28, 28), dtype=np.uint8)
    labels = np.arange(40) % 2
    images[labels == 0, 12:16] = 255
    images[labels == 1, :, 12:16] = 255
    return images, labels


def in_threads(fit, seeds):
    tasks = [joblib.delayed(fit)(seed) for seed in seeds]
    return joblib.Parallel(n_jobs=4, backend="threading")(tasks)


def test_four_fits_at_a_time_give_what_they_give_one_by_one(bars, numpy_state):
    def fit(seed):
        params = {"distortion": "writing", "module__dropout": 0.3, "batch_size": 4}
        classifier = LeNet5Classifier(random_state=seed, device="cpu", **params)
        classifier.set_params(max_epochs=3).fit(*bars)
        return classifier.decision_function(bars[0])

    seeds = [0, 1, 0, 1]
    expected = list(map(fit, seeds))
    before = numpy_state(), torch.get_rng_state()
    assert_array_equal(in_threads(fit, seeds), expected)
    assert numpy_state() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


@pytest.mark.slow  # as classifiers do
def test_four_recognizers_at_a_time_learn_what_they_learn_one_by_one(bars):
    strips, texts = list(bars[0]), [str(label) for label in bars[1]]

    def fit(seed):
        params = {"network": "lenet5_dense", "characters": "01", "dropout": 0.3}
        recognizer = StringRecognizer(random_state=seed, device="cpu", **params)
        recognizer.set_params(max_epochs=2, batch_size=4).fit(strips, texts)
        return recognizer.net_.module_.output.weight.detach().numpy()

    seeds = [0, 1, 0, 1]
    expected = list(map(fit, seeds))
    before = torch.get_rng_state()
    assert_array_equal(in_threads(fit, seeds), expected)
    assert torch.equal(torch.get_rng_state(), before)


def test_reading_draws_nothing_from_a_training_in_another_thread(bars, monkeypatch):
    classifier = LeNet5Classifier(max_epochs=1, random_state=0, device="cpu")
    classifier.fit(*bars)

    def fork(*args, **kwargs):
        raise AssertionError("puts back generators that another thread may use")

    monkeypatch.setattr(torch.random, "fork_rng", fork)
    before = torch.get_rng_state()
    assert classifier.predict(bars[0]).shape == (40,)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_training_may_begin_within_a_training():
    with seeded(0, CPU), seeded(0, CPU):
        first = torch.rand(1)
    with seeded(0, CPU):
        assert torch.equal(torch.rand(1), first)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_process_forked_during_a_training_can_train():
    def train():
        with seeded(1, CPU):
            os._exit(0)

    with seeded(0, CPU):
        child = os.fork()
        if not child:
            threading.Thread(target=train).start()
            time.sleep(20)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("estimator", [LeNet5Classifier(), StringRecognizer()])
def test_a_device_may_be_one_of_torch(estimator, bars):
    strips, texts = bars[0][:8], [str(label) for label in bars[1][:8]]
    estimator.set_params(device=CPU, max_epochs=1).fit(strips, texts)
    assert clone(estimator).get_params()["device"] == CPU
    assert len(pickle.loads(pickle.dumps(estimator)).predict(strips)) == 8


def test_a_device_of_torch_needs_no_torch_to_read_with():
    loaded = LeNet5Classifier.from_pretrained("mnist", device=CPU)
    assert reads_without_torch(loaded)


@pytest.mark.parametrize("estimator", [LeNet5Classifier(), StringRecognizer()])
def test_anything_else_is_no_device(estimator, bars):
    with pytest.raises(ValueError, match=r"must be a str or a torch\.device\. Got 3"):
        estimator.set_params(device=3).fit(bars[0], list(map(str, bars[1])))


def test_a_device_of_torch_that_is_not_there_is_refused(bars):
    with pytest.raises(ValueError, match=r"device='cuda:99' here.*device='auto'"):
        LeNet5Classifier(device=torch.device("cuda", 99)).fit(*bars)
