"""Turn training results into the files in `weights/`, and record what is known about them in the manifest."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from fcnviz import fcn, files
from fcnviz.photos import voc
from fcnviz.weights import checkpoints, registry, signatures
from fcnviz.weights.checkpoints import WeightsError
from fcnviz.weights.registry import BUNDLED

#: Largest size of a bundled file.
MAX_BUNDLED_BYTES = 10 * 10**6


def bundle(
    runs: Mapping[str, Path],
    out: Path | None = None,
    *,
    commands: Mapping[str, str],
    commit: str,
    data: str,
    licence: str,
) -> list[Path]:
    """Turn training results into bundled files: float16, with one entry each in `manifest.json`.

    Entries of other stages stay. Metrics of these are dropped: they were measured on older weights.

    Args:
        runs: the run's folder or its `model.safetensors`, by stage ("32s", "16s", "8s").
        out: folder to write to; by default the weights folder.
        commands: the commands that trained them, by stage.
        commit: commit of this repository that trained them.
        data: what they were trained on.
        licence: licence of the weights.

    Returns:
        the files written.

    Raises:
        WeightsError: a run is not that stage of lite0, does not fit float16, or is too large.
    """
    out = out or registry.folder()
    out.mkdir(parents=True, exist_ok=True)
    about = {"licence": licence, "data": data, "commit": commit}
    entries = {entry["name"]: entry for entry in registry.manifest(out)}
    for stage, run in runs.items():
        path = _write_half(f"lite0-fcn{stage}", Path(run), out)
        entries[path.stem] = _entry(path, {**about, "command": commands[stage]})
        _write_manifest(out, list(entries.values()))
    return [out / f"lite0-fcn{stage}.safetensors" for stage in runs]


def _write_half(name: str, run: Path, out: Path) -> Path:
    if name not in BUNDLED:
        raise WeightsError(f"the stages are 32s, 16s and 8s; there is no network {name}")
    state = checkpoints.read(run / "model.safetensors" if run.is_dir() else run)
    state = signatures.own(state, "lite0", fcn.STRIDES[BUNDLED.index(name)])
    path = out / f"{name}.safetensors"
    with files.atomic_write(path) as part:
        save_file({key: _half(key, value) for key, value in state.items()}, part)
        if part.stat().st_size >= MAX_BUNDLED_BYTES:
            raise WeightsError(f"{path.name} would have {MAX_BUNDLED_BYTES / 1e6:.0f} MB or more")
    return path


def _half(key: str, value: Tensor) -> Tensor:
    """Convert to float16, if no value changes by more than 1 % of the tensor's largest; integers stay."""
    if not value.is_floating_point():
        return value
    half = value.half()
    if not half.isfinite().all():
        raise WeightsError(f"{key} does not fit float16: its largest value is {value.abs().max():.3g}")
    if (half.to(value.dtype) - value).abs().max() > 0.01 * value.abs().max():
        raise WeightsError(f"{key} vanishes in float16: its largest value is {value.abs().max():.3g}")
    return half


def _entry(path: Path, about: dict[str, str]) -> dict[str, Any]:
    stride = fcn.STRIDES[BUNDLED.index(path.stem)]
    net = signatures.empty("lite0", stride).backbone
    order = "BGR" if net.bgr else "RGB"
    scaling = {"mean": net.mean, "std": net.std, "peak": net.peak, "order": order, "multiple": net.multiple}
    return {
        "name": path.stem,
        "file": path.name,
        "sha256": checkpoints.digest(path, "sha256"),
        "backbone": net.name,
        "stride": stride,
        "classes": list(voc.CLASSES),
        "preprocessing": scaling,
        **about,
        "metrics": None,
    }


def record(name: str, metrics: Mapping[str, Any]) -> None:
    """Write what was measured on a bundled net into the manifest, replacing earlier metrics.

    Args:
        name: name of a bundled net.
        metrics: anything that JSON can hold, and NumPy numbers; NaN becomes null. The "size" of its photos
            becomes the net's own input size.

    Raises:
        WeightsError: the manifest has no such net.
    """
    folder = registry.folder()
    entries = registry.manifest(folder)
    entry = next((entry for entry in entries if entry["name"] == name), None)
    if entry is None:
        raise WeightsError(
            f"{folder / 'manifest.json'} has no network {name}: only bundled ones are recorded"
        )
    text = json.dumps(metrics, default=float)
    entry["metrics"] = json.loads(text, parse_constant=lambda _: None)
    if "size" in metrics:
        entry["preprocessing"]["size"] = metrics["size"]
    _write_manifest(folder, entries)


def _write_manifest(where: Path, entries: list[dict[str, Any]]) -> None:
    entries = sorted(entries, key=lambda entry: BUNDLED.index(entry["name"]))
    text = json.dumps(entries, indent=2, ensure_ascii=False)
    files.write_bytes(where / "manifest.json", f"{text}\n".encode())
