"""The networks: each is loaded once, and runs once per photo."""

import gc

import streamlit as st

from fcnviz import inference, weights
from fcnviz.fcn import FCN
from fcnviz.inference import Segmentation
from fcnviz.photos import samples
from ui.running import worker
from ui.running.photo_cache import of_photo
from ui.state import Net, Photo


@st.cache_resource(show_spinner="Loading the weights …", max_entries=8)
def model(net: Net) -> FCN:
    """Load a network, ready to run; all visitors share it."""
    fcn = weights.load(net.name, net.device, fold=True)
    worker.run_part(inference.choose_precision, fcn, samples.small())
    gc.collect()
    gc.freeze()  # else torch's objects add 0.2 s to the collection that Streamlit does after every run
    return fcn


@of_photo(st.cache_resource, show_spinner="Running the network …", max_entries=30, own=3)
def segment(photo: Photo, net: Net) -> Segmentation:
    """Segment a photo with a network; computed once, even if many visitors ask at the same time."""
    return worker.run(inference.run, model(net), photo.image, photo.longest, photo.input)
