"""The Evaluate page through AppTest, and its job by itself."""

from __future__ import annotations

import csv
import io
import json
import shutil
import threading
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from fcnviz import metrics, weights
from fcnviz.evaluation import bootstrap, measure, pairs, report
from fcnviz.evaluation.single import single as scores_of
from fcnviz.photos import samples, voc
from fcnviz.training import recorded
from fcnviz.weights import bundling
from tests.apps import open_section, rerun, said, start, tables
from ui import paper
from ui.evaluate import grids, job, source
from ui.evaluate import results as evaluation_results
from ui.evaluate.job import Job, Plan

PAGE = "pages/evaluate.py"
#: Links to the sections of pairs; the second does not evaluate the bundled photos at once.
PAIRS = {"section": "Pairs"}
UPLOADING = {**PAIRS, "e_source": "Upload"}


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_intervals_and_paired_gains_are_shown_where_recorded(monkeypatch, tmp_path):
    shutil.copytree(weights.folder(), tmp_path / "weights")
    monkeypatch.setenv("FCNVIZ_WEIGHTS", str(tmp_path / "weights"))
    rng, before = np.random.default_rng(0), None
    for name in weights.BUNDLED:
        images = [measure.measure(rng.integers(0, 21, (9, 9)), rng.integers(0, 21, (9, 9))) for _ in range(5)]
        sure = bootstrap.record(images, before)
        bundling.record(name, {"split": "val", "photos": 5, **measure.report(measure.total(images)), **sure})
        before = name, images
    at = start(PAGE)
    first, gains = tables(at)[0], tables(at)[1]
    m = weights.find("lite0-fcn8s").metrics
    low, high = (100 * v for v in m["intervals"]["mean_iu"])
    assert first.loc["FCN-8s", "Mean IU"] == f"{100 * m['mean_iu']:.1f} % ({low:.1f} to {high:.1f})"
    value, low, high = (100 * v for v in m["gain"]["points"]["within_5"])
    cell = gains.loc["FCN-8s over FCN-16s", "Within 5 px of a boundary"]
    assert cell == f"{value:+.2f} ({low:+.2f} to {high:+.2f})".replace("-", "−")
    assert list(gains.index) == ["FCN-16s over FCN-32s", "FCN-8s over FCN-16s"]
    assert "95 % bootstrap intervals" in said(at)


def zip_of(count: int, broken: int | None = None) -> bytes:
    """Small shifted cats with their masks; one mask may be no PNG."""
    image = samples.load("cat").resize((60, 40))
    truth = np.asarray(Image.fromarray(samples.annotation("cat")).resize((60, 40), Image.Resampling.NEAREST))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        for i in range(count):
            photo = encoded(Image.fromarray(np.roll(np.asarray(image), i, 1)))
            z.writestr(f"JPEGImages/{i:03}.png", photo)
            mask = encoded(Image.fromarray(np.roll(truth, i, 1)))
            z.writestr(f"SegmentationClass/{i:03}.png", mask if i != broken else b"no picture")
    return buffer.getvalue()


def finish(at):
    """Wait for the job, then draw what it found."""
    at.session_state["evaluation_job"].wait(120)
    return rerun(at)


def uploader(at):
    return next(u for u in at.file_uploader if u.key.startswith("evaluation_files"))


def upload(at, name: str, data: bytes):
    uploader(at).upload(name, data, "application/zip")
    return rerun(at)


def button(at, key: str):
    return next(b for b in at.button if b.key == key)


def keys(at) -> list[str]:
    return [b.key for b in at.button]


def test_the_page_shows_numbers_before_any_click(passes):
    source._shared.clear()
    at = start(PAGE, size="320")
    assert passes == []
    about = weights.find("lite0-fcn8s").metrics
    low, high = about["intervals"]["mean_iu"]
    shown = f"{100 * about['mean_iu']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
    assert tables(at)[0].loc["FCN-8s", "Mean IU"] == shown
    assert f"{about['photos']} photos" in said(at)
    assert "measured by this project" in said(at).lower()
    gain = recorded.control("gains")["16s over the 32s trained as long"].mean_iu
    rows = next(table for table in tables(at) if "16s over the 32s trained as long" in table.index)
    assert rows.loc["16s over the 32s trained as long", "Mean IU"] == report.points(gain)
    finish(open_section(at, "Pairs"))
    assert passes == [32, 16, 8] * 5  # the bundled photos
    assert "anecdote" in said(at)


def test_the_bundled_photos_are_evaluated_as_the_library_does():
    at = finish(start(PAGE, **PAIRS, size="320"))
    net = weights.load("lite0-fcn8s")
    photos = [(samples.load(name), samples.annotation(name)) for name in samples.SAMPLES]
    expected = measure.total(
        measure.measure(measure.predict(net, photo, 320), truth) for photo, truth in photos
    )
    s = metrics.scores(expected.confusion)
    here = tables(at)[0].loc["FCN-8s"]
    assert here["Mean IU"] == f"{100 * s.mean_iu:.1f} %"
    assert here["Pixel accuracy"] == f"{100 * s.pixel_accuracy:.1f} %"
    results = evaluation_results.Results.of(at.session_state["evaluation_job"])
    saved = json.loads(evaluation_results.record(results))
    assert saved["networks"]["lite0-fcn8s"]["counts"]["confusion"] == expected.confusion.tolist()
    rows = list(csv.DictReader(io.StringIO(evaluation_results.table(results))))
    assert [row["image"] for row in rows] == list(samples.SAMPLES)
    single = metrics.scores(metrics.confusion(measure.predict(net, photos[0][0], 320), photos[0][1], 21))
    assert float(rows[0]["lite0-fcn8s mean_iu"]) == round(single.mean_iu, 4)
    one = next(iter(results.images.values())).measured["lite0-fcn8s"]
    assert float(rows[0]["lite0-fcn8s iu_of_truth"]) == round(scores_of(one).mean_iu, 4)
    assert int(rows[0]["lite0-fcn8s false_alarm_pixels"]) == sum(scores_of(one).false_alarms.values())


def test_no_widget_costs_a_forward_pass_and_another_visitor_none(passes):
    at = finish(start(PAGE, **PAIRS, size="320"))
    passes.clear()
    for key, value in (("e_cells", "Pixels"), ("e_net", "FCN-16s"), ("e_images", "Best")):
        at.segmented_control(key=key).set_value(value)
        rerun(at)
    at.segmented_control(key="e_images").set_value("FCN-8s beats FCN-32s most")
    rerun(at)
    at.selectbox(key="colours").set_value("Colour-blind safe")
    rerun(at)
    assert "points of IU" in said(at)
    for name in ("Sandbox", "Pairs"):
        open_section(at, name)
    assert at.segmented_control(key="e_net").value == "FCN-16s"
    finish(start(PAGE, **PAIRS, size="320"))
    assert passes == []


def test_pairs_are_uploaded_evaluated_and_a_broken_one_is_skipped(passes):
    at = upload(start(PAGE, **UPLOADING), "mine.zip", zip_of(4, broken=2))
    assert not at.error
    assert passes == []
    button(at, "evaluation_start").click()
    finish(rerun(at))
    assert passes == [32, 16, 8] * 3
    assert list(at.session_state["evaluation_job"].skipped) == ["002"]
    assert "1 pair skipped" in [e.label for e in at.expander]
    assert "on 3 images" in said(at)


def test_what_was_done_stays_when_looking_elsewhere(passes):
    at = upload(start(PAGE, **UPLOADING), "mine.zip", zip_of(2))
    button(at, "evaluation_start").click()
    finish(rerun(at))
    at.select_slider(key="size").set_value(480)
    rerun(at)
    assert "evaluation_start" in keys(at)
    assert "Measured here" not in said(at)
    passes.clear()
    at.select_slider(key="size").set_value(416)
    rerun(at)
    assert "Measured here on 2 images," in said(at)
    for name in ("Sandbox", "Pairs"):
        open_section(at, name)
    assert "Measured here on 2 images," in said(at)  # although the uploader is empty
    upload(at, "mine.zip", zip_of(1))
    assert "Measured here" not in said(at)
    button(at, "evaluation_start").click()
    finish(rerun(at))
    assert "Measured here on 1 image," in said(at)
    assert passes == [32, 16, 8]
    uploader(at).clear()
    rerun(at)
    assert "Measured here" not in said(at)
    assert not at.session_state["evaluation_jobs"]


def test_what_does_not_match_is_reported_and_nothing_runs():
    photo = encoded(Image.new("RGB", (9, 9)))
    at = upload(start(PAGE, **UPLOADING), "alone.png", photo)
    assert "No photo has a mask" in at.error[0].value
    assert "evaluation_start" not in keys(at)
    assert any("left out" in e.label for e in at.expander)
    at = upload(start(PAGE, **UPLOADING), "bad.zip", b"PK no zip")
    assert any("no zip file" in str(d.value) for d in at.dataframe)


def test_a_stopped_evaluation_keeps_what_is_done_and_goes_on(passes, monkeypatch):
    gate = threading.Semaphore(2)  # two pairs, then wait
    real = job._read
    monkeypatch.setattr(job, "_read", lambda pair: (gate.acquire(timeout=60), real(pair))[1])
    at = upload(start(PAGE, **UPLOADING), "mine.zip", zip_of(5))
    button(at, "evaluation_start").click()
    rerun(at)
    running = at.session_state["evaluation_job"]
    while len(running.outcomes) < 2:
        time.sleep(0.02)
    rerun(at)  # the page answers while it runs, and shows what there is
    assert "2 images so far, of 5 pairs" in said(at)
    assert running.running
    running.stop()
    gate.release()
    finish(at)
    assert len(running.outcomes) == 3
    assert "evaluation_start" in keys(at)
    kept = dict(running.outcomes)
    gate.release(10)
    passes.clear()
    button(at, "evaluation_start").click()
    finish(rerun(at))
    assert at.session_state["evaluation_job"] is running
    assert passes == [32, 16, 8] * 2
    assert running.left == 0
    assert all(running.outcomes[name] is outcome for name, outcome in kept.items())


def test_the_owners_folder_is_offered_and_no_path_comes_from_the_browser(tmp_path, monkeypatch):
    assert "The server's data" not in start(PAGE, **UPLOADING).segmented_control(key="e_source").options
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "JPEGImages/a.png").write_bytes(encoded(Image.new("RGB", (40, 30))))
    (tmp_path / "SegmentationClass/a.png").write_bytes(encoded(Image.new("L", (40, 30))))
    (tmp_path / "ImageSets/Segmentation/train.txt").write_text("a\n")
    (tmp_path / "ImageSets/Segmentation/val.txt").write_text("a\nb\n")
    monkeypatch.setenv("FCNVIZ_DATA", str(tmp_path))
    at = start(PAGE, **PAIRS, e_source="The server's data", e_split="../../../etc/passwd")
    assert at.selectbox(key="e_split").options == ["train", "val"]
    assert at.selectbox(key="e_split").value == "val"
    button(at, "evaluation_start").click()
    finish(rerun(at))
    assert "on 1 image," in said(at)
    assert str(tmp_path) not in said(at)
    monkeypatch.setenv("FCNVIZ_DATA", str(tmp_path / "nowhere"))
    at = start(PAGE, **PAIRS, e_source="The server's data")
    assert "names no folder" in at.warning[0].value


def test_numbers_in_print_name_their_data_and_source():
    at = start(PAGE)
    shown = next(table for table in tables(at) if "Source" in table.columns)
    assert len(shown) == len(paper.PUBLISHED)
    assert (shown["Data set"] != "").all()
    assert (shown["Source"] != "").all()
    row = shown[(shown.index == "FCN-8s (VGG16)") & (shown["Source"] == "CVPR 2015, table 2")].iloc[0]
    assert tuple(row[["Pixel acc.", "Mean acc.", "Mean IU", "f.w. IU"]]) == ("90.3", "75.9", "62.7", "83.2")


# --- the sandbox


def formulas(at) -> list[str]:
    return [m.value for m in at.markdown if m.value.startswith("**") and m.value.endswith(" %**")]


@pytest.mark.parametrize("preset", grids.PRESETS)
def test_a_preset_shows_the_librarys_numbers(preset):
    at = start(PAGE, section="Sandbox", e_preset=preset)
    s = metrics.scores(grids.PRESETS[preset][0].confusion())
    four = (s.pixel_accuracy, s.mean_accuracy, s.mean_iu, s.frequency_weighted_iu)
    assert [text.split(": ")[1] for text in formulas(at)] == [f"{100 * v:.1f} %**" for v in four]
    assert grids.PRESETS[preset][1] in said(at)


def test_a_painted_grid_is_in_the_link_and_the_matrix_builds_up():
    truth, prediction = "0" * 63 + "1", "0" * 62 + "11"
    at = start(PAGE, section="Sandbox", e_truth=truth, e_prediction=prediction, e_pixels="63")
    s = metrics.scores(np.array([[62, 1, 0], [0, 0, 0], [0, 0, 0]]))
    assert formulas(at)[2] == f"**Mean IU: {100 * s.mean_iu:.1f} %**"
    assert at.slider(key="e_pixels").value == 63
    at.slider(key="e_pixels").set_value(64)
    rerun(at)
    assert formulas(at)[0] == f"**Pixel accuracy: {100 * 63 / 64:.1f} %**"
    at.slider(key="e_pixels").set_value(0)
    rerun(at)
    assert formulas(at) == []
    assert "nothing counted" in said(at)


def test_the_exercise_is_marked_on_grids_of_ones_own():
    """More than 70 % pixel accuracy with less than 25 % mean IU."""
    blind = grids.PRESETS["All background"][0]
    for truth, prediction, marked in (
        (blind.truth, blind.prediction, "A preset does not count"),
        (blind.truth, "0" * 62 + "20", "Done"),
        (blind.truth, blind.truth[:-1] + "1", "Not yet"),
        ("v" * 64, "0" * 64, "All is void"),
    ):
        at = start(PAGE, section="Sandbox", e_truth=truth, e_prediction=prediction, e_pixels="1")
        (asked,) = (m.value for m in at.markdown if m.value.startswith("**Paint it**"))
        assert marked in asked


def test_nonsense_in_the_link_is_ignored():
    at = start(
        PAGE,
        section="Sandbox",
        e_preset="?",
        e_truth="9" * 64,
        e_prediction="0" * 64,
        e_pixels="-3",
        size="320",
    )
    assert len(formulas(at)) == 4
    assert at.slider(key="e_pixels").value == 64
    at = start(PAGE, **PAIRS, e_source="/etc", size="320")
    assert at.segmented_control(key="e_source").value == "Bundled samples"
    finish(at)


# --- the job by itself


def plan(count: int, broken: int | None = None) -> Plan:
    found = pairs.match([("mine.zip", zip_of(count, broken))]).pairs
    return Plan((), found, {"net": weights.load("lite0-fcn32s")}, 640, lambda task, *a: task(*a))


def test_300_pairs_are_done_but_for_the_broken_one(monkeypatch):
    monkeypatch.setattr(measure, "predict", lambda net, photo, longest: np.full((40, 60), 8, np.uint8))
    given = plan(300, broken=7)
    running = Job(given, {})
    running.start()
    running.wait(120)
    assert running.left == 0
    assert not running.error
    assert list(running.skipped) == ["007"]
    assert len(running.good) == 299
    measured = measure.total(o.measured["net"] for o in running.good.values())
    truth = np.asarray(Image.fromarray(samples.annotation("cat")).resize((60, 40), Image.Resampling.NEAREST))
    assert (measured.confusion == 299 * metrics.confusion(np.full((40, 60), 8), truth, 21)).all()


def test_a_job_that_nobody_watches_ends(monkeypatch):
    running = Job(plan(3), {})
    monkeypatch.setattr(job, "PATIENCE", -1)
    running.start()
    running.wait(30)
    assert not running.running
    assert not running.outcomes
    assert running.left == 3


def test_a_failure_that_no_pair_is_to_blame_for_ends_the_job():
    def out_of_memory(task, *arguments):
        raise RuntimeError("CUDA out of memory")

    given = plan(2)
    running = Job(Plan(given.key, given.pairs, given.models, 640, out_of_memory), {})
    running.start()
    running.wait(30)
    assert "CUDA out of memory" in running.error
    assert running.left == 2


def test_black_and_white_masks_are_scored_once_their_class_is_chosen():
    photo = samples.load("cat").resize((60, 40))
    truth = np.asarray(Image.fromarray(samples.annotation("cat")).resize((60, 40), Image.Resampling.NEAREST))
    at = start(PAGE, **UPLOADING)
    files = uploader(at)
    white = encoded(Image.fromarray((truth == 8).astype(np.uint8) * 255))
    files.set_value([("a.jpg", encoded(photo), "image/png"), ("a.png", white, "image/png")])
    button(rerun(at), "evaluation_start").click()
    finish(rerun(at))
    assert "black and white" in at.session_state["evaluation_job"].skipped["a"]
    rerun(at).selectbox(key="e_white").set_value("cat")
    button(rerun(at), "evaluation_start").click()
    finish(rerun(at))
    job = at.session_state["evaluation_job"]
    confusion = job.good["a"].measured["lite0-fcn8s"].confusion
    assert confusion[8].sum() == (truth == 8).sum()
    assert confusion[0].sum() == (truth != 8).sum()
    for name in ("VOC", "Pairs"):
        open_section(at, name)
    assert at.session_state["evaluation_job"] is job
    assert at.selectbox(key="e_white").value == "cat"


def test_what_was_decided_about_a_mask_is_said():
    photo, values = Image.new("RGB", (60, 40)), np.zeros((40, 60), np.uint8)
    values[:20] = 1
    at = start(PAGE, **UPLOADING)
    files = [("a.jpg", encoded(photo), "image/png"), ("a.png", encoded(Image.fromarray(values)), "image/png")]
    uploader(at).set_value(files)
    button(rerun(at), "evaluation_start").click()
    finish(rerun(at))
    assert "aeroplane" in at.session_state["evaluation_job"].notes["a"]
    assert "1 pair read with a remark" in [e.label for e in at.expander]


def test_little_is_kept_of_a_pair():
    given = plan(1)
    large = Image.new("RGB", (3000, 1500))
    wide = pairs.Pair("wide", lambda: pairs.Read(large, np.full((1500, 3000), voc.VOID, np.uint8)))
    outcome = Job(Plan((), [wide], given.models, 320, given.on_worker), {})._one(wide)
    assert outcome.size == (2048, 1024)
    assert len(outcome.photo) + sum(map(len, outcome.labels.values())) < 20_000
    assert Image.open(io.BytesIO(outcome.labels["net"])).size == (320, 160)
