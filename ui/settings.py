"""Settings of a server, which its owner makes by environment variables.

A variable's name is FCNVIZ_ and a field of `Settings` in capitals: FCNVIZ_WAITING sets `waiting`. Only this
module reads them; the library receives them as arguments. The library itself reads one more, which notebooks
and the command line need too: `weights.FOLDER`.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from fcnviz import weights

PREFIX = "FCNVIZ_"
#: Input sizes: longest sides in px to which photos are reduced for the networks.
SIZES = (320, 416, 480, 640, 960, 1280)


class SettingsError(ValueError):
    """An invalid setting; the message names it and the values that it may have."""


class Settings(BaseSettings):
    """All settings; the defaults suit one's own computer."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    mode: Literal["trusted", "public"] = Field(
        "trusted",
        description="`public`: no unverified weights, no data folder, and no choice of device for visitors",
    )
    size: Literal[320, 416, 480, 640, 960, 1280] = Field(
        416,
        description="input size at first: photos are reduced to this longest side for the networks, in px",
    )
    largest: Literal[320, 416, 480, 640, 960, 1280] = Field(1280, description="largest input size offered")
    upload_mb: int = Field(20, ge=1, le=200, description="largest photo or mask file, in MB")
    zip_mb: int = Field(
        200, ge=1, le=200, description="largest upload of pairs on Evaluate, in MB; held in memory"
    )
    waiting: int = Field(
        64,
        ge=0,
        le=10_000,
        description="most people that wait for the networks; more are told to try again",
    )
    device: str = Field("auto", description="`auto`, `cpu`, `cuda`, `cuda:1`, … or `mps`")
    data: Path | None = Field(None, description="folder in VOC's layout that Evaluate offers")

    @field_validator("size", "largest", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        return int(value) if isinstance(value, str) and value.strip().isdecimal() else value

    @field_validator("device")
    @classmethod
    def _known_device(cls, value: str) -> str:
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
            raise ValueError("it is auto, cpu, mps, cuda, or cuda: and a number")
        return value

    @model_validator(mode="after")
    def _in_order(self) -> Settings:
        if self.size > self.largest:
            raise ValueError(f"{PREFIX}SIZE is {self.size}, over {PREFIX}LARGEST, which is {self.largest}")
        return self

    @property
    def public(self) -> bool:
        """Whether the server is open to strangers."""
        return self.mode == "public"

    @property
    def upload_bytes(self) -> int:
        """Largest photo or mask file, in bytes."""
        return self.upload_mb * 2**20

    @property
    def sizes(self) -> tuple[int, ...]:
        """The input sizes offered."""
        return tuple(size for size in SIZES if size <= self.largest)


def settings() -> Settings:
    """Return the settings that the environment has now; repeated calls are cheap.

    Raises:
        SettingsError: a value is invalid.
    """
    return _read(tuple(os.environ.get(name) for name in names()))


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Return the names of the environment variables."""
    return tuple(PREFIX + name.upper() for name in Settings.model_fields)


@lru_cache(maxsize=4)
def _read(_environment: tuple[str | None, ...]) -> Settings:
    try:
        return Settings()  # type: ignore[call-arg]  # fields come from the environment
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    reason = re.sub(r"^(Value error, |Input )", "", first["msg"])
    if not first["loc"]:
        return f"{reason}: change one of them."
    name = PREFIX + str(first["loc"][0]).upper()
    return f"{name} cannot be {str(first['input'])!r}: {reason}."


def table() -> str:
    """Write the settings and the library's own variable as a Markdown table for the documentation."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in zip(names(), Settings.model_fields.values(), strict=True):
        default = "–" if field.default is None else f"`{field.default}`"
        rows.append(f"| `{name}` | {default} | {field.description} |")
    rows.append(f"| `{weights.FOLDER}` | – | weights folder, instead of the bundled `weights/` |")
    return "\n".join(rows)
