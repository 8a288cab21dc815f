"""Results of the networks on a photo, and the words and numbers that describe them on every page."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from fcnviz import metrics, render, weights
from fcnviz.evaluation.measure import measure
from fcnviz.evaluation.single import WITHIN, Single, single
from fcnviz.geometry import STRIDES
from fcnviz.photos import voc
from ui.components.viewer import LegendEntry
from ui.export import offline, provenance, shown
from ui.figures.numbers import percent
from ui.figures.theme import hex_colour
from ui.running import waiting, worker
from ui.running.networks import segment
from ui.state import Net, Networks, Photo

if TYPE_CHECKING:
    import pandas as pd

    from fcnviz.inference import Segmentation

#: Smallest share of the picture for which a class is in the legend: it is written as 0.1 %.
_LEAST_SHARE = 0.0005

#: Columns of a table of a data set's metrics.
METRICS = ("Pixel accuracy", "Mean accuracy", "Mean IU", "f.w. IU")
#: Columns of a table of a single photo's scores.
SINGLE = ("Pixel accuracy", "IU of the truth's classes", f"Within {WITHIN} px of a boundary")


@dataclass(frozen=True, eq=False)
class Result:
    """One network's result for a photo.

    Attributes:
        net: the network, and the device that was asked for.
        title: e.g. "FCN-8s".
        stride: stride of its finest score map.
        segmentation: its labels, scores and timing.
    """

    net: Net
    title: str
    stride: int
    segmentation: Segmentation

    @property
    def labels(self) -> np.ndarray:
        """The label map, (H, W) uint8."""
        return self.segmentation.labels

    @property
    def grid(self) -> str:
        """Size and stride of the finest score map in words."""
        return grid_text(self.segmentation.scores.finest.shape[-2:], self.stride)

    @property
    def milliseconds(self) -> str:
        """Time of the forward pass and the upsampling."""
        return f"{1000 * self.segmentation.seconds:.0f} ms"

    def scored(self, truth: np.ndarray) -> Single:
        """The scores of this photo, measured against a label map of its size."""
        return single(measure(self.labels, truth))


def grid_text(shape: tuple[int, ...], stride: int) -> str:
    """Write the size of a score map, given as (h, w), with the width first, and its stride."""
    return f"{shape[1]} × {shape[0]} · stride {stride}"


def strongest(scores: np.ndarray) -> int:
    """Return the class, except background, with the highest score anywhere on a (C, h, w) map."""
    return 1 + int(scores[1:].max((1, 2)).argmax())


def run_networks(photo: Photo, networks: Networks) -> list[Result]:
    """Run the networks on the photo, where the cache has no result, and put the results into the export.

    For a network that cannot run, the page shows the reason, and the list has no entry.
    """
    results = []
    with worker.one_turn(), contextlib.suppress(waiting.Busy):  # the page already says that it is busy
        for net in networks.nets:
            about = weights.find(net.name)
            try:
                segmentation = segment(photo, net)
            except weights.WeightsError as error:
                st.error(str(error), icon=":material/error:")
                continue
            results.append(Result(net, network_title(about), about.stride, segmentation))
            _export(results[-1])
    return results


def _export(result: Result) -> None:
    """Put a network's label map, its score maps and its provenance into the export."""
    name, scores = result.net.name, result.segmentation.scores
    colours = render.PALETTES[shown.current().palette]
    shown.add(f"{name}-labels.png", functools.partial(render.label_png, result.labels, colours))
    for stride in (s for s in STRIDES if s >= result.stride):
        values = scores.at(stride)[0].numpy()  # (C, h, w)
        shown.add(f"scores/{name}-stride{stride}.npy", functools.partial(offline.array, values))
    shown.fact("networks", name, provenance.network(name, result.segmentation))


def network_title(about: weights.Weights) -> str:
    """The name of a network in tables and above pictures, such as "FCN-8s"."""
    extra = {"bundled": "", "published": " at once" if about.skip_scales != (1.0, 1.0) else ""}
    return f"FCN-{about.stride}s{extra.get(about.origin, ' (unverified)')}"


def legend(results: list[Result], palette: str) -> list[LegendEntry]:
    """List the classes found by any network, the largest first and background last."""
    shares = np.array([render.shares(r.labels, len(voc.CLASSES)) for r in results])  # (nets, C)
    found = [c for c in np.argsort(-shares.max(0)) if c and shares[:, c].max() >= _LEAST_SHARE]
    colours = render.PALETTES[palette]
    return [
        LegendEntry(int(c), voc.CLASSES[c], hex_colour(colours[c]), tuple(shares[:, c])) for c in [*found, 0]
    ]


def metric_values(confusion: np.ndarray) -> tuple[float, ...]:
    """The metrics of a confusion matrix, 0…1, in the order of `METRICS`."""
    s = metrics.scores(confusion)
    return s.pixel_accuracy, s.mean_accuracy, s.mean_iu, s.frequency_weighted_iu


def single_table(rows: Mapping[str, Single]) -> pd.DataFrame:
    """Make a table of single photos' scores in percent, with the false alarms by name."""
    import pandas as pd  # here, not above: it takes a while, and the first page draws no table

    text = {
        name: [*("–" if np.isnan(v) else percent(v) for v in s.three), alarms(s)] for name, s in rows.items()
    }
    return pd.DataFrame.from_dict(text, orient="index", columns=[*SINGLE, "False alarms"])


def class_table(rows: Mapping[str, Single]) -> pd.DataFrame:
    """Make a table of single photos' IU in percent: the classes in the truth, one column a network."""
    import pandas as pd

    columns = {
        name: {voc.CLASSES[c]: percent(iu) for c, iu in s.class_iu.items()} for name, s in rows.items()
    }
    return pd.DataFrame(columns).rename_axis("Class")


def alarms(scores: Single) -> str:
    """Name the classes that are predicted but not there, with their pixels."""
    found = (f"{voc.CLASSES[c]} {pixels:,} px" for c, pixels in scores.false_alarms.items())
    return ", ".join(found) or "none"


def metrics_table(rows: Mapping[str, tuple[float, ...]]) -> pd.DataFrame:
    """Make a table of metrics in percent from rows of shares, 0…1; NaN becomes a dash."""
    import pandas as pd

    text = {
        name: ["–" if np.isnan(v) else f"{100 * v:.1f} %" for v in values] for name, values in rows.items()
    }
    return pd.DataFrame.from_dict(text, orient="index", columns=METRICS)
