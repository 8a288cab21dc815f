"""EfficientNet-Lite0 under timm's names: timm, and torchvision with it, take seconds and 200 MB to import."""

import math

from torch import Tensor, nn
from torch.nn import functional as F

#: Of each stage, as timm has it: blocks, kernel, stride, output channels.
_STAGES = (
    (1, 3, 1, 16),
    (2, 3, 2, 24),
    (2, 5, 2, 40),
    (3, 3, 2, 80),
    (3, 5, 1, 112),
    (4, 5, 2, 192),
    (1, 3, 1, 320),
)
_STEM, _HEAD, _CLASSES = 32, 1280, 1000
#: Channels in the middle of a block for each that it is given.
_EXPANSION = 6


class _Same(nn.Conv2d):
    """A convolution of stride 2, padded as TensorFlow's "SAME"."""

    def forward(self, x: Tensor) -> Tensor:
        down, across = (self._pad(x.shape[i], i) for i in (-2, -1))
        return super().forward(F.pad(x, (*across, *down)))

    def _pad(self, length: int, axis: int) -> tuple[int, int]:
        """How many zeros stand before and after this many px, in timm's order for odd numbers."""
        kernel, stride = self.kernel_size[axis], self.stride[axis]
        total = max((math.ceil(length / stride) - 1) * stride + kernel - length, 0)
        return total // 2, total - total // 2


class _Norm(nn.BatchNorm2d):
    """A batch norm, with the activation after it."""

    def __init__(self, channels: int, act: bool = True) -> None:
        super().__init__(channels, eps=1e-3)
        self.act = nn.ReLU6(inplace=True) if act else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(super().forward(x))


class _Block(nn.Module):
    """A depthwise convolution between two that mix channels, or, without expansion, before one."""

    def __init__(self, given: int, out: int, kernel: int, stride: int, expand: bool) -> None:
        super().__init__()
        self.skip = stride == 1 and given == out
        wide = given * _EXPANSION if expand else given
        if expand:
            self.conv_pw, self.bn1 = nn.Conv2d(given, wide, 1, bias=False), _Norm(wide)
            self.conv_dw, self.bn2 = _conv(wide, wide, kernel, stride, wide), _Norm(wide)
            self.conv_pwl, self.bn3 = nn.Conv2d(wide, out, 1, bias=False), _Norm(out, act=False)
        else:
            self.conv_dw, self.bn1 = _conv(wide, wide, kernel, stride, wide), _Norm(wide)
            self.conv_pw, self.bn2 = nn.Conv2d(wide, out, 1, bias=False), _Norm(out, act=False)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for layer in self.children():
            y = layer(y)
        return x + y if self.skip else y


def _conv(given: int, out: int, kernel: int, stride: int, groups: int = 1) -> nn.Conv2d:
    if stride > 1:
        return _Same(given, out, kernel, stride, groups=groups, bias=False)
    return nn.Conv2d(given, out, kernel, padding=kernel // 2, groups=groups, bias=False)


class EfficientNetLite0(nn.Module):
    """(N, 3, H, W) → (N, 1000), with the modules and tensors of timm's `tf_efficientnet_lite0`."""

    #: What timm says of it: the size of the images that it was trained on, and the stride of its last map.
    default_cfg = {"input_size": (3, 224, 224)}  # noqa: RUF012 (as timm has it)
    feature_info = ({"reduction": 32},)

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = _conv(3, _STEM, 3, 2), _Norm(_STEM)
        stages, given = [], _STEM
        for number, (repeats, kernel, stride, out) in enumerate(_STAGES):
            first = _Block(given, out, kernel, stride, number > 0)
            more = (_Block(out, out, kernel, 1, number > 0) for _ in range(repeats - 1))
            stages.append(nn.Sequential(first, *more))
            given = out
        self.blocks = nn.Sequential(*stages)
        self.conv_head, self.bn2 = nn.Conv2d(given, _HEAD, 1, bias=False), _Norm(_HEAD)
        self.global_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(_HEAD, _CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Classify images of any size: the last maps are averaged."""
        for layer in self.children():
            x = layer(x)
        return x
