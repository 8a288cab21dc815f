"""What the figures of transposed convolutions hold."""

import numpy as np
import pytest
import torch

from fcnviz.lessons.upsampling import transposed
from fcnviz.render import Scale
from ui.figures.marks import Shade
from ui.figures.numbers import short
from ui.upsampling import figures
from ui.upsampling.inputs import Setting
from ui.upsampling.stamping import padded


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


def test_zeros_that_are_put_in_are_empty_and_those_of_the_data_are_not():
    setting = Setting(torch.tensor([2.0, 0.0, 3.0]), torch.tensor([1.0, 4.0, 2.0]), 2, 0)
    wide = padded(setting)
    assert np.isnan(wide).tolist() == [True, True, False, True, False, True, False, True, True]
    assert wide[4] == 0
    panel = figures.number_grid(wide[None], figures.cell_colours(wide))
    assert np.isnan(panel.values.values[0]).tolist() == np.isnan(wide).tolist()
    hatched, numbers = panel.marks
    assert hatched.cells[0].tolist() == np.isnan(wide).tolist()
    assert hatched.svg(panel.shows).count("z") == np.isnan(wide).sum()
    assert [bool(text) for text in numbers.texts[0]] == (~np.isnan(wide)).tolist()


@pytest.mark.parametrize("step", [0, 1, 5])
def test_the_kernel_lies_below_its_window_and_the_output_below_both(step):
    setting = Setting(torch.tensor([2.0, 1.0, 3.0]), torch.tensor([1.0, 4.0, 2.0]), 2, 1)
    out = transposed.directly(setting.x, setting.kernel, 2, 1).numpy()
    done = np.where(np.arange(len(out)) < step, out, np.nan)
    wide, flipped = padded(setting), setting.kernel.flip(0).numpy()
    sheet = figures.slide_sheet(wide, flipped, done, step=step)
    above, kernel, below = (layer.where for layer in sheet.layers)
    now = max(step - 1, 0)
    assert (kernel.left, kernel.right) == (now - 0.5, now + 2.5)
    assert (above.left, above.width) == (-0.5, len(wide))
    assert below.left + now + 0.5 == (kernel.left + kernel.right) / 2  # out[now] below the window's middle
    if step:
        window = np.nan_to_num(wide[now : now + 3])
        assert (window * flipped).sum() == pytest.approx(out[now])


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
