"""Published numbers. They stand beside our own, but never on one axis: data and networks differ."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One row of a published table, in its own units.

    Attributes:
        network: name of the network in the publication.
        trunk: the classifier that it is made from; "" if not given.
        data: data set and split of the measurement.
        source: the publication, and its table.
        pixel_accuracy, mean_accuracy, mean_iu, frequency_weighted_iu: metrics in percent; None if not given.
        time: time of a forward pass, in table 1 at 500 × 500 px on a K40c; "" if not given.
    """

    network: str
    trunk: str
    data: str
    source: str
    mean_iu: float
    pixel_accuracy: float | None = None
    mean_accuracy: float | None = None
    frequency_weighted_iu: float | None = None
    time: str = ""


#: CVPR 2015, table 2: PASCAL VOC2011 segmentation, the authors' 736 validation images, VGG16. In percent:
#: pixel accuracy, mean accuracy, mean IU, frequency-weighted IU.
VOC2011_VAL: dict[str, tuple[float, float, float, float]] = {
    "FCN-32s": (89.1, 73.3, 59.4, 81.4),
    "FCN-16s": (90.0, 75.7, 62.4, 83.0),
    "FCN-8s": (90.3, 75.9, 62.7, 83.2),
}


def voc2011_val() -> dict[str, tuple[float, ...]]:
    """`VOC2011_VAL` as shares, 0…1."""
    return {name: tuple(v / 100 for v in row) for name, row in VOC2011_VAL.items()}


#: CVPR 2015, section 3.1: AlexNet on the authors' GPU. Milliseconds for the scores of one 227 × 227 crop, and
#: of a 10 × 10 grid of outputs in one pass over a 500 × 500 image.
AMORTISATION = {"crop": 1.2, "one_pass": 22.0, "windows": 100}

#: Mean IU of the authors' networks converted to PyTorch, the files that this app loads, in percent.
CONVERTED = {"FCN-32s": 63.63, "FCN-16s": 65.01, "FCN-8s": 65.51, "FCN-8s at once": 65.40}

_VAL, _CVPR = "VOC2011 seg-val, 736 images", "CVPR 2015"
_RELEASE = "the authors' release"
#: Source of the networks that this app loads: it prints two decimals.
PORT = "pytorch-fcn, README"


def _table_2(network: str, metrics: tuple[float, float, float, float]) -> Published:
    pixel, mean, iu, weighted = metrics
    return Published(network, "VGG16", _VAL, f"{_CVPR}, table 2", iu, pixel, mean, weighted)


#: Published numbers, one data set after another.
PUBLISHED: tuple[Published, ...] = (
    _table_2("FCN-32s-fixed", (83.0, 59.7, 45.4, 72.0)),
    *(_table_2(name, metrics) for name, metrics in VOC2011_VAL.items()),
    Published("FCN-AlexNet", "AlexNet", "VOC2011 val", f"{_CVPR}, table 1", 39.8, time="50 ms"),
    Published("FCN-VGG16", "VGG16", "VOC2011 val", f"{_CVPR}, table 1", 56.0, time="210 ms"),
    Published("FCN-GoogLeNet", "GoogLeNet", "VOC2011 val", f"{_CVPR}, table 1", 42.5, time="59 ms"),
    Published("FCN-32s", "VGG16", _VAL, _RELEASE, 63.6),
    Published("FCN-16s", "VGG16", _VAL, _RELEASE, 65.0),
    Published("FCN-8s", "VGG16", _VAL, _RELEASE, 65.5),
    Published("FCN-8s at once", "VGG16", _VAL, _RELEASE, 65.4),
    *(Published(f"{name}, converted", "VGG16", _VAL, PORT, iu) for name, iu in CONVERTED.items()),
    Published("FCN-32s, retrained", "VGG16", _VAL, PORT, 62.84),
    Published("FCN-16s, retrained", "VGG16", _VAL, PORT, 64.91),
    Published("FCN-8s, retrained", "VGG16", _VAL, PORT, 65.49),
    Published("FCN-8s at once, retrained", "VGG16", _VAL, PORT, 64.74),
    Published("FCN-8s", "VGG16", "VOC2011 test", f"{_CVPR}, table 3", 62.7, time="about 175 ms"),
    Published("SDS", "", "VOC2011 test", f"{_CVPR}, table 3", 52.6, time="about 50 s"),
    Published("FCN-8s", "VGG16", "VOC2012 test", f"{_CVPR}, table 3", 62.2, time="about 175 ms"),
    Published("SDS", "", "VOC2012 test", f"{_CVPR}, table 3", 51.6, time="about 50 s"),
    Published("FCN-8s", "VGG16", "VOC2012 test", "PAMI version", 67.2),
    Published("fcn_resnet50", "ResNet-50", "COCO val2017, VOC classes", "torchvision", 60.5),
)


@dataclass(frozen=True)
class Said:
    """What is in print of one choice of the training, and its place."""

    text: str
    place: str


def mean_iu(network: str) -> float:
    """The first mean IU of a network in `PUBLISHED`, in percent: for FCN-32s, 16s and 8s that of table 2."""
    return next(row.mean_iu for row in PUBLISHED if row.network == network)


#: By a name that stands for the choice. In percent and points of mean IU.
ON_TRAINING = {
    "last layer": Said(
        f"The score layer trained alone (FCN-32s-fixed): {mean_iu('FCN-32s-fixed')} mean IU. All layers, end "
        f"to end: {mean_iu('FCN-32s')}.",
        f"{_CVPR}, table 2",
    ),
    "classifier": Said(
        f"AlexNet {mean_iu('FCN-AlexNet')}, VGG16 {mean_iu('FCN-VGG16')}, GoogLeNet "
        f"{mean_iu('FCN-GoogLeNet')} mean IU.",
        f"{_CVPR}, table 1",
    ),
    "deconvolution": Said(
        "Fixed to bilinear; those before it start as bilinear and are learned. The authors' code fixes all, "
        "and says that the accuracy is the same.",
        f"{_CVPR}; the authors' code, FAQ",
    ),
    "stages": Said(
        "In stages: 32s, then 16s from it, then 8s. The authors' later release has both: "
        f"{mean_iu('FCN-8s at once')} at once, {CONVERTED['FCN-8s']:.1f} in stages.",
        f"{_CVPR}; {_RELEASE}",
    ),
    "skip": Said(
        "FCN-16s starts from FCN-32s and is trained on: "
        f"{mean_iu('FCN-16s') - mean_iu('FCN-32s'):+.1f} points, of the skip and that training together.",
        f"{_CVPR}, table 2",
    ),
}
