"""What a cell of a convolutionalised classifier owes to its window: measured, not assumed.

Without padding the cell is the classifier's answer for its window alone. Padded layers put zeros around a
window alone, but see its surroundings where it is part of an image, so that the two answers differ.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Gap:
    """Cells beside the windows that they stand for.

    Attributes:
        windows: (columns, rows) of the windows that lie in the image as a whole.
        difference: largest |Δ| between two probabilities, over all classes.
        agreement: share of the windows with the same best class, 0…1.
    """

    windows: tuple[int, int]
    difference: float
    agreement: float


def gap(cells: Tensor, windows: Tensor) -> Gap:
    """Compare cells with windows classified alone.

    Args:
        cells: probabilities of one pass, (C, h, w); cells whose window reaches beyond the image are left out.
        windows: probabilities window by window, (C, rows, columns), with at most h rows and w columns.

    >>> one, alone = torch.tensor([[[0.9, 0.4]], [[0.1, 0.6]]]), torch.tensor([[[0.6]], [[0.4]]])
    >>> found = gap(one, alone)
    >>> found.windows, round(found.difference, 3), found.agreement
    ((1, 1), 0.3, 1.0)
    """
    rows, columns = windows.shape[1:]
    inside = cells[:, :rows, :columns]
    agreement = (inside.argmax(0) == windows.argmax(0)).float().mean().item()
    return Gap((columns, rows), (inside - windows).abs().max().item(), agreement)


def influence(net: nn.Module, x: Tensor, index: int, cell: tuple[int, int]) -> Tensor:
    """Compute each input pixel's influence on a cell's score: |gradient| over the channels, (H, W), sum 1.

    This takes a forward and a backward pass.

    Args:
        net: the convolutionalised classifier, in eval mode.
        x: (1, 3, H, W).
        index: the class.
        cell: (column, row).
    """
    x = x.detach().clone().requires_grad_()
    with torch.enable_grad():
        score = net(x)[0, index, cell[1], cell[0]]
        (gradient,) = torch.autograd.grad(score, x)
    mass = gradient[0].abs().sum(0)
    return (mass / mass.sum().clamp_min(1e-30)).cpu()
