"""What a training run computes (`Config`), and what it runs on (`Machine`)."""

from dataclasses import dataclass

from fcnviz.evaluation.parallel import SINGLE, World


@dataclass(frozen=True)
class Config:
    """Everything that decides the result of a training run.

    Attributes:
        stride: 32, 16 or 8.
        init: run folder or weight file of the stage before; None starts from ImageNet (16s, 8s: "at once").
        split: name of the list of training photos.
        epochs: passes over that list.
        crop: side of the square training crops, in pixels.
        scale_min, scale_max: range of the random scale, uniform in its logarithm.
        batch: crops per step.
        lr: AdamW's learning rate for the score layers; trunk and deconvolutions get `lr` × `trunk`.
        trunk: that factor.
        decay: weight decay, on weights but not on biases, norms and deconvolution kernels.
        ema: decay per step of the weights' moving average, which is what is saved in the end.
        fixed_last: keep the last deconvolution bilinear, as the paper does.
        smooth: share of a pixel's target that is spread over the classes of the 5 × 5 pixels around it: label
            smoothing at borders only, where the masks themselves are uncertain.
        frozen: epochs at the end in which batch norms keep and use their statistics, as a finished net does.
        whole: epochs at the end that learn from whole photos instead of crops, at their own size (see
            `crops.WHOLE`), as a photo is used later.
        plain: epochs at the end without colour jitter.
        band: pixels so near to a boundary between two labels count as void: SBD's masks are uncertain there.
        paste: share of the crops on which objects of a rare class (see `crops.RARE`) are pasted.
        balance: each class weighs (median frequency / its frequency) to this power (0: all equal, the paper).
        backbone: "lite0" or "lite2".
        seed: seed of all random numbers.
        limit: use only that many photos (0: all).
        stop_after: stop after that many epochs in all, to continue later (0: run to the end).
    """

    stride: int
    init: str | None = None
    split: str = "train_aug"
    epochs: int = 10
    crop: int = 256
    scale_min: float = 0.5
    scale_max: float = 2.0
    batch: int = 16
    lr: float = 2e-3
    trunk: float = 0.2
    decay: float = 0.01
    ema: float = 0.998
    fixed_last: bool = False
    smooth: float = 0.0
    balance: float = 0.0
    frozen: int = 0
    whole: int = 0
    plain: int = 0
    band: int = 0
    paste: float = 0.0
    backbone: str = "lite0"
    seed: int = 0
    limit: int = 0
    stop_after: int = 0


@dataclass(frozen=True)
class Machine:
    """What may change a run's speed but not its result (up to rounding and each process's batch norm).

    Attributes:
        device: device of this process.
        workers: processes that cut crops.
        compile: use torch.compile.
        graph: replay forward and backward pass as one CUDA graph: small layers no longer wait for Python.
        world: the processes that share each batch.
    """

    device: str = "cpu"
    workers: int = 1
    compile: bool = False
    graph: bool = False
    world: World = SINGLE
