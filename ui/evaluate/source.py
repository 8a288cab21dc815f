"""Panel: the choice of pairs, and the evaluation with its progress and its buttons."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from fcnviz import weights
from fcnviz.evaluation import archive, pairs
from fcnviz.evaluation.pairs import Found
from fcnviz.photos import folder, voc
from ui.evaluate.job import LARGEST, Job, Outcome, Plan
from ui.export import shown
from ui.page import uploads
from ui.page.privacy import PROMISE
from ui.running import worker
from ui.running.networks import model
from ui.settings import settings
from ui.state import Networks

SAMPLES, UPLOAD, FOLDER = "Bundled samples", "Upload", "The server's data"
# Keys in the session: the evaluation on the page, the last evaluations by their keys, and uploaded pairs.
_CURRENT, _KEPT, _UPLOADED = "evaluation_job", "evaluation_jobs", "evaluation_found"
#: Number of evaluations that a session keeps.
_MOST_KEPT = 4

_RULES = (
    "A photo and its mask have the same name: photo.jpg with photo.png, photo_mask.png or mask_photo.png, or "
    "the same name in two folders, such as images/ and masks/, or JPEGImages/ and SegmentationClass/. Masks "
    "are PNGs that hold VOC indices or colours, or black and white; 255 in indices does not count."
)


@dataclass(frozen=True, eq=False)
class Source:
    """The chosen pairs.

    Attributes:
        kind: `SAMPLES`, `UPLOAD` or `FOLDER`.
        key: equal keys mean equal pairs.
        found: the pairs, and the files without a partner.
    """

    kind: str
    key: tuple[Any, ...]
    found: Found


@dataclass(eq=False)
class _Uploaded:
    """The uploaded pairs of a session; one object, so that no change of it can be cut off half-way."""

    files: list[Any] = field(default_factory=list)
    white: int | None = None
    found: Found = field(default_factory=Found)
    seen: uploads.Seen = field(default_factory=uploads.Seen)


def run(networks: Networks, working: int) -> Job | None:
    """Draw the choice of pairs and the progress; → the evaluation, done or not.

    Args:
        networks: the networks to evaluate.
        working: longest side of a photo for them, in px.
    """
    source = _source()
    if source is None:
        return None
    _report(source.found)
    if not source.found.pairs:
        return None
    job = _job(source, networks, working)
    if job is None:
        return None
    running = job.running
    shown.fragment(_watch, run_every=0.7 if running else None)(job, running)
    _button(job, running)
    _table("pair", "skipped", job.skipped)
    _table("pair", "read with a remark", job.notes)
    if any(max(outcome.size) == LARGEST for outcome in job.good.values()):
        st.caption(f"Pairs over {LARGEST} px were reduced to that first, photo and mask.")
    return job


# --- where the pairs come from


def _source() -> Source | None:
    kinds = [SAMPLES, UPLOAD] + [FOLDER] * bool(settings().data and not settings().public)
    kind = st.segmented_control(
        "Photos and masks", kinds, default=SAMPLES, required=True, key="e_source", bind="query-params"
    )
    white = None if kind == SAMPLES else _white(kind)
    if kind == UPLOAD:
        return _upload(white)
    away()
    if kind == FOLDER:
        return _folder(white)
    st.caption(
        "The five bundled photos, with masks drawn by this project. Five photos are an anecdote: they say "
        "nothing about the networks in general."
    )
    return Source(SAMPLES, (SAMPLES,), pairs.from_samples())


def _white(kind: str) -> int | None:
    """Ask for the class of white pixels if masks are black and white only; return its index."""
    current: Job | None = st.session_state.get(_CURRENT)
    asked = current is not None and current.binary and current.plan.key[0] == kind
    if not asked and not st.session_state.get("e_white"):
        return None
    name = st.selectbox(
        "In masks of black and white only, white is", voc.CLASSES[1:], None, key="e_white",
        persist_state="page", placeholder="Choose a class", width=320,
    )  # fmt: skip
    return None if name is None else voc.CLASSES.index(name)


def _folder(white: int | None) -> Source | None:
    root = settings().data or ""
    there = folder.splits(root)
    if not there:
        st.warning(
            "FCNVIZ_DATA on the server names no folder with lists in ImageSets/Segmentation: tell its owner."
        )
        return None
    default = there.index("val") if "val" in there else 0
    split = st.selectbox("Split", there, default, key="e_split", bind="query-params", width=240)
    found = pairs.from_folder(folder.VocFolder.open(root, split), white)
    return Source(FOLDER, (FOLDER, split, white), found)


def _upload(white: int | None) -> Source | None:
    packed, one = f"{_megabytes()} MB and {archive.MAX_ENTRIES:,} files", f"{settings().upload_mb} MB"
    uploaded = _uploads()
    files = st.file_uploader(
        "Photos and masks, or zips of them",
        type=[*uploads.PICTURES, ".zip"],
        accept_multiple_files=True,
        key=uploaded.seen.widget("evaluation_files"),
        max_upload_size=_megabytes(),
        help=f"{_RULES} Zips: up to {packed}; images up to {one}. {PROMISE}",
    )
    _take(uploaded, files)
    if not uploaded.files:
        st.info(_RULES)
        return None
    if uploaded.white != white:
        uploaded.found, uploaded.white = _pairs(uploaded.files, white), white
    ids = tuple(file.file_id for file in uploaded.files)
    return Source(UPLOAD, (UPLOAD, ids, white), uploaded.found)


def _uploads() -> _Uploaded:
    return st.session_state.setdefault(_UPLOADED, _Uploaded())


def away() -> None:
    """Take note that the uploader is not on the page: it comes back empty, and the pairs stay."""
    _uploads().seen.keep(())


def _megabytes() -> int:
    """Return the most that may be uploaded at once: the setting, Streamlit's limit or the library's."""
    return min(settings().zip_mb, st.get_option("server.maxUploadSize"), archive.MAX_PACKED // 2**20)


def _take(uploaded: _Uploaded, files: list[Any]) -> None:
    """Find the pairs among the uploaded files, if they are others than before."""
    ids = tuple(file.file_id for file in files)
    if not uploaded.seen.changed("evaluation_files", ids):
        return
    if ids != tuple(file.file_id for file in uploaded.files):
        with st.spinner("Reading the files …"):
            uploaded.found = _pairs(files, uploaded.white)
        uploaded.files = files
        kept = st.session_state.get(_KEPT, {})
        for key in [k for k in kept if k[0] == UPLOAD]:
            kept.pop(key).stop()  # its pairs hold the old files
    uploaded.seen.settle("evaluation_files", ids)


def _pairs(files: list[Any], white: int | None) -> Found:
    if sum(file.size for file in files) > _megabytes() * 2**20:
        return Found(problems=(("all files", f"Together they are over {_megabytes()} MB: upload fewer."),))
    contents = ((file.name, file.getvalue()) for file in files)
    return pairs.match(contents, max_bytes=settings().upload_bytes, white=white)


def _report(found: Found) -> None:
    """Say which files are no pair, and why."""
    if not found.pairs:
        st.error("No photo has a mask among these files: see how names must match.", icon=":material/error:")
    _table("file", "left out", dict(found.problems))


def _table(what: str, happened: str, problems: dict[str, str]) -> None:
    if problems:
        count = f"{len(problems):,} {what}{'s' * (len(problems) != 1)}"
        with st.expander(f"{count} {happened}", icon=":material/warning:"):
            rows = pd.DataFrame(problems.items(), columns=[what.capitalize(), "Why"])
            height = "auto" if len(rows) < 8 else 300
            shown.frame(rows, f"{what} {happened}", hide_index=True, height=height)


# --- the evaluation


def _job(source: Source, networks: Networks, working: int) -> Job | None:
    """Return the session's evaluation of these pairs, or a new one; the one before stops and is kept."""
    key, state = (*source.key, networks.names, networks.device, working), st.session_state
    kept: dict[tuple[Any, ...], Job] = state.setdefault(_KEPT, {})
    current: Job | None = state.get(_CURRENT)
    if current is not None and current.plan.key != key:
        current.stop()
    if key not in kept:
        job = _new(key, source, networks, working)
        if job is None:
            return None
        kept[key] = job
    for old in list(kept)[:-_MOST_KEPT]:
        del kept[old]
    state[_CURRENT] = kept[key]
    return kept[key]


def _new(key: tuple[Any, ...], source: Source, networks: Networks, working: int) -> Job | None:
    try:
        models = {net.name: model(net) for net in networks.nets}
    except weights.WeightsError as error:
        st.error(str(error), icon=":material/error:")
        return None
    plan = Plan(key, source.found.pairs, models, working, worker.in_background())
    job = Job(plan, _shared(key) if source.kind == SAMPLES else {})
    if source.kind == SAMPLES and all(weights.find(name).origin == "bundled" for name in networks.names):
        job.start()  # five photos and small networks take only seconds
    return job


@st.cache_resource(max_entries=8)
def _shared(key: tuple[Any, ...]) -> dict[str, Outcome | str]:
    """Return the outcomes of the bundled photos, which all visitors share; `key` is a key of the cache."""
    return {}


def _watch(job: Job, drawn_running: bool) -> None:
    """Draw the progress, in a fragment that reruns by itself while the job runs."""
    job.look()
    if job.running != drawn_running:
        st.rerun()  # the whole page, with the new results
    if job.running or job.left:
        st.progress(len(job.outcomes) / len(job.plan.pairs), text=_state(job))


def _button(job: Job, running: bool) -> None:
    """Draw the button to stop or to continue.

    It is outside the fragment, where Streamlit would drop a click that another on the page follows.
    """
    if running:
        icon, off = ":material/stop:", job.stopping
        st.button("Stop", key="evaluation_stop", icon=icon, disabled=off, on_click=_stop, args=(job,))
    elif job.left:
        total, icon = len(job.plan.pairs), ":material/play_arrow:"
        label = "Go on" if job.outcomes else f"Evaluate {total:,} pair{'s' * (total != 1)}"
        st.button(label, key="evaluation_start", icon=icon, on_click=job.start)
    if job.error:
        st.error(job.error, icon=":material/error:")


def _stop(job: Job) -> None:
    job.stop()
    job.wait(2)


def _state(job: Job) -> str:
    done, total = len(job.outcomes), len(job.plan.pairs)
    text = f"{done:,} of {total:,} pairs"
    if job.stopping:
        return f"{text} · stopping after this one"
    if not job.running:
        return f"{text} · not running"
    if not job.rate:
        return f"{text} · under way"
    speed = f"{job.rate:.{1 if job.rate > 1 else 2}f} images a second"
    seconds = job.left / job.rate
    time = f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
    return f"{text} · {speed} · about {time} left"
