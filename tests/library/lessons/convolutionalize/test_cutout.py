"""An object cut out by its mask, and pasted elsewhere."""

import numpy as np
import pytest
from PIL import Image

from fcnviz.lessons.convolutionalize import cutout


def disc() -> tuple[Image.Image, np.ndarray]:
    y, x = np.indices((40, 60))
    mask = (x - 30) ** 2 + (y - 15) ** 2 <= 100
    return Image.fromarray(np.where(mask[..., None], 255, 0).repeat(3, 2).astype(np.uint8)), mask


def test_a_cut_out_is_as_large_as_its_mask_and_transparent_beside_it():
    image, mask = disc()
    found = cutout.cut_out(image, mask)
    assert found.size == (21, 21)
    alpha = np.asarray(found)[..., 3]
    assert (alpha > 0).sum() == mask.sum()
    assert (np.asarray(found)[alpha > 0] == 255).all()
    with pytest.raises(ValueError, match="empty"):
        cutout.cut_out(image, np.zeros((40, 60), bool))


@pytest.mark.parametrize("centre", [(50, 40), (20, 60), (0, 0), (99, 79)])
def test_it_is_pasted_around_its_centre_and_cut_off_at_the_edge(centre):
    found = cutout.paste(Image.new("RGB", (100, 80)), cutout.cut_out(*disc()), centre, 20)
    assert found.size == (100, 80)
    lit = np.argwhere(np.asarray(found)[..., 0] > 128)
    assert np.abs(lit - centre[::-1]).max() <= 10  # nothing farther than half its width
    assert (np.asarray(found)[centre[1], centre[0]] > 128).all()
