"""Uploads with a click while the app deals with them: `python -m tests.e2e.uploading URL [COUNT] [--slow]`.

Half of the photos have 12 megapixels, and half replace another. The click comes 0.05 to 0.8 s after the
choice of the file. Each upload is in a session of its own. Prints what became of each, and how many were
lost.
"""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from fcnviz.photos import samples
from tests.e2e.conftest import FLAGS, _chromium
from tests.e2e.visiting import settled, visit

#: Follows the photo in the address, which changes with the page.
_FOLLOW = """() => { window.photos = []; setInterval(() => {
  const photo = new URLSearchParams(location.search).get("photo");
  if (photo && window.photos.at(-1) !== photo) window.photos.push(photo); }, 15); }"""


@dataclass(frozen=True)
class Upload:
    """What became of one upload.

    Attributes:
        size: of the photo, (width, height).
        replaces: whether it replaced another.
        after: seconds between the choice and the click.
        shown: whether the page shows the photo.
        named: whether the uploader shows its file.
        clicked: whether the click did what it does.
        photos: the photos that were shown meanwhile, by their names in the address.
    """

    size: tuple[int, int]
    replaces: bool
    after: float
    shown: bool
    named: bool
    clicked: bool
    photos: tuple[str, ...]

    @property
    def lost(self) -> bool:
        """Whether the photo or the click was lost, or a sample was shown between two photos."""
        return not (self.shown and self.named and self.clicked) or (
            self.replaces and samples.DEFAULT in self.photos
        )


def uploads(browser: Browser, url: str, folder: Path, count: int, *, slow: bool = False) -> Iterator[Upload]:
    """Upload photos into new sessions, one after the other."""
    chance = random.Random(7)
    for number in range(count):
        size = (4000, 3000) if number % 2 == 0 else (320 + number, 200)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        try:
            page = context.new_page()
            visit(page, f"{url}/compare?size=320")
            if slow:
                _slow_down(page)
            if replaces := number % 4 >= 2:
                _choose(page, _photo(folder, (300, 200), number))
                expect(page.get_by_text("300 × 200 px").first).to_be_visible()
            yield _one(page, _photo(folder, size, number), size, replaces, chance.uniform(0.05, 0.8))
        finally:
            context.close()


def _one(page: Page, file: Path, size: tuple[int, int], replaces: bool, after: float) -> Upload:
    page.evaluate(_FOLLOW)
    page.wait_for_function("window.photos.length > 0")
    _choose(page, file)
    page.wait_for_timeout(1000 * after)
    page.get_by_role("radio", name="Swipe").click()
    in_sight = page.get_by_text(f"{size[0]} × {size[1]} px").first
    with contextlib.suppress(Error):  # then it is lost
        in_sight.wait_for(timeout=60_000)
        settled(page)
    named = page.get_by_test_id("stSidebar").get_by_text(file.name).count() > 0
    photos = tuple(page.evaluate("window.photos"))
    return Upload(size, replaces, after, in_sight.count() > 0, named, "layout=Swipe" in page.url, photos)


def _choose(page: Page, file: Path) -> None:
    page.get_by_test_id("stSidebar").locator("input[type=file]").first.set_input_files(file)


def _photo(folder: Path, size: tuple[int, int], seed: int) -> Path:
    """A photo of its own, as a JPEG."""
    pixels = np.random.default_rng([seed, *size]).integers(0, 255, (8, 12, 3), np.uint8)
    path = folder / f"photo-{seed}-{size[0]}.jpg"
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(path, quality=85)
    return path


def _slow_down(page: Page) -> None:
    """Give the page a network of 6 Mbit/s with a delay of 150 ms."""
    line = {"offline": False, "latency": 150, "downloadThroughput": 750_000, "uploadThroughput": 750_000}
    tools = page.context.new_cdp_session(page)
    tools.send("Network.enable")
    tools.send("Network.emulateNetworkConditions", line)


def main(url: str, count: str = "40", *options: str) -> int:
    """Print what became of each upload; the exit status is 1 if any was lost."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=FLAGS)
        done = []
        for upload in uploads(browser, url, Path(folder), int(count), slow="--slow" in options):
            done.append(upload)
            print(upload, flush=True)
        lost = sum(upload.lost for upload in done)
        print(f"{len(done)} uploads, {sum(u.replaces for u in done)} of them replacements: {lost} lost")
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
