"""Downloading published checkpoints from where their authors keep them."""

import logging
from pathlib import Path
from typing import Any

from fcnviz.weights import checkpoints, registry
from fcnviz.weights.checkpoints import WeightsError
from fcnviz.weights.loading import missing
from fcnviz.weights.registry import Weights

log = logging.getLogger(__name__)


def get(name: str, *, progress: bool = True, url: str | None = None, retries: int = 3) -> Path:
    """Download a published checkpoint, continuing where an earlier try was cut off.

    Args:
        name: name of a published net.
        progress: show a progress bar on stderr.
        url: address to download from; by default its place on Google Drive.
        retries: further tries when the connection fails.

    Returns:
        the file's path; nothing is downloaded if it is here already.

    Raises:
        WeightsError: no such published net, the connection failed, or the file is not the published one.
    """
    weights = registry.find(name)
    if weights.origin == "bundled" and weights.path:
        raise WeightsError(f"{name} is bundled with this project: there is nothing to download")
    if weights.path:
        return weights.path
    target = registry.folder() / weights.file
    if weights.origin == "bundled" or target.exists():
        raise WeightsError(missing(weights))
    part = target.with_name(target.name + ".part")
    _download(weights, url or f"https://drive.google.com/uc?id={weights.drive_id}", part, progress, retries)
    return _accept(weights, part, target)


def _download(weights: Weights, url: str, part: Path, progress: bool, retries: int) -> None:
    """Download into `part`; gdown keeps an unfinished download beside it, as <part>????????.part."""
    try:
        import gdown

        part.parent.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {"resume": True, "use_cookies": False, "timeout": 60}
        gdown.download(url, str(part), quiet=not progress, retries=retries, **options)
    except Exception as error:  # gdown may raise any exception on a page that it does not know
        log.warning("%s could not be downloaded", weights.name, exc_info=True)
        reason = f"{weights.name} could not be downloaded: {checkpoints.short(error)}."
        raise WeightsError(f"{reason} {_kept(part)}{_by_hand(weights)}") from error


def _kept(part: Path) -> str:
    files = ", ".join(path.name for path in part.parent.glob(f"{part.name}*.part"))
    return (
        files and f"What arrived is kept in {files}: run it again to go on, or delete that to start afresh. "
    )


def _by_hand(weights: Weights) -> str:
    return (
        f"Or fetch {weights.link} with a browser and put the file, under any name, into {registry.folder()}."
    )


def _accept(weights: Weights, part: Path, target: Path) -> Path:
    """Check a complete download and give it its final name."""
    try:
        found = checkpoints.hashed(part, "md5", part.stat().st_size, part.stat().st_mtime_ns)
        if found == weights.md5:
            part.chmod(0o644)  # gdown makes files that only their owner may read
            return part.replace(target)
        part.unlink()
    except OSError as error:
        raise WeightsError(f"{part} cannot be moved to {target.name}: {error.strerror}") from error
    wrong = f"its md5 is {found}, not {weights.md5}; it was deleted"
    raise WeightsError(f"what was downloaded is not {weights.name} ({wrong}). {_by_hand(weights)}")
