"""How an excerpt is laid out for Discord: pages of Markdown that fit, and a name for its thread."""

from collections.abc import Sequence
from dataclasses import dataclass

import regex

from bot.reading.models import Excerpt, Model, Restored
from bot.reading.splitting import cut, reach, shorten, utf16_len
from bot.reading.text import CONTROL, escape_line_start, escape_markdown, strip_markdown

MOST_UNITS = 4000
"""All text displays of one Components V2 message together, counted as UTF-16 units, the stricter way.

https://docs.discord.com/developers/components/reference#text-display
"""
MOST_NAME_UNITS = 100
"""A thread's name: https://docs.discord.com/developers/resources/channel#start-thread-from-message"""
MOST_BYLINE_UNITS = 300
LEAST_LIMIT = 200
"""Below this, header and footer would leave no room for words."""


class Page(Model):
    """One message; each string is one text display in Discord's Markdown."""

    header: str
    body: tuple[str, ...]
    footer: str


@dataclass(frozen=True, slots=True)
class _Block:
    """A text that runs over as many pages as it needs, with ``prefix`` before each of its lines."""

    prefix: str
    text: str


def lay_out(
    reading_title: str,
    excerpt: Excerpt,
    restored: Sequence[Restored],
    *,
    byline: str,
    day: int,
    total: int,
    reason: str | None,
    limit: int = MOST_UNITS,
) -> tuple[Page, ...]:
    """The pages of an excerpt whose words have been put back; ``restored`` says which.

    Title, byline and reason are plain text. A page keeps within ``limit`` units and no word is left out: only
    a comment line that says what the heading says, and ends with a colon, isn't said twice.
    Footnotes end the last page: on most days that is the only one, and no page then has to make room for
    notes before it is known which words stand on it.
    """
    if limit < LEAST_LIMIT:
        raise ValueError(f"a page needs at least {LEAST_LIMIT} units, not {limit}")
    heading = _one_line(excerpt.heading) or escape_markdown(_one_line(reading_title))
    first = f"## {shorten(heading, limit // 3)}"
    later = f"-# {shorten(heading, limit // 3)}, continued"
    signed = escape_markdown(shorten(_one_line(byline), MOST_BYLINE_UNITS))
    where = shorten(signed, limit // 5) + " · " if signed else ""
    footer = f"-# {where}day {day} of {total}"
    blocks = _blocks(excerpt, restored, reason)

    bodies = _flow(blocks, limit - utf16_len(first + footer), limit - utf16_len(first + footer))
    if len(bodies) == 1:
        return (Page(header=first, body=bodies[0], footer=footer),)
    digits = 1
    while True:
        numbered = utf16_len(footer + " · page  of ") + 2 * digits
        bodies = _flow(blocks, limit - utf16_len(first) - numbered, limit - utf16_len(later) - numbered)
        if len(str(len(bodies))) <= digits:
            break
        digits += 1
    return tuple(
        Page(
            header=first if number == 1 else later,
            body=body,
            footer=f"{footer} · page {number} of {len(bodies)}",
        )
        for number, body in enumerate(bodies, 1)
    )


def _flow(blocks: list[_Block], first_room: int, room: int) -> list[tuple[str, ...]]:
    """The blocks' texts over pages, each page filled to at most its room."""
    bodies: list[list[str]] = [[]]
    left = first_room
    for block in blocks:
        text = block.text
        while text:
            end = reach(text, left, len(block.prefix))
            if end < len(text) and bodies[-1] and left < room // 5:
                bodies.append([])
                left = room
                continue
            piece, text = _take(text, end)
            shown = "\n".join(block.prefix + line for line in piece.split("\n"))
            bodies[-1].append(shown)
            left -= utf16_len(shown)
            if text:
                bodies.append([])
                left = room
    return [tuple(body) for body in bodies]


def _take(text: str, end: int) -> tuple[str, str]:
    if end == len(text):
        return text, ""
    at, following = cut(text, end)
    rest = text[following:]
    return text[:at], rest if "\n" in text[at:following] else escape_line_start(rest)


def _blocks(excerpt: Excerpt, restored: Sequence[Restored], reason: str | None) -> list[_Block]:
    texts = [_without_heading(excerpt.comment, excerpt.heading), excerpt.quote, excerpt.remark]
    notes: list[str] = []
    for number, word in enumerate(dict.fromkeys((item.written, item.word) for item in restored), 1):
        mark = str(number).translate(_SUPERSCRIPTS)
        _mark_first(texts, word[1], mark)
        notes.append(_footnote(mark, *word, reason))
    blocks = [
        _Block("", texts[0]),
        _Block("> ", texts[1]),
        _Block("", texts[2]),
        _Block("-# ", "\n".join(notes)),
    ]
    return [block for block in blocks if block.text]


def _without_heading(comment: str, heading: str) -> str:
    """The comment without a line above the quote that only says the heading again."""
    first, _, rest = comment.partition("\n")
    repeated = heading and first.rstrip().endswith(":") and first.rstrip().rstrip(":").rstrip() == heading
    return rest.strip() if repeated else comment


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_IN_WORD = r"[\p{L}\p{M}\p{Nd}]"
_MARKS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_SENTENCE_END = regex.compile(
    rf"(?:[.!?…]+[\"'”’»)\]*_]*(?=[{_MARKS}˒]*(?:\s|$))|(?=[{_MARKS}˒]*(?:\n|$)))[{_MARKS}˒]*"
)


def _mark_first(texts: list[str], word: str, mark: str) -> None:
    """Put the footnote's mark at the end of the sentence in which the word first stands.

    Not behind the word itself: what was restored should read, and be found, as if it had never been hidden.
    The quote goes first, then comment and remark.
    """
    whole = regex.compile(rf"(?<!{_IN_WORD}){regex.escape(word)}(?!{_IN_WORD})")
    for index in (1, 0, 2):
        text = texts[index]
        if found := whole.search(text):
            end = _SENTENCE_END.search(text, found.end())
            at = end.end() if end else len(text)
            joined = f"˒{mark}" if text[at - 1] in _MARKS else mark
            texts[index] = text[:at] + joined + text[at:]
            return


def _footnote(mark: str, written: str, word: str, reason: str | None) -> str:
    told = f"{mark} “{escape_markdown(word)}” is written {escape_markdown(_one_line(written))} in the source"
    if not reason or not reason.strip():
        return f"{told}."
    ended = escape_markdown(_one_line(reason))
    return f"{told}: {ended}" if ended.endswith((".", "!", "?", "…")) else f"{told}: {ended}."


def _one_line(text: str) -> str:
    return " ".join(text.split())


_INVISIBLE = regex.compile(r"[[\p{Cf}\p{Co}\p{Cn}]--[\u200c\u200d]]", regex.V1)
_VISIBLE = regex.compile(r"[[\p{L}\p{N}\p{P}\p{S}]--[\u115f\u1160\u2800\u3164\uffa0]]", regex.V1)


def thread_name(excerpt: Excerpt, *, day: int, total: int, reading_title: str) -> str:
    """A name of at most 100 UTF-16 units for the excerpt's thread, never blank."""
    lines = [excerpt.heading, *excerpt.comment.split("\n"), *excerpt.quote.split("\n"), reading_title]
    plain = [_name(strip_markdown(line)) for line in lines[:-1]] + [_name(reading_title)]
    number = f"{day}/{total} · "
    for candidate in plain:
        if _VISIBLE.search(candidate):
            return number + shorten(candidate, MOST_NAME_UNITS - utf16_len(number))
    return f"Day {day} of {total}"


def _name(text: str) -> str:
    visible = _INVISIBLE.sub("", CONTROL.sub(" ", text))
    return _one_line(visible).strip("\u200c\u200d").rstrip(": ")


def byline(author: str | None, source: str | None, title: str) -> str:
    """Who speaks, in what, found where: one plain line of at most 300 UTF-16 units."""
    parts = [_one_line(part) for part in (author, title, source) if part and part.strip()]
    return shorten(" · ".join(parts), MOST_BYLINE_UNITS)
