"""The Lecture page through AppTest; its figures against those of the pages that they are from; the file."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile

import numpy as np
import pytest
from apps import png, rerun, said, start
from PIL import Image

from fcnviz import render, samples
from ui import bundle, inputs, lecture_file, lecture_slide, lecture_steps
from ui.figures import Extent
from ui.lecture_scene import Scene
from ui.lecture_slide import Bars, Figure, Layer, Picture, Table

PAGE = "pages/lecture.py"
STEPS = range(1, len(lecture_steps.NAMES) + 1)
NETS = tuple(f"lite0-fcn{stride}s" for stride in (32, 16, 8))


def scene(name: str | Image.Image = "cat", nets: tuple[str, ...] = NETS, **other) -> Scene:
    """As the page makes it, of a sample or an uploaded picture."""
    own = not isinstance(name, str)
    image, title = (name, "Your photo") if own else (samples.load(name), samples.SAMPLES[name].title)
    name, credit = (inputs.OWN, "you") if own else (name, samples.SAMPLES[name].credit)
    photo = inputs.Photo(name, title, credit, image, image.size, inputs._digest(image, False))
    return Scene(photo, inputs.Networks("lite0", nets, "auto"), "VOC", **other)


def chart(at, key: str) -> dict:
    """A Plotly figure on a page, as it is sent."""
    found = [c.proto for c in at.get("plotly_chart") if key in c.proto.id]
    assert len(found) == 1, [c.proto.id for c in at.get("plotly_chart")]
    return json.loads(found[0].spec)


def values(trace: dict) -> np.ndarray:
    """(h, w) of a heatmap."""
    z = trace["z"]
    if isinstance(z, dict):
        shape = [int(n) for n in z["shape"].split(",")]
        return np.frombuffer(base64.b64decode(z["bdata"]), z["dtype"]).reshape(shape)
    return np.array(z, float)


def painted(trace: dict, cmap: str) -> np.ndarray:
    """The colours of a page's heatmap, (h, w, 3)."""
    return render.heatmap(values(trace), trace["zmin"], trace["zmax"], cmap)


def decoded(layer: Layer) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(layer.image)).convert("RGB"))


def step(number: int, s: Scene) -> lecture_slide.Slide:
    found = lecture_steps.slide(s, number)
    assert found.figure is not None, found.sentence
    return found


def linked(number: int, s: Scene):
    """The page that the step's link opens."""
    now = step(number, s)
    return now.figure, start(now.page, photo=s.photo.name, **now.query)


def near(box: dict, other) -> bool:
    return np.allclose([box["x0"], box["y0"], box["x1"], box["y1"]],
                       [other.left, other.top, other.right, other.bottom], atol=1e-3)  # fmt: skip


# --- each step's figure is the figure of the page that it links to


def test_the_classifiers_steps_are_convolutionalizes():
    s = scene("coffee")
    figure, at = linked(1, s)
    photo, bars = figure.parts
    crop = chart(at, "conv_crop")
    assert crop["layout"]["images"][0]["source"] == lecture_slide.uri(photo.layers[0].image)
    assert any(near(shape, photo.boxes[0]) for shape in crop["layout"]["shapes"])
    table = next(d.value for d in at.dataframe if "probability" in d.value)
    assert list(table["class"]) == [name for name, _ in bars.rows]
    np.testing.assert_allclose(table["probability"], [100 * share for _, share in bars.rows], rtol=1e-5)

    assert step(4, s).page == step(1, s).page and step(4, s).query == {}
    same_heat(step(4, s).figure.parts[0], chart(at, "conv_heat"))
    trace = chart(at, "conv_fold")["data"]
    folded = step(3, s).figure.parts[0]
    assert (decoded(folded.layers[0]) == painted(trace[0], "RdBu_r")).all()
    tiles = painted(trace[1], "RdBu_r")[~np.isnan(values(trace[1]))].reshape(4, 64, 3)
    assert (np.concatenate([decoded(tile) for tile in folded.layers[1:]], 1) == tiles).all()


def same_heat(picture: Picture, sent: dict) -> None:
    trace = sent["data"][1]
    assert (decoded(picture.layers[1]) == painted(trace, "viridis")).all()
    where, x = (
        picture.layers[1].where,
        np.frombuffer(base64.b64decode(trace["x"]["bdata"]), trace["x"]["dtype"]),
    )
    half = (x[1] - x[0]) / 2
    assert np.allclose([where.left, where.right], [x[0] - half, x[-1] + half])
    assert any(near(shape, picture.boxes[0]) for shape in sent["layout"]["shapes"])
    assert trace["opacity"] == picture.layers[1].opacity


def test_the_other_steps_of_convolutionalize():
    s = scene()
    figure, at = linked(2, s)
    for picture, key in zip(figure.parts, ("conv_as it was", "conv_shuffled"), strict=True):
        assert (decoded(picture.layers[0]) == painted(chart(at, key)["data"][0], "RdBu_r")).all()
    apart = re.search(r"max \|Δ\| = (.*)", figure.parts[1].caption).group(1)
    assert f"Scores of both: max |Δ| = **{apart}**" in said(at)
    figure, at = linked(5, s)
    same_heat(figure.parts[-1], chart(at, "conv_heat"))


@pytest.mark.parametrize("number, key", [(6, "coarse_32"), (7, "dense_bilinear"), (8, "dense_learned"),
                                         (9, "dense_learned"), (10, "dense_learned")])  # fmt: skip
def test_the_heatmaps_are_those_of_the_heatmaps_page(number, key):
    figure, at = linked(number, scene("astronaut", wanted=15))
    layer, sent = figure.parts[0].layers[1], chart(at, key)
    if number == 6:
        assert (decoded(layer) == painted(sent["data"][0], "viridis")).all()
        assert (sent["data"][0]["zmin"], sent["data"][0]["zmax"]) == (0, 1)
        assert sent["data"][0]["opacity"] == layer.opacity
    else:
        assert sent["layout"]["images"][1]["source"] == lecture_slide.uri(layer.image)
        assert sent["layout"]["images"][1]["opacity"] == layer.opacity
    assert at.selectbox(key="shown_class").value == "person"


def test_the_answers_are_those_of_compare():
    s = scene()
    figure, at = linked(11, s)
    sent = [json.loads(c.proto.json)["panels"] for c in at.get("bidi_component") if "results" in c.proto.id]
    layers = [p["layer"] for p in sent[0] if p["layer"]]
    assert layers == [lecture_slide.uri(p.layers[1].image) for p in figure.parts]
    table = step(12, s).figure.parts[1]
    assert {k: list(v) for k, v in table.text.items()} == at.table[0].value.T.to_dict("list")


def test_the_comparison_keeps_class_colours_and_place():
    given = scene("motorbike")
    slides = [step(n, given) for n in range(6, 11)]
    assert len({s.figure.bar for s in slides}) == 1
    assert {p.shows for s in slides for p in s.figure.parts} == {given.extent}
    assert {s.query["class"] for s in slides} == {"motorbike"}
    assert [s.query["net"] for s in slides] == ["32s", "32s", "32s", "16s", "8s"]


def test_other_networks_say_what_they_cannot_show():
    assert lecture_steps.slide(scene(nets=NETS[:1]), 9).figure is None
    alone = lecture_steps.slide(scene(nets=NETS[2:]), 6)
    assert "an ablation" in alone.notes and alone.query["net"] == "8s"


# --- the page


def go(at, number: int | str) -> None:
    """To a step by its link: the session reads it anew, as when the page opens."""
    del at.session_state["link"]
    at.query_params["step"] = str(number)
    rerun(at)


def html(at) -> str:
    return next(
        json.loads(c.proto.json)["html"] for c in at.get("bidi_component") if "lecture_figure" in c.proto.id
    )


def test_every_step_is_shown_and_costs_no_more_passes_than_it_must(passes):
    at = start(PAGE, photo="coffee", notes="true")
    for number in STEPS:
        go(at, number)
        assert passes == ([32, 16, 8] if number > 5 else [])
        assert not at.error and not at.sidebar.children
        now = step(number, scene("coffee"))
        assert at.subheader[0].value == now.sentence
        assert html(at) == lecture_slide.html(now.figure)
        assert now.notes in said(at)
        assert at.query_params["step"] == str(number)


def test_a_cold_link_opens_its_step_with_its_class():
    at = start(PAGE, photo="motorbike", step="9", **{"class": "person"})
    assert "probability of person" in html(at)
    assert step(9, scene()).notes not in said(at)


def test_what_is_no_step_is_the_first():
    at = start(PAGE, step="13")
    for bad in ("13", "0", "-1", "abc", "1.5", "²", "", "1" * 5000):
        go(at, bad)
        assert at.subheader[0].value == step(1, scene()).sentence
        assert not at.error and at.query_params["step"] == "1"


def test_an_uploaded_photo_goes_through_all_steps():
    at = start(PAGE)
    at.file_uploader(key="upload").upload("<b>mine</b>.png", png(160, 120), "image/png")
    for number in STEPS:
        go(at, number)
        assert not at.error
        assert "<b>" not in html(at)
        assert (number == 12) == ("data:image" not in html(at))
    assert at.query_params["photo"] == "own"
    assert "VOC2012 val, 713 photos, measured by this project" in html(at)


@pytest.mark.parametrize("size", [(1, 1), (1500, 100)])
def test_odd_photos_have_all_steps_or_a_reason(size):
    s = scene(Image.new("RGB", size, "green"))
    for number in STEPS:
        now = lecture_steps.slide(s, number)
        assert now.figure or now.sentence.endswith(".")


# --- the file


def test_the_file_holds_everything_and_asks_for_nothing():
    s = scene()
    text = lecture_file.document(s).decode()
    assert len(text) < 10_000_000
    assert re.findall(r'<section id="step-(\d+)">', text) == [str(n) for n in STEPS]
    sources = re.findall(r'(?:src|href|srcset|poster|data)\s*=\s*["\']?([^"\'> ]*)', text)
    assert sources and all(source.startswith("data:image/") for source in sources)
    assert "<script" not in text and "url(" not in text and "@import" not in text
    for number in STEPS:
        assert lecture_slide.html(step(number, s).figure) in text
    for r in s.results:
        assert lecture_file.weights.find(r.name).sha256 in text


def test_text_is_escaped():
    bad = '<script>"&'
    scale = render.Scale(0, 1)
    figure = Figure(
        (Picture(bad, Extent.of((2, 2)), (), caption=bad), Bars(bad, ((bad, 0.5),)),
         Table(bad, [bad], {bad: [0.5]}, {bad: [bad]})),
        (bad, scale, (bad, bad)), ((bad, bad),),
    )  # fmt: skip
    assert "<script" not in lecture_slide.html(figure)
    s = scene()
    object.__setattr__(s.photo, "title", bad)
    assert "<script" not in lecture_file.document(s).decode()


def test_the_zip_has_the_file_the_scores_and_where_all_is_from():
    at = start(PAGE, photo="cat", step="8")
    assert [c.proto.component_name for c in at.get("bidi_component")].count("fcnviz_copy_link") == 1
    with zipfile.ZipFile(io.BytesIO(bundle.pack(at.session_state["shown"]))) as archive:
        names, record = archive.namelist(), json.loads(archive.read("fcnviz.json"))
        assert archive.read("lecture.html").startswith(b"<!doctype html>")
    assert {"photo.png", "lite0-fcn8s-labels.png", "scores/lite0-fcn8s-stride8.npy"} <= set(names)
    assert "step=8" in record["link"] and record["page"] == "Lecture"
    assert [n["stride"] for n in record["networks"]] == [32, 16, 8]
