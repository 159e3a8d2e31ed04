"""/help, and what happens when the bot comes to a server or leaves it."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Applecore
from bot.club import wording
from bot.club.layout import notice_layout
from bot.club.permissions import NOTICES, missing
from bot.storage import clubs, guilds, outgoing
from bot.storage.records import NewOutgoing, OutgoingKind
from cogs.club.choosing import Interaction, guild_of, is_manager

MEMBERS = """## Reading together
Each day an excerpt is posted, with a thread under it: say there what you think.

- **My thought** under an excerpt says in its thread what you think, in your name.
- **Take back my thought**, in its menu *Apps*, deletes it again.
- **Add to the digest**, in a message's menu *Apps*, picks a reply of yours for the digest of its excerpt.
- `/today` finds today's excerpt and its thread.
- `/excerpt` and `/find` bring back earlier ones, by their number or by what they say.
- `/bookmark` keeps one for you, and `/bookmarks` shows what you keep.
- `/discussion digest` and `/discussion stats` tell what an excerpt or a reading brought, `/discussion mine` your part.
- `/privacy show` shows what I keep about you; `/privacy delete` deletes it, until `/privacy join`.
- `/privacy quotes` and `/privacy streaks` are off: I quote and rank only those who say yes.
- `/reading list` and `/reading show` tell what there is to read and where it comes from.
- `/club status` tells when the next excerpt comes."""

MANAGERS = """## Running a club
- **Begin:** `/club setup` asks for a channel, a reading, a time and a time zone. `/club preview` shows what comes next.
- **Your own text:** `/reading import` takes Markdown, plain text, a forum post or an EPUB.
- **Steer:** `/club pause`, `/club resume`, `/club skip`, `/club post-now`, `/club edit`, `/club remove`.
- **The talk:** `/discussion settings` says what I tell and take on in the threads, `/discussion export` packs it up.
- **Their words:** I keep no text of members, unless you set for how many days with `/privacy retention`.
- **Share the work:** `/club role` lets a role manage the clubs.
- **Something wrong?** `/club status` and `/status` say what, and what to do. `/club refresh` finds talk I missed."""


class GuideCog(commands.Cog):
    """Says where to begin."""

    def __init__(self, bot: Applecore) -> None:
        self.bot = bot

    @app_commands.command(name="help", description="What Applecore does and where to begin")
    async def help_(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        async with interaction.client.database.read() as conn:
            text = MEMBERS
            if await is_manager(interaction, conn):
                begun = await clubs.in_guild(conn, guild_of(interaction).id)
                first = "" if begun else "There is no club here yet: `/club setup` makes the first.\n\n"
                text = f"{first}{MEMBERS}\n\n{MANAGERS}"
        await interaction.followup.send(view=notice_layout(text), ephemeral=True)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        now = self.bot.clock()
        channel = _greeting_channel(guild)
        async with self.bot.database.write() as conn:
            await guilds.joined(conn, guild.id)
            if channel is not None:
                joined = guild.me.joined_at or now
                await outgoing.plan(
                    conn,
                    NewOutgoing(
                        guild_id=guild.id,
                        club_id=None,
                        kind=OutgoingKind.GREETING,
                        key=f"greeting:{guild.id}:{int(joined.timestamp())}",
                        channel_id=channel.id,
                        due_at=now,
                        text=wording.GREETING,
                    ),
                )
        self.bot.engine.poke()

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        async with self.bot.database.write() as conn:
            await guilds.left(conn, guild.id, self.bot.clock())


def _greeting_channel(guild: discord.Guild) -> discord.TextChannel | None:
    """The server's own channel for such messages, else the first in which we may write."""
    candidates = [guild.system_channel] if guild.system_channel else []
    for channel in (*candidates, *guild.text_channels):
        if not missing(channel.permissions_for(guild.me), NOTICES):
            return channel
    return None


async def setup(bot: Applecore) -> None:
    await bot.add_cog(GuideCog(bot))
