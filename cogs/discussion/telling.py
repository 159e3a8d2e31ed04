"""/discussion digest, stats and mine."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.club import wording
from bot.club.layout import notice_layout
from bot.discussion.digests import compose, digest_layout, post_digest, reading_digest
from bot.errors import ApplecoreError
from bot.reading.digest import longest_run
from bot.reading.digest_wording import member_text, regulars_text
from bot.storage import digests, members
from bot.storage.database import Connection
from bot.storage.digests import ClubRun, PostedExcerpt
from cogs.club.choosing import Interaction, guild_of, require_manager
from cogs.discussion.choosing import excerpt_choices, pick_excerpt, pick_run, run_choices

WHICH_READING = "Which reading (default: the latest of this channel)"
OWN_REPLIES = 10
"""How many of a member's replies are named to them."""


class Telling(commands.Cog):
    """What was said, in figures and a picture."""

    @app_commands.command(description="What an excerpt brought: people, replies, reactions, and a picture")
    @app_commands.describe(
        excerpt="Which excerpt (default: that of this thread, else the latest that was talked about)",
        public="Show it to everybody here; for those who manage the clubs",
    )
    @app_commands.autocomplete(excerpt=excerpt_choices)
    async def digest(self, interaction: Interaction, excerpt: str | None = None, public: bool = False) -> None:
        await interaction.response.defer(ephemeral=True)
        bot, guild = interaction.client, guild_of(interaction)
        await bot.collector.flush()
        async with bot.database.snapshot() as conn:
            post = await pick_excerpt(interaction, conn, excerpt)
            if public:
                await require_manager(interaction, conn)
                _check_place(interaction, post)
            digest = await post_digest(conn, post.post_id)
        if digest is None:
            raise ApplecoreError(f"Nobody has said anything about excerpt {post.position + 1} yet.")
        composed = await compose(digest, guild_id=guild.id)
        if public:
            # The answer to a command that was deferred privately stays private; what follows it need not.
            await interaction.followup.send("Here it is, for everybody:", ephemeral=True)
        view = digest_layout(composed)
        await interaction.followup.send(view=view, file=composed.file(), ephemeral=not public)

    @app_commands.command(description="What a whole reading brought, excerpt by excerpt, and its regulars")
    @app_commands.describe(reading=WHICH_READING)
    @app_commands.autocomplete(reading=run_choices)
    async def stats(self, interaction: Interaction, reading: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        bot, guild = interaction.client, guild_of(interaction)
        await bot.collector.flush()
        async with bot.database.snapshot() as conn:
            run = await pick_run(interaction, conn, reading)
            digest = await reading_digest(conn, run.club_id, run.run)
            regulars = await _regulars(conn, guild.id, run)
        if digest is None:
            raise ApplecoreError(f"Nobody has said anything about **{wording.plain(run.title)}** yet.")
        composed = await compose(digest, guild_id=guild.id)
        await interaction.followup.send(view=digest_layout(composed), file=composed.file(), ephemeral=True)
        if regulars:
            await interaction.followup.send(view=notice_layout(regulars), ephemeral=True)

    @app_commands.command(description="What you said and what it brought; only you see it")
    @app_commands.describe(reading=WHICH_READING)
    @app_commands.autocomplete(reading=run_choices)
    async def mine(self, interaction: Interaction, reading: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        bot, guild, member_id = interaction.client, guild_of(interaction), interaction.user.id
        await bot.collector.flush()
        async with bot.database.snapshot() as conn:
            run = await pick_run(interaction, conn, reading)
            posts = await digests.posts(conn, run.club_id, run.run)
            talk = await digests.of_member(conn, member_id, posts, OWN_REPLIES)
            counted = (await members.consent(conn, guild.id, member_id)).streaks
        if not talk.replies and not talk.given:
            raise ApplecoreError(
                f"I know of nothing that you said about **{wording.plain(run.title)}**. "
                "Reply in an excerpt's thread, or react to it."
            )
        streak = longest_run([post.position for post in posts], talk.positions) if counted else None
        text = member_text(run.title, talk, streak, posted=len(posts), guild_id=guild.id)
        if not counted:
            text += "\n-# Your streak is not counted, since you have not asked for that with `/privacy streaks`."
        await interaction.followup.send(view=notice_layout(text), ephemeral=True)


def _check_place(interaction: Interaction, post: PostedExcerpt) -> None:
    """What was said in a channel is shown to those who can read it there, and to nobody else."""
    channel = interaction.channel
    here = channel.parent_id if isinstance(channel, discord.Thread) else interaction.channel_id
    if here != post.channel_id:
        raise ApplecoreError(
            f"Please do that in <#{post.channel_id}> or one of its threads: not everybody here may read there."
        )


async def _regulars(conn: Connection, guild_id: int, run: ClubRun) -> str:
    """Empty where nobody who agreed to be named has replied to two excerpts in a row."""
    posts = await digests.posts(conn, run.club_id, run.run)
    replied = await digests.regulars(conn, guild_id, [post.post_id for post in posts])
    positions = [post.position for post in posts]
    streaks = []
    for member, post_ids in replied.items():
        streak = longest_run(positions, {post.position for post in posts if post.post_id in post_ids})
        if streak is not None and streak.length > 1:
            streaks.append((member, streak))
    return regulars_text(sorted(streaks, key=lambda each: (-each[1].length, each[0]))) if streaks else ""
