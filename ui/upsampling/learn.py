"""Panel: learn the kernel of one transposed convolution while the visitor watches."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from fcnviz import render
from fcnviz.lessons.upsampling import kernel_fit, kernels
from fcnviz.lessons.upsampling.kernel_fit import STEPS, Progress, Task, Trial
from fcnviz.photos.images import fit_labels
from fcnviz.photos.samples import SAMPLES
from fcnviz.render import Scale
from fcnviz.upsampling import bilinear_kernel
from ui.compare.results import run_networks
from ui.export import shown
from ui.figures.numbers import percent, signed, span
from ui.page import masks
from ui.page.frame import Inputs
from ui.running import samples, waiting, worker
from ui.upsampling import figures
from ui.upsampling.inputs import KERNELS

STARTS = ("Zeros", "Random", "Bilinear")
FACTORS = (8, 16, 32)
#: Longest side of the label map, in px.
LONGEST = 320
#: How often the pictures change during learning.
LOOKS = 20


@dataclass(frozen=True, eq=False)
class Learned:
    """The result of learning.

    Attributes:
        setting: photo and network, factor and start.
        losses: pairs of step and loss.
        last: the last step.
        seconds: wall-clock time of learning, drawing included.
        trials: the kernel on the photo it learned from, then on the other samples, by title.
    """

    setting: tuple[str, int, str]
    losses: list[tuple[int, float]]
    last: Progress
    seconds: float
    trials: dict[str, Trial]


@dataclass(frozen=True, eq=False)
class _Slots:
    """Placeholders of the pictures that change."""

    bar: DeltaGenerator
    loss: DeltaGenerator
    kernel: DeltaGenerator
    weights: DeltaGenerator
    output: DeltaGenerator
    score: DeltaGenerator


@shown.fragment
@waiting.panel
def learn(page: Inputs) -> None:
    """Learn a kernel on demand, and compare it with fixed bilinear."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        factor = (
            st.segmented_control(
                "Stride", FACTORS, default=32, required=True, key="fit_stride", bind="query-params"
            )
            or 32
        )  # ?fit_stride= chooses none, although it is required
        start = (
            st.segmented_control(
                "Start from", STARTS, default="Random", required=True, key="fit_start", bind="query-params"
            )
            or "Random"
        )
        pressed = st.button("Learn", icon=":material/model_training:", key="fit_go")
    bar = st.empty()
    task, origin = _task(page, factor)
    if task is None:
        return
    setting = (page.photo.sha256 + page.networks.names[-1], factor, start)
    known: Learned | None = st.session_state.get("fit_learned")
    if known is not None and known.setting != setting:
        known = None
    slots = _layout(page, task, origin, bar)
    first = worker.run_short(next, kernel_fit.learn(task, _start(start, factor)))
    if pressed:
        known = st.session_state["fit_learned"] = _run(page, task, first, setting, slots)
    elif known is None:
        _show(slots, page, task, first, [(0, first.loss)])
    else:
        _show(slots, page, task, known.last, known.losses)
    if known is not None:
        _verdict(known)


def _task(page: Inputs, factor: int) -> tuple[Task | None, str]:
    """Return the label map to restore and its origin; if there is none, say why and return None."""
    photo = page.photo
    if photo.own:
        results = run_networks(photo, page.networks)
        if not results:
            return None, ""
        labels, origin = results[-1].labels, f"{results[-1].title}'s own labels: your photo has no truth"
    else:
        labels, origin = masks.fitted(samples.annotation(photo.name), photo), "drawn by this project"
    try:
        return kernel_fit.task(fit_labels(labels, LONGEST), factor), origin
    except ValueError as error:
        st.info(f"{error} Choose another photo.")
        return None, ""


def _start(name: str, factor: int) -> Tensor:
    if name == "Zeros":
        return torch.zeros(2 * factor, 2 * factor)
    return kernels.kernel(KERNELS[name], 2 * factor, factor).float()


def _run(page: Inputs, task: Task, first: Progress, setting: tuple[str, int, str], slots: _Slots) -> Learned:
    """Learn, and draw new pictures every few steps."""
    began, losses = time.perf_counter(), []
    for progress in worker.run_steps(kernel_fit.learn(task, first.kernel)):
        losses.append((progress.step, progress.loss))
        if progress.step % (STEPS // LOOKS) == 0:
            _show(slots, page, task, progress, losses)
            slots.bar.progress(progress.step / STEPS, f"Step {progress.step} of {STEPS}")
    seconds, trials = time.perf_counter() - began, {}
    for title, found in worker.run_steps(_trials(page, task, progress.kernel)):
        trials[title] = found
        slots.bar.progress(1.0, f"Tried on {len(trials)} photos")
    slots.bar.empty()
    return Learned(setting, losses, progress, seconds, trials)


def _trials(page: Inputs, task: Task, kernel: Tensor) -> Iterator[tuple[str, Trial]]:
    """Try a kernel on the label map it learned from, then on those of the other samples."""
    yield f"{page.photo.title} (learned here)", kernel_fit.trial(task, kernel)
    for name, sample in SAMPLES.items():
        if name != page.photo.name:
            labels = fit_labels(samples.annotation(name), LONGEST)
            yield sample.title, kernel_fit.trial(kernel_fit.task(labels, task.factor), kernel)


def _layout(page: Inputs, task: Task, origin: str, bar: DeltaGenerator) -> _Slots:
    """Draw the pictures that stay, and return placeholders for those that change."""
    colours = render.PALETTES[page.palette]
    h, w = task.labels.shape
    rows, columns = task.coarse.shape[-2:]
    truth, coarse, fixed, learned = st.columns(4)
    with truth:
        st.markdown("**Labels**")
        labels = render.label_png(_classes(task, task.labels), colours)
        shown.picture(labels, "fit_labels", width="stretch", alt="Labels")
        st.caption(f"{w} × {h} px, {origin}.")
    with coarse:
        st.markdown("**Coarse: one vote per cell**")
        votes = np.where(task.coarse.sum(0) > 0, task.coarse.argmax(0), 255).astype(np.uint8)
        large = render.nearest(_classes(task, votes), task.factor)[:h, :w]
        shown.picture(render.label_png(large, colours), "fit_coarse", width="stretch", alt="Coarse labels")
        st.caption(f"{columns} × {rows} cells of {task.factor} px.")
    bilinear = bilinear_kernel(2 * task.factor)
    with fixed:
        st.markdown("**Fixed bilinear**")
        restored = render.label_png(kernel_fit.restored(task, bilinear), colours)
        shown.picture(restored, "fit_bilinear", width="stretch", alt="Labels by the fixed bilinear kernel")
        st.caption(f"Mean IU {percent(kernel_fit.mean_iu(task, bilinear))}")
    with learned:
        st.markdown("**Learned**")
        output, score = st.empty(), st.empty()
    left, right = st.columns([1, 3])
    with left:
        st.markdown(f"**Kernel**, {2 * task.factor} × {2 * task.factor}")
        kernel, weights = st.empty(), st.empty()
    with right:
        st.markdown("**Loss**")
        return _Slots(bar, st.empty(), kernel, weights, output, score)


def _classes(task: Task, index: np.ndarray) -> np.ndarray:
    """Turn indices of a task into class labels; 255 stays."""
    table = np.full(256, 255, np.uint8)
    table[: len(task.classes)] = task.classes
    return table[index]


def _show(slots: _Slots, page: Inputs, task: Task, now: Progress, losses: list[tuple[int, float]]) -> None:
    picture = render.label_png(kernel_fit.restored(task, now.kernel), render.PALETTES[page.palette])
    alt = "Labels by the learned kernel"
    shown.picture(picture, "fit_learned", slot=slots.output, width="stretch", alt=alt)
    slots.score.caption(f"Mean IU {percent(kernel_fit.mean_iu(task, now.kernel))} · step {now.step}")
    values = now.kernel.numpy()
    large = render.nearest(values, max(1, 256 // len(values)))
    kernel = render.heatmap_png(large, Scale.diverging(values))
    shown.picture(kernel, "fit_kernel", slot=slots.kernel, width="stretch", alt="The learned kernel")
    slots.weights.caption(f"Weights, {span(values, 2)}. Red: positive, blue: negative.")
    shown.chart(figures.loss_curve(losses, STEPS), "fit_loss", slot=slots.loss)


def _verdict(known: Learned) -> None:
    here = next(iter(known.trials.values()))
    learned, fixed = here.learned, here.fixed
    st.markdown(
        f"Mean IU: learned **{percent(learned)}**, fixed bilinear **{percent(fixed)}** "
        f"({signed(100 * (learned - fixed), 1)} points), after {STEPS} steps in {known.seconds:.1f} s."
    )
    rows = [
        {
            "Photo": title,
            "Learned": percent(t.learned),
            "Fixed bilinear": percent(t.fixed),
            "Points": signed(100 * (t.learned - t.fixed), 1),
            "Pixels that change": percent(t.changed),
        }
        for title, t in known.trials.items()
    ]
    shown.table(pd.DataFrame(rows).set_index("Photo"), "fit_trials")
    st.caption(
        "Mean IU (IoU). One kernel for all classes, learned on the first photo's labels alone and scored on "
        "them: only the other rows show whether it generalises. Loss: cross-entropy, a class counting by 1/√ "
        "of its share."
    )
