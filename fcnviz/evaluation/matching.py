"""Which mask belongs to which photo, by the names of files and folders.

The first that applies says what a file is:

1. the innermost folder with a known name: masks/, labels/, SegmentationClass/, ann_dir/, trainannot/ … hold
   masks, images/, JPEGImages/, img_dir/ … photos; SegmentationObject… and …Visualization/ are left out;
2. a PNG with a mask's affix, such as a_mask.png, a.jpg.png or seg_a.png, is a mask, of a;
3. among files of one name, those that are no known masks are photos if there is a mask; otherwise a PNG
   beside a photo of a photos' folder or of another format is a mask, and so is a PNG with a palette or 8 bits
   of grey.

A photo and its mask lie in the same place: their folders are equal without the words of rule 1 (t1/images/
and t1/masks/, train/ and trainannot/). What has no partner there is looked for one folder up, and so on. In
each place names are compared without masks' affixes, then as they are, then also without photos' affixes
(img_1.jpg with mask_1.png); always without case, and whichever way a system writes accents or Hangul.

One photo and one mask make a pair. If there are more of one kind, none of them is guessed. If only two files
are there, a photo and a mask, they are a pair whatever their names.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from fcnviz.evaluation.archive import Member, shown
from fcnviz.photos.decode import ENDINGS, UNREAD, UNREAD_ENDINGS, ImageError, kind
from fcnviz.photos.folder import key

#: (file, one sentence on why it is left out)
Problem = tuple[str, str]

_MASK, _PHOTO, _OTHER = "mask", "photo", "other"
#: Names of folders, in the singular and without what `_FOLDER` takes away.
_FOLDERS = {
    _MASK: "segmentationclass segmentationclassaug segmentation seg mask label annotation annot ann gt truth "
    "groundtruth labelstr labelsts",
    _PHOTO: "jpegimage image img photo picture original input rgb imagestr imagests",
    _OTHER: "segmentationobject segmentationclassvisualization segmentationobjectvisualization visualization",
}
_ROLES = {word: role for role, words in _FOLDERS.items() for word in words.split()}
_SPLIT = "training|train|validation|valid|val|testing|test"
_FOLDER = re.compile(rf"({_SPLIT})?(.*?)(?:png|dir|folder)?({_SPLIT})?")
_SYSTEM = ("__macosx", "thumbs.db", "desktop.ini")

_MASK_WORD = "masks?|labels?|seg|segm|segmentation|gt|truth|ground[ _-]?truth|annotations?|annot"
_PHOTO_WORD = "images?|img|photo|picture|rgb"
_MASK_AFFIX, _PHOTO_AFFIX = (
    re.compile(rf"^(?:{words})[ _.-](?=.)|(?<=.)[ _.-](?:{words})$") for words in (_MASK_WORD, _PHOTO_WORD)
)
_ENDING = re.compile(rf"(?<=.)(?:{'|'.join(map(re.escape, ENDINGS + UNREAD_ENDINGS))})$")

_HEAD = 64  # bytes: a PNG up to its colour type, or what tells a HEIC
_GREY, _PALETTE = 0, 3
_LONGEST, _DEEPEST = 500, 8  # characters of a path that count, and folders
_SHOWN_OF_A_KIND = 2  # files that are listed one by one if they are left out for one reason


@dataclass(frozen=True, eq=False)
class Matched:
    """A photo and its mask.

    Attributes:
        name: readable, and no other pair's.
        photo, mask: the files.
    """

    name: str
    photo: Member
    mask: Member


@dataclass(frozen=True, eq=False)
class _File:
    """A file that may be a photo or a mask.

    Attributes:
        member: the file.
        role: what its folders say, `_MASK` or `_PHOTO`; else "".
        place: its folders without the words that gave it its role, for comparing.
        stem: its name without ending, for comparing.
        bare: the stem without a mask's affix.
        ending: in lower case.
        head: first bytes.
    """

    member: Member
    role: str
    place: tuple[str, ...]
    stem: str
    bare: str
    ending: str
    head: bytes

    @property
    def named(self) -> bool:
        """Whether its name is a mask's."""
        return self.ending == ".png" and self.bare != self.stem

    @property
    def looks_like_labels(self) -> bool:
        """Whether it is a PNG with a palette, or with 8 bits of grey, by its header."""
        if self.ending != ".png" or kind(self.head) != "PNG" or len(self.head) < 26:
            return False
        depth, colour = self.head[24], self.head[25]
        return colour == _PALETTE or (colour == _GREY and depth == 8)

    def key(self, way: str) -> str:
        """Return the name to compare in this way, one of `_WAYS`."""
        if way == "as they are":
            return self.stem
        if self.role == _MASK or (self.named and not self.role):
            return self.bare
        return self.stem if way == "without masks' affixes" else _PHOTO_AFFIX.sub("", self.stem, count=1)


_WAYS = ("without masks' affixes", "as they are", "without any affixes")


def match(members: Iterable[Member]) -> tuple[list[Matched], list[Problem]]:
    """Find the pairs among files, and the reason for each file that is in none."""
    files, problems = _files(members)
    couples: list[tuple[_File, _File]] = []
    rest = files
    for depth in range(max((len(file.place) for file in files), default=0), -1, -1):
        for way in _WAYS:
            rest = _round(rest, depth, way, couples, problems)
    if len(files) == len(rest) == 2:
        rest = _round(rest, 0, "", couples, problems)
    return list(_named(couples)), [*problems, *_alone(rest)]


# --- files


def _files(members: Iterable[Member]) -> tuple[list[_File], list[Problem]]:
    """Read names and first bytes; → files in an order of their own, and what is left out."""
    files: list[_File] = []
    problems: list[Problem] = []
    left: dict[str, list[str]] = defaultdict(list)
    for member in sorted(members, key=lambda m: (m.within, m.name)):
        if why := _left_out(member):
            left[why].append(shown(member.name))
            continue
        try:
            files.append(_file(member, member.read(_HEAD)))
        except ImageError as error:
            problems.append((shown(member.name), str(error)))
    for why, names in left.items():
        problems += [(name, why) for name in names[:_SHOWN_OF_A_KIND]]
        if len(names) > _SHOWN_OF_A_KIND:
            problems.append((f"{len(names) - _SHOWN_OF_A_KIND:,} files like {names[-1]}", why))
    return files, problems


def _path(member: Member) -> PurePosixPath:
    return PurePosixPath(*PurePosixPath(member.name.replace("\\", "/")[-_LONGEST:]).parts[-_DEEPEST - 1 :])


def _left_out(member: Member) -> str:
    """Return why a file is neither a photo nor a mask, by its name; else ""."""
    path = _path(member)
    parts = [part.casefold() for part in path.parts]
    if any(part in _SYSTEM or (part[0] == "." and part.strip(".")) for part in parts):
        return "A file of the operating system."
    if path.suffix.lower() not in ENDINGS + UNREAD_ENDINGS:
        return "Neither a photo nor a mask."
    if _role(path) == _OTHER:
        return "Its folder shows masks or numbers objects: only masks of classes are used."
    return ""


def _file(member: Member, head: bytes) -> _File:
    if why := UNREAD.get(kind(head)):
        raise ImageError(why)
    path = _path(member)
    folders = (PurePosixPath(member.within).stem, *path.parts[:-1])
    place = tuple(filter(None, (_folder(part)[1] for part in folders)))
    stem = key(path.stem)
    bare = _ENDING.sub("", _MASK_AFFIX.sub("", _ENDING.sub("", stem), count=1))
    return _File(member, _role(path), place, stem, bare, path.suffix.lower(), head)


def _role(path: PurePosixPath) -> str:
    roles = (_folder(part)[0] for part in reversed(path.parts[:-1]))
    return next(filter(None, roles), "")


def _folder(name: str) -> tuple[str, str]:
    """Return a folder's role, or "", and what its name says besides.

    >>> _folder("SegmentationClassPNG"), _folder("train_labels"), _folder("VOC2012"), _folder("test")
    (('mask', ''), ('mask', 'train'), ('', 'voc2012'), ('', 'test'))
    """
    word = re.sub(r"[\W_]", "", key(name))
    parts = _FOLDER.fullmatch(word)
    before, core, after = parts.groups("") if parts else ("", word, "")
    role = _ROLES.get(core) or _ROLES.get(core.removesuffix("s"), "")
    return role, before + after if role else word


# --- pairs


def _round(
    files: list[_File], depth: int, way: str, couples: list[tuple[_File, _File]], problems: list[Problem]
) -> list[_File]:
    """Add the pairs, and the files of which there are too many of one kind; → the rest."""
    groups: dict[object, list[_File]] = defaultdict(list)
    for file in files:
        groups[(file.place[:depth], file.key(way)) if way else None].append(file)
    rest: list[_File] = []
    for group in groups.values():
        photos, masks = _parted(group, way)
        if len(photos) == len(masks) == 1:
            couples.append((photos[0], masks[0]))
        elif photos and masks:
            counted = f"{_count(photos, 'photo')} and {_count(masks, 'mask')} have this name"
            problems += [(shown(f.member.name), f"{counted}: one of each is needed.") for f in group]
        else:
            rest += group
    return rest


def _count(files: Sequence[_File], what: str) -> str:
    return f"{len(files)} {what}{'s' * (len(files) != 1)}"


def _parted(group: Sequence[_File], way: str) -> tuple[list[_File], list[_File]]:
    """Part files of one name into photos and masks, by the rules at the top of this module."""
    masks = [f for f in group if f.role == _MASK or (f.named and not f.role and way != "as they are")]
    if not masks and len(group) > 1:
        pngs = [f for f in group if not f.role and f.ending == ".png"]
        masks = pngs if len(pngs) == 1 else [f for f in pngs if f.looks_like_labels]
    known = {id(mask) for mask in masks}
    return [f for f in group if id(f) not in known], masks


def _named(couples: list[tuple[_File, _File]]) -> Iterator[Matched]:
    """Name each pair by its photo, with its place or a number if several have that name; sorted."""
    often: dict[str, int] = defaultdict(int)
    for photo, _ in couples:
        often[photo.stem] += 1
    used: dict[str, int] = {}
    for photo, mask in sorted(couples, key=lambda couple: (couple[0].stem, couple[0].place)):
        stem = _path(photo.member).stem
        name = whole = shown("/".join((*photo.place, stem)) if often[photo.stem] > 1 else stem)
        while name in used:
            used[whole] += 1
            name = f"{whole} ({used[whole]})"
        used[name] = 1
        yield Matched(name, photo.member, mask.member)


def _alone(files: list[_File]) -> Iterator[Problem]:
    """Say what files have no partner."""
    groups: dict[str, list[_File]] = defaultdict(list)
    for file in files:
        groups[file.stem].append(file)
    for group in groups.values():
        for file in group:
            yield shown(file.member.name), _lacks(file, len(group))


def _lacks(file: _File, count: int) -> str:
    if file.role == _MASK or (file.named and not file.role) or (count > 1 and file.looks_like_labels):
        return "No photo has this name." if count == 1 else "Several masks have this name, and no photo."
    if count == 1 and not file.role and file.bare != file.stem:
        return "No mask has this name; if this is the mask, save it as PNG."
    if count == 1 and not file.role and file.ending == ".png":
        return "No other file has this name: a photo and its mask need the same."
    return "No mask has this name." if count == 1 else "Several photos have this name, and no mask."
