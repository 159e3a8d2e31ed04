"""/discussion export: the figures behind the digests, as files."""

import asyncio
import io

import discord
from discord import app_commands
from discord.ext import commands

from bot.discussion.export import Exported, export
from bot.errors import UnavailableError
from bot.reading.digest_wording import counted, people, replies
from bot.storage import clubs
from cogs.club.choosing import WHICH, Interaction, club_choices, pick, require_manager
from cogs.discussion.choosing import excerpt_choices, pick_excerpt


class Exporting(commands.Cog):
    """The command that packs a club's talk up for its managers."""

    def __init__(self) -> None:
        super().__init__()
        self._packing = asyncio.Lock()
        """One at a time: each may hold a hundred megabytes for a moment."""

    @app_commands.command(description="Who replied and reacted to what and when, as CSV and JSON, without names")
    @app_commands.describe(excerpt="One excerpt only", club=WHICH)
    @app_commands.autocomplete(excerpt=excerpt_choices, club=club_choices)
    async def export(self, interaction: Interaction, excerpt: str | None = None, club: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        bot, post_id = interaction.client, None
        async with bot.database.read() as conn:
            await require_manager(interaction, conn)
            if excerpt is not None:
                post = await pick_excerpt(interaction, conn, excerpt)
                chosen, post_id = await clubs.by_id(conn, post.club_id or 0), post.post_id
            else:
                chosen = await pick(interaction, conn, club)
        if chosen is None:
            raise UnavailableError("The club of that excerpt was removed, so there is nothing to export.")
        async with self._packing:
            await bot.collector.flush()
            async with bot.database.snapshot() as conn:
                exported = await export(conn, chosen, at=bot.clock(), post_id=post_id)
            files = [discord.File(io.BytesIO(content), name) for name, content in exported.files.items()]
            await interaction.followup.send(_introduced(exported), files=files, ephemeral=True)


def _introduced(exported: Exported) -> str:
    reactions = counted(exported.reactions, "reaction")
    zipped = " They are zipped, since Discord takes no larger attachment." if "discussion.zip" in exported.files else ""
    return (
        f"Here are {replies(exported.replies)} and {reactions} by {people(exported.members)}.{zipped}\n"
        "-# Members are numbered anew in each export and not named. What they wrote is in it only where this server "
        "keeps text (`/privacy retention`) and they agreed to be quoted (`/privacy quotes`). Whoever has the files can "
        "still look up who wrote a message by its id: keep them as you keep the server."
    )
