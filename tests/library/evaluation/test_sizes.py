"""The table of input sizes says what each network has at each size alone."""

from __future__ import annotations

import numpy as np

from fcnviz import __main__ as cli
from fcnviz.evaluation import measure, sizes, trimap
from fcnviz.evaluation.pairs import Pair, Read
from tests.library.evaluation.test_evaluate_command import GOOD, folder
from tests.nets import photo, random_net


def test_every_cell_is_that_network_at_that_size():
    random = np.random.default_rng(0)
    reads = [Read(photo(size), random.integers(0, 5, size).astype(np.uint8)) for size in ((40, 70), (64, 50))]
    nets = {"a": random_net("lite0", 32), "b": random_net("lite0", 8)}
    found = sizes.sweep(nets, [Pair(f"{i}", lambda r=r: r) for i, r in enumerate(reads)], (32, 0))
    assert list(found) == [("a", 32), ("a", 0), ("b", 32), ("b", 0)]
    for (name, size), counts in found.items():
        alone = [measure.measure(measure.predict(nets[name], r.photo, size), r.labels, 5) for r in reads]
        assert (counts.confusion == sum(one.confusion for one in alone)).all()
        assert (counts.near == sum(one.near for one in alone)).all()
    lines = sizes.table(found).splitlines()
    assert lines[0] == "| longest side | a | b |"
    whole = found["b", 0]
    iu, near = 100 * whole.mean_iu, 100 * trimap.accuracy(whole.near)[4]
    assert lines[3].endswith(f"| {iu:.1f} / {near:.1f} |")
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["32 px", "as the photo"]


def test_the_command_compares_sizes_or_measures_at_one(tmp_path, capsys):
    data = folder(tmp_path, good=GOOD)
    ask = ["evaluate", "--device", "cpu", "--data", data, "--weights", "lite0-fcn32s", "--size"]
    assert cli.main([*ask, "16", "0"]) == 0
    assert "| 16 px |" in capsys.readouterr().out
    assert cli.main([*ask, "16"]) == 0
    assert "1 photos reduced to 16 px" in capsys.readouterr().out
    assert cli.main([*ask, "0"]) == 0
    assert "1 photos at original size" in capsys.readouterr().out
