"""Pascal VOC segmentation: the 21 classes and their colours."""

import numpy as np

#: Class names by index, as in VOCdevkit. Index 0 is background.
CLASSES: tuple[str, ...] = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip

#: Label of ignored pixels: object borders and difficult objects.
VOID = 255


def palette() -> np.ndarray:
    """Compute the VOC colour map from the bits of the class index, as the VOC development kit defines it.

    Returns:
        (256, 3) uint8, RGB. Row 0 is black (background), row 255 is (224, 224, 192) (void).

    >>> palette()[[0, 8, 15, 255]].tolist()
    [[0, 0, 0], [64, 0, 0], [192, 128, 128], [224, 224, 192]]
    """
    index = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):  # three bits of the index, lowest first, fill R, G, B from the highest bit down
        for channel in range(3):
            colours[:, channel] |= (((index >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return colours
