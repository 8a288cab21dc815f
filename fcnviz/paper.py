"""Numbers in print, as facts to stand beside ours and never on one axis with them."""

from __future__ import annotations

#: CVPR 2015, table 2: PASCAL VOC2011 segmentation, the authors' 736 validation images, VGG16. In percent:
#: pixel accuracy, mean accuracy, mean IU, frequency-weighted IU.
VOC2011_VAL: dict[str, tuple[float, float, float, float]] = {
    "FCN-32s": (89.1, 73.3, 59.4, 81.4),
    "FCN-16s": (90.0, 75.7, 62.4, 83.0),
    "FCN-8s": (90.3, 75.9, 62.7, 83.2),
}

#: CVPR 2015, section 3.1: AlexNet on the authors' GPU. Milliseconds for the scores of one 227 × 227 crop, and
#: of a 10 × 10 grid of outputs in one pass over a 500 × 500 image.
AMORTISATION = {"crop": 1.2, "one_pass": 22.0, "windows": 100}
