"""The readings that ship with the bot."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePath

from bot.reading.markdown import parse
from bot.reading.models import Reading
from bot.reading.text import Problem, ReadingError, decode


def seeds() -> dict[str, Reading]:
    """Every seed by its slug, the stem of its file's name."""
    return dict(_seeds())


@cache
def _seeds() -> dict[str, Reading]:
    found = sorted((file for file in _folder().iterdir() if file.name.endswith(".md")), key=lambda file: file.name)
    return {PurePath(file.name).stem: parse(decode(file.read_bytes(), file.name), file.name) for file in found}


def _folder() -> Traversable:
    """A wheel carries the seeds inside the package; a checkout has them beside it."""
    packaged = files("bot.reading") / "seed_files"
    if packaged.is_dir():
        return packaged
    checkout = Path(str(files("bot"))).parent / "seeds"
    if checkout.is_dir():
        return checkout
    raise ReadingError("seeds", [Problem(None, "", "are missing from this installation; install it again")])
