"""Read untrusted zip files in memory; number and size of files are checked before and while unpacking.

Nothing is written to disk, and no name in a zip is used as a path.
"""

import io
import logging
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from fcnviz.photos.decode import MAX_BYTES, ImageError, check_bytes

log = logging.getLogger(__name__)

#: Largest size of a zip.
MAX_PACKED = 200 * 2**20
#: Largest size of all its files, unpacked.
MAX_UNPACKED = 4 * 2**30
#: Most files in a zip.
MAX_ENTRIES = 10_000

#: Compression methods that need little memory to unpack; LZMA, for example, may need gigabytes.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENTRY = b"PK\x01\x02"  # begins each entry of a zip's table of contents
_ENCRYPTED, _UTF8 = 1, 0x800  # flags of an entry
_HANGUL = re.compile(rb"[\xb0-\xc8][\xa1-\xfe]")  # a syllable in cp949; in cp437, lines and boxes


@dataclass(frozen=True, eq=False)
class Member:
    """One uploaded file, by itself or in a zip.

    Attributes:
        name: its name with folders; only for matching and for messages.
        read: returns its first n bytes; raises ImageError if it cannot be unpacked.
        max_bytes: largest file that is read as a whole.
        within: name of its zip; "" if it is in none.
    """

    name: str
    read: Callable[[int], bytes]
    max_bytes: int = MAX_BYTES
    within: str = ""

    def bytes(self) -> bytes:
        """Read the whole file.

        Raises:
            ImageError: the file is larger than `max_bytes`, or cannot be unpacked.
        """
        data = self.read(self.max_bytes + 1)
        check_bytes(len(data), self.max_bytes)
        return data


def shown(name: str) -> str:
    r"""Return a file's name for a message: printable, and only its last 59 characters if it is long.

    >>> shown("a/b\n.png")
    'a/b�.png'
    """
    name = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name[-61:])
    return name if len(name) <= 60 else f"…{name[-59:]}"


def plain(name: str, data: bytes, max_bytes: int = MAX_BYTES) -> Member:
    """Make a member of a file that was uploaded by itself."""
    return Member(name, lambda n: data[:n], max_bytes)


def unpack(name: str, data: bytes, max_bytes: int = MAX_BYTES) -> list[Member]:
    """List the files in a zip without unpacking them.

    Args:
        name: name of the zip.
        data: bytes of the zip, which the members keep in memory.
        max_bytes: largest file in it that is unpacked.

    Raises:
        ImageError: the data is no zip, is damaged, or exceeds a limit of this module.
    """
    if len(data) > MAX_PACKED:
        raise ImageError(f"{shown(name)} is over {MAX_PACKED // 2**20} MB: split it.")
    if data.count(_ENTRY) > MAX_ENTRIES:  # before zipfile makes an object of each
        raise ImageError(f"{shown(name)} holds more than {MAX_ENTRIES:,} files: split it.")
    try:
        file = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # a corrupt zip can raise any exception
        log.warning("a zip cannot be read", exc_info=True)
        raise ImageError(f"{shown(name)} is no zip file, or a damaged one: pack it again.") from error
    entries = [entry for entry in file.infolist() if not entry.filename.endswith("/")]
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise ImageError(f"{shown(name)} would unpack to more than {MAX_UNPACKED // 2**30} GB: split it.")
    return [Member(_name(entry), _reader(file, entry, max_bytes), max_bytes, name) for entry in entries]


def _name(entry: zipfile.ZipInfo) -> str:
    """Decode an entry's name. Without the flag for UTF-8 it may be in any code page.

    The standard says cp437, in which zipfile has read it; macOS writes UTF-8 without the flag, and Windows in
    Korean writes cp949.
    """
    if entry.flag_bits & _UTF8:
        return entry.filename
    try:
        raw = entry.filename.encode("cp437")
    except UnicodeEncodeError:
        return entry.filename
    for encoding in ("utf-8", *["cp949"] * bool(_HANGUL.search(raw))):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return entry.filename


def _reader(file: zipfile.ZipFile, entry: zipfile.ZipInfo, max_bytes: int) -> Callable[[int], bytes]:
    def read(n: int) -> bytes:
        if entry.flag_bits & _ENCRYPTED:
            raise ImageError("It is encrypted: pack it without a password.")
        if entry.compress_type not in _METHODS:
            raise ImageError("It is packed in an unusual way: pack it as an ordinary zip.")
        check_bytes(entry.file_size, max_bytes)
        try:
            with file.open(entry) as member:  # reads at most the declared size, and checks the CRC
                return member.read(n)
        except Exception as error:  # a corrupt member can raise any exception
            log.debug("a file in a zip cannot be unpacked", exc_info=True)  # one zip may hold thousands
            raise ImageError("It cannot be unpacked: pack it again.") from error

    return read
