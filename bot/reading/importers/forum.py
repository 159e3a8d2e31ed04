"""A forum post that quotes a text and comments on it: each paragraph is a line.

A quote begins with ``>`` or stands wholly inside one pair of quotation marks; everything else is comment.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import regex

from bot.reading.importers.blocks import Block, assemble
from bot.reading.models import Excerpt, Reading
from bot.reading.splitting import SENTENCE, shorten
from bot.reading.text import QUOTE_MARKS, escape_markdown

MOST_HEADING = 80
_FAMILIES = ('"“”„‟＂', "'‘’‚‛＇", "«»", "‹›", "「」", "『』")
_OPENING, _CLOSING = "“„‟«‘‚‛‹「『", "”»’›」』"
_OPENS = regex.compile(r"^(?:>\s?)+")


def is_forum_post(text: str) -> bool:
    """Whether the text quotes with comments between, rather than being a story in which people talk."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if any(line.startswith(">") and _block(line).text for line in lines):
        return True
    quotes = [line for line in lines if unquoted(line) is not None]
    if not quotes or len(quotes) == len(lines) or len(lines) > 200:
        return False
    long = median(len(quote) for quote in quotes) >= 80
    return long or (len(lines) <= 20 and len(quotes) * 4 >= len(lines))


def read(text: str, title: str) -> Reading:
    blocks = [block for line in text.split("\n") if (block := _block(line.strip())).text]
    comments = [block.text for block in blocks if block.kind == "comment"]
    quotes = [block.text for block in blocks if block.kind == "quote"]
    declared = declarations(comments, quotes)
    insertions = tuple(dict.fromkeys(word for found in declared for word in found.words))
    introduction, excerpts = assemble(blocks)
    return Reading(
        title=title,
        workarounds=insertions,
        workaround_reason=shorten(declared[0].reason, 300) if declared else None,
        introduction=escape_markdown(introduction, insertions),
        excerpts=tuple(_finished(excerpt, declared, insertions) for excerpt in excerpts),
    )


def _block(line: str) -> Block:
    marker = _OPENS.match(line)
    text = line[marker.end() :].strip() if marker else line
    inside = unquoted(text)
    if inside is not None:
        return Block("quote", inside)
    return Block("quote" if marker else "comment", text)


def unquoted(paragraph: str) -> str | None:
    """What stands inside the pair of quotation marks round the whole paragraph, if there is one."""
    opener = paragraph[:1]
    family = next((marks for marks in _FAMILIES if opener and opener in marks), None)
    if family is None or len(paragraph) < 3 or paragraph[-1] not in family:
        return None
    depth = 1
    for index in range(1, len(paragraph) - 1):
        if paragraph[index] in family:
            depth += _turn(paragraph, index, opener)
            if depth == 0:
                return None
    if paragraph[-1] in _OPENING and opener not in "„‚»":
        return None
    return paragraph[1:-1].strip() or None


def _turn(text: str, index: int, opener: str) -> int:
    """1 where the mark opens, -1 where it closes, 0 where it is an apostrophe or stands inside a word."""
    mark, before, after = text[index], text[index - 1], text[index + 1]
    if before.isalnum() and after.isalnum():
        return 0
    if mark in _OPENING:
        return -1 if opener in "„‚" and mark in "“‘" else 1
    if mark in _CLOSING:
        return -1
    return 1 if before.isspace() or before in "([{—–-" + QUOTE_MARKS else -1


@dataclass(frozen=True, slots=True)
class Declaration:
    """Where a commentator says what was inserted, and why."""

    words: tuple[str, ...]
    reason: str
    """Without its parentheses and final full stop."""
    written: str
    """As it stands in the comment, parentheses included."""


MOST_DECLARATIONS = 20
_VERB = regex.compile(r"\b(?:insert|add|put|us(?:e|ed|ing)\b|writ|wrote|typ|stuck|stick|split|break|broke)", regex.I)
_WHY = regex.compile(
    r"censor|filter|block|bann|moderat|automod|profan|swear|reject|refus|bleep|allow|\bbot\b|\brules?\b",
    regex.I,
)
_MARKS = rf"{QUOTE_MARKS}*_`~\[\](){{}}<>"
_MARKED = regex.compile(rf"[{_MARKS}]([^{_MARKS}\n]{{1,40}})[{_MARKS}]")
_MARKED_IN_WORD = regex.compile(rf"(?<=\p{{L}}\p{{M}}*+)[{_MARKS}]([^{_MARKS}\n]{{1,40}})[{_MARKS}](?=\p{{L}})")
_PARENTHESES = regex.compile(r"\([^()\n]*+(?:\([^()\n]*+\)[^()\n]*+)*+\)\.?")


def declarations(comments: list[str], quotes: list[str]) -> list[Declaration]:
    """What the comments say was inserted, as far as it really stands inside a word of a quote."""
    inserted = {match[1].casefold() for quote in quotes for match in _MARKED_IN_WORD.finditer(quote, overlapped=True)}
    found: list[Declaration] = []
    for told in (statement for comment in comments for statement in _statements(comment)):
        verb = _VERB.search(told)
        if verb is None or not _WHY.search(told):
            continue
        marked = (match[1] for match in _MARKED.finditer(told, verb.end(), overlapped=True))
        words = tuple(dict.fromkeys(word for word in marked if word.casefold() in inserted))
        if words:
            found.append(Declaration(words, _bare(told.strip()), told))
    return found[:MOST_DECLARATIONS]


def _statements(comment: str) -> list[str]:
    """Remarks in parentheses, and the sentences outside them."""
    asides = [match.group() for match in _PARENTHESES.finditer(comment) if " " in match.group()]
    rest = _PARENTHESES.sub(lambda match: "\n" if " " in match.group() else match.group(), comment)
    starts = [0, *(match.end() for match in SENTENCE.finditer(rest)), len(rest)]
    sentences = [rest[start:end] for start, end in pairwise(starts)]
    return asides + [part for sentence in sentences for part in sentence.split("\n") if part.strip()]


def _bare(told: str) -> str:
    told = told.removesuffix(".")
    if told.startswith("(") and told.endswith(")"):
        told = told[1:-1].strip().removesuffix(".")
    return told.strip()


def _finished(excerpt: Excerpt, declared: list[Declaration], insertions: tuple[str, ...]) -> Excerpt:
    """The excerpt as Markdown that shows the post's text literally, with a heading from a short comment."""
    return Excerpt(
        heading=escape_markdown(_heading(excerpt.comment, declared)),
        comment=escape_markdown(excerpt.comment, insertions),
        quote=escape_markdown(excerpt.quote, insertions),
        remark=escape_markdown(excerpt.remark, insertions),
    )


def _heading(comment: str, declared: list[Declaration]) -> str:
    """The last sentence of the comment when it is short and ends with a colon."""
    for declaration in declared:
        comment = comment.replace(declaration.written, "")
    comment = comment.strip()
    starts = [0, *(match.end() for match in SENTENCE.finditer(comment))]
    last = comment[starts[-1] :].strip()
    if not last.endswith(":") or len(last) > MOST_HEADING:
        return ""
    return re.sub(r"\s*:+$", "", last)
