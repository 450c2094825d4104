"""The training of many classifiers at once, each as it would be trained alone."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from skorch.dataset import Dataset
from torch import Tensor
from torch.nn import functional

from lenet_sklearn.devices import RandomStream, draw_seed, resolve_device, seeded
from lenet_sklearn.training.batches import ImageDataset, to_network_input
from lenet_sklearn.training.callbacks import RateFactor, plan_rates
from lenet_sklearn.training.fitting import start_network, train_alone
from lenet_sklearn.training.nets import TrainingNet, build_net, check_converged
from lenet_sklearn.training.samples import Samples
from lenet_sklearn.training.stack import NetworkStack, OptimizerStack

# Units of C5 and F6, of which dropout leaves some out.
_DROPPED = ((120, 1, 1), (84,))


@dataclass(frozen=True)
class Training:
    """What one classifier is to learn.

    Attributes
    ----------
    classifier : LeNet5Classifier
        Whose labels and size of images are known; its `random_state` is a number.

    samples : Samples
        What it learns from.

    earlier : LeNet5Classifier or None
        Fitted: what it goes on from.
    """

    classifier: Any
    samples: Samples
    earlier: Any


@dataclass(frozen=True)
class Outcome:
    """What came of a training.

    Attributes
    ----------
    net : TrainingNet or None
        Trained; None where that failed.

    temperature : float
        That of what it started from, or 1.

    error : Exception or None
        What the training raised.

    seconds : float
        Its share of the time that the networks trained with it took.
    """

    net: TrainingNet | None
    temperature: float = 1.0
    error: Exception | None = None
    seconds: float = 0.0


def train_together(trainings: Sequence[Training]) -> list[Outcome]:
    """Train classifiers, as one stack where they are several.

    Parameters
    ----------
    trainings : sequence of Training
        Which may share a stack, as :func:`lenet_sklearn.training.plan.stack_key` says.

    Returns
    -------
    outcomes : list of Outcome
        One for each, in their order. Weights, batches, distortions and units that
        dropout leaves out are drawn as :func:`train_alone` draws them; so the networks
        are those that it gives, but for the order in which numbers are added.
    """
    began = time.perf_counter()
    if len(trainings) == 1:
        found = [_train_one(trainings[0])]
    else:
        found = _train_stack(trainings)
    seconds = (time.perf_counter() - began) / len(trainings)
    return [Outcome(o.net, o.temperature, o.error, seconds) for o in found]


def _train_one(training: Training) -> Outcome:
    try:
        return Outcome(
            *train_alone(training.classifier, training.samples, training.earlier)
        )
    except Exception as error:  # the search says what becomes of it
        return Outcome(None, error=error)


def _train_stack(trainings: Sequence[Training]) -> list[Outcome]:
    first = trainings[0].classifier
    device = resolve_device(first.device)
    datasets: dict[Any, ImageDataset] = {}
    outcomes: list[Outcome] = []
    members = []
    with seeded(0, device):
        for training in trainings:
            try:
                member = _Member(training, device, datasets)
            except Exception as error:
                outcomes.append(Outcome(None, error=error))
                continue
            members.append(member)
            outcomes.append(Outcome(member.net, member.temperature))
        if members:
            _Course(members).run(first.max_epochs)
    return [_check(outcome) for outcome in outcomes]


def _check(outcome: Outcome) -> Outcome:
    """Turn a network that reads nothing into the error that its fit would raise."""
    if outcome.net is None:
        return outcome
    try:
        check_converged(outcome.net)
    except ValueError as error:
        return Outcome(None, error=error)
    return outcome


class _Places(Dataset):
    """Gives the indices of a batch in place of its images."""

    def __init__(self, n_samples: int) -> None:
        self.n_samples = n_samples

    def __len__(self) -> int:
        return self.n_samples

    def __getitems__(self, indices: list[int]) -> Tensor:
        return torch.tensor(indices)


class _Member:
    """One network of a stack: its net, what it learns from, and its own chance."""

    def __init__(
        self, training: Training, device: torch.device, datasets: dict[Any, Any]
    ) -> None:
        classifier, samples = training.classifier, training.samples
        key = id(samples), repr(classifier.class_weight)
        if key not in datasets:
            datasets[key] = samples.dataset(classifier)
        self.dataset: ImageDataset = datasets[key]
        n_steps = -(-len(self.dataset) // classifier.batch_size)
        self.stream = RandomStream(draw_seed(classifier.random_state), device)
        with self.stream.resumed():
            self.net = build_net(classifier, n_steps=n_steps)
            self.temperature = start_network(classifier, self.net, None)
        params = classifier.get_params(deep=False)
        self.factor: RateFactor = plan_rates(params, n_steps)
        self.teaching = classifier.distillation
        self.dropout = float(self.net.module_.dropout.p)
        self.smoothing = float(params.get("criterion__label_smoothing", 0.0))
        self.batches = self.net.get_iterator(_Places(len(self.dataset)), training=True)

    def rate(self, step: int) -> float:
        """Return the learning rate before a step, counted from 0."""
        return self.net.lr * self.factor(step)

    def draw_order(self) -> Tensor:
        """Draw the order of an epoch, as the iterator of batches does."""
        with self.stream.resumed():
            return torch.cat(list(self.batches))

    def distort(self, images: Tensor) -> tuple[Tensor, list[Tensor] | None]:
        """Draw what is done to a batch, and to its units in C5 and F6."""
        if self.net.distortion is None and not self.dropout:
            return images, None
        with self.stream.resumed():
            if self.net.distortion is not None:
                images = self.net.distortion(images)
            ones = [images.new_ones(len(images), *units) for units in _DROPPED]
            # Where nothing is dropped, nothing is drawn.
            kept = [functional.dropout(one, self.dropout).flatten(1) for one in ones]
        return images, kept

    def note_epoch(self, losses: Iterable[float], sizes: Sequence[int]) -> None:
        """Write the epoch into the history, as skorch does step by step."""
        for loss, size in zip(losses, sizes, strict=True):
            self.net.notify("on_batch_begin", training=True)
            self.net.history.record_batch("train_loss", loss)
            self.net.history.record_batch("train_batch_size", size)
        self.net.history.record("train_batch_count", len(sizes))
        self.net.notify("on_epoch_end", dataset_train=self.dataset, dataset_valid=None)


class _Course:
    """The steps that the members of a stack take together."""

    def __init__(self, members: Sequence[_Member]) -> None:
        self.members = members
        self.networks = [member.net.module_ for member in members]
        self.optimizers = [member.net.optimizer_ for member in members]
        self.stack = NetworkStack(self.networks)
        self.optimizer = OptimizerStack(self.optimizers, self.stack.weights)
        self.reading = members[0].dataset.reading
        self.batch_size = members[0].net.batch_size
        self.n_steps = 0
        self._join_datasets()
        self.losses = [
            (members[int(places[0])].net.criterion_, places)
            for places in self._places_by([member.smoothing for member in members])
        ]
        # Whoever has the same teacher has a copy of it; one is enough.
        self.lessons = [
            (lesson, places)
            for places in self._places_by([id(member.teaching) for member in members])
            if (lesson := members[int(places[0])].net.lesson) is not None
        ]

    def _places_by(self, keys: Sequence[Any]) -> list[Tensor]:
        """Sort the places of members by what they have in common."""
        by_key: dict[Any, list[int]] = {}
        for place, key in enumerate(keys):
            by_key.setdefault(key, []).append(place)
        device = self.images.device
        return [torch.tensor(places, device=device) for places in by_key.values()]

    def _join_datasets(self) -> None:
        """Put all images on the device once, whoever shares them."""
        distinct = list({id(m.dataset): m.dataset for m in self.members}.values())
        firsts, n_before = {}, 0
        for dataset in distinct:
            firsts[id(dataset)] = n_before
            n_before += len(dataset)
        self.images = torch.cat([dataset.images for dataset in distinct])
        self.targets = torch.cat([dataset.targets for dataset in distinct])
        factors = [
            torch.ones(len(d), device=d.images.device)
            if d.factors is None
            else d.factors
            for d in distinct
        ]
        self.factors = torch.cat(factors)
        self.offsets = torch.tensor([[firsts[id(m.dataset)]] for m in self.members])

    def run(self, n_epochs: int) -> None:
        """Train all members, and forget who taught them."""
        for _ in range(n_epochs):
            for member in self.members:
                member.net.notify("on_epoch_begin", dataset_train=member.dataset)
            self._run_epoch()
        self.stack.write_back(self.networks)
        self.optimizer.write_back(self.optimizers, self.networks)
        for member in self.members:
            member.net.lesson = None

    def _run_epoch(self) -> None:
        orders = torch.stack([member.draw_order() for member in self.members])
        rows = (orders + self.offsets).to(self.images.device)
        parts = torch.split(rows, self.batch_size, dim=1)
        losses = torch.stack([self._step(part) for part in parts]).cpu()
        sizes = [part.shape[1] for part in parts]
        for member, own in zip(self.members, losses.T.tolist(), strict=True):
            # The rate of the last step, which the history has.
            member.net.optimizer_.param_groups[0]["lr"] = member.rate(self.n_steps - 1)
            member.note_epoch(own, sizes)
            whole = member.net.history[-1, "dur"]
            member.net.history.record("dur", whole / len(self.members))

    def _step(self, rows: Tensor) -> Tensor:
        """Take a step; return the loss of each member, of shape (n_networks,)."""
        scale, size = self.reading["scale"], self.reading["size"]
        images = to_network_input(self.images[rows.flatten()], scale, size)
        images, kept = self._distort(torch.unflatten(images, 0, rows.shape))
        # As in TrainingNet.infer: an autocast would keep the first weights for ever.
        torch.clear_autocast_cache()
        logits = self.stack(images.squeeze(2), kept).float()
        losses = self._losses(logits, images, rows)
        torch.autograd.backward(losses.sum())
        rates = [member.rate(self.n_steps) for member in self.members]
        self.optimizer.step(torch.tensor(rates))
        self.n_steps += 1
        return losses.detach()

    def _distort(self, images: Tensor) -> tuple[Tensor, list[Tensor] | None]:
        pairs = zip(self.members, images, strict=True)
        drawn = [member.distort(own) for member, own in pairs]
        if all(kept is None for _, kept in drawn):
            return images, None
        n = images.shape[1]
        all_kept = [
            [images.new_ones(n, units[0]) for units in _DROPPED]
            if kept is None
            else kept
            for _, kept in drawn
        ]
        stacked = [torch.stack(of_layer) for of_layer in zip(*all_kept, strict=True)]
        return torch.stack([own for own, _ in drawn]), stacked

    def _losses(self, logits: Tensor, images: Tensor, rows: Tensor) -> Tensor:
        losses = logits.new_empty(rows.shape)
        for criterion, places in self.losses:
            own = rows[places]
            of_images = criterion(
                logits[places].flatten(0, 1), self.targets[own.flatten()]
            )
            losses[places] = torch.unflatten(of_images, 0, own.shape)
        for lesson, places in self.lessons:
            parts = (part[places].flatten(0, 1) for part in (losses, logits, images))
            losses[places] = torch.unflatten(lesson.mix(*parts), 0, (len(places), -1))
        return (losses * self.factors[rows]).mean(dim=1)
