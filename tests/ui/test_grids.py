"""Grids as data: colours, values to read, places, marks, and files that need nothing else."""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from fcnviz import render
from fcnviz.render import Scale
from tests.apps import pixels, values
from ui.figures.grids import Bar, Colours, Layer, Panel, Row, Values, coarse, svg
from ui.figures.marks import Box, Cross, Dots, Line, Numbers, Ring, Shade
from ui.figures.pictures import Extent
from ui.figures.theme import FRAME

SCALE = Scale(-2, 3)
MAP = np.array([[-2.0, 0.5, 3.0], [1.0, np.nan, -0.25]])


def sent(panel: Panel) -> dict:
    return Row((panel,)).sent()["panels"][0]


def test_a_cell_has_the_colour_of_its_value_on_the_shared_scale_and_nothing_is_clear():
    (layer,) = sent(Panel(shows=Extent.of((3, 2)), layers=(coarse(MAP, SCALE),)))["layers"]
    drawn = pixels(layer, "RGBA")
    there = ~np.isnan(MAP)
    assert (drawn[there][:, :3] == render.heatmap(MAP, SCALE)[there]).all()
    assert (drawn[..., 3] == np.where(there, 255, 0)).all()
    assert (drawn[0, 0, :3] == render.colorbar("viridis", 256, 1)[0, 0]).all()
    assert (drawn[0, 2, :3] == render.colorbar("viridis", 256, 1)[0, -1]).all()


@pytest.mark.parametrize(
    "given",
    [MAP, np.zeros((2, 2)), np.full((1, 3), np.nan), np.random.default_rng(0).normal(0, 9, (40, 60))],
)
def test_what_a_pointer_reads_are_the_values(given):
    (layer,) = sent(Panel(shows=Extent.of((3, 2)), layers=(coarse(given, SCALE),)))["layers"]
    spread = np.nanmax(given) - np.nanmin(given) if not np.isnan(given).all() else 0
    np.testing.assert_allclose(values(layer), given, atol=spread / 65534)


def test_a_large_map_is_read_by_its_colours():
    given = np.linspace(-2, 3, 6000).reshape(60, 100)
    where = Extent.of((100, 60))
    layer = Layer(render.heatmap_png(given, SCALE), where, reads=Colours(SCALE, "score"))
    reads = sent(Panel(shows=where, layers=(layer,)))["layers"][0]["reads"]
    palette = np.frombuffer(base64.b64decode(reads["colours"]), np.uint8).reshape(-1, 3).astype(int)
    drawn = np.asarray(Image.open(io.BytesIO(layer.image)).convert("RGB")).astype(int)
    index = ((drawn[..., None, :] - palette) ** 2).sum(-1).argmin(-1)
    read = reads["low"] + (index + 0.5) / len(palette) * (reads["high"] - reads["low"])
    assert np.abs(read - given).max() <= 5 / 64 / 2 + 1e-6


def test_cells_lie_where_they_are():
    where = Extent.cells((2, 3), (15.5, 3.5), 32)
    assert where == Extent(-0.5, -12.5, 95.5, 51.5)
    panel = sent(Panel(shows=Extent(-0.5, -0.5, 191.5, 127.5), layers=(coarse(MAP, SCALE, where),)))
    assert panel["layers"][0]["css"].startswith("left:0.0000%;top:-9.3750%;width:50.0000%;height:50.0000%")
    assert panel["layers"][0]["flat"]
    assert panel["overlay"].count("M") == 3  # two lines between three columns, one between two rows


def test_marks_are_svg_and_text_is_escaped():
    bad = '<b>&"'
    marks = (
        Box(0, 0, 1, 1, "dash"), Box.at(Extent(0, 0, 2, 1)), Shade(0, 0, 1, 1), Cross(1, 1), Ring(1, 1),
        Line(((0, 0), (1, 2)), "dot"), Dots(((0, 0), (1, 1)), "#fff"),
        Numbers.on(MAP, SCALE, Extent.of((3, 2)), [[bad, "", "3"], ["1", "", "x"]]),
    )  # fmt: skip
    panel = Panel(shows=Extent.of((3, 2)), layers=(coarse(MAP, SCALE),), title=bad, caption=bad, marks=marks,
                  rows=(bad, "b"), columns=(bad, "b", "c"), bar=Bar(bad, SCALE))  # fmt: skip
    assert "<b>" not in panel.overlay
    root = ElementTree.fromstring(svg(panel))
    found = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert {"rect", "circle", "path", "text", "image"} <= set(found)
    assert [e.text for e in root.iter() if e.text == bad]
    outside = re.findall(r'(?:href|src)="(?!data:)|url\(|https?://(?!www\.w3\.org)', svg(panel).decode())
    assert outside == []


def test_numbers_can_be_read_on_their_cells():
    where = Extent.of((3, 1))
    drawn = Numbers.on(np.array([[0.0, 1.0, np.nan]]), Scale(0, 1), where, [["a", "b", "c"]]).svg(where)
    found = dict(re.findall(r'<g fill="(#\w+)">.*?>(\w)</text>', drawn))
    assert found == {"#fff": "a", "#000": "b", FRAME: "c"}  # viridis: dark violet, yellow; the page itself


def test_a_bar_is_drawn_once_for_all_panels_that_share_it():
    one, other = Bar("Score", SCALE), Bar("Difference", Scale(-1, 1))
    panels = tuple(Panel(shows=Extent.of((1, 1)), bar=bar) for bar in (one, Bar("Score", SCALE), other))
    assert [bar["what"] for bar in Row(panels).sent()["bars"]] == ["Score", "Difference"]
    assert Row(panels).sent()["bars"][0]["ends"] == ("−2.00", "3.00")


def test_a_table_has_the_names_of_rows_and_columns():
    table = Values(MAP, rows=("a", "b"), columns=("x", "y", "z")).tabulated()
    assert list(table.index) == ["a", "b"]
    assert list(table.columns) == ["x", "y", "z"]
    assert table.loc["b", "x"] == 1
