"""What the input size does: networks measured with photos reduced to several longest sides.

python -m fcnviz evaluate --data VOC2012 --weights lite0-fcn32s lite0-fcn8s --size 320 416 0
"""

from collections.abc import Iterable, Mapping, Sequence

from fcnviz.evaluation import measure, trimap
from fcnviz.evaluation.measure import Measured
from fcnviz.evaluation.pairs import Pair
from fcnviz.fcn import FCN

Counts = dict[tuple[str, int], Measured]


def sweep(models: Mapping[str, FCN], found: Iterable[Pair], sizes: Sequence[int]) -> Counts:
    """Measure networks at several input sizes; labels are always compared at the photo's own size.

    Args:
        models: networks in eval mode, by name.
        found: photos and masks; each is read once.
        sizes: longest sides for the networks, in px (0: as the photo is).

    Returns:
        the sum over all photos by (name, size).

    Raises:
        ImageError: a pair cannot be read; the message says why.
    """
    counts = {
        (name, size): Measured.zeros(model.num_classes) for name, model in models.items() for size in sizes
    }
    for pair in found:
        read = pair.open()
        ring = trimap.distances(read.labels)
        for name, size in counts:
            labels = measure.predict(models[name], read.photo, size)
            one = measure.measure(labels, read.labels, models[name].num_classes, ring)
            counts[name, size] = counts[name, size] + one
    return counts


def table(counts: Counts) -> str:
    """Write mean IU and pixel accuracy within 5 px of a true boundary, in percent, as a Markdown table."""
    names, sizes = (list(dict.fromkeys(keys)) for keys in zip(*counts, strict=True))
    lines = [f"| longest side | {' | '.join(names)} |", f"|---{'|---' * len(names)}|"]
    for size in sizes:
        cells = (_cell(counts[name, size]) for name in names)
        lines.append(f"| {f'{size} px' if size else 'as the photo'} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(measured: Measured) -> str:
    return f"{100 * measured.mean_iu:.1f} / {100 * trimap.accuracy(measured.near)[4]:.1f}"
