"""Messages as Components V2 layouts. Each carries a marker: the id of its container, by which we know it again."""

import re
from collections.abc import Iterator, Sequence

import discord
from discord import ui

from bot.club.excerpts import LaidOut
from bot.reading.pages import MOST_UNITS
from bot.reading.splitting import utf16_len

ACCENT = discord.Colour(0x8A2B3C)
"""The red of an apple, dark enough for both of Discord's themes."""

PAGE_ID = "applecore:page:{reading}:{position}:{page}"
"""The custom id of a page button: which page of which excerpt it turns to."""
PAGE_TEMPLATE = r"applecore:page:(?P<reading>\d+):(?P<position>\d+):(?P<page>\d+)"

THOUGHT_ID = "applecore:thought:{post}"
"""The custom id of the button under a post with which members say what they think; ``post`` is its ``outgoing.id``."""
THOUGHT_TEMPLATE = r"applecore:thought:(?P<post>\d+)"

NEXT_READING_ID = "applecore:next-reading:{club}"
NEXT_READING_TEMPLATE = r"applecore:next-reading:(?P<club>\d+)"


def layout(*items: ui.Item[ui.LayoutView]) -> ui.LayoutView:
    """A layout that discord.py sends but does not listen to.

    Its buttons are answered by ``DynamicItem`` classes, so that they work after a restart, and a view that is
    finished before it is sent is not kept in memory for each message.
    """
    view = ui.LayoutView(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


def excerpt_layout(
    laid_out: LaidOut,
    page: int,
    *,
    marker: int | None = None,
    ping_role_id: int | None = None,
    post_id: int | None = None,
) -> ui.LayoutView:
    """One page of an excerpt with its page buttons; ``page`` is counted from 0 and brought into range.

    With ``post_id`` it has the button with which members answer that post.
    """
    page = min(max(page, 0), len(laid_out.pages) - 1)
    shown = laid_out.pages[page]
    texts: list[ui.Item[ui.LayoutView]] = [ui.TextDisplay(shown.header)]
    for index, block in enumerate(shown.body):
        if index:
            texts.append(ui.Separator(visible=False))
        texts.append(ui.TextDisplay(block))
    texts += [ui.Separator(), ui.TextDisplay(shown.footer)]
    items: list[ui.Item[ui.LayoutView]] = []
    if ping_role_id is not None:
        items.append(ui.TextDisplay(f"<@&{ping_role_id}>"))
    items.append(ui.Container(*texts, accent_colour=ACCENT, id=marker))
    buttons = list(_page_buttons(laid_out, page))
    if post_id is not None:
        custom_id = THOUGHT_ID.format(post=post_id)
        buttons.append(ui.Button(label="My thought", style=discord.ButtonStyle.primary, custom_id=custom_id))
    if buttons:
        items.append(ui.ActionRow(*buttons))
    return layout(*items)


def _page_buttons(laid_out: LaidOut, page: int) -> Iterator[ui.Button[ui.LayoutView]]:
    for label, target in (("Previous page", page - 1), ("Next page", page + 1)):
        if 0 <= target < len(laid_out.pages):
            custom_id = PAGE_ID.format(reading=laid_out.reading_id, position=laid_out.position, page=target)
            yield ui.Button(label=label, style=discord.ButtonStyle.secondary, custom_id=custom_id)


def notice_layout(
    text: str, *, marker: int | None = None, buttons: Sequence[ui.Button[ui.LayoutView]] = ()
) -> ui.LayoutView:
    """A short message of ours; ``text`` is Markdown and must be within Discord's 4,000."""
    container: ui.Container[ui.LayoutView] = ui.Container(ui.TextDisplay(text), accent_colour=ACCENT, id=marker)
    if buttons:
        container.add_item(ui.ActionRow(*buttons))
    return layout(container)


def gathered(texts: Sequence[str], limit: int = MOST_UNITS) -> list[str]:
    """Joins texts, a line each, into as few messages of at most ``limit`` UTF-16 units as they need."""
    messages = [""]
    for text in texts:
        joined = f"{messages[-1]}\n{text}" if messages[-1] else text
        if utf16_len(joined) <= limit:
            messages[-1] = joined
        else:
            messages.append(text)
    return messages


def next_reading_button(club_id: int) -> ui.Button[ui.LayoutView]:
    return ui.Button(
        label="Choose the next reading",
        style=discord.ButtonStyle.primary,
        custom_id=NEXT_READING_ID.format(club=club_id),
    )


def answered_post(message: discord.Message) -> int | None:
    """The post that the message's button "My thought" answers; None where it has none."""
    rows = (part for part in message.components if isinstance(part, discord.ActionRow))
    buttons = (child for row in rows for child in row.children if isinstance(child, discord.Button))
    found = (re.fullmatch(THOUGHT_TEMPLATE, button.custom_id or "") for button in buttons)
    return next((int(match["post"]) for match in found if match), None)


def marker_of(message: discord.Message) -> int | None:
    """The marker of a message that we sent, if it has one."""
    return next((part.id for part in message.components if isinstance(part, discord.Container)), None)


def carries(message: discord.Message, marker: int) -> bool:
    """Whether a message is the one that we sent with this marker."""
    return any(isinstance(part, discord.Container) and part.id == marker for part in message.components)
