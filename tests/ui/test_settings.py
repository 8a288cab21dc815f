"""What a server's owner sets: read in one place, checked at start, and told in the documentation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fcnviz import weights
from fcnviz.__main__ import main
from fcnviz.evaluation import archive
from fcnviz.photos import images
from tests.apps import ROOT, png, rerun, said, sources, start
from ui import settings
from ui.evaluate import source
from ui.settings import SettingsError

BAD = [
    ("FCNVIZ_WAITING", "-3", "greater than or equal to 0"),
    ("FCNVIZ_WAITING", "many", "a valid integer"),
    ("FCNVIZ_UPLOAD_MB", "0", "greater than or equal to 1"),
    ("FCNVIZ_SIZE", "700", "320, 416, 480, 640, 960 or 1280"),
    ("FCNVIZ_LARGEST", "320", "FCNVIZ_SIZE is 416, over FCNVIZ_LARGEST"),
    ("FCNVIZ_DEVICE", "gpu", "auto, cpu, mps, cuda"),
    ("FCNVIZ_MODE", "open", "'trusted' or 'public'"),
]


@pytest.mark.parametrize(("name", "value", "hint"), BAD)
def test_a_bad_value_is_one_sentence_that_names_it(monkeypatch, name, value, hint):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        settings.settings()
    assert hint in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_library_heeds_no_setting_of_the_apps_owner(monkeypatch, capsys):
    monkeypatch.setenv("FCNVIZ_WAITING", "many")
    monkeypatch.setenv("FCNVIZ_UPLOAD_MB", "1")
    assert main(["weights", "list"]) == 0
    assert "lite0-fcn8s" in capsys.readouterr().out
    assert images.open_image(png(10, 10) + bytes(2**20)).size == (10, 10)


@pytest.mark.parametrize(("name", "value"), [BAD[0][:2], ("FCNVIZ_DEVICE", "cuda:99")])
def test_a_bad_value_is_one_sentence_on_the_page_and_nothing_runs(monkeypatch, passes, name, value):
    monkeypatch.setenv(name, value)
    at = start(page=None)
    assert len(at.error) == 1
    assert name in at.error[0].value
    assert passes == []
    monkeypatch.delenv(name)
    assert not rerun(at).error


def test_a_bad_value_is_there_before_the_app_is_imported():
    code = "from ui.page import controls, photo; print('imported')"
    environment = os.environ | {"FCNVIZ_WAITING": "lots"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert "imported" in done.stdout, done.stderr


def test_settings_are_read_anew_and_those_of_others_do_not_matter(monkeypatch):
    assert settings.settings().waiting == 64
    monkeypatch.setenv("FCNVIZ_WAITING", "7")
    monkeypatch.setenv("FCNVIZ_PORT", "tcp://10.0.0.1:80")  # Kubernetes makes such names of a service's
    assert settings.settings().waiting == 7
    monkeypatch.setenv("FCNVIZ_WAITING", "")
    assert settings.settings().waiting == 64


def test_the_environment_is_read_nowhere_else():
    found = [
        path
        for path, code in sources("fcnviz", "ui", "pages").items()
        if re.search(r"environ\b|getenv", code)
    ]
    assert found == [
        "fcnviz/evaluation/parallel.py",
        "fcnviz/weights/registry.py",
        "ui/__init__.py",  # sets one
        "ui/settings.py",
    ]


def test_sizes_offered_and_shown_at_first(monkeypatch, passes):
    monkeypatch.setenv("FCNVIZ_SIZE", "320")
    monkeypatch.setenv("FCNVIZ_LARGEST", "480")
    at = start(size="1280")
    size = at.select_slider(key="size")
    assert (size.value, list(size.options)) == (320, ["320", "416", "480"])
    at.file_uploader(key="upload").upload("mine.png", png(900, 600), "image/png")
    rerun(at).select_slider(key="size").set_value(480)
    assert "900 × 600 px, reduced to 480 × 320 px" in said(rerun(at))


def test_the_default_input_size_is_that_of_the_bundled_weights():
    assert {weights.find(name).size for name in weights.BUNDLED} == {settings.Settings().size}


def test_upload_limits_hold_on_the_page(monkeypatch):
    monkeypatch.setenv("FCNVIZ_UPLOAD_MB", "1")
    monkeypatch.setenv("FCNVIZ_ZIP_MB", "3")
    at = start(size="320")
    at.file_uploader(key="upload").upload("mine.png", png(900, 600), "image/png")  # 1.5 MB
    assert ["The file is over 1 MB" in error.value for error in rerun(at).error] == [True]
    assert at.file_uploader(key="upload").proto.max_upload_size_mb == 1
    assert "up to 1 MB" in at.file_uploader(key="upload").help
    assert source._megabytes() == 3


def test_streamlit_lets_through_what_the_settings_allow():
    """Its own limit, which the server enforces, is one for all uploads."""
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    fields = settings.Settings.model_fields
    assert config["server"]["maxUploadSize"] * 2**20 == archive.MAX_PACKED
    assert fields["zip_mb"].default * 2**20 == archive.MAX_PACKED
    assert images.MAX_BYTES == 20 * 2**20 < archive.MAX_PACKED


def test_public_mode_offers_no_unverified_weights_no_data_folder_and_no_device(monkeypatch, tmp_path):
    bundled = Path(weights.__file__).parents[2] / "weights"
    for file in bundled.glob("*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "mine.safetensors").write_bytes(
        (tmp_path / "lite0-fcn8s.safetensors").read_bytes()[:-1] + b"\7"
    )
    monkeypatch.setenv("FCNVIZ_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("FCNVIZ_DATA", str(tmp_path))
    at = start("pages/evaluate.py", section="Pairs")
    assert at.selectbox(key="nets").options == ["lite0", "unverified-mine"]
    assert source.FOLDER in at.segmented_control(key="e_source").options
    monkeypatch.setenv("FCNVIZ_MODE", "public")
    at = start("pages/evaluate.py", section="Pairs", nets="unverified-mine", e_source=source.FOLDER)
    assert at.selectbox(key="nets").options == ["lite0"]
    assert source.FOLDER not in at.segmented_control(key="e_source").options


def test_the_documentation_has_this_table():
    assert settings.table() in (ROOT / "docs" / "hosting.md").read_text()


def test_the_error_is_one_that_callers_know():
    assert issubclass(SettingsError, ValueError)
