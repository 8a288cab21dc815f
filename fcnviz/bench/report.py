"""The results as text and as a file, with the machine that they were measured on."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fcnviz import files, weights
from fcnviz.bench import timing
from fcnviz.bench.timing import Row

#: Where the app looks for the last recorded result.
RECORD = Path(__file__).parent / "record.json"

#: Groups whose rows are whole networks, each by its registry name, on one photo.
NETWORKS = ("the bundled networks", "VGG16, random weights")


def linearity(rows: Sequence[Row]) -> float:
    """Compute R² of a straight line through the milliseconds of square images against their pixels."""
    pixels = np.array([float(row.how.split(" ")[0]) ** 2 for row in rows])
    return float(np.corrcoef(pixels, [row.milliseconds for row in rows])[0, 1] ** 2)


def machine(device: str = "auto") -> dict[str, Any]:
    """Describe the machine that the results were measured on."""
    where = weights.pick_device(device)
    rates = timing.MATMUL_RATES.items()
    gpu = torch.cuda.get_device_name(where) if where.type == "cuda" else None
    return {
        "device": gpu or f"{where.type}: {_processor()}",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "date": datetime.now(UTC).date().isoformat(),
        "matmul_tflops": {str(t).removeprefix("torch."): round(rate / 1e12, 3) for (_, t), rate in rates},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), platform.machine())


def record(rows: Sequence[Row], device: str = "auto", path: Path = RECORD) -> None:
    """Save results for the app's Evaluate page."""
    text = json.dumps({"machine": machine(device), "rows": [asdict(r) for r in rows]}, indent=1)
    files.write_bytes(path, f"{text}\n".encode())


def recorded(path: Path = RECORD) -> tuple[list[Row], dict[str, Any]] | None:
    """Load the last saved results and their machine; None if there are none or the file is damaged."""
    try:
        kept = json.loads(path.read_text())
        return [Row(**r) for r in kept["rows"]], kept["machine"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def medians() -> dict[str, float]:
    """Return the recorded median times of whole networks in float32, in milliseconds, by registry name."""
    rows, _ = recorded() or ((), {})
    return {r.what: r.milliseconds for r in rows if r.group in NETWORKS}


def as_text(rows: Sequence[Row], device: str = "auto") -> str:
    """Write results as text, group by group."""
    lines = [", ".join(f"{k} {v}" for k, v in machine(device).items())]
    for group in dict.fromkeys(r.group for r in rows):
        members = [r for r in rows if r.group == group]
        lines += ["", group, *map(_line, members)]
        if "pixels" in group and len(members) > 2:
            lines.append(f"  straight line through them: R² {linearity(members):.4f}")
    return "\n".join(lines)


def _line(r: Row) -> str:
    line = f"  {r.what:<40}{r.how:<34}{r.milliseconds:9.1f} ms{r.ratio:8.2f}×"
    extras = (
        (r.agreement, "{:.2%} equal labels"),
        (r.megabytes, "{:.0f} MB"),
        (r.gflop, "{:.1f} GFLOP"),
        (r.peak_share, "{:.0%} of the matmul rate"),
    )
    return line + "".join("   " + text.format(v) for v, text in extras if v is not None)
