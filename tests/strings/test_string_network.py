"""The space-displacement network: its size, its outputs, its kinship with LeNet-5."""

from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from lenet_sklearn import LeNet5, count_parameters
from lenet_sklearn.strings import StringNetwork
from lenet_sklearn.strings.network import plain_layers, run_torch
from lenet_sklearn.strings.strips import LAYOUTS, compute_log_posteriors


@pytest.mark.parametrize(
    ("kind", "n_parameters"),
    [("lenet5", 62_243), ("lenet5_dense", 84_803), ("wide", 222_155)],
)
def test_networks_have_the_size_that_is_stated(kind, n_parameters):
    assert count_parameters(StringNetwork(kind)) == n_parameters


@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize("width", [1, 4, 37, 100, 143])
def test_the_number_of_positions_is_as_foretold(kind, width):
    network = StringNetwork(kind, n_symbols=3).eval()
    logits = network(torch.rand(2, 1, 32, width))
    assert logits.shape == (2, 4, network.layout.n_positions(width))


def test_dropout_changes_training_and_not_reading():
    network = StringNetwork("wide", dropout=0.5)
    strip = torch.rand(1, 1, 32, 60)
    with torch.no_grad():
        assert not torch.equal(network.train()(strip), network(strip))
        kept = StringNetwork("wide")
        kept.load_state_dict(network.state_dict())
        assert torch.equal(network.eval()(strip), kept.eval()(strip))


def test_the_plain_kind_is_lenet5_on_every_fourth_window():
    lenet = LeNet5(n_classes=11, padding=0, image_shape=(32, 32))
    network = StringNetwork("lenet5").eval()
    with torch.no_grad():
        for name in ("c1", "c3", "c5", "f6", "output"):
            own, its = getattr(network, name), getattr(lenet, name)
            own.weight.copy_(its.weight.reshape(own.weight.shape))
            own.bias.copy_(its.bias)
        for norm in (network.n1, network.n3, network.n5, network.n6):
            norm.running_var.fill_(1 - norm.eps)  # so that it changes nothing
    strip = torch.rand(1, 1, 32, 60)
    padded = torch.nn.functional.pad(strip, (16, 16))
    windows = torch.cat([padded[..., x : x + 32] for x in range(0, 61, 4)])
    expected = lenet(windows).T[None]
    torch.testing.assert_close(network(strip), expected, atol=1e-5, rtol=0)
    assert count_parameters(plain_layers(network)) == count_parameters(lenet)


def test_a_denser_kind_sees_at_each_place_what_the_plain_one_sees():
    plain, dense = (StringNetwork(kind).eval() for kind in ("lenet5", "lenet5_dense"))
    with torch.no_grad():
        for layer in ("c1", "c5", "output"):
            getattr(dense, layer).load_state_dict(getattr(plain, layer).state_dict())
        dense.c3.weight.zero_()[:, :6] = plain.c3.weight  # not the negatives
        dense.c3.bias.copy_(plain.c3.bias)
        dense.f6.weight.zero_()[..., 1:2] = plain.f6.weight  # the middle neighbour
        dense.f6.bias.copy_(plain.f6.bias)
    strip = torch.rand(1, 1, 32, 60)
    torch.testing.assert_close(
        dense(strip)[..., ::2], plain(strip), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("kind", LAYOUTS)
def test_plain_layers_compute_the_same(kind):
    network = StringNetwork(kind)
    network(torch.rand(8, 1, 32, 90))  # running means that are not 0 and 1
    network.eval()
    strips = torch.rand(2, 1, 32, 75)
    got = plain_layers(network)(strips).squeeze(2)
    torch.testing.assert_close(got, network(strips), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("width", [1.0, 0.8, 1.3])
def test_a_strip_reads_the_same_alone_and_beside_a_wider_one(width):
    network = StringNetwork("wide").eval()
    generator = np.random.default_rng(0)
    strips = [generator.integers(256, size=(32, w), dtype=np.uint8) for w in (41, 90)]
    run, layout = partial(run_torch, network), network.layout
    together = compute_log_posteriors(run, layout, strips, width=width)
    for strip, got in zip(strips, together, strict=True):
        [alone] = compute_log_posteriors(run, layout, [strip], width=width)
        assert_allclose(got, alone, atol=1e-5)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="expects kind to be one of"):
        StringNetwork("deep")


def test_strips_of_another_height_are_refused():
    with pytest.raises(ValueError, match="32 pixels high"):
        StringNetwork("lenet5")(torch.zeros(1, 1, 28, 90))
