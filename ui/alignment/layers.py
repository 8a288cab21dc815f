"""Panel: the table of every layer."""

import pandas as pd
import streamlit as st

from fcnviz.lessons.alignment import layout
from fcnviz.lessons.alignment.layout import Step
from fcnviz.lessons.alignment.sizes import Setup
from ui.alignment.controls import Choice
from ui.export import shown
from ui.figures.numbers import plain


def every_layer(choice: Choice) -> None:
    """Tabulate every layer from the image to the crop."""
    steps = choice.steps()
    if steps is None:
        st.info("No layer sizes: the net does not run on this image.", icon=":material/info:")
        return
    rows = pd.DataFrame(map(_row, *steps)).set_index("Layer")
    shown.table(rows, "a_layers")
    st.caption(_about_layers(choice.setup))


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
