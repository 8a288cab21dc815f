"""The app behind nginx, as `deploy/nginx.conf` has it: under a path, and on two replicas."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import tomllib
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

import fcnviz
from fcnviz import render
from tests.apps import ROOT, free_port
from tests.e2e.conftest import _wait, serving, without
from tests.e2e.test_app import layer_pixels, photo_file, settled, upload
from tests.e2e.visiting import share, visit

#: What Debian's own nginx.conf has around ours, but for a user without rights; the log says who served what.
AROUND = """
daemon off; pid {folder}/pid; error_log {folder}/errors;
worker_processes 1; user root; # ignored for others; else root's workers could not write here
events {{}}
http {{
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    log_format replicas '$cookie_fcnviz $upstream_addr $request_uri';
    access_log {folder}/log replicas;
    include {folder}/fcnviz.conf;
}}
"""


@dataclass(frozen=True)
class Proxy:
    """A running nginx.

    Attributes:
        url: of the app behind it.
        replicas: addresses of the two servers, as nginx names them.
        log: where nginx writes who was served what.
    """

    url: str
    replicas: tuple[str, str]
    log: Path

    def served(self) -> list[list[str]]:
        """Cookie, replica and path of each request that is over; "-" stands for none."""
        return [line.split() for line in self.log.read_text().splitlines()]

    def arrive(self) -> str:
        """The cookie that a new browser is given."""
        return re.search(r"fcnviz=(\w+)", " ".join(self.get("/").get_all("Set-Cookie")))[1]

    def get(self, path: str, cookie: str = "") -> HTTPMessage:
        """The headers of an answer."""
        headers = {"Cookie": f"fcnviz={cookie}"} if cookie else {}
        request = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
            return answer.headers


@pytest.fixture(scope="module")
def proxy(tmp_path_factory) -> Iterator[Proxy]:
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx") or without("no nginx on the PATH")
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    with serving(2, "/fcn") as servers:
        replicas = tuple(urlsplit(server.url).netloc for server in servers)
        (folder / "fcnviz.conf").write_text(adapted(folder, port, replicas))
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
        process = subprocess.Popen([nginx, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"])
        try:
            url = f"http://127.0.0.1:{port}/fcn"
            _wait(f"{url}/_stcore/health")
            yield Proxy(url, replicas, folder / "log")
        finally:
            process.terminate()
            process.wait(10)


def adapted(folder: Path, port: int, replicas: tuple[str, ...]) -> str:
    """The owner's file, with the test's ports and folder."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    ours = {
        "listen 80;": f"listen 127.0.0.1:{port};",
        "server 127.0.0.1:8501;": f"server {replicas[0]};",
        "server 127.0.0.1:8502;": f"server {replicas[1]};",
        "/var/lib/nginx/fcnviz": f"{folder}/cache",
    }
    for theirs, mine in ours.items():
        assert text.count(theirs) == 1, theirs
        text = text.replace(theirs, mine)
    return text


def test_a_deep_link_under_the_path_can_be_reloaded_and_copied_and_its_scripts_are_small(browser, proxy):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    url = proxy.url.replace("127.0.0.1", "fcnviz.localhost")  # a name that Streamlit does not know
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    page, caching = context.new_page(), {}
    page.on("response", lambda answer: caching.update({answer.url: answer.headers.get("cache-control")}))
    link = f"{url}/compare?photo=coffee&view=Labels"
    visit(page, link)
    _, sent, run = scripts(page)
    assert run > 1_000_000
    assert sent * 3 <= run
    for address in (a for a in caching if a.startswith("http")):
        expected = "public, immutable, max-age=31536000" if "/static/" in address else "no-store"
        assert caching[address] == expected, address

    page.reload()
    settled(page)
    assert scripts(page)[0] == 0  # the browser has kept them all
    share(page, "Copy link")
    expect(page.get_by_role("status").get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == link
    context.close()


def scripts(page: Page) -> list[int]:
    """Bytes of the page's JavaScript: now from the network, as sent, and as run."""
    entries = """() => performance.getEntriesByType("resource").filter((e) => /\\.js($|\\?)/.test(e.name))
      .map((e) => [e.transferSize, e.encodedBodySize, e.decodedBodySize])"""
    return np.sum(page.evaluate(entries), axis=0).tolist()


@pytest.fixture(scope="module")
def visitors(proxy) -> dict[str, list[str]]:
    """By replica, the cookies of sixty visitors from one address."""
    cookies = [proxy.arrive() for _ in range(60)]
    for cookie in cookies:
        proxy.get("/_stcore/health", cookie)
    return {
        replica: [v for v, r, _ in proxy.served() if r == replica and v in cookies]
        for replica in proxy.replicas
    }


def test_visitors_from_one_address_are_shared_out(visitors):
    assert min(len(cookies) for cookies in visitors.values()) >= 15


def test_who_keeps_no_cookie_stays_on_one_replica_as_well(proxy):
    for _ in range(8):
        proxy.get("/_stcore/health?no-cookie")
    assert len({replica for visitor, replica, path in proxy.served() if path.endswith("?no-cookie")}) == 1


def test_each_session_stays_on_its_replica_and_sees_its_own_photo(browser, proxy, visitors, tmp_path):
    places = {cookies[0]: replica for replica, cookies in visitors.items()}
    contexts = [visiting_as(browser, proxy, cookie) for cookie in places]
    pages = [context.new_page() for context in (*contexts, contexts[0])]  # two sessions on one replica
    for number, page in enumerate(pages):
        visit(page, f"{proxy.url}/compare?view=Labels")
        upload(page, photo_file(tmp_path, (320, 213), number))
    for number, page in enumerate(pages):
        expect(page).to_have_url(re.compile("photo=own"))
        settled(page)
        assert agreement(page, tmp_path / f"mine-{number}.png") > 0.99
    for context in contexts:
        context.close()
    served = once_over(proxy, len(pages))
    for cookie, place in places.items():
        assert {replica for visitor, replica, _ in served if visitor == cookie} - {"-"} == {place}
        assert any("/upload_file/" in path for visitor, _, path in served if visitor == cookie)
    static = Counter(path for _, replica, path in served if "/static/" in path and replica != "-")
    assert sum(static.values()) < 1.2 * len(static)  # then nginx has it; two may ask for a file at once


def visiting_as(browser: Browser, proxy: Proxy, cookie: str) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": "fcnviz", "value": cookie, "url": proxy.url}])
    return context


def agreement(page: Page, photo: Path) -> float:
    """Share of the pixels of FCN-8s's label map that are what the library says for this photo."""
    labels = fcnviz.segment(fcnviz.load("lite0-fcn8s"), photo).labels
    return float((layer_pixels(page, 3)[..., :3] == render.PALETTES["VOC"][labels]).all(-1).mean())


def once_over(proxy: Proxy, websockets: int) -> list[list[str]]:
    """What was served, once nginx has written down these sessions' websockets: it does so as they end."""
    for _ in range(240):
        served = proxy.served()
        if sum(path.endswith("/stream") for _, _, path in served) >= websockets:
            return served
        time.sleep(0.25)
    raise TimeoutError("the websockets do not end")


def test_a_form_is_let_through_up_to_the_limit_of_the_server(proxy):
    limit = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]["maxUploadSize"]
    assert announce(proxy, limit * 2**20 + 1000) == 403  # the app answers: this form lacks its token
    assert announce(proxy, (limit + 2) * 2**20) == 413


def announce(proxy: Proxy, size: int) -> int:
    """Begin an upload of so many bytes, and return the status of the answer."""
    place = urlsplit(proxy.url)
    connection = HTTPConnection(place.netloc, timeout=60)
    connection.putrequest("PUT", f"{place.path}/_stcore/upload_file/nobody/nothing")
    connection.putheader("Content-Length", str(size))
    connection.endheaders(b"\r\n")
    try:
        return connection.getresponse().status
    finally:
        connection.close()
