"""The network: sizes and counts as the paper's table has them."""

import pytest
import torch

from lenet_sklearn import LeNet5, count_parameters


def test_the_default_network_has_61706_parameters():
    assert count_parameters(LeNet5()) == 61_706


def test_convolutions_have_the_parameters_of_the_paper():
    network = LeNet5()
    counts = [count_parameters(layer) for layer in (network.c1, network.c5, network.f6)]
    assert counts == [156, 48_120, 10_164]


def test_a_digit_gives_one_row_of_logits():
    assert LeNet5(n_classes=7)(torch.zeros(3, 1, 28, 28)).shape == (3, 7)


def test_a_padded_digit_needs_no_padding_in_c1():
    image = torch.rand(2, 1, 28, 28)
    network = LeNet5()
    unpadded = LeNet5(padding=0)
    unpadded.load_state_dict(network.state_dict())
    padded_image = torch.nn.functional.pad(image, (2, 2, 2, 2))
    torch.testing.assert_close(unpadded(padded_image), network(image))


def test_a_wide_image_gives_a_row_of_outputs_four_pixels_apart():
    network = LeNet5(padding=0)
    field = torch.rand(1, 1, 32, 48)
    row = network(field)
    assert row.shape == (1, 10, 5)
    torch.testing.assert_close(row[:, :, 3], network(field[..., 12:44]))


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "silu", "tanh"])
@pytest.mark.parametrize("pooling", ["average", "max"])
def test_every_activation_and_pooling_takes_a_gradient(activation, pooling):
    network = LeNet5(activation=activation, pooling=pooling)
    network(torch.rand(2, 1, 28, 28)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_an_unknown_activation_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"activation to be one of \['relu'.*'swish'"):
        LeNet5(activation="swish")


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 1, 40, 40), (1, 1, 28, 20)])
def test_an_image_of_the_wrong_size_is_refused_with_a_remedy(shape):
    with pytest.raises(ValueError, match=r"28 pixels high.*Resize"):
        LeNet5()(torch.zeros(shape))
