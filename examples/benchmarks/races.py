"""What the classifier is timed against: training loops as people write them."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST

from lenet_sklearn import LeNet5

# The mean and the standard deviation of MNIST's training images.
_MEAN, _STD = (0.1307,), (0.3081,)


def plain_loop(folder: Path, n_epochs: int) -> Iterator[tuple[float, float]]:
    """Train as the write-up of `padded_max_relu` does, fault mended.

    Yields the CPU seconds of the training so far, and the test accuracy, after each
    epoch; measuring the accuracy does not count.
    """
    prepare = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize(_MEAN, _STD)]
    )
    dataset = MNIST(folder, train=True, transform=prepare, download=True)
    held = len(dataset) // 5
    training, _ = torch.utils.data.random_split(dataset, [len(dataset) - held, held])
    loader = DataLoader(training, batch_size=64, shuffle=True)
    test = DataLoader(MNIST(folder, train=False, transform=prepare), batch_size=256)
    network = LeNet5()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.1)
    spent = 0.0
    for _ in range(n_epochs):
        start = time.process_time()
        train_epoch(network, optimizer, iter(loader))
        schedule.step()
        spent += time.process_time() - start
        yield spent, _accuracy(network, test)


def train_epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Iterator[tuple[torch.Tensor, torch.Tensor]],
) -> None:
    """Step through batches as every tutorial does."""
    network.train()
    for images, targets in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images), targets).backward()
        optimizer.step()


def bare_epoch(
    images: NDArray[np.uint8], labels: NDArray[np.int64], batch_size: int
) -> float:
    """Train one epoch on tensors, with no library around it; return its CPU time."""
    start = time.process_time()
    pixels = torch.from_numpy(images).float().div_(255)[:, None]
    targets = torch.from_numpy(labels)
    network = LeNet5()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.003, weight_decay=0.01)
    order = torch.randperm(len(pixels)).split(batch_size)
    train_epoch(network, optimizer, ((pixels[n], targets[n]) for n in order))
    return time.process_time() - start


def cpu_time(work: Callable[[], object]) -> float:
    """Do some work, and return its CPU seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


def compare(
    one: Callable[[], float], other: Callable[[], float], rounds: int
) -> list[float]:
    """Ratios of two times taken in turn, so that a busy machine slows down both."""
    return [one() / other() for _ in range(rounds)]


def describe(ratios: list[float]) -> str:
    """Write the median of some ratios, and how far they spread."""
    low, high = min(ratios), max(ratios)
    return f"{median(ratios):.2f} ({low:.2f} to {high:.2f} in {len(ratios)} rounds)"


def _accuracy(
    network: nn.Module, batches: DataLoader[tuple[torch.Tensor, torch.Tensor]]
) -> float:
    network.eval()
    with torch.no_grad():
        right = [
            (network(x).argmax(1) == y).double().mean() * len(y) for x, y in batches
        ]
    return float(sum(right)) / len(batches.dataset)  # type: ignore[arg-type]
