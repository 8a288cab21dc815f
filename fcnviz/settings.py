"""What the owner of a server may set, by environment variables that begin with FCNVIZ_. Read here alone.

The names in the environment are the fields of `Settings` in capitals: FCNVIZ_WAITING is `waiting`.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "FCNVIZ_"
#: Longest sides in px that photos are reduced to before the networks see them.
SIZES = (320, 480, 640, 960, 1280)


class SettingsError(ValueError):
    """A setting that cannot be; the message names it and what it may be."""


class Settings(BaseSettings):
    """All settings; each has a default that suits one's own computer."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    mode: Literal["trusted", "public"] = Field(
        "trusted",
        description="`public`: no unverified weights, no data folder, and no choice of device for visitors",
    )
    size: Literal[320, 480, 640, 960, 1280] = Field(
        640, description="working size at first: photos are reduced to this longest side, in px"
    )
    largest: Literal[320, 480, 640, 960, 1280] = Field(1280, description="largest working size offered")
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
    weights: Path | None = Field(None, description="weights folder, instead of `weights/`")
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
        """Whether strangers use this server."""
        return self.mode == "public"

    @property
    def sizes(self) -> tuple[int, ...]:
        """The working sizes offered."""
        return tuple(size for size in SIZES if size <= self.largest)


def settings() -> Settings:
    """The settings as the environment has them now; cheap enough to ask again and again.

    Raises:
        SettingsError: a value that cannot be.
    """
    return _read(tuple(os.environ.get(name) for name in names()))


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """The environment variables that count."""
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
    """The settings as a Markdown table, for the documentation."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in zip(names(), Settings.model_fields.values(), strict=True):
        default = "–" if field.default is None else f"`{field.default}`"
        rows.append(f"| `{name}` | {default} | {field.description} |")
    return "\n".join(rows)
