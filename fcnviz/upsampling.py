"""Bilinear kernels and the transposed convolutions ("deconvolutions") that FCN upsamples with."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def bilinear_kernel(size: int) -> torch.Tensor:
    """The 2-D bilinear interpolation kernel, as Caffe's "bilinear" filler makes it.

    With f = (size + 1) // 2 and the centre c = f − 1 (odd size) or f − 0.5 (even size), the weight is
    (1 − |x − c| / f) · (1 − |y − c| / f).

    Args:
        size: side in pixels; 2·factor upsamples by an even `factor`.

    Returns:
        (size, size) float32.

    >>> bilinear_kernel(4)[0].tolist()
    [0.0625, 0.1875, 0.1875, 0.0625]
    """
    line = bilinear_line(size)
    return torch.outer(line, line).float()


def bilinear_line(size: int) -> Tensor:
    """One axis of the bilinear kernel, (size,) float64: 1 − |x − c| / f."""
    if size < 1:
        raise ValueError(f"a kernel has at least one pixel, not {size}")
    f = (size + 1) // 2
    centre = f - 1 if size % 2 else f - 0.5
    return 1 - (torch.arange(size, dtype=torch.float64) - centre).abs() / f


class Deconvolution(nn.ConvTranspose2d):
    """A transposed convolution with kernel 2·factor and stride `factor`, as FCN uses it.

    In training, kernels per class are applied as a matrix product (see `stamp`): the same result, with a
    faster backward pass on a CPU.
    """

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, C, h, w) → (N, C, (h + 1)·factor, (w + 1)·factor)."""
        if self.training and self.groups > 1:
            return stamp(x, self.weight)
        return super().forward(x, output_size)


def stamp(x: Tensor, weight: Tensor) -> Tensor:
    """Transposed convolution with one kernel per class, kernel 2·f and stride f, as a matrix product.

    Divide the output into f × f blocks and the kernel into 2 × 2 such blocks: each output block is the sum of
    the four input values around it, each times one quarter of the kernel.

    Args:
        x: (N, C, h, w).
        weight: (C, 1, 2·f, 2·f).

    Returns:
        (N, C, (h + 1)·f, (w + 1)·f).
    """
    (n, c, h, w), f = x.shape, weight.shape[-1] // 2
    p = F.pad(x, (1, 1, 1, 1))
    around = torch.stack([p[..., 1:, 1:], p[..., 1:, :-1], p[..., :-1, 1:], p[..., :-1, :-1]], -1)
    around = around.transpose(0, 1).reshape(c, -1, 4)  # (C, N·(h+1)·(w+1), 4)
    quarters = weight.reshape(c, 2, f, 2, f).transpose(2, 3).reshape(c, 4, f * f)
    blocks = torch.bmm(around, quarters).view(c, n, h + 1, w + 1, f, f)
    return blocks.permute(1, 0, 2, 4, 3, 5).reshape(n, c, (h + 1) * f, (w + 1) * f)


def deconvolution(
    channels: int, factor: int, *, per_class: bool = False, learned: bool = False
) -> Deconvolution:
    """A transposed convolution that starts as bilinear upsampling by `factor`: kernel 2·factor, no bias.

    It has no padding: h × w becomes (h + 1)·factor × (w + 1)·factor, which is cropped at geometry's offset.

    Args:
        channels: number of classes C.
        factor: upsampling factor and stride.
        per_class: one (2·factor)² kernel per class; otherwise the authors' full C × C kernels, whose diagonal
            is initialised.
        learned: whether training may change it. The authors' released nets freeze it (lr_mult: 0).
    """
    layer = Deconvolution(
        channels, channels, 2 * factor, factor, bias=False, groups=channels if per_class else 1
    )
    if not layer.weight.is_meta:  # where there is nothing to fill, and arithmetic loads torch's compiler: 2 s
        _fill(layer.weight, bilinear_kernel(2 * factor), per_class)
    layer.weight.requires_grad_(learned)
    return layer


@torch.no_grad()
def _fill(weight: Tensor, kernel: Tensor, per_class: bool) -> None:
    """Put a kernel into each class's place, and 0 elsewhere."""
    weight.zero_()
    if per_class:
        weight[:, 0] = kernel  # (C, 1, k, k)
    else:
        diagonal = torch.arange(len(weight))
        weight[diagonal, diagonal] = kernel  # (C, C, k, k)
