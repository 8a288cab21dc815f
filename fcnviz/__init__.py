"""fcnviz: see how a fully convolutional network turns an image classifier into a segmenter.

    import fcnviz
    image = fcnviz.open_image("photo.jpg")
    model = fcnviz.load("lite0-fcn8s")
    result = fcnviz.segment(model, image)  # .labels (H, W) uint8, .scores, .confidence, .seconds

After Long, Shelhamer & Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015.
"""

from fcnviz import convolutionalize, fcn, geometry, images, metrics, render, samples, upsampling, voc, weights
from fcnviz.images import ImageError, open_image
from fcnviz.inference import Segmentation, segment
from fcnviz.weights import WeightsError, list_weights, load

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
