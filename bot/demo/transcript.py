"""Messages as a terminal shows them, read back from what stands in the channels."""

import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime

import discord

from bot.demo.world import World

WIDTH = 96
"""Columns of the terminal that are used."""


def text_of(message: discord.Message) -> str:
    """All texts of a message, in order, as Discord Markdown."""
    return "\n".join(_parts(message))


def _parts(message: discord.Message) -> list[str]:
    return [part for part in (message.content, *_texts(message.components)) if part]


def _texts(components: object) -> Iterator[str]:
    if isinstance(components, discord.TextDisplay):
        yield components.content
    elif isinstance(components, (list, tuple)):
        for component in components:
            yield from _texts(component)
    elif isinstance(components, discord.Container):
        yield from _texts(components.children)


def buttons_of(message: discord.Message) -> list[str]:
    """The labels of the buttons under a message."""
    return [
        child.label or ""
        for row in _rows(message.components)
        for child in row.children
        if isinstance(child, discord.Button)
    ]


def pictures_of(message: discord.Message) -> list[discord.MediaGalleryItem]:
    """The pictures that a message shows among its texts."""
    return list(_pictures(message.components))


def _pictures(components: object) -> Iterator[discord.MediaGalleryItem]:
    if isinstance(components, discord.MediaGalleryComponent):
        yield from components.items
    elif isinstance(components, (list, tuple)):
        for component in components:
            yield from _pictures(component)
    elif isinstance(components, discord.Container):
        yield from _pictures(components.children)


def _rows(components: object) -> Iterator[discord.ActionRow]:
    if isinstance(components, discord.ActionRow):
        yield components
    elif isinstance(components, (list, tuple)):
        for component in components:
            yield from _rows(component)
    elif isinstance(components, discord.Container):
        yield from _rows(components.children)


def shown(world: World, message: discord.Message, indent: int = 2) -> str:
    """One message with its author, its pictures in words, its reactions and its buttons, wrapped and indented."""
    local = message.created_at.astimezone(world.today().tzinfo)
    lines = [f"{' ' * indent}{message.author.display_name}, {local:%H:%M}"]
    lines += indented(plain(world, "\n\n".join(_parts(message))), indent + 2)
    for picture in pictures_of(message):
        lines += ["", *indented(f"[Picture: {picture.description}]", indent + 2)]
    marks = [f"{reaction.emoji} {reaction.count}" for reaction in message.reactions]
    marks += [f"[{label}]" for label in buttons_of(message)]
    if marks:
        lines += ["", f"{' ' * (indent + 2)}{'   '.join(marks)}"]
    return "\n".join(lines)


def indented(text: str, indent: int) -> list[str]:
    """Lines that fit the terminal; a quoted line keeps its bar."""
    lines = []
    for line in text.splitlines():
        bar = "│ " if line.startswith("│ ") else ""
        lines += textwrap.wrap(
            line.removeprefix(bar),
            WIDTH,
            initial_indent=" " * indent + bar,
            subsequent_indent=" " * indent + bar,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return lines


def plain(world: World, markdown: str) -> str:
    """Discord Markdown without its marks: times, channels and emphasis as a reader sees them."""
    text = re.sub(r"<t:(\d+)(?::(\w))?>", lambda found: _moment(world, int(found[1]), found[2]), markdown)
    text = re.sub(r"(?<!\\)<@(\d+)>", lambda found: f"@{_member(world, int(found[1]))}", text)
    text = re.sub(r"\[([^\[\]\n]+)\]\(https://[^()\s]+\)", r"\1", text)
    text = re.sub(r"<#(\d+)>", lambda found: f"#{_channel(world, int(found[1]))}", text)
    text = re.sub(r"^(-# |#{1,3} )", "", text, flags=re.MULTILINE)
    text = re.sub(r"^> ?", "│ ", text, flags=re.MULTILINE)
    text = re.sub(r"(?<!\\)(\*\*|`)", "", text)
    return re.sub(r"\\([^\w\s])", r"\1", text)


def _moment(world: World, timestamp: int, style: str | None) -> str:
    moment = datetime.fromtimestamp(timestamp, UTC)
    if style == "R":
        hours = round((moment - world.env.now()).total_seconds() / 3600)
        return f"in {hours} hours" if hours >= 0 else f"{-hours} hours ago"
    return f"{moment.astimezone(world.today().tzinfo):%A %d %B, %H:%M}"


def _member(world: World, user_id: int) -> str:
    return next((member.name.capitalize() for member in world.members if member.id == user_id), "somebody")


def _channel(world: World, channel_id: int) -> str:
    channel = world.env.backend.channels.get(channel_id)
    return (channel.name if channel else None) or "deleted-channel"
