"""What the trainings measured: one record, which the model card and the command print alike."""

from __future__ import annotations

import json

import pytest

from fcnviz import __main__ as cli
from fcnviz.training import recorded
from tests.apps import ROOT


def test_the_model_card_says_what_was_recorded(capsys):
    text = (ROOT / "weights" / "README.md").read_text("utf-8")
    assert cli.main(["weights", "study"]) == 0
    for table in capsys.readouterr().out.strip().split("\n\n"):
        assert table in text, "weights/README.md: put in what `python -m fcnviz weights study` prints"


def test_every_recorded_run_is_one_of_the_study_and_compared_with_the_run_that_it_varies():
    rows = recorded.rows()
    assert set(rows) == set(json.loads(recorded.RECORD.read_text())["study"]["rows"])
    for row in rows.values():
        assert (row.gain is not None) == (row.trial.over is not None)
        if row.gain and row.trial.over:
            before = rows[row.trial.over].mean_iu.value
            assert row.gain.value == pytest.approx(row.mean_iu.value - before, abs=0.0011)  # rounded means


def test_runs_that_were_measured_anew_replace_their_rows_and_no_other(tmp_path):
    path = tmp_path / "record.json"
    path.write_bytes(recorded.RECORD.read_bytes())
    recorded.keep({"crop": {"mean_iu": [0.61234, 0.6, 0.62], "gain": [0.012345, -0.01, 0.02]}}, path)
    before, after = json.loads(recorded.RECORD.read_text("utf-8")), json.loads(path.read_text("utf-8"))
    before["study"]["rows"]["crop"] = {"mean_iu": [0.612, 0.6, 0.62], "gain": [0.0123, -0.01, 0.02]}
    assert after == before


def test_intervals_are_around_their_values():
    found = [value for row in recorded.rows().values() for value in (row.mean_iu, row.gain) if value]
    for part in ("networks", "gains"):
        found += [value for measured in recorded.control(part).values() for value in measured]
    assert all(v.low < v.value < v.high for v in found)
    assert [v.maybe_chance for v in recorded.control("gains")["16s over the 32s trained as long"]] == [
        False
    ] * 2


def test_gains_of_the_control_are_differences_of_its_networks():
    networks, gains = recorded.control("networks"), recorded.control("gains")
    first, longer, longest, finer, finest = networks.values()
    pairs = ((longer, first), (finer, longer), (finest, finer), (longest, longer), (finest, longest))
    for (after, before), gain in zip(pairs, gains.values(), strict=True):
        for a, b, value in zip(after, before, gain, strict=True):
            assert value.value == pytest.approx(a.value - b.value, abs=0.0011)
