"""An object cut out of a photo by its mask, and pasted onto another photo at a place of one's choice."""

import numpy as np
from PIL import Image


def cut_out(image: Image.Image, mask: np.ndarray) -> Image.Image:
    """Cut an object out of a photo.

    Args:
        image: RGB.
        mask: (H, W) bool, True on the object.

    Returns:
        RGBA, as large as the object; transparent beside it.

    Raises:
        ValueError: the mask is empty.
    """
    if not mask.any():
        raise ValueError("the mask is empty: there is nothing to cut out")
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    whole = image.convert("RGBA")
    whole.putalpha(Image.fromarray(mask.astype(np.uint8) * 255))
    return whole.crop(box)


def paste(background: Image.Image, thing: Image.Image, centre: tuple[int, int], width: int) -> Image.Image:
    """Paste a cut-out; what lies beyond the photo is cut off.

    Args:
        background: RGB.
        thing: RGBA, from `cut_out`.
        centre: (x, y) of the cut-out's centre, in px of the background.
        width: width of the cut-out in px; its height follows.

    Returns:
        RGB of the background's size.
    """
    height = max(1, round(thing.height * width / thing.width))
    resized = thing.resize((width, height), Image.Resampling.LANCZOS)
    result = background.convert("RGB").copy()
    result.paste(resized, (centre[0] - width // 2, centre[1] - height // 2), resized)
    return result
