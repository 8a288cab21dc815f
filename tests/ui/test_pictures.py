"""What is drawn is what was given."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from fcnviz import render
from fcnviz.render import Scale
from ui.figures import pictures
from ui.figures.pictures import Extent
from ui.heatmaps import figures


def test_extents():
    assert Extent.of((10, 5)) == Extent(-0.5, -0.5, 9.5, 4.5)
    shows = Extent.around(Extent.of((10, 5)), Extent(-20, 1, 3, 30))
    assert shows == Extent(-20, -0.5, 9.5, 30)
    assert (shows.width, shows.height) == (29.5, 30.5)


@pytest.mark.parametrize(
    ("encode", "kind"), [(render.to_png, "png"), (render.to_jpeg, "jpeg"), (render.to_webp, "webp")]
)
def test_a_data_uri_says_what_it_holds(encode, kind):
    file = encode(np.zeros((4, 6, 3), np.uint8))
    head, _, body = pictures.data_uri(file).partition(",")
    assert head == f"data:image/{kind};base64"
    assert base64.b64decode(body) == file


def test_scales():
    assert Scale.over([[1, 5]], [-2.0]) == Scale(-2.0, 5.0)
    assert Scale.diverging([1.5], [-4.0]) == Scale(-4.0, 4.0, "RdBu_r")


@pytest.mark.parametrize("levels", [2, 64, 256])
def test_a_heatmap_png_has_equal_steps_and_clips(levels):
    values = np.linspace(-1, 3, 1000).reshape(10, 100)
    image = Image.open(io.BytesIO(render.heatmap_png(values, Scale(0, 2), levels)))
    assert image.mode == "P"
    assert image.size == (100, 10)
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
    assert rgba[0][3] == 0
    assert rgba[1] == [*render.NO_VALUE, 255]
    assert rgba[2] == [192, 128, 128, 255]


def test_kernel_charts_show_the_row_of_the_largest_weight_and_the_sum_at_the_edge():
    from fcnviz.lessons.heatmaps.border import weight_sums
    from fcnviz.lessons.heatmaps.learned_kernels import LearnedKernel

    kernel = LearnedKernel("up", 2, np.eye(4, dtype=np.float32), np.ones((4, 4), np.float32), False)
    rows = {line.name: line.y for line in figures.kernel_rows(kernel).data}
    np.testing.assert_array_equal(rows["learned"], kernel.learned[0])
    np.testing.assert_array_equal(rows["bilinear"], kernel.bilinear[0])
    assert "0.562" in figures.weight_sums(weight_sums(8)).layout.annotations[0].text
