"""A member's thought as the bot posts it: a line that names the member, and below it their words as a quotation.

Only our own messages are ever read back, so nobody can lend another member words: a member's text stands behind
``> `` on every line, and the line that names the member is the first.
"""

import re
from dataclasses import dataclass

import discord
import regex

from bot.reading.splitting import utf16_len
from bot.reading.text import unify_newlines

MESSAGE_UNITS = 2000
"""What a message's content may have at most (resources/message.mdx), counted as UTF-16 units."""

MOST_TYPED = 1900
"""Code points that the modal takes: with some lines and emoji, what is posted still fits in most cases."""

_FORM = re.compile(r"-# <@(?P<author>\d{1,20})>'s thought\n(?P<quotation>>[^\n]*(?:\n>[^\n]*)*)")
_BREAK = regex.compile(r"[\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = regex.compile(r"[[\p{Cc}\p{Cs}]--[\n\t]]", regex.V1)
_VISIBLE = regex.compile(r"[^\s\p{C}\p{M}\u115f\u1160\u2800\u3164\uffa0]")


@dataclass(frozen=True, slots=True)
class Thought:
    author_id: int
    text: str
    """As the member wrote it, without the marks of the quotation."""


def cleaned(text: str) -> str:
    """The member's words without control characters, every kind of line end a line feed; "" if nothing shows."""
    whole = _CONTROL.sub("", _BREAK.sub("\n", unify_newlines(text))).strip()
    return whole if _VISIBLE.search(whole) else ""


def thought_content(author_id: int, text: str) -> str:
    """The message's content; may be longer than Discord takes, see :func:`too_long`. ``text`` is :func:`cleaned`."""
    return f"-# <@{author_id}>'s thought\n{quoted(text)}"


def quoted(text: str) -> str:
    """Every line behind a mark of quotation, so that none can stand outside of it."""
    return "\n".join(f"> {line}" for line in text.split("\n"))


def too_long(content: str) -> int:
    """By how many UTF-16 units the content is longer than a message may be; 0 if it is not."""
    return max(0, utf16_len(content) - MESSAGE_UNITS)


def parse_thought(content: str) -> Thought | None:
    """Reads :func:`thought_content` back. Only for messages of which it is certain that we sent them."""
    match = _FORM.fullmatch(content)
    if match is None:
        return None
    lines = match["quotation"].split("\n")
    return Thought(int(match["author"]), "\n".join(line.removeprefix(">").removeprefix(" ") for line in lines))


def thought_author_of(content: str) -> int | None:
    """Whose thought one of our own messages is, by its content; None where it is none."""
    thought = parse_thought(content)
    return None if thought is None else thought.author_id


def thought_author(message: discord.Message, me: int) -> int | None:
    """Whose thought a message is; None where it is none, whoever made it look like one. ``me`` is our user id."""
    thought = thought_in(message, me)
    return None if thought is None else thought.author_id


def thought_in(message: discord.Message, me: int) -> Thought | None:
    """The thought that one of our own messages holds."""
    ours = message.author.id == me and message.type is discord.MessageType.default and message.webhook_id is None
    return parse_thought(message.content) if ours else None
