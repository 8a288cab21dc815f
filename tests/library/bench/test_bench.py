"""The bench's arithmetic, its record, and the plain network that it compares with."""

import json

import pytest
import torch

from fcnviz import bench, weights
from fcnviz.bench import cases, timing
from fcnviz.bench.timing import Row, Task
from tests.nets import photo, random_net

CPU = torch.device("cpu")


def test_rows_are_ratios_to_the_first_and_tasks_take_turns():
    order = []
    tasks = [Task(Row("g", name, "", 0, gflop=1.0), lambda n=name: order.append(n)) for name in "ab"]
    rows = timing.compare(tasks, 3, CPU)
    assert "".join(order) == "ab" + "ab" * 3  # a warm-up, then turns
    assert [r.what for r in rows] == ["a", "b"]
    assert rows[0].ratio == 1
    assert rows[1].ratio == rows[0].milliseconds / rows[1].milliseconds
    rate = timing.matmul_rate(CPU, torch.float32)
    assert rows[0].peak_share == pytest.approx(1e9 / (rows[0].milliseconds / 1000) / rate)


def test_flops_are_those_of_the_formula():
    # a 32 x 32 image on lite0: one cell of stride 32, whose score layer is 1280 x 21 multiply-adds
    larger, smaller = timing.gflop("lite0", 32, (64, 32)), timing.gflop("lite0", 32, (32, 32))
    assert 1.9 < larger / smaller < 2.1
    assert 190 < timing.gflop("vgg16", 8, (500, 375)) < 200


def test_the_straight_line():
    rows = [Row("g", "n", f"{s} × {s}, float32", 3.0 + s * s) for s in (10, 20, 30)]
    assert bench.linearity(rows) == pytest.approx(1)


def test_a_record_is_read_back_and_a_broken_one_is_none(tmp_path):
    path, row = tmp_path / "bench.json", Row("g", "n", "h", 1.5, agreement=0.99)
    assert bench.recorded(path) is None
    bench.record([row], "cpu", path)
    rows, about = bench.recorded(path)
    assert rows == [row]
    assert about["device"].startswith("cpu")
    assert not list(tmp_path.glob("*.part"))
    path.write_text(json.dumps({"rows": [{"nonsense": 1}], "machine": {}}))
    assert bench.recorded(path) is None


def test_the_committed_record_is_what_the_app_can_show():
    rows, about = bench.recorded()
    assert {r.group for r in rows} >= {"the bundled networks", "FCN-8s-VGG16, random weights"}
    assert about["torch"]
    assert set(bench.medians()) == {*weights.BUNDLED, "vgg16-fcn32s", "vgg16-fcn16s"}


def test_the_plain_network_is_the_same_function():
    net = random_net("vgg16", 8)
    x = net.backbone.preprocess(photo((50, 70)))
    plain = cases.plain_fcn8s(net.state_dict(), x)
    torch.testing.assert_close(plain, net(x), rtol=1e-3, atol=1e-3)
