"""The Lecture page through AppTest; its figures against those of the pages that they are from; the file."""

from __future__ import annotations

import io
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fcnviz import render
from tests.apps import panels, pixels, png, rerun, said, sections, start, tables, values
from ui.export import bundle
from ui.figures.grids import Layer
from ui.figures.pictures import Extent, data_uri
from ui.lecture import file, follow, slide
from ui.lecture.scene import Scene
from ui.lecture.slide import Bars, Figure, Picture, Table
from ui.lecture.steps.course import Course
from ui.running import samples as bundled
from ui.state import Networks

PAGE = "pages/lecture.py"
COURSE = Course()
STEPS = range(1, len(COURSE.steps) + 1)
NETS = tuple(f"lite0-fcn{stride}s" for stride in (32, 16, 8))


def scene(name: str = "cat", nets: tuple[str, ...] = NETS, **other) -> Scene:
    """As the page makes it."""
    return Scene(bundled.photo(name, 416), Networks("lite0", nets, "auto"), "VOC", **other)


def decoded(layer: Layer) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(layer.image)).convert("RGB"))


def step(number: int, s: Scene) -> slide.Slide:
    found = COURSE.slide(s, number)
    assert found.figure is not None, found.sentence
    return found


def linked(number: int, s: Scene):
    """The page that the step's link opens."""
    now = step(number, s)
    return now.figure, start(now.page, photo=s.photo.name, **now.query)


# --- each step's figure is the figure of the page that it links to


def test_the_classifiers_steps_are_convolutionalizes():
    s = scene("coffee")
    figure, at = linked(1, s)
    photo, bars = figure.parts
    (crop,) = panels(at, "conv_crop")
    assert crop["layers"][0]["image"] == data_uri(photo.layers[0].image)
    assert crop["overlay"] == photo.marks[0].svg(photo.shows)
    table = next(d.value for d in at.dataframe if "probability" in d.value)
    assert list(table["class"]) == [name for name, _ in bars.rows]
    np.testing.assert_allclose(table["probability"], [100 * share for _, share in bars.rows], rtol=1e-5)

    assert step(4, s).page == step(1, s).page
    assert step(4, s).query == step(1, s).query
    same_heat(step(4, s).figure.parts[0], *panels(at, "conv_heat"))
    folded, at = linked(3, s)
    folded = folded.parts[0]
    matrix, tiles = panels(at, "conv_fold")[0]["layers"]
    assert (decoded(folded.layers[0]) == pixels(matrix)).all()
    seen = pixels(tiles)[~np.isnan(values(tiles))].reshape(4, 64, 3)
    assert (np.concatenate([decoded(tile) for tile in folded.layers[1:]], 1) == seen).all()


def same_heat(picture: Picture, sent: dict) -> None:
    layer, heat = picture.layers[1], sent["layers"][1]
    assert (decoded(layer) == pixels(heat)).all()
    assert layer.css(picture.shows) == heat["css"]
    assert sent["overlay"] == picture.marks[0].svg(picture.shows)


def test_the_other_steps_of_convolutionalize():
    s = scene()
    figure, at = linked(2, s)
    for picture, sent in zip(figure.parts, panels(at, "conv_positions"), strict=True):
        assert (decoded(picture.layers[0]) == pixels(sent["layers"][0])).all()
    moved = re.search(r"max \|Δ\| = (.*)", figure.parts[1].caption).group(1)
    assert f"the scores move: max |Δ| = **{moved}**" in said(at)
    figure, at = linked(5, s)
    same_heat(figure.parts[-1], *panels(at, "conv_heat"))


@pytest.mark.parametrize(("number", "index"), [(6, 0), (7, 1), (8, 2), (9, 2), (10, 2)])
def test_the_heatmaps_are_those_of_the_heatmaps_page(number, index):
    figure, at = linked(number, scene("astronaut", wanted=15))
    layer, sent = figure.parts[0].layers[1], panels(at, "dense")[index]["layers"][1]
    assert (decoded(layer) == pixels(sent)).all()
    assert f"opacity:{layer.opacity:g}" in sent["css"]
    if number > 6:
        assert (sent["reads"]["low"], sent["reads"]["high"]) == (0, 1)
    assert at.selectbox(key="shown_class").value == "person"


def test_the_answers_are_those_of_compare():
    s = scene()
    figure, at = linked(11, s)
    sent = [json.loads(c.proto.json)["panels"] for c in at.get("bidi_component") if "results" in c.proto.id]
    layers = [p["layer"] for p in sent[0] if p["layer"]]
    assert layers == [data_uri(p.layers[1].image) for p in figure.parts[:3]]
    figure, at = linked(13, s)
    table = figure.parts[1]
    assert {k: list(v) for k, v in table.text.items()} == tables(at)[0].iloc[:, :3].T.to_dict("list")


def test_the_comparison_keeps_class_colours_and_place():
    given = scene("motorbike")
    slides = [step(n, given) for n in range(6, 11)]
    assert len({s.figure.bar for s in slides}) == 1
    for s in slides:  # the whole photo, and the same part of it
        assert [p.shows for p in s.figure.parts] == [given.extent, given.disputed]
    assert {s.query["class"] for s in slides} == {"motorbike"}
    assert [s.query["net"] for s in slides] == ["32s", "32s", "32s", "16s", "8s"]


def test_other_networks_say_what_they_cannot_show():
    assert COURSE.slide(scene(nets=NETS[:1]), 9).figure is None
    alone = COURSE.slide(scene(nets=NETS[2:]), 6)
    assert "an ablation" in alone.notes
    assert alone.query["net"] == "8s"


def test_each_link_opens_a_section_that_its_page_has():
    s = scene()
    slides = [step(number, s) for number in STEPS]
    for page, section in {(now.page, now.query.get("section")) for now in slides}:
        at = start(page, **({"section": section} if section else {}))
        names = sections(at)
        assert bool(names) == bool(section)
        assert not names or section in names
        assert not names or at.segmented_control(key="section").value == section


# --- the page


def go(at, number: int | str) -> None:
    """Go to a step by its link, which is read as when the page opens."""
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
        assert not at.error
        assert not at.sidebar.children
        now = step(number, scene("coffee"))
        assert html(at) == slide.slide_html(now, notes=True)
        assert at.query_params["step"] == str(number)


def test_a_cold_link_opens_its_step_with_its_class():
    at = start(PAGE, photo="motorbike", step="9", **{"class": "person"})
    assert "probability of person" in html(at)
    assert step(9, scene()).notes not in said(at)


def test_what_is_no_step_is_the_first():
    at = start(PAGE, step="99")
    for bad in ("99", "0", "-1", "abc", "1.5", "²", "", "1" * 5000):
        go(at, bad)
        assert step(1, scene()).sentence in html(at)
        assert not at.error
        assert at.query_params["step"] == "1"


def test_an_uploaded_photo_goes_through_all_steps():
    at = start(PAGE)
    at.file_uploader(key="upload").upload("<b>mine</b>.png", png(160, 120), "image/png")
    for number in STEPS:
        go(at, number)
        assert not at.error
        assert "<b>" not in html(at)
        assert (number == 12) == ("data:image" not in html(at))
        assert (number == 12) == ("VOC2012 val, 713 photos, measured by this project" in html(at))
    assert at.query_params["photo"] == "own"
    assert "Nobody drew its truth" in html(at)
    assert "of the labels differ" in html(at)


def all_steps(width: int, height: int) -> None:
    """A script that makes every slide of an uploaded photo, in the visitor's session."""
    import streamlit as st
    from PIL import Image

    from ui.lecture.scene import Scene
    from ui.lecture.steps.course import Course
    from ui.state import OWN, Networks, Photo

    image = Image.new("RGB", (width, height), "green")
    networks = Networks("lite0", ("lite0-fcn32s", "lite0-fcn16s", "lite0-fcn8s"), "auto")
    scene = Scene(Photo(OWN, "Your photo", "you", image, image.size, 416), networks, "VOC")
    course = Course()
    slides = (course.slide(scene, number) for number in range(1, len(course.steps) + 1))
    st.session_state["bare"] = [s.sentence for s in slides if not s.figure]


@pytest.mark.parametrize("size", [(1, 1), (1500, 100)])
def test_odd_photos_have_all_steps_or_a_reason(size):
    at = AppTest.from_function(all_steps, args=size, default_timeout=120).run()
    assert not at.exception
    assert all(sentence.endswith(".") for sentence in at.session_state["bare"])


# --- the file


def test_the_file_holds_everything_and_asks_for_nothing():
    s = scene()
    text = file.document(s, COURSE).decode()
    assert len(text) < 10_000_000
    assert re.findall(r'<section id="step-(\d+)">', text) == [str(n) for n in STEPS]
    sources = re.findall(r'(?:src|href|srcset|poster|data)\s*=\s*["\']?([^"\'> ]*)', text)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert "<script" not in text
    assert "url(" not in text
    assert "@import" not in text
    for number in STEPS:
        assert slide.slide_html(step(number, s), notes=True) in text
    for r in s.results:
        assert file.weights.find(r.net.name).sha256 in text


def test_text_is_escaped():
    bad = '<script>"&'
    scale = render.Scale(0, 1)
    figure = Figure(
        (Picture(bad, Extent.of((2, 2)), (), caption=bad), Bars(bad, ((bad, 0.5),)),
         Table(bad, [bad], {bad: [0.5]}, {bad: [bad]})),
        (bad, scale, (bad, bad)), ((bad, bad),),
    )  # fmt: skip
    assert "<script" not in slide.slide_html(slide.Slide(bad, bad, figure, PAGE), notes=True)
    s = scene()
    object.__setattr__(s.photo, "title", bad)
    assert "<script" not in file.document(s, COURSE).decode()


def test_the_zip_has_the_file_the_scores_and_where_all_is_from():
    at = start(PAGE, photo="cat", step="8")
    assert [c.proto.component_name for c in at.get("bidi_component")].count("fcnviz_copy_link") == 1
    with zipfile.ZipFile(io.BytesIO(bundle.pack(at.session_state["shown"]))) as archive:
        names, record = archive.namelist(), json.loads(archive.read("fcnviz.json"))
        assert archive.read("lecture.html").startswith(b"<!doctype html>")
    assert {"photo.png", "lite0-fcn8s-labels.png", "scores/lite0-fcn8s-stride8.npy"} <= set(names)
    assert "step=8" in record["link"]
    assert record["page"] == "Lecture"
    assert [n["stride"] for n in record["networks"]] == [32, 16, 8]


def test_the_code_leads_the_audience_to_the_step_with_its_own_photo():
    import zxingcpp

    query = {"step": "9", "photo": "own", "notes": "true", "colours": "Colour-blind safe"}
    wanted = "https://fcn.example/a/lecture?step=9&colours=Colour-blind+safe"
    assert follow.address("https://fcn.example/a/lecture?step=1", query) == wanted
    picture = Image.open(io.BytesIO(follow.code(wanted))).convert("L")
    (found,) = zxingcpp.read_barcodes(np.asarray(picture))
    assert found.text == wanted
    at = start(PAGE, step="3", photo="coffee", notes="true")
    (sent,) = [c.proto.json for c in at.get("bidi_component") if "lecture_nav" in c.proto.id]
    link = json.loads(sent)["follow"]["link"]
    assert "step=3" in link
    assert "photo=coffee" in link
    assert "notes" not in link
