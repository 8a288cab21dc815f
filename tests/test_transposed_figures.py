"""What the figures of transposed convolutions hold."""

import numpy as np
import pytest
import torch

from fcnviz import transposed
from fcnviz.render import Scale
from ui import transposed_figures as draw


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (-0.001, "0"),
        (2.0, "2"),
        (0.0625, "0.06"),
        (-1.5, "−1.5"),
        (12.345, "12.3"),
        (1234.5, "1234"),
    ],
)
def test_numbers_are_short_and_have_a_real_minus(value, text):
    assert draw.number(value) == text


@pytest.mark.parametrize("step", range(4))
def test_the_table_of_stamps_adds_up(step):
    x, kernel = np.array([2.0, -1.0, 3.0]), np.array([1.0, 4.0, 2.0])
    table = np.asarray(draw.stamps(x, kernel, 2, 1, step=step, cell=0).data[0].z, float)
    canvas = transposed.canvas(torch.from_numpy(x), torch.from_numpy(kernel), 2, step).numpy()
    assert table[-1, 2:] == pytest.approx(canvas)
    assert np.nansum(table[1:-1, 2:], 0) == pytest.approx(canvas)
    assert table[1:-1, 0].tolist() == x.tolist()
    assert (~np.isnan(table[1:-1, 2:])).sum() == step * len(kernel)


def test_numbers_can_be_read_on_their_cells():
    figure = draw.grid(np.array([[0.0, 1.0]]), Scale(0, 1))
    dark, light = figure.data[1:]
    assert (dark.textfont.color, light.textfont.color) == ("#000000", "#ffffff")
    assert np.asarray(dark.text).tolist() == [[draw.BLANK, "1"]]  # viridis: dark violet, yellow
    assert np.asarray(light.text).tolist() == [["0", draw.BLANK]]


def test_signs_choose_the_colours():
    assert draw.scale(np.array([0, 2.0])) == Scale(0, 2)
    assert draw.scale(np.array([-1.0, 2.0])) == Scale.diverging(np.array([2.0]))
    assert draw.scale(np.zeros(3)) == Scale(0, 1)
