"""The READMEs' figures are the manifest's."""

import pytest

from fcnviz import __main__ as cli
from fcnviz import weights
from fcnviz.evaluation import report
from fcnviz.photos.voc import CLASSES
from tests.apps import ROOT


@pytest.mark.parametrize(
    ("file", "tables"),
    [
        ("README.md", (report.overall, report.gains)),
        ("weights/README.md", (report.overall, report.gains, report.by_class)),
    ],
)
def test_a_readme_says_what_was_measured(file, tables):
    text = (ROOT / file).read_text("utf-8")
    for table in tables:
        assert table() in text, f"{file}: put in what `python -m fcnviz weights quality` prints"


def test_what_was_not_measured_is_one_sentence(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("FCNVIZ_WEIGHTS", str(tmp_path))
    assert cli.main(["weights", "quality"]) == 1
    assert "lite0-fcn32s was not measured" in capsys.readouterr().err


def test_the_tables_hold_the_recorded_numbers(capsys):
    assert cli.main(["weights", "quality"]) == 0
    printed = capsys.readouterr().out
    for name in weights.BUNDLED:
        m = weights.find(name).metrics
        low, high = m["intervals"]["mean_iu"]
        assert f"{100 * m['mean_iu']:.1f} ({100 * low:.1f} to {100 * high:.1f})" in printed
        low, high = m["intervals"]["iu_cat"]
        assert f"{100 * m['class_iu']['cat']:.1f} ({100 * low:.1f} to {100 * high:.1f})" in printed
    gain = weights.find("lite0-fcn8s").metrics["gain"]["points"]["mean_iu"]
    assert "8s over 16s" in printed
    assert f"{100 * gain[0]:+.2f}" in printed
    assert all(f"| {name} |" in printed for name in CLASSES)
