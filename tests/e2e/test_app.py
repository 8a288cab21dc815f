"""The main flows, as a visitor sees them."""

from __future__ import annotations

import base64
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import Page, expect

from fcnviz import render
from fcnviz.photos import samples
from tests.e2e import visiting
from tests.e2e.visiting import share, visit


def settled(page: Page) -> None:
    """Wait until the script has run and the pictures are there."""
    visiting.settled(page)
    expect(page.locator("figure.panel img.photo, figure.swipe img.photo").first).to_be_visible()


def photo_file(folder: Path, size: tuple[int, int], seed: int = 0) -> Path:
    """A photo of its own: a bundled one, shifted and resized."""
    image = samples.load("cat").resize(size)
    pixels = np.roll(np.asarray(image), 7 * seed, axis=1)
    path = folder / f"mine-{seed}.png"
    path.write_bytes(render.to_png(pixels))
    return path


def upload(page: Page, path: Path) -> None:
    page.get_by_test_id("stSidebar").locator("input[type=file]").first.set_input_files(path)


def layer_pixels(page: Page, index: int) -> np.ndarray:
    """The RGBA pixels of the layer in panel `index`, as the browser decodes them."""
    script = """async img => { await img.decode(); const c = document.createElement("canvas");
      c.width = img.naturalWidth; c.height = img.naturalHeight; const g = c.getContext("2d");
      g.drawImage(img, 0, 0);
      const data = new Blob([g.getImageData(0, 0, c.width, c.height).data]), reader = new FileReader();
      await new Promise(done => { reader.onload = done; reader.readAsDataURL(data); });
      return [c.height, c.width, reader.result.split(",")[1]]; }"""
    height, width, data = page.locator("figure.panel img.layer:not(.truth)").nth(index).evaluate(script)
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)


def test_compare_shows_three_segmentations_before_any_click(page, url):
    visit(page, f"{url}/compare")
    for title in ("FCN-32s", "FCN-16s", "FCN-8s"):
        expect(page.locator("figure.panel", has_text=title)).to_be_visible()
    alpha = [layer_pixels(page, i)[..., 3] for i in (1, 2, 3)]
    assert all(a.any() for a in alpha)  # something is segmented, by each


def test_upload_compare_and_download(page, url, tmp_path):
    visit(page, f"{url}/compare?view=Labels")
    upload(page, photo_file(tmp_path, (320, 213)))
    expect(
        page.get_by_text("Your photo · kept in this session only · 320 × 213 px", exact=False)
    ).to_be_visible()
    settled(page)
    expect(page).to_have_url(re.compile("photo=own"))
    expect(page.locator("figure.panel figcaption").first).to_have_text("320 × 213 px")
    shown = layer_pixels(page, 3)
    with page.expect_download() as download:
        share(page, "Export (zip)")
    download.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        record = json.loads(archive.read("fcnviz.json"))
        with archive.open("lite0-fcn8s-labels.png") as file:
            labels = np.asarray(Image.open(file))
    assert record["photo"]["input_size"] == [320, 213]
    assert [n["stride"] for n in record["networks"]] == [32, 16, 8]
    assert all(re.fullmatch("[0-9a-f]{64}", n["weights_sha256"]) for n in record["networks"])
    colours = render.PALETTES["VOC"][labels]
    assert (shown[..., :3] == colours).all()  # the label map on screen is exact, to the pixel


def test_a_bad_file_says_why_and_loses_nothing(page, url, tmp_path):
    visit(page, f"{url}/compare?photo=coffee")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not a picture at all")
    upload(page, bad)
    expect(page.get_by_test_id("stAlert")).to_be_visible()
    expect(page.get_by_text(samples.SAMPLES["coffee"].title).first).to_be_visible()
    expect(page.locator("figure.panel")).to_have_count(4)


def test_the_gallery_changes_the_photo_and_the_link(page, url):
    visit(page, f"{url}/compare")
    page.get_by_role("button", name=samples.SAMPLES["coffee"].title).click()
    expect(page).to_have_url(re.compile("photo=coffee"))
    expect(page.get_by_text(samples.SAMPLES["coffee"].title).first).to_be_visible()


def test_legend_isolates_a_class_and_the_link_keeps_it(page, url):
    visit(page, f"{url}/compare?photo=cat&view=Labels")
    before = layer_pixels(page, 3)
    page.locator("button.entry", has_text="background").click()
    expect(page.locator("button.entry[aria-pressed=true]")).to_have_count(1)
    expect(page).to_have_url(re.compile("class=background"))
    page.reload()
    settled(page)
    expect(page.locator("button.entry[aria-pressed=true]")).to_contain_text("background")
    after = layer_pixels(page, 3)
    assert ((after[..., 3] > 0) == (before[..., :3] == 0).all(-1)).all()


def test_swipe_works_by_keyboard_and_keeps_its_place(page, url):
    visit(page, f"{url}/compare?layout=Swipe&left=FCN-32s&right=FCN-8s")
    handle = page.get_by_role("slider", name=re.compile("FCN-32s"))
    handle.focus()
    start = float(handle.get_attribute("aria-valuenow"))
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    moved = float(handle.get_attribute("aria-valuenow"))
    assert moved > start
    page.get_by_role("radio", name="Labels").click()
    visiting.settled(page)  # the photo is not to be seen in this view
    assert float(handle.get_attribute("aria-valuenow")) == moved


def test_the_opacity_slider_sends_less_than_300_kb(page, url):
    received = []
    page.on("websocket", lambda ws: ws.on("framereceived", lambda data: received.append(len(data))))
    page.on("response", lambda r: received.append(int(r.headers.get("content-length", 0))))
    visit(page, f"{url}/compare?photo=motorbike&view=Overlay")
    slider = page.get_by_test_id("stMain").get_by_role("slider", name="Opacity")
    slider.focus()
    page.wait_for_timeout(500)
    received.clear()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("opacity=60"))
    page.wait_for_timeout(1500)
    settled(page)
    assert 0 < sum(received) < 300_000


def test_a_deep_link_opens_cold_with_its_state(page, url):
    visit(page, f"{url}/compare?photo=grace&view=Boundaries&opacity=40&colours=Colour-blind+safe")
    expect(page.get_by_text(samples.SAMPLES["grace"].title).first).to_be_visible()
    expect(page.get_by_role("radio", name="Boundaries")).to_have_attribute("aria-checked", "true")
    assert "photo=grace" in page.url


def test_five_uploads_stay_below_1500_mb(page, url, server, tmp_path):
    """`make load` sends hundreds."""
    visit(page, f"{url}/compare")
    for seed in range(5):
        upload(page, photo_file(tmp_path, (640, 480 - seed), seed))
        expect(page.get_by_text(f"640 × {480 - seed} px", exact=False).first).to_be_visible()
        settled(page)
    assert psutil.Process(server.pid).memory_info().rss < 1.5e9
