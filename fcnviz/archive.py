"""Zip files from outside, read in memory: counted and measured before and while they are unpacked.

Nothing is written to disk and no name is taken for a path, so that no name can lead anywhere.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from fcnviz.images import ImageError, max_bytes

#: Most bytes a zip may have, packed and unpacked, and most files in it.
MAX_PACKED, MAX_UNPACKED, MAX_ENTRIES = 200 * 2**20, 4 * 2**30, 10_000

#: Ways of packing that need little memory to unpack; LZMA, say, may ask for gigabytes.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENTRY = b"PK\x01\x02"  # begins each entry of a zip's table of contents
_ENCRYPTED = 1


@dataclass(frozen=True, eq=False)
class Member:
    """One file that was uploaded, by itself or in a zip.

    Attributes:
        name: as given, folders and all; for matching and for messages only.
        read: its first n bytes; raises ImageError if it cannot be unpacked.
    """

    name: str
    read: Callable[[int], bytes]

    def bytes(self) -> bytes:
        """The whole file.

        Raises:
            ImageError: it is larger than an image may be, or cannot be unpacked.
        """
        data = self.read(max_bytes() + 1)
        if len(data) > max_bytes():
            raise ImageError(f"It is over {max_bytes() // 2**20} MB: scale the image down.")
        return data


def plain(name: str, data: bytes) -> Member:
    """A file that was uploaded by itself."""
    return Member(name, lambda n: data[:n])


def unpack(name: str, data: bytes) -> list[Member]:
    """The files in a zip, none of them unpacked yet.

    Args:
        name: of the zip, for messages.
        data: its bytes, which the members keep.

    Raises:
        ImageError: it is no zip, is damaged, or holds more than a zip may.
    """
    if len(data) > MAX_PACKED:
        raise ImageError(f"{name} is over {MAX_PACKED // 2**20} MB: split it.")
    if data.count(_ENTRY) > MAX_ENTRIES:  # before the reader makes an object of each
        raise ImageError(f"{name} holds more than {MAX_ENTRIES:,} files: split it.")
    try:
        file = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # a damaged table of contents raises more than BadZipFile
        raise ImageError(f"{name} is no zip file, or a damaged one: pack it again.") from error
    entries = [entry for entry in file.infolist() if not entry.filename.endswith("/")]
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise ImageError(f"{name} would unpack to more than {MAX_UNPACKED // 2**30} GB: split it.")
    return [Member(entry.filename, _reader(file, entry)) for entry in entries]


def _reader(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def read(n: int) -> bytes:
        if entry.flag_bits & _ENCRYPTED:
            raise ImageError("It is encrypted: pack it without a password.")
        if entry.compress_type not in _METHODS:
            raise ImageError("It is packed in an unusual way: pack it as an ordinary zip.")
        if entry.file_size > max_bytes():
            raise ImageError(f"It is over {max_bytes() // 2**20} MB: scale the image down.")
        try:
            with file.open(entry) as member:  # stops at the declared size, and checks the sum over the bytes
                return member.read(n)
        except Exception as error:  # a damaged member raises almost anything
            raise ImageError("It cannot be unpacked: pack it again.") from error

    return read
