"""The bundled networks' measured quality, as the tables of the READMEs: python -m fcnviz weights quality."""

from __future__ import annotations

from typing import Any

from fcnviz import bootstrap, weights
from fcnviz.bootstrap import COMPARED
from fcnviz.voc import CLASSES

_HEADS = ("pixel acc.", "mean acc.", "mean IU", "f.w. IU", "within 5 px")


def overall() -> str:
    """The four metrics and the accuracy within 5 px of a true boundary, in percent, with intervals."""
    rows = {f"`{name}`": [_value(m, key) for key in COMPARED] for name, m in _measured().items()}
    return _table("", _HEADS, rows)


def gains() -> str:
    """What each network gains over the one before it, in percentage points, with paired intervals."""
    rows = {}
    for name, m in _measured().items():
        if "gain" in m:
            title = f"{_stage(name)} over {_stage(m['gain']['over'])}"
            rows[title] = [bootstrap.points(m["gain"]["points"][key]) for key in COMPARED]
    return _table("gain", _HEADS, rows)


def by_class() -> str:
    """IU of each class, in percent, with intervals."""
    measured = _measured()
    rows = {name: [_value(m, f"iu_{name}") for m in measured.values()] for name in CLASSES}
    return _table("class", [_stage(name) for name in measured], rows)


def _measured() -> dict[str, dict[str, Any]]:
    found = {name: weights.find(name).metrics or {} for name in weights.BUNDLED}
    if missing := [name for name, m in found.items() if "intervals" not in m]:
        raise weights.WeightsError(f"{missing[0]} was not measured: run evaluate --record first")
    return found


def _stage(name: str) -> str:
    return name.removeprefix("lite0-fcn")


def _value(m: dict[str, Any], key: str) -> str:
    if key.startswith("iu_"):
        value = m["class_iu"][key.removeprefix("iu_")]
    else:
        value = m["within"][key.removeprefix("within_")] if key.startswith("within_") else m[key]
    return bootstrap.percent(value, m["intervals"][key])


def _table(corner: str, heads: tuple[str, ...] | list[str], rows: dict[str, list[str]]) -> str:
    lines = [[corner, *heads], ["---"] * (len(heads) + 1), *([title, *row] for title, row in rows.items())]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)
