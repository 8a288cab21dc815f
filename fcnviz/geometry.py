"""Strides, receptive fields, sizes and crop offsets of a chain of layers, and what FCN adds where.

Every layer places its output pixels at positions of the input image. A convolution with kernel k, stride s
and padding p places output i over input s·i − p + (k−1)/2; a transposed convolution does the inverse.
Composing these positions gives each layer's stride and offset, and comparing the offsets of two layers gives
the crop that aligns them. The authors' numbers 5, 9, 19, 27 and 31 (voc-fcn8s/net.py) are five such crops.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Layer:
    """The geometry of one layer along one axis; both axes are alike.

    Attributes:
        name: the paper's layer name.
        kernel: kernel side in pixels of the layer's input.
        stride: step between outputs (for a transposed layer: the factor it upsamples by).
        pad: rows of padding before the first pixel.
        pad_after: rows of padding after the last pixel; by default as many as `pad` (TensorFlow's "SAME" has
            more).
        ceil: round the output size up, as Caffe's pooling does.
        transposed: a transposed convolution ("deconvolution").
    """

    name: str
    kernel: int
    stride: int = 1
    pad: int = 0
    pad_after: int | None = None
    ceil: bool = False
    transposed: bool = False

    def size(self, n: int) -> int:
        """Output size in pixels for an input of n pixels; 0 or less means that the input is too small."""
        pads = self.pad + (self.pad if self.pad_after is None else self.pad_after)
        if self.transposed:
            return (n - 1) * self.stride + self.kernel - pads
        span = n + pads - self.kernel
        if not self.ceil:
            return span // self.stride + 1
        count = -(-span // self.stride) + 1
        # as in Caffe: drop a last window that starts beyond the image and the padding before it
        return count - ((count - 1) * self.stride >= n + self.pad)

    def reads(self, first: int, last: int) -> tuple[int, int]:
        """First and last input index that outputs `first` … `last` are computed from.

        Indices below 0, or from the input's size on, are padding (transposed: nothing).
        """
        if self.transposed:  # input j reaches outputs j·stride − pad … j·stride − pad + kernel − 1
            return -((self.kernel - 1 - self.pad - first) // self.stride), (last + self.pad) // self.stride
        return first * self.stride - self.pad, last * self.stride - self.pad + self.kernel - 1


@dataclass(frozen=True)
class Place:
    """Where a layer's output pixels lie over the input image.

    Attributes:
        stride: input pixels from one output pixel to the next.
        offset: input position of the centre of output pixel 0 (pixel centres are integers; may be −83.5).
        field: side of the theoretical receptive field, in input pixels.
    """

    stride: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)
    field: Fraction = Fraction(1)

    def after(self, layer: Layer) -> Place:
        """The place of a layer's output, if this is the place of its input."""
        centre = Fraction(layer.kernel - 1, 2) - layer.pad
        if layer.transposed:
            step = self.stride / layer.stride
            # an output pixel is reached by at most ceil(kernel / stride) neighbouring inputs
            reach = -(-layer.kernel // layer.stride) - 1
            return Place(step, self.offset - step * centre, self.field + reach * self.stride)
        return Place(
            self.stride * layer.stride,
            self.offset + self.stride * centre,
            self.field + (layer.kernel - 1) * self.stride,
        )

    def window(self, index: int) -> tuple[Fraction, Fraction]:
        """First and last input position that output pixel `index` can see; may lie outside the image.

        Exact for convolutions and pooling; after a transposed convolution it may be off by part of a step.
        """
        centre = self.offset + self.stride * index
        return centre - (self.field - 1) / 2, centre + (self.field - 1) / 2


def place(layers: Iterable[Layer], start: Place | None = None) -> Place:
    """The place of the last layer's output.

    >>> place([Layer("conv", 3, pad=1), Layer("pool", 2, stride=2)])
    Place(stride=Fraction(2, 1), offset=Fraction(1, 2), field=Fraction(4, 1))
    """
    result = start or Place()
    for layer in layers:
        result = result.after(layer)
    return result


def sees(layers: Sequence[Layer], first: int, last: int) -> tuple[int, int]:
    """The receptive field of outputs `first` … `last` of a chain: first and last input index, exactly.

    >>> sees([Layer("conv", 3, pad=1), Layer("pool", 2, stride=2)], 0, 0)
    (-1, 2)
    """
    for layer in reversed(layers):
        first, last = layer.reads(first, last)
    return first, last


def clip(span: tuple[int, int], n: int) -> tuple[int, int]:
    """Clip a span of indices to 0 … n − 1."""
    return max(span[0], 0), min(span[1], n - 1)


def size(layers: Iterable[Layer], n: int) -> int:
    """Output size of a chain for an input of n pixels.

    Raises:
        ValueError: the input of a layer is too small for its kernel.
    """
    for layer in layers:
        if (out := layer.size(n)) < 1:
            raise ValueError(f"{layer.name} needs more than the {n} px it is given")
        n = out
    return n


def crop(source: Place, reference: Place) -> int:
    """Index of the pixel of `source` that lies over pixel 0 of `reference`.

    If it is positive, cut that many rows and columns off `source`. If it is negative, `reference` starts
    first and is cut instead.

    Raises:
        ValueError: the two have different strides, or are shifted by part of a pixel.
    """
    if source.stride != reference.stride:
        raise ValueError(f"strides differ: {source.stride} and {reference.stride}")
    offset = (reference.offset - source.offset) / source.stride
    if offset.denominator != 1:
        raise ValueError(f"the maps are {offset} pixels apart: no crop aligns them")
    return int(offset)


def deconvolution(name: str, factor: int) -> Layer:
    """FCN's upsampling layer: a transposed convolution with kernel 2·factor, stride `factor`, no padding."""
    return Layer(name, kernel=2 * factor, stride=factor, transposed=True)


# --- FCN-32s, 16s and 8s


@dataclass(frozen=True)
class Skip:
    """A sum of upsampled scores and the scores of a finer layer (section 4.2), in the authors' names.

    Attributes:
        stride: stride of the sum.
        tap: index of the finer features among a backbone's three maps (stride 8, 16 and 32).
        upsampler: the 2× deconvolution of the scores of twice the stride.
        scorer: the 1 × 1 convolution that scores the finer features.
        fused: the sum.
    """

    stride: int
    tap: int
    upsampler: str
    scorer: str
    fused: str


#: What FCN adds, by stride, in the order in which it is added.
SKIPS = {
    16: Skip(16, 1, "upscore2", "score_pool4", "fuse_pool4"),
    8: Skip(8, 0, "upscore_pool4", "score_pool3", "fuse_pool3"),
}

#: Strides of the three networks, and of their score maps.
STRIDES = (32, *SKIPS)

#: Names of the score maps by stride.
SCORE_MAPS = {32: "score_fr", **{stride: skip.fused for stride, skip in SKIPS.items()}}


def skips(stride: int) -> list[Skip]:
    """The skips of the network of this stride, in the order in which they are added; FCN-32s has none."""
    return [skip for skip in SKIPS.values() if skip.stride >= stride]


def last_deconvolution(stride: int) -> Layer:
    """The layer that upsamples the finest scores to the image: upscore, upscore16 or upscore8."""
    return deconvolution("upscore" if stride == 32 else f"upscore{stride}", stride)


@dataclass(frozen=True)
class Crops:
    """The offsets at which an FCN aligns its maps (see `crop` for the sign).

    Attributes:
        skips: by stride of the sum, the offset from the skip's scores to the upsampled scores.
        final: the offset from the upsampled finest scores to the image.
    """

    skips: Mapping[int, int]
    final: int


def crops(pool3: Place, pool4: Place, top: Place, stride: int) -> Crops:
    """All crop offsets of FCN-32s, 16s or 8s, from the places of the three maps that feed it.

    Args:
        pool3: place of the stride-8 map.
        pool4: place of the stride-16 map.
        top: place of the stride-32 map (score_fr).
        stride: 32, 16 or 8.
    """
    taps, places = (pool3, pool4, top), stages(pool3, pool4, top)
    offsets = {
        skip.stride: crop(taps[skip.tap], places[2 * skip.stride].after(deconvolution(skip.upsampler, 2)))
        for skip in skips(stride)
    }
    return Crops(offsets, final_crop(places[stride]))


def final_crop(scores: Place) -> int:
    """Offset of the image in scores that a deconvolution has upsampled by their stride."""
    return crop(scores.after(deconvolution("upscore", int(scores.stride))), Place())


def stages(pool3: Place, pool4: Place, top: Place) -> dict[int, Place]:
    """Places of the score maps by stride: 32 (score_fr), 16 and 8 (after the sums).

    The map that starts first is cut onto the other one, so the sum lies where the other one does.
    """
    taps, places = (pool3, pool4, top), {32: top}
    for skip in SKIPS.values():
        finer, up = taps[skip.tap], places[2 * skip.stride].after(deconvolution(skip.upsampler, 2))
        places[skip.stride] = up if crop(finer, up) >= 0 else finer
    return places
