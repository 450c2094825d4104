"""The network: sizes and counts as the paper's table has them."""

import pytest
import torch

from lenet_sklearn import LeNet5, count_parameters
from lenet_sklearn.lecun1998 import class_codes

# The parts of the network of 1998.
PUBLISHED = {
    "c3": "table",
    "pooling": "trainable",
    "activation": "scaled_tanh",
    "output": "rbf",
}


def test_the_default_network_has_61706_parameters():
    assert count_parameters(LeNet5()) == 61_706


def test_the_network_of_1998_has_the_layers_of_the_paper():
    table = LeNet5(**PUBLISHED).layer_table()
    assert [tuple(layer) for layer in table] == [
        ("input", "1 @ 32x32", 0, 0),
        ("C1", "6 @ 28x28", 156, 122_304),
        ("S2", "6 @ 14x14", 12, 5_880),
        ("C3", "16 @ 10x10", 1_516, 151_600),
        ("S4", "16 @ 5x5", 32, 2_000),
        ("C5", "120 @ 1x1", 48_120, 48_120),
        ("F6", "84", 10_164, 10_164),
        ("output", "10", 0, 840),
    ]
    assert (table.parameters, table.connections) == (60_000, 340_908)


def test_the_table_of_layers_prints_its_totals_and_leaves_the_network_alone():
    network = LeNet5().train()
    assert str(network.layer_table()).splitlines()[-1].split()[:2] == [
        "total",
        "61,706",
    ]
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())


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


def test_an_unpadded_digit_leaves_c5_maps_of_4_x_4():
    network = LeNet5(padding=0, image_shape=(28, 28))
    assert network.c5.weight.shape == (120, 16, 4, 4)
    assert network(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize("shape", [(16, 16), (17, 40), (31, 23), (64, 64)])
def test_images_of_any_size_with_room_for_five_layers_are_read(shape):
    network = LeNet5(padding=0, image_shape=shape)
    assert network(torch.zeros(2, 1, *shape)).shape == (2, 10)


def test_an_image_without_room_for_five_layers_is_refused():
    with pytest.raises(ValueError, match=r"at least 16.*\(8, 8\), padding=2. Enlarge"):
        LeNet5(image_shape=(8, 8))


def test_padding_is_background_whatever_the_range_of_the_input():
    image = torch.rand(2, 1, 28, 28)
    scaled = LeNet5(input_range=(-0.1, 1.175))
    by_hand = LeNet5(padding=0)
    by_hand.load_state_dict(scaled.state_dict())
    padded = torch.nn.functional.pad(image, (2, 2, 2, 2))
    torch.testing.assert_close(scaled(image), by_hand(1.275 * padded - 0.1))


@pytest.mark.parametrize("parts", [{}, PUBLISHED, {"batch_norm": True}])
def test_a_wide_image_gives_a_row_of_outputs_four_pixels_apart(parts):
    network = LeNet5(padding=0, **parts).eval()
    field = torch.rand(2, 1, 32, 48)
    row = network(field)
    assert row.shape == (2, 10, 5)
    torch.testing.assert_close(row[:, :, 3], network(field[..., 12:44]))


@pytest.mark.parametrize(
    "activation", ["relu", "scaled_tanh", "sigmoid", "silu", "tanh"]
)
@pytest.mark.parametrize("pooling", ["average", "max", "trainable"])
@pytest.mark.parametrize("c3", ["dense", "table"])
@pytest.mark.parametrize("output", ["linear", "rbf"])
def test_all_parts_go_together_and_take_a_gradient(activation, pooling, c3, output):
    network = LeNet5(activation=activation, pooling=pooling, c3=c3, output=output)
    network(torch.rand(2, 1, 28, 28)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_dropout_drops_in_training_only():
    network = LeNet5(dropout=0.5)
    image = torch.rand(1, 1, 28, 28)
    assert not torch.equal(network(image), network(image))
    network.eval()
    assert torch.equal(network(image), network(image))


def test_weights_start_within_2_4_over_the_number_of_inputs():
    network = LeNet5(**PUBLISHED, init="lecun1998")
    assert 0.9 * 2.4 / 25 < network.c1.weight.abs().max() <= 2.4 / 25
    assert 0.9 * 2.4 / 400 < network.c5.weight.abs().max() <= 2.4 / 400
    three, six = network.c3.weight[:18], network.c3.weight[-6:]
    assert 0.9 * 2.4 / 75 < three.abs().max() <= 2.4 / 75
    assert 0.9 * 2.4 / 150 < six.abs().max() <= 2.4 / 150


def test_glorot_weights_keep_to_their_bound_and_biases_are_zero():
    network = LeNet5(init="glorot")
    bound = (6 / (120 + 84)) ** 0.5
    assert 0.95 * bound < float(network.f6.weight.detach().abs().max()) <= bound
    assert not network.f6.bias.any()
    assert not network.c1.bias.any()


@pytest.mark.parametrize("c3", ["dense", "table"])
def test_sigmoids_that_are_given_nothing_give_nothing_on(c3):
    torch.manual_seed(0)
    network = LeNet5(activation="sigmoid", pooling="trainable", c3=c3)
    state = torch.full((1, 6, 28, 28), 0.5)  # what a sigmoid makes of zeros
    layers = (network.s2, network.c3, network.s4, network.c5)
    for layer in layers:
        sums = layer(state)
        torch.testing.assert_close(sums, torch.zeros_like(sums), atol=1e-5, rtol=0)
        state = torch.sigmoid(sums)
    spread = network(torch.rand(64, 1, 28, 28)).std(dim=0)
    assert spread.mean() > 20 * narrow_spread(), "images differ in what they give"


def narrow_spread():
    """Spread of logits where sigmoids start as torch starts all layers."""
    torch.manual_seed(0)
    network = LeNet5(activation="sigmoid", init="torch")
    return network(torch.rand(64, 1, 28, 28)).std(dim=0).mean()


def test_only_sigmoids_start_otherwise_than_torch_does():
    drawn = []
    for init in ("auto", "torch"):
        torch.manual_seed(0)
        drawn.append(LeNet5(activation="tanh", init=init).c5.weight)
    assert torch.equal(*drawn)


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_pooling_may_be_squashed_too(pooling):
    squashed = LeNet5(pooling=pooling, activation="tanh", squash_pooling=True).eval()
    image = torch.rand(2, 1, 28, 28)
    state = torch.tanh(squashed.s2(torch.tanh(squashed.c1(image))))
    state = torch.tanh(squashed.s4(torch.tanh(squashed.c3(state))))
    state = torch.tanh(squashed.f6(torch.tanh(squashed.c5(state)).flatten(1)))
    torch.testing.assert_close(squashed(image), squashed.output(state))


@pytest.mark.parametrize("part", ["activation", "pooling", "c3", "output", "init"])
def test_an_unknown_part_is_refused_with_the_known_ones(part):
    with pytest.raises(ValueError, match=rf"{part} to be one of \['.*Got 'swish'"):
        LeNet5(**{part: "swish"})


@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (1, 1, 40, 40), (1, 1, 28, 20)])
def test_an_image_of_the_wrong_size_is_refused_with_a_remedy(shape):
    with pytest.raises(ValueError, match=r"28 pixels high.*Resize"):
        LeNet5()(torch.zeros(shape))


def test_classes_have_codes_that_differ_in_many_places():
    codes = class_codes(47)
    assert codes.shape == (47, 84)
    assert set(codes.unique().tolist()) == {-1.0, 1.0}
    assert torch.cdist(codes, codes, p=0).add(84 * torch.eye(47)).min() >= 8
    assert torch.equal(class_codes(47)[:12], class_codes(12))
