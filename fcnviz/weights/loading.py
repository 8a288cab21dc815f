"""Loading: from a name to a network that is ready to run."""

from pathlib import Path

import torch

from fcnviz import backbones, fcn
from fcnviz.weights import checkpoints, registry, signatures
from fcnviz.weights.checkpoints import WeightsError
from fcnviz.weights.device import pick_device
from fcnviz.weights.registry import Weights


def load(name: str, device: str = "auto", *, fold: bool = False) -> fcn.FCN:
    """Load a network with its weights, ready to run: eval mode, float32, channels last, no gradients.

    Args:
        name: one of `available()`.
        device: see `pick_device`.
        fold: merge batch norms into convolutions; faster, but the state dict then differs from the file.

    Raises:
        WeightsError: the file is missing, damaged, refused, or not what it should be.
        ValueError: there is no such device.
    """
    where, weights = pick_device(device), registry.find(name)
    state = checkpoints.read(_verified(weights))
    try:
        state = signatures.own(state, weights.backbone, weights.stride)
    except WeightsError as error:
        raise WeightsError(f"{weights.file} cannot be used as {name}: {error}") from error
    model = signatures.empty(weights.backbone, weights.stride, weights.skip_scales)
    # copied, so that nothing stays mapped to a file that may change; float16 becomes float32
    own = {key: state[key].detach().to(v.dtype, copy=True) for key, v in model.state_dict().items()}
    model.load_state_dict(own, assign=True)
    model.longest = weights.size
    model.eval().requires_grad_(False)
    if fold:
        backbones.fold_batch_norms(model)
    return model.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _verified(weights: Weights) -> Path:
    """Return the file's path after checking its hash."""
    if weights.path is None:
        raise WeightsError(missing(weights))
    for algorithm, wanted in (("sha256", weights.sha256), ("md5", weights.md5)):
        if wanted and (found := checkpoints.digest(weights.path, algorithm)) != wanted:
            raise WeightsError(
                f"{weights.file} is not the file that it should be: its {algorithm} is {found}, not {wanted}"
            )
    return weights.path


def missing(weights: Weights) -> str:
    """Say in one sentence why a set of weights is not here, and how to get it."""
    folder = registry.folder()
    path = folder / weights.file
    if weights.origin == "bundled":
        given = registry.given_folder()
        how = f"copy it there or unset {registry.FOLDER}" if given else "restore it with git or reinstall"
        return f"{weights.name} is bundled with this project, but {path} is missing: {how}"
    how = f"run `python -m fcnviz weights get {weights.name}`, or put the file into {folder}"
    if path.exists():
        return f"{path} is not the published file ({_other(path, weights)}): move it away, then {how}"
    return f"{weights.name} is not here: {how}"


def _other(path: Path, weights: Weights) -> str:
    try:
        return f"its md5 is {checkpoints.digest(path, 'md5')}, not {weights.md5}"
    except WeightsError as error:
        return str(error)
