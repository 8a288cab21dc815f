"""Which pairs are evaluated, and the evaluation under way: progress, stop, go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from fcnviz import archive, pairs, weights
from fcnviz.pairs import Found
from fcnviz.settings import settings
from fcnviz.voc import VocFolder
from ui import cache, inputs, shown
from ui.inputs import Networks
from ui.job import LARGEST, Job, Outcome, Plan

SAMPLES, UPLOAD, FOLDER = "Bundled samples", "Upload", "The server's data"
#: In the session: the evaluation that is shown, and the last few by their keys.
_SHOWN, _KEPT, _MOST_KEPT = "evaluation_job", "evaluation_jobs", 4
_UPLOADED = "evaluation_found"


@dataclass(frozen=True, eq=False)
class Source:
    """Where the pairs come from.

    Attributes:
        kind: `SAMPLES`, `UPLOAD` or `FOLDER`.
        key: changes when the pairs do.
        found: the pairs, and what did not match.
    """

    kind: str
    key: tuple[Any, ...]
    found: Found


def run(networks: Networks, working: int) -> Job | None:
    """Draw the choice of pairs and the evaluation's progress; → the evaluation, done or not.

    Args:
        networks: that run.
        working: longest side that they see.
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
    _skipped(job)
    return job


# --- where the pairs come from


def _source() -> Source | None:
    kinds = [SAMPLES, UPLOAD] + [FOLDER] * bool(settings().data and not settings().public)
    kind = st.segmented_control(
        "Photos and masks", kinds, default=SAMPLES, required=True, key="e_source", bind="query-params"
    )
    if kind == UPLOAD:
        return _upload()
    if kind == FOLDER:
        return _folder()
    st.caption(
        "The five bundled photos, with masks drawn by this project. Five photos are an anecdote: they say "
        "nothing about the networks in general."
    )
    return Source(SAMPLES, (SAMPLES,), pairs.from_samples())


def _folder() -> Source | None:
    root = settings().data or ""
    there = pairs.splits(root)
    if not there:
        st.warning(
            "FCNVIZ_DATA on the server names no folder with lists in ImageSets/Segmentation: tell its owner."
        )
        return None
    default = there.index("val") if "val" in there else 0
    split = st.selectbox("Split", there, default, key="e_split", bind="query-params", width=240)
    return Source(FOLDER, (FOLDER, split), pairs.from_folder(VocFolder.open(root, split)))


def _upload() -> Source | None:
    st.file_uploader(
        "Photos and masks, or zips of them",
        type=[*inputs.UPLOAD_TYPES, "zip"], accept_multiple_files=True, key="evaluation_files",
        on_change=_take_files, max_upload_size=_megabytes(), help=_rules(),
    )  # fmt: skip
    if _UPLOADED not in st.session_state:
        st.info(
            "A photo and its mask have the same name: photo.jpg with photo.png or photo_mask.png, or the "
            "same name in JPEGImages/ and SegmentationClass/. Masks are PNGs in VOC indices or colours; 255 "
            "does not count."
        )
        return None
    key, found = st.session_state[_UPLOADED]
    return Source(UPLOAD, (UPLOAD, key), found)


def _megabytes() -> int:
    """Most that may be uploaded at once: as set, and no more than Streamlit lets through."""
    return min(settings().zip_mb, st.get_option("server.maxUploadSize"), archive.MAX_PACKED // 2**20)


def _rules() -> str:
    packed, one = f"{_megabytes()} MB and {archive.MAX_ENTRIES:,} files", f"{settings().upload_mb} MB"
    return f"{_NAMES}Zips: up to {packed}; images up to {one}. {_KEPT_NOWHERE}"


_NAMES = (
    "A PNG is a mask if its folder is called SegmentationClass, masks, labels, annotations or gt, if its "
    "name ends in _mask, _label or _gt, or if it has a palette or 8-bit grey and a photo has the same name. "
)
_KEPT_NOWHERE = (
    "Nothing is written to disk, and all of it goes with your session: two minutes after you close the page, "
    "or later."
)


def _take_files() -> None:
    """Look for pairs in what was uploaded; the files' own ids tell when it changes."""
    files, state = st.session_state["evaluation_files"], st.session_state
    state.pop(_UPLOADED, None)
    for key in [k for k in state.get(_KEPT, {}) if k[0] == UPLOAD]:
        state[_KEPT].pop(key).stop()  # it holds the old files
    if not files:
        return
    if sum(file.size for file in files) > _megabytes() * 2**20:
        found = Found(problems=(("all files", f"Together they are over {_megabytes()} MB: upload fewer."),))
    else:
        found = pairs.match((file.name, file.getvalue()) for file in files)
    state[_UPLOADED] = tuple(file.file_id for file in files), found


def _report(found: Found) -> None:
    """What matched, and what did not."""
    if not found.pairs:
        st.error("No photo has a mask among these files: see how names must match.", icon=":material/error:")
    if found.ignored:
        st.caption(f"Neither photos nor masks, and left out: {found.ignored:,} files.")
    _table("file", "could not be used", dict(found.problems))


def _table(what: str, happened: str, problems: dict[str, str]) -> None:
    if problems:
        count = f"{len(problems):,} {what}{'s' * (len(problems) != 1)}"
        with st.expander(f"{count} {happened}", icon=":material/warning:"):
            rows = pd.DataFrame(problems.items(), columns=[what.capitalize(), "Why"])
            height = "auto" if len(rows) < 8 else 300
            shown.frame(rows, f"{what} {happened}", hide_index=True, height=height)


# --- the evaluation


def _job(source: Source, networks: Networks, working: int) -> Job | None:
    """The session's evaluation of this, or a new one; the one shown before stops, with what it has."""
    key, state = (*source.key, networks.names, networks.device, working), st.session_state
    kept: dict[tuple[Any, ...], Job] = state.setdefault(_KEPT, {})
    shown: Job | None = state.get(_SHOWN)
    if shown is not None and shown.plan.key != key:
        shown.stop()
    if key not in kept:
        job = _new(key, source, networks, working)
        if job is None:
            return None
        kept[key] = job
    for old in list(kept)[:-_MOST_KEPT]:
        del kept[old]
    state[_SHOWN] = kept[key]
    return kept[key]


def _new(key: tuple[Any, ...], source: Source, networks: Networks, working: int) -> Job | None:
    try:
        models = {name: cache.model(name, networks.device) for name in networks.names}
    except weights.WeightsError as error:
        st.error(str(error), icon=":material/error:")
        return None
    plan = Plan(key, source.found.pairs, models, working, cache.runner())
    job = Job(plan, _shared(key) if source.kind == SAMPLES else {})
    if source.kind == SAMPLES and all(weights.find(name).origin == "bundled" for name in networks.names):
        job.start()  # five photos and small networks: seconds
    return job


@st.cache_resource(max_entries=8)
def _shared(key: tuple[Any, ...]) -> dict[str, Outcome | str]:
    """Outcomes for the bundled photos, the same for all visitors."""
    return {}


def _watch(job: Job, drawn_running: bool) -> None:
    """Progress: a fragment that runs by itself while the job does."""
    job.look()
    if job.running != drawn_running:
        st.rerun()  # all of the page, with what is done now
    if job.running or job.left:
        st.progress(len(job.outcomes) / len(job.plan.pairs), text=_state(job))


def _button(job: Job, running: bool) -> None:
    """Stop or go on. Not in the fragment: Streamlit drops its clicks if one elsewhere on the page follows."""
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
    return f"{text} · {speed} · about {_time(job.left / job.rate)} left"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _skipped(job: Job) -> None:
    _table("pair", "skipped", job.skipped)
    if any(max(outcome.size) == LARGEST for outcome in job.good.values()):
        st.caption(f"Pairs over {LARGEST} px were reduced to that first, photo and mask.")
