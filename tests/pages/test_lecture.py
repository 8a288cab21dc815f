"""The Lecture page through AppTest; its figures against those of the pages that they are from; the file."""

from __future__ import annotations

import io
import itertools
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

from fcnviz import render
from fcnviz.photos import samples
from tests.apps import open_section, panels, pixels, png, rerun, said, sections, start, tables, values
from ui.compare.results import SINGLE
from ui.convolutionalize import photo as convolution_photo
from ui.evaluate import published
from ui.export import bundle
from ui.figures.grids import Layer
from ui.figures.pictures import Extent, data_uri
from ui.lecture import file, follow, slide
from ui.lecture.scene import Scene
from ui.lecture.slide import Bars, Figure, Lines, Picture, Table
from ui.lecture.steps.course import PRESETS, Course, chosen
from ui.running import samples as bundled
from ui.running.queue import Queue
from ui.state import Networks

PAGE = "pages/lecture.py"
COURSE = Course()
NAMES = [one.name for one in COURSE.steps]
STEPS = range(1, len(NAMES) + 1)
NETS = tuple(f"lite0-fcn{stride}s" for stride in (32, 16, 8))


def scene(name: str = "cat", nets: tuple[str, ...] = NETS, **other) -> Scene:
    """As the page makes it."""
    return Scene(bundled.photo(name, 416), Networks("lite0", nets, "auto"), "VOC", **other)


def decoded(layer: Layer) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(layer.image)).convert("RGB"))


def step(name: str | int, s: Scene) -> slide.Slide:
    """A slide, by its step's name or number."""
    found = COURSE.slide(s, name if isinstance(name, int) else NAMES.index(name) + 1)
    assert found.figure is not None, found.sentence
    return found


def linked(name: str, s: Scene):
    """A step's figure, and the page that its link opens."""
    now = step(name, s)
    return now.figure, start(now.page, photo=s.photo.name, **now.query)


def same(picture: Picture, sent: dict) -> None:
    """The picture has the layers, the places and the marks of a page's panel."""
    for layer, other in zip(picture.layers, sent["layers"], strict=True):
        assert (decoded(layer) == pixels(other)).all()
        assert layer.css(picture.shows) == other["css"]
    assert "".join(mark.svg(picture.shows) for mark in picture.marks) in sent["overlay"]


@pytest.fixture
def quick(monkeypatch):
    """Cells stand in for windows classified one by one, which takes seconds."""

    def cells(photo, shorter, device):
        return convolution_photo.whole(photo, shorter, device)[:, :1, :1]

    monkeypatch.setattr(convolution_photo, "alone", cells)


# --- each step's figure is the figure of the page that it links to


def test_convolutionalize_on_the_photo():
    s = scene("coffee")
    figure, at = linked("slide", s)
    digits, heat = figure.parts
    same(heat, *panels(at, "conv_heat"))
    agree, off = re.search(
        r"run alone: (.* %) the same best class, a probability off by up to (.*)", heat.caption
    ).groups()
    assert f"differ from the cells' by up to **{off}**" in said(at)
    assert f"agrees in **{agree}** of them" in said(at)
    photo, bars = step("classifier", s).figure.parts
    same(photo, *panels(at, "conv_crop"))
    table = next(d.value for d in at.dataframe if "probability" in d.value)
    assert list(table["class"]) == [name for name, _ in bars.rows]
    np.testing.assert_allclose(table["probability"], [100 * share for _, share in bars.rows], rtol=1e-5)
    largest = step("size", s).figure.parts[-1]
    at.toggle(key="conv_gap").set_value(False)
    at.select_slider(key="conv_shorter").set_value(640)
    rerun(at)
    sent = panels(at, "conv_heat")[0]["layers"][1]
    np.testing.assert_allclose(largest.layers[1].reads.values, values(sent), atol=1e-4)
    open_section(at, "Digits")
    exact = re.search(r"max \|Δ\| = (.*)", digits.caption).group(1)
    assert f"run alone through the dense network: max |Δ| = {exact}" in said(at)
    best = panels(at, "conv_maps")[2]
    assert (decoded(digits.layers[1]) == pixels(best["layers"][0])).all()
    canvas = step("flatten", s).figure.parts[2]
    assert (decoded(canvas.layers[0]) == pixels(panels(at, "conv_maps")[0]["layers"][0])).all()
    assert f"refuses: `{canvas.caption}`" in said(at)


def test_convolutionalize_in_numbers():
    s = scene()
    now = step("flatten", s)
    at = start(now.page, **now.query)
    for picture, sent in zip(now.figure.parts, panels(at, "conv_positions"), strict=False):
        same(picture, sent)
    apart = re.search(r"max \|Δ\| = (.*)", now.figure.parts[1].caption).group(1)
    assert f"they do not: max |Δ| = **{apart}**" in said(at)
    moved = re.search(r"its scores move by up to ([^ ]*)\.", now.notes).group(1)
    assert f"the scores move: max |Δ| = **{moved}**" in said(at)
    folded = step("fold", s).figure.parts[0]
    matrix, tiles = panels(at, "conv_fold")[0]["layers"]
    assert (decoded(folded.layers[0]) == pixels(matrix)).all()
    seen = pixels(tiles)[~np.isnan(values(tiles))].reshape(4, 64, 3)
    assert (np.concatenate([decoded(tile) for tile in folded.layers[1:]], 1) == seen).all()


def test_heatmaps():
    s = scene("astronaut", wanted=15)
    figure, at = linked("cell", s)
    grid, sees = figure.parts
    same(sees, *panels(at, "field"))
    half = re.search(r"within (.*) px", sees.caption).group(1)
    assert f"a square of {half} px" in said(at)
    assert at.selectbox(key="shown_class").value == "person"
    open_section(at, "Dense")
    dense = panels(at, "dense")
    for picture, sent in ((grid, dense[0]), (step("bilinear", s).figure.parts[0], dense[1])):
        assert (decoded(picture.layers[1]) == pixels(sent["layers"][1])).all()
    changed = step("learned", s).figure.parts[0]
    assert changed.caption == f"{at.metric[0].value} of all pixels"
    now = step("failures", s)
    at = start(now.page, photo="astronaut", **now.query)
    for share in re.findall(r"[\d.]+ %", now.sentence.partition(": ")[2]):
        assert f"**{share}** labelled right" in said(at)


@pytest.mark.parametrize(("name", "stride"), [("pool4", 16), ("pool3", 8)])
def test_the_sums_are_those_of_heatmaps(name, stride):
    figure, at = linked(name, scene("astronaut", wanted=15))
    for picture, sent in zip(figure.parts[:3], panels(at, f"sum_{stride}"), strict=True):
        assert (decoded(picture.layers[0]) == pixels(sent["layers"][0])).all()
        assert (picture.sign, picture.title) == (sent["sign"], sent["title"])


def test_upsampling():
    s = scene("astronaut")
    figure, at = linked("stamps", s)
    assert (decoded(figure.parts[0].layers[0]) == pixels(panels(at, "t_line")[0]["layers"][0])).all()
    cell, text = re.search(r"dotted: out\[(\d+)\] = (.*) = [^=]*$", figure.parts[0].caption).groups()
    assert f"**out[{cell}]** = {text} = " in said(at)
    figure, at = linked("convolve", s)
    for layer, sent in zip(figure.parts[0].layers, panels(at, "c_line")[0]["layers"], strict=True):
        assert (decoded(layer) == pixels(sent)).all()
    assert figure.parts[0].caption.endswith("max |Δ| = 0")


def test_compare_and_evaluate():
    s = scene()
    figure, at = linked("three", s)
    sent = [json.loads(c.proto.json)["panels"] for c in at.get("bidi_component") if "results" in c.proto.id]
    layers = [p["layer"] for p in sent[0] if p["layer"]]
    assert layers == [data_uri(p.layers[1].image) for p in figure.parts[:3]]
    figure, at = linked("quality", s)
    many, _, here = figure.parts
    table = tables(at)[0]
    assert list(table[SINGLE[2]]) == [text for _, _, text, _ in here.drawn]
    assert here.caption.startswith(
        f"{SINGLE[1]}: {', '.join(v.removesuffix(' %') for v in table[SINGLE[1]])} %".replace(
            SINGLE[1], "IU of the truth's classes"
        )
    )
    at = start("pages/evaluate.py")
    assert published.interval("mean_iu").keys() == {f"FCN-{name}" for name, _ in many.rows}
    for name, _, text, (low, high) in figure.parts[1].drawn:
        assert f"{text} ({100 * low:.1f} to {100 * high:.1f})" == tables(at)[0].loc[f"FCN-{name}", "Mean IU"]


def test_alignment_training_and_history():
    s = scene()
    figure, at = linked("align", s)
    assert [(m.value, m.label) for m in at.metric] == [
        (value, label.removesuffix(":")) for label, value, _ in figure.parts[1].rows
    ]
    figure, at = linked("training", s)
    same(figure.parts[0], panels(at, "loss")[0])
    assert figure.parts[0].caption == panels(at, "loss")[0]["caption"]
    figure, at = linked("next", s)
    printed = tables(at)[-1]["Mean IU"]
    assert [text.replace("\u00a0", " ") for text in printed] == list(figure.parts[1].texts)


def test_other_networks_say_what_they_cannot_show():
    assert COURSE.slide(scene(nets=NETS[:1]), NAMES.index("pool4") + 1).figure is None
    alone = step("bilinear", scene(nets=NETS[2:]))
    assert "an ablation" in alone.notes
    assert alone.query["net"] == "8s"


def test_each_link_opens_a_section_that_its_page_has(quick):
    s = scene()
    slides = [one for number in STEPS for one in (step(number, s), *step(number, s).before)]
    for page, section in {(now.page, now.query.get("section")) for now in slides}:
        at = start(page, **({"section": section} if section else {}))
        names = sections(at)
        assert bool(names) == bool(section) or page == "pages/compare.py"
        assert not section or section in names
        assert not section or at.segmented_control(key="section").value == section


# --- what the slides are like


def painted(figure: Figure) -> np.ndarray:
    """Paint what a figure shows, small: pictures without marks, bars, and lines of text as bars."""
    wide = 480 // len(figure.parts[: figure.columns or None])
    parts = [_part(part, wide) for part in figure.parts[: figure.columns or None]]
    return np.concatenate(parts, 1)


def _part(part, wide: int) -> np.ndarray:
    canvas = Image.new("RGBA", (wide, 270), "white")
    if isinstance(part, Picture):
        width = min(wide, round(270 * part.ratio))
        height, scale = round(width / part.ratio), width / part.shows.width
        inside = Image.new("RGBA", (width, height), "white")
        for layer in part.layers:
            at = layer.where
            size = max(1, round(scale * at.width)), max(1, round(scale * at.height))
            image = Image.open(io.BytesIO(layer.image)).convert("RGBA").resize(size, Image.Resampling.NEAREST)
            image.putalpha(image.getchannel("A").point(lambda a, o=layer.opacity: round(a * o)))
            corner = round(scale * (at.left - part.shows.left)), round(scale * (at.top - part.shows.top))
            whole = Image.new("RGBA", inside.size)
            whole.paste(image, corner)
            inside = Image.alpha_composite(inside, whole)
        canvas.paste(inside, (0, 0))
    else:
        rows = (
            [v for _, v in part.rows]
            if isinstance(part, Bars)
            else [len(a + b) / 60 for a, b, _ in part.rows]
        )
        for i, share in enumerate(rows):
            ImageDraw.Draw(canvas).rectangle((0, 24 * i, wide * min(share, 1), 24 * i + 10), "#3d8fd1")
    return np.asarray(canvas.convert("RGB"))


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_neighbouring_steps_differ_visibly(name, quick):
    """The mean absolute difference of their figures, painted side by side, is above 12 of 255.

    On the motorbike, it is above 10: its two skips look alike.
    """
    s = scene(name)
    shown = [painted(step(number, s).figure).astype(int) for number in STEPS]
    least = [float(np.abs(a - b).mean()) for a, b in itertools.pairwise(shown)]
    bound = 10 if name == "motorbike" else 12
    assert min(least) > bound, dict(zip(itertools.pairwise(NAMES), least, strict=True))


def test_once_computed_a_slide_runs_no_network_and_asks_for_little(quick, passes, monkeypatch):
    s, tasks, enter = scene("astronaut"), [], Queue.enter
    monkeypatch.setattr(Queue, "enter", lambda *a, **k: (tasks.append(a), enter(*a, **k))[1])
    for name in NAMES:
        step(name, s)
        passes.clear()
        tasks.clear()
        slide.slide_html(step(name, scene("astronaut")), reveal=True)
        assert passes == [], name
        assert len(tasks) <= 2, name


def test_questions_come_before_their_answers_and_can_be_off():
    now = step("fold", scene())
    asked, answer = slide.slide_html(now, reveal=True).split('<div class="slide" hidden>')
    assert "How many weights" in asked
    assert "2,560" not in asked
    assert answer in slide.slide_html(now)
    assert " hidden>" not in slide.slide_html(now)


def test_presets_take_their_time_and_links_choose_and_order():
    assert [len(names) for names in PRESETS.values()] == [8, 14, 20]
    assert [one.name for one in chosen("10min")[0].steps] == list(PRESETS["10min"])
    assert all(set(names) <= set(NAMES) for names in PRESETS.values())
    course, unknown = chosen("pool3, 1-3,nope,21,²,task")
    assert [one.name for one in course.steps] == ["pool3", *NAMES[:3]]
    assert unknown == ["nope", "21", "²"]
    assert chosen(",,")[0].steps == chosen("nope")[0].steps == COURSE.steps


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


def test_every_step_is_shown_and_costs_no_more_passes_than_it_must(passes, quick):
    at = start(PAGE, photo="coffee", notes="true")
    for number in STEPS:
        go(at, number)
        # the finest network for the task; the others, and one for the effective field, a step ahead of it
        assert passes == ([8, 32, 16, 32] if number >= NAMES.index("cell") else [8])
        assert not at.error
        assert not at.sidebar.children
        now = step(number, scene("coffee"))
        assert html(at) == slide.slide_html(now, notes=True, reveal=True)
        assert at.query_params["step"] == str(number)


def test_a_cold_link_opens_its_step_with_its_class():
    at = start(PAGE, photo="motorbike", step="8", **{"class": "person"})
    assert "probability of person" in html(at)
    assert step("bilinear", scene()).notes not in said(at)


def test_what_is_no_step_is_the_first():
    at = start(PAGE, step="99")
    for bad in ("99", "0", "-1", "abc", "1.5", "²", "", "1" * 5000):
        go(at, bad)
        assert step(1, scene("motorbike")).sentence in html(at)
        assert not at.error
        assert at.query_params["step"] == "1"


def test_the_link_chooses_steps_and_answers_at_once(quick):
    at = start(PAGE, photo="cat", steps="next,fold,flat", step="2", reveal="off")
    now = step("fold", scene())
    assert html(at) == slide.slide_html(now)
    (warning,) = at.warning
    assert "“flat”" in warning.value
    assert not at.toggle(key="lecture_questions").value
    at.toggle(key="lecture_questions").set_value(True)
    rerun(at)
    assert html(at) == slide.slide_html(now, reveal=True)
    assert "reveal" not in at.query_params
    at.segmented_control(key="lecture_length").set_value("20min")
    rerun(at)
    assert not at.warning
    assert html(at) == slide.slide_html(now, reveal=True)  # at its new place
    assert (at.query_params["steps"], at.query_params["step"]) == ("20min", "4")
    at.switch_page("pages/alignment.py")
    rerun(at)
    at.switch_page(PAGE)
    rerun(at)
    assert html(at) == slide.slide_html(now, reveal=True)


def test_an_uploaded_photo_goes_through_all_steps(quick):
    at = start(PAGE)
    at.file_uploader(key="upload").upload("<b>mine</b>.png", png(160, 120), "image/png")
    for number in STEPS:
        go(at, number)
        assert not at.error
        assert "<b>" not in html(at)
        assert (NAMES[number - 1] == "next") == ("data:image" not in html(at))
        if NAMES[number - 1] == "quality":
            assert "of this photo nobody drew the truth" in html(at)
            assert "of the labels differ" in html(at)
    assert at.query_params["photo"] == "own"


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
def test_odd_photos_have_all_steps_or_a_reason(size, quick):
    at = AppTest.from_function(all_steps, args=size, default_timeout=120).run()
    assert not at.exception
    assert all(sentence.endswith(".") for sentence in at.session_state["bare"])


# --- the file


def test_the_file_holds_everything_and_asks_for_nothing(quick):
    s = scene()
    text = file.document(s, COURSE, reveal=True).decode()
    assert len(text) < 10_000_000
    assert re.findall(r'<section id="step-(\d+)" ', text) == [str(n) for n in STEPS]
    sources = re.findall(r'(?:src|href|srcset|poster|data)\s*=\s*["\']?([^"\'> ]*)', text)
    assert sources
    read_on = [source for source in sources if not source.startswith("data:image/")]
    assert read_on == [link for *_, link in step("home", s).figure.parts[1].rows if link]
    assert set(re.findall(r"url\(([^;]*)", text)) == {"data:font/woff2", "data:image/png"}
    assert "@import" not in text
    assert 'aria-label=""' not in text
    assert "default-src &#39;none&#39;; script-src &#39;sha256-" in text  # its own script alone
    for number in STEPS:
        assert slide.slide_html(step(number, s), notes=True, reveal=True) in text
    for r in s.results:
        assert file.weights.find(r.net.name).sha256 in text


def test_text_is_escaped(quick):
    bad = '<script>"&'
    scale = render.Scale(0, 1)
    figure = Figure(
        (Picture(bad, Extent.of((2, 2)), (), caption=bad), Bars(bad, ((bad, 0.5),)),
         Lines(bad, ((bad, bad, bad),)), Table(bad, [bad], {bad: [0.5]}, {bad: [bad]})),
        (bad, scale, (bad, bad)), ((bad, bad),),
    )  # fmt: skip
    assert "<script" not in slide.slide_html(slide.Slide(bad, bad, figure, PAGE), notes=True)
    s = scene()
    object.__setattr__(s.photo, "title", bad)
    assert file.document(s, COURSE, reveal=True).decode().count("<script") == 1  # its own


def test_the_zip_has_the_file_the_scores_and_where_all_is_from(quick):
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
