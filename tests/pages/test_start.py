"""Start through AppTest: its steps, what they cost, and the diagram's sizes and links."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from fcnviz import fcn, geometry, inference, weights
from fcnviz.backbones import TAPS
from fcnviz.evaluation import on_samples
from fcnviz.photos import images, samples
from tests.apps import png, rerun, sections, start, tables
from ui.figures import diagram
from ui.start.sizes import sizes


def parts(at) -> dict[str, dict]:
    """What the components on the page are sent, by the part they are."""
    found = [json.loads(c.proto.json) for c in at.get("bidi_component") if c.proto.json]
    return {data.get("part", "stepper" if "asked" in data else ""): data for data in found}


def shown(data_uri: str) -> np.ndarray:
    """Which pixels of a picture are not transparent."""
    image = Image.open(io.BytesIO(base64.b64decode(data_uri.partition(",")[2])))
    return np.asarray(image.convert("RGBA"))[..., 3] > 0


def test_the_photo_takes_six_steps_and_each_network_runs_once(passes):
    at = start(page=None)
    assert passes == [32, 16, 8]
    frames = parts(at)["steps"]["frames"]
    assert [f["key"] for f in frames] == ["photo", "classifier", "grid", "32s", "16s", "8s"]
    assert all(set(f["lit"]) <= set(diagram.PARTS) and f["lit"] for f in frames)
    passes.clear()
    at.query_params["step"] = "16s"
    rerun(at)
    assert passes == []


def test_a_spotlight_shows_what_each_network_labels_and_what_changed_lies_between():
    frames = {f["key"]: f for f in parts(start(page=None, photo="cat"))["steps"]["frames"]}
    photo = images.fit(samples.load("cat"), images.SCREEN)
    labels = {}
    for stride in (32, 16, 8):
        labels[stride] = inference.run(weights.load(f"lite0-fcn{stride}s", fold=True), photo).labels
        frame = frames[f"{stride}s"]
        covered = shown(frame["layer"]) & ~shown(frame["outline"])
        assert (covered == (labels[stride] == 0)).all()
    for fine, coarse in ((16, 32), (8, 16)):
        assert (shown(frames[f"{fine}s"]["changed"]) == (labels[fine] != labels[coarse])).all()


def test_start_compare_and_the_lecture_show_what_the_command_prints_of_the_photo_shown_first():
    nets = {f"{stride}s": weights.load(f"lite0-fcn{stride}s", fold=True) for stride in (32, 16, 8)}
    near = [f"{100 * one.near:.1f} %" for one in on_samples.scores(nets, samples.DEFAULT).values()]
    frames = parts(start(page=None))["steps"]["frames"]
    for share, frame in zip(near, frames[-3:], strict=True):
        assert f"Within 5 px of a true boundary, {share} of the pixels are right." in frame["text"]
    compared = tables(start("pages/compare.py", section="Ground truth"))
    assert any([*table.get("Within 5 px of a boundary", ())] == near for table in compared)
    components = start("pages/lecture.py", step="17").get("bidi_component")
    slides = [c.proto.json for c in components if "lecture_figure" in c.proto.id]
    assert any(all(share in text for share in near) for text in slides)


def test_the_link_asks_for_a_step():
    assert parts(start(page=None))["stepper"]["asked"] is None
    assert parts(start(page=None, step="grid"))["stepper"]["asked"] == "grid"


def test_ones_own_photo_takes_the_steps_too(passes):
    at = start(page=None)
    passes.clear()
    at.file_uploader(key="upload_here").upload("mine.png", png(300, 200), "image/png")
    rerun(at)
    assert passes == [32, 16, 8]
    assert parts(at)["stepper"]["size"] == [300, 200]
    assert at.query_params["photo"] == "own"


@pytest.mark.parametrize("shape", [(64, 96), (75, 101)])
def test_the_diagram_names_the_sizes_that_the_network_has(shape):
    net = weights.load("lite0-fcn8s", fold=True)
    image = Image.new("RGB", shape[::-1])
    scores = inference.coarse(net, image)
    found = sizes(net.backbone, shape)
    maps = {"score_fr": scores.s32, "fuse_pool4": scores.s16, "fuse_pool3": scores.s8}
    maps |= {"score_pool4": scores.pool4, "score_pool3": scores.pool3}
    maps["upscore2"] = net.get_submodule("upscore2")(scores.s32)
    maps["upscore8"] = net.upsample(scores, shape)
    x = net.backbone.preprocess(image)
    padded = fcn.F.pad(x, (0, -shape[1] % 32, 0, -shape[0] % 32))
    maps |= dict(zip(TAPS["vgg16"], net.backbone.run(net, padded), strict=True))
    for name, tensor in maps.items():
        _, c, h, w = tensor.shape
        assert found[name] == f"{w} × {h} × {c:,}"
    assert set(found) == set(diagram.PARTS)


def test_the_diagram_has_the_score_maps_of_the_paper_and_the_apps_link_for_each_part():
    drawn = diagram.svg({})
    links = re.findall(r'data-part="(\w+)" href="([^"]+)"', drawn)
    assert [name for name, _ in links] == list(diagram.PARTS)
    assert set(geometry.SCORE_MAPS.values()) <= set(diagram.PARTS)
    assert all(link == diagram.href(diagram.PARTS[name]) for name, link in links)


@pytest.mark.parametrize("page", sorted({part.page for part in diagram.PARTS.values()}))
def test_every_part_leads_to_a_section_that_exists(page):
    wanted = {part.section for part in diagram.PARTS.values() if part.page == page}
    assert wanted <= set(sections(start(page)))


def test_a_click_on_a_part_opens_its_section():
    at = start(page=None)
    at.session_state["start_part"] = "fuse_pool4"
    rerun(at)
    assert at.segmented_control(key="section").value == diagram.PARTS["fuse_pool4"].section
