"""/reading: the library of a server."""

import asyncio
import io
from pathlib import PurePath

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Applecore
from bot.club import library, wording
from bot.club.layout import notice_layout
from bot.errors import ApplecoreError
from bot.reading.importers import import_file
from bot.reading.markdown import render
from bot.reading.models import Reading
from bot.reading.splitting import shorten, utf16_len
from bot.storage import clubs
from cogs.club.choosing import Interaction, guild_of, is_manager, reading_choices, require_manager

MOST_BYTES = 4 * 1024 * 1024
"""An attached file's size: ours; Discord allows 10 MiB."""

TYPES = {".md", ".markdown", ".txt", ".epub"}


class ReadingCog(commands.GroupCog, group_name="reading", group_description="What there is to read"):
    """Lists, shows and imports readings."""

    @app_commands.command(name="list", description="What this server can read")
    async def list_(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        async with interaction.client.database.read() as conn:
            shelf = await library.books(conn, guild_of(interaction).id)
        lines = [
            f"- **{wording.plain(book.title)}**{f', {wording.plain(book.author)}' if book.author else ''} "
            f"({_excerpts(book.total)})"
            for book in shelf
        ]
        text = "## What we can read\n\n" + "\n".join(lines)
        tail = "\n\n-# `/reading show` says more about one; whoever manages the clubs adds more with `/reading import`."
        await interaction.followup.send(view=notice_layout(_cut(text, 4000 - len(tail)) + tail), ephemeral=True)

    @app_commands.command(description="Where a reading comes from, and what is in it")
    @app_commands.describe(reading="The reading")
    @app_commands.autocomplete(reading=reading_choices)
    async def show(self, interaction: Interaction, reading: str) -> None:
        await interaction.response.defer(ephemeral=True)
        guild = guild_of(interaction)
        async with interaction.client.database.read() as conn:
            book = await library.find(conn, guild.id, reading)
            loaded = await library.load(conn, guild.id, book)
            manages = await is_manager(interaction, conn)
        await interaction.followup.send(view=notice_layout(_described(loaded)), ephemeral=True)
        if not manages:  # what is still to come is the club's to post
            return
        file = discord.File(io.BytesIO(render(loaded).encode()), f"{book.key.partition(':')[2]}.md")
        await interaction.followup.send(
            "The whole reading, as a file that `/reading import` takes:", file=file, ephemeral=True
        )

    @app_commands.command(
        name="import", description="Add a reading from a file: Markdown, plain text, forum post or EPUB"
    )
    @app_commands.describe(file="A .md, .txt or .epub file", title="Its title (default: the file's own)")
    async def import_(
        self,
        interaction: Interaction,
        file: discord.Attachment,
        title: app_commands.Range[str, 1, 200] | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        bot, guild, now = interaction.client, guild_of(interaction), interaction.client.clock()
        async with bot.database.read() as conn:
            await require_manager(interaction, conn)
        _check_file(file)
        data = await file.read()
        # Parsing a book takes seconds of computing; the gateway must not wait for it.
        reading = await asyncio.to_thread(import_file, data, file.filename, title=title)
        async with bot.database.write() as conn:
            stored = await library.add(conn, guild.id, reading, by=interaction.user.id, at=now)
            reading_it = [
                club
                for club in await clubs.in_guild(conn, guild.id)
                if club.reading_id != stored.id and await library.same_title(conn, club, stored)
            ]
        text = f"Added **{wording.plain(stored.title)}**: {_excerpts(stored.total)}."
        if stored.revision > 1:
            text += " New clubs read it instead of the earlier text of that title."
        if reading_it:
            places = ", ".join(f"<#{club.channel_id}>" for club in reading_it)
            text += f" The club in {places} keeps the text it began with; `/club edit reading:` begins the new one."
        else:
            text += " `/club setup` starts a club with it; `/reading show` lets you check it first."
        await interaction.followup.send(text, ephemeral=True)


def _check_file(file: discord.Attachment) -> None:
    suffix = PurePath(file.filename).suffix.lower()
    if suffix not in TYPES:
        raise ApplecoreError(
            f"I cannot read {suffix or 'a file without an ending'}. Give me a .md, .txt or .epub file."
        )
    if file.size > MOST_BYTES:
        raise ApplecoreError(f"That file has {file.size / 1048576:.1f} MiB; the most I take is {MOST_BYTES >> 20} MiB.")


def _excerpts(count: int) -> str:
    return "1 excerpt" if count == 1 else f"{count} excerpts"


def _described(reading: Reading) -> str:
    facts = {
        "Author": reading.author,
        "Translator": reading.translator,
        "Source": reading.source,
        "Licence": reading.licence,
        "Restored": _restored(reading),
    }
    parts = [f"## {wording.plain(reading.title)}"]
    parts.append("\n".join(f"**{name}:** {value}" for name, value in facts.items() if value))
    parts.append(shorten(reading.introduction, 1000))
    contents = [
        f"{number}. {wording.plain(excerpt.heading) or wording.plain(excerpt.quote.splitlines()[0])[:80]}"
        for number, excerpt in enumerate(reading.excerpts, start=1)
    ]
    parts.append(f"**{_excerpts(len(contents))}**\n" + "\n".join(contents))
    return _cut("\n\n".join(part for part in parts if part), 4000)


def _restored(reading: Reading) -> str | None:
    if not reading.workarounds:
        return None
    taken_out = ", ".join(f"“{wording.plain(word)}”" for word in reading.workarounds)
    return f"words that were written round a filter are shown with {taken_out} taken out"


def _cut(text: str, limit: int) -> str:
    """Whole lines within ``limit`` UTF-16 units; the file that goes with it has everything."""
    if utf16_len(text) <= limit:
        return text
    lines = text.split("\n")
    kept: list[str] = []
    room = limit - len(f"\n… and {len(lines)} more")
    for line in lines:
        room -= utf16_len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, f"… and {len(lines) - len(kept)} more"])


async def setup(bot: Applecore) -> None:
    await bot.add_cog(ReadingCog())
