"""Where settings stand: the environment, ``.env`` and ``applecore.toml`` of the current folder."""

import io
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream

from bot.logs import redact

PREFIX = "APPLECORE_"
ENV_FILE = ".env"
TOML_FILE = "applecore.toml"


def environment_name(name: str) -> str:
    return PREFIX + name.upper()


@dataclass(frozen=True)
class Source:
    """One place where settings stand, what it sets, and what is wrong with it as a whole."""

    name: str
    values: Mapping[str, Any]
    problems: list[str] = field(default_factory=list)

    def spelt(self, setting: str) -> str:
        """A setting's name as this place writes it."""
        return setting if self.name in ("arguments", TOML_FILE) else environment_name(setting)


def surroundings() -> tuple[Source, ...]:
    """What is set outside the program; the first place that sets a thing wins."""
    return (Source("environment", _ours(os.environ)), _env_file(Path(ENV_FILE)), _toml_file(Path(TOML_FILE)))


def _ours(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables with our prefix, without it. An empty one counts as not set, as in ``APPLECORE_TOKEN=``."""
    return {
        name[len(PREFIX) :].lower(): value
        for name, value in variables.items()
        if name.upper().startswith(PREFIX) and value.strip()
    }


def _env_file(path: Path) -> Source:
    text, problems = _read(path)
    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        ours = (binding.key or "").upper().startswith(PREFIX)
        if binding.error or (ours and binding.value is None):
            problems.append(f"{path} line {binding.original.line} is not right. Right is NAME=value.")
        elif binding.key is not None:
            found[binding.key] = binding.value or ""
    return Source(str(path), _ours(found), problems)


def _toml_file(path: Path) -> Source:
    text, problems = _read(path)
    try:
        return Source(str(path), tomllib.loads(text), problems)
    except tomllib.TOMLDecodeError as error:
        problems.append(f'{path} is not right TOML: {redact(str(error))}. Right is a line such as log_level = "info".')
    return Source(str(path), {}, problems)


def _read(path: Path) -> tuple[str, list[str]]:
    """A file's text, empty where there is no such file; a folder of that name is somebody else's."""
    try:
        return path.read_text(encoding="utf-8-sig") if path.exists() and not path.is_dir() else "", []
    except UnicodeDecodeError:
        return "", [f"{path} is not UTF-8 text. Right is to save it as UTF-8."]
    except OSError as error:
        return "", [f"{path} cannot be read: {error.strerror}. Right is a file that you may read."]
