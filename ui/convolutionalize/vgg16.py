"""Panel: where VGG16's parameters are, and its dense layers run as matrices and as convolutions."""

import pandas as pd
import streamlit as st

from fcnviz import weights
from fcnviz.lessons.convolutionalize import fc6, imagenet
from ui.convolutionalize import figures
from ui.export import shown
from ui.figures.numbers import delta, percent, signed
from ui.running import waiting, worker
from ui.running.photo_cache import of_photo
from ui.state import Photo


@waiting.panel
def dense_layers(photo: Photo) -> None:
    """Chart the shares of VGG16's parameters; on demand, compare both forms of its dense layers."""
    sizes = fc6.sizes()
    shown.chart(figures.parameter_shares(sizes), "conv_shares")
    st.caption(
        f"VGG16's {sum(sizes.values()):,} parameters, biases included. fc6 reads all of pool5: 7 × 7 × 512 = "
        "25,088 values, each with a weight to each of 4,096 outputs."
    )
    file = imagenet.vgg16_file()
    origin = "torchvision's ImageNet weights" if file else "random weights, untrained"
    if not st.toggle("Build it and compare (fc6 takes 411 MB for some seconds)", key="conv_vgg"):
        st.caption(f"It will have {origin}. One layer at a time is in memory, and none afterwards.")
        return
    try:
        check = _check(photo, str(file))
    except weights.WeightsError as error:
        st.error(str(error), icon=":material/error:")
        return
    shown.table(pd.DataFrame([_row(layer) for layer in check.layers]).set_index("Layer"), "conv_vgg16")
    _explain(check)


@of_photo(show_spinner="Building VGG16 layer by layer, running each both ways …", max_entries=16, own=2)
def _check(photo: Photo, file: str) -> fc6.Check:
    """Compare both forms layer by layer; `file`, the path of the weights, is a key of the cache alone."""
    steps = fc6.steps(photo.image)
    result = worker.run(next, steps)
    while not isinstance(result, fc6.Check):
        result = worker.run_part(next, steps)  # after each part its memory goes back to the system
    return result


def _row(layer: fc6.Layer) -> dict[str, str]:
    dense, kernels = (" × ".join(f"{n:,}" for n in shape) for shape in (layer.dense, layer.kernels))
    return {
        "Layer": layer.name,
        "As a matrix": dense,
        "As kernels": kernels,
        "Weights": f"{layer.weights:,}",
        "Memory": f"{4 * layer.weights / 1e6:.0f} MB, " + ("shared" if layer.one_memory else "twice"),
    }


def _explain(check: fc6.Check) -> None:
    if check.trained:
        best = ", ".join(f"{name} {percent(p)}" for name, p in check.top)
        st.markdown(f"torchvision's weights; on the centre crop it says: {best}.")
    else:
        st.info(
            "Random weights: this network is untrained, and its scores mean nothing. That both ways agree "
            f"does. Put torchvision's {weights.VGG16} into weights/ to see it trained.",
            icon=":material/info:",
        )
    h, w = check.grid
    st.markdown(
        f"On your photo's pool5: one 7 × 7 map, max |Δ| = **{delta(check.one_window)}**; all {h * w} windows "
        f"of a {check.pool5[1]} × {check.pool5[0]} map, max |Δ| = **{delta(check.every_window)}** (scores "
        f"reach {check.largest:.2g}). One weight of fc6's matrix moved by 1: the dense output moved by "
        f"{signed(check.moved[0], 3)}, the convolution's by {signed(check.moved[1], 3)}."
    )
