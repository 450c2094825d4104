"""Train `contents`, the network that says what boxes hold.

    python examples/benchmarks/ship_contents.py draw DATA FOLDER --minutes 4
    python examples/benchmarks/ship_contents.py teach DATA FOLDER --minutes 2
    python examples/benchmarks/ship_contents.py train DATA FOLDER --minutes 25
    python examples/benchmarks/ship_contents.py ship DATA FOLDER

DATA is the folder with those of MNIST and of its writers. Rows of boxes are drawn with
the digits of nine in ten of MNIST's training writers, by all processors. A residual
network that ships nowhere learns what the boxes hold, for which it needs a GPU. A
LeNet-5 then learns from the labels and from its posteriors: of a scribble that looks
like a three it learns that it does. It goes on from what FOLDER holds of it.

The network that ships began as one that its teacher had taught for 3 minutes on a GPU,
with other distortions; of what that teacher was shown some was glyphs alone. It learned
from 318,000 boxes of an earlier kind besides, whose labels had no teacher, and for the
last 9 minutes from zeros with a slash.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lenet_sklearn import LeNet5, LeNet5Classifier, load_dataset, save_model
from lenet_sklearn.datasets import load_writers
from lenet_sklearn.models.cards import ModelCard
from lenet_sklearn.models.files import model_path
from lenet_sklearn.recipes import find_recipe
from pipelines.drawing.boxes import BoxArtist
from pipelines.readers.comb import SHIPPED_CONTENTS
from pipelines.training.boxes import CONTENTS, BoxSamples, cut_rows

_FIELDS = ("glyphs", "windows", "contents", "is_inked")
_CHUNK = 250
_MOST_ROWS = 1_000_000
_SIDE = 28
_NETWORK = "contents.pt"
_OTHER = len(CONTENTS) - 1

# A GPU needs as long for so many images as for a few.
_BATCHES = {"teach": 1024, "train": 128}
_RATES = {"teach": 3e-3, "train": 1e-3}
_DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

# Share of a target that is the label, not what the teacher holds it for.
_LABELS = 0.3

# Boxes that hold what is not read are a fifth of those drawn, and far fewer on forms.
_OTHERS_ON_FORMS = 0.03

# Under which the product of its posterior and that of `boxes`, which has this one too,
# is what comes true of boxes of the other writers, where it is 0.98 and more. Alone it
# is most likely under 1.
_TEMPERATURE = 0.9


def draw(data: Path, folder: Path, minutes: float) -> None:
    """Draw rows of boxes and cut them, by all processors."""
    X, y = load_dataset("mnist", data_dir=data / "mnist")
    held = _held_writers(data)
    for part, rows, until in (("held", held, 0.1 * minutes), ("train", ~held, minutes)):
        artist = BoxArtist(X[rows], y[rows], random_state=len(part))
        chunks = list(_cut_rows(artist, 54 * until))
        for name in _FIELDS:
            joined = np.concatenate([getattr(chunk, name) for chunk in chunks])
            np.save(folder / f"{part}_{name}.npy", joined)
        print(f"{part}: {_CHUNK * len(chunks)} rows", flush=True)


def _held_writers(data: Path) -> NDArray[np.bool_]:
    """Mark the digits of every tenth writer."""
    writers = load_writers(data / "mnist_writers")
    return np.isin(writers, np.unique(writers)[::10])


def _cut_rows(artist: BoxArtist, seconds: float) -> Iterator[BoxSamples]:
    start = time.monotonic()
    with ProcessPoolExecutor(initializer=_share, initargs=(artist,)) as pool:
        for chunk in pool.map(_cut_chunk, range(0, _MOST_ROWS, _CHUNK)):
            yield chunk
            if time.monotonic() - start > seconds:
                pool.shutdown(wait=False, cancel_futures=True)
                return


def _share(artist: BoxArtist) -> None:
    global _artist
    _artist = artist
    cv2.setNumThreads(1)


def _cut_chunk(first: int) -> BoxSamples:
    return cut_rows(_artist, range(first, first + _CHUNK))


def load_part(folder: Path, part: str) -> BoxSamples:
    """Load what was drawn: "train", or "held" of other writers."""
    return BoxSamples(**{n: np.load(folder / f"{part}_{n}.npy") for n in _FIELDS})


def teach(folder: Path, minutes: float) -> None:
    """Train the teacher, and write down what it holds every box for."""
    samples = load_part(folder, "train")
    pairs = torch.from_numpy(_pairs(samples)).to(_DEVICE)
    labels = torch.from_numpy(samples.contents).to(_DEVICE)
    teacher = make_teacher().to(_DEVICE)

    def loss(rows: Tensor) -> Tensor:
        images = distort(pairs[rows] / 255)
        return functional.cross_entropy(_ask(teacher, images), labels[rows])

    learn(teacher, loss, len(labels), "teach", minutes)
    torch.save(teacher.state_dict(), folder / "teacher.pt")
    answers = apply(partial(_ask, teacher), _pairs(samples))
    np.save(folder / "train_answers.npy", answers)


def _pairs(samples: BoxSamples) -> NDArray[np.uint8]:
    """Lay glyph and box side by side."""
    return np.concatenate([samples.glyphs, samples.windows], axis=2)[:, None]


def _ask(teacher: nn.Module, pairs: Tensor) -> Tensor:
    """Show a teacher glyph and box as two maps of one image."""
    maps = torch.cat([pairs[..., :_SIDE], pairs[..., _SIDE:]], 1)
    with torch.autocast(_DEVICE, torch.bfloat16):
        answers: Tensor = teacher(maps.contiguous(memory_format=torch.channels_last))
    return answers.float()


def make_teacher() -> nn.Module:
    """Make a residual network of 2.7 million weights."""
    network = nn.Sequential(
        nn.Conv2d(2, 64, 3, 1, 1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        Block(64, 64, 1),
        Block(64, 128, 2),
        Block(128, 128, 1),
        Block(128, 256, 2),
        Block(256, 256, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(256, len(CONTENTS)),
    )
    return network.to(memory_format=torch.channels_last)


class Block(nn.Module):
    """Two convolutions, added to what went into them."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(n_out),
        )
        self.short = nn.Conv2d(n_in, n_out, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        """Compute the maps of a batch."""
        return functional.relu(self.layers(maps) + self.short(maps))


def distort(images: Tensor) -> Tensor:
    """Turn, lean, scale and bend squares side by side alike; shift each by itself."""
    n, device = len(images), images.device

    def normal(deviation: float, *shape: int) -> Tensor:
        return deviation * torch.randn(n, *shape, device=device)

    turn, lean, scales = normal(0.09), normal(0.1), torch.exp(normal(0.07, 2))
    across = torch.stack([turn.cos(), lean - turn.sin()], 1) * scales[:, :1]
    down = torch.stack([turn.sin(), turn.cos()], 1) * scales[:, 1:]
    bend = functional.interpolate(
        normal(0.03, 2, 4, 4), _SIDE, mode="bilinear", align_corners=True
    )
    squares = []
    for square in images.split(_SIDE, 3):
        matrix = torch.cat([torch.stack([across, down], 1), normal(0.04, 2, 1)], 2)
        grid = functional.affine_grid(matrix, list(square.shape), align_corners=False)
        grid = grid + bend.permute(0, 2, 3, 1)
        squares.append(functional.grid_sample(square, grid, align_corners=False))
    return torch.cat(squares, 3)


def learn(
    network: nn.Module,
    loss: Callable[[Tensor], Tensor],
    n_samples: int,
    stage: str,
    minutes: float,
) -> None:
    """Train a network for some minutes; the rate rises, and falls to zero."""
    peak, size = _RATES[stage], _BATCHES[stage]
    optimizer = torch.optim.AdamW(network.parameters(), lr=peak, weight_decay=0.05)
    network.train()
    start = time.monotonic()
    while (progress := (time.monotonic() - start) / (60 * minutes)) < 1:
        rate = peak * min(progress / 0.1, (1 + math.cos(math.pi * progress)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss(torch.randint(n_samples, (size,), device=_DEVICE)).backward()
        optimizer.step()
    network.eval()


def apply(network: Callable[[Tensor], Tensor], images: NDArray[np.uint8]) -> Any:
    """Compute posteriors."""
    with torch.inference_mode():
        parts = torch.from_numpy(images).split(1024)
        answers = [network(part.to(_DEVICE) / 255).softmax(1).cpu() for part in parts]
    return torch.cat(answers).numpy()


def train(folder: Path, minutes: float) -> None:
    """Train the network that ships."""
    samples = load_part(folder, "train")
    images = torch.from_numpy(_pairs(samples))
    known = np.eye(len(CONTENTS), dtype=np.float32)[samples.contents]
    answers = np.load(folder / "train_answers.npy")
    targets = torch.from_numpy(_LABELS * known + (1 - _LABELS) * answers)
    network = LeNet5(len(CONTENTS), image_shape=(_SIDE, 2 * _SIDE))
    if (folder / _NETWORK).exists():
        network.load_state_dict(torch.load(folder / _NETWORK))

    def loss(rows: Tensor) -> Tensor:
        return functional.cross_entropy(
            network(distort(images[rows] / 255)), targets[rows]
        )

    learn(network, loss, len(targets), "train", minutes)
    torch.save(network.state_dict(), folder / _NETWORK)


def ship(folder: Path) -> None:
    """Write the file into the package."""
    held = load_part(folder, "held")
    n_boxes = len(np.load(folder / "train_contents.npy"))
    other = held.contents == _OTHER
    seldom = _OTHERS_ON_FORMS * np.mean(~other) / (1 - _OTHERS_ON_FORMS) / other.mean()
    weights = torch.load(folder / _NETWORK)
    weights["output.bias"][_OTHER] += math.log(seldom)
    model = as_classifier(weights)
    # As on forms, where what is no digit is met with less often.
    kept = ~other | (np.random.default_rng(0).random(len(other)) < seldom)
    wrong = model.predict(_pairs(held)[kept, 0]) != held.contents[kept]
    figures = {
        "drawn boxes of other writers": f"error {wrong.mean():.2%} of {len(wrong)}"
    }
    card = ModelCard.write_today("boxes drawn with MNIST's digits", n_boxes)
    card = replace(card, figures=figures)
    save_model(model, model_path(SHIPPED_CONTENTS), card=card)
    print(figures, flush=True)


def as_classifier(weights: dict[str, Tensor]) -> LeNet5Classifier:
    """Make a fitted classifier of a network."""
    recipe = {
        **find_recipe("modern"),
        "max_epochs": 1,
        "distortion": None,
        "padding": 2,
    }
    classifier = LeNet5Classifier(**recipe, device="cpu")
    blank = np.zeros((len(CONTENTS), _SIDE, 2 * _SIDE), np.uint8)
    classifier.fit(blank, np.arange(len(CONTENTS)))
    classifier.net_.module_.load_state_dict(weights)
    classifier.temperature_ = _TEMPERATURE
    return classifier


def main() -> None:
    steps = {
        "draw": draw,
        "teach": lambda _, folder, minutes: teach(folder, minutes),
        "train": lambda _, folder, minutes: train(folder, minutes),
        "ship": lambda _, folder, __: ship(folder),
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=steps)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=1.0)
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    steps[args.step](args.data, args.folder, args.minutes)


if __name__ == "__main__":
    main()
