"""The Dockerfile's steps, followed without an engine; and the Kubernetes manifest, read."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from tests.apps import ROOT, free_port, run_async
from tests.system.load.visitor import Visitor
from ui import settings


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, rest), continued lines joined."""
    text = (ROOT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines()]


def every(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def test_its_python_is_one_that_the_package_supports():
    (image,) = every("FROM")
    low, high = re.match(r">=3\.(\d+),<3\.(\d+)", _project()["requires-python"]).groups()
    assert int(low) <= int(re.fullmatch(r"python:3\.(\d+)-slim", image)[1]) < int(high)


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_app_runs_without_rights():
    names = [instruction for instruction, _ in instructions()]
    assert every("USER")[-1] not in ("root", "0")
    assert names.index("USER") > max(i for i, name in enumerate(names) if name in ("COPY", "RUN"))


def test_torch_comes_from_the_index_that_is_given_and_nothing_else_does(indexes, tmp_path):
    came = install(tmp_path, indexes, TORCH_INDEX=indexes["torch"])
    assert came.pop("torch") == came.pop("torchvision") == "torch"
    assert set(came.values()) == {"default"}
    assert {"helper", "timm", "streamlit"} <= set(came)


def test_all_comes_from_where_pip_takes_it_if_no_index_is_given(indexes, tmp_path):
    came = install(tmp_path, indexes)
    assert set(came.values()) == {"default"}
    assert {"torch", "torchvision"} <= set(came)


def test_no_index_is_written_down_and_none_is_added_to_another():
    for file in ("Dockerfile", "docs/hosting.md", "requirements.txt", "README.md"):
        text = (ROOT / file).read_text()
        assert not re.search(r"extra-index-url|(index|INDEX)(-url)?[ =]\"?https?:", text), file


#: The packages of requirements.txt and their versions; the packages that some wheels of the tests need.
PINS = dict(line.split("==") for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line)
NEEDS = {"torch": ["helper"], "torchvision": ["torch"], "timm": ["torch"]}


@pytest.fixture(scope="module")
def indexes(tmp_path_factory) -> dict[str, str]:
    """Two package indexes as folders, both with empty wheels of every name."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("default", "torch")}
    for origin, folder in folders.items():
        for name, version in {**PINS, "helper": "1.0"}.items():
            local = "+cpu" if origin == "torch" and name in ("torch", "torchvision") else ""
            wheel(folder, name, version + local, origin)
    for newer in (f"{PINS['torch']}+zzz", "99.0"):
        wheel(folders["default"], "torch", newer, "default")
    return {name: folder.as_uri() for name, folder in folders.items()}


def wheel(index: Path, name: str, version: str, origin: str) -> None:
    """Write a wheel without code; its summary says which index it came from."""
    folder, stem = index / name, f"{name.replace('-', '_')}-{version}"
    folder.mkdir(exist_ok=True)
    needs = "".join(f"Requires-Dist: {need}\n" for need in NEEDS.get(name, []))
    with zipfile.ZipFile(file := folder / f"{stem}-py3-none-any.whl", "w") as archive:
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {origin}\n{needs}"
        archive.writestr(f"{stem}.dist-info/METADATA", about)
        archive.writestr(
            f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    with (folder / "index.html").open("a") as page:
        page.write(f'<a href="{quote(file.name)}">{file.name}</a>\n')


def install(folder: Path, indexes: dict[str, str], **arguments: str) -> dict[str, str]:
    """Follow the image's steps of pip in an empty environment; the index that each package came from."""
    venv.create(folder / "venv", with_pip=False)
    (step,) = [line for line in every("RUN") if "pip" in line]
    pip = f'pip() {{ {sys.executable} -m pip --python {folder}/venv/bin/python -q "$@"; }}\n'
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PIP_INDEX_URL": indexes["default"],
                   "PIP_CONFIG_FILE": os.devnull, **arguments}  # fmt: skip
    subprocess.run(["sh", "-c", pip + step], cwd=ROOT, env=environment, check=True)
    (packages,) = folder.glob("venv/lib/python*/site-packages")
    return {d.name: d.metadata["Summary"] for d in distributions(path=[str(packages)])}


def test_its_environment_is_made_of_settings_that_exist(monkeypatch):
    for name, value in _environment().items():
        if name.startswith(settings.PREFIX):
            assert name in settings.names()
            monkeypatch.setenv(name, value)
    assert settings.settings().public


def _environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for line in every("ENV") for pair in shlex.split(line))


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    """What the COPY lines put into the image, and nothing else."""
    app = tmp_path_factory.mktemp("image") / "app"
    app.mkdir()
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for line in every("COPY"):
        *sources, target = line.split()
        for source in sources:
            assert source in allowed, f"{source} is in .dockerignore"
            to = app / source if target == "./" else app / target
            to.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(
                    ROOT / source, to, ignore=shutil.ignore_patterns("__pycache__", "*.pth", "*.pt")
                )
            else:
                shutil.copy(ROOT / source, to)
    return app


def test_what_is_copied_is_enough_to_serve_the_app(image, tmp_path):
    port = str(free_port())
    (start,), (health,) = every("CMD"), every("HEALTHCHECK")
    command = json.loads(start.replace("8501", port).replace("0.0.0.0", "127.0.0.1"))
    probe = json.loads(health.split("CMD", 1)[1].replace("8501", port))
    assert command[0] == "streamlit"
    assert probe[:2] == ["python", "-c"]
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LD_LIBRARY_PATH", "LANG")}
    environment = kept | _environment() | {"HOME": str(tmp_path), "MPLCONFIGDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=image, env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        run_async(_served(f"http://127.0.0.1:{port}", [sys.executable, *probe[1:]]))
    finally:
        process.kill()
        process.wait()
    assert subprocess.run([sys.executable, *probe[1:]], capture_output=True).returncode == 1


@pytest.mark.parametrize(("base", "path"), [("", "/_stcore/health"), ("/a/b/", "/a/b/_stcore/health")])
def test_the_health_check_asks_where_the_app_answers(base, path):
    (health,) = every("HEALTHCHECK")
    with Asked(("127.0.0.1", 0)) as server:
        probe = json.loads(health.split("CMD", 1)[1].replace("8501", str(server.server_address[1])))
        with subprocess.Popen([sys.executable, *probe[1:]], env={"STREAMLIT_SERVER_BASE_URL_PATH": base}):
            server.handle_request()
    assert server.path == path


class Asked(http.server.HTTPServer):
    """Answers once, and knows which path was asked for."""

    path = ""

    def __init__(self, address: tuple[str, int]):
        super().__init__(address, http.server.BaseHTTPRequestHandler)

    def finish_request(self, request, client_address):
        self.path = request.recv(4096).decode().split()[1]
        request.sendall(b"HTTP/1.0 200 OK\r\n\r\n")


async def _served(url: str, probe: list[str]) -> None:
    for _ in range(240):
        if subprocess.run(probe, capture_output=True).returncode == 0:
            break
        await asyncio.sleep(0.25)
    visitor = Visitor(url)
    await visitor.open()
    assert visitor.trouble == []
    assert len(visitor.viewer("stepper", "frames")["frames"]) == 6
    await visitor.go("evaluate")
    await visitor.set("section", "string_array_value", ["Speed"])  # reads fcnviz/bench/record.json
    assert visitor.trouble == []
    await visitor.leave()


# --- Kubernetes


@pytest.fixture(scope="module")
def manifest() -> dict[str, dict]:
    documents = list(yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text()))
    return {d["kind"]: d for d in documents}


def test_kinds_versions_and_labels(manifest):
    assert {kind: d["apiVersion"] for kind, d in manifest.items()} == {
        "Deployment": "apps/v1",
        "Service": "v1",
        "Ingress": "networking.k8s.io/v1",
        "PodDisruptionBudget": "policy/v1",
    }
    labels = manifest["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (
        manifest["Deployment"]["spec"]["selector"]["matchLabels"],
        manifest["Service"]["spec"]["selector"],
        manifest["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()


def test_a_visitor_stays_with_one_replica(manifest):
    assert manifest["Deployment"]["spec"]["replicas"] > 1
    assert manifest["Service"]["spec"]["sessionAffinity"] == "ClientIP"
    ingress = manifest["Ingress"]["metadata"]["annotations"]
    assert ingress["nginx.ingress.kubernetes.io/affinity"] == "cookie"
    backend = manifest["Ingress"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == manifest["Service"]["metadata"]["name"]
    assert backend["port"]["name"] in [p["name"] for p in manifest["Service"]["spec"]["ports"]]


def test_both_proxies_let_through_what_the_server_does_and_a_form_around_it(manifest):
    ingress = manifest["Ingress"]["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"]
    nginx = re.search(r"client_max_body_size (\w+);", (ROOT / "deploy" / "nginx.conf").read_text())[1]
    limit = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]["maxUploadSize"]
    assert ingress == nginx == f"{limit + 1}m"


def test_the_container_is_probed_bounded_and_without_rights(manifest):
    pod = manifest["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    port = container["ports"][0]
    assert str(port["containerPort"]) == every("EXPOSE")[0]
    assert manifest["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/_stcore/health", "port": port["name"]}
    assert set(container["resources"]) == {"requests", "limits"}
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not re.search(r":latest$|^[^:]+$", container["image"]), "an image that changes under its name"
    mounts = {m["name"] for m in container["volumeMounts"]}
    assert mounts == {v["name"] for v in pod["volumes"]}
    names = [e["name"] for e in container["env"] if e["name"].startswith(settings.PREFIX)]
    assert set(names) <= set(settings.names())
    assert pod["enableServiceLinks"] is False
    assert all(isinstance(e["value"], str) for e in container["env"]), "Kubernetes takes only text"
