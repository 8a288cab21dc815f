"""The Dockerfile's steps, followed without an engine; and the Kubernetes manifest, read."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from apps import ROOT, free_port

from fcnviz import settings
from tests.load.visitor import Visitor


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, rest), continued lines joined."""
    text = (ROOT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines()]


def every(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def test_base_image_user_and_index():
    names = [instruction for instruction, _ in instructions()]
    (image,) = every("FROM")
    low, high = re.match(r">=3\.(\d+),<3\.(\d+)", _project()["requires-python"]).groups()
    minor = int(re.fullmatch(r"python:3\.(\d+)-slim", image)[1])
    assert int(low) <= minor < int(high)
    assert every("ARG") == ["TORCH_INDEX=https://download.pytorch.org/whl/cpu"]
    assert every("USER") == ["fcnviz"]
    assert names.index("USER") > max(i for i, name in enumerate(names) if name in ("COPY", "RUN"))
    assert all("--no-cache-dir" in part for run in every("RUN") for part in run.split("&&") if "pip" in part)


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_torch_comes_from_the_index_and_the_rest_from_requirements():
    """What the RUN line greps is what is pinned."""
    pattern = re.search(r"grep -E '([^']+)'", every("RUN")[1])[1]
    pins = (ROOT / "requirements.txt").read_text().splitlines()
    assert [p.split("==")[0] for p in pins if re.search(pattern, p)] == ["torch", "torchvision"]
    assert all("==" in p for p in pins if p and not p.startswith("#"))


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
        asyncio.run(_served(f"http://127.0.0.1:{port}", [sys.executable, *probe[1:]]))
    finally:
        process.kill()
        process.wait()
    assert subprocess.run([sys.executable, *probe[1:]], capture_output=True).returncode == 1


async def _served(url: str, probe: list[str]) -> None:
    for _ in range(240):
        if subprocess.run(probe, capture_output=True).returncode == 0:
            break
        await asyncio.sleep(0.25)
    visitor = Visitor(url)
    await visitor.open()
    assert visitor.trouble == []
    assert len(visitor.viewer("viewer", "panels")["panels"]) == 4
    await visitor.go("evaluate")  # reads docs/bench.json
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
    limit = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]["maxUploadSize"]
    assert int(ingress["nginx.ingress.kubernetes.io/proxy-body-size"].removesuffix("m")) > limit


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
