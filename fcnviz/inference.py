"""Image + network → segmentation. The one place that runs a network for the app."""

import functools
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from fcnviz import render
from fcnviz.fcn import FCN, ScoreMaps
from fcnviz.photos import images, rgb, voc

#: Share of labels that must be as in float32 for a lower precision to be used (see `choose_precision`).
EQUAL = 0.995

#: (backbone, device type) for which no lower precision is tried: with bfloat16 fewer labels than `EQUAL` stay
#: equal on some of the bundled networks (`python -m fcnviz bench` prints it).
TOO_COARSE = {("lite0", "cpu")}

#: Longest side of the picture in a notebook, in px.
NOTEBOOK_SIDE = 1000


@dataclass(frozen=True, eq=False, repr=False)
class Segmentation:
    """One network's answer for one image, on the CPU. A notebook shows it as a picture.

    Attributes:
        labels: (H, W) uint8, class index of the highest score.
        confidence: (H, W) uint8, softmax probability of that class × 255.
        scores: the coarse score maps, float32.
        seconds: wall-clock time of forward pass and upsampling, with the device synchronised.
        device: "cpu", "cuda" or "mps".
        dtype: precision the convolutions ran in, e.g. "float32".
        photo: the RGB image, if `segment` made this; `run` keeps none.
    """

    labels: np.ndarray
    confidence: np.ndarray
    scores: ScoreMaps
    seconds: float
    device: str
    dtype: str
    photo: Image.Image | None = None

    def overlay(self, opacity: float = 0.6, palette: np.ndarray = render.PALETTES["VOC"]) -> Image.Image:
        """Tint the photo with the colours of its classes; background stays untouched.

        Args:
            opacity: 0 (photo) to 1 (colours).
            palette: (256, 3) uint8, e.g. of `render.PALETTES`.

        Returns:
            RGB image of the photo's size.

        Raises:
            ValueError: opacity is outside 0..1, or it keeps no photo.
        """
        if self.photo is None:
            raise ValueError("it keeps no photo: use render.overlay with the photo and .labels")
        return Image.fromarray(render.overlay(np.asarray(self.photo), self.labels, palette, opacity))

    def __repr__(self) -> str:
        """Size, device, and the classes found with their shares of the pixels, the largest first."""
        shares = render.shares(self.labels, self.scores.finest.shape[1])
        names = voc.CLASSES if len(shares) == len(voc.CLASSES) else [f"class {i}" for i in range(len(shares))]
        found = sorted(np.flatnonzero(shares), key=lambda i: -shares[i])
        classes = ", ".join(f"{names[i]} {100 * shares[i]:.1f} %" for i in found)
        height, width = self.labels.shape
        return f"<Segmentation of {width} x {height} px on {self.device}: {classes}>"

    def _repr_png_(self) -> bytes:
        """The picture in a notebook: the overlay, or the label map if there is no photo."""
        if self.photo is None:
            return render.label_png(images.fit_labels(self.labels, NOTEBOOK_SIDE), render.PALETTES["VOC"])
        return render.to_png(np.asarray(images.fit(self.overlay(), NOTEBOOK_SIDE)))


def lower_precisions(device: torch.device) -> tuple[torch.dtype, ...]:
    """Precisions that this device computes faster than float32, the fastest first."""
    if device.type == "cuda":
        return torch.float16, torch.bfloat16
    bfloat16_units = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    if device.type == "cpu" and torch.backends.mkldnn.is_available() and bfloat16_units:
        return (torch.bfloat16,)
    return ()


def choose_precision(model: FCN, photos: Sequence[Image.Image]) -> float:
    """Run a network in the fastest precision that leaves the labels of some photos nearly as they are.

    Args:
        model: in eval mode and float32; keeps float32 unless at least `EQUAL` of the labels stay equal.
        photos: RGB, e.g. `samples.small()`; one photo alone may mislead.

    Returns:
        share of labels that are equal in the precision that the network has now.
    """
    full, device = model.state_dict(), model.device
    if (model.backbone.name, device.type) in TOO_COARSE:
        return 1.0
    wanted = [decide(forward(model, p)[1])[1] for p in photos]
    for dtype in lower_precisions(device):
        model.set_trunk_dtype(dtype)
        found = [decide(forward(model, p)[1])[1] for p in photos]
        equal = sum(int((a == b).sum()) for a, b in zip(wanted, found, strict=True))
        if (share := equal / sum(a.size for a in wanted)) >= EQUAL:
            return share
        model.load_state_dict(full, assign=True)
    return 1.0


@torch.no_grad()
def forward(model: FCN, image: Image.Image) -> tuple[ScoreMaps, Tensor]:
    """One forward pass → coarse scores and logits (1, C, H, W), float32, on the model's device."""
    scores = coarse(model, image)
    return scores, model.upsample(scores, (image.height, image.width))


@torch.no_grad()
def coarse(model: FCN, image: Image.Image) -> ScoreMaps:
    """One forward pass → coarse scores, float32, on the model's device."""
    return model.scores(model.backbone.preprocess(image).to(model.device, memory_format=torch.channels_last))


def segment(
    model: FCN, image: Image.Image | np.ndarray | str | os.PathLike[str], longest: int | None = None
) -> Segmentation:
    """Segment an image with one network, and keep the image with the answer.

    Args:
        model: from `fcnviz.load`.
        image: a PIL image of any mode, not turned by its EXIF; an (H, W, 3) uint8 array, RGB; or the path of
            a file, which is read as `open_image` does. Of any size.
        longest: see `run`.

    Raises:
        TypeError: an argument is something else.
        ImageError: the file cannot be used.
    """
    if isinstance(image, FCN):
        raise TypeError("the network comes first and then the image: segment(model, image)")
    if isinstance(model, str):
        raise TypeError(f"the first argument is a network, not its name: give fcnviz.load({model!r})")
    if not isinstance(model, FCN):
        raise TypeError(f"the first argument is a network from fcnviz.load, not {type(model).__name__}")
    photo = _as_photo(image)
    return replace(run(model, photo, longest), photo=photo)


def _as_photo(image: object) -> Image.Image:
    """Turn what `segment` accepts into an RGB image."""
    if isinstance(image, Image.Image):
        return image if image.mode == "RGB" else rgb.to_rgb(image.copy(), b"")[0]
    if isinstance(image, str | os.PathLike):
        return images.open_image(image)
    what = type(image).__name__
    if isinstance(image, np.ndarray):
        if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size:
            return Image.fromarray(image)
        what = f"a {image.dtype} array of shape {image.shape}"
    raise TypeError(f"image is a PIL image, an (H, W, 3) uint8 array or a path, not {what}")


@torch.no_grad()
def run(
    model: FCN, image: Image.Image, longest: int | None = None, reduced: Image.Image | None = None
) -> Segmentation:
    """Segment an RGB image with one network, without keeping the image.

    Args:
        model: from `fcnviz.load`.
        image: RGB, any size; logits of a tall one are held for `STRIP` rows at a time.
        longest: larger images are reduced to this longest side, in px, for the network, and its logits are
            interpolated to the image's size before the best class is taken. None: as the network's weights
            ask (`FCN.longest`); 0: no image is reduced.
        reduced: the image at the size that `longest` asks for, if it has been made already.
    """
    start = time.perf_counter()
    longest = model.longest if longest is None else longest
    given = reduced or (images.fit(image, longest) if longest else image)
    scores = coarse(model, given)
    sizes = (given.height, given.width), (image.height, image.width)
    confidence, labels = decide_in_strips(model, scores, *sizes)
    seconds = time.perf_counter() - start  # copying the labels to the CPU has synchronised the device
    dtype = str(model.dtype).removeprefix("torch.")
    return Segmentation(labels, confidence, scores.to("cpu"), seconds, model.device.type, dtype)


#: Bytes of logits that are decided at once on a CPU: to ask the system for all takes longer than to decide.
_BLOCK = 2**21


def decide(logits: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Logits (1, C, H, W) → probability of the best class × 255, and that class; both (H, W) uint8."""
    found = [_decide(rows) for rows in blocks(logits[0])]
    confidence, labels = (torch.cat(parts).cpu().numpy() for parts in zip(*found, strict=True))
    return confidence, labels


def blocks(logits: Tensor) -> tuple[Tensor, ...]:
    """Split logits, (C, H, W), by rows into views that are small enough to be worked on at once."""
    height = logits.shape[1]
    on_cpu = logits.device.type == "cpu"
    return logits.split(max(1, _BLOCK * height // logits.nbytes) if on_cpu else height, dim=1)


def _decide(logits: Tensor) -> tuple[Tensor, Tensor]:
    top, labels = logits.max(0)
    probability = 1 / (logits - top).exp_().sum(0)  # softmax at its maximum
    return (probability * 255).round().byte(), labels.byte()


#: Rows of the photo that are upsampled at once, if the photo has more than four times as many.
STRIP = 256


def decide_in_strips(
    model: FCN, scores: ScoreMaps, size: tuple[int, int], photo: tuple[int, int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`decide` on the upsampled scores, a few hundred rows at a time: memory does not grow with the photo.

    Args:
        model: the network.
        scores: score maps of this network.
        size: (H, W) of the network's input.
        photo: (H, W) to which its logits are interpolated, if another.

    Returns:
        confidence and labels, (H, W) uint8 of the photo.
    """
    found = [decide(logits) for logits in _in_strips(model, scores, size, photo)]
    confidence, labels = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return confidence, labels


def labels_in_strips(
    model: FCN, scores: ScoreMaps, size: tuple[int, int], photo: tuple[int, int] | None = None
) -> np.ndarray:
    """The labels alone of `decide_in_strips`, in less time."""
    strips = _in_strips(model, scores, size, photo)
    return np.concatenate([_best(part) for logits in strips for part in blocks(logits[0])])


def _best(logits: Tensor) -> np.ndarray:
    """(C, H, W) → the best classes, (H, W) uint8."""
    if logits.device.type == "cpu" and logits.stride(0) == 1:  # there NumPy takes two thirds of torch's time
        return logits.permute(1, 2, 0).numpy().argmax(-1).astype(np.uint8)
    return logits.argmax(0).byte().cpu().numpy()


def _in_strips(
    model: FCN, scores: ScoreMaps, size: tuple[int, int], photo: tuple[int, int] | None
) -> Iterator[Tensor]:
    photo = photo or size
    if photo == size:
        logits = functools.partial(model.upsample, scores, size)
    else:
        logits = functools.partial(interpolate, model.upsample(scores, size), photo)
    height = photo[0]
    if height <= 4 * STRIP:
        yield logits()
        return
    for top in range(0, height, STRIP):
        yield logits(rows=range(top, min(top + STRIP, height)))


def interpolate(logits: Tensor, size: tuple[int, int], rows: range | None = None) -> Tensor:
    """Interpolate logits bilinearly between pixel centres, as `F.interpolate` does, or some rows of that.

    Args:
        logits: (1, C, h, w).
        size: (H, W).
        rows: rows of the result; None: all.

    Returns:
        (1, C, rows, W).
    """
    if rows is None:
        return _bilinear(logits, size)
    h = logits.shape[2]
    at = (torch.arange(rows.start, rows.stop, device=logits.device) + 0.5) * (h / size[0]) - 0.5
    at = at.clamp(0, h - 1)
    above = at.long()
    below = (above + 1).clamp(max=h - 1)
    part = logits[:, :, int(above[0]) : int(below[-1]) + 1]
    wide = _bilinear(part, (part.shape[2], size[1]))
    weight = (at - above)[:, None]
    return torch.lerp(wide[:, :, above - above[0]], wide[:, :, below - above[0]], weight)


def _bilinear(logits: Tensor, size: tuple[int, int]) -> Tensor:
    # each pixel's classes side by side: cropped logits are not, and would take five times as long
    logits = logits.contiguous(memory_format=torch.channels_last)
    return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
