"""What lies between the coarse scores and the labels: every step of it, from the score maps alone.

Nothing here runs a network's trunk. Maps are float32 arrays (h, w) or (H, W) of one class, or tensors
(1, C, h, w) of all classes, as named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcnviz import geometry, render, upsampling
from fcnviz.fcn import FCN, ScoreMaps
from fcnviz.geometry import clip
from fcnviz.inference import decide_in_strips
from fcnviz.render import Scale

#: Ways to bring a coarse map to the size of the photo. "learned" is the network's own.
WAYS = ("nearest", "bilinear", "fixed", "learned")

Size = tuple[int, int]


# --- coarse → dense


def to_finest(model: FCN, coarse: Tensor, stride: int) -> Tensor:
    """Scores of `stride` → the network's finest stride by its own deconvolutions, adding no skip.

    Args:
        model: the network; its stride is at most `stride`.
        coarse: (1, C, h, w) of stride 32, 16 or 8.
        stride: of `coarse`.
    """
    for name, step in (("upscore2", 32), ("upscore_pool4", 16)):
        if model.stride < step <= stride:
            coarse = model.climb(name, coarse)
    return coarse


@torch.no_grad()
def dense(model: FCN, coarse: Tensor, stride: int, size: Size, way: str, only: int | None = None) -> Tensor:
    """Coarse scores → scores at the size of the photo, by one of `WAYS`.

    "learned" takes the network's own deconvolutions from here on, without the skips that come later: from
    the finest map it gives the network's logits. "fixed" is one bilinear deconvolution by `stride`;
    "bilinear" and "nearest" are plain interpolation with half-pixel centres.

    Args:
        model: the network.
        coarse: (1, C, h, w) of `stride`, from `ScoreMaps.at`.
        stride: 32, 16 or 8.
        size: (H, W) of the photo.
        way: one of `WAYS`.
        only: a class, to compute that one alone.

    Returns:
        (1, C, H, W), or (1, 1, H, W) with `only`; on the network's device.
    """
    coarse = coarse.to(_device(model))
    if way == "learned":
        finest = to_finest(model, coarse, stride)
        canvas, start = _last(model, finest, only), model.crops.final
    else:
        chosen = coarse if only is None else coarse[:, only : only + 1]
        start = geometry.final_crop(_places(model)[stride])
        if way == "fixed":
            canvas = _fixed(chosen, stride)
        else:
            canvas = F.interpolate(chosen, scale_factor=stride, mode=way)
            start -= stride // 2  # a deconvolution starts half a cell before its first cell
    return canvas[..., start : start + size[0], start : start + size[1]]


def _last(model: FCN, finest: Tensor, only: int | None) -> Tensor:
    """The last deconvolution, for all classes or for one."""
    layer = model.get_submodule(model.last)
    assert isinstance(layer, nn.ConvTranspose2d)
    if only is None:
        return layer(finest)
    if layer.groups == 1:  # full C × C kernels: every class may contribute
        return F.conv_transpose2d(finest, layer.weight[:, only : only + 1], stride=layer.stride)
    one = slice(only, only + 1)
    return F.conv_transpose2d(finest[:, one], layer.weight[one], stride=layer.stride)


def _fixed(x: Tensor, stride: int) -> Tensor:
    """Bilinear deconvolution, not cropped: (1, C, h, w) → (1, C, (h + 1)·stride, (w + 1)·stride)."""
    return upsampling.deconvolution(x.shape[1], stride, per_class=True).to(x.device)(x)


def _device(model: FCN) -> torch.device:
    return next(model.parameters()).device


def _places(model: FCN) -> dict[int, geometry.Place]:
    return geometry.stages(*model.backbone.places)


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """One class's coarse map and what upsampling makes of it, as scores or as softmax probabilities.

    Attributes:
        coarse: (h, w) float32.
        dense: by the names of `WAYS`, each (H, W) float32.
    """

    coarse: np.ndarray
    dense: dict[str, np.ndarray]

    @property
    def difference(self) -> np.ndarray:
        """The network's deconvolution − bilinear interpolation, (H, W)."""
        return self.dense["learned"] - self.dense["bilinear"]


@torch.no_grad()
def reconstruct(
    model: FCN, coarse: Tensor, stride: int, size: Size, index: int, probability: bool = False
) -> Reconstruction:
    """All of `WAYS` for one class.

    Args:
        model: the network.
        coarse: (1, C, h, w) of `stride`.
        stride: 32, 16 or 8.
        size: (H, W) of the photo.
        index: the class.
        probability: softmax over the classes, after upsampling, as the network decides; else raw scores.
    """
    if not probability:
        maps = {way: dense(model, coarse, stride, size, way, index) for way in WAYS}
        return Reconstruction(
            coarse[0, index].numpy(), {way: m[0, 0].cpu().numpy() for way, m in maps.items()}
        )
    chance = {way: _chance(dense(model, coarse, stride, size, way), index) for way in WAYS}
    return Reconstruction(_chance(coarse, index), chance)


def _chance(scores: Tensor, index: int) -> np.ndarray:
    """Softmax of one class; the other classes' maps are let go."""
    return (scores[0, index] - scores[0].logsumexp(0)).exp().cpu().numpy()


@dataclass(frozen=True, eq=False)
class Pictures:
    """A reconstruction ready to be sent.

    Attributes:
        coarse: (h, w) float32.
        scale: shared by the coarse grid and all `pngs`.
        pngs: by way of upsampling, full size.
        difference: PNG of deconvolution − bilinear, full size.
        spread: its own scale.
        where: (x, y) of the largest |difference|, which is `spread.high`.
    """

    coarse: np.ndarray
    scale: Scale
    pngs: dict[str, bytes]
    difference: bytes
    spread: Scale
    where: tuple[int, int]


def paint(made: Reconstruction, probability: bool) -> Pictures:
    """A reconstruction as pictures on one shared scale: 0 … 1 for probabilities, else its own range."""
    scale = Scale(0.0, 1.0) if probability else Scale.over(made.coarse, *made.dense.values())
    spread = Scale.diverging(made.difference)
    row, column = divmod(int(np.abs(made.difference).argmax()), made.difference.shape[1])
    pngs = {way: render.heatmap_png(m, scale) for way, m in made.dense.items()}
    difference = render.heatmap_png(made.difference, spread)
    return Pictures(made.coarse, scale, pngs, difference, spread, (column, row))


@dataclass(frozen=True, eq=False)
class Cells:
    """A coarse grid over the photo, along x and y.

    Attributes:
        stride: pixels from one cell to the next.
        start: (x, y) of the centre of cell 0 in pixels of the photo.
        shape: (h, w).
    """

    stride: int
    start: tuple[float, float]
    shape: Size

    def at(self, x: float, y: float) -> tuple[int, int]:
        """(column, row) of the cell whose centre is nearest to a pixel."""
        h, w = self.shape
        column, row = (round((p - s) / self.stride) for p, s in zip((x, y), self.start, strict=True))
        return min(max(column, 0), w - 1), min(max(row, 0), h - 1)

    def edges(self, column: int, row: int) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of a cell, in pixels of the photo."""
        x, y = self.start[0] + column * self.stride, self.start[1] + row * self.stride
        half = self.stride / 2
        return x - half, y - half, x + half, y + half


def cells(model: FCN, coarse: Tensor, stride: int) -> Cells:
    """Where the cells of a score map lie over the photo."""
    start = stage_start(model, stride)
    return Cells(stride, (start, start), (coarse.shape[-2], coarse.shape[-1]))


def stage_start(model: FCN, stride: int) -> float:
    """Centre of cell 0 of a score map in pixels of the photo, the same along x and y."""
    return float(_places(model)[stride].offset)


# --- the border


@dataclass(frozen=True, eq=False)
class Border:
    """Bilinear deconvolution against bilinear interpolation, on the whole canvas of a coarse map.

    Attributes:
        difference: (h·s, w·s) float32, deconvolution − interpolation.
        inside: largest |difference| at least s/2 pixels away from every edge.
        outside: largest |difference| nearer to an edge.
    """

    difference: np.ndarray
    inside: float
    outside: float


@torch.no_grad()
def border(coarse: Tensor, stride: int) -> Border:
    """Compare the two on one class's map, (h, w): equal but within s/2 pixels of the canvas's edge."""
    half, x = stride // 2, coarse[None, None]
    deconvolved = _fixed(x, stride)[..., half:-half, half:-half]
    interpolated = F.interpolate(x, scale_factor=stride, mode="bilinear", align_corners=False)
    difference = (deconvolved - interpolated)[0, 0]
    inner = difference[half:-half, half:-half]
    edge = difference.abs().clone()
    edge[half:-half, half:-half] = 0
    return Border(difference.numpy(), float(inner.abs().max()) if inner.numel() else 0.0, float(edge.max()))


@torch.no_grad()
def weight_sums(stride: int) -> np.ndarray:
    """Sum of the bilinear deconvolution's weights at the first `stride` pixels from an edge, along one axis.

    Beyond the edge there are no cells, so the sum starts near a half and reaches 1 after stride/2 pixels.

    >>> weight_sums(32)[[0, 15, 16]].astype(float).round(3).tolist()
    [0.516, 0.984, 1.0]
    """
    ones = torch.ones(1, 1, 3, 3)
    half = stride // 2
    row = _fixed(ones, stride)[0, 0, 2 * stride]  # a row away from the upper edge
    return row[half : half + stride].numpy()


# --- skip arithmetic


@dataclass(frozen=True, eq=False)
class Sum:
    """One line of the skip arithmetic, `upscored + skip = fused`, all (1, C, h, w).

    Attributes:
        stride: of the sum, 16 or 8.
        upscored: what comes from the stride above.
        skip: score_pool4 or score_pool3.
        fused: what the network uses.
    """

    stride: int
    upscored: Tensor
    skip: Tensor
    fused: Tensor


@torch.no_grad()
def sums(model: FCN, scores: ScoreMaps) -> list[Sum]:
    """The fusions of a network, coarse to fine; none for FCN-32s."""
    scores, found = scores.to(_device(model)), []
    if scores.s16 is not None and scores.pool4 is not None:
        found.append(Sum(16, model.climb("upscore2", scores.s32), scores.pool4, scores.s16))
    if scores.s16 is not None and scores.s8 is not None and scores.pool3 is not None:
        found.append(Sum(8, model.climb("upscore_pool4", scores.s16), scores.pool3, scores.s8))
    return found


@torch.no_grad()
def labels_up_to(model: FCN, scores: ScoreMaps, stride: int, size: Size) -> np.ndarray:
    """Labels, (H, W) uint8, if the network added its skips down to this stride only.

    At its own stride these are its labels; at 32 it adds none. That is an ablation, not FCN-32s, which was
    trained without skips.
    """
    finest = to_finest(model, scores.at(stride).to(_device(model)), stride)
    return decide_in_strips(model, ScoreMaps(finest), size)[1]


# --- one pixel


@torch.no_grad()
def at_pixel(model: FCN, scores: ScoreMaps, x: int, y: int) -> np.ndarray:
    """Logits (C,) of one pixel, from the four coarse cells at most that reach it."""
    layer = geometry.deconvolution(model.last, model.stride)
    h, w = scores.finest.shape[-2:]
    column, row = x + model.crops.final, y + model.crops.final  # of the uncropped canvas
    left, right = clip(layer.reads(column, column), w)
    top, bottom = clip(layer.reads(row, row), h)
    reach = scores.finest[..., top : bottom + 1, left : right + 1].to(_device(model))
    part = model.get_submodule(model.last)(reach)
    return part[0, :, row - top * model.stride, column - left * model.stride].cpu().numpy()


# --- kernels


@dataclass(frozen=True, eq=False)
class Kernel:
    """One class's kernel in one deconvolution.

    Attributes:
        layer: its name.
        factor: it upsamples by.
        learned: (2·factor, 2·factor) float32, as it is.
        bilinear: as it started.
        frozen: whether training left it alone.
    """

    layer: str
    factor: int
    learned: np.ndarray
    bilinear: np.ndarray
    frozen: bool

    @property
    def change(self) -> float:
        """‖learned − bilinear‖ / ‖bilinear‖."""
        return float(np.linalg.norm(self.learned - self.bilinear) / np.linalg.norm(self.bilinear))


def kernels(model: FCN, index: int) -> list[Kernel]:
    """The kernels that upsample a class's scores, in the order they run.

    Where kernels are full C × C, this is the diagonal one, from the class to itself.
    """
    found = []
    for name, factor in model.upsamplers.items():
        layer = model.get_submodule(name)
        assert isinstance(layer, nn.ConvTranspose2d)
        weight = layer.weight[index, 0 if layer.groups > 1 else index].detach().cpu().numpy()
        start = upsampling.bilinear_kernel(2 * factor).numpy()
        found.append(Kernel(name, factor, weight, start, bool(np.array_equal(weight, start))))
    return found


# --- certainty


@torch.no_grad()
def entropy(logits: Tensor) -> np.ndarray:
    """Entropy of the softmax over the classes, in bits: (1, C, H, W) → (H, W), 0 … log2 C."""
    log = logits[0].log_softmax(0)
    return (-(log.exp() * log).sum(0) / np.log(2)).cpu().numpy()
