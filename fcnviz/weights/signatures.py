"""Signatures: a network is told by the names and shapes of its tensors."""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from fcnviz import fcn
from fcnviz.geometry import SKIPS
from fcnviz.weights import checkpoints
from fcnviz.weights.checkpoints import WeightsError

#: The first layer of each backbone: it tells the network, and what wrappers have put before its names.
_FIRST = {"conv1_1.weight": "vgg16", "conv_stem.weight": "lite0"}

#: Counters of batch norms. Older checkpoints lack them, and only training reads them.
_COUNTER = "num_batches_tracked"


def infer(state: Mapping[str, Tensor]) -> tuple[str, int]:
    """Tell a network by the names and shapes of its tensors.

    Args:
        state: the tensors of a file by name; the names may have a prefix, see `own`.

    Returns:
        (backbone, stride).

    Raises:
        WeightsError: it holds none of the networks, or several, or as `own`.

    >>> infer({"conv1_1.weight": torch.zeros(64, 3, 3, 3)})
    Traceback (most recent call last):
        ...
    fcnviz.weights.checkpoints.WeightsError: it has no score layer score_fr, so it is no FCN
    """
    prefix, backbone = _place(state)
    if f"{prefix}score_fr.weight" not in state:
        raise WeightsError(f"it has no score layer {checkpoints.brief(prefix)}score_fr, so it is no FCN")
    stride = min((s for s, skip in SKIPS.items() if f"{prefix}{skip.scorer}.weight" in state), default=32)
    own(state, backbone, stride)
    return backbone, stride


def own(state: Mapping[str, Tensor], backbone: str, stride: int) -> dict[str, Tensor]:
    """Take a network's tensors out of those of a file, and check them.

    Wrappers put a prefix before all names of a network (`module.`, `_orig_mod.`, `model.`): the one before
    its first layer is taken off. Tensors without that prefix, as a loss has them, are no part of the network.

    Args:
        state: the tensors of a file by name.
        backbone: "vgg16" or "lite0".
        stride: 32, 16 or 8.

    Returns:
        exactly the network's tensors; counters of batch norms that the file lacks are 0.

    Raises:
        WeightsError: a tensor is missing, foreign, of another shape, NaN or infinite; it names the first.
    """
    prefix, _ = _place(state)
    found = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    wanted = signature(backbone, stride)
    found = {key: torch.tensor(0) for key in wanted if key.endswith(_COUNTER)} | found
    _check_shapes(found, wanted, f"FCN-{stride}s on {backbone}")
    if bad := next((key for key, value in found.items() if not _finite(value)), None):
        raise WeightsError(f"its tensor {bad} holds NaN or infinite values")
    return found


def _place(state: Mapping[str, Tensor]) -> tuple[str, str]:
    """Find the first layer of the one network: (what stands before its name, backbone)."""
    firsts = {key: first for first in _FIRST for key in state if f".{key}".endswith(f".{first}")}
    if not firsts:
        names = list(state)
        raise WeightsError(
            "it has neither VGG16's conv1_1 nor EfficientNet-Lite0's conv_stem, "
            f"but {checkpoints.brief(names[0])}{_more(names)}"
        )
    if len(firsts) > 1:
        both = " and ".join(map(checkpoints.brief, list(firsts)[:2]))
        raise WeightsError(f"it holds several networks, with {both}: save one of them alone")
    ((key, first),) = firsts.items()
    return key.removesuffix(first), _FIRST[first]


def _check_shapes(found: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]], net: str) -> None:
    if missing := [key for key in wanted if key not in found]:
        raise WeightsError(f"{net} needs the tensor {missing[0]}, which is not there{_more(missing)}")
    if foreign := [key for key in found if key not in wanted]:
        raise WeightsError(f"{net} has no tensor {checkpoints.brief(foreign[0])}{_more(foreign)}")
    if wrong := [key for key in wanted if found[key].shape != wanted[key]]:
        key = wrong[0]
        shape = checkpoints.brief(tuple(found[key].shape))
        raise WeightsError(f"{key} of {net} is {wanted[key]}, not {shape}{_more(wrong)}")


def _finite(value: Tensor) -> bool:
    """Tell whether all values are finite in float32, in which networks are loaded."""
    low, high = value.detach().float().aminmax()  # far faster than isfinite on each value
    return bool(low.isfinite() and high.isfinite())


def _more(keys: list[str]) -> str:
    return f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""


@cache
def signature(backbone: str, stride: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each of a network's tensors, by name."""
    return {key: tuple(v.shape) for key, v in empty(backbone, stride).state_dict().items()}


def empty(backbone: str, stride: int, skip_scales: tuple[float, float] = (1.0, 1.0)) -> fcn.FCN:
    """Build a network on the meta device: its tensors take no memory and no time until they are loaded."""
    with torch.device("meta"):
        net = fcn.build(backbone, stride, imagenet=False)
    net.skip_scales = skip_scales
    return net
