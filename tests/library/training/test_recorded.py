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


def test_the_logs_of_runs_are_kept_and_no_other_figure_changes(tmp_path):
    path = tmp_path / "record.json"
    path.write_bytes(recorded.RECORD.read_bytes())
    settings = {"stride": 16, "split": "train_aug-fit", "crop": 256, "lr": 1e-3, "device": "cuda", "seed": 0}
    epochs = [{"epoch": n, "loss": loss, **settings} for n, loss in ((1, 0.5), (2, 0.4), (2, 0.3))]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in epochs))
    recorded.keep_logs({"a run": tmp_path}, path)
    before, after = json.loads(recorded.RECORD.read_text("utf-8")), json.loads(path.read_text("utf-8"))
    kept = after["logs"].pop("a run")
    assert recorded.Log(**kept) == (
        16,
        "train_aug-fit",
        256,
        1e-3,
        "cuda",
        [0.5, 0.3],
    )  # epoch 2 was done twice
    assert after == {**before, "logs": before.get("logs", {})}


def test_a_run_without_a_log_is_told_and_nothing_is_kept(tmp_path, capsys):
    before = recorded.RECORD.read_bytes()
    assert cli.main(["weights", "study", "--logs", f"a run={tmp_path}"]) == 1
    (tmp_path / "log.jsonl").write_text('{"average": ["a", "b"], "stride": 32}\n')
    assert cli.main(["weights", "study", "--logs", f"a run={tmp_path}"]) == 1
    assert "log.jsonl" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["weights", "study", "--logs", "no-name"])
    assert recorded.RECORD.read_bytes() == before


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
