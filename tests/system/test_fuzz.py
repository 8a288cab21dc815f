"""Hostile input of every kind: one clear sentence each, no traceback, no file elsewhere, little memory.

The corpus is made here, and the same one in each run. FCNVIZ_FUZZ=20 (`make fuzz`) tries twenty times as
many, and others each time.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib  # noqa: F401 (its first import makes a folder, which is not what is looked for here)
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save
from streamlit.testing.v1 import AppTest

from fcnviz import weights
from fcnviz.evaluation import archive, pairs
from fcnviz.photos import images, voc
from fcnviz.photos.images import ImageError
from fcnviz.weights import WeightsError, registry, signatures
from tests.apps import ROOT, each_section, open_section, said, sources
from tests.hostile import chunk, raw_png, saved
from ui.evaluate import grids as sandbox
from ui.page import masks, number_grid
from ui.page.path import PAGES
from ui.state import Photo

TIMES = int(os.environ.get("FCNVIZ_FUZZ", "1"))
#: How many inputs each test has tried.
TRIED: Counter[str] = Counter()


def fuzz(examples: int) -> settings:
    return settings(max_examples=examples * TIMES, suppress_health_check=list(HealthCheck))


def assert_clear(message: str) -> None:
    """One sentence or two for a visitor, on one line."""
    assert 10 < len(message) < 600, message
    assert message.isprintable(), message
    assert "Traceback" not in message
    assert message.count("\n") == 0


# --- no file elsewhere

_ELSEWHERE: list[str] = []
_WATCHED: list[str] = []  # the folder that may be written to, while a test runs
_CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate",
            "shutil.rmtree", "shutil.move"}  # fmt: skip
_WITHIN = {"os.mkdir", "os.remove", "os.rmdir"}  # their last argument is a folder that is open, or -1
_NEVER = {"os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "os.startfile"}


def _audit(event: str, arguments: tuple) -> None:
    if not _WATCHED:
        return
    if event in _NEVER:
        _ELSEWHERE.append(f"{event} {arguments[0]}")
    elif event == "open" and isinstance(arguments[0], (str, bytes)):
        if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
            _note(event, arguments[0])
    elif event in _CHANGES:
        within = arguments[-1] if event in _WITHIN and arguments[-1] not in (None, -1) else None
        _note(event, f"/proc/self/fd/{within}/{os.fsdecode(arguments[0])}" if within else arguments[0])


def _note(event: str, path: str | bytes) -> None:
    name = os.path.realpath(os.fsdecode(path))
    allowed = name.startswith(_WATCHED[0]) or name == "/dev/null"
    if not allowed and "__pycache__" not in name and ".hypothesis" not in name:
        _ELSEWHERE.append(f"{event} {name}")


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Path:
    """Where files may be written."""
    sys.addaudithook(_audit)  # Python has no way to take it off: from here on it costs one `if`
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(autouse=True)
def sealed(room, monkeypatch, tmp_path) -> Iterator[None]:
    """Notes every change of a file outside `room`, and what appears in the working folder and in HOME."""
    there = tmp_path / "a" / "b"
    for name in ("cwd", "home"):
        (there / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(there / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    monkeypatch.chdir(there / "cwd")
    _ELSEWHERE.clear()
    _WATCHED.append(str(room))
    yield
    _WATCHED.clear()
    assert _ELSEWHERE == []
    assert [p for p in tmp_path.rglob("*") if not p.is_dir()] == []


def test_the_watch_sees_what_is_written_elsewhere(tmp_path):
    Path("here").write_text("x")
    Path("here").unlink()
    subprocess.run(["true"], check=True)
    found = [line.split()[0] for line in _ELSEWHERE]
    assert {"open", "os.remove", "subprocess.Popen"} <= set(found)
    _ELSEWHERE.clear()


# --- damage

#: (kind, where as a share of the length, a number)
Change = tuple[str, float, int]
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(("flip", "cut", "set", "long", "drop", "double", "splice", "append")),
        st.one_of(st.floats(0, 1), st.floats(0, 0.1)),  # headers are at the beginning
        st.integers(0, 2**32 - 1),
    ),
    min_size=1,
    max_size=6,
)


def damaged(data: bytes, changes: list[Change], others: list[bytes]) -> bytes:
    """The data with these changes made; "splice" and "append" take from other files."""
    for kind, share, number in changes:
        data = _changed(data, kind, share, number, others[number % len(others)])
    return data


def _changed(data: bytes, kind: str, share: float, number: int, other: bytes) -> bytes:
    at = int(share * len(data))
    before, after, few = data[:at], data[at:], 1 + number % 64
    return {
        "flip": before + bytes([byte ^ 1 << number % 8 for byte in after[:1]]) + after[1:],
        "set": before + bytes([(0, 255, 127, 128)[number % 4]]) + after[1:],
        "long": before + struct.pack(("<I", ">I")[number % 2], number) + after[4:],
        "cut": before,
        "drop": before + after[few:],
        "double": before + after[:few] + after,
        "splice": other[: int(share * len(other))] + after,
        "append": data + other,
    }[kind]


# --- images and masks


def _pictures() -> list[bytes]:
    rng = np.random.default_rng(0)
    rgb = Image.fromarray(rng.integers(0, 255, (12, 16, 3), np.uint8))
    deep = Image.fromarray(rng.integers(0, 65535, (12, 16), np.uint16))
    floats = Image.fromarray(np.float32([[np.nan, np.inf, -1], [0, 1e38, 3]]))
    exif = Image.Exif()
    exif[274] = 6
    lossless = {"lossless": True, "save_all": True, "append_images": [rgb.rotate(90)]}
    return [
        *(saved(rgb, form) for form in ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")),
        saved(rgb, "JPEG", progressive=True, exif=exif),
        saved(rgb, "JPEG", exif=b"Exif\0\0MM\0*" + bytes(range(200))),
        saved(rgb.convert("CMYK"), "JPEG"), saved(rgb.convert("CMYK"), "TIFF"),
        saved(rgb.convert("RGBA"), "PNG"), saved(rgb.convert("LA"), "PNG"), saved(rgb.convert("1"), "PNG"),
        saved(deep, "PNG"), saved(deep, "TIFF"), saved(floats, "TIFF"),
        saved(rgb, "TIFF", compression="tiff_lzw"), saved(rgb, "TIFF", compression="jpeg"),
        saved(rgb, "GIF", save_all=True, append_images=[rgb.rotate(90), rgb.rotate(180)]),
        saved(rgb, "WEBP", **lossless), saved(rgb, "PNG", save_all=True, append_images=[rgb.rotate(90)]),
        raw_png(16, 12, zlib.compress((b"\0" + b"\x0f\xff\0\1\2\3" * 16) * 12), depth=16),
        raw_png(16, 12, zlib.compress((b"\0" + b"\0\5\xff\xff" * 16) * 12), depth=16, colour=4),
    ]  # fmt: skip


def _masks() -> list[bytes]:
    labels = np.full((12, 16), 8, np.uint8)
    labels[3:6, 2:9], labels[0] = 15, 255
    indexed = Image.fromarray(labels)
    indexed.putpalette(voc.palette().tobytes())
    colours = voc.palette()[labels]
    own = Image.fromarray(np.uint8(labels == 15))
    own.putpalette(bytes([1, 2, 3, 4, 5, 6]))
    return [saved(i, "PNG") for i in (Image.fromarray(labels), indexed, Image.fromarray(colours), own)]


PICTURES, MASKS = _pictures(), _masks()
HTML = b"<html><script>alert(1)</script><img src=x onerror=alert(1)></html>"


def _declared() -> dict[str, bytes]:
    """Images whose headers declare far more than there is."""
    gif = bytearray(PICTURES[5])
    gif[6:10] = b"\xff\xff\xff\xff"
    bmp = bytearray(PICTURES[3])
    bmp[18:26] = struct.pack("<ii", 2**31 - 1, -(2**31))
    jpeg = bytearray(PICTURES[0])
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = b"\xff\xdc\xff\xdc"
    webp = b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\xff\xff\xff\xff\xff\xff" + b"ALPH\0\0\0\0"
    tiff = bytearray(PICTURES[4])
    for tag in (256, 257):
        entry = next(at for kind in (3, 4) if (at := tiff.find(struct.pack("<HH", tag, kind))) > 0)
        tiff[entry : entry + 12] = struct.pack("<HHII", tag, 4, 1, 2**31)
    zeros = zlib.compress(bytes(2**20))
    return {
        "png 2^31": raw_png(2**31 - 1, 2**31 - 1, zeros), "png 0": raw_png(0, 0, zeros),
        "png thin": raw_png(1, 10**6, zeros), "png 2^32": raw_png(2**32 - 1, 1, zeros),
        "png 16 bit": raw_png(60_000, 60_000, zeros, depth=16, colour=6),
        "gif": bytes(gif), "bmp": bytes(bmp), "jpeg": bytes(jpeg), "webp": webp, "tiff": bytes(tiff),
    }  # fmt: skip


def try_photo(data: bytes) -> bool:
    """Whether it is taken as a photo."""
    try:
        photo = images.read_photo(data)
    except ImageError as error:
        assert_clear(str(error))
        return False
    for note in photo.notes:
        assert_clear(note)
    image = photo.image
    assert image.mode == "RGB"
    assert 0 < image.width * image.height <= images.MAX_PIXELS
    return True


def try_mask(data: bytes) -> bool:
    try:
        mask = images.read_mask(data)
        photo = Image.new("RGB", (16, 12))
        fitted = masks.fitted(mask.labels, Photo("own", "", "", photo, photo.size, 640))
    except ImageError as error:
        assert_clear(str(error))
        return False
    for note in mask.notes:
        assert_clear(note)
    assert set(np.unique(fitted)) <= {*range(len(voc.CLASSES)), voc.VOID}
    assert fitted.shape == (12, 16)
    return True


def test_the_corpus_itself_is_good():
    """Or else the damage would change nothing."""
    assert all(map(try_photo, PICTURES))
    assert all(map(try_mask, MASKS))


@fuzz(220)
@given(st.integers(0, 2**16), CHANGES)
def test_images(which, changes):
    TRIED["images"] += 1
    data = damaged(PICTURES[which % len(PICTURES)], changes, [*PICTURES, HTML, b"PK\3\4", b""])
    try_photo(data)


@fuzz(120)
@given(st.integers(0, 2**16), CHANGES)
def test_masks(which, changes):
    TRIED["masks"] += 1
    try_mask(damaged(MASKS[which % len(MASKS)], changes, [*MASKS, *PICTURES, HTML]))


@pytest.mark.parametrize("name", _declared())
def test_declared_sizes(name):
    TRIED["images"] += 1
    assert not try_photo(_declared()[name])


def test_polyglots():
    """A file that is two things at once is an image or nothing."""
    for picture in PICTURES:
        for other in (zipped([("a.jpg", PICTURES[0])]), HTML, pickle.dumps(Evil("x")), PICTURES[1]):
            TRIED["images"] += 2
            assert try_photo(picture + other) or picture[:2] in (b"RI", b"II", b"MM")
            try_photo(other + picture)


# --- zips

ODD_NAMES = (
    "../../x.jpg", "/etc/x.png", "C:\\x.jpg", "..\\..\\x.png", "a/../../../x.png", "x.jpg\0.txt", "\0.jpg",
    ".", "..", "~/x.jpg", "//server/x.png", "CON.png", "x" * 5000 + ".jpg", "a/" * 500 + "x.png",
    "\u202egnp.jpg", "a.jpg", "<img src=x>.png", "a\nb.jpg", "$(touch x).jpg", "inner.zip", "masks/a.png",
    "a.png",
)  # fmt: skip
NAMES = st.one_of(
    st.sampled_from(ODD_NAMES), st.text(min_size=1, max_size=40).map(lambda name: f"{name}.png")
)


def zipped(files: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED, links: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as z:
        for name, data in files:
            entry = zipfile.ZipInfo("x")
            entry.filename = name.encode("utf-8", "replace").decode()[:60_000]
            entry.compress_type = method
            if links:
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            z.writestr(entry, data)
    return buffer.getvalue()


def try_zip(data: bytes, name: str = "all.zip") -> None:
    found = pairs.match([(name, data)])
    for file, problem in found.problems:
        assert_clear(problem)
        assert file.isprintable()
        assert len(file) < 100
    for pair in found.pairs[:5]:
        try:
            read = pair.open()
        except ImageError as error:
            assert_clear(str(error))
        else:
            assert read.photo.size == read.labels.shape[::-1]


@fuzz(120)
@given(
    st.lists(st.tuples(NAMES, st.integers(0, 2**16)), max_size=6),
    st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)),
    st.booleans(),
    st.one_of(st.just([]), CHANGES),
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zips(files, method, links, changes):
    TRIED["zips"] += 1
    contents = [*PICTURES, *MASKS, HTML, b"/etc/passwd", zipped([("a.jpg", PICTURES[0])])]
    data = zipped([(name, contents[i % len(contents)]) for name, i in files], method, links)
    try_zip(damaged(data, changes, [*PICTURES, data, HTML]))


def _entries(data: bytes) -> Iterator[int]:
    """Where the entries of a zip's table of contents begin."""
    at = data.find(b"PK\1\2")
    while at >= 0:
        yield at
        at = data.find(b"PK\1\2", at + 1)


def _edited(data: bytes, offset: int, form: str, value: int) -> bytes:
    edited = bytearray(data)
    for at in _entries(data):
        struct.pack_into(form, edited, at + offset, value)
    return bytes(edited)


#: (offset in an entry, form, values): flags, method, sum, packed size, size, name, extra, place.
FIELDS = ((8, "<H", (1, 8, 0x41, 0xFFFF)), (10, "<H", (1, 9, 93, 99)), (16, "<I", (0, 7)),
          (20, "<I", (0, 2**31, 2**32 - 1)), (24, "<I", (0, 1, 2**31, 2**32 - 1)), (28, "<H", (0, 0xFFFF)),
          (30, "<H", (1, 0xFFFF)), (42, "<I", (0, 5, 2**31, 2**32 - 1)))  # fmt: skip


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field[0]}")
def test_zips_that_lie(field):
    """Encrypted, wrong sums, overlapping entries, sizes that are not so, nested, duplicate names."""
    offset, form, values = field
    good = zipped([("a.jpg", PICTURES[0]), ("a.png", MASKS[0]), ("b/a.png", MASKS[1])])
    for value in values:
        TRIED["zips"] += 1
        try_zip(_edited(good, offset, form, value))


def test_a_file_without_a_name_in_a_zip():
    """Python cuts names at a zero byte, and up to 3.11 fails to tell whether what is left is a folder."""
    TRIED["zips"] += 1
    try_zip(zipped([("\0.jpg", PICTURES[0]), ("a.jpg", PICTURES[0]), ("a.png", MASKS[0])]))


def test_a_good_zip_among_them_is_read():
    found = pairs.match([("a.zip", zipped([("../a.jpg", PICTURES[0]), ("/masks/a.png", MASKS[0])]))])
    assert [p.name for p in found.pairs] == ["a"]
    assert found.pairs[0].open().labels.shape == (12, 16)


# --- checkpoints


class Evil:
    """Would call something when unpickled."""

    def __init__(self, target: str, how: int = 0):
        self.target, self.how = target, how

    def __reduce__(self):
        return (
            (Path.touch, (Path(self.target),)),
            (os.system, (f"touch {self.target}",)),
            (eval, (f"open({self.target!r}, 'w')",)),
            (torch.load, (self.target,)),
            (__import__, ("antigravity",)),
            (np.fromfile, (self.target,)),
            (shutil.rmtree, (self.target,)),
            (torch.zeros, ((2**40,),)),
        )[self.how]


def _checkpoints() -> list[bytes]:
    state = {"conv1_1.weight": torch.rand(4, 3, 3, 3), "score_fr.bias": torch.rand(5)}
    made = [save(state)]
    for new in (True, False):
        for thing in (state, {"model_state_dict": state}, [1, "a"]):
            buffer = io.BytesIO()
            torch.save(thing, buffer, _use_new_zipfile_serialization=new)
            made.append(buffer.getvalue())
    return [*made, pickle.dumps({"a": 1})]


CHECKPOINTS = _checkpoints()


@pytest.fixture
def folder(room, monkeypatch) -> Path:
    """The weights folder, empty."""
    where = room / "weights"
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir()
    monkeypatch.setenv("FCNVIZ_WEIGHTS", str(where))
    return where


def try_checkpoint(folder: Path, data: bytes, name: str = "x.pth") -> None:
    """The file is no network of ours, and that is said in one sentence."""
    path = folder / name
    path.write_bytes(data)
    (problem,) = weights.problems()
    assert_clear(problem)
    assert weights.available() == []
    path.unlink()


@fuzz(100)
@given(st.integers(0, 2**16), CHANGES, st.sampled_from(("x.pth", "x.safetensors", "x.pth.tar", "x\n<b>.pt")))
@pytest.mark.filterwarnings("ignore")
def test_checkpoints(folder, which, changes, name):
    TRIED["checkpoints"] += 1
    data = damaged(CHECKPOINTS[which % len(CHECKPOINTS)], changes, [*CHECKPOINTS, *PICTURES, HTML])
    try_checkpoint(folder, data, name)


def _headers() -> list[bytes]:
    """safetensors files whose headers are wrong, or right and say something odd."""
    four = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    odd = [
        {}, {"a": 1}, {"a": {}}, {"\n" * 3000: {}}, {"<b>" * 2000: four},
        {"a": {**four, "shape": [2**62] * 2}}, {"a": {**four, "shape": [-1]}},
        {"a": {**four, "data_offsets": [4, 0]}},
    ]  # fmt: skip
    texts = [json.dumps(head).encode() for head in odd] + [b"{" * 50_000, b'{"a":' * 5000]
    made = [struct.pack("<Q", len(text)) + text + bytes(4) for text in texts]
    made += [struct.pack("<Q", n) + b"{}" for n in (2**31, 2**63, 2**64 - 1, 99_999_999)]
    names = [*signatures.signature("lite0", 32)]
    made += [_empty([*names, name]) for name in ("a\n\u202e<b>" * 3000, "", " ", "\0", "é" * 500)]
    return [*made, _empty(names), _empty(names, [0] * 5000), _empty(names[3:]), _empty(["conv_stem.weight"])]


def _empty(names: list[str], shape: tuple[int, ...] | list[int] = (0,)) -> bytes:
    """A safetensors file of tensors without any number."""
    text = json.dumps(
        {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name in names}
    ).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize("which", range(len(_headers())))
def test_headers_of_safetensors(folder, which):
    TRIED["checkpoints"] += 1
    try_checkpoint(folder, _headers()[which], "x.safetensors")


@pytest.mark.parametrize("how", range(8))
@pytest.mark.filterwarnings("ignore")
def test_pickles_that_would_do_something(folder, tmp_path, how):
    target = str(tmp_path / "pwned")
    for new in (True, False):
        for thing in (Evil(target, how), {"state_dict": {"conv1_1.weight": Evil(target, how)}}):
            TRIED["checkpoints"] += 1
            buffer = io.BytesIO()
            torch.save(thing, buffer, _use_new_zipfile_serialization=new)
            try_checkpoint(folder, buffer.getvalue())
    try_checkpoint(folder, pickle.dumps(Evil(target, how)))


@fuzz(40)
@given(CHANGES)
def test_manifests(folder, changes):
    TRIED["manifests"] += 1
    good = (registry.PUBLISHED.parents[2] / "weights" / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(damaged(good, changes, [b"[]", b'[{"name": 1}]', HTML]))
    try:
        weights.list_weights()
        weights.available()
    except WeightsError as error:
        assert "manifest.json is damaged" in str(error)  # noqa: PT017 (harmless changes raise nothing)


# --- links


NUMBERS = [
    "0", "-1", "1", "2", "3", "7", "64", "100", "-0", "1e3", "1e309", "nan", "inf", "-inf", "999999999999",
    "9" * 400, "0x10", "1_000", "１２", "٣", "1.5", " 1", "1;2,3", "1,2,3,4", "0.5", "true", "false",
]  # fmt: skip
WORDS = [
    "", "null", "None", "../../etc/passwd", "/etc/passwd", "<script>alert(1)</script>", "{{7*7}}", "%00",
    "\0", "a\nb", "\u202e", "\U0001f600", "é" * 300, "x" * 20_000, "[]", "{}", "'; drop table", "$(id)",
    "__import__", "Own", "Swipe", "8s", "16s", "cat", "own", "random", "lite0", "person", "Bilinear", "Down",
    "Upload", "2-D", "Coarse heatmap", "Probability", "0" * 64, "1" * 64 + "v", "Colour-blind safe",
]  # fmt: skip


def value(chance: random.Random) -> str | list[str]:
    """Something for a parameter to be: numbers, words that mean something somewhere, any text, several."""
    if chance.random() < 0.1:
        return [chance.choice(NUMBERS + WORDS) for _ in range(2)]
    if chance.random() < 0.1:
        return "".join(
            chr(chance.choice((chance.randrange(128), chance.randrange(0xD800)))) for _ in range(20)
        )
    return chance.choice(chance.choice((NUMBERS, NUMBERS, WORDS)))


def parameters() -> list[str]:
    """Every name that a page takes from its link, by what the code says."""
    bound = re.compile(r'key="(\w+)"(?:[^()]|\([^()]*\))*?bind=')
    direct = re.compile(r'(?:query_params|link)(?:\.get\(|\.pop\(|\[)"(\w+)"')
    helped = re.compile(r'(?:one_of|integer|editor|own_kernel)\([^)]*?"([a-z]+_\w+)"')
    found = {
        name
        for text in sources().values()
        for pattern in (bound, direct, helped)
        for name in pattern.findall(text)
    }
    return sorted(found | {"x", "y", "a_width", "a_height"})  # which the code goes through in a loop


def test_parameters_are_found():
    known = {"section", "photo", "size", "nets", "view", "opacity", "x", "class", "net", "t_k", "t_cells",
             "a_pad", "a_width", "e_truth", "conv_h", "conv_weight", "g_weights", "stitch_f"}  # fmt: skip
    assert known <= set(parameters())


@fuzz(150)
@given(st.one_of(st.sampled_from(NUMBERS + WORDS), st.text(), st.text("0123456789.,;-e+nai", max_size=80)))
def test_what_reads_links(text):
    TRIED["links"] += 1
    values = number_grid.from_text(text)
    assert values is None or (values.ndim == 2 and np.isfinite(values).all())
    for grids in (sandbox.Grids(text, "0" * 64), sandbox.Grids("0" * 64, text)):
        if grids.valid:
            grids.confusion()


def check(at: AppTest) -> None:
    assert not at.exception, [e.value for e in at.exception]
    assert "Traceback" not in said(at)
    for error in at.error:
        assert_clear(error.value)


@pytest.mark.parametrize("page", [path for path, *_ in PAGES])
@fuzz(3)
@given(st.integers(0, 2**32))
def test_links(page, seed):
    """All parameters at once, on each page and in each of its sections."""
    chance = random.Random(seed)
    walk(page, lambda: value(chance))


@pytest.mark.parametrize("page", [path for path, *_ in PAGES])
def test_links_without_values(page):
    walk(page, lambda: "")


def walk(page: str, draw: Callable[[], str | list[str]]) -> None:
    TRIED["links"] += 1
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    if page != "app.py":
        at.switch_page(page)
    for name in parameters():
        at.query_params[name] = draw()
    check(at.run())
    for _ in each_section(at):
        check(at)


# --- uploads on pages


def page_with(page: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    at.switch_page(page)
    return at.run()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "flipped": lambda: damaged(PICTURES[6], [("flip", 0.5, 3), ("long", 0.05, 7)], PICTURES),
    "cut": lambda: PICTURES[1][:60],
    "huge": lambda: _declared()["png 2^31"],
    "cmyk": lambda: PICTURES[8],
    "16 bit": lambda: PICTURES[13],
    "not finite": lambda: PICTURES[15],
    "animated": lambda: PICTURES[18],
    "zip": lambda: zipped([("a.jpg", PICTURES[0])]),
    "pickle": lambda: pickle.dumps(Evil("pwned")),
    "html": lambda: HTML,
    "one pixel": lambda: saved(Image.new("RGB", (1, 1)), "PNG"),
    "empty": lambda: b"",
}


def test_photos_and_masks_on_a_page():
    at = page_with("pages/compare.py")
    for name, make in HOSTILE.items():
        TRIED["pages"] += 2
        for uploader in at.file_uploader:  # a photo, and the mask of the one before
            uploader.set_value((f"{name}\n<b>.png", make(), "image/png"))
        check(at.run())


def test_zips_on_a_page():
    at = open_section(page_with("pages/evaluate.py"), "Pairs")
    at.segmented_control(key="e_source").set_value("Upload")
    at.run()
    good = zipped([("a.jpg", PICTURES[0]), ("../masks/a.png", MASKS[0]), ("\u202e<b>\n.png", HTML)])
    for data in (
        good,
        good[:-20],
        b"",
        PICTURES[0],
        _edited(good, 8, "<H", 1),
        _edited(good, 24, "<I", 2**31),
    ):
        TRIED["pages"] += 1
        at.file_uploader(key="evaluation_files").set_value([("a\n<b>.zip", data, "application/zip")])
        check(at.run())
        starts = [b for b in at.button if b.key == "evaluation_start"]
        if starts:
            starts[0].click()
            check(at.run())
            at.session_state["evaluation_job"].wait(60)
            check(at.run())


# --- memory

_BOMBS = """
import sys, types, warnings
warnings.simplefilter("ignore")
sys.modules["fcnviz"] = types.ModuleType("fcnviz")  # the package without what it imports: torch
sys.modules["fcnviz"].__path__ = ["fcnviz"]
from fcnviz.evaluation import archive, pairs
from fcnviz.photos import images
from pathlib import Path
images.open_image(Path(sys.argv[1]).read_bytes())
pairs.match([("a.zip", Path(sys.argv[2]).read_bytes())])
def status(name): return int(Path("/proc/self/status").read_text().split(name)[1].split()[0]) / 1024
Path("/proc/self/clear_refs").write_text("5")
before, worst = status("VmRSS:"), 0.0
for path in sys.argv[3:]:
    data, name = Path(path).read_bytes(), Path(path).name
    try:
        if path.endswith(".zip"):
            for pair in pairs.match([(name, data)]).pairs:
                pair.open()
            raise images.ImageError("no pair")
        (images.open_mask if "mask" in name else images.open_image)(data)
        sys.exit(f"{name} was taken")
    except images.ImageError:
        pass
    cost = status("VmHWM:") - before
    print(name, round(cost), flush=True)
    if cost > 200:
        sys.exit(f"{name} cost {cost:.0f} MB")
"""


def _bombs() -> dict[str, bytes]:
    """Small files that would unpack to gigabytes."""
    deflated = zlib.compressobj(6)
    zeros = b"".join(deflated.compress(bytes(2**24)) for _ in range(16)) + deflated.flush()  # of 256 MB
    text = chunk(b"zTXt", b"k\0\0" + zeros)
    profile = chunk(b"iCCP", b"k\0\0" + zeros)
    one = zlib.compress(bytes(16 * 12 * 3 + 12))
    bomb = raw_png(18_000, 18_000, zeros)
    black = bytes(2**24)
    many = [(f"{i}{end}", black) for i in range(4) for end in (".jpg", ".png")]
    inner = zipped([("a.jpg", black)])
    return {
        "pixels.png": bomb, "pixels-mask.png": raw_png(32_000, 32_000, zeros, colour=0),
        "text.png": raw_png(16, 12, one[:9], text), "profile.png": raw_png(16, 12, one[:9], profile),
        **{f"{name.replace(' ', '-')}.img": data for name, data in _declared().items()},
        "ratio.zip": zipped(many), "nested.zip": zipped([(f"{i}.zip", inner) for i in range(50)]),
        "declared.zip": _edited(zipped(many[:2]), 24, "<I", 2**32 - 2),
        "overlapping.zip": _edited(zipped(many), 42, "<I", 0),
        "entries.zip": zipped([]) + b"PK\1\2" * (archive.MAX_ENTRIES + 1),
        "bombs.zip": zipped([("a.jpg", bomb), ("a_mask.png", bomb)]),
    }  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_bombs_are_refused_before_they_cost_200_mb(room):
    paths = []
    for name, data in {
        "good.png": PICTURES[1],
        "good.zip": zipped([("a.jpg", PICTURES[0])]),
        **_bombs(),
    }.items():
        paths.append(room / name)
        paths[-1].write_bytes(data)
    TRIED["bombs"] += len(paths) - 2
    watched = _WATCHED.pop()  # starting Python is no wrong of theirs
    done = subprocess.run([sys.executable, "-c", _BOMBS, *map(str, paths)], cwd=ROOT, capture_output=True,
                          text=True, check=False, timeout=300)  # fmt: skip
    _WATCHED.append(watched)
    assert done.returncode == 0, done.stdout + done.stderr[-800:]
    assert len(done.stdout.splitlines()) == len(paths) - 2


def test_enough_was_tried():
    """Last: counts what the tests above have tried."""
    kinds = {"images", "masks", "zips", "checkpoints", "manifests", "links", "pages", "bombs"}
    if set(TRIED) != kinds:
        pytest.skip(f"only a part was run: {dict(TRIED)}")
    assert sum(TRIED.values()) >= 500, TRIED
