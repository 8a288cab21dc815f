"""What this project's trainings have measured, from one file: `python -m fcnviz weights study` prints it.

The file holds the figures of the study of training choices, of the control "FCN-32s trained as long", and of
the input sizes, as shares of 1, in as many digits as the model card prints.
"""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fcnviz import files
from fcnviz.evaluation import report
from fcnviz.training import study
from fcnviz.training.config import Config
from fcnviz.training.study import Found, Trial

RECORD = Path(__file__).parent / "record.json"


class Value(NamedTuple):
    """A measured share, or a difference of two, with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    @property
    def maybe_chance(self) -> bool:
        """Whether the interval of a difference holds 0."""
        return self.low <= 0 <= self.high


class Row(NamedTuple):
    """One run of the study.

    Attributes:
        trial: its settings.
        mean_iu: its mean IU on the held-out photos.
        gain: of mean IU over the run `trial.over`, paired; None if it is compared with none.
    """

    trial: Trial
    mean_iu: Value
    gain: Value | None


class Measured(NamedTuple):
    """Two metrics of a network, or a network's gains over another one in both."""

    mean_iu: Value
    within_5: Value


@cache
def _record() -> dict[str, Any]:
    return json.loads(RECORD.read_text("utf-8"))


def photos(part: str = "study") -> int:
    """The number of photos that a part ("study", "control" or "sizes") was measured on."""
    return _record()[part]["photos"]


def rows(kept: Mapping[str, Found] | None = None) -> dict[str, Row]:
    """The runs of the study by name, in its order: these, or else the recorded ones."""
    kept = _record()["study"]["rows"] if kept is None else kept
    return {trial.name: _row(trial, kept[trial.name]) for trial in study.TRIALS if trial.name in kept}


def keep(found: Mapping[str, Found], path: Path = RECORD) -> None:
    """Write runs of the study into the record, as printed; other runs stay as they are."""
    record = json.loads(path.read_text("utf-8"))
    digits = {"mean_iu": 3, "gain": 4}
    for name, kept in found.items():
        record["study"]["rows"][name] = {
            key: [round(v, digits[key]) for v in values] for key, values in kept.items()
        }
    _write(record, path)


def _write(record: dict[str, Any], path: Path) -> None:
    text = json.dumps(record, indent=1, ensure_ascii=False)
    text = re.sub(r"\[[^][{}]*\]", lambda found: " ".join(found[0].split()), text)  # a list on one line
    with files.atomic_write(path) as part:
        part.write_text(text + "\n", "utf-8")
    _record.cache_clear()


def _row(trial: Trial, kept: Found) -> Row:
    gain = kept.get("gain")
    return Row(trial, Value(*kept["mean_iu"]), Value(*gain) if gain else None)


def control(part: str) -> dict[str, Measured]:
    """The networks of the control run ("networks"), or what one gains over another ("gains"), by name."""
    return {
        name: Measured(*(Value(*kept[key]) for key in Measured._fields))
        for name, kept in _record()["control"][part].items()
    }


def sizes() -> dict[int, dict[str, tuple[float, float]]]:
    """Mean IU and accuracy within 5 px of a boundary by longest side in px (0: as the photo) and network."""
    kept = _record()["sizes"]
    return {
        int(side): dict(zip(kept["networks"], zip(values, kept["within_5"][side], strict=True), strict=True))
        for side, values in kept["mean_iu"].items()
    }


# --- logs


class Log(NamedTuple):
    """What the log of a training run says.

    Attributes:
        stride: of the network.
        split: name of the list of training photos.
        crop: side of the crops in px.
        lr: the learning rate.
        device: what it ran on, as PyTorch names it.
        loss: the mean loss of each epoch, in nats.
    """

    stride: int
    split: str
    crop: int
    lr: float
    device: str
    loss: list[float]


def logs() -> dict[str, Log]:
    """The logs that are kept, by the names that they were given."""
    return {name: Log(**kept) for name, kept in _record().get("logs", {}).items()}


def keep_logs(runs: Mapping[str, str | Path], path: Path = RECORD) -> None:
    """Copy the logs of finished or unfinished runs into the record, by name; others stay as they are.

    Raises:
        FileNotFoundError: a run has no log.
        ValueError: a log has no epochs, such as that of an average.
    """
    record = json.loads(path.read_text("utf-8"))
    record["logs"] = record.get("logs", {}) | {name: _log(run)._asdict() for name, run in runs.items()}
    _write(record, path)


def _log(run: str | Path) -> Log:
    lines = [json.loads(line) for line in (Path(run) / "log.jsonl").read_text("utf-8").splitlines()]
    epochs = {line["epoch"]: line["loss"] for line in lines if "epoch" in line}  # one done twice: the last
    if not epochs:
        raise ValueError(f"the log of {run} has no epochs")
    settings = {key: lines[-1][key] for key in Log._fields}
    return Log(**{**settings, "loss": [epochs[n] for n in sorted(epochs)]})


# --- as tables in Markdown


def study_table(kept: Mapping[str, Found] | None = None) -> str:
    """Tabulate runs of the study: these, or else the recorded ones."""
    head = ("| run | what | mean IU | gain over | points of mean IU |", "|---|---|---|---|---|")
    return "\n".join([*head, *map(_line, rows(kept).values())])


def _line(row: Row) -> str:
    cells = row.trial.name, row.trial.about, _percent(row.mean_iu), row.trial.over or ""
    return f"| {' | '.join(cells)} | {report.points(row.gain) if row.gain else ''} |"


def control_texts(part: str) -> dict[str, list[str]]:
    """`control`, each value with its interval: of the networks in percent, of the gains in points."""
    write = _percent if part == "networks" else report.points
    return {name: [write(v) for v in measured] for name, measured in control(part).items()}


def control_tables() -> str:
    """Tabulate the control: the networks, and the gains."""
    heads = ("mean IU", "within 5 px")
    parts = (("", "networks"), ("gain", "gains"))
    return "\n\n".join(report.markdown(corner, heads, control_texts(part)) for corner, part in parts)


def sizes_table() -> str:
    """Tabulate the input sizes: mean IU / accuracy within 5 px of a boundary, in percent."""
    names = list(next(iter(sizes().values())))
    lines = {
        f"{side} px" if side else "as the photo": [
            f"{100 * a:.1f} / {100 * b:.1f}" for a, b in found.values()
        ]
        for side, found in sizes().items()
    }
    return report.markdown("longest side", names, lines)


def _percent(v: Value) -> str:
    return report.percent(v.value, (v.low, v.high))


# --- how the bundled networks were trained


class Run(NamedTuple):
    """One training run, as its command says.

    Attributes:
        name: of its folder.
        init: name of the run that it started from; None: ImageNet.
        config: its settings.
        device: the option `--device`, "auto" or "cuda".
    """

    name: str
    init: str | None
    config: Config
    device: str


class Machine(NamedTuple):
    """What runs ran on.

    Attributes:
        name: the machine.
        shortest, longest: seconds of an epoch.
        note: which epochs these are.
    """

    name: str
    shortest: float
    longest: float
    note: str


def runs(commands: str) -> list[Run]:
    """Read the training runs in the commands that a manifest's entry holds, joined by `&&`.

    >>> (run,) = runs("python -m fcnviz train --stage 16s --init runs/32s --out runs/16s --epochs 2")
    >>> run.name, run.init, run.config.epochs, run.config.crop
    ('16s', '32s', 2, 256)
    """
    words = (shlex.split(command) for command in commands.split("&&"))
    return [_run(dict(zip(found, [*found[1:], ""], strict=True))) for found in words if "train" in found]


def _run(options: dict[str, str]) -> Run:
    """Make a run of its options: each word of the command with the next one."""
    given: dict[str, Any] = {
        f.name: type(getattr(Config, f.name))(options[flag])
        for f in fields(Config)
        if f.name not in ("stride", "init") and (flag := f"--{f.name.replace('_', '-')}") in options
    }
    init = options.get("--init")
    config = Config(stride=int(options["--stage"].removesuffix("s")), init=init, **given)
    return Run(Path(options["--out"]).name, init and Path(init).name, config, options.get("--device", "auto"))


def machine(device: str) -> Machine:
    """What the runs of a device ran on."""
    kept = _record()["machines"][device]
    shortest, longest = kept["seconds_per_epoch"]
    return Machine(kept["name"], shortest, longest, kept["note"])
