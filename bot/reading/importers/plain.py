"""Plain text: its paragraphs, in excerpts of about one length."""

import re

from bot.reading.models import Excerpt, Reading
from bot.reading.splitting import pack
from bot.reading.text import escape_markdown

SHORTEST_WRAPPED, LONGEST_WRAPPED = 50, 90


def read(text: str, title: str, target_length: int) -> Reading:
    quotes = [escape_markdown(piece) for piece in pack(paragraphs(text), target_length)]
    return Reading(title=title, excerpts=tuple(Excerpt(quote=quote) for quote in quotes))


def paragraphs(text: str) -> list[str]:
    """Set apart by blank lines, or, where there are none, one on each line."""
    parts = [part.strip("\n") for part in re.split(r"\n(?:[^\S\n]*\n)+", text) if part.strip()]
    if len(parts) == 1:
        return [line for line in parts[0].split("\n") if line.strip()]
    return [_unwrapped(part) for part in parts]


def _unwrapped(paragraph: str) -> str:
    """Prose whose lines were broken at about 70 columns is one line again; verse keeps its lines."""
    lines = paragraph.split("\n")
    wrapped = all(SHORTEST_WRAPPED <= len(line.strip()) <= LONGEST_WRAPPED for line in lines[:-1])
    return " ".join(line.strip() for line in lines) if wrapped else paragraph
