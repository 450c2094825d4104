"""Many networks of one architecture as one: weights stacked, steps taken together."""

import copy
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn import functional
from torch.optim import AdamW, Optimizer

from lenet_sklearn.lecun1998 import RBFOutput, TableConv2d, TrainablePool2d
from lenet_sklearn.network import LeNet5

# Settings of an optimizer that each network of a stack may have its own of.
_OWN_SETTINGS = ("lr", "weight_decay")


class NetworkStack:
    """Networks of one architecture, each layer of all of them computed at once.

    Parameters
    ----------
    networks : sequence of LeNet5
        Alike but for their weights, running means and dropout. They are copied.

    training : bool, default=True
        Whether a batch norm takes the means of a batch, and not the running ones.

    Attributes
    ----------
    weights : dict of str to Tensor of shape (n_networks, ...)
        By the names that they have in a network; they take gradients.

    buffers : dict of str to Tensor of shape (n_networks, ...)
        Such as the running means of a batch norm.

    Notes
    -----
    Convolutions are grouped: maps of all networks stand beside each other. On a CPU
    these lie channels last. There four networks take 8.8 ms each for a step of 128
    images, and one alone 16 ms (one thread of an AMD EPYC with AVX-512; torch 2.14);
    ``torch.func.vmap``, which groups maps without that order, takes 20 ms. Elsewhere a
    convolution is a product of matrices, whose windows were copied out before: a GPU's
    grouped convolutions of one map are slow.
    """

    def __init__(self, networks: Sequence[LeNet5], *, training: bool = True) -> None:
        self.weights, self.buffers = stack_module_state(list(networks))
        self._n_networks = len(networks)
        # It lends its layers, which get their weights from here.
        self._layers = copy.deepcopy(networks[0]).train(training)

    def __call__(self, images: Tensor, kept: Sequence[Tensor] | None = None) -> Tensor:
        """Compute the logits of a batch of images for each network.

        Parameters
        ----------
        images : Tensor of shape (n_networks, n, height, width), dtype float32
            Ink towards 1 on 0, of the `image_shape` of the networks.

        kept : sequence of 2 Tensors of shape (n_networks, n, n_units), default=None
            What the units of C5 and F6 are multiplied by, for dropout.

        Returns
        -------
        logits : Tensor of shape (n_networks, n, n_classes)
        """
        net = self._layers
        maps = net.set_range(images.transpose(0, 1))
        if maps.device.type == "cpu":
            maps = maps.contiguous(memory_format=torch.channels_last)
        maps = self._norm("n1", self._convolve("c1", maps))
        maps = net.pool_squash(self._squash_and_pool("s2", maps))
        maps = self._norm("n3", self._convolve("c3", maps))
        maps = net.pool_squash(self._squash_and_pool("s4", maps))
        features = self._apart(maps).flatten(2)  # C5 covers the maps whole
        features = net.activation(self._norm_units("n5", self._full("c5", features)))
        if kept is not None:
            features = features * kept[0]
        state = net.activation(self._norm_units("n6", self._full("f6", features)))
        if kept is not None:
            state = state * kept[1]
        if isinstance(net.output, RBFOutput):  # whose codes all networks share
            logits = net.output(state.flatten(0, 1))
            return torch.unflatten(logits, 0, state.shape[:2])
        return self._full("output", state)

    def write_back(self, networks: Sequence[LeNet5]) -> None:
        """Give each network its weights and running means.

        Parameters
        ----------
        networks : sequence of LeNet5
            In the order of the stack; changed in place.
        """
        stacked = {**self.weights, **self.buffers}
        for place, network in enumerate(networks):
            own = dict([*network.named_parameters(), *network.named_buffers()])
            with torch.no_grad():
                for name, tensor in own.items():
                    tensor.copy_(stacked[name][place])

    def _apart(self, maps: Tensor) -> Tensor:
        """Tell the maps of networks apart: (n_networks, n, n_maps, ...)."""
        return torch.unflatten(maps, 1, (self._n_networks, -1)).transpose(0, 1)

    def _convolve(self, name: str, maps: Tensor) -> Tensor:
        layer, kernels = getattr(self._layers, name), self.weights[f"{name}.weight"]
        if isinstance(layer, TableConv2d):
            kernels = layer.spread(kernels)
        bias = self.weights[f"{name}.bias"].flatten()
        padding = getattr(layer, "padding", (0, 0))
        if maps.device.type == "cpu":
            flat = kernels.flatten(0, 1)
            return functional.conv2d(
                maps, flat, bias, padding=padding, groups=self._n_networks
            )
        return convolve_by_products(maps, kernels, bias, padding)

    def _squash_and_pool(self, name: str, maps: Tensor) -> Tensor:
        layer, squash = getattr(self._layers, name), self._layers.activation
        if isinstance(layer, nn.MaxPool2d) and isinstance(squash, nn.ReLU):
            return squash(layer(maps))  # the same, of a quarter of the units
        if isinstance(layer, TrainablePool2d):
            own = {k: t.flatten() for k, t in self._own(name, self.weights).items()}
            return functional_call(layer, own, (squash(maps),))
        return layer(squash(maps))

    def _norm(self, name: str, maps: Tensor) -> Tensor:
        layer = getattr(self._layers, name)
        if isinstance(layer, nn.Identity):
            return maps
        own = self._own(name, {**self.weights, **self.buffers})
        # Views: running means are written into them.
        return functional_call(layer, {k: t.view(-1) for k, t in own.items()}, (maps,))

    def _norm_units(self, name: str, units: Tensor) -> Tensor:
        layer = getattr(self._layers, name)
        if isinstance(layer, nn.Identity):
            return units
        rows = units.transpose(0, 1).flatten(1)
        if isinstance(layer, nn.BatchNorm2d):
            rows = rows[..., None, None]
        return self._apart(self._norm(name, rows)).flatten(2)

    def _full(self, name: str, inputs: Tensor) -> Tensor:
        weight, bias = (self.weights[f"{name}.{part}"] for part in ("weight", "bias"))
        return torch.baddbmm(bias[:, None], inputs, weight.flatten(2).transpose(1, 2))

    def _own(self, name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Pick the tensors of a layer, by their names in it."""
        before = f"{name}."
        return {
            k.removeprefix(before): t
            for k, t in tensors.items()
            if k.startswith(before)
        }


def convolve_by_products(
    maps: Tensor, kernels: Tensor, bias: Tensor, padding: tuple[int, int]
) -> Tensor:
    """Convolve the maps of many networks by products of matrices.

    Parameters
    ----------
    maps : Tensor of shape (n, n_networks * n_inputs, height, width)
        Those of the networks one after the other.

    kernels : Tensor of shape (n_networks, n_maps, n_inputs, side, side)
        Kernels of each network.

    bias : Tensor of shape (n_networks * n_maps,)
        Added to the maps.

    padding : tuple of (rows, columns)
        Of zeros, on each side.

    Returns
    -------
    sums : Tensor of shape (n, n_networks * n_maps, new_height, new_width)
        As of a grouped convolution.
    """
    n_networks, *_, side = kernels.shape
    windows = functional.unfold(maps, side, padding=padding)
    sums = kernels.flatten(2) @ torch.unflatten(windows, 1, (n_networks, -1))
    height = maps.shape[-2] + 2 * padding[0] - side + 1
    whole = torch.unflatten(sums.flatten(1, 2), 2, (height, -1))
    return whole + bias[:, None, None]


class OptimizerStack:
    """Take the steps of many optimizers at once, each at its own rate.

    Parameters
    ----------
    optimizers : sequence of torch optimizers
        Of one class of Adam, AdamW and SGD, with one group of parameters each, new,
        and alike but for their rates and weight decays.

    weights : dict of str to Tensor of shape (n_networks, ...)
        What is stepped; their gradients are taken from them.
    """

    def __init__(
        self, optimizers: Sequence[Optimizer], weights: Mapping[str, Tensor]
    ) -> None:
        groups = [optimizer.param_groups[0] for optimizer in optimizers]
        self.settings = {k: v for k, v in groups[0].items() if k not in _OWN_SETTINGS}
        self._decoupled = isinstance(optimizers[0], AdamW)
        self._weights = weights
        self._decay = torch.tensor([group["weight_decay"] for group in groups])
        self._n_steps = 0
        self._state: dict[str, dict[str, Tensor]] = {name: {} for name in weights}

    @torch.no_grad()
    def step(self, rates: Tensor) -> None:
        """Take a step, and forget the gradients.

        Parameters
        ----------
        rates : Tensor of shape (n_networks,), dtype float32
            Learning rates, on the CPU.
        """
        self._n_steps += 1
        update = self._step_adam if "betas" in self.settings else self._step_sgd
        device = next(iter(self._weights.values())).device
        rates, decay = torch.stack([rates, self._decay]).to(device, non_blocking=True)
        for name, weight in self._weights.items():
            gradient = weight.grad
            if gradient is None:
                continue
            shape = (-1, *[1] * (weight.ndim - 1))
            own = rates.view(shape), decay.view(shape)
            update(weight, gradient, self._state[name], *own)
            weight.grad = None

    def write_back(
        self, optimizers: Sequence[Optimizer], networks: Sequence[nn.Module]
    ) -> None:
        """Give each optimizer what it would have gathered, to go on from.

        Parameters
        ----------
        optimizers, networks : sequences
            In the order of the stack; the former are changed in place.
        """
        for place, optimizer in enumerate(optimizers):
            for name, parameter in networks[place].named_parameters():
                own = {k: t[place].clone() for k, t in self._state[name].items()}
                if own and "betas" in self.settings:
                    own["step"] = torch.tensor(float(self._n_steps))
                if own:
                    optimizer.state[parameter] = own

    def _step_adam(
        self,
        weight: Tensor,
        gradient: Tensor,
        state: dict[str, Tensor],
        rates: Tensor,
        decay: Tensor,
    ) -> None:
        """As torch's Adam and AdamW."""
        first, second = self.settings["betas"]
        if self._decoupled:
            weight.mul_(1 - rates * decay)
        else:
            gradient = gradient + decay * weight
        if not state:
            state["exp_avg"] = torch.zeros_like(weight)
            state["exp_avg_sq"] = torch.zeros_like(weight)
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(gradient, 1 - first)
        square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        spread = square.sqrt().div_(math.sqrt(1 - second**self._n_steps))
        spread.add_(self.settings["eps"])
        weight.addcdiv_(mean * (rates / (first**self._n_steps - 1)), spread)

    def _step_sgd(
        self,
        weight: Tensor,
        gradient: Tensor,
        state: dict[str, Tensor],
        rates: Tensor,
        decay: Tensor,
    ) -> None:
        """As torch's SGD."""
        gradient = gradient + decay * weight
        momentum = self.settings["momentum"]
        if momentum:
            if not state:
                state["momentum_buffer"] = gradient.clone()
            else:
                share = 1 - self.settings["dampening"]
                state["momentum_buffer"].mul_(momentum).add_(gradient, alpha=share)
            speed = state["momentum_buffer"]
            nesterov = self.settings["nesterov"]
            gradient = gradient + momentum * speed if nesterov else speed
        weight.sub_(rates * gradient)
