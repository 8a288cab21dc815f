"""One word for one thing in what the app says: the texts in its sources, and the glossary."""

from __future__ import annotations

import ast
import json
import re

import pytest

from tests.apps import ROOT, sources

#: What is not to be said, and what is said instead.
OTHERS = {
    r"nets?|models?": "network",
    r"transposed convolutions?|upconvolutions?|fractionally[- ]strided \w+": "deconvolution",
    r"(?<!\()IoU": "IU",
    r"heat maps?|activation maps?": "heatmap or map",
    r"per cent": "percent",
    r"convolutionalis\w+": "convolutionalize, as in the paper",
    r"arg-?max": "the best class",
    r"otherwise than": "differently from",
    r"pixel-?wise|per-pixel": "of each pixel",
    r"down-?sampl\w+": "reduce or stride",
}
#: Where another word is explained, a name, or meant in another sense.
ALLOWED = (
    "U-Net", "Deep Convolutional Nets", "the shuttle is a model", "**transposed convolution**", "model name",
    "segment(model, image)", "Also called transposed convolution", "Intersection over union, IoU",
)  # fmt: skip


def texts() -> dict[str, str]:
    """Texts of at least two words, or with a capital, by their place; without docstrings."""
    found = {}
    for path, source in sources("fcnviz", "ui", "pages").items():
        for node in ast.walk(ast.parse(source)):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.Constant) and isinstance(child.value, str) and not _docstring(node):
                    found[f"{path}:{child.lineno}"] = found.get(f"{path}:{child.lineno}", "") + child.value
    glossary = json.loads((ROOT / "fcnviz/lessons/glossary.json").read_text("utf-8"))
    return found | {term["name"]: term["text"] for term in glossary["terms"]}


def _docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr)


def is_text(value: str) -> bool:
    return " " in value.strip() or value[:1].isupper()


@pytest.mark.parametrize(("others", "word"), OTHERS.items())
def test_one_word_is_said_for_one_thing(others, word):
    said = {}
    for place, text in texts().items():
        for allowed in ALLOWED:
            text = text.replace(allowed, "")
        if is_text(text) and re.search(rf"(?<![\w-])(?:{others})(?![\w-])", text, re.IGNORECASE):
            said[place] = text
    assert said == {}, f"say {word}"


def test_where_another_word_is_allowed_it_is_still_said():
    everything = "\n".join(texts().values())
    assert [text for text in ALLOWED if text not in everything] == []
