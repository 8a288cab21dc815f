"""The Training page through AppTest: what it costs, what it computes, and where its numbers are from."""

from __future__ import annotations

import numpy as np
import pytest

from fcnviz import weights
from fcnviz.lessons.training import sampling
from fcnviz.lessons.training.sampling import Loss
from fcnviz.photos import images, samples
from fcnviz.training import recorded
from tests.apps import each_section, open_section, panels, pixels, png, rerun, said, start, tables, values
from ui import paper
from ui.training import cached, choices

PAGE = "pages/training.py"
SIZE = 320


@pytest.fixture
def fresh(passes) -> list[int]:
    """`passes`, with the page's own caches empty too."""
    for function in (cached.seen, cached.drawn, cached.compared, cached.many):
        function.clear()
    return passes


def loss_of_the_cat() -> Loss:
    image = images.fit(samples.load("cat"), SIZE)
    labels = images.resize_labels(samples.annotation("cat"), image.size)
    net = weights.load("lite0-fcn32s", fold=True)
    return Loss(net, sampling.forward(net, image), labels.shape, labels)


def numbers(at) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_one_pass_serves_every_draw(fresh):
    at = start(PAGE, section="Choices", photo="cat", size=f"{SIZE}")
    assert fresh == []
    open_section(at, "Loss")
    assert fresh == [32]  # the one that every page shares
    at.toggle(key="l_grad").set_value(True)
    before = numbers(rerun(at))
    assert fresh == [32] * 2
    at.button(key="l_again").click()
    assert numbers(rerun(at)) != before
    at.segmented_control(key="l_what").set_value("Single pixels")
    rerun(at)
    at.toggle(key="l_many").set_value(True)
    rerun(at)
    assert fresh == [32] * 2


def test_the_pictures_and_numbers_are_the_losss(fresh):
    at = start(PAGE, photo="cat", size=f"{SIZE}", l_keep="50 %", l_grad="true")
    exact = loss_of_the_cat()
    kept = sampling.draw(exact.labels.shape, 0.5, 32, np.random.default_rng(0))
    far = sampling.distance(exact.gradient(kept, 0.5), exact.gradient())
    assert numbers(at) == {
        "Relative error of the gradient": f"{100 * far.error:.0f} %",
        "Cosine to the full gradient": f"{far.cosine:.3f}",
    }
    loss, what, gradient = panels(at, "loss")
    assert loss["caption"] == f"Mean {exact.mean:.3f}"
    assert what["caption"].endswith(f"{exact.of(kept, 0.5):.3f}")
    assert (pixels(what["layers"][1], "RGBA")[..., 3] == 0).tolist() == kept.tolist()
    counted = [
        int(text.split()[0].replace(",", "")) for text in gradient["layers"][0]["reads"]["texts"] if text
    ]
    assert sum(counted) == exact.gradient().size


def test_all_of_it_is_the_full_gradient(fresh):
    at = start(PAGE, photo="cat", size=f"{SIZE}", l_keep="100 %", l_grad="true")
    assert numbers(at)["Relative error of the gradient"] == "0 %"
    assert numbers(at)["Cosine to the full gradient"] == "1.000"


def test_many_draws_are_tabulated(fresh):
    at = start(PAGE, photo="cat", size=f"{SIZE}", l_grad="true", l_many="true")
    (shown,) = panels(at, "loss_many")
    found = values(shown["layers"][0])
    expected = list(sampling.trials(loss_of_the_cat(), [32, 1], cached.SHARES, cached.DRAWS))
    np.testing.assert_allclose(found[0], [t.one for t in expected if t.side == 32], rtol=1e-3)
    np.testing.assert_allclose(found[3], [t.mean for t in expected if t.side == 1], atol=1e-3)


def test_a_photo_without_a_mask_says_whose_labels_these_are(fresh):
    at = start(PAGE, photo="cat", size=f"{SIZE}")
    assert "annotation" in said(at)
    at.file_uploader(key="upload").upload("dot.png", png(70, 50), "image/png")
    rerun(at)
    assert "no mask, so the labels are the network's own answer" in said(at)


def test_every_choice_has_its_words_and_every_gain_of_ours_its_interval():
    at = start(PAGE, section="Choices")
    text = said(at)
    for choice in choices.CHOICES:
        assert choice.title in text
        assert not choice.printed or paper.ON_TRAINING[choice.printed].text in text
    for name in choices._CHART:
        assert choices.written(choices.gains()[name]) in text
    printed = {row.network: row.mean_iu for row in paper.PUBLISHED if row.source.endswith("table 2")}
    assert f"(FCN-32s-fixed): {printed['FCN-32s-fixed']} mean IU" in text
    assert f"end to end: {printed['FCN-32s']}" in text


def test_the_chart_reads_what_was_recorded():
    (chart,) = panels(start(PAGE, section="Choices"), "choices")
    found = values(chart["layers"][0])[:, 0]
    np.testing.assert_allclose(
        found, [100 * choices.gains()[name].value for name in choices._CHART], atol=1e-3
    )
    low, high = chart["view"][0], chart["view"][0] + chart["view"][2]
    assert all(low < 100 * end < high for name in choices._CHART for end in choices.gains()[name])


def test_input_sizes_are_those_recorded():
    for shown, i in zip(panels(start(PAGE, section="Input size"), "input_sizes"), (0, 1), strict=True):
        expected = [[100 * pair[i] for pair in line.values()] for line in recorded.sizes().values()]
        np.testing.assert_allclose(values(shown["layers"][0]), expected, atol=1e-3)


def test_the_runs_are_those_of_the_manifest():
    (table,) = tables(start(PAGE, section="Runs"))
    for name in weights.BUNDLED:
        command = weights.find(name).command
        for run in recorded.runs(command):
            assert f"--out runs/{run.name} " in f"{command} "
            row = table.loc[run.name]
            assert f"--epochs {row['Epochs']}" in command
            assert row["From"] == (run.init or "ImageNet")
            assert row["Network"] == f"FCN-{run.config.stride}s"


def test_kept_logs_are_drawn_and_named_as_what_they_are(monkeypatch):
    log = recorded.Log(16, "train_aug-fit", 256, 1e-3, "cuda", [0.5, 0.25])
    monkeypatch.setattr(
        recorded, "logs", lambda: {"short": log, "long": log._replace(loss=[0.75, 0.5, 0.25])}
    )
    at = start(PAGE, section="Runs")
    (chart,) = panels(at, "loss_curves")
    assert chart["layers"][0]["reads"]["texts"] == [
        "short 0.500, long 0.750",
        "short 0.250, long 0.500",
        "long 0.250",
    ]
    assert chart["columns"] == ["1", "2", "3"]
    assert "*short*: FCN-16s, train_aug-fit" in said(at)
    assert "No log of the bundled networks' own trainings was kept" in said(at)


def test_an_empty_link_and_a_photo_of_one_pixel_work():
    at = start(PAGE, l_what="", l_keep="", l_grad="true", l_many="true")
    at.file_uploader(key="upload").upload("dot.png", png(1, 1), "image/png")
    rerun(at)
    for _ in each_section(at):
        assert not at.error
