""" "My thought" under a post: a member writes in a window, and the bot says it in the thread in their name."""

import asyncio
import io
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

import discord
from discord import ui
from discord.ext import commands

from bot.client import MESSAGE_UNITS, Applecore, answer_error
from bot.club.excerpts import lay_out_excerpt
from bot.club.layout import THOUGHT_ID, THOUGHT_TEMPLATE
from bot.discussion.speaking import Asking
from bot.discussion.thoughts import MOST_TYPED, cleaned, quoted
from bot.errors import ApplecoreError
from bot.reading.splitting import shorten, utf16_len
from bot.storage import discussions, outgoing, readings
from bot.storage.database import Connection
from bot.storage.records import Discussion
from cogs.buttons import FromTemplate, answering_errors
from cogs.club.choosing import Interaction, guild_of

log = logging.getLogger(__name__)

WINDOW_ID = "applecore:say:{thread}"
_WINDOW = re.compile(r"applecore:say:(?P<thread>\d+)")
TEXT_ID = "text"

MOST_TITLE = 45
"""Characters of a modal's title (interactions/receiving-and-responding.mdx)."""

PATIENCE = 1.5
"""Seconds that the server's rules may take before the window opens: Discord wants it within three. They are asked
again when the text is there."""


class ThoughtButton(FromTemplate, ui.DynamicItem[ui.Button[ui.LayoutView]], template=THOUGHT_TEMPLATE):
    """Opens the window, unless the member may say nothing there."""

    def __init__(self, post: str) -> None:
        super().__init__(ui.Button(custom_id=THOUGHT_ID.format(post=post)))
        self.post_id = int(post)

    @answering_errors
    async def callback(self, interaction: discord.Interaction[Applecore]) -> None:  # type: ignore[override]
        speaking, asking = interaction.client.speaking, _asking(interaction)
        async with interaction.client.database.read() as conn:
            found = await self._discussion(conn, interaction)
            discussion = await speaking.require_standing(conn, asking, found)
            name = await _name(conn, discussion)
        try:
            async with asyncio.timeout(PATIENCE):
                await speaking.require_rules(asking, discussion, "")
        except TimeoutError:
            log.debug("the rules of a server take long", extra={"guild_id": asking.guild.id})
        await interaction.response.send_modal(_window(discussion.thread_id, name))

    async def _discussion(self, conn: Connection, interaction: Interaction) -> Discussion | None:
        """A post is known by its own message: its button may come from before the database was restored."""
        message = interaction.message
        if message is not None and (found := await discussions.by_thread(conn, message.id)) is not None:
            return found
        is_copy = message is not None and message.flags.ephemeral  # a later page, shown to this member alone
        return await discussions.by_post(conn, self.post_id) if is_copy else None


def _asking(interaction: Interaction) -> Asking:
    member = interaction.user
    roles = member.roles if isinstance(member, discord.Member) else []
    return Asking(
        guild=guild_of(interaction),
        user_id=member.id,
        role_ids=frozenset(role.id for role in roles),
        permissions=interaction.permissions,
    )


async def _name(conn: Connection, discussion: Discussion) -> str | None:
    """What the post's thread was called, such as "3/12 · Of ants"."""
    post = await outgoing.get(conn, discussion.post_id)
    if post is None or post.reading_id is None:
        return None
    reading = await readings.get(conn, discussion.guild_id, post.reading_id)
    laid_out = await lay_out_excerpt(conn, reading, post.position or 0) if reading else None
    return laid_out.thread_name if laid_out else None


def _window(thread_id: int, name: str | None) -> ui.Modal:
    title = shorten(f"My thought on {name}" if name else "My thought", MOST_TITLE)
    window = ui.Modal(title=title, custom_id=WINDOW_ID.format(thread=thread_id))
    field: ui.TextInput[ui.Modal] = ui.TextInput(
        custom_id=TEXT_ID, style=discord.TextStyle.paragraph, max_length=MOST_TYPED
    )
    window.add_item(
        ui.Label(
            text="What do you think?",
            description="I post it in the thread, as a quotation with your name. Everyone there can read it.",
            component=field,
        )
    )
    window.stop()  # what is typed is answered by the listener below, so that it works after a restart
    return window


class ThoughtsCog(commands.Cog):
    """Takes what was typed into the window."""

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[Applecore]) -> None:
        if interaction.type is not discord.InteractionType.modal_submit:
            return
        data: Mapping[str, Any] = interaction.data or {}
        if match := _WINDOW.fullmatch(data.get("custom_id", "")):
            try:
                await _submitted(interaction, int(match["thread"]), _typed(data))
            except Exception as error:  # noqa: BLE001 - answer_error logs what is not meant for people
                await answer_error(interaction, error)


def _typed(data: Mapping[str, Any]) -> str:
    return next((str(field["value"]) for field in _fields(data) if field.get("custom_id") == TEXT_ID), "")


def _fields(component: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The fields of a window, which may lie in labels or rows."""
    if "value" in component:
        yield component
    inner = [*(component.get("components") or []), *([component["component"]] if component.get("component") else [])]
    for each in inner:
        yield from _fields(each)


async def _submitted(interaction: Interaction, thread_id: int, typed: str) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)
    try:
        # Whatever is repeated on the way to Discord, one window posts one message.
        link = await interaction.client.speaking.say(_asking(interaction), thread_id, typed, nonce=f"t{interaction.id}")
    except Exception as error:
        if not isinstance(error, ApplecoreError):
            log.error("a thought could not be posted", exc_info=error)
        await _give_back(interaction, error, typed)
    else:
        await interaction.followup.send(f"Posted in your name: {link}", ephemeral=True)


async def _give_back(interaction: Interaction, error: Exception, typed: str) -> None:
    """Says what went wrong, and returns the words, so that nothing typed is lost."""
    reason = (
        str(error) if isinstance(error, ApplecoreError) else "Something went wrong on my side, so it was not posted."
    )
    text = f"{reason}\nThis is what you wrote:\n{quoted(cleaned(typed))}"
    if not cleaned(typed):
        await interaction.followup.send(reason, ephemeral=True)
    elif utf16_len(text) <= MESSAGE_UNITS:
        await interaction.followup.send(text, ephemeral=True)
    else:
        file = discord.File(io.BytesIO(typed.encode("utf-8", "replace")), "my-thought.txt")
        await interaction.followup.send(f"{reason}\nThe file has what you wrote.", file=file, ephemeral=True)


async def setup(bot: Applecore) -> None:
    bot.add_dynamic_items(ThoughtButton)
    await bot.add_cog(ThoughtsCog())
