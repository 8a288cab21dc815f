"""With the network cut to this machine alone: the app serves all it needs, and every page's sections run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from tests.apps import ROOT
from ui.page.path import PAGES

CUT = ["unshare", "--map-root-user", "--net"]

# Runs in a network namespace of its own: the loopback device is there, but down.
SCRIPT = """
import fcntl, json, logging, re, socket, struct, subprocess, sys, time, urllib.request
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x41))  # SIOCSIFFLAGS: up and running
try:
    socket.create_connection(("192.0.2.1", 80), 2)
    sys.exit("the network is not cut")
except TimeoutError:
    sys.exit("the network is not cut")
except OSError as error:
    assert error.errno == 101, error  # unreachable

from streamlit.testing.v1 import AppTest
from tests.apps import each_section
logging.disable(logging.WARNING)
command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true",
           "--server.address", "127.0.0.1", "--server.port", "8501"]
server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
found = {}
try:
    for page in sys.argv[1:]:
        at = AppTest.from_file("app.py", default_timeout=240)
        if page != "app.py":
            at.switch_page(page)
        at.query_params["size"] = "320"
        at.run()
        said = [e.value for e in (*at.exception, *at.error)]
        for section in each_section(at):
            said += [e.value for e in at.error]
            if section == "Pairs":  # the samples run in the background
                at.session_state["evaluation_job"].wait(120)
        slides = [c for c in at.get("bidi_component") if "fcnviz_lecture_figure" in c.proto.component_name]
        found[page] = {"title": [t.value for t in at.title] + ["a slide" for _ in slides], "said": said}

    def get(path):
        with urllib.request.urlopen("http://127.0.0.1:8501" + path, timeout=30) as answer:
            return answer.read().decode("utf-8", "replace")

    for _ in range(400):
        try:
            get("/_stcore/health")
            break
        except OSError:
            time.sleep(0.25)
    html = get("/")
    for link in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert not re.match("(https?:)?//", link), link
        assert get("/" + link.lstrip("./")), link
    found["links"] = len(re.findall(r'(?:src|href)="', html))
finally:
    server.terminate()
    server.wait(20)
print(json.dumps(found))
"""


def test_every_page_works_without_a_network():
    if not shutil.which("unshare"):
        pytest.skip("cutting the network takes `unshare` (util-linux, on Linux)")
    if subprocess.run([*CUT, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine forbids user namespaces, without which only root can cut the network")
    pages = [path for path, *_ in PAGES]
    done = subprocess.run(
        [*CUT, sys.executable, "-c", SCRIPT, *pages], cwd=ROOT, capture_output=True, text=True, timeout=500,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("links") > 2  # scripts and styles, all from here
    assert found.keys() == set(pages)
    assert all(page["title"] and not page["said"] for page in found.values()), found
