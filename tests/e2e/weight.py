"""What opening a page costs the browser: `python -m tests.e2e.weight URL`.

Each page is opened cold, in a browser without a cache. Counted are bytes of scripts as they were sent, bytes
over the websocket, Plotly charts, the layout shift, and the main thread's time in multiples of Start's.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.e2e.conftest import FLAGS, _chromium
from tests.e2e.visiting import visit
from ui.page.path import PAGES

#: Width and height of a phone's window, in px.
PHONE = 390, 844
ROUTES = ["" if path == "app.py" else Path(path).stem for path, *_ in PAGES]

#: Adds up how far things move by themselves, as browsers define it.
_SHIFT = """window.shift = 0; new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""


@dataclass(frozen=True)
class Weight:
    """What a page costs a browser.

    Attributes:
        scripts, socket: bytes of scripts, and over the websocket.
        charts: number of Plotly charts.
        shift: layout shift.
        busy: seconds of the main thread.
    """

    scripts: int
    socket: int
    charts: int
    shift: float
    busy: float


def weigh(browser: Browser, address: str, size: tuple[int, int] = (1440, 900)) -> Weight:
    """Open a page cold, in a window of this size in px, and weigh it, once it is complete."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    page, scripts, socket = context.new_page(), [], []
    page.add_init_script(_SHIFT)
    tools = context.new_cdp_session(page)
    tools.send("Network.enable")
    tools.send("Performance.enable")
    kinds: dict[str, str] = {}
    tools.on("Network.responseReceived", lambda e: kinds.update({e["requestId"]: e["type"]}))
    tools.on(
        "Network.loadingFinished",
        lambda e: scripts.append(e["encodedDataLength"]) if kinds.get(e["requestId"]) == "Script" else None,
    )
    page.on("websocket", lambda ws: ws.on("framereceived", lambda data: socket.append(len(data))))
    visit(page, address)
    page.wait_for_timeout(500)
    metrics = {m["name"]: m["value"] for m in tools.send("Performance.getMetrics")["metrics"]}
    charts = page.locator(".js-plotly-plot").count()
    shift = page.evaluate("window.shift")
    found = Weight(sum(scripts), sum(socket), charts, shift, metrics["TaskDuration"])
    context.close()
    return found


def main(url: str) -> None:
    """Print a row for each page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=FLAGS)
        weigh(browser, url)  # the server has loaded all
        found = {route: weigh(browser, f"{url}/{route}") for route in ROUTES}
        phone = {route: weigh(browser, f"{url}/{route}", PHONE).shift for route in ROUTES}
    print(
        f"{'page':<18}{'scripts, MB':>12}{'socket, kB':>12}{'charts':>8}{'shift':>8}{'phone':>8}{'thread':>8}"
    )
    for route, w in found.items():
        busy = w.busy / found[""].busy
        sizes = f"{w.scripts / 1e6:>12.2f}{w.socket / 1e3:>12.0f}{w.charts:>8}"
        print(f"{route or 'start':<18}{sizes}{w.shift:>8.3f}{phone[route]:>8.3f}{busy:>7.1f}×")


if __name__ == "__main__":
    main(*sys.argv[1:])
