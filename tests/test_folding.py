"""Folding: another arrangement, the same results."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from lenet_sklearn import LeNet5
from lenet_sklearn.torch_inference import fold_columns, made_of


@pytest.mark.parametrize("align", [1, 8])
@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "silu", "tanh"])
def test_a_folded_network_gives_the_same_logits(activation, pooling, align):
    network = LeNet5(activation=activation, pooling=pooling).eval()
    folded = fold_columns(network, (28, 28), align=align)
    assert folded.c1.stride == (1, 2)
    images = torch.rand(4, 1, 28, 28)
    assert_close(folded(images), network(images), rtol=0, atol=1e-5)


def test_the_unpadded_network_is_folded_too():
    network = LeNet5(padding=0).eval()
    folded = fold_columns(network, (32, 32), align=1)
    images = torch.rand(4, 1, 32, 32)
    assert folded.c1.stride == (1, 2)
    assert_close(folded(images), network(images), rtol=0, atol=1e-5)


class SeesItsMaps(LeNet5):
    """Does between C1 and S2 what only six maps allow."""

    def forward(self, images):
        maps = self.activation(self.c1(images)) * torch.ones(1, 6, 1, 1)
        return self.s2(maps).flatten(1)


class SeesPositions(LeNet5):
    def forward(self, images):
        return self.s2(self.c1(images).cumsum(3)).flatten(1)


@pytest.mark.parametrize("kind", [SeesItsMaps, SeesPositions])
def test_a_forward_pass_that_forbids_it_is_not_folded(kind):
    network = kind().eval()
    assert fold_columns(network, (28, 28), align=1).c1.stride == (1, 1)


def test_other_networks_are_copied_as_they_are():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten()).eval()
    twin = fold_columns(network, (8, 8), align=1)
    assert twin is not network
    images = torch.rand(2, 1, 8, 8)
    assert_close(twin(images), network(images), rtol=0, atol=0)


def test_what_was_made_is_kept_until_weights_or_key_change():
    network, made = nn.Linear(2, 1), []

    def make():
        made.append(len(made))
        return made[-1]

    assert [made_of(network, "it", key, make) for key in "aabb"] == [0, 0, 1, 1]
    network.weight.data[0, 0] += 1
    assert made_of(network, "it", "b", make) == 2
    assert made_of(network, "other", "b", make) == 3
