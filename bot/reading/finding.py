"""Finds words again in what was read: in any case, with or without accents, whatever quotation marks were typed."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import regex

from bot.reading.models import Excerpt
from bot.reading.splitting import shorten, utf16_len
from bot.reading.text import QUOTE_MARKS, escape_markdown, hide_spoilers, strip_markdown

AROUND = 80
"""Code points that a snippet shows on each side of what was found, where there is room."""

LEAST_ROOM = 40
"""UTF-16 units that a snippet needs at the least."""


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody looks for, as :func:`fold` makes it."""

    phrase: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Where an excerpt holds what was looked for."""

    rank: int
    """0: the phrase, at the beginning of a word; 1: the phrase inside a word; 2: all its words, apart."""
    text: str
    """The part of the excerpt that holds it, as one plain line."""
    needles: tuple[str, ...]
    in_heading: bool


def query_of(text: str) -> Query | None:
    """None where there is nothing in it that could be looked for."""
    phrase = fold(_line(text)).strip()
    return Query(phrase, tuple(dict.fromkeys(phrase.split()))) if phrase else None


def find(query: Query, excerpt: Excerpt) -> Found | None:
    """The best place in an excerpt whose words have been put back; its heading only where no other part is as good.

    A text that an excerpt does not hold as it stands is found by its words, wherever they are in the excerpt. What
    the excerpt hides as a spoiler is not looked through: to find it would be to show it.
    """
    whole = (excerpt.quote, excerpt.comment, excerpt.remark, excerpt.heading)
    parts = [_line(strip_markdown(hide_spoilers(part))) for part in whole]
    folded = [fold(part) for part in parts]
    begins_word = re.compile(rf"(?<![^\W_]){re.escape(query.phrase)}")
    inside = None
    for index, part in enumerate(folded):
        if query.phrase not in part:
            continue
        if begins_word.search(part):
            return Found(0, parts[index], (query.phrase,), in_heading=index == 3)
        inside = index if inside is None else inside
    if inside is not None:
        return Found(1, parts[inside], (query.phrase,), in_heading=inside == 3)
    if not all(any(word in part for part in folded) for word in query.words):
        return None
    most = max(range(len(folded)), key=lambda index: (sum(word in folded[index] for word in query.words), -index))
    return Found(2, parts[most], query.words, in_heading=most == 3)


def snippet(found: Found, room: int) -> str:
    """One line of Markdown with what was found in bold, and some words around it: at most ``room`` UTF-16 units.

    Raises:
        ValueError: less than ``LEAST_ROOM`` is asked for.
    """
    if room < LEAST_ROOM:
        raise ValueError(f"a snippet needs at least {LEAST_ROOM} units, not {room}")
    start, end = _first(found)
    for around in range(AROUND, -1, -10):
        shown = _marked(found, *_window(found.text, start, end, around))
        if utf16_len(shown) <= room:
            return shown
    # Escaping doubles a text at the most, and four asterisks stand around it.
    return f"**{escape_markdown(shorten(found.text[start:end], (room - 4) // 2))}**"


# Folding: each code point becomes a few others, or none, whatever stands beside it.

_LETTERS = {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe"}
_ALIKE = _LETTERS | dict.fromkeys(QUOTE_MARKS + "′″ʼ`´", "'") | dict.fromkeys("‐‑‒–—―−", "-")
_SPACES = re.compile(" {2,}")


class _Folding(dict[int, str]):
    """A table for ``str.translate`` that is filled as code points are met."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = _fold_one(chr(code))
        return folded


def _fold_one(char: str) -> str:
    if char.isspace():
        return " "
    if char in _ALIKE:
        return _ALIKE[char]
    kept = ""
    for part in unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char.casefold()).casefold()):
        if not (_is_accent(part) or unicodedata.category(part) == "Cf"):
            kept += " " if part.isspace() else _ALIKE.get(part, part)
    return unicodedata.normalize("NFC", kept)


def _is_accent(char: str) -> bool:
    """Whether it only adds to a letter: accents, and the vowel points of Hebrew and Arabic.

    Other marks, such as the vowels of Thai or the voicing of Japanese, make another letter of it. The numbers are
    Unicode's canonical combining classes (UAX #44, table 15).
    """
    combining = unicodedata.combining(char)
    return 10 <= combining <= 36 or combining >= 200


_FOLDING = _Folding()


def fold(line: str) -> str:
    """A text of which the same is left however its letters, accents, quotation marks and dashes were typed."""
    return _SPACES.sub(" ", line.translate(_FOLDING))


def _folded_from(line: str) -> tuple[str, list[int]]:
    """The folded text, and for each of its code points the index of the one in ``line`` that it comes from."""
    folded: list[str] = []
    places: list[int] = []
    for index, char in enumerate(line):
        for part in _FOLDING[ord(char)]:
            if part == " " and folded and folded[-1] == " ":
                continue
            folded.append(part)
            places.append(index)
    return "".join(folded), places


def _line(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split()))


# What is shown of it

_JOINED = regex.compile(r"[\p{M}\p{EMod}\u200d]")


def _spans(line: str, needles: Sequence[str]) -> list[tuple[int, int]]:
    """Where the needles stand in the unfolded line, in order; those that touch are one."""
    folded, places = _folded_from(line)
    found = sorted(match.span() for needle in needles for match in re.finditer(re.escape(needle), folded))
    spans: list[tuple[int, int]] = []
    for first, behind in found:
        start, end = places[first], _whole(line, places[behind - 1] + 1)
        if spans and start <= spans[-1][1]:
            start, end = spans[-1][0], max(end, spans.pop()[1])
        spans.append((start, end))
    return spans


def _first(found: Found) -> tuple[int, int]:
    """What the snippet is cut around: one that begins a word where there is one."""
    spans = _spans(found.text, found.needles)
    return next((span for span in spans if not span[0] or not found.text[span[0] - 1].isalnum()), spans[0])


def _window(line: str, start: int, end: int, around: int) -> tuple[int, int]:
    """``start`` and ``end`` moved apart by ``around`` at most, to where words begin and end."""
    left = max(0, start - around)
    if left and (space := line.find(" ", left - 1, start)) >= 0:
        left = space + 1
    right = min(len(line), end + around)
    if right < len(line) and (space := line.rfind(" ", end, right + 1)) >= 0:
        right = space
    left = min(_whole(line, left), start) if left else 0
    return left, _whole(line, right)


def _whole(line: str, at: int) -> int:
    """The place, or the next one, where no sign is torn apart."""
    while 0 < at < len(line) and (_JOINED.match(line[at]) or line[at - 1] == "\u200d"):
        at += 1
    return at


def _marked(found: Found, left: int, right: int) -> str:
    line = found.text[left:right]
    marks = [0, *(at for span in _spans(line, found.needles) for at in span), len(line)]
    pieces = [escape_markdown(line[start:end]) for start, end in pairwise(marks)]
    shown = "".join(f"**{piece}**" if index % 2 else piece for index, piece in enumerate(pieces))
    return f"{'…' if left else ''}{shown}{'…' if right < len(found.text) else ''}"
