"""Learning one kernel: it must reach fixed bilinear on every sample, from any start, in 200 steps."""

import numpy as np
import pytest
import torch
from PIL import Image

from fcnviz import metrics
from fcnviz.lessons.upsampling import kernel_fit, kernels
from fcnviz.photos import samples
from fcnviz.upsampling import bilinear_kernel


def labels(name: str, longest: int = 320) -> np.ndarray:
    mask = Image.fromarray(samples.annotation(name))
    scale = longest / max(mask.size)
    size = round(mask.width * scale), round(mask.height * scale)
    return np.asarray(mask.resize(size, Image.Resampling.NEAREST))


def last(task: kernel_fit.Task, start: torch.Tensor) -> kernel_fit.Progress:
    *_, final = kernel_fit.learn(task, start)
    return final


@pytest.mark.parametrize(
    ("name", "factor"), [*((name, 32) for name in samples.SAMPLES), ("motorbike", 16), ("motorbike", 8)]
)
def test_learning_from_random_reaches_fixed_bilinear(name, factor):
    task = kernel_fit.task(labels(name), factor)
    start = kernels.kernel("random", 2 * factor, factor)
    learned = last(task, start)
    assert learned.step == 200
    fixed = kernel_fit.mean_iu(task, bilinear_kernel(2 * factor))
    assert kernel_fit.mean_iu(task, learned.kernel) >= fixed > kernel_fit.mean_iu(task, start.float())


@pytest.mark.parametrize("start", [torch.zeros(32, 32), bilinear_kernel(32)])
def test_any_start_reaches_fixed_bilinear(start):
    task = kernel_fit.task(labels("motorbike"), 16)
    assert kernel_fit.mean_iu(task, last(task, start).kernel) >= kernel_fit.mean_iu(task, bilinear_kernel(32))


def test_progress_counts_the_steps_and_the_loss_falls():
    task, start = kernel_fit.task(labels("cat", 64), 8), torch.zeros(16, 16)
    steps = list(kernel_fit.learn(task, start, steps=20))
    assert [p.step for p in steps] == list(range(21))
    assert torch.equal(steps[0].kernel, start)
    assert not start.any()
    assert steps[0].loss == pytest.approx(np.log(2), abs=1e-5)  # two classes, all scores zero
    assert steps[-1].loss < steps[0].loss / 2
    assert not torch.equal(steps[0].kernel, steps[1].kernel)  # each one is a copy


def test_votes_by_hand():
    mask = np.array(
        [[0, 0, 7, 7, 7], [0, 7, 7, 7, 255], [255, 255, 0, 0, 255], [255, 255, 0, 7, 255]], np.uint8
    )
    task = kernel_fit.task(mask, 2)
    assert task.classes == (0, 7)
    assert task.coarse[0].tolist() == [[1, 0, 0], [0, 1, 0]]
    assert task.coarse[1].tolist() == [[0, 1, 1], [0, 0, 0]]  # a cell that is all void votes for none
    assert set(np.unique(task.labels)) == {0, 1, 255}


@pytest.mark.parametrize("size", [(33, 65), (32, 64), (16, 17), (40, 3)])
def test_output_lies_on_the_labels_and_nearest_gives_the_votes_back(size):
    mask = np.random.default_rng(0).integers(0, 3, size).astype(np.uint8)
    task = kernel_fit.task(mask, 16)
    scores = kernel_fit.upsample(task, kernels.kernel("nearest", 32, 16).float())
    assert scores.shape == (3, *size)
    assert torch.equal(
        scores, task.coarse.repeat_interleave(16, 1).repeat_interleave(16, 2)[:, : size[0], : size[1]]
    )


def test_restored_labels_are_class_labels_and_iu_is_the_metrics():
    mask = labels("motorbike")
    task, kernel = kernel_fit.task(mask, 8), bilinear_kernel(16)
    restored = kernel_fit.restored(task, kernel)
    assert set(np.unique(restored)) <= set(task.classes)
    assert restored.shape == mask.shape
    expected = metrics.scores(metrics.confusion(restored, mask, 21)).mean_iu
    assert kernel_fit.mean_iu(task, kernel) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0, 255])
def test_one_class_is_nothing_to_restore(value):
    with pytest.raises(ValueError, match="fewer than two classes"):
        kernel_fit.task(np.full((20, 20), value, np.uint8), 8)
