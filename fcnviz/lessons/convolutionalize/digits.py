"""Handwritten digits: a small trained classifier with the toy example's shapes, (16, 4, 4) → 10.

Two unpadded 3 × 3 convolutions turn an 8 × 8 image into 16 maps of 4 × 4, and a dense layer reads their 256
values. Without padding, a window of a larger canvas gives exactly what it gives alone, so that the
convolutionalised network equals the classifier on every window.

The images are scikit-learn's `load_digits`: 1,797 of 8 × 8 px, from the UCI test set. A shuffled fifth of
them is the test split, so the people who wrote its digits also wrote some of the training digits.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from fcnviz import files, weights

log = logging.getLogger(__name__)

SIDE = 8
TEST_IMAGES = 360
SPLIT_SEED = 0
EPOCHS = 50


class Digits(nn.Module):
    """The classifier, 1 × 8 × 8 → 10 scores; its parts are named as in torchvision's VGG."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3),  # (N, 32, 6, 6)
            nn.ReLU(),
            nn.Conv2d(32, 16, 3),  # (N, 16, 4, 4)
            nn.ReLU(),
        )
        self.classifier = nn.Sequential(nn.Linear(16 * 4 * 4, 10))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 1, 8, 8) in 0…1 to (N, 10); the dense layer refuses any other size."""
        return self.classifier(self.features(x).flatten(1))


@dataclass(frozen=True, eq=False)
class Split:
    """Images (N, 1, 8, 8) float32 in 0…1, and their digits (N,)."""

    images: Tensor
    labels: Tensor


@cache
def splits() -> tuple[Split, Split]:
    """Load the 1,437 training and the 360 test images, always the same.

    Raises:
        FileNotFoundError: scikit-learn is not installed, or no longer has them.
    """
    rows = torch.from_numpy(np.loadtxt(_data_file(), delimiter=","))  # (1797, 64 + 1)
    images, labels = rows[:, :-1].float().view(-1, 1, SIDE, SIDE) / 16, rows[:, -1].long()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(SPLIT_SEED))
    train, test = order[:-TEST_IMAGES], order[-TEST_IMAGES:]
    return Split(images[train], labels[train]), Split(images[test], labels[test])


def _data_file() -> Path:
    """Find the file that `sklearn.datasets.load_digits` reads; importing scikit-learn would take 80 MB."""
    path = files.in_package("sklearn", "datasets/data/digits.csv.gz")
    if path is None:
        raise FileNotFoundError("the digits are datasets/data/digits.csv.gz of scikit-learn: not found here")
    return path


@torch.no_grad()
def accuracy(net: nn.Module) -> float:
    """Compute the share of test images that the network classifies correctly."""
    test = splits()[1]
    return (net(test.images).argmax(1) == test.labels).float().mean().item()


# --- training


@dataclass(frozen=True)
class Epoch:
    """The result of one pass over the training images.

    Attributes:
        number: 1, 2, ….
        of: number of epochs in all.
        loss: mean loss over the batches, of digits and of windows between digits.
        accuracy: accuracy on the test images, which influence neither the training nor when it stops.
    """

    number: int
    of: int
    loss: float
    accuracy: float


def build(seed: int = 0) -> Digits:
    """Build an untrained classifier, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Digits()


def train(net: Digits, seed: int = 0, epochs: int = EPOCHS) -> Iterator[Epoch]:
    """Train a classifier in place, one epoch at a time: AdamW, batches of 64, one-cycle rate, dropout 0.1.

    For every digit it also sees a window between digits and learns to give all ten digits equal probability
    there; otherwise it is sure of some digit in half of a canvas's windows. It uses a random generator of its
    own, so that other threads cannot change the result.
    """
    data, random = splits()[0], torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    steps = epochs * -(-len(data.labels) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, total_steps=steps)
    for number in range(1, epochs + 1):
        losses = []
        for batch in torch.randperm(len(data.labels), generator=random).split(64):
            loss = _loss(net, data.images[batch], data.labels[batch], random)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        yield Epoch(number, epochs, float(np.mean(losses)), accuracy(net))


def _loss(net: Digits, images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    features = net.features(torch.cat([images, between(images, random)])).flatten(1)
    kept = (torch.rand(features.shape, generator=random) > 0.1) / 0.9
    digits, gaps = net.classifier(features * kept).log_softmax(1).chunk(2)  # (N, 10) each
    return F.nll_loss(digits, labels) - gaps.mean()


def between(images: Tensor, random: torch.Generator) -> Tensor:
    """Cut windows that show no whole digit out of two by two images, some of them blank.

    Args:
        images: (N, 1, 8, 8).
        random: chooses the neighbours and the window, at least 2 px away from a digit's place along one axis.

    Returns:
        (N, 1, 8, 8).
    """

    def neighbour() -> Tensor:
        there = torch.rand(len(images), 1, 1, 1, generator=random) > 0.5
        return images[torch.randperm(len(images), generator=random)] * there

    rows = [torch.cat([images, neighbour()], 3), torch.cat([neighbour(), neighbour()], 3)]
    y, x = torch.randint(2, SIDE - 1, (2,), generator=random).tolist()
    if (axis := int(torch.randint(3, (), generator=random))) < 2:  # aligned with the digits on one axis
        y, x = ((0, x), (y, 0))[axis]
    return torch.cat(rows, 2)[..., y : y + SIDE, x : x + SIDE]  # (N, 1, 8, 8) of (N, 1, 16, 16)


# --- the bundled file


def path() -> Path:
    """Return the path of the bundled classifier."""
    return weights.folder() / weights.DIGITS


def save(net: Digits, file: Path, seed: int) -> None:
    """Save a trained classifier with the command that made it and its accuracy."""
    about = {"command": f"python -m fcnviz digits --seed {seed}", "test_accuracy": f"{accuracy(net):.4f}"}
    with files.atomic_write(file) as part:
        save_file(net.state_dict(), part, {"data": "scikit-learn, load_digits", **about})


def load() -> Digits:
    """Load the bundled classifier.

    Raises:
        WeightsError: its file is missing or damaged.
    """
    net, file = Digits(), path()
    try:
        net.load_state_dict(load_file(file))
    except FileNotFoundError as error:
        raise weights.WeightsError(
            f"{file.name} is not here: train it with `python -m fcnviz digits --out {file}`"
        ) from error
    except Exception as error:  # a corrupt file can raise any exception
        log.warning("the digits classifier cannot be read", exc_info=True)
        raise weights.WeightsError(f"{file.name} is damaged: restore it with git") from error
    return net.eval()


# --- canvases


@dataclass(frozen=True)
class Placed:
    """A test image on a canvas.

    Attributes:
        digit: the digit that it shows.
        x, y: its left and top edge; the output cell at (x, y) sees exactly this window.
        index: number of the test image.
    """

    digit: int
    x: int
    y: int
    index: int


@dataclass(frozen=True, eq=False)
class Canvas:
    """Digits on a black canvas.

    Attributes:
        pixels: (1, 1, H, W) float32 in 0…1.
        placed: the digits on it.
    """

    pixels: Tensor
    placed: tuple[Placed, ...]


def compose(size: tuple[int, int], placed: Sequence[Placed]) -> Canvas:
    """Put test images on a canvas; overlapping pixels are added, and what does not fit is cut off.

    Args:
        size: (width, height) in px, at least 8 each.
        placed: the images and their places.
    """
    pixels = torch.zeros(1, 1, size[1], size[0])
    for p in placed:
        spot = pixels[0, 0, p.y : p.y + SIDE, p.x : p.x + SIDE]
        spot += splits()[1].images[p.index, 0, : spot.shape[0], : spot.shape[1]]
    return Canvas(pixels.clamp_(max=1), tuple(placed))


def scatter(size: tuple[int, int], count: int, seed: int) -> Canvas:
    """Put up to `count` random test images on a canvas without overlap, the same for the same seed.

    Args:
        size: (width, height) in px, at least 8 each.
        count: number of images to place; an image that finds no free place in 50 tries is left out.
        seed: seed of the images and their places.
    """
    random, labels = np.random.default_rng(seed), splits()[1].labels
    placed: list[Placed] = []
    for index in random.choice(TEST_IMAGES, count, replace=False).tolist():
        for x, y in zip(*(random.integers(0, n - SIDE, 50, endpoint=True) for n in size), strict=True):
            if all(abs(x - p.x) >= SIDE or abs(y - p.y) >= SIDE for p in placed):
                placed.append(Placed(int(labels[index]), int(x), int(y), index))
                break
    return compose(size, placed)


def example(digit: int) -> int:
    """Return the index of the first test image that shows this digit."""
    return int((splits()[1].labels == digit).nonzero()[0, 0])
