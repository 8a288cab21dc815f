"""fcnviz: see how a fully convolutional network turns an image classifier into a segmenter.

    import fcnviz
    model = fcnviz.load("lite0-fcn8s")
    result = fcnviz.segment(model, "photo.jpg")  # .labels (H, W) uint8, .confidence, .scores, .seconds
    result.overlay().save("overlay.png")  # a notebook shows the result itself as a picture

After Long, Shelhamer & Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015.
"""

import logging

from fcnviz import convolutionalize, fcn, geometry, metrics, render, upsampling, weights
from fcnviz.inference import Segmentation, segment
from fcnviz.photos import images, samples, voc
from fcnviz.photos.images import ImageError, open_image
from fcnviz.weights import WeightsError, list_weights, load

__version__ = "0.1.0"

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent unless the application wants it

__all__ = [
    "ImageError",
    "Segmentation",
    "WeightsError",
    "convolutionalize",
    "fcn",
    "geometry",
    "images",
    "list_weights",
    "load",
    "metrics",
    "open_image",
    "render",
    "samples",
    "segment",
    "upsampling",
    "voc",
    "weights",
]
