"""The devices of this machine that a network can run on."""

import torch


def devices() -> dict[str, int]:
    """Count this machine's devices by kind, in the order in which "auto" prefers them."""
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    counts = {"cuda": cuda, "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    return {kind: count for kind, count in counts.items() if count}


def pick_device(device: str = "auto") -> torch.device:
    """Choose the device to run on.

    Args:
        device: "auto" (cuda, then mps, then cpu), "cuda", "cuda:1", "mps" or "cpu".

    Raises:
        ValueError: it is none of those, or this machine does not have it.

    >>> pick_device("cpu")
    device(type='cpu')
    """
    there = devices()
    if device == "auto":
        return torch.device(next(iter(there)))
    try:
        chosen = torch.device(device)
    except RuntimeError:
        chosen = torch.device("meta")
    if chosen.type not in ("cuda", "mps", "cpu"):
        raise ValueError(f"device is auto, cuda, mps or cpu, not {device!r}")
    if (chosen.index or 0) >= there.get(chosen.type, 0):
        raise ValueError(f"this machine has no device {device!r}; it has {', '.join(there)}")
    return chosen
