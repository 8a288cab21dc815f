"""The row at the end of every page, the zip that it offers, and what is kept of an upload."""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from streamlit.runtime.caching import clear_session_data_cache, clear_session_resource_cache
from streamlit.testing.v1 import AppTest

from fcnviz import render
from fcnviz.photos import samples
from tests.apps import each_section, open_section, png, rerun, run_async, said, sources, start, tables
from ui.export import bundle
from ui.page.path import CHAPTERS

SESSION = "test session id"  # AppTest's
PAGES = [
    None,
    *(chapter.path for chapter in CHAPTERS),
]
#: Smallest number of pictures on a page, in all of its sections.
PICTURES = {
    None: 3,
    "pages/compare.py": 10,
    "pages/heatmaps.py": 8,
    "pages/upsampling.py": 16,
    "pages/evaluate.py": 15,
    "pages/training.py": 5,
    "pages/history.py": 7,
}


def export(at: AppTest) -> dict[str, bytes]:
    """The zip's files by path."""
    with zipfile.ZipFile(io.BytesIO(bundle.pack(at.session_state["shown"]))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def count(files: dict[str, bytes], ending: str) -> int:
    return sum(name.endswith(ending) for name in files)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_exports_all_that_it_shows(page, passes):
    at = start(page, photo="coffee", size="320")
    pictures, strides = 0, set()
    for name in each_section(at):
        if name == "Pairs":  # the samples run in the background
            at.session_state["evaluation_job"].wait(120)
            rerun(at)
        files = exports_all_that_it_shows(at, name, passes)
        pictures += sum(path.startswith("pictures/") for path in files)
        strides |= {n["stride"] for n in json.loads(files["fcnviz.json"])["networks"]}
    assert pictures >= PICTURES.get(page, 0)
    assert strides == set(passes)


def exports_all_that_it_shows(at: AppTest, section: str, passes: list[int]) -> dict[str, bytes]:
    assert [b.label for b in at.get("download_button") if b.key == "export"] == ["Export (zip)"]
    assert [c.proto.component_name for c in at.get("bidi_component")].count("fcnviz_copy_link") == 1
    ran = list(passes)
    files = export(at)
    assert passes == ran  # the zip costs no forward pass
    figures = {name: files[name].decode() for name in files if name.endswith(".html")}
    assert len(figures) == len(at.get("plotly_chart"))
    assert count(files, ".csv") >= len(tables(at)) + len(at.dataframe)
    for text in figures.values():
        assert re.findall(r'(?:src|href)="([^"]+)"', text) == ["plotly.min.js"]
        assert not re.search(r"https?://(?!www\.w3\.org)", text)
    assert ("figures/plotly.min.js" in files) == bool(figures)
    record = json.loads(files["fcnviz.json"])
    assert record["link"].startswith("?")
    assert "photo=coffee" in record["link"]
    assert "size=320" in record["link"]
    assert record["settings"]["size"] == 320
    assert record["photo"]["input_size"] == [320, 213]
    assert record["settings"].get("section", "") == section
    assert all(re.fullmatch("[0-9a-f]{64}", n["weights_sha256"]) for n in record["networks"])
    return files


def test_the_zip_of_compare_is_exact(passes):
    at = start(photo="coffee", size="320", view="Labels", colours="Colour-blind safe")
    files = export(at)
    photo = np.asarray(samples.load("coffee"))  # 600 × 400 px
    assert (np.asarray(Image.open(io.BytesIO(files["photo.png"]))) == photo).all()
    results = {}
    from fcnviz import inference, weights

    for stride in (32, 16, 8):
        net = weights.load(f"lite0-fcn{stride}s", fold=True)
        results[stride] = inference.segment(net, Image.fromarray(photo), 320)
    colours = render.PALETTES["Colour-blind safe"]
    for stride, found in results.items():
        name = f"lite0-fcn{stride}s"
        labels = Image.open(io.BytesIO(files[f"{name}-labels.png"]))
        assert labels.mode == "P"
        assert (np.asarray(labels) == found.labels).all()
        shown = np.asarray(Image.open(io.BytesIO(files[f"pictures/viewer-fcn-{stride}s.png"])).convert("RGB"))
        assert (shown == colours[found.labels]).all()
        for coarse in (s for s in (32, 16, 8) if s >= stride):
            scores = np.load(io.BytesIO(files[f"scores/{name}-stride{coarse}.npy"]), allow_pickle=False)
            assert scores.dtype == np.float32
            assert (scores == found.scores.at(coarse)[0].numpy()).all()
    assert count(files, ".npy") == 6
    titles = ["photo", "fcn-32s", "fcn-16s", "fcn-8s"]
    files = export(open_section(at, "Disagreement"))
    assert all(f"pictures/close-up-{title}.png" in files for title in titles)
    assert "FCN-8s" in export(open_section(at, "Ground truth"))["tables/this_photo.csv"].decode()


def test_an_overlay_in_the_zip_is_the_layer_over_the_photo():
    at = start(photo="coffee", size="320", opacity="40", view="Overlay")
    files = export(at)
    photo = np.asarray(Image.open(io.BytesIO(files["photo.png"]))).astype(float)
    labels = np.asarray(Image.open(io.BytesIO(files["lite0-fcn8s-labels.png"])))
    layer = Image.open(io.BytesIO(render.layer(labels, render.PALETTES["VOC"], outline=True))).convert("RGBA")
    alpha = np.asarray(layer)[..., 3:] / 255 * 0.4
    blend = photo * (1 - alpha) + np.asarray(layer)[..., :3] * alpha
    shown = np.asarray(Image.open(io.BytesIO(files["pictures/viewer-fcn-8s.png"])))
    assert np.abs(shown - blend).max() <= 1.5
    assert np.abs(shown - photo).max() > 20


def test_an_uploaded_photo_is_in_its_own_zip_and_nowhere_in_the_link(passes):
    at = start(photo="coffee", size="320")
    at.file_uploader(key="upload").upload("my-secret-name.png", png(300, 200), "image/png")
    rerun(at)
    assert "The link holds the settings, not your photo" in said(at)
    files = export(at)
    assert np.asarray(Image.open(io.BytesIO(files["photo.png"]))).shape == (200, 300, 3)
    record = json.loads(files["fcnviz.json"])
    assert "photo=own" in record["link"]
    assert re.fullmatch("[0-9a-f]{64}", record["photo"]["sha256_of_pixels"])
    assert not any(b"my-secret-name" in content for content in files.values())


def test_what_was_made_of_an_upload_goes_with_the_session_and_samples_stay(passes):
    at = start(None, photo="cat", size="320")
    at.file_uploader(key="upload").upload("mine.png", png(64, 48), "image/png")
    rerun(at)
    assert passes == [32, 16, 8] * 2
    rerun(at)
    assert passes == [32, 16, 8] * 2
    for end in (clear_session_data_cache, clear_session_resource_cache):  # what Streamlit does when it ends
        end(SESSION)
    rerun(at)
    assert passes == [32, 16, 8] * 3
    start(None, photo="cat", size="320")
    assert passes == [32, 16, 8] * 3


def test_a_large_upload_is_in_no_temporary_file():
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'

    async def stream():
        yield body
        for _ in range(5):
            yield bytes(2**20)
        yield b"\r\n--x--\r\n"

    start(None)
    headers = Headers({"content-type": "multipart/form-data; boundary=x"})
    form = run_async(MultiPartParser(headers, stream()).parse())
    assert form["file"].size == 5 * 2**20
    assert not form["file"].file._rolled


def test_panels_draw_figures_pictures_and_tables_only_where_the_export_sees_them():
    drawing = {"plotly_chart", "image", "table", "dataframe", "fragment"}
    # a colour bar is in the export as its two ends; the lecture has an export of its own
    exempt = re.compile(r"ui/(export/shown|components/scales|lecture/\w+)\.py")
    found = []
    for path, code in sources().items():
        if exempt.fullmatch(path):
            continue
        for node in ast.walk(ast.parse(code)):
            function = node.func if isinstance(node, ast.Call) else None
            if isinstance(function, ast.Attribute) and function.attr in drawing and not _is_ours(function):
                found.append(f"{path}:{node.lineno} {function.attr}")
    assert not found


def _is_ours(node: ast.Attribute) -> bool:
    """`shown.table` and the like, or a module's function of that name."""
    return isinstance(node.value, ast.Name) and node.value.id in ("shown", "offline", "functools")


def fragments() -> None:
    import plotly.graph_objects as go
    import streamlit as st

    from ui.export import shown

    def inner() -> None:
        shown.chart(go.Figure(), "inner")

    def panel() -> None:
        names = st.session_state.get("names", ["a", "b"])
        for name in names:
            shown.chart(go.Figure(), name)
            shown.fact("scales", name, 1)
        if len(names) > 1:
            shown.fragment(inner)()

    shown.chart(go.Figure(), "outside")
    shown.fragment(panel)()


def test_a_fragment_that_draws_less_leaves_no_figure_behind():
    at = AppTest.from_function(fragments)
    at.run()
    first = {"figures/a.html", "figures/b.html", "figures/inner.html", "figures/outside.html"}
    assert first <= set(export(at))
    at.session_state["names"] = ["c"]
    at.run()  # the page does not begin: as if only the fragment ran
    files = export(at)
    assert not at.exception
    assert {name for name in files if name.endswith(".html")} == {"figures/c.html", "figures/outside.html"}
    assert json.loads(files["fcnviz.json"])["scales"] == {"c": 1}
