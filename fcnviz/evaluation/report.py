"""What was measured, as text: numbers with their intervals, a table for the terminal, tables in Markdown."""

from collections.abc import Sequence
from typing import Any

from fcnviz import weights
from fcnviz.evaluation.bootstrap import COMPARED, Interval
from fcnviz.evaluation.measure import FOUR
from fcnviz.photos.voc import CLASSES

# --- numbers


def interval(between: Interval, form: str = ".1f") -> str:
    """Write an interval in percent.

    >>> interval((0.6044, 0.656))
    '(60.4 to 65.6)'
    """
    low, high = (format(100 * end, form) for end in between)
    return f"({low} to {high})"


def percent(value: float, between: Interval) -> str:
    """Write a metric and its interval in percent.

    >>> percent(0.631, (0.6044, 0.656))
    '63.1 (60.4 to 65.6)'
    """
    return f"{100 * value:.1f} {interval(between)}"


def points(gain: Sequence[float]) -> str:
    """Write a gain and its interval in percentage points.

    >>> points((0.0055, -0.0033, 0.0148))
    '+0.55 (−0.33 to +1.48)'
    """
    value, low, high = gain
    return f"{100 * value:+.2f} {interval((low, high), '+.2f')}".replace("-", "−")


# --- for the terminal


def as_text(title: str, result: dict[str, Any]) -> str:
    """Write `measure.report`'s numbers in percent, with intervals and the gain if `result` has them."""
    near = (1, 2, 5, 10, 20, 40)
    gain = result.get("gain")
    return "\n".join(
        [
            title,
            *(f"  {key.replace('_', ' '):<24}{_cell(result, key, result[key])}" for key in FOUR),
            "  pixel accuracy within d px of a true boundary",
            *(f"    d = {d:<18}{_cell(result, f'within_{d}', result['within'][str(d)])}" for d in near),
            *(_gain_lines(gain) if gain else ()),
            "  IU by class",
            *(f"    {name:<22}{_cell(result, f'iu_{name}', iu)}" for name, iu in result["class_iu"].items()),
        ]
    )


def _cell(result: dict[str, Any], key: str, value: float | None) -> str:
    if value is None:
        return "absent"
    low, high = result.get("intervals", {}).get(key, (None, None))
    return f"{100 * value:6.1f} %" + ("" if low is None else f"   {interval((low, high))}")


def _gain_lines(gain: dict[str, Any]) -> list[str]:
    lines = [f"  gain over {gain['over']}, in percentage points"]
    for key, (value, *ends) in gain["points"].items():
        told = "absent" if value is None else f"{100 * value:+6.2f}    {interval(ends, '+.2f')}"
        lines.append(f"    {key.replace('_', ' '):<22}{told}")
    return lines


# --- the bundled networks' quality, in Markdown: python -m fcnviz weights quality

_HEADS = ("pixel acc.", "mean acc.", "mean IU", "f.w. IU", "within 5 px")


def overall() -> str:
    """Tabulate the four metrics and the accuracy within 5 px of a true boundary, in percent."""
    rows = {f"`{name}`": [_value(m, key) for key in COMPARED] for name, m in _measured().items()}
    return markdown("", _HEADS, rows)


def gains() -> str:
    """Tabulate each network's gain over the one before it, in percentage points, with paired intervals."""
    rows = {}
    for name, m in _measured().items():
        if "gain" in m:
            title = f"{_stage(name)} over {_stage(m['gain']['over'])}"
            rows[title] = [points(m["gain"]["points"][key]) for key in COMPARED]
    return markdown("gain", _HEADS, rows)


def by_class() -> str:
    """Tabulate the IU of each class, in percent, with intervals."""
    measured = _measured()
    rows = {name: [_value(m, f"iu_{name}") for m in measured.values()] for name in CLASSES}
    return markdown("class", [_stage(name) for name in measured], rows)


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
    return percent(value, m["intervals"][key])


def markdown(corner: str, heads: Sequence[str], rows: dict[str, list[str]]) -> str:
    """Write a table of texts: its left upper corner, the heads of its columns, and its rows by title."""
    lines = [[corner, *heads], ["---"] * (len(heads) + 1), *([title, *row] for title, row in rows.items())]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)
