"""Files are written whole or not at all, and only over files; `system/test_kill.py` kills the writers."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from fcnviz import files


def test_what_is_no_file_is_written_into(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    files.write_bytes(pipe, b"1" * 100_000)
    reader.join(10)
    assert read == [b"1" * 100_000]
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_device_is_written_into():
    master, slave = os.openpty()
    device = Path(os.ttyname(slave))
    files.write_bytes(device, b"123")
    assert device.is_char_device()
    assert os.read(master, 10) == b"123"
    os.close(master)
    os.close(slave)


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "a.png", tmp_path / "link.png"
    link.symlink_to("there/a.png")
    for data in (b"new", b"newer"):
        files.write_bytes(link, data)
        assert link.is_symlink()
        assert target.read_bytes() == data
        assert not target.is_symlink()
    assert [p.name for p in (tmp_path / "there").iterdir()] == ["a.png"]


def test_permissions_of_a_file_that_is_replaced_stay(tmp_path):
    path = tmp_path / "a.json"
    files.write_bytes(path, b"1")
    (tmp_path / "any").touch()
    assert path.stat().st_mode == (tmp_path / "any").stat().st_mode
    path.chmod(0o640)
    with files.atomic_write(path) as part:
        part.unlink()  # some writers make a file of their own
        part.write_bytes(b"2")
        part.chmod(0o600)
    assert path.read_bytes() == b"2"
    assert path.stat().st_mode & 0o777 == 0o640


def folder(where):
    (where / "x").mkdir()
    return where / "x"


def nowhere(where):
    return where / "no" / "x.json"


def under_a_file(where):
    (where / "file").touch()
    return where / "file" / "x.json"


def closed_socket(where):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(where / "x"))  # absolute, its name may be too long
    return where / "x"


@pytest.mark.parametrize("make", [folder, nowhere, under_a_file, closed_socket])
def test_what_cannot_be_written_is_one_sentence_with_the_given_path(tmp_path, make):
    path = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError, match=str(path)) as caught:
        files.write_bytes(path, b"1")
    assert ".part" not in str(caught.value)
    assert "Errno" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_full_disk_is_one_sentence_with_the_given_path(tmp_path):
    path = tmp_path / "a.json"

    def full():
        with files.atomic_write(path) as part:
            raise OSError(28, "No space left on device", str(part))

    with pytest.raises(OSError, match=f"^{path} cannot be written: No space left on device$"):
        full()
    assert list(tmp_path.iterdir()) == []
