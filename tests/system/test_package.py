"""What `pip install .` brings, read from the wheel. CI also installs it and runs `installed.py`."""

from __future__ import annotations

import ast
import email
import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import fcnviz
from tests.apps import ROOT

BUNDLED = "fcnviz/weights/bundled/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> dict[str, bytes]:
    """The wheel's files by name, built from a copy in which a checkpoint and secrets of the user's lie."""
    copy = tmp_path_factory.mktemp("copy")
    for name in (".gitignore", "LICENSE", "README.md", "app.py", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, copy)
    for name in (".streamlit", "fcnviz", "pages", "ui", "weights"):
        shutil.copytree(ROOT / name, copy / name)
    (copy / "weights" / "lite0-fcn8s-mine.safetensors").touch()
    (copy / "weights" / "fcn8s.pth").touch()
    (copy / ".streamlit" / "secrets.toml").touch()
    build = ["pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", copy, copy]
    subprocess.run([sys.executable, "-m", *build], check=True)
    (file,) = copy.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _files(folder: str) -> set[str]:
    """Files below a folder of the repository that are no by-products."""
    kept = {".py", ".json", ".typed", ".js", ".css", ".html", ".png"}
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.suffix in kept}
    assert found
    return found


def test_the_library_and_the_app_are_whole(wheel):
    app = {"app.py", ".streamlit/config.toml", *_files("pages"), *_files("ui")}
    assert _files("fcnviz") | {f"fcnviz/app/{name}" for name in app} <= set(wheel)


def test_the_bundled_weights_are_there_with_their_hashes(wheel):
    hashes = {entry["file"]: entry["sha256"] for entry in json.loads(wheel[BUNDLED + "manifest.json"])}
    assert len(hashes) == 3
    for file, sha256 in hashes.items():
        assert hashlib.sha256(wheel[BUNDLED + file]).hexdigest() == sha256
    assert wheel[BUNDLED + "digits.safetensors"] == (ROOT / "weights" / "digits.safetensors").read_bytes()


def test_nothing_else_is(wheel):
    inside = {name for name in wheel if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in inside} == {"fcnviz"}
    assert len([name for name in inside if name.startswith(BUNDLED)]) == 5
    assert not [name for name in inside if "test" in name or name.endswith(".pyc") or "secrets" in name]


def test_metadata(wheel):
    (text,) = (data for name, data in wheel.items() if name.endswith("/METADATA"))
    (scripts,) = (data for name, data in wheel.items() if name.endswith("/entry_points.txt"))
    needed = email.message_from_bytes(text).get_all("Requires-Dist")
    assert email.message_from_bytes(text)["Version"] == fcnviz.__version__
    pins = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert sorted(needed) == sorted(pins)
    assert b"fcnviz = fcnviz.__main__:main" in scripts


def test_what_the_code_imports_is_pinned_or_required_by_what_is():
    files = [ROOT / "app.py", *(f for part in ("fcnviz", "ui", "pages") for f in (ROOT / part).rglob("*.py"))]
    assert len(files) > 200
    imported = {name for file in files for name in imports(file)} - {"fcnviz", "ui", *sys.stdlib_module_names}
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [line.partition("==")[0] for line in lines if "==" in line]
    needs = [need for name in pins for need in metadata.requires(name) or [] if "extra ==" not in need]
    allowed = {plain(re.match(r"[\w.-]+", name)[0]) for name in (*pins, *needs)}
    owners = metadata.packages_distributions()
    unknown = {name for name in imported if not {plain(owner) for owner in owners.get(name, [])} & allowed}
    assert {"torch", "streamlit"} <= imported
    assert not unknown


def imports(file: Path) -> set[str]:
    """The top-level names that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        found |= {name.partition(".")[0] for name in names}
    return found


def plain(name: str) -> str:
    return name.lower().replace("_", "-")
