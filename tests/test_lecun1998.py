"""The layers and the loss of 1998, against their formulas."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from lenet_sklearn.lecun1998 import (
    MAPLoss,
    RBFOutput,
    ScaledTanh,
    TableConv2d,
    TrainablePool2d,
)
from lenet_sklearn.parameters import C3_TABLE


def test_the_squashing_function_leaves_one_where_it_is():
    squashed = ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0]))
    torch.testing.assert_close(
        squashed, torch.tensor([-1.0, 0.0, 1.0]), atol=1e-4, rtol=0
    )


def test_trainable_pooling_is_a_sum_times_a_coefficient_plus_a_bias():
    pool = TrainablePool2d(2)
    with torch.no_grad():
        pool.coefficient.copy_(torch.tensor([2.0, -1.0]))
        pool.bias.copy_(torch.tensor([0.5, 0.0]))
    maps = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).expand(1, 2, 2, 2)
    assert pool(maps).flatten().tolist() == [20.5, -10.0]


def test_a_map_of_c3_sees_the_maps_of_its_row_in_the_table_and_no_others():
    layer = TableConv2d(C3_TABLE, 5)
    for seen in range(6):
        image = torch.zeros(1, 6, 5, 5)
        image[:, seen] = 1
        changed = (layer(image) - layer(torch.zeros_like(image))).abs() > 1e-6
        assert changed.flatten().tolist() == [seen in row for row in C3_TABLE]


def test_the_sparse_c3_sums_single_convolutions():
    layer = TableConv2d(((0, 2), (1,)), 3)
    image = torch.rand(1, 3, 3, 3)
    first = sum((layer.weight[k] * image[0, i]).sum() for k, i in [(0, 0), (1, 2)])
    second = (layer.weight[2] * image[0, 1]).sum()
    expected = torch.stack([first, second]) + layer.bias
    torch.testing.assert_close(layer(image).flatten(), expected)


def test_the_rbf_output_is_minus_the_squared_distance():
    codes = torch.tensor([[1.0, -1.0], [1.0, 1.0]])
    logits = RBFOutput(codes)(torch.tensor([[1.0, -1.0], [0.5, 0.0]]))
    torch.testing.assert_close(logits, torch.tensor([[0.0, -4.0], [-1.25, -1.25]]))


def test_the_map_loss_is_the_formula_of_the_paper():
    distances, j = torch.tensor([[2.0, 7.0, 1.0], [0.0, 3.0, 9.0]]), 1.5
    losses = [
        y[d] + math.log(math.exp(-j) + sum(math.exp(-yi) for yi in y))
        for y, d in zip(distances.tolist(), [2, 0], strict=True)
    ]
    targets = torch.tensor([2, 0])
    assert float(MAPLoss(j)(-distances, targets)) == pytest.approx(np.mean(losses))
    each = MAPLoss(j, reduction="none")(-distances, targets)
    assert each.tolist() == pytest.approx(losses)


def test_without_rubbish_the_map_loss_is_the_cross_entropy():
    logits, targets = torch.randn(5, 10), torch.arange(5)
    expected = functional.cross_entropy(logits, targets)
    torch.testing.assert_close(MAPLoss(rubbish=1e4)(logits, targets), expected)
