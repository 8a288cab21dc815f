"""Panel: the runs that have trained the bundled networks, as the manifest's commands say, and kept logs."""

import math
from collections.abc import Mapping
from itertools import cycle

import numpy as np
import pandas as pd
import streamlit as st

from fcnviz import render, weights
from fcnviz.training import recorded
from fcnviz.training.recorded import Log, Machine, Run
from ui.components.grids import grids
from ui.export import shown
from ui.figures.grids import Layer, Panel, Row, Values
from ui.figures.marks import Dots, Line, Mark
from ui.figures.numbers import fixed
from ui.figures.pictures import Extent
from ui.figures.theme import BLUE, FRAME, GREEN, MARK, ORANGE


def bundled() -> None:
    """Tabulate the runs behind the bundled networks."""
    found = {run.name: run for run in _runs()}
    data = weights.find(weights.BUNDLED[0]).data
    st.markdown(
        "**How the bundled networks were trained.** As in the paper: an ImageNet classifier, score layers "
        "from zero, deconvolutions from bilinear, and each network from the one before it. Then the two runs "
        "of each stage were averaged, weight by weight."
    )
    table = pd.DataFrame([_row(run) for run in found.values()], [run.name for run in found.values()])
    shown.table(table.rename_axis("Run"), "runs")
    st.caption(
        f"{data}. Read from the commands that are recorded with the weights. Names that end in 2: the second "
        "runs."
    )
    st.markdown(
        "\n".join(f"- {_time(recorded.machine(device), device, found)}" for device in ("auto", "cuda"))
    )
    if logs := recorded.logs():
        _curves(logs)
    if not found.keys() & logs.keys():
        st.caption("No log of the bundled networks' own trainings was kept: there is no curve of their loss.")


def _runs() -> list[Run]:
    return [run for name in weights.BUNDLED for run in recorded.runs(weights.find(name).command or "")]


def stages() -> list[tuple[str, str]]:
    """Name each bundled network, and say what its training started from and how long it was."""
    found = []
    for about in map(weights.find, weights.BUNDLED):
        mine = recorded.runs(about.command or "")
        start = f"FCN-{mine[0].init}" if mine and mine[0].init else "the ImageNet classifier"
        epochs = sum(run.config.epochs for run in mine)
        found.append((f"FCN-{about.stride}s", f"from {start}: {epochs} epochs in {len(mine)} runs"))
    return found


def _row(run: Run) -> dict[str, str]:
    c = run.config
    return {
        "Network": f"FCN-{c.stride}s",
        "From": run.init or "ImageNet",
        "Epochs": str(c.epochs),
        "Crops": f"{c.crop}² px",
        "Batch": str(c.batch),
        "Rate": f"{c.lr:g}",
        "Batch norms frozen": f"last {c.frozen} epochs" if c.frozen else "–",
        "On": recorded.machine(run.device).name,
    }


def _time(machine: Machine, device: str, found: dict[str, Run]) -> str:
    epochs = sum(run.config.epochs for run in found.values() if run.device == device)
    unit, size = ("seconds", 1) if machine.longest < 60 else ("minutes", 60)
    low, high = machine.shortest / size, machine.longest / size
    return f"On {machine.name}: {epochs} epochs, of {low:g} to {high:g} {unit} each ({machine.note})."


# --- curves

_COLOURS = (BLUE, ORANGE, GREEN, MARK, FRAME)


def _curves(logs: Mapping[str, Log]) -> None:
    """Draw the loss of each epoch of the runs whose logs are kept."""
    st.markdown("**The loss, epoch by epoch**, of the runs whose logs are kept.")
    legend = tuple(zip(logs, cycle(_COLOURS), strict=False))
    grids(Row((_chart(logs, dict(legend)),), legend=legend), "loss_curves")
    about = " ".join(f"*{name}*: {_about(log)}." for name, log in logs.items())
    st.caption(
        "Mean cross-entropy of an epoch's training pixels, in nats, as the runs' logs say; not of photos "
        f"held out. Crops of another size, or another recipe, have other losses. {about}"
    )


def _about(log: Log) -> str:
    return f"FCN-{log.stride}s, {log.split}, crops of {log.crop}², rate {log.lr:g}, on {log.device}"


def _chart(logs: Mapping[str, Log], colours: Mapping[str, str]) -> Panel:
    epochs, bands = max(len(log.loss) for log in logs.values()), 4
    step = math.ceil(10 * max(max(log.loss) for log in logs.values()) / bands) / 10
    top = bands * step
    high = epochs / 4  # of the picture, which is four times as wide
    shows = Extent(0, 0, epochs, high)
    values = np.full((len(logs), epochs), np.nan)
    for row, log in zip(values, logs.values(), strict=True):
        row[: len(log.loss)] = log.loss
    marks: list[Mark] = [
        Line(((0, y), (epochs, y)), "dash", FRAME) for y in np.arange(1, bands) * high / bands
    ]
    for name, log in logs.items():
        points = tuple((i + 0.5, high * (1 - loss / top)) for i, loss in enumerate(log.loss))
        marks += [Line(points, colour=colours[name]), Dots(points, colours[name])]
    return Panel(
        shows=shows,
        layers=(_read(shows, values, list(logs)),),
        title="Mean loss of an epoch, nats",
        marks=tuple(marks),
        rows=[f"{fixed(k * step, 1)} to {fixed((k + 1) * step, 1)}" for k in reversed(range(bands))],
        columns=[f"{n + 1}" for n in range(epochs)],
        below=True,
        tall=260,
    )


def _read(shows: Extent, values: np.ndarray, names: list[str]) -> Layer:
    """Nothing to see: an epoch's losses, which a pointer reads."""
    texts = [
        ", ".join(f"{name} {fixed(v, 3)}" for name, v in zip(names, column, strict=True) if v == v)
        for column in values.T
    ]
    epochs = [f"epoch {n + 1}" for n in range(len(texts))]
    nothing = render.to_png(np.zeros((1, len(texts), 4), np.uint8))
    reads = Values(np.nanmin(values, axis=0)[None], "nats", 3, columns=epochs, texts=texts)
    return Layer(nothing, shows, cells=(len(texts), 1), lines=False, reads=reads)
