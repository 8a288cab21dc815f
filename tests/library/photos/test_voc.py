import numpy as np

from fcnviz.photos.voc import CLASSES, VOID, palette

COLOURS = {  # as printed in the VOC development kit's documentation
    "background": (0, 0, 0),
    "aeroplane": (128, 0, 0),
    "bicycle": (0, 128, 0),
    "bird": (128, 128, 0),
    "boat": (0, 0, 128),
    "bottle": (128, 0, 128),
    "bus": (0, 128, 128),
    "car": (128, 128, 128),
    "cat": (64, 0, 0),
    "chair": (192, 0, 0),
    "cow": (64, 128, 0),
    "diningtable": (192, 128, 0),
    "dog": (64, 0, 128),
    "horse": (192, 0, 128),
    "motorbike": (64, 128, 128),
    "person": (192, 128, 128),
    "pottedplant": (0, 64, 0),
    "sheep": (128, 64, 0),
    "sofa": (0, 192, 0),
    "train": (128, 192, 0),
    "tvmonitor": (0, 64, 128),
}


def test_palette_has_the_voc_colours():
    colours = palette()
    assert colours.shape == (256, 3)
    assert colours.dtype == np.uint8
    assert {name: tuple(colours[i].tolist()) for i, name in enumerate(CLASSES)} == COLOURS
    assert colours[VOID].tolist() == [224, 224, 192]
    assert len({tuple(c) for c in colours.tolist()}) == 256


def test_classes():
    assert tuple(COLOURS) == CLASSES
    assert len(CLASSES) == 21
    assert VOID == 255
