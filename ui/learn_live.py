"""Panel: learn the kernel of one transposed convolution while the visitor watches."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch
from PIL import Image
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from fcnviz import kernel_fit, kernels, render
from fcnviz.kernel_fit import STEPS, Progress, Task
from fcnviz.render import Scale
from fcnviz.upsampling import bilinear_kernel
from ui import cache, masks, panels, shown
from ui import transposed_figures as draw
from ui.frame import Inputs

STARTS = ("Zeros", "Random", "Bilinear")
FACTORS = (8, 16, 32)
#: Longest side of the label map, and how often the pictures change while it learns.
LONGEST, LOOKS = 320, 20


@dataclass(frozen=True, eq=False)
class Learned:
    """Where learning came to.

    Attributes:
        setting: what was learned: photo and network, factor and start.
        losses: (step, loss).
        last: where it ended.
        seconds: wall clock, the pictures included.
    """

    setting: tuple[str, int, str]
    losses: list[tuple[int, float]]
    last: Progress
    seconds: float


@dataclass(frozen=True, eq=False)
class _Slots:
    """Where the pictures that change are drawn."""

    bar: DeltaGenerator
    loss: DeltaGenerator
    kernel: DeltaGenerator
    output: DeltaGenerator
    score: DeltaGenerator


@shown.fragment
def learn(page: Inputs) -> None:
    """Choose, learn, and compare with fixed bilinear."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        factor = st.segmented_control(
            "Stride", FACTORS, default=32, required=True, key="fit_stride", bind="query-params"
        )
        start = st.segmented_control(
            "Start from", STARTS, default="Random", required=True, key="fit_start", bind="query-params"
        )
        pressed = st.button("Learn", icon=":material/model_training:", key="fit_go")
    bar = st.empty()
    task, origin = _task(page, factor)
    if task is None:
        return
    setting = (page.photo.digest + page.networks.names[-1], factor, start)
    known: Learned | None = st.session_state.get("fit_learned")
    if known is not None and known.setting != setting:
        known = None
    slots = _layout(page, task, origin, bar)
    first = next(kernel_fit.learn(task, _start(start, factor)))
    if pressed:
        known = st.session_state["fit_learned"] = _run(page, task, first, setting, slots)
    elif known is None:
        _show(slots, page, task, first, [(0, first.loss)])
    else:
        _show(slots, page, task, known.last, known.losses)
    if known is not None:
        _verdict(task, known)


def _task(page: Inputs, factor: int) -> tuple[Task | None, str]:
    """The label map to restore, and whose it is."""
    photo = page.photo
    if photo.own:
        results = panels.run(photo, page.networks)
        if not results:
            return None, ""
        labels, origin = results[-1].labels, f"{results[-1].title}'s own labels: your photo has no truth"
    else:
        labels, origin = masks.fitted(cache.annotation(photo.name), photo), "drawn by this project"
    try:
        return kernel_fit.task(_reduced(labels), factor), origin
    except ValueError as error:
        st.info(f"{error} Choose another photo.")
        return None, ""


def _reduced(labels: np.ndarray) -> np.ndarray:
    image = Image.fromarray(labels)
    share = min(1.0, LONGEST / max(image.size))
    size = tuple(max(1, round(n * share)) for n in image.size)
    return np.asarray(image.resize(size, Image.Resampling.NEAREST))


def _start(name: str, factor: int) -> Tensor:
    if name == "Zeros":
        return torch.zeros(2 * factor, 2 * factor)
    return kernels.kernel(name, 2 * factor, factor).float()


def _run(page: Inputs, task: Task, first: Progress, setting: tuple[str, int, str], slots: _Slots) -> Learned:
    """Learn, with new pictures every few steps."""
    began, losses = time.perf_counter(), []
    for progress in kernel_fit.learn(task, first.kernel):
        losses.append((progress.step, progress.loss))
        if progress.step % (STEPS // LOOKS) == 0:
            _show(slots, page, task, progress, losses)
            slots.bar.progress(progress.step / STEPS, f"Step {progress.step} of {STEPS}")
    slots.bar.empty()
    return Learned(setting, losses, progress, time.perf_counter() - began)


def _layout(page: Inputs, task: Task, origin: str, bar: DeltaGenerator) -> _Slots:
    """Draw what stays, and make room for what changes."""
    colours = render.PALETTES[page.palette]
    h, w = task.labels.shape
    rows, columns = task.coarse.shape[-2:]
    truth, coarse, fixed, learned = st.columns(4)
    with truth:
        st.markdown("**Labels**")
        shown.picture(
            render.label_png(_classes(task, task.labels), colours),
            "fit_labels",
            width="stretch",
            alt="Labels",
        )
        st.caption(f"{w} × {h} px, {origin}.")
    with coarse:
        st.markdown("**Coarse: one vote a cell**")
        votes = np.where(task.coarse.sum(0) > 0, task.coarse.argmax(0), 255).astype(np.uint8)
        large = render.nearest(_classes(task, votes), task.factor)[:h, :w]
        shown.picture(render.label_png(large, colours), "fit_coarse", width="stretch", alt="Coarse labels")
        st.caption(f"{columns} × {rows} cells of {task.factor} px.")
    bilinear = bilinear_kernel(2 * task.factor)
    with fixed:
        st.markdown("**Fixed bilinear**")
        restored = render.label_png(kernel_fit.restored(task, bilinear), colours)
        shown.picture(restored, "fit_bilinear", width="stretch", alt="Labels by the fixed bilinear kernel")
        st.caption(f"Mean IU {100 * kernel_fit.mean_iu(task, bilinear):.1f} %")
    with learned:
        st.markdown("**Learned**")
        output, score = st.empty(), st.empty()
    left, right = st.columns([1, 3])
    with left:
        st.markdown(f"**Kernel**, {2 * task.factor} × {2 * task.factor}")
        kernel = st.empty()
        st.caption("Red: positive weights, blue: negative.")
    with right:
        st.markdown("**Loss**")
        return _Slots(bar, st.empty(), kernel, output, score)


def _classes(task: Task, index: np.ndarray) -> np.ndarray:
    """Indices of a task → class labels; 255 stays."""
    table = np.full(256, 255, np.uint8)
    table[: len(task.classes)] = task.classes
    return table[index]


def _show(slots: _Slots, page: Inputs, task: Task, now: Progress, losses: list[tuple[int, float]]) -> None:
    labels = kernel_fit.restored(task, now.kernel)
    picture = render.label_png(labels, render.PALETTES[page.palette])
    shown.picture(
        picture, "fit_learned", slot=slots.output, width="stretch", alt="Labels by the learned kernel"
    )
    slots.score.caption(f"Mean IU {100 * kernel_fit.mean_iu(task, now.kernel):.1f} % · step {now.step}")
    values = now.kernel.numpy()
    large = render.nearest(values, max(1, 256 // len(values)))
    kernel = render.heatmap_png(large, Scale.diverging(values))
    shown.picture(kernel, "fit_kernel", slot=slots.kernel, width="stretch", alt="The learned kernel")
    shown.chart(draw.loss(losses, STEPS), "fit_loss", slot=slots.loss)


def _verdict(task: Task, known: Learned) -> None:
    fixed = kernel_fit.mean_iu(task, bilinear_kernel(2 * task.factor))
    learned = kernel_fit.mean_iu(task, known.last.kernel)
    st.markdown(
        f"Mean IU: learned **{100 * learned:.1f} %**, fixed bilinear **{100 * fixed:.1f} %** "
        f"({100 * (learned - fixed):+.1f} points), after {STEPS} steps in {known.seconds:.1f} s."
    )
    st.caption(
        "One kernel for all classes, learned on this very label map: upsampling can be learned; how well it "
        "generalises is another question. Loss: cross-entropy, a class counting by 1/√ of its share."
    )
