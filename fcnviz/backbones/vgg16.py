"""VGG16 (Simonyan & Zisserman 2015) as in the authors' voc-fcn*/net.py, fc6 and fc7 as convolutions."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcnviz.backbones import TAPS, Backbone, Taps, until, vgg16_padding
from fcnviz.geometry import Layer, place

#: Convolutions of each stage and their channels.
_STAGES = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


def chain(pad: int = 100) -> list[Layer]:
    """The layers of FCN's VGG16 down to fc7; `pad` is conv1_1's padding (the authors': 100)."""
    layers = []
    for stage, (convs, _) in enumerate(_STAGES, 1):
        for i in range(1, convs + 1):
            layers.append(Layer(f"conv{stage}_{i}", 3, pad=pad if (stage, i) == (1, 1) else 1))
        layers.append(Layer(f"pool{stage}", 2, stride=2, ceil=True))
    return [*layers, Layer("fc6", 7), Layer("fc7", 1)]


def _run(net: nn.Module, x: Tensor) -> Taps:
    if net.training or net.get_submodule("conv1_1").padding != (100, 100):
        pool3 = _stage(net, _stage(net, _stage(net, x, 1), 2), 3)
        pool4 = _stage(net, pool3, 4)
    else:
        pool3, pool4 = vgg16_padding.taps(net, x)  # the same maps, with less work
    x = _stage(net, pool4, 5)
    x = F.dropout(F.relu(_dense(x, net.get_submodule("fc6")), inplace=True), 0.5, net.training)
    return pool3, pool4, F.relu(_dense(x, net.get_submodule("fc7")), inplace=True)


#: The most windows in one matrix product: 26 MB of fc6's input in bfloat16.
_WINDOWS = 512


def _dense(x: Tensor, layer: nn.Module) -> Tensor:
    """fc6 and fc7: (N, C, h, w) → (N, K, h − k + 1, w − k + 1).

    In bfloat16 on a CPU they run as matrix products over unfolded windows, because torch's convolution would
    reorder its 200 MB of weights at every call.
    """
    assert isinstance(layer, nn.Conv2d)
    if x.device.type != "cpu" or x.dtype != torch.bfloat16:
        return layer(x)
    k = layer.kernel_size[0]
    windows = x.permute(0, 2, 3, 1).unfold(1, k, 1).unfold(2, k, 1)  # (N, h', w', C, k, k)
    weight = layer.weight.permute(0, 2, 3, 1).flatten(1)  # (K, k·k·C), no copy in channels_last
    some = windows.permute(0, 1, 2, 4, 5, 3).split(max(1, _WINDOWS // windows.shape[2]), 1)
    parts = [F.linear(part.flatten(3), weight, layer.bias) for part in some]  # (N, rows, w', K)
    return torch.cat(parts, 1).permute(0, 3, 1, 2)


def _stage(net: nn.Module, x: Tensor, stage: int) -> Tensor:
    for i in range(1, _STAGES[stage - 1][0] + 1):
        x = F.relu(net.get_submodule(f"conv{stage}_{i}")(x), inplace=True)
    return F.max_pool2d(x, 2, stride=2, ceil_mode=True)  # (N, C, ⌈H/2⌉, ⌈W/2⌉), with H the padded height


def backbone() -> Backbone:
    """The paper's network: conv1_1 padded by 100, pooling that rounds up, fc6 and fc7 as convolutions.

    Its weights here are untrained (PyTorch's default initialisation): load a published state dict to use it.
    """
    layers: dict[str, nn.Module] = {}
    inputs = 3
    for stage, (convs, width) in enumerate(_STAGES, 1):
        for i in range(1, convs + 1):
            layers[f"conv{stage}_{i}"] = nn.Conv2d(
                inputs, width, 3, padding=100 if (stage, i) == (1, 1) else 1
            )
            inputs = width
    layers["fc6"] = nn.Conv2d(512, 4096, 7)
    layers["fc7"] = nn.Conv2d(4096, 4096, 1)
    pool3, pool4, fc7 = (place(until(chain(), name)) for name in TAPS["vgg16"])
    return Backbone(
        "vgg16",
        layers,
        _run,
        channels=(256, 512, 4096),
        places=(pool3, pool4, fc7),
        chain=chain(),
        mean=(104.00698793, 116.66876762, 122.67891434),
        std=(1.0, 1.0, 1.0),
        bgr=True,
        peak=255.0,
        multiple=1,
        dropout=0.5,
        per_class=False,
        learned=False,
    )
