"""What the networks score on each sample photo: `python -m fcnviz samples`."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from fcnviz.evaluation.measure import measure, predict
from fcnviz.evaluation.single import WITHIN, Single, single
from fcnviz.fcn import FCN
from fcnviz.photos import images, samples
from fcnviz.photos.voc import CLASSES


def scores(models: Mapping[str, FCN], name: str, size: int | None = None) -> dict[str, Single]:
    """Score networks on one sample photo, as large as the app shows it.

    Args:
        models: networks in eval mode, by name.
        name: of the sample.
        size: longest side of the networks' input, in px; None: as their weights ask (see `inference.run`).
    """
    photo = images.fit(samples.load(name), images.SCREEN)
    truth = images.fit_labels(samples.annotation(name), images.SCREEN)
    return {key: single(measure(predict(model, photo, size), truth)) for key, model in models.items()}


def rise(found: Sequence[Single]) -> bool:
    """Whether all three scores rise from each network to the next."""
    return all(one < other for a, b in pairwise(found) for one, other in zip(a.three, b.three, strict=True))


def table(models: Mapping[str, FCN], size: int | None = None) -> str:
    """Write the scores of all samples as text, and where all three rise from network to network."""
    lines = [f"Pixel accuracy / IU of the truth's classes / within {WITHIN} px of a boundary, in percent"]
    for name in samples.SAMPLES:
        found = scores(models, name, size)
        order = "all three rise" if rise(list(found.values())) else "not in order"
        lines.append(f"{name}: {order}{', shown first by the app' if name == samples.DEFAULT else ''}")
        lines += [f"  {key:<14} {_line(one)}" for key, one in found.items()]
    return "\n".join(lines)


def _line(one: Single) -> str:
    numbers = " / ".join(f"{100 * value:.1f}" for value in one.three)
    false = ", ".join(f"{CLASSES[c]} {pixels:,} px" for c, pixels in one.false_alarms.items())
    return f"{numbers}   false alarms: {false or 'none'}"
