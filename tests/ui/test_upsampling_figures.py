"""What the figures of transposed convolutions hold."""

import numpy as np
import pytest
import torch

from fcnviz.lessons.upsampling import transposed
from fcnviz.render import Scale
from ui.figures.marks import Shade
from ui.figures.numbers import short
from ui.upsampling import figures


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
    assert short(value) == text


@pytest.mark.parametrize("step", range(4))
def test_the_table_of_stamps_adds_up(step):
    x, kernel = np.array([2.0, -1.0, 3.0]), np.array([1.0, 4.0, 2.0])
    sheet = figures.stamp_sheet(x, kernel, 2, 1, step=step, cell=0)
    table = sheet.layers[0].reads.values
    canvas = transposed.canvas(torch.from_numpy(x), torch.from_numpy(kernel), 2, step).numpy()
    assert table[-1, 2:] == pytest.approx(canvas)
    assert np.nansum(table[1:-1, 2:], 0) == pytest.approx(canvas)
    assert table[1:-1, 0].tolist() == x.tolist()
    assert (~np.isnan(table[1:-1, 2:])).sum() == step * len(kernel)
    assert sheet.columns[3 : 3 + canvas.size - 2] == tuple(map(str, range(canvas.size - 2)))  # padding 1


def test_what_padding_cuts_off_is_greyed_out_once():
    panel = figures.number_grid(np.zeros((4, 6)), Scale(0, 1), cut=1)
    shades = [mark for mark in panel.marks if isinstance(mark, Shade)]
    assert sum(shade.width * shade.height for shade in shades) == 4 * 6 - 2 * 4


def test_signs_choose_the_colours():
    assert figures.cell_colours(np.array([0, 2.0])) == Scale(0, 2)
    assert figures.cell_colours(np.array([-1.0, 2.0])) == Scale.diverging(np.array([2.0]))
    assert figures.cell_colours(np.zeros(3)) == Scale(0, 1)
