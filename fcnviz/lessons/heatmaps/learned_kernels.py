"""The kernels that a network upsamples one class's scores with, beside the bilinear ones they started as."""

from dataclasses import dataclass

import numpy as np
from torch import nn

from fcnviz import upsampling
from fcnviz.fcn import FCN


@dataclass(frozen=True, eq=False)
class LearnedKernel:
    """One class's kernel in one deconvolution.

    Attributes:
        layer: name of the deconvolution.
        factor: factor that it upsamples by.
        learned: (2·factor, 2·factor) float32, the kernel of the trained network.
        bilinear: the kernel before training, of the same size.
        frozen: whether training left the kernel as it was.
    """

    layer: str
    factor: int
    learned: np.ndarray
    bilinear: np.ndarray
    frozen: bool

    @property
    def change(self) -> float:
        """‖learned − bilinear‖ / ‖bilinear‖."""
        return float(np.linalg.norm(self.learned - self.bilinear) / np.linalg.norm(self.bilinear))


def learned_kernels(model: FCN, index: int) -> list[LearnedKernel]:
    """The kernels that upsample a class's scores, in the order they run.

    Where kernels are full C × C, this is the diagonal one, from the class to itself.
    """
    found = []
    for name, factor in model.upsamplers.items():
        layer = model.get_submodule(name)
        assert isinstance(layer, nn.ConvTranspose2d)
        weight = layer.weight[index, 0 if layer.groups > 1 else index].detach().cpu().numpy()
        start = upsampling.bilinear_kernel(2 * factor).numpy()
        found.append(LearnedKernel(name, factor, weight, start, bool(np.array_equal(weight, start))))
    return found
