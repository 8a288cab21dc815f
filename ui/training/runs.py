"""Panel: the runs that have trained the bundled networks, as the manifest's commands say."""

import pandas as pd
import streamlit as st

from fcnviz import weights
from fcnviz.training import recorded
from fcnviz.training.recorded import Machine, Run
from ui.export import shown


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
    st.caption("No log of these trainings is kept here, so there is no curve of their loss to show.")


def _runs() -> list[Run]:
    return [run for name in weights.BUNDLED for run in recorded.runs(weights.find(name).command or "")]


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
