"""Weights of one network as the start of another: what is taken, mixed, refused."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from lenet_sklearn import LeNet5, LeNet5Classifier, ModelFileError
from lenet_sklearn.models.files import write_model
from lenet_sklearn.training.nets import keep_share, start_from, take_over


def numbers_of(network):
    return {name: t.numpy().copy() for name, t in network.state_dict().items()}


def test_rows_of_known_classes_are_taken_and_others_left():
    given, network = LeNet5(3), LeNet5(4)
    own = network.output.bias.detach().clone()
    weights, known = numbers_of(given), np.array(["a", "b", "c"])
    take_over(network, weights, np.array(["b", "d", "a", "e"]), known)
    assert torch.equal(network.c3.weight, given.c3.weight)
    theirs = given.output.bias.tolist()
    expected = [theirs[1], float(own[1]), theirs[0], float(own[3])]
    assert network.output.bias.tolist() == expected


def test_what_was_taken_over_is_a_copy():
    given, network = LeNet5(), LeNet5()
    weights = numbers_of(given)
    take_over(network, weights, np.arange(10), np.arange(10))
    nn.init.zeros_(network.c1.weight)
    assert weights["c1.weight"].any()


def test_weights_of_another_network_are_refused_by_the_layer():
    network = LeNet5(batch_norm=True)
    with pytest.raises(ValueError, match=r"no layer n1.weight of shape \(6,\)"):
        take_over(network, numbers_of(LeNet5()), np.arange(10), np.arange(10))


def test_the_temperature_comes_with_the_weights_of_a_file():
    params = LeNet5Classifier().get_params()
    shipped = LeNet5Classifier.from_pretrained("forms", device="cpu")
    network = LeNet5()
    found = start_from(network, "forms", classes=np.arange(10), params=params)
    assert found == shipped.temperature_
    assert torch.equal(network.c1.weight, shipped.net_.module_.c1.weight)


@pytest.mark.parametrize("source", ["wide", "segments"])
def test_a_model_of_something_else_starts_no_classifier(source):
    params = LeNet5Classifier().get_params()
    with pytest.raises(ModelFileError, match=f"{source} is no single LeNet5Classifier"):
        start_from(LeNet5(), source, classes=np.arange(10), params=params)


def test_a_file_of_an_unknown_kind_starts_no_classifier(tmp_path):
    write_model(tmp_path / "other", {"model": "Abacus"}, {"a": np.ones(1)})
    params = LeNet5Classifier().get_params()
    with pytest.raises(ModelFileError, match="no single LeNet5Classifier"):
        start_from(LeNet5(), tmp_path / "other", classes=np.arange(3), params=params)


def test_a_share_of_what_was_begun_with_is_kept():
    begun = LeNet5(batch_norm=True)
    trained = deepcopy(begun)
    nn.init.ones_(trained.f6.weight)
    expected = 0.75 + 0.25 * begun.f6.weight.detach()
    keep_share(trained, begun, 0.25)
    torch.testing.assert_close(trained.f6.weight.detach(), expected)
    assert trained.n1.num_batches_tracked.dtype == torch.int64
