"""What every section of every page exports and says, for all samples and some links: to compare two versions.

    python -m tests.system.exports record FOLDER [PAGE …]    # of this version
    python -m tests.system.exports compare BEFORE AFTER      # of the links that AFTER has

What differs from run to run is masked: times, dates and the random names that Plotly gives its figures.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import zipfile
from pathlib import Path
from urllib.parse import parse_qsl

import torch
from streamlit.testing.v1 import AppTest

from tests.apps import ROOT, each_section
from ui.export import bundle
from ui.page.path import CHAPTERS

SAMPLES = ("astronaut", "cat", "coffee", "grace", "motorbike")
PAGES = ("app", *(Path(chapter.path).stem for chapter in CHAPTERS))
LINKS = (
    *(f"{page}?photo={photo}&size=320" for photo in SAMPLES for page in PAGES),
    *(f"lecture?photo=cat&size=320&step={step}" for step in range(1, 21)),
    "app?photo=cat&size=320&class=cat",
    "compare?photo=motorbike&size=480&view=Boundaries&layout=Swipe&left=FCN-32s&right=FCN-8s",
    "compare?photo=grace&size=480&colours=Colour-blind safe",
    "compare?photo=cat&size=320&view=Confidence&opacity=30",
    "compare?photo=astronaut&size=320&view=Labels&class=person",
    "heatmaps?photo=cat&size=320&net=16s&stage=16&values=Probability&over=true&more=true&class=cat&x=100&y=80",
    "heatmaps?photo=motorbike&size=480&net=32s&class=motorbike",
    "convolutionalize?photo=cat&size=320&conv_h=5&conv_w=3&conv_c=8&conv_labels=7",
    "upsampling?photo=cat&size=320&t_k=3&t_s=2&t_p=1&t_input=Own&t_cells=1,2;3,4",
    "alignment?photo=cat&a_width=333&a_height=257&a_pad=1",
    "training?photo=cat&size=320&l_keep=10 %&l_grad=true&l_many=true",
    "evaluate?photo=cat&size=320&e_preset=Perfect",
    "history?photo=cat&size=320&h_era=Context&h_stitch=true&h_backbone=vgg16",
)  # fmt: skip

#: Text that no two runs share.
_MASKS = (
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UUID"),
    (r"\b0x[0-9a-f]+\b", "ADDRESS"),
    (r"\d{4}-\d{2}-\d{2}", "DATE"),
    (r'"seconds": [\d.e-]+', '"seconds": TIME'),
    (
        r"\b\d[\d.,]* ?(ms|s|seconds|milliseconds|times|×|%)(?![\w%])(?= (a|faster|as fast|of this|on))",
        "TIME",
    ),
    (r"\b\d[\d.,]* (ms|s)\b", "TIME"),
)


def record(folder: Path, pages: list[str]) -> None:
    """Write the files of every link to these pages (none: to all) into a folder of its own."""
    torch.set_num_threads(1)  # sums in one order, so that scores are the same to the bit
    for link in (link for link in LINKS if not pages or link.partition("?")[0] in pages):
        target = folder / re.sub(r"[^\w=.,;-]+", "_", link)
        for path, content in visit(link).items():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(content)
        print(link, flush=True)


def visit(link: str) -> dict[str, bytes]:
    """The exports of a page's sections, unpacked, and what they say, by path, in a folder for each."""
    page, _, query = link.partition("?")
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    if page != "app":
        at.switch_page(f"pages/{page}.py")
    at.query_params.update(dict(parse_qsl(query)))
    at.run()
    assert not at.exception, (link, at.exception)
    files = {}
    for section in each_section(at):
        if section == "Pairs":  # the samples run in the background
            at.session_state["evaluation_job"].wait(120)
            at.run()
            assert not at.exception, (link, at.exception)
        files.update({f"{section}/{path}".lstrip("/"): content for path, content in _shown(at).items()})
    return files


def _shown(at: AppTest) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(bundle.pack(at.session_state["shown"]))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files.pop("figures/plotly.min.js", None)
    return {**files, "page.txt": said(at).encode()}


def said(at: AppTest) -> str:
    """Every element of a page in its order: kind, label, value and options."""
    lines = []

    def walk(node: object) -> None:
        kind = getattr(node, "type", "")
        parts = [str(getattr(node, name, "") or "") for name in ("key", "label", "options")]
        if kind not in ("plotly_chart", "imgs", "bidi_component", "arrow_data_frame", "arrow_table"):
            parts.append(str(getattr(node, "value", "")))
        lines.append(" | ".join([kind, *parts]))
        for child in getattr(node, "children", {}).values():
            walk(child)

    for block in (at.sidebar, at.main):
        walk(block)
    return "\n".join(lines)


def compare(before: Path, after: Path) -> int:
    """Print the paths that differ, of the links that `after` has; the exit status is 1 if any does."""
    links = [link.name for link in after.iterdir()]
    files = [
        p.relative_to(f).as_posix()
        for f in (before, after)
        for link in links
        for p in (f / link).rglob("*.*")
    ]
    different = [path for path in sorted(set(files)) if _content(before / path) != _content(after / path)]
    print(*different, f"{len(set(files))} files, {len(different)} differ", sep="\n")
    return bool(different)


def _content(path: Path) -> bytes | None:
    if not path.exists():
        return None
    content = path.read_bytes()
    if path.suffix in (".png", ".npy"):
        return content
    text = content.decode("utf-8-sig")
    for pattern, word in _MASKS:
        text = re.sub(pattern, word, text)
    return text.encode()


def main() -> int:
    """Record or compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("record")
    one.add_argument("folder", type=Path)
    one.add_argument("pages", nargs="*", metavar="PAGE")
    one.set_defaults(run=lambda a: record(a.folder, a.pages))
    two = commands.add_parser("compare")
    two.add_argument("before", type=Path)
    two.add_argument("after", type=Path)
    two.set_defaults(run=lambda a: compare(a.before, a.after))
    arguments = parser.parse_args()
    return arguments.run(arguments) or 0


if __name__ == "__main__":
    sys.exit(main())
