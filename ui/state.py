"""The photo and the networks that a page works on, as small values. No Streamlit here."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from PIL import Image

from fcnviz.photos.images import fit

#: Name of every uploaded photo in the link, which holds neither the photo nor its file's name.
OWN = "own"


@dataclass(frozen=True, eq=False)
class Photo:
    """The photo that a page works on.

    Attributes:
        name: name of the sample, or `OWN`.
        title: title in captions.
        credit: who made it, or where it is kept.
        image: RGB image as it is on screen.
        longest: longest side of the networks' input, in px.
        native: (width, height) in px before it was reduced.
        notes: what had to be decided when it was read, in sentences.
        file: id of an uploaded file.
        orientation: its EXIF orientation; 1 if it was upright.
    """

    name: str
    title: str
    credit: str
    image: Image.Image
    native: tuple[int, int]
    longest: int
    notes: tuple[str, ...] = ()
    file: str = ""
    orientation: int = 1

    @property
    def own(self) -> bool:
        """Whether it is the visitor's own photo."""
        return self.name == OWN

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in px of the photo on screen."""
        return self.image.height, self.image.width

    @cached_property
    def input(self) -> Image.Image:
        """What the networks are given: the photo, reduced to at most `longest`."""
        return fit(self.image, self.longest)

    @property
    def input_shape(self) -> tuple[int, int]:
        """(H, W) in px of the networks' input."""
        return self.input.height, self.input.width

    @cached_property
    def sha256(self) -> str:
        """Hash of its pixels and both sizes, the key of caches."""
        sizes = f"{self.image.size} {self.input.size}"
        return hashlib.sha256(sizes.encode() + self.image.tobytes()).hexdigest()

    def record(self) -> dict[str, object]:
        """Describe the photo for the export: sizes (width, height), credit and hash, but no file name."""
        return {
            "name": self.name,
            "credit": self.credit,
            "native_size": self.native,
            "size_on_screen": self.image.size,
            "input_size": self.input.size,
            "sha256_of_pixels": self.sha256,
        }


@dataclass(frozen=True)
class Net:
    """One network on one device.

    Attributes:
        name: registry name of its weights.
        device: "auto", "cuda", "mps" or "cpu".
    """

    name: str
    device: str


@dataclass(frozen=True)
class Networks:
    """The networks that run, and the device.

    Attributes:
        family: "lite0", "vgg16" or the name of an unverified file.
        names: registry names, coarse to fine.
        device: "auto", "cuda", "mps" or "cpu".
    """

    family: str
    names: tuple[str, ...]
    device: str

    @property
    def nets(self) -> tuple[Net, ...]:
        """The networks, coarse to fine."""
        return tuple(Net(name, self.device) for name in self.names)
