"""Readings made from files as people have them: seeds and other Markdown, forum posts, plain text, EPUB."""

from pathlib import PurePath

import regex
from pydantic import ValidationError

from bot.reading import markdown
from bot.reading.importers import epub, forum, loose_markdown, plain
from bot.reading.models import Reading
from bot.reading.splitting import shorten
from bot.reading.text import (
    MOST_EXCERPTS,
    Problem,
    ReadingError,
    control_characters,
    decode,
)

ACCEPTED = (".md", ".markdown", ".txt", ".epub")
MOST_TITLE = 300


def import_file(data: bytes, filename: str, *, title: str | None = None, target_length: int = 1200) -> Reading:
    """The reading in a file, by its extension and what stands in it.

    ``title`` goes before the document's own. Texts without quotes are divided into excerpts of about
    ``target_length`` characters. Whatever can't become a reading raises ``ReadingError``.
    """
    name = PurePath(filename.replace("\\", "/")).name or "file"
    extension = PurePath(name).suffix.lower()
    if extension not in ACCEPTED:
        message = f"is of a type that can't be read; send one of {', '.join(ACCEPTED)}"
        raise ReadingError(name, [Problem(None, "", message)])
    if target_length < 1:
        raise ReadingError(name, [Problem(None, "target_length", "must be at least 1")])
    if extension == ".epub":
        reading = epub.read(data, name, readable(name), target_length)
    else:
        reading = _read_text(decode(data, name), name, extension, target_length)
    if len(reading.excerpts) > MOST_EXCERPTS:
        found = f"makes {len(reading.excerpts)} excerpts; a reading has at most {MOST_EXCERPTS}"
        raise ReadingError(name, [Problem(None, "", f"{found}: make them longer, or split the file")])
    return reading if title is None else _titled(reading, title, name)


def _read_text(text: str, name: str, extension: str, target_length: int) -> Reading:
    if extension != ".txt" and markdown.has_front_matter(text):
        return markdown.parse(text, name)
    if problems := control_characters(text):
        raise ReadingError(name, problems)
    if not text.strip():
        raise ReadingError(name, [Problem(None, "", "has no text")])
    if extension != ".txt":
        return loose_markdown.read(text, readable(name), target_length)
    if forum.is_forum_post(text):
        return forum.read(text, readable(name))
    return plain.read(text, readable(name), target_length)


def _titled(reading: Reading, title: str, name: str) -> Reading:
    try:
        return Reading.model_validate({**reading.model_dump(), "title": title})
    except ValidationError as error:
        message = f"must be one line of at most {MOST_TITLE} characters"
        raise ReadingError(name, [Problem(None, "title", message)]) from error


def readable(filename: str) -> str:
    """A title from a file's name: ``the-prince_v2.txt`` is “The prince v2”."""
    words = " ".join(regex.sub(r"[-_\s\p{C}]+", " ", PurePath(filename).stem).split())
    return shorten(words[:1].upper() + words[1:], MOST_TITLE) or "Untitled"
