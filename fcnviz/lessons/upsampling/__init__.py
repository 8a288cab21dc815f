"""Transposed convolution in general: four ways to compute it, kernels, learning one, shift-and-stitch."""
