"""True labels, reduced to a grid and upsampled again."""

import numpy as np
import pytest

from fcnviz.evaluation.measure import measure
from fcnviz.evaluation.single import single
from fcnviz.lessons.upsampling import upper_bound
from fcnviz.photos import samples


@pytest.mark.parametrize("stride", upper_bound.STRIDES)
def test_an_edge_between_cells_is_kept_and_small_things_are_lost(stride):
    labels = np.zeros((3 * stride, 4 * stride), np.uint8)
    labels[:, 2 * stride :] = 8  # on the border between two cells
    np.testing.assert_array_equal(upper_bound.reduced(labels, stride), labels)
    labels[:, 0] = 15  # one pixel wide: never the most frequent
    assert 15 not in upper_bound.reduced(labels, stride)


def test_void_takes_no_part():
    labels = np.zeros((16, 32), np.uint8)
    labels[:, 16:] = 8
    filled = labels.copy()
    filled[:, 18:30] = 255
    np.testing.assert_array_equal(upper_bound.reduced(filled, 16), labels)


@pytest.mark.parametrize("name", ["cat", "motorbike"])
def test_a_finer_grid_allows_more(name):
    truth = samples.annotation(name)
    found = [single(measure(upper_bound.reduced(truth, s), truth)).mean_iu for s in upper_bound.STRIDES]
    assert found == sorted(found)
    assert found[-1] > 0.98


def test_one_class_has_no_outline():
    with pytest.raises(ValueError, match="fewer than two classes"):
        upper_bound.reduced(np.zeros((8, 8), np.uint8), 4)
