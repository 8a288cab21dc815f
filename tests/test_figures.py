"""Figures and scales: what is drawn is what was given."""

import io

import numpy as np
import pytest
from PIL import Image

from fcnviz import render
from fcnviz.render import Scale
from ui import figures, kernel_figures, scales
from ui.figures import Box, Extent


def test_a_grid_puts_its_cells_where_they_lie():
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    figure = figures.grid(values, Scale(0, 5), start=(15.5, 3.5), step=32)
    trace = figure.data[0]
    np.testing.assert_array_equal(trace.z, values)
    assert list(trace.x) == [15.5, 47.5, 79.5] and list(trace.y) == [3.5, 35.5]
    assert (trace.zmin, trace.zmax) == (0, 5)
    assert tuple(figure.layout.xaxis.range) == (-0.5, 95.5)
    assert tuple(figure.layout.yaxis.range) == (51.5, -12.5)  # downwards


def test_layers_of_a_picture_are_kept_apart_and_in_order():
    png = render.to_png(np.zeros((4, 6, 3), np.uint8))
    webp = render.to_webp(np.zeros((4, 6, 3), np.uint8))
    figure = figures.picture([(webp, 1.0), (png, 0.5)], (6, 4))
    images = figure.layout.images
    assert [i.opacity for i in images] == [1.0, 0.5]
    assert [i.source[:16] for i in images] == ["data:image/webp;", "data:image/png;b"]
    assert len({i.x for i in images}) == 2  # Plotly would take them for one
    assert all(abs(i.x + 0.5) < 1e-3 and (i.sizex, i.sizey) == (6, 4) for i in images)


def test_extents_and_boxes():
    around = Extent.around(Extent.of((10, 5)), Box(-20, 1, 3, 30))
    assert around == Extent(-20, -0.5, 9.5, 30)
    figure = figures.picture([], (10, 5), around)
    before = len(figure.layout.shapes)
    figures.add_boxes(figure, [Box(0, 0, 2, 2, "dash")])
    figures.add_cross(figure, 3, 4)
    figures.add_ring(figure, 1, 2)
    assert len(figure.layout.shapes) == before + 1
    assert [(t.x[0], t.y[0]) for t in figure.data[1:]] == [(3, 4), (1, 2)]


def test_colours_of_a_grid_and_of_a_picture_are_the_same():
    stops = figures.colorscale("viridis", 3)
    assert [s[0] for s in stops] == [0, 0.5, 1]
    ends = render.colorbar("viridis", 256, 1)[0]
    for stop, index in ((stops[0], 0), (stops[-1], -1)):
        assert stop[1] == "rgb({},{},{})".format(*ends[index])


def test_scales():
    assert Scale.over([[1, 5]], [-2.0]) == Scale(-2.0, 5.0)
    assert Scale.diverging([1.5], [-4.0]) == Scale(-4.0, 4.0, "RdBu_r")


@pytest.mark.parametrize("levels", [2, 64, 256])
def test_a_heatmap_png_has_equal_steps_and_clips(levels):
    values = np.linspace(-1, 3, 1000).reshape(10, 100)
    image = Image.open(io.BytesIO(render.heatmap_png(values, Scale(0, 2), levels)))
    assert image.mode == "P" and image.size == (100, 10)
    index = np.asarray(image)
    expected = np.clip(np.floor(values / 2 * levels), 0, levels - 1)
    assert np.abs(index.astype(int) - expected).max() <= 1  # rounding at the steps' edges
    assert (index != expected).mean() < 0.01
    colours = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(colours[0, 0], render.colorbar("viridis", 256, 1)[0, 0])
    np.testing.assert_array_equal(colours[-1, -1], render.colorbar("viridis", 256, 1)[0, -1])


def test_a_constant_map_is_the_first_colour():
    data = render.heatmap_png(np.full((2, 2), 7.0), Scale.over(np.full(3, 7.0)))
    assert not np.asarray(Image.open(io.BytesIO(data))).any()


def test_unsure_pixels_are_grey_and_the_rest_exact():
    labels = np.array([[0, 8, 15]])
    data = render.sure_layer(labels, np.array([[True, False, True]]), render.PALETTES["VOC"])
    image = Image.open(io.BytesIO(data))
    assert np.asarray(image).tolist() == [[0, render.UNSURE, 15]]
    rgba = np.asarray(image.convert("RGBA"))[0].tolist()
    assert rgba[0][3] == 0 and rgba[1] == [*render.NO_VALUE, 255] and rgba[2] == [192, 128, 128, 255]


def test_numbers_have_a_true_minus_sign():
    assert scales.number(-0.04, 1) == "0.0"
    assert scales.number(-2, 1) == "−2.0"
    assert scales.span(np.array([-1.0, 3.25]), 2) == "−1.00 … 3.25"


def test_kernel_charts():
    from fcnviz.heatmaps import Kernel, weight_sums

    kernel = Kernel("up", 2, np.eye(4, dtype=np.float32), np.ones((4, 4), np.float32), False)
    chart = kernel_figures.section(kernel)
    assert [t.name for t in chart.data] == ["bilinear", "learned"]
    np.testing.assert_array_equal(chart.data[1].y, kernel.learned[0])
    bars = kernel_figures.weight_sums(weight_sums(8))
    assert len(bars.data[0].y) == 8 and "0.562" in bars.layout.annotations[0].text
