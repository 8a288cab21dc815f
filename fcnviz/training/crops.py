"""Random training crops, and the order of the batches.

Every random choice comes from (seed, stage, epoch, photo), so that a stopped run continues exactly.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter
from torch import Tensor
from torch.utils.data import Dataset, Sampler
from tqdm import tqdm

from fcnviz.evaluation.parallel import SINGLE, World
from fcnviz.photos.folder import VocFolder
from fcnviz.photos.voc import CLASSES, VOID
from fcnviz.training.config import Config

#: Side of the square that holds a whole training photo: their longest side is 416 px.
WHOLE = 416
#: The classes that the bundled networks find worst: bicycle, bottle, chair, diningtable, sofa.
RARE = tuple(CLASSES.index(name) for name in ("bicycle", "bottle", "chair", "diningtable", "sofa"))


@lru_cache(maxsize=1)
def _decoded(folder: VocFolder, count: int) -> tuple[tuple[Image.Image, Image.Image], ...]:
    """Decode a split's first photos and masks; those of the split used last stay, for the next run."""
    with ThreadPoolExecutor() as pool:
        load = pool.map(lambda i: (folder.photo(i), Image.fromarray(folder.mask(i))), range(count))
        return tuple(tqdm(load, total=count, desc="decoding", unit="photo", mininterval=5))


class Crops(Dataset[tuple[Tensor, Tensor]]):
    """Random crops of a split: scale, position, flip and slight colour jitter; photos stay decoded."""

    def __init__(self, folder: VocFolder, config: Config):
        self.pairs = _decoded(folder, min(len(folder), config.limit or len(folder)))
        self.config = config
        self.rare = self._with(RARE) if config.paste else []
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # loader processes see it change

    @property
    def epoch(self) -> int:
        """The epoch that the next crops are for, from 0."""
        return int(self._epoch)

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.pairs)

    def frequencies(self) -> np.ndarray:
        """Count the masks' pixels by class, (C,), without void."""
        counts = sum(np.bincount(np.asarray(mask).ravel(), minlength=256) for _, mask in self.pairs)
        return np.asarray(counts)[: len(CLASSES)]

    def _with(self, classes: tuple[int, ...]) -> list[int]:
        """List the photos that hold one of the classes."""
        return [i for i, (_, mask) in enumerate(self.pairs) if any(mask.histogram()[k] for k in classes)]

    def _last(self, epochs: int) -> bool:
        """Tell whether this is one of the last epochs."""
        return epochs > 0 and self.epoch >= self.config.epochs - epochs

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Cut one crop: (3, crop, crop) uint8 RGB, and (crop, crop) uint8 labels, VOID outside the photo."""
        random = np.random.default_rng((self.config.seed, self.config.stride, self.epoch, index))
        photo, mask = self._cut(self.pairs[index], random)
        pixels, labels = np.asarray(photo), np.asarray(mask)
        if self.config.paste and random.random() < self.config.paste and self.rare:
            other = self._cut(self.pairs[self.rare[int(random.integers(len(self.rare)))]], random)
            pixels, labels = paste((pixels, labels), *map(np.asarray, other))
        pixels = pixels if self._last(self.config.plain) else jitter(pixels, random)
        labels = without_band(labels, self.config.band)
        if random.random() < 0.5:
            pixels, labels = pixels[:, ::-1], labels[:, ::-1]
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1), torch.from_numpy(labels.copy())

    def _cut(
        self, pair: tuple[Image.Image, Image.Image], random: np.random.Generator
    ) -> tuple[Image.Image, Image.Image]:
        whole, (width, height) = self._last(self.config.whole), pair[0].size
        c = WHOLE if whole else self.config.crop
        scale = float(np.exp(random.uniform(np.log(self.config.scale_min), np.log(self.config.scale_max))))
        scale = 1.0 if whole else scale
        size = max(1, round(width * scale)), max(1, round(height * scale))
        # along a side shorter than the crop, x or y is negative: the photo lies inside the crop
        x, y = (int(random.integers(min(0, n - c), max(0, n - c) + 1)) for n in size)
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + c, size[0]), min(y + c, size[1])
        box = left / scale, top / scale, min(right / scale, width), min(bottom / scale, height)
        part = right - left, bottom - top
        photo, mask = Image.new("RGB", (c, c), (128, 128, 128)), Image.new("L", (c, c), VOID)
        photo.paste(pair[0].resize(part, Image.Resampling.BILINEAR, box), (left - x, top - y))
        mask.paste(pair[1].resize(part, Image.Resampling.NEAREST, box), (left - x, top - y))
        return photo, mask


def jitter(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Change brightness, contrast and saturation of (H, W, 3) uint8, each by up to 20 %."""
    brightness, contrast, saturation = random.uniform(0.8, 1.2, 3).astype(np.float32)
    x = pixels.astype(np.float32)
    grey = x.mean(2, keepdims=True)
    x = grey + (x - grey) * saturation
    x = (x - 128) * contrast + 128 * brightness
    return np.clip(x, 0, 255).astype(np.uint8)


def paste(
    onto: tuple[np.ndarray, np.ndarray], pixels: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lay the rare objects of one crop, (H, W, 3) and (H, W), on another: copied pixels, copied labels."""
    there = np.isin(labels, RARE)
    return np.where(there[..., None], pixels, onto[0]), np.where(there, labels, onto[1])


def without_band(labels: np.ndarray, width: int) -> np.ndarray:
    """Set to void what lies within `width` px (in a square) of another class; void itself is none."""
    if not width:
        return labels
    highest = maximum_filter(np.where(labels == VOID, 0, labels), 2 * width + 1)
    lowest = minimum_filter(labels, 2 * width + 1)
    return np.where(highest == lowest, labels, VOID).astype(np.uint8)


class Order(Sampler[list[int]]):
    """Full batches in an order given by seed, stage and `epoch`; of each batch, one process's share."""

    def __init__(self, count: int, config: Config, epoch: int, world: World | None = None):
        if not count:
            raise ValueError("the split lists no photos")
        self.count, self.config, self.epoch, self.world = count, config, epoch, world or SINGLE
        self.size = min(config.batch, count)
        if self.size < self.world.size:
            raise ValueError(f"a batch of {self.size} crops cannot be shared by {self.world.size} processes")

    @property
    def batches(self) -> list[list[int]]:
        """The indices of each batch's photos in this epoch."""
        order = np.random.default_rng((self.config.seed, self.config.stride, self.epoch)).permutation(
            self.count
        )
        starts = range(0, self.count - self.size + 1, self.size)
        return [[int(order[i + j]) for j in self.world.shard(self.size)] for i in starts]

    def __len__(self) -> int:
        return self.count // self.size

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches)
