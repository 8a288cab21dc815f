"""Panel: the table of every layer."""

import pandas as pd
import streamlit as st

from fcnviz.lessons.alignment import layout, networks
from fcnviz.lessons.alignment.layout import Step
from fcnviz.lessons.alignment.sizes import Setup
from ui import paper
from ui.alignment.controls import Choice
from ui.export import shown
from ui.figures.numbers import plain

_NETWORKS = {"vgg16": "FCN-32s on VGG16, the paper's", "lite0": "FCN-32s on EfficientNet-Lite0"}
_FACTS = ["Convolutions", "Parameters learned", "Receptive field, px", "Stride, px"]


def every_layer(choice: Choice) -> None:
    """Tabulate the networks as the paper's table 1 does, then every layer from the image to the crop."""
    _networks()
    steps = choice.steps()
    if steps is None:
        st.info("No layer sizes: the network does not run on this image.", icon=":material/info:")
        return
    rows = pd.DataFrame(map(_row, *steps)).set_index("Layer")
    shown.table(rows, "a_layers")
    st.caption(_about_layers(choice.setup))


def _networks() -> None:
    st.markdown("**The networks as in the paper's table 1.** Layers, parameters, receptive field")
    rows = {name: _facts(networks.facts(backbone)) for backbone, name in _NETWORKS.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=_FACTS)
    shown.table(table.rename_axis("Network"), "a_networks")
    printed = ", ".join(f"{p.trunk} {p.mean_iu}" for p in paper.PUBLISHED if p.source.endswith("table 1"))
    st.caption(
        "Derived from their layers: field and stride of a cell of score_fr, whatever the padding. The "
        "deconvolution is not among the convolutions; its weights count where it is learned, in lite0. In "
        f"print, mean IU on VOC2011 val: {printed}. This app has no network on AlexNet or GoogLeNet."
    )


def _facts(found: networks.Facts) -> tuple[str, ...]:
    return tuple(f"{value:,}" for value in found)


def _row(x: Step, y: Step) -> dict[str, str]:
    return {
        "Layer": x.name,
        "Reads": " + ".join(x.reads),
        "Does": _does(x, y),
        "Input": f"{x.before}\u00a0×\u00a0{y.before}",  # no line break inside
        "Output": f"{x.after}\u00a0×\u00a0{y.after}",
        "Stride": plain(x.place.stride),
        "Pixel 0 at": plain(x.place.offset),
        "Sees, px": f"{layout.field(x)}",
    }


def _does(x: Step, y: Step) -> str:
    """Describe a layer in a few words: kind, kernel, stride and padding."""
    layer = x.layer
    if layer is None:
        return "" if x.kind == "image" else "sum"
    if x.kind == "crop":
        return f"cut from {-layer.pad} on"
    if x.kind == "padding":
        return f"zeros: {layer.pad_after} right, {y.layer.pad_after if y.layer else 0} below"
    pads = {layer.pad, layer.pad if layer.pad_after is None else layer.pad_after}
    text = f"{x.kind} {layer.kernel} × {layer.kernel}"
    text += f", stride {layer.stride}" if layer.stride > 1 else ""
    text += f", pad {' + '.join(map(str, sorted(pads)))}" if pads != {0} else ""
    return text + (", rounds up" if layer.ceil else "")


def _about_layers(setup: Setup) -> str:
    text = "Stride, position and field are in pixels of the image; sizes are width × height."
    if setup.backbone == "lite0":
        return (
            f"{text} Of each block, its depthwise convolution: 1 × 1 convolutions move and widen nothing. "
            "From the score layers on, positions are those that the crops assume (centred on cells)."
        )
    return f"{text} Padding beyond conv1_1's is each 3 × 3 convolution's own pixel."
